# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""The images of the power test, and what is done with them while the disk records."""

import json
import pathlib
import random
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "images"))
import rootfs
from oci_layout import Layer, Layout

from node import CommandFailed, run

PULLED = "registry.test/power/pulled:1"
SHARING = "registry.test/power/sharing:1"
BROKEN = "registry.test/power/broken:1"
LOADED = "registry.test/power/loaded:1"
PULLABLE = (PULLED, SHARING, BROKEN)
PROOF = "what a pod of every image prints"


def _layer(seed, files, large):
    """Files of all sizes, with content that does not compress, and all that a layer can have besides."""
    source = random.Random(seed)
    layer = Layer()
    layer.directory("/data")
    layer.directory(f"/data/{seed}")
    for index in range(files):
        layer.file(f"/data/{seed}/{index}", source.randbytes(source.randrange(20_000)))
    layer.file(f"/data/{seed}/large", source.randbytes(large))
    layer.hard_link(f"/data/{seed}/linked", f"/data/{seed}/large")
    layer.symlink(f"/data/{seed}/symlink", "large")
    layer.file("/data/.wh.gone", "")
    return layer


def _base():
    layer = rootfs.busybox_layer()
    layer.directory("/data")
    layer.file("/data/proof", PROOF + "\n")
    layer.file("/data/gone", "")
    return layer


class Images:
    """They are in the registry; `archive` has LOADED."""

    def __init__(self, directory, registry_directory):
        self._layouts = pathlib.Path(directory)
        self._blobs = pathlib.Path(registry_directory, "data/docker/registry/v2/blobs/sha256")
        self._registry = pathlib.Path(registry_directory, "address").read_text().strip()
        base, config = _base(), {"Cmd": ["cat", "/data/proof"]}
        self._publish(PULLED, [base, _layer(1, 150, 3_000_000)], config)
        self._publish(SHARING, [base, _layer(1, 150, 3_000_000), _layer(2, 50, 100_000)], config)
        broken = self._publish(BROKEN, [base, _layer(3, 50, 2_000_000), _layer(4, 5, 1_000)], config)
        loaded = self._write(LOADED, [_base(), _layer(5, 100, 1_000_000)], config)
        self.archive = self._layouts / "loaded.tar"
        run("skopeo", "copy", "--quiet", "--insecure-policy", f"oci:{loaded}:image", f"docker-archive:{self.archive}:{LOADED}")
        self._top = self._digest_of_top(broken)

    def _write(self, name, layers, config):
        layout = self._layouts / name.rsplit("/", 1)[1].split(":")[0]
        Layout(layout).write(layers, config)
        return layout

    def _publish(self, name, layers, config):
        layout = self._write(name, layers, config)
        run("skopeo", "copy", "--quiet", "--dest-tls-verify=false", "--insecure-policy", f"oci:{layout}:image",
            f"docker://{self._registry}/{name.split('/', 1)[1]}")
        return layout

    @staticmethod
    def _digest_of_top(layout):
        entry = json.loads((layout / "index.json").read_text())["manifests"][0]["digest"].split(":")[1]
        manifest = json.loads((layout / "blobs/sha256" / entry).read_text())
        return manifest["layers"][-1]["digest"].split(":")[1]

    def break_top_layer(self):
        """The registry does not have BROKEN's top layer any more."""
        directory = self._blobs / self._top[:2] / self._top
        shutil.move(directory, self._layouts / "top")

    def mend_top_layer(self):
        directory = self._blobs / self._top[:2] / self._top
        shutil.move(self._layouts / "top", directory)


class History:
    """Which images the node must have, may have and must not have after a power cut, by the disk's position."""

    def __init__(self, disk):
        self._disk = disk
        self._changes = {}  # name: [(position before, position after, whether the image is there afterwards)]

    def change(self, name, present, action):
        before = self._disk.position()
        action()
        self._changes.setdefault(name, []).append((before, self._disk.position(), present))

    def expectation(self, name, position):
        """True, False, or None if both are right."""
        present = False
        for before, after, then in self._changes.get(name, []):
            if position < before:
                return present
            if position < after:
                return present if present == then else None
            present = then
        return present


def _wait_for(condition):
    deadline = time.monotonic() + 60
    while not condition():
        if time.monotonic() > deadline:
            raise CommandFailed("an image from the preload directory does not appear")
        time.sleep(0.05)


def perform(node, images, history):
    """Pull, load, remove, create, start, and a pull that fails half-way: its finished layers are not an image's."""
    def pull(name):
        node.davit("pull", "--quiet", name)

    def load():
        staged = node.root / "preload" / "loaded"
        shutil.copyfile(images.archive, staged)
        staged.rename(staged.with_suffix(".tar"))
        _wait_for(lambda: LOADED in node.images())

    def fail_to_pull():
        try:
            pull(BROKEN)
        except CommandFailed:
            return
        raise CommandFailed("an image without its top layer was pulled")

    history.change(PULLED, True, lambda: pull(PULLED))
    node.davit("run", "--detach", "--name", "first", PULLED, "sh", "-c", "head -c 2000000 /dev/urandom >/written; sleep 1000")
    images.break_top_layer()
    fail_to_pull()
    images.mend_top_layer()
    history.change(SHARING, True, lambda: pull(SHARING))
    node.davit("run", "--rm", SHARING)
    history.change(LOADED, True, load)
    history.change(SHARING, False, lambda: node.davit("rmi", SHARING))
    node.davit("run", "--detach", "--name", "second", LOADED, "sleep", "1000")
    node.kill()
    node.start()
    history.change(BROKEN, True, lambda: pull(BROKEN))
    node.davit("rm", "--force", "first")
    history.change(PULLED, False, lambda: node.davit("rmi", PULLED))
    history.change(SHARING, True, lambda: pull(SHARING))
    node.davit("run", "--detach", "--name", "third", SHARING, "sleep", "1000")
