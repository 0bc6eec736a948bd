# SPDX-License-Identifier: GPL-3.0-or-later
#
# lakvm: a crash extension for dumps of LoongArch64 KVM/QEMU guests.
#
#   make demo       install what is needed, open the sample dump in the real crash with lakvm
#   make analyst    build a crash for LoongArch64 dumps on this machine, and lakvm for it
#   make check      every test that needs no big download, after installing what it needs
#   make deps-list  only name the packages that these two need; NO_INSTALL=1 forbids them to install
#   make check-lab  build the whole lab: distribution kernel, guests, dumps; compare with the guests
#   make corpus     make the guests of test-dumps/corpus and judge the verdicts on them
#   make            build the programs, and lakvm.so for the crash of CRASH_INC, into build/MACHINE
#   make loongarch64  the same for loongarch64, wherever this runs
#   make unit       the core's unit tests on this machine, under ASan and UBSan
#   make rpm        a binary RPM in build/rpm
#   make srpm       a source RPM there
#   make deb        Debian packages in build/deb
#   make dist       an archive of the sources, build/lakvm-VERSION.tar.gz
#   make install    DESTDIR, PREFIX, LIBDIR
#
# An extension fits one version of crash, on one kind of machine:
#
# CRASH_INC      folder with crash's defs.h (default: /usr/include/crash of crash-devel; on other machines than
#                loongarch64 what make analyst made). Where crash itself lies beside it, it is the one meant.
# CRASH_VERSION  what that crash calls itself, where it cannot be asked
# CROSS_COMPILE  prefix of a cross compiler, e.g. loongarch64-linux-gnu-
# SYSROOT        for it: a folder with the target's headers and libraries
# CPPFLAGS, CFLAGS, LDFLAGS  as usual; HOSTCFLAGS and HOSTLDFLAGS for the tests of this machine
# DEV            1: a warning is an error, as the tests of a git checkout have it; 0: not for them either

VERSION := $(shell sed -n 's/^Version: *//p' crash-ext.spec)
PREFIX ?= /usr
LIBDIR ?= $(PREFIX)/lib64
COMPLETIONS ?= $(PREFIX)/share/bash-completion/completions

CC = $(CROSS_COMPILE)gcc
TARGET := $(shell $(CC) -dumpmachine)
MACHINE := $(firstword $(subst -, ,$(TARGET)))
BUILD ?= build/$(MACHINE)

# what tests/lab/crash.sh makes
CACHE := $(or $(LAKVM_CACHE),$(HOME)/.cache/lakvm)
CRASH_SUITE ?= forky
CRASH_INC ?= $(if $(filter loongarch64,$(MACHINE)),$(SYSROOT)/usr/include/crash,$(CACHE)/crash-$(CRASH_SUITE))
CRASH := $(or $(wildcard $(CRASH_INC)/crash),$(if $(CROSS_COMPILE),,crash))
CRASH_VERSION ?= $(shell $(CRASH) --version 2>/dev/null | sed -n 's/^crash \([0-9][^ ]*\).*/\1/p')

CFLAGS ?= -O2 -g
WARNINGS = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wno-format-truncation $(if $(filter 1,$(DEV)),-Werror)
LA_CFLAGS = -std=gnu11 -D_GNU_SOURCE $(WARNINGS) -fPIC -fvisibility=hidden -Iinclude -MMD -MP \
	$(if $(SYSROOT),--sysroot=$(SYSROOT))
# Twice as fast as zlib for a page, but not on LoongArch; core/dump/unpack.c asks the same two things.
DEFLATE := $(if $(filter loongarch64,$(MACHINE)),,$(if $(wildcard $(SYSROOT)/usr/include/libdeflate.h),-ldeflate))
LIBS = -ldw -lelf -ljansson -lz -llzo2 -lsnappy -lzstd $(DEFLATE)

# Where what is installed finds its data; the tree's own are in share/.
$(BUILD)/extensions/core/triage/known_files.o: LA_CFLAGS += -DLAKVM_DATA='"$(PREFIX)/share/lakvm"'

# What --version, a page and nothing else says (lacrash asks ladump).
VERSIONED := $(BUILD)/extensions/programs/program.o $(BUILD)/extensions/glue/cmd_lapanic.o
$(VERSIONED): LA_CFLAGS += -DLAKVM_VERSION='"$(VERSION)"'

CORE_CFLAGS = -include extensions/core/base/banned.h -Iextensions/core
# The one header of the host. It is not ours to clean, so it counts as a system header; the
# target is named here and never taken from the build machine (defs.h would guess).
GLUE_CFLAGS = -isystem $(CRASH_INC) -I$(BUILD) -DLOONGARCH64

CORE_SRC := $(wildcard extensions/core/*/*.c)
GLUE_SRC := extensions/lakvm.c $(wildcard extensions/glue/*.c)
CORE_OBJ := $(CORE_SRC:%.c=$(BUILD)/%.o)
GLUE_OBJ := $(GLUE_SRC:%.c=$(BUILD)/%.o)
# Programs of the core alone, without crash.
PROGRAM_NAMES := laconvert ladump
PROGRAMS := $(PROGRAM_NAMES:%=$(BUILD)/%)
# What they share.
PROGRAM_PARTS := program output search unpack kept vmlinux
PROGRAM_OBJ := $(PROGRAM_PARTS:%=$(BUILD)/extensions/programs/%.o)

# Files of the core that wrap an allocator on purpose.
MALLOC_OK := base/arena door/elf_file stack/cfi dump/unpack stack/lines door/libdw_memory
# The one that has a recovery point.
JUMP_OK := door/libdw_memory
core_allows = $(if $(filter $*,$(MALLOC_OK)),-DLA_ALLOW_MALLOC) $(if $(filter $*,$(JUMP_OK)),-DLA_ALLOW_JUMP)

# V=1 shows whole commands.
Q = $(if $(V),,@)
say = $(if $(V),,@echo '  $(1)'  $(2))

# An RPM without lakvm.so were no RPM; an x86-64 machine has use for the programs alone. EXTENSION= leaves it out anywhere.
EXTENSION = $(if $(filter loongarch64,$(MACHINE))$(wildcard $(CRASH_INC)/defs.h),$(BUILD)/lakvm.so)
all: $(PROGRAMS) $(or $(EXTENSION),no-crash)

no-crash:
	@echo "no lakvm.so: no crash for LoongArch64 dumps on this machine; make analyst builds one, CRASH_INC names one"

$(BUILD)/extensions/core/%.o: extensions/core/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LA_CFLAGS) $(CORE_CFLAGS) $(core_allows) -c $< -o $@
	@! grep -q 'defs\.h' $(@:.o=.d) || { echo "$<: the core must not include crash's defs.h" >&2; rm -f $@; exit 1; }

# Made anew when CRASH_INC names another crash, or that becomes another.
$(BUILD)/crash_named: FORCE
	@mkdir -p $(@D)
	@echo '$(CRASH_INC) $(CRASH_VERSION)' | cmp -s - $@ || echo '$(CRASH_INC) $(CRASH_VERSION)' >$@

$(BUILD)/crash_version.h: extensions/glue/probe.sh $(BUILD)/crash_named $(wildcard $(CRASH_INC)/defs.h)
	$(Q)$< '$(CRASH_INC)' '$(CRASH_VERSION)' $(CC) >$@.new || { rm -f $@.new; exit 1; }
	@mv $@.new $@

$(GLUE_OBJ): $(BUILD)/crash_version.h

$(BUILD)/extensions/%.o: extensions/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LA_CFLAGS) $(GLUE_CFLAGS) -c $< -o $@

# crash's own functions are found when crash loads it; a missing one of ours is an error here.
$(BUILD)/lakvm.so: $(CORE_OBJ) $(GLUE_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(if $(SYSROOT),--sysroot=$(SYSROOT)) -shared -o $@ $^ $(LIBS)
	@if $(CROSS_COMPILE)nm -D --undefined-only $@ | grep ' la_'; then rm -f $@; exit 1; fi

$(VERSIONED): Makefile crash-ext.spec
$(BUILD)/extensions/programs/%.o: extensions/programs/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LA_CFLAGS) -c $< -o $@

$(PROGRAMS): $(BUILD)/%: $(BUILD)/extensions/programs/%.o $(PROGRAM_OBJ) $(CORE_OBJ)
	$(call say,LD,$@)
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(if $(SYSROOT),--sysroot=$(SYSROOT)) -o $@ $^ $(LIBS)

# For tests: a second extension that looks at crash's tables, and a lakvm.so for a crash that is not
# the one running, made with a header in which one structure grew.
$(BUILD)/snapshot.so: tests/session/snapshot.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(LA_CFLAGS) -shared -o $@ $<

# One that asks the glue's door what tests/tools/la-door.c asks the core's.
$(BUILD)/askdoor.so: tests/session/askdoor.c tests/tools/door_facts.c $(CORE_OBJ) $(filter-out %/lakvm.o,$(GLUE_OBJ))
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(LA_CFLAGS) $(GLUE_CFLAGS) $(if $(SYSROOT),--sysroot=$(SYSROOT)) -shared -o $@ $^ $(LIBS)

# And one that measures (tests/bench/crashbench.c says how).
$(BUILD)/crashbench.so: tests/bench/crashbench.c $(BUILD)/crash_version.h
	@mkdir -p $(@D)
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LDFLAGS) $(LA_CFLAGS) $(GLUE_CFLAGS) -shared -o $@ $<

$(BUILD)/mismatch.so: extensions/glue/abi.c $(CORE_OBJ) $(GLUE_OBJ)
	@mkdir -p $(BUILD)/mismatch
	$(Q)sed 's/^struct program_context {/&\n\tulong grown;/' $(CRASH_INC)/defs.h > $(BUILD)/mismatch/defs.h
	$(Q)$(CC) $(CPPFLAGS) $(CFLAGS) $(LA_CFLAGS) $(subst $(CRASH_INC),$(BUILD)/mismatch,$(GLUE_CFLAGS)) -c $< -o $(BUILD)/mismatch/abi.o
	$(Q)$(CC) $(CFLAGS) $(LDFLAGS) $(if $(SYSROOT),--sysroot=$(SYSROOT)) -shared -o $@ $(BUILD)/mismatch/abi.o $(filter-out %/abi.o,$(CORE_OBJ) $(GLUE_OBJ)) $(LIBS)

# The same on a LoongArch64 machine, which elsewhere is the chroot of tests/lab that runs crash in the tests.
LOONGARCH64 := $(addprefix build/loongarch64/,lakvm.so $(PROGRAM_NAMES) snapshot.so mismatch.so askdoor.so)
loongarch64: $(addprefix build/loongarch64/,lakvm.so $(PROGRAM_NAMES))

ifneq ($(MACHINE),loongarch64)
# Time stamps are compared where it is built; one after the other, also with -j: they share their objects.
$(LOONGARCH64): FORCE
	$(Q)tests/lab/run64.sh make --no-print-directory -j2 $@
$(filter-out %/lakvm.so,$(LOONGARCH64)): | build/loongarch64/lakvm.so
build/loongarch64/mismatch.so: | build/loongarch64/snapshot.so
build/loongarch64/askdoor.so: | build/loongarch64/mismatch.so
endif

# Without a crash there are the programs alone, as all builds them.
install: all
	$(if $(EXTENSION),install -D -m 755 $(EXTENSION) $(DESTDIR)$(LIBDIR)/crash/extensions/lakvm.so)
	install -D -m 755 extensions/lacrash $(DESTDIR)$(PREFIX)/bin/lacrash
	install -m 755 extensions/lavirsh-dump $(DESTDIR)$(PREFIX)/bin/lavirsh-dump
	$(if $(QUICK),install -m 755 $(QUICK)/crash $(DESTDIR)$(PREFIX)/bin/crash-loongarch64)
	install -m 755 $(PROGRAMS) $(DESTDIR)$(PREFIX)/bin/
	install -D -m 644 docs/lacrash.1 $(DESTDIR)$(PREFIX)/share/man/man1/lacrash.1
	sed '1s,.*,#!/usr/bin/python3,' extensions/latriage >$(DESTDIR)$(PREFIX)/bin/latriage
	chmod 755 $(DESTDIR)$(PREFIX)/bin/latriage
	install -d $(DESTDIR)$(PREFIX)/share/lakvm/latriage $(DESTDIR)$(PREFIX)/share/lakvm/examples
	install -m 644 extensions/many/*.py $(DESTDIR)$(PREFIX)/share/lakvm/latriage/
	install -m 755 share/examples/*.sh $(DESTDIR)$(PREFIX)/share/lakvm/examples/
	install -m 644 share/examples/*.yaml $(DESTDIR)$(PREFIX)/share/lakvm/examples/
	install -m 644 docs/latriage.1 docs/lavirsh-dump.1 $(PROGRAM_NAMES:%=docs/%.1) $(DESTDIR)$(PREFIX)/share/man/man1/
	install -D -m 644 share/bash-completion/lakvm $(DESTDIR)$(COMPLETIONS)/lacrash
	for program in latriage lavirsh-dump $(PROGRAM_NAMES); do ln -sf lacrash $(DESTDIR)$(COMPLETIONS)/$$program || exit 1; done
	install -D -m 644 share/known-issues $(DESTDIR)$(PREFIX)/share/lakvm/known-issues
	install -D -m 644 docs/lakvm.7 $(DESTDIR)$(PREFIX)/share/man/man7/lakvm.7

# What git has; or, where there are changes or no git, the files as they are here. Of the same files the same archive.
DIST := lakvm-$(VERSION)
dist:
	@mkdir -p build
	@if git diff --quiet HEAD 2>/dev/null; then \
		git archive --prefix=$(DIST)/ -o build/$(DIST).tar.gz HEAD; \
	else \
		{ git ls-files 2>/dev/null || find . -type f ! -path ./.git ! -path './.git/*' ! -path './build/*'; } | LC_ALL=C sort | \
			tar -c --owner=0 --group=0 --numeric-owner --mode=go=rX,u+rw --mtime="$$(sed -n '/^%changelog/{n;s/^\* \([^<]* 20[0-9]*\) .*/\1 00:00 UTC/p}' crash-ext.spec)" \
				--transform 's,^\(\./\)\?,$(DIST)/,' -T - | gzip -n >build/$(DIST).tar.gz.new && \
			mv build/$(DIST).tar.gz.new build/$(DIST).tar.gz; \
	fi

# Debian's rpm knows nothing of Debian's packages, hence --nodeps. RPMBUILD_FLAGS=--nocheck leaves out
# the core's tests. The machine's name would be in each package.
RPMBUILD = rpmbuild $(RPMBUILD_FLAGS) $(if $(wildcard /etc/debian_version),--nodeps --define 'debug_package %{nil}') \
	--define '_topdir $(CURDIR)/build/rpm' --define '_sourcedir $(CURDIR)/build' --define '_buildhost localhost'
rpm: dist
	$(RPMBUILD) -bb crash-ext.spec

srpm: dist
	$(RPMBUILD) -bs crash-ext.spec

# In a copy of the sources, as Debian does it. DEB_BUILD_OPTIONS=nocheck leaves out the core's tests; CRASH_INC, where it is
# given to this, says for which crash the extension is.
DEB := build/deb
deb: dist
	rm -rf $(DEB)
	mkdir -p $(DEB)
	tar -xzf build/$(DIST).tar.gz -C $(DEB)
	mv $(DEB)/$(DIST) $(DEB)/lakvm
	cd $(DEB)/lakvm && dpkg-buildpackage -us -uc -b $(DEB_FLAGS)

deps:
	@tests/lab/deps.sh

deps-list:
	@tests/lab/deps.sh --list

analyst: deps
	$(Q)crash=$$(tests/lab/crash.sh $(CRASH_SUITE)) && $(MAKE) --no-print-directory -j2 CRASH_INC="$$crash" all
	@echo "extensions/lacrash VMLINUX DUMP opens a session; $(BUILD)/ladump answers without one"

demo: deps
	$(Q)$(MAKE) --no-print-directory loongarch64
	tests/demo.sh

# Warnings count where a git checkout is tested, not where a package is made.
DEV_TEST = $(or $(DEV),$(if $(wildcard .git),1))

# Where this machine is another and has a crash for LoongArch64 dumps, that runs what is slow under emulation.
QUICK := $(if $(filter loongarch64,$(MACHINE)),,$(if $(wildcard $(CRASH_INC)/crash),$(CRASH_INC)))
TESTED = $(LOONGARCH64) $(if $(QUICK),$(LOONGARCH64:build/loongarch64/%=$(BUILD)/%))

check: deps
	$(Q)$(MAKE) --no-print-directory DEV=$(DEV_TEST) $(TESTED)
	LAKVM_QUICK=$(QUICK) tests/check.sh

check-lab: deps
	$(Q)$(MAKE) --no-print-directory DEV=$(DEV_TEST) $(TESTED) tools
	LAKVM_QUICK=$(QUICK) tests/check-lab.sh

corpus: deps
	tests/lab/corpus.sh
	$(Q)crash=$$(tests/lab/crash.sh $(CRASH_SUITE)) && $(MAKE) --no-print-directory CRASH_INC="$$crash" all && \
		CRASH="$$crash/crash" LAKVM_SO="$(CURDIR)/$(BUILD)/lakvm.so" python3 -B tests/lab/judge.py --table build/verdicts.md

include tests/tests.mk

clean:
	rm -rf build

-include $(shell find build $(BUILD) -name '*.d' 2>/dev/null)

.PHONY: FORCE all no-crash loongarch64 analyst install dist rpm srpm deb deps deps-list demo check check-lab corpus clean
.SECONDARY:
