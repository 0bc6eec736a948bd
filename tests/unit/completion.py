#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""What bash offers behind lakvm's programs, against what the programs take.

Usage: completion.py LADUMP LACONVERT; prints "ok - " or "not ok - " lines.
"""
import os, re, subprocess, sys, tempfile

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAMS = {"ladump": sys.argv[1], "laconvert": sys.argv[2], "lacrash": os.path.join(TREE, "extensions/lacrash"),
            "latriage": os.path.join(TREE, "extensions/latriage"),
            "lavirsh-dump": os.path.join(TREE, "extensions/lavirsh-dump")}
failed = 0


def check(name, good, detail=""):
    global failed
    failed += not good
    print(f"{'ok' if good else 'not ok'} - completion: {name}", *([] if good else [f"\n  {detail}"]), flush=True)


def offered(*words):
    """What bash offers for the last of @words, as its readline takes them apart."""
    script = ". \"$1\"; shift; COMP_WORDS=(\"$@\") COMP_CWORD=$(($# - 1)); _lakvm \"$1\"; printf '%s\\n' \"${COMPREPLY[@]}\""
    got = subprocess.run(["bash", "-uc", script, "bash", os.path.join(TREE, "share/bash-completion/lakvm"), *words],
                         stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert not got.stderr, got.stderr
    return got.stdout.split("\n")[:-1] if got.stdout != "\n" else []


with tempfile.TemporaryDirectory(prefix="lakvm-completion.") as folder:
    for name, program in PROGRAMS.items():
        path = os.path.abspath(program)
        told = subprocess.run([path, "--help"], stdout=subprocess.PIPE, text=True, cwd=folder).stdout
        long = {word.split("=")[0] for word in offered(name, "--")}
        named = set(re.findall(r"--[a-z][a-z-]+", told)) - {"--memory-only"}
        named -= {"--kaslr", "--cache"} if name != "lacrash" else set()
        check(f"{name}: what --help names is offered", named and named <= long, (named - long, long))
        if name == "lacrash":
            continue
        if name == "lavirsh-dump":
            long -= {"--help", "--version"}
        check(f"{name}: and nothing else", named == long, long - named)
        for word in offered(name, "-"):
            got = subprocess.run([path, word], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=folder)
            check(f"{name}: {word} is one of its options", not re.search("unrecognized|invalid option", got.stderr), got.stderr)
    os.chdir(folder)
    os.mkdir("a folder")
    open("a dump", "w").close()
    os.mkdir("bin")
    with open("bin/virsh", "w") as file:
        file.write("#!/bin/sh\n[ \"$*\" = '--readonly --quiet list --all --name' ] && printf 'wang\\nweb-1\\n\\n'\n")
    os.chmod("bin/virsh", 0o755)
    os.environ["PATH"] = f"{folder}/bin:" + os.environ["PATH"]
    for words, want in ((("lavirsh-dump", "w"), {"wang", "web-1"}), (("lavirsh-dump", "-z", "wa"), {"wang"}),
                        (("lavirsh-dump", "wang", "a"), {"a dump", "a folder"}), (("lavirsh-dump", "-s", ""), set()), (("ladump", "a"), {"a dump", "a folder"}), (("ladump", "-D", "a"), {"a folder"}),
                        (("ladump", "--relocation", "=", ""), {"quiet"}), (("lacrash", "--cache", "=", "e"), {"empty"}),
                        (("lacrash", "--debug-path", "=", "a"), {"a folder"}), (("ladump", "-m", ""), set()),
                        (("laconvert", "--high-ram", "=", ""), set()), (("/usr/bin/ladump", "--find-"), {"--find-vmlinux"})):
        got = offered(*words)
        check(f"{' '.join(words)}", set(got) == want, got)
sys.exit(failed > 0)
