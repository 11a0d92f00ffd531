# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""What the layers below a daemon's root consist of, independent of what the daemon thinks of them."""

import hashlib
import os
import pathlib
import stat


def _describe(path):
    """One line. The times of directories are those of the unpacking if the archive has no entry for them."""
    status = os.lstat(path)
    line = [oct(status.st_mode), status.st_uid, status.st_gid]
    if stat.S_ISREG(status.st_mode):
        line += [status.st_size, status.st_mtime_ns, hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()]
    elif stat.S_ISLNK(status.st_mode):
        line += [os.readlink(path)]
    elif not stat.S_ISDIR(status.st_mode):
        line += [status.st_rdev]
    line += [(name, os.getxattr(path, name, follow_symlinks=False)) for name in sorted(os.listxattr(path, follow_symlinks=False))]
    return " ".join(map(str, line))


def tree(directory):
    """{path: description} of everything below and of the directory itself."""
    found = {"": _describe(directory)}
    for parent, directories, files in os.walk(directory):
        for name in directories + files:
            path = os.path.join(parent, name)
            found[os.path.relpath(path, directory)] = _describe(path)
    return found


def layer_directory(root, chain_id):
    return pathlib.Path(root, "snapshots", "layers", chain_id.removeprefix("sha256:"), "fs")


def differences(expected, found):
    """At most five lines."""
    lines = []
    for path in sorted(expected.keys() | found.keys()):
        if expected.get(path) != found.get(path):
            lines.append(f"{path or '/'}: {found.get(path, 'missing')} instead of {expected.get(path, 'nothing')}")
    return lines[:5]
