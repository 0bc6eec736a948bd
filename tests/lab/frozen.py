#!/usr/bin/env python3
"""Freeze a living guest again and again, at random instants, and keep what each of its vCPUs was doing.

Needs:  as guest.py, which has the options; the guest must not die by itself (lakvm.do=none) nor move itself (nokaslr).
Result: in --out: 000/, 001/, ... with registers.txt, dump.raw, gdb-stacks.txt and gdb-tasks.txt of one instant each, and
        what guest.py leaves of the guest itself (serial.log, vmlinux). tests/tools/frames.py compares them.

QEMU's emulation stops a vCPU where a translated block begins: where a function does, behind a call, at a jump's
target. With --anywhere, every instruction is a block of its own, and a vCPU stops anywhere, as one of KVM does.

Usage:  frozen.py --instants N [--seed N] [--anywhere] (guest.py's options)
"""
import argparse
import os
import random
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import guest  # noqa: E402


def take(monitor, vmlinux, out, sockets):
    """One instant; the guest runs on when gdb leaves."""
    monitor.command("stop")
    os.makedirs(out)
    with open(f"{out}/registers.txt", "w", encoding="utf-8") as file:
        file.write(monitor.human("info registers -a"))
    monitor.command("dump-guest-memory", paging=False, protocol=f"file:{out}/dump.raw", format="kdump-raw-zlib")
    os.chmod(f"{out}/dump.raw", 0o644)
    guest.stacks(vmlinux, 0, sockets, out)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--vmlinux", required=True)
    parser.add_argument("--initrd")
    parser.add_argument("--out", required=True)
    parser.add_argument("--append", default="")
    parser.add_argument("--memory", default="512M")
    parser.add_argument("--vcpus", type=int, default=4)
    parser.add_argument("--until", default="=== lakvm ready ===", help="the serial line to wait for first")
    parser.add_argument("--timeout", type=float, default=180)
    parser.add_argument("--device", action="append", default=[])
    parser.add_argument("--instants", type=int, default=80)
    parser.add_argument("--anywhere", action="store_true", help="not only where a block of code begins")
    parser.add_argument("--seed", type=int, default=1, help="of the pauses between the instants")
    options = parser.parse_args()

    signal.signal(signal.SIGTERM, lambda *_: sys.exit("frozen.py: told to end"))
    out = os.path.abspath(options.out)
    os.makedirs(out, exist_ok=True)
    pauses = random.Random(options.seed)
    process = None
    with tempfile.TemporaryDirectory() as sockets:
        try:
            _, process = guest.start(options, out, sockets)
            monitor = guest.Monitor(f"{sockets}/qmp", process)
            guest.wait_for(options.until, f"{out}/serial.log", process, options.timeout)
            if options.anywhere:
                monitor.human("one-insn-per-tb on")
            for number in range(options.instants):
                time.sleep(pauses.uniform(0.05, 0.6))
                take(monitor, options.vmlinux, f"{out}/{number:03}", sockets)
        finally:
            if process and process.poll() is None:
                process.kill()
                process.wait()
    guest.keep(options.vmlinux, f"{out}/vmlinux")


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, OSError, subprocess.SubprocessError) as problem:
        sys.exit(f"frozen.py: {problem}")
