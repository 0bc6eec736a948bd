#!/bin/sh
# Make the dumps of one case, with the truth about them: $cache/case-NAME.
# Needs:  lab.sh, run64.sh and the case's kernel (made if they are not there); test-dumps/NAME/case, which sets
#         kernel (sample: of our own, debian: the distribution's) and may set memory, vcpus, append, until,
#         settle, timeout, device, at, monitor, first, bare (see guest.py), firmware=1 (boot by EDK2, of a kernel with an EFI
#         stub) or firmware=pflash (from flash memory, as libvirt does), plain=1 (programs without vector instructions, see plain.sh), or instants, for a guest that is
#         frozen so many times while it works, with anywhere=1 not only where blocks of code begin (see frozen.py);
#         kdump=1 loads a crash kernel first, which makes a vmcore (see guest.py), kdump=load just loads it.
# Result: what guest.py or frozen.py takes; the directory's path on standard output.
#
# Usage:  case.sh NAME
. "$(dirname "$0")/lib.sh"

[ $# = 1 ] && [ -f "$tree/test-dumps/$1/case" ] || die "usage: case.sh NAME; NAME is a directory of test-dumps"
memory=1G vcpus=2 append='console=ttyS0,115200 earlycon=uart8250,mmio,0x1fe001e0'
until='end Kernel panic' settle=1 timeout=180 device='' at='' monitor='' firmware='' plain='' instants='' anywhere='' first='' bare='' kdump=''
. "$tree/test-dumps/$1/case"

taker=tests/lab/guest.py how=--settle
[ -z "$instants" ] || taker=tests/lab/frozen.py how=--instants

make_case() {
	# shellcheck disable=SC2016
	programs='for program in pages shoot trace; do
		"$1" -O2 -Wall -Werror -static -pthread -s -o "$CACHE/$2/$program" "tests/lab/$program.c"
	done'
	if [ "$plain" ]; then
		"$here/plain.sh" >/dev/null
		"$here/lab.sh" env CACHE=/cache sh -euc "$programs" sh /cache/plain/bin/musl-gcc "${1##*/}" >&2
		busybox=/cache/plain/busybox
	else
		"$here/run64.sh" sh -euc "$programs" sh cc "${1##*/}" >&2
		busybox=/usr/lib/lakvm/busybox
	fi
	[ -z "$kdump" ] || "$here/kexec.sh" >/dev/null
	# shellcheck disable=SC2154
	"$here/lab.sh" sh -euc '
		new=/cache/${1##*/} kernel=/cache/$2 boot=/cache/$2/vmlinux.boot firmware=$3 busybox=$4 kdump=$5
		shift 5
		if [ "$firmware" ]; then # the EFI image is the kernel without its ELF headers
			boot=$new/vmlinux.efi
			loongarch64-linux-gnu-objcopy -O binary "$kernel/vmlinux.boot" "$boot"
			flash="-drive if=pflash,format=raw,readonly=on,file=/usr/share/qemu-efi-loongarch64/QEMU_EFI.fd"
			[ "$firmware" = pflash ] || flash="-bios /usr/share/qemu-efi-loongarch64/QEMU_EFI.fd"
			set -- "$@" --device "$flash"
		fi
		set -- "$@" --kernel "$boot" --vmlinux "$kernel/vmlinux" --out "$new"
		set -- "$@" --initrd "$new/initrd.gz"
		more=$(ls "$kernel"/modules/*.ko 2>/dev/null || true)
		if [ "$kdump" ]; then
			python3 -B tests/lab/initrd.py "$new/crash.gz" "$busybox" tests/lab/init.sh
			more="$more kdump=$new/crash.gz kdump=$kernel/vmlinux.boot kdump=/cache/kexec/kexec"
			more="$more lib64=/cache/kexec/ld-linux-loongarch-lp64d.so.1 lib64=/cache/kexec/libc.so.6"
		fi
		python3 -B tests/lab/initrd.py "$new/initrd.gz" "$busybox" tests/lab/init.sh "$new/pages" "$new/shoot" "$new/trace" $more
		exec python3 -B "$@"' sh \
		"$1" "kernel-$kernel" "$firmware" "$busybox" "$kdump" "$taker" --memory "$memory" --vcpus "$vcpus" --append "$append" --until "$until" \
		--timeout "$timeout" ${device:+--device "$device"} $([ "$kdump" != 1 ] || echo --kdump) \
		$([ "$kdump" != load ] || echo --no-gdb) \
		${bare:+--bare} ${first:+--first "$first"} ${at:+--at "$at" --monitor "$monitor"} ${anywhere:+--anywhere} "$how" "${instants:-$settle}" >&2
}

case $kernel in
debian) "$here/kernel-debian.sh" >/dev/null ;;
*) "$here/kernel-small.sh" "$kernel" >/dev/null ;;
esac
build make_case "case-$1"
echo "$cache/case-$1"
