#!/usr/bin/env python3
"""latriage over many dumps, and its groups against the truth of the corpus.

Needs:  cases made by tests/lab/corpus.sh; latriage and a ladump (LADUMP).
Result: the dumps in --dir, made once: of each case a hard link, a folder as lavirsh-dump makes it with the registers, a copy whose
        log is wiped, and a copy, up to --count. Then a line for each run: how many dumps and workers, wall and CPU time, memory of the largest
        process; at the end pairs of dumps of one trouble in different groups, and pairs of different troubles in one.

A group without a signature (nothing wrong was found, say) is not taken for one trouble: its dumps are only counted.
One trouble: the same case, or one that is the same on another kernel or machine (same_as). Different troubles: what the truths call
them, or the functions that they name, have nothing in common. All other pairs are in doubt and not counted.

Usage:  triage_groups.py [--cache DIR] [--dir DIR] [--count N] [--workers N]...
"""
import argparse
import itertools
import json
import os
import resource
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import corpus      # noqa: E402
import wipe_log    # noqa: E402

FORMS = ("bare", "folder", "wiped", "copy")


def link(source, target):
    if not os.path.exists(target):
        os.link(os.path.realpath(source), target)


def make(made, form, where):
    """One dump of the case in @made."""
    os.makedirs(where, exist_ok=True)
    link(f"{made}/vmlinux", f"{where}/vmlinux")
    if form == "wiped":
        if not os.path.exists(f"{where}/dump.kdump"):
            wipe_log.main(f"{made}/vmlinux", f"{made}/dump.kdump", f"{where}/dump.new")
            os.rename(f"{where}/dump.new", f"{where}/dump.kdump")
        return
    if form == "copy":
        if not os.path.exists(f"{where}/dump.kdump"):
            shutil.copy2(f"{made}/dump.kdump", f"{where}/dump.new")
            os.rename(f"{where}/dump.new", f"{where}/dump.kdump")
        return
    link(f"{made}/dump.kdump", f"{where}/{'memory' if form == 'folder' else 'dump.kdump'}")
    if form == "folder":
        link(f"{made}/registers.txt", f"{where}/registers")
        with open(f"{where}/manifest", "w", encoding="utf-8") as file:
            sizes = [f"file {os.path.getsize(f'{where}/{name}')} {name}\n" for name in ("memory", "registers")]
            file.write("".join(["lavirsh-dump 1\n", *sizes, "end\n"]))


def run(count, workers, options):
    """Judge the first @count into a new database."""
    db = f"{options.dir}/triage.db"
    for end in ("", "-wal", "-shm"):
        if os.path.exists(db + end):
            os.unlink(db + end)
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.monotonic()
    done = subprocess.run([f"{TREE}/extensions/latriage", "--db", db, "-j", str(workers), "--settle", "0", "--json",
                           *options.made[:count]], capture_output=True, check=False)
    wall, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    known = json.loads(done.stdout)
    judged = sum(group["count"] for group in known["groups"])
    print(f"{count} dumps, {workers} workers: {wall:.1f} s, CPU {cpu:.1f} s, largest process {after.ru_maxrss >> 10} MiB, status "
          f"{done.returncode}; {judged} judged in {len(known['groups'])} groups, {len(known['failed'])} failed", flush=True)
    return known


def base(cases, name):
    return cases[name]["same_as"] or name


def differ(a, b):
    """Do the truths have nothing in common?"""
    functions = [set(truth.get("function", [])) - {"none"} for truth in (a, b)]
    return not set(a["is"]) & set(b["is"]) or (all(functions) and not functions[0] & functions[1])


def compare(known, cases, form):
    """Pairs that are torn apart, and pairs that are together and should not be, of dumps in the forms @form."""
    of, unsigned = {}, 0
    for number, group in enumerate(known["groups"]):
        for dump in group["dumps"]:
            # of a folder that is one dump its own path, of another the dump's in it
            case, kind = dump["path"].removesuffix("/dump.kdump").split("/")[-1].rsplit(".", 1)
            if kind in form and group["hash"]:
                of[(case, kind)] = number
            unsigned += kind in form and not group["hash"]
    torn, wrong, same, different = [], [], 0, 0
    for a, b in itertools.combinations(sorted(of), 2):
        if base(cases, a[0]) == base(cases, b[0]):
            same += 1
            torn += [(a, b)] if of[a] != of[b] else []
        elif differ(cases[a[0]]["truth"], cases[b[0]]["truth"]):
            different += 1
            wrong += [(a, b)] if of[a] == of[b] else []
    print(f"{'+'.join(form)}: {len(of)} dumps with a signature in {len(set(of.values()))} groups, {unsigned} without; torn apart {len(torn)} of {same} pairs of one trouble; together {len(wrong)} of {different} pairs of "
          "different ones")
    for words, pairs in (("torn", torn), ("together", wrong)):
        for a, b in sorted({tuple(sorted((base(cases, x[0]), base(cases, y[0])))) for x, y in pairs}):
            print(f"  {words}: {a}{'' if a == b else ', ' + b}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cache", default=os.environ.get("LAKVM_CACHE") or os.path.expanduser("~/.cache/lakvm"))
    parser.add_argument("--dir", required=True)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--workers", type=int, action="append")
    options = parser.parse_args()
    cases, options.made = corpus.cases(), []
    there = [name for name in sorted(cases) if os.path.exists(f"{options.cache}/corpus/{name}/dump.kdump") and
             os.path.exists(f"{options.cache}/corpus/{name}/registers.txt")]
    for form, name in itertools.product(FORMS, there):
        if len(options.made) < options.count:
            try:
                make(f"{options.cache}/corpus/{name}", form, f"{options.dir}/{name}.{form}")
                options.made.append(f"{options.dir}/{name}.{form}")
            except (OSError, ValueError, KeyError) as problem:
                print(f"{name}.{form}: not made: {problem}")
    for workers in options.workers or [1, 2]:
        for part in (4, 2, 1):
            known = run(len(options.made) // part, workers, options)
    for form in [(form,) for form in FORMS] + [FORMS]:
        compare(known, cases, form)


if __name__ == "__main__":
    sys.exit(main())
