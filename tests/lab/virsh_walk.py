#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first user's walk with the real virsh and libvirtd, and lavirsh-dump under all that may go wrong.

Needs:  to be run by virsh.sh; kernel-openeuler in the cache.
Result: "ok - " or "not ok - " lines with times; OUT/wang is the folder, OUT/wang.tar.zst the archive that were taken of
        the guest that hangs, OUT/starved a folder of one that its host hardly runs, OUT/vmlinux its kernel, OUT/transcript what was
        typed and said.

Usage:  virsh_walk.py OUT
"""
import os
import re
import shutil
import signal
import subprocess
import sys
import time

KERNEL = "/cache/kernel-openeuler"
SCRIPT = "extensions/lavirsh-dump"
failed = 0
began = time.monotonic()
transcript = []


def check(what, good, seen=""):
    global failed
    failed += not good
    print(f"{'ok' if good else 'not ok'} - virsh: {what} ({time.monotonic() - began:.1f} s)", flush=True)
    if not good:
        print("   ", str(seen)[-2000:], flush=True)


def virsh(*words, good=True):
    done = subprocess.run(["virsh", "-q", *words], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=120)
    if good and done.returncode:
        raise RuntimeError(f"virsh {' '.join(words)}: {done.stderr}")
    return done.stdout.strip()


def typed(line):
    """As a person types it, and what came of that, into the transcript."""
    start = time.monotonic()
    done = subprocess.run(line, shell=True, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, timeout=300)
    transcript.append(f"$ {line}\n{done.stdout}({time.monotonic() - start:.1f} s, status {done.returncode})\n")
    return done


def state():
    """As libvirt has it, and as QEMU does."""
    known = virsh("domstate", "wang", good=False)
    said = virsh("qemu-monitor-command", "--hmp", "wang", "info status", good=False)
    return known, said.replace("VM status: ", "")


def define():
    """wang.xml with what this host needs: emulation, and a kernel in place of firmware and disk; its console as a file."""
    with open("test-dumps/wang.xml", encoding="utf-8") as file:
        text = file.read()
    text = text.replace("<domain type='kvm'>", "<domain type='qemu'>")
    text = re.sub(r"\s*<loader.*?<boot dev='hd'/>", f"\n    <kernel>{KERNEL}/vmlinux.boot</kernel>\n"
                  "    <cmdline>console=ttyS0,115200 quiet</cmdline>", text, flags=re.S)
    text = re.sub(r"\s*<disk .*?</disk>", "", text, flags=re.S)
    text = text.replace("<console type='pty'>", "<serial type='file'>\n      <source path='/tmp/console'/>")
    text = text.replace("<target type='serial' port='0'/>\n    </console>", "<target port='0'/>\n    </serial>")
    with open("/tmp/wang.xml", "w", encoding="utf-8") as file:
        file.write(text)
    typed("virsh define /tmp/wang.xml")


def start():
    """The CPU that the emulator has is known to the kernel: gdb makes it an unknown one."""
    typed("virsh start --paused wang")
    virsh("qemu-monitor-command", "--hmp", "wang", "gdbserver unix:/tmp/gdb,server=on,wait=off")
    done = subprocess.run(["gdb-multiarch", "-nx", "-batch", "-iex", "set auto-load no", "-iex", "set remotetimeout 60",
                           "-ex", "set architecture Loongarch64", "-ex", "target remote /tmp/gdb", "-ex",
                           f"symbol-file {KERNEL}/vmlinux", "-x", "test-dumps/cpu-probe/first.gdb", "-ex", "delete", "-ex", "detach"],
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=300)
    if "DONE" not in done.stdout:
        raise RuntimeError(f"gdb: {done.stdout}{done.stderr}")
    virsh("qemu-monitor-command", "--hmp", "wang", "gdbserver none")
    time.sleep(10)


def wait_for(true, seconds=90):
    until = time.monotonic() + seconds
    while not true() and time.monotonic() < until:
        time.sleep(0.2)
    return true()


def walk(out):
    define()
    start()
    with open("/tmp/console", "rb") as file:
        console = file.read()
    check("truth: the guest runs and its console is silent", state() == ("running", "running") and not console, (state(), console))
    done = typed(f"lavirsh-dump -v --samples 5 wang {out}/wang")
    check("the guest is taken", done.returncode == 0 and state() == ("running", "running"), (done.stdout, state()))
    done = typed(f"lavirsh-dump -v --archive wang {out}/wang")
    check("and as an archive", done.returncode == 0 and state() == ("running", "running"), (done.stdout, state()))
    listings = open(f"{out}/wang/registers", encoding="utf-8").read()
    check("six listings of eight vCPUs", listings.count("CPU#0\n") == 6 and listings.count("CPU#7\n") == 6)
    with open(f"{out}/transcript", "w", encoding="utf-8") as file:
        file.write("\n".join(transcript))


def begin(place, *words):
    return subprocess.Popen([SCRIPT, *words, "wang", place], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True, start_new_session=True)


def equal(what, place, before=("running", "running"), detail=""):
    """As before, and nothing is there, also hidden."""
    folder = os.path.dirname(place)
    good = wait_for(lambda: state() == before and os.listdir(folder) == [])
    check(what, good, (state(), os.listdir(folder), detail))


def killed(place):
    for moment in range(10):
        number, group = (signal.SIGTERM, False) if moment % 3 == 0 else (signal.SIGKILL, moment % 3 == 2)
        process = begin(place)
        time.sleep(0.15 + 0.25 * moment)
        (os.killpg if group else os.kill)(process.pid, number)
        errors = process.communicate()[1]
        equal(f"{signal.Signals(number).name}{' to all of them' if group else ''} after {0.15 + 0.25 * moment:.2f} s", place,
              detail=(process.returncode, errors))


def in_dump(place, process):
    """Libvirt has begun to write."""
    folder = os.path.dirname(place)
    return wait_for(lambda: process.poll() is not None or any(
        "memory" in names and "/.lavirsh-dump." in at for at, _, names in os.walk(folder)), 30) and process.poll() is None


def interrupted(place):
    process = begin(place)
    reached = in_dump(place, process)
    os.killpg(process.pid, signal.SIGINT)
    errors = process.communicate()[1]
    check("Ctrl-C in the dump: the guest runs when it returns", reached and process.returncode == -signal.SIGINT and
          state() == ("running", "running") and os.listdir(os.path.dirname(place)) == [], (reached, process.returncode, errors, state()))


def full_disk():
    os.makedirs("/tmp/small")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", "/tmp/small"], check=True)
    process = begin("/tmp/small/wang")
    errors = process.communicate()[1]
    check("too little room: it does not begin", process.returncode == 1 and "may be needed" in errors, errors)
    process = begin("/tmp/small/wang", "--force")
    errors = process.communicate()[1]
    check("a full disk is told", process.returncode == 1 and re.search("no dump: |cannot be written", errors), (process.returncode, errors))
    equal("after a full disk", "/tmp/small/wang", detail=errors)
    print("   ", errors.strip())
    subprocess.run(["umount", "/tmp/small"], check=True)


def libvirt_killed(place):
    def daemon():
        return [int(pid) for pid in subprocess.run(["pgrep", "-x", "libvirtd"], capture_output=True, text=True, check=False).stdout.split()]
    process = begin(place)
    reached = in_dump(place, process)
    for pid in daemon():
        os.kill(pid, signal.SIGKILL)
    time.sleep(3)
    subprocess.run(["libvirtd", "-d"], check=True)
    errors = process.communicate()[1]
    check("libvirtd killed in the dump is told", reached and process.returncode == 1 and "no dump" in errors, (process.returncode, errors))
    equal("after libvirtd was killed", place, detail=errors)
    print("   ", errors.strip())


def other_states(place):
    virsh("suspend", "wang")
    process = begin(place)
    errors = process.communicate()[1]
    check("a guest that was paused stays so", process.returncode == 0 and state() == ("paused", "paused"), (errors, state()))
    shutil.rmtree(place)
    process = begin(place)
    in_dump(place, process)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    equal("also when it is killed", place, ("paused", "paused"))
    virsh("resume", "wang")


def names(folder):
    for name in ("with blanks", "'quotes\" $x`", "two\nlines", "龙芯", "-v"):
        place = f"{folder}/{name}"
        process = begin(place)
        errors = process.communicate()[1]
        check(f"a folder named {name!r}", process.returncode == 0 and "manifest" in os.listdir(place) and
              state() == ("running", "running"), errors)
        shutil.rmtree(place)


def starved(out):
    """A vCPU whose thread is left the least that a host can leave it; what Linux counts of it is the truth."""
    said = virsh("qemu-monitor-command", "--hmp", "wang", "info cpus")
    thread = int(re.search(r"CPU #0: thread_id=(\d+)", said).group(1))
    with open(f"/proc/{thread}/status", encoding="utf-8") as file:
        process = re.search(r"Tgid:\s+(\d+)", file.read()).group(1)
    if os.path.exists(f"/proc/{process}/autogroup"):
        with open(f"/proc/{process}/autogroup", "w", encoding="utf-8") as file:
            file.write("19")
    subprocess.run(["chrt", "--idle", "--pid", "0", str(thread)], check=True)
    busy = [subprocess.Popen(["sh", "-c", "while :; do :; done"], start_new_session=True) for _ in range(3 * os.cpu_count())]

    def counted():
        with open(f"/proc/{thread}/schedstat", encoding="utf-8") as file:
            return int(file.read().split()[0])
    try:
        time.sleep(1)
        first, start = counted(), time.monotonic()
        process = begin(f"{out}/starved")
        in_dump(f"{out}/starved", process)
        share = (counted() - first) / (time.monotonic() - start) / 1e9
    finally:
        for one in busy:
            one.kill()
            one.wait()
    errors = process.communicate()[1]
    subprocess.run(["chrt", "--other", "--pid", "0", str(thread)], check=True)
    check(f"truth: vCPU 0 had {100 * share:.1f} % of a CPU", process.returncode == 0 and share < 0.1, (errors, share))
    print("   ", open(f"{out}/starved/host", encoding="utf-8").read().replace("\n", "\n    "))


def vanished(place):
    process = begin(place)
    in_dump(place, process)
    virsh("destroy", "wang", good=False)
    errors = process.communicate()[1]
    check("destroyed in the dump", process.returncode == 1 and virsh("domstate", "wang") == "shut off" and
          wait_for(lambda: os.listdir(os.path.dirname(place)) == []), (process.returncode, errors))
    print("   ", errors.strip())
    process = begin(place)
    errors = process.communicate()[1]
    check("shut off", process.returncode == 1 and "shut off" in errors, errors)


def main():
    out = sys.argv[1]
    os.environ["PATH"] = "/src/extensions:" + os.environ["PATH"]
    shutil.rmtree(out, ignore_errors=True)
    os.makedirs(out)
    os.makedirs("/tmp/dumps")
    os.link(f"{KERNEL}/vmlinux", f"{out}/vmlinux")
    place = "/tmp/dumps/wang"
    walk(out)
    killed(place)
    interrupted(place)
    full_disk()
    libvirt_killed(place)
    other_states(place)
    names("/tmp/dumps")
    starved(out)
    vanished(place)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
