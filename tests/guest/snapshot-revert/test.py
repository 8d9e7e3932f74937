# SPDX-License-Identifier: GPL-2.0-or-later
"""A snapshot with the guest's memory is put back: a host that keeps what the page says misses nothing.

The agent counts from the snapshot on and gives numbers twice. A host that knows of later ones begins
a new instance by subscribing; one that has been overtaken since then knows the others by their time.
"""

import time

from lab import Guest, check, equal, expect

LIMIT = 1200
CONFIG = "[memonlined]\npolicy = online_movable\n"
TAG = "before"


class Snapshots:
    """Of the guest's memory and devices, in a disk that the guest does not see."""

    def __init__(self, lab, guest):
        self._qmp = guest.qmp
        self._jobs = 0
        path = lab.temp_path("snapshots.qcow2")
        self._job("blockdev-create", options={"driver": "file", "filename": path, "size": 0})
        self._qmp.command("blockdev-add", driver="file", node_name="file", filename=path)
        self._job("blockdev-create", options={"driver": "qcow2", "file": "file", "size": 1 << 20})
        self._qmp.command("blockdev-add", driver="qcow2", node_name="disk", file="file")

    def _job(self, command, **arguments):
        self._jobs += 1
        name = "job%d" % self._jobs
        self._qmp.command(command, job_id=name, **arguments)
        until = time.monotonic() + 300
        while True:
            jobs = {job["id"]: job for job in self._qmp.command("query-jobs")}
            if jobs[name]["status"] == "concluded":
                break
            check(time.monotonic() < until, "%s does not end" % command)
            time.sleep(0.2)
        check("error" not in jobs[name], "%s: %s" % (command, jobs[name].get("error")))
        self._qmp.command("job-dismiss", id=name)

    def take(self):
        self._job("snapshot-save", tag=TAG, vmstate="disk", devices=["disk"])

    def put_back(self):
        self._job("snapshot-load", tag=TAG, vmstate="disk", devices=["disk"])


def identity(event):
    data, when = event["data"], event["timestamp"]
    return data["instance"], data["seq"], when["seconds"], when["microseconds"]


class Host:
    """Keeps a pair, and what it has seen."""

    def __init__(self):
        self.instance, self.seq = None, 0
        self.seen = {}

    def take(self, channel):
        while channel.reports_waiting():
            event = channel.event()
            self.seen.setdefault(identity(event), event["data"]["ranges"])
        channel.events.clear()

    def connect(self, guest, count):
        """Until it has that many reports that it had not; returns these, in the guest's order."""
        known = len(self.seen)
        with guest.channel() as channel:
            channel.sync()
            answer = channel.request("memonline-subscribe", since=self.seq)
            if answer["instance"] != self.instance:
                self.instance = answer["instance"]
                channel.request("memonline-subscribe", since=0)
            until = time.monotonic() + 120
            while len(self.seen) < known + count and time.monotonic() < until:
                self.take(channel)
            self.seq = max(key[1] for key in self.seen if key[0] == self.instance)
            channel.request("memonline-subscribe", since=self.seq)
        expect.host_gone(guest)
        new = sorted(list(self.seen)[known:], key=lambda key: key[2:])
        return [self.seen[key] for key in new]


def by_hand(guest, number, *words):
    """One report each."""
    for word in words:
        last = guest.ctl_json("status --json")["last-seq"]
        guest.write_word(number, word)
        guest.until("memonlinectl status --json | grep -q '\"last-seq\": %d'" % (last + 1))


def changes(reports, number, block_bytes):
    return [part["to"] for ranges in reports for part in ranges
            if part["start"] <= number * block_bytes < part["start"] + part["size"]]


def run(lab):
    host = Host()
    with Guest(lab, slots=4, config=CONFIG) as guest:
        snapshots = Snapshots(lab, guest)
        dimm = guest.plug("256M")
        expect.all_online(guest, dimm)
        size = guest.block_bytes()
        one = dimm["addr"] // size
        other = one + 1
        equal(changes(host.connect(guest, 1), one, size), ["online"], "the DIMM's report")
        before = host.instance
        snapshots.take()

        by_hand(guest, one, "offline", "online_movable", "offline")
        equal(changes(host.connect(guest, 3), one, size), ["offline", "online", "offline"],
              "what was done then")
        equal((host.instance, host.seq), (before, 4), "instance and number")

        snapshots.put_back()
        by_hand(guest, other, "offline")
        new = host.connect(guest, 2)
        check(host.instance != before, "the numbers of %s are given again" % before)
        equal(changes(new, other, size), ["online", "offline"], "what was done after the first")

        snapshots.put_back()
        by_hand(guest, other, "offline", "online_movable", "offline", "online_movable")
        new = host.connect(guest, 4)
        equal(changes(new, other, size)[-4:], ["offline", "online", "offline", "online"],
              "what was done after the second")
