#!/usr/bin/env python3
"""Boot a LoongArch64 guest, freeze it, and take everything about that one instant.

Needs:  qemu-system-loongarch64 (10.0 or newer) and gdb-multiarch in PATH: tests/lab/lab.sh has both.
Result: in --out: serial.log, registers.txt, dump.elf, dump.kdump (flattened, as virsh dump writes it),
        dump.raw (not flattened), dump.16k (the same in 16 KiB blocks), gdb-stacks.txt, gdb-tasks.txt,
        gdb-frames.txt, translations.txt, meta.json, a copy of the kernel as vmlinux, and `done` when all of that is complete.
        The guest's own QEMU is always ended.
        With --kdump the guest is frozen where it leaves for its crash kernel, of which comes vmcore, /proc/vmcore
        as that has it, and crash.log, the crash kernel's console; before.raw is of the instant of --until, when it lived.

Usage:  guest.py --kernel BOOT --vmlinux VMLINUX --out DIR [--initrd FILE] [--append TEXT]
                 [--memory 4G] [--vcpus 2] [--until REGEX] [--settle SECONDS] [--timeout SECONDS]
                 [--device QEMU-ARGUMENTS]... [--at REGEX --monitor COMMANDS] [--no-gdb]
                 [--ram] [--kdump] [--first FILE] [--bare]
"""
import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

DISK = 64 << 30     # for a vmcore; takes what is written to it

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import reblock  # noqa: E402
import truth    # noqa: E402


class Monitor:
    """QEMU's machine protocol over its unix socket."""

    def __init__(self, path, process, timeout=20):
        limit = time.monotonic() + timeout
        while True:
            try:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.connect(path)
                break
            except OSError:
                if process.poll() is not None or time.monotonic() > limit:
                    raise RuntimeError("QEMU does not answer on its monitor") from None
                time.sleep(0.1)
        self.file = self.socket.makefile("rw", encoding="utf-8")
        self.file.readline()
        self.command("qmp_capabilities")

    def command(self, name, **arguments):
        self.file.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            line = self.file.readline()
            if not line:
                raise RuntimeError(f"QEMU went away during {name}")
            answer = json.loads(line)
            if "error" in answer:
                raise RuntimeError(f"{name}: {answer['error']['desc']}")
            if "return" in answer:
                return answer["return"]

    def human(self, line):
        """What the human monitor prints for one line, as virsh qemu-monitor-command --hmp gives it."""
        return self.command("human-monitor-command", **{"command-line": line}).replace("\r", "")


def start(options, out, sockets, bare=False, wait=False):
    """Start QEMU; its serial console goes to serial.log. @bare: without a kernel. @wait: it does not begin to run."""
    line = ["qemu-system-loongarch64", "-M", "virt", "-accel", "tcg", "-cpu", "la464", "-nic", "none",
            "-display", "none", "-m", options.memory, "-smp", str(options.vcpus),
            "-serial", f"file:{out}/serial.log",
            "-qmp", f"unix:{sockets}/qmp,server=on,wait=off",
            "-chardev", f"socket,id=gdb,path={sockets}/gdb,server=on,wait=off", "-gdb", "chardev:gdb",
            *([] if bare else ["-kernel", options.kernel, "-append", options.append])]
    if options.initrd and not bare:
        line += ["-initrd", options.initrd]
    for device in options.device:
        line += device.split()
    if wait:
        line += ["-S"]
    return line, subprocess.Popen(line, stdin=subprocess.DEVNULL)


def wait_for(pattern, path, process, timeout):
    """Wait until the serial log matches; the seconds it took."""
    began = time.monotonic()
    regex = re.compile(pattern.encode())
    while time.monotonic() - began < timeout:
        if os.path.exists(path):
            with open(path, "rb") as log:
                if regex.search(log.read()):
                    return time.monotonic() - began
        if process.poll() is not None:
            raise RuntimeError(f"QEMU ended with {process.returncode}")
        time.sleep(0.2)
    raise RuntimeError(f"no {pattern!r} on the serial console within {timeout} s")


def stacks(vmlinux, moved, sockets, out, frames=None):
    """The debugger's own view of every vCPU and task, and of page frames (gdb_frames.py) where some are given. It comes
    last: when gdb leaves, the guest runs on."""
    scripts = ["-x", f"{HERE}/gdb_stacks.py"] + (["-x", f"{HERE}/gdb_frames.py"] if frames else [])
    done = subprocess.run(["gdb-multiarch", "-nx", "-batch", "-iex", "set auto-load no", "-iex", "set remotetimeout 60",
                           "-ex", "set architecture Loongarch64", "-ex", f"target remote {sockets}/gdb",
                           "-ex", f"symbol-file -o {moved} {vmlinux}", *scripts], stdin=subprocess.DEVNULL,
                          env={**os.environ, "LAKVM_REGISTERS": f"{out}/registers.txt", "LAKVM_FRAMES": frames or ""},
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False, timeout=1200, text=True)
    said, memory, of_frames = done.stdout.partition("\nMEMORY\n")
    of_frames = of_frames.partition("[Inferior")[0]     # what gdb says when it leaves
    first, last = said.find("CPU 0\n"), said.rfind("\nstop: ")
    if done.returncode or first < 0 or last < 0 or frames and not memory:
        raise RuntimeError(f"gdb showed no stacks, or no page frames: {done.stderr[-600:]}")
    said = said[first:said.find("\n", last + 1) + 1]
    tasks = said.find("TASK ")
    if tasks < 0:
        tasks = len(said)   # all vCPUs were in user mode
    for name, text in (("gdb-stacks.txt", said[:tasks]), ("gdb-tasks.txt", said[tasks:]), ("gdb-frames.txt", of_frames)):
        with open(f"{out}/{name}", "w", encoding="utf-8") as file:
            file.write(text)


def debug(vmlinux, sockets, script):
    """Let gdb meddle with a guest that has not begun to run; it runs on when gdb leaves."""
    done = subprocess.run(["gdb-multiarch", "-nx", "-batch", "-iex", "set auto-load no", "-iex", "set remotetimeout 60",
                           "-ex", "set architecture Loongarch64", "-ex", f"target remote {sockets}/gdb",
                           "-ex", f"symbol-file {vmlinux}", "-x", script, "-ex", "delete", "-ex", "detach"],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False,
                          timeout=300, text=True)
    if done.returncode or "DONE" not in done.stdout:
        raise RuntimeError(f"{script}: {done.stdout[-300:]}{done.stderr[-600:]}")


class Stub:
    """QEMU's gdb stub, for what gdb is not good at: to leave without the guest running on."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)      # stops the guest
        self.file = self.socket.makefile("rb")

    def ask(self, request):
        self.socket.sendall(b"+$%s#%02x" % (request, sum(request) & 0xff))
        while self.file.read(1) != b"$":
            pass
        answer = b""
        while not answer.endswith(b"#"):
            answer += self.file.read(1) or b"#"
        return answer[:-1]

    def run_to(self, address, timeout):
        """Let the guest run until one of its vCPUs comes to this virtual address."""
        self.socket.settimeout(timeout)
        place = b"1,%x,4" % address
        if self.ask(b"Z" + place) != b"OK" or not self.ask(b"c").startswith(b"T05") or self.ask(b"z" + place) != b"OK":
            raise RuntimeError(f"the guest did not come to {address:#x}")
        self.file.close()
        self.socket.close()


def to_crash_kernel(monitor, options, out, sockets):
    """Dump the guest as it lives, and let it run until it leaves for its crash kernel, by code that it has copied out of
    the way (machine_kexec()): its CPUs have saved their registers then, and memory is what that kernel will find."""
    names = {name: value for name, (value, _) in truth.symbols(options.vmlinux).items()}
    monitor.command("stop")
    monitor.command("dump-guest-memory", paging=False, protocol=f"file:{out}/before.raw", format="kdump-raw-zlib")
    os.chmod(f"{out}/before.raw", 0o644)
    moved = truth.relocation(names, truth.csrs(monitor.human("info registers -a"))[0])
    leave = truth.Memory(monitor, out).word(names["reboot_code_buffer"] + moved)
    Stub(f"{sockets}/gdb").run_to(leave, options.timeout)


def take_vmcore(monitor, process, options, out):
    """Let the crash kernel run, and cut the disk to what it has written there."""
    log, disk = f"{out}/serial.log", f"{out}/vmcore"
    length = os.path.getsize(log)
    monitor.command("cont")
    wait_for(r"=== lakvm vmcore \d+ ===", log, process, options.timeout)
    with open(log, "rb+") as file:
        file.seek(length)
        said = file.read()
        file.truncate(length)
    with open(f"{out}/crash.log", "wb") as file:
        file.write(said)
    monitor.command("quit")
    process.wait()
    os.truncate(disk, int(re.search(rb"=== lakvm vmcore (\d+) ===", said).group(1)))


def keep(source, target):
    """Have the file there too, without a second copy where that can be."""
    if os.path.exists(target):
        os.unlink(target)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def take(monitor, options, out, sockets):
    """Everything of the frozen guest, the debugger last; returns the kernel's relocation."""
    monitor.command("stop")
    with open(f"{out}/registers.txt", "w", encoding="utf-8") as file:
        file.write(monitor.human("info registers -a"))
    monitor.human(f"dump-guest-memory -z {out}/dump.kdump")
    for name, kind in (("dump.elf", "elf"), ("dump.raw", "kdump-raw-zlib")):
        monitor.command("dump-guest-memory", paging=False, protocol=f"file:{out}/{name}", format=kind)
    for name in ("dump.kdump", "dump.elf", "dump.raw"):
        os.chmod(f"{out}/{name}", 0o644)
    subprocess.run(["fallocate", "--dig-holes", f"{out}/dump.elf"], check=True)
    if options.ram:
        for begin, end in truth.Memory(monitor, out).ram:
            monitor.command("pmemsave", val=begin, size=end - begin, filename=f"{out}/ram-{begin:x}")
            subprocess.run(["fallocate", "--dig-holes", f"{out}/ram-{begin:x}"], check=True)
    if options.bare:
        return 0
    moved, frames = truth.write(monitor, options.vmlinux, out)
    if options.gdb:
        stacks(options.vmlinux, moved, sockets, out, frames)
    return moved


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kernel", required=True, help="what QEMU boots")
    parser.add_argument("--vmlinux", required=True, help="the same kernel with debugging information")
    parser.add_argument("--out", required=True)
    parser.add_argument("--initrd")
    parser.add_argument("--append", default="")
    parser.add_argument("--memory", default="4G")
    parser.add_argument("--vcpus", type=int, default=2)
    parser.add_argument("--until", default="end Kernel panic", help="the serial line to wait for")
    parser.add_argument("--settle", type=float, default=1.0, help="seconds from that line to the freeze")
    parser.add_argument("--timeout", type=float, default=180)
    parser.add_argument("--device", action="append", default=[], help="more of QEMU's own options")
    parser.add_argument("--at", help="an earlier serial line, at which to do what --monitor says")
    parser.add_argument("--monitor", default="", help="lines for QEMU's monitor")
    parser.add_argument("--no-gdb", dest="gdb", action="store_false")
    parser.add_argument("--kdump", action="store_true", help="wait for its crash kernel, and have that make a vmcore")
    parser.add_argument("--ram", action="store_true",
                        help="all RAM as well, by pmemsave: ram-ADDRESS (tests/bench/dumpcmp.c compares)")
    parser.add_argument("--bare", action="store_true", help="no kernel is loaded: there is nothing to ask of it")
    parser.add_argument("--first", help="a script for gdb, before the guest runs; it prints DONE")
    options = parser.parse_args()

    signal.signal(signal.SIGTERM, lambda *_: sys.exit("guest.py: told to end"))
    out = os.path.abspath(options.out)
    os.makedirs(out, exist_ok=True)
    for name in ("done", "serial.log"):
        if os.path.exists(f"{out}/{name}"):
            os.unlink(f"{out}/{name}")
    if options.kdump:
        with open(f"{out}/vmcore", "wb") as disk:
            disk.truncate(DISK)
        options.device.append(f"-drive if=none,id=disk,file={out}/vmcore,format=raw,detect-zeroes=unmap,discard=unmap "
                              "-device virtio-blk-pci,drive=disk")
    process = None
    with tempfile.TemporaryDirectory() as sockets:
        try:
            line, process = start(options, out, sockets, options.bare, bool(options.first))
            monitor = Monitor(f"{sockets}/qmp", process)
            if options.first:
                debug(options.vmlinux, sockets, options.first)
            if options.at:
                wait_for(options.at, f"{out}/serial.log", process, options.timeout)
                for command in options.monitor.splitlines():
                    said = monitor.human(command)
                    if said:
                        raise RuntimeError(f"{command}: {said.strip()}")
            seconds = wait_for(options.until, f"{out}/serial.log", process, options.timeout)
            if options.kdump:
                to_crash_kernel(monitor, options, out, sockets)
            else:
                time.sleep(options.settle)
            version = monitor.human("info version").strip()
            plugged = [device["data"] for device in monitor.command("query-memory-devices")]
            moved = take(monitor, options, out, sockets)
            if options.kdump:
                take_vmcore(monitor, process, options, out)
        finally:
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
    reblock.convert(f"{out}/dump.raw", f"{out}/dump.16k", 16384)
    keep(options.vmlinux, f"{out}/vmlinux")
    with open(f"{out}/serial.log", encoding="utf-8", errors="replace") as log:
        release = re.search(r"Linux version (\S+)", log.read())
    shown = [os.path.basename(word) if word.startswith("/") else word for word in line]
    meta = {"moved": moved, "memory": options.memory, "plugged": [[device["addr"], device["size"]] for device in plugged],
            "vcpus": options.vcpus, "kernel": release and release.group(1),
            "append": options.append, "qemu": version, "until": options.until,
            "seconds_to_it": round(seconds, 1), "settle": options.settle,
            "qemu_command": [re.sub(r"(file:|unix:|path=)/\S*/", r"\1", word) for word in shown]}
    with open(f"{out}/meta.json", "w", encoding="utf-8") as file:
        json.dump(meta, file, indent=2)
        file.write("\n")
    open(f"{out}/done", "w", encoding="utf-8").close()


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, OSError, subprocess.SubprocessError) as problem:
        sys.exit(f"guest.py: {problem}")
