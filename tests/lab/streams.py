#!/usr/bin/env python3
"""Boot a guest, freeze it, and take the same instant as QEMU's dump, as registers, and as a migration stream.

Needs:  what guest.py needs; busybox and kernel as case.sh gives them.
Result: in --out, for each of three instants NAME.elf, NAME.registers and NAME.stream: plain, mapped (capability
        mapped-ram), and live: of a running guest, which sends pages more than once. QEMU 11.1 dies of an
        assertion when it migrates a running guest with NUMA nodes; --frozen leaves that out.

Usage:  streams.py --kernel BOOT --initrd FILE --out DIR [--memory 1G] [--vcpus 4] [--device QEMU-ARGUMENTS] [--frozen]
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
    parser.add_argument("--frozen", action="store_true")
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
            truth(monitor, out, "plain")
            migrate(monitor, f"{out}/plain.stream")
            monitor.command("cont")
            time.sleep(0.5)
            monitor.command("stop")
            truth(monitor, out, "mapped")
            migrate(monitor, f"{out}/mapped.stream", mapped=True)
            if not options.frozen:
                monitor.command("cont")
                time.sleep(0.5)
                migrate(monitor, f"{out}/live.stream")
                truth(monitor, out, "live")
        finally:
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait()


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, OSError, subprocess.SubprocessError) as problem:
        sys.exit(f"streams.py: {problem}")
