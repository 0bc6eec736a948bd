#!/bin/sh
# Build a kernel of our own from Debian's linux-source-6.12: $cache/kernel-NAME.
# Needs:  lab.sh; a network the first time. NAME is "sample" unless given, with its fragment (everything
#         else is off) in test-dumps/NAME/kernel.config unless CONFIG names another file of the tree. A
#         fragment with a line "# like OTHER" is that of test-dumps/OTHER, without what its lines "!LINE"
#         name, and with its other lines.
# Result: vmlinux (with debugging information), vmlinux.boot (what QEMU boots), modules/*.ko, config.
#         3 to 4 minutes on two cores.
#
# Usage:  kernel-small.sh [NAME [CONFIG]]
. "$(dirname "$0")/lib.sh"

name=${1:-sample}
config=${2:-$tree/test-dumps/$name/kernel.config}
release=6.12 source_suite=trixie

# the source package comes from the suite that has it, without its suite becoming one of the lab's
fetch_source() {
	LAKVM_MIRROR=$(mirror)
	"$here/lab.sh" sh -euc '
		new=/cache/${1##*/}
		mkdir -p "$new/lists/partial" "$new/archives/partial"
		echo "deb $2 $3 main" > "$new/sources"
		options="-o Dir::State::Lists=$new/lists -o Dir::Etc::SourceList=$new/sources
			-o Dir::Etc::SourceParts=/dev/null -o APT::Default-Release=$3"
		apt-get -qq $options update
		cd "$new"
		apt-get -qq $options download "linux-source-$4"
		dpkg-deb --fsys-tarfile linux-source-*.deb |
			tar -x -O --wildcards "./usr/src/linux-source-*.tar.xz" > linux.tar.xz
		rm -rf lists archives sources linux-source-*.deb' sh "$1" "$LAKVM_MIRROR" "$source_suite" "$release" >&2
}

fragment() {
	like=$(sed -n 's/^# like //p' "$1")
	[ -z "$like" ] || sed -n 's/^!//p' "$1" | grep -vxF -f - "$tree/test-dumps/$like/kernel.config"
	grep -v '^!' "$1"
}

make_kernel() {
	fragment "$config" > "$1/fragment"
	"$here/lab.sh" sh -euc '
		new=/cache/${1##*/}
		mkdir "$new/src" "$new/modules"
		tar -x -f /cache/linux-source/linux.tar.xz -C "$new/src" --strip-components=1 \
			--exclude="*/Documentation/*/*" --exclude="*/tools/testing"
		cd "$new/src"
		export ARCH=loongarch CROSS_COMPILE=loongarch64-linux-gnu-
		export KBUILD_BUILD_USER=lakvm KBUILD_BUILD_HOST=lab KBUILD_BUILD_TIMESTAMP=2026-01-01
		make -s KCONFIG_ALLCONFIG="$new/fragment" allnoconfig
		grep "^CONFIG_" "$new/fragment" | while read -r line; do
			grep -qxF "$line" .config || { echo "kernel-small: not taken: $line" >&2; exit 1; }
		done
		make -s -j"$(nproc)" KCFLAGS="-fno-var-tracking -fdebug-prefix-map=$PWD=/linux" \
			KAFLAGS="-fdebug-prefix-map=$PWD=/linux" vmlinux modules
		mv vmlinux .config ..
		find . -name "*.ko" -exec mv -t ../modules {} +
		cd ..
		mv .config config
		rm -rf src fragment
		"${CROSS_COMPILE}strip" -g -o vmlinux.boot vmlinux' sh "$1" >&2
}

"$here/lab.sh" >/dev/null
build fetch_source linux-source
build make_kernel "kernel-$name"
echo "$cache/kernel-$name"
