# SPDX-License-Identifier: GPL-3.0-or-later
"""The groups as text and as an HTML page."""
import collections
import html
import os
import stat
import tempfile

from words import shown, when

SHOWN = 100  # dumps of a group on a page
DOCTYPE = b"<!doctype html>"

STYLE = """
:root{--back:#fff;--card:#f6f7f9;--text:#1d2430;--dim:#5d6878;--line:#d5dae1;--bar:#b3261e}
@media (prefers-color-scheme:dark){:root{--back:#14181f;--card:#1d232c;--text:#e3e7ed;--dim:#97a2b1;--line:#343d49;--bar:#ff8a80}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1180px;padding:12px;background:var(--back);color:var(--text);font:15px/1.5 system-ui,sans-serif;
overflow-wrap:anywhere}
h1{font-size:21px}h2{font-size:16px;margin:0}p{margin:4px 0}.dim{color:var(--dim)}code{font:12px/1.5 ui-monospace,monospace}
article{background:var(--card);border-radius:6px;padding:10px 14px;margin:10px 0;border-left:6px solid var(--line)}
article.ill{border-color:var(--bar)}summary{cursor:pointer}ul{margin:4px 0;padding-left:20px}
svg{display:block;width:100%;height:8px;margin:6px 0}rect{fill:var(--line)}rect.n{fill:var(--bar)}
@media print{article{border:1px solid var(--line);break-inside:avoid}}
"""


UNSIGNED = "none: they need not have died of the same"


def verdict(group):
    """"panic (certain 3, likely 1): what happened\""""
    sure = ", ".join(f"{name} {n}" if len(group["confidence"]) > 1 else str(name) for name, n in sorted(group["confidence"].items(), key=str))
    said = group["summary"] or group["message"] or group["cause"]
    return shown(f"{group['kind']} ({sure})" + (f": {said}" if said else ""))


def place(dump):
    return f"{shown(dump['host'])}:{dump['path']}"


def notes(group, most=3):
    """What ladump said beside the verdict, as of a vmlinux that is not there: "2 x ..."."""
    said = collections.Counter(dump["note"] for dump in group["dumps"] if dump["note"]).most_common(most)
    return [f"{n} × {shown(note)}" for note, n in said]


def counts(known):
    judged = sum(group["count"] for group in known["groups"])
    return f"{judged} dumps in {len(known['groups'])} groups, {len(known['failed'])} without a verdict"


def text(known):
    lines = [counts(known)]
    for group in known["groups"]:
        lines += ["", f"{group['count']:5}  {group['hash'] or 'no signature':16}  {verdict(group)}",
                  f"       seen:    {when(group['first_seen_s'])} to {when(group['last_seen_s'])} UTC",
                  f"       kernels: {shown(', '.join(group['releases']) or 'unknown')}"]
        if group["signature"]:
            lines.append(f"       sign:    {shown(group['signature'])}")
        else:
            lines.append(f"       sign:    {UNSIGNED}")
        lines += [f"       note:    {note}" for note in notes(group)]
        lines.append(f"       example: {place(group['dumps'][-1])}")
    if known["failed"]:
        lines += ["", "Without a verdict:"]
    lines += [f"  {place(dump)}: {shown(dump['reason'] or 'unknown')}" for dump in known["failed"]]
    return "\n".join(lines) + "\n"


def dump_list(dumps, words):
    items = "".join(f"<li><code>{html.escape(words(dump))}</code></li>\n" for dump in dumps[:SHOWN])
    more = f"<li>{len(dumps) - SHOWN} more</li>\n" if len(dumps) > SHOWN else ""
    return f"<ul>\n{items}{more}</ul>\n"


def article(group, most):
    ill = "" if group["kind"] in ("running", "halted") else ' class="ill"'
    width = group["count"] * 1000 // most
    rest = html.escape(f"{when(group['first_seen_s'])} to {when(group['last_seen_s'])} UTC; kernels: "
                       f"{shown(', '.join(group['releases']) or 'unknown')}")
    signature = html.escape(shown(f"{group['hash']} {group['signature']}")) if group["hash"] else f"signature: {UNSIGNED}"
    return (f'<article{ill}>\n<h2>{group["count"]} × {html.escape(verdict(group))}</h2>\n'
            f'<svg role="img" viewBox="0 0 1000 8" preserveAspectRatio="none"><rect width="1000" height="8"/>'
            f'<rect class="n" width="{width}" height="8"/></svg>\n<p class="dim">{rest}</p>\n<p><code>{signature}</code></p>\n'
            f'{"".join(f"<p>{html.escape(note)}</p>" for note in notes(group))}\n'
            f'<details><summary>dumps</summary>\n{dump_list(group["dumps"], place)}</details>\n</article>\n')


def page(known):
    most = max((group["count"] for group in known["groups"]), default=1)
    failed = known["failed"]
    parts = ['<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
             '<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">\n'
             f'<link rel="icon" href="data:,">\n<title>{counts(known)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n'
             f'<h1>{counts(known)}</h1>\n']
    parts += [article(group, most) for group in known["groups"]]
    if failed:
        parts.append("<h1>Without a verdict</h1>\n" +
                     dump_list(failed, lambda dump: f"{place(dump)}: {shown(dump['reason'] or 'unknown')}"))
    return "".join(parts) + "</body>\n</html>\n"


def write(path, content):
    """The whole file, or none; only what is absent, empty, or a page, gives way to it. OSError."""
    try:
        state = os.lstat(path)
        if not stat.S_ISREG(state.st_mode):
            raise OSError(0, "not a regular file, which is not replaced", path)
        with open(path, "rb") as file:
            if state.st_size and file.read(len(DOCTYPE)).lower() != DOCTYPE:
                raise OSError(0, "no page, and is not replaced by one", path)
    except FileNotFoundError:
        pass
    fd, beside = tempfile.mkstemp(prefix=os.path.basename(path) + ".", dir=os.path.dirname(path) or ".")
    try:
        with os.fdopen(fd, "w", encoding="utf-8") as file:
            mask = os.umask(0)
            os.umask(mask)
            os.fchmod(fd, 0o666 & ~mask)
            file.write(content)
            file.flush()
            os.fsync(fd)
        os.rename(beside, path)
    except BaseException as error:
        os.unlink(beside)
        if isinstance(error, OSError):
            error.filename = path
        raise
