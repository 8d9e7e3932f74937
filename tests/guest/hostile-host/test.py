# SPDX-License-Identifier: GPL-2.0-or-later
"""A host that sends garbage, floods and never reads costs little memory and no missed block.

Meanwhile a DIMM is plugged and comes online, and the next client is served.
"""

import base64
import random
import select
import socket

from lab import Guest, check, equal, expect

LIMIT = 1200
SEEDS = 1
RESIDENT_KIB = 8 << 10
GARBAGE_BYTES = 100 << 20
REQUESTS = 1000000
STALLED_SEC = 5
CHUNK = 1 << 16


class Rude:
    """Sends without a pause, and gives up where nothing more is taken for a while."""

    def __init__(self, guest):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.connect(guest.channel_path())
        self.socket.setblocking(False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, data, reading=False):
        """How many of the bytes were taken; answers are thrown away where it is reading."""
        view, sent = memoryview(data), 0
        while sent < len(view):
            answers, room, _ = select.select([self.socket] if reading else [], [self.socket], [],
                                             STALLED_SEC)
            if not answers and not room:
                break
            if answers:
                self.read_away()
            if room:
                sent += self._send_some(view[sent:sent + CHUNK])
        return sent

    def _send_some(self, view):
        try:
            return self.socket.send(view)
        except BlockingIOError:
            return 0

    def read_away(self):
        """A host that takes its answers, so that the agent goes on reading."""
        try:
            while self.socket.recv(CHUNK):
                pass
        except BlockingIOError:
            pass


def resident_kib(guest):
    text = guest.sh("grep VmHWM /proc/$(pidof memonlined)/status")
    return int(text.split()[1])


def check_memory(guest, after):
    resident = resident_kib(guest)
    check(resident < RESIDENT_KIB, "%d KiB resident after %s" % (resident, after))


def served(guest):
    with guest.channel() as channel:
        channel.sync()
        equal(channel.request("guest-ping"), {}, "the next client's ping")


def garbage(guest, draw):
    """Raw bytes, of which every seventh or so is answered with an error, then 100 MiB of text."""
    raw = draw.randbytes(1 << 20)
    text = base64.b64encode(draw.randbytes(3 << 18))
    with Rude(guest) as host:
        sent = host.send(raw, reading=True)
        while 0 < sent < GARBAGE_BYTES:
            taken = host.send(text, reading=True)
            check(taken == len(text), "after %d bytes no more garbage was taken" % sent)
            sent += taken
        check(sent >= GARBAGE_BYTES, "only %d bytes of garbage were taken" % sent)
    check_memory(guest, "garbage")
    served(guest)


def one_endless_string(guest):
    with Rude(guest) as host:
        host.send(b'{"execute": "guest-ping", "arguments": {"x": "' + b"y" * (64 << 20))
    check_memory(guest, "a string of 64 MiB")
    served(guest)


def deep(guest):
    with Rude(guest) as host:
        for opening in (b"[", b"{\"a\":"):
            host.send(opening * (1 << 18), reading=True)
    check_memory(guest, "deep nesting")
    served(guest)


def half_lines(guest):
    """QEMU drops the news of hosts that come and go faster than a guest takes it: hence the pace.

    A guest that has not heard of a host cannot write to it.
    """
    for number in range(50):
        with Rude(guest) as host:
            host.send(b'{"execute": "guest-sy'[:number % 21 + 1])
        guest.sh("true")
    served(guest)


def never_reads(guest):
    """Requests without end: in time no more are taken, and a DIMM comes online all the same."""
    requests = b'{"execute": "memonline-get-ranges"}\n' * 1000
    with Rude(guest) as host:
        for _ in range(REQUESTS // 1000):
            if host.send(requests) < len(requests):
                break
        else:
            check(False, "%d requests were taken without an answer being read" % REQUESTS)
        dimm = guest.plug("256M")
        expect.all_online(guest, dimm)
        check_memory(guest, "unread answers")
    served(guest)
    return dimm


def run(lab):
    draw = random.Random(lab.seed())
    with Guest(lab) as guest:
        served(guest)
        half_lines(guest)
        deep(guest)
        one_endless_string(guest)
        garbage(guest, draw)
        dimm = never_reads(guest)
        with guest.channel() as channel:
            channel.sync()
            kept = channel.request("memonline-get-reports", since=0)["reports"]
            equal(len(kept), 1, "reports in the journal")
            expect.one_range(kept[0], dimm)
