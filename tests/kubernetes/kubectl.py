# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""kubectl, as a check calls it."""

import contextlib
import json
import os
import select
import subprocess
import time

from node import NAMESPACE

_SECONDS = 120


class Kubectl:
    """All of its calls are about the tests' namespace, unless they say otherwise."""

    def __init__(self, program, kubeconfig, cache):
        self._base = [str(program), "--kubeconfig", str(kubeconfig), "--cache-dir", str(cache), "--namespace", NAMESPACE]

    def command(self, *arguments):
        return [*self._base, *map(str, arguments)]

    def try_to(self, *arguments, **options):
        """Its exit status and output, whatever they are."""
        defaults = {"capture_output": True, "text": True, "timeout": _SECONDS}
        return subprocess.run(self.command(*arguments), **{**defaults, **options})

    def __call__(self, *arguments, **options):
        """What it prints; its failure is an error."""
        return self.try_to(*arguments, check=True, **options).stdout

    def create(self, *objects):
        for item in objects:
            self("create", "--filename", "-", input=json.dumps(item))

    def create_and_wait(self, pod):
        self.create(pod)
        self("wait", "--for=condition=Ready", f"--timeout={_SECONDS}s", f"pod/{pod['metadata']['name']}", timeout=_SECONDS + 10)

    def get(self, kind, *arguments):
        return json.loads(self("get", kind, *arguments, "--output", "json"))

    def pods(self, label):
        return self.get("pods", "--selector", label)["items"]

    def shell(self, pod, script, *arguments):
        return self("exec", pod, *arguments, "--", "sh", "-c", script)

    def running(self, *arguments, **options):
        """One that goes on until the block ends."""
        return spoken_to(self.command(*arguments), **options)


@contextlib.contextmanager
def spoken_to(command, stdout=subprocess.PIPE, **options):
    """A process for a block, with pipes to it and from it; its errors go with its output."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=stdout, stderr=subprocess.STDOUT, bufsize=0,
                          **options) as process:
        try:
            yield process
        finally:
            process.kill()


def read_until(process, word, seconds=60):
    """What a process that is spoken to prints, up to a word and with it."""
    text, deadline = "", time.monotonic() + seconds
    while word not in text:
        left = deadline - time.monotonic()
        readable = left > 0 and select.select([process.stdout], [], [], left)[0]
        piece = os.read(process.stdout.fileno(), 4096) if readable else b""
        assert piece, f"no {word!r} after {text!r}"
        text += piece.decode()
    return text
