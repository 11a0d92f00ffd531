# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""What a kubelet asks of the runtime once the gates are open that are closed by default."""

import json
import re

import figures
import pods
from expect import equal, fetch
from node import wait_until

# The kubelet is started anew with these (restarts.py).
OPEN = {gate: True for gate in (
    "PodAndContainerStatsFromCRI", "EventedPLEG", "CRIListStreaming", "ContainerStopSignals", "ImageVolumeWithDigest",
    "UserNamespacesHostNetworkSupport")}


def figures_of_pods_come_from_the_runtime_alone(node):
    figures.the_summary_measures_pods_and_containers(node)
    figures.resource_metrics_name_every_pod_and_container(node)


def the_summary_has_the_traffic_of_pods(node):
    def measured():
        (network,) = [pod["network"] for pod in json.loads(node.kubelet.get("/stats/summary"))["pods"]
                      if pod["podRef"]["name"].startswith("published-")]
        return network["name"] == "eth0" and network["rxBytes"] > 0 and network["txBytes"] > 0

    wait_until("the traffic of the pod", measured)


def events_of_the_runtime_arrive(node):
    count = dict(re.findall(r"^kubelet_evented_pleg_connection_(success|error)_count (\d+)", node.kubelet.get("/metrics"),
                            re.MULTILINE))
    equal((count["success"], count.get("error", "0")), ("1", "0"))


def lists_come_in_pieces(node):
    """The runtime logs lists, and not their streams. crictl is not asked before the kubelet has gone on for a while."""
    listed = node.davitd.calls("ListContainers", "ListPodSandbox", "ListContainerStats", "ListPodSandboxStats", "ListImages")
    node.kubelet.add(pods.late("after-lists"))
    wait_until("a new pod is ready", lambda: node.kubelet.is_ready("after-lists"))
    equal(node.davitd.calls(*listed), listed)


def the_digest_of_an_image_volume_is_told(node):
    """By the runtime. kubelet 1.37.1 does not pass it on: it looks for the mount by a name that the CRI does not have."""
    identity = node.kubelet.container("volumes", "main")["containerID"].removeprefix("davit://")
    mounts = json.loads(node.davitd.crictl("inspect", identity))["status"]["mounts"]
    (image,) = [mount["image"] for mount in mounts if mount["containerPath"] == "/image"]
    known = json.loads(node.davitd.crictl("inspecti", pods.WEB_SERVER))["status"]
    assert image["imageRef"] in known["repoDigests"], f"{image} is none of {known['repoDigests']}"


def a_pod_in_the_host_network_may_have_a_user_namespace(node):
    node.kubelet.add(pods.unprivileged_in_the_host_network())
    wait_until("it is ready", lambda: node.kubelet.is_ready("unprivileged-host-network"))
    equal(fetch(f"127.0.0.1:{pods.UNPRIVILEGED_PORT}"), "mapped\n")
    outside = node.shell("unprivileged-host-network", "web", "cat /proc/self/uid_map").split()[1]
    assert int(outside) >= 65536, f"root is {outside} on the host"


def a_pod_may_name_the_signal_that_ends_it(node):
    """farewell.py sees what signal came."""
    node.kubelet.add(pods.signalled(node.shared / "journal"))
    wait_until("it is ready", lambda: node.kubelet.is_ready("signalled"))
    equal(node.kubelet.container("signalled", "main")["stopSignal"], "SIGUSR1")
    equal(node.kubelet.container("limited", "main")["stopSignal"], "SIGTERM")
