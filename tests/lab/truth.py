#!/usr/bin/env python3
"""Ask a frozen guest itself where kernel addresses lead, and what is there.

Needs:  a Monitor (guest.py) of a stopped guest, and its vmlinux; run by guest.py.
Result: translations.txt, one line per address: "VA PA BYTES", BYTES being 16 bytes in hex, or "VA none -".
        Addresses are chosen from the symbols and by walking the kernel's own page tables; the answers are
        QEMU's (gva2gpa, and memsave for the bytes).
"""
import os
import re
import struct
import tempfile

WINDOW_CACHED, WINDOW_UNCACHED = 0x9 << 60, 0x8 << 60
ADDRESS_BITS = (1 << 48) - 1
BYTES = 16
PRESENT, HUGE = 1 << 7, 1 << 6


def symbols(path):
    """{name: value} of an ELF64 file."""
    with open(path, "rb") as file:
        header = file.read(64)
        start, = struct.unpack_from("<Q", header, 40)
        size, count = struct.unpack_from("<HH", header, 58)
        file.seek(start)
        table = file.read(size * count)
        sections = [struct.unpack_from("<IIQQQQIIQQ", table, index * size) for index in range(count)]
        found = {}
        for section in sections:
            if section[1] == 2:                       # SHT_SYMTAB
                file.seek(section[4])
                entries = file.read(section[5])
                names = sections[section[6]]
                file.seek(names[4])
                strings = file.read(names[5])
                for name, _, _, _, value, _ in struct.iter_unpack("<IBBHQQ", entries):
                    if value >> 60 == 9:
                        end = strings.index(b"\0", name)
                        found[strings[name:end].decode(errors="replace")] = value
        return found


def csrs(text):
    """{name: value} of the first vCPU's control registers in `info registers` text."""
    found = {}
    for line in text.splitlines():
        if re.match(r"\s*CSR\d+:", line):
            for name, value in re.findall(r"([A-Z]+[0-9A-Z]*)\s+([0-9a-f]+)", line.split(":", 1)[1]):
                found.setdefault(name, int(value, 16))
    return found


class Memory:
    """The guest's memory through the monitor."""

    def __init__(self, monitor, where):
        self.monitor, self.path = monitor, os.path.join(where, ".bytes")

    def save(self, command, address, size):
        try:
            self.monitor.command(command, val=address, size=size, filename=self.path)
            with open(self.path, "rb") as file:
                data = file.read()
            return data if len(data) == size else None
        except RuntimeError:
            return None

    def physical(self, address, size):
        return self.save("pmemsave", address, size)

    def virtual(self, address, size):
        return self.save("memsave", address, size)

    def translate(self, address):
        answer = self.monitor.human(f"gva2gpa {address:#x}")
        found = re.search(r"gpa: (?:0x)?([0-9a-f]+)", answer)
        return int(found.group(1), 16) if found else None


def levels(registers):
    """(first bit, width) of each directory level, the top one first, the page table last."""
    low, high = registers["PWCL"], registers["PWCH"]
    fields = [(low & 31, low >> 5 & 31), (low >> 10 & 31, low >> 15 & 31), (low >> 20 & 31, low >> 25 & 31),
              (high & 63, high >> 6 & 63), (high >> 12 & 63, high >> 18 & 63)]
    return [field for field in reversed(fields) if field[1]]


def mapped(memory, table, shape, base):
    """(first address, size) of every mapping below a page table."""
    shift, width = shape[0]
    data = memory.physical(table & ADDRESS_BITS & ~0xfff, 8 << width)
    if data is None:
        return
    for index, (entry,) in enumerate(struct.iter_unpack("<Q", data)):
        address = base | index << shift
        if len(shape) == 1:
            if entry & PRESENT:
                yield address, 1 << shift
        elif entry & HUGE:
            yield address, 1 << shift
        elif entry and entry & ADDRESS_BITS != memory.invalid.get(len(shape) - 1):
            yield from mapped(memory, entry, shape[1:], address)


def spread(things, count):
    """At most count of the things, evenly spaced, with the first and the last."""
    if len(things) <= count:
        return list(things)
    return [things[index * (len(things) - 1) // (count - 1)] for index in range(count)]


def choose(memory, names, registers):
    """The addresses worth asking about."""
    picked = []
    for value in spread(sorted(set(names.values())), 150):
        picked += [value, WINDOW_UNCACHED | value & ADDRESS_BITS]
    # linear addresses on both sides of each edge of RAM, and far outside
    for edge in (0, 0x10000000, 0x80000000, memory.end):
        picked += [WINDOW_CACHED | near & ADDRESS_BITS for near in (edge - BYTES, edge, edge + 0x4000)]
    picked += [0xa << 60, 0xb << 60, 1 << 63 | 1 << 50, (1 << 64) - BYTES]
    shape = levels(registers)
    top = sum(shape[0]) if shape else 0
    # vm_map_base: the kernel's range begins where la464's 48 implemented bits put it, also for smaller tables
    base = -1 << max(top, 47) & (1 << 64) - 1
    memory.invalid = {level: names[name] & ADDRESS_BITS for level, name in
                      ((1, "invalid_pte_table"), (2, "invalid_pmd_table"), (3, "invalid_pud_table")) if name in names}
    found = list(mapped(memory, names["swapper_pg_dir"], shape, base)) if shape and "swapper_pg_dir" in names else []
    edges = [one for before, one, after in zip([None] + found, found, found[1:] + [None])
             if not before or not after or sum(before) != one[0] or sum(one) != after[0]]
    for address, size in sorted(set(spread(found, 200) + spread(edges, 200))):
        picked += [address, address + size - BYTES, address + size // 2 + 8, address - BYTES, address + size]
    return sorted(set(address & (1 << 64) - 1 for address in picked))


def relocation(names, registers):
    """By how much the kernel moved itself: PGDH is the address of swapper_pg_dir (mm/tlb.c)."""
    high, linked = registers.get("PGDH", 0), names.get("swapper_pg_dir", 0)
    return high - linked if high >> 60 == 9 and linked else 0


def write(monitor, vmlinux, out):
    """Write translations.txt for a stopped guest; returns the kernel's relocation."""
    names = symbols(vmlinux)
    registers = csrs(monitor.human("info registers"))
    moved = relocation(names, registers)
    names = {name: value + moved for name, value in names.items()}
    with tempfile.TemporaryDirectory(dir=out) as where, \
            open(f"{out}/translations.txt", "w", encoding="utf-8") as file:
        memory = Memory(monitor, where)
        size = monitor.command("query-memory-size-summary")["base-memory"]
        memory.end = 0x80000000 + size - 0x10000000
        for address in choose(memory, names, registers):
            place = memory.translate(address)
            data = memory.virtual(address, BYTES) if place is not None else None
            file.write(f"{address:016x} {'none' if place is None else f'{place:x}'} {data.hex() if data else '-'}\n")
    return moved
