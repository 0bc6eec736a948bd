#!/usr/bin/env python3
"""Spoil pages of an unflattened kdump file: their descriptors no longer make sense, all else stays.

Result: the file is changed in place; the pages at the physical addresses read as corrupt.

Usage:  spoil.py DUMP PHYSICAL-ADDRESS...
"""
import struct
import sys


def spoil(path, addresses):
    with open(path, "r+b") as file:
        header = file.read(464)
        if header[:8] != b"KDUMP   ":
            sys.exit(f"spoil.py: {path}: not a kdump file, or a flattened one")
        block, sub_header, bitmaps = struct.unpack_from("<iiI", header, 428)
        file.seek(block * (1 + sub_header + bitmaps // 2))
        present = file.read(block * bitmaps // 2)
        table = block * (1 + sub_header + bitmaps)
        for address in addresses:
            pfn = address // block
            if not present[pfn >> 3] >> (pfn & 7) & 1:
                sys.exit(f"spoil.py: {address:#x} is not in the dump")
            before = int.from_bytes(present[:pfn >> 3], "little").bit_count()
            before += (present[pfn >> 3] & (1 << (pfn & 7)) - 1).bit_count()
            file.seek(table + 24 * before + 8)
            file.write(struct.pack("<I", 0xffffffff))       # more bytes than a block has


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit("usage: spoil.py DUMP PHYSICAL-ADDRESS...")
    spoil(sys.argv[1], [int(word, 0) for word in sys.argv[2:]])
