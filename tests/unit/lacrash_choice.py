#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which crash lacrash takes, told by programs that stand for crash: each says where it lies.

Result: "ok - ..." or "not ok - ..." lines; exit status 1 if one failed.
"""
import os
import re
import shutil
import subprocess
import sys
import tempfile

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
failed = 0


def program(path, *lines):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w") as file:
        file.write("\n".join(["#!/bin/sh", *lines, ""]))
    os.chmod(path, 0o755)
    return path


def crash(path, target):
    return program(path, f'[ "$1" != --buildinfo ] || {{ echo "    build_target: {target}"; exit; }}',
                   f'echo "taken {path}"', 'sed -n "s/^extend //p" "$3"')


class Machine:
    """A machine of its own: an x86_64 or loongarch64 uname, a source tree, a PATH."""

    def __init__(self, name, machine):
        self.root = os.path.join(top, name)
        self.machine = machine
        self.tree = os.path.join(self.root, "tree")
        os.makedirs(os.path.join(self.tree, "extensions/glue"))  # what tells a source tree
        shutil.copy(os.path.join(TREE, "extensions/lacrash"), os.path.join(self.tree, "extensions"))
        program(self.at("bin/uname"), f"echo {machine}")
        for one in ("x86_64", "loongarch64"):
            program(self.at(f"tree/build/{one}/lakvm.so"))
            program(self.at(f"tree/build/{one}/ladump"), "echo 0x0")
        self.files = [program(self.at(name)) for name in ("vmlinux", "dump")]

    def at(self, path):
        return os.path.join(self.root, path)

    def run(self, *options, **environment):
        done = subprocess.run(
            [os.path.join(self.tree, "extensions/lacrash"), *options, *self.files], check=False, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            env={"PATH": self.at("bin") + ":" + os.environ["PATH"], "HOME": self.root, **environment})
        return done.stdout

    def check(self, what, output, *expected):
        global failed
        good = all(re.search(one, output) for one in expected)
        failed += not good
        print(f"{'ok' if good else 'not ok'} - lacrash on {self.machine}: {what}")
        if not good:
            print("    " + output.replace("\n", "\n    "))


def main():
    native = Machine("native", "loongarch64")
    own = crash(native.at("bin/crash"), "LOONGARCH64")
    output = native.run()
    native.check("its own crash, and nothing to say about it", output, f"^taken {own}\n", "/build/loongarch64/lakvm.so")

    other = Machine("other", "x86_64")
    crash(other.at("bin/crash"), "X86_64")
    other.check("a crash for dumps of this machine is none", other.run(), "^lacrash: no crash for LoongArch64 dumps")

    emulated = crash(other.at(".cache/lakvm/loong64/usr/bin/crash"), "LOONGARCH64")
    program(other.at(".cache/lakvm/emulator/qemu-loongarch64"), 'echo "emulated, below $2"', "shift 2", 'exec "$@"')
    other.check("the emulated one, and says so", other.run(), f"^lacrash: using emulated {emulated}\n",
                f"emulated, below .*/loong64\n", f"taken {emulated}\n", "/build/loongarch64/lakvm.so")

    built = crash(other.at("crash-x/crash"), "LOONGARCH64")
    with open(other.at("tree/build/x86_64/crash_named"), "w") as file:
        file.write(f"{os.path.dirname(built)} 9.0.2\n")
    other.check("before it the one that lakvm was built for, and says so", other.run(),
                f"^lacrash: using {built}\ntaken {built}\n", "/build/x86_64/lakvm.so")
    other.check("-s: nothing is said", other.run("-s"), f"^taken {built}\n")

    named = crash(other.at("bin/crash-loongarch64"), "LOONGARCH64")
    other.check("before it one that is installed under a name of its own", other.run(), f"\ntaken {named}\n")
    given = crash(other.at("given/crash"), "LOONGARCH64")
    other.check("before all of them the one in CRASH", other.run(CRASH=given), f"\ntaken {given}\n")
    other.check("a wrong CRASH is named", other.run(CRASH="/nowhere/crash"), "^lacrash: /nowhere/crash: not found")
    return failed > 0


with tempfile.TemporaryDirectory() as top:
    sys.exit(main())
