#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest that is frozen in its crash kernel, which died early: two kernels are in memory. In a real crash, and for ladump.

Needs:  as run.py, and a case that sets kdump=load (tests/lab/case.sh).
Result: as run.py.

Usage:  two_kernels.py CASE-DIRECTORY DUMP-FILE...
"""
import json
import mmap
import os
import re
import shutil
import sys

sys.dont_write_bytecode = True
from run import Report, Session  # noqa: E402
from truth import Truth  # noqa: E402


def ask(case, dump, name, options="", environment=""):
    session = Session(case, dump, f"two-{name}", options, environment)
    for file, command in (("panic", "lapanic -j"), ("cpus", "lacpus -j"), ("ps", "ps"), ("kmem", "kmem -i")):
        session.ask(file, command)
    shutil.copy(os.path.join(case, "registers.txt"), session.where)
    return session, session.run()


def ended(path):
    """Messages of panic() in the memory of a core file where no crash kernel took over: "---[ end Kernel panic ... ]---"."""
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as memory:
        found = re.findall(rb"---\[ end Kernel panic - not syncing: ([ -~]+?) \]---", memory)
        return sorted({text.decode() for text in found} - {"%s"})


def check_crash_kernel(report, truth, session, said, offset):
    """The kernel that runs: little can be told of it, and nothing of the first one's may be said of it."""
    report.equal("the one that runs: an ordinary end", session.status, ["status 0"])
    # Likely: its log is the only witness; there are no registers of its CPUs, whose stacks would tell who called panic().
    report.check("... the first one is named, with its end and the way to it", re.search(
        rf"^NOTE: lakvm: the first kernel, which started this crash kernel, is at offset {truth.first:#x} "
        rf"\(--kaslr={truth.first:#x}\); its verdict: panic, likely: {re.escape(truth.panic_message())}$", said, re.M), said[-900:])
    # It has relocated itself, and died in setup_arch(): no pid namespace, no zones.
    report.equal("... lines say why the session stays minimal", re.findall("^WARNING: lakvm: .*$", said, re.M), [
        'WARNING: lakvm: start-up step "vm_init" failed; not working now: kmem, and struct page',
        'WARNING: lakvm: start-up step "task_init" failed; not working now: ps, bt, and all that works on tasks'])
    report.check("... and it does", "\nNOTE: lakvm: this session stays minimal; lapanic and lacpus still work\n" in said, said[-900:])
    panic = json.loads(session.read("panic") or "{}")
    # Certain: the message, and on the stack who called panic() with it.
    report.equal("... its own verdict", [panic.get("kind"), panic.get("confidence"), [panic.get("message")]],
                 ["panic", "certain", ended(os.path.join(session.case, "dump.elf"))])
    cpus = json.loads(session.read("cpus") or '{"cpus": []}')["cpus"]
    report.check("... a vCPU that is in the first kernel is said to be", any(
        "in the first kernel" in (cpu["remark"] or "") for cpu in cpus), cpus)
    report.check("... and its offset is that of PGDH", offset == truth.meta["moved"], (offset, truth.meta["moved"]))


def check_first(report, truth, session, said):
    report.equal("the first one: an ordinary end", session.status, ["status 0"])
    report.check("... the one that runs is named", re.search(
        rf"^NOTE: lakvm: the kernel that runs now is at offset {truth.meta['moved']:#x} ", said, re.M), said[-900:])
    panic = json.loads(session.read("panic") or "{}")
    report.equal("... its own verdict", [panic.get("kind"), panic.get("message"), panic.get("confidence")],
                 ["panic", truth.panic_message(), "certain"])
    trace = [pc for pc, name in truth.call_trace() if name not in ("show_stack", "dump_stack_lvl")][1:]
    ours = [int(frame["pc"], 16) for frame in panic.get("frames", []) if frame["pc"]]
    # ORC's trace has the addresses of the calls
    report.check("... its own Call Trace is in the stack", len(trace) > 2 and any(
        all(pc + shift in ours for pc in trace) for shift in (0, 4)), panic.get("frames"))
    report.check("... a full session", "TOTAL MEM" in session.read("kmem") and "swapper/0" in session.read("ps"), said[-900:])


def main():
    case = os.path.abspath(sys.argv[1])
    truth, failed = Truth(case), 0
    truth.first = 0     # that kernel does not move itself
    for dump in sys.argv[2:]:
        report = Report(f"{os.path.basename(case)}/{dump}")
        session, said = ask(case, dump, "registers", environment='LAKVM_REGISTERS=registers.txt')
        found = session.crash(f'"$BUILT/ladump" -j -r registers.txt "$CASE/vmlinux" "$CASE/{dump}"').stdout
        place = json.loads(found)["relocation"]
        check_crash_kernel(report, truth, session, said, int(place["offset"], 16))
        report.equal("ladump: the other one", [(other["offset"], other["role"]) for other in place["others"]],
                     [(hex(truth.first), "first")])
        session, said = ask(case, dump, "none")
        check_crash_kernel(report, truth, session, said, int(place["offset"], 16))
        session, said = ask(case, dump, "first", f"--kaslr={truth.first:#x}")
        check_first(report, truth, session, said)
        failed += report.failed
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
