#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a page of the kernel's log ring is damaged, crash shows no log at all; lakvm then shows every
record whose pages are sound, with each option of crash's log.

Needs, result: as run.py; CASE-DIRECTORY with a dump.raw, to which tests/lab/spoil.py is done on a copy.

Usage:  no_log.py CASE-DIRECTORY
"""
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
from run import TREE, Report, Session  # noqa: E402
from truth import Truth  # noqa: E402

OPTIONS = {"log": "", "log-t": "-t", "log-T": "-T", "log-m": "-m", "log-c": "-c", "log-d": "-d", "log-Tm": "-Tm"}


def place(session):
    """The page that holds what the ring knows of the record in the middle of the log."""
    text = session.read("ring")
    infos, head, tail, bits, size = (int(re.search(pattern, text).group(1), 0) for pattern in
                                     (r"infos = (0x[0-9a-f]+)", r"head_id = \{\s+counter = (\d+)",
                                      r"tail_id = \{\s+counter = (\d+)", r"count_bits = (\d+)", r"= (\d+)\s*$"))
    index = (head - (head - tail) // 2) & (1 << bits) - 1
    return (infos + index * size & (1 << 48) - 1) & ~0xfff


def main():
    case = os.path.abspath(sys.argv[1])
    truth, report = Truth(case), Report(f"no-log/{os.path.basename(case)}")
    sound = Session(case, "dump.raw", "log-sound")
    sound.ask("ring", "p prb->desc_ring")
    sound.ask("ring", "p sizeof(struct printk_info)")
    for name, options in OPTIONS.items():
        sound.ask(name, f"log {options}")
    sound.run()
    spoiled = os.path.join(case, "dump.spoiled")
    shutil.copyfile(os.path.join(case, "dump.raw"), spoiled)
    try:
        subprocess.run([os.path.join(TREE, "tests/lab/spoil.py"), spoiled, hex(place(sound))], check=True)
        broken = Session(case, "dump.spoiled", "log-spoiled")
        for name, options in OPTIONS.items():
            broken.ask(name, f"log {options}")
        broken.ask("log-a", "log -a")
        output = broken.run()
    finally:
        os.unlink(spoiled)
    report.equal("an ordinary end", broken.status, ["status 0"])
    shown = broken.read("log") + output
    report.check("crash's own complaint stands", "cannot read prb_" in shown, shown[:500])
    found = re.search(r"(\d+) records that can be read follow; lost: (\d+)", shown)
    report.check("it is said how many are left", found and int(found.group(1)) > 20 and int(found.group(2)) > 0,
                 shown[:500])
    console = {text.strip() for _, text in truth.records() if text.strip()}
    for name in OPTIONS:
        # crash's own lines of the sound dump, of which a part is left, in the same words and order
        lines = [line.rstrip() for line in broken.read(name).splitlines() if "lakvm" not in line and "cannot read" not in line and line.strip()]
        whole = [line.rstrip() for line in sound.read(name).splitlines()]
        at = 0
        strange = []
        for line in lines:
            try:
                at = whole.index(line, at) + 1
            except ValueError:
                strange.append(line)
        report.check(f"{name}: what crash prints of the sound dump, in its order", not strange and len(lines) > 20,
                     strange[:5])
    left = [text for _, text in truth.records() if text.strip() and text.strip() in broken.read("log")]
    report.check("the guest's own console has the lines", len(left) > 20 and console, left[:5])
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
