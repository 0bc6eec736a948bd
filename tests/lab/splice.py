#!/usr/bin/env python3
"""Splice two dumps of one guest into one whose pages are of two instants, as of a guest that ran while it was dumped.

Needs:  two kdump-compressed files of one guest, flattened or not, with the same pages.
Result: OUT, not flattened, with the notes of LATER. With --below, the pages below that physical address are of EARLIER,
        as if the dump had gone through memory once; with --at, those that hold these addresses; else every page is, with a
        chance of one half.

Usage:  splice.py EARLIER LATER OUT [--below ADDRESS | --at ADDRESS...] [--seed N]
"""
import argparse
import contextlib
import random
import sys
import tempfile

import reblock


class Spliced(reblock.Dump):
    """The later dump, with those pages of the earlier one whose frames are chosen."""

    def __init__(self, earlier, later, chosen):
        super().__init__(later)
        self.earlier, self.taken = reblock.Dump(earlier), set()
        if self.earlier.present != self.present or self.earlier.block != self.block:
            raise ValueError("the two dumps do not have the same pages")
        for frame, index in self.pages():
            if chosen(frame * self.block, self.block):
                self.taken.add(index)
                self.offsets[index] = self.zero if self.earlier.offsets[index] == self.earlier.zero else 0

    def page(self, index):
        return self.earlier.page(index) if index in self.taken else super().page(index)


@contextlib.contextmanager
def plain(path):
    """The file, not flattened."""
    with open(path, "rb") as file:
        if file.read(16) != reblock.FLAT_SIGNATURE:
            yield file
            return
        with tempfile.TemporaryFile() as target:
            reblock.unflatten(file, target)
            target.flush()
            yield target


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("earlier")
    parser.add_argument("later")
    parser.add_argument("out")
    parser.add_argument("--below", type=lambda text: int(text, 0))
    parser.add_argument("--at", type=lambda text: int(text, 0), nargs="+")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    chance = random.Random(options.seed)

    def chosen(pa, size):
        if options.at:
            return any(pa <= at < pa + size for at in options.at)
        return chance.random() < 0.5 if options.below is None else pa < options.below

    with plain(options.earlier) as earlier, plain(options.later) as later, open(options.out, "wb") as out:
        dump = Spliced(earlier, later, chosen)
        reblock.write(dump, out, dump.block)


if __name__ == "__main__":
    try:
        main()
    except (OSError, ValueError) as problem:
        sys.exit(f"splice.py: {problem}")
