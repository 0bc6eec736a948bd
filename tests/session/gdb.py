#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""gdb's own commands in a session: its stacks are those of bt, whichever task is set, and what could end crash
is refused, in every crash that lakvm is built for.

Needs, result: as run.py.

Usage:  gdb.py CASE-DIRECTORY DUMP-FILE...
"""
import os
import re
import sys

sys.dont_write_bytecode = True
from run import Report, Session  # noqa: E402


def frames(text):
    return re.findall(r"^#\d+ +0x([0-9a-f]+) in", text, re.M)


def main():
    case, failed = os.path.abspath(sys.argv[1]), 0
    for dump in sys.argv[2:]:
        report = Report(f"{os.path.basename(case)}/{dump}, gdb")
        session = Session(case, dump, f"{os.path.basename(case)}-{dump}-gdb")
        for task, select in (("panic", "set -p"), ("init", "set 1"), ("idle", "set 0")):
            session.commands.append(f"{select} > /dev/null")
            session.ask(f"bt-{task}", "bt")
            session.ask(f"gdb-{task}", "gdb backtrace")
        session.ask("pc", "gdb print/x $pc")
        session.ask("registers", "gdb info registers sp")
        for command in ("gdb info threads", "gdb thread 2", "gdb thread apply all bt 1", "gdb frame 1"):
            session.ask("may-fail", command)  # in this crash or that; but not end it
        for command in ("gdb tbreak panic", "gdb b panic"):  # crash itself prohibits them
            session.ask("prohibited", command)
        session.ask("type", "gdb ptype struct list_head")
        session.ask("jiffies", "p jiffies_64")
        output = session.run()
        report.equal("crash lives to its end", session.status, ["status 0"])
        report.check("... and is not ended by gdb", "internal-error" not in output, output[-600:])
        for task in ("panic", "init"):
            gdb, bt = frames(session.read(f"gdb-{task}")), session.read(f"bt-{task}")
            report.check(f"{task}: gdb's stack is that of bt", len(gdb) > 2 and all(pc in bt for pc in gdb),
                         f"{gdb}\n{bt}")
        report.check("$pc is an address", re.search(r"= 0x9[0-9a-f]{15}$", session.read("pc"), re.M), session.read("pc"))
        report.check("sp is one", re.match(r"sp +0x9[0-9a-f]{15}", session.read("registers")), session.read("registers"))
        report.equal("what crash prohibits it says so itself", session.read("prohibited").count("prohibited gdb command"), 2)
        report.check("a type", "struct list_head {" in session.read("type"), session.read("type"))
        report.check("a variable after all that", re.search(r"= \d+", session.read("jiffies")), output[-600:])
        failed += report.failed
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
