# SPDX-License-Identifier: GPL-3.0-or-later
"""What crash's command pte says of values: of entries out of the guest's own page tables, against the places that they
lead to for QEMU (entries.txt of tests/lab/truth.py) and the bits of arch/loongarch/include/asm/pgtable-bits.h. Used by
addresses.py."""
import re

BATCH = 40
# what the bits are in an entry of a page table; PLV has two
BITS = {0: "VALID", 1: "DIRTY", 2: "PLV", 3: "PLV", 6: "GLOBAL", 7: "PRESENT", 8: "WRITE", 9: "MODIFIED", 10: "PROTNONE",
        11: "SPECIAL", 61: "NO_READ", 62: "NO_EXEC", 63: "RPLV"}
HUGE_BITS = {**BITS, 6: "HUGE", 12: "HGLOBAL"}      # and in one of a directory


def ask(session, truth):
    values = sorted(truth.entries())
    for at in range(0, len(values), BATCH):
        session.ask("pte.txt", "pte " + " ".join(f"{value:x}" for value in values[at:at + BATCH]))


def answers(text):
    """{value: {(place, flags)}}: a value of which the level cannot be told is explained as both."""
    found = {}
    for value, place, flags in re.findall(r"^ *([0-9a-f]+)  +([0-9a-f]+) +\((\S*)\)$", text, re.M):
        found.setdefault(int(value, 16), set()).add((int(place, 16), frozenset(flags.split("|"))))
    return found


def check(report, session, truth):
    entries, page = truth.entries(), truth.page_size()
    if not entries:
        return
    got, wrong, single = answers(session.read("pte.txt")), [], 0
    for value, (size, place) in entries.items():
        bits = BITS if size == page else HUGE_BITS
        right = (place, frozenset(name for bit, name in bits.items() if value >> bit & 1))
        single += len(got.get(value, ())) == 1
        if right not in got.get(value, ()):
            wrong.append(f"{value:#x} of {size:#x} bytes: {got.get(value)}, the guest: {right}")
    huge = sum(size > page for size, _ in entries.values())
    report.check(f"pte: place and flags of {len(entries)} entries, {huge} of huge pages; {single} explained in one way",
                 not wrong and 2 * single > len(entries), "\n".join([f"{len(wrong)} wrong"] + wrong[:6]))
