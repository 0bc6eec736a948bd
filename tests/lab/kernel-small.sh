#!/bin/sh
# Build a kernel of our own from one of Debian's linux-source packages, or, where the suite has none of that
# release any more, from upstream's archive of its source package: $cache/kernel-NAME.
# Needs:  lab.sh; a network the first time. NAME is "sample" unless given, with its fragment (everything
#         else is off) in test-dumps/NAME/kernel.config unless CONFIG names another file of the tree. A
#         fragment with a line "# like OTHER" is that of test-dumps/OTHER, without what its lines "!LINE"
#         name, and with its other lines; "# linux RELEASE SUITE" names another package and its suite, and
#         "# make VARIABLE=VALUE" lines are given to the kernel's make, "# edit FILE SCRIPT" lines change a file
#         of its source by sed, and "# needs PACKAGE" lines name what its build takes besides what the lab has: that is
#         installed there, and stays.
# Result: vmlinux (with debugging information), vmlinux.boot (what QEMU boots), modules/*.ko, config.
#         3 to 4 minutes on two cores. With --tree, also what modules for it are built against: $cache/tree-NAME/src.
#
# Usage:  kernel-small.sh [--tree] [NAME [CONFIG]]
. "$(dirname "$0")/lib.sh"

with_tree=
[ "${1:-}" != --tree ] || { with_tree=1 && shift; }
name=${1:-sample}
config=${2:-$tree/test-dumps/$name/kernel.config}

# the source package comes from the suite that has it, without its suite becoming one of the lab's
fetch_source() {
	LAKVM_MIRROR=$(mirror)
	"$here/lab.sh" sh -euc "$fetch_orig"'
		new=/cache/${1##*/}
		mkdir -p "$new/lists/partial" "$new/archives/partial"
		printf "%s $2 $3 main\n" deb deb-src > "$new/sources"
		options="-o Dir::State::Lists=$new/lists -o Dir::Etc::SourceList=$new/sources
			-o Dir::Etc::SourceParts=/dev/null -o APT::Default-Release=$3"
		apt-get -qq $options update
		cd "$new"
		if apt-cache $options show "linux-source-$4" >/dev/null 2>&1; then
			apt-get -qq $options download "linux-source-$4"
			dpkg-deb --fsys-tarfile linux-source-*.deb |
				tar -x -O --wildcards "./usr/src/linux-source-*.tar.xz" > linux.tar.xz
		else
			version=$(apt-cache $options showsrc --only-source linux |
				sed -n "s/^Version: \($4\.[^ ]*\)$/\1/p" | sort -V | tail -n 1)
			[ "$version" ] || { echo "kernel-small: no Linux $4 in $3" >&2; exit 1; }
			fetch_orig "linux=$version" . $options
			mv linux_*.orig.tar.xz linux.tar.xz
		fi
		rm -rf lists archives sources linux-source-*.deb' sh "$1" "$LAKVM_MIRROR" "$source_suite" "$release" >&2
}

fragment() {
	like=$(sed -n 's/^# like //p' "$1")
	if [ "$like" ]; then
		fragment "$tree/test-dumps/$like/kernel.config" |
			awk 'NR == FNR { if (sub(/^!/, "")) drop[$0]; next } !($0 in drop)' "$1" -
	fi
	grep -v '^!' "$1"
}

# the source as the fragment wants it, and its configuration; for shells in the lab: NEW RELEASE
# shellcheck disable=SC2016
unpack='
unpack() {
	mkdir "$1/src"
	tar -x -f "/cache/linux-source-$2/linux.tar.xz" -C "$1/src" --strip-components=1 \
		--exclude="*/Documentation/*/*" --exclude="*/tools/testing"
	cd "$1/src"
	sed -n "s/^# edit //p" "$1/fragment" | while read -r file script; do
		cp "$file" "$1/before"
		sed -i "$script" "$file"
		! cmp -s "$file" "$1/before" || { echo "kernel-small: nothing edited in $file" >&2; exit 1; }
		rm "$1/before"
	done
	export ARCH=loongarch CROSS_COMPILE=loongarch64-linux-gnu-
	export KBUILD_BUILD_USER=lakvm KBUILD_BUILD_HOST=lab KBUILD_BUILD_TIMESTAMP=2026-01-01
	make -s KCONFIG_ALLCONFIG="$1/fragment" allnoconfig
	grep "^CONFIG_" "$1/fragment" | while read -r line; do
		grep -qxF "$line" .config || { echo "kernel-small: not taken: $line" >&2; exit 1; }
	done
}'

# The lab of all kernels need not be made again because of one.
add_packages() {
	# shellcheck disable=SC2016,SC2086
	[ ! "$needs" ] || "$here/lab.sh" sh -euc '
		export DEBIAN_FRONTEND=noninteractive
		add() { apt-get -qq install -y --no-install-recommends "$@"; }
		dpkg-query -W "$@" >/dev/null 2>&1 || add "$@" || { apt-get -qq update && add "$@"; }' sh $needs >&2
}

make_kernel() {
	add_packages
	printf "%s\n" "$fragment" > "$1/fragment"
	"$here/lab.sh" sh -euc "$unpack"'
		new=/cache/${1##*/}
		mkdir "$new/modules"
		unpack "$new" "$2"
		# a variable a line
		IFS="
"
		# shellcheck disable=SC2086
		make -s -j"$(nproc)" $3 KCFLAGS="-fno-var-tracking -fdebug-prefix-map=$PWD=/linux" \
			KAFLAGS="-fdebug-prefix-map=$PWD=/linux" vmlinux modules
		mv vmlinux .config ..
		find . -name "*.ko" -exec mv -t ../modules {} +
		cd ..
		mv .config config
		rm -rf src fragment
		"${CROSS_COMPILE}strip" -g -o vmlinux.boot vmlinux' sh "$1" "$release" "$variables" >&2
}

# what modules are built against: the kernel itself need not be built again
make_tree() {
	add_packages
	printf "%s\n" "$fragment" > "$1/fragment"
	"$here/lab.sh" sh -euc "$unpack"'
		new=/cache/${1##*/}
		unpack "$new" "$2"
		IFS="
"
		# shellcheck disable=SC2086
		make -s -j"$(nproc)" $3 modules_prepare
		cmp .config "/cache/$4/config"' sh "$1" "$release" "$variables" "kernel-$name" >&2
}

"$here/lab.sh" >/dev/null
fragment=$(fragment "$config")
# shellcheck disable=SC2046
set -- 6.12 trixie $(echo "$fragment" | sed -n 's/^# linux //p')
shift $(($# - 2))
release=$1 source_suite=$2
variables=$(echo "$fragment" | sed -n 's/^# make //p')
needs=$(echo "$fragment" | sed -n 's/^# needs //p')
build fetch_source "linux-source-$release"
build make_kernel "kernel-$name"
[ ! "$with_tree" ] || build make_tree "tree-$name"
echo "$cache/kernel-$name"
