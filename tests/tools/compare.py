#!/usr/bin/env python3
"""Compare stacks printed by la-stacks with gdb's of the same frozen instant.

Usage:  compare.py [-v] GDB-STACKS LA-STACKS
Result: counts, and each difference; exit status 1 if a frame that la-stacks calls verified is not gdb's.

Compared are stack pointer and pc of every frame that gdb has, or its function where la-stacks knows no pc.
Left out are user mode, what only gdb shows (inlined functions; tail calls, which have no frame) and where
gdb loses its way: it neither crosses from the IRQ stack nor leaves an exception's entry code.
"""
import re
import sys

GDB_STOPS_AT = re.compile(r"^(do_vint|handle_\w+|tlb_do_page_fault_\d|ret_from_\w+_asm|kernel_entry|smpboot_entry)$")


def read_gdb(path):
    """{vcpu: [(pc, names of the function, sp)]}"""
    cpus, current = {}, None
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("CPU "):
                current = cpus.setdefault(int(line.split()[1]), [])
            found = re.match(r"#\d+ (\S+) (\S+) sp=(\S+) (\w+) (\S+)", line)
            if found and found[4] != "inline" and int(found[3].replace("?", "0"), 16) >> 63:
                # the symbol is "dput.part.0" where the function is "dput"; behind the last call of a
                # function that does not return it is the next function's
                current.append((int(found[1], 16), {found[2].split("+")[0], found[5]}, int(found[3], 16)))
    for number, frames in cpus.items():
        kept = []
        for index, frame in enumerate(frames):
            older = frames[index + 1] if index + 1 < len(frames) else None
            if index and older and older[2] == frame[2]:
                continue                     # a tail call: it has no stack of its own
            kept.append(frame)
            if any(GDB_STOPS_AT.match(name) for name in frame[1]) or frame[1] == {"?"}:
                break
        cpus[number] = kept
    return cpus


def read_ours(path):
    """{vcpu: ([(pc or None, function, sp, verified)], verified)}"""
    cpus, current = {}, None
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("TASK"):
                break
            if line.startswith("CPU "):
                current = []
                number = int(line.split()[1])
            found = re.match(r"#\d+ (\S+) (\S+?)(?:\+\d+)? sp=(\S+) \S+ (\w+)$", line)
            if found:
                pc = None if found[1] == "-" else int(found[1], 16)
                current.append((pc, found[2], int(found[3], 16), found[4] == "verified"))
            if line.startswith("stop: "):
                cpus[number] = (current, line.rstrip().endswith(" verified"))
    return cpus


def same(ours, theirs):
    if ours[2] != theirs[2]:
        return False
    if ours[0] is not None:
        return ours[0] == theirs[0]
    # the label idle_exit counts as a symbol; "dput.part.0" may be just "dput" to gdb
    names = {ours[1], ours[1].split(".")[0]} | ({"idle_exit"} if ours[1] == "__arch_cpu_idle" else set())
    return bool(names & theirs[1])


def main():
    arguments = [a for a in sys.argv[1:] if a != "-v"]
    verbose = len(arguments) != len(sys.argv) - 1
    gdb, ours = read_gdb(arguments[0]), read_ours(arguments[1])
    total = equal = exact = wrong = verified = 0
    for number, theirs in sorted(gdb.items()):
        mine = ours.get(number, ([], False))[0]
        # not by level, so that one missing innermost frame is one difference
        for level, frame in enumerate(theirs):
            total += 1
            match = next((m for m in mine if same(m, frame)), None)
            if match:
                equal += 1
                exact += match[0] is not None
                verified += match[3]
            else:
                print(f"vCPU {number}: gdb #{level} {frame[0]:#x} {min(frame[1])} sp={frame[2]:#x} is missing")
        limit = theirs[-1][2] if theirs else 0
        for frame in mine:
            if frame[2] > limit or GDB_STOPS_AT.match(frame[1]) or frame[1] in ("idle_exit",):
                break
            if not any(same(frame, g) for g in theirs):
                wrong += frame[3]
                print(f"vCPU {number}: {frame[1]} sp={frame[2]:#x} is not gdb's"
                      f"{', and called verified' if frame[3] else ''}")
    chains = sum(1 for _, whole in ours.values() if whole)
    print(f"frames {total}, equal {equal}, with pc {exact}, verified {verified}, wrong and verified {wrong}; "
          f"vCPUs {len(ours)}, whole stacks verified {chains}")
    if verbose:
        print(f"{arguments[0]}: {100 * equal / max(total, 1):.1f} %")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
