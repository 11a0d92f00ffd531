#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""Runs the checks for a node or a cluster, in order, and prints TAP. tests/kubernetes/run calls it.

    suite.py node|cluster KUBELET SCRATCH RESULTS_DIR
"""

import inspect
import pathlib
import signal
import sys
import traceback

sys.dont_write_bytecode = True
import checks
import cluster
import crowd
import farewell
import figures
import gates
import manifest
import node
import remains
import restarts
import shutdown
import streams
import workloads

_SUITES = {"node": (node.Node, (checks, figures, restarts, gates, farewell, shutdown, remains)),
           "cluster": (cluster.Cluster, (workloads, streams, crowd, remains))}


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
    make, modules = _SUITES[sys.argv[1]]
    kubelet, scratch, results = (pathlib.Path(argument) for argument in sys.argv[2:])
    report = Report()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))
    subject = make(kubelet, scratch, results)
    try:
        subject.start(manifest.IMAGES)
        subject.note_traces()
        for module in modules:
            for name, function in _checks_of(module):
                report.check(name, function, subject)
    finally:
        report.check("davitd leaves nothing behind", subject.stop)
    report.end()


main()
