SRCS := src/virtq.c src/virtq_split.c src/virtq_packed.c src/virtq_any.c src/virtq_sg.c src/virtio.c src/virtio_queue.c \
	src/virtio_state.c src/virtio_mmio.c
NEEDS := simple_as irq_controller device state vmm_debug
