# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""The words that manifests are made of, and the images of the pods (tests/images/catalog.py)."""

from node import NAMESPACE

_REPOSITORY = "registry.k8s.io/e2e-test-images"
BUSYBOX = f"{_REPOSITORY}/busybox:1.29-2"
WEB_SERVER = f"{_REPOSITORY}/nginx:1.14-2"
OTHER_WEB_SERVER = f"{_REPOSITORY}/httpd:2.4.39-4"
IMAGES = (BUSYBOX, WEB_SERVER, OTHER_WEB_SERVER)

_IDLE = "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"
OFTEN = {"periodSeconds": 1, "failureThreshold": 1, "timeoutSeconds": 5}


def pod(name, containers, **spec):
    return {"apiVersion": "v1", "kind": "Pod",
            "metadata": {"name": name, "namespace": NAMESPACE, "labels": {"suite": "davit"}},
            "spec": {"containers": containers, "terminationGracePeriodSeconds": 10, **spec}}


def shell(name, script, **fields):
    return {"name": name, "image": BUSYBOX, "command": ["sh", "-c", script], **fields}


def idle(name, **fields):
    return shell(name, _IDLE, **fields)


def runs(script):
    return {"exec": {"command": ["sh", "-c", script]}}


def mount(name, path, **fields):
    return {"name": name, "mountPath": path, **fields}


def field(path):
    return {"fieldRef": {"fieldPath": path}}


def deployment(name, replicas, containers, **spec):
    """Its pods have its name as their label `app`."""
    label = {"app": name}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name},
            "spec": {"replicas": replicas, "selector": {"matchLabels": label}, "progressDeadlineSeconds": 300,
                     "template": {"metadata": {"labels": label},
                                  "spec": {"containers": containers, "terminationGracePeriodSeconds": 2, **spec}}}}


def job(name, script, *sidecars, **spec):
    pods = {"spec": {"containers": [shell("main", script)], "initContainers": sidecars, "restartPolicy": "Never"}}
    return {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": {**spec, "template": pods}}


def words(kind, name, **fields):
    """A ConfigMap or Secret."""
    content = "data" if kind == "ConfigMap" else "stringData"
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, content: fields}
