# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""A node: a scratch davitd, a kubelet that has no cluster, and ways to ask either of them."""

import json
import os
import pathlib
import select
import shutil
import signal
import socket
import ssl
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

_SOURCE = pathlib.Path(__file__).resolve().parent.parent.parent
NAME = "davit-test-node"
NAMESPACE = "davit-test"


def wait_until(what, condition, seconds=60):
    """Returns the condition's first true result. What it throws counts as false until the time is over."""
    deadline, last = time.monotonic() + seconds, None
    while time.monotonic() < deadline:
        try:
            last = condition()
            if last:
                return last
        except (OSError, KeyError, IndexError, subprocess.CalledProcessError) as error:
            last = error
        time.sleep(0.2)
    raise AssertionError(f"not within {seconds} s: {what}; last: {last!r}")


def cgroup_hierarchies():
    """Those of v1 and the v2 one beside them, else the only one."""
    top = pathlib.Path("/sys/fs/cgroup")
    return [top] if (top / "cgroup.procs").exists() else [path for path in top.iterdir() if (path / "cgroup.procs").exists()]


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Davitd:
    def __init__(self, directory):
        self.directory = directory
        self.socket = directory / "davit.sock"
        self._listener = None

    def _scratch(self, action):
        """As a service manager that holds the socket would do it (sd_listen_fds(3))."""
        listener = self._listener.fileno()
        subprocess.run(["/bin/bash", "-c", f'LISTEN_FDS=1 exec "$@" 3<&{listener}', "bash",
                        _SOURCE / "hack" / "scratch-davitd", action, self.directory], pass_fds=[listener], check=True)

    def start(self):
        self.directory.mkdir(parents=True, exist_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(self.socket))
        self._listener.listen()
        registry = os.environ["DAVIT_TEST_REGISTRY"]
        subprocess.run([_SOURCE / "tests" / "images" / "registry", "mirror", self.directory / "certs.d", registry,
                        "registry.k8s.io"], check=True)
        self._scratch("start")
        if instances := os.environ.get("DAVIT_TEST_INSTANCES"):
            with open(instances, "a", encoding="utf-8") as file:
                file.write(f"{self.directory}\n")

    def restart(self, how):
        pidfd = os.pidfd_open(int((self.directory / "pid").read_text()))
        signal.pidfd_send_signal(pidfd, how)
        assert select.select([pidfd], [], [], 60)[0], "davitd does not end"
        os.close(pidfd)
        self._scratch("restart")

    def stop(self):
        self._scratch("stop")

    def cgroup(self):
        """The path of the instance's cgroup in every hierarchy."""
        return "/" + json.loads((self.directory / "instance.json").read_text())["cgroup"]

    def bridge(self):
        return json.loads((self.directory / "instance.json").read_text())["bridge"]

    def calls(self, *methods):
        """How often each was called, as the log has it."""
        log = (self.directory / "log").read_text()
        return {method: log.count(f" method={method} ") for method in methods}

    def crictl(self, *arguments):
        return subprocess.run([os.environ["CRICTL"], "--config", "/dev/null", "--timeout", "60s", "-r", f"unix://{self.socket}",
                               *arguments], check=True, capture_output=True, text=True).stdout


class Kubelet:
    """Its pods are static: a manifest in a directory makes one, and its removal ends it. OPTIONS and CONFIGURATION come
    on top of what every node has."""

    def __init__(self, program, directory, davitd, log, options=(), configuration=None):
        self.program, self.directory, self.davitd, self.log = program, directory, davitd, log
        self._options, self._more = options, configuration or {}
        self.manifests = directory / "manifests"
        self.cgroup = f"{davitd.cgroup()}/kubelet"
        self.port = free_port()
        self._process = None

    def start(self, feature_gates=None, configuration=None, environment=None):
        """What is given here is for this start alone."""
        self.manifests.mkdir(parents=True, exist_ok=True)
        self._make_cgroup_root()
        file = self.directory / "kubelet.json"
        file.write_text(json.dumps({**self._configuration(feature_gates or {}), **(configuration or {})}, indent=1))
        with open(self.log, "ab") as log:
            # The kubelet ends with this process, however that ends.
            self._process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "KILL", self.program, "--config", file, "--hostname-override", NAME,
                 "--v=2", *self._options], stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd="/",
                env={**os.environ, **(environment or {})})
        wait_until("the kubelet serves", lambda: self.get("/healthz") == "ok")

    def stop(self):
        """The pods run on."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)

    def _make_cgroup_root(self):
        # The kubelet makes these in the hierarchies that it uses, and a runtime in the others; nobody takes them away.
        for top in cgroup_hierarchies():
            for name in "besteffort", "burstable":
                pathlib.Path(f"{top}{self.cgroup}/kubepods/{name}").mkdir(parents=True, exist_ok=True)

    def _configuration(self, feature_gates):
        return {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "containerRuntimeEndpoint": f"unix://{self.davitd.socket}",
            "staticPodPath": str(self.manifests),
            "fileCheckFrequency": "1s",
            "syncFrequency": "10s",
            "address": "127.0.0.1",
            "port": self.port,
            "healthzPort": 0,
            "readOnlyPort": 0,
            "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
            "authorization": {"mode": "AlwaysAllow"},
            "registerNode": False,
            "cgroupDriver": "systemd",  # wrong, and of no account: the runtime says what it is
            "cgroupRoot": self.cgroup,
            "failCgroupV1": False,
            "failSwapOn": False,
            "makeIPTablesUtilChains": False,
            "oomScoreAdj": 0,
            "volumePluginDir": f"{self.directory}/volume-plugins",
            # Other tests share the machine's disk and memory: no pod is to be evicted, no image collected.
            "evictionHard": {"memory.available": "0%", "nodefs.available": "0%", "imagefs.available": "0%"},
            "imageGCHighThresholdPercent": 100,
            "crashLoopBackOff": {"maxContainerRestartPeriod": "2s"},
            "featureGates": feature_gates,
            **self._more,
        }

    def request(self, path, method="GET"):
        context = ssl._create_unverified_context()  # the kubelet signs for itself
        request = urllib.request.Request(f"https://127.0.0.1:{self.port}{path}", method=method)
        with urllib.request.urlopen(request, context=context, timeout=30) as answer:
            return answer.read().decode()

    def get(self, path):
        return self.request(path)

    def run(self, pod, container, command):
        query = urllib.parse.urlencode({"cmd": command})
        return self.request(f"/run/{NAMESPACE}/{pod}-{NAME}/{container}?{query}", method="POST")

    def logs(self, pod, container, **options):
        return self.get(f"/containerLogs/{NAMESPACE}/{pod}-{NAME}/{container}?{urllib.parse.urlencode(options)}")

    def add(self, manifest):
        name = manifest["metadata"]["name"]
        staged = self.directory / f"{name}.json"
        staged.write_text(json.dumps(manifest))
        staged.rename(self.manifests / f"{name}.json")

    def remove_all(self):
        for manifest in self.manifests.iterdir():
            manifest.unlink()

    def pods(self):
        """By the names of their manifests."""
        items = json.loads(self.get("/pods"))["items"] or []
        return {pod["metadata"]["name"].removesuffix(f"-{NAME}"): pod for pod in items}

    def pod(self, name):
        return self.pods()[name]

    def container(self, pod, name):
        """The kubelet's status of a container or init container."""
        status = self.pod(pod)["status"]
        return {entry["name"]: entry for kind in ("initContainerStatuses", "containerStatuses")
                for entry in status.get(kind, [])}[name]

    def is_ready(self, pod):
        return any(condition["type"] == "Ready" and condition["status"] == "True"
                   for condition in self.pod(pod)["status"].get("conditions", []))


class Node:
    """`shared` is a directory of the host's whose content pods see."""

    leak_check = (_SOURCE / "tests" / "leakcheck" / "check",)

    def __init__(self, kubelet, scratch, results, **kubelet_settings):
        self.results = results
        self.shared = scratch / "shared"
        for name in "journal", "volume":
            (self.shared / name).mkdir(parents=True)
        (self.shared / "volume" / "from-host").write_text("written by the host\n")
        self.snapshot = scratch / "traces"
        self.davitd = Davitd(scratch / "davitd")
        self.davitd.start()
        self.kubelet = Kubelet(kubelet, scratch / "kubelet", self.davitd, results / "kubernetes.kubelet.log",
                               **kubelet_settings)

    def start(self, images):
        for image in images:
            self.davitd.crictl("pull", image)
        self.kubelet.start()

    def note_traces(self):
        """What is there before the first pod: images, and the cgroups that the kubelet keeps."""
        scope = {"--root": self.davitd.directory / "root", "--state": self.davitd.directory / "state", "--bridge": self.davitd.bridge(),
                 "--nft-table": f"davit-{self.davitd.bridge()}", "--cgroup-prefix": self.kubelet.cgroup}
        options = [word for option in scope.items() for word in option]
        subprocess.run([*self.leak_check, "snapshot", self.snapshot, *options], check=True)

    def pod_cgroups(self, path):
        """Those at a path below the kubelet's, one per hierarchy."""
        return [found for top in cgroup_hierarchies() if (found := pathlib.Path(f"{top}{self.kubelet.cgroup}/{path}")).exists()]

    def stop(self):
        self.kubelet.stop()
        shutil.copy(self.davitd.directory / "log", self.results / "kubernetes.davitd.log")
        self.davitd.stop()

    def shell(self, pod, container, script):
        identity = self.kubelet.container(pod, container)["containerID"].removeprefix("davit://")
        return self.davitd.crictl("exec", identity, "sh", "-c", script)
