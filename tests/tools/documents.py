#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run what the documents show. A block that begins with "```console NAME" is a transcript in the folder of the guest
NAME: "sample", or one that tests/lab makes (test-dumps/NAME, or of the corpus), which is skipped where it has not been made.
Its lines are commands behind "$ ", what is typed at crash's prompt behind "crash> ", and what they print. "..." alone
stands for any lines, at the end of a line for the rest of it. In the folder are vmlinux, wang.zlib (the dump), wang.registers
and the guest's other files. Guests other than the sample are made anew in each lab: their numbers may be others.

Usage: documents.py SAMPLE DOCUMENT..., with LAKVM_CRASH naming the directory of a crash that runs here (default: the
emulated one). Prints a line for each transcript: "ok - ", "not ok - " or "skip - "."""
import os, platform, re, subprocess, sys, tempfile

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.environ.get("LAKVM_CACHE") or os.path.join(os.environ.get("HOME", "/nonexistent"), ".cache/lakvm")
CRASH = os.environ.get("LAKVM_CRASH")
BUILT = os.environ.get("LAKVM_BUILT") or os.path.join(TREE, "build", platform.machine())
failed = 0


def place(name):
    if name == "sample":
        return os.path.abspath(sys.argv[1])
    for path in (f"case-{name}", f"corpus/{name}", name):
        if os.path.isdir(os.path.join(CACHE, path)):
            return os.path.join(CACHE, path)
    return None


def blocks(path):
    """(line number, name, lines) of each transcript."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    for found in re.finditer(r"^```console ([a-z0-9/-]+)\n(.*?)^```$", text, re.M | re.S):
        yield text.count("\n", 0, found.start()) + 1, found.group(1), found.group(2).splitlines()


def compared(name, text):
    return text if name == "sample" else re.sub(r"\b(0x)?[0-9a-f]*[0-9][0-9a-f]*\b", "#", text)


def pattern(lines):
    """What the output must be."""
    made = ""
    for line in lines:
        if line == "...":
            made += r"(?:.*\n)*?"
        elif line.endswith("..."):
            made += re.escape(line[:-3]) + r".*\n"
        else:
            made += re.escape(line.rstrip()) + r" *\n"
    return made


def programs(folder):
    """Where the commands are found."""
    os.mkdir(folder)
    for name in ("ladump", "laconvert"):
        built = [os.path.join(b, name) for b in (BUILT, os.path.join(TREE, "build/unit"))]
        os.symlink(next((path for path in built if os.path.exists(path)), name), os.path.join(folder, name))
    os.symlink(os.path.join(TREE, "extensions/lacrash"), os.path.join(folder, "lacrash"))
    emulated = f'"{CACHE}/emulator/qemu-loongarch64" -L "{CACHE}/loong64" "{CACHE}/loong64/usr/bin/crash"'
    # alone it says nothing of licences
    for name, options in (("crash", "-s "), ("crash-for-lacrash", "")):
        with open(os.path.join(folder, name), "w") as file:
            file.write(f'#!/bin/sh\nexec {f"{CRASH}/crash" if CRASH else emulated} {options}"$@"\n')
        os.chmod(os.path.join(folder, name), 0o755)


def environment(top):
    extension = BUILT if CRASH else os.path.join(TREE, "build/loongarch64")
    return {"PATH": f"{top}/bin:/usr/bin:/bin", "TERM": "dumb", "HOME": top, "LC_ALL": "C.UTF-8",
            "CRASH": f"{top}/bin/crash-for-lacrash", "LAKVM_SO": os.path.join(extension, "lakvm.so"),
            "LAKVM_DEBUG_PATH": f"{CACHE}/kernel-openeuler"}


def steps(lines):
    """(command, what is typed, what is printed) of each command of a transcript."""
    found = []
    for line in lines:
        if line.startswith("$ "):
            found.append((line[2:], [], []))
        elif line.startswith("crash> "):
            found[-1][1].append(line[7:])  # crash repeats what it reads
            found[-1][2].append(line)
        else:
            found[-1][2].append(line)
    return found


def run(name, lines):
    """None, or what is not as it is written."""
    with tempfile.TemporaryDirectory(prefix="lakvm-documents.") as top:
        programs(f"{top}/bin")
        os.mkdir(f"{top}/here")
        for file in os.listdir(place(name)):
            os.symlink(os.path.join(place(name), file), f"{top}/here/{file}")
        for file, other in (("dump.kdump", "wang.zlib"), ("registers.txt", "wang.registers")):
            if os.path.exists(f"{top}/here/{file}"):
                os.symlink(file, f"{top}/here/{other}")
        for command, typed, printed in steps(lines):
            done = subprocess.run(["sh", "-c", command], cwd=f"{top}/here", input="\n".join(typed + ["q", ""]), text=True, timeout=600,
                                  env=environment(top), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, errors="replace")
            said = "\n".join(line for line in re.split(r"[\r\n]+", done.stdout) if not re.match(
                r"please wait|lacrash: using|NOTE: (stdin|minimal mode)|\s*$", line)) + "\n"
            want = compared(name, "\n".join(line for line in printed if line.strip())).splitlines()
            if not re.fullmatch(pattern(want), compared(name, said)):
                return f"$ {command}\n{said}"
    return None


ran = {}  # what two documents show is run once
for document in sys.argv[2:]:
    found = list(blocks(document))
    if not found:
        failed = 1
        print(f"not ok - documents: {os.path.basename(document)} has no transcript")
    for number, name, lines in found:
        what = f"documents: {os.path.basename(document)}, line {number}: {name}"
        if not place(name):
            print(f"skip - {what}: no such guest has been made here")
            continue
        if (name, *lines) not in ran:
            ran[name, *lines] = run(name, lines)
        wrong = ran[name, *lines]
        failed |= wrong is not None
        print(f"ok - {what}" if wrong is None else f"not ok - {what}\n{wrong}", flush=True)
sys.exit(failed)
