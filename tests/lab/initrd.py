#!/usr/bin/env python3
"""Make an initrd: busybox, an /init script, kernel modules and other programs.

Needs:  a static busybox of the guest's architecture, the script, any number of .ko files, which go to
        /modules, and static programs, which go to /bin; any file with PLACE=, to there.
Result: OUT, a gzip-compressed newc archive; the same input gives the same bytes.

Usage:  initrd.py OUT BUSYBOX INIT [MODULE | PROGRAM | PLACE=FILE]...
"""
import gzip
import os
import sys


def entry(number, name, mode, data=b"", rdev=(0, 0)):
    """One newc archive member: its header, name and data, each padded to 4 bytes."""
    path = name.encode() + b"\0"
    fields = (number, mode, 0, 0, 1, 0, len(data), 0, 0, *rdev, len(path), 0)
    head = b"070701" + b"".join(b"%08X" % field for field in fields) + path
    return head + b"\0" * (-len(head) % 4) + data + b"\0" * (-len(data) % 4)


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main(out, busybox, init, *more):
    members = [("bin", 0o40755), ("dev", 0o40755), ("modules", 0o40755),
               ("dev/console", 0o20600, b"", (5, 1)), ("dev/null", 0o20666, b"", (1, 3)),
               ("bin/busybox", 0o100755, read(busybox)),
               ("bin/sh", 0o120777, b"busybox"), ("init", 0o100755, read(init))]
    for path in more:
        place, _, path = path.rpartition("=")
        where, mode = ("modules", 0o100644) if path.endswith(".ko") else (place or "bin", 0o100755)
        if where not in [name for name, *_ in members]:
            members.append((where, 0o40755))
        members.append((f"{where}/{os.path.basename(path)}", mode, read(path)))
    archive = b"".join(entry(number, *member) for number, member in enumerate(members, 1))
    archive += entry(0, "TRAILER!!!", 0)
    with open(out, "wb") as file:
        file.write(gzip.compress(archive, 6, mtime=0))


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(*sys.argv[1:])
