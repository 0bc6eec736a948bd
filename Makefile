# SPDX-License-Identifier: GPL-3.0-or-later
#
# lakvm: a crash extension for dumps of LoongArch64 KVM/QEMU guests.
#
#   make            build lakvm.so for loongarch64 (native, or see CROSS_COMPILE below)
#   make unit       the core's unit tests on this machine, under ASan and UBSan
#
# CRASH_INC      folder with crash's defs.h (crash-devel: /usr/include/crash)
# CROSS_COMPILE  prefix of a cross compiler, e.g. loongarch64-linux-gnu-
# SYSROOT        for it: a folder with the target's headers and libraries

CC = $(CROSS_COMPILE)gcc
CRASH_INC ?= $(SYSROOT)/usr/include/crash

BUILD ?= build/loongarch64
CFLAGS ?= -O2 -g
WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wno-format-truncation -Werror
LA_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -fPIC -fvisibility=hidden -Iinclude -MMD -MP \
	$(if $(SYSROOT),--sysroot=$(SYSROOT))
LIBS = -ldw -lelf -ljansson -lz -llzo2 -lsnappy -lzstd

CORE_CFLAGS = -include extensions/core/banned.h
# The one header of the host. It is not ours to clean, so it counts as a system header; the
# target is named here and never taken from the build machine (defs.h would guess).
GLUE_CFLAGS = -isystem $(CRASH_INC) -DLOONGARCH64 -DGDB_16_2

CORE_SRC := $(wildcard extensions/core/*.c)
GLUE_SRC := extensions/lakvm.c $(wildcard extensions/glue/*.c)
CORE_OBJ := $(CORE_SRC:%.c=$(BUILD)/%.o)
GLUE_OBJ := $(GLUE_SRC:%.c=$(BUILD)/%.o)

# Files of the core that wrap an allocator on purpose.
MALLOC_OK := arena cfi dump_unpack

# V=1 shows whole commands.
Q = $(if $(V),,@)
say = $(if $(V),,@echo '  $(1)'  $(2))

all: lakvm.so

$(BUILD)/extensions/core/%.o: extensions/core/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) $(LA_CFLAGS) $(CORE_CFLAGS) $(if $(filter $*,$(MALLOC_OK)),-DLA_ALLOW_MALLOC) -c $< -o $@
	@! grep -q 'defs\.h' $(@:.o=.d) || { echo "$<: the core must not include crash's defs.h" >&2; rm -f $@; exit 1; }

$(BUILD)/extensions/%.o: extensions/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) $(LA_CFLAGS) $(GLUE_CFLAGS) -c $< -o $@

lakvm.so: $(CORE_OBJ) $(GLUE_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(if $(SYSROOT),--sysroot=$(SYSROOT)) -shared -rdynamic -Wl,-z,defs,--unresolved-symbols=ignore-all -o $@ $^ $(LIBS)

# --- unit tests of the core, on the build machine ---

HOSTCC ?= gcc
UNIT := build/unit
UNIT_CFLAGS = -std=gnu11 -D_GNU_SOURCE -O1 -g $(WARNINGS) -fsanitize=address,undefined -fno-sanitize-recover=all \
	-fno-omit-frame-pointer -Iinclude -Iextensions/core -MMD -MP
UNIT_LIBS = -lcmocka -ldw -lelf -ljansson -lz -llzo2 -lsnappy -lzstd
UNIT_TESTS := $(patsubst tests/unit/%.c,$(UNIT)/%,$(wildcard tests/unit/test_*.c))
UNIT_CORE := $(CORE_SRC:extensions/core/%.c=$(UNIT)/core/%.o)

$(UNIT)/core/%.o: extensions/core/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) $(CORE_CFLAGS) $(if $(filter $*,$(MALLOC_OK)),-DLA_ALLOW_MALLOC) -c $< -o $@

$(UNIT)/%.o: tests/unit/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -c $< -o $@

$(UNIT)/libcore.a: $(UNIT_CORE)
	@rm -f $@
	@ar rcs $@ $^

$(UNIT)/test_%: $(UNIT)/test_%.o $(UNIT)/fake.o $(UNIT)/libcore.a
	$(call say,LD,$@)
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -o $@ $^ $(UNIT_LIBS)

# The dump reader's tests make their dumps from text.
MKDUMP_OBJ := $(UNIT)/mkdump/mkdump.o $(UNIT)/mkdump/mkdump_file.o $(UNIT)/mkdump/opened.o

$(UNIT)/mkdump/%.o: tests/mkdump/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -c $< -o $@

$(UNIT)/test_dump_%.o: UNIT_CFLAGS += -Itests/mkdump

$(UNIT)/test_dump_%: $(UNIT)/test_dump_%.o $(MKDUMP_OBJ) $(UNIT)/libcore.a
	$(call say,LD,$@)
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -o $@ $^ $(UNIT_LIBS)

unit: $(UNIT_TESTS)
	@status=0; for t in $^; do $$t || status=1; done; exit $$status

# --- fuzzing of what reads bytes from a file; seeds are made from text too ---

FUZZ_TARGETS := kdump flat elf notes
FUZZ := build/fuzz
FUZZ_CC ?= clang
FUZZ_SECONDS ?= 60
FUZZ_SEEDS := $(patsubst tests/fuzz/seeds/%.txt,$(FUZZ)/seeds/%.bin,$(wildcard tests/fuzz/seeds/*.txt))
FUZZ_CORE := $(CORE_SRC:extensions/core/%.c=$(FUZZ)/core/%.o)
FUZZ_CFLAGS = $(filter-out -f% -Wno-format-truncation,$(UNIT_CFLAGS)) -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all -Itests/fuzz
fuzz_inputs = $(filter $(FUZZ)/seeds/$(1)-%,$(FUZZ_SEEDS)) $(wildcard tests/fuzz/found/$(1)-*)

$(UNIT)/mkdump/mkdump: $(UNIT)/mkdump/main.o $(MKDUMP_OBJ) $(UNIT)/libcore.a
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -o $@ $^ $(UNIT_LIBS)

$(FUZZ)/seeds/%.bin: tests/fuzz/seeds/%.txt $(UNIT)/mkdump/mkdump
	@mkdir -p $(@D)
	$(Q)$(UNIT)/mkdump/mkdump $< $@

$(UNIT)/fuzz/%.o: tests/fuzz/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -Itests/fuzz -c $< -o $@

$(UNIT)/fuzz/corpus_%: $(UNIT)/fuzz/fuzz_%.o $(UNIT)/fuzz/corpus.o $(UNIT)/fuzz/read_through.o $(UNIT)/libcore.a
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -o $@ $^ $(UNIT_LIBS)

# The seeds and whatever was found once, without a fuzzer.
unit: | fuzz-corpus
fuzz-corpus: $(FUZZ_TARGETS:%=$(UNIT)/fuzz/corpus_%) $(FUZZ_SEEDS)
	@$(foreach t,$(FUZZ_TARGETS),$(UNIT)/fuzz/corpus_$(t) $(call fuzz_inputs,$(t)) &&) true

$(FUZZ)/core/%.o: extensions/core/%.c
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(CORE_CFLAGS) $(if $(filter $*,$(MALLOC_OK)),-DLA_ALLOW_MALLOC) -c $< -o $@

$(FUZZ)/fuzz_%: tests/fuzz/fuzz_%.c tests/fuzz/read_through.c $(FUZZ_CORE)
	$(Q)$(FUZZ_CC) $(filter-out -MMD -MP,$(FUZZ_CFLAGS)) -fsanitize=fuzzer -o $@ $(filter %.c %.o,$^) $(filter-out -lcmocka,$(UNIT_LIBS))

# One target after the other; FUZZ_SECONDS=600 for a longer run. What is found belongs, as small as
# it gets (-minimize_crash=1), into tests/fuzz/found as TARGET-NAME.
fuzz-smoke: $(FUZZ_TARGETS:%=$(FUZZ)/fuzz_%) $(FUZZ_SEEDS)
	@$(foreach t,$(FUZZ_TARGETS),mkdir -p $(FUZZ)/corpus/$(t) && cp $(call fuzz_inputs,$(t)) $(FUZZ)/corpus/$(t)/ && \
	$(FUZZ)/fuzz_$(t) -max_total_time=$(FUZZ_SECONDS) -max_len=16384 -timeout=10 -rss_limit_mb=1024 -artifact_prefix=$(FUZZ)/$(t)- $(FUZZ)/corpus/$(t) &&) true

clean:
	rm -rf build lakvm.so

-include $(shell find build -name '*.d' 2>/dev/null)

.PHONY: all unit fuzz-corpus fuzz-smoke clean
.SECONDARY:
