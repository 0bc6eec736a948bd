#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare what `foreach bt -l` prints in a real crash with gdb's stacks of the same frozen instant.

Needs:  what make loongarch64 builds, the native machine of tests/lab/run64.sh, a directory as tests/lab/frozen.py makes it;
        with --strip also the lab (tests/lab/lab.sh), whose objcopy takes .debug_frame out of the vmlinux.
Result: a line for docs/stacks.md, then "ok - ..." or "not ok - ...": every task that gdb has is there, every
        frame of it and every function inlined at it is gdb's, and all are verified (99 % with --strip). Exit
        status 1 if one is not.

Usage:  tasks.py [--strip] DIRECTORY [INSTANT]
"""
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
from run import Report, Session, TREE  # noqa: E402
sys.path.insert(0, os.path.join(TREE, "tests", "tools"))
import compare  # noqa: E402


def stripped(directory, instant):
    """The case again, in build/, with a vmlinux that has no call-frame information."""
    target = os.path.join(TREE, "build", "session", "stripped")
    os.makedirs(f"{target}/{instant}", exist_ok=True)
    shutil.copy(f"{directory}/vmlinux", f"{target}/whole")
    subprocess.run([os.path.join(TREE, "tests/lab/lab.sh"), "loongarch64-linux-gnu-objcopy", "--remove-section=.debug_frame",
                    "/src/build/session/stripped/whole", "/src/build/session/stripped/vmlinux"], check=True)
    os.unlink(f"{target}/whole")
    for name in ("dump.raw", "gdb-tasks.txt"):
        shutil.copy(f"{directory}/{instant}/{name}", f"{target}/{instant}/{name}")
    return target


def read_bt(text):
    """What compare.read_ours gives, out of bt's output."""
    tasks, frames = {}, None
    for line in text.splitlines():
        head = re.match(r"PID: \d+ +TASK: ([0-9a-f]+) ", line)
        frame = re.match(r" ?#\d+ \[([0-9a-f]+)\] (\S+) at ([0-9a-f]+)( \[\S+\])?(  \?.*)?$", line)
        inlined = re.match(r"    inlined (\S+)  ", line)
        if head:
            frames = []
            tasks[int(head[1], 16)] = (frames, True)
        elif frame:
            frames.append((int(frame[3], 16), frame[2], int(frame[1], 16), not frame[5], []))
        elif inlined:
            frames[-1][4].append(inlined[1])
    return tasks


def main():
    strip = "--strip" in sys.argv
    words = [a for a in sys.argv[1:] if a != "--strip"]
    directory = os.path.abspath(words[0])
    # gdb has no tasks of an instant at which all vCPUs were in user mode
    instant = words[1] if words[1:] else min(e.name for e in os.scandir(directory) if e.is_dir() and
                                             os.path.getsize(f"{e.path}/gdb-tasks.txt"))
    name = f"{os.path.basename(directory)}/{instant}{' without .debug_frame' if strip else ''}"
    if strip:
        directory = stripped(directory, instant)
    session = Session(directory, f"{instant}/dump.raw", name.replace("/", "-").replace(" ", "-"))
    session.ask("foreach.txt", "foreach bt -l")
    output = session.run()
    report = Report(name)
    report.equal("crash exits with status 0", session.status, ["status 0"])
    count, differences = compare.Count(), []
    gdb = compare.read_gdb(f"{directory}/{instant}/gdb-tasks.txt")
    ours = read_bt(session.read("foreach.txt"))
    # a dead task has given its stack back, and crash says "(no stack)"
    dead = [task for task, frames in gdb.items() if task in ours and not ours[task][0] and
            any("do_task_dead" in f[1] for f in frames)]
    for task in dead:
        del gdb[task]
    count.add(gdb, ours, differences.append)
    print(f"| {name} | {count.stacks} | {count.whole_equal} | {count.frames} | {count.equal} | {count.verified} | "
          f"{count.wrong} | {count.inlined_equal} of {count.inlined}, {count.inlined_more} more |")
    report.check("foreach bt: gdb's frames of every task", count.stacks > 40 and count.equal == count.frames,
                 "\n".join(differences + [output]))
    report.check("foreach bt: verified, and none wrongly",
                 count.verified >= (0.99 if strip else 1) * count.equal and not count.wrong,
                 "\n".join(differences))
    report.check("foreach bt -l: gdb's inlined functions", count.inlined and not count.inlined_more and
                 count.inlined_equal == count.inlined, "\n".join(differences))
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
