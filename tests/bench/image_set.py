# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""Images for the benchmark of pulls: large ones, written as image layouts and pushed with skopeo.

The data is the same in every run, and compresses to about half, as programs and their libraries do.
"""

import concurrent.futures
import hashlib
import io
import json
import os
import pathlib
import random
import subprocess
import tarfile
import zlib

_OCI = "application/vnd.oci.image."
_POOL_BYTES = 64 << 20
_PIECE = 2048


class Data:
    """File contents: pieces of random bytes, each followed by as much text."""

    def __init__(self, seed):
        self._random = random.Random(seed)
        self._pool = self._random.randbytes(_POOL_BYTES)
        self._text = (b"the quick brown fox jumps over the lazy dog\n" * 64)[:_PIECE]

    def take(self, size):
        pieces = []
        for _ in range(size // (2 * _PIECE) + 1):
            at = self._random.randrange(_POOL_BYTES - _PIECE)
            pieces += (self._pool[at : at + _PIECE], self._text)
        return b"".join(pieces)[:size]

    def sizes(self, number, total):
        """`number` sizes of files as trees of packages have them: most are small, few make most of the bytes."""
        drawn = [self._random.lognormvariate(0, 1.5) for _ in range(number)]
        return [int(size * total / sum(drawn)) for size in drawn]


def write_tar(path, files):
    """A layer of files [(name, data)] with their directories."""
    made = set()
    with tarfile.open(path, "w", format=tarfile.PAX_FORMAT) as tar:
        for name, data in files:
            for parent in [str(parent) for parent in pathlib.PurePath(name).parents][-2::-1]:
                if parent not in made:
                    made.add(parent)
                    entry = tarfile.TarInfo(parent)
                    entry.type, entry.mode = tarfile.DIRTYPE, 0o755
                    tar.addfile(entry)
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))


def big_files(directory, layers=4, files=11, total=1024 << 20):
    """Tar files of some large files, shared out over `layers`."""
    data = Data(1)
    tars = [directory / f"big-{layers}-{number}.tar" for number in range(layers)]
    for number, tar in enumerate(tars):
        mine = range(number, files, layers)
        write_tar(tar, ((f"usr/lib/big/{index}", data.take(total // files)) for index in mine))
    return tars


def small_files(directory, layers=6, files=56_000, total=965_000_000):
    data = Data(2)
    sizes = data.sizes(files, total)
    tars = [directory / f"small-{number}.tar" for number in range(layers)]
    for number, tar in enumerate(tars):
        mine = range(number, files, layers)
        write_tar(tar, ((f"usr/share/{index // 400}/{index // 40}/{index}", data.take(sizes[index])) for index in mine))
    return tars


def one_file(directory, name):
    tar = directory / f"{name}.tar"
    write_tar(tar, [(f"etc/{name}", name.encode())])
    return [tar]


def without_parents(directory, layers=101, depth=400):
    """Layers of one file each, deep in directories of which no layer has an entry: some 33 KB, compressed."""
    tars = []
    for number in range(layers):
        tars.append(directory / f"deep-{number}.tar")
        with tarfile.open(tars[-1], "w", format=tarfile.PAX_FORMAT) as tar:
            tar.addfile(tarfile.TarInfo("d/" * depth + f"file{number}"))
    return tars


def _digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _compress(job):
    tar, blobs, compression = job
    data = tar.read_bytes()
    if compression == "gzip":
        compressor = zlib.compressobj(6 if len(data) < 1 << 20 else 1, zlib.DEFLATED, 31)
        packed = compressor.compress(data) + compressor.flush()
    else:
        packed = subprocess.run(["zstd", "-q", "-3", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout
    (blobs / _digest(packed)[7:]).write_bytes(packed)
    return _digest(data), {"mediaType": f"{_OCI}layer.v1.tar+{compression}", "digest": _digest(packed), "size": len(packed)}


def write_layout(directory, tars, compression="gzip", config=None):
    """An image layout with one image, "image". Returns the descriptors of its layers."""
    blobs = directory / "blobs" / "sha256"
    blobs.mkdir(parents=True)
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        layers = list(pool.map(_compress, ((tar, blobs, compression) for tar in tars)))

    def document(value, media_type):
        data = json.dumps(value).encode()
        (blobs / _digest(data)[7:]).write_bytes(data)
        return {"mediaType": _OCI + media_type, "digest": _digest(data), "size": len(data)}

    image = {"architecture": "amd64", "os": "linux", "config": config or {},
             "rootfs": {"type": "layers", "diff_ids": [diff_id for diff_id, _ in layers]}}
    entry = document({"schemaVersion": 2, "mediaType": _OCI + "manifest.v1+json", "config": document(image, "config.v1+json"),
                      "layers": [layer for _, layer in layers]}, "manifest.v1+json")
    entry["annotations"] = {"org.opencontainers.image.ref.name": "image"}
    (directory / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [entry]}))
    (directory / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return [layer for _, layer in layers]


def push(layout, registry, name):
    subprocess.run(["skopeo", "copy", "--quiet", "--dest-tls-verify=false", "--insecure-policy", f"oci:{layout}:image",
                    f"docker://{registry}/{name}"], check=True)
