#!/bin/sh
# Make the corpus of faults (test-dumps/corpus): its kernels, their module, and the dumps of its cases.
# Needs:  lab.sh, kernel-small.sh. The first time minutes for each kernel, then about 10 s a case.
# Result: $cache/corpus/NAME/ for each case, see corpus.py, which has the options.
#
# Usage:  corpus.sh [--again] [NAME]...
. "$(dirname "$0")/lib.sh"

make_module() {
	"$here/lab.sh" sh -euc '
		new=/cache/corpus/${1##*/}
		cp -r test-dumps/corpus/module "$new/src"
		export ARCH=loongarch CROSS_COMPILE=loongarch64-linux-gnu-
		# of what the kernel itself gives nothing is known here: it was built elsewhere
		make -s -j"$(nproc)" -C "/cache/tree-$2/src" M="$new/src" KBUILD_MODPOST_WARN=1 KCFLAGS="-ffile-prefix-map=$new/src=/mishap" \
			modules >"$new/log" 2>&1 || { cat "$new/log" >&2; exit 1; }
		mv "$new/src/mishap.ko" "$new/"
		rm -rf "$new/src" "$new/log"
		mkdir "$new/small"
		for module in /cache/kernel-$2/modules/*.ko "$new/mishap.ko"; do
			"${CROSS_COMPILE}strip" -g -o "$new/small/${module##*/}" "$module"
		done
		"${CROSS_COMPILE}gcc" -O2 -ffreestanding -fno-stack-protector -nostdlib -static -s -o "$new/small/service" \
			test-dumps/corpus/service.c
		python3 -B tests/lab/initrd.py "$new.gz" /usr/lib/lakvm/busybox test-dumps/corpus/init.sh "$new"/small/*
		mv "$new.gz" "/cache/corpus/initrd-$2.gz"
		rm -rf "$new/small"' sh "$1" "$2" >&2
}

mkdir -p "$cache/corpus"
inputs=$(cat "$tree"/test-dumps/corpus/module/* "$tree/test-dumps/corpus/init.sh" "$tree/test-dumps/corpus/service.c" | sha256sum)
for kernel in $("$here/lab.sh" python3 -B tests/lab/corpus.py --list "$@" | awk '$2 != "none" { print $2 }' | sort -u); do
	"$here/kernel-small.sh" --tree "$kernel" >/dev/null
	if [ "$inputs" != "$(cat "$cache/corpus/modules-$kernel/inputs" 2>/dev/null)" ]; then
		rm -rf "$cache/corpus/modules-$kernel" "$cache/corpus/boot-$kernel"-*
		mkdir "$cache/corpus/modules-$kernel"
		make_module "$cache/corpus/modules-$kernel" "$kernel"
		echo "$inputs" > "$cache/corpus/modules-$kernel/inputs"
	fi
done
exec "$here/lab.sh" python3 -B tests/lab/corpus.py "$@"
