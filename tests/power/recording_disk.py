# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""A disk with a volatile cache that remembers every write and every flush, in order.

It is one file of a FUSE file system (its root is the file itself), on which a loop device can be set up. The kernel's side
of the protocol: include/uapi/linux/fuse.h. The server is a process of its own: what blocks on the disk must not block it.

    disk = RecordingDisk(directory, size)      directory/disk is the file
    disk.position()                            how many writes and flushes there were
    disk.close()
    Recording(directory).rebuild(position, random, path)   writes to `path` what a power cut at `position` leaves
"""

import ctypes
import os
import pathlib
import struct
import subprocess
import sys

_BLOCK = 512  # what a disk writes or does not write as a whole
_WRITE, _FLUSH = 0, 1
_ENTRY = struct.Struct("<QII")  # offset, bytes, _WRITE or _FLUSH

_IN = struct.Struct("<IIQQIIIHH")  # length, opcode, unique, node...
_MAX_WRITE = 1 << 20
_ENOSYS = 38
_FORGET, _GETATTR, _OPEN, _READ, _WRITE_OP, _RELEASE, _FSYNC, _FLUSH_OP, _INIT, _INTERRUPT = (
    2, 3, 14, 15, 16, 18, 20, 25, 26, 36)
_BATCH_FORGET = 42
_BIG_WRITES, _MAX_PAGES = 1 << 5, 1 << 22


class _Server:
    """Answers the kernel's requests until the file system is unmounted."""

    def __init__(self, fuse, directory, size):
        self._fuse, self._size = fuse, size
        self._image = os.open(directory / "image", os.O_RDWR | os.O_CREAT, 0o600)
        os.ftruncate(self._image, size)
        self._entries = open(directory / "entries", "wb", buffering=0)
        self._data = open(directory / "data", "wb", buffering=0)

    def run(self):
        while True:
            try:
                request = os.read(self._fuse, _MAX_WRITE + 4096)
            except OSError as error:
                if error.errno in (4, 2, 11):  # EINTR; ENOENT: the request was interrupted; EAGAIN
                    continue
                return  # ENODEV: unmounted
            _, opcode, unique, *_ = _IN.unpack_from(request)
            answer = self._answer(opcode, memoryview(request)[_IN.size:])
            if answer is not None:
                error, body = answer
                os.writev(self._fuse, [struct.pack("<IiQ", 16 + len(body), -error, unique), body])

    def _answer(self, opcode, body):
        if opcode in (_FORGET, _BATCH_FORGET, _INTERRUPT):
            return None
        if opcode == _INIT:
            return 0, struct.pack("<IIIIHHIIHHII24x", 7, 31, _MAX_WRITE, _BIG_WRITES | _MAX_PAGES, 12, 9, _MAX_WRITE, 1,
                                  _MAX_WRITE // 4096, 0, 0, 0)
        if opcode == _GETATTR:
            return 0, struct.pack("<QII", 1, 0, 0) + self._attributes()
        if opcode == _OPEN:
            return 0, struct.pack("<QII", 0, 0, 0)
        if opcode == _READ:
            _, offset, size = struct.unpack_from("<QQI", body)
            return 0, os.pread(self._image, size, offset)
        if opcode == _WRITE_OP:
            _, offset, size = struct.unpack_from("<QQI", body)
            self._write(offset, body[40:40 + size])
            return 0, struct.pack("<II", size, 0)
        if opcode == _FSYNC:
            self._entries.write(_ENTRY.pack(0, 0, _FLUSH))
            return 0, b""
        if opcode in (_RELEASE, _FLUSH_OP):
            return 0, b""
        return _ENOSYS, b""

    def _attributes(self):
        # Inode 1, a regular file of root.
        return struct.pack("<QQQQQQIIIIIIIIII", 1, self._size, self._size // 512, 0, 0, 0, 0, 0, 0, 0o100600, 1, 0, 0, 0, 4096, 0)

    # The data first: an entry always has all of its data.
    def _write(self, offset, data):
        os.pwrite(self._image, data, offset)
        self._data.write(data)
        self._entries.write(_ENTRY.pack(offset, len(data), _WRITE))


def _check(result):
    if result != 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


class RecordingDisk:
    def __init__(self, directory, size):
        self._directory = pathlib.Path(directory)
        self.file = self._directory / "disk"
        self.file.touch()
        self._libc = ctypes.CDLL(None, use_errno=True)
        fuse = os.open("/dev/fuse", os.O_RDWR | os.O_CLOEXEC)
        options = f"fd={fuse},rootmode=100600,user_id=0,group_id=0"
        _check(self._libc.mount(b"davit-power", bytes(self.file), b"fuse", 0, options.encode()))
        self._server = subprocess.Popen([sys.executable, __file__, str(fuse), str(self._directory), str(size)], pass_fds=[fuse])
        os.close(fuse)

    def position(self):
        return (self._directory / "entries").stat().st_size // _ENTRY.size

    def close(self):
        """The caller has detached the loop device."""
        _check(self._libc.umount2(bytes(self.file), 0))
        self._server.wait()


class Recording:
    """What was written to a RecordingDisk."""

    def __init__(self, directory):
        directory = pathlib.Path(directory)
        self.size = (directory / "image").stat().st_size
        self._data = directory / "data"
        self._entries, start = [], 0
        for offset, size, kind in _ENTRY.iter_unpack((directory / "entries").read_bytes()):
            self._entries.append((offset, size, kind, start))
            start += size

    def flushes(self):
        return [index for index, entry in enumerate(self._entries) if entry[2] == _FLUSH]

    def __len__(self):
        return len(self._entries)

    def rebuild(self, position, random, path):
        """Writes to `path` what a power cut before entry `position` leaves: all that was flushed, and of each later write all,
        nothing, or the first blocks. Returns how many writes were in danger and how many of them were lost."""
        flushed = max((index for index in self.flushes() if index < position), default=0)
        survival = random.choice([0.0, 0.1, 0.5, 0.9, 1.0])
        lost = 0
        with open(path, "wb") as image, open(self._data, "rb") as data:
            image.truncate(self.size)
            for index, (offset, size, kind, start) in enumerate(self._entries[:position]):
                if kind == _FLUSH:
                    continue
                kept = size
                if index >= flushed and random.random() >= survival:
                    lost += 1
                    kept = random.choice([0, random.randrange(size // _BLOCK + 1) * _BLOCK])
                data.seek(start)
                image.seek(offset)
                image.write(data.read(kept))
        return position - flushed, lost


def _main():
    fuse, directory, size = sys.argv[1:]
    _Server(int(fuse), pathlib.Path(directory), int(size)).run()


if __name__ == "__main__":
    _main()
