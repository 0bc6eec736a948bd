#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""lavirsh-dump with a virsh that acts out what may go wrong: whatever does, the guest is then as it was, and nothing
that looks whole is there.

  tests/unit/lavirsh_dump.py

Prints a line a test."""
import concurrent.futures
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
SCRIPT = os.path.join(TREE, "extensions/lavirsh-dump")
SHELLS = [s for s in ("dash", "bash") if shutil.which(s)]
ENDING = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT, signal.SIGPIPE, signal.SIGTERM, signal.SIGALRM)

# The domain is what the files below $FAKE say: state, id (none: it is gone), down (libvirt does not answer), job (a dump
# goes on). $AT is a command and "before" or "after": then $DO is done.
VIRSH = r"""#!/bin/sh
[ "$1" = -c ] && shift 2
[ "$1" = -q ] && shift
echo "$*" >>"$FAKE/log"
what=$1
[ "$1" != qemu-monitor-command ] || for word do what=$word; done
act() {
	[ "$AT" = "$what $1" ] && [ ! -e "$FAKE/acted" ] || return 0
	: >"$FAKE/acted"
	case $DO in
	kill*) set -- $DO; kill -s "$2" -- "${3-}$(cat "$FAKE/pid")"; /bin/sleep 0.05 ;;
	off) rm -f "$FAKE/id"; echo "shut off" >"$FAKE/state" ;;
	gone) rm -f "$FAKE/id" "$FAKE/state" ;;
	down) : >"$FAKE/down" ;;
	down-awhile) : >"$FAKE/down"; (/bin/sleep 0.6; rm "$FAKE/down") >/dev/null 2>&1 & ;;
	resumed) echo running >"$FAKE/state" ;;
	again) echo 8 >"$FAKE/id" ;;
	refuse) echo "error: Timed out during operation" >&2; exit 1 ;;
	esac
}
down() {
	[ ! -e "$FAKE/down" ] || { echo "error: Failed to connect socket: Connection refused" >&2; exit 1; }
}
known() {
	down
	[ -e "$FAKE/state" ] || { echo "error: failed to get domain" >&2; exit 1; }
}
act before
case $what in
uri) down; echo "${URI:-qemu:///system}" ;;
list) down; [ ! -e "$FAKE/state" ] || echo 6aaa9664-431d-4e61-a87d-c23af3646185 ;;
domuuid) known; echo 6aaa9664-431d-4e61-a87d-c23af3646185 ;;
domname) known; cat "$FAKE/name" ;;
domid) known; cat "$FAKE/id" 2>/dev/null || echo - ;;
domstate) known; cat "$FAKE/state" ;;
dominfo) known; echo "Max memory:     ${RAM:-1024} KiB" ;;
domjobinfo) known; if [ -e "$FAKE/job" ]; then echo "Job type:         Unbounded"; else echo "Job type:         None"; fi ;;
dumpxml) known; echo "<domain type='kvm'><name>wang</name></domain>" ;;
version) down; echo "Running against daemon: 9.10.0" ;;
domstats) known; echo "Domain: 'wang'" ;;
suspend) known; echo paused >"$FAKE/state" ;;
resume)
	known
	while [ -e "$FAKE/job" ] && [ ! -e "$FAKE/down" ]; do /bin/sleep 0.05; done
	echo running >"$FAKE/state"
	;;
"info cpus") known; i=0; for t in $THREADS; do printf '  CPU #%d: thread_id=%d\r\n' $i $t; i=$((i + 1)); done ;;
"info version") known; echo 8.2.0 ;;
"info registers -a") known; printf '\r\nCPU#0\r\n PC=90000000002%05d\r\n' "$(wc -l <"$FAKE/log")" ;;
"info mtree -f") known; echo FlatView ;;
dump)
	known
	file= ram=
	while [ $# -gt 0 ]; do
		[ "$1" != --file ] || file=$2
		shift
	done
	printf 'makedumpfile\0\0\0\0' >"$file"
	case $DUMP in
	full) echo "error: Failed to core dump domain" >&2; echo "error: dump: failed to write: No space left on device" >&2; exit 1 ;;
	cut) exit 0 ;;
	slow) : >"$FAKE/dumping"; while [ ! -e "$FAKE/go" ]; do /bin/sleep 0.02; done ;;
	# the job goes on in libvirt when virsh is gone
	job) : >"$FAKE/job"; (/bin/sleep 0.7; rm "$FAKE/job") >/dev/null 2>&1 & : >"$FAKE/dumping"; /bin/sleep 3; exit 1 ;;
	esac
	act middle
	head -c 16 /dev/zero | tr '\000' '\377' >>"$file"
	;;
*) echo "error: unknown command: '$what'" >&2; exit 1 ;;
esac
status=$?
act after
exit $status
"""
# The script's seconds are short here.
SLEEP = "#!/bin/sh\nexec /bin/sleep 0.0$1\n"


PROGRAMS = tempfile.mkdtemp(prefix="lavirsh-dump-programs-")


class Host:
    """A libvirt with one domain, and a folder to take it into."""

    def __init__(self, state="running", name="wang", shell=SHELLS[0]):
        self.shell, self.state = shell, state
        self.top = tempfile.mkdtemp(prefix="lavirsh-dump-test-")
        self.fake, self.bin, self.out, self.tmp = (os.path.join(self.top, part) for part in ("fake", "bin", "out", "tmp"))
        for folder in (self.fake, self.bin, self.out, self.tmp):
            os.mkdir(folder)
        for program in os.listdir(PROGRAMS):
            os.symlink(os.path.join(PROGRAMS, program), os.path.join(self.bin, program))
        for what, text in (("state", state), ("id", "7"), ("name", name), ("log", "")):
            self.put(what, text)

    def put(self, what, text=""):
        with open(os.path.join(self.fake, what), "w", encoding="utf-8") as file:
            file.write(text + "\n" * (text != ""))

    def get(self, what):
        try:
            with open(os.path.join(self.fake, what), encoding="utf-8") as file:
                return file.read().strip()
        except OSError:
            return None

    def start(self, *words, limit=None, target="wang dump", **environment):
        def begin():
            for number in ENDING:
                signal.signal(number, signal.SIG_DFL)
            with open(os.path.join(self.fake, "pid"), "w", encoding="utf-8") as file:
                file.write(str(os.getpid()))
            if limit:
                import resource
                resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        return subprocess.Popen([self.shell, SCRIPT, *words, *([os.path.join(self.out, target)] if target else [])],
                                cwd=self.out, preexec_fn=begin, start_new_session=True, stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace",
                                env={"PATH": self.bin + ":" + os.environ["PATH"], "TMPDIR": self.tmp, "FAKE": self.fake,
                                     "THREADS": str(os.getpid()), "LAVIRSH_GIVE_UP": "2", "LAVIRSH_GUARD_GIVES_UP": "20",
                                     "AT": "", "DO": "", "DUMP": "", **environment})

    def run(self, *words, **how):
        process = self.start(*words or ("wang",), **how)
        errors = process.communicate(timeout=60)[1]
        return process.returncode, errors

    def wait_for(self, true, seconds=20):
        until = time.monotonic() + seconds
        while not true() and time.monotonic() < until:
            time.sleep(0.02)
        return true()

    def clean(self):
        return os.listdir(self.out) == [] and os.listdir(self.tmp) == [] and self.get("state") == self.state

    def seen(self):
        return (self.get("state"), os.listdir(self.out), os.listdir(self.tmp), self.get("log"))

    def close(self):
        shutil.rmtree(self.top)


def result(name, good, detail=""):
    return f"{'ok' if good else 'not ok'} - lavirsh-dump: {name}" + ("" if good else f"\n    {str(detail)[-2500:]}")


def manifest(folder):
    with open(os.path.join(folder, "manifest"), encoding="utf-8") as file:
        return file.read().splitlines()


def taken(shell):
    host = Host(shell=shell)
    status, errors = host.run("-s", "2", "wang")
    folder = os.path.join(host.out, "wang dump")
    files = sorted(os.listdir(folder)) if status == 0 else []
    yield result(f"a folder ({shell})", files == ["cpus", "domain.xml", "domstats", "host", "manifest", "memory", "mtree",
                                                  "registers", "versions"] and host.get("state") == "running" and
                 os.listdir(host.tmp) == [], (status, errors, files, host.seen()))
    lines = manifest(folder) if files else [""]
    yield result(f"its manifest ({shell})", lines[0] == "lavirsh-dump 1" and lines[-1] == "end" and "state running" in lines and
                 all(os.path.getsize(os.path.join(folder, words[2])) == int(words[1]) for words in
                     (line.split() for line in lines) if words[0] == "file") and
                 sum(line.startswith("file ") for line in lines) == 8, lines)
    text = open(os.path.join(folder, "registers"), encoding="utf-8").read() if files else ""
    yield result(f"two samples, then the registers of the frozen guest ({shell})",
                 text.count("CPU#0\n") == 3 and "\r" not in text, text)
    log = (host.get("log") or "").splitlines()
    order = [line.split()[-1] if line.startswith("qemu") else line.split()[0] for line in log]
    yield result(f"frozen while registers and memory are taken ({shell})", "suspend" in order and "dump" in order and
                 order.index("suspend") < len(order) - 1 - order[::-1].index("-a") < order.index("dump") < order.index("resume"), log)
    modes = {oct(os.stat(os.path.join(folder, one)).st_mode & 0o077) for one in files}
    yield result(f"nobody else may read it ({shell})", modes == {"0o0"}, modes)
    host.close()


def archive():
    host = Host()
    status, errors = host.run("-z", "wang")
    file = os.path.join(host.out, "wang dump.tar.zst")
    there = os.listdir(host.out)
    names = subprocess.run(["tar", "-tf", file], capture_output=True, text=True, check=False).stdout.splitlines() if status == 0 else []
    yield result("an archive", there == ["wang dump.tar.zst"] and "wang dump/manifest" in names and len(names) == 10,
                 (status, errors, there, names))
    host.close()


def states():
    for state in ("paused", "crashed", "in shutdown"):
        host = Host(state=state)
        status, errors = host.run()
        log = host.get("log")
        yield result(f"a guest that is {state} stays so", status == 0 and host.get("state") == state and
                     "\nsuspend" not in log and "\nresume" not in log and
                     f"state {state}" in manifest(os.path.join(host.out, "wang dump")), (status, errors, host.seen()))
        host.close()
    host = Host(state="shut off")
    status, errors = host.run()
    yield result("one that is shut off", status == 1 and "is shut off" in errors and host.clean(), (status, errors, host.seen()))
    host.close()


def names():
    odd = ("a 'b' \"c\" $d `e`", "龙芯 虚拟机", "two\nlines", "-n", "ends with\n", "x" * 240)
    for name in odd:
        host = Host(name=name.replace("\n", " "))
        status, errors = host.run(name, target="-" + name if name == "-n" else name) if name != "-n" else \
            host.run("-e", "--", name, target=name)
        there = os.listdir(host.out)
        yield result(f"a folder named {name[:24]!r}", status == 0 and there == [name] and
                     "manifest" in os.listdir(os.path.join(host.out, name)) and "\x1b" not in errors, (status, errors, there))
        host.close()
    host = Host()
    status, errors = host.run("wang", "wang", target=None)
    yield result("a relative name", status == 0 and os.listdir(host.out) == ["wang"], (status, errors, host.seen()))
    status, errors = host.run("wang", "wang", target=None)
    yield result("what is there stays", status == 1 and "is there already" in errors and
                 len(os.listdir(os.path.join(host.out, "wang"))) == 9, (status, errors))
    host.close()


MOMENTS = ("dumpxml before", "domstats after", "info cpus after", "suspend before", "suspend after",
           "info registers -a before", "info mtree -f after", "dump before", "dump middle", "dump after",
           "resume before", "resume after")


def killed(moment):
    for how in ("TERM", "KILL", "KILL -"):
        host = Host(shell=SHELLS[-1] if how == "TERM" else SHELLS[0])
        process = host.start("wang", AT=moment, DO=f"kill {how}")
        # The pipes are also the guard's: not until it has ended do they end.
        errors = process.communicate(timeout=60)[1]
        yield result(f"killed by {how.replace(' -', ' with all its children')}: {moment}",
                     process.returncode == -getattr(signal, "SIG" + how.split()[0]) and host.wait_for(host.clean),
                     (process.returncode, errors, host.seen()))
        host.close()


def interrupted():
    for number, shell in ((number, shell) for number in (signal.SIGINT, signal.SIGHUP, signal.SIGQUIT) for shell in SHELLS):
        host = Host(shell=shell)
        process = host.start("wang", DUMP="slow")
        host.wait_for(lambda: host.get("dumping") is not None)
        os.killpg(process.pid, number)
        errors = process.communicate(timeout=60)[1]
        yield result(f"{signal.Signals(number).name} in the dump ({shell})", process.returncode in
                     (-number, 131 if number == signal.SIGQUIT else None) and host.clean(), (process.returncode, errors, host.seen()))
        host.close()
    host = Host()
    process = host.start("wang", DUMP="job")
    host.wait_for(lambda: host.get("dumping") is not None)
    os.killpg(process.pid, signal.SIGINT)
    errors = process.communicate(timeout=60)[1]
    yield result("Ctrl-C while libvirt's dump goes on: it waits for its end, and says so", process.returncode == -signal.SIGINT and
                 "waiting for libvirt" in errors and host.clean(), (process.returncode, errors, host.seen()))
    host.close()


def failures():
    for what, how, status, says, state in (
            ("the disk is full in the dump", {"DUMP": "full"}, 1, "No space left", "running"),
            ("a dump without its end that libvirt calls whole", {"DUMP": "cut"}, 1, "would not have all of it", "running"),
            ("the suspend is refused", {"AT": "suspend before", "DO": "refuse"}, 1, "cannot be suspended: Timed out", "running"),
            ("the resume is refused once", {"AT": "resume before", "DO": "refuse"}, 0, "", "running"),
            ("somebody resumes it meanwhile", {"AT": "dump middle", "DO": "resumed"}, 1, "not of one moment", "running"),
            ("it is shut off meanwhile", {"AT": "dump before", "DO": "off"}, None, "", "shut off"),
            ("it is shut off when the dump begins", {"AT": "info mtree -f after", "DO": "off", "DUMP": "full"}, 1, "nothing to resume", "shut off"),
            ("it vanishes meanwhile", {"AT": "info mtree -f after", "DO": "gone"}, 1, "nothing to resume", None),
            ("it is another one by then", {"AT": "dump middle", "DO": "again", "DUMP": ""}, 1, "off or gone", "paused"),
            ("libvirt is gone before", {"AT": "uri before", "DO": "down"}, 1, "does not answer: Failed to connect", "running"),
            ("libvirt is gone for a moment", {"AT": "info mtree -f after", "DO": "down-awhile"}, 1, "no dump: Failed to connect", "running"),
            ("libvirt is gone when the dump is done", {"AT": "dump after", "DO": "down-awhile"}, 1, "is not known: Failed to connect", "running"),
            ("no registers", {"AT": "info registers -a before", "DO": "refuse"}, 0, "no registers", "running"),
            ("too little room", {"RAM": str(1 << 42)}, 1, "or use --force", "running"),
            ("a remote host", {"URI": "qemu+ssh://host/system"}, 1, "where libvirt runs", "running")):
        host = Host()
        words = ("--elf", "wang") if "RAM" in how else ("wang",)
        got, errors = host.run(*words, **how)
        there = os.listdir(host.out)
        yield result(what, (got == status or status is None) and says in errors and host.get("state") == state and
                     there == (["wang dump"] if got == 0 else []) and os.listdir(host.tmp) == [], (got, errors, host.seen()))
        host.close()


def lasting():
    host = Host()
    got, errors = host.run("--elf", "-f", "wang", RAM=str(1 << 42))
    yield result("--force", got == 0, (got, errors))
    host.close()
    host = Host()
    process = host.start("wang", AT="resume before", DO="down")
    errors = process.stderr.readline() + process.stderr.readline()
    status = process.wait()
    os.unlink(os.path.join(host.fake, "down"))
    yield result("libvirt is gone when it is to resume: what was taken is there", status == 3 and "STILL SUSPENDED" in errors and
                 os.listdir(os.path.join(host.out, "wang dump")) and host.wait_for(lambda: host.get("state") == "running") and
                 host.wait_for(lambda: os.listdir(host.out) == ["wang dump"]), (status, errors, host.seen()))
    process.communicate()
    host.close()
    host = Host()
    process = host.start("wang", AT="dump middle", DO="down")
    lines = []
    for line in process.stderr:
        lines.append(line)
        if "STILL SUSPENDED" in line:
            break
    status = process.wait()
    suspended = host.get("state") == "paused"
    os.unlink(os.path.join(host.fake, "down"))
    resumed = host.wait_for(lambda: host.get("state") == "running")
    yield result("libvirt is gone for long: it says so, and the guard resumes when it is back", status == 3 and suspended and resumed and
                 "virsh resume" in lines[-1] and host.wait_for(host.clean), (status, lines, host.seen()))
    process.communicate()
    host.close()
    for limit in (1, 48, 90, 200):
        host = Host()
        got, errors = host.run("-s", "1", "wang", limit=limit)
        yield result(f"no file may have more than {limit} bytes", got and host.clean(), (got, errors, host.seen()))
        host.close()


def usage():
    for words in ((), ("wang",), ("-s", "x", "wang", "d"), ("--nothing", "wang", "d"), ("a", "b", "c"), ("wang", "d", "-s")):
        host = Host()
        status, errors = host.run(*words, target=None) if words else host.run("--samples=", target=None)
        yield result(f"wrong usage: {' '.join(words)}", status == 2 and "lavirsh-dump [-efvz]" in errors and host.clean(), (status, errors))
        host.close()
    host = Host()
    process = host.start("--help", target=None)
    said = process.communicate()[0]
    yield result("--help", process.returncode == 0 and "--samples N" in said, said)
    host.close()


def threads():
    """What the host did with threads of which we know: one works, one sleeps, one is stopped."""
    if not os.path.exists("/proc/self/schedstat"):
        yield "skip - lavirsh-dump: this kernel does not count what a thread runs"
        return
    works, sleeps, stopped = (subprocess.Popen(command) for command in (
        ["sh", "-c", "while :; do :; done"], ["/bin/sleep", "60"], ["sh", "-c", "while :; do :; done"]))
    stopped.send_signal(signal.SIGSTOP)
    host = Host()
    os.unlink(os.path.join(host.bin, "sleep"))
    got, errors = host.run(THREADS=f"{works.pid} {sleeps.pid} {stopped.pid} 4194305")
    for process in (works, sleeps, stopped):
        process.kill()
        process.wait()
    with open(os.path.join(host.out, "wang dump/host"), encoding="utf-8") as file:
        text = file.read()
    said = dict(re.findall(r"^vcpu (\d) thread \d+ (.*)$", text, re.M))
    ran = {vcpu: int(ns) for vcpu, ns in re.findall(r"^vcpu (\d) .* ran_ns (\d+)", text, re.M)}
    yield result("what the host ran", got == 0 and text.startswith("guest running\n") and ran.get("0", 0) > 10**7 and
                 ran.get("1") == 0 and said["1"].startswith("state S S") and ran.get("2") == 0 and
                 said["2"].startswith("state T T") and said["3"] == "state - -", (errors, text))
    host.close()


def main():
    parts = [lambda shell=shell: taken(shell) for shell in SHELLS]
    parts += [threads, failures, lasting, states, names, interrupted, usage]
    parts += [lambda moment=moment: killed(moment) for moment in MOMENTS]
    if shutil.which("zstd"):
        parts.append(archive)
    else:
        print("skip - lavirsh-dump: no zstd")
    # While several threads start programs, one that is being written is open in a child of another's: "Text file busy".
    for program, text in (("virsh", VIRSH), ("sleep", SLEEP)):
        with open(os.path.join(PROGRAMS, program), "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(file.name, 0o755)
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(4) as pool:
        for lines in pool.map(lambda part: list(part()), parts):
            for line in lines:
                failed += line.startswith("not ok")
                print(line, flush=True)
    shutil.rmtree(PROGRAMS)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
