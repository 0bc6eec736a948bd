#!/bin/sh
# Unpack the sample dump.
# Needs:  xz; python3 for the re-blocked form.
# Result: DIR/vmlinux, DIR/dump.kdump (flattened, 4096-byte blocks, as virsh dump writes it) and
#         DIR/dump.16k (16 KiB blocks, as older QEMU wrote), checked against SHA256SUMS.
#
# Usage:  unpack.sh DIR
set -eu
here=$(cd "$(dirname "$0")" && pwd)
[ $# = 1 ] || { echo "usage: unpack.sh DIR" >&2; exit 1; }
mkdir -p "$1"
for file in vmlinux dump.kdump; do
	xz -d -c "$here/$file.xz" > "$1/$file.new"
	mv "$1/$file.new" "$1/$file"
done
(cd "$1" && grep -E ' (vmlinux|dump\.kdump)$' "$here/SHA256SUMS" | sha256sum --check --quiet)
if command -v python3 >/dev/null; then
	python3 -B "$here/../../tests/lab/reblock.py" "$1/dump.kdump" "$1/dump.16k"
fi
