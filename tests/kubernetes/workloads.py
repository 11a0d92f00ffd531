# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""What controllers, the API server and the kubelet make of pods together. A check takes the cluster."""

import json
import pathlib

from expect import contains, equal, fetch
from manifest import BUSYBOX, OTHER_WEB_SERVER, WEB_SERVER, deployment, idle, job, mount, pod, runs, shell, words
from node import NAME, NAMESPACE, wait_until

_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_SERVES = {"httpGet": {"port": 80, "path": "/"}, "periodSeconds": 1}


def the_node_tells_of_its_runtime(cluster):
    contains(cluster.kubectl.get("node", NAME)["status"]["nodeInfo"]["containerRuntimeVersion"], "davit://")


def a_deployment_becomes_available(cluster):
    cluster.kubectl.create(deployment("web", 3, [{"name": "web", "image": WEB_SERVER, "readinessProbe": _SERVES}]))
    cluster.kubectl("wait", "--for=condition=Available", "--timeout=90s", "deployment/web")
    for item in cluster.kubectl.pods("app=web"):
        contains(fetch(item["status"]["podIP"]), "Welcome to nginx!")


def a_deployment_rolls_out_to_a_new_version(cluster):
    cluster.kubectl("set", "image", "deployment/web", f"web={OTHER_WEB_SERVER}")
    cluster.kubectl("rollout", "status", "deployment/web", "--timeout=90s")

    def replaced():
        status = [item["status"]["containerStatuses"][0] for item in cluster.kubectl.pods("app=web")]
        return [entry["image"] for entry in status if entry["ready"]] == [OTHER_WEB_SERVER] * 3 and len(status) == 3

    wait_until("only the new version is there", replaced)


def a_job_completes(cluster):
    cluster.kubectl.create(job("adds", "echo $((6 * 7))", completions=4, parallelism=2))
    cluster.kubectl("wait", "--for=condition=Complete", "--timeout=90s", "job/adds")
    equal(cluster.kubectl("logs", "--selector", "batch.kubernetes.io/job-name=adds").split(), ["42"] * 4)


def a_job_with_a_sidecar_completes(cluster):
    sidecar = shell("sidecar", "trap 'echo ended; exit 0' TERM; while :; do sleep 1000 & wait; done", restartPolicy="Always")
    cluster.kubectl.create(job("assisted", "echo done", sidecar))
    cluster.kubectl("wait", "--for=condition=Complete", "--timeout=90s", "job/assisted")
    equal(cluster.kubectl("logs", "job/assisted", "--container", "sidecar"), "ended\n")


def a_job_whose_pods_fail_has_failed(cluster):
    cluster.kubectl.create(job("fails", "exit 9", backoffLimit=0))
    cluster.kubectl("wait", "--for=condition=Failed", "--timeout=90s", "job/fails")
    (status,) = cluster.kubectl.pods("batch.kubernetes.io/job-name=fails")[0]["status"]["containerStatuses"]
    equal(status["state"]["terminated"]["exitCode"], 9)


def _container(cluster, name):
    (status,) = cluster.kubectl.get("pod", name)["status"]["containerStatuses"]
    return status


def a_pod_waits_for_an_image_that_is_not_there(cluster):
    def waits_for(reason):
        state = _container(cluster, "waiting")["state"]["waiting"]
        return state["reason"] == reason and state["message"]

    cluster.kubectl.create(pod("waiting", [idle("main", image=f"{BUSYBOX}-missing")]))
    for reason in "ErrImagePull", "ImagePullBackOff":
        contains(wait_until(reason, lambda: waits_for(reason)), f"{BUSYBOX}-missing")
    cluster.kubectl("set", "image", "pod/waiting", f"main={BUSYBOX}")
    cluster.kubectl("wait", "--for=condition=Ready", "--timeout=90s", "pod/waiting")


def config_maps_and_secrets_are_files_and_environment(cluster):
    cluster.kubectl.create(words("ConfigMap", "plain", colour="blue"), words("Secret", "hidden", word="xyzzy"))
    cluster.kubectl.create_and_wait(pod(
        "informed", [idle("main", volumeMounts=[mount("plain", "/plain"), mount("hidden", "/hidden"),
                                                mount("plain", "/etc/colour", subPath="colour")],
                          envFrom=[{"configMapRef": {"name": "plain"}}],
                          env=[{"name": "WORD", "valueFrom": {"secretKeyRef": {"name": "hidden", "key": "word"}}}])],
        volumes=[{"name": "plain", "configMap": {"name": "plain"}},
                 {"name": "hidden", "secret": {"secretName": "hidden", "defaultMode": 0o400}}]))
    equal(cluster.kubectl.shell("informed", "cat /plain/colour /etc/colour /hidden/word; echo -$colour-$WORD").strip(),
          "bluebluexyzzy-blue-xyzzy")
    contains(cluster.kubectl.shell("informed", "stat -Lc %a /hidden/word; grep /hidden /proc/mounts"), "400\ntmpfs")


def volumes_belong_to_the_pods_root_and_group_in_a_user_namespace_too(cluster):
    cluster.kubectl.create_and_wait(pod(
        "mapped", [idle("main", volumeMounts=[mount("plain", "/plain"), mount("hidden", "/hidden"), mount("disk", "/disk")],
                        securityContext={"runAsUser": 1000, "runAsGroup": 1000})],
        hostUsers=False, securityContext={"fsGroup": 2000},
        volumes=[{"name": "plain", "configMap": {"name": "plain"}}, {"name": "disk", "emptyDir": {}},
                 {"name": "hidden", "secret": {"secretName": "hidden", "defaultMode": 0o440}}]))
    assert int(cluster.kubectl.shell("mapped", "cat /proc/self/uid_map").split()[1]) >= 65536, "root is the host's"
    # The kubelet gives a token to the user of the pod's containers.
    equal(cluster.kubectl.shell("mapped", "cat /plain/colour /hidden/word; touch /disk/mine; stat -Lc -%u:%g "
                                f"/hidden/word /plain/colour /disk/mine {_ACCOUNT}/token").split(),
          ["bluexyzzy-0:2000", "-0:2000", "-1000:2000", "-1000:2000"])


def a_changed_config_map_reaches_its_volume(cluster):
    cluster.kubectl("patch", "configmap", "plain", "--patch", json.dumps({"data": {"colour": "green"}}))
    wait_until("the file has changed", lambda: cluster.kubectl.shell("informed", "cat /plain/colour") == "green")


def a_token_in_a_projected_volume_is_the_pods(cluster):
    token = cluster.kubectl.shell("informed", f"cat {_ACCOUNT}/token")
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": token}}
    status = json.loads(cluster.kubectl("create", "--filename", "-", "--output", "json", input=json.dumps(review)))["status"]
    assert status.get("authenticated"), f"not authenticated: {status}"
    equal(status["user"]["username"], f"system:serviceaccount:{NAMESPACE}:default")
    equal(status["user"]["extra"]["authentication.kubernetes.io/pod-name"], ["informed"])
    equal(cluster.kubectl.shell("informed", f"cat {_ACCOUNT}/namespace"), NAMESPACE)
    contains(cluster.kubectl.shell("informed", f"cat {_ACCOUNT}/ca.crt"), "BEGIN CERTIFICATE")


def a_pod_without_an_account_has_no_token(cluster):
    cluster.kubectl.create_and_wait(pod("anonymous", [idle("main")], automountServiceAccountToken=False))
    equal(cluster.kubectl.shell("anonymous", f"test -e {_ACCOUNT} || echo none"), "none\n")


def the_summary_through_the_api_server_measures_pods(cluster):
    def measured():
        summary = json.loads(cluster.kubectl("get", "--raw", f"/api/v1/nodes/{NAME}/proxy/stats/summary"))
        (found,) = [entry for entry in summary["pods"] if entry["podRef"]["name"] == "informed"]
        (main,) = found["containers"]
        return all(figures["cpu"]["usageCoreNanoSeconds"] > 0 and figures["memory"]["workingSetBytes"] > 0
                   for figures in (found, main)) and found["ephemeral-storage"]["usedBytes"] > 0

    wait_until("figures of the pod and its container", measured)


def _sized(cpu, memory):
    return {"limits": {"cpu": cpu, "memory": memory}, "requests": {"cpu": cpu, "memory": memory}}


def _limits_inside(cluster, name):
    """Memory in bytes, then CPU time in microseconds a period, as the container's own cgroup has them."""
    files = ("memory/memory.limit_in_bytes", "memory.max"), ("cpu/cpu.cfs_quota_us", "cpu.max")
    return [cluster.kubectl.shell(name, f"cd /sys/fs/cgroup; cat {v1} 2>/dev/null || cat {v2}").split()[0] for v1, v2 in files]


def a_resize_changes_the_cgroup_of_the_running_container(cluster):
    cluster.kubectl.create_and_wait(pod("growing", [idle("main", resources=_sized("100m", "32Mi"))]))
    equal(_limits_inside(cluster, "growing"), [str(32 << 20), "10000"])
    before = _container(cluster, "growing")
    for cpu, memory, quota, limit in (("200m", "64Mi", "20000", 64 << 20), ("50m", "48Mi", "5000", 48 << 20)):
        patch = {"spec": {"containers": [{"name": "main", "resources": _sized(cpu, memory)}]}}
        cluster.kubectl("patch", "pod", "growing", "--subresource", "resize", "--patch", json.dumps(patch))
        wait_until(f"the cgroup has {cpu} and {memory}", lambda: _limits_inside(cluster, "growing") == [str(limit), quota])
        wait_until("the status says so",
                   lambda: _container(cluster, "growing")["resources"]["limits"] == {"cpu": cpu, "memory": memory})
    after = _container(cluster, "growing")
    equal((after["containerID"], after["restartCount"]), (before["containerID"], 0))


def a_deleted_pod_ends_as_its_containers_wish(cluster):
    journal = cluster.shared / "journal" / "goodbye"
    cluster.kubectl.create_and_wait(pod(
        "polite", [shell("main", "trap 'echo ended >>/journal/goodbye; exit 0' TERM; while :; do sleep 1000 & wait; done",
                         volumeMounts=[mount("journal", "/journal")],
                         lifecycle={"preStop": runs("echo asked >>/journal/goodbye")})],
        terminationGracePeriodSeconds=100, volumes=[{"name": "journal", "hostPath": {"path": str(journal.parent)}}]))
    cluster.kubectl("delete", "pod", "polite", "--timeout=60s")
    equal(journal.read_text().split(), ["asked", "ended"])


def a_pod_that_does_not_end_is_killed_after_its_time(cluster):
    cluster.kubectl.create_and_wait(pod("stubborn", [shell("main", "trap '' TERM; while :; do sleep 1; done")],
                                        terminationGracePeriodSeconds=1000))
    cluster.kubectl("delete", "pod", "stubborn", "--grace-period=2", "--timeout=60s")
    wait_until("it does not run", lambda: "stubborn" not in cluster.davitd.crictl("ps"))


def an_ephemeral_container_sees_the_processes_of_its_target(cluster):
    cluster.kubectl.create_and_wait(pod("debugged", [shell("main", "exec sleep 4242"), idle("other")],
                                        terminationGracePeriodSeconds=1))
    cluster.kubectl("debug", "debugged", "--image", BUSYBOX, "--target", "main", "--container", "debugger",
                    "--profile", "general", "--", "sh", "-c", "ps; exec sleep 4343")
    wait_until("it tells what it sees", lambda: "sleep 4242" in cluster.kubectl("logs", "debugged", "--container", "debugger"))
    found = [cluster.kubectl.shell("debugged", "readlink /proc/self/ns/pid", "--container", name)
             for name in ("main", "debugger", "other")]
    assert found[0] == found[1] != found[2], f"PID namespaces of target, debugger and other container: {found}"
    contains(cluster.kubectl.shell("debugged", "cat /proc/1/cmdline | tr '\\0' ' '", "--container", "debugger"), "sleep 4242")
    cluster.kubectl("delete", "pod", "debugged", "--timeout=60s")


def a_pod_that_debugs_the_node_has_its_files_and_processes(cluster):
    (cluster.shared / "mark").write_text("of the node\n")
    script = f"cat /host{cluster.shared}/mark; readlink /proc/self/ns/pid; exec sleep 4444"
    told = cluster.kubectl("debug", f"node/{NAME}", "--image", BUSYBOX, "--profile", "sysadmin", "--", "sh", "-c", script)
    (name,) = (word for word in told.split() if word.startswith("node-debugger-"))
    cluster.kubectl("wait", "--for=condition=Ready", "--timeout=90s", f"pod/{name}")
    expected = ["of the node", str(pathlib.Path("/proc/self/ns/pid").readlink())]
    wait_until("it tells what it sees", lambda: cluster.kubectl("logs", name).splitlines() == expected)
    cluster.kubectl("delete", "pod", name, "--grace-period=1", "--timeout=60s")
