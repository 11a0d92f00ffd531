# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""OCI images from a description: layers of files, a configuration, written as an image layout directory.

The same description gives the same bytes and so the same digests: entries keep the order in which they were added, and
nothing carries the time of the build. Format: image-layout.md, config.md and layer.md of the OCI image specification.
"""

import functools
import gzip
import hashlib
import io
import json
import pathlib
import tarfile

_MEDIA = "application/vnd.oci.image."


class Layer:
    """One layer's tar stream. Paths are absolute; parent directories are the caller's to add."""

    def __init__(self):
        self._bytes = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._bytes, mode="w", format=tarfile.PAX_FORMAT)

    def _add(self, path, kind, mode, uid=0, gid=0, link="", data=b""):
        entry = tarfile.TarInfo(path.lstrip("/"))
        entry.type, entry.mode, entry.uid, entry.gid = kind, mode, uid, gid
        entry.linkname, entry.size = link, len(data)
        self._tar.addfile(entry, io.BytesIO(data))

    def directory(self, path, mode=0o755, uid=0, gid=0):
        self._add(path, tarfile.DIRTYPE, mode, uid, gid)

    def file(self, path, data, mode=0o644, uid=0, gid=0):
        """`data` is bytes, text, or the pathlib.Path of a file of the host to copy."""
        if isinstance(data, pathlib.Path):
            data = data.read_bytes()
        elif isinstance(data, str):
            data = data.encode()
        self._add(path, tarfile.REGTYPE, mode, uid, gid, data=data)

    def symlink(self, path, target):
        self._add(path, tarfile.SYMTYPE, 0o777, link=target)

    def hard_link(self, path, target):
        """A second name for `target`, an absolute path that this layer has already."""
        self._add(path, tarfile.LNKTYPE, 0o755, link=target.lstrip("/"))

    def tar(self):
        self._tar.close()
        return self._bytes.getvalue()


def _digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


@functools.cache  # most images of a run have the same base
def _gzip(data):
    return gzip.compress(data, mtime=0)


class Layout:
    """An image layout directory (image-layout.md) that holds one image under the reference name "image"."""

    def __init__(self, directory):
        self._directory = pathlib.Path(directory)
        self._blobs = self._directory / "blobs" / "sha256"
        self._blobs.mkdir(parents=True)

    def _blob(self, data, media_type):
        (self._blobs / _digest(data).split(":")[1]).write_bytes(data)
        return {"mediaType": _MEDIA + media_type, "digest": _digest(data), "size": len(data)}

    def _json(self, value, media_type):
        return self._blob(json.dumps(value, sort_keys=True).encode(), media_type)

    def write(self, layers, config, architecture="amd64"):
        """`layers` is a list of Layer, lowest first; `config` the "config" object of config.md (User, Env, Cmd...)."""
        tars = [layer.tar() for layer in layers]
        image = {
            "architecture": architecture,
            "os": "linux",
            "config": config,
            "rootfs": {"type": "layers", "diff_ids": [_digest(tar) for tar in tars]},
        }
        manifest = {
            "schemaVersion": 2,
            "mediaType": _MEDIA + "manifest.v1+json",
            "config": self._json(image, "config.v1+json"),
            "layers": [self._blob(_gzip(tar), "layer.v1.tar+gzip") for tar in tars],
        }
        entry = self._json(manifest, "manifest.v1+json")
        entry["annotations"] = {"org.opencontainers.image.ref.name": "image"}
        (self._directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
        (self._directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
