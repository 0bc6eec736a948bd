#!/usr/bin/env python3
"""Give the exception entries of a vmlinux other names, as vendors do, and change nothing else of it.

Result: OUT is IN with a new symbol string table behind its end, and sections' and symbols' words that point
        into it; what objcopy --redefine-sym would write for each, without binutils for LoongArch.

Usage:  rename.py IN OUT
"""
import re
import struct
import sys

ENTRIES = re.compile(rb"handle_(vint|sys|syscall|ade|ale|bce|bp|fpe|fpu|lsx|lasx|lbt|ri|watch|gspr|reserved|tlb_\w+)|"
                     rb"tlb_do_page_fault_[01]|ret_from_(fork|kernel_thread)(_asm)?|ret_from_exception|"
                     rb"exception_table|kernel_entry|smpboot_entry")
PREFIX = b"_vendor_"


def rename(data):
    """(the file's new bytes, how many symbols have another name now)"""
    out = bytearray(data)
    sections, = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    headers = [struct.unpack_from("<IIQQQQIIQQ", data, sections + size * i) for i in range(count)]
    table = next(header for header in headers if header[1] == 2)            # SHT_SYMTAB
    strings = headers[table[6]]
    names = bytearray(data[strings[4]:strings[4] + strings[5]])
    renamed = 0
    for at in range(table[4], table[4] + table[5], 24):
        begin, = struct.unpack_from("<I", data, at)
        name = bytes(names[begin:names.index(0, begin)])
        if ENTRIES.fullmatch(name):
            struct.pack_into("<I", out, at, len(names))
            names += PREFIX + name + b"\0"
            renamed += 1
    struct.pack_into("<QQ", out, sections + size * table[6] + 24, len(out), len(names))
    return out + names, renamed


def main(source, target):
    with open(source, "rb") as file:
        data, renamed = rename(file.read())
    if renamed < 20:
        sys.exit(f"rename.py: {source} has only {renamed} exception entries")
    with open(target, "wb") as file:
        file.write(data)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
