# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""What remains of pods that have ended: nothing."""

import pathlib
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
        # davitd was restarted meanwhile.
        left = [line for line in compared.stderr.splitlines()[1:] if "/davitd --config " not in line]
        if left:
            raise OSError("\n".join(left))
        return True

    wait_until("nothing is left", same)
