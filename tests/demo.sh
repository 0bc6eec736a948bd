#!/bin/sh
# Open the sample dump in the real crash, first without lakvm, then with it.
# Needs:  what make loongarch64 builds; the LoongArch64 machine of lab/run64.sh.
# Result: on the terminal.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
sample=$here/../build/sample

[ -f "$sample/dump.16k" ] || "$here/../test-dumps/sample/unpack.sh" "$sample"
exec "$here/lab/run64.sh" --case "$sample" sh -c '
	export TERM=dumb LAKVM_SO="$SRC/build/loongarch64/lakvm.so"
	echo
	echo "\$ crash vmlinux dump.kdump                                    # crash alone"
	echo q | crash -s "$CASE/vmlinux" "$CASE/dump.kdump" 2>&1 | grep -v "not a tty"
	echo
	echo "\$ lacrash vmlinux dump.kdump                                  # crash with lakvm"
	printf "lapanic\nlacpus\nbt\nq\n" |
		"$SRC/extensions/lacrash" "$CASE/vmlinux" "$CASE/dump.kdump" 2>&1 |
		sed -n "/^      KERNEL:/,\$p"'
