#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many lines of the core the unit tests and the fuzz targets' inputs run.

Needs:  objects built with gcc's --coverage, run (make coverage); gcov of the same gcc.
Result: a line a folder and a file, functions that nothing enters, and whether the whole reaches AIM; exit
        status 1 if it does not.

Usage:  coverage.py [-l] DIRECTORY-OF-OBJECTS
        -l: each line that nothing runs, as well
"""
import collections
import json
import os
import subprocess
import sys

AIM = 90.0


def measure(top):
    """{source: {line: times}}, {source: {function: times}}; a header's lines count once for all who include it."""
    lines = collections.defaultdict(collections.Counter)
    functions = collections.defaultdict(collections.Counter)
    for folder, _, files in os.walk(top):
        for name in files:
            if not name.endswith(".gcno"):
                continue
            done = subprocess.run(["gcov", "--json-format", "--stdout", os.path.join(folder, name)],
                                  stdout=subprocess.PIPE, check=True)
            for report in done.stdout.splitlines():
                for one in json.loads(report)["files"]:
                    path = os.path.relpath(one["file"])
                    if not path.startswith("extensions/core/"):
                        continue
                    for line in one["lines"]:
                        lines[path][line["line_number"]] += line["count"]
                    for function in one["functions"]:
                        functions[path][function["name"]] += function["execution_count"]
    return lines, functions


def share(counters):
    """(lines run, lines)"""
    counts = [times for counter in counters for times in counter.values()]
    return sum(1 for times in counts if times), len(counts)


def show(name, counters):
    run, all_lines = share(counters)
    print(f"{100 * run / max(all_lines, 1):5.1f} %  {all_lines - run:4} of {all_lines:5} lines not run  {name}")


def main():
    arguments = [a for a in sys.argv[1:] if a != "-l"]
    lines, functions = measure(arguments[0])
    folders = collections.defaultdict(list)
    for path in sorted(lines):
        folders[os.path.dirname(path)].append(path)
    for folder, paths in folders.items():
        show(folder + "/", [lines[path] for path in paths])
        for path in paths:
            show("    " + os.path.basename(path), [lines[path]])
    for path in sorted(functions):
        for name in sorted(name for name, times in functions[path].items() if not times):
            print(f"never entered: {path}: {name}()")
    if len(arguments) != len(sys.argv) - 1:
        for path in sorted(lines):
            for line in sorted(number for number, times in lines[path].items() if not times):
                print(f"{path}:{line}: not run")
    run, all_lines = share(lines.values())
    reached = 100 * run / max(all_lines, 1)
    print(f"{'ok' if reached >= AIM else 'not ok'} - coverage: {reached:.1f} % of the core's {all_lines} lines are run")
    return 0 if reached >= AIM else 1


if __name__ == "__main__":
    sys.exit(main())
