#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# What one crash's header has, as macros for crash.h: all that differs between the crashes that lakvm is
# built for (docs/porting.md lists them). The compiler is asked where it can tell.
#
# Usage:  probe.sh DIRECTORY-OF-DEFS.H VERSION COMPILER...
#         VERSION is what that crash calls itself; empty: it could not be asked
# Result: the macros on standard output
set -eu
header=$1/defs.h version=$2
shift 2

fail() {
	echo "$header: $*" >&2
	exit 1
}

# accepts CODE: does it compile behind the header?
compiler=$*
accepts() {
	printf '#include <stdbool.h>\n#include "%s"\n%s\n' "$header" "$1" |
		$compiler -std=gnu11 -D_GNU_SOURCE -DLOONGARCH64 -D"$gdb" -w -fsyntax-only -x c - 2>&1
}

# hook MEMBER TYPE: is it a pointer of this type in machdep_table?
hook() {
	accepts "_Static_assert(__builtin_types_compatible_p(__typeof__(machdep->$1), $2), \"\");" >/dev/null
}

[ -r "$header" ] || fail "not found: CRASH_INC names the directory of crash's header (openEuler: package crash-devel)"
# The header names the gdbs it may be built around, and is built around the newest.
gdb=$(grep -o 'GDB_[0-9][0-9_]*' "$header" | sort -V | tail -n 1)
errors=$(accepts '') || fail "does not compile:
$errors"
accepts '_Static_assert(sizeof(MACHINE_TYPE) == sizeof("LOONGARCH64"), "");' >/dev/null ||
	fail "this crash has no LoongArch64 support: 8.0.5 is the first release that has it"

echo "#define $gdb"
[ -z "$version" ] || echo "#define LA_CRASH_VERSION \"$version\""

# The registers of the task that is set, for gdb: 8.0.6 has the hook, and gdb_change_thread_context() with it;
# 9.0.1 numbers the stacks of a task too. Before that gdb asks for those of each CPU, by machdep->get_cpu_reg.
if hook get_current_task_reg 'int (*)(int, const char *, int, void *, int)'; then
	echo '#define LA_TASK_REG_ARGUMENTS 5'
elif hook get_current_task_reg 'int (*)(int, const char *, int, void *)'; then
	echo '#define LA_TASK_REG_ARGUMENTS 4'
elif accepts 'void lakvm(void) { (void)machdep->get_current_task_reg; }' >/dev/null; then
	fail "machdep->get_current_task_reg has arguments that lakvm does not know"
elif ! hook get_cpu_reg 'int (*)(int, int, const char *, int, void *)'; then
	fail "machdep->get_cpu_reg is not what lakvm knows"
else
	echo '#define LA_TASK_REG_ARGUMENTS 0'
fi
