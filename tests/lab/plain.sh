#!/bin/sh
# Make what a guest needs whose kernel cannot save vector registers (before Linux 6.5): $cache/plain, with a static
# busybox, and a C library for the lab's own programs. Debian's own are compiled for CPUs with LSX.
# Needs:  lab.sh, loong64.sh (the kernel's headers for programs); a network the first time.
# Result: busybox, and bin/musl-gcc, a compiler of static LoongArch64 programs for use in the lab's chroot; the
#         directory's path on standard output. A minute on two cores.
. "$(dirname "$0")/lib.sh"

make_plain() {
	LAKVM_MIRROR=$(mirror)
	# shellcheck disable=SC2016
	"$here/lab.sh" sh -euc "$fetch_orig"'
		new=/cache/${1##*/}
		cd "$new"
		mkdir -p lists/partial archives/partial
		echo "deb-src $2 $3 main" > sources
		set -- -o "Dir::State::Lists=$new/lists" -o "Dir::Etc::SourceList=$new/sources" -o Dir::Etc::SourceParts=/dev/null
		apt-get -qq "$@" update
		for name in musl busybox; do
			fetch_orig "$name" . "$@"
			tar -x -f ${name}_*.orig.tar.*
		done

		cd musl-[0-9]*/
		./configure --prefix="$new" --target=loongarch64 --disable-shared --enable-wrapper=gcc CFLAGS=-march=loongarch64 \
			CROSS_COMPILE=loongarch64-linux-gnu- CC=loongarch64-linux-gnu-gcc >/dev/null
		make -s -j"$(nproc)" install
		cp -rL /cache/loong64/usr/include/linux /cache/loong64/usr/include/asm-generic \
			/cache/loong64/usr/include/loongarch64-linux-gnu/asm "$new/include"
		sed -i "s/^exec .*gcc[^ ]*/& -march=loongarch64 -static -no-pie/" "$new/bin/musl-gcc"
		cd ../busybox-[0-9]*/
		make -s allnoconfig >/dev/null
		# what init.sh uses
		for name in LFS FEATURE_INSTALLER DESKTOP SH_IS_ASH ASH ASH_ECHO ASH_PRINTF ASH_TEST FEATURE_SH_MATH BUSYBOX CAT CHMOD \
			DD ECHO EGREP GREP INSMOD MKDIR MKFIFO MKSWAP MOUNT PRINTF PS RM SLEEP SWAPON TASKSET TEST TEST1 TRUE UNAME USLEEP; do
			sed -i "s/^# CONFIG_$name is not set/CONFIG_$name=y/" .config
		done
		yes "" | make -s oldconfig >/dev/null
		make -s -j"$(nproc)" CC="$new/bin/musl-gcc" AR=loongarch64-linux-gnu-ar STRIP=loongarch64-linux-gnu-strip busybox
		mv busybox ..
		cd ..
		sed -i "s|$new|/cache/plain|g" bin/musl-gcc lib/musl-gcc.specs
		rm -rf musl-* busybox-* *.orig.tar.* lists archives sources
		' sh "$1" "$LAKVM_MIRROR" "$suite" >&2
}

"$here/loong64.sh" >/dev/null
build make_plain plain
echo "$cache/plain"
