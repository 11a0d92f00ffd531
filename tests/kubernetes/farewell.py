# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""What remains of pods whose manifests are gone: nothing."""

import pathlib
import subprocess

from node import wait_until

_SECONDS = 240  # the kubelet collects what has ended once a minute


def the_removal_of_the_manifests_ends_all_containers(node):
    node.kubelet.remove_all()
    wait_until("the kubelet has no pods", lambda: node.kubelet.pods() == {}, _SECONDS)
    wait_until("no container runs", lambda: node.davitd.crictl("ps", "--quiet") == "", _SECONDS)


def containers_and_hooks_end_in_their_order(node):
    order = (node.shared / "journal" / "order").read_text().split()
    ends = order[order.index("post-start") + 1:]
    assert ends == ["pre-stop", "main-ends", "sidecar-ends"], f"found {ends}"


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
