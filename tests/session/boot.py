#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests that did not come up: the one of the first report, whose kernel does not know its CPU (cpu-probe), and one that
is in its firmware (firmware-only). In a session, and by ladump alone, with and without the register text.

Needs, result: as run.py; CASE-DIRECTORY is of one of the two.

Usage:  boot.py CASE-DIRECTORY DUMP-FILE...
"""
import json
import os
import re
import sys

sys.dont_write_bytecode = True
from run import Report, Session  # noqa: E402

BUG = 0x2a0001     # break 1, what BUG() is (asm/break.h)
CURE = "<cpu mode='custom'"


def registers(case):
    """{vCPU: {name: value}} of QEMU's own text."""
    with open(os.path.join(case, "registers.txt")) as file:
        parts = re.split(r"^CPU#(\d+) *$", file.read(), flags=re.M)
    return {int(number): {name: int(value, 16) for name, value in
                          re.findall(r"\b(PC|ERA|ESTAT|BADI|r\d+)[ =]+([0-9a-f]+)\b", text)}
            for number, text in zip(parts[1::2], parts[2::2])}


def answers(session, dump):
    """{how it was asked: the answer}"""
    text = "-r \"$CASE/registers.txt\""
    found = {"lapanic": session.read("plain"), "lapanic -r": session.read("text")}
    for options in ("", text):
        done = session.crash(f'"$BUILT/ladump" -p -j {options} "$CASE/vmlinux" "$CASE/{dump}"')
        found[f"ladump -p {'-r' if options else ''}"] = done.stdout
    return {how: json.loads(answer) if answer.startswith("{") else {} for how, answer in found.items()}


def check_probe(report, case, session, dump):
    said = registers(case)
    with open(os.path.join(case, "serial.log"), "rb") as file:
        report.equal("truth: the console is silent", file.read(), b"")
    report.equal("truth: CPU 0 broke by BUG()", (said[0]["ESTAT"] >> 16 & 63, said[0]["BADI"]), (12, BUG))
    with open(os.path.join(case, "gdb-stacks.txt")) as file:
        gdb = file.read().split("CPU 1\n")[0]
    report.check("truth: gdb sees it in panic()", " panic" in gdb, gdb)
    for how, panic in answers(session, dump).items():
        cause = panic.get("cause") or {}
        report.equal(f"{how}: verdict and cause",
                     (panic.get("kind"), cause.get("kind"), cause.get("symbol"), int(cause.get("pc") or "0", 16)),
                     ("panic", "bug", "cpu_probe", said[0]["ERA"]))
        report.check(f"{how}: what it means", "does not know this CPU model" in str(panic.get("summary")), panic)
        report.check(f"{how}: the cure", any(CURE in one for one in panic.get("advice", [])), panic)
        report.equal(f"{how}: the others were never started", panic.get("stuck"), [f"{len(said) - 1} other vCPUs were never started"])
        report.equal(f"{how}: no clock ran", panic.get("uptime_s"), None)
    cpus = json.loads(session.read("cpus") or '{"cpus": []}')["cpus"]
    report.equal("lacpus: states", sorted(c["state"] for c in cpus), ["never-started"] * (len(said) - 1) + ["panicking"])
    done = session.crash('"$BUILT/ladump" -r "$CASE/registers.txt" "$CASE/vmlinux"')
    report.equal("ladump -r: states", len(re.findall("never-started", done.stdout)), len(said) - 1)


def check_firmware(report, case, session, dump):
    said = registers(case)
    report.check("truth: no vCPU is in the kernel", all(one["PC"] >> 60 != 9 for one in said.values()), said)
    for how, panic in answers(session, dump).items():
        report.equal(f"{how}: firmware", (panic.get("kind"), panic.get("confidence"), panic.get("cpu")), ("firmware", "likely", None))
        report.check(f"{how}: what could not be tried, and why", any(
            one["rule"] == "panic" and "nothing in the dump fits this vmlinux" in one["reason"]
            for one in panic.get("not_checked", [])), panic)
    report.check("a session says that this kernel is not there", "fits this vmlinux" in session.read("output") or
                 "do not belong together" in session.read("output"), session.read("output"))


def main():
    case, failed = os.path.abspath(sys.argv[1]), 0
    for dump in sys.argv[2:]:
        name = os.path.basename(case)
        report = Report(f"{name}/{dump}")
        session = Session(case, dump, f"boot-{name}-{dump}")
        for file, command in (("plain", "lapanic -j"), ("text", f"lapanic -j -r {session.where}/registers.txt"),
                              ("cpus", "lacpus -j")):
            session.ask(file, command)
        with open(os.path.join(case, "registers.txt")) as text, open(f"{session.where}/registers.txt", "w") as copy:
            copy.write(text.read())
        session.commands = [line.replace(f"{session.where}/", "") for line in session.commands]
        session.run()
        report.equal("an ordinary end", session.status, ["status 0"])
        (check_firmware if "firmware" in name else check_probe)(report, case, session, dump)
        failed += report.failed
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
