#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dump with damaged page tables in the real crash: entries that lead in a circle, to nowhere, beyond RAM, at each
level, of the kernel's tables and of a user's. Each address that they serve gets its reason from vtop, rd and lamem,
what they do not serve is what it was, and the session goes on.

Needs, result: as run.py; CASE-DIRECTORY of a guest that panicked, with a dump.elf, which is damaged in a copy.

Usage:  tables.py CASE-DIRECTORY
"""
import json
import os
import re
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
from run import Report, Session  # noqa: E402
from truth import Truth          # noqa: E402

CACHED = 0x9 << 60
ADDRESS = (1 << 48) - 1
PRESENT, HUGE = 1 << 7, 1 << 6
PROGRAM = 0x120000000       # where the linker puts programs
BEYOND = 0x7000 << 32       # no guest has RAM there


class Dump:
    """The memory in an ELF dump, to read and to change; this shares nothing with lakvm's reader."""

    def __init__(self, path):
        self.file = open(path, "r+b")
        header = self.file.read(64)
        start, = struct.unpack_from("<Q", header, 32)
        size, count = struct.unpack_from("<HH", header, 54)
        self.file.seek(start)
        table = self.file.read(size * count)
        loads = [struct.unpack_from("<IIQQQQ", table, index * size) for index in range(count)]
        self.loads = [(offset, pa, length) for kind, _, offset, _, pa, length in loads if kind == 1]

    def place(self, pa):
        for offset, start, length in self.loads:
            if start <= pa < start + length:
                self.file.seek(offset + pa - start)
                return
        raise ValueError(f"{pa:#x} is not in the dump")

    def words(self, pa, count):
        self.place(pa)
        return struct.unpack(f"<{count}Q", self.file.read(8 * count))

    def set(self, pa, value):
        self.place(pa)
        self.file.write(struct.pack("<Q", value))


def tables(dump, root, shape, empty):
    """[(address of a table, first address that it serves)], one of each level, down the first path there is."""
    found, base = [], 0
    for shift, width in shape:
        found.append((root, base))
        entries = dump.words(root, 1 << width)
        if (shift, width) == shape[-1]:
            return found
        index = next(index for index, entry in enumerate(entries)
                     if entry >> 60 == 9 and not entry & HUGE and entry & ADDRESS not in empty)
        root, base = entries[index] & ADDRESS, base + (index << shift)
    return found


def damages(table, root, last):
    """[(what, entry, reason)] for an entry of a table."""
    nowhere = 0xb000000012340000
    circle = [("a circle", CACHED | table, "is neither a page nor a place in swap")]
    if table != root:
        circle.append(("a circle from the top", CACHED | root, "is neither a page nor a place in swap"))
    if last:
        return circle + [("beyond RAM", BEYOND | 0x1d3, f"(?i)physical {BEYOND:x}|no RAM|beyond RAM")]
    return circle + [("nowhere", nowhere, f"{nowhere:#x} can be no page table"),
                     ("the middle of a page", (CACHED | table) + 8, "can be no page table"),
                     ("beyond RAM", CACHED | BEYOND, f"physical {BEYOND:#x}[0-9a-f]* is")]


def damage(dump, root, shape, kernel, empty):
    """Put each damage into an unused entry of each level that serves this half of the address space; [(level, what,
    address, entry, reason)]."""
    def served(start, index, shift):
        """The address that an entry serves on a CPU of 48 bits; None: it is of the other half, or of neither."""
        va = start + (index << shift)
        address = 0xffff8 << 44 | va & (1 << 47) - 1 if kernel else va
        return address if address & (1 << sum(shape[0])) - 1 == va and (kernel or va < 1 << 47) else None

    done = []
    for level, (table, start) in enumerate(tables(dump, root, shape, empty)):
        shift, width = shape[level]
        entries = dump.words(table, 1 << width)
        unused = [index for index, entry in enumerate(entries) if (entry & ADDRESS in empty or not entry & ~HUGE) and
                  served(start, index, shift) is not None]
        for index, (what, entry, reason) in zip(unused[-8:], damages(table, root, level + 1 == len(shape))):
            dump.set(table + 8 * index, entry)
            done.append((len(shape) - level, what, served(start, index, shift), entry, reason))
    return done


def damage_used(dump, truth):
    """Damage what serves the code of the tasks that the first CPUs were in (init.sh); as damage(), with the CPU."""
    done = []
    for cpu, level, which in ((0, -1, 2), (1, 0, 0), (2, -2, 2))[:truth.vcpus]:
        root, shape = truth.tables(cpu)
        level %= len(shape)
        va, table = PROGRAM, root & ADDRESS
        for up in range(level + 1):
            at = table + (va >> shape[up][0] & (1 << shape[up][1]) - 1) * 8
            inner, table = table, dump.words(at, 1)[0] & ADDRESS
        what, entry, reason = damages(inner, root & ADDRESS, level + 1 == len(shape))[which]
        dump.set(at, entry)
        done.append((len(shape) - level, f"{what}, in use", va, entry, reason, cpu))
    return done


def check_one(report, session, number, one):
    level, what, va, _, reason, cpu = one
    mapped = level == 1 and what.startswith("beyond RAM")         # it translates, but nothing is there
    for name in ("vtop", "rd", "lamem"):
        text = session.read(f"{name}-{number}.txt")
        wanted = "PRESENT" if name == "vtop" and mapped else reason
        if name == "vtop" and cpu is not None and "in use" not in what:
            wanted = r"\(not accessible\)"              # in no area of the task's: crash does not look further
        report.check(f"{va:#x}, level {level}, {what}: {name} says why", re.search(wanted, text), f"{wanted}\n{text}")


def main():
    case = os.path.abspath(sys.argv[1])
    truth = Truth(case)
    report = Report("tables/dump.elf")
    path = os.path.join(case, "dump.damaged")
    subprocess.run(["cp", "--sparse=always", os.path.join(case, "dump.elf"), path], check=True)
    try:
        dump = Dump(path)
        names = {name: int(value, 16) & ADDRESS for value, name in re.findall(
            r"^([0-9a-f]{16}) \w (invalid_\w+_table)$", subprocess.run(
                ["nm", os.path.join(case, "vmlinux")], stdout=subprocess.PIPE, check=True, text=True).stdout, re.M)}
        empty = {value + truth.relocation() for value in names.values()}
        root, shape = truth.tables()
        kernel = damage(dump, root & ADDRESS, shape, True, empty)
        root, shape = truth.tables(0)
        user = damage(dump, root & ADDRESS, shape, False, empty)
        asked = [(*one, None) for one in kernel] + [(*one, 0) for one in user] + damage_used(dump, truth)
        dump.file.close()

        session = Session(case, "dump.damaged", "tables")
        for number, (_, _, va, _, _, cpu) in enumerate(asked):
            if cpu is not None:
                session.ask("set.txt", f"set -c {cpu}")
            session.ask(f"vtop-{number}.txt", f"vtop {'-k' if cpu is None else '-u'} {va:x}")
            session.commands.append(f"rd {'' if cpu is None else '-u'} {va:x}")
            session.ask(f"lamem-{number}.txt", f"lamem {va:x}")
        for name, command in (("bt.txt", "foreach bt"), ("vm.txt", "vm -p"), ("mod.txt", "mod"), ("ps.txt", "ps"),
                              ("lamem.json", "lamem -j linux_banner"), ("lapanic.json", "lapanic -j")):
            session.ask(name, command)
        output = session.run()
    finally:
        os.unlink(path)
    # rd's complaints go to the session's own output, in the order asked
    parts = re.split(r"^(?=rd: (?:seek error|invalid (?:user|kernel) virtual))", output, flags=re.M)[1:]
    report.equal("rd failed at each address", len(parts), len(asked))
    for number, part in enumerate(parts):
        with open(os.path.join(session.where, f"rd-{number}.txt"), "w") as file:
            file.write(part)
    for number, one in enumerate(asked):
        check_one(report, session, number, one)
    report.equal("an ordinary end", session.status, ["status 0"])
    report.check("the stacks of all tasks", len(re.findall("^PID: ", session.read("bt.txt"), re.M)) > 20,
                 session.read("bt.txt")[:500])
    report.check("vm -p lists the task's pages", len(session.read("vm.txt").splitlines()) > 20, session.read("vm.txt")[:500])
    report.check("mod, ps", truth.modules().keys() <= set(session.read("mod.txt").split()) and
                 "pages" in session.read("ps.txt"), session.read("mod.txt"))
    report.equal("lapanic: message", json.loads(session.read("lapanic.json"))["message"], truth.panic_message())
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
