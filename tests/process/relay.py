#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""memonlined with a qemu-ga behind it: a pty is the port, a thread is qemu-ga. What goes wrong first."""

import glob
import json
import os
import pathlib
import pty
import re
import select
import socket
import sys
import threading
import time
import tty

import daemon
import program
from daemon import Failed, expect

PORT = "org.qemu.guest_agent.0"
PATH = "/run/qemu-ga.sock"
CONFIG = f"[memonlined]\npolicy = keep\n[channel]\nport = {PORT}\nrelay = {PATH}\n"
GROUPS = pathlib.Path(__file__).resolve().parent.parent / "guest" / "qga-differential"
# Of a reply that is too long to be kept; slow under a tool.
MANY_BYTES = (64 if program.is_itself() else 2) << 20
RESIDENT_MAX_KIB = 12 * 1024
SYNC = re.compile(rb'\{"execute": "guest-sync-delimited", "arguments": \{"id": (\d+)\}\}\n')
COMMAND = re.compile(rb'[\'"]execute[\'"]\s*:\s*[\'"](.*?)[\'"]')
OWN = {b"guest-sync", b"guest-sync-delimited", b"guest-get-memory-blocks", b"guest-info",
       b"guest-set-memory-blocks", b"guest-get-memory-block-info"}
STRAY = b'{"error": {"class": "GenericError", "desc": "JSON parse error"}}\n'


class QemuGa:
    """Answers syncs and what `answers` has; {command: bytes, or a function of the connection}."""

    def __init__(self, tree):
        self.path = str(tree.path) + PATH
        os.makedirs(os.path.dirname(self.path), exist_ok=True)
        self.answers = {}
        self.heard = b""  # all but syncs, as it came
        self.is_mute = False
        self.was_reset = False
        self._changed = threading.Condition()
        self._listener = self._thread = self._connection = None
        self.start()

    def start(self):
        if os.path.exists(self.path):
            os.unlink(self.path)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(self.path)
        self._listener.listen(1)
        self._thread = threading.Thread(target=self._run, args=(self._listener,), daemon=True)
        self._thread.start()

    def end(self):
        """As a killed process: whatever is under way."""
        for sock in (self._connection, self._listener):
            if sock:
                try:
                    sock.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self._thread.join(daemon.PATIENCE)
        self._listener.close()

    def _run(self, listener):
        while True:
            try:
                self._connection, _ = listener.accept()
            except OSError:
                return
            try:
                self._serve(self._connection)
            except ConnectionResetError:
                self.was_reset = True
            except OSError:
                pass
            self._connection.close()

    def _serve(self, connection):
        buffer = b""
        while True:
            data = connection.recv(65536)
            if not data:
                return
            buffer = self._take(connection, buffer + data)

    def _take(self, connection, buffer):
        """Syncs are answered; the rest is looked at for whole requests."""
        while True:
            if b"\xff" in buffer:
                self._hear(buffer[:buffer.index(b"\xff") + 1])
                connection.sendall(STRAY)
                buffer = buffer[buffer.index(b"\xff") + 1:]
            sync = SYNC.search(buffer)
            before = buffer[:sync.start()] if sync else buffer
            request = whole(before)
            if request:
                self._hear(before)
                self._answer(connection, request)
                buffer = buffer[len(before):]
            elif sync:
                self._hear(before)
                buffer = buffer[sync.end():]
                if not self.is_mute:
                    connection.sendall(b'\xff{"return": %s}\n' % sync.group(1))
            else:
                return buffer

    def _hear(self, data):
        with self._changed:
            self.heard += data
            self._changed.notify_all()

    def _answer(self, connection, request):
        answer = self.answers.get(request.get("execute"), b'{"return": {}}\n')
        if callable(answer):
            answer(connection)
        else:
            connection.sendall(answer)

    def wait_for(self, data):
        with self._changed:
            expect(self._changed.wait_for(lambda: data in self.heard, daemon.PATIENCE),
                   data, "never came, but", self.heard[-200:])


def whole(data):
    """The request, where the bytes are one."""
    try:
        return json.loads(data.decode())
    except ValueError:
        return None


class Host:
    """The host's end of the port."""

    def __init__(self, tree):
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        folder = tree.path / "dev/virtio-ports"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / PORT).symlink_to(os.ttyname(self.slave))
        self.buffer = b""

    def send(self, data):
        data = data if isinstance(data, bytes) else json.dumps(data).encode() + b"\n"
        end = time.monotonic() + daemon.PATIENCE
        while data:
            select.select([], [self.master], [], max(end - time.monotonic(), 0))
            try:
                data = data[os.write(self.master, data[:4096]):]
            except BlockingIOError:
                expect(time.monotonic() < end, "nobody takes", data[:80])

    def receive(self):
        """What is there; b"" after a second without anything."""
        if not select.select([self.master], [], [], 1)[0]:
            return b""
        return os.read(self.master, 65536)

    def raw_line(self):
        end = time.monotonic() + daemon.PATIENCE
        while b"\n" not in self.buffer:
            expect(time.monotonic() < end, "no line came, only", self.buffer[-200:])
            self.buffer += self.receive()
        line, _, self.buffer = self.buffer.partition(b"\n")
        return line

    def line(self):
        line = self.raw_line()
        try:
            return json.loads(line.lstrip(b"\xff"))
        except ValueError:
            raise Failed(f"no JSON: {line[:200]}") from None

    def ask(self, data):
        self.send(data)
        return self.line()

    def execute(self, command, **arguments):
        request = {"execute": command}
        if arguments:
            request["arguments"] = arguments
        return self.ask(request)

    def pass_over(self, count):
        """Takes so many bytes of a line that is too long to be kept here either."""
        end = time.monotonic() + 4 * daemon.PATIENCE
        count -= len(self.buffer)
        self.buffer = self.buffer[len(self.buffer) + count:] if count < 0 else b""
        while count > 0:
            data = self.receive()
            expect(data or time.monotonic() < end, count, "bytes more never came")
            self.buffer = data[count:]
            count -= len(data)

    def leave(self):
        os.close(self.slave)
        os.close(self.master)


class World:
    """memonlined between a host and a qemu-ga."""

    def __init__(self, tree, config=CONFIG, start=True):
        tree.configure(config)
        self.host = Host(tree)
        self.qga = QemuGa(tree) if start else None
        self.daemon = daemon.Daemon(tree).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.qga:
            self.qga.end()
        status = self.daemon.end()
        expect(status == 0, "memonlined ended with", status, self.daemon.output())

    def resident_kib(self):
        status = pathlib.Path(f"/proc/{self.daemon.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0])

    def memory_goes_on(self):
        for client in (self.host, self.daemon.connect()):
            answer = client.execute("guest-get-memory-block-info")
            expect(answer == {"return": {"size": 134217728}}, "memory command:", answer)


def error_of(answer, number=None):
    expect(answer.get("error", {}).get("class") == "GenericError", "no error:", answer)
    expect(answer.get("id") == number, "not the id", number, "in", answer)
    return answer["error"]["desc"]


# --- qemu-ga is not there, or slow


def an_absent_one_is_said_to_be_absent(tree):
    with World(tree, start=False) as world:
        answer = world.host.ask({"execute": "guest-exec", "arguments": {"path": "x"}, "id": [7]})
        expect("qemu-ga is not there" in error_of(answer, [7]), answer)
        expect("not there" in error_of(world.host.ask(b'{"id":"a","execute":"guest-ping"}'), "a"),
               "ping without a qemu-ga")
        info = world.host.execute("guest-info")["return"]
        expect(info["version"] == "0.1", "version:", info["version"])
        world.memory_goes_on()
        answer = world.daemon.connect().execute("guest-exec")
        expect(answer["error"]["class"] == "CommandNotFound", "the control socket passes on")


def a_silent_one_is_given_up_when_the_host_begins_anew(tree):
    with World(tree) as world:
        world.qga.is_mute = True
        world.host.send({"execute": "guest-fstrim", "id": 5})
        world.host.send(b'\xff{"execute":"guest-sync-delimited","arguments":{"id":3}}\n')
        expect("does not answer" in error_of(world.host.line(), 5), "the error")
        expect("stray" in error_of(world.host.line()), "of the 0xFF")
        expect(world.host.line() == {"return": 3}, "the sync")
        expect(b"fstrim" not in world.qga.heard, "it was passed on")
        world.memory_goes_on()


def a_reply_that_comes_too_late_is_nobodys(tree):
    with World(tree) as world:
        late = threading.Event()

        def answer(connection):
            late.wait(daemon.PATIENCE)
            connection.sendall(b'{"return": "late"}\n')
        world.qga.answers = {"guest-fstrim": answer, "guest-exec": b'{"return": "exec"}\n'}
        world.host.send({"execute": "guest-fstrim", "id": 5})
        world.qga.wait_for(b"fstrim")
        # as libvirt does it
        world.host.send({"execute": "guest-sync", "arguments": {"id": 3}})
        expect("not answered in time" in error_of(world.host.line(), 5), "the error")
        expect(world.host.line() == {"return": 3}, "the sync")
        world.memory_goes_on()
        world.host.send({"execute": "guest-exec"})
        late.set()
        expect(world.host.line() == {"return": "exec"}, "the next reply")


# --- qemu-ga dies


def a_death_is_an_error_and_the_next_one_is_asked(tree):
    with World(tree) as world:
        def die(connection):
            connection.sendall(b'{"return": {"half')
            connection.shutdown(socket.SHUT_RDWR)
        world.qga.answers = {"guest-exec": die}
        answer = world.host.ask({"execute": "guest-exec", "id": {"a": 1}})
        expect("has ended" in error_of(answer, {"a": 1}), answer)
        world.memory_goes_on()
        expect(world.host.execute("guest-get-time") == {"return": {}}, "the same, once more")
        world.daemon.wait_for(lambda: "qemu-ga answers again" in world.daemon.output(), "its line")
        world.qga.end()
        world.host.send({"execute": "guest-get-time"})
        world.qga.start()
        expect(world.host.line() == {"return": {}}, "one that was started again")


def a_long_reply_that_breaks_off_is_no_json(tree):
    with World(tree) as world:
        half = b'{"return": {"buf-b64": "' + b"A" * 200000

        def die(connection):
            connection.sendall(half)
            connection.shutdown(socket.SHUT_RDWR)
        world.qga.answers = {"guest-file-read": die}
        world.host.send({"execute": "guest-file-read", "id": 9})
        expect(world.host.raw_line() == half, "what came of the reply")
        expect("has ended" in error_of(world.host.line(), 9), "the error")
        # to libvirt it is another agent from here on
        world.daemon.wait_for(lambda: "to be opened again" in world.daemon.output(), "it")
        world.daemon.wait_for(
            lambda: world.daemon.output().count(f"channel {PORT}: open") == 2, "the port")
        expect(world.host.execute("guest-get-time") == {"return": {}}, "the next request")


# --- what a host sends, and what it must not


def requests_are_passed_on_as_they_are(tree):
    requests = [
        b'{ "execute":\t"guest-exec",\n"arguments":{"x":[1,{}],"y":"\\u00e4\xc3\xa4"},"id":1.50}',
        b'{"arguments":{"buf-b64":"' + b"A" * 200000 + b'"},"id":[],"execute":"guest-file-write"}',
        b"{'execute':'guest-\\u0065xec'}",
        b'{"execute":"guest-file-write","x":"' + b"B" * (4 << 20) + b'"}',
        b'{"execute":""}',
        b'{"id":null,"execute":"no-such-command"}',
    ]
    with World(tree) as world:
        answers = []

        def answer(connection):
            answers.append(len(answers))
            connection.sendall(b'{"return": %d}\n' % answers[-1])
        for number, request in enumerate(requests):
            # the fake takes no single quotes, and is told what to say by the count
            world.qga.heard = b""
            world.qga.answers = {name: answer for name in (
                "guest-exec", "guest-file-write", "", "no-such-command")}
            if b"'" not in request:
                got = world.host.ask(request)
                expect(got == {"return": number}, request[:60], got)
            else:
                world.host.send(request + b"\xff")
                expect("not answered in time" in error_of(world.host.line()), "single quotes")
                expect("stray" in error_of(world.host.line()), "of the 0xFF")
                answers.append(number)
            world.qga.wait_for(request)
            expect(world.qga.heard.lstrip(b"\xff").startswith(request), "was passed on as",
                   world.qga.heard[:80])


def a_request_of_two_commands_is_passed_on_by_neither(tree):
    with World(tree, CONFIG + "block-rpcs = guest-exec\n") as world:
        answer = world.host.ask(
            b'{"execute":"guest-get-time","\\u0065xecute":"guest-exec","id":1}\n')
        expect("parse error" in error_of(answer), answer)
        world.host.send({"execute": "guest-get-time"})
        expect(world.host.line() == {"return": {}}, "the next one")
        expect(b'"guest-exec"' not in world.qga.heard, world.qga.heard)


def lists_hold_for_both(tree):
    blocked = CONFIG + "block-rpcs = guest-exec,memonline-offline,guest-ping\n"
    with World(tree, blocked) as world:
        info = {"return": {"version": "7.2", "supported_commands": [
            {"name": name, "enabled": True, "success-response": True}
            for name in ("guest-exec", "guest-get-time", "guest-sync")]}}
        world.qga.answers = {"guest-info": json.dumps(info).encode() + b"\n"}
        for name in ("guest-exec", "memonline-offline", "guest-ping"):
            answer = world.host.ask({"execute": name, "id": 4})
            expect(answer == {"error": {"class": "CommandNotFound", "desc":
                                        f"Command {name} has been disabled"}, "id": 4}, answer)
        for request in (b'{"execute":"guest-\\u0065xec"}', b'{"id":1,"execute":"guest-exec"}'):
            expect("disabled" in world.host.ask(request)["error"]["desc"], request)
        expect(b"exec\"" not in world.qga.heard, "it was passed on:", world.qga.heard)
        listed = world.host.execute("guest-info")["return"]
        expect(listed["version"] == "7.2", "version of", listed)
        enabled = {command["name"]: command["enabled"] for command in listed["supported_commands"]}
        expect(len(enabled) == len(listed["supported_commands"]), "one is listed twice:", listed)
        for name, wanted in (("guest-exec", False), ("guest-get-time", True), ("guest-sync", True),
                             ("guest-ping", False), ("memonline-offline", False),
                             ("memonline-status", True)):
            expect(enabled[name] == wanted, name, "in", listed)


def only_what_is_allowed_is_passed_on(tree):
    with World(tree, CONFIG + "allow-rpcs = guest-get-time,guest-sync\n") as world:
        expect(world.host.execute("guest-get-time") == {"return": {}}, "allowed")
        for name in ("guest-exec", "guest-ping", "memonline-status", "guest-info"):
            expect("disabled" in world.host.execute(name)["error"]["desc"], name)
        expect(world.host.execute("guest-sync", id=1) == {"return": 1}, "guest-sync")


def own_errors_are_as_without_it(tree):
    """What qga-differential asks, by the port and by the control socket."""
    with World(tree) as world:
        client = world.daemon.connect()
        count = 0
        for path in sorted(glob.glob(str(GROUPS / "*.txt"))):
            for line in pathlib.Path(path).read_text().splitlines():
                if not line or line.startswith("#") or "differences" in path:
                    continue
                data = line.encode().decode("unicode_escape").encode("latin-1")
                if set(COMMAND.findall(data)) - OWN:
                    continue  # qemu-ga's to answer
                count += 1
                wanted = answers_to(client, data, count)
                answers = answers_to(world.host, data, count)
                expect(answers == wanted, line, "is answered\n", wanted, "\n", answers)
        expect(count > 150, "only", count, "requests")


def answers_to(peer, data, number):
    peer.send(data + b'\xff{"execute":"guest-sync-delimited","arguments":{"id":%d}}\n' %
              (number + (1 << 40)))
    answers = []
    while not answers or answers[-1].get("return") != number + (1 << 40):
        answers.append(peer.line())
    return answers


# --- what comes back


def answers_keep_their_order(tree):
    with World(tree) as world:
        def slowly(connection):
            time.sleep(0.2)
            connection.sendall(b'{"return": "slow"}\n')
        world.qga.answers = {"guest-exec": slowly}
        requests = b""
        for number in range(30):
            name = ("guest-exec", "guest-get-time", "guest-sync", "memonline-status", "guest-info",
                    "guest-set-memory-blocks")[number % 6]
            arguments = {"guest-sync": {"id": number}, "guest-set-memory-blocks": {
                "mem-blks": [{"phys-index": 35, "online": number % 4 == 1}]}}.get(name, {})
            requests += json.dumps({"execute": name, "arguments": arguments,
                                    "id": number}).encode() + b" "
        world.host.send(requests)
        for number in range(30):
            answer = world.host.line()
            expect(answer.get("id") == number or "slow" in str(answer) or
                   answer == {"return": {}}, number, "is answered by", answer)


def a_shutdown_has_no_reply(tree):
    with World(tree) as world:
        world.qga.answers = {"guest-shutdown": b"", "guest-suspend-ram":
                             b'{"error": {"class": "GenericError", "desc": "no"}}\n'}
        world.host.send({"execute": "guest-shutdown", "id": 1})
        expect(world.host.execute("guest-sync", id=2) == {"return": 2}, "an answer to it")
        expect("no" == error_of(world.host.execute("guest-suspend-ram")), "one that fails")
        world.memory_goes_on()
        # the machine goes down: qemu-ga ends, and that is no error
        world.qga.answers = {"guest-shutdown": lambda connection: connection.shutdown(
            socket.SHUT_RDWR)}
        world.host.send({"execute": "guest-shutdown", "id": 1})
        world.qga.wait_for(b'"id": 1}')
        expect(world.host.execute("guest-sync", id=3) == {"return": 3}, "an answer to it")


def long_reply(size):
    head = b'{"return": {"count": 1, "buf-b64": "'
    return head, size, b'", "eof": true}}\n'


def say_long(connection, size=MANY_BYTES):
    head, left, tail = long_reply(size)
    connection.sendall(head)
    piece = bytes(range(65, 91)) * 1024
    while left:
        connection.sendall(piece[:left])
        left -= min(left, len(piece))
    connection.sendall(tail)


def a_long_reply_costs_no_more_than_a_buffer(tree):
    with World(tree) as world:
        world.qga.answers = {"guest-file-read": say_long}
        world.host.send({"execute": "guest-file-read"})
        head, size, tail = long_reply(MANY_BYTES)
        while len(world.host.buffer) < len(head):
            world.host.buffer += world.host.receive()
        expect(world.host.buffer.startswith(head), world.host.buffer[:80])
        # a host that does not read for a while costs nothing either
        time.sleep(1)
        world.host.pass_over(len(head) + size)
        expect(world.host.raw_line() + b"\n" == tail, "the end of it")
        world.memory_goes_on()
        if program.is_itself():
            expect(world.resident_kib() < RESIDENT_MAX_KIB, world.resident_kib(), "KiB resident")


def no_report_comes_within_a_reply(tree):
    with World(tree) as world:
        expect("return" in world.host.execute("memonline-subscribe"), "subscribe")
        go = threading.Event()

        def in_two(connection):
            connection.sendall(b'{"return": "' + b"A" * 100000)
            go.wait(daemon.PATIENCE)
            connection.sendall(b"A" * 100000 + b'"}\n')
        world.qga.answers = {"guest-file-read": in_two}
        while world.host.line().get("event") != "MEMONLINE_REPORT":
            pass
        world.host.send({"execute": "guest-file-read"})
        while len(world.host.buffer) < 80000:
            world.host.buffer += world.host.receive()
        client = world.daemon.connect()
        client.execute("guest-set-memory-blocks", **{"mem-blks": [
            {"phys-index": 35, "online": True}]})
        client.reports(2)
        go.set()
        expect(world.host.line() == {"return": "A" * 200000}, "the reply")
        event = world.host.line()
        expect(event.get("event") == "MEMONLINE_REPORT" and event["data"]["seq"] == 2, event)


def a_host_that_leaves_costs_qemu_ga_nothing(tree):
    """A client that closes with bytes unread ends a real one."""
    with World(tree) as world:
        ended = threading.Event()

        def answer(connection):
            say_long(connection, 1 << 20)
            ended.set()
        world.qga.answers = {"guest-file-read": answer}
        world.host.send({"execute": "guest-file-read"})
        while len(world.host.buffer) < 80000:
            world.host.buffer += world.host.receive()
        world.host.leave()
        expect(ended.wait(daemon.PATIENCE), "the reply was not read to its end")
        expect(not world.qga.was_reset, "qemu-ga was reset")
        client = world.daemon.connect()
        expect("return" in client.execute("memonline-status"), "the control socket")


TESTS = [
    an_absent_one_is_said_to_be_absent,
    a_silent_one_is_given_up_when_the_host_begins_anew,
    a_reply_that_comes_too_late_is_nobodys,
    a_death_is_an_error_and_the_next_one_is_asked,
    a_long_reply_that_breaks_off_is_no_json,
    requests_are_passed_on_as_they_are,
    a_request_of_two_commands_is_passed_on_by_neither,
    lists_hold_for_both,
    only_what_is_allowed_is_passed_on,
    own_errors_are_as_without_it,
    answers_keep_their_order,
    a_shutdown_has_no_reply,
    a_long_reply_costs_no_more_than_a_buffer,
    no_report_comes_within_a_reply,
    a_host_that_leaves_costs_qemu_ga_nothing,
]


def main():
    return program.run_tests("relay", [daemon.in_a_tree(test) for test in program.part_of(TESTS)])


if __name__ == "__main__":
    sys.exit(main())
