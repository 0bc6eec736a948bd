#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a session derives from the guest's page size, levels and widths: against the guest's own control
registers, its list of modules, and the constants of the kernel's source. Then options that contradict
all of it, and addresses that lead nowhere, each with its own reason. ladump must say the same as crash.

Needs, result: as run.py.

Usage:  layout.py CASE-DIRECTORY DUMP-FILE
"""
import json
import os
import re
import sys

sys.dont_write_bytecode = True
from run import Report, Session  # noqa: E402
from truth import Truth  # noqa: E402

STACK = 16384  # asm/thread_info.h: THREAD_SIZE, for every page size
NO_ADDRESS = (("c000000000000000", "not canonical"), ("4000000000000000", "not canonical"),
              ("ffff7fffffffffff", "not canonical"), ("b000000000000000", "in no window"))


def walk_controls(truth):
    """The first address bit of each level, the page table's first, out of PWCL and PWCH."""
    text = truth.read("registers.txt")
    low, high = (int(re.search(rf"{name} +([0-9a-f]+)", text).group(1), 16) for name in ("PWCL", "PWCH"))
    fields = [(low & 31, low >> 5 & 31), (low >> 10 & 31, low >> 15 & 31), (low >> 20 & 31, low >> 25 & 31),
              (high & 63, high >> 6 & 63), (high >> 12 & 63, high >> 18 & 63)]
    return [first for first, width in fields if width]


def value(text, name, base=10):
    found = re.search(rf"^ *{re.escape(name)}: +([0-9a-f]+)", text, re.M)
    return int(found.group(1), base) if found else None


def ask_ladump(session, options):
    """What ladump says of the layout, with @options in front of the dump."""
    done = session.crash(f'"$BUILT/ladump" -j {options} "$CASE/{session.dump}"')
    try:
        answer = json.loads(done.stdout)
    except ValueError:
        return {"printed": done.stdout, "page_size": None, "levels": None, "known_by": [], "remark": None,
                "sections": {"size": None, "remark": None}}
    return dict(answer["layout"], page_size=answer["page_size"])


def check_ladump(report, truth, session):
    shifts = walk_controls(truth)
    for vmlinux in ("", '"$CASE/vmlinux"'):
        said = ask_ladump(session, f'-r "$CASE/registers.txt" {vmlinux}')
        what = f"ladump {'with' if vmlinux else 'without'} vmlinux"
        report.equal(f"{what}: page size and levels are those of the CPU's page walk",
                     (said["page_size"], said["levels"]), (1 << shifts[0], len(shifts)))
        report.check(f"{what}: who was heard", said["known_by"][:1] == ["PWCL and PWCH"] and
                     "VMCOREINFO" in said["known_by"] and ("vmlinux" in said["known_by"]) == bool(vmlinux), said)
        report.equal(f"{what}: section size as in mach", said["sections"]["size"],
                     value(session.read("mach"), "MEMORY SECTION SIZE") << 20)


def check_derived(report, truth, session):
    shifts = walk_controls(truth)
    mach, table = session.read("mach"), session.read("machdep")
    report.equal("mach: page size and levels are those of the CPU's page walk",
                 (value(mach, "PAGE SIZE"), value(mach, "PAGE TABLE LEVELS")), (1 << shifts[0], len(shifts)))
    for name in ("PWCL and PWCH", "vmlinux", "VMCOREINFO"):
        report.check(f"mach: {name} was heard", name in mach, mach)
    report.equal("mach: stack size", value(mach, "KERNEL STACK SIZE"), STACK)
    report.equal("help -m", [value(table, name) for name in
                             ("pagesize", "pageshift", "pgdir_shift", "ptrs_per_pgd", "ptrs_per_pte", "stacksize")],
                 [1 << shifts[0], shifts[0], shifts[-1], 1 << shifts[0] - 3, 1 << shifts[0] - 3, STACK])
    modules = [address for _, address in truth.modules().values()]
    if modules:
        base = value(mach, "KERNEL MODULES BASE", 16)
        report.equal("mach: modules begin where the guest put its first", base, min(modules))
        # MODULES_END: 2 GiB further in 6.12.117 (asm/pgtable.h), 256 MiB in the first kernels
        report.check("mach: vmalloc memory begins behind them", value(mach, "KERNEL VMALLOC BASE", 16) - base
                     in (2 << 30, 256 << 20), mach)
        report.check("kmem of a module's address names its area",
                     re.search(rf"{min(modules):x} - ffff", session.read("area")), session.read("area"))


def check_search(report, session):
    where = re.search(r"^([0-9a-f]{16})", session.read("banner"), re.M)
    hits = re.findall(r"^([0-9a-f]{16}): ", session.read("search"), re.M)
    report.check("search finds linux_banner where it is", where and where.group(1) in hits, hits)
    report.check("search names no address twice, in another window", hits and all(h[0] == "9" for h in hits),
                 hits)


def check_reasons(report, truth, session):
    for address, words in NO_ADDRESS:
        report.check(f"lamem {address}: {words}", words in session.read(f"lamem-{address}"),
                     session.read(f"lamem-{address}"))
    output, end, high = session.read("output"), truth.end_of_ram(), session.read("high")
    report.check("rd behind RAM", f"rd: physical {end:x} is the first byte after RAM, which ends at {end:x}\n"
                 in output, output)
    report.check("rd in the hole", "rd: physical 20000000 is in a hole of RAM, which ends at 10000000 and goes on "
                 "at 80000000\n" in output, output)
    report.check("rd outside any window", "rd: 0xb000000000000000 is in no window" in output, output)
    report.check("rd of what the tables lack", re.search(r"rd: empty P..", output), output)
    report.check("bits above the physical width are named, and the rest is translated",
                 "bits 4000000000000 of" in high and "PHYSICAL: 200000\n" in high, high)


def check_options(report, case, dump, truth):
    levels = len(walk_controls(truth))
    other = 3 if levels != 3 else 2 if walk_controls(truth)[0] > 12 else 4
    session = Session(case, dump, f"layout-{os.path.basename(case)}-options",
                      options=f"--machdep levels={other},nonsense=1 -m section_size_bits=30")
    session.ask("mach", "mach")
    output = session.run()
    report.check("an option that contradicts vmlinux: who says what",
                 f"an option says {other} levels of page tables, but vmlinux says {levels}" in output, output)
    report.check("a section size that the table disproves is doubted", "2^29 bytes, not with the 2^30" in output,
                 output)
    report.check("an option that is none is named", '"nonsense=1" is none of' in output, output)
    mach = session.read("mach")
    report.equal("options win", (value(mach, "PAGE TABLE LEVELS"), value(mach, "MEMORY SECTION SIZE")),
                 (other, 1024))
    said = ask_ladump(session, f'--machdep levels={other} -m section_size_bits=30 "$CASE/vmlinux"')
    report.equal("ladump: options win", (said["levels"], said["sections"]["size"]), (other, 1 << 30))
    report.check("ladump: what crash said of them", all(f"lakvm: {one}\n" in output for one in
                                                        (said["remark"], said["sections"]["remark"])), said)
    done = session.crash(f'"$BUILT/ladump" --machdep nonsense=1 "$CASE/{dump}"; echo "status $?"')
    report.check("ladump: an option that is none is named", '"nonsense=1" is none of' in done.stdout and
                 done.stdout.endswith("status 1\n"), done.stdout)


def main():
    case, dump = os.path.abspath(sys.argv[1]), sys.argv[2]
    truth = Truth(case)
    report = Report(f"layout/{os.path.basename(case)}/{dump}")
    session = Session(case, dump, f"layout-{os.path.basename(case)}",
                      environment='LAKVM_REGISTERS="$CASE/registers.txt"')
    session.ask("mach", "mach")
    session.ask("machdep", "help -m")
    if truth.modules():
        session.ask("area", f"kmem {min(address for _, address in truth.modules().values()):x}")
    session.ask("banner", "sym linux_banner")
    session.ask("search", f"search -K -e 9000000002000000 {int.from_bytes(b'Linux ve', 'little'):x}")
    for address, _ in NO_ADDRESS:
        session.ask(f"lamem-{address}", f"lamem {address}")
    session.ask("high", "lamem 9004000000200000")
    for address in (0x9 << 60 | truth.end_of_ram(), 0x9 << 60 | 0x20000000, 0xb << 60, 0xffff8 << 44):
        session.ask("rd", f"rd {address:x}")
    session.run()
    check_derived(report, truth, session)
    check_search(report, session)
    check_reasons(report, truth, session)
    check_ladump(report, truth, session)
    check_options(report, case, dump, truth)
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
