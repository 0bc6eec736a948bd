#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""latriage: what is found, judged and kept, and what goes wrong on the way.

Usage: latriage.py LADUMP MKDUMP; prints "ok - " or "not ok - " lines. Most runs have a stand-in for ladump that does what the
dump's name says.
"""
import fcntl, html.parser, json, os, resource, shutil, signal, sqlite3, struct, subprocess, sys, tempfile, time

ladump, mkdump = (os.path.abspath(path) for path in sys.argv[1:3])
os.environ.pop("PYTHONUNBUFFERED", None)  # as where people work: output is kept back, and fails late
LATRIAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../extensions/latriage")
failed = 0
# How long a judge that hangs is waited for: the others must be done by then, on a busy machine too.
PATIENCE = "5"
HOSTILE = "</script><img src=x onerror=alert(1)>\"'&\x1b[31m\u202e'); DROP TABLE dump;--"

STANDIN = f"#!{sys.executable} -IS" + """
import json, os, signal, sys, time
if sys.argv[1] == "--version":
    print("ladump (lakvm) 9.9"); sys.exit()
path = sys.argv[-1]; name = os.path.basename(path if os.path.isdir(path) else os.path.dirname(path))
with open(os.environ["ASKED"], "a", errors="surrogateescape") as file: file.write(name + "\\n")
with open(os.environ["ASKED"] + ".args", "w") as file: json.dump(sys.argv, file)
if name.startswith("slow"): time.sleep(30)
if name.startswith("wait"): time.sleep(0.1)
if name.startswith("kill"): os.kill(os.getpid(), signal.SIGKILL)
if name.startswith("huge"): x = bytearray(8 << 30)
if name.startswith("gone"):
    import shutil; shutil.rmtree(os.path.dirname(path))
if name.startswith("grow"): open(path, "ab").write(b"more")
if name.startswith("bad"): print("ladump: no dump that can be read\\x1b[31m", file=sys.stderr); sys.exit(1)
if name.startswith("text"): print("not JSON"); sys.exit()
if name.startswith("list"): print("[]"); sys.exit()
word = os.environ["HOSTILE"] if name.startswith("hostile") else name.split("-")[0]
print("ladump: no vmlinux of build-id 1234", file=sys.stderr)
print(json.dumps({"schema": "lakvm.panic/1", "kind": "panic", "confidence": "certain", "message": word, "summary": word, "release": word,
    "cause": {"kind": "page-fault"}, "signature": {"hash": (word.encode().hex() + "0" * 16)[:16], "text": word}}))
"""


def check(name, good, detail=""):
    global failed
    failed += not good
    print(f"{'ok' if good else 'not ok'} - latriage: {name}", *([] if good else [f"\n  {detail}"]), flush=True)


def put(path, data, old=True):
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)
    if old:
        os.utime(path, (1700000000, 1700000000))
    return path


def dump(name, data=b"KDUMP   "):
    return put(f"{name}/dump", data)


def run(*words, **more):
    return subprocess.run([LATRIAGE, "--db", "db", *words], capture_output=True, text=True, errors="surrogateescape", check=False, **more)


def asked():
    """What was judged since the last time."""
    try:
        with open("asked", errors="surrogateescape") as file:
            names = sorted(file.read().split())
        os.unlink("asked")
        return names
    except FileNotFoundError:
        return []


def known(*words):
    return json.loads(run("--json", *words).stdout)


def counts(answer):
    return {group["message"]: group["count"] for group in answer["groups"]}


def paths(answer):
    return sorted(dump["path"] for group in answer["groups"] for dump in group["dumps"])


def lines(got):
    return got.stderr.splitlines()


def new():
    for name in os.listdir("."):
        shutil.rmtree(name) if os.path.isdir(name) else os.unlink(name)


def what_is_found():
    for name in ("d/a-1", "d/a-2", "d/b-1"):
        dump(name)
    put("d/elf/dump", b"\x7fELF\2\1\1" + bytes(9) + b"\4\0\2\1" + bytes(40))
    put("d/flat/dump", b"makedumpfile\0\0\0\0")
    for name, data in (("vmlinux", b"\x7fELF\2\1\1" + bytes(9) + b"\2\0\2\1"), ("x86.core", b"\x7fELF\2\1\1" + bytes(9) + b"\4\0\x3e\0"),
                       ("text", b"KDUMP"), ("empty", b"")):
        put(f"d/{name}", data)
    put("d/folder/memory", b"KDUMP   ")
    put("d/folder/registers", b"CPU#0")
    put("d/folder/manifest", b"lavirsh-dump 1\nend\n")
    put("d/.lavirsh-dump.abcdef/memory", b"KDUMP   ")
    os.mkfifo("d/pipe")
    os.symlink("nowhere", "d/dangling")
    os.symlink(".", "d/circle")
    got = run("d")
    names = asked()
    check("dumps are found by their bytes, other files, pipes and links passed over", got.returncode == 0 and
          names == ["a-1", "a-2", "b-1", "elf", "flat", "folder"] and not got.stderr, f"{names} {got}")
    check("a folder of lavirsh-dump is one dump", counts(known()).get("folder") == 1)
    run("--again", "d/folder")
    with open("asked.args") as file:
        args = json.load(file)
    check("ladump is given the folder", args[1:] == ["-p", "-j", "--", os.path.realpath("d/folder")], args)
    check("groups have counts", counts(known()) == {"a": 2, "b": 1, "elf": 1, "flat": 1, "folder": 1}, known())
    text = run().stdout
    check("text has count, hash, verdict, time, kernels, an example", all(part in text for part in (
        "6 dumps in 5 groups, 0 without a verdict", "    2  6100000000000000  panic (certain): a", "2023-11-14 22:13 to 2023-11-14 22:13 UTC",
        "kernels: a", "note:    2 × no vmlinux of build-id 1234", f":{os.path.realpath('d/a-2/dump')}")), text)


def only_what_is_new():
    for name in ("d/a-1", "d/a-2", "d/b-1"):
        dump(name)
    run("d")
    asked()
    check("what is known is not judged again", run("d").returncode == 0 and not asked())
    put("d/a-1/dump", b"KDUMP   other")
    shutil.copy("d/a-2/dump", "copy")
    os.utime("copy", (1700000000, 1700000000))
    os.rename("copy", "d/a-2/dump")
    run("d")
    check("what has another size or is another file is", asked() == ["a-1", "a-2"])
    put("d/b-1/dump", b"KDUMP  !")
    put("d/b-1/dump", b"KDUMP   ")
    with open("d/b-1/dump", "r+b") as file:
        file.write(b"makedumpfile\0"[:8])
    os.utime("d/b-1/dump", (1700000000, 1700000000))
    put("d/a-2/dump", b"KDUMP  \x20")
    got = run("d")
    check("what is no dump any more is passed over", got.returncode == 0 and asked() == [])
    check("--again judges all", run("--again", "d").returncode == 0 and asked() == ["a-1", "a-2"])
    check("--noted what had no vmlinux", run("--noted", "d").returncode == 0 and asked() == ["a-1", "a-2"])
    put("d/new-1/dump", b"KDUMP   ", old=False)
    got = run("d")
    check("what was just written is left for later, and said", got.returncode == 1 and asked() == [] and "1 still being written" in
          got.stderr, got)
    check("--settle 0 takes it", run("--settle", "0", "d").returncode == 0 and asked() == ["new-1"])
    dump("d/grow-1")
    got = run("d")
    check("what is written to while it is judged is not kept", got.returncode == 1 and "written to meanwhile" in got.stderr and
          "grow" not in counts(known()), got)


def what_goes_wrong():
    for name in ("d/good-1", "d/kill-1", "d/slow-1", "d/bad-1", "d/text-1", "d/list-1", "d/huge-1", "d/gone-1", "d/zgood-2"):
        dump(name)
    dump("d/secret-1")
    got = run("-j2", "--timeout", PATIENCE, "d")
    answer = known()
    reasons = {dump["path"].split("/")[-2]: (dump["state"], dump["reason"]) for dump in answer["failed"]}
    check("one that fails does not keep others from being judged", counts(answer) == {"good": 1, "zgood": 1, "secret": 1}, answer)
    check("each has its reason", reasons.get("kill-1") == ("broken", "ladump was ended by SIGKILL") and
          reasons.get("slow-1") == ("broken", f"no answer within {PATIENCE} s") and reasons.get("text-1", [0])[0] == "broken" and
          reasons.get("list-1", [0])[0] == "broken" and "huge-1" in reasons and
          reasons.get("bad-1") == ("failed", "no dump that can be read\x1b[31m"), reasons)
    check("a line each on standard error, without control characters", got.returncode == 1 and "\x1b" not in got.stderr and
          sum("kill-1" in line for line in lines(got)) == 1 and sum("gone-1" in line for line in lines(got)) == 1, got.stderr)
    check("the text has them too", "\\x1b[31m" in run().stdout and "\x1b" not in run().stdout, run().stdout)
    asked()
    run("--timeout", PATIENCE, "d")
    again = asked()
    check("a second run takes what broke off, and nothing else", set(again) >= {"kill-1", "slow-1", "text-1"} and
          not set(again) & {"good-1", "bad-1", "zgood-2"}, again)
    run("--timeout", PATIENCE, "d")
    asked()
    run("--timeout", PATIENCE, "d")
    check("after three times it is given up", asked() == [])
    if os.geteuid():
        os.chmod("d/secret-1/dump", 0)
        got = run("--again", "d/secret-1")
        check("one that may not be read is a line", got.returncode == 1 and "Permission denied" in got.stderr, got)
    got = run("nowhere", "d/good-1/nothing", "asked")
    check("what is not there is a line each", got.returncode == 1 and len(lines(got)) == 3, got.stderr)


def hostile():
    name = os.fsdecode(b"d/hostile-\xff\n<b>'\"")
    dump(name)
    dump("d/a\u202e\x1b-1")
    got = run("d", "--html", "page")
    check("hostile names and texts are judged", got.returncode == 0 and len(asked()) >= 2, got)
    check("and escaped in text", "\x1b" not in got.stdout and "\u202e" not in got.stdout and "\\xff\\x0a<b>'\"" in got.stdout, got.stdout)
    with open("page", encoding="utf-8") as file:
        page = file.read()
    tags = []
    parser = html.parser.HTMLParser()
    parser.handle_starttag = lambda tag, attrs: tags.append((tag, [key for key, _ in attrs if key.startswith("on")]))
    parser.feed(page)
    check("in the page", not {"script", "img", "b"} & {tag for tag, _ in tags} and not any(keys for _, keys in tags) and
          "&lt;/script&gt;&lt;img src=x" in page and "\x1b" not in page and "\u202e" not in page, tags)
    check("in JSON they are as they are", HOSTILE in counts(known()), known())
    with sqlite3.connect("db") as db:
        check("in the database too, paths as bytes", db.execute("SELECT count(*) FROM dump WHERE path = ? AND summary = ?", (
            os.fsencode(os.path.realpath(name) + "/dump"), HOSTILE)).fetchone() == (1,))


def databases():
    dump("d/a-1")
    run("d")
    for words, damage in (
            ("newer latriage", lambda: sqlite3.connect("db").execute("PRAGMA user_version = 2").connection.close()),
            ("something else", lambda: (os.unlink("db"), sqlite3.connect("db").execute("CREATE TABLE x (y)").connection.close())),
            ("damaged", lambda: put("db", b"no database at all" * 100)),
            ("damaged", lambda: put("db", whole[:4096] + b"\xff" * (len(whole) - 4096)))):
        sqlite3.connect("db").execute("PRAGMA wal_checkpoint(TRUNCATE)").connection.close()
        with open("db", "rb") as file:
            whole = file.read()
        damage()
        for end in ("-wal", "-shm"):
            if os.path.exists("db" + end):
                os.unlink("db" + end)
        asked()
        got = run("d")
        check(f"a database that is {words}: one line, and it stays as it is", got.returncode == 1 and words in got.stderr and
              len(lines(got)) == 1 and not asked(), got)
        put("db", whole)
    check("the good one is still good", counts(known()) == {"a": 1})
    os.mkfifo("pipe")
    try:
        got = subprocess.run([LATRIAGE, "--db", "pipe", "d"], capture_output=True, text=True, timeout=20, check=False)
    except subprocess.TimeoutExpired as got:
        check("a FIFO is no database", False, got)
    else:
        check("a FIFO is no database", got.returncode == 1 and "pipe: not a regular file" in got.stderr and len(lines(got)) == 1, got)
    holder = sqlite3.connect("db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    dump("d/b-1")
    got = run("d", env={**os.environ, "LATRIAGE_WAIT_S": "0.2"})
    check("one that another run holds: one line", got.returncode == 1 and "another run" in got.stderr and len(lines(got)) == 1, got)
    holder.execute("ROLLBACK")
    holder.close()
    check("and the next run finishes", run("d").returncode == 0 and counts(known()) == {"a": 1, "b": 1})


def killed_in_the_middle():
    for i in range(12):
        dump(f"d/wait-{i:02}")
    with subprocess.Popen([LATRIAGE, "--db", "db", "-j1", "d"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as child:
        while len(os.path.exists("asked") and open("asked").readlines() or []) < 3:
            time.sleep(0.02)
        child.kill()
    first = asked()
    done = counts(known()).get("wait", 0)
    got = run("-j4", "d")
    second = asked()
    check("killed in the middle: what was judged stays, and the second run judges the rest", got.returncode == 0 and
          len(first) - 1 <= done <= len(first) and len(second) == 12 - done and counts(known()) == {"wait": 12}, f"{first} {done} {second}")
    dump("d/slow-1")
    # a shell's job in the background is started with the interrupt ignored
    with subprocess.Popen([LATRIAGE, "--db", "db", "d"], stderr=subprocess.PIPE, text=True,
                          preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler)) as child:
        while not os.path.exists("asked"):
            time.sleep(0.02)
        began = time.monotonic()
        child.send_signal(signal.SIGINT)
        said = child.stderr.read()
    check("an interrupt ends it at once, and the judging processes", child.returncode == 130 and time.monotonic() - began < 5 and
          "interrupted" in said.splitlines()[-1], said)


def many_machines():
    for name in ("d/a-1", "d/bad-1", "d/hostile-1"):
        dump(name)
    listed = run("--list", "-0", "d").stdout.split("\0")
    check("--list names what there is to judge", [path.split("/")[-2] for path in listed[:-1]] == ["a-1", "bad-1", "hostile-1"], listed)
    put("d/new\nline-1/dump", b"KDUMP   ")
    got = run("--list", "d")
    check("a name with a new line is listed with -0 only", got.returncode == 1 and got.stdout.count("\n") == 3 and "-0" in got.stderr, got)
    rows = "".join(run("--one", path).stdout for path in listed[:-1])
    check("--one needs no database", rows.count("\n") == 3 and not os.path.exists("db"), rows)
    put("rows", rows.encode() + b"{}\nnonsense\n" + json.dumps({"schema": "latriage.row/1", "path": 3}).encode() + b"\n" +
        rows.splitlines()[0].replace('"size": 8', '"size": -1').encode() + b"\n")
    got = run("--import", "rows", "--import", "nowhere")
    check("--import takes what it said, and names what is none of that", got.returncode == 1 and len(lines(got)) == 5 and
          "line 4" in got.stderr and counts(known()) == {"a": 1, HOSTILE: 1} and len(known()["failed"]) == 1, got)
    asked()
    got, names = run("d"), asked()
    check("what was imported of this machine is not judged again", names == ["line-1", "new"], f"{names} {got}")


def pack(name, *members, words=("-I", "zstd -q")):
    subprocess.run(["tar", *words, "--force-local", "-cf", name, *members], check=True)
    os.utime(name, (1700000000, 1700000000))


def archives():
    if not shutil.which("zstd"):
        print("skip - latriage: no zstd")
        return
    os.makedirs("d:e")
    os.makedirs("temporary")
    more = {"env": {**os.environ, "TMPDIR": os.path.abspath("temporary")}}
    for name in ("x-1", "link-1", "slow-1"):
        put(f"{name}/memory", b"KDUMP   ")
        put(f"{name}/manifest", b"lavirsh-dump 1\nend\n")
        pack(f"d:e/{name}.tar.zst", name)
    os.unlink("link-1/memory")
    os.symlink("/etc/passwd", "link-1/memory")
    pack("d:e/link-1.tar.zst", "link-1")
    put("plain", b"KDUMP   ")
    pack("d:e/other.tar.zst", "plain")
    with open("d:e/x-1.tar.zst", "rb") as file:
        put("d:e/cut.tar.zst", file.read()[:-20])
    put("d:e/text.tar.zst", b"no archive")
    for name in ("old", "held", "young"):
        os.makedirs(f"temporary/latriage.{name}/archive")
        if name != "young":
            os.utime(f"temporary/latriage.{name}", (1700000000, 1700000000))
    holder = os.open("temporary/latriage.held", os.O_RDONLY)
    fcntl.flock(holder, fcntl.LOCK_EX)
    got = run("--timeout", PATIENCE, "d:e", **more)
    os.close(holder)
    answer = known()
    reasons = {os.path.basename(dump["path"]): (dump["state"], dump["reason"]) for dump in answer["failed"]}
    check("an archive of lavirsh-dump is judged as its folder", got.returncode == 1 and counts(answer) == {"x": 1} and
          answer["groups"][0]["dumps"][0]["path"] == os.path.realpath("d:e/x-1.tar.zst"), f"{answer} {got}")
    check("another, a damaged one, one with a link have their reasons", set(reasons) == {"other.tar.zst", "cut.tar.zst", "link-1.tar.zst",
          "slow-1.tar.zst"} and reasons["other.tar.zst"] == reasons["link-1.tar.zst"] == ("failed", "no folder of lavirsh-dump is in it") and
          reasons["cut.tar.zst"][0] == "broken" and "cannot be unpacked" in reasons["cut.tar.zst"][1], reasons)
    check("what was unpacked is removed, and what a killed run left, but not what another holds",
          sorted(os.listdir("temporary")) == ["latriage.held", "latriage.young"], os.listdir("temporary"))
    asked()
    run("d:e/x-1.tar.zst", **more)
    check("what is known is not unpacked again", not asked())
    run("--again", "--vmlinux-dir", "some", "d:e/x-1.tar.zst", **more)
    with open("asked.args") as file:
        args = json.load(file)
    check("a vmlinux is looked for beside the archive", args[3] == "-D" and args[4].startswith("some:") and
          args[4].split(":")[1].endswith("/beside") and os.path.dirname(args[-1]).endswith("/archive"), args)
    os.makedirs("bin")
    for name in ("tar", "env", "python3"):
        os.symlink(shutil.which(name), f"bin/{name}")
    got = run("--again", "d:e/x-1.tar.zst", env={**more["env"], "PATH": os.path.abspath("bin")})
    os.makedirs("small")
    put("small/stat", b'#!/bin/sh\necho "256 * 4096"\n')
    os.chmod("small/stat", 0o755)
    put("x-1/more", b"x" * (2 << 20))
    pack("large.tar.zst", "x-1")
    full = run("--again", "large.tar.zst", env={**more["env"], "PATH": os.path.abspath("small") + ":" + os.environ["PATH"]})
    check("an archive that unpacks to more than is free", full.returncode == 1 and "nine tenths of what is free" in full.stdout + full.stderr and
          set(os.listdir("temporary")) <= {"latriage.held", "latriage.young"}, (full, os.listdir("temporary")))
    run("--again", "large.tar.zst", **more)
    check("... is taken where there is room", counts(known()) == {"x": 2}, known())
    check("without zstd a line says so", got.returncode == 1 and "zstd is needed" in got.stderr and len(lines(got)) == 1 and
          counts(known()) == {"x": 2}, got)


def split_dumps():
    put("text", b"kdump\nsplit 3\nram 0 16M words\n")
    put("text2", b"kdump\nsplit 2\nram 0 8M words\n")
    for text, name in (("text", "d/part"), ("text2", "d/qart")):
        os.makedirs("d", exist_ok=True)
        subprocess.run([mkdump, text, name], check=True)
    for name in os.listdir("d"):
        os.utime(f"d/{name}", (1700000000, 1700000000))
    parts = [os.path.realpath(f"d/part{end}") for end in ("", ".1", ".2")]
    os.rename(parts[0], "late")
    run("d")
    check("parts of a split dump are one", paths(known()) == [parts[1], os.path.realpath("d/qart")], known())
    os.rename("late", parts[0])
    got = run("d")
    with open("asked.args") as file:
        args = json.load(file)
    answer = known()
    check("all are given, and one that comes later is judged with the others", args[-4:] == ["--", *parts] and got.returncode == 0 and
          paths(answer) == [parts[0], os.path.realpath("d/qart")], f"{args} {answer}")
    asked()
    check("once", run("d").returncode == 0 and not asked())
    row = json.loads(run("--one", parts[1]).stdout)
    check("--one of a part takes the set", row["path"] == parts[0] and row["size"] == sum(map(os.path.getsize, parts)), row)
    listed = run("--list", "--db", "none", *parts, "d").stdout.split()
    check("--list names a set once", listed == [parts[0], os.path.realpath("d/qart")], listed)
    got = run("--again", "--json", "--memory", "0", "d", env={**os.environ, "LADUMP": ladump})
    answer = json.loads(got.stdout)
    check("ladump takes them", got.returncode == 0 and sum(group["count"] for group in answer["groups"]) == 2 and
          not answer["failed"], answer)
    shutil.copy2(parts[1], "d/copy")
    got = run("--json", "--memory", "0", "d", env={**os.environ, "LADUMP": ladump})
    reasons = [dump["reason"] for dump in json.loads(got.stdout)["failed"]]
    check("one that is there twice is said", len(reasons) == 1 and "holds the same page frames" in reasons[0], got)


def pages_and_output():
    dump("d/a-1")
    os.symlink("page", "link")
    for path, words in (("link", "not a regular file"), ("/dev/full", "not a regular file"), ("none/page", "No such file")):
        got = run("d", "--html", path)
        check(f"--html {path} is refused", got.returncode == 1 and words in got.stderr and len(lines(got)) == 1, got)
    run("--html", "page")
    before = os.stat("page")

    def limited():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (200, 200))
    put("ready.db", b"")
    got = run("--html", "page", preexec_fn=limited)
    check("a page that there is no room for: one line, the old one stays", got.returncode == 1 and len(lines(got)) == 1 and
          os.stat("page").st_ino == before.st_ino and not [name for name in os.listdir(".") if name.startswith("page.")], got)
    with open("/dev/full", "w") as full:
        got = subprocess.run([LATRIAGE, "--db", "db"], stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    check("output that does not arrive is no success", got.returncode == 1 and "No space left" in got.stderr and len(lines(got)) == 1, got)
    check("wrong usage is 2", run("--jobs", "0", "d").returncode == 2 and run("--one").returncode == 2 and run("--nonsense").returncode == 2)
    check("--version", run("--version").stdout == "latriage (lakvm) 9.9\n")
    got = subprocess.run([LATRIAGE, "--db", "other"], capture_output=True, text=True, check=False)
    check("nothing judged yet is said", got.returncode == 1 and "name a folder" in got.stderr and not os.path.exists("other"), got)


def lines_of_others():
    """What --import is given may be anything, and is a line each."""
    dump("d/a-1")
    row = json.loads(run("--one", "d/a-1").stdout)
    other = {**row, "path": "/other", "verdict": {"schema": "lakvm.panic/1", "kind": "panic", "signature": row["verdict"]["signature"]}}
    bad = [b"[" * 200000, json.dumps({**row, "seconds": float("nan")}).encode(), json.dumps({**row, "path": "/\ud800"}).encode(),
           json.dumps({**row, "host": None}).encode()]
    put("rows", b"\n".join([*bad, *(json.dumps(one).encode() for one in (row, other, {**row, "path": "/old", "mtime_ns": -5}))]) + b"\n")
    got = run("--import", "rows")
    check("lines without end, of no number, no character, no host are told, each in a line", got.returncode == 1 and
          len(lines(got)) == len(bad) and counts(known()) == {"a": 3}, got)


def surroundings():
    """Descriptors, encodings, variables."""
    put("d/\u4e2d-1/dump", b"KDUMP   ")
    got = run("d", env={**os.environ, "PYTHONIOENCODING": "ascii"})
    check("letters that the terminal has not are escapes", got.returncode == 0 and "1 \\xd7 no vmlinux" in got.stdout, got)
    got = subprocess.run(["sh", "-c", '"$0" --db db >&-', LATRIAGE], capture_output=True, text=True, check=False)
    check("a closed standard output is no success", got.returncode == 1 and "standard output: it is closed" in got.stderr and
          len(lines(got)) == 1, got)
    got = subprocess.run(["sh", "-c", '"$0" --db db --json nowhere 2>&-', LATRIAGE], capture_output=True, text=True, check=False)
    check("without standard error messages do not get into the answer", got.returncode == 1 and json.loads(got.stdout)["groups"], got)
    os.makedirs("home")
    place = {**os.environ, "XDG_DATA_HOME": "relative", "HOME": os.path.abspath("home")}
    got = subprocess.run([LATRIAGE, "d"], capture_output=True, text=True, check=False, env=place)
    check("a relative XDG_DATA_HOME is ignored", got.returncode == 0 and os.path.exists("home/.local/share/lakvm/triage.db") and
          not os.path.exists("relative"), got)
    got = subprocess.run([LATRIAGE, "d"], capture_output=True, text=True, check=False, env={**place, "HOME": ""})
    check("without a home a line says so", got.returncode == 1 and "HOME is not set" in got.stderr and not os.path.exists("~"), got)
    check("LATRIAGE_WAIT_S may be no number", run(env={**os.environ, "LATRIAGE_WAIT_S": "soon"}).returncode == 0)
    dump("d/slow-1")
    with subprocess.Popen([LATRIAGE, "--db", "db", "d"], stderr=subprocess.PIPE, text=True,
                          preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL)) as child:
        asked()
        while not os.path.exists("asked"):
            time.sleep(0.02)
        child.send_signal(signal.SIGHUP)
        said = child.stderr.read()
    check("a terminal that is closed ends it in order", child.returncode == 130 and "interrupted" in said, f"{child.returncode} {said}")


def odd_files():
    dump("d/a-1")
    run("d")
    for path in ("db", "d/a-1/dump", "rows"):
        put(path, b"precious") if path == "rows" else None
        with open(path, "rb") as file:
            before = file.read()
        got = run("--html", path)
        with open(path, "rb") as file:
            check(f"a page does not replace {path}", got.returncode == 1 and "no page" in got.stderr and file.read() == before, got)
    os.mkfifo("d/pipe")
    writer = subprocess.Popen(["sh", "-c", "exec 3>d/pipe; echo opened"], stdout=subprocess.PIPE)
    time.sleep(0.2)
    got = run("d")
    check("what is no file is not opened", got.returncode == 0 and writer.poll() is None, got)
    writer.kill()
    writer.communicate()
    head = bytearray(4096 + 104)
    head[:8] = b"KDUMP   "
    struct.pack_into("<i", head, 8, 6)
    struct.pack_into("<III", head, 428, 4096, 1, 1 << 28)
    struct.pack_into("<I", head, 4096 + 12, 1)
    put("d/sparse/dump", bytes(head))
    os.truncate("d/sparse/dump", 1 << 40)
    os.utime("d/sparse/dump", (1700000000, 1700000000))
    got = run("d", preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (20, 20)))
    check("a part that says it has a bitmap of 512 GiB takes no time", got.returncode == 0 and counts(known()) == {"a": 1, "sparse": 1}, got)
    if shutil.which("zstd"):
        put("x-1/manifest", b"lavirsh-dump 1\nend\n")
        os.mkfifo("x-1/memory")
        pack("d/x-1.tar.zst", "x-1")
        got = run("d")
        check("an archive's pipe is no memory", got.returncode == 0 and "x" not in counts(known()) and
              known()["failed"][0]["reason"] == "no folder of lavirsh-dump is in it", got)


def the_real_one():
    put("dump.txt", b"elf\nram 0 16M zero\n")
    os.makedirs("d/one")
    made = subprocess.run([mkdump, "dump.txt", "d/one/dump"], check=False)
    put("d/broken/dump", b"KDUMP   " + bytes(100))
    os.environ["LADUMP"] = ladump
    got = run("--settle", "0", "--memory", "0", "d", "--json")
    answer = json.loads(got.stdout)
    check("with ladump itself", made.returncode == 0 and got.returncode == 0 and len(answer["groups"]) == 1 and
          answer["groups"][0]["kind"] == "unknown" and len(answer["failed"]) == 1, got)


def main():
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)
        os.mkdir("work")
        put("standin", STANDIN.encode())
        os.chmod("standin", 0o755)
        os.environ.update(LADUMP=os.path.abspath("standin"), ASKED=os.path.join(folder, "work", "asked"), HOSTILE=HOSTILE)
        os.chdir("work")
        for test in (what_is_found, only_what_is_new, what_goes_wrong, hostile, databases, killed_in_the_middle, many_machines,
                     archives, split_dumps, pages_and_output, lines_of_others, surroundings, odd_files, the_real_one):
            new()
            test()
        os.chdir("/")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
