# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""Every image that the tests, the benchmark and the quickstart use: {"repository:tag": function() -> (layers, config)}.

Repositories are what is left of the publishers' names without their host, which a hosts.toml mirror replaces.
"""

import pathlib

import rootfs
from oci_layout import Layer

_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_CRITEST = "k8s-staging-cri-tools/"
_E2E = "e2e-test-images/"
_WELCOME = "<html><body><h1>Welcome to nginx!</h1></body></html>\n"


def _hello():
    page = Layer()
    page.directory("/www")
    page.file("/www/index.html", "<html><body><h1>Hello from a pod</h1></body></html>\n")
    return [rootfs.busybox_layer(), page], {
        "Env": [_PATH],
        "Cmd": ["httpd", "-f", "-vv", "-p", "80", "-h", "/www"],
        "ExposedPorts": {"80/tcp": {}},
    }


def _five_layers():
    """Five layers of which each adds files, replaces some of the layer below and takes one away."""
    layers = [rootfs.busybox_layer()]
    for number in range(1, 5):
        layer = Layer()
        layer.directory("/data")
        layer.directory(f"/data/{number}")
        for index in range(50):
            layer.file(f"/data/{number}/{index}", f"{number} {index}\n" * 200)
        layer.file("/data/last", str(number))
        if number > 1:
            layer.file(f"/data/{number - 1}/.wh.0", "")
        layers.append(layer)
    return layers, {"Env": [_PATH], "Cmd": ["sleep", "infinity"]}


def _with_volume():
    """A volume that has content in the image, and one that has not even a directory."""
    layer = rootfs.busybox_layer()
    layer.directory("/data", mode=0o1777)
    layer.file("/data/seed", "from the image\n")
    return [layer], {"Env": [_PATH], "Cmd": ["sh"], "Volumes": {"/data": {}, "/srv/new": {}}}


def _checked():
    """An image with a health check, in the key of Docker's format."""
    second = 1_000_000_000
    return [rootfs.busybox_layer()], {
        "Env": [_PATH],
        "Cmd": ["sleep", "infinity"],
        "Healthcheck": {"Test": ["CMD", "test", "-d", "/etc"], "Interval": second, "Timeout": 9 * second, "Retries": 3},
    }


def _busybox():
    """busybox for a shell and most programs; ipcs, ipcmk and pgrep as util-linux and procps have them."""
    tools = Layer()
    rootfs.add_programs(tools, {f"/usr/bin/{name}": pathlib.Path("/usr/bin", name) for name in ("ipcs", "ipcmk", "pgrep")})
    return [rootfs.busybox_layer(rootfs.unshared_applet_busybox()), tools], {"Env": [_PATH], "Cmd": ["sh"]}


def _web_server(name, port=80):
    def build():
        server = Layer()
        server.file(f"/usr/sbin/{name}", rootfs.compiled("web_server"), mode=0o755)
        return [rootfs.busybox_layer(), server], {
            "Env": [_PATH],
            "Entrypoint": [f"/usr/sbin/{name}", name, str(port), _WELCOME, f"/var/run/{name}.pid"],
            "ExposedPorts": {f"{port}/tcp": {}},
        }

    return build


def _no_new_privileges():
    layer = rootfs.busybox_layer()
    layer.file("/nnp", rootfs.compiled("print_euid"), mode=0o4755)
    return [layer], {"Env": [_PATH], "Entrypoint": ["/nnp"]}


def _pause(version):
    def build():
        layer = Layer()
        layer.file("/pause", rootfs.compiled("pause"), mode=0o755)
        return [layer], {"Env": [_PATH], "Entrypoint": ["/pause"], "User": "65535:65535", "Labels": {"version": version}}

    return build


def _marked(mark):
    """An image that differs from its siblings by one empty file."""
    def build():
        layer = Layer()
        layer.file(f"/{mark}", "")
        return [rootfs.busybox_layer(), layer], {"Env": [_PATH], "Cmd": ["sh"]}

    return build


def _with_user(user):
    def build():
        return [rootfs.busybox_layer()], {"Env": [_PATH], "Cmd": ["sh"], "User": user}

    return build


def _with_group_in_image():
    layer = rootfs.busybox_layer(passwd="default-user:x:1000:1000::/home/default-user:/bin/sh\n",
                                 group="default-user:x:1000:\ngroup-defined-in-image:x:50000:default-user\n")
    return [layer], {"Env": [_PATH], "Cmd": ["sh"], "User": "1000"}


def _with_many_groups():
    """An image whose user is in 16,000 groups beside its own."""
    groups = "".join(f"group{number}:x:{20_000 + number}:member\n" for number in range(16_000))
    layer = rootfs.busybox_layer(passwd="member:x:1000:1000::/:/bin/sh\n", group="member:x:1000:\n" + groups)
    return [layer], {"Env": [_PATH], "Cmd": ["sh"], "User": "member"}


IMAGES = {
    "davit/hello:latest": _hello,
    "davit/five-layers:latest": _five_layers,
    "davit/busybox:latest": _busybox,
    "davit/checked:latest": _checked,
    "davit/volume:latest": _with_volume,
    "davit/many-groups:latest": _with_many_groups,
    "pause:3.6": _pause("3.6"),
    "pause:3.9": _pause("3.9"),
    _E2E + "busybox:1.29-2": _busybox,
    _E2E + "nginx:1.14-2": _web_server("nginx"),
    _E2E + "httpd:2.4.39-4": _web_server("httpd"),
    _E2E + "nonewprivs:1.3": _no_new_privileges,
    _CRITEST + "test-image-latest:latest": _marked("latest"),
    _CRITEST + "test-image-digest:latest": _marked("digest"),
    _CRITEST + "test-image-1:latest": _marked("1"),
    _CRITEST + "test-image-2:latest": _marked("2"),
    _CRITEST + "test-image-3:latest": _marked("3"),
    _CRITEST + "test-image-tags:1": _marked("same-image"),
    _CRITEST + "test-image-tags:2": _marked("same-image"),
    _CRITEST + "test-image-tags:3": _marked("same-image"),
    _CRITEST + "test-image-tag:test": _marked("test"),
    _CRITEST + "test-image-tag:all": _marked("all"),
    _CRITEST + "test-image-user-uid:latest": _with_user("1002"),
    _CRITEST + "test-image-user-username:latest": _with_user("www-data"),
    _CRITEST + "test-image-user-uid-group:latest": _with_user("1003:1004"),
    _CRITEST + "test-image-user-username-group:latest": _with_user("www-data:1004"),
    _CRITEST + "test-image-predefined-group:latest": _with_group_in_image,
    _CRITEST + "hostnet-nginx-amd64:latest": _web_server("nginx", port=12003),
}
