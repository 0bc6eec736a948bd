#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dump whose table of memory sections cannot be read, its entries, its roots or the variable that points
to them, opens into a full session all the same. With vmemmap, what crash says of sections and pages is what it
says of the sound dump; without it, crash says that it has none.

Needs, result: as run.py; CASE-DIRECTORY with a dump.raw, to which tests/lab/spoil.py is done on a copy.

Usage:  no_sections.py CASE-DIRECTORY
"""
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
from run import TREE, Report, Session  # noqa: E402

ASKED = {"pages": ["kmem -p 200000", "kmem -p 1000000", "kmem -p 90000000", "kmem -p a0000000"],
         "sections": ["kmem -n"], "tasks": ["ps"]}


def session(case, dump):
    one = Session(case, dump, f"sections-{os.path.basename(case)}-{dump}")
    one.ask("symbol", "sym mem_section")
    one.ask("variable", "rd mem_section")
    one.ask("symbol", "sym vmemmap_populate")
    for name, commands in ASKED.items():
        for command in commands:
            one.ask(name, command)
    one.ask("lamem", "lamem 9000000000200000")
    one.ask("free", "kmem -i")
    output = one.run()
    return one, output


def word(text):
    """What rd shows of an address in the cached window, as a physical one."""
    found = re.search(r"^[0-9a-f]{16}:\s+9000([0-9a-f]{12})", text, re.M)
    return int(found.group(1), 16) if found else None


def places(case, sound):
    """Where the three parts of the table are, the last first."""
    found = re.search(r"^9000([0-9a-f]{12}) .* mem_section", sound.read("symbol"), re.M)
    roots = word(sound.read("variable"))
    if not found or not roots:
        return {}
    one = Session(case, "dump.raw", "sections-roots")
    one.ask("root", f"rd {0x9 << 60 | roots:x}")
    one.run()
    return {"entries": word(one.read("root")), "roots": roots, "variable": int(found.group(1), 16)}


def sections(text):
    """The list of sections in kmem -n, without where crash finds the entries: that is the one thing that
    differs. What stands above it is of nodes."""
    found = re.search(r"^NR +SECTION.*?(?=\n\n|^kmem: |\Z)", text, re.M | re.S)
    return re.sub(r"^( *\d+ +)[0-9a-f]{16} ", r"\1", found.group(0), flags=re.M) if found else None


def check(report, part, vmemmap, sound, broken, output):
    said = "rebuilt from vmemmap" if vmemmap else "nothing else tells where struct pages are"
    report.equal(f"{part}: it is said, once", output.count(f"memory sections cannot be read; {said}"), 1)
    report.check(f"{part}: no step of the start failed", "start-up step" not in output, output)
    report.equal(f"{part}: an ordinary end", broken.status, ["status 0"])
    report.equal(f"{part}: tasks", broken.read("tasks"), sound.read("tasks"))
    report.check(f"{part}: tasks: there are some", len(sound.read("tasks").splitlines()) > 3, sound.read("tasks"))
    if part == "variable":
        report.check(f"{part}: crash still shows that it cannot be read", "rd: read error" in broken.read("variable") and
                     not word(broken.read("variable")), broken.read("variable"))
    # the variables beside it share its page: what crash does not know then is not counted as none
    if "cannot determine pgdat list" in output:
        report.check(f"{part}: kmem -i says that it does not know nodes", "nodes cannot be read" in
                     broken.read("free"), broken.read("free"))
    if vmemmap:
        report.check(f"{part}: there are sections", re.search(r"^ *0 .* PM", sections(sound.read("sections")) or "",
                                                              re.M), sound.read("sections"))
        report.equal(f"{part}: sections", sections(broken.read("sections")), sections(sound.read("sections")))
        report.equal(f"{part}: pages", [line for line in broken.read("pages").splitlines() if
                                        not line.startswith("kmem: ")], sound.read("pages").splitlines())
        report.check(f"{part}: lamem says that the page follows from vmemmap", "from vmemmap" in
                     broken.read("lamem"), broken.read("lamem"))
        return
    report.check(f"{part}: the sound dump has pages", len(sound.read("pages").splitlines()) > 3, sound.read("pages"))
    report.check(f"{part}: kmem -p has none, and says why", all(
        "table of memory sections cannot be read" in line or "nodes cannot be read" in line
        for line in broken.read("pages").splitlines()) and "sections" in broken.read("pages"), broken.read("pages"))
    report.check(f"{part}: lamem says why there is no page", re.search("PAGE: unknown: .*damaged", broken.read("lamem")),
                 broken.read("lamem"))


def main():
    case = os.path.abspath(sys.argv[1])
    report = Report(f"no-sections/{os.path.basename(case)}/dump.raw")
    sound, _ = session(case, "dump.raw")
    vmemmap = re.search(r"^[0-9a-f]{16} .* vmemmap_populate", sound.read("symbol"), re.M)
    where = places(case, sound)
    report.check("the sound dump has a table", where and all(where.values()), sound.read("variable"))
    for part, place in where.items():
        spoiled = os.path.join(case, "dump.spoiled")
        shutil.copyfile(os.path.join(case, "dump.raw"), spoiled)
        try:
            subprocess.run([os.path.join(TREE, "tests/lab/spoil.py"), spoiled, f"{place:#x}"], check=True)
            broken, output = session(case, "dump.spoiled")
        finally:
            os.unlink(spoiled)
        check(report, part, vmemmap, sound, broken, output)
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
