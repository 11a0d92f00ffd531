# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""What the kubelet tells of its pods' consumption."""

import json
import re

from node import wait_until

_SECONDS = 90  # the kubelet computes rates every ten seconds


def _summary(node):
    return {pod["podRef"]["name"].rsplit("-davit-test-node")[0]: pod for pod in json.loads(node.kubelet.get("/stats/summary"))["pods"]}


def the_summary_measures_pods_and_containers(node):
    def measured():
        pod = _summary(node)["stubborn"]  # it starts a process every second
        (main,) = pod["containers"]
        return all(figures["cpu"]["usageCoreNanoSeconds"] > 0 and figures["cpu"]["usageNanoCores"] > 0
                   and figures["memory"]["workingSetBytes"] > 0
                   for figures in (pod, main)) and main["rootfs"]["usedBytes"] >= 0

    wait_until("figures of the pod and its container", measured, _SECONDS)


def resource_metrics_name_every_pod_and_container(node):
    def named():
        metrics = node.kubelet.get("/metrics/resource")
        return all(re.search(rf'^{kind}_{name}{{[^}}]*pod="limited-[^}}]*}} [0-9.e+]*[1-9]', metrics, re.MULTILINE)
                   for kind in ("pod", "container")
                   for name in ("cpu_usage_seconds_total", "memory_working_set_bytes"))

    wait_until("metrics of the pod and its container", named, _SECONDS)
