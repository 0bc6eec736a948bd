#!/usr/bin/env python3
"""Stacks that pass through tracers' code, of the cases traced-...: the functions that
must be on them, by the kernel's source and by what tests/lab/trace.c does, one behind the other, all verified.

Needs:  build/unit/la-stacks (make tools); a case's directory.
Result: "ok - ..." or "not ok - ..." a stack; exit status 1 if one is not ok.

Usage:  traced.py DIRECTORY
"""
import os
import re
import subprocess
import sys

LA_STACKS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build/unit/la-stacks")
# names as they are without what BPF adds in front: bpf_prog_TAG_NAME, bpf_trampoline_NUMBER
CHAINS = {
    # vfs_write() and __handle_sysrq() return to arch_rethook_trampoline
    "traced-return": (("CPU 0", "panic sysrq_handle_crash __handle_sysrq write_sysrq_trigger proc_reg_write vfs_write ksys_write"
                       " do_syscall handle_syscall"),
                      ("the sleeper", "schedule do_nanosleep hrtimer_nanosleep common_nsleep")),
    "traced-bpf": (("CPU 1", "bpf_loop lakvm_outer bpf_test_run bpf_prog_test_run_skb __sys_bpf"),),
    # lakvm_inner() is called by a trampoline, too; where CPU 1 stops is chance
    # vfs_write() and __handle_sysrq() have been called by trampolines; vfs_fallocate() has called one, and not begun
    "traced-function": (("CPU 0", "panic sysrq_handle_crash __handle_sysrq bpf_trampoline write_sysrq_trigger proc_reg_write vfs_write"
                         " bpf_trampoline ksys_write do_syscall handle_syscall"),
                        ("CPU 1", "bpf_loop lakvm_outer bpf_trampoline vfs_fallocate sys_fallocate do_syscall handle_syscall"),
                        ("the sleeper", "schedule do_nanosleep hrtimer_nanosleep bpf_trampoline common_nsleep sys_clock_nanosleep"
                         " do_syscall handle_syscall")),
    # __handle_sysrq() and hrtimer_nanosleep() return to return_to_handler, vfs_write() to that by way of
    # arch_rethook_trampoline, and a trampoline has called hrtimer_nanosleep()
    "traced-graph": (("CPU 0", "panic sysrq_handle_crash __handle_sysrq write_sysrq_trigger proc_reg_write vfs_write ksys_write"
                      " do_syscall handle_syscall"),
                     ("the sleeper", "schedule do_nanosleep hrtimer_nanosleep bpf_trampoline common_nsleep sys_clock_nanosleep"
                      " do_syscall handle_syscall")),
    "traced-fexit": (("CPU 1", "bpf_trampoline bpf_loop lakvm_outer bpf_trampoline bpf_test_run bpf_prog_test_run_skb __sys_bpf"),),
}


def stacks(case, options):
    """{"CPU 0" or "TASK ...": (names of its functions, the first frame's first; is all of it verified?)}"""
    said = subprocess.run([LA_STACKS, *options, f"{case}/vmlinux", f"{case}/dump.raw"], capture_output=True, text=True,
                          check=True).stdout
    found, current = {}, None
    for line in said.splitlines():
        if re.match(r"(CPU|TASK) ", line):
            current = found.setdefault(" ".join(line.split()[:2]), [[], True])
        frame = re.match(r"#\d+ \S+ (\S+) sp=\S+ \S+(.*)", line)
        if frame:
            name = frame[1].split("+")[0]
            name = re.sub(r"^bpf_prog_[0-9a-f]{16}_", "", re.sub(r"^(bpf_trampoline)_\d+$", r"\1", name))
            current[0].append(name)
        if frame or line.startswith("stop:"):
            current[1] = current[1] and line.endswith("verified") and "unverified" not in line
    return found


def sleeper(case):
    """The name in stacks() of the task of which trace.c says that it sleeps; other tasks slept before anything traced them."""
    with open(f"{case}/serial.log", encoding="utf-8", errors="replace") as log:
        pid = re.search(r"^sleeper (\d+)", log.read(), re.M)[1]
    with open(f"{case}/gdb-tasks.txt", encoding="utf-8") as tasks:
        return re.search(rf"^(TASK \S+) {pid} ", tasks.read(), re.M)[1]


def main():
    case = sys.argv[1].rstrip("/")
    name = os.path.basename(case).removeprefix("case-")
    failed = 0
    for whose, chain in CHAINS[name]:
        wanted = f" {chain} "
        if whose == "the sleeper":
            names, verified = stacks(case, ["-t", f"{case}/gdb-tasks.txt"])[sleeper(case)]
        else:
            names, verified = stacks(case, [])[whose]
        good = verified and wanted in f" {' '.join(names)} "
        print(f"{'ok' if good else 'not ok'} - case-{name}: the stack of {whose} is whole")
        if not good:
            failed = 1
            print(names, verified)
    sys.exit(failed)


if __name__ == "__main__":
    main()
