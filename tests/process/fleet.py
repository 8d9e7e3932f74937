#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""virt-memonline and its guests, which are played here on sockets: many, silent, hostile ones.

fake-virt-memonline is the program with fake-libvirt.c in place of libvirt's library.
One line for each test: ok, not ok, or skip. `fleet.py measure COUNT` asks so many guests once, and
prints what that took.
"""

import collections
import concurrent.futures
import fcntl
import json
import os
import pty
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time

import program

NAME = "tests/process/fake-virt-memonline"
LIMIT = program.patience(120)  # seconds for any process
DONE, FAILED, NO_AGENT, PARTLY = 0, 1, 3, 64
MIB = 1 << 20
GUESTS, SILENT = 50, 5
# For a guest to answer: where some never do, the test lasts so long.
SILENT_SEC = 15
HOSTILE_SEC = 2
HOSTILE_AT_A_TIME = 4
RESIDENT_KIB = 16 << 10
FLOOD = 100 * MIB
CHUNK = 1 << 16

DOMAIN = """\
<domain type='qemu' id='1'><name>%s</name><uuid>00000000-0000-4000-8000-%012x</uuid>
<memory unit='KiB'>1179648</memory><currentMemory unit='KiB'>1179648</currentMemory>
<maxMemory slots='32' unit='KiB'>67108864</maxMemory>
<cpu><numa><cell id='0' cpus='0' memory='1048576' unit='KiB'/></numa></cpu>
<devices>%s<channel type='unix'><target type='virtio' name='org.memonline.agent.0' state='connected'/>
</channel></devices></domain>
"""
DIMM = """<memory model='dimm'><target><size unit='KiB'>131072</size><node>0</node></target>
<alias name='ua-1'/><address type='dimm' slot='0' base='0x100000000'/></memory>"""
VIRTIO_MEM = """<memory model='virtio-mem'><target><size unit='KiB'>131072</size><node>0</node>
<block unit='KiB'>2048</block><requested unit='KiB'>131072</requested>
<current unit='KiB'>131072</current></target><alias name='ua-1'/><address type='pci'/></memory>"""
STATUS = {"version": "0.1", "protocol": 1, "kernel": "6.1.0", "instance": "i", "source": "udev",
          "policy": "online", "carried-out-by": "memonlined", "last-seq": 0, "block-size": 128 * MIB,
          "blocks": 9, "pending": 0, "failed": 0, "racing-rules": [], "memory": []}
DEVICE = {"type": "dimm", "id": "ua-1", "slot": 0, "start": 1 << 32, "size": 128 * MIB,
          "requested": 128 * MIB, "online": 128 * MIB, "node": 0, "zones": ["Movable"],
          "removable": "yes", "verdict": "complete", "cause": "none", "missing": [], "remarks": []}
RANGE = {"start": 1 << 32, "size": 128 * MIB, "node": 0, "state": "online", "zones": ["Movable"],
         "reason": "policy", "dimm": 1 << 32}
HONEST = {"memonline-status": STATUS, "memonline-reconcile": [DEVICE],
          "memonline-get-ranges": [RANGE]}


def check(holds, what):
    if not holds:
        raise AssertionError(what)


class Host:
    """A host's domains. Each guest is a function of its requests and its connection, in a thread."""

    def __init__(self):
        self.directory = tempfile.mkdtemp(prefix="memonline-")
        self._listeners = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for listener in self._listeners:
            listener.close()
        shutil.rmtree(self.directory)

    def add(self, name, play, devices=DIMM):
        with open(os.path.join(self.directory, name + ".xml"), "w") as out:
            out.write(DOMAIN % (name, len(self._listeners), devices))
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(os.path.join(self.directory, name + ".sock"))
        listener.listen(8)
        self._listeners.append(listener)
        threading.Thread(target=self._serve, args=(listener, play), daemon=True).start()

    @staticmethod
    def _serve(listener, play):
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            try:
                with connection, connection.makefile("rb") as requests:
                    play(requests, connection)
            except OSError:
                pass  # who asked has gone

    def begin(self, *arguments):
        return subprocess.Popen(
            program.command(NAME, "-c", "fake://" + self.directory, *arguments),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            universal_newlines=True)

    def run(self, *arguments, code=DONE):
        process = self.begin(*arguments)
        out, errors = process.communicate(timeout=LIMIT)
        check(process.returncode == code, "%s: exit code %d, not %d: %s%s" % (
            " ".join(arguments), process.returncode, code, out, errors))
        check("\x1b" not in out + errors, "not escaped: %r" % (out + errors))
        return out

    def list(self, *arguments):
        """{domain: row}"""
        rows = json.loads(self.run("list", "-J", "-b", *arguments))["domains"]
        return {row["domain"]: row for row in rows}


# --- who plays guests

def read_request(requests):
    """(command, id, arguments) of the next one; None at the end."""
    line = requests.readline()
    if not line:
        return None
    request = json.loads(line.lstrip(b"\xff"))
    return request["execute"], request.get("id"), request.get("arguments", {})


def send(connection, message):
    connection.sendall(json.dumps(message).encode() + b"\n")


def answer(connection, command, number, arguments, answers=None):
    """As memonlined; one that is older has no memonline-stats."""
    if command == "guest-sync-delimited":
        connection.sendall(b"\xff")
        return send(connection, {"return": arguments["id"], "id": number})
    found = (HONEST if answers is None else answers).get(command)
    if found is None:
        return send(connection, {"error": {"class": "CommandNotFound", "desc": "no " + command},
                                 "id": number})
    return send(connection, {"return": found, "id": number})


def honest(answers=None):
    def play(requests, connection):
        while True:
            request = read_request(requests)
            if not request:
                return
            answer(connection, *request, answers=answers)
    return play


def silent(requests, connection):
    del connection
    requests.read()


def together(count):
    """Guests that answer when so many of them have been asked, and not before."""
    barrier = threading.Barrier(count)

    def play(requests, connection):
        request = read_request(requests)
        try:
            barrier.wait(LIMIT)
        except threading.BrokenBarrierError:
            return
        answer(connection, *request)
        honest()(requests, connection)
    return play


# --- many

def all_at_a_time():
    """Each guest is asked before any has answered; those that never do keep no other from it."""
    with Host() as host:
        play = together(GUESTS - SILENT)
        for number in range(GUESTS):
            host.add("g%02d" % number, silent if number % (GUESTS // SILENT) == 0 else play)
        rows = host.list("--answer-timeout", str(program.patience(SILENT_SEC)))
        found = collections.Counter((row["agent"], row["online"], row["verdict"])
                                    for row in rows.values())
        check(found == {("answers", 128 * MIB, "complete"): GUESTS - SILENT,
                        ("no-answer", None, "unknown"): SILENT}, found)


def metrics_of_many():
    with Host() as host:
        for number in range(GUESTS):
            host.add("g%02d" % number, together(1))
        text = host.run("metrics")
        up = re.findall(r'^memonline_domain_agent_up\{domain="(g\d\d)"\} 1$', text, re.M)
        check(len(up) == GUESTS, text)


# --- terminals

def on_terminal(columns, host, *arguments):
    """What a program prints on a terminal that wide, both streams."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(program.command(NAME, "-c", "fake://" + host.directory, *arguments),
                               stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs)
    os.close(theirs)
    text = b""
    while True:
        try:
            more = os.read(ours, CHUNK)
        except OSError:  # all of it has been read, and nobody is left to write more
            break
        text += more
    os.close(ours)
    process.wait(LIMIT)
    return text.decode()


def cut_at_the_width():
    with Host() as host:
        host.add("a-domain-with-a-name", honest())
        whole = host.run("list").splitlines()
        check(min(len(line) for line in whole) > 40, whole)
        cut = on_terminal(40, host, "list").splitlines()
        check([line[:40].rstrip() for line in whole] == [line.rstrip() for line in cut],
              "%s cut to %s" % (whole, cut))


def progress():
    """A line that is replaced, on a terminal only; the last thing that is done is to erase it."""
    with Host() as host:
        host.add("g", honest(with_device(online=0, verdict="absent", cause="policy-keep")))
        text = on_terminal(80, host, "wait", "g", "--timeout", "1")
        check("\r\x1b[Kdomain g: 128M plugged, 0B online" in text, repr(text))
        check(text.rpartition("\r\x1b[K")[2].startswith("virt-memonline: domain g: not all"),
              repr(text))
        process = host.begin("wait", "g", "--timeout", "1")
        out, errors = process.communicate(timeout=LIMIT)
        check("plugged," not in out + errors, out + errors)


# --- an agent that was restarted a moment ago

def news_of_the_port():
    """libvirt hears a second late that the port was opened: a verb for one domain looks again."""
    with Host() as host:
        host.add("g", honest())
        path = os.path.join(host.directory, "g.xml")
        with open(path) as xml:
            connected = xml.read()
        with open(path, "w") as xml:
            xml.write(connected.replace("'connected'", "'disconnected'"))
        host.run("plug", "--dry-run", "g", "128M", code=NO_AGENT)
        with open(path[:-len("xml")] + "next", "w") as later:
            later.write(connected)
        host.run("plug", "--dry-run", "g", "128M")


# --- strange ones

def with_status(**changes):
    return dict(HONEST, **{"memonline-status": dict(STATUS, **changes)})


def with_device(**changes):
    return dict(HONEST, **{"memonline-reconcile": [dict(DEVICE, **changes)]})


def leaves(requests, connection):
    del connection
    read_request(requests)


def strange_answers():
    """What cannot be is not believed, and whatever it says is escaped."""
    guests = {
        "block-0": (honest(with_status(**{"block-size": 0})), "bad-answer", None, "unknown"),
        "block-3": (honest(with_status(**{"block-size": 3 * MIB})), "bad-answer", None, "unknown"),
        "too-many": (honest(dict(HONEST, **{"memonline-reconcile": [DEVICE, DEVICE]})),
                     "bad-answer", None, "unknown"),
        "too-much": (honest(with_device(online=1 << 60)), "answers", 128 * MIB, "complete"),
        "too-little": (honest(with_device(online=0)), "answers", 0, "partial"),
        "no-verdict": (honest(with_device(verdict="splendid")), "answers", 128 * MIB, "partial"),
        "escapes": (honest(with_device(verdict="partial", cause="\x1b[2J", online=0)), "answers", 0,
                    "partial"),
        "refuses": (honest({}), "refused", None, "unknown"),
        "leaves": (leaves, "closed", None, "unknown"),
    }
    with Host() as host:
        for name, guest in guests.items():
            host.add(name, guest[0])
        rows = host.list()
        for name, (_, agent, online, verdict) in guests.items():
            found = [rows[name][key] for key in ("agent", "online", "verdict")]
            check(found == [agent, online, verdict], "%s: %s" % (name, found))
        host.run("list", "-o", "DOMAIN,AGENT,CAUSE,ERROR")
        host.run("show", "escapes", code=PARTLY)
        host.run("show", "block-0", code=FAILED)
        host.run("show", "leaves", code=NO_AGENT)


def late_answers():
    """Of a sync that was sent again the last counts, and answers to others are passed over."""
    def play(requests, connection):
        first = read_request(requests)
        second = read_request(requests)
        send(connection, {"event": "MEMONLINE_REPORT", "data": {}})
        send(connection, {"return": {}, "id": 7})
        for request in (first, second):
            answer(connection, *request)
        honest()(requests, connection)

    with Host() as host:
        host.add("late", play)
        check(host.list("--answer-timeout", "60")["late"]["agent"] == "answers", "late answers")


# --- hostile ones

SHAPES = {
    "objects": (b'{"return": [', b"{},"),
    "strings": (b'{"return": [', b'"\\u009b",'),
    "members": (b'{"return": {"memory": [', b'{"a":[1,2]},'),
    "one element": (b'{"return": [[', b"{},"),
    "ranges": (b'{"return": [', json.dumps(RANGE).encode() + b","),
    "deep": (b'{"return": ', b"["),
    "one string": (b'{"return": "', b"x"),
    "keys": (b'{"return": {"a": 1', b', "a": 1'),
    "garbage": (b"", b"\xff{]"),
    "scalars": (b"", b"1 "),
    "events": (b"", b'{"event": "X", "data": 1}\n'),
    "errors": (b'{"error": {"class": "X", "desc": ["', b'\\"'),
}
# The command in place of whose answer it comes; "" for a guest that does not wait for any.
PLACES = ("", "guest-sync-delimited", "memonline-status", "memonline-stats", "memonline-reconcile",
          "memonline-get-ranges")


def hostile(place, shape):
    begin, part = SHAPES[shape]
    chunk = part * (CHUNK // len(part) + 1)

    def play(requests, connection):
        while place:
            request = read_request(requests)
            if not request:
                return
            if request[0] == place:
                break
            answer(connection, *request)
        connection.sendall(begin)
        for _ in range(FLOOD // len(chunk) + 1):
            connection.sendall(chunk)
        requests.read()
    return play


def strike(place, shape):
    """The KiB that it cost; the guest's answer counts for nothing."""
    what = "%s for %s" % (shape, place or "nothing")
    with Host() as host:
        host.add("hostile", hostile(place, shape),
                 VIRTIO_MEM if place == "memonline-get-ranges" else DIMM)
        process = host.begin("list", "-J", "--answer-timeout", str(HOSTILE_SEC))
        most = program.most_resident(process, LIMIT)
        out = process.communicate()[0]
        check(process.returncode == DONE, "%s: exit code %d" % (what, process.returncode))
        [row] = json.loads(out)["domains"]
        check(row["agent"] in ("no-answer", "bad-answer", "refused") and row["online"] is None,
              "%s: %s" % (what, row))
        check(most < RESIDENT_KIB or not program.is_itself(), "%s: %d KiB resident" % (what, most))
    return most


def floods():
    """100 MiB of anything costs less than 16 MiB, and no more than the time for an answer."""
    pairs = [(place, shape) for place in PLACES for shape in SHAPES
             # Ranges of one size each are what memonline-get-ranges may have many of.
             if (place, shape) != ("memonline-get-ranges", "ranges")]
    with concurrent.futures.ThreadPoolExecutor(HOSTILE_AT_A_TIME) as pool:
        most = list(pool.map(lambda pair: strike(*pair), pairs))
    print("floods: at most %d KiB resident" % max(most), flush=True)


def measure(count):
    """Not a test: a host with so many guests, asked once."""
    with Host() as host:
        for number in range(count):
            host.add("g%05d" % number, honest())
        since = time.monotonic()
        process = host.begin("list", "-n", "-o", "AGENT")
        reader = threading.Thread(target=lambda: said.append(process.stdout.read()))
        said = []
        reader.start()
        most = program.most_resident(process, LIMIT)
        reader.join()
        print("%d guests: %.1f s, %d KiB, %s" % (count, time.monotonic() - since, most,
                                                collections.Counter("".join(said).split())))


TESTS = [all_at_a_time, metrics_of_many, cut_at_the_width, progress, news_of_the_port,
         strange_answers, late_answers, floods]


def main():
    if not program.path(NAME):
        print("skip fleet libvirt's headers were not there when the program was to be built")
        return 0
    if program.WRAPPER:
        print("skip fleet threads and descriptors of virt-memonline last until the process ends")
        return 0
    if sys.argv[1:2] == ["measure"]:
        return measure(int(sys.argv[2])) or 0
    return program.run_tests("fleet", TESTS)


if __name__ == "__main__":
    sys.exit(main())
