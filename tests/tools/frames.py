#!/usr/bin/env python3
"""Compare the stacks of every instant that tests/lab/frozen.py took with gdb's of the same instant.

Needs:  build/unit/la-stacks (make tools).
Result: a table with three lines for each way to leave a frame: by call-frame information, by the kernel's ORC
        tables where it has them, and by following the code. "pc" says of the vCPUs whether it was found or in
        the saved register text; "asleep" are the tasks that were on no CPU. -v shows each difference. Then
        "ok - ..." or "not ok - ..." for each: no frame is called verified that gdb does not have, and where
        the pc is known no frame is missing (1 % where there are no tables). Exit status 1 if one is not ok.

Usage:  frames.py [-v] DIRECTORY
"""
import os
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import compare  # noqa: E402
import section_bits  # noqa: E402

LA_STACKS = os.path.join(HERE, "../../build/unit/la-stacks")


WAYS = {"call-frame information": [], "ORC tables": ["-C"], "neither": ["-C", "-O"]}
# what is looked at: la-stacks's options, and where gdb's answer is
WHAT = {"found": (lambda instant: [], "gdb-stacks.txt"),
        "text": (lambda instant: ["-r", f"{instant}/registers.txt"], "gdb-stacks.txt"),
        "asleep": (lambda instant: ["-t", f"{instant}/gdb-tasks.txt"], "gdb-tasks.txt")}


def analyse(directory, instant, options):
    output = f"{instant}/ours.txt"
    with open(output, "w", encoding="utf-8") as file:
        subprocess.run([LA_STACKS, *options, f"{directory}/vmlinux", f"{instant}/dump.raw"], stdout=file,
                       stderr=subprocess.DEVNULL, check=True)
    stacks = compare.read_ours(output)
    os.unlink(output)
    return stacks


def main():
    arguments = [a for a in sys.argv[1:] if a != "-v"]
    verbose = len(arguments) != len(sys.argv) - 1
    directory = arguments[0]
    instants = sorted(e.path for e in os.scandir(directory) if os.path.exists(f"{e.path}/gdb-tasks.txt"))
    checks, by_address = [], {}
    for name, address in section_bits.symbols(f"{directory}/vmlinux").items():
        by_address.setdefault(address, set()).add(name)
    compare.ALIASES = {name: names for names in by_address.values() if len(names) > 1 for name in names}
    print("| by | pc | stacks | frame 0 right | all frames right | frames | equal | verified | verified and wrong | inlined |")
    print("|---|---|---|---|---|---|---|---|---|---|")
    for way, options in WAYS.items():
        for what, (more, truth) in WHAT.items():
            count = compare.Count()
            for instant in instants:
                def show(line, where=os.path.basename(instant)):
                    if verbose:
                        print(f"{where}, {way}, {what}: {line}", file=sys.stderr)
                count.add(compare.read_gdb(f"{instant}/{truth}"),
                          analyse(directory, instant, options + more(instant)), show)
            print(f"| {way} | {what} | {count.stacks} | {count.first_equal} of {count.first} | {count.whole_equal} | "
                  f"{count.frames} | {count.equal} | {count.verified} | {count.wrong} | "
                  f"{count.inlined_equal} of {count.inlined}, {count.inlined_more} more |", flush=True)
            checks.append((f"{way}, {what}: no verified frame is wrong", count.frames and not count.wrong))
            if what != "found":
                missed = count.frames - count.equal
                checks.append((f"{way}, {what}: gdb's frames, {missed} of {count.frames} missed",
                               count.frames and missed <= (0.01 * count.frames if options else 0)))
    for name, passed in checks:
        print(f"{'ok' if passed else 'not ok'} - {os.path.basename(directory)}: {name}")
    return 0 if all(passed for _, passed in checks) else 1


if __name__ == "__main__":
    sys.exit(main())
