#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What CPUs wait for, in a real crash, on the case lost-ipi: tests/lab/shoot.c hung one CPU with interrupts off
and another one waits for it to flush its TLB.

Needs:  as run.py.
Result: as run.py.

Usage:  states.py CASE-DIRECTORY DUMP-FILE...
"""
import json
import os
import re
import shutil
import sys

sys.dont_write_bytecode = True
from run import Report, Session  # noqa: E402
from truth import Truth  # noqa: E402


def main():
    case = os.path.abspath(sys.argv[1])
    truth, failed = Truth(case), 0
    for dump in sys.argv[2:]:
        name = f"{os.path.basename(case)}/{dump}"
        report, session = Report(name), Session(case, dump, name.replace("/", "-"))
        for file, command in (("found", "lacpus -j"), ("text", "lacpus -j -r registers.txt"), ("lines", "lacpus"),
                              ("verdict", "lapanic -j")):
            session.ask(file, command)
        shutil.copy(os.path.join(case, "registers.txt"), session.where)
        session.run()
        # gdb knows which vCPU waits, and so does each of its frames
        waiting = [vcpu for vcpu, stack in truth.gdb().items() if any("flush_tlb_range" in f for _, f in stack)]
        for file in ("found", "text"):
            cpus = json.loads(session.read(file))["cpus"]
            hung = next(c for c in cpus if c["cpu"] == 0)
            waits = [c for c in cpus if c["state"] == "ipi-wait"]
            report.equal(f"{file}: the CPU that waits", [c["vcpu"] for c in waits], waiting)
            report.equal(f"{file}: for the one that hangs", [c["waits_for_all"] for c in waits], [[0]])
            report.equal(f"{file}: which has not taken the request", (hung["pending_calls"], hung["pending_call"]),
                         (1, "flush_tlb_range_ipi"))
            report.equal(f"{file}: nothing is pending elsewhere", {c["pending_calls"] for c in cpus if c["cpu"]}, {0})
            # it hung when the guest said so, and was frozen so many seconds later (test-dumps/lost-ipi/case)
            report.check(f"{file}: for how long", 4e9 < hung["clock_age_ns"] <= hung["since_ns"] < 60e9,
                         (hung["clock_age_ns"], hung["since_ns"]))
            report.equal(f"{file}: an emulated CPU is not stolen from", {c["steal_ns"] for c in cpus}, {0})
        verdict = json.loads(session.read("verdict"))
        report.equal("lapanic: who takes no interrupts", (verdict["kind"], verdict["cpu"]), ("hard-lockup", 0))
        waits = verdict["waits"]
        report.equal("lapanic: and who waits for it", [n["cpu"] for n in waits["nodes"] if n["waits_for"] is not None],
                     [c["cpu"] for c in json.loads(session.read("found"))["cpus"] if c["state"] == "ipi-wait"])
        report.check("text: (for CPU 0)", re.search(r"ipi-wait .*\(for CPU 0\)$", session.read("lines"), re.M),
                     session.read("lines"))
        failed += report.failed
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
