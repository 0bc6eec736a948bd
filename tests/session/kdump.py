#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Dumps that kdump makes, in a real crash: /proc/vmcore of a guest, the same as makedumpfile writes it, with pages left
out, with notes that are missing or another kernel's, and dumps whose pages are of two instants.

Needs:  as run.py; build/bench/mkdump (Makefile), and a case that sets kdump=1 (tests/lab/case.sh).
Result: as run.py.

Usage:  kdump.py [--vmcore] CASE-DIRECTORY         (only the vmcore as the guest made it: a session instead of thirty)
"""
import json
import os
import re
import shutil
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
import addresses  # noqa: E402
import run  # noqa: E402
from run import Report, Session, TREE  # noqa: E402
from truth import Vmcore  # noqa: E402

MKDUMP = os.path.join(TREE, "build/bench/mkdump")
FORMS = [("lzo", 0), ("zlib", 1), ("snappy", 1), ("zlib", 31), ("lzo", 31), ("zstd", 31), ("snappy", 31)]
SPLICES = 6
PT_LOAD, PT_NOTE, NT_PRSTATUS = 1, 4, 1


def load(report, session, name):
    try:
        return json.loads(session.read(name))
    except ValueError as error:
        report.check(f"{name} is JSON", False, f"{error}\n{session.read(name)[:300]}")
        return {}


def check_verdict(report, session, truth):
    panic = load(report, session, "lapanic.json")
    cpu, pid, comm = truth.victim()
    report.equal("lapanic: cpu, pid, comm", [panic.get(key) for key in ("cpu", "pid", "comm")], [cpu, pid, comm])
    if truth.panic_message():
        report.equal("lapanic: kind, message", [panic.get("kind"), panic.get("message")], ["panic", truth.panic_message()])
    else:
        # die() goes to the crash kernel by itself; it has set panic_cpu, but nobody called panic()
        report.equal("lapanic: kind", panic.get("kind"), "oops")
    # two witnesses: of a panic its message and who called it, of an oops the log's registers and the instruction at their pc
    report.equal("lapanic: confidence", panic.get("confidence"), "certain")
    fault = truth.fault()
    if fault:
        cause = panic.get("cause") or {}
        report.equal("lapanic: cause", (cause.get("kind"), int(cause.get("address") or "0", 16), int(cause.get("pc") or "0", 16),
                                        cause.get("symbol"), cause.get("offset")), ("page-fault",) + fault)
    said = [pc for pc, name in truth.call_trace() if name not in ("show_stack", "dump_stack_lvl")][1:]
    ours = [int(frame["pc"], 16) for frame in panic.get("frames", []) if frame["pc"]]
    missing = min(([hex(pc) for pc in said if pc + shift not in ours] for shift in (0, 4)), key=len)
    report.check(f"lapanic: the {len(said)} frames of the guest's own Call Trace are in the stack", len(said) > 2 and not missing,
                 f"{missing}\n{[hex(pc) for pc in ours]}")
    report.check("lapanic: all frames verified", all(frame["verified"] for frame in panic.get("frames", [])), panic.get("frames"))


def interrupted(truth):
    """{CPU: (pc, in user mode)} of CPUs that kdump stopped: frozen in the interrupt that did it, from which they do not come
    back (crash_shutdown_secondary()), so that ERA and PRMD still are what it struck."""
    found = {}
    for text in re.split(r"^CPU#", truth.read("registers.txt"), flags=re.M)[1:]:
        csr = {name: int(value, 16) for name, value in re.findall(r"\b(TID|ERA|PRMD) +([0-9a-f]+)", text)}
        if csr["TID"] != truth.victim()[0]:
            found[csr["TID"]] = csr["ERA"], csr["PRMD"] & 3 == 3
    return found


def check_cpus(report, session, truth):
    cpus = load(report, session, "lacpus.json").get("cpus", [])
    panicking = truth.victim()[0]
    report.equal("lacpus: each CPU once", [cpu["cpu"] for cpu in cpus], list(range(truth.vcpus)))
    report.equal("lacpus: who panicked", [cpu["cpu"] for cpu in cpus if cpu["state"] == "panicking"], [panicking])
    report.equal("lacpus: where the others were, and whether in user mode", {
        cpu["cpu"]: (int(cpu["pc"] or "0", 16), cpu["state"] == "user") for cpu in cpus if cpu["cpu"] != panicking},
        interrupted(truth))
    report.equal("lacpus: who says so", {cpu["pc_source"] for cpu in cpus}, {"crash_notes"})
    report.equal("lacpus: nothing odd", [cpu["remark"] for cpu in cpus if cpu["remark"]], [])
    said = dict(re.findall(r"^pid (\d+) (\S+)$", "\n".join(truth.section("stacks")), re.M))
    report.check("lacpus: tasks by their names", all(said.get(str(cpu["pid"]), cpu["comm"]) == cpu["comm"] for cpu in cpus),
                 [(cpu["pid"], cpu["comm"]) for cpu in cpus])
    report.check("lacpus: every stack in the kernel reaches its end", all(
        cpu["stop"] in ("end", "user") and all(frame["verified"] for frame in cpu["frames"]) for cpu in cpus),
        [(cpu["cpu"], cpu["stop"], cpu["frames"]) for cpu in cpus])


def check_vmcore(report, case, truth):
    session = Session(case, "vmcore", f"{os.path.basename(case)}-vmcore")
    asked = addresses.spaces(truth, 1)
    run.ask_everything(session, truth, asked)
    shutil.copy(os.path.join(case, "registers.txt"), session.where)
    output = session.run()
    report.equal("crash exits with status 0", session.status, ["status 0"])
    noise = [line for line in output.splitlines() if line.strip() and not re.search(
        "not a tty|minimal mode commands|please wait|^rd: ", line)]
    report.equal("nothing to complain about at start", noise, [])
    check_verdict(report, session, truth)
    check_cpus(report, session, truth)
    run.check_memory(report, session, truth)
    report.check("sys: release", f"RELEASE: {truth.release()}\n" in session.read("sys.txt"), session.read("sys.txt"))
    addresses.check(report, session, truth, asked, output)
    ram = load(report, session, "lamem.json").get("ram", [])
    report.equal("lamem: RAM is what /proc/iomem says, without the crash kernel's",
                 [(int(r["start"], 16), int(r["end"], 16)) for r in ram], merged(truth.ram))
    return session


def merged(ranges):
    """Ranges that touch are one."""
    found = []
    for start, end in sorted(ranges):
        if found and found[-1][1] == start:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return found


def make(session, name, *arguments):
    subprocess.run([sys.executable, "-B", os.path.join(TREE, "tests/lab/makedump.py"), MKDUMP,
                    os.path.join(session.case, "vmcore"), os.path.join(session.where, name), *arguments], check=True)


def ask(session, name, questions, options=""):
    """What a session on a file of the session's directory, or else of the case's, prints for each of the questions,
    {question: text}, and in front of the first."""
    dump = name if os.path.exists(os.path.join(session.where, name)) else f"$CASE/{name}"
    inside = "".join(f"{question} > {name}.{i}\n" for i, question in enumerate(questions))
    with open(os.path.join(session.where, f"{name}.in"), "w", encoding="utf-8") as file:
        file.write(inside + "q\n")
    done = session.crash(f'"$SRC/extensions/lacrash" -s {options} "$CASE/vmlinux" "{dump}" < {name}.in 2>&1; echo "status $?"', timeout=600)
    return {question: session.read(f"{name}.{i}") for i, question in enumerate(questions)}, done.stdout


WHOLE = ["lapanic -j", "lacpus -j", "bt -a", "log", "ps", "mod", "foreach bt"]


def check_forms(report, case, reference):
    session = Session(case, "vmcore", f"{os.path.basename(case)}-forms")
    whole, said = ask(session, "vmcore", WHOLE)
    report.check("the vmcore as it is", said.endswith("status 0\n") and all(whole.values()), said[-600:])
    for method, level in FORMS:
        name = f"{method}.{level}"
        make(session, name, "--method", method, "--level", str(level))
        got, said = ask(session, name, WHOLE)
        report.check(f"makedumpfile -d {level}, {method}: {', '.join(WHOLE)} are those of the vmcore",
                     got == whole and said.endswith("status 0\n"),
                     said[-600:] + str([question for question in WHOLE if got[question] != whole[question]]))
        os.remove(os.path.join(session.where, name))


def left_out(truth, path):
    """Of the addresses of tasks, some whose pages a file leaves out, by its own bitmap."""
    with open(path, "rb") as file:
        head = file.read(464)
        block, sub, bitmaps = struct.unpack_from("<iiI", head, 428)
        file.seek(block * (1 + sub + bitmaps // 2))
        kept = file.read(block * bitmaps // 2)
    return [one for one in truth.users() if one.pa is not None and not kept[one.pa // block >> 3] >> (one.pa // block & 7) & 1]


def check_excluded(report, case, truth):
    """Every command that meets a page that was left out says that it was."""
    session = Session(case, "vmcore", f"{os.path.basename(case)}-excluded")
    panic = json.loads(ask_vmcore(session, "lapanic -j"))
    stack = int(panic["frames"][2]["sp"], 16) & (1 << 48) - 1
    make(session, "part", "--exclude", hex(stack))
    some = left_out(truth, os.path.join(session.where, "part"))[:20]
    report.check("pages of tasks are left out", len(some) == 20, len(some))
    questions = [f"lamem {stack | 0x9 << 60:x}", f"vtop {stack | 0x9 << 60:x}", "lapanic", "lacpus", "bt",
                 "lapanic -j", "lacpus -j", "kmem -i", "log"]
    questions += [question for one in some for question in
                  (f"set {one.who}", f"lamem {one.va:x}", f"vtop -u {one.va:x}", f"rd -u {one.va:x}")]
    got, said = ask(session, "part", questions)
    report.check("a session on a dump without them ends as it should", said.endswith("status 0\n") and
                 "TOTAL MEM" in got["kmem -i"] and got["log"], said[-600:])
    for question, text in got.items():
        if question.split()[0] in ("lamem", "vtop") or question in ("lapanic", "bt"):
            report.check(f"{question}: a page is excluded", "excluded" in text, text[:600])
    # up to 9.0.0 crash has a line of its own, too
    report.equal("rd: a page is excluded", len(re.findall(r"^rd: physical .*excluded", said, re.M)), len(some))
    panic = json.loads(got["lapanic -j"])
    report.equal("lapanic: the verdict does not need it", panic["kind"], "panic" if truth.panic_message() else "oops")
    os.remove(os.path.join(session.where, "part"))


def ask_vmcore(session, question):
    got, _ = ask(session, "vmcore", [question])
    return got[question]


# --- notes that are not as they should be ---

def notes_of(data):
    """(name, type, bytes) of each."""
    at = 0
    while at + 12 <= len(data):
        name, size, kind = struct.unpack_from("<III", data, at)
        end = at + 12 + (name + 3 & ~3) + (size + 3 & ~3)
        yield data[at + 12:at + 12 + name].rstrip(b"\0"), kind, data[at:end]
        at = end


def copy_with(case, path, change):
    """A copy of the vmcore with notes that are changed."""
    subprocess.run(["cp", "--sparse=always", os.path.join(case, "vmcore"), path], check=True)
    with open(path, "r+b") as file:
        head = file.read(64)
        table, = struct.unpack_from("<Q", head, 32)
        file.seek(table)
        program = struct.unpack("<IIQQQQQQ", file.read(56))     # that of the notes comes first
        assert program[0] == PT_NOTE
        file.seek(program[2])
        new = b"".join(change(list(notes_of(file.read(program[5])))))
        assert len(new) <= program[5]
        file.seek(program[2])
        file.write(new)
        file.seek(table)
        file.write(struct.pack("<II", PT_NOTE if new else 0, 0))
        file.seek(table + 32)
        file.write(struct.pack("<QQ", len(new), len(new)))


def without_one(notes):
    cpus = [note for note in notes if note[1] == NT_PRSTATUS]
    return [data for name, kind, data in notes if (name, kind, data) != cpus[-1]]


def another_kernels(notes):
    """As if the kernel were at another place, of another release, with other sections."""
    for name, _, data in notes:
        if name == b"VMCOREINFO":
            data = re.sub(rb"(?<=OSRELEASE=\d\.)\d\d", b"99", data)
            data = re.sub(rb"(SYMBOL\(\w+\)=9000000)(\d)", lambda found: found[1] + b"%d" % ((int(found[2]) + 3) % 10), data)
            data = data.replace(b"SECTION_SIZE_BITS)=29", b"SECTION_SIZE_BITS)=28")
        yield data


def check_notes(report, case, whole, truth):
    online = truth.vcpus
    for name, change, line in (
            ("no-notes", lambda notes: [], "the dump has no register notes"),
            ("fewer", without_one, f"the dump has register notes of {online - 1} of the {online} CPUs that ran"),
            ("another", another_kernels, "the VMCOREINFO in the dump is another kernel's, 6.99")):
        session = Session(case, "vmcore", f"{os.path.basename(case)}-{name}")
        copy_with(case, os.path.join(session.where, name), change)
        got, said = ask(session, name, ["lacpus", "lapanic -j", "bt", "kmem -i", "lamem"])
        told = [one for one in (said + got["lacpus"]).splitlines() if line in one]
        report.check(f"{name}: one line says so", len(told) == 1, said[-600:] + got["lacpus"])
        panic = json.loads(got["lapanic -j"] or "{}")
        report.check(f"{name}: the session goes on, with the same verdict", said.endswith("status 0\n") and
                     "TOTAL MEM" in got["kmem -i"] and " #1 " in got["bt"] and
                     [panic.get(key) for key in ("kind", "cpu", "pid")] == [whole.get(key) for key in ("kind", "cpu", "pid")],
                     said[-600:] + str(panic)[:300])
        done = session.crash(f'"$BUILT/ladump" "$CASE/vmlinux" {name}; echo "status $?"')
        report.check(f"{name}: ladump says so, too", line in done.stdout and done.stdout.endswith("status 0\n"), done.stdout[-900:])
        os.remove(os.path.join(session.where, name))


# --- damage ---

def poke(path, pa, data):
    """Write into the memory that a core file holds; the kernel's image is there twice."""
    with open(path, "r+b") as file:
        head = file.read(64)
        table, = struct.unpack_from("<Q", head, 32)
        count, = struct.unpack_from("<H", head, 56)
        for at in range(count):
            file.seek(table + 56 * at)
            kind, _, offset, _, start, size, _, _ = struct.unpack("<IIQQQQQQ", file.read(56))
            if kind == PT_LOAD and start <= pa and pa + len(data) <= start + size:
                file.seek(offset + pa - start)
                file.write(data)


def check_modules(report, case):
    """A list of modules that never comes back to its head is left out, where crash would follow it for ever."""
    session = Session(case, "vmcore", f"{os.path.basename(case)}-modules")
    path = os.path.join(session.where, "endless")
    subprocess.run(["cp", "--sparse=always", os.path.join(case, "vmcore"), path], check=True)
    got, _ = ask(session, "endless", ["p modules.next", "mod"])
    node = int(re.search(r"0x([0-9a-f]+)", got["p modules.next"]).group(1), 16)
    before = got["mod"]
    report.check("the guest has a module", "lkdtm" in before, before)
    got, _ = ask(session, "endless", [f"vtop {node:x}"])
    pa = int(re.search(rf"^{node:x} +([0-9a-f]+)", got[f"vtop {node:x}"], re.M).group(1), 16)
    poke(path, pa, struct.pack("<Q", node))
    got, said = ask(session, "endless", ["lapanic -j", "ps", "kmem -i", "mod"])
    report.equal("a list of modules without an end: one line says where", re.findall("^WARNING: lakvm: .*$", said, re.M), [
        f"WARNING: lakvm: what follows {node:x} in the list of modules cannot be read, or is no module: crash sees it up to there"])
    report.equal("... and what comes before is there", got["mod"], before)
    report.check("... and the session is a full one", said.endswith("status 0\n") and "TOTAL MEM" in got["kmem -i"] and
                 "swapper/0" in got["ps"] and json.loads(got["lapanic -j"])["cpu"] == 0, said[-600:])
    os.remove(path)


# --- pages of two instants ---

def splice(session, name, *how):
    subprocess.run([sys.executable, "-B", os.path.join(TREE, "tests/lab/splice.py"), os.path.join(session.case, "before.raw"),
                    os.path.join(session.case, "dump.raw"), os.path.join(session.where, name), *how], check=True)


def check_told(report, case):
    """Records are newer than the ring that holds them: the guest went on to its end between the two instants, and said so."""
    session = Session(case, "vmcore", f"{os.path.basename(case)}-told")
    got, _ = ask(session, "vmcore", ["p prb", "lapanic -j"])
    ring = int(re.search(r"0x([0-9a-f]+)", got["p prb"]).group(1), 16)
    report.check("pages of one instant: nothing else is said", "different instants" not in got["lapanic -j"] and
                 json.loads(got["lapanic -j"]), got["lapanic -j"][:300])
    got, _ = ask(session, "vmcore", [f"vtop {ring:x}"])
    splice(session, "head", "--at", "0x" + re.search(rf"^{ring:x} +([0-9a-f]+)", got[f"vtop {ring:x}"], re.M).group(1))
    got, said = ask(session, "head", ["lapanic -j"])
    told = re.search(r"pages of different instants: (\d+) records", got["lapanic -j"])
    report.check("the log's head of an earlier instant: lapanic says so", told and int(told.group(1)) > 10,
                 said[-600:] + got["lapanic -j"][:900])
    os.remove(os.path.join(session.where, "head"))


def check_spliced(report, case):
    """Whatever is found, it ends, in time, and gives an answer."""
    session = Session(case, "vmcore", f"{os.path.basename(case)}-spliced")
    places = [[], ["--below", "0x4000000"], ["--below", "0x90000000"]]
    for seed in range(SPLICES):
        name = f"live{seed}"
        splice(session, name, "--seed", str(seed), *(places[seed] if seed < len(places) else []))
        questions = ["lapanic -j", "lacpus -j", "bt -a", "foreach bt", "ps", "log", "kmem -i", "kmem -p", "mod", "lamem -j"]
        got, said = ask(session, name, questions)
        silent = [question for question in questions if not got[question].strip() and question not in ("bt -a", "log")]
        report.check(f"pages of two instants, {seed}: the session ends with an answer to everything",
                     said.endswith("status 0\n") and not silent and not re.search("segmentation|core dumped", said, re.I),
                     f"{silent}\n{said[-900:]}")
        done = session.crash(f'"$BUILT/ladump" -j -l "$CASE/vmlinux" {name} > report; echo "status $?"', timeout=120)
        report.check(f"pages of two instants, {seed}: ladump, too", done.stdout == "status 0\n" and
                     json.loads(session.read("report") or "{}").get("cpus"), done.stdout[-600:])
        os.remove(os.path.join(session.where, name))


def main():
    case = os.path.abspath(sys.argv[-1])
    truth, report = Vmcore(case), Report(os.path.basename(case).removeprefix("case-"))
    session = check_vmcore(report, case, truth)
    if "--vmcore" in sys.argv[1:-1]:
        sys.exit(1 if report.failed else 0)
    whole = load(report, session, "lapanic.json")
    check_forms(report, case, whole)
    check_excluded(report, case, truth)
    check_notes(report, case, whole, truth)
    check_modules(report, case)
    check_told(report, case)
    check_spliced(report, case)
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
