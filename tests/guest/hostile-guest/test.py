# SPDX-License-Identifier: GPL-2.0-or-later
"""A hostile guest or monitor costs memonlinectl no memory, and no longer than its time-out.

Processes of the host play both on real sockets: 64 MiB of each shape in place of the answer to
the sync, to a request, and to the monitor's; the one guest is honest, and is asked in between.
"""

import os
import socket
import subprocess
import threading

from lab import Guest, check, expect, host
from process import program

LIMIT = 2400
RESIDENT_KIB = 16 << 10
SIZE = 64 << 20
CHUNK = 1 << 16
TIMEOUT_SEC = 5
# Its own time-out is far below; this machine may be slow.
PATIENCE_SEC = 180
RANGE = (b'{"start": 4294967296, "size": 134217728, "node": 0, "state": "online", '
         b'"zones": ["Normal"], "reason": "policy"},')
SHAPES = {
    "objects": (b'{"return": [', b"{},"),
    "lists": (b'{"return": [', b"[],"),
    "numbers": (b'{"return": [', b"1,"),
    "strings": (b'{"return": [', b'"\\u009b",'),
    "nested objects": (b'{"return": [', b'{"a":{}},'),
    "members": (b'{"return": {"memory": [', b'{"a":[1,2]},'),
    "one element": (b'{"return": [[', b"{},"),
    "outside of the answer": (b'{"id": [', b"[],"),
    "ranges": (b'{"return": [', RANGE),
    "reports": (b'{"return": {"instance": "i", "last-seq": 1, "lost": 0, "reports": [{"ranges": [',
                RANGE),
    "deep": (b'{"return": ', b"["),
    "one string": (b'{"return": "', b"x"),
    "one number": (b'{"return": ', b"1"),
    "keys": (b'{"return": {"a": 1', b', "a": 1'),
    "garbage": (b"", b"\xff{]"),
    "scalars": (b"", b"1 "),
    "events": (b"", b'{"event": "X", "data": 1}\n'),
    "errors": (b'{"error": {"class": "X", "desc": ["', b'\\"'),
}
BLOCK_SIZE = b'{"return": {"size": 134217728}}\n'


class Hostile:
    """Plays a guest's channel, or QEMU's monitor: the last answer is SIZE bytes of the shape."""

    def __init__(self, path, shape, honest, is_monitor=False):
        self.path = path
        self.begin, part = SHAPES[shape]
        self.chunk = part * (CHUNK // len(part) + 1)
        self.honest = honest  # requests that are answered well
        self.is_monitor = is_monitor
        self.listener = socket.socket(socket.AF_UNIX)

    def __enter__(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self.listener.bind(self.path)
        self.listener.listen(1)
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.listener.close()

    def serve(self):
        try:
            connection, _ = self.listener.accept()
            with connection, connection.makefile("rb") as requests:
                if self.is_monitor:
                    connection.sendall(b'{"QMP": {"version": {}, "capabilities": []}}\n')
                for _ in range(self.honest):
                    connection.sendall(self.answer(requests.readline()))
                requests.readline()
                self.flood(connection)
                requests.read()
        except OSError:
            pass  # who asked has gone

    def answer(self, request):
        if self.is_monitor:
            return b'{"return": {}}\n'
        if b"guest-sync" in request:
            return b"\xff{\"return\": " + request.split(b'"id": ')[1].split(b"}")[0] + b"}\n"
        return BLOCK_SIZE

    def flood(self, connection):
        connection.sendall(self.begin)
        for _ in range(SIZE // len(self.chunk) + 1):
            connection.sendall(self.chunk)


def most_resident(arguments, what, devices=False):
    """VmHWM in KiB of a memonlinectl that has to fail, read until it ends."""
    command = [host.ctl_program(), "--timeout", str(TIMEOUT_SEC)] + arguments
    process = subprocess.Popen(command, stdin=subprocess.PIPE if devices else subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if devices:
        process.stdin.write(b"[]")
        process.stdin.close()
    most = program.most_resident(process, PATIENCE_SEC)
    check(most < RESIDENT_KIB, "%s: %d KiB resident" % (what, most))
    check(process.returncode == 1, "%s: status %d" % (what, process.returncode))
    return most


# Where it strikes: the requests that are answered before, and who asks.
PLACES = {
    "sync": (0, ["status"]),
    "status": (1, ["status"]),
    "list": (2, ["list"]),
    "list --json": (2, ["list", "--json"]),
    "reports": (1, ["reports"]),
    "status --json": (1, ["status", "--json"]),
    "map": (2, ["map"]),
    "reconcile": (1, ["reconcile"]),
}
# Every shape to these, and to the others what they read most of.
MAIN = ("sync", "status", "list")
SPECIAL = {
    "list --json": ("ranges", "one string"),
    "reports": ("reports", "members"),
    "status --json": ("nested objects", "deep", "strings"),
    "map": ("ranges",),
    "reconcile": ("objects", "strings"),
}


def strike(path):
    for place, (honest, verb) in PLACES.items():
        for shape in SHAPES if place in MAIN else SPECIAL[place]:
            with Hostile(path, shape, honest) as hostile:
                most = most_resident(["--socket", hostile.path] + verb,
                                     "%s to %s" % (shape, place), place == "reconcile")
            print("%-24s to %-14s %6d KiB" % (shape, place, most), flush=True)


def strike_by_monitor(path, channel):
    for shape in SHAPES:
        for honest in (0, 1):
            with Hostile(path, shape, honest, is_monitor=True) as hostile:
                most = most_resident(["--socket", channel, "reconcile", "--qmp", hostile.path],
                                     "%s from a monitor" % shape)
            print("%-24s by a monitor     %6d KiB" % (shape, most), flush=True)


def run(lab):
    with Guest(lab, memory="512M") as guest:
        expect.all_online(guest, guest.plug("256M"))
        strike(lab.temp_path("hostile"))
        strike_by_monitor(lab.temp_path("hostile"), guest.channel_path())
        said = host.ctl("--socket", guest.channel_path(), "list")
        check("online" in said, "the honest guest's list: %s" % said)
