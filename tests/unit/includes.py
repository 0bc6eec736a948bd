#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Does every include go the way of the evidence?

    includes.py [TREE]     a line for each rule; those broken name every offending edge

The folders of extensions/core/ and include/lakvm/ have an order, ORDER below and nowhere else. A file
includes headers of its own folder or of earlier ones. The core knows neither crash's defs.h nor the glue,
the glue and the programs know only the core's public headers, and a public header only public ones. No
header reaches itself; for that a .c counts with the private header of its name. Public headers count
alone: they are the contract that whole folders share, also with the file that keeps it. What README.md
and CONTRIBUTING.md say of the order is compared with it.
"""
import collections
import pathlib
import re
import sys

ORDER = "base isa dump convert regs host door guest stack cpu triage report render".split()

CORE, PUBLIC, GLUE = "extensions/core", "include/lakvm", "extensions/glue"
PROGRAMS = "extensions/programs"
INCLUDE = re.compile(r'^\s*#\s*include\s*(["<])([^">]+)[">]', re.M)
# The extension's entry belongs to the glue.
ENTRY = "extensions/lakvm.c"


def sources(tree):
    found = [p for top in (CORE, PUBLIC, GLUE, PROGRAMS) for p in (tree / top).rglob("*.[ch]")]
    found += [p for p in [tree / ENTRY] if p.exists()]
    return sorted(str(p.relative_to(tree)) for p in found)


def target(tree, source, name):
    """The file of the tree that @source means by @name; None: a header of the system."""
    beside = pathlib.PurePosixPath(source).parent
    for path in (f"{beside}/{name}", f"include/{name}", f"{CORE}/{name}", f"extensions/{name}"):
        if (tree / path).is_file():
            parts = []
            for part in pathlib.PurePosixPath(path).parts:
                if part == "..":
                    parts.pop()
                else:
                    parts.append(part)
            return "/".join(parts)
    return None


def edges(tree):
    for source in sources(tree):
        text = (tree / source).read_text(encoding="utf-8", errors="replace")
        for _, name in INCLUDE.findall(text):
            yield source, name, target(tree, source, name)


def room(path):
    """A file's part of the tree, and in the core its place in ORDER."""
    for top in (CORE, PUBLIC):
        if path.startswith(top + "/"):
            folder = path[len(top) + 1:].split("/")[0]
            return top, ORDER.index(folder) if folder in ORDER else None
    return (PROGRAMS if path.startswith(PROGRAMS + "/") else GLUE), None


def wrong(source, name, goal):
    """Which rule an include breaks, or None."""
    top, place = room(source)
    if top in (CORE, PUBLIC) and (name == "defs.h" or name.endswith("/defs.h")):
        return "outside"
    if goal is None:
        # a header of ours that is not there would be taken for the system's
        return "missing" if name.startswith("lakvm/") else None
    there, rank = room(goal)
    if top in (CORE, PUBLIC):
        if there not in (CORE, PUBLIC):
            return "outside"
        if place is None or rank is None:
            return "folder"
        if rank > place:
            return "back"
        return "public" if top == PUBLIC and there != PUBLIC else None
    # glue and programs have headers of their own
    return None if there == PUBLIC or top == there else "public"


def node(path):
    """A .c and the private header of its name are one."""
    return path.rsplit(".", 1)[0] if not path.startswith(PUBLIC + "/") else path


def circles(graph):
    """Strongly connected parts of more than one node (Tarjan), without recursion."""
    index, low, stack, on, found = {}, {}, [], set(), []
    for start in sorted(graph):
        work = [(start, iter(sorted(graph[start])))] if start not in index else []
        while work:
            at, rest = work[-1]
            if at not in index:
                index[at] = low[at] = len(index)
                stack.append(at)
                on.add(at)
            for other in rest:
                if other not in index:
                    work.append((other, iter(sorted(graph.get(other, ())))))
                    break
                if other in on:
                    low[at] = min(low[at], index[other])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[at])
                if low[at] == index[at]:
                    part = []
                    while not part or part[-1] != at:
                        part.append(stack.pop())
                        on.discard(part[-1])
                    if len(part) > 1 or at in graph.get(at, ()):
                        found.append(sorted(part))
    return found


RULES = {
    "folder": "every folder of the core has its place in the order",
    "back": "no include goes to a later folder",
    "outside": "the core includes neither crash's defs.h nor the glue",
    "public": "glue, programs and public headers include only public headers",
    "missing": "every header of ours that is included is there",
    "circle": "no circle of headers, or of files by their headers",
    "told": "README.md and CONTRIBUTING.md tell the folders in this order",
}


def told(tree):
    """What people read about the order, where it is another."""
    readme, contributing = tree / "README.md", tree / "CONTRIBUTING.md"
    if readme.exists():
        listed = re.findall(r"^        (\w+)/ ", readme.read_text(encoding="utf-8"), re.M)
        if listed != ORDER:
            yield f"README.md: {' '.join(listed)}"
    if contributing.exists() and f"\n    {' '.join(ORDER)}\n" not in contributing.read_text(encoding="utf-8"):
        yield "CONTRIBUTING.md"


def check(tree):
    """{rule: lines about what breaks it}"""
    broken = collections.defaultdict(list)
    graph = collections.defaultdict(set)
    for source, name, goal in edges(tree):
        rule = wrong(source, name, goal)
        if rule:
            broken[rule].append(f"{source} -> {goal or name}")
        if goal and not (node(source) == node(goal) and source.endswith(".c")):
            graph[node(source)].add(node(goal))
    for source in sources(tree):
        top, place = room(source)
        if top in (CORE, PUBLIC) and place is None:
            broken["folder"].append(source)
    broken["told"] += told(tree)
    broken["circle"] += [" <-> ".join(part) for part in circles(graph)]
    return broken


def main():
    tree = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    if not sources(tree):
        print(f"not ok - includes: no sources in {tree}")
        return 1
    broken = check(tree)
    for rule, words in RULES.items():
        print(f"{'not ok' if broken[rule] else 'ok'} - includes: {words}")
        for line in broken[rule]:
            print(f"    {line}")
    return any(broken.values())


if __name__ == "__main__":
    sys.exit(main())
