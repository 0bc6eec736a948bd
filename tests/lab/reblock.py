#!/usr/bin/env python3
"""Re-block a kdump-compressed dump: QEMU writes 4096-byte blocks, older ones wrote the guest's page size.

Needs:  a kdump-compressed file (version 6, zlib or uncompressed), flattened or not, any block size.
Result: OUT with the same memory and notes in blocks of --block-size bytes, zlib-compressed;
        not flattened unless --flatten is given. A block holds zeros where the source lacks memory.

Usage:  reblock.py IN OUT [--block-size 16384] [--flatten]
"""
import argparse
import array
import mmap
import os
import struct
import tempfile
import zlib

SIGNATURE = b"KDUMP   "
FLAT_SIGNATURE = b"makedumpfile\0\0\0\0"
ZLIB = 0x01
HEADER_SIZE, SUB_HEADER_SIZE, DESCRIPTOR_SIZE = 464, 104, 24
FLAT_RECORD = 16384


def unflatten(source, target):
    """Put the records of a flattened file where they belong."""
    source.seek(4096)
    while True:
        offset, length = struct.unpack(">qq", source.read(16))
        if offset == -1:
            return
        target.seek(offset)
        target.write(source.read(length))


def flatten(source, out):
    """Write a plain file as a flattened one."""
    out.write((FLAT_SIGNATURE + struct.pack(">qq", 1, 1)).ljust(4096, b"\0"))
    offset = 0
    while True:
        data = source.read(FLAT_RECORD)
        if not data:
            break
        out.write(struct.pack(">qq", offset, len(data)) + data)
        offset += len(data)
    out.write(struct.pack(">qq", -1, -1))


class Dump:
    """A kdump-compressed file to read from."""

    def __init__(self, file):
        self.view = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        if self.view[:8] != SIGNATURE:
            raise ValueError("not a kdump-compressed file")
        self.header = self.view[:HEADER_SIZE]
        self.block, sub_blocks, bitmap_blocks = struct.unpack_from("<iiI", self.view, 428)
        self.sub = self.view[self.block:self.block + SUB_HEADER_SIZE]
        note, size = struct.unpack_from("<qQ", self.sub, 48)
        self.notes = self.view[note:note + size]
        self.frames = struct.unpack_from("<Q", self.sub, 96)[0]
        bitmap = self.block * (1 + sub_blocks)
        half = bitmap_blocks // 2 * self.block
        self.present = self.view[bitmap + half:bitmap + 2 * half]
        table = bitmap + bitmap_blocks * self.block
        count = sum(bin(byte).count("1") for byte in self.present)
        words = array.array("Q", self.view[table:table + count * DESCRIPTOR_SIZE])
        self.offsets = words[0::3]
        self.sizes = words[1::3]        # size in the low half, flags in the high half
        self.zero = self.find_zero()

    def find_zero(self):
        """The file offset of the block that every all-zero page shares, if there is one."""
        for offset, size in zip(self.offsets, self.sizes):
            if size == self.block and not any(self.view[offset:offset + self.block]):
                return offset
        return -1

    def page(self, index):
        offset, size = self.offsets[index], self.sizes[index]
        data = self.view[offset:offset + (size & 0xffffffff)]
        return zlib.decompress(data) if size >> 32 & ZLIB else data

    def pages(self):
        """(frame number, index of its descriptor) of every page that is there, in order."""
        index = 0
        for position, byte in enumerate(self.present):
            if byte:
                for bit in range(8):
                    if byte >> bit & 1:
                        yield position * 8 + bit, index
                        index += 1


def blocks(dump, size):
    """(frame number in the new size, bytes or None for zeros) of every block, in order."""
    if size >= dump.block:
        per, at, parts = size // dump.block, None, {}
        for frame, index in dump.pages():
            if frame // per != at:
                if at is not None:
                    yield at, join(parts, per, dump.block)
                at, parts = frame // per, {}
            if dump.offsets[index] != dump.zero:
                parts[frame % per] = dump.page(index)
        if at is not None:
            yield at, join(parts, per, dump.block)
    else:
        per = dump.block // size
        for frame, index in dump.pages():
            page = None if dump.offsets[index] == dump.zero else dump.page(index)
            for part in range(per):
                yield frame * per + part, page and page[part * size:(part + 1) * size]


def join(parts, per, size):
    if not parts:
        return None
    return b"".join(parts.get(part) or bytes(size) for part in range(per))


def write(dump, out, size):
    """Write the dump to a file object in blocks of the given size."""
    frames = -(-dump.frames * dump.block // size)
    sub_blocks = -(-(SUB_HEADER_SIZE + len(dump.notes)) // size)
    half_blocks = -(-(-(-frames // 8)) // size)
    bitmap = bytearray(half_blocks * size)
    table = size * (1 + sub_blocks + 2 * half_blocks)
    present = list(frame for frame, _ in frames_only(dump, size))
    for frame in present:
        bitmap[frame >> 3] |= 1 << (frame & 7)
    descriptors = bytearray()
    data = table + len(present) * DESCRIPTOR_SIZE
    zero = (data, size, 0)
    out.seek(data)
    out.write(bytes(size))
    data += size
    for _, block in blocks(dump, size):
        if block is None or not any(block):
            place = zero
        else:
            packed = zlib.compress(block, 1)
            flags = ZLIB
            if len(packed) >= size:
                packed, flags = block, 0
            out.write(packed)
            place = (data, len(packed), flags)
            data += len(packed)
        descriptors += struct.pack("<qIIQ", *place, 0)
    out.seek(table)
    out.write(descriptors)

    header = bytearray(dump.header)
    struct.pack_into("<iiII", header, 428, size, sub_blocks, 2 * half_blocks, min(frames, 0xffffffff))
    sub = bytearray(dump.sub)
    info, info_size, note = struct.unpack_from("<qQq", dump.sub, 32)
    if info_size:
        struct.pack_into("<q", sub, 32, info - note + size + SUB_HEADER_SIZE)
    struct.pack_into("<qQ", sub, 48, size + SUB_HEADER_SIZE, len(dump.notes))
    struct.pack_into("<Q", sub, 96, frames)
    out.seek(0)
    out.write(header)
    out.seek(size)
    out.write(sub + dump.notes)
    out.seek(size * (1 + sub_blocks))
    out.write(bitmap + bitmap)


def frames_only(dump, size):
    """Like blocks(), without reading them."""
    last = None
    for frame, _ in dump.pages():
        first = frame * dump.block // size
        for new in range(first, first + max(1, dump.block // size)):
            if new != last:
                yield new, None
                last = new


def convert(source, target, size, flat=False):
    """Re-block the file source into the file target."""
    where = os.path.dirname(os.path.abspath(target))
    with tempfile.TemporaryFile(dir=where) as plain, open(source, "rb") as file:
        if file.read(16) == FLAT_SIGNATURE:
            unflatten(file, plain)
            plain.flush()
            dump = Dump(plain)
        else:
            dump = Dump(file)
        if flat:
            with tempfile.TemporaryFile(dir=where) as made, open(target, "wb") as out:
                write(dump, made, size)
                made.seek(0)
                flatten(made, out)
        else:
            with open(target, "wb") as out:
                write(dump, out, size)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("source")
    parser.add_argument("target")
    parser.add_argument("--block-size", type=int, default=16384)
    parser.add_argument("--flatten", action="store_true")
    options = parser.parse_args()
    convert(options.source, options.target, options.block_size, options.flatten)


if __name__ == "__main__":
    main()
