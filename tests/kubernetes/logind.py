# SPDX-License-Identifier: Apache-2.0
# Copyright The Davit Authors
"""A message bus of its own with a logind that says when the host goes down: who asked for a delay gets one.

    Bus(directory, log) for the suite; run as a program, with the bus in DBUS_SYSTEM_BUS_ADDRESS, it is the logind.
"""

import os
import pathlib
import subprocess
import sys

_NAME, _PATH, _INTERFACE = "org.freedesktop.login1", "/org/freedesktop/login1", "org.freedesktop.login1.Manager"
_CONFIGURATION = """<busconfig><type>session</type><listen>unix:path={socket}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/><allow own="*"/></policy>
</busconfig>"""


class Bus:
    def __init__(self, directory, log):
        directory.mkdir()
        self._log = log
        configuration = directory / "bus.conf"
        configuration.write_text(_CONFIGURATION.format(socket=directory / "bus"))
        self.environment = {"DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={directory}/bus"}
        self._bus = self._start("dbus-daemon", "--nofork", "--config-file", configuration, "--print-address")
        self._bus.stdout.readline()  # it listens
        # Debian's own interpreter has Debian's modules.
        self._logind = self._start("/usr/bin/python3", pathlib.Path(__file__), stdin=subprocess.PIPE)
        assert self._logind.stdout.readline() == "serving\n", "logind does not start"

    def _start(self, *command, **options):
        with open(self._log, "ab") as log:
            return subprocess.Popen(["setpriv", "--pdeathsig", "KILL", *command], stdout=subprocess.PIPE, stderr=log, text=True,
                                    env={**os.environ, **self.environment}, **options)

    def shut_down(self):
        """Says so, and returns when nobody delays it any more."""
        self._logind.stdin.write("shut down\n")
        self._logind.stdin.flush()
        assert self._logind.stdout.readline() == "nobody delays it\n", "logind is gone"

    def stop(self):
        for process in self._logind, self._bus:
            process.terminate()
            process.wait(60)


def _serve():
    import dbus
    import dbus.mainloop.glib
    import dbus.service
    from gi.repository import GLib

    class Manager(dbus.service.Object):
        delays = 0

        @dbus.service.method(_INTERFACE, in_signature="ssss", out_signature="h")
        def Inhibit(self, what, who, why, mode):
            reader, writer = os.pipe()
            GLib.io_add_watch(reader, GLib.IO_HUP, self._released, reader)
            self.delays += 1
            held = dbus.types.UnixFd(writer)
            os.close(writer)
            return held

        def _released(self, source, condition, reader):
            os.close(reader)
            self.delays -= 1
            if not self.delays:
                print("nobody delays it", flush=True)
            return False

        @dbus.service.method(dbus.PROPERTIES_IFACE, in_signature="ss", out_signature="v")
        def Get(self, interface, name):
            return dbus.UInt64({"InhibitDelayMaxUSec": 600_000_000}[name])

        @dbus.service.signal(_INTERFACE, signature="b")
        def PrepareForShutdown(self, start):
            pass

    def ordered(source, condition):
        if source.readline():
            manager.PrepareForShutdown(True)
        return True

    dbus.mainloop.glib.DBusGMainLoop(set_as_default=True)
    name = dbus.service.BusName(_NAME, dbus.SystemBus())
    manager = Manager(name, _PATH)
    GLib.io_add_watch(sys.stdin, GLib.IO_IN, ordered)
    print("serving", flush=True)
    GLib.MainLoop().run()


if __name__ == "__main__":
    _serve()
