# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""What a restart of the daemon or of the kubelet leaves alone."""

import signal

import gates
import pods
from node import wait_until


def _running(node):
    """Every container that runs, with what a restart of it would change."""
    return {(name, status["name"]): (status["containerID"], status["restartCount"])
            for name, pod in node.kubelet.pods().items() if name != "crashing"
            for kind in ("initContainerStatuses", "containerStatuses") for status in pod["status"].get(kind, [])
            if "running" in status["state"]}


def _restarts_nothing(node, restart, name):
    before = _running(node)
    restart()
    node.kubelet.add(pods.late(name))
    wait_until("a new pod is ready", lambda: node.kubelet.is_ready(name), seconds=90)
    after = _running(node)
    lost = {key: (value, after.get(key)) for key, value in before.items() if after.get(key) != value}
    assert not lost, f"restarted or gone: {lost}"


def a_restart_of_davitd_restarts_no_container(node):
    _restarts_nothing(node, lambda: node.davitd.restart(signal.SIGTERM), "after-restart")


def a_kill_of_davitd_restarts_no_container(node):
    _restarts_nothing(node, lambda: node.davitd.restart(signal.SIGKILL), "after-kill")


def a_restart_of_the_kubelet_restarts_no_container(node):
    def restart():
        node.kubelet.stop()
        node.kubelet.start(gates.OPEN)
        wait_until("the kubelet knows its pods", lambda: node.kubelet.is_ready("limited"))

    _restarts_nothing(node, restart, "after-kubelet")
