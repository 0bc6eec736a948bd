#!/bin/sh
# Make the sample dump that is kept in the tree anew, from nothing.
# Needs:  what tests/lab needs: root on a Debian machine, a network the first time, 15 GB of disk. About
#         10 minutes from an empty cache, 2 with a warm one.
# Result: vmlinux.xz, dump.kdump.xz, truth/ and SHA256SUMS, in this directory. Addresses, times and
#         process numbers in a new dump differ from the old one's.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
lab=$here/../../tests/lab

case=$("$lab/case.sh" sample)
"$lab/lab.sh" --case "$case" sh -euc '
	sh tests/lab/slim.sh /case/vmlinux /case/vmlinux.slim
	cd test-dumps/sample
	rm -rf truth
	mkdir truth
	for file in serial.log registers.txt gdb-stacks.txt translations.txt users.txt running.txt meta.json; do
		cp "/case/$file" truth/
	done
	xz -9e -c /case/vmlinux.slim > vmlinux.xz
	xz -9e -c /case/dump.kdump > dump.kdump.xz
	{
		echo "$(sha256sum < /case/vmlinux.slim | cut -d" " -f1)  vmlinux"
		echo "$(sha256sum < /case/dump.kdump | cut -d" " -f1)  dump.kdump"
		sha256sum vmlinux.xz dump.kdump.xz truth/*
	} > SHA256SUMS'
