# SPDX-License-Identifier: GPL-3.0-or-later
# Tests and measurements of the core on the build machine; part of ../Makefile.

# --- unit tests of the core, on the build machine ---

HOSTCC ?= gcc
UNIT := build/unit
SANITIZE ?= -fsanitize=address,undefined -fno-sanitize-recover=all
# The caller's CFLAGS are for the machine that lakvm.so is for; these are for this one.
HOSTCFLAGS ?= -O1 -g
UNIT_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(CPPFLAGS) $(HOSTCFLAGS) $(WARNINGS) $(if $(filter 1,$(DEV_TEST)),-Werror) $(SANITIZE) \
	-fno-omit-frame-pointer -Iinclude -Iextensions/core -MMD -MP
UNIT_LIBS = $(HOSTLDFLAGS) -lcmocka -ldw -lelf -ljansson -lz -llzo2 -lsnappy -lzstd \
	$(if $(wildcard /usr/include/libdeflate.h),-ldeflate)
UNIT_TESTS := $(patsubst tests/unit/%.c,$(UNIT)/%,$(wildcard tests/unit/test_*.c))
UNIT_CORE := $(CORE_SRC:extensions/core/%.c=$(UNIT)/core/%.o)

$(UNIT)/core/%.o: extensions/core/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) $(CORE_CFLAGS) $(core_allows) -c $< -o $@

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
MKDUMP_OBJ := $(addprefix $(UNIT)/mkdump/,mkdump.o mkdump_core.o mkdump_file.o opened.o)

$(UNIT)/mkdump/%.o: tests/mkdump/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -c $< -o $@

$(UNIT)/test_dump_%.o: UNIT_CFLAGS += -Itests/mkdump

$(UNIT)/test_dump_nomem: UNIT_LIBS += -Wl,--wrap=calloc

$(UNIT)/test_lines_hostile: UNIT_LIBS += -Wl,--wrap=la_libdw_room

$(UNIT)/test_writer: UNIT_LIBS += -Wl,--wrap=pwrite,--wrap=pthread_create,--wrap=sched_getaffinity

$(UNIT)/test_dump_%: $(UNIT)/test_dump_%.o $(MKDUMP_OBJ) $(UNIT)/libcore.a
	$(call say,LD,$@)
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -o $@ $^ $(UNIT_LIBS)

# tests/unit/data/execution.dis: what binutils' disassembler for LoongArch reads in test_execution's programs.
disassembly: $(UNIT)/test_execution
	$(Q)LAKVM_WORDS=$(UNIT)/words.bin $<
	$(Q)tests/lab/run64.sh objdump -D -b binary -m loongarch64 -M no-aliases $(UNIT)/words.bin >$(UNIT)/words.txt
	$(Q)sed -n 's/[[:blank:]]*#.*//; s/^ *[0-9a-f]*:[[:blank:]]*\([0-9a-f]\{8\}\)[[:blank:]]*/\1 /p' $(UNIT)/words.txt | \
		tr -s ' \t' ' ' | sed 's/ $$//' | LC_ALL=C sort -u >tests/unit/data/execution.dis

# tests/unit/data/instructions.txt: what a machine's registers have after the instructions that the core evaluates.
instructions:
	@mkdir -p $(UNIT)
	$(Q)tests/lab/run64.sh sh -c 'gcc -O1 -o $(UNIT)/instructions tests/lab/instructions.c && $(UNIT)/instructions' >$(UNIT)/instructions.txt
	$(Q)LC_ALL=C sort -u $(UNIT)/instructions.txt >tests/unit/data/instructions.txt

# First the ways that includes may go: it takes no time.
unit: $(UNIT_TESTS) | includes
	@status=0; for t in $^ tests/unit/lacrash.py tests/unit/lacrash_choice.py tests/unit/lavirsh_dump.py tests/unit/probe.py; do $$t || status=1; done; exit $$status

includes:
	@python3 -B tests/unit/test_includes.py && python3 -B tests/unit/includes.py

# --- the sources as text: how they are laid out, and what checkers find in them ---

format-check:
	@tests/static.sh format

static-check:
	@tests/static.sh format cppcheck tidy analyzer

# --- which lines of the core the tests and the fuzz targets' inputs run (coverage.py -l names the others) ---

coverage:
	@find build/coverage -name '*.gcda' -delete 2>/dev/null || true
	$(Q)$(MAKE) --no-print-directory UNIT=build/coverage SANITIZE=--coverage HOSTCFLAGS='-O0 -g' unit >build/coverage.log 2>&1 || \
		{ tail -n 25 build/coverage.log; exit 1; }
	@tests/coverage.py build/coverage/core

# --- fuzzing of what reads bytes that others wrote; seeds are made from text, or are real text ---

FUZZ_TARGETS := kdump flat elf notes oops log regs cfi unwind migration vmcoreinfo modules locks known vmlinux report
FUZZ := build/fuzz
FUZZ_CC ?= clang
FUZZ_SECONDS ?= 60
FUZZ_SEEDS := $(patsubst tests/fuzz/seeds/%.txt,$(FUZZ)/seeds/%.bin,$(wildcard tests/fuzz/seeds/*.txt))
VMLINUX_SEEDS := $(patsubst %,$(FUZZ)/seeds/vmlinux-%.bin,4 5 packed)
MIGRATION_SEEDS := $(patsubst %,$(FUZZ)/seeds/migration-%.bin,whole old numa)
FUZZ_CORE := $(CORE_SRC:extensions/core/%.c=$(FUZZ)/core/%.o)
FUZZ_CFLAGS = $(filter-out -f% -Wno-format-truncation,$(UNIT_CFLAGS)) -fsanitize=fuzzer-no-link,address,undefined \
	-fno-sanitize-recover=all -Itests/fuzz -DLA_LIBDW_ROOM=0x10000
fuzz_inputs = $(filter $(FUZZ)/seeds/$(1)-%,$(FUZZ_SEEDS) $(MIGRATION_SEEDS) $(VMLINUX_SEEDS)) $(wildcard tests/fuzz/found/$(1)-*) \
	$(if $(filter oops log,$(1)),$(wildcard tests/unit/data/*.log)) \
	$(if $(filter regs,$(1)),$(wildcard tests/unit/data/registers-*)) $(if $(filter known,$(1)),share/known-issues)

$(UNIT)/mkdump/mkdump: $(UNIT)/mkdump/main.o $(MKDUMP_OBJ) $(UNIT)/libcore.a
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -o $@ $^ $(UNIT_LIBS)

$(FUZZ)/seeds/%.bin: tests/fuzz/seeds/%.txt $(UNIT)/mkdump/mkdump
	@mkdir -p $(@D)
	$(Q)$(UNIT)/mkdump/mkdump $< $@

# Streams are made by the unit test.
$(MIGRATION_SEEDS) &: $(UNIT)/test_migration
	@mkdir -p $(FUZZ)/seeds
	$(Q)LAKVM_FUZZ_SEEDS=$(FUZZ)/seeds $< >/dev/null 2>&1

# Small programs that say of themselves that they are LoongArch's (e_machine is 258).
$(VMLINUX_SEEDS): $(FUZZ)/seeds/vmlinux-%.bin: tests/fuzz/seeds/vmlinux.c
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) -O1 $(if $(filter packed,$*),-gdwarf-4 -gz=zlib,-gdwarf-$*) -fno-asynchronous-unwind-tables -fno-pie -no-pie -nostdlib -static \
		-Wl,-e,first,-Ttext=0x401000 -o $@.new $<
	$(Q)printf '\002\001' | dd of=$@.new bs=1 seek=18 conv=notrunc status=none
	@mv $@.new $@

$(UNIT)/fuzz/%.o: tests/fuzz/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -Itests/fuzz -c $< -o $@

$(UNIT)/fuzz/corpus_%: $(UNIT)/fuzz/fuzz_%.o $(UNIT)/fuzz/corpus.o $(UNIT)/fuzz/read_through.o $(UNIT)/libcore.a
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -o $@ $^ $(UNIT_LIBS)

# The seeds and whatever was found once, without a fuzzer.
unit: | fuzz-corpus unit-programs unit-pages unit-triage
fuzz-corpus: $(FUZZ_TARGETS:%=$(UNIT)/fuzz/corpus_%) $(FUZZ_SEEDS) $(MIGRATION_SEEDS) $(VMLINUX_SEEDS) | build/sample/dump.16k
	@$(foreach t,$(FUZZ_TARGETS),$(UNIT)/fuzz/corpus_$(t) $(call fuzz_inputs,$(t)) &&) true

$(FUZZ)/core/%.o: extensions/core/%.c
	@mkdir -p $(@D)
	$(Q)$(FUZZ_CC) $(FUZZ_CFLAGS) $(CORE_CFLAGS) $(core_allows) -c $< -o $@

$(FUZZ)/fuzz_%: tests/fuzz/fuzz_%.c tests/fuzz/read_through.c $(FUZZ_CORE)
	$(Q)$(FUZZ_CC) $(filter-out -MMD -MP,$(FUZZ_CFLAGS)) -fsanitize=fuzzer -o $@ $(filter %.c %.o,$^) $(filter-out -lcmocka,$(UNIT_LIBS))

# One target after the other; FUZZ_SECONDS=600 for a longer run. What is found belongs, as small as
# it gets (-minimize_crash=1), into tests/fuzz/found as TARGET-NAME.
fuzz-smoke: $(FUZZ_TARGETS:%=$(FUZZ)/fuzz_%) $(FUZZ_SEEDS) $(MIGRATION_SEEDS) $(VMLINUX_SEEDS) | build/sample/dump.16k
	@$(foreach t,$(FUZZ_TARGETS),mkdir -p $(FUZZ)/corpus/$(t) && cp -t $(FUZZ)/corpus/$(t) /dev/null $(call fuzz_inputs,$(t)) && \
	$(FUZZ)/fuzz_$(t) -max_total_time=$(FUZZ_SECONDS) -max_len=$(if $(filter migration,$(t)),65536,16384) -timeout=10 -rss_limit_mb=1024 -artifact_prefix=$(FUZZ)/$(t)- $(FUZZ)/corpus/$(t) &&) true

# --- the reader measured against libkdumpfile (libkdumpfile-dev); never a test ---
#
#   make bench                          dumps made from tests/bench: 2 GB in build/bench, minutes
#   make bench BENCH_DUMPS="A B"        real ones as well
#   build/bench/dumpcmp -k A B ...      compare dumps of one instant, and with libkdumpfile
#   build/bench/ahead A B ...           an experiment: a scan with a second thread that unpacks ahead
#
# Where the kernel groups processes by session (sched_autogroup_enabled), nice counts inside a session
# only; the number in /proc/PID/autogroup counts between them.

BENCH := build/bench
BENCH_CFLAGS = -std=gnu11 -D_GNU_SOURCE -O2 -g $(WARNINGS) -Iinclude -Iextensions/core -Itests/mkdump
BENCH_CORE := $(filter extensions/core/dump/% extensions/core/base/%,$(CORE_SRC))
BENCH_PAIR := $(patsubst tests/bench/pair/%.txt,$(BENCH)/pair/%.dump,$(wildcard tests/bench/pair/*.txt))
BENCH_OPEN := $(patsubst tests/bench/open/%.txt,$(BENCH)/open/%.dump,$(sort $(wildcard tests/bench/open/*.txt)))

$(BENCH)/bench $(BENCH)/dumpcmp: $(BENCH)/%: tests/bench/%.c tests/bench/kdumpfile.c $(BENCH_CORE)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(BENCH_CFLAGS) -o $@ $(filter %.c,$^) $(filter-out -lcmocka,$(UNIT_LIBS)) -lkdumpfile

$(BENCH)/ahead: tests/bench/ahead.c $(BENCH_CORE)
	@mkdir -p $(@D)
	$(Q)$(HOSTCC) $(BENCH_CFLAGS) -o $@ $(filter %.c,$^) $(filter-out -lcmocka,$(UNIT_LIBS)) -lpthread

$(BENCH)/mkdump: $(addprefix tests/mkdump/,main.c mkdump.c mkdump_core.c mkdump_file.c)
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

# Damaged dumps, vmlinux files, register texts and streams through the programs: N of each, from number FIRST on.
# PROGRAM_DIR=build/MACHINE: those that are installed, with the limits of time and memory.
PROGRAM_DIR ?= $(UNIT)
damage: $(PROGRAM_NAMES:%=$(PROGRAM_DIR)/%) $(FUZZ_SEEDS) $(MIGRATION_SEEDS) | build/sample/dump.16k
	@tests/tools/damage.py $(if $(filter $(UNIT),$(PROGRAM_DIR)),-a) -n $(or $(N),10) -f $(or $(FIRST),0) $(KIND:%=-k %) \
		$(PROGRAM_DIR) build/sample $(FUZZ)/seeds tests/unit/data

# The programs as they are installed, with less memory than they want.
NATIVE := build/$(shell uname -m)
short-memory: | build/sample/dump.16k
	@$(MAKE) --no-print-directory BUILD=$(NATIVE) $(NATIVE)/ladump
	@tests/tools/memory.py $(NATIVE) build/sample

build/sample/dump.16k:
	test-dumps/sample/unpack.sh build/sample

# --- the core on real dumps without crash, and its stacks against gdb's ---

$(UNIT)/tools/%.o: tests/tools/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -c $< -o $@

$(UNIT)/la-%: $(UNIT)/tools/la-%.o $(UNIT)/libcore.a
	$(call say,LD,$@)
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -o $@ $^ $(UNIT_LIBS)

$(UNIT)/programs/%.o: extensions/programs/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -c $< -o $@

$(UNIT)/programs/program.o: UNIT_CFLAGS += -DLAKVM_VERSION='"$(VERSION)"'
$(UNIT)/programs/program.o: Makefile crash-ext.spec

$(PROGRAM_NAMES:%=$(UNIT)/%): $(UNIT)/%: $(UNIT)/programs/%.o $(PROGRAM_PARTS:%=$(UNIT)/programs/%.o) $(UNIT)/libcore.a
	$(call say,LD,$@)
	$(Q)$(HOSTCC) $(UNIT_CFLAGS) -o $@ $^ $(UNIT_LIBS)

# The programs, as processes.
unit-triage: $(UNIT)/ladump $(UNIT)/mkdump/mkdump
	@python3 -B tests/unit/latriage.py $^

unit-programs: $(PROGRAM_NAMES:%=$(UNIT)/%) $(UNIT)/mkdump/mkdump $(MIGRATION_SEEDS)
	@python3 -B tests/unit/programs.py $(UNIT)/ladump $(UNIT)/laconvert $(UNIT)/mkdump/mkdump $(FUZZ)/seeds/migration-whole.bin
	@python3 -B tests/unit/hostile.py $(UNIT)/ladump $(UNIT)/laconvert $(UNIT)/mkdump/mkdump
	@python3 -B tests/unit/find_vmlinux.py $(UNIT)/ladump $(UNIT)/mkdump/mkdump
	@python3 -B tests/unit/completion.py $(UNIT)/ladump $(UNIT)/laconvert

# HTML, as others read it.
unit-pages: $(UNIT)/test_html
	@python3 -B tests/unit/html_pages.py $<

$(UNIT)/la-door: $(UNIT)/tools/door_facts.o

tools: $(UNIT)/la-stacks $(UNIT)/la-door $(PROGRAM_NAMES:%=$(UNIT)/%)

.PHONY: unit unit-programs unit-pages unit-triage includes coverage disassembly instructions format-check static-check fuzz-corpus fuzz-smoke bench mutate damage short-memory tools
