# SPDX-License-Identifier: GPL-3.0-or-later
"""What was judged, in SQLite: a row a dump, a transaction a row."""
import contextlib
import json
import math
import os
import sqlite3

from words import shown

APPLICATION = 0x6c617472  # "latr"
VERSION = 1
ROW = "latriage.row/1"
GROUPS = "latriage.groups/1"
TRIES = 3      # of a dump whose judging broke off
WAIT_S = 10    # for another run that writes

SCHEMA = """
CREATE TABLE dump (
    host TEXT NOT NULL,
    path BLOB NOT NULL,          -- as the file system has it
    device INTEGER NOT NULL, inode INTEGER NOT NULL, size INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,
    header TEXT NOT NULL,        -- SHA-256 of the first 64 KiB
    judged_s INTEGER NOT NULL, seconds REAL NOT NULL,
    state TEXT NOT NULL,         -- judged, failed (it cannot be), broken (tried again)
    tries INTEGER NOT NULL,
    note TEXT,                   -- why not, or what ladump said beside the verdict
    lakvm TEXT NOT NULL,
    release TEXT, kind TEXT, confidence TEXT, cause TEXT, message TEXT, summary TEXT,
    hash TEXT, signature TEXT,
    verdict TEXT,                -- all of lakvm.panic/1
    PRIMARY KEY (host, path)
);
CREATE INDEX dump_hash ON dump (hash);
"""
COLUMNS = ("host", "path", "device", "inode", "size", "mtime_ns", "header", "judged_s", "seconds", "state", "tries", "note", "lakvm",
           "release", "kind", "confidence", "cause", "message", "summary", "hash", "signature", "verdict")
MOST = (1 << 63) - 1
TYPES = {"host": str, "path": str, "device": int, "inode": int, "size": int, "mtime_ns": int, "header": str, "judged_s": int,
         "seconds": (int, float), "state": str, "note": (str, type(None)), "lakvm": str, "verdict": (dict, type(None))}


class Unusable(Exception):
    """The database cannot be used, in one line."""


def checked(row):
    """A row that another machine wrote; ValueError: it is none."""
    if not isinstance(row, dict) or row.get("schema") != ROW:
        raise ValueError(f"not of {ROW}")
    for key, kind in TYPES.items():
        value = row.get(key)
        least = -MOST if key == "mtime_ns" else 0  # files may be older than 1970
        if not isinstance(value, kind) or isinstance(value, bool) or (isinstance(value, int) and not least <= value <= MOST) or \
                (isinstance(value, float) and not math.isfinite(value)):
            raise ValueError(f"{key} is wrong or missing")
    if row["state"] not in ("judged", "failed", "broken") or (row["state"] == "judged") != (row["verdict"] is not None):
        raise ValueError("state is wrong")
    return {**row, "path": os.fsencode(row["path"])}


def text(value):
    """What SQLite can keep of a text of JSON: no half characters."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else None


def columns(row):
    """The values of a row, those of its verdict in columns of their own."""
    verdict = row["verdict"] or {}
    part = {key: verdict.get(key) if isinstance(verdict.get(key), dict) else {} for key in ("cause", "signature")}
    values = {**row, "cause": text(part["cause"].get("kind")), "hash": text(part["signature"].get("hash")),
              "signature": text(part["signature"].get("text")), "host": text(row["host"]), "note": text(row["note"]),
              "verdict": json.dumps(verdict) if row["verdict"] else None,
              **{key: text(verdict.get(key)) for key in ("release", "kind", "confidence", "message", "summary")}}
    return [values[key] for key in COLUMNS]


def patience():
    """Tests have less."""
    with contextlib.suppress(ValueError):
        return min(max(0, float(os.environ.get("LATRIAGE_WAIT_S", ""))), 3600)
    return WAIT_S


class Database:
    def __init__(self, path):
        self.path = path
        os.makedirs(os.path.dirname(os.path.abspath(path)), exist_ok=True)
        # SQLite would wait for a FIFO, and put its journal beside a device.
        if os.path.exists(path) and not os.path.isfile(path):
            raise Unusable(f"{shown(path)}: not a regular file")
        try:
            self.db = sqlite3.connect(path, timeout=patience(), isolation_level=None)
            self.open()
        except sqlite3.Error as error:
            raise self.unusable(error) from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.db.close()

    def unusable(self, error):
        words = str(error)
        if "locked" in words or "busy" in words:
            words = "another run holds it; try again when that has ended"
        elif "malformed" in words or "not a database" in words:
            words = "it is damaged, or no database; move it away, and the next run judges all anew"
        return Unusable(f"{shown(self.path)}: {words}")

    def pragma(self, name):
        return self.db.execute(f"PRAGMA {name}").fetchone()[0]

    def open(self):
        version, tables = self.pragma("user_version"), self.pragma("schema_version")
        if tables and self.pragma("application_id") != APPLICATION:
            raise Unusable(f"{shown(self.path)}: a database of something else")
        if version > VERSION:
            raise Unusable(f"{shown(self.path)}: version {version}, of a newer latriage; this one knows {VERSION}")
        if tables and self.pragma("quick_check") != "ok":
            raise sqlite3.DatabaseError("malformed")
        self.db.execute("PRAGMA journal_mode = WAL")
        self.db.execute("PRAGMA synchronous = FULL")
        if tables:
            return
        self.db.execute("BEGIN IMMEDIATE")
        if not self.pragma("schema_version"):  # nobody else was faster
            for statement in SCHEMA.split(";"):
                self.db.execute(statement)
            self.db.execute(f"PRAGMA application_id = {APPLICATION}")
            self.db.execute(f"PRAGMA user_version = {VERSION}")
        self.db.execute("COMMIT")

    def ask(self, sql, *values):
        try:
            return self.db.execute(sql, values)
        except sqlite3.Error as error:
            raise self.unusable(error) from None

    def wants(self, host, dump, again, noted):
        """Is it new, another one than it was, or not done; or wanted @again: all, or what has a note."""
        row = self.ask("SELECT device, inode, size, mtime_ns, header, state, tries, note FROM dump WHERE host = ? AND path = ?",
                       host, os.fsencode(dump.path)).fetchone()
        return again or not row or tuple(row[:5]) != (dump.device, dump.inode, dump.size, dump.mtime_ns, dump.header) or \
            (row[5] == "broken" and row[6] < TRIES) or (noted and row[7] is not None)

    def put(self, row):
        """Keep @row in the place of what was known of its dump. An older answer does not replace a newer one."""
        old = self.ask("SELECT state, tries, judged_s, mtime_ns FROM dump WHERE host = ? AND path = ?", row["host"], row["path"]).fetchone()
        same = old and old[3] == row["mtime_ns"]
        if same and old[0] == "judged" and row["state"] == "broken":
            return
        if old and old[2] > row["judged_s"]:
            return
        tries = old[1] + 1 if same and old[0] == "broken" else 1
        self.ask(f"INSERT OR REPLACE INTO dump ({', '.join(COLUMNS)}) VALUES ({', '.join('?' * len(COLUMNS))})",
                 *columns({**row, "tries": tries}))

    def drop(self, host, paths):
        """What was known of @paths, which are parts of another dump."""
        for path in paths:
            self.ask("DELETE FROM dump WHERE host = ? AND path = ?", host, os.fsencode(path))

    def groups(self):
        """All that is known, as --json prints it: groups by signature, the largest first; what has no verdict."""
        groups = {}
        for row in self.ask("SELECT host, path, mtime_ns, release, kind, confidence, cause, message, summary, hash, signature, note "
                            "FROM dump WHERE state = 'judged' ORDER BY mtime_ns, host, path"):
            host, path, mtime_ns, release, kind, confidence, cause, message, summary, digest, signature, note = row
            group = groups.setdefault(digest or f"no signature: {kind}", {
                "hash": digest, "signature": signature, "count": 0, "first_seen_s": mtime_ns // 10**9, "releases": [], "kind": kind,
                "cause": cause, "message": message, "summary": summary, "confidence": {}, "dumps": []})
            group["count"] += 1
            group["last_seen_s"] = mtime_ns // 10**9
            if release and release not in group["releases"]:
                group["releases"].append(release)
            group["confidence"][confidence] = group["confidence"].get(confidence, 0) + 1
            group["dumps"].append({"host": host, "path": shown(path), "note": note})
        failed = [{"host": host, "path": shown(path), "state": state, "reason": note, "tries": tries} for host, path, state, note, tries
                  in self.ask("SELECT host, path, state, note, tries FROM dump WHERE state != 'judged' ORDER BY host, path")]
        return {"schema": GROUPS, "groups": sorted(groups.values(), key=lambda g: (-g["count"], g["first_seen_s"], g["hash"] or "")),
                "failed": failed}
