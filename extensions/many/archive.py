# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives of lavirsh-dump (.tar.zst), unpacked for as long as they are judged."""
import contextlib
import fcntl
import glob
import os
import shutil
import stat
import tempfile
import time

PREFIX = "latriage."
STALE_S = 60  # a folder as old as that, which no run holds, was left by one that was killed


# Archive $1 into folder $2, and never into more than nine tenths of what is free there, whatever it unpacks to.
UNPACK = """free=$(($(stat -f -c "%a * %S" -- "$2"))) || exit
{ zstd -qdc -- "$1" 2>"$2.said" || : >"$2.broken"; } | head -c "$((free / 10 * 9))" |
	tar --force-local -xf - -C "$2" --no-same-owner --no-same-permissions --no-overwrite-dir ||
	{ cat "$2.said" >&2; exit 1; }
[ ! -e "$2.broken" ]"""


class NoFolder(Exception):
    """It is another archive."""


class NotUnpacked(Exception):
    """In one line, why."""


def is_archive(path, head):
    return path.endswith(".tar.zst") and head.startswith(b"\x28\xb5\x2f\xfd")


def place():
    """Not /tmp, which is memory on many machines."""
    return os.environ.get("TMPDIR") or "/var/tmp"


def hold(folder):
    """A descriptor by which other runs see that @folder is in use; OSError: it is already."""
    fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(fd)
        raise
    return fd


def sweep():
    """Remove what killed runs left."""
    for folder in glob.glob(os.path.join(glob.escape(place()), PREFIX + "*")):
        with contextlib.suppress(OSError):
            state = os.lstat(folder)
            if stat.S_ISDIR(state.st_mode) and state.st_uid == os.geteuid() and time.time() - state.st_mtime > STALE_S:
                fd = hold(folder)
                shutil.rmtree(folder, ignore_errors=True)
                os.close(fd)


def plain_folders(path):
    """Folders with a manifest, and with nothing that leads elsewhere: neither links nor, as root may unpack them, devices."""
    for entry in os.scandir(path):
        if entry.is_dir(follow_symlinks=False):
            names = os.listdir(entry.path)
            if "manifest" in names and all(stat.S_ISREG(os.lstat(os.path.join(entry.path, name)).st_mode) for name in names):
                yield entry.path


@contextlib.contextmanager
def unpacked(path, run):
    """
    (folder of lavirsh-dump in the archive @path, folder where its vmlinux may lie). @run runs a program and returns its
    status, output and what it said.
    """
    for program in ("tar", "zstd"):
        if not shutil.which(program):
            raise NotUnpacked(f"{program} is needed to unpack it, and not installed")
    with tempfile.TemporaryDirectory(prefix=PREFIX, dir=place(), ignore_cleanup_errors=True) as work:
        fd = hold(work)
        try:
            inside, beside = os.path.join(work, "archive"), os.path.join(work, "beside")
            os.mkdir(inside)
            os.symlink(os.path.dirname(path), beside)  # a name without colons
            status, _, said = run(["sh", "-c", UNPACK, "sh", path, inside])
            if status:
                raise NotUnpacked(f"cannot be unpacked into nine tenths of what is free in {place()}: {said or 'no reason is known'}")
            folder = next(plain_folders(inside), None)
            if not folder:
                raise NoFolder
            yield folder, beside
        finally:
            os.close(fd)
