#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ctrl-C at a real terminal (a pseudo terminal that the session's crash has for its own), at several
moments of commands that find nothing in any cache yet: the session lives, and what it says afterwards is
what a fresh one says, byte for byte.

Needs:  as run.py.
Result: as run.py; what the terminal showed is kept in build/session/interrupt/terminal.

Usage:  interrupt.py CASE-DIRECTORY DUMP-FILE
"""
import os
import pty
import re
import select
import signal
import sys
import time

sys.dont_write_bytecode = True
from run import Report, Session  # noqa: E402

COMMANDS = ("lapanic", "lacpus -b", "bt -a", "lamem linux_banner jiffies 8000000000000000", "lapanic -j", "lacpus -i",
            "bt -l")
COMPARED = ("lapanic -j", "lacpus -j", "lapanic", "bt -a", "lamem linux_banner")
# seconds after the command: before the first question to gdb, among the first ones, later
MOMENTS = (0.002, 0.01, 0.03, 0.08, 0.2, 0.5, 1.2)


class Terminal:
    """A session whose crash reads from and writes to a terminal."""

    def __init__(self, session):
        self.text, self.start, self.marks = "", 0, 0
        self.pid, self.fd = pty.fork()
        if self.pid:
            return
        # For what stands between; crash and its gdb take Ctrl-C by handlers of their own.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        done = session.crash('stty -echo </dev/tty; "$SRC/extensions/lacrash" -s "$CASE/vmlinux" '
                             f'"$CASE/{session.dump}" </dev/tty >/dev/tty 2>&1; echo "status $?"')
        with open(os.path.join(session.where, "status"), "w") as file:
            file.write(done.stdout)
        os._exit(0)

    def listen(self, seconds, pattern=None):
        """Take what comes for @seconds, or until @pattern has come. False: the terminal was closed."""
        until = time.monotonic() + seconds
        while not (pattern and re.search(pattern, self.text[self.start:], re.M)):
            left = until - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                return True
            try:
                data = os.read(self.fd, 65536)
            except OSError:
                return False
            self.text += data.decode(errors="replace")
        return True

    def send(self, text):
        os.write(self.fd, text.encode())

    def alive(self, seconds=600):
        """Does it answer? What was typed while a command was left may be lost with it."""
        self.marks += 1
        self.start = len(self.text)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            self.send(f"!echo mark {self.marks}\n")
            pattern = rf"(?<!echo )mark {self.marks}\r?$"
            if not self.listen(20, pattern):
                return False
            if re.search(pattern, self.text[self.start:], re.M):
                return True
        return False

    def close(self):
        os.close(self.fd)
        os.waitpid(self.pid, 0)


def main():
    case, dump = os.path.abspath(sys.argv[1]), sys.argv[2]
    report = Report("interrupt")
    fresh = Session(case, dump, "interrupt-fresh")
    for i, command in enumerate(COMPARED):
        fresh.ask(str(i), command)
    fresh.run()
    report.check("a fresh session has a verdict", '"kind":"panic"' in fresh.read("0"), fresh.read("output"))

    session = Session(case, dump, "interrupt")
    terminal = Terminal(session)
    lives = terminal.alive()
    report.check("a session at a terminal starts", lives, terminal.text[-2000:])
    n = 0
    for moment in MOMENTS if lives else ():
        for command in COMMANDS:
            terminal.send(command + " > /dev/null\n")
            time.sleep(moment)
            terminal.send("\x03")
            n += 1
            if not terminal.alive():
                report.check(f"Ctrl-C {moment} s after {command}", False, terminal.text[-2000:])
                lives = False
                break
        if not lives:
            break
    report.check(f"it lives after {n} times Ctrl-C", lives and n == len(MOMENTS) * len(COMMANDS), terminal.text[-2000:])
    if lives:
        for i, command in enumerate(COMPARED):
            terminal.send(f"{command} > {i}\n")
            report.check(f"{command} ends", terminal.alive(), terminal.text[-2000:])
            report.check(f"{command} is as in a fresh session", session.read(str(i)) == fresh.read(str(i)) and
                         fresh.read(str(i)), session.read(str(i))[:600])
        terminal.send("q\n")
        for _ in range(60):
            if not terminal.listen(5):
                break
    with open(os.path.join(session.where, "terminal"), "w") as file:
        file.write(terminal.text)
    terminal.close()
    report.check("it ends in an ordinary way", session.read("status").endswith("status 0\n"), session.read("status"))
    sys.exit(1 if report.failed else 0)


if __name__ == "__main__":
    main()
