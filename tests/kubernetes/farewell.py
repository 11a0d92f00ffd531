# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""How pods end whose manifests are gone."""

from node import wait_until

_SECONDS = 240


def the_removal_of_the_manifests_ends_all_containers(node):
    node.kubelet.remove_all()
    wait_until("the kubelet has no pods", lambda: node.kubelet.pods() == {}, _SECONDS)
    wait_until("no container runs", lambda: node.davitd.crictl("ps", "--quiet") == "", _SECONDS)


def containers_and_hooks_end_in_their_order(node):
    order = (node.shared / "journal" / "order").read_text().split()
    ends = order[order.index("post-start") + 1:]
    assert ends == ["pre-stop", "main-ends", "sidecar-ends"], f"found {ends}"
