#!/bin/sh
# Build the RPM on this machine as openEuler 24.03 builds its own: with its compiler flags, against the crash of a
# directory; from its source RPM once more; install it into an empty root, use it from there, and take it away again.
# It says to be for loongarch64, and what it holds runs on this machine's kind; rpm.sh makes one for that machine.
# Needs:  rpmbuild; gcc 12, which openEuler has, where its warnings are to be those of a package there; rpmlint.
# Result: "ok - ..." or "not ok - ..." lines; the exit status is 1 if one failed. The packages are in
#         build/rpm-flags/VERSION-OF-CRASH. --check runs the core's tests in the build, without a network.
#
# Usage:  rpm-flags.sh [--check] DIRECTORY-OF-A-CRASH-AND-ITS-DEFS.H
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/lab/lib.sh
need_tools rpmbuild=rpm cpio=cpio rpmlint=rpmlint

# openEuler-rpm-config, without the two -specs= files that it has and other systems lack: they add -fPIE and -pie
optflags='-O2 -g -grecord-gcc-switches -pipe -fstack-protector-strong -Wall -Werror=format-security
	-Wp,-D_FORTIFY_SOURCE=2 -Wp,-D_GLIBCXX_ASSERTIONS -fasynchronous-unwind-tables -fstack-clash-protection'
ldflags='-Wl,-z,relro -Wl,--as-needed -Wl,-z,now'

set +e
failed=0 check=--nocheck alone=
[ "$1" = --check ] && check= alone='unshare -n' && shift
crash=$(cd "$1" && pwd)
version=$("$crash/crash" --version | sed -n 's/^crash \([0-9][0-9.]*\).*/\1/p')
say() { # STATUS WHAT
	[ "$1" -eq 0 ] && echo "ok - rpm for crash $version: ${2%%
*}" || { echo "not ok - rpm for crash $version: $2"; failed=1; }
}

# as packages have them: the program where programs are, the header in a directory of its own
top=$PWD/build/rpm-flags/$version
rm -rf "$top"
mkdir -p "$top/bin" "$top/include"
cp "$crash/crash" "$top/bin/"
cp "$crash/defs.h" "$top/include/"
make --no-print-directory dist
archive=lakvm-$(sed -n 's/^Version: *//p' crash-ext.spec)
cp "build/$archive.tar.gz" "$top/"
# where rpm itself looks for a machine's flags: it takes none on its command line
{
	echo "include: $(rpm --eval '%{_rpmconfigdir}')/rpmrc"
	# shellcheck disable=SC2086 # in one line
	echo optflags: loongarch64 $optflags
} >"$top/rpmrc"
# build LOG TOP SOURCES ARGUMENTS...: as a machine of openEuler would
build() {
	log=$1 into=$2 sources=$3
	shift 3
	# shellcheck disable=SC2086 # words
	PATH=$top/bin:$PATH CRASH_INC=$top/include $alone rpmbuild --rcfile "$top/rpmrc" --nodeps --target loongarch64 \
		--define "_topdir $into" --define "_sourcedir $sources" --define 'debug_package %{nil}' --define '_vendor openEuler' \
		--define 'dist .oe2403' --define "build_ldflags $ldflags" --define '_buildhost localhost' $check "$@" >"$log" 2>&1
	status=$?
	[ $status -eq 0 ] || tail -n 20 "$log"
	return $status
}
build "$top/log.source" "$top" "$top" -bs crash-ext.spec && build "$top/log" "$top" "$top" -bb crash-ext.spec
say $? "rpmbuild makes a package with openEuler's flags${alone:+, and the core passes its tests without a network}"
package=$(ls "$top"/RPMS/*/*.rpm)
check=--nocheck
# not by --rebuild, whose packages name the source package
mkdir -p "$top/again/source"
(cd "$top/again/source" && rpm2cpio "$top"/SRPMS/*.rpm | cpio -id --quiet)
build "$top/log.again" "$top/again" "$top/again/source" -bb "$top/again/source/crash-ext.spec"
say $? "the source RPM builds"
cmp "$package" "$top"/again/RPMS/*/*.rpm
say $? "... and from it comes the same package, byte for byte ($(sha256sum <"$package" | cut -c1-16))"
rpm -qp --requires "$package" | grep -qx "crash = $version"
say $? "it requires that crash, for which it was built" # the spec looks at that
[ "$(grep -c -- "-fstack-clash-protection.*-c extensions/" "$top/log")" -gt 100 ]
say $? "all of it is compiled with these flags"
warnings=$(grep -E "^[^ :]+:[0-9]+:([0-9]+:)? warning:" "$top/log")
[ -z "$warnings" ]
say $? "the compiler ($(gcc -dumpfullversion)) warns of nothing
$warnings"

# its database is kept apart: in the root there is only what the package brings
root=$top/root
rpm_of_root() { rpm --root "$root" --dbpath /rpmdb --nodeps --noscripts "$@" 2>"$top/rpm.log" || { cat "$top/rpm.log"; false; }; }
mkdir -p "$root"
rpm_of_root --ignorearch -i "$package"
say $? "it installs into an empty root"
[ -f build/sample/dump.16k ] || test-dumps/sample/unpack.sh build/sample >/dev/null
lacrash() {
	printf 'lapanic -1\nlacpus\nbt\nq\n' | env -i HOME="$top" PATH=/usr/bin:/bin TERM=dumb CRASH="$crash/crash" \
		"$root/usr/bin/lacrash" "$@" 2>&1
}
lacrash "$PWD/build/sample/dump.kdump" >"$top/session"
grep -q '^panic (certain): sysrq triggered crash;' "$top/session" && grep -q 'stop_this_cpu+0x30' "$top/session" &&
	grep -q 'sysrq_handle_crash+0x14' "$top/session"
say $? "from there lacrash opens the sample in crash $version, finds its vmlinux, and answers"
"$root/usr/bin/ladump" -1 -p "$PWD/build/sample/dump.kdump" | grep -q '^panic (certain): sysrq triggered crash;'
say $? "and ladump without crash"
rpm_of_root -e crash-lakvm
# folders that it shares with others stay, its own do not
left=$(find "$root" -mindepth 1 ! -path "$root/rpmdb*" \( ! -type d -o -name lakvm -o -name crash -o -name bash-completion \))
[ -z "$left" ]
say $? "once erased it leaves nothing
$left"
words=$(rpmlint -c tests/rpmlint.toml "$package" "$top"/SRPMS/*.rpm crash-ext.spec 2>&1)
echo "$words" | grep -q ' 0 errors, 0 warnings'
say $? "rpmlint finds nothing but what tests/rpmlint.toml explains
$words"
exit $failed
