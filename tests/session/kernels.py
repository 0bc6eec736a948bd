#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of docs/kernels.md: each dump of each case in the unmodified crash and in crash with lakvm, both
asked (vtop, rd) for the addresses that the frozen guest was asked for.

Needs:  as run.py.
Result: a line of the table a dump, and on standard error one "ok - ..." or "not ok - ..." with the first
        differences; exit status 1 if with lakvm one did not open, or an answer was wrong or missing. What
        crash printed is kept in build/session/.

Usage:  kernels.py CASE-DIRECTORY... [-- DUMP-FILE...]
"""
import concurrent.futures
import os
import re
import sys

sys.dont_write_bytecode = True
import addresses                # noqa: E402
from run import Session         # noqa: E402
from truth import truth_of      # noqa: E402

FORMATS = {"dump.kdump": "kdump, flattened", "dump.raw": "kdump", "dump.16k": "kdump, 16 KiB blocks",
           "dump.elf": "ELF", "vmcore": "vmcore of kdump"}
PROGRAMS = {"crash": "crash", "lakvm": '"$SRC/extensions/lacrash"'}
HEAD = """\
| case | Linux | pages, levels | moved by | RAM | dump | asked | crash | wrong | unanswered | with lakvm | wrong | unanswered |
|---|---|---|---|---|---|---|---|---|---|---|---|---|"""


def open_and_ask(case, dump, program, options, asked):
    """A session of one of the programs with all the questions that both understand."""
    session = Session(case, dump, f"kernels-{os.path.basename(case)}-{dump}-{program}")
    session.ask("sys.txt", "sys")
    addresses.ask(session, asked, with_lamem=False)
    with open(os.path.join(session.where, "input"), "w", encoding="utf-8") as file:
        file.write("\n".join(session.commands + ["q", ""]))
    session.crash(f'{PROGRAMS[program]} -s {options} "$CASE/vmlinux" "$CASE/{dump}" < input > output 2>&1', timeout=3000)
    return session


def refusal(session, truth):
    """None if it came to a session that knows the kernel and of which no part is missing, else what ended it."""
    said = session.read("output")
    failed = re.findall(r'.*start-up step ".*" failed.*', said)
    if f"RELEASE: {truth.release()}\n" in session.read("sys.txt") and not failed:
        return None
    where = re.search(r'^crash: .*type: ("[^"]+")$', said, re.M)
    return where.group(1) if where else (failed or said.split("\n"))[0].strip() or "nothing said"


def cell(session, truth, asked):
    """(what happened, wrong, unanswered) of one session; the last two are lists."""
    refused = refusal(session, truth)
    if refused:
        return f"no: {refused[:70]}".replace("|", "/"), None, None
    found = [answers for name, _, some in asked
             for answers in addresses.differences(session, name, addresses.expected(session, name, some))]
    return "opens", *([line for answers in found for line in answers[kind]] for kind in ("wrong", "unanswered"))


def row(case, dump, every):
    """Print one line of the table; whether lakvm's half of it is as it has to be."""
    truth = truth_of(case, dump)
    asked = addresses.spaces(truth, every)
    moved = truth.relocation()
    # crash is told what lakvm has to find
    with concurrent.futures.ThreadPoolExecutor() as both:
        sessions = [both.submit(open_and_ask, case, dump, program, options, asked) for program, options in
                    (("crash", f"--kaslr={moved:#x}" if moved else ""), ("lakvm", ""))]
    crash, lakvm = (cell(session.result(), truth, asked) for session in sessions)
    questions = sum(1 + (one.pa is not None) for _, _, some in asked for one in some)
    print("|", " | ".join(map(str, [
        os.path.basename(case).removeprefix("case-"), truth.release(), f"{truth.page_size() >> 10} KiB, {truth.levels()}",
        hex(moved) if moved else "-", truth.meta["memory"] + ("".join(f" + {size >> 20}M" for _, size in
                                                                      truth.meta.get("plugged", []))),
        FORMATS[dump], questions,
        *("-" if part is None else part if isinstance(part, str) else len(part) for part in crash + lakvm)])), "|", flush=True)
    right = lakvm == ("opens", [], [])
    print(f"{'ok' if right else 'not ok'} - kernels: {os.path.basename(case)}/{dump}: {questions} answers of crash with lakvm",
          file=sys.stderr)
    for what, lines in zip(("wrong", "unanswered"), lakvm[1:]):
        for line in (lines or [])[:8]:
            print(f"    {what}: {line}", file=sys.stderr)
    return right


def main():
    cases = sys.argv[1:]
    dumps = list(FORMATS)
    if "--" in cases:
        cut = cases.index("--")
        cases, dumps = cases[:cut], cases[cut + 1:]
    print(HEAD)
    # how an address is translated does not depend on the dump's form
    right = [row(os.path.abspath(case), dump, 1 if dump == dumps[0] else 8) for case in cases for dump in dumps
             if os.path.exists(os.path.join(case, dump))]
    sys.exit(not (right and all(right)))


if __name__ == "__main__":
    main()
