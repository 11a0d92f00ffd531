# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""What holds for pods that run undisturbed. A check takes the node, and its name is the sentence that it proves."""

import pathlib

import pods
from expect import contains, equal, fetch
from node import wait_until


def _terminated(node, pod, container):
    return wait_until(f"{container} of {pod} has ended",
                      lambda: node.kubelet.container(pod, container)["state"].get("terminated"))


def _all_are_ready(node):
    waiting = {"crashing", "finished", "probed"}
    return all(node.kubelet.is_ready(manifest.stem) for manifest in node.kubelet.manifests.iterdir()
               if manifest.stem not in waiting)


def the_pods_become_ready(node):
    for manifest in pods.at_first(node.shared):
        node.kubelet.add(manifest)
    wait_until("the pods are ready", lambda: _all_are_ready(node), seconds=180)


def init_containers_sidecars_and_hooks_take_their_turns(node):
    order = (node.shared / "journal" / "order").read_text().split()
    equal(order, ["first", "sidecar", "last", "main", "post-start"])
    assert "running" in node.kubelet.container("ordered", "sidecar")["state"], "the sidecar does not run"
    equal(node.kubelet.container("ordered", "first")["state"]["terminated"]["exitCode"], 0)


def http_and_tcp_probes_pass(node):
    web = wait_until("the web server is ready", lambda: (status := node.kubelet.container("probed", "web"))["ready"] and status)
    equal(web["restartCount"], 0)


def readiness_follows_an_exec_probe(node):
    assert not node.kubelet.container("probed", "gated")["ready"], "ready too early"
    node.shell("probed", "gated", "touch /tmp/ready")
    wait_until("gated is ready", lambda: node.kubelet.container("probed", "gated")["ready"])
    node.shell("probed", "gated", "rm /tmp/ready")
    wait_until("gated is not ready", lambda: not node.kubelet.container("probed", "gated")["ready"])


def a_failed_liveness_probe_restarts_its_container(node):
    node.shell("probed", "mortal", "touch /tmp/sick")
    wait_until("a restart", lambda: (status := node.kubelet.container("probed", "mortal"))["restartCount"] == 1
               and "running" in status["state"])


def a_container_has_started_when_its_startup_probe_says_so(node):
    assert not node.kubelet.container("probed", "slow")["started"], "started too early"
    node.shell("probed", "slow", "touch /tmp/started")
    wait_until("slow has started", lambda: node.kubelet.container("probed", "slow")["started"])


def a_crashing_container_is_restarted_with_back_off(node):
    wait_until("CrashLoopBackOff", lambda: node.kubelet.container("crashing", "main")["state"]["waiting"]["reason"] ==
               "CrashLoopBackOff")
    status = wait_until("two restarts", lambda: (status := node.kubelet.container("crashing", "main"))["restartCount"] >= 2
                        and status["lastState"].get("terminated") and status)
    equal((status["lastState"]["terminated"]["exitCode"], status["lastState"]["terminated"]["reason"]), (3, "Error"))
    # The attempt that the kubelet means may be collected while it answers.
    wait_until("the log of the attempt before",
               lambda: node.kubelet.logs("crashing", "main", previous="true") == "an attempt\n")


def last_words_come_from_a_file_or_the_log(node):
    ended = _terminated(node, "finished", "speaks")
    equal((ended["exitCode"], ended["reason"], ended["message"]), (0, "Completed", "all done\n"))
    ended = _terminated(node, "finished", "logs")
    equal((ended["exitCode"], ended["reason"], ended["message"]), (7, "Error", "out of paper\n"))


def a_container_over_its_memory_limit_is_oom_killed(node):
    ended = _terminated(node, "finished", "greedy")
    equal((ended["exitCode"], ended["reason"]), (137, "OOMKilled"))


def a_pod_that_ended_has_failed(node):
    wait_until("the phase", lambda: node.kubelet.pod("finished")["status"]["phase"] == "Failed")


def a_pod_answers_at_its_address(node):
    contains(fetch(node.kubelet.pod("published")["status"]["podIP"]), "Welcome to nginx!")


def a_host_port_leads_to_its_pod(node):
    contains(fetch(f"127.0.0.1:{pods.HOST_PORT}"), "Welcome to nginx!")


def a_pod_in_the_host_network_has_the_hosts_name_and_ports(node):
    equal(fetch(f"127.0.0.1:{pods.HOST_NETWORK_PORT}").strip(), pathlib.Path("/proc/sys/kernel/hostname").read_text().strip())


def a_pod_in_the_hosts_pid_and_ipc_namespaces_is_there(node):
    for namespace in "pid", "ipc":
        link = f"/proc/self/ns/{namespace}"
        equal(node.shell("host-namespaces", "main", f"readlink {link}").strip(), str(pathlib.Path(link).readlink()))


def containers_that_share_a_pid_namespace_see_each_other(node):
    contains(node.shell("shared-processes", "seer", "ps"), "sleep 4242")


def an_empty_dir_is_shared_and_belongs_to_the_pods_group(node):
    node.shell("volumes", "main", "echo shared >/disk/word; echo part >/part/word")
    equal(node.shell("volumes", "neighbour", "cat /disk/word /disk/part/of/it/word"), "shared\npart\n")
    equal(node.shell("volumes", "main", "stat -c %g /disk").strip(), "4321")


def an_empty_dir_in_memory_has_its_limit(node):
    mount = node.shell("volumes", "main", "grep ' /memory ' /proc/mounts")
    contains(mount, "tmpfs")
    contains(mount, "size=8192k")


def a_host_path_is_the_hosts_directory(node):
    equal(node.shell("volumes", "main", "cat /host/from-host"), "written by the host\n")
    node.shell("volumes", "main", "echo inside >/host/from-inside")
    equal((node.shared / "volume" / "from-inside").read_text(), "inside\n")
    contains(node.shell("volumes", "main", "(echo no >/sealed/refused) 2>&1 || true"), "Read-only file system")


def a_downward_volume_tells_of_the_pod(node):
    equal(node.shell("volumes", "main", "cat /downward/labels").strip(), 'suite="davit"')
    contains(node.shell("volumes", "main", "cat /downward/name"), "volumes-")


def an_image_volume_has_the_files_of_the_image(node):
    equal(node.shell("volumes", "main", "test -x /usr/sbin/nginx || ls /image/usr/sbin"), "nginx\n")
    contains(node.shell("volumes", "main", "touch /image/refused 2>&1 || true"), "Read-only file system")


def the_environment_tells_of_the_pod(node):
    told = node.shell("described", "main", "echo $POD $ADDRESS $MEMORY").split()
    status = node.kubelet.pod("described")
    equal(told, [status["metadata"]["name"], status["status"]["podIP"], str(64 << 20)])


def names_and_resolvers_are_the_pods(node):
    equal(node.shell("described", "main", "hostname").strip(), "called")
    contains(node.shell("described", "main", "cat /etc/hosts"), "alias.test")
    resolver = node.shell("described", "main", "cat /etc/resolv.conf")
    contains(resolver, "nameserver 192.0.2.53")
    contains(resolver, "search search.test")


def limits_reach_the_cgroup(node):
    def inside(v1, v2):
        return node.shell("limited", "main", f"cat /sys/fs/cgroup/{v1} 2>/dev/null || cat /sys/fs/cgroup/{v2}").strip()

    equal(inside("memory/memory.limit_in_bytes", "memory.max"), str(32 << 20))
    equal(inside("cpu/cpu.cfs_quota_us", "cpu.max").split()[0], "20000")


def cgroups_of_pods_are_the_kubelets(node):
    for pod, parent in {"guaranteed": "kubepods", "limited": "kubepods/burstable", "secured": "kubepods/besteffort"}.items():
        # A static pod is not known by its own UID but by its manifest's hash.
        uid = node.kubelet.pod(pod)["metadata"]["annotations"].get("kubernetes.io/config.hash")
        found = node.pod_cgroups(f"{parent}/pod{uid}")
        assert found, f"no cgroup below {parent} for {pod}"


def a_security_context_is_kept(node):
    equal(node.shell("secured", "main", "id -u; id -g; id -G").split(), ["1234", "2345", "2345", "3456"])
    status = dict(line.split(":\t", 1) for line in node.shell("secured", "main", "cat /proc/self/status").splitlines()
                  if ":\t" in line)
    equal((status["CapEff"], status["NoNewPrivs"], status["Seccomp"]), ("0" * 16, "1", "2"))
    contains(node.shell("secured", "main", "touch /refused 2>&1 || true"), "Read-only file system")
    equal(node.shell("secured", "main", "cat /proc/sys/net/ipv4/ip_unprivileged_port_start").strip(), "0")


def root_of_a_pod_with_a_user_namespace_is_not_the_hosts(node):
    outside = node.shell("unprivileged", "main", "cat /proc/self/uid_map").split()[1]
    assert int(outside) >= 65536, f"root is {outside} on the host"
    equal(node.shell("unprivileged", "main", "touch /disk/mine; stat -c %u /disk/mine /bin").split(), ["0", "0"])


def the_kubelet_runs_commands_and_reads_logs(node):
    equal(node.kubelet.run("described", "main", "hostname"), "called\n")
    equal(node.kubelet.logs("finished", "logs"), "out of paper\n")


def a_changed_manifest_replaces_its_pod(node):
    node.kubelet.add(pods.changing("new"))
    wait_until("the new pod runs", lambda: node.shell("changing", "main", "echo $WORD") == "new\n")

