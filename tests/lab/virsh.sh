#!/bin/sh
# Make a host with libvirt, a chroot of this machine's architecture ($cache/virsh), start its daemons and run a
# command there.
# Needs:  root, a network the first time.
# Result: the command's own, run in /src, the source tree; /cache is the lab's cache. libvirtd and its guests (TCG) end
#         with the command. Without a command: the chroot's path.
#
# Usage:  virsh.sh [COMMAND...]
. "$(dirname "$0")/lib.sh"

packages=libvirt-daemon,libvirt-daemon-driver-qemu,libvirt-daemon-log,libvirt-clients,dbus-daemon,\
qemu-system-misc,qemu-efi-loongarch64,gdb-multiarch,python3,zstd,util-linux,procps

# What a container or chroot has no use for is off: guests run as root, in no cgroup and no namespace.
settings='user = "root"
group = "root"
security_driver = "none"
namespaces = []
cgroup_controllers = []
dynamic_ownership = 0'

make_host() {
	mmdebstrap --quiet --mode=root --aptopt='Acquire::Check-Valid-Until "false"' \
		--aptopt="APT::Default-Release \"$suite\"" --aptopt='APT::Sandbox::User "root"' \
		--dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
		--dpkgopt='path-exclude=/usr/share/locale/*' --dpkgopt=force-unsafe-io \
		--variant=minbase --include="$packages" "$suite" "$1/image" "deb $(mirror) $suite main" >&2
	echo "$settings" >"$1/image/etc/libvirt/qemu.conf"
	echo "$packages" >"$1/image/etc/lakvm-packages"
	mv "$1/image" "$1.root"
	rmdir "$1"
	mv "$1.root" "$1"
}

need_root
need_tools mmdebstrap=mmdebstrap newuidmap=uidmap
forget_if_stale virsh "$packages"
build make_host virsh
if [ $# = 0 ]; then
	echo "$cache/virsh"
	exit
fi
# shellcheck disable=SC2016
within "$cache/virsh" unshare --pid --fork --kill-child --mount-proc --propagation unchanged sh -c '
	for folder in /run /etc/libvirt/qemu /var/lib/libvirt /var/log/libvirt; do mount -t tmpfs tmpfs $folder; done
	mkdir -p /run/dbus /run/lock
	dbus-daemon --system --fork && virtlogd -d && libvirtd -d || exit 1
	cd /src && "$@"' sh "$@"
