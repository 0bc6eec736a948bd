#!/bin/sh
# What can be said of the sources without running them.
# Needs:  clang-format 14, cppcheck, clang-tidy, gcc: a check whose tool is not here is skipped, and says so.
# Result: "ok - ...", "not ok - ..." or "skip - ..." lines; exit status 1 if a check failed.
#
# Usage:  static.sh format|cppcheck|tidy|analyzer...
# Waivers are in static-waivers.txt, each with its reason.
set -u
cd "$(dirname "$0")/.." || exit 1
failed=0
sources=$(git ls-files '*.c' '*.h' 2>/dev/null)
[ -n "$sources" ] || sources=$(find extensions include tests -name '*.[ch]')

# verdict WHAT FILE: good if the file of findings is empty
verdict() {
	if [ -s "$2" ]; then
		echo "not ok - $1"
		sed 's/^/    /' "$2"
		failed=1
	else
		echo "ok - $1"
	fi
	rm -f "$2"
}

skip() {
	echo "skip - $1: not checked: no $2"
}

# Other versions of clang-format answer otherwise.
check_format() {
	what="format: the C files are as clang-format 14 lays them out"
	for tool in clang-format-14 clang-format; do
		! "$tool" --version 2>/dev/null | grep -q 'version 14\.' || break
		tool=
	done
	[ -n "$tool" ] || { skip "$what" "clang-format 14"; return; }
	out=$(mktemp)
	# shellcheck disable=SC2086
	"$tool" --dry-run --ferror-limit=1 $sources 2>&1 | sed -n 's/: warning: .*\[-Wclang-format.*//p' >"$out"
	verdict "$what" "$out"
}

# What the compilers are told, as the Makefile has it. One file a run: clang-tidy 14 confuses itself with several.
flags='-std=gnu11 -D_GNU_SOURCE -Iinclude -Iextensions/core'
core='-include extensions/core/base/banned.h -DLA_ALLOW_MALLOC -DLA_ALLOW_JUMP'

# each COMMAND...: run it on every file of the core and the programs, and of the glue where make has built
# it for a crash of this machine, with $0 the file and $@ the flags
each() {
	built=build/$(uname -m) header=
	[ ! -r "$built/crash_named" ] || read -r header _ <"$built/crash_named"
	# shellcheck disable=SC2086
	{
		[ ! -r "$header/defs.h" ] || printf '%s\n' $sources | grep -E '^extensions/(glue/.*|lakvm)\.c$' |
			xargs -P 2 -I FILE sh -c "$1" FILE $flags -isystem "$header" -I"$built" -DLOONGARCH64
		printf '%s\n' $sources | grep '^extensions/core/.*\.c$' |
			xargs -P 2 -I FILE sh -c "$1" FILE $flags $core
		printf '%s\n' $sources | grep '^extensions/programs/.*\.c$' |
			xargs -P 2 -I FILE sh -c "$1" FILE $flags
	} 2>&1
}

# findings TOOL: of what the compilers print, a line a finding that nobody waived
findings() {
	grep "^$1 " tests/static-waivers.txt | cut -d' ' -f2 >"$out.waived"
	sed -n "s,^$PWD/,,; s/ \[CWE-[0-9]*\]//
		s/^\([^:]*\):\([0-9:]*\) *\(warning\|error\|fatal error\): \(.*\) \[\([^]]*\)\]$/\5:\1 :\2 \4/p; t
		s/^\([^:]*\):\([0-9:]*\) *\(warning\|error\|fatal error\): /broken:\1 :\2 /p" | sort -u |
		while read -r what line text; do
			grep -qxF -- "$what" "$out.waived" || echo "${what#*:}$line ${what%%:*}: $text"
		done
	rm -f "$out.waived"
}

check_cppcheck() {
	what="cppcheck: nothing to find"
	command -v cppcheck >/dev/null || { skip "$what" cppcheck; return; }
	out=$(mktemp)
	grep '^cppcheck ' tests/static-waivers.txt | cut -d' ' -f2 >"$out.waived"
	cppcheck -q -j2 --std=c11 --enable=warning,portability,performance -Iinclude -Iextensions/core \
		-Itests/unit -Itests/mkdump -Itests/fuzz --suppress=missingIncludeSystem --suppressions-list="$out.waived" \
		--template='{file}:{line}: {id}: {message}' extensions tests >"$out" 2>&1
	rm -f "$out.waived"
	verdict "$what" "$out"
}

# The checks are those of .clang-tidy.
check_tidy() {
	what="clang-tidy: nothing to find"
	command -v clang-tidy >/dev/null || { skip "$what" clang-tidy; return; }
	out=$(mktemp)
	each 'clang-tidy --quiet "$0" -- "$@"' | findings tidy >"$out"
	verdict "$what" "$out"
}

check_analyzer() {
	what="gcc -fanalyzer: nothing to find"
	gcc --version 2>/dev/null | grep -q 'gcc.* 1[2-9]\.' || { skip "$what" "gcc 12 or later"; return; }
	out=$(mktemp)
	each 'gcc "$@" -O1 -fanalyzer -c -o /dev/null "$0"' | findings analyzer >"$out"
	verdict "$what" "$out"
}

for check; do
	"check_$check"
done
exit $failed
