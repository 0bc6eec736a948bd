#!/bin/sh
# Build crash for LoongArch64 dumps on this machine, whatever its own architecture: $cache/crash-SUITE.
# Needs:  to be root on a Debian machine with a network, the first time; about five minutes on two cores.
# Result: crash and defs.h, its header, in one directory, whose path goes to standard output. SUITE is the
#         Debian suite that has the version: forky (what the LoongArch64 machine of loong64.sh runs; the
#         default), or trixie for 8.0.6, which carries gdb 10.2.
#
# Usage:  crash.sh [SUITE]
. "$(dirname "$0")/lib.sh"

suite=${1:-$suite}

# crash is built around a gdb that it patches: an archive inside its own, or one beside it in Debian's
# newer packages, with a later release of gdb than the patch names and nothing else changed.
unpack() {
	tar -x --strip-components=1 -f crash_*.orig.tar.*
	gdb=$(sed -n 's/.*"GDB=\(gdb-[0-9.]*\)".*/\1/p' configure.c | tail -n 1)
	mkdir "$gdb"
	for archive in "$gdb".tar.* crash_*.orig-gdb.tar.*; do
		[ ! -f "$archive" ] || tar -x --transform 's,^\(\./\)*gdb[^/]*,'"$gdb"',' -f "$archive"
	done
	patch -s -p0 <"$gdb.patch"
	cp "$gdb.patch" "$gdb/"
	echo LOONGARCH64 >"$gdb/crash.target" # as crash's make notes for which target it unpacked it
	# An extension for this machine is refused for LoongArch targets, as it is not for ARM64 and others.
	sed -i '/case EM_X86_64:/{n;s/if (machine_type(/if (machine_type("LOONGARCH64") || machine_type(/}' symbols.c
	[ "$(grep -c 'machine_type("LOONGARCH64") ||' symbols.c)" = 1 ] || die "crash's symbols.c is not as it was"
}

make_crash() {
	work=$1/work
	mkdir -p "$work/lists/partial" "$work/archives/partial"
	cd "$work"
	echo "deb-src $(mirror) $suite main" >sources
	set -- -o "Dir::State::Lists=$work/lists" -o "Dir::Etc::SourceList=$work/sources" -o Dir::Etc::SourceParts=/dev/null \
		-o APT::Sandbox::User=root -o Acquire::Check-Valid-Until=false
	apt-get -qq "$@" update >&2
	eval "$fetch_orig"
	components='-gdb' fetch_orig crash . "$@" >&2
	unpack
	echo -DLZO -DSNAPPY -DZSTD >CFLAGS.extra
	echo -llzo2 -lsnappy -lzstd >LDFLAGS.extra
	# Without debug information of its own, and without manuals, which the archive lacks: where makeinfo is not installed, its
	# configure takes no other name for it but from make itself. -O1 of gdb's C++ takes 0.7 of the time of -O2, and what crash
	# asks of it is no slower for that.
	CFLAGS=-O2 CXXFLAGS=-O1 make -j"$(nproc)" target=LOONGARCH64 MAKEINFO=true >build.log 2>&1 || {
		grep -B 12 '\*\*\* .*Error' build.log | head -n 60 | grep . >&2 || tail -n 20 build.log >&2
		exit 1
	}
	strip -g -o ../crash crash
	cp defs.h ..
	cd ..
	rm -rf work
	./crash --version | sed 1q >&2
}

if [ ! -d "$cache/crash-$suite" ]; then
	command -v apt-get >/dev/null || die "crash is built from Debian's source package: without apt, build it by hand"
	changes "building crash in $cache/crash-$suite (4 MB, about five minutes on two cores, once)"
fi
need_root
need_tools gcc=gcc g++=g++ make=make bison=bison flex=flex gawk=gawk m4=m4 patch=patch strip=binutils xz=xz-utils
need_packages zlib1g-dev liblzo2-dev libsnappy-dev libzstd-dev libncurses-dev libgmp-dev libmpfr-dev
build make_crash "crash-$suite"
echo "$cache/crash-$suite"
