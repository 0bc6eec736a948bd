#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ladump and laconvert do with the files around them: outputs that must not be replaced, writes that
fail, closed standard descriptors, unpackers that fail, signals.

Usage: programs.py LADUMP LACONVERT MKDUMP STREAM; prints "ok - " or "not ok - " lines.
"""
import contextlib, glob, gzip, json, os, re, resource, signal, stat, struct, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
ladump, laconvert, mkdump, stream = (os.path.abspath(path) for path in sys.argv[1:5])
failed = 0


def check(name, good, detail=""):
    global failed
    failed += not good
    print(f"{'ok' if good else 'not ok'} - {name}", *([] if good else [f"\n  {detail}"]), flush=True)


def run(*command, **how):
    how.setdefault("stdout", subprocess.PIPE)
    how.setdefault("stderr", subprocess.PIPE)
    how.setdefault("timeout", 60)
    return subprocess.run(command, **how)


def content(path):
    with open(path, "rb") as file:
        return file.read()


def put(path, data):
    with open(path, "wb") as file:
        file.write(data)
    return path


def vmlinux(path):
    """The least that ladump --relocation wants: a linux_banner in a section that is loaded."""
    banner, address = b"Linux version 6.12.0-test (a@b) #1\n\0", 0x9000000000300000
    names, strings = b"\0.data\0.symtab\0.strtab\0.shstrtab\0", b"\0linux_banner\0"
    symbols = bytes(24) + struct.pack("<IBBHQQ", 1, 0x11, 0, 1, address, len(banner))
    data, at, headers = b"", 64, bytes(64)
    for name, kind, flags, va, body, link, info, size in (
            (1, 1, 2, address, banner, 0, 0, 0), (7, 2, 0, 0, symbols, 3, 1, 24), (15, 3, 0, 0, strings, 0, 0, 0),
            (23, 3, 0, 0, names, 0, 0, 0)):
        headers += struct.pack("<IIQQQQIIQQ", name, kind, flags, va, at + len(data), len(body), link, info, 8, size)
        data += body
    put(path, b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 2, 258, 1, address, 0, at + len(data), 0, 64, 0,
                                                       0, 64, 5, 4) + data + headers)
    return banner


def dump(path, banner):
    text = put("dump.txt", b"elf\nram 0 16M words\n")
    run(mkdump, text, path, check=True)
    with open(path, "r+b") as file:
        elf = file.read(4096)
        at, = struct.unpack_from("<Q", elf, 32)
        while struct.unpack_from("<I", elf, at)[0] != 1:
            at += 56
        file.seek(struct.unpack_from("<Q", elf, at + 8)[0] + 0x300000)
        file.write(banner)


def outputs_that_stay():
    whole = content(stream)
    os.mkfifo("fifo")
    os.mkdir("folder")
    put("target", b"precious")
    os.symlink("target", "link")
    for place, kind in (("fifo", stat.S_ISFIFO), ("folder", stat.S_ISDIR), ("link", stat.S_ISLNK)):
        for command in ((stream, place, "r1"), (stream, "d1", place)):
            got = run(laconvert, *command)
            check(f"laconvert does not replace a {place} as {'dump' if command[1] == place else 'registers'}",
                  got.returncode == 1 and place.encode() in got.stderr and kind(os.lstat(place).st_mode) and
                  content("target") == b"precious" and not {"d1", "r1"} & set(os.listdir(".")),
                  f"{got.returncode} {got.stderr}")
    if os.geteuid() == 0:
        os.mknod("device", 0o600 | stat.S_IFCHR, os.makedev(1, 3))
        got = run(laconvert, stream, "device")
        check("laconvert does not replace a device", got.returncode == 1 and stat.S_ISCHR(os.stat("device").st_mode))
    for command, name in ((("in", "in"), "as dump"), (("in", "d2", "in"), "as registers"), (("in", "hard"), "by another name"),
                          (("in", "./in"), "by another path")):
        put("in", whole)
        if not os.path.exists("hard"):
            os.link("in", "hard")
        got = run(laconvert, *command)
        check(f"laconvert does not replace its input {name}", got.returncode == 1 and content("in") == whole,
              f"{got.returncode} {got.stderr}")
    for one, other in (("both", "both"), ("both", "./both"), ("folder/both", "folder/../folder/both")):
        got = run(laconvert, stream, one, other)
        check(f"laconvert wants two names, not {one} and {other}", got.returncode == 1 and not os.path.exists(one))
    put("old", b"an earlier dump")
    got = run(laconvert, stream, "old")
    check("laconvert replaces a regular file", got.returncode == 0 and content("old")[:4] == b"\x7fELF", got.stderr)


def unpackers():
    packed = gzip.compress(content(stream))
    put("whole.gz", packed)
    got = run(laconvert, "whole.gz", "good")
    check("laconvert unpacks", got.returncode == 0 and os.path.exists("good"), got.stderr)
    put("crc.gz", packed[:-8] + bytes([packed[-8] ^ 1]) + packed[-7:])
    got = run(laconvert, "crc.gz", "bad")
    check("a checksum that is wrong fails", got.returncode == 1 and not os.path.exists("bad"), got.stderr)
    put("cut.gz", packed[:-4])
    got = run(laconvert, "cut.gz", "bad")
    check("a packed file that is cut off fails", got.returncode == 1 and not os.path.exists("bad"), got.stderr)
    os.mkdir("bin")
    put("bin/gzip", f"#!/bin/sh\ncat '{stream}'\nkill -9 $$\n".encode())
    os.chmod("bin/gzip", 0o755)
    got = run(laconvert, "whole.gz", "bad", env={**os.environ, "PATH": "bin:" + os.environ["PATH"]})
    check("an unpacker that is killed fails", got.returncode == 1 and not os.path.exists("bad"), got.stderr)
    got = run("sh", "-c", '"$0" "$@" <&-', laconvert, "whole.gz", "closed")
    check("laconvert unpacks without standard input", got.returncode == 0 and content("closed") == content("good"), got.stderr)
    got = run("sh", "-c", '"$0" "$@" >&- 2>&- <&-', laconvert, stream, "quiet")
    run(laconvert, stream, "loud", check=True)
    check("laconvert's messages do not get into its dump", got.returncode == 0 and content("quiet") == content("loud"))


def all_or_nothing():
    got = run(laconvert, stream, "")
    check("a dump without a name leaves nothing", got.returncode == 1 and got.stderr and not os.path.exists(".registers"),
          f"{got.returncode} {got.stderr}")
    put("bin/gzip", f"#!/bin/sh\ncat '{stream}'\nmkdir taken\n".encode())
    got = run(laconvert, "whole.gz", "taken", env={**os.environ, "PATH": "bin:" + os.environ["PATH"]})
    check("registers do not stay without their dump", got.returncode == 1 and b"taken: a folder" in got.stderr and
          not os.path.exists("taken.registers"), f"{got.returncode} {got.stderr}")


def names():
    odd = "o\x1b[31m\n\x9b\u202e\u4e2d"
    put(odd, content(stream))
    for command, status in (((laconvert, odd, "named"), 0), ((laconvert, odd + "/none", "named"), 1),
                            ((laconvert, f"--high-ram={odd}", stream, "named"), 2), ((ladump, odd), 1),
                            ((ladump, "-r", odd), 1), ((ladump, odd + "/none"), 1), ((ladump, "-m", odd, odd), 2)):
        got = run(*command)
        said = got.stderr.decode()
        check(f"{os.path.basename(command[0])} prints a name so that it can be read", got.returncode == status and
              "o\\x1b[31m\\x0a\\xc2\\x9b\\u202e\u4e2d" in said and said.count("\n") == 1 and
              not any(c in said for c in "\x1b\x9b\u202e"), f"{got.returncode} {got.stderr}")
    os.mkfifo("queue")
    for name, one in ((stream, True), ("whole.gz", True), ("queue", False), (".", False), ("/dev/null", False), ("none", False)):
        got = run(laconvert, "--check", name)
        check(f"laconvert --check {os.path.basename(name)}", got.returncode == (0 if one else 1), got.returncode)


def register_pipes():
    listing = b"CPU#0\n PC=9000000000201000 FCSR0 0x00000000\n"
    got = run(ladump, "-r", "queue")
    check("ladump does not wait for a pipe of registers that nobody writes", got.returncode == 1 and
          b"no register in it" in got.stderr, f"{got.returncode} {got.stderr}")
    writer = subprocess.Popen(["sh", "-c", 'sleep 0.3; printf %s "$0"; sleep 0.3; echo', listing], stdout=subprocess.PIPE)
    got = run(ladump, "-j", "-r", "/dev/stdin", stdin=writer.stdout)
    writer.stdout.close()
    writer.wait()
    check("ladump reads registers from a slow pipe to its end", got.returncode == 0 and b"9000000000201000" in got.stdout,
          f"{got.returncode} {got.stdout} {got.stderr}")
    put("filler", b"#\n" * (9 << 20))
    got = run("sh", "-c", 'cat filler | "$0" -r /dev/stdin', ladump)
    check("ladump says that registers from a pipe are too large", got.returncode == 1 and b"too large" in got.stderr,
          f"{got.returncode} {got.stderr}")


def signals():
    put("bin/gzip", f"#!/bin/sh\nhead -c 4096 '{stream}'\nexec sleep 30\n".encode())
    before = set(os.listdir("."))
    for name in "HUP INT QUIT PIPE ALRM TERM USR1 USR2 XCPU XFSZ".split():
        number = getattr(signal, "SIG" + name)
        # where this runs in the background the shell has made some of them ignored
        child = subprocess.Popen([laconvert, "whole.gz", "never"], stderr=subprocess.DEVNULL, start_new_session=True,
                                 preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
                                 env={**os.environ, "PATH": "bin:" + os.environ["PATH"]})
        for _ in range(600):
            if set(os.listdir(".")) - before or child.poll() is not None:
                break
            time.sleep(0.05)
        begun = set(os.listdir(".")) - before
        child.send_signal(number)
        status = child.wait(60)
        with contextlib.suppress(ProcessLookupError):  # the unpacker may have ended with the pipe
            os.killpg(child.pid, signal.SIGKILL)
        check(f"SIG{name} ends laconvert and leaves nothing", begun and status == -number and set(os.listdir(".")) == before,
              f"{begun} {status} {set(os.listdir('.')) - before}")


def limited(size=1 << 20):
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def failing_writes():
    before = set(os.listdir("."))
    got = run(laconvert, stream, "large", preexec_fn=limited, restore_signals=False)
    check("a dump that cannot be written fails, in errno's words", got.returncode == 1 and b"File too large" in got.stderr and
          set(os.listdir(".")) == before, f"{got.returncode} {got.stderr}")
    dump("dump", vmlinux("vmlinux"))
    for name, command in (("ladump", (ladump, "dump")), ("ladump -j", (ladump, "-j", "dump")),
                          ("ladump -p", (ladump, "-p", "dump")), ("ladump -p -j", (ladump, "-p", "-j", "vmlinux", "dump")),
                          ("ladump --help", (ladump, "--help")), ("laconvert --help", (laconvert, "--help")),
                          ("ladump --version", (ladump, "--version")), ("laconvert --version", (laconvert, "--version")),
                          ("ladump --relocation", (ladump, "--relocation", "vmlinux", "dump")),
                          ("ladump with vmlinux", (ladump, "-bg", "vmlinux", "dump"))):
        good = run(*command)
        with open("/dev/full", "wb") as full:
            bad = run(*command, stdout=full)
        closed = run("sh", "-c", '"$0" "$@" >&-', *command)
        check(f"{name}: fails if nothing of it arrives", good.returncode == 0 and good.stdout and bad.returncode == 1 and
              b"No space left" in bad.stderr and closed.returncode == 1, f"{good} {bad} {closed}")
    put("bad-vmlinux", b"\x7fELG" + content("vmlinux")[4:])
    got = run(ladump, "--relocation", "bad-vmlinux", "dump")
    check("ladump --relocation: a vmlinux that is damaged is no wrong use", got.returncode == 1 and
          got.stderr == b"ladump: none of the files is a vmlinux\n", got)
    got = run(ladump, "-M", "a.md", "vmlinux", "dump")
    check("ladump -M writes a file and nothing else", got.returncode == 0 and not got.stdout and
          content("a.md").startswith(b"# "), got)
    os.symlink("a.md", "link.md")
    for path, words in (("link.md", b"not a regular file"), ("/dev/full", b"not a regular file"), ("none/a.md", b"No such file")):
        got = run(ladump, "-M", path, "vmlinux", "dump")
        check(f"ladump -M {path} is refused", got.returncode == 1 and words in got.stderr and os.path.islink("link.md"), got)
    got = run(ladump, "-H", "a.html", "vmlinux", "dump")
    check("ladump -H writes a page and nothing else", got.returncode == 0 and not got.stdout and
          content("a.html").startswith(b"<!DOCTYPE html>") and content("a.html").endswith(b"</html>\n"), got)
    held = re.search(rb'<script type="application/json" id="lakvm">\n(.*)</script>', content("a.html"), re.S)
    check("its JSON is that of -j", held and json.loads(held.group(1)) == json.loads(run(ladump, "-p", "-j", "vmlinux", "dump").stdout),
          content("a.html")[-500:])
    before = content("a.html")
    for path, words in (("link.md", b"not a regular file"), ("/dev/full", b"not a regular file"), ("none/a.html", b"No such file")):
        got = run(ladump, "-H", path, "vmlinux", "dump")
        check(f"ladump -H {path} is refused", got.returncode == 1 and words in got.stderr and got.stderr.count(b"\n") == 1, got)
    got = run(ladump, "-H", "a.html", "vmlinux", "dump", preexec_fn=lambda: limited(1000), restore_signals=False)
    check("a page that the disk has no room for is an error, and the old one stays", got.returncode == 1 and b"File too large" in got.stderr and
          content("a.html") == before and not [name for name in os.listdir(".") if name.startswith("a.html.")], got)
    run(mkdump, put("flat.txt", b"kdump block=4096\nprstatus 1\nram 0 4M words\n"), "other", check=True)
    put("listing", b"CPU#0\n PC=9000000000201000 FCSR0 0x00000000\n")
    for path, more in (("vmlinux", ("vmlinux", "dump")), ("dump", ("vmlinux", "dump")), ("other", ("other",)),
                       ("./dump", ("vmlinux", "dump")), ("listing", ("-r", "listing", "dump")),
                       ("hard-dump", ("vmlinux", "dump"))):
        if not os.path.exists("hard-dump"):
            os.link("dump", "hard-dump")
        before = content(path)
        for option in ("-M", "-H"):
            got = run(ladump, option, path, *more)
            check(f"ladump {option} {path} does not replace what it reads", got.returncode == 1 and b"is read" in got.stderr and
                  content(path) == before, got)
    put("issues", b"[one]\nwhat = it\nfact = *\n[two]\nwhat\x1b[31m\n")
    got = run(ladump, "-p", "vmlinux", "dump", env={**os.environ, "LAKVM_KNOWN_ISSUES": "issues"})
    check("a table of known issues that is bad is said in a line, and does no harm", got.returncode == 0 and
          b"issues: line 5: " in got.stderr and b"\x1b" not in got.stderr and got.stdout, got)
    got = run(ladump, "-j", "/nonexistent")
    check("ladump says why a file cannot be opened", got.returncode == 1 and b"No such file or directory" in got.stderr)
    os.mkfifo("pipe")
    got = run(ladump, "pipe")
    check("ladump does not wait for a pipe", got.returncode == 1 and b"neither a file" in got.stderr, got.stderr)
    got = run(laconvert, "--check", "/")
    check("laconvert --check takes no folder for a stream, and says why", got.returncode == 1 and b"Is a directory" in got.stderr,
          f"{got.returncode} {got.stderr}")
    for command in ((ladump, "\x1b[31m\n"), (laconvert, "\x1b[31m\n", "out")):
        got = run(*command)
        check(f"{command[0].rsplit('/', 1)[1]}: a name that would drive the terminal is shown, not sent", got.returncode == 1 and
              b"\\x1b[31m\\x0a" in got.stderr and b"\x1b" not in got.stderr and got.stderr.count(b"\n") == 1, got.stderr)
    got = run(ladump, *["dump"] * 65)
    check("ladump does not drop the 65th part", got.returncode == 2 and b"64" in got.stderr, got.stderr)


def statuses():
    """0: answered, 1: not, 2: wrong use; --version alike everywhere."""
    with open(os.path.join(os.path.dirname(os.path.dirname(HERE)), "crash-ext.spec")) as spec:
        version = next(line.split()[1] for line in spec if line.startswith("Version:"))
    for program in (ladump, laconvert):
        name = os.path.basename(program)
        got = run(program, "--version")
        check(f"{name} --version", got.returncode == 0 and got.stdout.decode() == f"{name} (lakvm) {version}\n", got)
        helped = run(program, "--help")
        check(f"{name} --help", helped.returncode == 0 and helped.stdout.startswith(b"usage: ") and not helped.stderr, helped)
        for wrong in ((), ("--no-such-option",), ("-?",)):
            got = run(program, *wrong)
            check(f"{name} {' '.join(wrong)}: usage, on standard error", got.returncode == 2 and not got.stdout and
                  got.stderr.endswith(helped.stdout), got)
    for wrong in (("-r",), ("-M",), ("--relocation", "dump"), ("--relocation=loud", "vmlinux", "dump"), ("-m", "levels=9", "dump")):
        got = run(ladump, *wrong)
        check(f"ladump {' '.join(wrong)} is a wrong use", got.returncode == 2 and got.stderr and not got.stdout, got)


def hurried(seconds):
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))


def many_segments():
    """10,000 pages with holes between them, full of pointers into the holes: each is looked up in the list of RAM."""
    pages, at = 10000, 64 + 56 * 10000
    headers = b"".join(struct.pack("<IIQQQQQQ", 1, 4, at + 4096 * i, 0, 8192 * i, 4096, 4096, 0) for i in range(pages))
    page = struct.pack("<512Q", *(0x9000000000001000 + 8192 * (pages - 2 - i % 2) for i in range(512)))
    put("segments", b"\x7fELF\2\1\1" + bytes(9) + struct.pack("<HHIQQQIHHHHHH", 4, 258, 1, 0, 64, 0, 0, 64, 56, pages, 0, 0, 0) +
        headers + page * pages)
    start = resource.getrusage(resource.RUSAGE_CHILDREN)
    got = run(ladump, "segments", preexec_fn=lambda: hurried(20), timeout=600)
    end = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = end.ru_utime + end.ru_stime - start.ru_utime - start.ru_stime
    check(f"ladump reads 10,000 segments within 20 s of CPU time ({used:.1f})", got.returncode == 0 and
          b"VMCOREINFO: none found" in got.stdout, f"{got.returncode} {got.stdout[:200]} {got.stderr}")


def unflattened(data):
    """The plain file that the records of a flattened one make, as far as there are any."""
    plain, at = bytearray(), 4096
    while len(data) - at >= 16:
        place, size = struct.unpack_from(">qq", data, at)
        piece, at = data[at + 16:at + 16 + size], at + 16 + size
        if size < 0:
            break
        plain[len(plain):] = bytes(max(0, place + len(piece) - len(plain)))
        plain[place:place + len(piece)] = piece
    return bytes(plain)


def cut_flattened():
    text = put("flat.txt", b"kdump block=4096\nprstatus 1\nram 0 4M words\nflatten record=4096\n")
    run(mkdump, text, "flat", check=True)
    whole = content("flat")
    check("a whole flattened dump is left to crash", run(laconvert, "--check", "flat").returncode == 1 and
          unflattened(whole)[:8] == b"KDUMP   ")
    for part in (95, 60, 30):
        data = whole[:len(whole) * part // 100]
        put("cut", data)
        check(f"one cut at {part} % is taken", run(laconvert, "--check", "cut").returncode == 0)
        got = run(laconvert, "cut", "restored")
        plain, want = content("restored"), unflattened(data)
        status, = struct.unpack_from("<I", want, 424)
        check("... what it has is in its place, and marked incomplete", got.returncode == 0 and b"cut off" in got.stderr and
              plain[:424] + plain[428:] == want[:424] + want[428:] and
              struct.unpack_from("<I", plain, 424)[0] == status | 8, got.stderr)
        before, after = (run(ladump, "-j", name).stdout for name in ("cut", "restored"))
        check("... and reads as the cut one does", before and b'"present"' in before and
              before.split(b'"ram"')[1].split(b"]")[0] == after.split(b'"ram"')[1].split(b"]")[0], f"{before[:900]}\n{after[:900]}")
    put("cut", whole[:4200])
    got = run(laconvert, "cut", "nothing")
    check("one that ends in the dump's header makes no dump", got.returncode == 1 and b"header" in got.stderr and
          not os.path.exists("nothing"), got.stderr)


def conversions():
    """All forms, on one processor and on all: the same bytes. What fails in the middle leaves nothing, and says why in one line."""
    put("cut", content("flat")[:-100])
    forms = sorted(glob.glob(os.path.join(os.path.dirname(stream), "migration-*.bin"))) + ["whole.gz", "cut"]
    for form in forms:
        made = []
        for cpus in (os.sched_getaffinity(0), {min(os.sched_getaffinity(0))}):
            for path in ("made", "made.registers"):
                with contextlib.suppress(FileNotFoundError):
                    os.unlink(path)
            got = run(laconvert, form, "made", preexec_fn=lambda: os.sched_setaffinity(0, cpus))
            made.append((got.returncode, got.stderr, content("made"), os.path.exists("made.registers") and content("made.registers")))
        check(f"laconvert {os.path.basename(form)}: the same on one processor", made[0] == made[1] and made[0][0] == 0, made[0][1])
    check("... of all forms", len(forms) >= 5, forms)
    pages = large_stream()
    put("large.gz", gzip.compress(pages, 1))
    before = set(os.listdir("."))
    for name, data in (("junk", pages[:len(pages) // 2] + b"\xff" * 4096 + pages[len(pages) // 2 + 4096:]), ("cut", pages[:len(pages) // 2])):
        put("odd.stream", data)
        got = run(laconvert, "odd.stream", "odd")
        check(f"a stream with {name} in its middle makes no dump", got.returncode == 1 and got.stderr.count(b"\n") == 1 and
              set(os.listdir(".")) - {"odd.stream"} == before, got.stderr)
    got = run("unshare", "-m", "sh", "-c", 'mkdir small; mount -t tmpfs -o size=8m none small && echo on && "$0" large.gz small/made; '
              'echo $?; ls -A small', laconvert)
    if got.stdout.startswith(b"on"):
        check("a disk that becomes full makes no dump", got.stdout == b"on\n1\n" and got.stderr.count(b"\n") == 1 and
              b"No space left" in got.stderr, got)


def large_stream():
    """20 MiB of pages that are not zero."""
    size = 20 << 20
    name = bytes([13]) + b"loongarch.ram"
    data = [b"QEVM", struct.pack(">IBI", 3, 7, 4), b"virt", struct.pack(">BI", 1, 2), b"\3ram", struct.pack(">II", 0, 4),
            struct.pack(">Q", size | 4), name, struct.pack(">QQBI", size, 16, 0x7e, 2), struct.pack(">BI", 3, 2)]
    for at in range(0, size, 4096):
        data += [struct.pack(">Q", at | (0x28 if at else 8)), b"" if at else name, struct.pack("<Q", at + 1) * 512]
    return b"".join(data) + struct.pack(">QBIB", 16, 0x7e, 2, 0)


def small_stacks():
    for program, words in ((ladump, ("dump",)), (laconvert, ("--check", stream))):
        for kib, hard, status in ((128, resource.RLIM_INFINITY, 0), (128, 128 << 10, 1)):
            got = run(program, *words, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_STACK, (kib << 10, hard)))
            check(f"{os.path.basename(program)} with a stack of {kib} KiB{' at the most' if status else ''}", got.returncode == status and
                  (b"ulimit -s" in got.stderr) == bool(status), got)


def searches():
    """In RAM each of whose words is its own physical address."""
    run(mkdump, put("words.txt", b"kdump method=zlib\nram 0 40M words\nram 48M 1M excluded\n"), "words", check=True)
    got = run(ladump, "--find", "1308000", "words")
    check("ladump --find: a value, where it is", got.returncode == 0 and b" FOUND: 1 of " in got.stdout and
          b"\n     1308000  9000000001308000           1308000  " in got.stdout and b"excluded" in got.stdout, got)
    got = run(ladump, "--find", "1000-2000", "--max", "3", "words")
    check("ladump --find --max: some, and how many more", got.returncode == 0 and got.stdout.count(b"unknown: ") == 3 and
          b" FOUND: 512 of " in got.stdout and b" MORE: 509 are not shown" in got.stdout, got)
    got = [run(ladump, "--find", "100000-200000", "-j", "words", preexec_fn=lambda: os.sched_setaffinity(0, cpus)).stdout
           for cpus in (os.sched_getaffinity(0), {min(os.sched_getaffinity(0))})]
    found = json.loads(got[0])
    check("ladump --find: the same on one processor", got[0] == got[1] and len(found["hits"]) == 100 and
          found["found"] == 131072 and found["excluded"] == 1 << 20 and found["present"] == 40 << 20, got)
    for words, status in ((("0",), 1), (("zork",), 1), (("5", "--in", "task"), 1), (("5", "--in", "zork"), 1),
                          (("5", "--max", "0"), 2), (("5", "--max", "-1"), 2)):
        got = run(ladump, "--find", *words, "words")
        check(f"ladump --find {' '.join(words)} is refused", got.returncode == status and got.stderr and not got.stdout, got)
    check("ladump --in alone is refused", run(ladump, "--in", "task", "words").returncode == 2)


def folders():
    """What lavirsh-dump writes: the dump, the registers and what the host said are all used; anybody may have made it."""
    banner = vmlinux("kernel")
    name = "a 'folder'\n龙芯"
    os.mkdir(name)
    dump(f"{name}/memory", banner)
    put(f"{name}/registers", b"CPU#0\n PC=9000000000300010\nCPU#0\n PC=9000000000300020\n")
    put(f"{name}/domain.xml", b"<domain type='kvm'><name>x</name></domain>")
    put(f"{name}/host", b"guest running\ninterval_ns 1000000000\nvcpu 3 thread 7 state T T ran_ns 0 waited_ns 0\n")
    sizes = "".join(f"file {os.path.getsize(f'{name}/{one}')} {one}\n" for one in ("memory", "registers", "domain.xml", "host"))
    put(f"{name}/manifest", f"lavirsh-dump 1\n{sizes}end\n".encode())
    got = run(ladump, "-p", "-j", "kernel", name)
    check("ladump -p takes a folder of lavirsh-dump: domain and host are facts", got.returncode == 0 and b"written" not in got.stderr and
          b"the domain has no <cpu> element" in got.stdout and b"the host did not run vCPU 3: its thread was stopped" in got.stdout and
          b'"source":"host"' in got.stdout, f"{got.stderr} {got.stdout[-900:]}")
    got = run(ladump, name)
    check("... its registers and samples", got.returncode == 0 and b"2 samples of its registers" in got.stdout and
          b"16.0 MB" in got.stdout, f"{got.stderr} {got.stdout}")
    for one in ("memory", "registers", "domain.xml", "host", "manifest"):
        before = content(f"{name}/{one}")
        got = run(ladump, "-M", f"{name}/{one}", "kernel", name)
        check(f"... its {one} gives way to no output", got.returncode == 1 and b"is read" in got.stderr and
              content(f"{name}/{one}") == before, got)
    put(f"{name}/memory", content(f"{name}/memory")[:-4096])
    got = run(ladump, name)
    check("... one that was cut is told", b"memory is not as it was written" in got.stderr, got.stderr)
    for what, make in (("a pipe", os.mkfifo), ("a folder", os.mkdir), ("a link", lambda path: os.symlink("/dev/zero", path))):
        os.unlink(f"{name}/registers")
        make(f"{name}/registers")
        got = run(ladump, name)
        check(f"... registers that are {what} are not read", b"registers cannot be used: not a file" in got.stderr and
              b"samples" not in got.stdout, f"{got.stderr} {got.stdout}")
        if what == "a folder":
            os.rmdir(f"{name}/registers")
            put(f"{name}/registers", b"")
    os.unlink(f"{name}/manifest")
    for command, says in (((name,), b"no manifest"), ((name, "kernel", "-r", "kernel"), b"no manifest"), ((name, "dump.txt"), b"no other file"),
                          (("x.tar.zst",), b"unpack it first")):
        got = run(ladump, *command)
        check(f"ladump {command[0][:5]}: {says.decode()}", got.returncode == (2 if b"other" in says else 1) and says in got.stderr and got.stderr.count(b"\n") == 1, got.stderr)


with tempfile.TemporaryDirectory(prefix="lakvm-programs.") as folder:
    os.chdir(folder)
    outputs_that_stay()
    unpackers()
    all_or_nothing()
    names()
    register_pipes()
    many_segments()
    signals()
    failing_writes()
    statuses()
    cut_flattened()
    conversions()
    small_stacks()
    searches()
    folders()
    os.chdir("/")
sys.exit(failed > 0)
