# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""The manifests of the suite's pods. Each pod shows one part of what the kubelet asks a runtime for."""

from manifest import OFTEN, WEB_SERVER, field, idle, mount, pod, runs, shell
from node import free_port

HOST_PORT, HOST_NETWORK_PORT, UNPRIVILEGED_PORT = free_port(), free_port(), free_port()


def ordered(journal):
    """Everything that has a place in the life of a pod notes its turn in a file of the host's."""
    def note(word):
        return f"echo {word} >>/journal/order"

    def lives(word):
        return f"trap '{note(word + '-ends')}; exit 0' TERM; {note(word)}; touch /tmp/up; while :; do sleep 1000 & wait; done"

    mounted = {"volumeMounts": [mount("journal", "/journal")]}
    return pod(
        "ordered",
        [shell("main", lives("main"), **mounted, lifecycle={
            "postStart": runs(f"until grep -qx main /journal/order; do sleep 0.1; done; {note('post-start')}"),
            "preStop": runs(note("pre-stop"))})],
        initContainers=[
            shell("first", note("first"), **mounted),
            shell("sidecar", lives("sidecar"), **mounted, restartPolicy="Always",
                  startupProbe={**runs("test -e /tmp/up"), "periodSeconds": 1, "failureThreshold": 60}),
            shell("last", note("last"), **mounted)],
        volumes=[{"name": "journal", "hostPath": {"path": str(journal), "type": "Directory"}}])


def probed():
    return pod("probed", [
        {"name": "web", "image": WEB_SERVER,
         "startupProbe": {"tcpSocket": {"port": 80}, "periodSeconds": 1, "failureThreshold": 60},
         "readinessProbe": {"httpGet": {"port": 80, "path": "/"}, **OFTEN},
         "livenessProbe": {"tcpSocket": {"port": 80}, **OFTEN}},
        idle("gated", readinessProbe={**runs("test -e /tmp/ready"), **OFTEN}),
        idle("mortal", livenessProbe={**runs("test ! -e /tmp/sick"), **OFTEN, "terminationGracePeriodSeconds": 1}),
        idle("slow", startupProbe={**runs("test -e /tmp/started"), "periodSeconds": 1, "failureThreshold": 600})])


def crashing():
    return pod("crashing", [shell("main", "echo an attempt; exit 3")])


def finished():
    """One container leaves its last words in a file, one in its log, and one takes more memory than it may have."""
    return pod("finished", [
        shell("speaks", "echo all done >/dev/termination-log"),
        shell("logs", "echo out of paper >&2; exit 7", terminationMessagePolicy="FallbackToLogsOnError"),
        shell("greedy", "tail /dev/zero", resources={"limits": {"memory": "16Mi"}})], restartPolicy="Never")


def published():
    return pod("published", [{"name": "web", "image": WEB_SERVER,
                              "ports": [{"containerPort": 80, "hostPort": HOST_PORT, "hostIP": "127.0.0.1"}]}])


def _serves_on_the_host(name, page, port, **spec):
    """PAGE is a shell command that prints it."""
    return pod(name, [
        shell("web", f"mkdir /tmp/www; {page} >/tmp/www/index.html; exec httpd -f -p 127.0.0.1:{port} -h /tmp/www",
              readinessProbe={"httpGet": {"host": "127.0.0.1", "port": port, "path": "/"}, **OFTEN})], hostNetwork=True, **spec)


def host_network():
    return _serves_on_the_host("host-network", "hostname", HOST_NETWORK_PORT)


def unprivileged_in_the_host_network():
    return _serves_on_the_host("unprivileged-host-network", "echo mapped", UNPRIVILEGED_PORT, hostUsers=False)


def host_namespaces():
    return pod("host-namespaces", [idle("main")], hostPID=True, hostIPC=True)


def shared_processes():
    return pod("shared-processes", [idle("seer"), shell("seen", "exec sleep 4242")], shareProcessNamespace=True,
               terminationGracePeriodSeconds=2)


def volumes(directory):
    sources = [{"path": "labels", **field("metadata.labels")}, {"path": "name", **field("metadata.name")}]
    return pod(
        "volumes",
        [idle("main", volumeMounts=[
            mount("disk", "/disk"), mount("memory", "/memory"), mount("host", "/host"),
            mount("host", "/sealed", readOnly=True), mount("disk", "/part", subPath="part/of/it"),
            mount("host", "/follows", mountPropagation="HostToContainer"),
            mount("downward", "/downward"), mount("image", "/image")]),
         idle("neighbour", volumeMounts=[mount("disk", "/disk")])],
        securityContext={"fsGroup": 4321},
        volumes=[{"name": "disk", "emptyDir": {}},
                 {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}},
                 {"name": "host", "hostPath": {"path": str(directory), "type": "Directory"}},
                 {"name": "downward", "downwardAPI": {"items": sources}},
                 {"name": "image", "image": {"reference": WEB_SERVER}}])


def described():
    """What a container is told about itself, by its environment and by the files of its pod."""
    return pod(
        "described",
        [idle("main", resources={"limits": {"memory": "64Mi"}}, env=[
            {"name": "POD", "valueFrom": field("metadata.name")}, {"name": "ADDRESS", "valueFrom": field("status.podIP")},
            {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}}])],
        hostname="called", subdomain="by", hostAliases=[{"ip": "192.0.2.1", "hostnames": ["alias.test"]}],
        dnsPolicy="None", dnsConfig={"nameservers": ["192.0.2.53"], "searches": ["search.test"]})


def limited():
    return pod("limited", [idle("main", resources={"requests": {"cpu": "100m", "memory": "16Mi"},
                                                    "limits": {"cpu": "200m", "memory": "32Mi"}})])


def guaranteed():
    return pod("guaranteed", [idle("main", resources={"limits": {"cpu": "100m", "memory": "32Mi"}})])


def secured():
    return pod("secured", [idle("main", securityContext={
        "runAsUser": 1234, "runAsGroup": 2345, "runAsNonRoot": True, "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}})],
        securityContext={"supplementalGroups": [3456], "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]})


def unprivileged():
    return pod("unprivileged", [idle("main", volumeMounts=[mount("disk", "/disk")])], hostUsers=False,
               volumes=[{"name": "disk", "emptyDir": {}}])


def signalled(journal):
    script = "; ".join(f"trap 'echo {name} >>/journal/signal; exit 0' {name}" for name in ("TERM", "USR1"))
    return pod("signalled", [shell("main", f"{script}; touch /tmp/set; while :; do sleep 1000 & wait; done",
                                   volumeMounts=[mount("journal", "/journal")], lifecycle={"stopSignal": "SIGUSR1"},
                                   readinessProbe={**runs("test -e /tmp/set"), **OFTEN})],
               os={"name": "linux"}, volumes=[{"name": "journal", "hostPath": {"path": str(journal), "type": "Directory"}}])


def prioritized(name, priority, journal):
    """It takes its time to end, the more the less it is needed."""
    script = f"trap 'sleep {0 if priority else 3}; echo {name} >>/journal/shutdown; exit 0' TERM; touch /tmp/set"
    return pod(name, [shell("main", f"{script}; while :; do sleep 1000 & wait; done", volumeMounts=[mount("journal", "/journal")],
                            readinessProbe={**runs("test -e /tmp/set"), **OFTEN})],
               priority=priority, volumes=[{"name": "journal", "hostPath": {"path": str(journal), "type": "Directory"}}])


def stubborn():
    return pod("stubborn", [shell("main", "trap '' TERM; while :; do sleep 1; done")], terminationGracePeriodSeconds=2)


def changing(word):
    return pod("changing", [idle("main", env=[{"name": "WORD", "value": word}])])


def late(name):
    """A pod that comes after the others."""
    return pod(name, [idle("main", imagePullPolicy="Always")])


def at_first(shared):
    """All that run from the beginning; SHARED is a directory of the host's with the directories that they mount."""
    return [ordered(shared / "journal"), probed(), crashing(), finished(), published(), host_network(), host_namespaces(),
            shared_processes(), volumes(shared / "volume"), described(), limited(), guaranteed(), secured(), unprivileged(), stubborn(),
            changing("old")]
