#!/usr/bin/env python3
"""Make the corpus of faults: guests that come to grief, each dumped with the registers of that instant.

Needs:  tests/lab/lab.sh, in which this runs (QEMU); kernels and modules from tests/lab/corpus.sh; test-dumps/corpus/cases/*.toml.
Result: CACHE/corpus/NAME/ with vmlinux (a link), mishap.ko, dump.kdump (flattened), registers.txt, serial.log, meta.json.
        Guests that need nothing of their own at boot are copies of one that is booted once for each kernel and
        machine: its state is in CACHE/corpus/boot-*.

Usage:  corpus.py [--cache DIR] [--list] [--again] [NAME]...
        Without names: all cases that are not there yet. --again: also those that are.
"""
import argparse
import fnmatch
import glob
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
TREE = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, HERE)
import guest   # noqa: E402
import initrd  # noqa: E402

READY = "=== corpus ready ==="
DEFAULTS = {"kernel": "openeuler", "kaslr": True, "vcpus": 2, "memory": "512M", "append": "", "run": "", "until": "", "settle": 2.0,
            "limit": 90.0, "console": True, "initrd": "", "firmware": False, "ready": True, "same_as": ""}


def cases():
    """All cases of the table, by name, with what each leaves unsaid filled in."""
    found, said = {}, {}
    for path in sorted(glob.glob(f"{TREE}/test-dumps/corpus/cases/*.toml")):
        with open(path, "rb") as file:
            table = tomllib.load(file)
        twice = set(said) & set(table)
        if twice:
            raise RuntimeError(f"{', '.join(twice)}: there twice")
        said.update(table)
        found.update((name, os.path.basename(path)[:-5]) for name in table)

    def whole(name):
        """With what it has from the one that it is the same as, on another kernel or machine."""
        case = said[name]
        if "same_as" not in case:
            return case
        same = whole(case["same_as"])
        return {**same, **case, "same_as": same.get("same_as", case["same_as"])}

    for name in [name for name in said if name.endswith("*")]:  # each of another group, on this kernel or machine
        case, group = said.pop(name), found.pop(name)
        for other in [other for other in said if fnmatch.fnmatch(other, case["same_as"])]:
            one = name[:-1] + other[other.index("-") + 1:]
            said[one], found[one] = {**case, "same_as": other}, group
    for name, group in found.items():
        case = whole(name)
        strange = set(case) - set(DEFAULTS) - {"truth"}
        if strange or "truth" not in case:
            raise RuntimeError(f"{name}: no truth, or unknown words {strange}")
        found[name] = {**DEFAULTS, **case, "group": group}
    return found


def odd_initrd(kind, cache, kernel):
    """An initramfs that is of no use: the first half of the usual one, one whose init is no program, one whose init crashes."""
    path = f"{cache}/corpus/initrd-{kind}.gz"
    if kind == "garbage":
        with open(f"{cache}/corpus/initrd-{kernel}.gz", "rb") as whole, open(path, "wb") as half:
            half.write(whole.read(os.path.getsize(whole.name) // 2))
        return path
    program = b"this is no program\n"
    if kind == "crashing-init":
        with tempfile.TemporaryDirectory() as where:
            subprocess.run(["loongarch64-linux-gnu-gcc", "-nostdlib", "-static", "-o", f"{where}/init", "-x", "assembler", "-"],
                           input=b".globl _start\n_start: st.d $zero, $zero, 0\n", check=True)
            program = initrd.read(f"{where}/init")
    archive = initrd.entry(1, "init", 0o100755, program) + initrd.entry(0, "TRAILER!!!", 0)
    with open(path, "wb") as file:
        file.write(archive)
    return path


class Guest:
    """One QEMU, its monitor and its serial console."""

    def __init__(self, case, cache, out, incoming=None):
        self.sockets = tempfile.TemporaryDirectory()
        self.log = f"{out}/serial.log"
        kernel = f"{cache}/kernel-{case['kernel']}/vmlinux.boot"
        append = ("console=ttyS0,115200 earlycon " if case["console"] else "") + ("" if case["kaslr"] else "nokaslr ") + case["append"]
        self.line = ["qemu-system-loongarch64", "-M", "virt", "-accel", "tcg", "-cpu", "la464", "-nic", "none", "-display", "none",
                     "-m", case["memory"], "-smp", str(case["vcpus"]), "-S",
                     "-chardev", f"file,id=s,path={self.log},input-path={self.sockets.name}/typed",
                     "-serial", "chardev:s", "-qmp", f"unix:{self.sockets.name}/qmp,server=on,wait=off"]
        if case["firmware"]:
            self.line += ["-bios", "/usr/share/qemu-efi-loongarch64/QEMU_EFI.fd"]
            if case["kernel"] != "none":    # the EFI image is the kernel without its ELF headers
                image = f"{cache}/corpus/{case['kernel']}.efi"
                subprocess.run(["loongarch64-linux-gnu-objcopy", "-O", "binary", kernel, image], check=True)
                kernel = image
        if case["kernel"] != "none":
            self.line += ["-kernel", kernel, "-append", append]
        if case["kernel"] != "none" and case["initrd"] != "none":
            own = case["initrd"] and odd_initrd(case["initrd"], cache, case["kernel"])
            self.line += ["-initrd", own or f"{cache}/corpus/initrd-{case['kernel']}.gz"]
        if incoming:
            self.line += ["-incoming", "defer"]
        os.mkfifo(f"{self.sockets.name}/typed")
        self.typed = os.open(f"{self.sockets.name}/typed", os.O_RDWR)
        with open(f"{out}/qemu.log", "wb") as said:
            self.process = subprocess.Popen(self.line, stdin=subprocess.DEVNULL, stderr=said)
        self.monitor = guest.Monitor(f"{self.sockets.name}/qmp", self.process)
        if incoming:
            self.monitor.command("migrate-incoming", uri=f"file:{incoming}")
            self.moved()
        self.monitor.command("cont")

    def moved(self):
        """Wait for the end of a migration, this way or that."""
        for _ in range(600):
            status = self.monitor.command("query-migrate").get("status")
            if status == "completed":
                return
            if status == "failed":
                raise RuntimeError("the guest's state could not be moved")
            time.sleep(0.1)
        raise RuntimeError("the guest's state does not come to its end")

    def said(self):
        with open(self.log, "rb") as file:
            return file.read()

    def wait(self, pattern, seconds, start=0):
        """Wait for the console to say it; where it ends in the log, or None."""
        end = time.monotonic() + seconds
        regex = re.compile(pattern.encode())
        while True:
            match = regex.search(self.said(), start)
            if match:
                return match.end()
            if self.process.poll() is not None:
                raise RuntimeError(f"QEMU ended with {self.process.returncode}")
            if time.monotonic() > end:
                return None
            time.sleep(0.1)

    def tell(self, text):
        """Type it on the console."""
        os.write(self.typed, text.encode() + b"\n")

    def end(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        os.close(self.typed)
        self.sockets.cleanup()


def booted(case, cache):
    """The state of a guest that waits for what to run, made when it is first asked for; and its console so far."""
    name = f"boot-{case['kernel']}-{case['vcpus']}-{case['memory']}-{'kaslr' if case['kaslr'] else 'fixed'}"
    where = f"{cache}/corpus/{name}"
    if os.path.exists(f"{where}/state"):
        return where
    os.makedirs(where, exist_ok=True)
    machine = None
    try:
        machine = Guest({**case, "append": ""}, cache, where)
        if not machine.wait(READY, 300):
            raise RuntimeError(f"{name} did not come up: see {where}/serial.log")
        time.sleep(1)
        machine.monitor.command("stop")
        machine.monitor.command("migrate", uri=f"file:{where}/state.new")
        machine.moved()
        os.rename(f"{where}/state.new", f"{where}/state")
    finally:
        if machine:
            machine.end()
    return where


def make(name, case, cache):
    """One case, from the fault to the files."""
    out, new = f"{cache}/corpus/{name}", f"{cache}/corpus/.new-{name}"
    shutil.rmtree(new, ignore_errors=True)
    os.makedirs(new)
    own = case["append"] or not case["console"] or case["initrd"] or case["firmware"] or not case["ready"]
    before = b""
    machine, began = None, time.monotonic()
    try:
        if own:
            machine = Guest(case, cache, new)
            at = 0
            if case["console"] and case["ready"] and machine.wait(READY, 300) is None:
                raise RuntimeError("the guest did not come up")
            time.sleep(0.5 if case["run"] else 0)
        else:
            where = booted(case, cache)
            with open(f"{where}/serial.log", "rb") as file:
                before = file.read()
            machine = Guest(case, cache, new, f"{where}/state")
            at = 0
        if case["run"] and case["console"]:
            at = len(machine.said())
            machine.tell("; ".join(case["run"].strip().splitlines()))
        found = None
        if case["until"]:
            found = machine.wait(case["until"], case["limit"], at)
        time.sleep(case["settle"])
        machine.monitor.command("stop")
        with open(f"{new}/registers.txt", "w", encoding="utf-8") as file:
            file.write(machine.monitor.human("info registers -a"))
        machine.monitor.human(f"dump-guest-memory -z {new}/dump.kdump")
        version = machine.monitor.human("info version").strip()
        log = before + machine.said()
    finally:
        if machine:
            machine.end()
    with open(f"{new}/serial.log", "wb") as file:
        file.write(log)
    os.unlink(f"{new}/qemu.log")
    os.chmod(f"{new}/dump.kdump", 0o644)
    kernel = case["kernel"] if case["kernel"] != "none" else DEFAULTS["kernel"]
    guest.keep(f"{cache}/kernel-{kernel}/vmlinux", f"{new}/vmlinux")
    guest.keep(f"{cache}/corpus/modules-{kernel}/mishap.ko", f"{new}/mishap.ko")
    meta = {key: case[key] for key in DEFAULTS} | {"qemu": version, "until_seen": bool(found) if case["until"] else None,
            "seconds": round(time.monotonic() - began, 1), "append": machine.line[machine.line.index("-append") + 1]
            if "-append" in machine.line else ""}
    with open(f"{new}/meta.json", "w", encoding="utf-8") as file:
        json.dump(meta, file, indent=2)
        file.write("\n")
    shutil.rmtree(out, ignore_errors=True)
    os.rename(new, out)
    return meta


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cache", default="/cache")
    parser.add_argument("--list", action="store_true", help="name the cases and their kernels")
    parser.add_argument("--again", action="store_true")
    parser.add_argument("names", nargs="*")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("corpus.py: told to end"))
    table = cases()
    if options.list:
        for name in options.names or table:
            print(name, table[name]["kernel"])
        return
    failed = 0
    for name in options.names or table:
        if name not in table:
            raise RuntimeError(f"there is no case {name}")
        if os.path.exists(f"{options.cache}/corpus/{name}/meta.json") and not options.again:
            continue
        try:
            meta = make(name, table[name], options.cache)
            note = "" if meta["until_seen"] in (None, True) else f"   BUT {table[name]['until']!r} was not said"
            print(f"{name}: {meta['seconds']} s{note}", flush=True)
        except (RuntimeError, OSError) as problem:
            failed += 1
            print(f"{name}: FAILED: {problem}", flush=True)
    if failed:
        sys.exit(f"corpus.py: {failed} cases could not be made")


if __name__ == "__main__":
    try:
        main()
    except (RuntimeError, OSError, tomllib.TOMLDecodeError) as problem:
        sys.exit(f"corpus.py: {problem}")
