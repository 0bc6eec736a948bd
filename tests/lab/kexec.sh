#!/bin/sh
# Fetch what loads a crash kernel in a guest, Debian's kexec: $cache/kexec.
# Needs:  lab.sh, loong64.sh (the C library that it is linked with); a network the first time.
# Result: kexec, its dynamic linker and libc.so.6; the directory's path on standard output.
. "$(dirname "$0")/lib.sh"

fetch_kexec() {
	LAKVM_MIRROR=$(mirror)
	"$here/lab.sh" sh -euc '
		new=/cache/${1##*/}
		mkdir -p "$new/lists/partial" "$new/archives/partial"
		cd "$new"
		echo "deb [arch=loong64] $2 $3 main" > sources
		set -- -o "Dir::State::Lists=$new/lists" -o "Dir::Etc::SourceList=$new/sources" -o Dir::Etc::SourceParts=/dev/null
		apt-get -qq "$@" update
		apt-get -qq "$@" download kexec-tools:loong64
		dpkg-deb -x kexec-tools_*.deb files
		cp "$(find files -type f -name kexec)" /cache/loong64/lib64/ld-linux-loongarch-lp64d.so.1 \
			/cache/loong64/usr/lib/loongarch64-linux-gnu/libc.so.6 .
		rm -rf lists archives sources files kexec-tools_*.deb' sh "$1" "$LAKVM_MIRROR" "$suite" >&2
}

"$here/loong64.sh" >/dev/null
build fetch_kexec kexec
echo "$cache/kexec"
