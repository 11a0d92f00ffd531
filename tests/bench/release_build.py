# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""What is measured: an optimised build of its own, unless another one is given."""

import pathlib
import subprocess
import sys

_ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
_PROGRAMS = ["davitd", "davit", "davit-shim", "davit-unpack", "davit-verify"]


def bin_dir(given):
    """The directory with the programs: `given`, or build/bench/bin, which is built first, with what the benchmark needs."""
    if given is not None:
        return given.resolve()
    for command in (["hack/install-packages", "build", "run", "bench"],
                    ["cmake", "--preset", "release", "-B", "build/bench"],
                    ["cmake", "--build", "build/bench", "--target", *_PROGRAMS]):
        subprocess.run(command, cwd=_ROOT, check=True, stdout=sys.stderr)
    return _ROOT / "build/bench/bin"
