#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""Runs every check of this folder, in order, on one node, and prints TAP. tests/kubernetes/run calls it.

    suite.py KUBELET SCRATCH RESULTS_DIR
"""

import inspect
import pathlib
import sys
import traceback

sys.dont_write_bytecode = True
import checks
import farewell
import figures
import manifest
import remains
import restarts
from node import Node


def _checks_of(module):
    """In the order of the file."""
    return [(name.replace("_", " "), function) for name, function in vars(module).items()
            if inspect.isfunction(function) and function.__module__ == module.__name__ and not name.startswith("_")]


class Report:
    def __init__(self):
        self.count = 0

    def check(self, name, function, *arguments):
        self.count += 1
        try:
            function(*arguments)
            print(f"ok {self.count} - {name}", flush=True)
        except Exception as error:  # whatever it is, the other checks tell more
            lines = [*str(getattr(error, "stderr", "") or "").splitlines(), *traceback.format_exc().splitlines()]
            print("\n".join(f"# {line}" for line in lines))
            print(f"not ok {self.count} - {name}", flush=True)

    def end(self):
        print(f"1..{self.count}", flush=True)


def main():
    kubelet, scratch, results = (pathlib.Path(argument) for argument in sys.argv[1:])
    report = Report()
    node = Node(kubelet, scratch, results)
    try:
        node.start(manifest.IMAGES)
        node.note_traces()
        for module in checks, figures, restarts, farewell, remains:
            for name, function in _checks_of(module):
                report.check(name, function, node)
    finally:
        report.check("davitd leaves nothing behind", node.stop)
    report.end()


main()
