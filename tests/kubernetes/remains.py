# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""What remains of pods that have ended: nothing."""

import pathlib
import re
import subprocess

from node import wait_until

_SECONDS = 240  # the kubelet collects what has ended once a minute


def the_kubelet_removes_all_containers_and_sandboxes(node):
    wait_until("no containers", lambda: node.davitd.crictl("ps", "--all", "--quiet") == "", _SECONDS)
    wait_until("no sandboxes", lambda: node.davitd.crictl("pods", "--quiet") == "", _SECONDS)


def the_pods_directories_are_gone(node):
    for directory in "/var/lib/kubelet/pods", "/var/log/pods":
        wait_until(f"{directory} is empty", lambda: not any(pathlib.Path(directory).iterdir()), _SECONDS)


def mounts_cgroups_links_and_files_are_as_they_were(node):
    def same():
        compared = subprocess.run([*node.leak_check, "compare", node.snapshot, "--settle", "0"], capture_output=True, text=True)
        # davitd was restarted meanwhile, and so there is another shim that waits for a pod, one at most.
        left = [line for line in compared.stderr.splitlines()[1:] if "/davitd --config " not in line]
        shims = {match[1] for line in left if (match := re.search(r"left behind: .*(?:davit-shim |/shims/)([0-9a-f]{64})", line))}
        left = [line for line in left if not any(shim in line for shim in shims) and not re.search("gone: .*(davit-shim |/shims/)", line)]
        if left or len(shims) > 1:
            raise OSError("\n".join(left) or f"shims: {shims}")
        return True

    wait_until("nothing is left", same)
