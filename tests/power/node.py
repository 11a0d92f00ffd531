# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""A davitd whose root is on a disk of its own, and a host that it can boot again."""

import json
import os
import pathlib
import select
import shutil
import signal
import subprocess
import uuid

_SCRATCH_DAVITD = pathlib.Path(__file__).resolve().parents[2] / "hack" / "scratch-davitd"
_END_SECONDS = 60
_BOOT_ID = "/proc/sys/kernel/random/boot_id"


class CommandFailed(Exception):
    pass


def run(*command, timeout=120):
    """The standard output. CommandFailed has what it printed."""
    done = subprocess.run([str(word) for word in command], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=timeout)
    if done.returncode != 0:
        raise CommandFailed(f"{' '.join(map(str, command))}: exit status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


class Node:
    """The caller is in a mount namespace of its own: mounts and the boot id are for it and for its daemon alone."""

    def __init__(self, directory, registry):
        self.directory = pathlib.Path(directory)
        self.root = self.directory / "root"
        self._registry = registry
        self._loop = None
        self._made = self._booted = False

    def another(self):
        """In place of one that was removed."""
        return Node(self.directory, self._registry)

    def attach(self, file):
        """Ends with detach or remove. Mounts the file system in `file` as the root."""
        self.root.mkdir(parents=True, exist_ok=True)
        self._loop = run("losetup", "--find", "--show", file).strip()
        run("mount", self._loop, self.root)

    def detach(self):
        if os.path.ismount(self.root):
            run("umount", self.root)
        if self._loop:
            run("losetup", "--detach", self._loop)
            self._loop = None

    def boot(self):
        """As after a boot of the host: another boot id, nothing in the state directory, then the daemon's start."""
        boot_id = self.directory / "boot_id"
        self._forget_boot()
        boot_id.write_text(f"{uuid.uuid4()}\n")
        run("mount", "--bind", boot_id, _BOOT_ID)
        self._booted = True
        shutil.rmtree(self.directory / "state", ignore_errors=True)
        self.start()

    def _forget_boot(self):
        if self._booted:
            run("umount", _BOOT_ID)
        self._booted = False

    def start(self):
        run(_SCRATCH_DAVITD, "restart" if self._made else "start", self.directory)
        if not self._made:
            run(_SCRATCH_DAVITD.parents[1] / "tests/images/registry", "mirror", self.directory / "certs.d", self._registry, "registry.test")
        self._made = True

    def _end(self, how):
        pid = int((self.directory / "pid").read_text())
        pidfd = os.pidfd_open(pid)
        signal.pidfd_send_signal(pidfd, how)
        ended = select.select([pidfd], [], [], _END_SECONDS)[0]
        os.close(pidfd)
        if not ended:
            raise CommandFailed("davitd does not end")

    def kill(self):
        self._end(signal.SIGKILL)

    def stop(self):
        self._end(signal.SIGTERM)

    def davit(self, *arguments, timeout=120):
        bin_dir = json.loads((self.directory / "instance.json").read_text())["bin_dir"]
        return run(f"{bin_dir}/davit", "--address", f"unix://{self.directory}/davit.sock", *arguments, timeout=timeout)

    def images(self):
        """{tag: its image as `davit images` describes it}"""
        images = json.loads(self.davit("images", "--output", "json", "--tree"))
        return {tag: image for image in images for tag in image["tags"]}

    def remove_pods(self):
        for container in self.davit("ps", "--all", "--quiet").split():
            self.davit("rm", "--force", container)

    def remove(self):
        """Ends the daemon and all pods, whatever their state, and removes all that they have made."""
        self._forget_boot()
        if self._made:
            # It complains about what a failed check has left, and removes that, too.
            subprocess.run([_SCRATCH_DAVITD, "stop", self.directory], capture_output=True, check=False)
        self.detach()

