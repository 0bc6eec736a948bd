# SPDX-License-Identifier: GPL-3.0-or-later
#
# lakvm: a crash extension for dumps of LoongArch64 KVM/QEMU guests.
#
#   make demo       install what is needed, open the sample dump in the real crash with lakvm
#   make check      every test that needs no big download
#   make check-lab  build the whole lab: distribution kernel, guests, dumps; compare with the guests
#   make            build lakvm.so for loongarch64
#   make unit       the core's unit tests on this machine, under ASan and UBSan
#   make rpm        a binary RPM in build/rpm
#   make install    DESTDIR, PREFIX, LIBDIR
#
# Where the compiler makes code for another machine, lakvm.so is built in the LoongArch64 chroot of
# tests/lab, the same that runs crash in the tests, unless a cross compiler is named:
#
# CROSS_COMPILE  prefix of a cross compiler, e.g. loongarch64-linux-gnu-
# SYSROOT        for it: a folder with the target's headers and libraries
# CRASH_INC      folder with crash's defs.h (crash-devel: /usr/include/crash)

VERSION = 0.1.0
PREFIX ?= /usr
LIBDIR ?= $(PREFIX)/lib64

CC = $(CROSS_COMPILE)gcc
CRASH_INC ?= $(SYSROOT)/usr/include/crash

BUILD ?= build/loongarch64
CFLAGS ?= -O2 -g
WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wno-format-truncation -Werror
LA_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -fPIC -fvisibility=hidden -Iinclude -MMD -MP \
	$(if $(SYSROOT),--sysroot=$(SYSROOT))
# Twice as fast as zlib for a page; dump_unpack.c looks for the same header.
DEFLATE := $(if $(wildcard $(SYSROOT)/usr/include/libdeflate.h),-ldeflate)
LIBS = -ldw -lelf -ljansson -lz -llzo2 -lsnappy -lzstd $(DEFLATE)

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

TARGET := $(shell $(CC) -dumpmachine)
ifneq ($(findstring loongarch64,$(TARGET)),)

$(BUILD)/extensions/core/%.o: extensions/core/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) $(LA_CFLAGS) $(CORE_CFLAGS) $(if $(filter $*,$(MALLOC_OK)),-DLA_ALLOW_MALLOC) -c $< -o $@
	@! grep -q 'defs\.h' $(@:.o=.d) || { echo "$<: the core must not include crash's defs.h" >&2; rm -f $@; exit 1; }

$(BUILD)/extensions/%.o: extensions/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS) $(LA_CFLAGS) $(GLUE_CFLAGS) -c $< -o $@

# crash's own functions are found when crash loads it; a missing one of ours is an error here.
lakvm.so: $(CORE_OBJ) $(GLUE_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(if $(SYSROOT),--sysroot=$(SYSROOT)) -shared -o $@ $^ $(LIBS)
	@if $(CROSS_COMPILE)nm -D --undefined-only $@ | grep ' la_'; then rm -f $@; exit 1; fi

# For tests: a second extension that looks at crash's tables, and a lakvm.so for a crash that is not
# the one running, made with a header in which one structure grew.
$(BUILD)/snapshot.so: tests/session/snapshot.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) $(LA_CFLAGS) -shared -o $@ $<

$(BUILD)/mismatch.so: extensions/glue/abi.c $(CORE_OBJ) $(GLUE_OBJ)
	@mkdir -p $(BUILD)/mismatch
	$(Q)sed 's/^struct program_context {/&\n\tulong grown;/' $(CRASH_INC)/defs.h > $(BUILD)/mismatch/defs.h
	$(Q)$(CC) $(CFLAGS) $(LA_CFLAGS) $(subst $(CRASH_INC),$(BUILD)/mismatch,$(GLUE_CFLAGS)) -c $< -o $(BUILD)/mismatch/abi.o
	$(Q)$(CC) $(CFLAGS) -shared -o $@ $(BUILD)/mismatch/abi.o $(filter-out %/abi.o,$(CORE_OBJ) $(GLUE_OBJ)) $(LIBS)

else

# Time stamps are compared where it is built.
lakvm.so $(BUILD)/snapshot.so $(BUILD)/mismatch.so: FORCE
	$(Q)tests/lab/run64.sh make --no-print-directory -j2 $@
FORCE:

endif

install: lakvm.so
	install -D -m 755 lakvm.so $(DESTDIR)$(LIBDIR)/crash/extensions/lakvm.so
	install -D -m 755 extensions/lacrash $(DESTDIR)$(PREFIX)/bin/lacrash
	install -D -m 644 docs/lacrash.1 $(DESTDIR)$(PREFIX)/share/man/man1/lacrash.1
	install -D -m 644 docs/lakvm.7 $(DESTDIR)$(PREFIX)/share/man/man7/lakvm.7

dist:
	@mkdir -p build
	tar -czf build/lakvm-$(VERSION).tar.gz --transform 's,^,lakvm-$(VERSION)/,' --exclude='*.xz' \
		Makefile LICENSE README.md crash-ext.spec include extensions docs tests

# Debian's rpm knows nothing of Debian's packages, hence --nodeps.
rpm: dist
	rpmbuild -bb $(if $(wildcard /etc/debian_version),--nodeps --define 'debug_package %{nil}') \
		--define '_topdir $(CURDIR)/build/rpm' --define '_sourcedir $(CURDIR)/build' \
		--define 'lakvm_version $(VERSION)' crash-ext.spec

deps:
	tests/lab/deps.sh

demo: deps
	$(Q)$(MAKE) --no-print-directory lakvm.so
	tests/demo.sh

check: deps
	$(Q)$(MAKE) --no-print-directory lakvm.so
	tests/check.sh

check-lab: deps
	$(Q)$(MAKE) --no-print-directory lakvm.so
	tests/check-lab.sh

# --- unit tests of the core, on the build machine ---

HOSTCC ?= gcc
UNIT := build/unit
SANITIZE ?= -fsanitize=address,undefined -fno-sanitize-recover=all
UNIT_CFLAGS = -std=gnu11 -D_GNU_SOURCE -O1 -g $(WARNINGS) $(SANITIZE) -fno-omit-frame-pointer -Iinclude -Iextensions/core -MMD -MP
UNIT_LIBS = -lcmocka -ldw -lelf -ljansson -lz -llzo2 -lsnappy -lzstd \
	$(if $(wildcard /usr/include/libdeflate.h),-ldeflate)
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

# --- the reader measured against libkdumpfile (libkdumpfile-dev); never a test ---
#
#   make bench                          dumps made from tests/bench: 2 GB in build/bench, minutes
#   make bench BENCH_DUMPS="A B"        real ones as well
#   build/bench/dumpcmp -k A B ...      compare dumps of one instant, and with libkdumpfile

BENCH := build/bench
BENCH_CFLAGS = -std=gnu11 -D_GNU_SOURCE -O2 -g $(WARNINGS) -Iinclude -Itests/mkdump
BENCH_CORE := $(filter extensions/core/dump%,$(CORE_SRC)) extensions/core/arena.c extensions/core/status.c
BENCH_PAIR := $(patsubst tests/bench/pair/%.txt,$(BENCH)/pair/%.dump,$(wildcard tests/bench/pair/*.txt))
BENCH_OPEN := $(patsubst tests/bench/open/%.txt,$(BENCH)/open/%.dump,$(sort $(wildcard tests/bench/open/*.txt)))

$(BENCH)/bench $(BENCH)/dumpcmp: $(BENCH)/%: tests/bench/%.c tests/bench/kdumpfile.c $(BENCH_CORE)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(BENCH_CFLAGS) -o $@ $(filter %.c,$^) $(filter-out -lcmocka,$(UNIT_LIBS)) -lkdumpfile

$(BENCH)/mkdump: tests/mkdump/main.c tests/mkdump/mkdump.c tests/mkdump/mkdump_file.c
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(BENCH_CFLAGS) -o $@ $^ $(UNIT_LIBS)

$(BENCH)/%.dump: tests/bench/%.txt $(BENCH)/mkdump
	@mkdir -p $(@D)
	$(Q)$(BENCH)/mkdump $< $@

bench: $(BENCH)/bench $(BENCH)/dumpcmp $(BENCH_PAIR) $(BENCH_OPEN)
	@$(BENCH)/bench pair $(BENCH_PAIR) $(BENCH_DUMPS)
	@for d in $(BENCH_OPEN); do $(BENCH)/bench open $$d; done

# Random damage to a real dump: make mutate DUMP=FILE COUNT=10000
$(UNIT)/fuzz/mutate: $(UNIT)/fuzz/mutate.o $(UNIT)/libcore.a
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -o $@ $^ $(UNIT_LIBS) -lm

mutate: $(UNIT)/fuzz/mutate
	$< $(DUMP) $(or $(COUNT),10000)

clean:
	rm -rf build lakvm.so

-include $(shell find build $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: FORCE all install dist rpm deps demo check check-lab unit fuzz-corpus fuzz-smoke bench mutate clean
.PRECIOUS: %.o
