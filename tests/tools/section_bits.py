#!/usr/bin/env python3
"""How large a memory section is must be known whatever of it is damaged, or be said to be a guess: a dump as it is,
without its VMCOREINFO, and without the table of sections too; and, if that is given, with a vmlinux without types.

Needs:  build/unit/ladump (make tools); a case's directory with vmlinux, dump.elf, and a dump that is not flattened, of
        which copies are damaged; /sys said the size in serial.log, else it is 512 MiB (mainline's).
Result: "ok - ..." or "not ok - ..." a situation; exit status 1 if one is not ok.

Usage:  section_bits.py DIRECTORY DUMP [VMLINUX-WITHOUT-TYPES]
"""
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../lab"))
import spoil  # noqa: E402

LADUMP = os.path.join(HERE, "../../build/unit/ladump")
GUESS = "sections have 2^28 or 2^29 bytes, taken as 2^29"


def symbols(path):
    with open(path, "rb") as file:
        data = file.read()
    at, = struct.unpack_from("<Q", data, 40)
    size, count = struct.unpack_from("<HH", data, 58)
    headers = [struct.unpack_from("<IIQQQQIIQQ", data, at + size * i) for i in range(count)]
    table = next(header for header in headers if header[1] == 2)            # SHT_SYMTAB
    strings = headers[table[6]][4]
    found = {}
    for at in range(table[4], table[4] + table[5], 24):
        name, value = struct.unpack_from("<I4xQ", data, at)
        if value >> 60 == 9:
            found[data[strings + name:data.index(0, strings + name)].decode("ascii", "replace")] = value
    return found


def sections(vmlinux, dump):
    done = subprocess.run([LADUMP, "-j", vmlinux, dump], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
    kernel = json.loads(done.stdout or "{}")
    return find(kernel, "sections") or {}


def find(value, key):
    """The first object of that name, wherever it is."""
    if isinstance(value, dict):
        if key in value:
            return value[key]
        value = list(value.values())
    for one in value if isinstance(value, list) else []:
        found = find(one, key)
        if found is not None:
            return found
    return None


def main(directory, dump, bare=None):
    vmlinux = f"{directory}/vmlinux"
    names = symbols(vmlinux)
    with open(f"{directory}/meta.json", encoding="utf-8") as file:
        moved = json.load(file)["moved"]
    with open(f"{directory}/serial.log", encoding="utf-8", errors="replace") as file:
        said = re.search(r"=== lakvm blocks ===\s+size ([0-9a-f]+)", file.read())
    size = int(said.group(1), 16) if said else 1 << 29
    vmemmap = "vmemmap_populate" in names
    failed = False

    def check(what, got, by, guess=""):
        nonlocal failed
        right = (got.get("known_by") == by and (got.get("remark") or "").startswith(guess) and
                 (bool(guess) or (got.get("size") == size and not got.get("remark"))))
        failed = failed or not right
        print(f"{'ok' if right else 'not ok'} - section bits: {os.path.basename(directory)}/{dump}: {what}: {by}" +
              ("" if right else f"\n    want {size}, have {got}"))

    with tempfile.TemporaryDirectory(dir=directory) as where:
        spoiled = os.path.join(where, "dump")
        shutil.copyfile(f"{directory}/{dump}", spoiled)
        check("as it is", sections(vmlinux, spoiled), "VMCOREINFO")
        # where the text of VMCOREINFO and the note made of it begin, and the array of roots
        data, note, roots = (pointer(directory, names[name] + moved)
                             for name in ("vmcoreinfo_data", "vmcoreinfo_note", "mem_section"))
        spoil.spoil(spoiled, [data])
        if note and note >> 12 != data >> 12:
            spoil.spoil(spoiled, [note])
        check("VMCOREINFO damaged", sections(vmlinux, spoiled),
              "struct mem_section_usage" if vmemmap else "the table of sections")
        if bare:
            check("and a vmlinux without types", sections(bare, spoiled), "the kernel's version", GUESS)
        spoil.spoil(spoiled, [roots])
        check("both damaged", sections(vmlinux, spoiled),
              *(("struct mem_section_usage",) if vmemmap else ("the kernel's version", GUESS)))
    sys.exit(failed)


def pointer(directory, address):
    """Physical address that a variable of the guest points to in its cached window, by the ELF dump."""
    with open(f"{directory}/dump.elf", "rb") as file:
        head = file.read(64)
        at, = struct.unpack_from("<Q", head, 32)
        count, = struct.unpack_from("<H", head, 56)
        file.seek(at)
        table = file.read(56 * count)
        for number in range(count):
            kind, _, offset, _, start, size = struct.unpack_from("<IIQQQQ", table, 56 * number)
            if kind == 1 and start <= address & 0xffffffffffff < start + size:
                file.seek(offset + (address & 0xffffffffffff) - start)
                return struct.unpack("<Q", file.read(8))[0] & 0xffffffffffff
    return None


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4):
        sys.exit(__doc__)
    main(*sys.argv[1:])
