#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of docs/porting.md: the tests of a session in several versions of crash, and whether the answers of each are those
of the first, to the byte.

Needs:  as run.py and kdump.py; make tools build/bench/mkdump; each crash with its defs.h in a directory (tests/lab/crash.sh
        makes two), and lakvm.so is built for it here. NAME= without a directory is the native machine of tests/lab/run64.sh.
        A case with a vmcore is kdump.py's, with --vmcore the first part of it.
Result: a line a cell, and the cells as a table in Markdown; exit status 1 where a check failed or an answer differs.
        A cell is kept in build/matrix/, with its log and answers, and is not run again at the same commit: what
        breaks off goes on where it was. What is not committed is refused: a cell is to be of one state.

Usage:  matrix.py [--vmcore] NAME=[DIRECTORY]... -- CASE-DIRECTORY...
"""
import json
import os
import re
import shutil
import subprocess
import sys
import time

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
KEPT = os.path.join(TREE, "build/matrix")
ANSWERS = {"lapanic.json": "lapanic -j", "lacpus.json": "lacpus -j", "bt-a.txt": "bt -a"}
PRODUCTS = ("lakvm.so", "ladump", "askdoor.so")
SOME = 10       # failures of a cell that are named; its log has all
CHECK = re.compile(r"^(not )?ok - (.*)$", re.M)


def commit():
    """What is run; refused where the files are not what it names."""
    def git(*words):
        return subprocess.run(["git", "-C", TREE, *words], stdout=subprocess.PIPE, check=True, text=True).stdout.strip()
    if git("status", "--porcelain", "--untracked-files=no"):
        sys.exit("matrix.py: there are changes that are not committed")
    return git("rev-parse", "--short", "HEAD")


def make(*words):
    done = subprocess.run(["make", "-C", TREE, "--no-print-directory", "-j2", *words], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, text=True)
    if done.returncode:
        sys.exit(f"matrix.py: make {' '.join(words)}\n{done.stdout[-2000:]}")


def build(name, directory):
    """lakvm for that crash; the environment that a test of it wants."""
    if not directory:
        for product in PRODUCTS:
            make(f"build/loongarch64/{product}")
        return {key: value for key, value in os.environ.items() if key not in ("LAKVM_CRASH", "LAKVM_BUILT")}
    # in one place, so that the core is compiled once, and where lacrash finds ladump
    built, machine = os.path.join(KEPT, name, "built"), os.uname().machine
    make(f"CRASH_INC={directory}", *(f"build/{machine}/{product}" for product in PRODUCTS))
    os.makedirs(built, exist_ok=True)
    for product in PRODUCTS:
        shutil.copy(os.path.join(TREE, "build", machine, product), built)
    return {**os.environ, "LAKVM_CRASH": directory, "LAKVM_BUILT": built}


def run(case, where, environment, part):
    """One cell: the test of that case, what it found, and the answers of its session."""
    name, vmcore = os.path.basename(case), os.path.exists(os.path.join(case, "vmcore"))
    test = ["kdump.py", *part, case] if vmcore else ["run.py", case, "dump.kdump"]
    session = os.path.join(TREE, "build/session", f"{name}-{'vmcore' if vmcore else 'dump.kdump'}")
    shutil.rmtree(session, ignore_errors=True)      # no answers of another crash
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-B", os.path.join(TREE, "tests/session", test[0]), *test[1:]], env=environment,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, text=True)
    with open(f"{where}.log", "w", encoding="utf-8") as log:
        log.write(done.stdout)
    os.makedirs(where, exist_ok=True)
    for answer in ANSWERS:
        if os.path.exists(os.path.join(session, answer)):
            shutil.copy(os.path.join(session, answer), where)
    checks = CHECK.findall(done.stdout)
    failed = [what for bad, what in checks if bad]
    if done.returncode and not failed:
        failed = [f"it broke off: {done.stdout[-200:]}"]
    return {"checks": len(checks), "failed": failed, "seconds": round(time.monotonic() - began)}


def different(where, reference):
    """The answers that are not the reference's. One that is not there, or empty, is nobody's."""
    def content(directory, answer):
        try:
            with open(os.path.join(directory, answer), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return b""
    return [question for answer, question in ANSWERS.items()
            if not content(where, answer) or content(where, answer) != content(reference, answer)]


def cell(name, case, environment, state, part):
    where = os.path.join(KEPT, name, os.path.basename(case))
    try:
        with open(f"{where}.cell", encoding="utf-8") as file:
            found = json.load(file)
    except (FileNotFoundError, ValueError):
        found = {}
    if (found.get("commit"), found.get("part")) != (state, part):
        shutil.rmtree(where, ignore_errors=True)
        found = {"commit": state, "part": part, **run(case, where, environment(), part)}
        with open(f"{where}.cell", "w", encoding="utf-8") as file:
            json.dump(found, file)
    return where, found


def main():
    if "--" not in sys.argv[2:]:
        sys.exit(__doc__)
    at = sys.argv.index("--")
    part = [one for one in sys.argv[1:at] if one == "--vmcore"]
    crashes = [one.partition("=")[::2] for one in sys.argv[1:at] if one not in part]
    cases = [os.path.abspath(one) for one in sys.argv[at + 1:]]
    state, rows, bad = commit(), [], False
    for name, directory in crashes:
        made = []

        def environment(name=name, directory=directory, made=made):
            if not made:
                made.append(build(name, directory and os.path.abspath(directory)))
            return made[0]

        os.makedirs(os.path.join(KEPT, name), exist_ok=True)
        cells = []
        for case in cases:
            where, found = cell(name, case, environment, state, part)
            unlike = different(where, os.path.join(KEPT, crashes[0][0], os.path.basename(case)))
            bad = bad or bool(unlike or found["failed"])
            passed = f"{found['checks'] - len(found['failed'])} of {found['checks']}"
            print(f"{'not ok' if unlike or found['failed'] else 'ok'} - {name}, {os.path.basename(case)}: {passed} checks in "
                  f"{found['seconds']} s, {'not ' + ', '.join(unlike) if unlike else 'the answers'} of {crashes[0][0]}", flush=True)
            for failure in found["failed"][:SOME]:
                print(f"    {failure}", flush=True)
            cells.append(f"{'other: ' + ', '.join(unlike) if unlike else 'equal'}; {passed}")
        rows.append(f"| {name} | {' | '.join(cells)} |")
    print(f"\n| at {state} | {' | '.join(os.path.basename(case) for case in cases)} |\n|---|{'---|' * len(cases)}")
    print("\n".join(rows))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
