# SPDX-License-Identifier: GPL-2.0-or-later
"""Lines over a unix socket, with deadlines."""

import os
import socket
import time

IMPATIENT_SEC = 10
LONG_SEC = 120  # what waits longer waits for more than the daemon


def without_daemon():
    """Whether the daemon is left out of every guest, to see that each scenario fails then."""
    return os.environ.get("MEMONLINE_TEST_NO_DAEMON") == "1"


def patience(seconds):
    """A deadline: nobody answers where there is no daemon."""
    return min(seconds, IMPATIENT_SEC) if without_daemon() and seconds <= LONG_SEC else seconds


class Timeout(Exception):
    """What was waited for did not come; never raised about how long it took."""


class Closed(Exception):
    """The other side ended the connection."""


def connect(path, deadline):
    """Tries again until the deadline: the other side may still be starting."""
    until = time.monotonic() + deadline
    while True:
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.connect(path)
            return sock
        except (FileNotFoundError, ConnectionRefusedError, BlockingIOError):
            sock.close()
            if time.monotonic() >= until:
                raise Timeout("nobody listens at " + path)
            time.sleep(0.05)


class Stream:
    def __init__(self, path, deadline=60):
        self._socket = connect(path, deadline)
        self._buffer = bytearray()
        self._searched = 0  # bytes without a newline: a line may be long

    def send(self, data, deadline=60):
        self._socket.settimeout(deadline)
        try:
            self._socket.sendall(data)
        except socket.timeout:
            raise Timeout("the other side does not read")

    def _receive(self, until):
        left = until - time.monotonic()
        if left <= 0:
            raise Timeout("no line came; read so far: %r" % bytes(self._buffer[-200:]))
        self._socket.settimeout(left)
        try:
            data = self._socket.recv(65536)
        except socket.timeout:
            return
        if not data:
            raise Closed("closed by the other side")
        self._buffer += data

    def _end(self):
        """Where the newline is, or -1."""
        found = self._buffer.find(b"\n", self._searched)
        self._searched = len(self._buffer) if found < 0 else found
        return found

    def line(self, deadline=60):
        """The next line, without its newline."""
        until = time.monotonic() + deadline
        while self._end() < 0:
            self._receive(until)
        line = bytes(self._buffer[:self._searched])
        del self._buffer[:self._searched + 1]
        self._searched = 0
        return line

    def begun(self, size, deadline=60):
        """Until so many bytes of the next line, or lines, are there."""
        until = time.monotonic() + deadline
        while len(self._buffer) < size:
            self._receive(until)

    def close(self):
        self._socket.close()
