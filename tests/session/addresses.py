# SPDX-License-Identifier: GPL-3.0-or-later
"""Every address that the frozen guest was asked about, in a session: vtop, rd and lamem against what the
guest's kernel and QEMU said (tests/lab/truth.py). Used by run.py."""
import collections
import re

import entries
import lamem

BATCH = 40  # addresses in one command line: crash takes lines of 1500 characters


def batches(things, size):
    return [things[at:at + size] for at in range(0, len(things), size)]


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


def ask(session, asked, with_lamem=True):
    """Put the questions about all of them into the session; without lamem, those that crash itself knows, one a
    line: it gives up a line at the first address that it cannot translate."""
    for name, command, addresses in asked:
        if command:
            session.ask(f"set-{name}.txt", command)
        for some in batches(addresses, BATCH if with_lamem else 1):
            words = " ".join(f"{one.va:x}" for one in some)
            session.ask(f"vtop-{name}.txt", f"vtop {'-u' if command else '-k'} {words}")
            if with_lamem:
                session.ask(f"lamem-{name}.json", f"lamem -j {words}")
        for one in addresses:
            if one.pa is not None:  # device registers too: they are mapped, but in no dump
                session.ask(f"rd-{name}.txt", f"rd {'-u' if command else ''} {one.va:x} 2")


def vtop_answers(text):
    """{address: (physical address or None, all that vtop printed of it)}"""
    answers = {}
    for part in re.split(r"^VIRTUAL +PHYSICAL *\n", text, flags=re.M)[1:]:
        found = re.match(r"([0-9a-f]{1,16}) +([0-9a-f]+|\(not mapped\)|\(not accessible\)) *$", part, re.M)
        if found:
            pa = found.group(2)
            answers[int(found.group(1), 16)] = (None if pa.startswith("(") else int(pa, 16), part)
    return answers


def bytes_of(text):
    return {int(va, 16): bytes.fromhex(low)[::-1] + bytes.fromhex(high)[::-1] for va, low, high in
            re.findall(r"^ *([0-9a-f]{1,16}): +([0-9a-f]{16}) ([0-9a-f]{16})", text, re.M)}


def differences(session, name, addresses):
    """({wrong, unanswered} of vtop, the same of rd), lists of lines: where crash says something else than the
    guest, and where it says nothing."""
    places, memory = vtop_answers(session.read(f"vtop-{name}.txt")), bytes_of(session.read(f"rd-{name}.txt"))
    vtop, rd = ({"wrong": [], "unanswered": []} for _ in range(2))
    for one in addresses:
        if one.va not in places:
            vtop["unanswered"].append(f"{one.where} {one.va:#x}")
        elif places[one.va][0] != one.pa:
            vtop["wrong"].append(f"{one.where} {one.va:#x}: {places[one.va][0]!r}, the guest: {one.pa!r}")
        if memory.get(one.va, b"") != one.data:
            rd["wrong" if one.va in memory else "unanswered"].append(
                f"{one.where} {one.va:#x}: {memory.get(one.va)}, the guest: {one.data or None}")
    return vtop, rd


def check_space(report, session, name, addresses):
    """One address space: nothing may differ, nothing stay unanswered."""
    vtop, rd = differences(session, name, addresses)
    counted = collections.Counter(one.where for one in addresses)
    report.check(f"{name}: vtop of {len(addresses)} addresses, {len(vtop['wrong'])} wrong, "
                 f"{len(vtop['unanswered'])} unanswered "
                 f"({', '.join(f'{where} {count}' for where, count in counted.items())})",
                 addresses and not any(vtop.values()), "\n".join(vtop["wrong"][:8] + vtop["unanswered"][:8]))
    report.check(f"{name}: rd of {sum(one.data != b'' for one in addresses)} addresses, the guest's own bytes, "
                 "and none outside RAM", not any(rd.values()), "\n".join(rd["wrong"][:8] + rd["unanswered"][:8]))


def check_kinds(report, session, name, addresses):
    """Pages that are not just there: vtop says that they are swapped out, and where to, or PROT_NONE."""
    got = vtop_answers(session.read(f"vtop-{name}.txt"))
    special = [one for one in addresses if one.va in got and (one.swap or one.pa is not None)]
    wrong = [f"{one}\n{got[one.va][1]}" for one in special if one.swap and
             not re.search(rf"SWAP: \S+ +OFFSET: {one.swap[1]}$", got[one.va][1], re.M) or
             one.pa is not None and (one.where == "PROT_NONE") != ("PROTNONE" in got[one.va][1])]
    swapped, none = (sum(bool(test) for test in tests) for tests in
                     ([one.swap for one in special], [one.where == "PROT_NONE" for one in special]))
    if swapped or none:
        report.check(f"{name}: vtop tells {swapped} swapped out pages with their places and {none} PROT_NONE ones",
                     not wrong, "\n".join(wrong[:4]))


def expected(session, name, addresses):
    """The addresses as a session has to answer them."""
    if 'COMMAND: "swapper/' in session.read(f"set-{name}.txt"):
        # an idle CPU still has the tables of the task before; its own task has no user space
        return [one._replace(pa=None, data=b"", where="of a kernel thread") for one in addresses]
    return addresses


def check_reasons(report, output):
    """rd says in a line of its own why it cannot read."""
    crash = "seek error|invalid (?:user|kernel) virtual address"
    failed = re.findall(rf"^rd: (?:{crash}).*", output, re.M)
    said = re.findall(rf"^rd: (?!{crash}).*", output, re.M)
    report.equal("rd: a reason for every address that cannot be read", len(said), len(failed))


def check(report, session, truth, asked, output):
    for name, _, some in asked:
        some = expected(session, name, some)
        check_space(report, session, name, some)
        check_kinds(report, session, name, some)
        lamem.check(report, session, truth, name, some)
    lamem.check_frames(report, session, truth)
    entries.check(report, session, truth)
    check_reasons(report, output)
    itself = [one for one in truth.users() if one.data and int.from_bytes(one.data[:8], "little") == one.va]
    if truth.users():
        report.check(f"the guest's program pages left its addresses in {len(itself)} of its pages", len(itself) > 100)
