#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""ladump with less and less memory: it either answers as with enough, or says that memory ran out; no signal ends it.

Usage: memory.py PROGRAMS SAMPLE
  PROGRAMS   directory of ladump, built without sanitizers, which want memory of their own
  SAMPLE     directory of vmlinux and dump.16k
"""
import os, resource, subprocess, sys

STEPS = 24
ORDERS = {"-i": "stacks with source positions", "-p": "the verdict"}


def run(program, order, sample, limit=None):
    files = [os.path.join(sample, name) for name in ("vmlinux", "dump.16k")]
    lower = (lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit))) if limit else None
    return subprocess.run([program, order] + files, capture_output=True, preexec_fn=lower)


def least(program, order, sample):
    """The memory with which it answers as with enough, to 1 MiB."""
    enough, wanted = 4096, run(program, order, sample).stdout
    low = 8
    while enough - low > 1:
        middle = (low + enough) // 2
        if run(program, order, sample, middle << 20).stdout == wanted:
            enough = middle
        else:
            low = middle
    return enough, wanted


def check(program, order, sample):
    enough, wanted = least(program, order, sample)
    wrong, said = [], 0
    for i in range(STEPS):
        limit = 8 + (enough - 8) * i // STEPS
        got = run(program, order, sample, limit << 20)
        short = b"memory" in got.stderr.lower() or b"out of memory" in got.stdout
        said += short
        if got.returncode not in (0, 1) or got.returncode == 1 and not got.stderr or got.stdout != wanted and not short:
            # a limit under which the linker itself cannot start it ends with 127
            if got.returncode != 127:
                wrong.append(f"{limit} MiB: status {got.returncode}, {got.stderr[-200:]!r}")
    print(f"{'not ok' if wrong or said < STEPS // 2 else 'ok'} - ladump {order}, {ORDERS[order]}, with {STEPS} limits below the "
          f"{enough} MiB that it wants: {said} times it says that memory ran out, {len(wrong)} times it does not and answers less")
    for line in wrong:
        print(f"    {line}")
    return not wrong and said >= STEPS // 2


def main():
    programs, sample = sys.argv[1:]
    good = [check(os.path.join(programs, "ladump"), order, sample) for order in ORDERS]
    sys.exit(0 if all(good) else 1)


main()
