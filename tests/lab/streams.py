#!/usr/bin/env python3
"""Boot a guest, freeze it, and take the same instant as QEMU's dump, as registers, and as a migration stream.

Needs:  what guest.py needs; busybox and kernel as case.sh gives them.
Result: in --out, twice, for two instants: A.elf, A.registers, A.stream (plain) and B.elf, B.registers, B.stream
        (mapped-ram); C.stream is a running guest's, which sends pages more than once, and C.elf of when it stopped.
        `done` when all of that is complete.

Usage:  streams.py --kernel BOOT --initrd FILE --out DIR [--memory 1G] [--vcpus 4] [--device QEMU-ARGUMENTS]...
"""
import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import guest  # noqa: E402


def migrate(monitor, path, mapped=False):
    """The whole guest into a file."""
    monitor.command("migrate-set-capabilities", capabilities=[{"capability": "mapped-ram", "state": mapped}])
    monitor.command("migrate-set-parameters", **{"max-bandwidth": 1 << 40})
    monitor.command("migrate", uri=f"file:{path}")
    while True:
        state = monitor.command("query-migrate")
        if state["status"] in ("completed", "failed", "cancelled"):
            break
        time.sleep(0.1)
    if state["status"] != "completed":
        raise RuntimeError(f"migration to {path}: {state}")
    return state


def truth(monitor, out, name):
    """QEMU's own dump and registers of the guest, which does not run."""
    with open(f"{out}/{name}.registers", "w", encoding="utf-8") as file:
        file.write(monitor.human("info registers -a"))
    monitor.command("dump-guest-memory", paging=False, protocol=f"file:{out}/{name}.elf")
    os.chmod(f"{out}/{name}.elf", 0o644)
    subprocess.run(["fallocate", "--dig-holes", f"{out}/{name}.elf"], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernel", required=True)
    parser.add_argument("--initrd", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--append", default="console=ttyS0,115200 earlycon lakvm.do=none")
    parser.add_argument("--memory", default="1G")
    parser.add_argument("--vcpus", type=int, default=4)
    parser.add_argument("--device", action="append", default=[])
    options = parser.parse_args()
    out = os.path.abspath(options.out)
    os.makedirs(out, exist_ok=True)
    process = None
    with tempfile.TemporaryDirectory() as sockets:
        try:
            _, process = guest.start(options, out, sockets)
            monitor = guest.Monitor(f"{sockets}/qmp", process)
            guest.wait_for("=== lakvm ready ===", f"{out}/serial.log", process, 180)
            time.sleep(2)
            monitor.command("stop")
            truth(monitor, out, "A")
            migrate(monitor, f"{out}/A.stream")
            monitor.command("cont")
            time.sleep(0.5)
            monitor.command("stop")
            truth(monitor, out, "B")
            migrate(monitor, f"{out}/B.stream", mapped=True)
            monitor.command("cont")
            time.sleep(0.5)
            migrate(monitor, f"{out}/C.stream")
            truth(monitor, out, "C")
        finally:
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait()
    open(f"{out}/done", "w", encoding="utf-8").close()


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, OSError, subprocess.SubprocessError) as problem:
        sys.exit(f"streams.py: {problem}")
