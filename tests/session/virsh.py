#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first user's walk to its end: what lavirsh-dump took with the real libvirt (tests/lab/virsh_walk.py), read by ladump
and in a session.

Needs:  root; the cache's kernel-openeuler; make tools; LAKVM_CRASH and LAKVM_BUILT as run.py, for the session.
Result: "ok - " or "not ok - " lines; those of the walk first.

Usage:  virsh.py
"""
import json
import os
import re
import shutil
import subprocess
import sys

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
CACHE = os.environ.get("LAKVM_CACHE") or os.path.expanduser("~/.cache/lakvm")
CRASH = os.environ.get("LAKVM_CRASH")
VMLINUX = f"{CACHE}/kernel-openeuler/vmlinux"
failed = 0


def check(what, good, seen=""):
    global failed
    failed += not good
    print(f"{'ok' if good else 'not ok'} - virsh: {what}", flush=True)
    if not good:
        print("   ", str(seen)[-2000:], flush=True)


def facts(panic, source):
    return [one["fact"] for one in panic.get("evidence", []) if one["source"] == source]


def verdict(what, text):
    panic = json.loads(text) if text.startswith("{") else {}
    cause = panic.get("cause") or {}
    check(f"{what}: the verdict", (panic.get("kind"), panic.get("confidence"), cause.get("kind"), cause.get("symbol")) ==
          ("panic", "certain", "bug", "cpu_probe") and "does not know this CPU model" in panic.get("summary", ""), text[:900])
    check(f"{what}: the domain's CPU and what the host did are facts", len(facts(panic, "domain.xml")) == 1 and
          len(facts(panic, "host")) >= 1, panic.get("evidence"))
    return panic


def ladump(folder):
    """Its vmlinux lies beside it."""
    return subprocess.run([f"{TREE}/build/unit/ladump", "-p", "-j", folder], capture_output=True, text=True, check=False)


def session(dump):
    environment = {**os.environ, "TERM": "dumb", "XDG_CACHE_HOME": f"{TREE}/build/virsh-cache", "CRASH": f"{CRASH}/crash",
                   "LAKVM_SO": os.path.join(os.environ.get("LAKVM_BUILT") or f"{TREE}/build/x86_64", "lakvm.so")}
    return subprocess.run([f"{TREE}/extensions/lacrash", "-s", VMLINUX, dump], input="lapanic -j\nlacpus\nq\n", env=environment,
                          capture_output=True, text=True, check=False).stdout


def main():
    walk = subprocess.run([f"{TREE}/tests/lab/virsh.sh", "python3", "-B", "tests/lab/virsh_walk.py", "/cache/virsh-walk"],
                          cwd=TREE, check=False)
    check("the walk went to its end", walk.returncode == 0, walk.returncode)
    taken = f"{CACHE}/virsh-walk"
    panic = verdict("ladump of the folder", ladump(f"{taken}/wang").stdout)
    check("... no vCPU was kept from running for long", not any("did not run" in text for text in facts(panic, "host")), facts(panic, "host"))
    panic = verdict("ladump of a guest whose host hardly ran it", ladump(f"{taken}/starved").stdout)
    check("... that is a fact, and the panic is one", any(text.startswith("the host did not run vCPU 0") for text in facts(panic, "host")),
          facts(panic, "host"))
    # As the libvirt of the first report has it, which adds no model of its own.
    without = f"{taken}/no-cpu"
    shutil.copytree(f"{taken}/wang", without, copy_function=os.link)
    with open(f"{without}/domain.xml", encoding="utf-8") as file:
        text = re.sub(r"(?s) *<cpu .*?</cpu>\n", "", file.read())
    os.unlink(f"{without}/domain.xml")
    with open(f"{without}/domain.xml", "w", encoding="utf-8") as file:
        file.write(text)
    panic = verdict("ladump of a domain without <cpu>", ladump(without).stdout)
    check("... the verdict says so", "the domain names none, it has no <cpu> element" in panic.get("summary", ""), panic.get("summary"))
    if CRASH:
        for name in ("wang", "wang.tar.zst"):
            said = session(f"{taken}/{name}")
            first, _, cpus = said[said.find("{"):].partition("\n")
            verdict(f"a session on {name}", first)
            check(f"a session on {name}: the registers are used", "never-started" in cpus and "text" in cpus, said)
    else:
        print("skip - virsh: sessions, without LAKVM_CRASH")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
