# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""A cluster of one node."""

import os

from control_plane import NODE_ADDRESS, ControlPlane
from kubectl import Kubectl
from node import NAME, NAMESPACE, Node, wait_until
from relay import carry


class Cluster(Node):
    """A node whose kubelet registers. kubectl and the control plane's programs are beside the kubelet's."""

    def __init__(self, kubelet, scratch, results):
        self.control_plane = ControlPlane(kubelet.parent, scratch / "control-plane", results)
        kubeconfig = self.control_plane.kubeconfig
        self.kubectl = Kubectl(kubelet.parent / "kubectl", kubeconfig, scratch / "kubectl-cache")
        carry(os.environ["DAVIT_TEST_REGISTRY"], os.environ["DAVIT_TEST_OUTER_NETWORK"])
        super().__init__(kubelet, scratch, results, options=["--kubeconfig", kubeconfig, "--node-ip", NODE_ADDRESS],
                         configuration={"registerNode": True, "address": "0.0.0.0"})

    def start(self, images):
        self.control_plane.start()
        super().start(images)
        self.kubectl("create", "namespace", NAMESPACE)
        wait_until("the node is there", lambda: self.kubectl.get("node", NAME))
        self.kubectl("wait", "--for=condition=Ready", "--timeout=60s", f"node/{NAME}")
        wait_until("pods have an account", lambda: self.kubectl.get("serviceaccount", "default"))

    def stop(self):
        try:
            super().stop()
        finally:
            self.control_plane.stop()
