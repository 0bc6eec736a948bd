#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Write bytes into the memory of an unflattened kdump file, as if the guest had held them.

Result: the file is changed in place: a changed page stands at its end, not compressed.

Usage:  poke.py DUMP PHYSICAL-ADDRESS=HEX-BYTES...
"""
import os
import struct
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import reblock  # noqa: E402


class Memory:
    """Reads and writes guest-physical memory of a dump."""

    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            self.dump = reblock.Dump(file)
        self.index = dict(self.dump.pages())
        self.changed = {}
        _, sub_blocks, bitmap_blocks = struct.unpack_from("<iiI", self.dump.header, 428)
        self.table = self.dump.block * (1 + sub_blocks + bitmap_blocks)

    def page(self, frame):
        """A page that can be changed. KeyError: it is not in the dump."""
        if frame not in self.changed:
            self.changed[frame] = bytearray(self.dump.page(self.index[frame]))
        return self.changed[frame]

    def read(self, address, size):
        block, data = self.dump.block, b""
        while size:
            frame, offset = divmod(address, block)
            page = self.changed.get(frame) or self.dump.page(self.index[frame])
            data += page[offset:offset + size]
            address, size = address + min(size, block - offset), max(0, size - (block - offset))
        return bytes(data)

    def word(self, address):
        return struct.unpack("<Q", self.read(address, 8))[0]

    def write(self, address, data):
        for at, byte in enumerate(data, address):
            self.page(at // self.dump.block)[at % self.dump.block] = byte

    def save(self):
        with open(self.path, "r+b") as file:
            for frame, data in self.changed.items():
                end = file.seek(0, os.SEEK_END)
                file.write(data)
                file.seek(self.table + reblock.DESCRIPTOR_SIZE * self.index[frame])
                file.write(struct.pack("<QII", end, self.dump.block, 0))


def main():
    if len(sys.argv) < 3:
        sys.exit("usage: poke.py DUMP PHYSICAL-ADDRESS=HEX-BYTES...")
    memory = Memory(sys.argv[1])
    for word in sys.argv[2:]:
        address, data = word.split("=")
        memory.write(int(address, 0), bytes.fromhex(data))
    memory.save()


if __name__ == "__main__":
    main()
