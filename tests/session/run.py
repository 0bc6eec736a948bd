#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a real crash with lakvm on the dumps of one case and compare all it prints with what the guest,
gdb and QEMU said (truth.py).

Needs:  what make loongarch64 builds and askdoor.so of the same build, make tools, the native machine of tests/lab/run64.sh, a case directory as guest.py makes it.
        Where LAKVM_CRASH names a directory with a crash for this machine (tests/lab/crash.sh), that crash instead,
        ten times faster, and what make builds for it.
Result: one line "ok - ..." or "not ok - ..." a check, exit status 1 if one failed; what crash printed is
        kept in build/session/.

Usage:  run.py CASE-DIRECTORY DUMP-FILE...
"""
import collections
import json
import os
import re
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
import addresses  # noqa: E402
import door  # noqa: E402
import entries  # noqa: E402
import find  # noqa: E402
import lamem  # noqa: E402
sys.path.append(os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "tools"))
import compare  # noqa: E402
from truth import Truth  # noqa: E402

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
# what crash itself does not know about newer kernels
NOT_OURS = ["WARNING: SLUB: cannot determine how compound pages are linked",  # 7.1: compound_info
            "WARNING: LoongArch64 ORC unwinder: orc_entry structure has changed"]  # after 9.0.2; there is none at all
SEED_LINE = 'seek error: kernel virtual address: 90000002f0000000  type: "memory section root table"'


class Session:
    """One crash session: a list of commands, each with its output in a file of its own."""

    def __init__(self, case, dump, where, options="", environment=""):
        self.case, self.dump, self.options, self.environment = case, dump, options, environment
        self.where = os.path.join(TREE, "build", "session", where)
        self.commands = []
        shutil.rmtree(self.where, ignore_errors=True)
        os.makedirs(self.where)

    def crash(self, script, timeout=3600):
        """Run a shell script where crash is, in the session's directory."""
        inside = os.path.relpath(self.where, TREE)
        return subprocess.run(
            [os.path.join(TREE, "tests/lab/with-crash.sh"), "--case", self.case, "sh", "-c",
             f'export TERM=dumb LAKVM_SO="$BUILT/lakvm.so"; cd "$SRC/{inside}" && {script}'],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            timeout=timeout, check=False, text=True, errors="replace")

    def ask(self, name, command):
        """Append what @command prints to the file @name."""
        self.commands.append(f"{command} >> {name}")

    def run(self):
        with open(os.path.join(self.where, "input"), "w") as file:
            file.write("\n".join(self.commands + ["q", ""]))
        began = time.time()
        done = self.crash(f'{self.environment} "$SRC/extensions/lacrash" -s {self.options} "$CASE/vmlinux" "$CASE/{self.dump}" '
                          f'< input > output 2>&1; echo "status $?"')
        self.seconds = time.time() - began
        self.status = done.stdout.strip().splitlines()[-1:] or ["none"]
        return self.read("output")

    def read(self, name):
        try:
            with open(os.path.join(self.where, name), errors="replace") as file:
                return file.read()
        except FileNotFoundError:
            return ""


class Report:
    def __init__(self, prefix):
        self.prefix, self.failed = prefix, 0

    def check(self, what, condition, detail=""):
        print(f"{'ok' if condition else 'not ok'} - {self.prefix}: {what}", flush=True)
        if not condition:
            self.failed += 1
            print("    " + str(detail)[:1200].replace("\n", "\n    "), flush=True)

    def equal(self, what, got, expected):
        self.check(what, got == expected, f"got      {got!r}\nexpected {expected!r}")


def number(text, heading):
    found = re.search(rf"{heading} +(\d+)", text)
    return int(found.group(1)) if found else None


def check_stock(report, session):
    """The unmodified crash alone has no stack to show, else there were nothing to repair."""
    done = session.crash(f'printf "bt\\nq\\n" | crash -s "$CASE/vmlinux" "$CASE/{session.dump}" 2>&1')
    report.check("stock crash shows no stack", " #1 " not in done.stdout, done.stdout[-600:])
    if os.path.basename(session.case).endswith("sample") and session.dump == "dump.kdump":
        report.check("stock crash prints the line of the seed case", SEED_LINE in done.stdout,
                     done.stdout[-400:])


def check_frames(report, what, frames, gdb):
    """Frames of a dump without a pc against gdb's: frame 0 is a function without an address, and a callee
    that has no frame of its own may be missing. Verified ones are judged whatever method found them."""
    ours = [(int(f["pc"], 16) if f["pc"] else None, f["symbol"] or "?", int(f["sp"], 16), f["verified"])
            for f in frames]
    missing = [(hex(pc), names) for pc, names, *_ in gdb[1:] if pc not in [p for p, *_ in ours] and
               not (ours and ours[0][0] is None and ours[0][1] in names)]
    wrong = [frame for frame in compare.not_gdbs(ours, gdb) if frame[3]]
    report.check(f"{what}: every frame of gdb's is there", gdb and not missing, f"{missing}\n{ours}")
    report.check(f"{what}: no verified frame that gdb does not have", gdb and not wrong, f"{wrong}\n{gdb}")


def in_interrupt(panic):
    """How many frames are of an interrupt that struck while panic() delays: where in its work the CPU is need not be
    certain."""
    names = [f["symbol"] for f in panic["frames"]]
    return max((i for i, f in enumerate(panic["frames"]) if f["pt_regs"] and "panic" in names[i:]), default=0)


def check_panic(report, session, truth):
    raw = session.read("lapanic.json")
    try:
        panic = json.loads(raw)
    except ValueError as error:
        report.check("lapanic -j is JSON", False, f"{error}\n{raw[:300]}")
        return
    page = re.search(r'<script type="application/json" id="lakvm">\n(.*)</script>', session.read("lapanic.html"), re.S)
    report.equal("lapanic -H: its JSON is that of -j", page and json.loads(page.group(1)), panic)
    cpu, pid, comm = truth.victim()
    report.equal("lapanic: schema", panic["schema"], "lakvm.panic/1")
    report.equal("lapanic: kind", panic["kind"], "panic")
    report.equal("lapanic: message", panic["message"], truth.panic_message())
    report.equal("lapanic: cpu, pid, comm", (panic["cpu"], panic["pid"], panic["comm"]),
                 (cpu, pid, comm))
    report.equal("lapanic: confidence", panic["confidence"], "certain")
    fault = truth.fault()
    if fault:
        cause = panic["cause"]
        report.equal("lapanic: cause", (cause["kind"], int(cause["address"], 16),
                                        int(cause["pc"], 16), cause["symbol"], cause["offset"]),
                     ("page-fault",) + fault)
    text = session.read("lapanic.txt")
    report.check("lapanic: the message is in the text", truth.panic_message() in text, text[:300])
    trace = [name for _, name in truth.call_trace() if name not in ("show_stack", "dump_stack_lvl")]
    symbols = [f["symbol"] for f in panic["frames"]]
    # the kernel names a noreturn caller's successor; compare return addresses instead (the ORC
    # unwinder prints those of the calls, 4 bytes before)
    addresses = [pc for pc, name in truth.call_trace() if name in trace][1:]
    ours = [int(f["pc"], 16) for f in panic["frames"] if f["pc"]]
    missing = min(([hex(a) for a in addresses if a + shift not in ours] for shift in (0, 4)), key=len)
    report.check("lapanic: the guest's own Call Trace is in the stack", not missing,
                 f"{missing}\n{symbols}")
    report.check("lapanic: all frames verified", all(f["verified"] for f in panic["frames"][in_interrupt(panic):]),
                 panic["frames"])


def check_cpus(report, session, truth):
    try:
        cpus = json.loads(session.read("lacpus.json"))["cpus"]
    except ValueError as error:
        report.check("lacpus -j is JSON", False, error)
        return
    report.equal("lacpus: every vCPU", [c["cpu"] for c in cpus], list(range(truth.vcpus + truth.unplugged())))
    panicking = truth.victim()[0]
    report.equal("lacpus: states", [c["state"] for c in cpus],
                 ["panicking" if c == panicking else "stopped" for c in range(truth.vcpus)] +
                 ["offline"] * truth.unplugged())
    cpus = cpus[:truth.vcpus]
    report.equal("lacpus: each vCPU once", sorted(c["vcpu"] for c in cpus),
                 list(range(truth.vcpus)))
    gdb = compare.read_gdb(os.path.join(truth.case, "gdb-stacks.txt"))
    for cpu in cpus:
        check_frames(report, f"lacpus: stack of CPU {cpu['cpu']}", cpu["frames"],
                     gdb[cpu["vcpu"]])
        report.check(f"lacpus: stack of CPU {cpu['cpu']} reaches its end",
                     cpu["stop"] in ("end", "user"), cpu["stop"])
    table = session.read("lacpus.txt")
    report.check("lacpus: a line a CPU", all(re.search(rf"^ *{c} ", table, re.M)
                                             for c in range(truth.vcpus)), table[:400])


def check_text(report, session, truth):
    """With the saved register text, positions are exact."""
    try:
        cpus = json.loads(session.read("lacpus-r.json"))["cpus"][:truth.vcpus]
    except ValueError as error:
        report.check("lacpus -j -r is JSON", False, error)
        return
    gdb = truth.gdb()
    report.equal("lacpus -r: the pc of every vCPU is gdb's",
                 {c["vcpu"]: int(c["pc"], 16) if c["pc"] else None for c in cpus},
                 {vcpu: stack[0][0] for vcpu, stack in gdb.items()})
    for cpu in cpus:
        ours = [int(f["pc"], 16) for f in cpu["frames"] if f["pc"]]
        report.check(f"lacpus -r: stack of CPU {cpu['cpu']} begins as gdb's",
                     ours[:len(gdb[cpu["vcpu"]])] == [pc for pc, _ in gdb[cpu["vcpu"]]],
                     f"{cpu['frames']}\n{gdb[cpu['vcpu']]}")


def check_memory(report, session, truth):
    meminfo = truth.meminfo()
    output = session.read("kmem-i.txt")
    if meminfo:
        page_kib = truth.page_size() // 1024
        report.equal("kmem -i: TOTAL MEM as /proc/meminfo",
                     number(output, "TOTAL MEM"), meminfo["MemTotal"] // page_kib)
        report.equal("kmem -i: COMMIT LIMIT as /proc/meminfo",
                     number(output, "COMMIT LIMIT"), meminfo["CommitLimit"] // page_kib)
        free = number(output, "FREE")
        report.check("kmem -i: FREE within 5 % of /proc/meminfo", free is not None and
                     abs(free * page_kib - meminfo["MemFree"]) < 0.05 * meminfo["MemFree"], output)
        committed = number(output, "COMMITTED")
        report.check("kmem -i: COMMITTED near Committed_AS", committed is not None and
                     abs(committed * page_kib - meminfo["Committed_AS"]) < 4096, output)
    else:
        report.check("kmem -i prints a total", number(output, "TOTAL MEM"), output)
    report.check("kmem -n lists zones and sections", "DMA32" in session.read("kmem-n.txt") and
                 re.search(r"^NR +SECTION", session.read("kmem-n.txt"), re.M),
                 session.read("kmem-n.txt")[:500])
    report.check("kmem -p prints struct pages",
                 len(re.findall(r"^[0-9a-f]{16} +[0-9a-f]+ ", session.read("kmem-p.txt"), re.M)) > 5,
                 session.read("kmem-p.txt")[:500])
    report.check("struct page at an address", "flags =" in session.read("page.txt"),
                 session.read("page.txt")[:500])


def a_struct_page(truth):
    """The address of one. Where nobody asked gdb, as for the sample, it lies in the highest range with many mappings;
    above that is only the fixed one."""
    if truth.struct_pages():
        return next(iter(truth.struct_pages().values())).page
    mapped = [one.va for one in truth.translations() if 0xffff8 << 44 <= one.va and one.pa is not None]
    ranges = collections.Counter(va >> 28 for va in mapped)
    return max(va & ~63 for va in mapped if ranges[va >> 28] > 10)


def check_tables(report, session, truth):
    sys_text = session.read("sys.txt")
    report.check("sys: release", f"RELEASE: {truth.release()}\n" in sys_text, sys_text)
    report.check("sys: CPUs", re.search(rf"CPUS: {truth.vcpus}\b", sys_text), sys_text)
    report.check("mach: CPUs, page size", f"CPUS: {truth.vcpus}" in session.read("mach.txt") and
                 f"PAGE SIZE: {truth.page_size()}" in session.read("mach.txt"), session.read("mach.txt"))

    listed = {int(pid): comm for pid, comm in
              re.findall(r"^>? +(\d+) +\d+ +\d+ +[0-9a-f]{16} +\S+ +\S+ +\S+ +\S+ +\[?(.*?)\]?$",
                         session.read("ps.txt"), re.M)}
    if truth.tasks():
        lost = {pid: comm for pid, comm in truth.tasks().items()
                if pid not in listed or not comm.startswith(listed[pid])}
        # tasks that came and went while the guest counted them
        lost = {pid: comm for pid, comm in lost.items() if comm not in ("ps", "init", "sh", "sleep")
                or pid == 1}
        report.check("ps: the guest's own tasks", not lost, f"{lost}\n{listed}")
    report.check("ps: init and the idle tasks", 1 in listed and 0 in listed, session.read("ps.txt"))

    modules = {name: (int(size), int(base, 16)) for base, size, name in
               ((m[2], m[3], m[1]) for m in
                re.findall(r"^([0-9a-f]{16}) +(\S+) +([0-9a-f]{16}) +(\d+) ",
                           session.read("mod.txt"), re.M))}
    for name, (size, base) in truth.modules().items():
        report.equal(f"mod: {name}", modules.get(name), (size, base))

    log = session.read("log.txt")
    lost = [text for when, text in truth.records() if text.strip() and
            f"[{float(when):12.6f}] {text}".rstrip() not in log]
    report.check("log: all the kernel said on its console", not lost and len(truth.records()) > 50,
                 "\n".join(lost[:5]))
    report.check("bt: the panicking task's", "panic" in session.read("bt.txt"), session.read("bt.txt"))
    inner = re.findall(r"^#\d+ +0x([0-9a-f]+) in", session.read("where.txt"), re.M)
    report.check("where (of gdb): the stack of bt", len(inner) > 2 and all(pc in session.read("bt.txt") for pc in inner),
                 session.read("where.txt"))
    report.equal("bt -a: a stack a CPU", len(re.findall(r"^PID: ", session.read("bt-a.txt"), re.M)),
                 truth.vcpus)
    everyone = session.read("foreach.txt")
    heads, starts = len(re.findall(r"^PID: ", everyone, re.M)), len(re.findall(r"^ #0 ", everyone, re.M))
    report.check("foreach bt: a stack for every task", heads == starts and heads >= len(listed),
                 f"{heads} tasks, {starts} stacks, {len(listed)} listed")
    guesses = re.findall(r"^.*  \? \(.*$", everyone, re.M)
    panic = json.loads(session.read("lapanic.json"))
    report.check("foreach bt: no frame is a guess", len(guesses) <= in_interrupt(panic), "\n".join(guesses))
    report.equal("foreach bt: every stack reaches its end",
                 re.findall(r"the stack ends here.*", everyone), [])
    report.check("help lapanic is there", "lakvm.panic/1" in session.read("help.txt"),
                 session.read("help.txt"))
    report.check("task: the current task's structure", re.search(r"^ +pid = \d+,", session.read(
        "task.txt"), re.M), session.read("task.txt")[:200])


def check_ram(report, session, truth):
    try:
        ram = json.loads(session.read("lamem.json"))["ram"]
    except (ValueError, KeyError) as error:
        report.check("lamem -j is JSON", False, error)
        return
    # of a guest of 10 GiB, that is 90000002f0000000, of which the first report told
    end = session.read("lamem-end.txt")
    if not truth.meta.get("plugged"):
        report.check("lamem: the first byte after RAM is called that", f"PHYSICAL: {truth.end_of_ram():x}\n" in end and
                     f"DUMP: hole: the first byte after RAM, which ends at {truth.end_of_ram():x}\n" in end, end)
    edges = [(int(r["start"], 16), int(r["end"], 16)) for r in ram]
    report.check("lamem: the guest's RAM, to the byte", edges and all(
        truth.in_ram(start) and not (start and truth.in_ram(start - 1)) and truth.in_ram(end - 1) and
        not truth.in_ram(end) for start, end in edges), ram)
    report.equal("lamem: its ranges are accounted for",
                 [r["present"] + r["zero"] + r["excluded"] + r["missing"] for r in ram],
                 [int(r["end"], 16) - int(r["start"], 16) for r in ram])


def check_ladump(report, session, truth):
    """The program without crash, with and without vmlinux; and crash with a wrong offset."""
    answers = []
    for vmlinux in ("", '"$CASE/vmlinux"'):
        done = session.crash(f'"$BUILT/ladump" -j -l {vmlinux} "$CASE/{session.dump}"')
        try:
            answers.append(json.loads(done.stdout))
        except ValueError as error:
            report.check("ladump -j is JSON", False, f"{error}\n{done.stdout[:300]}")
            return
    for what, dump in zip(("without vmlinux", "with vmlinux"), answers):
        report.equal(f"ladump {what}: release, page size", (dump["release"], dump["page_size"]),
                     (truth.release(), truth.page_size()))
        said = [record["text"] for record in dump["log"]]
        lost = [text for _, text in truth.records() if text.strip() and
                not any(text.rstrip() in one for one in said)]
        report.check(f"ladump {what}: all the kernel said on its console", not lost, lost[:5])
        report.check(f"ladump {what}: the guest's RAM", all(
            truth.in_ram(int(r["start"], 16)) and truth.in_ram(int(r["end"], 16) - 1)
            for r in dump["dump"]["ram"]), dump["dump"])
        registers = truth.registers()
        report.equal(f"ladump {what}: sp and ra of each vCPU as QEMU has them",
                     {c["vcpu"]: (int(c["regs"]["ra"], 16), int(c["regs"]["sp"], 16))
                      for c in dump["cpus"] if c["regs"]}, registers)
    report.equal("ladump: relocation", answers[1]["relocation"]["offset"], hex(truth.relocation()))
    report.check("ladump: relocation is proved", answers[1]["relocation"]["proved"],
                 answers[1]["relocation"])
    for what, options, name in (("-p -j", "-p -j", "lapanic.json"), ("-p", "-p", "lapanic.txt"),
                                ("-p -j -r", "-p -j -r registers.txt", "lapanic-r.json")):
        done = session.crash(f'"$BUILT/ladump" {options} "$CASE/vmlinux" "$CASE/{session.dump}"')
        report.check(f"ladump {what} says what lapanic says in crash, to the byte", len(done.stdout) > 100 and
                     done.stdout == session.read(name), f"{done.stdout[:500]}\n{session.read(name)[:500]}")
    wrong = truth.relocation() + 0x10000
    done = session.crash(f'printf "lapanic\nq\n" | "$SRC/extensions/lacrash" -s --kaslr={wrong:#x} '
                         f'"$CASE/vmlinux" "$CASE/{session.dump}" 2>&1')
    told = f"--kaslr={truth.relocation():#x}" if truth.relocation() else "without --kaslr"
    report.check("a wrong --kaslr= is refused, and the right one named", told in done.stdout and
                 "VERDICT" not in done.stdout, done.stdout[-600:])


def ask_everything(session, truth, asked):
    for name, command in (
            ("lapanic.json", "lapanic -j"), ("lapanic.txt", "lapanic"), ("lapanic-H.txt", "lapanic -H lapanic.html"),
            ("lapanic-r.json", "lapanic -j -r registers.txt"), ("lacpus.json", "lacpus -j"),
            ("lacpus-r.json", "lacpus -j -r registers.txt"), ("lacpus.txt", "lacpus"), ("lacpus-v.txt", "lacpus -v"), ("sys.txt", "sys"),
            ("ps.txt", "ps"), ("kmem-i.txt", "kmem -i"), ("kmem-n.txt", "kmem -n"),
            ("kmem-p.txt", "kmem -p | head -40"), ("mod.txt", "mod"), ("mach.txt", "mach"),
            ("log.txt", "log"), ("bt.txt", "bt"), ("where.txt", "where 4"), ("bt-a.txt", "bt -a"),
            ("foreach.txt", "foreach bt"), ("task.txt", "task"), ("help.txt", "help lapanic")):
        session.ask(name, command)
    session.ask("page.txt", f"struct page {a_struct_page(truth):x}")
    session.ask("lamem.json", "lamem -j")
    session.ask("lamem-end.txt", f"lamem {0x9 << 60 | truth.end_of_ram():x}")
    addresses.ask(session, asked)
    lamem.ask_frames(session, truth)
    entries.ask(session, truth)
    find.ask(session, truth)


def main():
    case, dumps = os.path.abspath(sys.argv[1]), sys.argv[2:]
    truth = Truth(case)
    failed = 0
    for dump in dumps:
        name = f"{os.path.basename(case)}/{dump}"
        report = Report(name)
        session = Session(case, dump, name.replace("/", "-"))
        check_stock(report, session)
        # how an address is translated does not depend on the dump's form
        asked = addresses.spaces(truth, 1 if dump == dumps[0] else 8)
        ask_everything(session, truth, asked)
        shutil.copy(os.path.join(case, "registers.txt"), session.where)
        output = session.run()
        report.equal("crash exits with status 0", session.status, ["status 0"])
        noise = [line for line in output.splitlines() if line.strip() and "not a tty" not in line and
                 "minimal mode commands" not in line and "please wait" not in line and
                 not line.startswith("rd: ")]  # outside RAM: addresses.py
        noise = [line for line in noise if line not in NOT_OURS]
        report.equal("nothing to complain about at start", noise, [])
        check_panic(report, session, truth)
        check_cpus(report, session, truth)
        check_text(report, session, truth)
        check_memory(report, session, truth)
        check_tables(report, session, truth)
        addresses.check(report, session, truth, asked, output)
        check_ram(report, session, truth)
        check_ladump(report, session, truth)
        find.check(report, session, truth)
        door.check(report, session, TREE)
        print(f"# {name}: session of {len(session.commands)} commands in {session.seconds:.0f} s",
              flush=True)
        failed += report.failed
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
