# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""What the kubelet makes of the host's shutdown."""

import pods
from expect import equal
from logind import Bus
from node import wait_until

_GRACE = {"shutdownGracePeriodByPodPriority": [{"priority": priority, "shutdownGracePeriodSeconds": 60}
                                               for priority in (0, 1000)]}


def pods_end_by_their_priority_before_the_host_does(node):
    bus = Bus(node.shared.parent / "bus", node.results / "kubernetes.bus.log")
    try:
        node.kubelet.stop()
        node.kubelet.start(configuration=_GRACE, environment=bus.environment)
        for name, priority in (("needed-last", 1000), ("needed-least", 0)):
            node.kubelet.add(pods.prioritized(name, priority, node.shared / "journal"))
        wait_until("they are ready", lambda: all(node.kubelet.is_ready(name) for name in ("needed-last", "needed-least")))
        bus.shut_down()
        # The first one takes its time, and the other one waits for it.
        equal((node.shared / "journal" / "shutdown").read_text().split(), ["needed-least", "needed-last"])
        equal(node.davitd.crictl("ps", "--quiet"), "")
    finally:
        node.kubelet.remove_all()
        bus.stop()
        node.kubelet.stop()
        node.kubelet.start()
