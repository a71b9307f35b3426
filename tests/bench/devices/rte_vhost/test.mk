# Only where it is installed; else the program has no cases.
ifneq ($(wildcard /usr/include/dpdk/rte_vhost.h),)
TEST_CFLAGS := -std=gnu11 -D_GNU_SOURCE $(patsubst -I%,-isystem %,$(shell pkg-config --cflags libdpdk))
TEST_LIBS := -lrte_vhost -lrte_eal -lrte_mbuf -lrte_mempool -lrte_ring -lrte_kvargs
endif
