#!/usr/bin/env python3
"""Ask a frozen guest itself where addresses lead, and what is there.

Needs:  a Monitor (guest.py) of a stopped guest, and its vmlinux; run by guest.py.
Result: translations.txt, kernel addresses, a line each: "VA PA BYTES REGION", BYTES being 16 bytes in hex, "-"
        outside RAM, or "VA none - REGION". Addresses are chosen from the symbols and by walking the kernel's
        own page tables; the answers are QEMU's (gva2gpa of a vCPU in kernel mode, memsave).
        users.txt, user addresses: "PID VA PA BYTES PERMISSIONS AREA FLAGS COUNT", PA also "none" or "swap-TYPE-OFFSET",
        FLAGS and COUNT those of /proc/kpageflags and kpagecount. The answers are what the guest's kernel said in
        /proc/PID/pagemap (pages.c) before, the bytes are of now.
        entries.txt: "ENTRY BITS PA", entries of the guest's page tables that map addresses of the other files, with
        the place that QEMU gave for the first of the 1 << BITS bytes.
        running.txt, user addresses of what the CPUs were in: "CPU VA PA BYTES", by gva2gpa of the vCPU that
        is this CPU for Linux, which says so in CSR.TID (arch/loongarch/kernel/time.c).
"""
import os
import re
import struct
import tempfile

WINDOW_CACHED, WINDOW_UNCACHED = 0x9 << 60, 0x8 << 60
ADDRESS_BITS = (1 << 48) - 1
LAST = (1 << 64) - 1
BYTES = 16
SYMBOLS, DIRECT, MAPPINGS = 120, 150, 90    # how many to choose: of a section, of a range of RAM, of a region
FRAMES = 700                                # of page frames, of a range of RAM
VALID, HUGE, PRESENT = 1, 1 << 6, 1 << 7


def symbols(path):
    """{name: (value, section)} of an ELF64 file."""
    with open(path, "rb") as file:
        header = file.read(64)
        start, = struct.unpack_from("<Q", header, 40)
        size, count, names_section = struct.unpack_from("<HHH", header, 58)
        file.seek(start)
        table = file.read(size * count)
        sections = [struct.unpack_from("<IIQQQQIIQQ", table, index * size) for index in range(count)]

        def strings(section):
            file.seek(section[4])
            data = file.read(section[5])
            return lambda at: data[at:data.index(b"\0", at)].decode(errors="replace")

        section_name = strings(sections[names_section])
        found = {}
        for section in sections:
            if section[1] == 2:                       # SHT_SYMTAB
                file.seek(section[4])
                entries = file.read(section[5])
                name_at = strings(sections[section[6]])
                for name, _, _, where, value, _ in struct.iter_unpack("<IBBHQQ", entries):
                    if value >> 60 == 9 and where < count:
                        found[name_at(name)] = (value, section_name(sections[where][0]))
        return found


def csrs(text):
    """[{name: value}] of the control registers of each vCPU in `info registers -a` text."""
    vcpus = []
    for line in text.splitlines():
        if line.startswith("CPU#"):
            vcpus.append({})
        if re.match(r"\s*CSR\d+:", line):
            for name, value in re.findall(r"([A-Z]+[0-9A-Z]*)\s+([0-9a-f]+)", line.split(":", 1)[1]):
                vcpus[-1].setdefault(name, int(value, 16))
    return vcpus


class Memory:
    """The guest's memory through the monitor, virtual addresses as one vCPU sees them."""

    def __init__(self, monitor, where, vcpu=0):
        self.monitor, self.path, self.vcpu = monitor, os.path.join(where, ".bytes"), vcpu
        size = monitor.command("query-memory-size-summary")["base-memory"]
        # QEMU's virt machine (hw/loongarch/virt.h, 9.0 and later): 256 MiB at 0, the rest at 2 GiB
        self.ram = [(0, 0x10000000), (0x80000000, 0x80000000 + size - 0x10000000)]
        for device in monitor.command("query-memory-devices"):
            start, more = device["data"]["addr"], device["data"]["size"]
            self.ram.append((start, start + more))

    def save(self, command, size, **arguments):
        try:
            self.monitor.command(command, size=size, filename=self.path, **arguments)
            with open(self.path, "rb") as file:
                data = file.read()
            return data if len(data) == size else None
        except RuntimeError:
            return None

    def physical(self, address, size=BYTES):
        return self.save("pmemsave", size, val=address) if self.in_ram(address, size) else None

    def virtual(self, address, size=BYTES):
        return self.save("memsave", size, val=address, **{"cpu-index": self.vcpu})

    def word(self, address):
        """The 8 bytes at an address of a window, as a number."""
        data = self.physical(address & ADDRESS_BITS, 8)
        return int.from_bytes(data, "little") if data else 0

    def in_ram(self, address, size=1):
        return any(start <= address and address + size <= end for start, end in self.ram)

    def translate(self, address):
        answer = self.monitor.command("human-monitor-command",
                                      **{"command-line": f"gva2gpa {address:#x}", "cpu-index": self.vcpu})
        found = re.search(r"gpa: (?:0x)?([0-9a-f]+)", answer)
        return int(found.group(1), 16) if found else None


def levels(registers):
    """(first bit, width) of each directory level, the top one first, the page table last."""
    low, high = registers["PWCL"], registers["PWCH"]
    fields = [(low & 31, low >> 5 & 31), (low >> 10 & 31, low >> 15 & 31), (low >> 20 & 31, low >> 25 & 31),
              (high & 63, high >> 6 & 63), (high >> 12 & 63, high >> 18 & 63)]
    return [field for field in reversed(fields) if field[1]]


def mapped(memory, table, shape, base):
    """(first address, size) of every mapping below a page table; this only finds what to ask about."""
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


def leaf(memory, table, shape, address):
    """The entry that maps an address, 0 where no table leads to one, and the bits of an address that it covers."""
    for shift, width in shape:
        entry = memory.word(table + 8 * (address >> shift & (1 << width) - 1))
        if entry & HUGE:
            break
        table = entry
    return entry, shift


def spread(things, count):
    """At most count of the things, evenly spaced, with the first and the last."""
    if len(things) <= count:
        return list(things)
    return [things[index * (len(things) - 1) // (count - 1)] for index in range(count)]


def regions(memory, names, page, base):
    """[(first address, name)] of the parts of the page-mapped kernel range (asm/pgtable.h), the last first."""
    section = memory.word(names.get("mem_section", 0))          # array of roots, of sections, of which the first
    section = memory.word(section) if section >> 60 == 9 else 0  # begins with the address of its struct pages
    vmemmap = memory.word(section) & ~63 if section >> 60 == 9 else 0
    pool = memory.word(names["__kfence_pool"]) if "__kfence_pool" in names else 0
    found = [(base, "isa"), (base + (32 << 20) + 2 * page, "modules"),
             (base + (32 << 20) + 2 * page + (256 << 20), "vmalloc"), (0xffffffff << 32, "fixmap")]
    found += [(start, name) for start, name in ((vmemmap, "vmemmap"), (pool, "kfence")) if start > base]
    return sorted(found, reverse=True)


def from_symbols(memory, names, sections, vcpus):
    """{region: [address]} of what the symbols name, each also in the uncached window."""
    picked = {}
    percpu = [memory.word(names["__per_cpu_offset"] + 8 * cpu) if "__per_cpu_offset" in names else 0
              for cpu in range(vcpus)]
    for kind in (".text", ".data..percpu", ".rodata", ".data", ".bss", None):
        values = sorted({value for name, value in names.items()
                         if sections[name] == kind or not kind and sections[name] not in picked})
        here = picked.setdefault(kind or "other", [])
        for value in spread(values, SYMBOLS):
            here += [value, WINDOW_UNCACHED | value & ADDRESS_BITS]
            if kind == ".data..percpu":
                here += [value + offset & LAST for offset in percpu if offset]
    return picked


def from_windows(memory, registers):
    """{region: [address]}: all RAM through the windows, both sides of its edges, and far outside."""
    ram = [start + index * (end - start) // DIRECT + 0x538 & ~7 for start, end in memory.ram for index in range(DIRECT)]
    picked = {"direct": [WINDOW_CACHED | near for near in ram], "uncached": [WINDOW_UNCACHED | near for near in ram[::2]],
              "combined": [0xa << 60 | near for near in ram[::5]], "edges": [], "stacks": []}
    for edge in {edge for bounds in memory.ram for edge in bounds}:
        picked["edges"] += [window << 60 | near & ADDRESS_BITS for near in (edge - BYTES, edge, edge + 0x4000)
                            for window in (8, 9, 0xa)]
    picked["edges"] += [0xa << 60, 0xb << 60, 1 << 63 | 1 << 50, LAST - BYTES + 1]
    for stack in {values["stack"] & ~0x3fff for values in registers if values["stack"] >> 60 == 9}:
        picked["stacks"] += [stack + at for at in range(0, 0x4000, 0x208)] + [stack - BYTES, stack + 0x4000]
    return picked


def from_tables(memory, names, registers, page):
    """{region: [address]} of the page-mapped kernel range: what is mapped, and both sides of what is."""
    shape = levels(registers)
    if not shape or "swapper_pg_dir" not in names:
        return {}
    # vm_map_base: the kernel's range begins where la464's 48 implemented bits put it, also for smaller tables
    base = -1 << max(sum(shape[0]), 47) & LAST
    memory.invalid = {level: names[name] & ADDRESS_BITS for level, name in
                      ((1, "invalid_pte_table"), (2, "invalid_pmd_table"), (3, "invalid_pud_table")) if name in names}
    found = list(mapped(memory, names["swapper_pg_dir"], shape, base))
    places = regions(memory, names, page, base)
    picked, all_of = {name: [] for _, name in places}, {name: [] for _, name in places}
    for start, name in places:
        picked[name] += [start - page & LAST, start - BYTES, start, start + page]
    for before, one, after in zip([None] + found, found, found[1:] + [None]):
        name = next((name for start, name in places if one[0] >= start), "isa")
        all_of[name].append((one, not before or not after or sum(before) != one[0] or sum(one) != after[0]))
    for name, ones in all_of.items():
        chosen = spread([one for one, _ in ones], MAPPINGS) + spread([one for one, edge in ones if edge], MAPPINGS)
        for address, size in set(chosen):
            picked[name] += [address, address + size - BYTES, address + size // 2 + 8, address - BYTES, address + size]
            picked[name] += range(address + 0x1238, address + size, size // 16) if size > page else []
    return picked


def kernel_addresses(memory, names, sections, vcpus, entries):
    """Lines of translations.txt, and what maps those outside of windows into entries."""
    page = 1 << (vcpus[0]["PWCL"] & 31)
    picked = from_symbols(memory, names, sections, len(vcpus))
    picked.update(from_windows(memory, vcpus))
    picked.update(from_tables(memory, names, vcpus[0], page))
    region_of = {address & LAST: name for name, addresses in picked.items() for address in addresses}
    for address, region in sorted(region_of.items()):
        place = memory.translate(address)
        if place is not None and address >> 62 == 3:
            entry, bits = leaf(memory, vcpus[0]["PGDH"], levels(vcpus[0]), address)
            if entry & VALID:   # else the TLB's answer, see running()
                entries[entry] = bits, place >> bits << bits
        data = memory.virtual(address) if place is not None and memory.in_ram(place, BYTES) else None
        yield (f"{address:016x} {'none' if place is None else f'{place:x}'} {data.hex() if data else '-'} {region}")


def pages_said(serial):
    """[(pid, address, state, permissions, area)] that the guest's /init printed (pages.c). Whole lines only: the
    kernel writes to this console as well."""
    with open(serial, encoding="utf-8", errors="replace") as file:
        found = re.search(r"=== lakvm pages ===\r?\n(.*?)=== lakvm", file.read(), re.S)
    return re.findall(r"^(\d+) ([0-9a-f]+) (page-[0-9a-f]+(?:-[0-9a-f]+-\d+)?|swap-\d+-\d+|none) (-|[-rwxps]{4}) (\S+)\r?$",
                      found.group(1), re.M) if found else []


def frames_said(serial):
    """Numbers of page frames that the guest's /init has looked at, in hexadecimal."""
    with open(serial, encoding="utf-8", errors="replace") as file:
        return re.findall(r"^([0-9a-f]+) [0-9a-f]+ \d+\r?$", file.read(), re.M)


def frames(memory, serial, pages, page):
    """What gdb_frames.py is to look at: what /init had, else page frames all over RAM, and those of tasks."""
    asked = frames_said(serial) or [f"{start // page + index * (end - start) // page // FRAMES:x}"
                                    for start, end in memory.ram for index in range(FRAMES)]
    asked += [state.split("-")[1] for _, _, state, _, _ in pages if state.startswith("page-")]
    return " ".join([str(page), f"{max(end for _, end in memory.ram):x}"] + asked)


def within(address, page):
    """An offset into a page, another one for each page."""
    return address // page * 0x2c8 % (page - BYTES) & ~7


def users(memory, pages, page):
    """Lines of users.txt, from what the guest said of its tasks' pages."""
    for pid, address, state, permissions, area in pages:
        start = int(address, 16)
        offset = 0 if area == "anonymous" else within(start, page)   # of a huge page, pages.c fills only the beginnings
        place, data, flags, count = state, None, "-", "-"
        if state.startswith("page-"):
            frame, flags, count = (*state.split("-")[1:], "-", "-")[:3]
            place = int(frame, 16) * page + offset
            data = memory.physical(place)
            place = f"{place:x}"
        yield f"{pid} {start + offset:x} {place} {data.hex() if data else '-'} {permissions} {area} {flags} {count}"


def running(monitor, where, registers, pages, page, entries):
    """Lines of running.txt, and what maps them into entries: the user addresses of any task, asked of each CPU. A
    PROT_NONE page is present for the kernel, but not for the CPU; nor is one from which the kernel took VALID to see
    whether it is still used. Where QEMU knows a place and the table has no VALID entry, it answered from its TLB, which
    has what no dump holds: such an address is not asked for."""
    starts = sorted({int(address, 16) for _, address, _, permissions, _ in pages if permissions != "---p"})
    for vcpu in range(len(registers)):
        one = Memory(monitor, where, vcpu)
        for start in starts:
            address = start + within(start, page)
            place = one.translate(address)
            entry, bits = leaf(one, registers[vcpu]["PGDL"], levels(registers[vcpu]), address)
            if place is None and entry & (PRESENT | VALID) == PRESENT or place is not None and not entry & VALID:
                continue
            if place is not None:
                entries[entry] = bits, place >> bits << bits
            data = one.physical(place) if place is not None else None
            yield f"{registers[vcpu]['TID']} {address:x} {'none' if place is None else f'{place:x}'} {data.hex() if data else '-'}"


def mapped_by(entries):
    """Lines of entries.txt."""
    for entry, (bits, place) in entries.items():
        yield f"{entry:x} {bits} {place:x}"


def relocation(names, registers):
    """By how much the kernel moved itself: PGDH is the address of swapper_pg_dir (mm/tlb.c)."""
    high, linked = registers.get("PGDH", 0), names.get("swapper_pg_dir", 0)
    return high - linked if high >> 60 == 9 and linked else 0


def write(monitor, vmlinux, out):
    """Write the files for a stopped guest; returns the kernel's relocation and what gdb_frames.py is to look at."""
    found = symbols(vmlinux)
    names, sections = ({name: one[which] for name, one in found.items()} for which in (0, 1))
    text = monitor.human("info registers -a")
    registers = csrs(text)
    for values, stack in zip(registers, re.findall(r"\br3\b *([0-9a-f]+)", text)):
        values["stack"] = int(stack, 16)
    moved = relocation(names, registers[0])
    names = {name: value + moved for name, value in names.items()}
    # the windows are the kernel's alone, so a vCPU in user mode does not see them
    vcpu = next((index for index, values in enumerate(registers) if not values["CRMD"] & 3), 0)
    page = 1 << (registers[0]["PWCL"] & 31)
    pages = pages_said(f"{out}/serial.log")
    with tempfile.TemporaryDirectory(dir=out) as where:
        memory = Memory(monitor, where, vcpu)
        entries = {}
        for name, lines in (("translations", kernel_addresses(memory, names, sections, registers, entries)),
                            ("users", users(memory, pages, page)),
                            ("running", running(monitor, where, registers, pages, page, entries)),
                            ("entries", mapped_by(entries))):
            with open(f"{out}/{name}.txt", "w", encoding="utf-8") as file:
                file.writelines(line + "\n" for line in lines)
        return moved, frames(memory, f"{out}/serial.log", pages, page)
