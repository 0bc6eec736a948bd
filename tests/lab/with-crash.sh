#!/bin/sh
# Run a command where a crash for LoongArch64 dumps is: on the native machine of run64.sh, or on this machine with
# the crash in the directory that LAKVM_CRASH names (crash.sh makes one).
# Needs:  what run64.sh needs, or that crash.
# Result: as run64.sh; with LAKVM_CRASH, BUILT is $LAKVM_BUILT, or else build/MACHINE.
#
# Usage:  with-crash.sh [--case DIR] COMMAND...
. "$(dirname "$0")/lib.sh"

[ "${LAKVM_CRASH:-}" ] || exec "$here/run64.sh" "$@"
CASE=
if [ "${1:-}" = --case ]; then
	CASE=$(cd "$2" && pwd)
	shift 2
fi
[ -x "$LAKVM_CRASH/crash" ] || die "$LAKVM_CRASH: no crash there"
cd "$tree"
export SRC="$tree" CACHE="$cache" CASE BUILT="${LAKVM_BUILT:-$tree/build/$(uname -m)}" CRASH=crash
PATH=$LAKVM_CRASH:$PATH exec "$@"
