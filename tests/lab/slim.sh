#!/bin/sh
# Make a vmlinux small: keep symbols, types, line numbers and call-frame information.
# Needs:  to run in the lab (lab.sh): objcopy for LoongArch, dwz.
# Result: OUT, which crash and lakvm read like the original; places of local variables are gone.
#
# Usage:  lab.sh tests/lab/slim.sh IN OUT
set -eu
in=$1 out=$2
loongarch64-linux-gnu-objcopy --remove-section=.debug_loclists --remove-section=.debug_aranges \
	--remove-section=.comment --remove-section='.rela*' "$in" "$out.new"
# without limits dwz gives up on one unit of this size
dwz --low-mem-die-limit none --max-die-limit none -o "$out" "$out.new"
rm "$out.new"
