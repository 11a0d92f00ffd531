#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""Which source files can be compiled as one text. Most of the time for a file is spent on the headers of libraries.

    hack/units.py MOST FILE...

Prints the number of a unit for each FILE, in their order: at most MOST files have the same number, and none of them declares
a name outside of all braces that another one declares, too.
"""

import pathlib
import re
import sys

TEST = re.compile(r"(?:TEST|TEST_F|TEST_P|TYPED_TEST|INSTANTIATE_TEST_SUITE_P)\(\s*(\w+),\s*(\w+)")
TYPE = re.compile(r"(?:class|struct|union|enum(?: class)?|concept) (\w+)(?!.*;$)")
NAME = re.compile(r"[^(={;\[]*?([\w:~]+)\s*(?:[(={;\[]|$)")


def declared_name(line):
    """The name that a line outside of all braces declares, if the declaration of another file could clash with it."""
    if match := re.match(r"#\s*define (\w+)", line):
        return match.group(1)
    if not re.match(r"\w", line) or re.match(r"namespace\b|extern\b|public:|private:|using (?!\w+ =)", line):
        return None
    if match := TEST.match(line):
        return "_".join(match.groups())
    line = re.sub(r"^using ", "", line)
    match = TYPE.match(line) or NAME.match(line)
    return match.group(1) if match and "::" not in match.group(1) else None


def declared_names(text):
    return {name for name in map(declared_name, text.splitlines()) if name}


def join(files, most, names, may_join=lambda one, other: True):
    """Lists of at most `most` files that have no name in common. may_join(one, other) says what else keeps two apart."""
    made = []
    for file in files:
        for unit in made:
            if len(unit) < most and all(names(file).isdisjoint(names(other)) and may_join(other, file) for other in unit):
                unit.append(file)
                break
        else:
            made.append([file])
    return made


def main():
    most, paths = int(sys.argv[1]), sys.argv[2:]
    names = {path: declared_names(pathlib.Path(path).read_text()) for path in paths}
    number = {path: at for at, unit in enumerate(join(paths, most, names.get)) for path in unit}
    print(*(number[path] for path in paths), sep=";", end="")


if __name__ == "__main__":
    main()
