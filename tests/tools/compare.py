#!/usr/bin/env python3
"""Compare stacks printed by la-stacks with gdb's of the same frozen instant.

Usage:  compare.py [-v] GDB-STACKS LA-STACKS
Result: counts, and each difference; exit status 1 if a frame that la-stacks calls verified is not gdb's.

Compared are stack pointer and pc of every frame that gdb has, or its function where la-stacks knows no pc.
Left out are user mode, an exception vector that has not begun its work (what it interrupted counts), what only gdb
shows (inlined functions; tail calls, which have no frame) and where
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
            if found and found[4] not in ("inline", "vector") and int(found[3].replace("?", "0"), 16) >> 63:
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


class Count:
    """What was compared so far."""

    def __init__(self):
        self.vcpus = self.frames = self.equal = self.exact = self.verified = self.wrong = 0
        self.first = self.first_equal = self.whole = self.whole_equal = 0

    def add(self, gdb, ours, show=print):
        """Compare the stacks of one instant, as read_gdb and read_ours give them."""
        for number, theirs in sorted(gdb.items()):
            mine, whole = ours.get(number, ([], False))
            self.vcpus += 1
            self.whole += whole
            missing = 0
            # not by level, so that one missing innermost frame is one difference
            for level, frame in enumerate(theirs):
                match = next((m for m in mine if same(m, frame)), None)
                self.frames += 1
                self.first += level == 0
                if match:
                    self.equal += 1
                    self.first_equal += level == 0
                    self.exact += match[0] is not None
                    self.verified += match[3]
                else:
                    missing += 1
                    show(f"vCPU {number}: gdb #{level} {frame[0]:#x} {min(frame[1])} sp={frame[2]:#x} is missing")
            self.whole_equal += not missing
            limit = theirs[-1][2] if theirs else 0
            for frame in mine:
                if frame[2] > limit or GDB_STOPS_AT.match(frame[1]) or frame[1] in ("idle_exit",):
                    break
                if not any(same(frame, g) for g in theirs):
                    self.wrong += frame[3]
                    show(f"vCPU {number}: {frame[1]} sp={frame[2]:#x} is not gdb's"
                         f"{', and called verified' if frame[3] else ''}")


def main():
    arguments = [a for a in sys.argv[1:] if a != "-v"]
    verbose = len(arguments) != len(sys.argv) - 1
    count = Count()
    count.add(read_gdb(arguments[0]), read_ours(arguments[1]))
    print(f"frames {count.frames}, equal {count.equal}, with pc {count.exact}, verified {count.verified}, "
          f"wrong and verified {count.wrong}; vCPUs {count.vcpus}, whole stacks verified {count.whole}")
    if verbose:
        print(f"{arguments[0]}: {100 * count.equal / max(count.frames, 1):.1f} %")
    return 1 if count.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
