#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that were made to take the programs any amount of time or memory: each has to be answered or refused soon.

Usage: hostile.py LADUMP LACONVERT MKDUMP; prints "ok - " or "not ok - " lines. The limits are those of a build with
sanitizers on a busy machine; what has no bound takes many times as much.
"""
import json, os, resource, struct, subprocess, sys, tempfile, zlib

ladump, laconvert, mkdump = (os.path.abspath(path) for path in sys.argv[1:4])
SECONDS = 8
MEMORY = 600 << 20
failed = 0

UNIT, STRUCTURE = 0x11, 0x13  # DW_TAG_compile_unit, DW_TAG_structure_type
NAME, STRP, STRP_ALT = 0x03, b"\x0e", b"\xa1\x3e"  # DW_AT_name; DW_FORM_strp, DW_FORM_GNU_strp_alt
BANNER, PLACE = b"Linux version 6.12.0-test (a@b) #1\n\0", 0x9000000000300000


def check(name, good, detail=""):
    global failed
    failed += not good
    print(f"{'ok' if good else 'not ok'} - {name}", *([] if good else [f"\n  {detail}"]), flush=True)


def limited(name, *command, says=b"", status=(0, 1)):
    """Ends @command within the limits with one of @status, and says @says?"""
    with tempfile.TemporaryFile() as output:
        child = subprocess.Popen(["timeout", "-s", "KILL", str(10 * SECONDS), *command], stdin=subprocess.DEVNULL, stdout=output,
                                 stderr=subprocess.STDOUT,
                                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (SECONDS, SECONDS)))
        _, ended, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(ended)
        output.seek(0)
        text = output.read()
    seconds = used.ru_utime + used.ru_stime
    check(f"{name} ({seconds:.1f} s, {used.ru_maxrss >> 10} MiB)",
          child.returncode in status and used.ru_maxrss << 10 < MEMORY and says in text and b"Sanitizer" not in text,
          f"{child.returncode} {text[-1500:]}")


def vmlinux(*sections):
    """linux_banner in a section that is loaded, and @sections: (name, bytes[, flags])."""
    symbols = bytes(24) + struct.pack("<IBBHQQ", 1, 0x11, 0, 1, PLACE, len(BANNER))
    rows = [(".data", 1, 2, PLACE, BANNER, 0, 0, 0)] + \
        [(row[0], 1, row[2] if len(row) > 2 else 0, 0, row[1], 0, 0, 0) for row in sections]
    rows += [(".symtab", 2, 0, 0, symbols, len(rows) + 2, 1, 24), (".strtab", 3, 0, 0, b"\0linux_banner\0", 0, 0, 0)]
    names, headers, at = b"\0", bytes(64), 64
    for row in rows + [(".shstrtab",)]:
        names += row[0].encode() + b"\0"
    rows.append((".shstrtab", 3, 0, 0, names, 0, 0, 0))
    with open("vmlinux", "wb") as file:
        file.write(bytes(64))
        for name, kind, flags, address, body, link, info, size in rows:
            file.write(body)
            headers += struct.pack("<IIQQQQIIQQ", names.index(b"\0" + name.encode() + b"\0") + 1, kind, flags, address, at,
                                   len(body), link, info, 1, size)
            at += len(body)
        file.write(headers)
        file.seek(0)
        file.write(b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 258, 1, PLACE, 0, at, 0, 64, 0, 0, 64,
                                                            len(rows) + 1, len(rows)))


def dump():
    with open("dump.txt", "w") as file:
        file.write("elf\nram 0 16M words\n")
    subprocess.run([mkdump, "dump.txt", "dump"], check=True)
    with open("dump", "r+b") as file:
        elf = file.read(4096)
        at, = struct.unpack_from("<Q", elf, 32)
        while struct.unpack_from("<I", elf, at)[0] != 1:
            at += 56
        file.seek(struct.unpack_from("<Q", elf, at + 8)[0] + 0x300000)
        file.write(BANNER)


def unit(body):
    body = struct.pack("<HIB", 4, 0, 8) + body
    return struct.pack("<I", len(body)) + body


def uleb(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7f | 0x80])
        value >>= 7
    return out + bytes([value])


def of_unit_and_structures(form):
    return bytes([1, UNIT, 1, 0, 0, 2, STRUCTURE, 0, NAME]) + form + bytes(3)


def structures(n, offset):
    return unit(b"\1" + (b"\2" + struct.pack("<I", offset)) * n + b"\0")


def hostile_vmlinux():
    ask = (ladump, "-p", "vmlinux", "dump")
    vmlinux((".debug_info", structures(100000, 0)), (".debug_abbrev", of_unit_and_structures(STRP)),
            (".debug_str", b"x" * (1 << 20) + b"\0"))
    limited("100,000 structures with one name of a megabyte", *ask)

    n = 200000
    table = b"".join(uleb(i) + bytes([UNIT, 0, 0, 0]) for i in range(1, n + 1)) + b"\0"
    vmlinux((".debug_info", unit(uleb(n)) * 100), (".debug_abbrev", table))
    limited("100 units that each go through 200,000 abbreviations", *ask)

    packed = zlib.compress(bytes(800 << 20), 1)
    vmlinux((".debug_info", struct.pack("<IIQQ", 1, 0, 800 << 20, 1) + packed, 0x800), (".debug_abbrev", b"\0"))
    limited("a section that unpacks from 4 to 800 MiB", *ask)

    os.mkfifo("fifo")
    vmlinux((".debug_info", structures(3, 1)), (".debug_abbrev", of_unit_and_structures(STRP_ALT)),
            (".gnu_debugaltlink", b"fifo\0" + bytes(20)))
    limited("names that are said to be in a FIFO", *ask)

    vmlinux(*[(".data", b"")] * 20000)
    limited("20,000 sections", *ask, says=b"sections", status=(1,))


def hostile_dumps():
    note = struct.pack("<III", 5, 480, 1) + b"CORE\0\0\0\0" + bytes(480)
    notes, at = note * 60000, 64 + 2 * 56
    with open("notes", "wb") as file:
        file.write(b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 4, 258, 1, 0, 64, 0, 0, 64, 56, 2, 0, 0, 0) +
                   struct.pack("<IIQQQQQQ", 4, 0, at, 0, 0, len(notes), len(notes), 0) +
                   struct.pack("<IIQQQQQQ", 1, 7, at, 0, 0, 4096, 4096, 0) + notes)
    limited("notes of 60,000 vCPUs", ladump, "-j", "notes", says=b"more than 4096")

    records = b"".join(struct.pack(">qq", i, 1) + b"x" for i in range(1000))
    with open("flat", "wb") as file:
        file.write(b"makedumpfile".ljust(16, b"\0") + struct.pack(">qq", 1, 1) + bytes(4096 - 32))
        for _ in range(12000):
            file.write(records)
    limited("12 million records of one byte, by ladump", ladump, "flat", says=b"smaller", status=(1,))
    limited("12 million records of one byte, by laconvert", laconvert, "--check", "flat", status=(1,))


def stream_start(blocks):
    total = sum(size for _, size in blocks)
    return b"QEVM" + struct.pack(">IBIB3sIIQ", 3, 1, 1, 3, b"ram", 0, 4, total | 4) + \
        b"".join(bytes([len(name)]) + name + struct.pack(">Q", size) for name, size in blocks)


def page(name, flag, content):
    return struct.pack(">QB", flag, len(name)) + name + content


def hostile_streams():
    blocks = [(b"n%04d" % i, 4096) for i in range(4096)]
    with open("stream", "wb") as file:
        file.write(stream_start(blocks) + page(b"n0000", 8, b"y" * 4096) + page(b"n4095", 2, b"\0") * 800000)
    limited("800,000 pages of the last of 4096 blocks", laconvert, "stream", "out", says=b"cut off", status=(1,))

    n, elements = 1000, 24000
    device = {"name": "cpu", "version": 1, "fields": [
        {"name": "x", "size": 1, "array_len": elements, "struct": {"fields": [{"name": "a", "size": 1}]}},
        {"name": "gpr", "size": 8, "array_len": 32}, {"name": "pc", "size": 8}]}
    description = json.dumps({"devices": [dict(device, instance_id=i) for i in range(n)]}).encode()
    ram, end = b"loongarch.ram", struct.pack(">QBI", 0x10, 0x7e, 1)
    with open("stream", "wb") as file:
        file.write(stream_start([(ram, 1 << 20)]) + page(ram, 8, b"y" * 4096) + end + struct.pack(">BI", 3, 1) + end)
        for i in range(n):
            file.write(struct.pack(">BIB3sII", 4, 100 + i, 3, b"cpu", i, 1) + bytes(elements + 264) +
                       struct.pack(">BI", 0x7e, 100 + i))
        file.write(struct.pack(">BBI", 0, 6, len(description)) + description)
    limited("1000 vCPUs of 72,000 fields each", laconvert, "stream", "out", says=b"registers are unknown", status=(0,))


with tempfile.TemporaryDirectory(prefix="lakvm-hostile.") as folder:
    os.chdir(folder)
    dump()
    hostile_vmlinux()
    hostile_dumps()
    hostile_streams()
    os.chdir("/")
sys.exit(failed > 0)
