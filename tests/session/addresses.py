# SPDX-License-Identifier: GPL-3.0-or-later
"""Every address that the frozen guest was asked about, in a session: vtop, rd and lamem against what the
guest's kernel and QEMU said (tests/lab/truth.py). Used by run.py."""
import collections
import json
import re

BATCH = 40  # addresses in one command line: crash takes lines of 1500 characters


def batches(things):
    return [things[at:at + BATCH] for at in range(0, len(things), BATCH)]


def by(things, key):
    groups = collections.OrderedDict()
    for one in things:
        groups.setdefault(key(one), []).append(one)
    return groups


def spaces(truth, every):
    """[(name, command to go there, addresses)]: the kernel, each task of which something is known, and what each
    CPU was in; of each the first of so many addresses."""
    found = [("kernel", None, truth.translations())]
    found += [(f"task-{pid}", f"set {pid}", of) for pid, of in by(truth.users(), lambda one: one.who).items()]
    found += [(f"cpu-{cpu}", f"set -c {cpu}", of) for cpu, of in by(truth.running(), lambda one: one.who).items()]
    return [(name, command, addresses[::every]) for name, command, addresses in found]


def ask(session, asked):
    """Put the questions about all of them into the session."""
    for name, command, addresses in asked:
        if command:
            session.ask(f"set-{name}.txt", command)
        for some in batches(addresses):
            words = " ".join(f"{one.va:x}" for one in some)
            session.ask(f"vtop-{name}.txt", f"vtop {'-u' if command else '-k'} {words}")
            session.ask(f"lamem-{name}.json", f"lamem -j {words}")
        for one in addresses:
            if one.pa is not None:  # device registers too: they are mapped, but in no dump
                session.ask(f"rd-{name}.txt", f"rd {'-u' if command else ''} {one.va:x} 2")


def physical_of(text):
    """{address: physical address, None or its absence} that vtop printed."""
    answers = re.findall(r"^([0-9a-f]{1,16}) +([0-9a-f]+|\(not mapped\)|\(not accessible\)) *$", text, re.M)
    return {int(va, 16): None if pa.startswith("(") else int(pa, 16) for va, pa in answers}


def bytes_of(text):
    return {int(va, 16): bytes.fromhex(low)[::-1] + bytes.fromhex(high)[::-1] for va, low, high in
            re.findall(r"^ *([0-9a-f]{1,16}): +([0-9a-f]{16}) ([0-9a-f]{16})", text, re.M)}


def check_space(report, session, truth, name, addresses):
    """One address space: nothing may differ, nothing stay unanswered."""
    got = physical_of(session.read(f"vtop-{name}.txt"))
    unanswered = [one for one in addresses if one.va not in got]
    wrong = [f"{one.where} {one.va:#x}: {got[one.va]!r}, the guest: {one.pa!r}" for one in addresses
             if one.va in got and got[one.va] != one.pa]
    counted = collections.Counter(one.where for one in addresses)
    report.check(f"{name}: vtop of {len(addresses)} addresses, {len(wrong)} wrong, {len(unanswered)} unanswered "
                 f"({', '.join(f'{where} {count}' for where, count in counted.items())})",
                 addresses and not wrong and not unanswered,
                 "\n".join(wrong[:8] + [f"{one.where} {one.va:#x} unanswered" for one in unanswered[:8]]))

    memory = bytes_of(session.read(f"rd-{name}.txt"))
    wrong = [f"{one.where} {one.va:#x}: {memory.get(one.va)}, the guest: {one.data or None}" for one in addresses
             if memory.get(one.va) != (one.data or None)]
    report.check(f"{name}: rd of {sum(one.data != b'' for one in addresses)} addresses, the guest's own bytes, "
                 "and none outside RAM", not wrong, "\n".join(wrong[:8]))
    check_lamem(report, session, truth, name, addresses)


def check_lamem(report, session, truth, name, addresses):
    answers = []
    for line in session.read(f"lamem-{name}.json").splitlines():
        try:
            answers += json.loads(line)["addresses"]
        except (ValueError, KeyError) as error:
            report.check(f"{name}: lamem -j is JSON", False, f"{error}\n{line[:300]}")
            return
    wrong = []
    for answer, one in zip(answers, addresses):
        physical = int(answer["physical"], 16) if answer["physical"] else None
        readable = (answer["dump"] or {}).get("readable", False)
        if (int(answer["address"], 16), physical, readable) != (one.va, one.pa, one.pa is not None and truth.in_ram(one.pa)):
            wrong.append((one, answer))
        elif physical is None and not answer["reason"]:
            wrong.append((one, answer))
    report.check(f"{name}: lamem of {len(addresses)} addresses: where they go, whether they can be read, and why not",
                 len(answers) == len(addresses) and not wrong, f"{len(answers)} answers\n{wrong[:3]}")


def check(report, session, truth, asked):
    for name, _, addresses in asked:
        if 'COMMAND: "swapper/' in session.read(f"set-{name}.txt"):
            # an idle CPU still has the tables of the task before; its own task has no user space
            addresses = [one._replace(pa=None, data=b"", where="of a kernel thread") for one in addresses]
        check_space(report, session, truth, name, addresses)
    itself = [one for one in truth.users() if one.data and int.from_bytes(one.data[:8], "little") == one.va]
    if truth.users():
        report.check(f"the guest's program pages left its addresses in {len(itself)} of its pages", len(itself) > 100)
