#!/usr/bin/env python3
"""Split a kdump-compressed dump into parts, as makedumpfile --split does.

Needs:  a kdump-compressed file (version 6), flattened or not.
Result: OUT.1, OUT.2, ...: each with the header, the notes and both bitmaps, and the pages of its range.

Usage:  split.py IN OUT [--parts 2]
"""
import argparse
import struct
import tempfile

from reblock import DESCRIPTOR_SIZE, FLAT_SIGNATURE, Dump, unflatten


def write_part(dump, out, start, end):
    """Write the pages with start <= frame < end."""
    sub_blocks, bitmap_blocks = struct.unpack_from("<iI", dump.view, 432)
    table = dump.block * (1 + sub_blocks + bitmap_blocks)
    head = bytearray(dump.view[:table])
    struct.pack_into("<i", head, dump.block + 12, 1)
    struct.pack_into("<QQ", head, dump.block + 16, start, end)
    struct.pack_into("<QQ", head, dump.block + 80, start, end)
    mine = [index for frame, index in dump.pages() if start <= frame < end]
    data = table + len(mine) * DESCRIPTOR_SIZE
    written = {}  # offset in the source -> offset here: zero pages share theirs
    out.write(head)
    for index in mine:
        offset, size = dump.offsets[index], dump.sizes[index]
        if offset not in written:
            written[offset] = data
            data += size & 0xffffffff
        out.write(struct.pack("<QQQ", written[offset], size, 0))
    for index in mine:
        offset = dump.offsets[index]
        if written.pop(offset, None) is not None:
            out.write(dump.view[offset:offset + (dump.sizes[index] & 0xffffffff)])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--parts", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryFile() as plain, open(options.source, "rb") as file:
        if file.read(16) == FLAT_SIGNATURE:
            unflatten(file, plain)
            plain.flush()
            file = plain
        dump = Dump(file)
        present = [frame for frame, _ in dump.pages()]
        edges = [present[len(present) * i // options.parts] for i in range(options.parts)]
        edges = [0] + edges[1:] + [dump.frames]
        for i in range(options.parts):
            with open(f"{options.target}.{i + 1}", "wb") as out:
                write_part(dump, out, edges[i], edges[i + 1])


if __name__ == "__main__":
    main()
