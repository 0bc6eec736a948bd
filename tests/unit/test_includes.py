#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""includes.py on small trees: a sound one, and one for each way to be wrong."""
import pathlib
import subprocess
import sys
import tempfile

import includes

SOUND = {
    "include/lakvm/base/status.h": "",
    "include/lakvm/dump/dump.h": '#include "lakvm/base/status.h"\n#include <stdio.h>\n',
    "extensions/core/base/bytes.h": "",
    "extensions/core/dump/priv.h": '#include "lakvm/dump/dump.h"\n',
    "extensions/core/dump/dump.h": '#include "lakvm/dump/dump.h"\n',
    # includes its own header and, by the folder's private one, the public header of its name
    "extensions/core/dump/dump.c": '#include "dump.h"\n#include "priv.h"\n#include "base/bytes.h"\n',
    "extensions/core/guest/page.c": '#include "dump/priv.h"\n',
    "extensions/glue/glue.h": '#include "lakvm/dump/dump.h"\n',
    "extensions/glue/door.c": '#include "glue.h"\n#include <defs.h>\n',
    "extensions/lakvm.c": '#include "glue/glue.h"\n',
    "extensions/programs/ladump.c": '#include "lakvm/dump/dump.h"\n',
    "README.md": "".join(f"        {folder}/     what it is\n" for folder in includes.ORDER),
    "CONTRIBUTING.md": f"in that order,\n\n    {' '.join(includes.ORDER)}\n\nand\n",
}

# name: (files that are added, the rule that breaks, what the line about it must name)
WRONG = {
    "a later folder": (
        {"extensions/core/base/escape.c": '#include "lakvm/dump/dump.h"\n'},
        "back", ["core/base/escape.c", "lakvm/dump/dump.h"]),
    "a later folder's private header": (
        {"extensions/core/dump/file.c": '#include "guest/page.h"\n', "extensions/core/guest/page.h": ""},
        "back", ["core/dump/file.c", "core/guest/page.h"]),
    "a later folder, by way of ..": (
        {"extensions/core/dump/file.c": '#include "../guest/page.h"\n', "extensions/core/guest/page.h": ""},
        "back", ["core/dump/file.c", "core/guest/page.h"]),
    "between public headers": (
        {"include/lakvm/base/arena.h": '# include "lakvm/dump/dump.h"\n'},
        "back", ["lakvm/base/arena.h", "lakvm/dump/dump.h"]),
    "a folder without a place": (
        {"extensions/core/misc/odd.c": ""}, "folder", ["core/misc/odd.c"]),
    "crash's header": (
        {"extensions/core/dump/file.c": '#include "defs.h"\n'}, "outside", ["core/dump/file.c", "defs.h"]),
    "crash's header as the system's": (
        {"include/lakvm/base/arena.h": "#include <crash/defs.h>\n"}, "outside", ["base/arena.h", "defs.h"]),
    "the glue": (
        {"extensions/core/guest/log.c": '#include "../../glue/glue.h"\n'},
        "outside", ["core/guest/log.c", "glue/glue.h"]),
    "glue and a private header": (
        {"extensions/glue/kmem.c": '#include "../core/dump/priv.h"\n'},
        "public", ["glue/kmem.c", "core/dump/priv.h"]),
    "a program and a private header": (
        {"extensions/programs/laconvert.c": '#include "../core/base/bytes.h"\n'},
        "public", ["programs/laconvert.c", "core/base/bytes.h"]),
    "a program and the glue": (
        {"extensions/programs/laconvert.c": '#include "../glue/glue.h"\n'},
        "public", ["programs/laconvert.c", "glue/glue.h"]),
    "a public header and a private one": (
        {"include/lakvm/dump/ram.h": '#include "../../../extensions/core/dump/priv.h"\n'},
        "public", ["lakvm/dump/ram.h", "core/dump/priv.h"]),
    "a header that is not there": (
        {"extensions/core/dump/file.c": '#include "lakvm/dump/gone.h"\n'},
        "missing", ["core/dump/file.c", "lakvm/dump/gone.h"]),
    "another order in README.md": (
        {"README.md": "        dump/     first\n        base/    then\n"}, "told", ["README.md: dump base"]),
    "another order in CONTRIBUTING.md": (
        {"CONTRIBUTING.md": "    dump base\n"}, "told", ["CONTRIBUTING.md"]),
    "a circle of headers": (
        {"include/lakvm/dump/a.h": '#include "lakvm/dump/b.h"\n', "include/lakvm/dump/b.h": '#include "lakvm/dump/a.h"\n'},
        "circle", ["lakvm/dump/a.h", "lakvm/dump/b.h"]),
    "a circle of files by their headers": (
        {"extensions/core/dump/a.h": "", "extensions/core/dump/a.c": '#include "b.h"\n',
         "extensions/core/dump/b.h": "", "extensions/core/dump/b.c": '#include "c.h"\n',
         "extensions/core/dump/c.h": '#include "a.h"\n'},
        "circle", ["core/dump/a", "core/dump/b", "core/dump/c"]),
}


def make(tree, files):
    for name, text in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(text)


def judge(files):
    with tempfile.TemporaryDirectory() as folder:
        make(pathlib.Path(folder), files)
        done = subprocess.run([sys.executable, "-B", includes.__file__, folder], capture_output=True, text=True)
    return done.returncode, done.stdout


def say(good, words, output):
    print(f"{'ok' if good else 'not ok'} - includes' test: {words}")
    if not good:
        print("    " + output.replace("\n", "\n    "))
    return good


def main():
    status, output = judge(SOUND)
    good = [say(status == 0 and "not ok" not in output and "ok - " in output, "a sound tree passes", output)]
    for words, (files, rule, named) in WRONG.items():
        status, output = judge({**SOUND, **files})
        blocks = output.split("not ok - ")[1:]
        # the one rule, with a line that names all that is wrong
        good.append(say(status == 1 and len(blocks) == 1 and includes.RULES[rule] in blocks[0]
                        and any(all(n in line for n in named) for line in blocks[0].splitlines()[1:]),
                        f"{words} is found", output))
    status, output = judge({"README": ""})
    good.append(say(status == 1 and "not ok" in output, "a tree without sources does not pass", output))
    return not all(good)


if __name__ == "__main__":
    sys.exit(main())
