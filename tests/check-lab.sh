#!/bin/sh
# The slow truths: build the lab and its guests from nothing (or the cache), open each dump in each form
# in the real crash with lakvm, and compare with what the frozen guests themselves said.
# Needs:  what lab/lab.sh needs: root on a Debian machine, a network the first time, 60 GB of disk.
# Result: as check.sh, for the cases named on the command line (default: all that panic); "kernels" among them
#         makes the table of docs/kernels.md in build/kernels.md.
set -u
# The loop below is a part of a pipe: what it finds is told by its lines, not by its variables.
lose() {
	echo "not ok - check-lab: $*"
}
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.." || exit 1
failed=0
[ $# -gt 0 ] || set -- i8042 sysrq4 sample orc early cpu-probe firmware-only no-root bug-module fault-module softlockup kaslr pages-4k3 pages-4k4 \
	pages-64k2 user v6.1-16k3 openeuler openeuler-efi kdump kdump-oops crash-kernel panicked lost-ipi living living-anywhere living-orc living-debian living-openeuler \
	traced-return traced-bpf traced-fexit traced-function traced-graph virsh kernels
kernels='sample user kaslr sysrq4 pages-4k3 moved-4k3 pages-4k4 moved-4k4 pages-16k2 moved-16k2 pages-16k3 moved-16k3
	pages-64k2 moved-64k2 pages-64k3 moved-64k3 firmware firmware-debian numa2 numa4 plug ram40
	openeuler openeuler-efi kdump v6.1-4k3 v6.1-4k4 v6.1-16k2 v6.1-16k3 v6.1-64k2 v6.1-64k3'

for name; do
	if [ "$name" = kernels ]; then
		for one in $kernels; do tests/lab/case.sh "$one" || lose "no guest $one" >&2; done |
			xargs tests/session/kernels.py > build/kernels.md || lose kernels
		continue
	fi
	if [ "$name" = virsh ]; then
		tests/lab/kernel-small.sh openeuler >/dev/null && make --no-print-directory tools &&
			LAKVM_CRASH=${LAKVM_QUICK:-} tests/session/virsh.py || lose virsh
		continue
	fi
	case=$(tests/lab/case.sh "$name") || { lose "no guest $name"; continue; }
	test=tests/session/run.py
	case $name in
	early) test=tests/session/early.py ;;
	cpu-probe | firmware-only) test=tests/session/boot.py ;;
	lost-ipi) test=tests/session/states.py ;;
	crash-kernel) test=tests/session/two_kernels.py ;;
	kdump*)
		make --no-print-directory build/bench/mkdump && tests/session/kdump.py "$case" || lose "$name"
		[ -z "${LAKVM_QUICK:-}" ] || LAKVM_CRASH=$LAKVM_QUICK tests/session/kdump.py "$case" || lose "$name on $(uname -m)"
		continue
		;;
	traced-*)
		make --no-print-directory tools && tests/tools/traced.py "$case" || lose "$name"
		continue
		;;
	living* | panicked)
		tests/tools/frames.py "$case" || lose "$name"
		tests/session/tasks.py "$case" || lose "$name"
		tests/session/tasks.py --strip "$case" || lose "$name"
		continue
		;;
	esac
	$test "$case" dump.kdump dump.raw dump.16k dump.elf || lose "$name"
	[ -z "${LAKVM_QUICK:-}" ] || LAKVM_CRASH=$LAKVM_QUICK $test "$case" dump.kdump || lose "$name on $(uname -m)"
	case $name in sysrq4 | pages-4k3 | v6.1-* | openeuler) tests/session/no_sections.py "$case" || lose "$name" ;; esac
	case $name in user | pages-* | v6.1-*) tests/session/tables.py "$case" || lose "$name" ;; esac
	case $name in pages-*) tests/session/layout.py "$case" dump.raw || lose "$name" ;; esac
	case $name in user | pages-4k4) tests/session/user_tables.py "$case" || lose "$name" ;; esac
	case $name in
	openeuler*)
		make --no-print-directory tools &&
			tests/tools/section_bits.py "$case" dump.raw "$(dirname "$case")/kernel-openeuler/vmlinux.boot" &&
			tests/tools/renamed.py "$case" dump.kdump || lose "$name"
		;;
	esac
	[ "$name" != pages-4k4 ] || tests/session/no_log.py "$case" || lose "$name"
	# a thousand loads in one session
	[ "$name" != sample ] || tests/session/robust.py "$case" dump.kdump 1000 || lose "$name"
	# values that no sound guest holds, one at a time
	[ "$name" != sample ] || tests/session/hostile.py "$case" || lose "$name"
	# Ctrl-C at a terminal, 49 times
	[ "$name" != sample ] || tests/session/interrupt.py "$case" dump.kdump || lose "$name"
	[ "$name" != sample ] || tests/session/gdb.py "$case" dump.kdump || lose "$name"
	# what QEMU's migration and virsh save write instead of a dump, of a guest with the same kernel
	[ "$name" != sample ] || { make --no-print-directory tools && tests/session/migration.py; } || lose "$name"
done 2>&1 | tee build/check-lab.log
# as openEuler's rpm builds it, against each crash that Debian has; and as Debian does
for suite in forky trixie; do
	crash=$(tests/lab/crash.sh "$suite") && tests/rpm-flags.sh --check "$crash" || lose "rpm for the crash of $suite"
done 2>&1 | tee -a build/check-lab.log
{ crash=$(tests/lab/crash.sh forky) && tests/deb.sh --check "$crash" || lose "deb"; } 2>&1 | tee -a build/check-lab.log
# the core's tests on LoongArch64 itself
tests/rpm.sh --check 2>&1 | tee -a build/check-lab.log
grep -q '^not ok\|Error' build/check-lab.log && failed=1
echo "$(grep -c '^ok - ' build/check-lab.log) passed, $(grep -c '^not ok - ' build/check-lab.log) failed"
exit $failed
