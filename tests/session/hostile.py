#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values in the guest that no sound kernel has, one at a time, where crash believes them while it starts: no session
dies of one, and lapanic still answers.

Needs:  as run.py, and snapshot.so of the same build; CASE-DIRECTORY with a dump.16k of a panic by sysrq, which is changed in copies (tests/lab/poke.py).
Result: as run.py. HOW-OFTEN (1) starts each: what lies behind an array differs from start to start.

Usage:  hostile.py CASE-DIRECTORY [HOW-OFTEN [NAME...]]
"""
import json
import os
import re
import shutil
import struct
import sys

sys.dont_write_bytecode = True
from run import TREE, Report, Session  # noqa: E402
sys.path.append(os.path.join(TREE, "tests", "lab"))
import poke  # noqa: E402

MASK = (1 << 48) - 1
# what the cases need to know of the kernel, asked of gdb in a sound session
OFFSETS = {"stack": "((struct task_struct *)0)->stack", "comm": "((struct task_struct *)0)->comm",
           "cpu": "((struct thread_info *)0)->cpu", "curr": "((struct rq *)0)->curr", "idle": "((struct rq *)0)->idle",
           "shift": "((struct xa_node *)0)->shift", "slots": "((struct xa_node *)0)->slots",
           "list": "((struct module *)0)->list", "name": "((struct module *)0)->name",
           "num_syms": "((struct module *)0)->num_syms", "syms": "((struct module *)0)->syms",
           "gpl": "((struct module *)0)->num_gpl_syms", "mem": "((struct module *)0)->mem",
           "mem1": "((struct module *)0)->mem[1]", "memsize": "((struct module_memory *)0)->size",
           "symtab": "((struct module *)0)->core_kallsyms.symtab",
           "num_symtab": "((struct module *)0)->core_kallsyms.num_symtab",
           "strtab": "((struct module *)0)->core_kallsyms.strtab"}
ADDRESSES = {"nr_threads": "nr_threads", "pids": "init_pid_ns.idr.idr_rt.xa_head", "modules": "modules",
             "offset": "__per_cpu_offset", "present": "__cpu_present_mask", "nodes": "node_states[1]",
             "notes": "crash_notes", "release": "init_uts_ns.name.release", "uts": "init_uts_ns.name",
             "jiffies": "jiffies_64", "ring": "prb", "caches": "slab_caches", "runqueues": "runqueues",
             "log_buf_len": "log_buf_len", "high": "high_memory"}


class Guest:
    """The sound dump: addresses of what is changed."""

    def __init__(self, case, memory, report):
        session = Session(case, "dump.16k", "hostile-sound")
        for name, what in {**OFFSETS, **ADDRESSES}.items():
            session.ask(name, f"p &{what}")
        session.ask("vtop", "mod")
        session.ask("lapanic", "lapanic -j")
        session.run()
        self.memory, self.at = memory, {}
        for name in {**OFFSETS, **ADDRESSES}:
            found = re.findall(r"\) (0x[0-9a-f]+)", session.read(name))
            self.at[name] = int(found[-1], 16) if found else None
        report.check("a sound session knows where all of it is", None not in self.at.values(), self.at)
        self.module = int(re.search(r"^([0-9a-f]{16}) ", session.read("vtop"), re.M).group(1), 16)
        self.case, self.places = case, {}

    def pa(self, va):
        """Physical address; of what is mapped, asked of a session."""
        if va >> 60 == 9:
            return va & MASK
        page = va & ~0x3fff
        if page not in self.places:
            session = Session(self.case, "dump.16k", "hostile-vtop")
            session.ask("vtop", f"vtop {page:x}")
            session.run()
            self.places[page] = int(re.search(r"^[0-9a-f]{16} +([0-9a-f]+) *$", session.read("vtop"), re.M).group(1), 16)
        return self.places[page] + va - page

    def word(self, va):
        return self.memory.word(self.pa(va))

    def percpu(self, name, cpu):
        return (self.at[name] + self.word(self.at["offset"] + 8 * cpu)) & (1 << 64) - 1

    def current(self, cpu):
        return self.word(self.percpu("runqueues", cpu) + self.at["curr"])

    def thread_info(self, task):
        return self.word(task + self.at["stack"])

    def root(self):
        return self.word(self.at["pids"]) & ~3


def u32(value):
    return struct.pack("<I", value & 0xffffffff)


def u64(value):
    return struct.pack("<Q", value & (1 << 64) - 1)


def cases(guest):
    """name -> (what is changed: [(virtual address, bytes)], is the session a full one?)"""
    at, module, root = guest.at, guest.module, guest.root()
    current = [guest.current(cpu) for cpu in range(4)]
    info = [guest.thread_info(task) for task in current]
    init = next(task for task in (guest.word(root + at["slots"] + 8 * i) for i in range(64)) if task)
    found = {}
    for value in (0x41414141, 0xffffffff, 300, 0x10000, 0x80000000):
        found[f"cpu-{value:x}"] = [(one + at["cpu"], u32(value)) for one in info], True
    found["thread_info"] = [(one, b"\xa5" * 56) for one in info], True
    found["task"] = [(current[0], b"\x5a" * 2048)], True
    found["curr"] = [(guest.percpu("runqueues", cpu) + at["curr"], u64(0x4141414141414141)) for cpu in range(4)], False
    found["idle"] = [(guest.percpu("runqueues", cpu) + at["idle"], u64(0x9000000000000010)) for cpu in range(4)], True
    for value in (-1, -4000, 0x7fffffff, 0x40000000, 0, -270):
        found[f"nr_threads{value}"] = [(at["nr_threads"], u32(value))], True
    found["pids-shift"] = [(root - 2 + at["shift"] if root & 2 else root + at["shift"], b"\xfc")], True
    found["pids-loop"] = [(root + at["slots"] + 8, u64(root | 2))], True
    found["pids-gone"] = [(at["pids"], u64(0x9000000000004002))], True
    found["pids-wild"] = [(at["pids"], u64(0x4141414141414142))], True
    found["pid"] = [(init, b"\xa5" * 64)], True
    found["present"] = [(at["present"], b"\xff" * 8)], True
    found["present-none"] = [(at["present"], bytes(8))], True
    found["offset"] = [(at["offset"] + 16, u64(0x4141414141414141))], False
    found["nodes"] = [(at["nodes"], b"\xff" * 8)], True
    found["modules"] = [(at["modules"], u64(0x4141414141414141))], True
    found["module-name"] = [(module + at["name"], b"A" * 56)], True
    found["module-text"] = [(module + at["mem"] + at["memsize"], u32(0xfffffff0))], True
    found["module-data"] = [(module + at["mem1"] + at["memsize"], u32(0xfffffff0))], True
    found["module-symbols"] = [(module + at["num_symtab"], u32(0x00ffffff))], True
    found["module-symtab"] = [(module + at["symtab"], u64(guest.word(module + at["mem"])))], True
    found["module-strtab"] = [(module + at["strtab"], u64(guest.word(module + at["mem"])))], True
    found["module-names"] = [(guest.word(module + at["symtab"]) + 24, u32(0x7fffffff))], True
    found["module-syms"] = [(module + at["num_syms"], u32(0x10000)),
                            (module + at["syms"], u64(guest.word(module + at["mem"])))], True
    found["module-gpl"] = [(module + at["gpl"], u32(0x10000)),
                           (module + at["gpl"] + 4, u64(guest.word(module + at["mem"])))], True
    found["module-gpl-many"] = [(module + at["gpl"], u32(0xffffffff))], True
    note = struct.pack("<III", 0x7fffff00, 384, 1) + b"CORE\0\0\0\0"
    base = guest.word(at["notes"])
    found["notes"] = [((base + guest.word(at["offset"] + 8 * cpu)) & (1 << 64) - 1, note) for cpu in range(4)], True
    found["uts"] = [(at["uts"], b"A" * 390)], True
    found["release"] = [(at["release"], b"6" * 65)], True
    found["release-2"] = [(at["release"], b"6.\0")], True
    found["jiffies"] = [(at["jiffies"], b"\xff" * 8)], True
    found["ring"] = [(guest.word(at["ring"]), b"\xff" * 96)], True
    found["ring-bits"] = [(guest.word(at["ring"]), u32(63))], True
    found["caches"] = [(at["caches"], u64(0x4141414141414141))], True
    found["high"] = [(at["high"], u64(-1))], True
    return found


def check_net(report, case):
    """What no claim is checked for, in a command: the session goes on, more than once."""
    session = Session(case, "dump.16k", "hostile-net")
    shutil.copyfile(os.path.join(os.environ.get("LAKVM_BUILT", os.path.join(TREE, "build/loongarch64")), "snapshot.so"),
                    os.path.join(session.where, "snapshot.so"))
    session.commands += ["extend ./snapshot.so", "lafault", "lafault"]
    session.ask("lapanic", "lapanic")
    output = session.run()
    report.check("a fault in a command of crash ends that command", session.status == ["status 0"] and
                 output.count("the command is given up") == 2 and "sysrq" in session.read("lapanic"), output)


def main():
    case, often = os.path.abspath(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 1
    report = Report(f"hostile/{os.path.basename(case)}")
    guest = Guest(case, poke.Memory(os.path.join(case, "dump.16k")), report)
    check_net(report, case)
    spoiled = os.path.join(case, "dump.hostile")
    try:
        for name, (changes, full) in cases(guest).items():
            if sys.argv[3:] and name not in sys.argv[3:]:
                continue
            shutil.copyfile(os.path.join(case, "dump.16k"), spoiled)
            memory = poke.Memory(spoiled)
            for va, data in changes:
                memory.write(guest.pa(va), data)
            memory.save()
            ends, seconds = [], 0.0
            for _ in range(often):
                session = Session(case, "dump.hostile", f"hostile-{name}")
                for file, command in (("lapanic", "lapanic -j"), ("ps", "ps"), ("bt", "bt -a"), ("mod", "mod"), ("sys", "sys"),
                                      ("log", "log"), ("kmem", "kmem -i")):
                    session.ask(file, command)
                output = session.run()
                seconds += session.seconds
                ends += session.status
            report.equal(f"{name}: no session died, {often} starts", [end for end in ends if end != "status 0"], [])
            try:
                panic = json.loads(session.read("lapanic"))
            except ValueError:
                panic = {}
            report.check(f"{name}: lapanic answers", panic.get("kind") == "panic" and "sysrq" in str(panic["message"]), output)
            report.check(f"{name}: the session is full", not full or "CPU" in session.read("ps") and
                         len(re.findall("^PID: ", session.read("bt"), re.M)) >= 1, output + session.read("ps")[:300])
            report.check(f"{name}: no session hangs", seconds / often < 600, output)
    finally:
        if os.path.exists(spoiled):
            os.remove(spoiled)
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
