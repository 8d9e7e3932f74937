# SPDX-License-Identifier: GPL-2.0-or-later
"""A client for QEMU's monitor."""

import collections
import json

from .stream import Stream


class QmpError(Exception):
    """QEMU refused the command."""


class Qmp:
    def __init__(self, path, deadline=60):
        self._stream = Stream(path, deadline)
        self.events = collections.deque()
        self._next(deadline)
        self.command("qmp_capabilities")

    def _next(self, deadline):
        return json.loads(self._stream.line(deadline).decode())

    def command(self, execute, deadline=60, **arguments):
        """What it returned; underscores in argument names stand for dashes."""
        arguments = {key.replace("_", "-"): value for key, value in arguments.items()}
        request = {"execute": execute, "arguments": arguments}
        self._stream.send(json.dumps(request).encode() + b"\n")
        while True:
            message = self._next(deadline)
            if "event" in message:
                self.events.append(message)
            elif "error" in message:
                raise QmpError("%s: %s" % (execute, message["error"]["desc"]))
            else:
                return message["return"]

    def any_event(self, deadline=60):
        """The oldest event not yet taken."""
        return self.events.popleft() if self.events else self._next(deadline)

    def wait_event(self, name, deadline=60):
        """The oldest event of this name; those before it are dropped."""
        while True:
            event = self.any_event(deadline)
            if event["event"] == name:
                return event

    def close(self):
        self._stream.close()
