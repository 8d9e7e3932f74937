# SPDX-License-Identifier: GPL-2.0-or-later
"""The host's end of the agent's port."""

import collections
import json
import time

from .stream import Stream, Timeout, patience

__all__ = ["Channel", "Refused", "Timeout"]

SYNC_SEC = 3
REPORT = "MEMONLINE_REPORT"


class Refused(Exception):
    """The agent answered with an error; args[0] is its error object."""


class Channel:
    """Events that arrive while a reply is awaited are kept in `events`, in order."""

    def __init__(self, path, deadline=60):
        self._stream = Stream(path, deadline)
        self._id = 0
        self.events = collections.deque()
        self.raw = b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        """Bytes as they are, for requests that no client would make."""
        self._stream.send(data)

    def read(self, deadline=60):
        """The next message; `raw` is the line as it came."""
        self.raw = self._stream.line(patience(deadline))
        return json.loads(self.raw.lstrip(b"\xff").decode())

    def begun(self, size, deadline=60):
        """Until so many bytes of the next message are there."""
        self._stream.begun(size, patience(deadline))

    def request(self, command, deadline=60, **arguments):
        """What the agent returned; raises Refused when it answers with an error."""
        self._id += 1
        request = {"execute": command, "id": self._id}
        if arguments:
            request["arguments"] = arguments
        self.send(json.dumps(request).encode() + b"\n")
        until = time.monotonic() + deadline
        while True:
            message = self.read(max(until - time.monotonic(), 0.01))
            if "event" in message:
                self.events.append(message)
            elif message.get("id") == self._id and "error" in message:
                raise Refused(message["error"])
            elif message.get("id") == self._id:
                return message["return"]

    def sync(self, deadline=60):
        """Begins as qemu-ga's clients do, and tries again.

        0xFF ends what another host left, and marks the answer. A request that the agent reads just
        before the news that another host has left may be lost with it.
        """
        until = time.monotonic() + patience(deadline)
        while True:
            self._id += 1
            self.send(b"\xff" + json.dumps({"execute": "guest-sync-delimited", "arguments":
                                            {"id": self._id}}).encode() + b"\n")
            try:
                return self._synced(min(until, time.monotonic() + SYNC_SEC))
            except Timeout:
                if time.monotonic() >= until:
                    raise

    def _synced(self, until):
        while True:
            line = self._stream.line(max(until - time.monotonic(), 0.01))
            answer = line.rpartition(b"\xff")[2] if b"\xff" in line else b"{}"
            if json.loads(answer.decode()).get("return") == self._id:
                return

    def event(self, deadline=60):
        """The oldest event not yet taken."""
        until = time.monotonic() + deadline
        while not self.events:
            message = self.read(max(until - time.monotonic(), 0.01))
            if "event" in message:
                self.events.append(message)
        return self.events.popleft()

    def report(self, deadline=60):
        """The data of the next report; other events are dropped."""
        until = time.monotonic() + deadline
        while True:
            event = self.event(max(until - time.monotonic(), 0.01))
            if event["event"] == REPORT:
                return event["data"]

    def reports_waiting(self):
        """How many reports were pushed and not taken, as of a reply that we wait for."""
        self.request("guest-ping")
        return sum(event["event"] == REPORT for event in self.events)

    def close(self):
        self._stream.close()
