# SPDX-License-Identifier: GPL-3.0-or-later
"""lamem -f against crash's own search on the same dump, and the owners that it names against crash's search of
stacks, crash's list of tasks, and what the frozen guest said of its tasks' pages. Used by run.py."""
import json
import re

# what is searched: crash's words, lamem's, and whether of lamem's only those count that have the value itself.
# crash takes minutes for all RAM but for whole words: the others are compared where the kernel is.
END = 0x1000000
SEARCHES = (("init", "search -p (init_task)", "init_task", True),
            ("word", f"search -p -e {END:x} -w 6e69622f", "6e69622f/4", False),         # "/bin"
            ("half", f"search -p -e {END:x} -h 3e8", "3e8/2", False),
            ("text", f"search -p -e {END:x} -c \"Linux version \"", "\"text:Linux version \"", False))
SOME = 6        # pages of each kind


def pages(truth):
    """Some of the tasks' pages whose bytes are not like any other's, of memory that is no file's and of files."""
    kinds = {}
    for one in truth.users():
        if one.pa is not None and len(set(one.data)) > 5 and (one.file or one.where in ("anonymous", "heap", "stack")):
            kinds.setdefault(bool(one.file), {})[one.data] = one
    return [one for of in kinds.values() for one in list(of.values())[:SOME]]


def ask(session, truth):
    for name, crash, ours, _ in SEARCHES:
        session.ask(f"search-{name}.txt", crash)
        session.ask(f"find-{name}.json", f"lamem -j -n 100000 -f {ours}")
    session.ask("search-stacks.txt", "search -t (init_task)")
    session.ask("find-slab.json", "lamem -j -n 3 -f init_task -i slab:task_struct")
    session.ask("find-some.txt", "lamem -n 2 -f init_task")
    for one in pages(truth):
        session.ask("find-pages.json", f"lamem -j -f bytes:{one.data.hex()}")


def answer(report, session, name):
    try:
        return json.loads(session.read(f"find-{name}.json"))
    except ValueError as error:
        report.check(f"lamem -f: {name} is JSON", False, f"{error}\n{session.read(f'find-{name}.json')[:300]}")
        return {"hits": [], "found": -1}


def number(text):
    return int(text, 16)


def check_places(report, session):
    for name, crash, _, only in SEARCHES:
        theirs = {int(place, 16) for place in re.findall(r"^([0-9a-f]+): ", session.read(f"search-{name}.txt"), re.M)}
        found = answer(report, session, name)
        value = None
        if only:                # a symbol is searched for as the range that it has
            value = min((number(hit["value"]) for hit in found["hits"]), default=None)
        ours = {number(hit["physical"]) for hit in found["hits"] if (value is None or number(hit["value"]) == value) and
                (only or number(hit["physical"]) < END)}
        report.check(f"lamem -f finds what crash's {crash} does, {len(theirs)} places", theirs and theirs == ours and
                     found["found"] == len(found["hits"]), f"{sorted(theirs ^ ours)[:8]} {found['found']}")
        report.equal(f"lamem -f {name}: all RAM is accounted for", found.get("ram"), sum(
            found.get(key, 0) for key in ("present", "zero", "excluded", "missing", "damaged")))


def check_stacks(report, session):
    """crash names a task and the virtual addresses on its stack."""
    theirs, pid = {}, None
    for line in session.read("search-stacks.txt").splitlines():
        head = re.match(r"PID: (\d+) ", line)
        place = re.match(r"([0-9a-f]+): ", line)
        pid = int(head.group(1)) if head else pid
        if place:
            theirs[int(place.group(1), 16)] = pid
    hits = answer(report, session, "init")["hits"]
    value = min((number(hit["value"]) for hit in hits), default=None)
    ours = {number(hit["virtual"]): hit["owner"]["pid"] for hit in hits
            if hit["owner"]["place"] == "stack" and number(hit["value"]) == value}
    report.check(f"lamem -f: {len(theirs)} places on tasks' stacks are those of crash's search -t, with the task", theirs and
                 theirs == ours, f"{sorted(set(theirs.items()) ^ set(ours.items()))[:6]}")


def check_objects(report, session):
    """Tasks are objects of a slab cache, but the first."""
    tasks = {int(task, 16) for task in re.findall(r"^>? *\d+ +\d+ +\d+ +([0-9a-f]{16}) ", session.read("ps.txt"), re.M)}
    inside = [hit for hit in answer(report, session, "init")["hits"] if hit["owner"]["kind"] == "slab" and
              hit["owner"]["page"]["name"] == "task_struct"]
    live = [hit for hit in inside if number(hit["owner"]["object"]) in tasks]
    wrong = [hit for hit in inside if not (number(hit["owner"]["object"]) <= number(hit["virtual"]) <
                                           number(hit["owner"]["object"]) + hit["owner"]["size"])]
    # every child of init_task points to it as its parent, from within itself
    report.check(f"lamem -f: {len(live)} of {len(inside)} places in objects of task_struct are in tasks of crash's ps", live and
                 not wrong and len({hit["owner"]["object"] for hit in live}) > 1, wrong[:2])
    one = answer(report, session, "slab")
    report.check("lamem -f -i -n: only what was asked for, the first ones, and how many there are", len(one["hits"]) == 3 and
                 one["found"] >= len(live) and all(hit["owner"]["page"]["name"] == "task_struct" for hit in one["hits"]), one)
    said = session.read("find-some.txt")
    all_found = answer(report, session, "init")["found"]
    report.check("lamem -f -n says how many more there are", f"MORE: {all_found - 2} are not shown" in said, said)


def owner_right(hit, same):
    """Is it the page of one of these: of a file's that file's, else of a task that maps it there?"""
    owner = hit["owner"]
    for one in same:
        if one.file and owner["kind"] == "page-cache" and (owner["page"]["inode"], owner["page"]["index"]) == one.file:
            return True
        if not one.file and owner["kind"] == "task" and owner["user"] and owner["pid"] == int(one.who) and \
                number(owner["user"]) == one.va:
            return True
    return False


def check_pages(report, session, truth):
    asked = pages(truth)
    if not asked:
        return
    wrong = []
    lines = session.read("find-pages.json").splitlines()
    for one, line in zip(asked, lines):
        hits = [hit for hit in json.loads(line)["hits"] if number(hit["physical"]) == one.pa]
        same = [other for other in truth.users() if other.pa == one.pa]
        if len(hits) != 1 or not owner_right(hits[0], same):
            wrong.append(f"{one}: {hits}")
    report.check(f"lamem -f: {len(asked)} pages of tasks are found, and whose they are", len(lines) == len(asked) and
                 not wrong, "\n".join(wrong[:3]))


def check(report, session, truth):
    check_places(report, session)
    check_stacks(report, session)
    check_objects(report, session)
    check_pages(report, session, truth)
