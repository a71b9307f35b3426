# vml's build: one non-recursive makefile. `make help` lists the targets and the variables.
#
# A library is a folder GROUP/NAME with include/, src/ and a lib.mk:
#     SRCS := src/a.c src/b.c     relative to the folder; empty for a library of headers only
#     NEEDS := base vbus          the libraries it uses
#     HOSTED := 1                 only if it needs an operating system (default for platforms but null)
#     LIBS := -lfoo               system libraries, only for hosted ones
# It is compiled with the headers of itself, of what it needs, and of the selected platform and arch.

MAKEFLAGS += --no-builtin-rules --no-builtin-variables
.SUFFIXES:
.DELETE_ON_ERROR:
.SECONDEXPANSION:
.DEFAULT_GOAL := all

empty :=
space := $(empty) $(empty)
comma := ,
define newline


endef

goals := $(or $(MAKECMDGOALS),all)
# Goals that build nothing themselves: no compiler is needed to read the makefile for them.
passive_goals := clean help deps format
building := $(filter-out $(passive_goals),$(goals))

# ---------------------------------------------------------------------------------- selections

HOST_ARCH := $(subst arm64,aarch64,$(subst amd64,x86_64,$(shell uname -m)))
PLATFORM ?= posix
ARCH ?= $(HOST_ARCH)

arch_mks := $(wildcard arch/*/lib.mk)
# A platform is what supplies the platform API; other folders hold back ends for it.
PLATFORMS := $(patsubst platform/%/include/vml/platform_types.h,%,$(wildcard \
	platform/*/include/vml/platform_types.h))
ARCHES := $(patsubst arch/arch_%/lib.mk,%,$(filter-out arch/arch_api/%,$(arch_mks)))

ifneq ($(building),)
ifeq ($(filter $(PLATFORM),$(PLATFORMS)),)
$(error unknown PLATFORM '$(PLATFORM)': choose one of: $(PLATFORMS))
endif
ifeq ($(filter $(ARCH),$(ARCHES)),)
$(error unknown ARCH '$(ARCH)': choose one of: $(ARCHES))
endif
endif

# `make test` and its like install what they need first, and stop with the command to run if they
# may not. Done while reading, because compilers are looked for below. VML_NO_DEPS=1 leaves it out.
deps_of_all := build examples
deps_of_install := build examples
deps_of_test := build test examples run cross
deps_of_test-integration := build test examples run cross
deps_of_examples := build examples
deps_of_check := build test examples check
deps_of_coverage := build test
deps_of_fuzz := build test
deps_of_bench := build test examples run
deps_of_bench-boot := build test examples run
deps_of_doc := build doc
deps_of_run := build examples run
deps_of_size := build cross
deps_of_freestanding := build cross
deps_wanted := $(sort $(foreach g,$(goals),$(deps_of_$g)))
ifneq ($(ARCH),$(HOST_ARCH))
deps_wanted := $(if $(deps_wanted),$(filter-out examples,$(deps_wanted)) cross)
else ifneq ($(PLATFORM),posix)
deps_wanted := $(filter-out examples,$(deps_wanted))
endif
ifeq ($(MAKELEVEL)$(VML_NO_DEPS),0)
ifneq ($(deps_wanted),)
ifneq ($(lastword $(shell tools/deps $(deps_wanted) >&2; echo $$?)),0)
$(error something that '$(goals)' needs is missing)
endif
endif
endif

ifneq ($(ARCH),$(HOST_ARCH))
CROSS_COMPILE ?= $(ARCH)-linux-gnu-
endif
# Also an empty CC means the default, so that a recursive make can ask for another arch's.
ifneq ($(or $(filter default undefined,$(origin CC)),$(if $(CC),,empty)),)
override CC := $(CROSS_COMPILE)gcc
endif
ifneq ($(filter default undefined,$(origin AR)),)
AR := $(CROSS_COMPILE)ar
endif
SIZE ?= $(CROSS_COMPILE)size
PREFIX ?= /usr/local
WERROR ?= 0

ifneq ($(building),)
cc_id := $(shell $(CC) --version 2>/dev/null)
ifeq ($(cc_id),)
$(error no compiler '$(CC)' for ARCH=$(ARCH); compilers here: \
$(or $(sort $(notdir $(wildcard $(foreach d,$(subst :, ,$(PATH)),$d/gcc $d/clang $d/*-linux-gnu-gcc)))),none); \
'tools/deps $(if $(CROSS_COMPILE),cross,build)' installs it)
endif
cc_is_clang := $(if $(findstring clang,$(cc_id)),1)
ifneq ($(cc_is_clang),)
ifneq ($(ARCH),$(HOST_ARCH))
cc_target := --target=$(ARCH)-linux-gnu
endif
endif
endif

flavour := $(if $(cc_is_clang),-clang)$(if $(filter 1,$(DEBUG)),-debug)
flavour := $(flavour)$(if $(SANITIZE),-$(subst $(comma),-,$(SANITIZE)))
flavour := $(flavour)$(if $(filter 1,$(COVERAGE)),-coverage)$(if $(filter 1,$(FUZZER)),-fuzzer)
flavour := $(flavour)$(if $(filter 1,$(WERROR)),-werror)$(if $(TAG),-$(TAG))
B := build/$(PLATFORM)-$(ARCH)$(flavour)
OBJ := $(B)/obj

ifeq ($(V),1)
Q :=
say := @:
else
Q := @
say = @printf '  %-7s %s\n'
endif

# --------------------------------------------------------------------------------------- flags

warnings := -Wall -Wextra -Wpedantic -Wshadow
lib_warnings := $(warnings) -Wconversion -Wmissing-prototypes -Wstrict-prototypes -Wvla -Wundef
ifeq ($(WERROR),1)
warnings += -Werror
lib_warnings += -Werror
endif
ifeq ($(DEBUG),1)
optimise := -O0 -g3 -DVML_DEBUG=1
else ifeq ($(COVERAGE),1)
optimise := -O0 -g
else
optimise := -O2 -g
endif
# Guest memory is read through pointers of several types. A signed overflow is a fault, which sanitizers
# report; where none looks, it wraps.
common_flags := -std=c11 $(optimise) -fno-common -fno-strict-aliasing $(cc_target)
ifeq ($(ARCH),aarch64)
# The helpers behind outlined atomics belong to the compiler's library, which the core links without.
common_flags += -mno-outline-atomics
endif
ifeq ($(FUZZER),1)
sanitize := -fsanitize=fuzzer-no-link,address,undefined
else ifneq ($(SANITIZE),)
sanitize := -fsanitize=$(SANITIZE)
endif
ifneq ($(SYSROOT),)
# Libraries of a foreign arch, as tools/cross-libs unpacks them.
sysroot_cflags := -isystem $(SYSROOT)/usr/include
sysroot_ldflags := $(foreach d,lib usr/lib,-L$(SYSROOT)/$d/$(ARCH)-linux-gnu \
	-Wl,-rpath-link,$(SYSROOT)/$d/$(ARCH)-linux-gnu)
endif
ifneq ($(sanitize),)
common_flags += $(sanitize) -fno-sanitize-recover=all -fno-omit-frame-pointer
else
common_flags += -fno-strict-overflow
endif
ifeq ($(COVERAGE),1)
common_flags += --coverage
endif
# The core has no library: the four memory functions are inlined by the compiler or left undefined.
mem_flags := $(foreach f,memcpy memmove memset memcmp,-D$f=__builtin_$f)
core_flags = $(common_flags) $(lib_warnings) -ffreestanding $(mem_flags) -fno-stack-protector \
	-ffunction-sections -fdata-sections
hosted_flags = $(common_flags) $(lib_warnings) -D_DEFAULT_SOURCE -ffunction-sections \
	-fdata-sections -pthread $(sysroot_cflags)
test_flags = $(common_flags) $(warnings) -Wno-unused-parameter -D_DEFAULT_SOURCE -pthread $(sysroot_cflags)
link_flags = $(common_flags) -pthread $(sysroot_ldflags)

# ----------------------------------------------------------------------------------- libraries

GROUPS := arch config platform devices vcpu
lib_mks := $(wildcard $(addsuffix /*/lib.mk,$(GROUPS)))
LIBRARIES :=

# Reads one lib.mk into variables prefixed by the library's name.
define read_lib
SRCS :=
NEEDS :=
LIBS :=
HOSTED := $(if $(filter platform/%,$1),$(if $(filter platform/null/% platform/platform_api/%,$1),,1))
include $1
$(if $(filter $2,$(LIBRARIES)),$$(error two libraries are named '$2': $(lib.$2.dir) and $(1:/lib.mk=)))
LIBRARIES += $2
lib.$2.dir := $(1:/lib.mk=)
lib.$2.srcs := $$(addprefix $(1:/lib.mk=)/,$$(SRCS))
lib.$2.needs := $$(NEEDS)
lib.$2.libs := $$(LIBS)
lib.$2.hosted := $$(filter 1,$$(HOSTED))
endef
$(foreach mk,$(lib_mks),$(eval $(call read_lib,$(mk),$(notdir $(mk:/lib.mk=)))))

# Walks the needs depth first: refuses a cycle, collects closures, and puts users before the used.
link_order :=
visit = $(if $(lib.$1.closure),,$(if $(filter $1,$2),$(error dependency cycle: $(subst \
	$(space), -> ,$(strip $2)) -> $1))$(foreach n,$(lib.$1.needs),$(if $(lib.$n.dir),,$(error \
	$(lib.$1.dir)/lib.mk needs '$n', which is no library; there are: $(sort $(LIBRARIES))))$(call \
	visit,$n,$2 $1))$(eval lib.$1.closure := $(sort $1 $(foreach n,$(lib.$1.needs),$(lib.$n.closure))))$(eval \
	link_order := $1 $(link_order)))
$(foreach l,$(LIBRARIES),$(call visit,$l,))
closure = $(sort $(foreach l,$1,$(lib.$l.closure)))
in_link_order = $(foreach l,$(link_order),$(filter $l,$1))

system_libs := $(call closure,$(PLATFORM) $(if $(lib.arch_$(ARCH).dir),arch_$(ARCH)))
system_includes := -Iplatform/$(PLATFORM)/include -Iarch/arch_$(ARCH)/include
# What another selection would build is not built here.
unselected := $(filter-out $(system_libs),$(PLATFORMS) $(addprefix arch_,$(ARCHES)))
ifneq ($(PLATFORM),posix)
unselected += $(foreach l,$(LIBRARIES),$(if $(lib.$l.hosted),$(filter-out $(PLATFORM),$l)))
endif
ifneq ($(and $(filter-out $(HOST_ARCH),$(ARCH)),$(if $(SYSROOT),,none)),)
# The system's libraries are the host's.
unselected += $(foreach l,$(LIBRARIES),$(if $(filter-out -lm -pthread,$(lib.$l.libs)),$l))
endif
unselected += $(foreach l,$(LIBRARIES),$(if $(filter $(unselected),$(lib.$l.closure)),$l))
selected := $(filter-out $(unselected),$(LIBRARIES))

archive = $(if $(lib.$1.srcs),$(B)/lib/libvml-$1.a)
archives = $(foreach l,$1,$(call archive,$l))
# The link line of a program: users first, the platform and arch last and as a group.
link_libs = $(call archives,$(call in_link_order,$(filter-out $(system_libs),$1)))
system_archives := $(call archives,$(call in_link_order,$(system_libs)))
system_ldlibs := $(sort $(foreach l,$(system_libs),$(lib.$l.libs)))
link_tail = -Wl,--start-group $(system_archives) -Wl,--end-group $(system_ldlibs)
ldlibs_of = $(sort $(foreach l,$1,$(lib.$l.libs)))

define define_lib
lib.$1.includes := $(foreach l,$1 $(filter-out $1,$(lib.$1.closure)),-I$(lib.$l.dir)/include) \
	-I$(lib.$1.dir)/src $(system_includes)
lib.$1.objs := $(patsubst %.c,$(OBJ)/%.o,$(lib.$1.srcs))
endef
$(foreach l,$(selected),$(eval $(call define_lib,$l)))

# A line that differs from the last build's makes every object old.
cc_line := $(CC) $(firstword $(subst $(newline), ,$(cc_id))) $(core_flags) $(hosted_flags) $(test_flags) $(CFLAGS)
ifneq ($(building),)
ifneq ($(strip $(file <$(B)/flags)),$(strip $(cc_id) $(cc_line)))
$(shell mkdir -p $(B))
$(file >$(B)/flags,$(strip $(cc_id) $(cc_line)))
endif
endif

# Reads what the compiler saw; a relative path into a foreign src/, or out of a folder by .., is refused.
refuse_foreign = @if foreign=`tr ' ' '\n' <$(@:.o=.d) | grep -v ':$$' | grep -v '^/' | \
	grep -E '/src/.*\.h$$|/\.\./' | grep -v '^$(lib.$(lib).dir)/src/[^.]*\.h$$'`; then \
	echo "$<: includes a file of another library's src/: $$foreign" >&2; rm -f $@ $(@:.o=.d); exit 1; fi

define lib_rules
ifneq ($(lib.$1.srcs),)
$(lib.$1.objs): private lib := $1
$(lib.$1.objs): $(OBJ)/%.o: %.c $(B)/flags Makefile $(foreach l,$(lib.$1.closure),$(lib.$l.dir)/lib.mk)
	$$(say) CC $$<
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(if $$(lib.$1.hosted),$$(hosted_flags),$$(core_flags)) $$(lib.$1.includes) \
		$$(CFLAGS) -MMD -MP -c -o $$@ $$<
	$$(refuse_foreign)
$(B)/lib/libvml-$1.a: $(lib.$1.objs)
	$$(say) AR $$@
	@mkdir -p $$(@D)
	@rm -f $$@
	$$(Q)$$(AR) rcs $$@ $(lib.$1.objs)
depfiles += $(lib.$1.objs:.o=.d)
tidy_stamps += $(lib.$1.objs:.o=.tidy)
$(lib.$1.objs:.o=.tidy): private lib := $1
$(lib.$1.objs:.o=.tidy): $(OBJ)/%.tidy: %.c .clang-tidy $(B)/flags \
		$(wildcard $(lib.$1.dir)/src/*.h $(foreach l,$(lib.$1.closure),$(lib.$l.dir)/include/vml/*.h))
	$$(say) TIDY $$*.c
	@mkdir -p $$(@D)
	$$(Q)clang-tidy --quiet $$*.c -- $$(if $$(lib.$1.hosted),$$(hosted_flags),$$(core_flags)) \
		$$(lib.$1.includes) >$$@.log 2>&1 || { cat $$@.log; exit 1; }
	@touch $$@
endif
.PHONY: lib-$1
lib-$1: $(call archives,$(lib.$1.closure))
endef
depfiles :=
tidy_stamps :=
$(foreach l,$(selected),$(eval $(call lib_rules,$l)))
ifneq ($(building),)
# One that the selection leaves out is named, rather than "no rule".
$(foreach l,$(unselected),$(if $(filter lib-$l,$(goals)),$(error library '$l' is not part of \
	PLATFORM=$(PLATFORM) ARCH=$(ARCH))))
endif

.PHONY: all
all: $(call archives,$(selected))

# --------------------------------------------------------------- programs: tests, benches, examples

# Under PLATFORM=null only the tests of platform/null run; they are hosted programs all the same.
cmocka_ldlibs := -lcmocka
ifneq ($(ARCH),$(HOST_ARCH))
cmocka_dir := cache/cmocka-$(ARCH)
cmocka_cflags := -isystem $(cmocka_dir)/include
cmocka_ldlibs := -L$(cmocka_dir)/lib -lcmocka
cmocka_lib := $(cmocka_dir)/lib/libcmocka.a
$(cmocka_lib):
	$(say) FETCH 'cmocka for $(ARCH)'
	@tools/cross-cmocka $(ARCH) '$(CC) $(cc_target)' '$(AR)' $(cmocka_dir)
endif
support_srcs := $(wildcard tests/support/*.c)
support_objs := $(patsubst %.c,$(OBJ)/%.o,$(support_srcs))

# $1 folder of the kind (tests/unit), $2 GROUP/NAME, $3 program prefix (test)
define read_dir
NEEDS :=
TEST_LIBS :=
TEST_CFLAGS :=
EXAMPLE_LIBS :=
EXAMPLE_OF :=
TEST_PLATFORM := $(if $(filter platform/null,$2),null,posix)
TEST_ARCH := $(if $(filter arch/arch_%,$2),$(filter-out api,$(patsubst arch/arch_%,%,$2)))
-include $(wildcard $1/$2/test.mk $1/$2/example.mk)
dir.$1/$2.mk := $(wildcard $1/$2/test.mk $1/$2/example.mk)
dir.$1/$2.needs := $$(NEEDS)
dir.$1/$2.ldlibs := $$(TEST_LIBS) $$(EXAMPLE_LIBS)
dir.$1/$2.cflags := $$(TEST_CFLAGS)
dir.$1/$2.of := $$(if $$(EXAMPLE_OF),$$(filter-out %/main.c,$$(wildcard $1/$$(EXAMPLE_OF)/*.c)))
dir.$1/$2.runs := $$(and $$(filter $(PLATFORM),$$(TEST_PLATFORM)),$$(filter $(ARCH),$$(or \
	$$(TEST_ARCH),$(ARCH))),$$(if $$(filter-out -lm -pthread,$$(TEST_LIBS)),$$(filter $(ARCH),$(HOST_ARCH)),yes))
dir.$1/$2.srcs := $(wildcard $1/$2/*.c)
endef

# $1 folder, $2 its own library (or empty), $3 program sources, $4 extra objects, $5 extra link flags
define dir_rules
$(foreach n,$(dir.$1.needs),$(if $(lib.$n.dir),,$(error $(dir.$1.mk) needs '$n', which is no library)))
dir.$1.closure := $(call closure,$2 $(dir.$1.needs))
dir.$1.progs := $(patsubst %.c,$(B)/%,$3)
dir.$1.common := $(patsubst %.c,$(OBJ)/%.o,$(filter-out $3,$(dir.$1.srcs)))
dir.$1.includes := $$(foreach l,$$(dir.$1.closure) $(system_libs),-I$$(lib.$$l.dir)/include) \
	$(system_includes) -I$1 -Itests/support $(if $2,-I$(lib.$2.dir)/src)
$(patsubst %.c,$(OBJ)/%.o,$(dir.$1.srcs)): private dir := $1
$(patsubst %.c,$(OBJ)/%.o,$(dir.$1.srcs)): $(OBJ)/%.o: %.c $(B)/flags Makefile $(dir.$1.mk) \
		$$(foreach l,$$(dir.$1.closure),$$(lib.$$l.dir)/lib.mk) | $(if $(findstring -lcmocka,$5),$(cmocka_lib))
	$$(say) CC $$<
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(test_flags) $$(dir.$1.cflags) $$(dir.$1.includes) $$(cmocka_cflags) $$(CFLAGS) -MMD -MP -c -o $$@ $$<
$$(dir.$1.progs): $(B)/%: $(OBJ)/%.o $$(dir.$1.common) $4 $$(call archives,$$(dir.$1.closure)) $(system_archives)
	$$(say) LD $$@
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(link_flags) -o $$@ $$< $$(dir.$1.common) $4 $$(LDFLAGS) \
		$$(call link_libs,$$(dir.$1.closure)) $$(link_tail) $$(dir.$1.ldlibs) \
		$$(call ldlibs_of,$$(dir.$1.closure)) $5
depfiles += $(patsubst %.c,$(OBJ)/%.d,$(dir.$1.srcs))
endef

# Test folders are read only when a goal is about them.
test_goals := bench-boot test test-unit unit-programs coverage-run run test-integration test-threads thread-programs fuzz fuzz-replay \
	fuzz-programs fuzz-replay-programs bench bench-programs examples example-% compile-all
with_tests := $(filter $(test_goals),$(goals))

ifneq ($(with_tests),)
dirs_of = $(sort $(patsubst $1/%/,%,$(dir $(wildcard $1/*/*/$2_*.c))))
unit_dirs := $(filter $(or $(UNIT),%),$(call dirs_of,tests/unit,test))
fuzz_dirs := $(filter $(or $(FUZZ),%),$(call dirs_of,tests/fuzz,fuzz))
bench_dirs := $(filter $(or $(BENCH),%),$(call dirs_of,tests/bench,bench))
$(foreach v,UNIT FUZZ BENCH,$(if $($v),$(if $(filter $($v),$(unit_dirs) $(fuzz_dirs) $(bench_dirs)),,\
	$(if $(wildcard tests/*/$($v)),,$(error $v=$($v): no such folder of tests; give it as GROUP/NAME)))))
example_names := $(sort $(patsubst examples/%/,%,$(dir $(wildcard examples/*/*.c))))

$(foreach d,$(unit_dirs),$(eval $(call read_dir,tests/unit,$d)))
$(foreach d,$(fuzz_dirs),$(eval $(call read_dir,tests/fuzz,$d)))
$(foreach d,$(bench_dirs),$(eval $(call read_dir,tests/bench,$d)))
$(foreach d,$(example_names),$(eval $(call read_dir,examples,$d)))

own_lib = $(if $(lib.$(notdir $1).dir),$(notdir $1))
# Whether a folder's programs are of this selection, with all that they need.
runs = $(and $(dir.$1.runs),$(if $(filter $(unselected),$(call closure,$2 $(dir.$1.needs))),,yes))
unit_dirs := $(foreach d,$(unit_dirs),$(if $(call runs,tests/unit/$d,$(call own_lib,$d)),$d))
$(foreach d,$(unit_dirs),$(eval $(call dir_rules,tests/unit/$d,$(call own_lib,$d),$(filter \
	tests/unit/$d/test_%,$(dir.tests/unit/$d.srcs)),$(support_objs),$(cmocka_ldlibs))))
unit_programs := $(foreach d,$(unit_dirs),$(dir.tests/unit/$d.progs))
thread_programs := $(filter %_threads,$(unit_programs))

fuzz_dirs := $(foreach d,$(fuzz_dirs),$(if $(call runs,tests/fuzz/$d,$(call own_lib,$d)),$d))
fuzz_main := $(if $(filter 1,$(FUZZER)),,$(OBJ)/tests/support/fuzz/replay.o)
$(foreach d,$(fuzz_dirs),$(eval $(call dir_rules,tests/fuzz/$d,$(call own_lib,$d),$(filter \
	tests/fuzz/$d/fuzz_%,$(dir.tests/fuzz/$d.srcs)),$(fuzz_main),$(if $(filter \
	1,$(FUZZER)),-fsanitize=fuzzer))))
fuzz_programs := $(foreach d,$(fuzz_dirs),$(dir.tests/fuzz/$d.progs))

bench_dirs := $(foreach d,$(bench_dirs),$(if $(call runs,tests/bench/$d,$(call own_lib,$d)),$d))
$(foreach d,$(bench_dirs),$(eval $(call dir_rules,tests/bench/$d,$(call own_lib,$d),$(filter \
	tests/bench/$d/bench_%,$(dir.tests/bench/$d.srcs)),,)))
bench_programs := $(foreach d,$(bench_dirs),$(dir.tests/bench/$d.progs))

# An example is one program of all the sources of its folder: build/.../bin/NAME.
define example_rules
dir.examples/$1.objs := $(patsubst %.c,$(OBJ)/%.o,$(dir.examples/$1.srcs) $(dir.examples/$1.of))
$(B)/bin/$1: $(patsubst %.c,$(OBJ)/%.o,$(dir.examples/$1.srcs) $(dir.examples/$1.of)) \
		$$(call archives,$$(dir.examples/$1.closure)) $(system_archives)
	$$(say) LD $$@
	@mkdir -p $$(@D)
	$$(Q)$$(CC) $$(link_flags) -o $$@ $$(dir.examples/$1.objs) $$(LDFLAGS) \
		$$(call link_libs,$$(dir.examples/$1.closure)) $$(link_tail) $$(dir.examples/$1.ldlibs) \
		$$(call ldlibs_of,$$(dir.examples/$1.closure))
.PHONY: example-$1
example-$1: $(B)/bin/$1
endef
example_names := $(foreach d,$(example_names),$(if $(call runs,examples/$d),$d))
$(foreach d,$(example_names),$(eval $(call dir_rules,examples/$d,,,,))$(eval $(call example_rules,$d)))
examples := $(addprefix $(B)/bin/,$(example_names))

support_all := $(support_objs) $(OBJ)/tests/support/fuzz/replay.o
$(support_all): $(OBJ)/%.o: %.c $(B)/flags Makefile | $(cmocka_lib)
	$(say) CC $<
	@mkdir -p $(@D)
	$(Q)$(CC) $(test_flags) -Itests/support $(foreach l,$(selected),-I$(lib.$l.dir)/include) \
		$(system_includes) $(cmocka_cflags) $(CFLAGS) -MMD -MP -c -o $@ $<
depfiles += $(support_all:.o=.d)
endif

.PHONY: examples unit-programs thread-programs fuzz-programs fuzz-replay-programs bench-programs compile-all
examples: $(examples)
unit-programs: $(unit_programs)
thread-programs: $(thread_programs)
fuzz-programs fuzz-replay-programs: $(fuzz_programs)
bench-programs: $(bench_programs)
compile-all: all examples unit-programs fuzz-programs bench-programs

# ---------------------------------------------------------------------------------- running tests

# What runs a program of a foreign architecture.
ifneq ($(ARCH),$(HOST_ARCH))
RUNNER ?= qemu-$(ARCH) -L /usr/$(ARCH)-linux-gnu
else ifneq ($(and $(SANITIZE)$(FUZZER),$(with_tests)),)
# Older sanitizers cannot place their shadow memory where a kernel randomises addresses widely.
RUNNER ?= $(shell setarch -R true 2>/dev/null && echo setarch -R)
endif
TIMEOUT ?= 300
run_tests := VML_RUNNER='$(RUNNER)' VML_TIMEOUT='$(TIMEOUT)' tools/run-tests

.PHONY: test test-unit test-threads test-integration fuzz fuzz-replay bench
test-unit: $(unit_programs)
	@$(run_tests) $(sort $(unit_programs))

test-threads: $(thread_programs)
	@$(run_tests) $(sort $(thread_programs))

# These build and run things on the host.
integration_tests := $(if $(filter $(ARCH),$(HOST_ARCH)),$(sort $(wildcard tests/integration/*/run)))

# Every fuzz target, built by the ordinary compiler, reads its seeds once more.
fuzz-replay: $(fuzz_programs)
	@$(run_tests) $(foreach p,$(sort $(fuzz_programs)),'$p $(patsubst $(B)/%,%,$(dir $p))seeds/$(notdir $p)')

test-integration: $(examples)
	+@VML_BUILD='$(B)' VML_BIN='$(B)/bin' $(run_tests) $(integration_tests)

# The tests of platform/null need a build of their own.
null_tests := $(if $(wildcard tests/unit/platform/null/test_*.c),null-tests)
null_programs := $(patsubst %.c,build/null-$(ARCH)$(flavour)/%,$(wildcard tests/unit/platform/null/test_*.c))
.PHONY: null-tests
null-tests:
	@$(MAKE) --no-print-directory PLATFORM=null unit-programs

test: $(unit_programs) $(fuzz_programs) $(examples) $(null_tests)
	+@VML_BUILD='$(B)' VML_BIN='$(B)/bin' $(run_tests) $(sort $(unit_programs) $(null_programs)) $(foreach \
	p,$(sort $(fuzz_programs)),'$p $(patsubst $(B)/%,%,$(dir $p))seeds/$(notdir $p)') \
	$(integration_tests)

FUZZ_SECONDS ?= 60
ifeq ($(FUZZER),1)
fuzz: $(fuzz_programs)
	@VML_RUNNER='$(RUNNER)' tools/run-fuzz $(FUZZ_SECONDS) $(B) $(sort $(fuzz_programs))
else
fuzz:
	@$(MAKE) --no-print-directory CC='$(if $(cc_is_clang),$(CC),clang)' FUZZER=1 fuzz
endif

bench: $(bench_programs)
	@tools/run-bench $(sort $(bench_programs))
ifeq ($(BENCH),)
bench: bench-boot
endif

# The boot of examples/vm beside that of another emulator.
.PHONY: bench-boot
bench-boot: example-vm
	@VML_BIN='$(B)/bin' tools/bench-boot

# -------------------------------------------------------------------------------------- coverage

# Lines executed by unit tests alone, per library; fails below COVERAGE_FLOOR percent.
COVERAGE_FLOOR ?= 90
.PHONY: coverage coverage-run
coverage:
	@$(MAKE) --no-print-directory COVERAGE=1 coverage-run
ifeq ($(UNIT),)
	@$(MAKE) --no-print-directory COVERAGE=1 PLATFORM=null coverage-run
endif
	@tools/coverage-table $(COVERAGE_FLOOR) '$(UNIT)' build/*-$(ARCH)-coverage/obj

# Fewer random operations of the GIC's model, which takes minutes without optimization: what they add to
# the lines is executed by the first of them.
coverage-run: all $(unit_programs)
	@mkdir -p $(OBJ) && find $(OBJ) -name '*.gcda' -delete
	@VML_GIC_REF_OPS=$${VML_GIC_REF_OPS:-4000} $(run_tests) $(sort $(unit_programs)) >$(B)/tests.log || { cat $(B)/tests.log; exit 1; }
	@tail -n 1 $(B)/tests.log

# ------------------------------------------------------------------------------------------ checks

# Public headers of a library as they are included: vml/pl011.h
headers_of = $(patsubst $(lib.$1.dir)/include/%,%,$(wildcard $(lib.$1.dir)/include/vml/*.h \
	$(lib.$1.dir)/include/vml/*/*.h))
core_libs := $(foreach l,$(selected),$(if $(lib.$l.hosted),,$l))
format_files = $(sort $(foreach g,$(GROUPS) tests examples tools,$(shell find $g -name '*.[ch]' 2>/dev/null)))

.PHONY: check check-compilers check-cross check-format check-includes check-headers check-tidy \
	check-cppcheck check-freestanding freestanding-link check-scripts check-readme
check: check-format check-includes check-compilers check-freestanding check-cppcheck check-tidy \
	check-scripts check-readme

check-compilers:
	@$(MAKE) --no-print-directory WERROR=1 CC=gcc compile-all check-headers
	@$(MAKE) --no-print-directory WERROR=1 CC=clang compile-all check-headers

# clang-format's own diagnostics name file, line and column.
check-format:
	@printf '%s\n' $(format_files) | xargs clang-format --dry-run -Werror

.PHONY: format
format:
	@printf '%s\n' $(format_files) | xargs clang-format -i

# The core may use six headers of the compiler, vml's own, and its private ones.
check-includes:
	@tools/check-includes $(foreach l,$(sort $(LIBRARIES)),$(if $(lib.$l.hosted),,$(lib.$l.dir)))

# Each public header compiles alone, twice in one unit.
check-headers: $(addprefix check-headers-,$(selected))
define header_rules
.PHONY: check-headers-$1
check-headers-$1: | $(B)/flags
	@$(foreach h,$(call headers_of,$1),printf '#include <$h>\n#include <$h>\n' | $$(CC) \
		$$(if $$(lib.$1.hosted),$$(hosted_flags),$$(core_flags)) $$(lib.$1.includes) \
		-fsyntax-only -x c - || { echo 'in <$h>, included alone' >&2; exit 1; };) :
endef
$(foreach l,$(selected),$(eval $(call header_rules,$l)))

check-tidy: $(tidy_stamps)

check-cppcheck:
	@mkdir -p $(B)/cppcheck
	@cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr -j 2 \
		--cppcheck-build-dir=$(B)/cppcheck --error-exitcode=1 --suppress=missingInclude \
		--suppressions-list=tools/cppcheck.suppress -D__GNUC__=12 -D__STDC_VERSION__=201112L -D__$(ARCH)__=1 \
		--template='{file}:{line}: {severity}: {message} [{id}]' \
		$(foreach l,$(selected),-I$(lib.$l.dir)/include) \
		$(foreach l,$(selected),$(if $(lib.$l.srcs),$(lib.$l.dir)/src)) $(wildcard examples)

# The whole core, with platform/null and nothing else, is linked for each arch.
check-freestanding:
	@for arch in $(ARCHES); do $(MAKE) --no-print-directory PLATFORM=null ARCH=$$arch WERROR=1 \
		CC= freestanding-link || exit 1; done
freestanding-link: $(call archives,$(core_libs))
	@tools/check-freestanding '$(CC)' $(B) $^

check-scripts:
	@shellcheck .ci/run $$(grep -lE '^#!/bin/(ba)?sh' $(wildcard tools/* \
		tests/integration/*/run))

# README's lists are the tree's, and `make help` knows only what there is.
check-readme:
	@tools/check-readme

# --------------------------------------------------------------------------------------- reporting

.PHONY: size size-objects doc
size:
	@for arch in $(ARCHES); do $(MAKE) -s --no-print-directory PLATFORM=null ARCH=$$arch CC= \
		size-objects || exit 1; done
	@tools/size-table $(foreach a,$(ARCHES),build/null-$a)

# The sizes of public structs are read off an object that has an array of each one's size.
core_headers := $(foreach l,$(core_libs),$(call headers_of,$l))
size-objects: $(call archives,$(core_libs)) | $(B)/flags
	@tools/size-structs $(foreach l,$(core_libs),$(addprefix $(lib.$l.dir)/include/,$(call \
		headers_of,$l))) >$(B)/structs.c
	$(Q)$(CC) $(core_flags) -Wno-pedantic $(foreach l,$(core_libs),-I$(lib.$l.dir)/include) \
		-c -o $(B)/structs.o $(B)/structs.c

# Prints the libraries' register tables for the reference.
reg_doc := $(B)/reg-doc/reg-doc
ifneq ($(filter doc $(reg_doc),$(goals)),)
reg_headers := $(sort $(foreach l,$(core_libs),$(addprefix $(lib.$l.dir)/include/,$(call headers_of,$l))))
reg_libs := $(call closure,msr $(sort $(foreach h,$(shell grep -l '^extern const struct vml_reg_table' \
	$(reg_headers)),$(foreach l,$(core_libs),$(if $(filter $(lib.$l.dir)/%,$h),$l)))))
$(reg_doc): tools/reg-doc.c tools/reg-doc-tables $(call archives,$(reg_libs)) $(system_archives) $(reg_headers)
	$(say) LD $@
	@mkdir -p $(@D)
	$(Q)tools/reg-doc-tables $(reg_headers) >$(@D)/reg-doc-tables.h
	$(Q)$(CC) $(test_flags) $(foreach l,$(reg_libs) $(system_libs),-I$(lib.$l.dir)/include) \
		$(system_includes) -I$(@D) $(CFLAGS) -o $@ $< $(LDFLAGS) $(call link_libs,$(reg_libs)) \
		$(link_tail) $(call ldlibs_of,$(reg_libs))
endif

doc: $(reg_doc)
	@tools/make-doc build/doc $(VERSION) $(reg_doc) $(foreach l,$(LIBRARIES),$(lib.$l.dir))

# -------------------------------------------------------------------------------------- installing

VERSION := 0.1.0
install_dir = $(DESTDIR)$(PREFIX)
# An API's package stands for what implements it here, and that one does not need the API's in turn.
pc_needs = $(filter-out $(if $(filter $1,$(PLATFORMS)),platform_api,$(if $(filter \
	arch_%,$1),arch_api)),$(lib.$1.needs)) $(if $(filter platform_api,$1),$(PLATFORM)) $(if $(filter \
	arch_api,$1),arch_$(ARCH))
define pc_text
prefix=$(PREFIX)
libdir=$${prefix}/lib
includedir=$${prefix}/include

Name: vml-$1
Description: virtual hardware library $1
Version: $(VERSION)
Requires: $(foreach n,$(pc_needs),vml-$n)
Libs: $(if $(lib.$1.srcs),-L$${libdir} -lvml-$1) $(lib.$1.libs)
Cflags: -I$${includedir}
endef

.PHONY: install
install: all
	@rm -rf $(B)/pkgconfig
	@mkdir -p $(B)/pkgconfig '$(install_dir)/include/vml' '$(install_dir)/lib/pkgconfig'
	$(foreach l,$(selected),$(file >$(B)/pkgconfig.$l.tmp,$(call pc_text,$l)))
	@for l in $(selected); do mv $(B)/pkgconfig.$$l.tmp $(B)/pkgconfig/vml-$$l.pc || exit 1; done
	@for d in $(foreach l,$(selected),$(lib.$l.dir)); do \
		(cd $$d/include && find vml -name '*.h') | while read -r h; do \
		install -D -m 644 $$d/include/$$h "$(install_dir)/include/$$h" || exit 1; done || exit 1; done
	@install -m 644 $(B)/pkgconfig/*.pc '$(install_dir)/lib/pkgconfig'
	@install -m 644 $(call archives,$(selected)) '$(install_dir)/lib'
	@echo "installed $(words $(selected)) libraries in $(install_dir)"

# ----------------------------------------------------------------------------------------- others

# A guest in this terminal: GUEST=linux, debian, installer, uboot, uefi or a64; see tools/run.
.PHONY: run
run: example-vm example-a64
	@tools/run $(B)/bin/vm $(RUN_ARGS)

.PHONY: deps clean help
deps:
	@tools/deps build test

clean:
	rm -rf build

help:
	@sed -n 's/^#: \{0,1\}//p' Makefile

ifneq ($(building),)
-include $(depfiles)
endif

#: targets
#:   all                  every library (the default)
#:   lib-NAME             one library and what it needs
#:   examples example-X   the example programs, in build/.../bin
#:   run                  boots a guest on examples/vm: GUEST=linux|debian|installer|uboot|uefi|a64;
#:                        RUN_ARGS= options for vm
#:   test                 unit tests, fuzz seeds and integration tests; installs what is missing
#:   test-unit            the unit tests; UNIT=devices/pl011 for one folder
#:   test-threads         the unit tests that use threads (use with SANITIZE=thread)
#:   test-integration     tests/integration
#:   fuzz                 every fuzz target for FUZZ_SECONDS in all; FUZZ=devices/pl011 for one folder
#:   fuzz-replay          every fuzz target on its seeds, without a fuzzer
#:   bench                instructions per operation; BENCH=devices/gic for one folder
#:   coverage             lines covered by unit tests, per library; UNIT= for one folder
#:   format               lays out every source as check-format wants it
#:   check                everything below that starts with check-
#:   check-compilers      gcc and clang, warnings are errors, everything compiled
#:   check-freestanding   the core links on each arch with platform/null and nothing else
#:   check-format check-includes check-headers check-tidy check-cppcheck check-scripts
#:   check-readme         its lists of libraries, examples and targets are those of the tree
#:   size                 text and data of each library, sizeof of public structs, for each arch
#:   doc                  the API reference, in build/doc/html
#:   install              headers, archives and pkg-config files; DESTDIR= PREFIX=/usr/local
#:   clean help
#: variables
#:   PLATFORM=posix|null  ARCH=x86_64|aarch64 (default: this machine's)
#:   CC=gcc|clang|...  AR=ar|llvm-ar  CFLAGS= LDFLAGS= (added)  WERROR=1
#:   DEBUG=1  SANITIZE=address,undefined or thread  COVERAGE=1  V=1
#:   TIMEOUT=seconds for one test program  RUNNER=what runs programs of a foreign ARCH
#:   SYSROOT=folder       libraries of a foreign ARCH, for the libraries and examples that use some
#:   TAG=text             builds in a folder of its own
#:   VML_NO_DEPS=1        installs nothing and looks for nothing
