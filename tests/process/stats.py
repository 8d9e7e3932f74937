#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What memonlined says of the guest's memory, from memonlined's files to memonlinectl's lines; what
goes wrong first."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import program
from daemon import Daemon, Failed, PATIENCE, Tree, expect

KIB = 1024
VMSTAT = "pgfault 9\npgmajfault 17\npswpin 2\npswpout 3\noom_kill 1\n"
PRESSURE = """some avg10=0.22 avg60=0.17 avg300=1.11 total=58761459
full avg10=0.01 avg60=0.16 avg300=1.08 total=464525
"""


class Guest:
    """memonlined below a recorded guest's tree, with the files of /proc that a test adds."""

    def __init__(self, name="debian12-6.1-hotplug512", config="", files=None):
        self.tree = Tree(name)
        self.tree.configure("[memonlined]\npolicy = keep\n" + config)
        for path, text in (files or {}).items():
            self.write(path, text)

    def __enter__(self):
        self.daemon = Daemon(self.tree).start()
        return self

    def __exit__(self, *_):
        try:
            self.daemon.end()
        finally:
            self.tree.remove()

    def write(self, path, text):
        file = self.tree.path / path
        if text is None:
            file.unlink()
            return
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def stats(self):
        return self.daemon.connect().execute("memonline-stats")["return"]

    def ctl(self, *arguments):
        done = subprocess.run(
            program.command("memonlinectl", "--socket", self.daemon.socket, *arguments),
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            timeout=PATIENCE, text=True)
        expect(done.returncode == 0, arguments, done.stderr)
        return done.stdout


def leaves(value):
    for inner in value.values():
        yield from leaves(inner) if isinstance(inner, dict) else (inner,)


def lines_of(text):
    return {label: value.strip() for label, _, value in
            (line.partition(":") for line in text.splitlines())}


def without_files_all_is_null():
    with Guest() as guest:
        for name in ("meminfo", "zoneinfo"):
            guest.write("proc/" + name, None)
        stats = guest.stats()
        expect(set(leaves(stats)) == {None}, stats)
        expect(set(lines_of(guest.ctl("stats")).values()) ==
               {"unknown", "unknown free and unknown cached of unknown, reclaim below unknown"}, guest.ctl("stats"))


def garbage_is_null():
    garbage = "".join(map(chr, range(1, 256))) * 300
    files = {"proc/" + name: garbage for name in ("meminfo", "zoneinfo", "vmstat",
                                                  "pressure/memory")}
    with Guest(files=files) as guest:
        expect(set(leaves(guest.stats())) == {None}, guest.stats())


def an_old_kernel_says_less():
    """CentOS 6 and 7: neither has PSI nor counts OOM kills, and only one estimates."""
    for name, available in (("el6-2.6.32-hotplug512", None),
                            ("el7-3.10-hotplug512", 859024 * KIB)):
        with Guest(name, files={"proc/vmstat": "pgmajfault 5\npswpin 0\npswpout 0\n"}) as guest:
            stats = guest.stats()
            expect(stats["available"] == available, name, stats)
            expect(stats["oom-kills"] is None and stats["major-faults"] == 5, name, stats)
            expect(set(stats["pressure-some"].values()) == {None}, name, stats)
            expect(stats["kernel-zones"]["total"] > 900 << 20, name, stats)
            expect(stats["kernel-zones"]["low"] > 0, name, stats)


def a_new_kernel_says_all():
    with Guest(files={"proc/vmstat": VMSTAT, "proc/pressure/memory": PRESSURE}) as guest:
        stats = guest.stats()
        expect(None not in leaves(stats), stats)
        expect(stats["total"] == 929064 * KIB and stats["available"] == 813036 * KIB, stats)
        expect(stats["swapped-in"] == 2 * stats["swapped-out"] // 3 > 0, stats)
        expect(stats["oom-kills"] == 1 and stats["major-faults"] == 17, stats)
        expect(stats["pressure-some"] == {"avg10": 22, "avg60": 17, "avg300": 111,
                                          "total-usec": 58761459}, stats)
        expect(stats["pressure-full"]["avg10"] == 1, stats)
        lines = lines_of(guest.ctl("stats"))
        expect(lines["Total"] == "907.3M" and lines["OOM kills"] == "1", lines)
        expect(lines["Stalled, some"] ==
               "0.22 % of 10 s, 0.17 % of 60 s, 1.11 % of 300 s, 58.761 s in all", lines)
        expect(lines_of(guest.ctl("stats", "--bytes"))["Free"] == str(879528 * KIB), lines)
        expect(json.loads(guest.ctl("stats", "--json")) == stats, "json")


SAMPLE = re.compile(r'([a-z_]+)(\{[^}]*\})? ([0-9]+(?:\.[0-9]+)?)')


def samples(text):
    """{name and labels: value}; every name has its heading directly above its samples."""
    found, headings = {}, []
    for line in text.splitlines():
        if line.startswith("# TYPE "):
            headings.append(line.split()[2])
        if line.startswith("#"):
            continue
        match = SAMPLE.fullmatch(line)
        expect(match, "is not a sample:", line)
        name, labels, value = match.groups()
        expect(headings[-1] in (name, name.removesuffix("_total")), headings[-1], name)
        expect(name + (labels or "") not in found, "twice:", line)
        found[name + (labels or "")] = float(value)
    expect(len(headings) == len(set(headings)), headings)
    return found


def metrics_are_what_stats_are():
    with Guest(files={"proc/vmstat": VMSTAT, "proc/pressure/memory": PRESSURE}) as guest:
        text = guest.ctl("metrics")
        expect(text.endswith("\n# EOF\n"), text[-200:])
        found = samples(text)
        for name, value in (("memory_bytes", 929064 * KIB), ("oom_kills_total", 1),
                            ('stall_seconds_total{tasks="some"}', 58.761459),
                            ('stall_ratio{tasks="full",window="60s"}', 0.0016),
                            ('zone_bytes{kind="movable"}', 0),
                            ('blocks_bytes{node="0",state="offline",zone="unknown"}',
                             512 << 20)):
            expect(found["memonline_guest_" + name] == value, name, text)
    with Guest("el6-2.6.32-hotplug512") as guest:
        found = samples(guest.ctl("metrics"))
        expect(not any("available" in name or "stall" in name for name in found), found)


TEXTFILE = "var/lib/prometheus/node-exporter/memonline.prom"


class Exporting(Guest):
    """It writes a file for Prometheus."""

    def __init__(self, **arguments):
        super().__init__(config=f"[stats]\ntextfile = /{TEXTFILE}\n", **arguments)
        self.file = self.tree.path / TEXTFILE
        self.file.parent.mkdir(parents=True)

    def wait_samples(self, *wanted):
        """Until the file has these; there is never half a file."""
        def are_there():
            found = samples(self.file.read_text()) if self.file.exists() else {}
            return all("memonline_guest_" + name in found for name in wanted) and found
        self.daemon.wait_for(are_there, f"{wanted} in the file")
        return are_there()


def the_textfile_is_what_metrics_are():
    with Exporting(files={"proc/vmstat": VMSTAT, "proc/pressure/memory": PRESSURE}) as guest:
        found = guest.wait_samples("memory_bytes", "reports_total")
        text = guest.file.read_text()
        expect("# EOF" not in text and text.endswith("\n"), text)
        expect("# TYPE memonline_guest_oom_kills_total counter" in text, text)
        expect(set(samples(guest.ctl("metrics"))) <= set(found), found)
        for name, value in (("memory_bytes", 929064 * KIB), ("failed_blocks", 0),
                            ("pending_writes", 0), ("block_size_bytes", 128 << 20),
                            ('blocks_bytes{node="0",state="offline",zone="unknown"}',
                             512 << 20)):
            expect(found["memonline_guest_" + name] == value, name, text)
        expect(oct(guest.file.stat().st_mode)[-3:] == "644", guest.file.stat())
        # It may just be replaced.
        guest.daemon.wait_for(lambda: os.listdir(guest.file.parent) == [guest.file.name],
                              "nothing beside it")


def the_textfile_follows_what_happens():
    """A scan, which SIGHUP asks for: and what was reported by then."""
    with Exporting() as guest:
        guest.wait_samples("memory_bytes")
        set_available(guest, 1234)
        guest.daemon.process.send_signal(signal.SIGHUP)
        guest.daemon.wait_for(lambda: f"available_bytes {1234 * KIB}\n" in guest.file.read_text(),
                              "the new number")
        blocks = [{"phys-index": index, "online": True} for index in (32, 33)]
        guest.daemon.connect().execute("guest-set-memory-blocks", **{"mem-blks": blocks})
        found = guest.wait_samples("last_report_timestamp_seconds",
                                   'last_report_bytes{result="success"}')
        expect(found["memonline_guest_reports_total"] >= 1, found)
        expect(found["memonline_guest_last_report_timestamp_seconds"] > 1.7e9, found)


def a_textfile_that_cannot_be_written_is_only_logged():
    with Guest(config="[stats]\ntextfile = /nowhere/at/all.prom\n") as guest:
        guest.daemon.wait_for(lambda: "/nowhere/at/all.prom: No such file" in
                              guest.daemon.output(), "the warning")
        for _ in range(3):
            guest.daemon.process.send_signal(signal.SIGHUP)
            guest.ctl("status")
        expect(guest.daemon.output().count("all.prom") == 1, guest.daemon.output())


def movable_memory_has_its_own_sums():
    with Guest("debian12-6.1-several-dimms") as guest:
        stats = guest.stats()
        expect(stats["movable-zones"]["total"] == 512 << 20, stats)
        both = stats["movable-zones"]["free"] + stats["kernel-zones"]["free"]
        # Each file was recorded at a moment of its own.
        expect(abs(both - stats["free"]) < 16 << 20, stats)


def set_available(guest, kib):
    guest.write("proc/meminfo", f"MemTotal: 929064 kB\nMemAvailable: {kib} kB\n")


def subscribe(client, **thresholds):
    return client.execute("memonline-subscribe-pressure",
                          **{name.replace("_", "-"): value for name, value in thresholds.items()})


def bad_thresholds_are_refused():
    with Guest() as guest:
        client = guest.daemon.connect()
        for stall in (1, 9999, 2000001, 2**64 - 1):
            answer = subscribe(client, stall_usec=stall)
            expect("'stall-usec' expects" in answer["error"]["desc"], answer)
        for bad in (-1, 1.5, "5", None, 2**64):
            expect("error" in subscribe(client, available=bad), bad)
        answer = subscribe(client, available=2**64 - 1, kernel_free=2**64 - 1, stall_usec=10000)
        expect(answer["return"]["pressed"] == ["available", "kernel-free"], answer)
        expect(answer["return"]["source"] == "timer", answer)


def a_subscriber_hears_of_what_crosses():
    with Guest() as guest:
        set_available(guest, 2000)
        quiet, one, two = (guest.daemon.connect() for _ in range(3))
        expect(subscribe(one, available=1999 * KIB)["return"]["pressed"] == [], "calm")
        expect(subscribe(two, available=1000 * KIB, stall_usec=10000)["return"]["pressed"] == [],
               "calm")
        set_available(guest, 1500)
        event = one.line()
        expect(event["event"] == "MEMONLINE_PRESSURE", event)
        expect(event["data"]["signal"] == "available" and event["data"]["pressed"], event)
        expect(event["data"]["stats"]["available"] == 1500 * KIB, event)
        set_available(guest, 1)
        event = two.line()
        expect(event["data"]["stats"]["available"] == KIB, event)
        # Nobody hears of another's, or of the same again, or of what it has not asked for.
        for client in (quiet, one, two):
            expect(client.execute("guest-ping") == {"return": {}}, "an event too many")
        expect("crossed its threshold" in guest.daemon.output(), guest.daemon.output())


def a_subscription_ends_and_can_be_replaced():
    with Guest() as guest:
        set_available(guest, 2000)
        client, witness = guest.daemon.connect(), guest.daemon.connect()
        subscribe(client, available=1999 * KIB)
        subscribe(witness, available=1999 * KIB)
        expect(subscribe(client, available=10 * KIB)["return"]["pressed"] == [], "replaced")
        set_available(guest, 1500)
        witness.line()
        expect(client.execute("guest-ping") == {"return": {}}, "of the old threshold")
        expect(subscribe(client)["return"]["pressed"] == [], "ended")
        set_available(guest, 1)
        expect(subscribe(witness, available=10 * KIB)["return"]["pressed"] == ["available"], "now")
        expect(client.execute("guest-ping") == {"return": {}}, "though it has ended")


def switches(guest):
    status = open(f"/proc/{guest.daemon.process.pid}/status").read()
    return int(re.search(r"^voluntary_ctxt_switches:\t(\d+)", status, re.M).group(1))


def once_nobody_is_subscribed_nothing_wakes_up():
    """A threshold so near that memory is measured every second, until the subscriber leaves."""
    if not program.is_itself():
        return
    with Guest() as guest:
        set_available(guest, 2000)
        client = guest.daemon.connect()
        subscribe(client, available=1999 * KIB)
        before = switches(guest)
        guest.daemon.wait_for(lambda: switches(guest) >= before + 3, "a measurement of the memory")
        client.socket.close()
        client.file.close()
        time.sleep(1)
        before = switches(guest)
        time.sleep(5)
        expect(switches(guest) - before <= 2, "it still wakes up:", switches(guest) - before)


TESTS = [
    bad_thresholds_are_refused,
    a_subscriber_hears_of_what_crosses,
    a_subscription_ends_and_can_be_replaced,
    once_nobody_is_subscribed_nothing_wakes_up,
    without_files_all_is_null,
    garbage_is_null,
    an_old_kernel_says_less,
    a_new_kernel_says_all,
    metrics_are_what_stats_are,
    the_textfile_is_what_metrics_are,
    the_textfile_follows_what_happens,
    a_textfile_that_cannot_be_written_is_only_logged,
    movable_memory_has_its_own_sums,
]


def main():
    return program.run_tests("stats", program.part_of(TESTS))


if __name__ == "__main__":
    sys.exit(main())
