#!/usr/bin/env python3
"""Compare stacks printed by la-stacks with gdb's of the same frozen instant.

Usage:  compare.py [-v] GDB-STACKS LA-STACKS
Result: counts, and each difference; exit status 1 if a frame that la-stacks calls verified is not gdb's.

Compared are stack pointer and pc of every frame that gdb has, or its function where la-stacks knows no pc.
Functions inlined at a return address are compared by name; those of frame 0 are not, for there gdb shows the
view of a breakpoint (inlined functions without instructions, or not yet the one that begins). Left out are
user mode, an exception vector that has not begun its work (what it interrupted counts), tail calls (gdb shows
them, they have no frame) and where gdb loses its way: it neither crosses from the IRQ stack nor leaves an
exception's entry code.
"""
import re
import sys

GDB_STOPS_AT = re.compile(r"^(do_vint|exception_handlers|handle_\w+|tlb_do_page_fault_\d|ret_from_\w+_asm|kernel_entry|smpboot_entry)$")

# name: all names of that address, as a weak one has beside the one it stands for
ALIASES = {}

VECTOR = re.compile(r"^(handle_\w+|tlb_do_page_fault_\d)$")


def head(line):
    """Whose stack follows: a vCPU's number, or the address of a task's structure."""
    found = re.match(r"(?:CPU|TASK) (\w+)", line)
    return int(found[1], 0) if found else None


def read_gdb(path):
    """{vcpu or task: [(pc, names of the function, sp, functions inlined there)]}"""
    cpus, current, inlined = {}, None, []
    with open(path, encoding="utf-8") as file:
        for line in file:
            if head(line) is not None:
                current = cpus.setdefault(head(line), [])
            found = re.match(r"#\d+ (\S+) (\S+) sp=(\S+) (\w+) (\S+)", line)
            if found and found[4] == "inline":
                inlined.append(found[5])
            elif found and found[4] != "vector" and int(found[1], 16) >> 63 and \
                    int(found[3].replace("?", "0"), 16) >> 63:
                # the symbol is "dput.part.0" where the function is "dput"; behind the last call of a
                # function that does not return it is the next function's
                current.append((int(found[1], 16), {found[2].split("+")[0], found[5]}, int(found[3], 16),
                                inlined))
                inlined = []
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
    """{vcpu or task: ([(pc or None, function, sp, verified, functions inlined there)], verified)}"""
    cpus, current = {}, None
    with open(path, encoding="utf-8") as file:
        for line in file:
            if head(line) is not None:
                current, number = [], head(line)
            found = re.match(r"#\d+ (\S+) (\S+?)(?:\+\d+)? sp=(\S+) \S+ (\w+)$", line)
            if found:
                pc = None if found[1] == "-" else int(found[1], 16)
                current.append((pc, found[2], int(found[3], 16), found[4] == "verified", []))
            elif line.startswith("inline "):
                current[-1][4].append(line.split()[1])
            if line.startswith("stop: "):
                cpus[number] = (current, line.rstrip().endswith(" verified"))
    return cpus


def same(ours, theirs):
    if ours[2] != theirs[2]:
        return False
    if ours[0] is not None:
        return ours[0] == theirs[0]
    # the label idle_exit counts as a symbol; "dput.part.0" may be just "dput" to gdb
    names = {ours[1], ours[1].split(".")[0]} | ALIASES.get(ours[1], set()) | ({"idle_exit"} if ours[1] == "__arch_cpu_idle" else set())
    if VECTOR.match(ours[1]):
        names.add("exception_handlers")    # where the handler was copied to
    return bool(names & theirs[1])


def not_gdbs(mine, theirs):
    """The frames of ours that gdb does not have, as far as it came."""
    limit = theirs[-1][2] if theirs else 0
    found = []
    for frame in mine:
        if frame[2] > limit or GDB_STOPS_AT.match(frame[1]) or frame[1] in ("idle_exit",):
            break
        if not any(same(frame, g) for g in theirs):
            found.append(frame)
    return found


class Count:
    """What was compared so far."""

    def __init__(self):
        self.stacks = self.frames = self.equal = self.exact = self.verified = self.wrong = 0
        self.first = self.first_equal = self.whole = self.whole_equal = 0
        self.inlined = self.inlined_equal = self.inlined_more = 0

    def add(self, gdb, ours, show=print):
        """Compare the stacks of one instant, as read_gdb and read_ours give them."""
        for number, theirs in sorted(gdb.items()):
            mine, whole = ours.get(number, ([], False))
            self.stacks += 1
            self.whole += whole
            missing = 0
            # not by level, so that one missing innermost frame is one difference
            for level, frame in enumerate(theirs):
                match = next((m for m in mine if same(m, frame)), None)
                self.frames += 1
                self.first += level == 0
                if match:
                    self.equal += 1
                    self.exact += match[0] is not None
                    self.verified += match[3]
                    if level and match[0] is not None:
                        self.add_inlined(number, level, frame, match, show)
                else:
                    missing += 1
                    show(f"{number:#x}: gdb #{level} {frame[0]:#x} {min(frame[1])} sp={frame[2]:#x} is missing")
            more = not_gdbs(mine, theirs)
            for frame in more:
                self.wrong += frame[3]
                show(f"{number:#x}: {frame[1]} sp={frame[2]:#x} is not gdb's"
                     f"{', and called verified' if frame[3] else ''}")
            self.whole_equal += not missing and not more
            # an exception's entry that has not begun its work is none of gdb's frames
            inner = mine[:1] + [frame for frame in mine[1:2] if VECTOR.match(mine[0][1])]
            self.first_equal += bool(theirs) and any(same(frame, theirs[0]) for frame in inner)


    def add_inlined(self, number, level, theirs, ours, show):
        equal = 0
        while equal < min(len(ours[4]), len(theirs[3])) and ours[4][equal] == theirs[3][equal]:
            equal += 1
        self.inlined += len(theirs[3])
        self.inlined_equal += equal
        self.inlined_more += len(ours[4]) - equal
        if ours[4] != theirs[3]:
            show(f"{number:#x}: gdb #{level} {ours[1]} {ours[0]:#x}: inlined {theirs[3]}, ours {ours[4]}")


def main():
    arguments = [a for a in sys.argv[1:] if a != "-v"]
    verbose = len(arguments) != len(sys.argv) - 1
    count = Count()
    count.add(read_gdb(arguments[0]), read_ours(arguments[1]))
    print(f"frames {count.frames}, equal {count.equal}, with pc {count.exact}, verified {count.verified}, "
          f"wrong and verified {count.wrong}; stacks {count.stacks}, verified as a whole {count.whole}")
    if verbose:
        print(f"{arguments[0]}: {100 * count.equal / max(count.frames, 1):.1f} %")
    return 1 if count.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
