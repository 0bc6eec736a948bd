#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Damaged dumps, vmlinux files, register texts and streams, each through the programs: none may be ended by a
signal, take more than 2 s of CPU time or 256 MiB, print what a terminal obeys, or end with a status that is not true.

Usage: damage.py [-n N] [-f FIRST] [-k KIND] [-a] PROGRAMS SAMPLE SEEDS REGISTERS
  PROGRAMS   directory of ladump and laconvert
  SAMPLE     directory of vmlinux and dump.16k
  SEEDS      directory of streams (migration-*.bin) and flattened dumps (flat-*.bin)
  REGISTERS  directory of register texts (registers-*)
  -n N       files of each kind (default 10); they are the same ones each time
  -f FIRST   the number of the first (default 0)
  -k KIND    one kind only: dump, vmlinux, registers, stream
  -a         the programs are built with sanitizers, which need more of everything: only what they report counts
"""
import getopt, glob, gzip, json, os, random, re, resource, shutil, struct, subprocess, sys, tempfile

SECONDS = 2
MEMORY = 256 << 20
KINDS = ("dump", "vmlinux", "registers", "stream")
# What base/escape.c does not let through, as far as Latin and general punctuation go; tab and newline are text.
HIDDEN = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")
NASTY = [bytes(8), b"\xff" * 8, b"\xff\xff\xff\x7f", b"\xff" * 7 + b"\x7f", b"\0\0\0\x80", bytes(7) + b"\x80", b"\1", b"\x1b[31m",
         b"\xe2\x80\xae", b"\xc2\x9b"]


class Copy:
    """A file that is damaged in place and mended again: the large ones are not written anew each time."""

    def __init__(self, path, of):
        self.path, self.name, self.changed = path, path, []
        shutil.copyfile(of, path)
        self.size = os.path.getsize(path)
        self.file = open(path, "r+b", buffering=0)
        self.sound = open(of, "rb", buffering=0)
        self.places = self.sections() if self.read(0, 4) == b"\x7fELF" else []

    def read(self, at, size):
        return os.pread(self.sound.fileno(), size, at)

    def sections(self):
        """Where the section headers are, and what they tell of; of a core file nothing."""
        start, = struct.unpack("<Q", self.read(40, 8))
        n, = struct.unpack("<H", self.read(60, 2))
        headers = [struct.unpack("<IIQQQQIIQQ", self.read(start + 64 * i, 64)) for i in range(n)]
        return [(0, 64), (start, 64 * n)] + [(header[4], header[5]) for header in headers if header[1] != 8 and header[5]]

    def put(self, at, data):
        self.changed.append((at, len(data)))
        os.pwrite(self.file.fileno(), data, at)

    def place(self, draw):
        if self.places and draw.randrange(4):
            start, size = draw.choice(self.places)
            # where a section begins are its tables' headers
            return min(self.size - 1, start + (draw.randrange(size) if draw.randrange(2) else draw.randrange(min(size, 256))))
        return int(self.size ** draw.random()) - 1

    def damage(self, draw):
        if not draw.randrange(20):
            os.truncate(self.path, self.place(draw))
            return
        for _ in range(draw.choice((1, 1, 1, 2, 4, 40))):
            at = self.place(draw)
            old = self.read(at, draw.choice((1, 1, 2, 4, 8, 8, 64)))
            new = draw.choice((bytes([old[0] ^ 1 << draw.randrange(8)]), draw.randbytes(len(old)), draw.choice(NASTY),
                               self.read(self.place(draw), len(old))))
            self.put(at, new[:self.size - at])

    def mend(self):
        if os.path.getsize(self.path) != self.size:
            self.file.close()
            shutil.copyfile(self.sound.name, self.path)
            self.file = open(self.path, "r+b", buffering=0)
        for at, size in self.changed:
            os.pwrite(self.file.fileno(), self.read(at, size), at)
        self.changed = []


def damaged(data, draw):
    """A small file, whose pieces may also move."""
    data = bytearray(data)
    for _ in range(draw.choice((1, 1, 2, 4, 40))):
        at, size = draw.randrange(len(data) + 1), draw.choice((1, 2, 8, 64, 4096))
        what = draw.randrange(5)
        if what == 0:
            del data[at:at + size]
        elif what == 1:
            other = draw.randrange(len(data) + 1)
            data[at:at] = data[other:other + size]
        elif what == 2:
            data[at:at + size] = draw.randbytes(min(size, len(data) - at))
        elif what == 3:
            new = draw.choice(NASTY)
            data[at:at + len(new)] = new
        elif at < len(data):
            data[at] ^= 1 << draw.randrange(8)
        if not data:
            break
    return bytes(data[:draw.randrange(len(data) + 1)] if not draw.randrange(10) else data)


class Trial:
    def __init__(self, programs, sanitized, mapped):
        self.programs, self.sanitized, self.failed = programs, sanitized, 0
        # Files are mapped; what is mapped of them is no memory that anybody lacks.
        self.space = MEMORY + mapped
        self.longest, self.largest, self.runs, self.refused = 0, 0, 0, 0

    def limit(self):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        if not self.sanitized:
            resource.setrlimit(resource.RLIMIT_CPU, (SECONDS + 1, SECONDS + 1))
            resource.setrlimit(resource.RLIMIT_AS, (self.space, self.space))

    def run(self, what, program, *arguments):
        """Returns the status and the output of PROGRAM, which is then known to be sound."""
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            child = subprocess.Popen([os.path.join(self.programs, program), *arguments], stdin=subprocess.DEVNULL, stdout=out,
                                     stderr=err, preexec_fn=self.limit)
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = status = os.waitstatus_to_exitcode(status)
            out.seek(0)
            err.seek(0)
            output, errors = out.read(), err.read()
        seconds, bytes_used = used.ru_utime + used.ru_stime, used.ru_maxrss << 10
        self.runs, self.refused = self.runs + 1, self.refused + (status == 1)
        self.longest, self.largest = max(self.longest, seconds), max(self.largest, bytes_used)
        why = []
        if status not in (0, 1):
            why.append(f"status {status}")
        if b"Sanitizer" in errors or b"runtime error" in errors:
            why.append("a sanitizer's report")
        if not self.sanitized and (seconds > SECONDS or bytes_used > MEMORY or b"out of memory" in errors + output):
            why.append(f"{seconds:.2f} s, {bytes_used >> 20} MiB")
        if status == 1 and not errors:
            why.append("fails without a word")
        for name, text in (("output", output), ("errors", errors)):
            try:
                if HIDDEN.search(text.decode()):
                    why.append(f"a control or direction character in its {name}")
            except UnicodeDecodeError:
                why.append(f"bytes that are no text in its {name}")
        if "-j" in arguments and status == 0:
            try:
                json.loads(output)
            except ValueError as error:
                why.append(f"no JSON: {error}")
        elif program == "ladump" and status == 0 and not output:
            why.append("succeeds without a word")
        if why:
            self.failed += 1
            print(f"not ok - {what}: {program} {' '.join(arguments)}: {'; '.join(why)}\n  {errors[-3000:]!r}", flush=True)
        return status, output


def try_dump(trial, draw, what, files):
    files["dump"].damage(draw)
    trial.run(what, "ladump", "-p", "-j", files["vmlinux"].path, files["dump"].path)
    trial.run(what, "ladump", "-l", *draw.choice(([], [], [files["vmlinux"].path])), files["dump"].path)
    files["dump"].mend()


def try_vmlinux(trial, draw, what, files):
    files["vmlinux"].damage(draw)
    trial.run(what, "ladump", "-p", "-j", files["vmlinux"].path, files["dump"].path)
    trial.run(what, "ladump", draw.choice(("-l", "-bgi", "--relocation", "-pv")), files["vmlinux"].path, files["dump"].path)
    files["vmlinux"].mend()


def try_registers(trial, draw, what, files):
    with open("text", "wb") as file:
        file.write(damaged(draw.choice(files["registers"]), draw))
    trial.run(what, "ladump", *draw.choice((["-j"], ["-g"], ["-p", "-j"])), "-r", "text")
    if not draw.randrange(20):
        trial.run(what, "ladump", "-p", "-j", "-r", "text", files["vmlinux"].path, files["dump"].path)


def try_stream(trial, draw, what, files):
    data = damaged(draw.choice(files["stream"]), draw)
    with open("stream", "wb") as file:
        file.write(gzip.compress(data, 1) if not draw.randrange(5) else data)
    status, _ = trial.run(what, "laconvert", "stream", "out", "out.registers")
    left = sorted(glob.glob("out*"))
    if (status == 0) != ("out" in left) or (status and left) or len(left) > 2:
        trial.failed += 1
        print(f"not ok - {what}: status {status}, and {left} are there", flush=True)
    if status == 0:
        trial.run(what, "ladump", "-j", *(["-r", left[1]] if len(left) > 1 else []), "out")
    for name in left:
        os.remove(name)


def main():
    options, names = getopt.getopt(sys.argv[1:], "n:f:k:a")
    options = dict(options)
    if len(names) != 4:
        sys.exit(__doc__)
    programs, sample, seeds, registers = (os.path.abspath(name) for name in names)
    first = int(options.get("-f", 0))
    last = first + int(options.get("-n", 10))
    kinds = [options["-k"]] if "-k" in options else KINDS
    failed = 0
    with tempfile.TemporaryDirectory(prefix="lakvm-damage.") as folder:
        os.chdir(folder)
        files = {"vmlinux": Copy("vmlinux", f"{sample}/vmlinux"), "dump": Copy("dump", f"{sample}/dump.16k")}
        for kind, pattern in (("registers", f"{registers}/registers-*"),
                              ("stream", f"{seeds}/migration-*.bin"), ("stream", f"{seeds}/flat-*.bin")):
            for path in sorted(glob.glob(pattern)):
                with open(path, "rb") as file:
                    files.setdefault(kind, []).append(file.read())
        for kind in kinds:
            # vmlinux is opened three times: for names, stacks and source positions
            trial = Trial(programs, "-a" in options, 3 * files["vmlinux"].size + files["dump"].size)
            for i in range(first, last):
                globals()["try_" + kind](trial, random.Random(f"{kind} {i}"), f"{kind} {i}", files)
            print(f"{'not ok' if trial.failed else 'ok'} - {kind} {first} to {last - 1}: {trial.runs} runs, {trial.refused} refused, "
                  f"at most {trial.longest:.2f} s and {trial.largest >> 20} MiB", flush=True)
            failed += trial.failed
        os.chdir("/")
    sys.exit(failed > 0)


if __name__ == "__main__":
    main()
