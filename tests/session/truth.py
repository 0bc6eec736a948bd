# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known about a case from outside lakvm: the guest's console, gdb on the frozen guest,
QEMU's register text and its answers about addresses (see tests/lab/guest.py)."""
import collections
import json
import os
import re
import runpy

symbols_of = runpy.run_path(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../lab/truth.py"))["symbols"]
ADDRESS = (1 << 48) - 1

# where an address leads: pa is None where nothing is mapped, data is empty outside RAM, swap is (type, offset),
# flags and count are those of /proc/kpageflags and kpagecount, file is the inode and the index of a page in it
Address = collections.namedtuple("Address", "who va pa data where swap flags count file", defaults=(None,) * 4)
# a struct page as gdb read it; head is 0 of a page that is in no compound page, refcount of a tail page is its head's
Frame = collections.namedtuple("Frame", "page flags head refcount mapcount")


def user_kind(pa, permissions, area):
    if pa.startswith("swap-"):
        return "swapped"
    if pa == "none":
        return "unmapped"
    return "PROT_NONE" if permissions == "---p" else "stack" if area == "[stack]" else "heap" if area == "[heap]" else \
        "file" if area.startswith("/") else "anonymous"


class Truth:
    def __init__(self, case):
        self.case = case
        self.meta = json.loads(self.read("meta.json"))
        self.serial = self.read("serial.log").replace("\r", "")
        self.vcpus = int(self.meta["vcpus"])

    def read(self, name):
        with open(os.path.join(self.case, name), errors="replace") as file:
            return file.read()

    def section(self, name):
        """Lines that the guest's /init printed between its markers."""
        found = re.search(rf"=== lakvm {name} ===\n(.*?)(?==== lakvm)", self.serial, re.S)
        return found.group(1).splitlines() if found else []

    def records(self):
        """(time, text) of the kernel's own lines on the console, without whose they are (PRINTK_CALLER)."""
        return re.findall(r"^\[ *(\d+\.\d+)\](?:\[ *[CT]\d+\])? ?(.*)$", self.serial, re.M)

    def unplugged(self):
        """How many vCPUs the guest may get that it does not have."""
        found = re.search(r"SMP: Allowing \d+ CPUs, (\d+) hotplug CPUs", self.serial)
        return int(found.group(1)) if found else 0

    def release(self):
        return re.search(r"Linux version (\S+)", self.serial).group(1)

    def panic_message(self):
        found = re.search(r"Kernel panic - not syncing: (.*?)(?: \]---)?$", self.serial, re.M)
        return found.group(1) if found else None

    def relocation(self):
        """By how much the kernel moved itself, as it said in its panic; one that hangs says nothing, and the
        register that leads to its tables does (tests/lab/truth.py)."""
        found = re.search(r"Kernel relocated by 0x([0-9a-f]+)", self.serial)
        return int(found.group(1), 16) if found else self.meta["moved"]

    def registers(self):
        """vCPU -> (ra, sp) of QEMU's own register text."""
        text = self.read("registers.txt")
        pairs = re.findall(r"^CPU#(\d+).*?\br1\b *([0-9a-f]+).*?\br3\b *([0-9a-f]+)", text, re.M | re.S)
        return {int(cpu): (int(ra, 16), int(sp, 16)) for cpu, ra, sp in pairs}

    def victim(self):
        """cpu, pid, comm of the last "CPU: n UID: .. PID: n Comm: x" line (the dying task's), or None."""
        found = re.findall(r"CPU: (\d+) (?:UID: \d+ )?PID: (\d+) Comm: (\S+)", self.serial)
        return (int(found[-1][0]), int(found[-1][1]), found[-1][2]) if found else None

    def fault(self):
        """Address, pc and symbol of the first unhandled fault, or None."""
        found = re.search(r"virtual address ([0-9a-f]+), era == ([0-9a-f]+)", self.serial)
        where = re.search(r"\] +ERA: [0-9a-f]+ (\S+?)\+0x([0-9a-f]+)/", self.serial)
        if not found:
            return None
        return (int(found.group(1), 16), int(found.group(2), 16),
                where.group(1) if where else None, int(where.group(2), 16) if where else None)

    def call_trace(self):
        """Functions and return addresses, innermost first, of the trace that panic() printed (what it
        warns of afterwards is another's), or of the oops before it."""
        panic = self.serial.find("Kernel panic - not syncing")
        start = self.serial.find("Call Trace:", max(panic, 0))
        if start < 0:
            start = self.serial.rindex("Call Trace:")
        trace = self.serial[start:]
        end = trace.find("Call Trace:", 1)
        trace = trace[:end] if end > 0 else trace
        return [(int(pc, 16), name) for pc, name in
                re.findall(r"\[<([0-9a-f]+)>\] (\S+?)\+0x", trace)]

    def meminfo(self):
        return {key: int(value) for key, value in
                (re.match(r"(\S+): +(\d+)", line).groups() for line in self.section("meminfo")
                 if re.match(r"(\S+): +(\d+)", line))}

    def modules(self):
        """name -> (size, address) of /proc/modules."""
        result = {}
        for line in self.section("modules"):
            words = line.split()
            if len(words) >= 6:
                result[words[0]] = (int(words[1]), int(words[5], 16))
        return result

    def tasks(self):
        """pid -> comm as the guest's ps told, without the tasks that had to do with ps."""
        result = {}
        for line in self.section("ps"):
            words = line.split(None, 3)
            if len(words) == 4 and words[0].isdigit():
                result[int(words[0])] = words[3]
        return result

    def gdb(self):
        """vCPU -> [(pc, function)] of gdb's real frames as far as it came: without inlined ones, and
        without those it makes up for tail calls, which share their caller's stack pointer."""
        stacks, current = {}, None
        for line in self.read("gdb-stacks.txt").splitlines():
            head = re.match(r"CPU (\d+)\b", line)
            if head:
                current = stacks.setdefault(int(head.group(1)), [])
            frame = re.match(r"#\d+ 0x([0-9a-f]+) \S+ sp=0x([0-9a-f]+) frame (\S+)", line)
            if not frame or current is None or frame.group(3) == "?":
                continue
            pc, sp, name = int(frame.group(1), 16), frame.group(2), frame.group(3)
            if len(current) > 1 and current[-1][2] == sp:  # only the innermost can have no frame
                current.pop()
            current.append((pc, name, sp))
        return {cpu: [(pc, name) for pc, name, _ in stack] for cpu, stack in stacks.items()}

    def walker(self, name):
        """What the guest's kernel wrote into one of the two registers of its page-table walker."""
        found = re.search(rf"\b{name} +([0-9a-f]+)", self.read("registers.txt"))
        return int(found.group(1), 16) if found else 0

    def page_size(self):
        """PWCL.PTbase, the first bit of an address that a page table's index is made of."""
        return 1 << (self.walker("PWCL") & 31)

    def levels(self):
        """How many tables a translation goes through: the fields of PWCL and PWCH that have a width."""
        low, high = self.walker("PWCL"), self.walker("PWCH")
        return sum(map(bool, (low >> 5 & 31, low >> 15 & 31, low >> 25 & 31, high >> 6 & 63, high >> 18 & 63)))

    def tables(self, cpu=None):
        """(address of the top table, [(first bit, width) of each level, the top one first]) that the kernel's half
        is walked with, or the user's half on a CPU: CSR.PGDH or PGDL, PWCL and PWCH in QEMU's register text."""
        for text in re.split(r"^CPU#", self.read("registers.txt"), flags=re.M)[1:]:
            csr = {name: int(value, 16) for name, value in re.findall(r"\b(TID|PGD[LH]|PWC[LH]) +([0-9a-f]+)", text)}
            low, high = csr["PWCL"], csr["PWCH"]
            shape = [(high & 63, high >> 6 & 63), (low >> 20 & 31, low >> 25 & 31), (low >> 10 & 31, low >> 15 & 31),
                     (low & 31, low >> 5 & 31)]
            if cpu in (None, csr["TID"]):
                return csr["PGDH" if cpu is None else "PGDL"], [level for level in shape if level[1]]
        raise ValueError(f"no CPU {cpu} in registers.txt")

    def end_of_ram(self):
        """QEMU's virt machine (hw/loongarch/virt.h, 9.0 and later): 256 MiB at 0, the rest at 2 GiB."""
        size = int(self.meta["memory"][:-1]) << {"M": 20, "G": 30}[self.meta["memory"][-1]]
        return 0x80000000 + size - 0x10000000

    def in_ram(self, pa):
        return pa < 0x10000000 or 0x80000000 <= pa < self.end_of_ram() or self.plugged(pa)

    def address(self, who, va, pa, data, where, flags="-", count="-"):
        """The Address that the words of a line make."""
        place = int(pa, 16) if re.fullmatch("[0-9a-f]+", pa) else None
        inside = place is not None and self.in_ram(place)
        swap = tuple(map(int, pa.split("-")[1:])) if pa.startswith("swap-") else None
        return Address(int(who), int(va, 16), place, bytes.fromhex(data) if inside and data != "-" else b"", where,
                       swap, int(flags, 16) if flags != "-" else None, int(count) if count != "-" else None)

    def translations(self):
        """[Address] as QEMU answered for kernel addresses of the frozen guest."""
        return [self.address(0, va, pa, data, "".join(region)) for va, pa, data, *region in
                self.lines("translations.txt")]

    def users(self):
        """[Address] of tasks' user space, who is the process number, as the guest's kernel said."""
        def file(area):
            found = re.search(r"^/.*:(\d+):(\d+)$", area)
            return tuple(map(int, found.groups())) if found else None

        return [self.address(pid, va, pa, data, user_kind(pa, permissions, area), *more)._replace(file=file(area))
                for pid, va, pa, data, permissions, area, *more in self.lines("users.txt")]

    def running(self):
        """[Address] of user space as QEMU answered for each CPU, who is the CPU."""
        return [self.address(cpu, va, pa, data, "user") for cpu, va, pa, data in self.lines("running.txt")]

    def entries(self):
        """{entry of the guest's page tables: (size of what it maps, where to)}"""
        return {int(entry, 16): (1 << int(bits), int(place, 16)) for entry, bits, place in self.lines("entries.txt")}

    def frames(self):
        """{pfn: (flags, count)} of /proc/kpageflags and kpagecount, where the guest said the same twice. What is no
        page has a flag of its own in 6.12, and none at all in 7.2."""
        once, again = ({int(words[0], 16): (int(words[1], 16), int(words[2])) for line in self.section(name)
                        for words in re.findall(r"^([0-9a-f]+) ([0-9a-f]+) (\d+)$", line)}
                       for name in ("frames", "frames-again"))
        return {pfn: one for pfn, one in once.items() if again.get(pfn) == one and self.in_ram(pfn * self.page_size())}

    def memory(self, word):
        """The words of the lines of gdb's that begin with this one (tests/lab/gdb_frames.py)."""
        return [words for first, *words in self.lines("gdb-frames.txt") if first == word]

    def section_bits(self):
        return next((int(bits) for bits, in self.memory("BITS")), None)

    def sections(self):
        """{number: section_mem_map} of the memory sections there are."""
        return {int(number): int(mem_map, 16) for number, mem_map in self.memory("SECTION")}

    def struct_pages(self):
        """{pfn: Frame}"""
        return {int(pfn, 16): Frame(*(int(word, 16) for word in words[:3]), *map(int, words[3:]))
                for pfn, *words in self.memory("FRAME")}

    def zones(self):
        """[(node, name, first pfn, end)] of /proc/zoneinfo, of a guest that did not come to print it gdb's."""
        said = re.findall(r"^Node (\d+), zone +(\S+)\n +spanned +(\d+)\n +start_pfn: +(\d+)$",
                          "\n".join(self.section("zoneinfo")), re.M)
        found = [(int(node), name, int(start), int(size)) for node, name, size, start in said] or \
            [(int(node), name, int(start, 16), int(size, 16)) for node, name, start, size in self.memory("ZONE")]
        return [(node, name, start, start + size) for node, name, start, size in found if size]

    def blocks(self):
        """(size, {number: (state, nodes)}) of /sys/devices/system/memory; of no size, the kernel has none."""
        words = [line.split() for line in self.section("blocks")]
        return next((int(two[1], 16) for two in words if two[0] == "size"), None), {
            int(number): (state, set(map(int, re.findall(r"node(\d+)", " ".join(links)))))
            for number, state, *links in words if number != "size"}

    def plugged(self, pa):
        return any(start <= pa < start + size for start, size in self.meta.get("plugged", []))

    def lines(self, name):
        """The words of each line of a file that older cases do not have."""
        path = os.path.join(self.case, name)
        return [line.split() for line in self.read(name).splitlines()] if os.path.exists(path) else []


class Vmcore(Truth):
    """What is known of a guest, of which the dump has what /proc/iomem calls RAM and no crash kernel keeps."""

    def __init__(self, case):
        super().__init__(case)
        areas = [(int(start, 16), int(end, 16) + 1, name) for start, end, name in
                 re.findall(r"^ *([0-9a-f]+)-([0-9a-f]+) : (.*)$", "\n".join(self.section("iomem")), re.M)]
        kept = [(start, end) for start, end, name in areas if name == "Crash kernel"]
        self.ram = []
        for start, end, name in areas:
            if name != "System RAM":
                continue
            for first, last in kept:
                if start < first < end:
                    self.ram.append((start, first))
                    start = last
            if start < end:
                self.ram.append((start, end))

    def translations(self):
        """Without what the other CPUs change while the first one already leaves: each marks itself online again
        (kexec_reboot() of arch/loongarch/kernel/machine_kexec.c)."""
        symbols = symbols_of(os.path.join(self.case, "vmlinux"))
        changed = [symbols[name][0] + self.relocation() & ADDRESS for name in ("__cpu_online_mask", "__num_online_cpus")]
        return [one for one in super().translations() if not any(at - 16 < one.va & ADDRESS < at + 16 for at in changed)]

    def in_ram(self, pa):
        return any(start <= pa < end for start, end in self.ram)

    def end_of_ram(self):
        return max(end for _, end in self.ram)


def truth_of(case, dump):
    """What is known of a dump of a case."""
    return (Vmcore if dump == "vmcore" else Truth)(case)
