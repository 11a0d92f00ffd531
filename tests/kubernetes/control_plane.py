# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""The control plane of a cluster: etcd, API server, scheduler and controllers, in a network namespace of their own."""

import json
import pathlib
import ssl
import subprocess
import urllib.request

from node import wait_until

NODE_ADDRESS = "192.0.2.1"  # a node's address is none of 127.0.0.0/8
_ETCD = "http://127.0.0.1:2379"
_SERVER = f"https://{NODE_ADDRESS}:6443"
_TOKEN = "the-tests-own"


class ControlPlane:
    """Programs come from the directory PROGRAMS (etcd from the system), what they keep is in DIRECTORY, logs in RESULTS."""

    def __init__(self, programs, directory, results):
        self.programs, self.directory, self.results = programs, directory, results
        self.kubeconfig = directory / "kubeconfig"
        self._processes = []

    def start(self):
        self.directory.mkdir()
        self._make_keys()
        self._write_credentials()
        self._start_etcd()
        self._start_api_server()
        self._start_those_who_ask_it()

    def stop(self):
        while self._processes:
            process = self._processes.pop()
            process.terminate()
            process.wait(60)

    def _file(self, name):
        return self.directory / name

    def _openssl(self, *arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, text=True)

    def _make_keys(self):
        """The server's certificate is its own authority."""
        self._openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=davit-test",
                      "-addext", f"subjectAltName=IP:{NODE_ADDRESS}", "-keyout", self._file("server.key"),
                      "-out", self._file("server.crt"))
        self._openssl("genrsa", "-out", self._file("accounts.key"), "2048")

    def _write_credentials(self):
        self._file("tokens.csv").write_text(f"{_TOKEN},tests,tests,system:masters\n")
        self.kubeconfig.write_text(json.dumps({
            "apiVersion": "v1", "kind": "Config", "current-context": "test",
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "clusters": [{"name": "test", "cluster": {"server": _SERVER,
                                                      "certificate-authority": str(self._file("server.crt"))}}],
            "users": [{"name": "test", "user": {"token": _TOKEN}}]}))

    def _start(self, program, *arguments):
        with open(self.results / f"kubernetes.{program.name}.log", "ab") as log:
            # They end with this process, however that ends.
            self._processes.append(subprocess.Popen(["setpriv", "--pdeathsig", "KILL", program, *arguments],
                                                    stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.directory))

    def _answers(self, address):
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {_TOKEN}"})
        authority = ssl.create_default_context(cafile=self._file("server.crt"))
        with urllib.request.urlopen(request, timeout=5, context=authority) as answer:
            return answer.status == 200

    def _start_etcd(self):
        self._start(pathlib.Path("/usr/bin/etcd"), "--data-dir", self._file("etcd"), "--listen-client-urls", _ETCD,
                    "--advertise-client-urls", _ETCD)
        wait_until("etcd serves", lambda: self._answers(f"{_ETCD}/health"))

    def _start_api_server(self):
        self._start(self.programs / "kube-apiserver", "--etcd-servers", _ETCD, "--bind-address", NODE_ADDRESS,
                    "--advertise-address", NODE_ADDRESS, "--kubelet-preferred-address-types", "InternalIP",
                    "--service-cluster-ip-range", "198.18.0.0/24", "--allow-privileged",
                    "--tls-cert-file", self._file("server.crt"), "--tls-private-key-file", self._file("server.key"),
                    "--token-auth-file", self._file("tokens.csv"), "--authorization-mode", "AlwaysAllow",
                    "--service-account-issuer", "https://davit.test",
                    "--service-account-key-file", self._file("accounts.key"),
                    "--service-account-signing-key-file", self._file("accounts.key"))
        wait_until("the API server serves", lambda: self._answers(f"{_SERVER}/readyz"), seconds=120)

    def _start_those_who_ask_it(self):
        asks = ["--kubeconfig", self.kubeconfig, "--leader-elect=false", "--bind-address", "127.0.0.1"]
        self._start(self.programs / "kube-scheduler", *asks)
        self._start(self.programs / "kube-controller-manager", *asks, "--root-ca-file", self._file("server.crt"),
                    "--service-account-private-key-file", self._file("accounts.key"))
