#!/bin/sh
# Make the lab itself, a chroot of this machine's architecture with QEMU, gdb and a cross compiler
# ($cache/lab), and run a command in it.
# Needs:  root, a network the first time.
# Result: the command's own, run in /src, the source tree; /cache is the lab's cache, /case what --case
#         names. Without a command: the chroot's path. The guests' static busybox is /usr/lib/lakvm/busybox.
#
# Usage:  lab.sh [--case DIR] [COMMAND...]
. "$(dirname "$0")/lib.sh"

packages=gcc,gcc-loongarch64-linux-gnu,make,flex,bison,bc,perl,python3,libc6-dev,libelf-dev,libssl-dev,kmod,\
rsync,bzip2,xz-utils,dwz,qemu-system-misc,gdb-multiarch,qemu-efi-loongarch64,ca-certificates

# shellcheck disable=SC2016
busybox='
cd "$1/tmp"
APT_CONFIG="$MMDEBSTRAP_APT_CONFIG" apt-get -qq -o APT::Sandbox::User=root download busybox-static:loong64
mkdir -p box "$1/usr/lib/lakvm"
dpkg-deb -x busybox-static_*.deb box
cp "$(find box -type f -name busybox -perm -100)" "$1/usr/lib/lakvm/busybox"
rm -rf box busybox-static_*.deb'

make_lab() {
	mirror=$(mirror)
	arch=$(dpkg --print-architecture)
	mmdebstrap --quiet --mode=root --aptopt='Acquire::Check-Valid-Until "false"' \
		--aptopt="APT::Default-Release \"$suite\"" --aptopt='APT::Sandbox::User "root"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt=force-unsafe-io \
		--architectures="$arch,loong64" --variant=minbase --include="$packages" --customize-hook="$busybox" \
		"$suite" "$1/image" "deb [arch=$arch,loong64] $mirror $suite main" >&2
	echo "$packages" > "$1/image/etc/lakvm-packages"
	mv "$1/image" "$1.root"
	rmdir "$1"
	mv "$1.root" "$1"
}

if [ "${1:-}" = --case ]; then
	mkdir -p "$2"
	LAKVM_CASE=$(cd "$2" && pwd)
	export LAKVM_CASE
	shift 2
fi
need_root
need_tools mmdebstrap=mmdebstrap arch-test=arch-test newuidmap=uidmap xz=xz-utils
forget_if_stale lab "$packages"
build make_lab lab
if [ $# = 0 ]; then
	echo "$cache/lab"
else
	within "$cache/lab" sh -c 'cd /src && exec "$@"' sh "$@"
fi
