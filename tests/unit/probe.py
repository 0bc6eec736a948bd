#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What extensions/glue/probe.sh says of a crash's header, told of small headers that have what it asks for.

Result: "ok - ..." or "not ok - ..." lines; exit status 1 if one failed.
"""
import os
import subprocess
import sys
import tempfile

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROBE = os.path.join(TREE, "extensions/glue/probe.sh")
LOONGARCH = '#ifdef LOONGARCH64\n#define MACHINE_TYPE "LOONGARCH64"\n#endif\n'
OLDER = '#ifdef ARM64\n#define MACHINE_TYPE "ARM64"\n#endif\n'
GDB_10 = "#if !defined(GDB_7_6) && !defined(GDB_10_2)\n#error no gdb\n#endif\n"
GDB_16 = GDB_10.replace("!defined(GDB_10_2)", "!defined(GDB_10_2) && !defined(GDB_16_2)")
OF_CPU = "int (*get_cpu_reg)(int, int, const char *, int, void *);"
OF_TASK = "int (*get_current_task_reg)(int, const char *, int, void *);"
OF_STACK = "int (*get_current_task_reg)(int, const char *, int, void *, int);"
failed = 0


def header(machine, gdb, hook):
    return f"{gdb}{machine}\nextern struct machdep_table {{ int before; {hook} }} *machdep;\n"


def check(what, text, version, status, *expected):
    """The header @text gives this exit status, and these lines; or, refused, one line with these words."""
    global failed
    with tempfile.TemporaryDirectory() as place:
        if text is not None:
            with open(os.path.join(place, "defs.h"), "w") as file:
                file.write(text)
        done = subprocess.run([PROBE, place, version, "cc"], check=False, text=True, capture_output=True)
    if status == 0:
        good = done.stdout.splitlines() == list(expected) and not done.stderr
    else:
        good = all(word in done.stderr.splitlines()[0] for word in expected)
    good = good and (done.returncode == 0) == (status == 0)
    failed += not good
    print(f"{'ok' if good else 'not ok'} - probe: {what}")
    if not good:
        print("    " + (done.stdout + done.stderr).replace("\n", "\n    "))


check("8.0.5: gdb 10.2, registers of a CPU", header(LOONGARCH, GDB_10, OF_CPU), "8.0.5", 0, "#define GDB_10_2",
      '#define LA_CRASH_VERSION "8.0.5"', "#define LA_TASK_REG_ARGUMENTS 0")
check("8.0.6: those of a task", header(LOONGARCH, GDB_10, OF_TASK), "8.0.6", 0, "#define GDB_10_2",
      '#define LA_CRASH_VERSION "8.0.6"', "#define LA_TASK_REG_ARGUMENTS 4")
check("9.0.1: gdb 16.2, and those of a stack", header(LOONGARCH, GDB_16, OF_STACK), "9.0.1", 0, "#define GDB_16_2",
      '#define LA_CRASH_VERSION "9.0.1"', "#define LA_TASK_REG_ARGUMENTS 5")
check("a crash that cannot be asked for its version", header(LOONGARCH, GDB_16, OF_STACK), "", 0, "#define GDB_16_2",
      "#define LA_TASK_REG_ARGUMENTS 5")
check("a header without LoongArch64 is refused", header(OLDER, GDB_10, OF_CPU), "8.0.4", 1,
      "no LoongArch64 support", "8.0.5 is the first release")
check("a hook that nobody knows yet is refused", header(LOONGARCH, GDB_16, OF_STACK.replace(", int)", ", long)")), "9.9", 1,
      "get_current_task_reg has arguments that lakvm does not know")
check("and one of before, changed", header(LOONGARCH, GDB_10, OF_CPU.replace("(int, int,", "(int,")), "8.0.5", 1,
      "get_cpu_reg is not what lakvm knows")
check("a header that does not compile", "#error GDB_10_2 and more\n", "8.0.5", 1, "does not compile")
check("no header", None, "", 1, "not found: CRASH_INC names the directory")
sys.exit(failed > 0)
