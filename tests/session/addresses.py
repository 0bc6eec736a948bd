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


def ask(session, asked, lamem=True):
    """Put the questions about all of them into the session; without lamem, those that crash itself knows."""
    for name, command, addresses in asked:
        if command:
            session.ask(f"set-{name}.txt", command)
        for some in batches(addresses):
            words = " ".join(f"{one.va:x}" for one in some)
            session.ask(f"vtop-{name}.txt", f"vtop {'-u' if command else '-k'} {words}")
            if lamem:
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


def differences(session, name, addresses):
    """({wrong, unanswered} of vtop, the same of rd), lists of lines: where crash says something else than the
    guest, and where it says nothing."""
    places, memory = physical_of(session.read(f"vtop-{name}.txt")), bytes_of(session.read(f"rd-{name}.txt"))
    vtop, rd = ({"wrong": [], "unanswered": []} for _ in range(2))
    for one in addresses:
        if one.va not in places:
            vtop["unanswered"].append(f"{one.where} {one.va:#x}")
        elif places[one.va] != one.pa:
            vtop["wrong"].append(f"{one.where} {one.va:#x}: {places[one.va]!r}, the guest: {one.pa!r}")
        if memory.get(one.va, b"") != one.data:
            rd["wrong" if one.va in memory else "unanswered"].append(
                f"{one.where} {one.va:#x}: {memory.get(one.va)}, the guest: {one.data or None}")
    return vtop, rd


def check_space(report, session, truth, name, addresses):
    """One address space: nothing may differ, nothing stay unanswered."""
    vtop, rd = differences(session, name, addresses)
    counted = collections.Counter(one.where for one in addresses)
    report.check(f"{name}: vtop of {len(addresses)} addresses, {len(vtop['wrong'])} wrong, "
                 f"{len(vtop['unanswered'])} unanswered "
                 f"({', '.join(f'{where} {count}' for where, count in counted.items())})",
                 addresses and not any(vtop.values()), "\n".join(vtop["wrong"][:8] + vtop["unanswered"][:8]))
    report.check(f"{name}: rd of {sum(one.data != b'' for one in addresses)} addresses, the guest's own bytes, "
                 "and none outside RAM", not any(rd.values()), "\n".join(rd["wrong"][:8] + rd["unanswered"][:8]))
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


def expected(session, name, addresses):
    """The addresses as a session has to answer them."""
    if 'COMMAND: "swapper/' in session.read(f"set-{name}.txt"):
        # an idle CPU still has the tables of the task before; its own task has no user space
        return [one._replace(pa=None, data=b"", where="of a kernel thread") for one in addresses]
    return addresses


def check(report, session, truth, asked):
    for name, _, addresses in asked:
        check_space(report, session, truth, name, expected(session, name, addresses))
    itself = [one for one in truth.users() if one.data and int.from_bytes(one.data[:8], "little") == one.va]
    if truth.users():
        report.check(f"the guest's program pages left its addresses in {len(itself)} of its pages", len(itself) > 100)
