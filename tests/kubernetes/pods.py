# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""The manifests of the suite's pods. Each pod shows one part of what the kubelet asks a runtime for."""

from node import NAMESPACE, free_port

_REPOSITORY = "registry.k8s.io/e2e-test-images"
BUSYBOX = f"{_REPOSITORY}/busybox:1.29-2"
WEB_SERVER = f"{_REPOSITORY}/nginx:1.14-2"
IMAGES = (BUSYBOX, WEB_SERVER)
HOST_PORT, HOST_NETWORK_PORT = free_port(), free_port()

_IDLE = "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"
_OFTEN = {"periodSeconds": 1, "failureThreshold": 1, "timeoutSeconds": 5}


def _pod(name, containers, **spec):
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"suite": "davit"}},
            "spec": {"containers": containers, "terminationGracePeriodSeconds": 10, **spec}}


def _shell(name, script, **fields):
    return {"name": name, "image": BUSYBOX, "command": ["sh", "-c", script], **fields}


def _idle(name, **fields):
    return _shell(name, _IDLE, **fields)


def _exec(script):
    return {"exec": {"command": ["sh", "-c", script]}}


def _mount(name, path, **fields):
    return {"name": name, "mountPath": path, **fields}


def _field(path):
    return {"fieldRef": {"fieldPath": path}}


def ordered(journal):
    """Everything that has a place in the life of a pod notes its turn in a file of the host's."""
    def note(word):
        return f"echo {word} >>/journal/order"

    def lives(word):
        return f"trap '{note(word + '-ends')}; exit 0' TERM; {note(word)}; touch /tmp/up; while :; do sleep 1000 & wait; done"

    mounted = {"volumeMounts": [_mount("journal", "/journal")]}
    return _pod(
        "ordered",
        [_shell("main", lives("main"), **mounted, lifecycle={
            "postStart": _exec(f"until grep -qx main /journal/order; do sleep 0.1; done; {note('post-start')}"),
            "preStop": _exec(note("pre-stop"))})],
        initContainers=[
            _shell("first", note("first"), **mounted),
            _shell("sidecar", lives("sidecar"), **mounted, restartPolicy="Always",
                   startupProbe={**_exec("test -e /tmp/up"), "periodSeconds": 1, "failureThreshold": 60}),
            _shell("last", note("last"), **mounted)],
        volumes=[{"name": "journal", "hostPath": {"path": str(journal), "type": "Directory"}}])


def probed():
    return _pod("probed", [
        {"name": "web", "image": WEB_SERVER,
         "startupProbe": {"tcpSocket": {"port": 80}, "periodSeconds": 1, "failureThreshold": 60},
         "readinessProbe": {"httpGet": {"port": 80, "path": "/"}, **_OFTEN},
         "livenessProbe": {"tcpSocket": {"port": 80}, **_OFTEN}},
        _idle("gated", readinessProbe={**_exec("test -e /tmp/ready"), **_OFTEN}),
        _idle("mortal", livenessProbe={**_exec("test ! -e /tmp/sick"), **_OFTEN, "terminationGracePeriodSeconds": 1}),
        _idle("slow", startupProbe={**_exec("test -e /tmp/started"), "periodSeconds": 1, "failureThreshold": 600})])


def crashing():
    return _pod("crashing", [_shell("main", "echo an attempt; exit 3")])


def finished():
    """One container leaves its last words in a file, one in its log, and one takes more memory than it may have."""
    return _pod("finished", [
        _shell("speaks", "echo all done >/dev/termination-log"),
        _shell("logs", "echo out of paper >&2; exit 7", terminationMessagePolicy="FallbackToLogsOnError"),
        _shell("greedy", "tail /dev/zero", resources={"limits": {"memory": "16Mi"}})], restartPolicy="Never")


def published():
    return _pod("published", [{"name": "web", "image": WEB_SERVER,
                               "ports": [{"containerPort": 80, "hostPort": HOST_PORT, "hostIP": "127.0.0.1"}]}])


def host_network():
    return _pod("host-network", [
        _shell("web", f"mkdir /tmp/www; hostname >/tmp/www/index.html; exec httpd -f -p 127.0.0.1:{HOST_NETWORK_PORT} -h /tmp/www",
               readinessProbe={"httpGet": {"host": "127.0.0.1", "port": HOST_NETWORK_PORT, "path": "/"}, **_OFTEN})], hostNetwork=True)


def host_namespaces():
    return _pod("host-namespaces", [_idle("main")], hostPID=True, hostIPC=True)


def shared_processes():
    return _pod("shared-processes", [_idle("seer"), _shell("seen", "exec sleep 4242")], shareProcessNamespace=True,
                terminationGracePeriodSeconds=2)


def volumes(directory):
    sources = [{"path": "labels", **_field("metadata.labels")}, {"path": "name", **_field("metadata.name")}]
    return _pod(
        "volumes",
        [_idle("main", volumeMounts=[
            _mount("disk", "/disk"), _mount("memory", "/memory"), _mount("host", "/host"),
            _mount("host", "/sealed", readOnly=True), _mount("disk", "/part", subPath="part/of/it"),
            _mount("host", "/follows", mountPropagation="HostToContainer"),
            _mount("downward", "/downward"), _mount("image", "/image")]),
         _idle("neighbour", volumeMounts=[_mount("disk", "/disk")])],
        securityContext={"fsGroup": 4321},
        volumes=[{"name": "disk", "emptyDir": {}},
                 {"name": "memory", "emptyDir": {"medium": "Memory", "sizeLimit": "8Mi"}},
                 {"name": "host", "hostPath": {"path": str(directory), "type": "Directory"}},
                 {"name": "downward", "downwardAPI": {"items": sources}},
                 {"name": "image", "image": {"reference": WEB_SERVER}}])


def described():
    """What a container is told about itself, by its environment and by the files of its pod."""
    return _pod(
        "described",
        [_idle("main", resources={"limits": {"memory": "64Mi"}}, env=[
            {"name": "POD", "valueFrom": _field("metadata.name")}, {"name": "ADDRESS", "valueFrom": _field("status.podIP")},
            {"name": "MEMORY", "valueFrom": {"resourceFieldRef": {"resource": "limits.memory"}}}])],
        hostname="called", subdomain="by", hostAliases=[{"ip": "192.0.2.1", "hostnames": ["alias.test"]}],
        dnsPolicy="None", dnsConfig={"nameservers": ["192.0.2.53"], "searches": ["search.test"]})


def limited():
    return _pod("limited", [_idle("main", resources={"requests": {"cpu": "100m", "memory": "16Mi"},
                                                     "limits": {"cpu": "200m", "memory": "32Mi"}})])


def guaranteed():
    return _pod("guaranteed", [_idle("main", resources={"limits": {"cpu": "100m", "memory": "32Mi"}})])


def secured():
    return _pod("secured", [_idle("main", securityContext={
        "runAsUser": 1234, "runAsGroup": 2345, "runAsNonRoot": True, "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}, "seccompProfile": {"type": "RuntimeDefault"}})],
        securityContext={"supplementalGroups": [3456], "sysctls": [{"name": "net.ipv4.ip_unprivileged_port_start", "value": "0"}]})


def unprivileged():
    return _pod("unprivileged", [_idle("main", volumeMounts=[_mount("disk", "/disk")])], hostUsers=False,
                volumes=[{"name": "disk", "emptyDir": {}}])


def stubborn():
    return _pod("stubborn", [_shell("main", "trap '' TERM; while :; do sleep 1; done")], terminationGracePeriodSeconds=2)


def changing(word):
    return _pod("changing", [_idle("main", env=[{"name": "WORD", "value": word}])])


def late(name):
    """A pod that comes after the others."""
    return _pod(name, [_idle("main", imagePullPolicy="Always")])


def at_first(shared):
    """All that run from the beginning; SHARED is a directory of the host's with the directories that they mount."""
    return [ordered(shared / "journal"), probed(), crashing(), finished(), published(), host_network(), host_namespaces(),
            shared_processes(), volumes(shared / "volume"), described(), limited(), guaranteed(), secured(), unprivileged(), stubborn(),
            changing("old")]
