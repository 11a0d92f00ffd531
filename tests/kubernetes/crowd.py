# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""What a restart of the daemon under the kubelet does to many pods: nothing. At last their namespace goes."""

import contextlib
import signal

from manifest import OFTEN, WEB_SERVER, deployment, idle, pod, runs
from node import NAMESPACE, wait_until

_COUNT = 50
_SELECTOR = "app=crowd"
_READINESS = """{.metadata.name} {.status.conditions[?(@.type=="Ready")].status}{"\\n"}"""


def fifty_pods_become_ready(cluster):
    probes = {"readinessProbe": {"httpGet": {"port": 80, "path": "/"}, **OFTEN, "periodSeconds": 3},
              "livenessProbe": {**runs("echo alive >>/tmp/probes"), **OFTEN, "periodSeconds": 5}}
    cluster.kubectl.create(deployment("crowd", _COUNT, [{"name": "web", "image": WEB_SERVER, **probes}]))
    cluster.kubectl("rollout", "status", "deployment/crowd", "--timeout=300s", timeout=310)


def _containers(cluster):
    return {item["metadata"]["name"]: [(status["containerID"], status["restartCount"])
                                       for status in item["status"]["containerStatuses"]]
            for item in cluster.kubectl.pods(_SELECTOR)}


@contextlib.contextmanager
def _stays_ready(cluster):
    """No pod of the crowd turns unready while the block runs."""
    watched = cluster.shared / "readiness"
    with open(watched, "wb") as output, cluster.kubectl.running(
            "get", "pods", "--selector", _SELECTOR, "--watch", "--output", f"jsonpath={_READINESS}", stdout=output):
        wait_until("the watch sees all", lambda: watched.read_text().count(" True\n") == _COUNT)
        yield
    unready = [line for line in watched.read_text().splitlines() if not line.endswith(" True")]
    assert not unready, f"unready for a time: {unready}"


def _probes(cluster, name):
    return int(cluster.kubectl.shell(name, "wc -l </tmp/probes"))


def _changes_nothing(cluster, how, newcomer):
    before = _containers(cluster)
    with _stays_ready(cluster):
        cluster.davitd.restart(how)
        for name in before:
            assert cluster.kubectl.shell(name, "hostname").strip() == name, f"{name} has another name"
        probed = {name: _probes(cluster, name) for name in before}
        cluster.kubectl.create_and_wait(pod(newcomer, [idle("main", imagePullPolicy="Always")]))
        for name in before:
            wait_until(f"{name} is probed again", lambda: _probes(cluster, name) > probed[name])
    after = _containers(cluster)
    assert after == before, f"restarted or gone: { {name: (found, after.get(name)) for name, found in before.items()} }"


def a_restart_of_davitd_leaves_fifty_pods_as_they_are(cluster):
    _changes_nothing(cluster, signal.SIGTERM, "after-restart")


def a_kill_of_davitd_leaves_fifty_pods_as_they_are(cluster):
    _changes_nothing(cluster, signal.SIGKILL, "after-kill")


def a_kill_of_davitd_amid_a_rollout_only_delays_it(cluster):
    old = _containers(cluster)
    cluster.kubectl("rollout", "restart", "deployment/crowd")
    wait_until("the first old pods are gone", lambda: len(old.keys() - _containers(cluster).keys()) >= 5)
    cluster.davitd.restart(signal.SIGKILL)
    cluster.kubectl("rollout", "status", "deployment/crowd", "--timeout=300s", timeout=310)
    wait_until("only new pods are there", lambda: len(new := _containers(cluster)) == _COUNT and not new.keys() & old.keys())


def the_end_of_a_namespace_ends_its_pods(cluster):
    cluster.kubectl("delete", "namespace", NAMESPACE, "--timeout=240s", timeout=250)
    wait_until("no container runs", lambda: cluster.davitd.crictl("ps", "--quiet") == "")
