#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Migration streams of a real guest, turned into dumps by laconvert, against what QEMU itself dumps and says
of the same instant; then one opened by lacrash in the real crash.

Needs:  what make loongarch64 builds, build/unit/laconvert (make tools), the lab and its kernel-small.sh
        sample, gzip, xz, bzip2, zstd. 1 GB of disk, and 1 GB of memory in huge pages.
Result: as run.py. The streams are made new, in build/session/streams, and removed at the end; so are the huge pages.

Usage:  migration.py
"""
import json
import os
import re
import shutil
import struct
import subprocess
import sys

sys.dont_write_bytecode = True
from run import Report, Session, TREE  # noqa: E402

LACONVERT = os.path.join(TREE, "build/unit/laconvert")
WHERE = os.path.join(TREE, "build/session/streams")
CHUNK = 1 << 20
NUMA = ("-object memory-backend-ram,id=ram-node0,size=512M -object memory-backend-ram,id=ram-node1,size=1536M "
        "-numa node,nodeid=0,cpus=0-1,memdev=ram-node0 -numa node,nodeid=1,cpus=2-3,memdev=ram-node1")

# what libvirt gives a domain with <hugepages/> and <access mode='shared'/>, by the name that it gives the memory
HUGE = ("-object memory-backend-memfd,id=loongarch.ram,size=1G,hugetlb=on,share=on,prealloc=on,"
        "x-use-canonical-path-for-ramblock-id=off -machine memory-backend=loongarch.ram")
HUGE_PAGES = "/proc/sys/vm/nr_hugepages"


class Core:
    """An ELF core: its notes, and its memory by physical address."""

    def __init__(self, path):
        self.file = open(path, "rb")
        table, = struct.unpack_from("<Q", self.file.read(64), 32)
        self.file.seek(56)
        count, = struct.unpack("<H", self.file.read(2))
        self.loads, self.notes = [], b""
        for index in range(count):
            self.file.seek(table + 56 * index)
            kind, _, offset, _, address, size, _, _ = struct.unpack("<IIQQQQQQ", self.file.read(56))
            if kind == 1:
                self.loads.append((address, size, offset))
            else:
                self.file.seek(offset)
                self.notes = self.file.read(size)

    def ram(self):
        """Ranges of RAM, neighbours merged."""
        merged = []
        for address, size, _ in sorted(self.loads):
            if merged and merged[-1][1] == address:
                merged[-1][1] += size
            else:
                merged.append([address, address + size])
        return merged

    def read(self, address):
        for start, size, offset in self.loads:
            if start <= address < start + size:
                self.file.seek(offset + address - start)
                return self.file.read(min(CHUNK, start + size - address))
        return b""


def registers(path):
    """{(vCPU, register): value} of register text."""
    found, vcpu = {}, None
    with open(path, encoding="utf-8") as file:
        for line in file:
            header = re.match(r"CPU#(\d+)", line)
            if header:
                vcpu = int(header.group(1))
                continue
            words = re.sub(r"\b\w+:", "", line).replace("=", " ").split()
            found.update(((vcpu, name), int(value, 16)) for name, value in zip(words[::2], words[1::2]))
    return found


def take(name, *options):
    """A guest's streams in WHERE/NAME."""
    subprocess.run([f"{TREE}/tests/lab/lab.sh", "--case", WHERE, "sh", "-euc", '''
        out=/case/$1
        shift
        mkdir -p "$out"
        python3 -B tests/lab/initrd.py "$out/initrd.gz" /usr/lib/lakvm/busybox tests/lab/init.sh
        ln -f /cache/kernel-sample/vmlinux "$out/vmlinux" 2>/dev/null || cp /cache/kernel-sample/vmlinux "$out/vmlinux"
        exec python3 -B tests/lab/streams.py --kernel /cache/kernel-sample/vmlinux.boot --initrd "$out/initrd.gz" \\
            --out "$out" "$@"''', "sh", name, *options], check=True, timeout=600)


def take_on_huge_pages(name, size):
    """The same of a guest whose memory is in huge pages of the host, of which there are as many more meanwhile."""
    with open("/proc/meminfo", encoding="utf-8") as file:
        kib = int(re.search(r"^Hugepagesize: +(\d+) kB", file.read(), re.M).group(1))

    def number(new=None):
        if new is not None:
            with open(HUGE_PAGES, "w", encoding="utf-8") as file:
                file.write(str(new))
        with open(HUGE_PAGES, encoding="utf-8") as file:
            return int(file.read())
    before = number()
    try:
        if number(before + size // (kib << 10)) < before + size // (kib << 10):
            print(f"skip - {name}: this machine has no {size >> 20} MiB of huge pages")
            return False
        take(name, "--device", HUGE)
    finally:
        number(before)
    return True


def convert(report, stream, out):
    done = subprocess.run([LACONVERT, stream, out], stderr=subprocess.PIPE, check=False, text=True)
    report.check("is converted", done.returncode == 0, done.stderr)
    return done.returncode == 0


def compare(report, case, name):
    """One stream against QEMU's dump and registers."""
    out, truth = f"{case}/{name}.out", f"{case}/{name}"
    if not convert(report, f"{truth}.stream", out):
        return
    ours, theirs = Core(out), Core(f"{truth}.elf")
    report.equal("the same RAM", ours.ram(), theirs.ram())
    pages, different = 0, []
    for start, end in theirs.ram():
        for address in range(start, end, CHUNK):
            a, b = ours.read(address), theirs.read(address)
            pages += len(b) // 4096
            if a != b:
                different.append(hex(address))
    report.check(f"all {pages} pages are as QEMU dumps them", not different and pages, different[:10])
    report.check("the notes are as QEMU writes them", ours.notes == theirs.notes and ours.notes)
    qemu, text = registers(f"{truth}.registers"), registers(f"{out}.registers")
    wrong = [key for key in qemu if key in text and text[key] != qemu[key]]
    both = [key for key in qemu if key in text]
    report.check(f"all {len(both)} registers of the text are as QEMU prints them", not wrong and both, wrong)
    # which follows from the machine and is not saved; and what this vCPU does not have
    absent = {name for _, name in qemu if (0, name) not in text and not re.match(r"f\d|MSGI|CPUID", name)}
    report.check("none is missing", not absent and len({vcpu for vcpu, _ in text}) == 4, absent)


def compare_packed(case):
    """Save files: behind libvirt's header (qemu_saveimage.h), packed by each of its programs."""
    with open(f"{case}/plain.stream", "rb") as file:
        stream = file.read()
    xml = b"<domain type='qemu'/>\0"
    for number, program in enumerate(("", "gzip", "bzip2", "xz", "lzop", "zstd")):
        if program and not shutil.which(program):
            print(f"# {program} is not here")
            continue
        report = Report(f"migration/save {program or 'raw'}")
        packed = subprocess.run([program, "-1c"], input=stream, stdout=subprocess.PIPE, check=True).stdout \
            if program else stream
        with open(f"{case}/save", "wb") as file:
            file.write(struct.pack("<16s5I56x", b"LibvirtQemudSave", 2, len(xml), 1, number, 0) + xml + packed)
        if convert(report, f"{case}/save", f"{case}/save.out"):
            for suffix in ("", ".registers"):
                same = subprocess.run(["cmp", f"{case}/save.out{suffix}", f"{case}/plain.out{suffix}"], check=False)
                report.equal(f"the same dump{suffix}", same.returncode, 0)
        yield report.failed


def compare_session(case):
    report = Report("migration/session")
    session = Session(case, "plain.stream", "migration")
    session.ask("lacpus.json", "lacpus -j")
    session.ask("ps.txt", "ps")
    output = session.run()
    report.equal("an ordinary end", session.status, ["status 0"])
    cpus = json.loads(session.read("lacpus.json") or '{"cpus": []}')["cpus"]
    qemu = registers(f"{case}/plain.registers")
    report.equal("lacpus: the pc of every vCPU is QEMU's, without -r",
                 {c["vcpu"]: (c["pc"] and int(c["pc"], 16), c["pc_source"]) for c in cpus},
                 {vcpu: (qemu[vcpu, "PC"], "text") for vcpu in range(4)})
    report.check("a full session: ps", "swapper/3" in session.read("ps.txt"), output)
    return report.failed


def main():
    shutil.rmtree(WHERE, ignore_errors=True)
    os.makedirs(WHERE)
    failed = 0
    try:
        take("one")
        take("numa", "--frozen", "--memory", "2G", "--device", NUMA)
        huge = [("huge", ("plain", "mapped", "live"))] if take_on_huge_pages("huge", 1 << 30) else []
        for case, names in [("one", ("plain", "mapped", "live")), ("numa", ("plain", "mapped"))] + huge:
            for name in names:
                report = Report(f"migration/{case} {name}")
                compare(report, f"{WHERE}/{case}", name)
                failed += report.failed
        failed += sum(compare_packed(f"{WHERE}/one"))
        failed += compare_session(f"{WHERE}/one")
    finally:
        shutil.rmtree(WHERE, ignore_errors=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
