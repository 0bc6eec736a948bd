#!/bin/sh
# Every test that needs no big download: the core's unit tests here, then the sample dump in the real
# crash, what may go wrong around it, and the RPM.
# Needs:  what make loongarch64 builds and the two test extensions (make check makes them); what lab/deps.sh installs; the
#         LoongArch64 machine of lab/run64.sh.
# Result: a line a part, the output of failed tests, what was not checked and why, and last
#         "N passed, N failed"; exit status 1 if any failed. The output of each part is kept in build/check/.
set -u
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/.." || exit 1
logs=build/check passed=0 failed=0
mkdir -p "$logs"

# part NAME COMMAND...: run it, show what failed in it, count its lines
part() {
	name=$1
	shift
	began=$(date +%s)
	"$@" >"$logs/$name.log" 2>&1
	status=$?
	good=$(grep -cE '^(ok - |\[       OK \] )' "$logs/$name.log")
	bad=$(grep -cE '^(not ok - |\[  FAILED  \] [a-z_]+$)' "$logs/$name.log")
	skipped=$(grep -c '^skip - ' "$logs/$name.log")
	# a part that broke off, or that checked nothing, failed
	if [ $status -ne 0 ] && [ "$bad" -eq 0 ] || [ $((good + bad + skipped)) -eq 0 ]; then
		bad=$((bad + 1))
		tail -n 25 "$logs/$name.log"
	fi
	grep -E -A 8 '^(not ok - |\[  ERROR   \])' "$logs/$name.log"
	grep '^skip - ' "$logs/$name.log"
	passed=$((passed + good)) failed=$((failed + bad))
	echo "$name: $good passed, $bad failed ($(($(date +%s) - began)) s)"
}

part static tests/static.sh format cppcheck
sample=build/sample
[ -f $sample/dump.16k ] || test-dumps/sample/unpack.sh $sample
part unit make --no-print-directory unit
part damage make --no-print-directory damage N=5
part memory make --no-print-directory short-memory
cp test-dumps/sample/truth/* $sample/
part gdb sh -c 'make --no-print-directory tools &&
	(cd build/sample && ../unit/la-stacks vmlinux dump.kdump >la-stacks.txt) &&
	python3 -B tests/tools/compare.py -v build/sample/gdb-stacks.txt build/sample/la-stacks.txt &&
	echo "ok - core: no frame of the sample that it calls verified is not gdb'"'"'s" '
part schema tests/tools/schema.py $sample
part renamed tests/tools/renamed.py $sample dump.kdump
# The proof is a session on loongarch64; where a crash of this machine is there (LAKVM_QUICK names its directory), the
# rest runs in that, ten times as fast.
part sample tests/session/run.py $sample dump.kdump
part forms env LAKVM_CRASH="${LAKVM_QUICK:-}" tests/session/run.py $sample dump.16k
part robust env LAKVM_CRASH="${LAKVM_QUICK:-}" tests/session/robust.py $sample dump.kdump
part documents env LAKVM_CRASH="${LAKVM_QUICK:-}" tests/tools/documents.py $sample README.md README.zh-CN.md docs/how-it-works.md docs/cases.md
[ -z "${LAKVM_QUICK:-}" ] || part defects env LAKVM_CRASH="$LAKVM_QUICK" tests/session/defects.py $sample
part rpm tests/rpm.sh

echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
