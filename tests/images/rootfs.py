# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""Layers made of what a Debian machine has: busybox, programs with their libraries, and small programs of ours."""

import functools
import pathlib
import re
import subprocess

from oci_layout import Layer

_HERE = pathlib.Path(__file__).resolve().parent
CACHE = _HERE.parent.parent / "build" / "images"

_PASSWD = """root:x:0:0:root:/root:/bin/sh
www-data:x:33:33:www-data:/var/www:/bin/false
nobody:x:65534:65534:nobody:/:/bin/false
"""
_GROUP = "root:x:0:\nwww-data:x:33:\nnogroup:x:65534:\n"
_DIRECTORIES = ("/bin", "/etc", "/dev", "/home", "/lib", "/lib64", "/proc", "/root", "/run", "/sys", "/usr", "/usr/bin",
                "/usr/sbin", "/var", "/var/run", "/var/www")


def _run(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, **options).stdout


@functools.cache
def unshared_applet_busybox():
    """The busybox of the Debian package of that name.

    busybox-static is built so that its shell runs its own applets without looking for a file; a test that hides /bin/ls
    needs a shell that does look. The two packages exclude each other, so this one is unpacked, not installed.
    """
    program = CACHE / "busybox" / "bin" / "busybox"
    if not program.exists():
        debs = CACHE / "debs"
        debs.mkdir(parents=True, exist_ok=True)
        # As root: apt's own user may not be able to write here.
        _run("apt-get", "-q", "-o", "APT::Sandbox::User=root", "download", "busybox", cwd=debs)
        (deb,) = debs.glob("busybox_*.deb")
        _run("dpkg", "-x", str(deb), str(CACHE / "busybox"))
    return program


STATIC_BUSYBOX = pathlib.Path("/bin/busybox")


def libraries(program):
    """The shared libraries that a program loads, as ldd names them."""
    output = subprocess.run(["ldd", str(program)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True).stdout
    return [pathlib.Path(name) for name in re.findall(r"(/lib\S+)", output)]


def add_programs(layer, programs):
    """Adds programs at given places ({"/usr/bin/ipcs": Path}), each library once."""
    wanted = {}
    for path, source in programs.items():
        layer.file(path, source, mode=0o755)
        wanted.update({str(library): library for library in libraries(source)})
    for parent in sorted({str(pathlib.PurePath(path).parent) for path in wanted}):
        if parent not in _DIRECTORIES:
            layer.directory(parent)
    for path, source in wanted.items():
        layer.file(path, source, mode=0o755)


def busybox_layer(busybox=STATIC_BUSYBOX, passwd="", group=""):
    """A small root file system. Applets are hard links: a mask over one must not hide the others."""
    layer = Layer()
    for path in _DIRECTORIES:
        layer.directory(path)
    layer.directory("/tmp", mode=0o1777)
    layer.file("/etc/passwd", _PASSWD + passwd)
    layer.file("/etc/group", _GROUP + group)
    add_programs(layer, {"/bin/busybox": busybox})
    for applet in _run(str(busybox), "--list").split():
        if applet != "busybox":
            layer.hard_link(f"/bin/{applet}", "/bin/busybox")
    return layer


@functools.cache
def compiled(name):
    """programs/NAME.cc as a static executable."""
    source = _HERE / "programs" / f"{name}.cc"
    program = CACHE / "programs" / name
    if not program.exists() or program.stat().st_mtime < source.stat().st_mtime:
        program.parent.mkdir(parents=True, exist_ok=True)
        _run("g++", "-std=c++20", "-Os", "-Wall", "-Wextra", "-Werror", "-static", "-s", "-fno-exceptions", "-fno-rtti",
             "-o", str(program), str(source))
    return program
