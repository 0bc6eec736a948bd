#!/bin/sh
# /init of the lab's guests: says what the kernel itself knows (the truth to compare with), keeps
# every vCPU doing something different, then brings the guest down.
# Needs: busybox, modules in /modules, pages (pages.c) in /bin if it is to say what is in user space. Obeys on the kernel command line:
#   lakvm.do=sysrq-X | lkdtm-NAME | none      what ends the guest (default sysrq-c), done on CPU 0
#   lakvm.do=shoot                            CPU 0 hangs and CPU 1 waits for it (shoot.c)
#   lakvm.do=trace-return | trace-bpf | trace-fexit | trace-function | trace-graph   sysrq c with tracers' code on stacks
#                                             (trace.c)
#   lakvm.wait=SECONDS                        how long the busy tasks run before it (default 2)
#   lakvm.more=1                              before it, wait until the guest is given more memory, and use that
#   lakvm.kdump=1                             before it, load the crash kernel in /kdump
#   lakvm.load=1                              more of them, on every CPU: forks, page faults, files, timers, IPIs
# Result: on the console, sections between "=== lakvm NAME ===" lines, ended by "=== lakvm end ===". In a crash kernel
#         nothing but "=== lakvm vmcore SIZE ===", after /proc/vmcore was copied to the beginning of /dev/vda.
export PATH=/bin
/bin/busybox mkdir -p /proc /sys /dev /tmp
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev 2>/dev/null
mount -t debugfs debug /sys/kernel/debug 2>/dev/null
mount -t tmpfs tmp /tmp 2>/dev/null

say() { echo "=== lakvm $1 ==="; }

if [ -s /proc/vmcore ]; then
	dd if=/proc/vmcore of=/dev/vda bs=1M && sync && say "vmcore $(stat -c %s /proc/vmcore)"
	while :; do sleep 1000; done
fi

do=sysrq-c wait=2 load= more= kdump=
for word in $(cat /proc/cmdline); do
	case $word in
	lakvm.do=*) do=${word#*=} ;;
	lakvm.wait=*) wait=${word#*=} ;;
	lakvm.more=*) more=${word#*=} ;;
	lakvm.load=*) load=${word#*=} ;;
	lakvm.kdump=*) kdump=${word#*=} ;;
	esac
done
for module in /modules/*.ko; do
	[ -f "$module" ] && insmod "$module"
done

script() { # NAME BODY: a task that is called NAME
	printf '#!/bin/sh\n%s\n' "$2" > "/bin/$1"
	chmod 755 "/bin/$1"
}
script spin-user 'while :; do :; done'
script spin-system 'exec dd if=/dev/zero of=/dev/null bs=64k'
script sleep-long 'sleep 100000'
script wait-pipe 'cat /tmp/pipe'
script load-fork 'while :; do /bin/true; done'
script load-files 'while :; do dd if=/dev/zero of=/tmp/$$ bs=16k count=64; rm /tmp/$$; done 2>/dev/null'
script load-proc 'while :; do cat /proc/*/stat /proc/*/maps; done >/dev/null 2>&1'
script load-move 'while :; do for mask in 1 2 4 8; do taskset -p $mask $1; usleep 3000; done; done >/dev/null 2>&1'
script load-pipe 'while :; do echo; done | while read -r line; do :; done'
script end-guest 'case $1 in
sysrq-*) echo "${1#sysrq-}" > /proc/sysrq-trigger ;;
lkdtm-*) echo "${1#lkdtm-}" > /sys/kernel/debug/provoke-crash/DIRECT ;;
shoot) exec shoot 0 1 ;;
trace-*) exec trace "${1#trace-}" ;;
esac'

if [ -x /bin/pages ]; then
	[ -b /dev/ram0 ] && mkswap /dev/ram0 >/dev/null && swapon /dev/ram0
	{ echo 1 > /proc/sys/vm/nr_hugepages; } 2>/dev/null
	pages make &
fi
mkfifo /tmp/pipe
taskset 2 spin-user &
taskset 4 spin-system 2>/dev/null &
sleep-long &
wait-pipe &
if [ "$load" ]; then
	for name in fork files proc pipe; do
		"load-$name" &
		load-move $! &
	done
fi
if [ "$more" ]; then
	said=$(grep MemTotal /proc/meminfo)
	say more
	while [ "$said" = "$(grep MemTotal /proc/meminfo)" ]; do sleep 1; done
	dd if=/dev/zero of=/tmp/more bs=1M count=400 2>/dev/null
fi
sleep "$wait"
for _ in 1 2 3 4 5 6 7 8 9 10; do
	[ -f /tmp/pages-ready ] || [ ! -x /bin/pages ] || sleep 1
done

if [ "$kdump" ]; then
	# the same kernel, not moved, at the beginning of what crashkernel= has reserved
	LD_LIBRARY_PATH=/lib64 /kdump/kexec -p /kdump/vmlinux.boot --initrd=/kdump/crash.gz \
		--append='console=ttyS0,115200 nokaslr nr_cpus=1 reset_devices'
	say "crash kernel $(cat /sys/kernel/kexec_crash_loaded)"
fi

# tasks that sleep, and one that computes without asking for memory
quiet() {
	for dir in /proc/[0-9]*; do
		case $(cat "$dir/comm" 2>/dev/null) in
		pages | sleep-long | wait-pipe | spin-user) echo "${dir#/proc/}" ;;
		esac
	done
}

# of memory, where it can be plugged in: their size, and "NUMBER STATE NODE" of each
blocks() (
	cd /sys/devices/system/memory 2>/dev/null || exit
	echo "size $(cat block_size_bytes)"
	for dir in memory*; do
		echo "${dir#memory} $(cat "$dir/state") $(echo "$dir"/node*)"
	done
)

frames() {
	[ ! -x /bin/pages ] || pages frames 1500
}

# one sheet, written at once: the console is shared with the kernel
{
	say frames; frames
	say uname; uname -a
	say cmdline; cat /proc/cmdline
	say meminfo; cat /proc/meminfo
	say zoneinfo; grep -E '^Node|spanned|start_pfn' /proc/zoneinfo
	say blocks; blocks
	say modules; cat /proc/modules
	say iomem; cat /proc/iomem
	say cpuinfo; grep -E '^(processor|package|core|global_id)' /proc/cpuinfo
	say ps; ps -o pid,ppid,stat,comm 2>/dev/null || ps
	say stacks
	for dir in /proc/[0-9]*; do
		echo "pid ${dir#/proc/} $(cat "$dir/comm" 2>/dev/null)"
		cat "$dir/stack" 2>/dev/null
	done
	# shellcheck disable=SC2046
	if [ -x /bin/pages ]; then
		say swaps; cat /proc/swaps
		say pages; pages show $(quiet)
	fi
	say frames-again; frames
	say end
} > /tmp/sheet
cat /tmp/sheet

echo 1 > /proc/sys/kernel/panic_on_oops
echo 1 > /proc/sys/kernel/sysrq
if [ "$do" = none ]; then
	say ready
else
	say "$do"
	sleep 1
	taskset 1 end-guest "$do" &
fi
while :; do sleep 1000; done
