#!/usr/bin/env python3
"""Judge lakvm's verdicts on the corpus of faults by what was written of each case before.

Needs:  cases made by tests/lab/corpus.sh; a crash for this machine (tests/lab/crash.sh) and lakvm.so for it, named by CRASH and
        LAKVM_SO as extensions/lacrash takes them; binutils for --form wiped.
Result: a table, a line for each case: "case | form | truth | verdict | confidence | function | judged"; at the end how many are
        right, partly right, unknown and wrong. What the tool said is kept in --keep. --table FILE: the same in Markdown.

Forms of a dump: bare (no register text), text (with it), wiped (log zeroed, register text given), cut (the first 60 % of the flattened
file, register text given). Where there is no answer at all, that is "no session".

Right: kind, function, module, CPU, task and address are those of the truth, what must be said is said, and nothing that must not.
Partly: the kind is right, and nothing false is said of function or address, but something is missing.
Unknown: the tool says that it does not know. Wrong: everything else.

With --ladump, ladump -p is asked instead of lapanic in crash.

Usage:  judge.py [--ladump PROGRAM] [--cache DIR] [--form FORM]... [--keep DIR] [--table FILE] [--jobs N] [NAME]...
"""
import argparse
import collections
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import corpus      # noqa: E402
import wipe_log    # noqa: E402

FORMS = ("bare", "text", "wiped", "cut")
GRADES = ("right", "partly", "unknown", "wrong", "no session")


def prepare(case, form, where):
    """The dump in the form that is asked for."""
    source = f"{case}/dump.kdump"
    if form in ("bare", "text"):
        return source
    target = f"{where}/dump.{form}"
    if form == "wiped":
        wipe_log.main(f"{case}/vmlinux", source, target)
    else:
        size = os.path.getsize(source) * 6 // 10
        with open(source, "rb") as file, open(target, "wb") as out:
            shutil.copyfileobj(file, out)
            out.truncate(size)
    return target


def run(command, typed, where, timeout):
    """Run it; what it printed goes to session.log."""
    try:
        done = subprocess.run(command, input=typed, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=timeout, check=False,
                              text=True, errors="replace", env={**os.environ, "TERM": "dumb"})
        said, status = done.stdout, done.returncode
    except subprocess.TimeoutExpired:
        said, status = f"no end within {timeout} s", -1
    with open(f"{where}/session.log", "a", encoding="utf-8") as file:
        file.write(f"{said}\nexit status {status}\n")


def ask(case, dump, text, where, ladump, both, timeout=300):
    """What lapanic says (or ladump -p, where that is given), as (JSON or None, text, seconds). The program is asked for text only
    where the truth wants words."""
    files, registers = [f"{where}/verdict.json", f"{where}/verdict.txt"], f"{case}/registers.txt"
    began = time.monotonic()
    if ladump:
        with open(files[1], "w", encoding="utf-8"):
            pass
        for option, path in list(zip(("-j ", ""), files))[:1 + both]:
            run(["sh", "-c", f'exec "$0" -p {option}{"-r " + registers if text else ""} "$1" "$2" > {path}', ladump, f"{case}/vmlinux",
                 dump], "", where, timeout)
    else:
        option = f" -r {registers}" if text else ""
        run([f"{TREE}/extensions/lacrash", "-s", f"{case}/vmlinux", dump],
            f"lapanic -j{option} > {files[0]}\nlapanic{option} > {files[1]}\nquit\n", where, timeout)
    seconds = time.monotonic() - began
    try:
        with open(files[0], encoding="utf-8") as file:
            verdict = json.loads(file.read())
        with open(files[1], encoding="utf-8", errors="replace") as file:
            return verdict, file.read(), seconds
    except (OSError, ValueError):
        return None, "", seconds


def words(verdict):
    """The words of the verdict: the cause's kind, or the verdict's own where that says what happened."""
    cause = (verdict.get("cause") or {}).get("kind")
    kind = verdict.get("kind")
    return [word for word in (cause, None if cause and kind in ("panic", "oops") else kind) if word]


def plain(symbol):
    """A function's name without what compilers append."""
    return re.sub(r"\.(isra|constprop|part|cold)(\.\d+)?", "", symbol or "")


def claims(verdict):
    """What it says in words of its own, beside the keys: everything that a reader sees first."""
    said = [str(verdict.get("summary") or ""), str(verdict.get("message") or "")]
    said += [text if isinstance(text, str) else json.dumps(text) for text in verdict.get("stuck") or []]
    return "\n".join(said)


def judge(truth, verdict, text):
    """The grade, and what is amiss."""
    if verdict is None:
        return "no session", ["no answer"]
    cause = verdict.get("cause") or {}
    said = words(verdict)
    first = "\n".join([verdict.get("kind") or "", cause.get("kind") or "", claims(verdict)])
    for word in truth.get("never", ()):
        if re.search(word, first, re.IGNORECASE):
            return "wrong", [f"says {word!r}"]
    kind = bool(set(said) & set(truth["is"]))
    if kind and "message" in truth and not re.search(truth["message"], verdict.get("message") or ""):
        return "wrong", [f"message {verdict.get('message')!r}"]
    if not kind:
        # that it panicked, and not why
        if verdict.get("kind") == "unknown" or verdict.get("confidence") == "unknown" or said == ["panic"] and not cause.get("kind"):
            return "unknown", []
        return "wrong", [f"{'/'.join(said)} is none of {'/'.join(truth['is'])}"]
    missing = []
    wanted = truth.get("function", [])
    named = [plain(cause.get(key)) for key in ("symbol", "caller") if cause.get(key)]
    if wanted and wanted != ["none"]:
        if not set(named) & set(wanted):
            if named and "none" not in wanted:
                return "wrong", [f"function {'/'.join(named)}, not {'/'.join(wanted)}"]
            if "none" not in wanted and not any(re.search(rf"\b{name}\b", claims(verdict)) for name in wanted):
                missing.append(f"function {wanted[0]}")
    if "module" in truth and truth["module"] != cause.get("module") and truth["module"] not in text + json.dumps(verdict):
        missing.append(f"module {truth['module']}")
    if "address" in truth and cause.get("address") != truth["address"]:
        if cause.get("address"):
            return "wrong", [f"address {cause['address']}, not {truth['address']}"]
        missing.append(f"address {truth['address']}")
    if "cpu" in truth and verdict.get("cpu") != truth["cpu"] and not re.search(rf"\bCPU ?#?{truth['cpu']}\b", claims(verdict)):
        missing.append(f"CPU {truth['cpu']}")
    if "task" in truth and not re.fullmatch(truth["task"], verdict.get("comm") or "") and \
            not re.search(rf"(?<![\w-])({truth['task']})(?![\w-])", claims(verdict)):
        missing.append(f"task {truth['task']}")
    # what the log says is not yet what the tool says
    own = re.sub(r"(?m)^\s*\[ *\d+\.\d+\].*$", "", text) + claims(verdict)
    missing += [f"{word!r}" for word in truth.get("says", ()) if not re.search(word, own)]
    return ("partly", missing) if missing else ("right", [])


def one(name, case, form, options):
    """One case in one form."""
    made = f"{options.cache}/corpus/{name}"
    where = f"{os.path.abspath(options.keep)}/{name}/{form}"
    shutil.rmtree(where, ignore_errors=True)
    os.makedirs(where)
    try:
        dump = prepare(made, form, where)
    except (OSError, ValueError, KeyError) as problem:
        return name, form, None, ("no session", [f"not made: {problem}"]), 0
    verdict, text, seconds = ask(made, dump, form != "bare", where, options.ladump, "says" in case["truth"])
    if dump.startswith(where):
        os.unlink(dump)
    return name, form, verdict, judge(case["truth"], verdict, text), seconds


def row(name, form, case, verdict, graded):
    verdict = verdict or {}
    cause = verdict.get("cause") or {}
    grade, why = graded
    sure = verdict.get("confidence") or "-"
    truth = "/".join(case["truth"]["is"][:2]) + " " + (case["truth"].get("function") or [""])[0]
    return [name, form, truth.strip(), "/".join(words(verdict)) or "-", sure, cause.get("symbol") or "-",
            grade + (" and certain" if grade == "wrong" and sure == "certain" else "") + (": " + "; ".join(why) if why else "")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", default=os.environ.get("LAKVM_CACHE", os.path.expanduser("~/.cache/lakvm")))
    parser.add_argument("--form", action="append", choices=FORMS)
    parser.add_argument("--keep", default=f"{TREE}/build/judge")
    parser.add_argument("--table")
    parser.add_argument("--ladump", help="ask this program instead of crash")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    table = corpus.cases()
    names = [name for name in options.names or table if os.path.exists(f"{options.cache}/corpus/{name}/meta.json")]
    left_out = sorted(set(options.names or table) - set(names))
    forms = options.form or ["bare", "text"]
    counts = {form: collections.Counter() for form in forms}
    certain = collections.Counter()
    rows = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        waiting = [pool.submit(one, name, table[name], form, options) for name in names for form in forms]
        for done in waiting:
            name, form, verdict, graded, _ = done.result()
            counts[form][graded[0]] += 1
            certain[form] += graded[0] == "wrong" and verdict.get("confidence") == "certain"
            rows.append(row(name, form, table[name], verdict, graded))
            print(" | ".join(rows[-1]), flush=True)
    summary = []
    for form in forms:
        total = sum(counts[form].values()) or 1
        summary.append(f"{form}: {total} cases, " + ", ".join(f"{counts[form][grade]} {grade} ({100 * counts[form][grade] / total:.0f} %)"
                       for grade in GRADES) + f"; wrong and certain {certain[form]}")
    print("\n".join(summary))
    if left_out:
        print(f"not made: {' '.join(left_out)}")
    if options.table:
        with open(options.table, "w", encoding="utf-8") as file:
            file.write("| case | form | truth | verdict | confidence | function | judged |\n|---|---|---|---|---|---|---|\n")
            for cells in rows:
                file.write("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n")
            file.write("\n" + "\n".join(f"- {line}" for line in summary) + "\n")


if __name__ == "__main__":
    try:
        main()
    except (OSError, RuntimeError) as problem:
        sys.exit(f"judge.py: {problem}")
