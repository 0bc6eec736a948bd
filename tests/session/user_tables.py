#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""User addresses of tasks that run, with QEMU's register text at hand: PGDL of their CPU leads to the same tables as
their mm_struct; where that is damaged, PGDL serves in its place; and where the two differ it is said.

Needs, result: as run.py; CASE-DIRECTORY of a guest in whose end a user task runs, with a dump.raw, to which
tests/lab/spoil.py is done on a copy.

Usage:  user_tables.py CASE-DIRECTORY
"""
import json
import os
import re
import shutil
import subprocess
import sys

sys.dont_write_bytecode = True
from run import TREE, Report, Session  # noqa: E402
from truth import Truth          # noqa: E402

PROGRAM = "120000000"       # where the linker puts programs
TEXT = 'LAKVM_REGISTERS="$CASE/registers.txt"'


def ask(case, dump, what, cpus, environment):
    session = Session(case, dump, f"user-tables-{os.path.basename(case)}-{what}", environment=environment)
    session.ask("cpus", "lacpus -j")
    for cpu in cpus:
        session.ask("unused", f"set -c {cpu}")
        for name, command in (("mm", "task -R mm"), ("lamem", f"lamem {PROGRAM}"), ("vtop", f"vtop -u {PROGRAM}"),
                              ("rd", f"rd -u {PROGRAM} 4")):
            session.ask(f"{name}-{cpu}", command)
    return session, session.run()


def physical(session, cpu):
    """Where lamem and vtop say that the page is."""
    found = (re.search(r"^PHYSICAL: ([0-9a-f]+)", session.read(f"lamem-{cpu}"), re.M),
             re.search(rf"^{PROGRAM} +([0-9a-f]+)", session.read(f"vtop-{cpu}"), re.M))
    return tuple(one and one.group(1) for one in found)


def tables_in_pgdl(truth, vcpu):
    text = truth.read("registers.txt").split(f"CPU#{vcpu}\n")[1].split("CPU#")[0]
    return int(re.search(r"PGDL +([0-9a-f]+)", text).group(1), 16)


def check_damaged(report, case, cpu, mm, sound):
    spoiled = os.path.join(case, "dump.spoiled")
    shutil.copyfile(os.path.join(case, "dump.raw"), spoiled)
    try:
        subprocess.run([os.path.join(TREE, "tests/lab/spoil.py"), spoiled, f"{mm & (1 << 48) - 1:#x}"], check=True)
        told, _ = ask(case, "dump.spoiled", "told", [cpu], TEXT)
        untold, output = ask(case, "dump.spoiled", "untold", [cpu], "")
    finally:
        os.unlink(spoiled)
    # crash's vtop wants more of the mm_struct, and ends
    report.equal(f"CPU {cpu}, mm_struct damaged: where PGDL leads", physical(told, cpu)[0], physical(sound, cpu)[0])
    report.equal(f"CPU {cpu}, mm_struct damaged: what is there", told.read(f"rd-{cpu}"), sound.read(f"rd-{cpu}"))
    report.check(f"CPU {cpu}, mm_struct damaged: lamem says how it knows", "the tables in PGDL" in
                 told.read(f"lamem-{cpu}"), told.read(f"lamem-{cpu}"))
    report.check(f"CPU {cpu}, mm_struct damaged, no registers: the reason", all(
        re.search(rf"^{name}: .*mm_struct[.]pgd: .* is damaged", output, re.M) for name in ("lamem", "rd")), output)
    report.equal("ordinary ends", (told.status, untold.status), (["status 0"], ["status 0"]))


def check_other(report, case, cpu, vcpu, sound, truth):
    """Register text in which that vCPU has the kernel's tables in PGDL too."""
    parts = re.split(r"(?=CPU#)", truth.read("registers.txt"))
    parts = [re.sub(r"(PGDL +)[0-9a-f]+(?=.*?PGDH +([0-9a-f]+))", r"\1\2", part, flags=re.S)
             if part.startswith(f"CPU#{vcpu}\n") else part for part in parts]
    path = os.path.join(case, "registers.other")
    with open(path, "w") as file:
        file.write("".join(parts))
    try:
        other, _ = ask(case, "dump.raw", "other", [cpu], 'LAKVM_REGISTERS="$CASE/registers.other"')
    finally:
        os.unlink(path)
    report.check(f"CPU {cpu}: another PGDL is named", all("has other tables than the task's" in
                 other.read(f"{name}-{cpu}") for name in ("lamem", "vtop")), other.read(f"lamem-{cpu}"))
    report.equal(f"CPU {cpu}: ... and the task's own tables count", physical(other, cpu), physical(sound, cpu))


def main():
    case = os.path.abspath(sys.argv[1])
    truth = Truth(case)
    report = Report(f"user-tables/{os.path.basename(case)}/dump.raw")
    sound, output = ask(case, "dump.raw", "sound", range(truth.meta["vcpus"]), TEXT)
    vcpu = {one["cpu"]: one["vcpu"] for one in json.loads(sound.read("cpus"))["cpus"]}
    report.check("nothing is odd about the sound dump", "PGDL" not in output and
                 "PGDL" not in "".join(sound.read(f"lamem-{cpu}") for cpu in vcpu), output)
    users = {}
    for cpu in vcpu:
        mm = re.search(r"mm = 0x([0-9a-f]+)", sound.read(f"mm-{cpu}"))
        if mm and all(physical(sound, cpu)):
            users[cpu] = int(mm.group(1), 16)
    report.check("user tasks run", users, output)
    table = Session(case, "dump.raw", "user-tables-pgd")
    for cpu, mm in users.items():
        table.ask(f"pgd-{cpu}", f"struct mm_struct.pgd {mm:x}")
    table.run()
    for cpu in users:
        pgd = re.search(r"pgd = 0x([0-9a-f]+)", table.read(f"pgd-{cpu}"))
        report.equal(f"CPU {cpu}: PGDL is the task's", pgd and int(pgd.group(1), 16), tables_in_pgdl(truth, vcpu[cpu]))
    cpu = max(users, default=None)
    if cpu is not None:
        check_damaged(report, case, cpu, users[cpu], sound)
        check_other(report, case, cpu, vcpu[cpu], sound, truth)
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
