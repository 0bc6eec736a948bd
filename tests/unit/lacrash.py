#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""lacrash with a crash, a laconvert and a ladump that only tell what they were given.

  tests/unit/lacrash.py

Each test runs under every shell there is of dash and bash. Prints a line a test."""
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tarfile
import tempfile
import time

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGTERM, signal.SIGUSR1, signal.SIGALRM)
SHELLS = [s for s in ("dash", "bash") if shutil.which(s)]

# Writes what it was given to $TOLD; then does what $DO says.
CRASH = r"""#!/usr/bin/env python3
import json, os, signal, sys, time
commands = sys.argv[sys.argv.index("-i") + 1]
with open(commands, "rb") as file:
    lines = file.read().decode("utf-8", "surrogateescape")
words = [line.split()[1] for line in lines.splitlines() if line.startswith("extend ")]
told = {"args": sys.argv[1:], "lines": lines, "commands": commands, "extension": words and os.path.realpath(words[0]),
        "registers": os.environ.get("LAKVM_REGISTERS"), "host": os.environ.get("LAKVM_HOST"),
        "standard": [os.path.exists(f"/proc/self/fd/{i}") for i in range(3)]}
with open(os.environ["TOLD"] + ".new", "w") as file:
    json.dump(told, file)
interrupted = []
signal.signal(signal.SIGINT, lambda *_: interrupted.append(1))
os.rename(os.environ["TOLD"] + ".new", os.environ["TOLD"])
todo = os.environ.get("DO", "")
if todo == "interrupt":
    while not interrupted:
        time.sleep(0.01)
elif todo == "wait":
    while not os.path.exists(os.environ["TOLD"] + ".go"):
        time.sleep(0.01)
sys.exit(int(os.environ.get("STATUS", "0")))
"""
LACONVERT = r"""#!/bin/sh
if [ "$1" = --check ]; then
	[ "$(head -c 6 "$2")" = stream ]
	exit
fi
echo "$1" >> "$CONVERTED"
cat "$1" > "$2" && echo registers > "$2.registers"
"""
LADUMP = r"""#!/bin/sh
case $1 in
--version) echo "ladump (lakvm) 9.8.7" && exit ;;
--find-vmlinux)
	printf '%s\n' "$*" >> "$ASKED"
	for file do :; done
	case $file in
	*.xz) [ "$(head -c 7 "$file")" != vmlinux ] && exit 1 || echo "${file%.xz}" ;;
	*vmlinux) echo "$file" ;;
	*) [ "$FOUND" ] && printf '%s\n' "$FOUND" ;;
	esac
	exit
	;;
esac
for file do [ -f "$file" ] && printf '%s\n' "$file" >> "$LADUMPED"; done
echo 0x10000
"""


class Place:
    """An installed lacrash with fakes beside it, and a directory of files to open."""

    def __init__(self, shell, name="place", extension="lakvm.so"):
        self.shell, self.top = shell, tempfile.mkdtemp(prefix="lacrash-test-")
        self.bin = os.path.join(self.top, name, "bin")
        libraries = os.path.join(self.top, name, "lib64/crash/extensions")
        self.cwd = os.path.join(self.top, "cwd")
        self.tmp = os.path.join(self.top, "tmp")
        for directory in (self.bin, libraries, self.cwd, self.tmp):
            os.makedirs(directory)
        self.lacrash = os.path.join(self.bin, "lacrash")
        shutil.copy(os.path.join(TREE, "extensions/lacrash"), self.lacrash)
        for program, text in (("crash", CRASH), ("laconvert", LACONVERT), ("ladump", LADUMP)):
            self.write(os.path.join(self.bin, program), text)
            os.chmod(os.path.join(self.bin, program), 0o755)
        self.extension = os.path.join(libraries, extension)
        self.write(self.extension, "")
        self.told = os.path.join(self.top, "told")
        self.environment = {"PATH": self.bin + ":" + os.environ["PATH"], "HOME": os.path.join(self.top, "home"),
                            "CRASH": os.path.join(self.bin, "crash"),
                            "TMPDIR": self.tmp, "TOLD": self.told,
                            "CONVERTED": os.path.join(self.top, "converted"),
                            "ASKED": os.path.join(self.top, "asked"), "LADUMPED": os.path.join(self.top, "ladumped")}
        for name in ("vmlinux", "dump"):
            self.write(os.path.join(self.cwd, name), name)

    @staticmethod
    def write(path, text):
        with open(path, "w") as file:
            file.write(text)

    def start(self, *arguments, **environment):
        if os.path.exists(self.told):
            os.remove(self.told)
        # A shell cannot trap what was ignored when it began: SIGHUP under nohup, SIGINT in the background.
        return subprocess.Popen([self.shell, self.lacrash, *arguments], cwd=self.cwd, text=True, preexec_fn=lambda: [
                                    signal.signal(number, signal.SIG_DFL) for number in ENDING],
                                env={**self.environment, **environment}, start_new_session=True,
                                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def run(self, *arguments, **environment):
        """(exit status, what crash was given or None, standard error)"""
        process = self.start(*arguments, **environment)
        _, errors = process.communicate(timeout=60)
        told = None
        if os.path.exists(self.told):
            with open(self.told) as file:
                told = json.load(file)
        return process.returncode, told, errors

    def wait_for_crash(self):
        for _ in range(3000):
            if os.path.exists(self.told):
                return
            time.sleep(0.01)

    def lines_of(self, name):
        try:
            with open(os.path.join(self.top, name)) as file:
                return file.read().splitlines()
        except OSError:
            return []

    def left_over(self):
        return os.listdir(self.tmp)

    def close(self):
        shutil.rmtree(self.top)


failed = 0


def check(shell, what, good, seen=""):
    global failed
    print(f"{'ok' if good else 'not ok'} - lacrash ({shell}): {what}")
    if not good:
        failed = 1
        print("   ", str(seen)[-2000:])


def test_plain(shell):
    place = Place(shell)
    status, told, errors = place.run("vmlinux", "dump", STATUS="7")
    check(shell, "crash's exit status", status == 7, (status, errors))
    check(shell, "what crash is given", told and told["args"] == [
        "--minimal", "-i", told["commands"], "--kaslr=0x10000", "vmlinux", "dump"], told)
    check(shell, "a comment stands before extend", told and told["lines"].startswith("#") and
          told["lines"].splitlines()[1:] == ["extend " + place.extension], told)
    check(shell, "nothing is left", place.left_over() == [], place.left_over())
    place.write(os.path.join(place.bin, "../lakvm.so"), "")
    status, told, errors = place.run("vmlinux", "dump")
    check(shell, "what lies beside an installed one is not loaded",
          told["extension"] == os.path.realpath(place.extension), told)
    place.close()


def test_signals(shell):
    place = Place(shell)
    process = place.start("vmlinux", "dump", DO="interrupt", STATUS="5")
    place.wait_for_crash()
    os.killpg(process.pid, signal.SIGINT)
    process.communicate(timeout=60)
    check(shell, "after Ctrl-C in crash, its exit status", process.returncode == 5, process.returncode)
    check(shell, "... and nothing is left", place.left_over() == [], place.left_over())
    for number in ENDING:
        if number == signal.SIGINT:
            continue
        process = place.start("vmlinux", "dump", DO="wait")
        place.wait_for_crash()
        os.kill(process.pid, number)
        place.write(place.told + ".go", "")
        process.communicate(timeout=60)
        os.remove(place.told + ".go")
        check(shell, f"{signal.Signals(number).name}: nothing is left, and it says what it died of",
              place.left_over() == [] and process.returncode in (-number, 128 + number), (place.left_over(), process.returncode))
    place.close()


def test_killed(shell):
    place = Place(shell)
    process = place.start("vmlinux", "dump", DO="wait")
    place.wait_for_crash()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    left, = place.left_over()
    os.utime(os.path.join(place.tmp, left), (1, 1))
    place.run("vmlinux", "dump")
    check(shell, "after kill -9, as long as its crash lives, its files stay", place.left_over() == [left], place.left_over())
    place.write(place.told + ".go", "")
    process.communicate(timeout=60)
    os.remove(place.told + ".go")
    place.run("vmlinux", "dump")
    check(shell, "... and go at the next start", place.left_over() == [], place.left_over())
    other = os.path.join(place.tmp, "lacrash.AbC123")
    os.mkdir(other)
    os.utime(other, (time.time() - 600,) * 2)
    place.run("vmlinux", "dump")
    check(shell, "one that is not locked and ten minutes old may be in use, and stays",
          place.left_over() == [os.path.basename(other)], place.left_over())
    place.close()


def test_names(shell):
    for name in ("a b", "quote ' and \"", "back\\nslash \\c", "new\nline", "龙芯", "semi;colon > | $HOME `x`"):
        place = Place(shell, name=name)
        place.write(os.path.join(place.cwd, name), "x")
        status, told, errors = place.run("vmlinux", name)
        check(shell, f"an extension and a dump below {name!r}", status == 0 and told and
              told["extension"] == os.path.realpath(place.extension) and told["args"][-1] == name and
              place.lines_of("ladumped")[-len(name.splitlines()):] == name.splitlines(), (status, told, errors))
        status, told, errors = place.run("vmlinux", "dump", TMPDIR=os.path.join(place.top, name))
        check(shell, "... and a temporary directory there", status == 0 and told and " " not in told["commands"],
              (status, told, errors))
        place.close()


def test_options(shell):
    place = Place(shell)
    place.write(os.path.join(place.cwd, "8"), "")
    place.write(os.path.join(place.cwd, "in"), "bt\n")
    os.mkdir(os.path.join(place.cwd, "modules"))

    def given(*arguments):
        status, told, errors = place.run(*arguments)
        return told and told["args"][4:], told and told["lines"].splitlines()[2:], status, errors

    for option in (["-i", "in"], ["-iin"], ["-i", "in", "--no_panic"]):
        got = given(*option, "vmlinux", "dump")
        check(shell, f"{' '.join(option)}: its lines come after lakvm, and no second -i",
              got[:2] == (option[2:] + ["vmlinux", "dump"], ["bt"]), got)
    got = given("-si", "in", "vmlinux", "dump")
    check(shell, "-si FILE is -s and -i FILE", got[:2] == (["-s", "vmlinux", "dump"], ["bt"]), got)
    for option in (["-d", "8"], ["-d8"], ["--mod", "modules"], ["--mod=modules"], ["--hash", "8"], ["-m", "8"]):
        got = given("vmlinux", *option, "dump")
        check(shell, f"{' '.join(option)} is passed on", got[0] == ["vmlinux", *option, "dump"], got)
        got = given("vmlinux", *option)
        check(shell, "... and counts as no dump", got[0] is None and got[2] == 2 and "both existing" in got[3], got)
    check(shell, "ladump is asked about vmlinux and dump alone",
          set(place.lines_of("ladumped")) <= {"vmlinux", "dump"}, place.lines_of("ladumped"))
    if not shutil.which("ladump"):
        # as where lakvm.so and lacrash were copied, and nothing else
        os.rename(f"{place.bin}/ladump", f"{place.bin}/ladump.not")
        for option, lines in ([], 1), (["--kaslr=0x10000"], 0):
            status, told, errors = place.run("-s", *option, "vmlinux", "dump")
            check(shell, f"without ladump{' but with --kaslr=' if option else ''}: a session, and {lines} lines that say so",
                  told and told["args"][3:] == ["-s", *option, "vmlinux", "dump"] and
                  errors.count("\n") == errors.count("ladump not found") == lines, (status, told, errors))
        os.rename(f"{place.bin}/ladump.not", f"{place.bin}/ladump")
    else:
        print("skip - lacrash without ladump: not checked: this machine has one installed")
    for option, word in ((["-i", "modules"], "directory"), (["-i", "none"], "cannot be read"), (["-imodules"], "directory")):
        got = given("vmlinux", "dump", *option)
        check(shell, f"{' '.join(option)}: one line, and no session", got[0] is None and got[2] == 2 and
              word in got[3] and got[3].count("\n") == 1, got)
    got = given("vmlinux", "dump", "-i")
    check(shell, "-i without a file", got[0] is None and got[2] == 2 and "needs a file" in got[3], got)
    check(shell, "nothing is left after all that", place.left_over() == [], place.left_over())
    place.close()


def test_messages(shell):
    place = Place(shell)
    status, _, errors = place.run("-i", "bad\x1b[31m\n龙\u202e\x9b\u2066\u061cé", "vmlinux", "dump")
    check(shell, "a name in a message is fit for a terminal", status == 2 and
          "bad?[31m?龙????é: cannot be read" in errors and errors.count("\n") == 1, repr(errors))
    with open("/dev/full", "w") as full:
        for option in ("--help", "--cache"):
            got = subprocess.run([shell, place.lacrash, option], stdout=full, stderr=subprocess.PIPE, env=place.environment)
            check(shell, f"{option} that arrives nowhere fails, in its own words", got.returncode == 1 and
                  b"lakvm.so" not in got.stderr, got)
    place.close()


def test_closed(shell):
    place = Place(shell)
    for closed in ("<&-", ">&-", "2>&-", "<&- >&- 2>&-"):
        got = subprocess.run(["sh", "-c", f'exec "$0" "$@" {closed}', shell, place.lacrash, "vmlinux", "dump"], cwd=place.cwd,
                             env=place.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60)
        with open(place.told) as file:
            told = json.load(file)
        os.remove(place.told)
        check(shell, f"no file of crash's becomes a standard one ({closed})", got.returncode == 0 and told["standard"] == [True] * 3,
              (got, told))
    place.close()


def test_vmlinux(shell):
    place = Place(shell)
    place.write(os.path.join(place.cwd, "a b\n\u4e2d"), "a dump")
    for name in ("dump", "a b\n\u4e2d"):
        status, told, errors = place.run(name, "-s", "--debug-path=d:e f", FOUND="/some where/vmlinux")
        check(shell, f"{name!r} alone: ladump finds its vmlinux", told and
              told["args"][3:] == ["--kaslr=0x10000", "/some where/vmlinux", name, "-s"], (told, errors))
        check(shell, "... where --debug-path says, too", "\n".join(place.lines_of("asked")).endswith(
            f"--find-vmlinux -D d:e f -- {name}"), place.lines_of("asked"))
    status, told, errors = place.run("dump")
    check(shell, "a vmlinux that is not found begins no session", status == 1 and told is None, (status, told, errors))
    status, told, errors = place.run("vmlinux")
    check(shell, "a vmlinux alone is no dump", status == 2 and told is None and "both existing" in errors, (status, told, errors))
    place.write(os.path.join(place.cwd, "vmlinux.xz"), "vmlinux packed")
    status, told, errors = place.run("vmlinux.xz", "dump")
    check(shell, "a packed vmlinux is unpacked by ladump", told and told["args"][-2:] == ["vmlinux", "dump"], (told, errors))
    place.write(os.path.join(place.cwd, "other.xz"), "something else")
    status, told, errors = place.run("vmlinux", "other.xz")
    check(shell, "what is none goes to crash as it is", told and told["args"][-2:] == ["vmlinux", "other.xz"], (told, errors))
    place.close()


def test_kept(shell):
    place = Place(shell)

    def lacrash(*arguments):
        got = subprocess.run([shell, place.lacrash, *arguments], cwd=place.cwd, env=place.environment, text=True,
                             stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        return got.returncode, got.stdout, got.stderr

    kept = os.path.join(place.top, "home/.cache/lakvm")
    place.write(os.path.join(place.cwd, "saved"), "stream one")
    place.run("vmlinux", "saved")
    os.mkdir(os.path.join(kept, "vmlinux"))
    place.write(os.path.join(kept, "vmlinux/1-2.vmlinux"), "x" * 100000)
    os.mkdir(os.path.join(kept, "case-of-the-lab"))
    place.write(os.path.join(kept, "case-of-the-lab/dump.elf"), "mine")
    status, said, errors = lacrash("--cache")
    check(shell, "--cache lists dumps and vmlinux with what they take", status == 0 and "vmlinux/1-2.vmlinux\n" in said and
          ".elf\n" in said and "dump.elf" not in said and said.splitlines()[-1].endswith("KiB  in all") and
          int(said.split()[-4]) >= 98, (status, said, errors))
    holder = subprocess.Popen(["flock", "-s", os.path.join(kept, "lock"), "sleep", "60"])
    time.sleep(0.3)
    status, said, errors = lacrash("--cache=empty")
    check(shell, "--cache=empty while a dump is made: a line", status == 1 and errors.count("\n") == 1, (status, errors))
    subprocess.run(["pkill", "-P", str(holder.pid)])
    holder.wait()
    status, said, errors = lacrash("--cache=empty")
    left = [f for _, _, names in os.walk(kept) for f in names]
    check(shell, "--cache=empty removes what lacrash keeps, and nothing else", status == 0 and not said and not errors and
          sorted(left) == ["dump.elf", "lock"], (status, errors, left))
    check(shell, "--cache=other is a wrong use", lacrash("--cache=other")[0] == 2)
    status, said, errors = lacrash("--version")
    check(shell, "--version is ladump's", (status, said) == (0, "lacrash (lakvm) 9.8.7\n"), (status, said, errors))
    check(shell, "no argument is a wrong use", lacrash()[0] == 2)
    del place.environment["HOME"]
    check(shell, "--cache without HOME touches nothing", lacrash("--cache=empty")[0] == 1)
    place.close()


def test_cache(shell):
    place = Place(shell)
    stream, kept = os.path.join(place.cwd, "saved"), os.path.join(place.top, "home/.cache/lakvm")
    place.write(stream, "stream one")

    def converted():
        return len(place.lines_of("converted"))

    def content(told):
        with open(told["args"][-1]) as file:
            return file.read()

    _, told, errors = place.run("vmlinux", "saved")
    check(shell, "a stream is converted", told and content(told) == "stream one" and
          told["registers"] == told["args"][-1] + ".registers", (told, errors))
    check(shell, "... and said to be kept", "kept as " in errors, errors)
    place.run("vmlinux", "saved")
    check(shell, "... once", converted() == 1, converted())

    before = os.stat(stream)
    with open(stream, "r+") as file:  # same inode and size, and within the second
        file.write("stream two")
    os.utime(stream, ns=(before.st_atime_ns, before.st_mtime_ns))
    _, told, errors = place.run("vmlinux", "saved")
    check(shell, "overwritten and dated back, it is converted again", content(told) == "stream two", told)

    dump, n = told["args"][-1], converted()
    place.write(dump, "")
    _, told, errors = place.run("vmlinux", "saved")
    check(shell, "an emptied dump is made again", content(told) == "stream two" and converted() == n + 1, told)
    with open(dump, "r+") as file:
        file.write("planted it")
    _, told, errors = place.run("vmlinux", "saved")
    check(shell, "one that somebody changed is made again", content(told) == "stream two", told)
    os.rename(dump, dump + "-other")
    os.symlink(dump + "-other", dump)
    _, told, errors = place.run("vmlinux", "saved")
    check(shell, "a link is not followed", not os.path.islink(dump) and content(told) == "stream two", told)
    os.remove(dump + ".seal")
    n = converted()
    place.run("vmlinux", "saved")
    check(shell, "one that was left incomplete is made again", converted() == n + 1, converted())
    os.chmod(kept, 0o777)
    status, told, errors = place.run("vmlinux", "saved")
    check(shell, "a directory that others may write to is refused", told is None and status == 1 and
          "others" in errors, (told, errors))
    os.chmod(kept, 0o700)
    check(shell, "the directory is one's own", stat.S_IMODE(os.stat(kept).st_mode) == 0o700, "")

    for i in range(6):
        place.write(os.path.join(place.cwd, f"saved{i}"), f"stream {i}")
        place.run("vmlinux", f"saved{i}")
    n = converted()
    place.run("vmlinux", "saved2")
    check(shell, "the four used last are kept", converted() == n and len([f for f in os.listdir(kept) if f.endswith(".elf")]) == 4,
          os.listdir(kept))
    place.run("vmlinux", "saved1")
    check(shell, "... and no others", converted() == n + 1 and
          len([f for f in os.listdir(kept) if f.endswith((".elf", ".elf.seal", ".elf.registers"))]) == 12, os.listdir(kept))
    place.write(os.path.join(kept, "1.elf.AbC123"), "half of one")
    place.write(os.path.join(kept, "1.elf.registers.AbC123"), "half of them")
    holder = subprocess.Popen(["flock", "-s", os.path.join(kept, "lock"), "sleep", "60"])
    time.sleep(0.5)
    place.run("vmlinux", "saved1")
    check(shell, "what another laconvert works on stays", os.path.exists(os.path.join(kept, "1.elf.AbC123")), os.listdir(kept))
    subprocess.run(["pkill", "-P", str(holder.pid)])
    holder.wait()
    place.run("vmlinux", "saved1")
    check(shell, "what one that was killed left is removed", not [f for f in os.listdir(kept) if "AbC123" in f], os.listdir(kept))

    environment = dict(place.environment)
    del place.environment["HOME"]
    n = converted()
    status, told, errors = place.run("vmlinux", "saved")
    check(shell, "without HOME the dump is temporary", status == 0 and told and told["args"][-1].startswith(place.tmp)
          and not os.path.exists("/.cache/lakvm") and converted() == n + 1 and place.left_over() == [], (told, errors))
    place.environment = environment
    place.close()


def folder_of(place, name, files=("manifest", "memory", "registers")):
    """As lavirsh-dump makes it, as far as lacrash looks."""
    path = os.path.join(place.cwd, name)
    os.mkdir(path)
    for file in files:
        place.write(os.path.join(path, file), file)
    return name


def test_folder(shell):
    place = Place(shell)
    for name in ("taken", "a 'b' \"c\"", "two\nlines", "龙芯"):
        folder_of(place, name)
        status, told, errors = place.run("vmlinux", name)
        check(shell, f"a folder named {name!r}", status == 0 and told and told["args"][-1] == name + "/memory" and
              told["registers"] == name + "/registers" and told["host"] == name, (told, errors))
    status, told, errors = place.run("taken", FOUND="/some where/vmlinux")
    check(shell, "a folder alone: ladump finds its vmlinux", told and told["args"][3:] == [
        "--kaslr=0x10000", "/some where/vmlinux", "taken/memory"] and
        place.lines_of("asked")[-1] == "--find-vmlinux -- taken", (told, place.lines_of("asked"), errors))
    status, told, errors = place.run("vmlinux", "taken", LAKVM_REGISTERS="others")
    check(shell, "other registers, where they are named", told and told["registers"] == "others", (told, errors))
    folder_of(place, "bare", ("manifest", "memory"))
    status, told, errors = place.run("vmlinux", "bare")
    check(shell, "a folder without registers", told and told["registers"] is None and told["host"] == "bare", (told, errors))
    folder_of(place, "empty", ())
    folder_of(place, "none", ("manifest",))
    folder_of(place, "linked", ("manifest",))
    os.symlink(os.path.join(place.cwd, "dump"), os.path.join(place.cwd, "linked/memory"))
    folder_of(place, "pipe", ("manifest",))
    os.mkfifo(os.path.join(place.cwd, "pipe/memory"))
    for name, says in (("empty", "no manifest"), ("none", "no memory"), ("linked", "no memory"), ("pipe", "no memory")):
        status, told, errors = place.run("vmlinux", name)
        check(shell, f"a folder that is {name}", status == 1 and told is None and says in errors, (told, errors))
    place.close()


def test_archive(shell):
    if not shutil.which("zstd"):
        print(f"skip - lacrash ({shell}): no zstd")
        return
    place = Place(shell)
    kept = os.path.join(place.top, "home/.cache/lakvm")

    def pack(name, *files):
        subprocess.run(["tar", "-I", "zstd -q", "-cf", f"{name}.tar.zst", *files], cwd=place.cwd, check=True)
        return name + ".tar.zst"

    pack("an 'archive'", folder_of(place, "taken"))
    status, told, errors = place.run("vmlinux", "an 'archive'.tar.zst")
    memory = told["args"][-1] if told else ""
    check(shell, "an archive is unpacked once, and kept", status == 0 and memory.startswith(kept) and
          memory.endswith(".dump/taken/memory") and told["registers"] == memory.replace("memory", "registers") and
          told["host"] + "/memory" == memory and "kept as" in errors, (told, errors))
    stamp = os.stat(memory).st_ctime_ns if told else 0
    status, told, errors = place.run("vmlinux", "an 'archive'.tar.zst")
    check(shell, "... and taken again", status == 0 and told and told["args"][-1] == memory and
          os.stat(memory).st_ctime_ns == stamp and "kept as" not in errors, (told, errors))
    status, told, errors = place.run("an 'archive'.tar.zst", FOUND="/some where/vmlinux")
    check(shell, "... alone: its vmlinux may lie beside it", told and told["args"][-2:] == ["/some where/vmlinux", memory] and
          place.lines_of("asked")[-1] == f"--find-vmlinux -D . -- {told['host']}",
          (told, place.lines_of("asked"), errors))
    os.mkdir(os.path.join(kept, "new.AbC123"))
    for i in range(6):
        folder_of(place, f"taken{i}")
        place.run("vmlinux", pack(f"archive{i}", f"taken{i}"))
    check(shell, "the four used last are kept, and what was left of one that was killed is not",
          len([f for f in os.listdir(kept) if f.endswith(".dump")]) == 4 and not [f for f in os.listdir(kept) if f.startswith("new.")],
          os.listdir(kept))
    said = subprocess.run([shell, place.lacrash, "--cache"], env=place.environment, capture_output=True, text=True, check=False).stdout
    subprocess.run([shell, place.lacrash, "--cache=empty"], env=place.environment, check=True)
    check(shell, "--cache lists them, --cache=empty removes them", said.count(".dump/taken") == 12 and
          not [f for f in os.listdir(kept) if f.endswith(".dump")], (said, os.listdir(kept)))
    place.write(os.path.join(place.cwd, "broken.tar.zst"), "no archive")
    for name, says in ((pack("other", "vmlinux"), "no folder of lavirsh-dump"), ("broken.tar.zst", "cannot be unpacked")):
        status, told, errors = place.run("vmlinux", name)
        check(shell, f"{name}", status == 1 and told is None and says in errors and
              not [f for f in os.listdir(kept) if f.startswith("new.")], (told, errors))
    status, told, errors = place.run("vmlinux", "an 'archive'.tar.zst", HOME="")
    check(shell, "without a home it is unpacked for the session", status == 0 and told and
          told["args"][-1].startswith(place.tmp) and place.left_over() == [], (told, errors))
    # links and ways out of it
    os.mkdir(os.path.join(place.cwd, "hostile"))
    place.write(os.path.join(place.cwd, "hostile/manifest"), "")
    os.symlink("/etc/passwd", os.path.join(place.cwd, "hostile/memory"))
    subprocess.run(["tar", "-I", "zstd -q", "-P", "--transform", "s,^vmlinux,../../escaped,", "-cf", "hostile.tar.zst", "hostile", "vmlinux"],
                   cwd=place.cwd, check=True)
    status, told, errors = place.run("vmlinux", "hostile.tar.zst")
    check(shell, "an archive with links and names that lead out of it", status == 1 and told is None and
          not [f for _, _, files in os.walk(place.top) for f in files if f == "escaped"], (told, errors))
    place.write(os.path.join(place.cwd, "hostile/memory2"), "")
    os.chmod(os.path.join(place.cwd, "hostile"), 0o777)
    subprocess.run(["tar", "-I", "zstd -q", "-cf", "open.tar.zst", "-C", "hostile", "."], cwd=place.cwd, check=True)
    before = set(os.listdir(kept))
    place.run("vmlinux", "open.tar.zst")
    modes = [oct(os.stat(os.path.join(kept, f)).st_mode & 0o777) for f in set(os.listdir(kept)) - before]
    check(shell, "what was unpacked is its owner's alone, whatever the archive says", modes == ["0o700"], modes)
    # devices, which only root can make; and more than there is room for
    with tarfile.open(os.path.join(place.cwd, "device.tar"), "w") as tar:
        for file in ("manifest", "memory"):
            tar.add(os.path.join(place.cwd, "taken", file), f"taken/{file}")
        for kind, file in ((tarfile.CHRTYPE, "registers"), (tarfile.FIFOTYPE, "host"), (tarfile.SYMTYPE, "samples")):
            item = tarfile.TarInfo(f"taken/{file}")
            item.type, item.devmajor, item.devminor, item.linkname = kind, 1, 3, "/etc/passwd"
            if kind != tarfile.CHRTYPE or os.geteuid() == 0:
                tar.addfile(item)
    subprocess.run(["zstd", "-q", "device.tar", "-o", "device.tar.zst"], cwd=place.cwd, check=True)
    status, told, errors = place.run("vmlinux", "device.tar.zst")
    check(shell, "an archive with a device, a FIFO and a link: they are left out", status == 0 and told and
          sorted(os.listdir(told["host"])) == ["manifest", "memory"], (told, errors))
    folder_of(place, "large")
    place.write(os.path.join(place.cwd, "large/memory"), "x" * (2 << 20))
    pack("large", "large")
    place.write(os.path.join(place.bin, "stat"), '#!/bin/sh\n[ "$1" != -f ] || { echo "256 * 4096"; exit; }\nexec /usr/bin/stat "$@"\n')
    os.chmod(os.path.join(place.bin, "stat"), 0o755)
    status, told, errors = place.run("vmlinux", "large.tar.zst")
    check(shell, "an archive that unpacks to more than is free", status == 1 and told is None and "of the 1 MiB that are free" in errors and
          not [f for f in os.listdir(kept) if f.startswith("new.")], (told, errors))
    place.close()


def main():
    for shell in SHELLS:
        test_plain(shell)
        test_signals(shell)
        test_killed(shell)
        test_names(shell)
        test_options(shell)
        test_messages(shell)
        test_closed(shell)
        test_vmlinux(shell)
        test_kept(shell)
        test_cache(shell)
        test_folder(shell)
        test_archive(shell)
    sys.exit(failed)


if __name__ == "__main__":
    main()
