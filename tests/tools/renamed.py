#!/usr/bin/env python3
"""Exception entries that a vendor gave other names must not cost a frame: stacks and ladump's answer with a vmlinux
whose entries rename.py has renamed, against those with the vmlinux as it was built.

Needs:  build/unit/la-stacks and build/unit/ladump (make tools); a directory with vmlinux, the dump and registers.txt.
Result: "ok - ..." or "not ok - ..." a question, with the first lines that differ; exit status 1 if one is not ok.

Usage:  renamed.py DIRECTORY DUMP
"""
import difflib
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import rename  # noqa: E402

BUILT = os.path.join(HERE, "../../build/unit")
QUESTIONS = {"stacks, with registers": ["la-stacks", "-r", "registers.txt"], "stacks": ["la-stacks"],
             "stacks by ORC or code, with registers": ["la-stacks", "-C", "-r", "registers.txt"],
             "stacks by ORC or code": ["la-stacks", "-C"],
             "stacks by code, with registers": ["la-stacks", "-C", "-O", "-r", "registers.txt"],
             "ladump": ["ladump", "-j"], "ladump, with registers": ["ladump", "-j", "-r", "registers.txt"]}


def answer(directory, question, vmlinux, dump):
    program, *options = question
    done = subprocess.run([os.path.join(BUILT, program), *options, vmlinux, dump], cwd=directory, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, check=False, text=True, errors="replace")
    said = done.stdout.replace(rename.PREFIX.decode(), "").replace(vmlinux, "VMLINUX")
    return [f"exit status {done.returncode}", *said.splitlines()]


def main(directory, dump):
    failed = False
    with tempfile.TemporaryDirectory() as where:
        other = os.path.join(where, "vmlinux")
        rename.main(os.path.join(directory, "vmlinux"), other)
        for name, question in QUESTIONS.items():
            plain = answer(directory, question, os.path.abspath(f"{directory}/vmlinux"), dump)
            renamed = answer(directory, question, other, dump)
            frames = sum(line.startswith("#") + line.count('"symbol":"') for line in plain)
            right = plain == renamed and plain[0] == "exit status 0" and frames > 0
            failed = failed or not right
            print(f"{'ok' if right else 'not ok'} - renamed entries: {os.path.basename(directory)}/{dump}: {name}, "
                  f"{frames} symbols")
            if not right:
                for line in list(difflib.unified_diff(plain, renamed, "as built", "renamed", n=0, lineterm=""))[:12]:
                    print(f"    {line[:300]}")
    sys.exit(failed)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(*sys.argv[1:])
