#!/usr/bin/env python3
"""Compare the stacks of every instant that tests/lab/frozen.py took with gdb's of the same instant.

Needs:  build/unit/la-stacks (make tools).
Result: a table with two lines for each way to leave a frame: by call-frame information, by the kernel's ORC
        tables where it has them, and by following the code; "pc" being without and with the saved register
        text; -v shows each difference. Then "ok - ..." or "not ok - ..." for each: no frame is called
        verified that gdb does not have, and with the text no frame is missing (1 % where there are no tables).
        Exit status 1 if one is not ok.

Usage:  frames.py [-v] DIRECTORY
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import compare  # noqa: E402

LA_STACKS = os.path.join(HERE, "../../build/unit/la-stacks")


WAYS = {"call-frame information": [], "ORC tables": ["-C"], "neither": ["-C", "-O"]}


def analyse(directory, instant, options, with_text):
    command = [LA_STACKS, *options] + (["-r", f"{instant}/registers.txt"] if with_text else [])
    output = f"{instant}/ours.txt"
    with open(output, "w", encoding="utf-8") as file:
        subprocess.run(command + [f"{directory}/vmlinux", f"{instant}/dump.raw"], stdout=file, stderr=subprocess.DEVNULL, check=True)
    stacks = compare.read_ours(output)
    os.unlink(output)
    return stacks


def main():
    arguments = [a for a in sys.argv[1:] if a != "-v"]
    verbose = len(arguments) != len(sys.argv) - 1
    directory = arguments[0]
    instants = sorted(e.path for e in os.scandir(directory) if os.path.exists(f"{e.path}/gdb-stacks.txt"))
    checks = []
    print("| by | pc | vCPUs | frame 0 right | all frames right | frames | equal | verified | verified and wrong |")
    print("|---|---|---|---|---|---|---|---|---|")
    for way, options in WAYS.items():
        for with_text in (False, True):
            count = compare.Count()
            for instant in instants:
                def show(line, where=os.path.basename(instant)):
                    if verbose:
                        print(f"{where}: {line}", file=sys.stderr)
                count.add(compare.read_gdb(f"{instant}/gdb-stacks.txt"),
                          analyse(directory, instant, options, with_text), show)
            source = "text" if with_text else "found"
            print(f"| {way} | {source} | {count.vcpus} | {count.first_equal} of {count.first} | {count.whole_equal} | "
                  f"{count.frames} | {count.equal} | {count.verified} | {count.wrong} |", flush=True)
            checks.append((f"{way}, pc {source}: no verified frame is wrong", count.frames and not count.wrong))
            if with_text:
                missed = count.frames - count.equal
                checks.append((f"{way}, pc text: gdb's frames, {missed} of {count.frames} missed",
                               count.frames and missed <= (0.01 * count.frames if options else 0)))
    for name, passed in checks:
        print(f"{'ok' if passed else 'not ok'} - {os.path.basename(directory)}: {name}")
    return 0 if all(passed for _, passed in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
