#!/bin/sh
# Build the RPM on this machine as openEuler 24.03 builds its own: with its compiler flags, against the crash of a
# directory. What it holds runs on this machine's kind, so it is only looked at; rpm.sh makes one that is used.
# Needs:  rpmbuild; gcc 12, which openEuler has, where its warnings are to be those of a package there.
# Result: "ok - ..." or "not ok - ..." lines; the exit status is 1 if one failed.
#
# Usage:  rpm-flags.sh DIRECTORY-OF-A-CRASH-AND-ITS-DEFS.H
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/lab/lib.sh
need_tools rpmbuild=rpm

# openEuler-rpm-config, without the two -specs= files that it has and other systems lack: they add -fPIE and -pie
optflags='-O2 -g -grecord-gcc-switches -pipe -fstack-protector-strong -Wall -Werror=format-security
	-Wp,-D_FORTIFY_SOURCE=2 -Wp,-D_GLIBCXX_ASSERTIONS -fasynchronous-unwind-tables -fstack-clash-protection'
ldflags='-Wl,-z,relro -Wl,--as-needed -Wl,-z,now'

set +e
failed=0
crash=$1
version=$("$crash/crash" --version | sed -n 's/^crash \([0-9][0-9.]*\).*/\1/p')
say() { # STATUS WHAT
	[ "$1" -eq 0 ] && echo "ok - rpm for crash $version: $2" || { echo "not ok - rpm for crash $version: $2"; failed=1; }
}

# as packages have them: the program where programs are, the header in a directory of its own
top=$PWD/build/rpm-flags/$version
rm -rf "$top"
mkdir -p "$top/bin" "$top/include"
cp "$crash/crash" "$top/bin/"
cp "$crash/defs.h" "$top/include/"
make --no-print-directory dist
archive=lakvm-$(sed -n 's/^VERSION = //p' Makefile)
cp "build/$archive.tar.gz" "$top/"
# where rpm itself looks for a machine's flags: it takes none on its command line
{
	echo "include: $(rpm --eval '%{_rpmconfigdir}')/rpmrc"
	# shellcheck disable=SC2086 # in one line
	echo optflags: loongarch64 $optflags
} >"$top/rpmrc"
PATH=$top/bin:$PATH CRASH_INC=$top/include rpmbuild --rcfile "$top/rpmrc" -bb --nocheck --nodeps --target loongarch64 \
	--define "_topdir $top" --define "_sourcedir $top" --define 'debug_package %{nil}' --define '_vendor openEuler' \
	--define 'dist .oe2403' --define "build_ldflags $ldflags" --define "lakvm_version ${archive#lakvm-}" crash-ext.spec >"$top/log" 2>&1
status=$?
[ $status -eq 0 ] || tail -n 20 "$top/log"
say $status "rpmbuild makes a package with openEuler's flags"
package=$(ls "$top"/RPMS/*/*.rpm)
rpm -qp --requires "$package" | grep -qx "crash = $version"
say $? "it requires that crash, for which it was built" # the spec looks at that
[ "$(grep -c -- "-fstack-clash-protection.*-c extensions/" "$top/log")" -gt 100 ]
say $? "all of it is compiled with these flags"
warnings=$(grep -E "^[^ :]+:[0-9]+:([0-9]+:)? warning:" "$top/log")
[ -z "$warnings" ]
say $? "the compiler ($(gcc -dumpfullversion)) warns of nothing
$warnings"
exit $failed
