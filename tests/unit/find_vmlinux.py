#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which vmlinux ladump finds for a dump, what it says of one that does not belong to it, and the cache of unpacked ones.

Usage: find_vmlinux.py LADUMP MKDUMP; prints "ok - " or "not ok - " lines.
"""
import bz2, gzip, lzma, os, pty, resource, shutil, signal, struct, subprocess, sys, tempfile, time

ladump, mkdump = (os.path.abspath(path) for path in sys.argv[1:3])
failed = 0
OURS, OTHER, VDSO = bytes(range(20)), bytes(range(100, 120)), bytes(range(50, 70))
BANNER, IMAGE, NOTES = b"Linux version 6.6.0-lab (a@b) #1\n\0", 0x9000000000300000, 0x9000000000310000


def check(name, good, detail=""):
    global failed
    failed += not good
    print(f"{'ok' if good else 'not ok'} - find-vmlinux: {name}", *([] if good else [f"\n  {detail}"]), flush=True)


def note(owner, kind, body):
    return struct.pack("<III", len(owner) + 1, len(body), kind) + owner + b"\0" * (4 - len(owner) % 4) + body


def put(path, data):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    return path


def vmlinux(build, without=(), machine=258, symbol=b"linux_banner"):
    """An ELF program with what a vmlinux must have, but for the sections @without."""
    strings = b"\0" + symbol + b"\0"
    symbols = bytes(24) + struct.pack("<IBBHQQ", 1, 0x11, 0, 1, IMAGE, len(BANNER))
    sections = [(".rodata", 1, 2, IMAGE, BANNER, 0, 0, 0), (".notes", 7, 2, NOTES, note(b"Linux", 0x100, bytes(4)) +
                 note(b"GNU", 3, build), 0, 0, 0), (".text", 1, 6, IMAGE + 0x1000, bytes(64), 0, 0, 0),
                (".debug_info", 1, 0, 0, bytes(64), 0, 0, 0), (".symtab", 2, 0, 0, symbols, 6, 1, 24),
                (".strtab", 3, 0, 0, strings, 0, 0, 0)]
    names = b"\0" + b"\0".join(s[0].encode() for s in sections) + b"\0.shstrtab\0"
    sections.append((".shstrtab", 3, 0, 0, names, 0, 0, 0))
    data, at, headers = b"", 64, bytes(64)
    for name, kind, flags, va, body, link, info, size in sections:
        kind = 8 if name in without else kind
        headers += struct.pack("<IIQQQQIIQQ", names.index(name.encode()), kind, flags, va, at + len(data), len(body), link, info,
                               4, size)
        data += body
    return b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, machine, 1, IMAGE, 0, at + len(data), 0, 64, 0, 0, 64,
                                                    len(sections) + 1, len(sections)) + data + headers


def dump(path, *notes, said=None, release="6.6.0-lab"):
    """16 MiB of a guest whose memory has the build-ids @notes, and a VMCOREINFO that says @said."""
    lines = "elf\nram 0 16M zero\n"
    if said:
        lines += f"vmcoreinfo OSRELEASE={release}@BUILD-ID={said.hex()}@\n"
    subprocess.run([mkdump, put("dump.txt", lines.encode()), path], check=True)
    with open(path, "r+b") as file:
        elf = file.read(4096)
        at, = struct.unpack_from("<Q", elf, 32)
        while struct.unpack_from("<I", elf, at)[0] != 1:
            at += 56
        if said:
            file.seek(elf.index(b"OSRELEASE="))
            file.write(elf[file.tell():elf.index(b"@", elf.index(b"BUILD-ID=")) + 1].replace(b"@", b"\n"))
        start, = struct.unpack_from("<Q", elf, at + 8)
        file.seek(start + (IMAGE & 0xfffffff))
        file.write(BANNER)
        file.seek(start + (NOTES & 0xfffffff))
        file.write(note(b"Linux", 0x100, bytes(4)))
        for build in notes:
            file.write(note(b"GNU", 3, build))
    return path


def run(*command, **how):
    environment = {**os.environ, "XDG_CACHE_HOME": os.path.abspath("cache"), **how.pop("env", {})}
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=60, env=environment, **how)


def find(path, *options, **how):
    return run(ladump, "--find-vmlinux", *options, path, **how)


def found(got, path):
    return got.returncode == 0 and got.stdout == path.encode() + b"\n" and not got.stderr


def places():
    text = OURS.hex()
    dump("said", said=OURS)
    dump("noted", VDSO, OURS, OTHER)
    for place in (f"d/.build-id/{text[:2]}/{text[2:]}.debug", f"d/.build-id/{text[:2]}/{text[2:]}", "d/lib/modules/6.6.0-lab/vmlinux",
                  "d/usr/lib/modules/6.6.0-lab/vmlinux", "d/boot/vmlinux-6.6.0-lab", "d/vmlinux-6.6.0-lab", "d/vmlinux"):
        put(place, vmlinux(OURS))
        for source in ("said", "noted"):
            got = find(source, "-D", "none:d")
            check(f"at {place[2:]}, the build-id {source}", found(got, place), got)
        got = find("said", env={"LAKVM_DEBUG_PATH": os.path.abspath("d") + ":none"})
        check("... and by LAKVM_DEBUG_PATH", found(got, os.path.abspath(place)), got)
        shutil.rmtree("d")
    odd = "o d\n\u4e2d'\"/vmlinux"
    put(odd, vmlinux(OURS))
    dump(os.path.dirname(odd) + "/a dump", said=OURS)
    got = find(os.path.dirname(odd) + "/a dump")
    check("beside the dump, in a folder with an odd name", found(got, odd), got)
    put("up/vmlinux", vmlinux(OURS))
    os.makedirs("d/lib/modules/x")
    dump("climbs", said=OURS, release="x/../../../../up")
    got = find("climbs", "-D", "d")
    check("a release that leads out of the folder is not followed", got.returncode == 1, got)


def wrong_ones():
    for what, data, words in (
            ("another build", vmlinux(OTHER), [OTHER.hex(), OURS.hex(), "6.6.0-lab"]),
            ("no debugging information", vmlinux(OURS, [".debug_info"]), ["no debugging information"]),
            ("no code", vmlinux(OURS, [".text"]), ["no code"]),
            ("no symbols", vmlinux(OURS, [".symtab"]), ["no symbols"]),
            ("a damaged file", vmlinux(OURS)[:200], ["d/vmlinux"])):
        put("d/vmlinux", data)
        got = find("said", "-D", "d")
        check(f"{what}: one line says so", got.returncode == 1 and not got.stdout and got.stderr.count(b"\n") == 1 and
              all(word.encode() in got.stderr for word in words), got)
    put("d/vmlinux", vmlinux(OTHER))
    got = run(ladump, "-p", "d/vmlinux", "said")
    check("ladump says both builds of a vmlinux that is named, in a line", OTHER.hex().encode() in got.stderr and
          OURS.hex().encode() in got.stderr and got.stderr.count(b"\n") == 1, got)
    got = run(ladump, "--relocation=quiet", "d/vmlinux", "said")
    check("... and --relocation=quiet nothing else", OTHER.hex().encode() in got.stderr and got.stderr.count(b"\n") == 1, got)
    for source in ("said", "noted"):
        put("d/vmlinux", vmlinux(OURS))
        got = run(ladump, "-p", "d/vmlinux", source)
        check(f"the right one is not complained of, the build-id {source}", b"build-id" not in got.stderr, got)
    dump("left", OTHER, said=OURS)
    put("d/vmlinux", vmlinux(OTHER))
    got = find("left", "d/vmlinux")
    check("one whose build-id is in memory belongs to it, whatever an older VMCOREINFO says", found(got, "d/vmlinux"), got)
    put("d/vmlinux", vmlinux(VDSO, symbol=b"clock_gettime"))
    put("d/vmlinux-6.6.0-lab", vmlinux(OURS))
    got = find("noted", "-D", "d")
    check("what is no kernel is passed over", found(got, "d/vmlinux-6.6.0-lab"), got)
    shutil.rmtree("d")
    dump("nothing")
    for source, word in (("said", OURS.hex()), ("noted", "of 3 in memory"), ("nothing", "name the vmlinux")):
        got = find(source)
        check(f"none, the build-id {source}: one line", got.returncode == 1 and word.encode() in got.stderr and
              got.stderr.count(b"\n") == 1, got)
    got = run(ladump, "-p", "said")
    check("without one ladump -p says so, and what it can", got.returncode == 0 and OURS.hex().encode() in got.stderr and
          got.stdout, got)


def kept():
    return sorted(os.listdir("cache/lakvm/vmlinux")) if os.path.isdir("cache/lakvm/vmlinux") else []


def packed():
    whole = vmlinux(OURS) + os.urandom(1 << 20)
    zstd = subprocess.run(["zstd", "-c"], input=whole, stdout=subprocess.PIPE) if shutil.which("zstd") else None
    for end, data in ((".gz", gzip.compress(whole)), (".xz", lzma.compress(whole, preset=0)), (".zst", zstd and zstd.stdout)):
        if not data or not shutil.which({".gz": "gzip", ".xz": "xz"}.get(end, "zstd")):
            print(f"skip - find-vmlinux: {end}: no such packer here")
            continue
        place = put("d/vmlinux" + end, data)
        got = find("said", "-D", "d")
        path = got.stdout.decode().strip()
        check(f"{end} is unpacked", got.returncode == 0 and os.path.exists(path) and open(path, "rb").read() == whole, got)
        again = find("said", place)
        check("... once, also where it is named", again.stdout == got.stdout and len(kept()) == 1, (again, kept()))
        os.remove(place)
        shutil.rmtree("cache")
    put("d/notes.bz2", bz2.compress(b"no program"))
    got = run(ladump, "d/notes.bz2")
    check("a packed file of another kind is no vmlinux", got.returncode == 1 and not kept(), got)
    data = gzip.compress(whole)
    for what, bad in (("a wrong checksum", data[:-8] + bytes([data[-8] ^ 1]) + data[-7:]), ("a cut file", data[:len(data) // 2])):
        put("d/vmlinux.gz", bad)
        got = find("said", "-D", "d")
        check(f"{what}: one line, and nothing is kept", got.returncode == 1 and b"damaged" in got.stderr and not kept(), (got, kept()))
    put("d/vmlinux.gz", data)
    got = find("said", "-D", "d", env={"PATH": "/nonexistent"})
    check("without the unpacker that is named", got.returncode == 1 and b"gzip" in got.stderr and not kept(), got)
    got = find("said", "-D", "d", preexec_fn=lambda: (signal.signal(signal.SIGXFSZ, signal.SIG_IGN), resource.setrlimit(
        resource.RLIMIT_FSIZE, (1 << 18, resource.RLIM_INFINITY))), restore_signals=False)
    check("where there is no room for it nothing is left", got.returncode == 1 and b"File too large" in got.stderr and not kept(), got)
    got = find("said", "-D", "d", env={"LAKVM_CACHE_MIB": "1"})
    check("what is larger than the limit is refused", got.returncode == 1 and b"LAKVM_CACHE_MIB" in got.stderr and not kept(), got)
    os.chmod("cache/lakvm", 0o777)
    got = find("said", "-D", "d")
    check("a cache that others may write to is refused", got.returncode == 1 and b"others may write" in got.stderr and
          not kept(), got)
    shutil.rmtree("cache")
    got = find("said", "-D", "d", env={"XDG_CACHE_HOME": "", "HOME": ""})
    check("without a home it says so", got.returncode == 1 and b"XDG_CACHE_HOME" in got.stderr, got)


def age():
    """Let all that is kept have been used a while ago, in the same order."""
    for name in kept():
        path = os.path.join("cache/lakvm/vmlinux", name)
        os.utime(path, ns=(0, os.stat(path).st_mtime_ns - 100 * 10**9))


def limit():
    names = []
    for i in (8, 9):
        put(f"d{i}/vmlinux.gz", gzip.compress(vmlinux(OURS) + os.urandom(1 << 20), 1))
        find("said", "-D", f"d{i}", env={"LAKVM_CACHE_MIB": "2"})
    check("what another run may just be about to open stays", len(kept()) == 2, kept())
    shutil.rmtree("cache")
    for i in range(4):
        put(f"d{i}/vmlinux.gz", gzip.compress(vmlinux(OURS) + os.urandom(1 << 20), 1))
        got = find("said", "-D", f"d{i}", env={"LAKVM_CACHE_MIB": "3"})
        names.append(os.path.basename(got.stdout.decode().strip()))
        age()
        if i == 1:
            put("cache/lakvm/vmlinux/1.vmlinux.AbC123", b"half of one")
            os.utime("cache/lakvm/vmlinux/1.vmlinux.AbC123", (1, 1))
            put("cache/lakvm/vmlinux/2.vmlinux.AbC123", b"half of one, in work")
            find("said", "-D", "d0")  # used again: the other one is older now
            age()
    check("what is used longest ago makes room", set(kept()) - {"2.vmlinux.AbC123"} == {names[0], names[3]} or
          set(kept()) - {"2.vmlinux.AbC123"} == {names[2], names[3]}, (names, kept()))
    check("... and what a killed one left goes", "1.vmlinux.AbC123" not in kept() and "2.vmlinux.AbC123" in kept(), kept())


def progress():
    os.makedirs("bin", exist_ok=True)
    whole = put(os.path.abspath("whole"), vmlinux(OURS))
    put("bin/gzip", f"#!/bin/sh\ncat '{whole}'\nsleep 2.1\nhead -c 100000 /dev/zero\n".encode())
    os.chmod("bin/gzip", 0o755)
    environment = {**os.environ, "XDG_CACHE_HOME": os.path.abspath("terminal"), "PATH": "bin:" + os.environ["PATH"]}
    master, slave = pty.openpty()
    process = subprocess.Popen([ladump, "--find-vmlinux", "-D", "d0", "said"], stderr=slave, stdout=subprocess.PIPE, env=environment)
    piped = subprocess.Popen([ladump, "--find-vmlinux", "-D", "d0", "said"], stderr=subprocess.PIPE, stdout=subprocess.PIPE,
                             env={**environment, "XDG_CACHE_HOME": os.path.abspath("pipe")})
    _, quiet = piped.communicate()
    process.communicate()
    os.close(slave)
    try:
        said = os.read(master, 4096)
    except OSError:
        said = b""
    check("at a terminal it says how far it is, and wipes that out", b"unpacking" in said and said.endswith(b"\r"), said)
    check("... and to a pipe nothing", process.returncode == piped.returncode == 0 and not quiet, quiet)
    check("no colours", b"\x1b" not in said, said)


with tempfile.TemporaryDirectory(prefix="lakvm-find.") as folder:
    os.chdir(folder)
    places()
    wrong_ones()
    packed()
    limit()
    progress()
    os.chdir("/")
sys.exit(failed > 0)
