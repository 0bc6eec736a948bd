# SPDX-License-Identifier: GPL-3.0-or-later
"""The door over crash against the door over vmlinux and dump: both are asked what tests/tools/door_facts.c asks.
gdb's answers inside crash and elfutils' have nothing in common but the file. Used by run.py.

Needs:  askdoor.so of the same build (Makefile), and make tools.
"""
import os
import subprocess


def check(report, session, tree):
    paths = [os.path.join(session.case, name) for name in ("vmlinux", session.dump)]
    tools = os.path.join(tree, "build", "unit")
    moved = subprocess.run([f"{tools}/ladump", "--relocation", *paths], stdout=subprocess.PIPE,
                           check=False, text=True).stdout.strip() or "0x0"
    done = subprocess.run([f"{tools}/la-door", *paths, moved], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, text=True)
    kaslr = "" if int(moved, 16) == 0 else f"--kaslr={moved}"
    # without lakvm.so, which has a door of its own
    said = session.crash('cp "$BUILT/askdoor.so" . && printf "extend ./askdoor.so\\naskdoor door.txt\\nq\\n" | '
                         f'crash -s --minimal {kaslr} "$CASE/vmlinux" "$CASE/{session.dump}"').stdout
    alone, crash = done.stdout.splitlines(), session.read("door.txt").splitlines()
    broken = [line for line in alone + crash if line.startswith("broken:")]
    report.check("no door breaks its contract on this kernel", len(crash) > 50 and not broken, "\n".join(broken) or said)
    differ = [f"vmlinux: {a}\ncrash:   {b}" for a, b in zip(alone, crash) if a != b]
    report.check("crash's door answers as the one over vmlinux and dump", len(alone) == len(crash) and not differ,
                 "\n".join(differ[:20]) or f"{len(alone)} and {len(crash)} answers")
