#!/usr/bin/env python3
"""Make of a vmcore what makedumpfile would: pages packed, and those left out that a level names.

Needs:  /proc/vmcore of a crash kernel, of a kernel with memory sections in vmemmap and three levels of page tables;
        mkdump (tests/mkdump), which writes the file.
Result: OUT, kdump-compressed, in blocks of the guest's page size. LEVEL is the sum of 1 (zeros are kept once), 2 (page
        cache without private data), 4 (all page cache), 8 (pages of processes), 16 (free pages), as makedumpfile.8 has
        it. What a page is for is read out of the guest's struct pages, by the layout that VMCOREINFO gives.
        --exclude leaves out the pages at these physical addresses, too, which makedumpfile would not.

Usage:  makedump.py MKDUMP VMCORE OUT [--level 31] [--method zlib | lzo | snappy | zstd | raw]
                   [--exclude ADDRESS...]
"""
import argparse
import mmap
import struct
import subprocess
import sys

PT_LOAD, PT_NOTE, NT_PRSTATUS = 1, 4, 1
WINDOW_BITS = 48        # of an address in a window, which is physical below them
HUGE, PRESENT = 1 << 6, 1 << 7      # of page table entries (asm/pgtable-bits.h)
ANON = 1                # of page.mapping, PAGE_MAPPING_ANON
CACHE, PRIVATE_CACHE, USER, FREE = 2, 4, 8, 16


class Core:
    """A vmcore: its notes, its memory by physical address, and what VMCOREINFO says."""

    def __init__(self, file):
        self.map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        at, = struct.unpack_from("<Q", self.map, 32)
        count, = struct.unpack_from("<H", self.map, 56)
        programs = [struct.unpack_from("<IIQQQQQQ", self.map, at + 56 * i) for i in range(count)]
        self.loads = sorted((paddr, offset, size) for kind, _, offset, _, paddr, size, _, _ in programs
                            if kind == PT_LOAD)
        self.notes = [note for kind, _, offset, _, _, size, _, _ in programs if kind == PT_NOTE
                      for note in self.notes_in(offset, offset + size)]
        text = next(desc for name, _, desc in self.notes if name == b"VMCOREINFO").decode()
        self.info = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)

    def notes_in(self, at, end):
        while at + 12 <= end:
            name, size, kind = struct.unpack_from("<III", self.map, at)
            desc = at + 12 + (name + 3 & ~3)
            yield self.map[at + 12:at + 12 + name].rstrip(b"\0"), kind, self.map[desc:desc + size]
            at = desc + (size + 3 & ~3)

    def number(self, kind, name, base=10):
        return int(self.info[f"{kind}({name})"], base)

    def physical(self, pa, size):
        for start, offset, length in self.loads:
            if start <= pa and pa + size <= start + length:
                return self.map[offset + pa - start:offset + pa - start + size]
        return None

    def word(self, pa):
        data = self.physical(pa, 8)
        return int.from_bytes(data, "little") if data else 0

    def translate(self, va):
        """Where an address of a window, or one that the kernel has mapped by three levels, leads; else None."""
        if va >> 60 == 9:
            return va & (1 << WINDOW_BITS) - 1
        page = int(self.info["PAGESIZE"]).bit_length() - 1
        width = page - 3
        table = self.number("SYMBOL", "swapper_pg_dir", 16)
        for shift in (page + 2 * width, page + width, page):
            entry = self.word((table & (1 << WINDOW_BITS) - 1) + 8 * (va >> shift & (1 << width) - 1))
            if entry & HUGE or shift == page:
                mask = (1 << shift) - 1
                return entry & (1 << WINDOW_BITS) - 1 & ~mask | va & mask if entry & PRESENT else None
            table = entry
        return None

    def virtual(self, va, size):
        pa = self.translate(va)
        return self.physical(pa, size) if pa is not None else None


class Pages:
    """The struct pages of a kernel, by page frame."""

    def __init__(self, core):
        self.core, self.page = core, int(core.info["PAGESIZE"])
        self.size = core.number("SIZE", "page")
        self.at = {name: core.number("OFFSET", f"page.{name}") for name in
                   ("flags", "mapping", "_mapcount", "private", "compound_head")}
        self.bit = {name: 1 << core.number("NUMBER", f"PG_{name}") for name in ("lru", "private", "swapcache")}
        self.buddy = core.number("NUMBER", "PAGE_BUDDY_MAPCOUNT_VALUE") & 0xffffffff
        self.decided = {}

    def each(self):
        """(frame, its struct page) of all memory sections."""
        core = self.core
        bits = core.number("NUMBER", "SECTION_SIZE_BITS")
        frames = (1 << bits) // self.page
        size, map_at = core.number("SIZE", "mem_section"), core.number("OFFSET", "mem_section.section_mem_map")
        roots = core.number("SYMBOL", "mem_section", 16)
        per_root = self.page // size
        for number in range(1 << core.number("NUMBER", "MAX_PHYSMEM_BITS") - bits):
            root = core.virtual(roots + number // per_root * 8, 8)
            if root is None:
                return
            section = int.from_bytes(root, "little") + number % per_root * size
            data = core.virtual(section + map_at, 8) if section >> 60 == 9 else None
            mem_map = int.from_bytes(data or b"", "little") & ~0xff
            if not mem_map:
                continue
            for frame in range(number * frames, (number + 1) * frames):
                data = core.virtual(mem_map + frame * self.size, self.size)
                if data:
                    yield frame, data, (mem_map + frame * self.size)

    def left_out(self, level):
        """The frames that a level leaves out."""
        found, heads = set(), {}
        word = lambda data, name, size=8: int.from_bytes(data[self.at[name]:self.at[name] + size], "little")
        free_until = 0
        for frame, data, va in self.each():
            head = word(data, "compound_head")
            if head & 1:
                out = heads.get(head - 1, False)
            else:
                if word(data, "_mapcount", 4) == self.buddy:
                    free_until = max(free_until, frame + (1 << word(data, "private")))
                flags, mapping = word(data, "flags"), word(data, "mapping")
                cache = not mapping & ANON and flags & (self.bit["lru"] | self.bit["swapcache"])
                out = heads[va] = bool(mapping & ANON and level & USER or cache and
                                       level & (PRIVATE_CACHE if flags & self.bit["private"] else
                                                CACHE | PRIVATE_CACHE))
            if out or frame < free_until and level & FREE:
                found.add(frame)
        return found


def describe(core, path, level, method, excluded):
    """What mkdump is told."""
    page = int(core.info["PAGESIZE"])
    out = Pages(core).left_out(level) if level & ~1 else set()
    out |= {address // page for address in excluded}
    yield f"kdump version=6 block={page} method={method}{'' if level & 1 else ' no-zero-page'}"
    yield f"core {path}"
    end = 0
    for start, _, size in core.loads:
        # the kernel's image is there a second time
        first, end = max(-(-start // page), end), (start + size) // page
        while first < end:
            kind = first in out
            last = next((frame for frame in range(first, end) if (frame in out) != kind), end)
            yield f"ram {first * page:#x} {(last - first) * page:#x} {'excluded' if kind else 'core'}"
            first = last
    yield f"set dump_level {level}"
    yield f"set nr_cpus {sum(kind == NT_PRSTATUS for _, kind, _ in core.notes)}"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("mkdump")
    parser.add_argument("vmcore")
    parser.add_argument("out")
    parser.add_argument("--level", type=int, default=31)
    parser.add_argument("--method", default="zlib")
    parser.add_argument("--exclude", nargs="*", default=[], type=lambda text: int(text, 0))
    options = parser.parse_args()
    with open(options.vmcore, "rb") as file:
        text = "\n".join(describe(Core(file), options.vmcore, options.level, options.method,
                                  options.exclude)) + "\n"
    subprocess.run([options.mkdump, "-", options.out], input=text, text=True, check=True)


if __name__ == "__main__":
    try:
        main()
    except (OSError, KeyError, StopIteration, subprocess.SubprocessError) as problem:
        sys.exit(f"makedump.py: {problem!r}")
