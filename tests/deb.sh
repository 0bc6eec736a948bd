#!/bin/sh
# Build the Debian package of this machine, twice, look at it, install it into an empty root, use it from there, and purge it.
# Needs:  dpkg-dev, debhelper and what debian/control names; lintian.
# Result: "ok - ..." or "not ok - ..." lines; the exit status is 1 if one failed. The package is in build/deb. --check runs
#         the core's tests in the build.
#
# Usage:  deb.sh [--check] [DIRECTORY-OF-A-CRASH-AND-ITS-DEFS.H]
set -u
cd "$(dirname "$0")/.." || exit 1
. tests/lab/lib.sh
need_tools dpkg-buildpackage=dpkg-dev dh=debhelper lintian=lintian

set +e
failed=0 check='' crash=''
[ "${1-}" = --check ] && check=1 && shift
[ $# -gt 0 ] && crash=$(cd "$1" && pwd)
say() { # STATUS WHAT
	[ "$1" -eq 0 ] && echo "ok - deb: ${2%%
*}" || { echo "not ok - deb: $2"; failed=1; }
}
# build DIRECTORY OPTIONS
build() {
	env ${crash:+CRASH_INC="$crash"} DEB_BUILD_OPTIONS="parallel=2 $2" make --no-print-directory deb DEB="$1" >"$1.log" 2>&1
	status=$?
	[ $status -eq 0 ] || tail -n 20 "$1.log"
	return $status
}

mkdir -p build
build build/deb "${check:-nocheck}"
say $? "dpkg-buildpackage makes a package${check:+, and the core passes its tests}"
package=$(ls build/deb/lakvm_*.deb)
warnings=$(grep -E "^[^ :]+:[0-9]+:([0-9]+:)? warning:|dpkg-.*: warning:" build/deb.log)
[ -z "$warnings" ]
say $? "nothing is warned of
$warnings"
build build/deb-again nocheck
cmp "$package" build/deb-again/lakvm_*.deb
say $? "in another folder it is the same, byte for byte ($(sha256sum <"$package" | cut -c1-16))"
head -n 1 debian/changelog | grep -qF "lakvm ($(sed -n 's/^Version: *//p' crash-ext.spec)-"
say $? "its version is lakvm's"

root=$PWD/build/deb-root
rm -rf "$root"
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates" "$root/var/log"
: >"$root/var/lib/dpkg/status"
dpkg_of_root() { dpkg --root="$root" --log=/dev/null --force-depends "$@" >build/deb-root.log 2>&1 || { cat build/deb-root.log; false; }; }
dpkg_of_root -i "$package"
say $? "it installs into an empty root"
[ -f build/sample/dump.16k ] || test-dumps/sample/unpack.sh build/sample >/dev/null
"$root/usr/bin/ladump" -1 -p build/sample/dump.kdump | grep -q '^panic (certain): sysrq triggered crash;'
say $? "ladump from there finds the sample's vmlinux and tells why it died"
"$root/usr/bin/latriage" --db "$root/var/lakvm.db" --settle 0 build/sample/dump.kdump | grep -q 'panic (certain): .*SysRq'
say $? "latriage from there judges and groups it"
if [ "$crash" ]; then
	printf 'lapanic -1\nbt\nq\n' | env -i HOME="$root" PATH=/usr/bin:/bin TERM=dumb CRASH="$crash/crash" \
		"$root/usr/bin/lacrash" build/sample/dump.kdump 2>&1 | grep -q '^panic (certain): sysrq triggered crash;'
	say $? "and lacrash opens it in the crash that the extension was built for"
fi
dpkg_of_root --purge lakvm
left=$(find "$root" -mindepth 1 ! -path "$root/var/*" ! -path "$root/.cache*" \( ! -type d -o -name lakvm -o -name crash \))
[ -z "$left" ]
say $? "once purged it leaves nothing
$left"
# Who publishes it puts his name and address there, and closes what Debian has open of it.
words=$(lintian --allow-root --fail-on error,warning --suppress-tags \
	bogus-mail-host,bogus-mail-host-in-debian-changelog,initial-upload-closes-no-bugs build/deb/*.changes 2>&1)
say $? "lintian finds nothing
$words"
exit $failed
