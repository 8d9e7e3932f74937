#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""memonlined as a whole process, below a recorded guest's tree: what goes wrong first."""

import functools
import json
import os
import pathlib
import re
import resource
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tarfile
import tempfile
import time

import program

DATA = pathlib.Path(__file__).resolve().parent.parent / "data" / "sysroots"
PATIENCE = program.patience(30)  # seconds before a test gives up; never a measure


class Failed(Exception):
    """A test's expectation was not met."""


def expect(condition, *what):
    if not condition:
        raise Failed(" ".join(str(part) for part in what))


class Tree:
    """A copy of a recorded guest to work on."""

    def __init__(self, name="debian12-6.1-hotplug512"):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="memonline-", dir="/tmp"))
        with tarfile.open(DATA / f"{name}.tar.xz") as archive:
            archive.extractall(self.path)
        for path in self.path.rglob("*"):
            if path.is_dir() or path.is_file():
                path.chmod(path.stat().st_mode | 0o600)
        (self.path / "etc").mkdir()
        self.config = self.path / "etc/memonlined.conf"
        expect(self.path != pathlib.Path("/"), "refusing to run against /")

    def block(self, number):
        return self.path / f"sys/devices/system/memory/memory{number}/state"

    def state(self, number):
        return self.block(number).read_text().split()[0]

    def configure(self, text):
        self.config.write_text(text)

    def options(self):
        """A configured tree names its file: the built-in path depends on configure's prefix."""
        named = ["--config", self.config] if self.config.exists() else []
        return ["--sysroot", self.path, *named]

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


class Daemon:
    def __init__(self, tree, *options):
        self.tree = tree
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(
            program.command("memonlined", "--foreground", *tree.options(), *options),
            stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL)
        self.socket = tree.path / "run/memonline/control.sock"

    def wait_for(self, condition, what):
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            if condition():
                return
            expect(self.process.poll() is None, "memonlined ended:", self.output())
            time.sleep(0.01)
        raise Failed(f"{what} did not happen: {self.output()}")

    def start(self):
        self.wait_for(self.socket.exists, "the control socket")
        return self

    def connect(self):
        client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        client.settimeout(PATIENCE)
        client.connect(str(self.socket))
        return Client(client)

    def output(self):
        # Whoever moves the offset has memonlined write there.
        log = self.log.fileno()
        return os.pread(log, os.fstat(log).st_size, 0).decode(errors="replace")

    def end(self, number=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(number)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
                raise Failed(f"signal {number} did not end it") from None
        return self.process.returncode


class Client:
    def __init__(self, sock):
        self.socket = sock
        self.file = sock.makefile("rb")

    def send(self, data):
        self.socket.sendall(data if isinstance(data, bytes) else json.dumps(data).encode() + b"\n")

    def line(self):
        return json.loads(self.file.readline().lstrip(b"\xff"))

    def ask(self, data):
        self.send(data)
        return self.line()

    def execute(self, command, **arguments):
        request = {"execute": command}
        if arguments:
            request["arguments"] = arguments
        return self.ask(request)

    def reports(self, count):
        """Once there are that many."""
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            answer = self.execute("memonline-get-reports")["return"]
            if answer["last-seq"] >= count:
                return answer["reports"]
            time.sleep(0.01)
        raise Failed(f"fewer than {count} reports: {answer}")


def run(*arguments, **more):
    return subprocess.run(program.command("memonlined", *arguments), capture_output=True, text=True,
                          timeout=PATIENCE, stdin=subprocess.DEVNULL, check=False, **more)


# --- configuration


def bad_configuration_is_refused_with_its_place(tree):
    rows = [
        ("[memonlined]\npolicy = online\npolcy = keep\n", ":3:", "polcy"),
        ("[memonlined]\n\npolicy = onlin\n", ":3:", "policy"),
        ("[memonlind]\npolicy = online\n", ":1:", "memonlind"),
        ("[memonlined]\nno assignment\n", ":2:", ""),
        ("[control]\nmode = 9999\n", ":2:", "mode"),
    ]
    for text, place, word in rows:
        tree.configure(text)
        result = run("--foreground", *tree.options())
        expect(result.returncode == 1, repr(text), "was accepted")
        for part in ("memonlined.conf" + place, word):
            expect(part in result.stderr, part, "is not in", result.stderr)


def a_missing_named_configuration_is_an_error(tree):
    result = run("--foreground", "--sysroot", tree.path, "--config",
                 tree.path / "none")
    expect(result.returncode == 1, "exit", result.returncode)
    expect("No such file" in result.stderr, result.stderr)


def a_bad_reload_leaves_the_old_configuration(tree):
    tree.configure("[memonlined]\npolicy = keep\n")
    daemon = Daemon(tree).start()
    try:
        tree.configure("[memonlined]\npolicy = nonsense\n")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for(lambda: "stays active" in daemon.output(), "the refusal")
        client = daemon.connect()
        expect(client.execute("memonline-status")["return"]["policy"] == "keep", "policy changed")
        expect(tree.state(32) == "offline", "a block was onlined")
        expect(":2:" in daemon.output(), "no line number:", daemon.output())
    finally:
        daemon.end()


def a_good_reload_is_obeyed(tree):
    tree.configure("[memonlined]\npolicy = keep\n")
    daemon = Daemon(tree).start()
    try:
        client = daemon.connect()
        reports = client.reports(1)
        expect(reports[0]["ranges"][0]["reason"] == "policy-keep", reports)
        tree.configure("[memonlined]\npolicy = online\n")
        daemon.process.send_signal(signal.SIGHUP)
        client.reports(2)
        expect(tree.state(35) == "online", "not online after the reload")
    finally:
        daemon.end()


def without_origins(done):
    return [line for line in done.stdout.splitlines() if not line.startswith("# ")]


def dump_config_reads_back_to_itself(tree):
    tree.configure("[memonlined]\npolicy = online_movable\n[control]\nmode = 0660\n")
    first = run(*tree.options(), "--dump-config")
    expect(first.returncode == 0 and "online_movable" in first.stdout, first)
    tree.configure(first.stdout)
    again = run(*tree.options(), "--dump-config")
    expect(without_origins(again) == without_origins(first), "not the same", again)


def first_dump(tree):
    done = run("--sysroot", tree.path, "--dump-config")
    expect(done.returncode == 0, done)
    return done.stdout


def built_in_file(tree):
    """Below the tree; the path depends on configure's prefix."""
    text = run("--help").stdout
    name = re.search(r"instead of (\S+)", text).group(1)
    return tree.path / name.lstrip("/")


def drop_ins_replace_what_comes_before(tree):
    main = built_in_file(tree)
    local = main.parent / "memonlined.conf.d"
    vendor = tree.path / "usr/lib/memonlined.conf.d"
    for folder in (vendor, local):
        folder.mkdir(parents=True)
    expect("# /" not in first_dump(tree), "defaults with an origin")
    main.write_text("[memonlined]\npolicy = online\nrezone = yes\n[node 1]\npolicy = keep\n")
    (vendor / "10-all.conf").write_text("[memonlined]\npolicy = keep\nretry-for = 7\n")
    (vendor / "30-x.conf").write_text("[memonlined]\nfallback = yes\n")
    (local / "20-x.conf").write_text("[node 1]\npolicy = online_kernel\n")
    (local / "30-x.conf").symlink_to("/dev/null")
    (local / "README").write_text("not read")
    (local / ".hidden.conf").write_text("not read")
    text = first_dump(tree)
    for line in (f"# {vendor}/10-all.conf:2\npolicy = keep",
                 f"# {vendor}/10-all.conf:3\nretry-for = 7",
                 f"# {main}:3\nrezone = yes", "\nfallback = no",
                 f"[node 1]\n# {local}/20-x.conf:2\npolicy = online_kernel"):
        expect(line in text, line, "not in", text)
    expect("30-x" not in text and text.count("[node 1]") == 1, text)
    # the name in /etc hides the other one
    (local / "10-all.conf").write_text("")
    expect(f"# {main}:2\npolicy = online\n" in first_dump(tree), first_dump(tree))
    main.unlink()
    expect("\npolicy = auto\n" in first_dump(tree), "a drop-in alone")


def a_wrong_drop_in_is_named(tree):
    local = built_in_file(tree).parent / "memonlined.conf.d"
    local.mkdir(parents=True)
    (local / "50.conf").write_text("[memonlined]\npolicy = onlin\n")
    done = run("--sysroot", tree.path, "--dump-config")
    expect(done.returncode == 1 and f"{local}/50.conf:2: [memonlined] policy" in done.stderr, done)
    (local / "50.conf").unlink()
    os.mkfifo(local / "50.conf")
    done = run("--sysroot", tree.path, "--dump-config")
    expect(done.returncode == 1 and "50.conf: not a regular file" in done.stderr, done)


# --- requests


def errors_are_answered_and_the_next_request_too(tree):
    daemon = Daemon(tree).start()
    rows = [
        (b'{"execute":"guest-invalid-cmd","id":7}\n', "CommandNotFound",
         "The command guest-invalid-cmd has not been found"),
        (b'{"execute":"guest-ping","arguments":{"foo":1}}\n', "GenericError",
         "Parameter 'foo' is unexpected"),
        (b'{"execute":"guest-sync"}\n', "GenericError", "Parameter 'id' is missing"),
        (b'{"execute":"guest-sync","arguments":{"id":"x"}}\n', "GenericError",
         "Invalid parameter type for 'id', expected: integer"),
        (b'{"foo":1}\n', "GenericError", None),
        (b'[]\n', "GenericError", "QMP input must be a JSON object"),
        (b'{"execute":"guest-ping","execute":"guest-ping"}\n', "GenericError",
         "JSON parse error, duplicate key"),
        (b'{"execute": }\n', "GenericError", "JSON parse error, expecting value"),
    ]
    try:
        client = daemon.connect()
        for request, kind, text in rows:
            answer = client.ask(request)
            expect(answer.get("error", {}).get("class") == kind, request, answer)
            expect(text in (None, answer["error"]["desc"]), request, answer)
            expect(client.execute("guest-ping") == {"return": {}}, "no ping after", request)
        expect(client.ask(rows[0][0])["id"] == 7, "no id in an error")
    finally:
        daemon.end()


def a_line_over_the_limit_is_refused_and_not_kept(tree):
    daemon = Daemon(tree).start()
    try:
        client = daemon.connect()
        client.send(b'{"execute":"guest-ping","arguments":{"x":"')
        for _ in range(64):
            client.send(b"x" * 1024 * 1024)
        client.send(b'"}}\n')
        expect("error" in client.line(), "64 MiB were taken")
        expect(client.execute("guest-ping") == {"return": {}}, "no ping afterwards")
        status = pathlib.Path(f"/proc/{daemon.process.pid}/status").read_text()
        resident = int(status.split("VmHWM:")[1].split()[0])
        if program.is_itself():
            expect(resident < 12 * 1024, "resident at its highest:", resident, "KiB")
    finally:
        daemon.end()


def a_client_that_leaves_in_a_line_harms_nobody(tree):
    daemon = Daemon(tree).start()
    try:
        for _ in range(20):
            client = daemon.connect()
            client.send(b'{"execute":"guest-')
            client.file.close()
            client.socket.close()
        expect(daemon.connect().execute("guest-ping") == {"return": {}}, "no ping")
    finally:
        daemon.end()


def requests_need_no_newline_between_them(tree):
    daemon = Daemon(tree).start()
    try:
        client = daemon.connect()
        client.send(b'{"execute":"guest-ping","id":1}{"execute":"guest-ping","id":2}')
        expect([client.line().get("id"), client.line().get("id")] == [1, 2], "answers")
        client.send(b'{"execute":"guest-sync-delimited","arguments":{"id":9223372036854775807}}')
        raw = client.file.readline()
        expect(raw[:1] == b"\xff", "no sentinel:", raw)
        expect(json.loads(raw[1:]) == {"return": 9223372036854775807}, raw)
    finally:
        daemon.end()


# --- the work


def offline_blocks_of_the_tree_come_online_and_are_reported(tree):
    daemon = Daemon(tree).start()
    try:
        client = daemon.connect()
        reports = client.reports(1)
        expect([tree.state(n) for n in range(32, 36)] == ["online"] * 4, "states")
        expect(len(reports) == 1 and len(reports[0]["ranges"]) == 1, reports)
        seen = reports[0]["ranges"][0]
        wanted = {"start": 1 << 32, "size": 512 << 20, "node": 0, "from": "offline",
                  "to": "online", "requested": "online", "result": "success", "errno": 0,
                  "reason": "policy"}
        for key, value in wanted.items():
            expect(seen.get(key) == value, key, "is", seen.get(key), "not", value)
        expect("zone" in seen and "elapsed-usec" in reports[0], reports)
        ranges = client.execute("memonline-get-ranges")["return"]
        expect(ranges[-1]["start"] == 1 << 32 and ranges[-1]["state"] == "online", ranges)
        blocks = client.execute("guest-get-memory-blocks")["return"]
        expect(all(block["online"] for block in blocks), blocks)
        info = client.execute("guest-get-memory-block-info")["return"]
        expect(info == {"size": 128 << 20}, info)
    finally:
        daemon.end()


def a_subscriber_gets_every_report_once(tree):
    tree.configure("[memonlined]\npolicy = keep\n")
    daemon = Daemon(tree).start()
    try:
        client = daemon.connect()
        client.reports(1)
        expect("return" in client.execute("memonline-subscribe", since=0), "subscribe")
        first = client.line()
        expect(first["event"] == "MEMONLINE_REPORT" and first["data"]["seq"] == 1, first)
        tree.configure("[memonlined]\npolicy = online\n")
        daemon.process.send_signal(signal.SIGHUP)
        second = client.line()
        expect(second["data"]["seq"] == 2, second)
        expect(client.execute("guest-ping") == {"return": {}}, "another event came")
        late = daemon.connect()
        late.execute("memonline-subscribe", since=1)
        expect(late.line()["data"]["seq"] == 2, "not from 2 on")
    finally:
        daemon.end()


def dry_run_prints_and_writes_nothing(tree):
    before = {path: path.read_bytes() for path in tree.path.rglob("*")
              if path.is_file() and not path.is_symlink()}
    result = run("--dry-run", *tree.options())
    expect(result.returncode == 0, result)
    expect("memory32-35" in result.stdout and "-> online (policy)" in result.stdout,
           result.stdout)
    after = {path: path.read_bytes() for path in tree.path.rglob("*")
             if path.is_file() and not path.is_symlink()}
    expect(before == after, "the tree changed")


# --- what is asked for by name

BLOCK = 128 << 20


def settled(tree, policy="keep", more=""):
    """A daemon that has made its first scan."""
    tree.configure(f"[memonlined]\npolicy = {policy}\n{more}")
    daemon = Daemon(tree).start()
    client = daemon.connect()
    client.reports(1)
    return daemon, client


def blocks(*wanted):
    return {"mem-blks": [{"phys-index": index, "online": online} for index, online in wanted]}


def set_memory_blocks_refuses_bad_lists(tree):
    daemon, client = settled(tree)
    rows = [
        ({}, "Parameter 'mem-blks' is missing"),
        ({"mem-blks": {}}, "Invalid parameter type for 'mem-blks', expected: array"),
        ({"mem-blks": [{"phys-index": 32}]}, "Parameter 'mem-blks[0].online' is missing"),
        ({"mem-blks": [{"phys-index": "32", "online": True}]},
         "Parameter 'mem-blks[0].phys-index' expects uint64"),
        ({"mem-blks": [{"phys-index": 32, "online": True}, {"phys-index": 33, "online": 1}]},
         "Invalid parameter type for 'mem-blks[1].online', expected: boolean"),
    ]
    try:
        for arguments, text in rows:
            answer = client.execute("guest-set-memory-blocks", **arguments)
            expect(answer["error"]["desc"] == text, arguments, answer)
        expect(tree.state(32) == "offline", "a refused list was executed")
    finally:
        daemon.end()


def set_memory_blocks_answers_each_in_order(tree):
    daemon, client = settled(tree)
    try:
        answer = client.execute("guest-set-memory-blocks",
                                **blocks((33, True), (-1, True), (32, True), (33, True),
                                         (99, False), (33, False)))["return"]
        none = {"response": "not-found", "error-code": 2}
        done = {"response": "success"}
        wanted = [{"phys-index": 33, **done}, {"phys-index": (1 << 64) - 1, **none},
                  {"phys-index": 32, **done}, {"phys-index": 33, **done},
                  {"phys-index": 99, **none}, {"phys-index": 33, **done}]
        expect(answer == wanted, answer)
        expect([tree.state(n) for n in (32, 33)] == ["online", "offline"], "states")
        answer = client.execute("guest-set-memory-blocks", **{"mem-blks": []})
        expect(answer == {"return": []}, answer)
    finally:
        daemon.end()


def requests_wait_for_the_job_before_them(tree):
    daemon, client = settled(tree)
    try:
        request = json.dumps({"execute": "guest-set-memory-blocks", "id": 1,
                              "arguments": blocks((32, True), (33, True))})
        client.send(request.encode() + b'{"execute":"guest-ping","id":2}')
        expect([client.line()["id"], client.line()["id"]] == [1, 2], "out of order")
    finally:
        daemon.end()


def ranges_are_checked(tree):
    daemon, client = settled(tree)
    rows = [
        ({"start": 1 << 32, "size": 1}, "multiples of the block size 134217728"),
        ({"start": (1 << 32) + 1, "size": BLOCK}, "multiples of the block size 134217728"),
        ({"start": 1 << 32, "size": 0}, "The range is empty"),
        ({"start": (1 << 64) - BLOCK, "size": 2 * BLOCK}, "beyond the last address"),
        ({"start": 1 << 40, "size": BLOCK}, "There is no memory block in this range"),
    ]
    try:
        for command in ("memonline-online", "memonline-offline"):
            for arguments, text in rows:
                answer = client.execute(command, **arguments)
                expect(text in answer["error"]["desc"], command, arguments, answer)
    finally:
        daemon.end()


def a_range_comes_online_and_goes_offline(tree):
    daemon, client = settled(tree)
    try:
        answer = client.execute("memonline-online", start=1 << 32, size=4 * BLOCK)["return"]
        expect(answer["result"] == "done", answer)
        expect([block["phys-index"] for block in answer["blocks"]] == [32, 33, 34, 35], answer)
        expect([tree.state(n) for n in range(32, 36)] == ["online"] * 4, "states")
        answer = client.execute("memonline-offline", start=1 << 32, size=2 * BLOCK,
                                timeout=20)["return"]
        expect(answer["result"] == "done", answer)
        expect(answer["blocks"][0] == {"phys-index": 32, "response": "success",
                                       "state": "offline", "errno": 0, "reason": "asked"}, answer)
        states = [tree.state(n) for n in range(32, 36)]
        expect(states == ["offline"] * 2 + ["online"] * 2, states)
    finally:
        daemon.end()


def disabled_commands_are_refused_and_shown(tree):
    daemon, client = settled(tree, more="[control]\nblock-rpcs = guest-ping,"
                             "guest-set-memory-blocks\n[channel]\nallow-rpcs = guest-sync\n")
    try:
        for command in ("guest-ping", "guest-set-memory-blocks"):
            answer = client.execute(command)
            expect(answer == {"error": {"class": "CommandNotFound",
                                        "desc": f"Command {command} has been disabled"}}, answer)
        listed = client.execute("guest-info")["return"]["supported_commands"]
        disabled = {row["name"] for row in listed if not row["enabled"]}
        expect(disabled == {"guest-ping", "guest-set-memory-blocks"}, disabled)
        tree.configure("[control]\nallow-rpcs = guest-info,guest-sync\nblock-rpcs = guest-sync\n")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for(lambda: "read again" in daemon.output(), "the reload")
        listed = client.execute("guest-info")["return"]["supported_commands"]
        enabled = {row["name"] for row in listed if row["enabled"]}
        expect(enabled == {"guest-info"}, enabled)
    finally:
        daemon.end()


def a_second_job_is_refused_and_a_client_may_leave(tree):
    daemon, client = settled(tree)
    try:
        other = daemon.connect()
        wanted = [(32, turn % 2 == 0) for turn in range(2000)]
        client.send({"execute": "guest-set-memory-blocks", "arguments": blocks(*wanted)})
        answers = []

        def ask():
            answers.append(other.execute("guest-set-memory-blocks", **blocks((34, True))))
            return answers[-1].get("error")

        daemon.wait_for(ask, "a refusal")
        expect(answers[-1]["error"]["desc"] == "Another change of memory blocks is in progress",
               answers[-1])
        client.file.close()
        client.socket.close()
        daemon.wait_for(lambda: not ask(), "the end of the job")
        expect(tree.state(32) == "offline", "the job did not go on to its end")
        expect(tree.state(34) == "online", answers[-1])
    finally:
        daemon.end()


def since_beyond_all_numbers_is_taken_for_none(tree):
    daemon, client = settled(tree)
    try:
        last = (1 << 64) - 1
        answer = client.execute("memonline-get-reports", since=last)["return"]
        expect(answer["reports"] == [] and answer["lost"] == 0, answer)
        answer = client.execute("memonline-subscribe", since=last)["return"]
        expect(answer["last-seq"] == 1 and answer["lost"] == 0, answer)
        expect(client.line()["data"]["seq"] == 1, "not from the start")
    finally:
        daemon.end()


def subscribed(client, since):
    """The answer, and the events that are there already."""
    answer = client.execute("memonline-subscribe", since=since)["return"]
    return answer, [client.line()["data"] for _ in range(answer["last-seq"] - since)]


def since_beyond_all_numbers_is_a_new_instance(tree):
    """The guest's memory was put back: its numbers are given twice, its instance is not."""
    daemon, client = settled(tree)
    try:
        watcher = daemon.connect()
        first, seen = subscribed(watcher, 0)
        again = client.execute("memonline-subscribe", since=first["last-seq"])["return"]
        expect(again["instance"] == first["instance"], "a new instance for nothing", again)
        answer = client.execute("memonline-subscribe", since=first["last-seq"] + 3)["return"]
        expect(answer["instance"] != first["instance"], "the numbers of another instance", answer)
        expect(f"reports count as instance {answer['instance']}" in daemon.output(),
               daemon.output())
        for events in (client, watcher):
            data = events.line()["data"]
            expect(data["instance"] == answer["instance"], data)
            expect(data["seq"] == 1 and data["ranges"] == seen[0]["ranges"], data)
        client.execute("memonline-online", start=1 << 32, size=BLOCK)
        expect(reports_after_a_kill(tree, daemon)[-1]["instance"] == answer["instance"],
               "the instance after a kill")
    finally:
        daemon.end()


def a_stream_says_how_many_are_gone(tree):
    """Older ones made room before they were sent."""
    daemon, client = settled(tree, more="journal-reports = 16\n")
    try:
        for count in range(2, 22):
            verb = "memonline-offline" if count % 2 else "memonline-online"
            client.execute(verb, start=1 << 32, size=BLOCK)
            last = client.reports(count)[-1]["seq"]
        answer = client.execute("memonline-subscribe", since=2)["return"]
        events = [client.line()["data"] for _ in range(16)]
        expect([data["seq"] for data in events] == list(range(last - 15, last + 1)), events)
        expect([data["lost"] for data in events] == [last - 18] + [0] * 15, events)
        expect(answer["lost"] == last - 18, answer)
    finally:
        daemon.end()


def listen_replaces_the_socket(tree):
    daemon = Daemon(tree, "--listen", "/run/other.sock")
    daemon.socket = tree.path / "run/other.sock"
    daemon.start()
    try:
        expect(daemon.connect().execute("guest-ping") == {"return": {}}, "ping")
        expect(not (tree.path / "run/memonline/control.sock").exists(), "both are there")
    finally:
        daemon.end()


# --- coming and going


def a_tree_without_memory_blocks_is_a_clear_error(tree):
    shutil.rmtree(tree.path / "sys/devices/system/memory")
    result = run("--foreground", *tree.options())
    expect(result.returncode == 1, result)
    expect("CONFIG_MEMORY_HOTPLUG" in result.stderr, result.stderr)


def a_second_daemon_is_refused(tree):
    daemon = Daemon(tree).start()
    try:
        second = run("--foreground", *tree.options())
        expect(second.returncode == 1 and "another memonlined" in second.stderr, second)
        expect(daemon.connect().execute("guest-ping") == {"return": {}}, "the first is gone")
    finally:
        daemon.end()


def a_socket_that_another_listens_at_stays_his(tree):
    path = tree.path / "run/memonline/control.sock"
    path.parent.mkdir(parents=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
        other.bind(str(path))
        other.listen(4)
        done = run("--foreground", *tree.options())
        expect(done.returncode == 1 and "another memonlined listens there" in done.stderr, done)
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.connect(str(path))


def a_killed_daemon_leaves_no_obstacle(tree):
    daemon = Daemon(tree).start()
    daemon.end(signal.SIGKILL)
    daemon = Daemon(tree)
    try:
        daemon.wait_for(lambda: "listening" in daemon.output() or daemon.socket.exists(), "start")
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end:
            try:
                expect(daemon.connect().execute("guest-ping") == {"return": {}}, "ping")
                return
            except ConnectionRefusedError:
                time.sleep(0.01)
        raise Failed("the socket was not replaced")
    finally:
        daemon.end()


def sigterm_ends_cleanly(tree):
    daemon = Daemon(tree).start()
    expect(daemon.end() == 0, "exit", daemon.process.returncode, daemon.output())
    expect(not daemon.socket.exists(), "the socket stays behind")


def connect_to_background(tree):
    """A client, and who answers it."""
    client = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    client.settimeout(PATIENCE)
    client.connect(str(tree.path / "run/memonline/control.sock"))
    credentials = client.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return Client(client), struct.unpack("3i", credentials)[0]


def end_background(pid):
    os.kill(pid, signal.SIGTERM)
    end = time.monotonic() + PATIENCE
    while os.path.exists(f"/proc/{pid}") and time.monotonic() < end:
        time.sleep(0.01)
    expect(not os.path.exists(f"/proc/{pid}"), "it does not end")


def in_the_background_the_parent_waits_for_the_start(tree):
    result = run(*tree.options())
    expect(result.returncode == 0, result)
    client, pid = connect_to_background(tree)
    try:
        expect(client.execute("guest-ping") == {"return": {}}, "ping")
        expect(run(*tree.options()).returncode == 1, "a second one started")
    finally:
        end_background(pid)


def in_the_background_relative_paths_stay_what_they_were(tree):
    tree.configure("[memonlined]\npolicy = online\n[log]\ntarget = stderr\n")
    result = run("--sysroot", ".", "--config", "etc/memonlined.conf", cwd=tree.path)
    expect(result.returncode == 0 and "cannot leave the terminal" not in result.stderr, result)
    client, pid = connect_to_background(tree)
    try:
        tree.configure("[memonlined]\npolicy = keep\n")
        os.kill(pid, signal.SIGHUP)
        end = time.monotonic() + PATIENCE
        while client.execute("memonline-status")["return"]["policy"] != "keep":
            expect(time.monotonic() < end, "the configuration is not read again")
            time.sleep(0.01)
    finally:
        end_background(pid)


def a_dimm_that_is_missing_may_lack_memory_for_its_pages(tree):
    meminfo = tree.path / "proc/meminfo"
    dimm = {"type": "dimm", "data": {"addr": 16 << 30, "size": 1 << 30}}
    daemon = Daemon(tree).start()
    try:
        client = daemon.connect()
        for available, cause in (("4194304 kB", "not-added"), ("16 kB", "memory-short")):
            meminfo.write_text(f"MemTotal: 8388608 kB\nMemAvailable: {available}\n")
            verdict = client.execute("memonline-reconcile", devices=[dimm])["return"][0]
            expect((verdict["verdict"], verdict["cause"]) == ("absent", cause), verdict)
    finally:
        daemon.end()


def each_failure_to_scan_is_logged_once(tree):
    """One line however often it tries again, and another one when it fails again later."""
    size = tree.path / "sys/devices/system/memory/block_size_bytes"
    good = size.read_text()

    def failures():
        return daemon.output().count("cannot read the memory blocks")

    daemon = Daemon(tree).start()
    try:
        client = daemon.connect()
        client.reports(1)
        for count in (1, 2):
            size.write_text("nonsense\n")
            daemon.process.send_signal(signal.SIGHUP)
            daemon.wait_for(lambda: failures() == count, f"line {count} of a scan that failed")
            tree.block(34).write_text("offline\n" if count == 1 else "online\n")
            size.write_text(good)
            daemon.process.send_signal(signal.SIGHUP)
            client.reports(1 + count)
        expect(failures() == 2, daemon.output())
    finally:
        daemon.end()


def without_descriptors_no_start_in_the_background(tree):
    """One is left: enough to read the configuration, not for the pipe to who waits."""
    if not program.is_itself():
        return
    result = run(*tree.options(),
                 preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (4, 4)))
    expect(result.returncode == 1 and result.stderr == "memonlined: Too many open files\n", result)


def says_what_it_is(tree):
    done = run("--version")
    expect(done.returncode == 0 and re.fullmatch(r"memonlined [0-9]\S*\n", done.stdout), done)
    first = re.escape(done.stdout.strip()) + r", kernel \S+, policy keep\n"
    tree.configure("[memonlined]\npolicy = keep\n")
    daemon = Daemon(tree)
    try:
        daemon.wait_for(lambda: re.search(first, daemon.output()), "the first line")
    finally:
        daemon.end()


def reports_outlive_a_killed_daemon(tree):
    daemon = Daemon(tree).start()
    first = daemon.connect().reports(1)
    instance = first[0]["instance"]
    daemon.end(signal.SIGKILL)
    daemon.socket.unlink()
    tree.block(34).write_text("offline\n")
    daemon = Daemon(tree).start()
    try:
        reports = daemon.connect().reports(2)
        expect(reports[0] == first[0], "not as it was:", reports)
        expect(reports[1]["instance"] == instance, "another instance")
        expect(reports[1]["ranges"][0]["start"] == 34 * (128 << 20), reports)
    finally:
        daemon.end()


def garbage_in_the_state_file_is_a_new_start(tree):
    (tree.path / "run/memonline").mkdir(parents=True)
    (tree.path / "run/memonline/state").write_bytes(os.urandom(1 << 20))
    daemon = Daemon(tree).start()
    try:
        expect(daemon.connect().reports(1)[0]["seq"] == 1, "numbers from garbage")
    finally:
        daemon.end()


def without_a_run_directory_it_still_works(tree):
    (tree.path / "run").mkdir()
    (tree.path / "run/memonline").mkdir()
    (tree.path / "run/memonline/state").mkdir()
    daemon = Daemon(tree).start()
    try:
        daemon.connect().reports(1)
        expect("do not outlive" in daemon.output(), daemon.output())
    finally:
        daemon.end()


def reports_after_a_kill(tree, daemon):
    """What the next daemon still knows."""
    daemon.end(signal.SIGKILL)
    daemon.socket.unlink()
    daemon = Daemon(tree).start()
    try:
        return daemon.connect().reports(1)
    finally:
        daemon.end()


def a_removed_run_directory_is_made_again(tree):
    daemon = Daemon(tree).start()
    try:
        before = daemon.connect().reports(1)
        files = [tree.path / "run/memonline" / name for name in ("state", "blocks")]
        for _ in range(2):
            client = daemon.connect()
            shutil.rmtree(tree.path / "run/memonline")
            daemon.wait_for(lambda: all(path.exists() for path in files), "files of state")
            daemon.wait_for(daemon.socket.exists, "the control socket")
            expect(daemon.socket.stat().st_mode & 0o777 == 0o600, "the socket's mode")
            expect(client.reports(1) == before, "a client from before")
            expect(daemon.connect().reports(1) == before, "a client that came after")
        expect(reports_after_a_kill(tree, daemon) == before, "reports in the new files")
    finally:
        daemon.end()


def what_others_need_of_a_removed_run_directory_comes_back(tree):
    """Under the unit's umask; the mark of memonline-rules only where all of it went."""
    run = tree.path / "run/memonline"
    run.mkdir(parents=True)
    mark = run / "agent-onlines"
    mark.touch()
    before = os.umask(0o077)
    try:
        daemon = Daemon(tree)
    finally:
        os.umask(before)
    try:
        daemon.start().connect().reports(1)
        shutil.rmtree(run)
        daemon.wait_for(daemon.socket.exists, "the control socket")
        expect(run.stat().st_mode & 0o777 == 0o755, "the directory's mode", oct(run.stat().st_mode))
        expect(mark.exists(), "the mark of memonline-rules is gone")
        mark.unlink()
        daemon.socket.unlink()
        daemon.wait_for(daemon.socket.exists, "the control socket")
        shutil.rmtree(run)
        daemon.wait_for(daemon.socket.exists, "the control socket")
        expect(not mark.exists(), "a mark that memonline-rules took away")
    finally:
        daemon.end()


# Holds the lock with its first thread gone, as a killed process whose worker is in a write.
HOLDER = '''
import ctypes, fcntl, os, pathlib, platform, sys, threading, time
run = pathlib.Path(sys.argv[1])
file = open(run.parent / "memonlined.lock", "w+")
fcntl.flock(file, fcntl.LOCK_EX)
def hold():
    while not (run / "go").exists():
        time.sleep(0.01)
    os._exit(0)
threading.Thread(target=hold).start()
(run / "held").touch()
ctypes.CDLL(None).syscall({"x86_64": 60, "aarch64": 93}[platform.machine()], 0)
'''


def a_killed_one_that_is_not_gone_yet_is_waited_for(tree):
    run = tree.path / "run/memonline"
    run.mkdir(parents=True)
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, run])
    status = pathlib.Path(f"/proc/{holder.pid}/status")
    daemon = None
    try:
        while not (run / "held").exists() or "State:\tZ" not in status.read_text():
            expect(holder.poll() is None, "the holder ended")
            time.sleep(0.01)
        daemon = Daemon(tree)
        daemon.wait_for(lambda: "waiting for" in daemon.output(), "the wait")
        (run / "go").touch()
        daemon.start().connect().reports(1)
        second = Daemon(tree)
        expect(second.process.wait(PATIENCE) == 1, "two at work")
        expect("another memonlined runs here" in second.output(), second.output())
    finally:
        (run / "go").touch()
        holder.wait()
        if daemon:
            daemon.end()


def a_removed_run_directory_lets_no_second_daemon_in(tree):
    """Before the first one has made it again: the lock is not in it."""
    daemon = Daemon(tree).start()
    try:
        daemon.connect().reports(1)
        daemon.process.send_signal(signal.SIGSTOP)
        shutil.rmtree(tree.path / "run/memonline")
        second = Daemon(tree)
        expect(second.process.wait(PATIENCE) == 1, "two at work")
        expect("another memonlined runs here" in second.output(), second.output())
    finally:
        daemon.process.send_signal(signal.SIGCONT)
        daemon.end()


def the_mark_comes_back_though_the_daemon_was_killed(tree):
    """After the removal, before it could make the mark again."""
    run = tree.path / "run/memonline"
    run.mkdir(parents=True)
    mark = run / "agent-onlines"
    mark.touch()
    daemon = Daemon(tree).start()
    daemon.connect().reports(1)
    daemon.process.send_signal(signal.SIGSTOP)
    shutil.rmtree(run)
    daemon.end(signal.SIGKILL)
    daemon = Daemon(tree).start()
    try:
        expect(mark.exists(), "the mark of memonline-rules is gone")
    finally:
        daemon.end()
    shutil.rmtree(run)
    daemon = Daemon(tree).start()
    try:
        expect(not mark.exists(), "a mark that the end of the service took away")
    finally:
        daemon.end()


def damage(path, kind):
    """What others do to a file; each leaves nothing of its beginning."""
    if kind == "cut":
        os.truncate(path, 0)
    elif kind == "cut short":
        os.truncate(path, 4096)
    elif kind == "zeros":
        size = path.stat().st_size
        os.truncate(path, 0)
        os.truncate(path, size)
    else:
        path.write_bytes(b"x" * path.stat().st_size)


def damaged_files_are_written_again(tree):
    """While it runs: no signal, and a killed daemon leaves what it would have left without it."""
    daemon = Daemon(tree).start()
    try:
        before = daemon.connect().reports(1)
        run = tree.path / "run/memonline"
        for kind in ("cut", "cut short", "zeros", "garbage"):
            for name in ("state", "blocks"):
                size, begin = (run / name).stat().st_size, (run / name).read_bytes()[:40]
                damage(run / name, kind)
                daemon.wait_for(lambda: (run / name).stat().st_size >= size and
                                (run / name).read_bytes()[:40] == begin, f"{name}, {kind}")
            expect(daemon.connect().reports(1) == before, kind, "reports of one that works on")
        expect(daemon.output().count("was damaged: written again") == 8, daemon.output())
        expect(reports_after_a_kill(tree, daemon) == before, "reports in the new files")
    finally:
        daemon.end()


def a_fifo_hangs_nothing(tree):
    run = tree.path / "run/memonline"
    run.mkdir(parents=True)
    for name in ("state", "blocks"):
        os.mkfifo(run / name)
    tree.configure("[memonlined]\npolicy = online\n")
    daemon = Daemon(tree).start()
    try:
        daemon.connect().reports(1)
        expect("do not outlive" in daemon.output(), daemon.output())
        tree.config.unlink()
        os.mkfifo(tree.config)
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait_for(lambda: "not a regular file" in daemon.output(), "the complaint")
        daemon.connect().reports(1)
    finally:
        daemon.end()
    daemon = Daemon(tree)
    expect(daemon.process.wait(PATIENCE) == 1, "started with a FIFO as configuration")
    expect("not a regular file" in daemon.output(), daemon.output())


def a_removed_socket_alone_is_made_again(tree):
    """Not one that others have put there meanwhile."""
    daemon = Daemon(tree).start()
    try:
        daemon.socket.unlink()
        daemon.wait_for(daemon.socket.exists, "the control socket")
        daemon.connect().reports(1)
        daemon.socket.unlink()
        daemon.socket.write_text("a file")
        daemon.wait_for(lambda: "retrying later" in daemon.output(), "the complaint")
        daemon.socket.unlink()
        daemon.wait_for(lambda: daemon.socket.is_socket(), "the control socket")
        daemon.connect().reports(1)
        expect(daemon.output().count("retrying later") == 1, daemon.output())
    finally:
        daemon.end()


def state_is_saved_once_it_can_be(tree):
    (tree.path / "run/memonline/state").mkdir(parents=True)
    daemon = Daemon(tree).start()
    try:
        before = daemon.connect().reports(1)
        (tree.path / "run/memonline/state").rmdir()
        daemon.wait_for((tree.path / "run/memonline/state").is_file, "the state")
        daemon.wait_for(lambda: "exist again" in daemon.output(), "the news of it")
        expect(reports_after_a_kill(tree, daemon) == before, "reports in the new file")
    finally:
        daemon.end()


TESTS = [
    bad_configuration_is_refused_with_its_place,
    a_missing_named_configuration_is_an_error,
    a_bad_reload_leaves_the_old_configuration,
    a_good_reload_is_obeyed,
    dump_config_reads_back_to_itself,
    drop_ins_replace_what_comes_before,
    a_wrong_drop_in_is_named,
    errors_are_answered_and_the_next_request_too,
    a_line_over_the_limit_is_refused_and_not_kept,
    a_client_that_leaves_in_a_line_harms_nobody,
    requests_need_no_newline_between_them,
    offline_blocks_of_the_tree_come_online_and_are_reported,
    a_subscriber_gets_every_report_once,
    dry_run_prints_and_writes_nothing,
    set_memory_blocks_refuses_bad_lists,
    set_memory_blocks_answers_each_in_order,
    requests_wait_for_the_job_before_them,
    ranges_are_checked,
    a_range_comes_online_and_goes_offline,
    disabled_commands_are_refused_and_shown,
    a_second_job_is_refused_and_a_client_may_leave,
    since_beyond_all_numbers_is_taken_for_none,
    since_beyond_all_numbers_is_a_new_instance,
    a_stream_says_how_many_are_gone,
    listen_replaces_the_socket,
    a_tree_without_memory_blocks_is_a_clear_error,
    a_second_daemon_is_refused,
    a_socket_that_another_listens_at_stays_his,
    a_killed_daemon_leaves_no_obstacle,
    reports_outlive_a_killed_daemon,
    garbage_in_the_state_file_is_a_new_start,
    without_a_run_directory_it_still_works,
    a_removed_run_directory_is_made_again,
    what_others_need_of_a_removed_run_directory_comes_back,
    a_killed_one_that_is_not_gone_yet_is_waited_for,
    a_fifo_hangs_nothing,
    a_removed_run_directory_lets_no_second_daemon_in,
    the_mark_comes_back_though_the_daemon_was_killed,
    damaged_files_are_written_again,
    a_removed_socket_alone_is_made_again,
    state_is_saved_once_it_can_be,
    sigterm_ends_cleanly,
    in_the_background_the_parent_waits_for_the_start,
    in_the_background_relative_paths_stay_what_they_were,
    a_dimm_that_is_missing_may_lack_memory_for_its_pages,
    each_failure_to_scan_is_logged_once,
    without_descriptors_no_start_in_the_background,
    says_what_it_is,
]


def in_a_tree(test):
    @functools.wraps(test)
    def run():
        tree = Tree()
        try:
            return test(tree)
        finally:
            tree.remove()
    return run


def main():
    return program.run_tests("", [in_a_tree(test) for test in TESTS])


if __name__ == "__main__":
    sys.exit(main())
