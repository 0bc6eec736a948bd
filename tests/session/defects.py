#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The defects of docs/defects.md that the sample dump shows: each must be there in the crash as it is, and gone with
lakvm. What is right comes from the guest's own words (test-dumps/sample/truth) and from gdb.

Usage: defects.py SAMPLE, with LAKVM_CRASH naming the directory of a crash that runs here, and LAKVM_BUILT that of its
lakvm.so (default: build/MACHINE). Prints "ok - " or "not ok - " lines."""
import os, platform, re, subprocess, sys

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SAMPLE = os.path.abspath(sys.argv[1])
CRASH = os.path.join(os.environ["LAKVM_CRASH"], "crash")
BUILT = os.environ.get("LAKVM_BUILT") or os.path.join(TREE, "build", platform.machine())
failed = 0


def check(name, good, detail=""):
    global failed
    failed += not good
    print(f"{'ok' if good else 'not ok'} - defects: {name}", *([] if good else ["\n" + detail[-1500:]]), flush=True)


def session(dump, commands, options, lakvm):
    environment = {**os.environ, "TERM": "dumb", "CRASH": CRASH, "LAKVM_SO": os.path.join(BUILT, "lakvm.so")}
    program = os.path.join(TREE, "extensions/lacrash") if lakvm else CRASH
    done = subprocess.run([program, "-s", *options, os.path.join(SAMPLE, "vmlinux"), os.path.join(SAMPLE, dump)],
                          input="\n".join(commands + ["q", ""]), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          env=environment, timeout=300, errors="replace")
    return done.stdout.replace("\r", "\n")


def truth(address):
    """Where the guest's memory has it, and the bytes there."""
    with open(os.path.join(TREE, "test-dumps/sample/truth/translations.txt")) as file:
        for line in file:
            words = line.split()
            if words and words[0] == address:
                return words[1], bytes.fromhex(words[2])
    raise KeyError(address)


def console(pattern):
    with open(os.path.join(TREE, "test-dumps/sample/truth/serial.log"), errors="replace") as file:
        return re.search(pattern, file.read()).group(1)


place, held = truth("ffffff2000000000")
words = " ".join(f"{int.from_bytes(held[i:i + 8], 'little'):016x}" for i in (0, 8))
reason = console(r"Kernel panic - not syncing: (.*)").strip()
vcpus = int(console(r"smp: Brought up 1 node, (\d+) CPUs"))

# name in docs/defects.md: (dump, options, commands, what stock crash prints, what it must not, with lakvm)
DEFECTS = {
    "sections": ("dump.kdump", [], ["sys"], r'seek error: kernel virtual address: 90000002f0000000 +type: "memory section root table"',
                 r"RELEASE:", r"RELEASE: 6\.12\.117-lakvm\n.*\n.*\n +MEMORY: 10 GB"),
    "told-page-size": ("dump.kdump", ["-p", "16k"], ["sys"], r'(?s)could not uncompress.*PANIC: ""', re.escape(reason), None),
    "panic-string": ("dump.kdump", [], ["sys"], r"seek error", re.escape(reason), rf'PANIC: "Kernel panic - not syncing: {re.escape(reason)}"'),
    "registers": ("dump.16k", [], ["bt -a"], r"cannot find NT_PRSTATUS note for cpu: 0", r" #1 ",
                  rf"(?s)(PID: .*? #1 .*?){{{vcpus}}}"),
    "stack": ("dump.16k", [], ["bt"], r"cannot determine starting stack frame", r"sysrq_handle_crash", r"\[[0-9a-f]+\] sysrq_handle_crash at "),
    "huge": ("dump.16k", [], ["vtop ffffff2000000000", "rd ffffff2000000000 2"], r"ffffff2000000000  \(not mapped\)", place,
             rf"(?s)ffffff2000000000 +{place}\b.*ffffff2000000000:  {words}"),
    "quiet": ("dump.16k", [], ["vtop ffffff2000000000"], r"(?m)^invalid$", r"(?!)", r"(?sm)\A(?!.*^invalid$).*\Z"),
    "user-pages": ("dump.16k", [], ["ps -a init"], r"cannot access user stack address", r"ENV:", r"(?s)ARG: +.*init.*ENV: +HOME=/"),
}
# one session for all that is asked of a dump
asked = {}
for dump, options, commands, *_ in DEFECTS.values():
    asked.setdefault((dump, *options), []).extend(commands)
said = {(which, lakvm): session(which[0], commands, which[1:], lakvm) for which, commands in asked.items()
        for lakvm in (False, True) if not (lakvm and which[1:])}
for name, (dump, options, _, stock, stock_not, right) in DEFECTS.items():
    alone = said[(dump, *options), False]
    check(f"{name}: crash as it is has it", re.search(stock, alone) and not re.search(stock_not, alone), alone)
    if right:
        cured = said[(dump, *options), True]
        check(f"{name}: with lakvm it is right", re.search(right, cured), cured)
with open(os.path.join(TREE, "docs/defects.md")) as file:
    named = set(re.findall(r"defects\.py: ([a-z-]+)", file.read()))
check("docs/defects.md names these tests and no others", named == set(DEFECTS), f"{named ^ set(DEFECTS)}")
sys.exit(failed > 0)
