# SPDX-License-Identifier: GPL-3.0-or-later
"""lamem's answers, and kmem -p's, against what the frozen guest, its kernel and QEMU said (tests/lab/truth.py).
Used by addresses.py."""
import json
import re

BATCH = 40
SEGMENTS = ("xuvrange", "xsprange", "xkprange", "xkvrange")     # by the two top bits
# what linux/kernel-page-flags.h calls bits of /proc/kpageflags, and struct page its flags
PAGE_FLAGS = {0: "locked", 2: "referenced", 3: "uptodate", 4: "dirty", 5: "lru", 6: "active", 8: "writeback",
              9: "reclaim", 14: "swapbacked", 18: "unevictable", 19: "hwpoison", 32: "reserved", 33: "mlocked",
              35: "private", 36: "private_2", 38: "arch_1"}
SLAB, BUDDY, ANON, HEAD, TAIL, HUGETLB, THP, ZERO, TABLE = 7, 10, 12, 15, 16, 17, 22, 24, 26
AGE = {"referenced", "active", "lru"}       # what whoever executes or reads a file changes in its pages
TYPES = {"slab": SLAB, "buddy": BUDDY, "table": TABLE, "hugetlb": HUGETLB}


def ask_frames(session, truth):
    frames = sorted(truth.frames().keys() | truth.struct_pages().keys())
    for at in range(0, len(frames), BATCH):
        words = " ".join(f"{pfn * truth.page_size():x}" for pfn in frames[at:at + BATCH])
        session.ask("lamem-frames.json", f"lamem -j -p {words}")
        session.ask("kmem-frames.txt", f"kmem -p {words}")
    if truth.sections():
        words = " ".join(f"{place:x}" for place in section_places(truth).values())
        session.ask("lamem-sections.txt", f"lamem -p {words}")


def answers_of(report, session, name):
    answers = []
    for line in session.read(f"lamem-{name}.json").splitlines():
        try:
            answers += json.loads(line)["addresses"]
        except (ValueError, KeyError) as error:
            report.check(f"{name}: lamem -j is JSON", False, f"{error}\n{line[:300]}")
    return answers


def number(text):
    return int(text, 16) if text else None


def none_wrong(report, what, wrong):
    report.check(what, not wrong, f"{len(wrong)} wrong\n" + "\n".join(wrong[:6]))


def address_wrong(truth, answer, one):
    """Is the segment, the place, whether it can be read, the reason or the kind of page not the guest's?"""
    physical, reason = number(answer["physical"]), answer["reason"] or ""
    flags = answer["mapping"]["flags"] if answer["mapping"] else ""
    readable = (answer["dump"] or {}).get("readable", False)
    return (number(answer["address"]), answer["segment"], physical, readable) != \
        (one.va, SEGMENTS[one.va >> 62], one.pa, one.pa is not None and truth.in_ram(one.pa)) or \
        physical is None and not reason or \
        one.swap and "swapped out to area {}, offset {} ".format(*one.swap) not in reason or \
        physical is not None and ("PROTNONE" in flags) != (one.where == "PROT_NONE")


def walk_wrong(answer, one, root, shape):
    """Each entry lies where the one before leads, at the index that the CPU's own registers give, and the last one
    leads to the physical address; or a window does."""
    table, entry = root, None
    for step, (shift, width) in zip(answer["steps"], shape):
        entry_pa, entry = number(step["entry_pa"]), number(step["entry"])
        if table is not None and entry_pa != (table & (1 << 48) - 0x1000) + (one.va >> shift & (1 << width) - 1) * 8:
            return True
        table = entry
    if one.pa is None:
        return False
    if not answer["steps"]:
        return answer["window"] is None or answer["mapping"] is not None
    size = 1 << shape[len(answer["steps"]) - 1][0]
    return answer["mapping"]["size"] != size or entry & (1 << 48) - size != one.pa & -size


def owner_wrong(owner, one):
    """Is a page of a task not anonymous memory's, or the one of the file that /proc/PID/maps and kpageflags tell?
    No guest runs ksmd; that 6.12 calls every anonymous page KSM is a mistake of its stable_page_flags()."""
    if one.flags >> ANON & 1:
        return not owner or owner["kind"] != "anon"
    if one.file and not one.flags >> ZERO & 1:
        return not owner or (owner["kind"], owner["inode"], owner["index"]) != ("file", *one.file)
    return bool(owner)


def check_shared(report, what, both, size):
    """pages.c wrote their own addresses into pages that another task has as well, but for four in a huge page."""
    made = {one.va // size: answer["page"]["mapcount"] for answer, one in both if one.where == "anonymous" and
            answer["page"] and int.from_bytes(one.data[:8], "little") == one.va}
    once = sorted(at for at, count in made.items() if count == 1)
    if len(made) > 50:
        report.check(f"{what}: mapcount of {len(made)} pages that two tasks have, but for four", len(once) == 4 and
                     once[3] == once[0] + 3 and all(count == 2 for at, count in made.items() if at not in once), made)


def check(report, session, truth, name, addresses):
    answers = answers_of(report, session, name)
    both = list(zip(answers, addresses))
    wrong = [f"{one}: {answer}" for answer, one in both if address_wrong(truth, answer, one)]
    report.check(f"{name}: lamem of {len(addresses)} addresses: the segment, where they go, whether they can be read, "
                 "and why not", len(answers) == len(addresses) and not wrong, "\n".join([str(len(answers))] + wrong[:3]))

    root, shape = truth.tables(int(name[4:]) if name.startswith("cpu-") else None)
    if name.startswith("task-"):
        root = None                 # only its own memory tells where the tables of a task that sleeps begin
    walks = [(answer, one) for answer, one in both if one.where != "of a kernel thread"]
    if walks:
        none_wrong(report, f"{name}: lamem's levels or window of {len(walks)} addresses",
                   [f"{one}: {answer}" for answer, one in walks if walk_wrong(answer, one, root, shape)])

    known = [(answer, one) for answer, one in both if one.flags is not None and answer["mapping"]]
    if known:
        huge = [one for _, one in known if one.flags >> THP & 1 and one.flags >> ANON & 1 or one.flags >> HUGETLB & 1]
        none_wrong(report, f"{name}: lamem tells {len(huge)} addresses in huge pages from {len(known) - len(huge)} others",
                   [f"{one}: {answer}" for answer, one in known
                    if (answer["mapping"]["size"] > truth.page_size()) != (one in huge)])
        # tasks that come and go map the same files
        check_pages(report, f"{name}: lamem's struct page", [
            (answer, one.flags, one.count if one.flags >> ANON & 1 else None) for answer, one in known], 0, AGE)
        # older cases do not tell which page of a file it is
        owned = [(answer["page"]["owner"], one) for answer, one in known if answer["page"] and
                 (one.file or one.where != "file")]
        none_wrong(report, f"{name}: lamem's owner of {len(owned)} pages, {sum(bool(one.file) for _, one in owned)} of files",
                   [f"{one}: {owner}" for owner, one in owned if owner_wrong(owner, one)])
    if name.startswith("task-"):
        check_shared(report, name, both, truth.page_size())


def page_wrong(page, flags, count):
    """What of a struct page is not what /proc/kpageflags and kpagecount had."""
    names = page["names"].split("|")
    wrong = [name for bit, name in PAGE_FLAGS.items() if (name in names) != bool(flags >> bit & 1)]
    if (page["head"] is not None) != bool(flags >> TAIL & 1):
        wrong.append("tail")
    if ("head" in names and page["head"] is None) != bool(flags >> HEAD & 1):
        wrong.append("head")
    # the other pages of a free block count as its first; a slab is a flag before 6.11
    if page["type"] in TYPES and not flags >> TYPES[page["type"]] & 1 or \
            flags >> TABLE & 1 and page["type"] != "table" or \
            flags >> SLAB & 1 and page["type"] != "slab" and "slab" not in names:
        wrong.append("type")
    if count is not None and (page["mapcount"] or 0) != count:
        wrong.append("mapcount")
    return wrong


def check_pages(report, what, known, tolerated, ignored=frozenset()):
    """@known: (answer, flags, count). Page frames go on changing until the guest is frozen, those of tasks that
    sleep do not but for their age."""
    wrong = [f"{answer['address']}: {answer['page'] and page_wrong(answer['page'], flags, count)}, "
             f"{flags:#x}, {answer['page'] or answer['page_reason']}" for answer, flags, count in known
             if not answer["page"] or set(page_wrong(answer["page"], flags, count)) - ignored]
    report.check(f"{what} of {len(known)} pages, {len(wrong)} not as /proc/kpageflags had them", known and
                 len(wrong) <= tolerated * len(known), "\n".join(wrong[:8]))


def section_places(truth):
    """{number: a physical address in it} of the sections that have RAM where they begin or end."""
    bits = truth.section_bits()
    both = {nr: (nr << bits, (nr + 1 << bits) - 1) for nr in truth.sections()}
    return {nr: next(place for place in ends if truth.in_ram(place)) for nr, ends in both.items()
            if any(map(truth.in_ram, ends))}


def check_sections(report, session, truth):
    """What lamem says of each section; gdb has the word, what its flags mean is told by the guest's memory blocks
    (all there is, where the kernel cannot plug memory, is online) and by what was plugged in."""
    sections, bits, (block, blocks) = truth.sections(), truth.section_bits(), truth.blocks()
    if block:
        report.equal("memory sections are as large as the guest's memory blocks", 1 << bits, block)
        report.equal("memory sections are the guest's memory blocks", sorted(sections), sorted(blocks))
    else:
        print(f"# {report.prefix}: no memory blocks in this guest's /sys: section size and state are gdb's alone")
    expected = [(nr, nr << bits, nr + 1 << bits, "|".join(
        name for name, wanted in (("PRESENT", True), ("HAS_MEM_MAP", True),
                                  ("ONLINE", blocks.get(nr, ("online",))[0] == "online"),
                                  ("EARLY", not truth.plugged(place))) if wanted))
        for nr, place in section_places(truth).items()]
    report.equal(f"lamem: {len(expected)} memory sections: number, bounds, flags", [
        (int(nr), int(start, 16), int(end, 16), flags) for nr, start, end, flags in re.findall(
            r"^ SECTION: (\d+)  ([0-9a-f]+)-([0-9a-f]+)  (.*)$", session.read("lamem-sections.txt"), re.M)], expected)


def check_struct_pages(report, truth, ours):
    """Sections and struct pages, of a guest that stands still: nothing may differ."""
    known, bits, sections = truth.struct_pages(), truth.section_bits(), truth.sections()
    heads = any(frame.head == frame.page for frame in known.values())       # older cases do not tell them
    wrong = []
    for pfn, frame in known.items():
        nr, section, page = pfn * truth.page_size() >> bits, ours[pfn]["section"], ours[pfn]["page"]
        got = section and page and (section["number"], number(section["map"]), number(page["address"]), number(page["flags"]),
                                    number(page["head"]) or 0, page["refcount"], page["mapcount"])
        head = frame.head if frame.head != frame.page else 0
        # in a compound page its mappings count too, see check_pages(); below -1 the word is a type
        mapcount = got and got[-1] if frame.head or not heads else frame.mapcount + 1 if frame.mapcount >= -1 else None
        if got != (nr, sections[nr], frame.page, frame.flags, head, frame.refcount, mapcount):
            wrong.append(f"{pfn:#x}: {got}, gdb: {frame}")
    none_wrong(report, f"lamem -p: section, struct page, its flags, head, refcount and mapcount of {len(known)} page frames",
               wrong)

    # zones of several nodes may lie in each other's holes
    places = {pfn: [(node, name) for node, name, start, end in truth.zones() if start <= pfn < end] for pfn in known}
    only = {pfn: found[0] for pfn, found in places.items() if len(found) == 1}
    nodes = {nr: some for nr, (_, some) in truth.blocks()[1].items()}
    none_wrong(report, f"lamem -p: node and zone of {len(only)} page frames, nodes of {len(nodes)} memory blocks", [
        f"{pfn:#x}: {page['node']} {page['zone']}, the guest: {place}, {some}" for pfn, place, page, some in
        ((pfn, only.get(pfn), ours[pfn]["page"], nodes.get(pfn * truth.page_size() >> bits)) for pfn in known)
        if page and (place and place != (page["node"], page["zone"]) or some and page["node"] not in some)])


def check_frames(report, session, truth):
    size, known = truth.page_size(), truth.struct_pages()
    if not known and not truth.frames():
        return
    ours = {number(answer["address"]) // size: answer for answer in answers_of(report, session, "frames")}
    report.equal("lamem -p: every page frame answered", sorted(ours), sorted(truth.frames().keys() | known.keys()))
    if known:
        check_sections(report, session, truth)
        check_struct_pages(report, truth, ours)
    if truth.frames():
        check_said_frames(report, session, truth, ours)


def check_said_frames(report, session, truth, ours):
    frames, size = truth.frames(), truth.page_size()
    check_pages(report, "lamem -p: struct page", [(ours[pfn], *frames[pfn]) for pfn in ours if pfn in frames], 0.01)

    listed = {int(pa, 16) // size: (int(page, 16), set(names.split(","))) for page, pa, names in
              re.findall(r"^([0-9a-f]{16}) +([0-9a-f]+) +[0-9a-f]+ +[0-9a-f]+ +-?\d+ +[0-9a-f]+ *(\S*)$",
                         session.read("kmem-frames.txt"), re.M)}
    none_wrong(report, f"kmem -p: the struct page of {len(frames)} page frames is lamem's", [
        f"{pfn:#x}: {listed.get(pfn)}, {ours[pfn]['page']}" for pfn in frames if pfn in ours and
        listed.get(pfn, (None,))[0] != number((ours[pfn]["page"] or {"address": None})["address"])])
    # crash shows the word of a tail page itself, which has none of the flags
    heads = [pfn for pfn in listed if pfn in frames and not frames[pfn][0] >> TAIL & 1]
    wrong = [f"{pfn:#x}: {listed[pfn]}, {frames[pfn][0]:#x}" for pfn in heads if
             {name for bit, name in PAGE_FLAGS.items() if frames[pfn][0] >> bit & 1} !=
             listed[pfn][1] & set(PAGE_FLAGS.values())]
    report.check(f"kmem -p: flags of {len(heads)} page frames, {len(wrong)} not as /proc/kpageflags had them",
                 len(heads) > 100 and len(wrong) <= 0.01 * len(heads), "\n".join(wrong[:8]))
