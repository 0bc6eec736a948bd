#!/bin/sh
# Get Debian's own loong64 kernel, with its debugging information: $cache/kernel-debian.
# Needs:  lab.sh; a network the first time (a package of 1.1 GB).
# Result: vmlinux (with debugging information), vmlinux.boot (what QEMU boots), release. 1 to 2 minutes.
. "$(dirname "$0")/lib.sh"

make_kernel() {
	"$here/lab.sh" sh -euc '
		cd "/cache/${1##*/}"
		apt-get -qq update
		package=$(apt-cache depends linux-image-loong64-dbg:loong64 |
			sed -n "s/.*Depends: \(linux-image-[^ :]*-dbg\).*/\1/p" | head -n 1)
		apt-get -qq download "$package:loong64"
		dpkg-deb --fsys-tarfile linux-image-*.deb |
			tar -x --wildcards "./usr/lib/debug/lib/modules/*/vmlinux" --strip-components=7
		rm linux-image-*.deb
		echo "${package#linux-image-}" | sed "s/-dbg$//" > release
		loongarch64-linux-gnu-strip -g -o vmlinux.boot vmlinux' sh "$1" >&2
}

"$here/lab.sh" >/dev/null
build make_kernel kernel-debian
echo "$cache/kernel-debian"
