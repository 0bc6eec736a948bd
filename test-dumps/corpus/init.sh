#!/bin/sh
# /init of the corpus' guests: makes things ready, then runs each line that comes over the console in a shell of its own.
# A guest whose console is elsewhere runs what "run=" on the kernel's command line says.
export PATH=/bin
/bin/busybox mkdir -p /proc /sys /dev /tmp
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
mount -t debugfs debug /sys/kernel/debug
mount -t tmpfs tmp /tmp
[ -c /dev/kmsg ] || mknod /dev/kmsg c 1 11

script() { # NAME BODY: a command that is called NAME
	printf '#!/bin/sh\n%s\n' "$2" > "/bin/$1"
	chmod 755 "/bin/$1"
}
# shellcheck disable=SC2016
{
	script mishap 'case ${2:-process} in process) cpu=${3:-0} ;; *) cpu=0 ;; esac
exec taskset $(printf %x $((1 << cpu))) sh -c "echo $* > /sys/kernel/debug/mishap"'
	script lkdtm 'exec taskset $(printf %x $((1 << ${2:-0}))) sh -c "echo $1 > /sys/kernel/debug/provoke-crash/DIRECT"'
	script sysrq 'exec taskset $(printf %x $((1 << ${2:-0}))) sh -c "echo $1 > /proc/sysrq-trigger"'
	script on 'mask=$(printf %x $((1 << $1))); shift; exec taskset $mask "$@"'
	script spin-user 'while :; do :; done'
	script spin-system 'exec dd if=/dev/zero of=/dev/null bs=64k'
	script sleep-long 'sleep 100000'
}
echo 1 > /proc/sys/kernel/panic_on_oops
{ echo 1 > /proc/sys/kernel/sysrq; } 2>/dev/null
for module in /modules/*.ko; do
	[ "$module" = /modules/later.ko ] || insmod "$module"
done
sleep-long &
echo "=== corpus ready ===" > /dev/kmsg
if [ "$run" ]; then
	sleep 2
	sh -c "$run" &
	while :; do sleep 1000; done
fi
# What QEMU 11.1 emulates loses the timers of idle CPUs when it moves: a CPU that works sets its own anew.
wake() {
	for cpu in $(seq 0 $(($(nproc) - 1))); do
		taskset "$(printf %x $((1 << cpu)))" true
	done
}
stty -echo < /dev/console
while read -r line; do
	wake
	echo "=== corpus runs: ${line%% *} ===" > /dev/kmsg
	sh -c "$line" < /dev/null &
done < /dev/console
while :; do sleep 1000; done
