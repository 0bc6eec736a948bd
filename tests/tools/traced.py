#!/usr/bin/env python3
"""Stacks that pass through tracers' code, of the cases traced-return, traced-fexit and traced-bpf: the functions that
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
                      ("a task asleep", "schedule do_nanosleep hrtimer_nanosleep common_nsleep")),
    "traced-bpf": (("CPU 1", "bpf_loop lakvm_outer bpf_test_run bpf_prog_test_run_skb __sys_bpf"),),
    # lakvm_inner() is called by a trampoline, too; where CPU 1 stops is chance
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


def main():
    case = sys.argv[1].rstrip("/")
    name = os.path.basename(case).removeprefix("case-")
    failed = 0
    for whose, chain in CHAINS[name]:
        wanted = f" {chain} "
        ours = stacks(case, ["-t", f"{case}/gdb-tasks.txt"] if whose == "a task asleep" else [])
        good = [who for who, (names, verified) in ours.items()
                if verified and wanted in f" {' '.join(names)} " and (whose == "a task asleep" or who == whose)]
        print(f"{'ok' if good else 'not ok'} - case-{name}: the stack of {whose} is whole")
        if not good:
            failed = 1
            print(ours.get(whose, ours))
    sys.exit(failed)


if __name__ == "__main__":
    main()
