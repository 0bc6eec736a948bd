#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A dump whose table of memory sections cannot be read opens into a full session all the same, and what
crash says of sections and pages is what it says of the sound dump.

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
    one = Session(case, dump, f"sections-{dump}")
    one.ask("root", "rd mem_section")
    for name, commands in ASKED.items():
        for command in commands:
            one.ask(name, command)
    one.ask("lamem", "lamem 9000000000200000")
    output = one.run()
    return one, output


def main():
    case = os.path.abspath(sys.argv[1])
    report = Report("no-sections/dump.raw")
    sound, _ = session(case, "dump.raw")
    root = re.search(r":\s+9000([0-9a-f]{12})", sound.read("root"))
    report.check("the sound dump has a root table", root, sound.read("root"))
    if not root:
        sys.exit(1)
    spoiled = os.path.join(case, "dump.spoiled")
    shutil.copyfile(os.path.join(case, "dump.raw"), spoiled)
    try:
        subprocess.run([os.path.join(TREE, "tests/lab/spoil.py"), spoiled, f"0x{root.group(1)}"], check=True)
        broken, output = session(case, "dump.spoiled")
    finally:
        os.unlink(spoiled)
    report.check("it is said", "rebuilt from vmemmap" in broken.read("output") + output, output)
    report.check("no step of the start failed", "start-up step" not in output, output)
    report.equal("an ordinary end", broken.status, ["status 0"])
    for name in ASKED:
        # where crash finds the entries is the one thing that differs
        told = [re.sub(r"^( *\d+ +)[0-9a-f]{16} ", r"\1", one.read(name), flags=re.M) if name == "sections"
                else one.read(name) for one in (sound, broken)]
        report.check(f"{name}: crash has some", len(told[0].splitlines()) > 3, told[0])
        report.equal(name, told[1], told[0])
    report.check("lamem says that the page follows from vmemmap", "from vmemmap" in broken.read("lamem"),
                 broken.read("lamem"))
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
