# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""A way out of a network namespace, for connections to one address."""

import ctypes
import os
import shutil
import socket
import threading

_CLONE_NEWNET = 0x40000000


def _enter(namespace):
    """Takes the calling thread, and all that it starts, into a network namespace. Its sockets stay where they were made."""
    descriptor = os.open(namespace, os.O_RDONLY | os.O_CLOEXEC)
    if ctypes.CDLL(None, use_errno=True).setns(descriptor, _CLONE_NEWNET) != 0:
        raise OSError(ctypes.get_errno(), f"setns {namespace}")
    os.close(descriptor)


def _pour(source, target):
    try:
        shutil.copyfileobj(source.makefile("rb", buffering=0), target.makefile("wb", buffering=0))
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass  # one of the two has hung up, and the other will see it


def _serve(listener, address, namespace):
    _enter(namespace)
    while True:
        inside, _ = listener.accept()
        try:
            outside = socket.create_connection(address)
        except OSError:
            inside.close()
            continue
        for pair in (inside, outside), (outside, inside):
            threading.Thread(target=_pour, args=pair, daemon=True).start()


def carry(address, namespace):
    """Whoever connects to ADDRESS ("host:port") here reaches the same address in NAMESPACE, as long as this process lives."""
    host, port = address.rsplit(":", 1)
    listener = socket.create_server((host, int(port)))
    threading.Thread(target=_serve, args=(listener, (host, int(port)), namespace), daemon=True).start()
