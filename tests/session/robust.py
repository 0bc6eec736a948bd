#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may go wrong around a session, tried in the real crash: each fault gets one clear line, and the
session works as before.

Needs:  as run.py; also snapshot.so and mismatch.so of the same build (Makefile).
Result: as run.py.

Usage:  robust.py CASE-DIRECTORY DUMP-FILE [HOW-OFTEN-TO-LOAD]
"""
import collections
import json
import os
import re
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
sys.path.append(os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
import reblock  # noqa: E402
from run import Report, Session, TREE  # noqa: E402



def minimal(case, dump, where, commands, vmlinux='"$CASE/vmlinux"', path='"$CASE/{dump}"', prepare="true"):
    """A --minimal session that is given @commands on its standard input."""
    session = Session(case, dump, where)
    with open(os.path.join(session.where, "input"), "w") as file:
        file.write("\n".join(commands + ["q", ""]))
    done = session.crash(f'{prepare} && crash -s --minimal {vmlinux} {path.format(dump=dump)} < input 2>&1; '
                         'echo "status $?"', timeout=3000)
    lines = [line for line in done.stdout.splitlines() if line.strip() and
             not re.search("not a tty|minimal mode commands|please wait", line)]
    return session, lines


def check_wrong_vmlinux(report, case, dump):
    # the banner says another build, everything else is the same
    session, lines = minimal(case, dump, "wrong-vmlinux", ["extend $LAKVM", "lapanic -j", "rd linux_banner 2"],
                       vmlinux="other", prepare="sed 's/Linux version \\([0-9]*\\)[.]/Linux version \\1x/g' "
                       '"$CASE/vmlinux" > other && sed -i "s|[$]LAKVM|$LAKVM_SO|" input')
    said = [line for line in lines if "do not belong together" in line]
    report.check("a vmlinux of another build is named in one line", len(said) == 1, "\n".join(lines))
    report.check("... and the session is as it was", any("Linux ver" in line for line in lines) and
                 lines[-1] == "status 0", "\n".join(lines))
    alone = session.crash(f'"$BUILT/ladump" -p -j other "$CASE/{dump}"').stdout
    report.check("... and lapanic tells what the dump tells without it", '"kind":"panic"' in alone and alone.strip() in lines, alone)


def check_twice(report, case, dump):
    _, lines = minimal(case, dump, "twice",
                       ["extend $LAKVM", "extend $LAKVM", "extend ./copy.so", "lacpus", "extend -u $LAKVM",
                        "rd linux_banner 2"],
                       prepare='cp "$LAKVM_SO" copy.so && sed -i "s|[$]LAKVM|$LAKVM_SO|" input')
    text = "\n".join(lines)
    report.check("loading it a second time is refused", "already loaded" in text, text)
    report.check("loading a copy of it is refused", "copy.so" in text and
                 re.search("duplicate|already", text.split("copy.so")[0] + text), text)
    report.check("... and lacpus works after both", "panicking" in text, text)
    report.check("... and crash after unloading", "Linux ver" in text and lines[-1] == "status 0", text)


def check_layout(report, case, dump):
    _, lines = minimal(case, dump, "layout", ['extend $LAKVM', "rd linux_banner 2"],
                       prepare='sed -i "s|[$]LAKVM|$BUILT/mismatch.so|" input')
    text = "\n".join(lines)
    report.check("another version of crash is noticed before anything is touched",
                 re.search("built for crash .* bytes, not .*; rebuild: make CRASH_INC=", text) and "shared object unloaded" in text, text)
    report.check("... and the session is as it was", "Linux ver" in text and lines[-1] == "status 0", text)


def check_release(report, case, dump):
    """A crash with the same tables that calls itself another release: what takes other arguments shows in no size."""
    _, lines = minimal(case, dump, "release", ["extend $LAKVM", "rd linux_banner 2"], prepare=r'''
        version=$(crash --version | sed -n "s/^crash \([0-9][^ ]*\).*/\1/p") && [ "$version" ] && mkdir -p bin &&
        old=$(echo "$version" | sed "s/[.]/[.]/g") && LC_ALL=C sed "s/\x00$old\x00/\x007${version#?}\x00/g" \
        "$(command -v crash)" >bin/crash && chmod +x bin/crash && PATH=$PWD/bin:$PATH &&
        sed -i "s|[$]LAKVM|$LAKVM_SO|" input''')
    text = "\n".join(lines)
    report.check("another release of crash is noticed where its tables are as they were", re.search(
        r"built for crash [0-9]([^ ]*), this is crash 7\1; rebuild: make CRASH_INC=", text) and
        "shared object unloaded" in text, text)
    report.check("... and the session is as it was", "Linux ver" in text and lines[-1] == "status 0", text)


def check_truncated(report, case, dump):
    _, lines = minimal(case, dump, "truncated", ["extend $LAKVM", "lapanic", "lacpus", "rd linux_banner 2"],
                       path="cut", prepare='size=$(stat -c %s "$CASE/{0}") && '
                       'head -c $((size * 3 / 5)) "$CASE/{0}" > cut && '.format(dump) +
                       'sed -i "s|[$]LAKVM|$LAKVM_SO|" input')
    text = "\n".join(lines)
    report.check("a cut-off dump: an ordinary end", re.match(r"status [01]$", lines[-1]) and
                 "segmentation" not in text.lower(), text)
    report.check("... and a reason", re.search("cut off|truncated|incomplete|not mapped|beyond|do not belong",
                                               text), text)


def check_split(report, case, dump):
    """A dump in parts: the last one is all that crash keeps the name of."""
    session = Session(case, dump, "split")
    subprocess.run([sys.executable, "-B", os.path.join(TREE, "tests/lab/split.py"),
                    os.path.join(case, dump), os.path.join(session.where, "part")], check=True)
    done = session.crash('printf "lacpus\\nkmem -i\\nq\\n" | "$SRC/extensions/lacrash" -s "$CASE/vmlinux" '
                         'part.1 part.2 2>&1; echo "status $?"')
    report.check("a split dump opens with all its parts", "panicking" in done.stdout and
                 re.search(r"TOTAL MEM +\d{6}", done.stdout) and "status 0" in done.stdout, done.stdout)
    # the kernel is in the first part, the end of high RAM in the second
    report.check("... and with one of them only, saying what is not there", *partial(session, "part.1", 0x2a0000000))
    done = session.crash('printf "lacpus\\nq\\n" | "$SRC/extensions/lacrash" -s "$CASE/vmlinux" part.2 2>&1; '
                         'echo "status $?"')
    report.check("... or only that without the kernel", re.search(
        r"split dump: the part with 0x0-0x[0-9a-f]+ was not given", done.stdout) and
        "nothing in the dump fits this vmlinux" in done.stdout and "status 0" in done.stdout, done.stdout)
    for name in ("part.1", "part.2"):
        os.remove(os.path.join(session.where, name))


def partial(session, name, missing):
    """Is a session on half a dump one that works? @missing is a page that its file does not have."""
    done = session.crash(f'printf "lapanic\\nlamem\\nlamem -p {missing:x}\\nrd -p {missing:x}\\nq\\n" | '
                         f'"$SRC/extensions/lacrash" -s "$CASE/vmlinux" {name} 2>&1; echo "status $?"')
    text = done.stdout
    place = text[text.find(f" ADDRESS: {missing:x}"):]
    return ("VERDICT: panic (certain): sysrq" in text and re.search(r"^ +[0-9a-f]+  [.#+]*\?{8,}$", text, re.M) and
            re.search("^WARNING: lakvm: (split dump: the part from|marked as incomplete)", text, re.M) and
            re.search(r"DUMP: missing\n  UNREAD: .*(was not given|never written)", place) and
            re.search("^rd: page incomplete: physical", text, re.M) and text.endswith("status 0\n")), text


def check_incomplete(report, case, dump):
    """What makedumpfile leaves when the disk is full: pages without descriptors, and a mark for it."""
    session = Session(case, dump, "incomplete")
    with open(os.path.join(case, dump), "rb") as file:
        pages, data = reblock.Dump(file), bytearray(file.read())
    status, block, sub_blocks, bitmap_blocks = struct.unpack_from("<IiiI", data, 424)
    struct.pack_into("<I", data, 424, status | 0x8)  # DUMP_DH_COMPRESSED_INCOMPLETE
    table, count = block * (1 + sub_blocks + bitmap_blocks), len(pages.offsets)
    first, end = (table + index * reblock.DESCRIPTOR_SIZE for index in (count * 4 // 5, count))
    data[first:end] = bytes(end - first)
    with open(os.path.join(session.where, "part"), "wb") as file:
        file.write(data)
    report.check("an incomplete dump: a session that says so", *partial(session, "part", 0x2a0000000))
    os.remove(os.path.join(session.where, "part"))


def stored_pages(case, dump):
    """(physical address, bytes) of the pages that are not zero, in the order of the file, and a dump."""
    plain = tempfile.TemporaryFile()
    with open(os.path.join(case, dump), "rb") as source:
        reblock.unflatten(source, plain)
    plain.flush()
    pages = reblock.Dump(plain)
    found = sorted((pages.offsets[index], frame * pages.block, index) for frame, index in pages.pages()
                   if pages.offsets[index] != pages.zero)
    return [(pa, pages.page(index)) for _, pa, index in found], pages


def check_shrinks(report, case, dump, stored):
    """The file loses its second half while it is open. A mapping of it would make SIGBUS of that."""
    early, late = stored[5:len(stored) // 10:50], stored[-len(stored) // 10::50]
    session = Session(case, dump, "shrinks")
    read = [f"rd -p {pa:x} 2 >> early" for pa, _ in early]
    with open(os.path.join(session.where, "input"), "w") as file:
        file.write("\n".join(read[::2] + ["!truncate -s $((SIZE / 2)) shrinks", "!stat -c %s shrinks > size"] +
                             read[1::2] + [f"rd -p {pa:x} 2" for pa, _ in late] +
                             ["lamem -p " + " ".join(f"{pa:x}" for pa, _ in late) + " > late"] +
                             ["lapanic > lapanic", "lacpus > lacpus", "ps > ps", "bt -a > bt",
                              "log > log", "p jiffies > p", "q", ""]))
    done = session.crash(f'cp "$CASE/{dump}" shrinks && export SIZE=$(stat -c %s shrinks) && '
                         '"$SRC/extensions/lacrash" -s "$CASE/vmlinux" shrinks < input 2>&1; echo "status $?"')
    text = done.stdout
    size = os.path.getsize(os.path.join(case, dump))
    report.equal("a dump that shrinks while it is open: it did", session.read("size").strip(), str(size // 2))
    report.check("... and crash lives on", text.endswith("status 0\n") and not re.search(
        "bus error|segmentation|core dumped", text, re.I) and "jiffies" in session.read("p"), text)
    report.equal("... one line names the file", len(re.findall(
        "^crash: shrinks has become shorter since it was opened: ", text, re.M)), 1)
    got = [bytes.fromhex(a)[::-1] + bytes.fromhex(b)[::-1] for a, b in
           re.findall(r"^ *[0-9a-f]+: +([0-9a-f]{16}) ([0-9a-f]{16})", session.read("early"), re.M)]
    report.equal(f"... what it still has reads as before, {len(early)} pages", got,
                 [data[:16] for _, data in early[::2] + early[1::2]])
    places = session.read("late").split(" ADDRESS: ")[1:]
    report.check(f"... lamem says of what it lost, {len(late)} pages, that the file is shorter",
                 len(places) == len(late) > 5 and all(
                     re.search(f"the file has become shorter: it ends at 0x{size // 2:x}$", place, re.M)
                     for place in places), session.read("late"))
    # A page that was read before, when crash started, may still be known: then it is the dump's.
    known = re.findall(r"^ *([0-9a-f]+): +([0-9a-f]{16}) ([0-9a-f]{16})", text, re.M)
    failed = len(re.findall("^rd: (?:page|seek|read)", text, re.M))
    report.equal("... rd gives no bytes of it but the dump's own", failed + len(known), len(late))
    report.check("... of few pages", failed > len(late) // 2 and all(
        bytes.fromhex(a)[::-1] + bytes.fromhex(b)[::-1] == dict(late)[int(pa, 16)][:16] for pa, a, b in known), known)
    os.remove(os.path.join(session.where, "shrinks"))


def check_picture(report, case, dump, pages):
    """lamem's picture and its cells against the descriptors as reblock.py reads them."""
    session = Session(case, dump, "picture")
    session.ask("json", "lamem -j")
    session.ask("text", "lamem")
    session.run()
    memory = json.loads(session.read("json"))
    size, zero, present = memory["cell_size"], collections.Counter(), collections.Counter()
    for frame, index in pages.pages():
        here = zero if pages.offsets[index] == pages.zero else present
        here[frame * pages.block // size] += pages.block
    report.equal(f"lamem: {len(memory['cells'])} cells of {size >> 20} MiB as the page descriptors have them",
                 [(int(c["start"], 16) // size, c["present"], c["zero"], c["excluded"], c["missing"])
                  for c in memory["cells"]],
                 [(i, present[i], zero[i], 0, 0) for i in sorted(set(zero) | set(present))])
    drawn = {}
    for start, row in re.findall(r"^ *([0-9a-f]+)  ([#+.x? ]+)$", session.read("text"), re.M):
        for i, character in enumerate(row):
            if character != " ":
                drawn[int(start, 16) // size + i] = character
    report.equal("... and its picture shows them", drawn, {
        i: "#" if present[i] and present[i] >= zero[i] else "+" if present[i] else "."
        for i in set(zero) | set(present)})


def check_raw(report, case, dump):
    """Raw RAM files: crash reads them, lakvm does not, and has to leave them to it."""
    session = Session(case, dump, "raw")
    names, edges = ("low", "high"), (0, 0x80000000)
    files = [open(os.path.join(session.where, name), "wb") for name in names]
    with tempfile.TemporaryFile() as plain, open(os.path.join(case, dump), "rb") as source:
        reblock.unflatten(source, plain)
        plain.flush()
        pages = reblock.Dump(plain)
        for frame, index in pages.pages():
            pa = frame * pages.block
            which = int(pa >= edges[1])
            if pages.offsets[index] != pages.zero:
                files[which].seek(pa - edges[which])
                files[which].write(pages.page(index))
            files[which].truncate(pa - edges[which] + pages.block)
    for file in files:
        file.close()
    done = session.crash('printf "lacpus\\nkmem -i\\nlapanic\\nlamem\\nq\\n" | "$SRC/extensions/lacrash" -s '
                         '"$CASE/vmlinux" low@0x0,high@0x80000000 2>&1; echo "status $?"')
    report.check("raw RAM files open through crash's own reader", re.search(r"TOTAL MEM +\d{6}", done.stdout)
                 and "VERDICT: panic" in done.stdout and "status 0" in done.stdout, done.stdout)
    report.check("... without registers, and saying so", "no register notes" in done.stdout, done.stdout)
    for name in names:
        os.remove(os.path.join(session.where, name))


def check_ordinary(report, case, dump):
    """A session that crash could start by itself, here with 16 KiB blocks."""
    session = Session(case, dump, "ordinary")
    with open(os.path.join(session.where, "input"), "w") as file:
        file.write("bt > before\nextend $LAKVM\nbt > loaded\nlacpus\nvtop fffffffffffe0000 > vtop\n"
                   "extend -u $LAKVM\nbt > after\nlacpus\nq\n")
    done = session.crash('sed -i "s|[$]LAKVM|$LAKVM_SO|" input && '
                         f'crash -s "$CASE/vmlinux" "$CASE/{dump}" < input 2>&1; echo "status $?"')
    report.check("an ordinary session: crash's bt shows no stack, lakvm's does",
                 " #1 " not in session.read("before") and " #1 " in session.read("loaded") and
                 "panic" in session.read("loaded"), session.read("loaded"))
    report.check("... lacpus lists the CPUs that crash does not count", len(re.findall(
        r"^ +\d+ +\d+ +stopped", done.stdout, re.M)) == 3, done.stdout)
    report.check("... and says what crash had counted wrongly before", "counts 1 of 4 CPUs" in done.stdout,
                 done.stdout)
    report.check("... and unloading brings crash's own bt back", session.read("after") ==
                 session.read("before") and "command not found: lacpus" in done.stdout and
                 "status 0" in done.stdout, done.stdout + session.read("after"))


def read_snapshot(path):
    words, mapped, heap = {}, [], 0
    with open(path) as file:
        for line in file:
            if line.startswith("# mapped"):
                start, end = line.split()[2].split("-")
                mapped.append((int(start, 16), int(end, 16)))
            elif line.startswith("# heap"):
                heap = int(line.split()[2])
            else:
                name, value = line.split()
                words[name] = int(value, 16)
    return words, mapped, heap


def check_loads(report, case, dump, loads):
    """Everything overridden is back each time, and memory does not grow."""
    load, unload = "extend $LAKVM > /dev/null", "extend -u $LAKVM > /dev/null"
    commands = ["extend $SNAP > /dev/null", "lasnap before", load, "lasnap loaded", unload, "lasnap first"]
    for i in range(2, loads + 1):
        commands += [load, unload]
        if i == 20:
            commands.append("lasnap twenty")
    commands.append("lasnap last")
    session, lines = minimal(case, dump, "loads", commands,
                             prepare='sed -i "s|[$]LAKVM|$LAKVM_SO|; s|[$]SNAP|$BUILT/snapshot.so|" '
                             'input')
    report.equal(f"{loads} loads: an ordinary end", lines[-1:], ["status 0"])
    try:
        shots = {name: read_snapshot(os.path.join(session.where, name))
                 for name in ("before", "loaded", "first", "twenty", "last")}
    except OSError as error:
        report.check("snapshots were written", False, f"{error}\n" + "\n".join(lines[-10:]))
        return
    mapped = shots["loaded"][1]

    def ours(words):
        return {k: hex(v) for k, v in words.items() if any(a <= v < b for a, b in mapped)}

    report.check("while loaded, crash's tables do point into lakvm", len(ours(shots["loaded"][0])) >= 8,
                 ours(shots["loaded"][0]))
    report.equal("after the first unload nothing points into lakvm", ours(shots["first"][0]), {})
    report.equal(f"after {loads} unloads nothing points into lakvm", ours(shots["last"][0]), {})
    changed = {k for k in set(shots["first"][0]) | set(shots["last"][0])
               if shots["first"][0].get(k) != shots["last"][0].get(k)}
    # command line history and the like move on in crash's own context
    changed = {k for k in changed if not k.startswith("program_context")} | {
        k for k in changed if k.startswith("program_context") and
        shots["before"][0].get(k) == shots["first"][0].get(k) == shots["twenty"][0].get(k)}
    report.equal(f"load 2 to {loads} changed nothing in crash's tables", changed, set())
    back = {k: (hex(v), hex(shots["first"][0].get(k, 0))) for k, v in shots["before"][0].items()
            if k.startswith(("machdep_table", "linux_command_table")) and shots["first"][0].get(k) != v and
            v >> 32}  # small numbers beside pointers are set by crash's own start-up
    report.check("what was in machdep before loading is there after unloading", not back, back)
    growth = (shots["last"][2] - shots["twenty"][2]) / (loads - 20)
    report.check(f"memory: {growth:.0f} bytes a load after the 20th, crash's own history of commands included",
                 growth < 512, shots["last"][2])


def main():
    case, dump = os.path.abspath(sys.argv[1]), sys.argv[2]
    report = Report("robust")
    check_wrong_vmlinux(report, case, dump)
    check_twice(report, case, dump)
    check_layout(report, case, dump)
    check_release(report, case, dump)
    check_truncated(report, case, dump)
    check_split(report, case, dump)
    check_incomplete(report, case, "dump.16k")
    stored, pages = stored_pages(case, dump)
    check_shrinks(report, case, dump, stored)
    check_picture(report, case, dump, pages)
    check_raw(report, case, dump)
    check_ordinary(report, case, "dump.16k")
    check_loads(report, case, dump, int(sys.argv[3]) if len(sys.argv) > 3 else 60)
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
