#!/bin/sh
# Make a native LoongArch64 Debian machine with crash installed, as a chroot: $cache/loong64.
# Needs:  root, a network the first time. On another architecture it also fetches a static qemu-user and
#         registers it with the kernel's binfmt_misc (again after each reboot).
# Result: the chroot's path on standard output; crash's own header is in /usr/include/crash/defs.h there.
#         On a loongarch64 machine nothing is made and / is printed.
. "$(dirname "$0")/lib.sh"

packages=gcc,make,pkgconf,crash,rpm,libc6-dev,zlib1g-dev,liblzo2-dev,libdw-dev,libsnappy-dev,libzstd-dev,\
libjansson-dev,libdeflate-dev,libcmocka-dev,xz-utils,file,procps

make_emulator() {
	mmdebstrap --quiet --mode=root --variant=extract --aptopt='Acquire::Check-Valid-Until "false"' \
		--include=qemu-user "$suite" "$1/image" "$(mirror)" >&2
	mv "$1/image/usr/bin/qemu-loongarch64" "$1/"
	rm -rf "$1/image"
}

# tell the kernel that the emulator runs LoongArch64 programs; flag F keeps it usable in any chroot, and
# the latest registration wins over what the machine may have had, which can be too old for crash
register() {
	binfmt=/proc/sys/fs/binfmt_misc
	[ -e $binfmt/register ] || mount -t binfmt_misc binfmt_misc $binfmt
	[ ! -e $binfmt/lakvm-loongarch64 ] || return 0
	magic='\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\x02\x01'
	mask='\xff\xff\xff\xff\xff\xff\xff\xfc\x00\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff'
	printf '%s' ":lakvm-loongarch64:M:0:$magic:$mask:$1:OCF" > $binfmt/register
}

# crash ships no header package in Debian: take defs.h from the same version's source
# shellcheck disable=SC2016
header="$fetch_orig"'
export APT_CONFIG="$MMDEBSTRAP_APT_CONFIG"
fetch_orig crash "$1/tmp"
mkdir -p "$1/usr/include/crash"
tar -x -O -f "$1"/tmp/crash_*.orig.tar.* --wildcards "*/defs.h" > "$1/usr/include/crash/defs.h"
rm "$1"/tmp/crash_*.orig.tar.*
test -s "$1/usr/include/crash/defs.h"'

make_chroot() {
	mirror=$(mirror)
	mmdebstrap --quiet --mode=root --skip=check/qemu --aptopt='Acquire::Check-Valid-Until "false"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt=force-unsafe-io \
		--architectures=loong64 --variant=minbase --include="$packages" --customize-hook="$header" \
		"$suite" "$1/image" "deb $mirror $suite main" "deb-src $mirror $suite main" >&2
	# the directory that will be moved in place is the chroot itself
	echo "$packages" > "$1/image/etc/lakvm-packages"
	mv "$1/image" "$1.root"
	rmdir "$1"
	mv "$1.root" "$1"
}

if native; then
	echo /
	exit
fi
need_root
need_tools mmdebstrap=mmdebstrap arch-test=arch-test newuidmap=uidmap readelf=binutils xz=xz-utils
forget_if_stale loong64 "$packages"
[ -d "$cache/emulator" ] && [ -d "$cache/loong64" ] ||
	changes "making a LoongArch64 Debian system in $cache (450 MB, about two minutes, once)"
build make_emulator emulator
register "$cache/emulator/qemu-loongarch64"
build make_chroot loong64
echo "$cache/loong64"
