# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""How pods end whose manifests are gone."""

from expect import equal
from node import wait_until

_SECONDS = 240


def the_removal_of_the_manifests_ends_all_containers(node):
    node.kubelet.remove_all()
    wait_until("the kubelet has no pods", lambda: node.kubelet.pods() == {}, _SECONDS)
    wait_until("no container runs", lambda: node.davitd.crictl("ps", "--quiet") == "", _SECONDS)


def a_container_ends_by_the_signal_that_its_pod_names(node):
    equal((node.shared / "journal" / "signal").read_text().split(), ["USR1"])


def containers_and_hooks_end_in_their_order(node):
    order = (node.shared / "journal" / "order").read_text().split()
    equal(order[order.index("post-start") + 1:], ["pre-stop", "main-ends", "sidecar-ends"])
