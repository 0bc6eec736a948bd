#!/usr/bin/env python3
"""Make a dump whose kernel log is lost: the ring of printk, its descriptors and its text, is zeros in it.

Needs:  a kdump-compressed dump, flattened or not, and its vmlinux; binutils' nm. The kernel may have moved itself by up to
        32 MiB in steps of 64 KiB. A ring that was made larger at boot (log_buf_len=) is refused.
Result: OUT, flattened, in the same blocks.

Usage:  wipe_log.py VMLINUX IN OUT
"""
import os
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import reblock  # noqa: E402

DIRECT = 0x9000000000000000     # where cached physical memory begins
RING = ("__log_buf", "_printk_rb_static_descs", "_printk_rb_static_infos")


def symbols(vmlinux):
    """{name: (address, size)} of the variables."""
    listing = subprocess.run(["nm", "-S", vmlinux], stdout=subprocess.PIPE, check=True, text=True).stdout
    found = {}
    for line in listing.splitlines():
        words = line.split()
        if len(words) == 4 and words[2] in "bBdD":
            found[words[3]] = int(words[0], 16), int(words[1], 16)
    return found


class Wiped(reblock.Dump):
    """A dump in which some ranges of physical memory are zeros."""

    def __init__(self, file):
        super().__init__(file)
        self.index_of = dict(self.pages())
        self.frame_of = {index: frame for frame, index in self.index_of.items()}
        self.ranges = []

    def read(self, address, size):
        data = b""
        while len(data) < size:
            frame, begin = divmod(address + len(data), self.block)
            index = self.index_of.get(frame)
            page = bytes(self.block) if index is None else super().page(index)
            data += page[begin:begin + size - len(data)]
        return data

    def page(self, index):
        page, begin = super().page(index), self.frame_of[index] * self.block
        for first, end in self.ranges:
            low, high = max(first, begin) - begin, min(end, begin + self.block) - begin
            if low < high:
                page = page[:low] + bytes(high - low) + page[high:]
        return page


def moved(dump, names):
    """How far the kernel moved itself. Where it was loaded its image stays, whose ring nobody has ever written to."""
    banner, ring, text = (names[name][0] - DIRECT for name in ("linux_banner", "prb", "__log_buf"))
    found = [offset for offset in range(0, 0x2000000, 0x10000)
             if dump.read(banner + offset, 14) == b"Linux version " and
             struct.unpack("<Q", dump.read(ring + offset, 8)) == (names["printk_rb_static"][0] + offset,) and
             any(dump.read(text + offset, 4096))]
    if len(found) != 1:
        raise ValueError(f"the kernel's ring of printk is in {len(found)} places")
    return found[0]


def main(vmlinux, source, target):
    names = symbols(vmlinux)
    where = os.path.dirname(os.path.abspath(target))
    with tempfile.TemporaryFile(dir=where) as plain, tempfile.TemporaryFile(dir=where) as made:
        with open(source, "rb") as file:
            if file.read(16) == reblock.FLAT_SIGNATURE:
                reblock.unflatten(file, plain)
            else:
                file.seek(0)
                plain.write(file.read())
        plain.flush()
        dump = Wiped(plain)
        offset = moved(dump, names)
        for name in RING:
            address, size = names[name]
            dump.ranges.append((address - DIRECT + offset, address - DIRECT + offset + size))
        reblock.write(dump, made, dump.block)
        made.seek(0)
        with open(target, "wb") as out:
            reblock.flatten(made, out)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    try:
        main(*sys.argv[1:])
    except (OSError, ValueError, KeyError, subprocess.SubprocessError) as problem:
        sys.exit(f"wipe_log.py: {problem}")
