#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is all JSON as docs/lakvm.schema.json says, and does that name all that is printed?

Usage:  schema.py SAMPLE     what ladump prints of the sample, as unpacked by test-dumps/sample/unpack.sh
        schema.py FILE...    answers that were kept, as those of judge.py (build/judge/*/*/verdict.json)
Prints a line for each: "ok - " or "not ok - "."""
import json, os, platform, subprocess, sys

import jsonschema

TREE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
LADUMP = os.path.join(os.environ.get("LAKVM_BUILT") or os.path.join(TREE, "build", platform.machine()), "ladump")
QUESTIONS = (["-p", "-j"], ["-p", "-j", "-r", "registers.txt"], ["-j"], ["-j", "-r", "registers.txt"], ["-b", "-j"],
             ["-j", "--find", "text:sysrq"], ["-j", "--find", "init_task", "--in", "kernel", "--max", "3"])


def strict(part):
    """A field that the schema does not name is a fault of the schema."""
    if isinstance(part, dict):
        if "properties" in part:
            part.setdefault("additionalProperties", False)
        for inner in part.values():
            strict(inner)
    elif isinstance(part, list):
        for inner in part:
            strict(inner)


def leaves(error):
    """The innermost errors: of "one of these" each, for each."""
    return [leaf for inner in error.context or [] for leaf in leaves(inner)] or [error]


def validator(schema, word):
    """For one kind of answer, by its "schema", so that errors speak of that."""
    kinds = [name for name, part in schema["$defs"].items()
             if part.get("properties", {}).get("schema", {}).get("const") == word]
    return jsonschema.Draft202012Validator({**schema, "oneOf": [{"$ref": f"#/$defs/{name}"} for name in kinds]})


def check(schema, what, text):
    try:
        answer = json.loads(text)
        errors = [leaf for error in validator(schema, answer["schema"]).iter_errors(answer) for leaf in leaves(error)]
    except (ValueError, KeyError, TypeError) as problem:
        errors = [problem]
    print(f"ok - schema: {what}" if not errors else f"not ok - schema: {what}", flush=True)
    for error in errors[:5]:
        where = "/".join(str(step) for step in getattr(error, "absolute_path", ()))
        print(f"  {where}: {str(getattr(error, 'message', error))[-300:]}")
    return not errors


def main():
    with open(os.path.join(TREE, "docs/lakvm.schema.json"), encoding="utf-8") as file:
        schema = json.load(file)
    strict(schema["$defs"])
    good = []
    if os.path.isdir(sys.argv[1]):
        for question in QUESTIONS:
            done = subprocess.run([LADUMP, *question, "vmlinux", "dump.kdump"], cwd=sys.argv[1], stdout=subprocess.PIPE, check=False)
            good.append(check(schema, "ladump " + " ".join(question), done.stdout))
    else:
        for path in sys.argv[1:]:
            with open(path, "rb") as file:
                good.append(check(schema, path, file.read()))
    return not all(good)


if __name__ == "__main__":
    sys.exit(main())
