#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that died before its scheduler was set up: no start of crash can succeed, and lapanic, lacpus
and log answer all the same.

Needs, result: as run.py.

Usage:  early.py CASE-DIRECTORY DUMP-FILE...
"""
import json
import os
import sys

sys.dont_write_bytecode = True
from run import Report, Session  # noqa: E402
from truth import Truth  # noqa: E402


def main():
    case = os.path.abspath(sys.argv[1])
    truth, failed = Truth(case), 0
    for dump in sys.argv[2:]:
        report = Report(f"early/{dump}")
        session = Session(case, dump, f"early-{dump}")
        for name, command in (("lapanic.json", "lapanic -j"), ("lacpus.json", "lacpus -j"),
                              ("log.txt", "log")):
            session.ask(name, command)
        output = session.run()
        report.check("the step that failed is named", 'start-up step "task_init" failed' in output, output)
        report.equal("an ordinary end", session.status, ["status 0"])
        panic = json.loads(session.read("lapanic.json") or "{}")
        cpus = json.loads(session.read("lacpus.json") or '{"cpus": []}')["cpus"]
        report.equal("message", panic.get("message"), truth.panic_message())
        cause = panic.get("cause") or {}
        report.equal("cause", (cause.get("kind"), int(cause.get("address") or "0", 16),
                               int(cause.get("pc") or "0", 16), cause.get("symbol"), cause.get("offset")),
                     ("page-fault",) + truth.fault())
        addresses = [f["pc"] and int(f["pc"], 16) for f in panic.get("frames", [])]
        missing = [hex(pc) for pc, _ in truth.call_trace() if pc not in addresses]
        report.check("the guest's own Call Trace is in the stack", not missing, missing)
        report.equal("states", [c["state"] for c in cpus], ["panicking", "never-started"])
        log = session.read("log.txt")
        lost = [text for when, text in truth.records()
                if text.strip() and f"[{float(when):12.6f}] {text}".rstrip() not in log]
        report.check("log: all the kernel said on its console", not lost and len(truth.records()) > 20,
                     lost[:5])
        failed += report.failed
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
