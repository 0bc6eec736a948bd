#!/bin/sh
# Run a command on the native LoongArch64 machine of loong64.sh.
# Needs:  what loong64.sh needs; makes the machine if it is not there.
# Result: the command's own, run in /src, the source tree (writable); /cache is the lab's cache, and
#         /case the directory that --case names. On loongarch64 the command just runs, in the source tree,
#         with SRC, CACHE and CASE naming the same three places (which they do in the chroot too), and BUILT
#         what make loongarch64 built.
#
# Usage:  run64.sh [--case DIR] COMMAND...
. "$(dirname "$0")/lib.sh"

if [ "${1:-}" = --case ]; then
	LAKVM_CASE=$(cd "$2" && pwd)
	export LAKVM_CASE
	shift 2
fi
[ $# -gt 0 ] || die "usage: run64.sh [--case DIR] COMMAND..."
root=$("$here/loong64.sh")
if [ "$root" = / ]; then
	cd "$tree"
	SRC=$tree CACHE=$cache CASE=${LAKVM_CASE:-} BUILT=$tree/build/loongarch64 exec "$@"
fi
within "$root" env SRC=/src CACHE=/cache CASE=/case BUILT=/src/build/loongarch64 sh -c 'cd /src && exec "$@"' sh "$@"
