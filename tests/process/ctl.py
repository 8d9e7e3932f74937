#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""memonlinectl against agents that misbehave, and against one that does not.

MEMONLINE_BUILD names the build directory. One line for each test: ok, not ok, or skip.
"""

import errno
import json
import os
import pty
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

import program

LIMIT = program.patience(30)  # seconds for any process
MIB = 1 << 20
GIB = 1 << 30
BLOCK = 128 * MIB

STATUS = {
    "version": "0.1", "protocol": 1, "kernel": "6.1.0-test", "instance": "i-1",
    "source": "udev", "policy": "online", "carried-out-by": "agent", "last-seq": 7,
    "block-size": BLOCK, "blocks": 12, "pending": 0, "failed": 1,
    "racing-rules": ["/etc/udev/rules.d/99-x.rules"],
    "memory": [
        {"node": 0, "state": "online", "zone": "DMA32", "size": GIB},
        {"node": 1, "state": "offline", "zone": "unknown", "size": GIB + GIB // 2},
    ],
}
STATS = {
    "total": GIB, "available": None, "free": 512 * MIB,
    "kernel-zones": {"total": GIB, "free": 512 * MIB, "file": 0, "low": MIB},
    "movable-zones": {"total": 0, "free": 0, "file": 0, "low": None},
    "swap-total": 0, "swap-free": 0, "anonymous": MIB, "file": MIB, "shared": 0,
    "reclaimable": 0, "major-faults": 1, "swapped-in": 0, "swapped-out": 0, "oom-kills": None,
    "hugepage-size": 2 * MIB, "hugepages-total": 0, "hugepages-free": 0,
    "pressure-some": {"avg10": 0, "avg60": 0, "avg300": 10000, "total-usec": 1999999},
    "pressure-full": {"avg10": None, "avg60": None, "avg300": None, "total-usec": None},
}
RANGES = [
    {"start": 0, "size": 3 * GIB, "node": 0, "state": "online", "zones": ["DMA32"],
     "reason": "already-online"},
    {"start": 4 * GIB, "size": 512 * MIB, "node": 0, "state": "online",
     "zones": ["Normal"], "reason": "policy"},
    {"start": 5 * GIB, "size": BLOCK, "node": -1, "state": "offline",
     "zones": ["Normal", "Movable"], "reason": "refused"},
    {"start": 6 * GIB, "size": 2 * BLOCK, "node": -1, "state": "offline", "zones": [],
     "reason": "none"},
]
RANGE = {
    "start": 4 * GIB, "size": 512 * MIB, "node": 0, "from": "offline", "to": "online",
    "requested": "online", "zone": "Normal", "result": "success", "errno": 0,
    "reason": "policy",
}
LOST_RANGE = dict(RANGE, start=5 * GIB, size=BLOCK, to="offline", zone="unknown",
                  result="failed", errno=errno.EBUSY, reason="refused")


def report(seq, ranges=None, instance="i-1"):
    return {"instance": instance, "seq": seq, "elapsed-usec": 12345,
            "ranges": [RANGE] if ranges is None else ranges,
            "timestamp": {"seconds": 1735689600, "microseconds": 5}}


def event(seq, **changes):
    data = report(seq, **changes)
    stamp = data.pop("timestamp")
    return line({"event": "MEMONLINE_REPORT", "timestamp": stamp, "data": data})


def reports(*list_, **members):
    answer = {"instance": "i-1", "last-seq": 7, "lost": 0, "reports": list(list_)}
    return dict(answer, **members)


def line(value):
    return json.dumps(value).encode() + b"\n"


ANSWERS = {
    "guest-ping": {},
    "guest-get-memory-block-info": {"size": BLOCK},
    "memonline-status": STATUS,
    "memonline-stats": STATS,
    "memonline-get-ranges": RANGES,
    "memonline-get-reports": reports(report(6), report(7, ranges=[RANGE, LOST_RANGE])),
    "memonline-subscribe": {"instance": "i-1", "last-seq": 7, "lost": 0},
}


class Agent:
    """One connection after the other; what it answers is a table, what it does a hook."""

    def __init__(self, answers=None, hello=b"", before=b"", sync=None, after=None,
                 raw=None):
        self.answers = dict(ANSWERS, **(answers or {}))
        self.hello = hello  # bytes sent on connect
        self.before = before  # bytes sent before each answer but the sync's
        self.sync = sync  # what answers the sync: id -> bytes
        self.after = after  # called with the connection after the last answer
        self.raw = raw  # called with the connection in place of everything else
        self.requests = []
        self.received = b""
        self.folder = tempfile.mkdtemp(prefix="memonline-ctl-")
        self.path = os.path.join(self.folder, "agent.sock")

    def __enter__(self):
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen(4)
        self.listener.settimeout(LIMIT)
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.listener.close()
        shutil.rmtree(self.folder, ignore_errors=True)

    def serve(self):
        try:
            connection, _ = self.listener.accept()
            connection.settimeout(LIMIT)
            with connection:
                if self.raw:
                    self.raw(connection)
                else:
                    self.talk(connection)
        except OSError:
            pass  # the other end went away, which some tests want

    def talk(self, connection):
        connection.sendall(self.hello)
        rest = b""
        while True:
            got = connection.recv(65536)
            if not got:
                return
            self.received += got
            rest += got
            *lines, rest = rest.split(b"\n")
            for request in lines:
                self.answer(connection, json.loads(request.split(b"\xff")[-1]))

    def answer(self, connection, request):
        self.requests.append(request)
        name = request["execute"]
        if name == "guest-sync-delimited":
            number = request["arguments"]["id"]
            connection.sendall(self.sync(number) if self.sync else
                               b"\xff" + line({"return": number}))
            return
        answer = self.answers[name]
        if callable(answer):
            answer = answer(request)
        if not isinstance(answer, bytes):
            answer = line({"return": answer})
        connection.sendall(self.before + answer)
        if self.after:
            self.after(connection, name)


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    def __repr__(self):
        return "code %d, out %r, err %r" % (self.code, self.out[:2000], self.err[:2000])


def ctl(*arguments):
    return program.command("memonlinectl", *arguments)


def run(*arguments, **keywords):
    text = keywords.get("input")
    source = {"stdin": subprocess.DEVNULL} if text is None else {"input": text}
    done = subprocess.run(ctl(*arguments), **source,
                          stdout=keywords.get("stdout", subprocess.PIPE),
                          stderr=subprocess.PIPE, timeout=LIMIT,
                          env=keywords.get("env"))
    return Result(done.returncode, (done.stdout or b"").decode("latin-1"),
                  done.stderr.decode("latin-1"))


def ask(agent, *arguments):
    """With memonlinectl's own time-out as long as the tools around it need."""
    return run("--socket", agent.path, "--timeout", str(program.patience(5)), *arguments)


def ask_with(answers, *arguments):
    with Agent(answers=answers) as agent:
        return ask(agent, *arguments)


def check(truth, what):
    if not truth:
        raise AssertionError(what)


def fails(result, *words):
    check(result.code == 1, result)
    check(result.out == "", result)
    check(result.err.startswith("memonlinectl: ") and result.err.count("\n") == 1, result)
    for word in words:
        check(word in result.err, "%r lacks %r" % (result.err, word))


def succeeds(result):
    check(result.code == 0 and result.err == "", result)
    return result.out


def clean(text):
    """Nothing that moves a terminal's cursor."""
    check(all(c == "\n" or " " <= c <= "~" for c in text), repr(text[:2000]))


# The socket

def no_socket():
    path = "/nonexistent/sock"
    fails(run("--socket", path, "ping"), path + ": no such socket")


def path_too_long():
    fails(run("--socket", "/" + "x" * 200, "ping"), "too long")


def nobody_listens():
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as left:
        path = os.path.join(folder, "left.sock")
        left.bind(path)
        fails(run("--socket", path, "ping"), "connection refused", path)


def permission_denied():
    if os.geteuid() == 0 and not shutil.which("setpriv"):
        return "needs setpriv where it runs as root"
    with Agent() as agent:
        os.chmod(agent.path, 0)
        os.chmod(agent.folder, 0o755)
        command = ctl("--socket", agent.path, "ping")
        if os.geteuid() == 0:
            probe = ["setpriv", "--reuid=65534", "--clear-groups", "test", "-x",
                     program.path("memonlinectl")]
            if subprocess.run(probe, timeout=LIMIT).returncode != 0:
                return "the build directory is closed to other users"
            command = probe[:3] + command
        done = subprocess.run(command, stderr=subprocess.PIPE, timeout=LIMIT)
        check(done.returncode == 1 and b"permission denied" in done.stderr, done)
    return None


def silent_agent():
    with Agent(raw=lambda c: time.sleep(5)) as agent:
        begin = time.monotonic()
        result = ask(agent, "--timeout", "1", "ping")
        fails(result, agent.path + ": no answer within 1 s")
        check(time.monotonic() - begin < program.patience(4), "took too long")


def not_accepted():
    """As QEMU, which takes one client and lets the next wait."""
    with tempfile.TemporaryDirectory() as folder, socket.socket(socket.AF_UNIX) as busy:
        path = os.path.join(folder, "busy.sock")
        busy.bind(path)
        busy.listen(1)
        fails(run("--socket", path, "--timeout", "1", "ping"), path + ": channel in use")


def backlog_full():
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "full.sock")
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(path)
            listener.listen(0)
            waiting = []
            try:
                while True:
                    client = socket.socket(socket.AF_UNIX)
                    client.setblocking(False)
                    waiting.append(client)
                    client.connect(path)
            except BlockingIOError:
                pass
            fails(run("--socket", path, "--timeout", "1", "ping"), path + ": channel in use")
            for client in waiting:
                client.close()


def closed_at_once():
    with Agent(raw=lambda c: None) as agent:
        fails(ask(agent, "ping"), agent.path, "channel in use")


def closed_before_the_answer():
    def close(_):
        raise OSError
    with Agent(answers={"memonline-status": close}) as agent:
        fails(ask(agent, "status"), "closed by the other end")


def closed_in_the_middle_of_a_line():
    with Agent(answers={"guest-ping": b'{"return": {'},
               after=lambda c, _: c.shutdown(socket.SHUT_RDWR)) as agent:
        fails(ask(agent, "ping"), "closed by the other end")


# The stream before the sync

def stale_stream():
    """Half a line, answers and events of before, garbage, then the answer to the sync."""
    old = (b'tes": 12}}\n' + line({"return": {}}) + event(3) +
           b"\x00\x01garbage{{{\n\n\n[1, 2]\n7\nnull\n" +
           line({"error": {"class": "GenericError", "desc": "old"}}) +
           line({"return": 17}) + b'{"return": {"half')
    with Agent(hello=old) as agent:
        succeeds(ask(agent, "ping"))
        check(agent.received.startswith(b"\xff{"), agent.received)


def stale_answer_to_an_older_sync():
    with Agent(sync=lambda i: b"\xff" + line({"return": i - 1}) + b"\xff" +
               line({"return": str(i)}) + b"\xff" + line({"return": i})) as agent:
        succeeds(ask(agent, "status"))


def sync_byte_by_byte():
    def slowly(connection):
        request = b""
        while not request.endswith(b"\n"):
            request += connection.recv(4096)
        number = json.loads(request[1:])["arguments"]["id"]
        for byte in b"x\xff\xff" + line({"return": number}):
            connection.sendall(bytes([byte]))
        connection.recv(4096)
        for byte in line({"return": {}}):
            connection.sendall(bytes([byte]))
    with Agent(raw=slowly) as agent:
        succeeds(ask(agent, "ping"))


def flood_before_the_sync():
    def flood(connection):
        while True:
            connection.sendall(event(1) * 200)
    with Agent(raw=flood) as agent:
        fails(ask(agent, "--timeout", "1", "ping"), "no answer within")


def flood_of_events_before_an_answer():
    def flood(connection, _):
        while True:
            connection.sendall(event(1) * 200)
    with Agent(answers={"guest-ping": b""}, after=flood) as agent:
        fails(ask(agent, "--timeout", "1", "ping"), "no answer within")


def huge_line_before_the_sync():
    with Agent(hello=b"x" * (70 * MIB) + b"\n") as agent:
        succeeds(ask(agent, "--timeout", str(program.patience(25)), "ping"))


def huge_line_as_an_answer():
    def flood(connection, _):
        for _ in range(70):
            connection.sendall(b" " * MIB)
        time.sleep(5)
    with Agent(answers={"guest-ping": b'{"return":'}, after=flood) as agent:
        fails(ask(agent, "--timeout", str(program.patience(20)), "ping"), "answer too large")


def huge_line_without_end_keeps_memory_small():
    def flood(connection):
        while True:
            connection.sendall(b"x" * MIB)
    with Agent(raw=flood) as agent:
        child = subprocess.Popen(ctl("--socket", agent.path, "--timeout", "3", "ping"),
                                 stderr=subprocess.PIPE)
        timer = threading.Timer(LIMIT, child.kill)
        timer.start()
        err = child.stderr.read()
        child.stderr.close()
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = status
        timer.cancel()
        check(os.WIFEXITED(status) and os.WEXITSTATUS(status) == 1, err)
        check(b"no answer within" in err, err)
        # two copies at most while the buffer grows; a sanitizer build keeps freed memory
        check(usage.ru_maxrss < 640 * 1024 or program.WRAPPER, "%d KiB" % usage.ru_maxrss)


# Answers that are wrong

def error_reply():
    error = line({"error": {"class": "GenericError", "desc": "no \x1b[2Jluck\n"}})
    with Agent(answers={"memonline-status": error}) as agent:
        result = ask(agent, "status")
        fails(result, "no \\x1b[2Jluck\\n")
        clean(result.err)


def not_memonlined():
    error = line({"error": {"class": "CommandNotFound",
                            "desc": "The command memonline-status has not been found"}})
    with Agent(answers={"memonline-status": error}) as agent:
        fails(ask(agent, "status"), "has not been found", "does memonlined answer")


def error_without_members():
    for error in ({}, None, 7, {"class": 1, "desc": []}):
        with Agent(answers={"guest-ping": line({"error": error})}) as agent:
            fails(ask(agent, "ping"), "refused")


def nonsense_as_an_answer():
    deep = b'{"return": ' + b"[" * 5000 + b"]" * 5000 + b"}\n"
    for bad in (b"hello\n", b"{}\n", b"[]\n", b"null\n", b"\x00\n", b'{"return"\n',
                b'"return"\n'):
        with Agent(answers={"guest-ping": bad}) as agent:
            fails(ask(agent, "ping"), "expected memonline-protocol")
    with Agent(answers={"guest-ping": deep}) as agent:
        fails(ask(agent, "ping"), "too large")


def without(value, name):
    return {key: value[key] for key in value if key != name}


WRONG = (None, {}, [], True, 1.5, -1)


def spoilt(value):
    """Each member once missing and once of every wrong type."""
    for name in value:
        yield name, without(value, name)
        for wrong in WRONG:
            if type(wrong) is type(value[name]) or name == "node" and wrong == -1:
                continue
            yield name, dict(value, **{name: wrong})
        if not isinstance(value[name], str):
            yield name, dict(value, **{name: "text"})


def each_is_refused(verb, command, wrap, value):
    for name, bad in program.some_of(spoilt(value)):
        if name in ("errno", "seconds", "microseconds") and bad.get(name) == -1:
            continue  # any integer will do
        with Agent(answers={command: wrap(bad)}) as agent:
            fails(ask(agent, verb), "invalid answer", "'%s'" % name)


def status_with_wrong_members():
    each_is_refused("status", "memonline-status", lambda bad: bad, STATUS)


def status_with_wrong_totals():
    each_is_refused("status", "memonline-status", lambda bad: dict(STATUS, memory=[bad]),
                    STATUS["memory"][0])


def stats_with_wrong_members():
    for name, bad in program.some_of(spoilt(STATS)):
        if bad.get(name, 1) in (None, 0):
            continue  # null may stand there, and 0 is a number
        with Agent(answers={"memonline-stats": bad}) as agent:
            fails(ask(agent, "stats"), "invalid answer", "'%s'" % name)
    for name in ("kernel-zones", "pressure-full"):
        bad = dict(STATS, **{name: dict.fromkeys(STATS[name], -1)})
        with Agent(answers={"memonline-stats": bad}) as agent:
            fails(ask(agent, "stats"), "invalid answer")


def list_with_wrong_members():
    each_is_refused("list", "memonline-get-ranges", lambda bad: [RANGES[0], bad],
                    RANGES[1])


def reports_with_wrong_members():
    answer = ANSWERS["memonline-get-reports"]
    each_is_refused("reports", "memonline-get-reports", lambda bad: bad,
                    {key: answer[key] for key in ("instance", "lost", "last-seq")})


def reports_with_wrong_ranges():
    each_is_refused("reports", "memonline-get-reports",
                    lambda bad: reports(report(1, ranges=[RANGE, bad])), RANGE)


def reports_without_a_time():
    for bad, name in ((without(report(1), "timestamp"), "timestamp"),
                      (dict(report(1), timestamp={"microseconds": 1}), "seconds")):
        with Agent(answers={"memonline-get-reports": reports(bad)}) as agent:
            fails(ask(agent, "reports"), name)


def return_of_another_type():
    for verb, command in (("status", "memonline-status"),
                          ("stats", "memonline-stats"),
                          ("metrics", "memonline-stats"),
                          ("metrics", "memonline-status"),
                          ("list", "memonline-get-ranges"),
                          ("list", "guest-get-memory-block-info"),
                          ("reports", "memonline-get-reports"),
                          ("watch", "memonline-status"),
                          ("watch", "memonline-subscribe")):
        for wrong in (None, 7, "text", {}, [[]], [None]):
            with Agent(answers={command: wrong}) as agent:
                result = ask(agent, verb, *(["-n"] if verb == "watch" else []))
                fails(result, "invalid answer")


def list_with_impossible_numbers():
    for size in (0, 1, 3 * MIB, 4096):
        with Agent(answers={"guest-get-memory-block-info": {"size": size}}) as agent:
            fails(ask(agent, "list"), "'size'")
    most = 2 ** 63 - 1
    for start, size in ((0, 0), (most, 1), (most, most), (2 ** 70, BLOCK), (BLOCK, 2 ** 70)):
        bad = dict(RANGES[0], start=start, size=size)
        with Agent(answers={"memonline-get-ranges": [bad]}) as agent:
            fails(ask(agent, "list"), "'start'" if start > most else "'size'")


def empty_words():
    ranges = [dict(RANGES[0], state="", zones=["", ""], reason=""),
              dict(RANGES[1], zones=[""])]
    text = succeeds(ask_with({"memonline-get-ranges": ranges}, "list", "-n"))
    check(text.splitlines()[0].split()[2:4] == ["-", "/"], text)
    got = json.loads(succeeds(ask_with({"memonline-get-ranges": ranges}, "list", "-J")))
    check(got["memory"][0]["reason"] is None, got)


def list_all_of_too_many():
    big = dict(RANGES[0], start=0, size=2 ** 62)
    with Agent(answers={"memonline-get-ranges": [big]}) as agent:
        fails(ask(agent, "list", "--all"), "too many memory blocks")
    succeeds(ask_with({"memonline-get-ranges": [big]}, "list"))


# What a guest could do to the terminal of its host

EVIL = "\x1b]0;owned\x07\x1b[2J\r\nfake\x7f\x9b31m\u202e\u00e9\\"


def evil(value):
    return {key: EVIL if isinstance(value[key], str) else value[key] for key in value}


def terminal_escapes_in_text():
    status = evil(STATUS)
    status["memory"] = [{"node": 0, "state": EVIL, "zone": EVIL, "size": 1}]
    status["racing-rules"] = [EVIL]
    status["port"] = {"name": EVIL, "open": True, "errno": 0}
    ranges = [dict(RANGES[0], state=EVIL, zones=[EVIL, EVIL], reason=EVIL)]
    answers = {"memonline-status": status, "memonline-get-ranges": ranges,
               "memonline-get-reports": reports(report(1, ranges=[evil(RANGE)]))}
    text = succeeds(ask_with(answers, "metrics"))
    clean(text)
    check('state="?]0;owned??[2J?\\nfake?' in text, text)
    for verb, rows in (("status", 15), ("list", 2 + 4), ("reports", 2)):
        text = succeeds(ask_with(answers, verb))
        clean(text)
        check("\\x1b]0;owned\\x07\\x1b[2J\\r\\nfake\\x7f" in text, text)
        check(text.count("\n") == rows, "%s: %r" % (verb, text))


def terminal_escapes_in_json():
    status = dict(STATUS, kernel=EVIL)
    status[EVIL] = [EVIL, "\U0001f600"]
    answers = {"memonline-status": status,
               "memonline-get-ranges": [dict(RANGES[0], reason=EVIL)]}
    text = succeeds(ask_with(answers, "status", "--json"))
    clean(text)
    check(json.loads(text) == status, text)
    text = succeeds(ask_with(answers, "list", "-J"))
    clean(text)
    check(json.loads(text)["memory"][0]["reason"] == EVIL, text)


def broken_utf8():
    broken = b"a\xc3(\xe2\x82\xf0\x9f\x80\x80\xc0\x80z"
    raw = json.dumps(STATUS).encode().replace(b"6.1.0-test", broken)
    for option in ([], ["--json"]):
        with Agent(answers={"memonline-status": b'{"return": ' + raw + b"}\n"}) as agent:
            result = ask(agent, "status", *option)
            clean(result.out + result.err)
            if result.code == 0 and option:
                json.loads(result.out)


# Good answers

def ping():
    with Agent() as agent:
        check(agent.path in succeeds(ask(agent, "ping")), "no path")
        names = [request["execute"] for request in agent.requests]
        check(names == ["guest-sync-delimited", "guest-ping"], names)
        number = agent.requests[0]["arguments"]["id"]
        check(0 <= number < 2 ** 63, number)
    check(json.loads(succeeds(ask_with({}, "ping", "-J"))) == {}, "json")


def sync_ids_differ():
    seen = set()
    for _ in range(5):
        with Agent() as agent:
            succeeds(ask(agent, "ping"))
            seen.add(agent.requests[0]["arguments"]["id"])
    check(len(seen) == 5, seen)


def events_between():
    with Agent(before=event(8) + line({"event": "OTHER"}) + event(9)) as agent:
        check("Policy:" in succeeds(ask(agent, "status")), "status")


def status():
    with Agent() as agent:
        text = succeeds(ask(agent, "status"))
    for key, value in (("Version", "0.1"), ("Kernel", "6.1.0-test"),
                       ("Policy", "online"), ("Executor", "agent"),
                       ("Event source", "udev"), ("Block size", "128M"),
                       ("Last report", "7"), ("Writes pending", "0"),
                       ("Racing rule", "/etc/udev/rules.d/99-x.rules"),
                       ("Blocks refused", "1"),
                       ("Memory", "1G online, zone DMA32, node 0"),
                       ("Memory", "1.5G offline, node 1")):
        check(re.search("^%s: +%s$" % (re.escape(key), re.escape(value)), text, re.M),
              "%s in %r" % (key, text))
    check("134217728" in succeeds(ask_with({}, "status", "--bytes")), "bytes")


def status_of_a_write_that_is_held_up():
    held = {"phys-index": 40, "word": "online", "elapsed-usec": 12345678, "going-offline": 34}
    for going, more in ((held, "; memory34 is being taken offline"),
                        ({key: held[key] for key in held if key != "going-offline"}, "")):
        text = succeeds(ask_with({"memonline-status": dict(STATUS, **{"held-up": going})},
                                 "status"))
        check(re.search("^Held up: +memory40 online, 12 s%s$" % more, text, re.M), text)
    for key in held:
        bad = {"memonline-status": dict(STATUS, **{"held-up": dict(held, **{key: []})})}
        fails(ask_with(bad, "status"))


def status_of_the_port():
    for number, words in ((0, "open"), (errno.ENOENT, "missing"),
                          (errno.EBUSY, "open in another program"),
                          (errno.EPERM, "cannot be opened: Operation not permitted"),
                          (2 ** 40, "cannot be opened: .*")):
        port = {"name": "org.example.0", "open": number == 0, "errno": number}
        text = succeeds(ask_with({"memonline-status": dict(STATUS, port=port)}, "status"))
        check(re.search("^Port: +org.example.0, %s$" % words, text, re.M), text)
    check("Port:" not in succeeds(ask_with({}, "status")), "a port that nobody told of")
    for bad in ([], {}, {"name": 1, "errno": 0}, {"name": "p", "errno": -1}):
        fails(ask_with({"memonline-status": dict(STATUS, port=bad)}, "status"))


def status_json():
    with Agent(answers={"memonline-status": dict(STATUS, novel=[1])}) as agent:
        text = succeeds(ask(agent, "--json", "status"))
    check(json.loads(text) == dict(STATUS, novel=[1]), text)


LIST = """\
RANGE                                  SIZE   STATE          ZONES NODE BLOCK REASON
0x0000000000000000-0x00000000bfffffff    3G  online          DMA32    0  0-23 already-online
0x0000000100000000-0x000000011fffffff  512M  online         Normal    0 32-35 policy
0x0000000140000000-0x0000000147ffffff  128M offline Normal/Movable    -    40 refused
0x0000000180000000-0x000000018fffffff  256M offline              -    - 48-49 none

Memory block size:        128M
Total online memory:      3.5G
Total offline memory:     384M
"""


def list_text():
    with Agent() as agent:
        text = succeeds(ask(agent, "list"))
    check(text == LIST, "\n" + text)
    text = succeeds(ask_with({}, "list", "-n"))
    check(len(text.splitlines()) == 4 and "RANGE" not in text, text)
    text = succeeds(ask_with({}, "list", "-b"))
    check("3221225472" in text and "536870912" in text, text)


def list_columns():
    text = succeeds(ask_with({}, "list", "-n", "-o", "block,SIZE"))
    check(text.split() == "0-23 3G 32-35 512M 40 128M 48-49 256M".split(), text)
    text = succeeds(ask_with({}, "list", "-o", "+node"))
    check(text.splitlines()[0].split() == LIST.splitlines()[0].split(), text)
    for bad in ("", "nope", "SIZE,", "+", ",SIZE", "SIZE,NOPE"):
        result = run("--socket", "/nonexistent", "list", "-o", bad)
        check(result.code == 1 and "unknown column" in result.err, result)


def list_all():
    text = succeeds(ask_with({}, "list", "-a", "-n", "-o", "BLOCK,SIZE"))
    wanted = list(range(24)) + list(range(32, 36)) + [40, 48, 49]
    check(text.split() == [word for n in wanted for word in (str(n), "128M")], text)


def list_json():
    with Agent() as agent:
        got = json.loads(succeeds(ask(agent, "list", "-J")))
    check(got["memory"][1] == {
        "range": "0x0000000100000000-0x000000011fffffff", "size": "512M",
        "state": "online", "zones": "Normal", "node": 0, "block": "32-35",
        "reason": "policy"}, got)
    check(got["memory"][3]["zones"] is None and got["memory"][3]["node"] is None, got)
    got = json.loads(succeeds(ask_with({}, "list", "-J", "-b", "-o", "SIZE")))
    check(got["memory"][0] == {"size": 3 * GIB}, got)
    with Agent(answers={"memonline-get-ranges": []}) as agent:
        check(json.loads(succeeds(ask(agent, "list", "-J"))) == {"memory": []}, "empty")


def list_of_many():
    many = [dict(RANGES[1], start=i * BLOCK, size=BLOCK) for i in range(32768)]
    with Agent(answers={"memonline-get-ranges": many}) as agent:
        text = succeeds(ask(agent, "--timeout", str(program.patience(20)), "list", "-n"))
    check(len(text.splitlines()) == 32768, len(text.splitlines()))


REPORTS = """\
 SEQ TIME                 RANGE                                  SIZE NODE FROM    TO      \
REQUESTED      ZONE    RESULT  ERRNO  REASON              ELAPSED
   6 2025-01-01T00:00:00Z 0x0000000100000000-0x000000011fffffff  512M    0 offline online  \
online         Normal  success -      policy            0.012345s
   7 2025-01-01T00:00:00Z 0x0000000100000000-0x000000011fffffff  512M    0 offline online  \
online         Normal  success -      policy            0.012345s
   7 2025-01-01T00:00:00Z 0x0000000140000000-0x0000000147ffffff  128M    0 offline offline \
online         unknown failed  EBUSY  refused           0.012345s
"""


def reports_text():
    with Agent() as agent:
        text = succeeds(ask(agent, "reports", "--since", "5", "--max", "9"))
        check(text == REPORTS, "\n" + text)
        check(agent.requests[1]["arguments"] == {"since": 5, "max": 9}, agent.requests)


def reports_lost():
    with Agent(answers={"memonline-get-reports": reports(report(7), lost=4)}) as agent:
        result = ask(agent, "reports", "-n", "-o", "SEQ,INSTANCE,ERRNO")
        check(result.code == 0 and result.out.split() == ["7", "i-1", "-"], result)
        check("4 reports after number 0 are lost" in result.err, result)


def reports_json():
    with Agent() as agent:
        got = json.loads(succeeds(ask(agent, "reports", "-J")))
    check(got == ANSWERS["memonline-get-reports"], got)


def report_without_ranges():
    with Agent(answers={"memonline-get-reports": reports(report(7, ranges=[]))}) as agent:
        text = succeeds(ask(agent, "reports", "-n", "-o", "SEQ,RANGE"))
        check(text.split() == ["7", "-"], text)


# watch

def watch_lines(agent, count, *arguments):
    """Starts watch, returns it and the first lines of it as they come."""
    child = subprocess.Popen(ctl("--socket", agent.path, "watch", *arguments),
                             stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE)
    timer = threading.Timer(LIMIT, child.kill)
    timer.start()
    lines = [child.stdout.readline().decode() for _ in range(count)]
    return child, timer, lines


def finish(child, timer):
    out, err = child.communicate(timeout=LIMIT)
    timer.cancel()
    return Result(child.returncode, out.decode(), err.decode())


def after_subscribe(*events):
    def send(connection, name):
        if name == "memonline-subscribe":
            connection.sendall(b"".join(events))
    return send


def watch_prints_as_it_comes():
    with Agent(after=after_subscribe(event(8), event(9))) as agent:
        child, timer, lines = watch_lines(agent, 3)
        check(child.poll() is None, "ended by itself")
        check(lines[0].split()[0] == "SEQ" and lines[1].split()[0] == "8" and
              lines[2].split()[0] == "9", lines)
        check(len({text.index(mark) for text, mark in
                   zip(lines, ("REASON", "policy", "policy"))}) == 1, lines)
        child.send_signal(signal.SIGINT)
        result = finish(child, timer)
        check(result.code == 0 and result.err == "", result)
        check(agent.requests[-1]["arguments"] == {"since": 7}, agent.requests)


def watch_heading_before_any_report():
    with Agent() as agent:
        child, timer, lines = watch_lines(agent, 1)
        check(lines[0].split()[0] == "SEQ", lines)
        child.send_signal(signal.SIGINT)
        check(finish(child, timer).code == 0, "code")


def watched(agent, *arguments):
    child, timer, _ = watch_lines(agent, 0, "-n", "-o", "SEQ", *arguments)
    return finish(child, timer)


def bye(*events):
    def send(connection, name):
        if name == "memonline-subscribe":
            connection.sendall(b"".join(events))
            connection.shutdown(socket.SHUT_RDWR)
    return send


def watch_closed():
    with Agent(after=bye(event(8))) as agent:
        result = watched(agent)
        check(result.code == 1 and result.out.split() == ["8"], result)
        check("closed by the other end" in result.err, result)


def watch_nothing_twice():
    """What was pushed before the subscription comes again after it."""
    again = bye(event(8), event(9), event(9), event(10))
    with Agent(before=event(8) + event(9), after=again) as agent:
        result = watched(agent)
        check(result.out.split() == ["8", "9", "10"], result)
        check("lost" not in result.err, result)


def watch_from_the_beginning():
    """An event that overtakes older ones must not hide them."""
    def answer(request):
        check(request.get("arguments", {}).get("since", 0) == 0, request)
        return event(5) + line({"return": {"instance": "i-1", "last-seq": 5, "lost": 2}})
    with Agent(answers={"memonline-subscribe": answer},
               after=bye(event(3), event(4), event(5))) as agent:
        result = watched(agent, "--since", "0")
        check(result.out.split() == ["3", "4", "5"], result)
        check("2 reports after number 0 are lost" in result.err and
              result.err.count("lost") == 1, result)


def watch_since_a_number_never_given():
    with Agent(after=bye(event(1), event(2))) as agent:
        result = watched(agent, "--since", "99")
        check(result.out.split() == ["1", "2"], result)
        check("report 99 does not exist yet" in result.err, result)


def watch_gap():
    with Agent(after=bye(event(8), event(11))) as agent:
        result = watched(agent)
        check(result.out.split() == ["8", "11"], result)
        check("2 reports after number 8 are lost" in result.err, result)


def watch_new_instance():
    """The guest reboots behind a channel that stays open, in the middle of a line."""
    with Agent(after=bye(event(8), b'{"event": "MEMONLINE_RE\n',
                         event(1, instance="i-\x1b2"))) as agent:
        result = watched(agent)
        check(result.out.split() == ["8", "1"], result)
        check("ignoring an invalid line" in result.err, result)
        check("instance i-\\x1b2" in result.err, result)
        clean(result.err)


def watch_other_lines():
    others = bye(line({"event": "OTHER", "data": 1}), line({"event": 7}), event(8),
                 line({"return": {}}), line({"error": {}}))
    with Agent(after=others) as agent:
        check(watched(agent).out.split() == ["8"], "other lines")


def watch_broken_event():
    for name in ("instance", "seq", "ranges", "elapsed-usec"):
        bad = line(dict(json.loads(event(8)), data=without(report(8), name)))
        with Agent(after=bye(bad)) as agent:
            result = watched(agent)
            check(result.code == 1 and "'%s'" % name in result.err, result)


def watch_json():
    with Agent(after=bye(event(8))) as agent:
        child, timer, lines = watch_lines(agent, 1, "--json")
        finish(child, timer)
        check(json.loads(lines[0]) == json.loads(event(8)), lines)


# A sync that is lost, and its answers that come late

def sync_lost():
    seen = []

    def forget_first(number):
        seen.append(number)
        return b"" if len(seen) == 1 else b"\xff" + line({"return": number})
    with Agent(sync=forget_first) as agent:
        succeeds(ask(agent, "status"))
        check(len(seen) == 2 and seen[0] != seen[1], seen)


def sync_answered_late():
    """Both answers come after the second: neither is taken for that of the request."""
    seen = []

    def both(number):
        seen.append(number)
        return b"" if len(seen) == 1 else b"".join(
            b"\xff" + line({"return": i}) for i in seen)
    with Agent(sync=both) as agent:
        check(json.loads(succeeds(ask(agent, "status", "-J"))) == STATUS, "status")


def sync_never_answered():
    with Agent(sync=lambda _: b"") as agent:
        fails(ask(agent, "--timeout", "3", "ping"), "no answer within", "does memonlined run in the guest?")
        check(2 <= len(agent.requests) <= 4, agent.requests)


# online, offline

def acted(result, *blocks):
    return {"result": result, "blocks": list(blocks)}


def acted_block(number, **changes):
    return dict({"phys-index": number, "response": "success", "state": "online",
                 "errno": 0, "reason": "requested"}, **changes)


ACTED = """\
BLOCK RANGE                                  SIZE RESPONSE         STATE   ERRNO REASON
32-34 0x0000000100000000-0x0000000117ffffff  384M success          online  -     requested
   35 0x0000000118000000-0x000000011fffffff  128M operation-failed offline EBUSY refused
online: partial
"""


def online_partial():
    answer = acted("partial", *[acted_block(i) for i in (32, 33, 34)],
                   acted_block(35, response="operation-failed", state="offline",
                               errno=errno.EBUSY, reason="refused"))
    with Agent(answers={"memonline-online": answer}) as agent:
        result = ask(agent, "online", "0x100000000-0x11fffffff", "--word",
                     "online_movable")
        check(result.code == 64 and result.err == "", result)
        check(result.out == ACTED, "\n" + result.out)
        check(agent.requests[-1]["arguments"] == {
            "start": 4 * GIB, "size": 512 * MIB, "word": "online_movable"},
            agent.requests)
    with Agent(answers={"memonline-online": answer}) as agent:
        result = ask(agent, "online", "32-35", "--json")
        check(result.code == 64 and json.loads(result.out) == answer, result)
        check(agent.requests[-1]["arguments"] == {"start": 4 * GIB, "size": 512 * MIB},
              agent.requests)


def offline_codes():
    for word, code in (("done", 0), ("partial", 64), ("failed", 1), ("rolled-back", 1),
                       ("n\x1bew", 1)):
        with Agent(answers={"memonline-offline": acted(word, acted_block(32))}) as agent:
            result = ask(agent, "offline", "32", "--timeout-offline", "7")
            check(result.code == code and result.err == "", result)
            clean(result.out)
            check(agent.requests[-1]["arguments"] == {
                "start": 4 * GIB, "size": BLOCK, "timeout": 7}, agent.requests)


def offline_waits_for_its_own_time():
    def slow(_):
        time.sleep(2.5)
        return acted("done")
    with Agent(answers={"memonline-offline": slow}) as agent:
        text = succeeds(ask(agent, "--timeout", "1", "offline", "32",
                            "--timeout-offline", "4"))
        check(text == "offline: done\n", text)
    with Agent(answers={"memonline-offline": slow}) as agent:
        fails(ask(agent, "--timeout", "1", "offline", "32", "--timeout-offline", "1"),
              "no answer within")


def ranges_of_words():
    for word, start, size in (("0x100000000+512M", 4 * GIB, 512 * MIB),
                              ("0x100000000+1G", 4 * GIB, GIB),
                              ("0x100000000+131072K", 4 * GIB, BLOCK),
                              ("0x100000000+0x8000000", 4 * GIB, BLOCK),
                              ("0x100000000+134217728", 4 * GIB, BLOCK),
                              ("40", 5 * GIB, BLOCK), ("0-0", 0, BLOCK)):
        with Agent(answers={"memonline-online": acted("done")}) as agent:
            succeeds(ask(agent, "online", word))
            got = agent.requests[-1]["arguments"]
            check(got == {"start": start, "size": size}, (word, got))
    for word in ("", "x", "-1", "35-32", "0x2-0x1", "0x1", "0x", "0x1-", "1-", "0x1+0",
                 "0x1+1Q", "0x1+1MM", "0x1-0x2x", "0x1+9999999999G", " 1", "1 ",
                 "0x7fffffffffffffff+1", "99999999999999999999", "0x1-5"):
        result = run("--socket", "/nonexistent", "online", "--", word)
        check(result.code == 1 and "invalid RANGE" in result.err, (word, result))
    with Agent() as agent:  # only the size of a block shows it
        fails(ask(agent, "online", "9223372036854775806"), "invalid RANGE")


def act_with_wrong_members():
    good = acted("done", acted_block(32))
    for name in good:
        fails(ask_with({"memonline-online": without(good, name)}, "online", "32"),
              "'%s'" % name)
    for bad in ({"phys-index": -1}, {"phys-index": 1 << 62}, {"errno": "x"},
                {"response": 1}, {"state": []}, {"reason": {}}):
        answer = acted("done", acted_block(32, **bad))
        fails(ask_with({"memonline-online": answer}, "online", "32"),
              "'%s'" % list(bad)[0])
    fails(ask_with({"memonline-online": acted("done", 7)}, "online", "32"), "phys-index")
    fails(ask_with({"memonline-online": []}, "online", "32"), "result")
    text = succeeds(ask_with({"memonline-online": acted("done", {"phys-index": 32})},
                             "online", "32", "-n", "-o", "BLOCK,RESPONSE,ERRNO"))
    check(text.split() == ["32", "unknown", "-", "online:", "done"], text)
    text = succeeds(ask_with({"memonline-online": acted(
        "done", acted_block(32, reason="\x1b[2J"))}, "online", "32"))
    clean(text)


def online_progress():
    """On a terminal, while the agent is still working; other output is ignored."""
    asked = []

    def slow(connection):
        rest = b""
        while True:
            got = connection.recv(65536)
            if not got:
                return
            *lines, rest = (rest + got).split(b"\n")
            for text in lines:
                request = json.loads(text.split(b"\xff")[-1])
                name, number = request["execute"], request.get("arguments", {}).get("id")
                if name == "guest-sync-delimited":
                    connection.sendall(b"\xff" + line({"return": number}))
                elif name == "guest-get-memory-block-info":
                    connection.sendall(line({"return": {"size": BLOCK}}))
                elif name == "memonline-online":
                    asked.append(request["arguments"].get("progress"))
                    for data in ({}, {"done": 1, "blocks": 78}, {"done": 9, "blocks": 2}):
                        connection.sendall(line({"event": "MEMONLINE_PROGRESS", "data": data}))
                    connection.sendall(line({"event": "OTHER", "data": {}}))
                    connection.sendall(line({"return": acted("done")}))
    try:
        master, slave = pty.openpty()
    except OSError as reason:
        return "no terminal can be made here: %s" % reason
    with Agent(raw=slow) as agent:
        child = subprocess.Popen(ctl("--socket", agent.path, "online", "32"),
                                 stdout=subprocess.PIPE, stderr=slave)
        out, _ = child.communicate(timeout=LIMIT)
    os.close(slave)
    shown = os.read(master, 4096)
    os.close(master)
    check(child.returncode == 0 and out == b"online: done\n", out)
    check(b"77 blocks pending" in shown and shown.endswith(b"\r\x1b[K"), shown)
    check(asked == [True], asked)


# reconcile

DIMMS = [{"type": "dimm", "data": {"id": "d%d" % number, "addr": 4 * GIB, "size": GIB}}
         for number in range(3)]
COMPLETE_DIMM = {
    "type": "dimm", "id": "d0", "slot": 0, "start": 4 * GIB, "size": GIB, "online": GIB,
    "node": 0, "zones": ["Movable"], "removable": "yes", "verdict": "complete",
    "cause": "none", "missing": []}
PARTIAL_DIMM = dict(
    COMPLETE_DIMM, id="d1", slot=1, start=5 * GIB, online=512 * MIB,
    zones=["Normal", "Movable"], removable="no", verdict="partial", cause="refused",
    missing=[{"state": "offline", "reason": "refused", "size": 384 * MIB},
             {"state": "absent", "reason": "not-added", "size": BLOCK}],
    remarks=["node-differs"])
ABSENT_DIMM = dict(
    COMPLETE_DIMM, id="d2", slot=2, start=6 * GIB, online=0, node=-1, zones=[],
    verdict="absent", cause="memory-short", log="acpi PNP0C80:02: add_memory failed",
    missing=[{"state": "absent", "reason": "memory-short", "size": GIB}])
NOT_RAM = {
    "type": "hv-balloon", "online": 0, "node": -1, "zones": [], "removable": "yes",
    "verdict": "absent", "cause": "not-ram",
    "missing": [{"state": "absent", "reason": "not-ram", "size": 0}]}
RECONCILED = """\
DEVICE SLOT RANGE                                  SIZE ONLINE ZONES          NODE REMOVABLE \
VERDICT  CAUSE             REMARKS
d0        0 0x0000000100000000-0x000000013fffffff    1G     1G Movable           0 yes       \
complete -                 -
d1        1 0x0000000140000000-0x000000017fffffff    1G   512M Normal/Movable    0 no        \
partial  refused/not-added node-differs
d2        2 0x0000000180000000-0x00000001bfffffff    1G     0B -                 - yes       \
absent   memory-short      -
-         - -                                         -     0B -                 - yes       \
absent   not-ram           -
"""


def reconcile(answer, given, *arguments):
    with Agent(answers={"memonline-reconcile": answer}) as agent:
        result = run("--socket", agent.path, "reconcile", *arguments, input=given.encode())
        return result, [request for request in agent.requests
                        if request["execute"] == "memonline-reconcile"]


def reconcile_bad_input():
    for given in ("", " \n", "1", "{", "[", "[1] x", '"x"', "{}", '{"return": {}}',
                  '{"error": 1}', "\x1b[2J", "[" * 100 + "]" * 100, "[" + "1," * 600000):
        result, requests = reconcile([], given)
        fails(result, "standard input" if len(given) > 1 << 20 else "invalid list of memory devices")
        check(requests == [], "asked all the same: %s" % given[:100])
    result, _ = reconcile([], '{"error": {"class": "X", "desc": "not \x1b now"}}'.replace(
        "\x1b", "\\u001b"))
    fails(result, "QEMU refused: not \\x1b now")


def reconcile_wrong_members():
    for name in ("type", "online", "node", "removable", "verdict", "cause", "zones", "missing"):
        result, _ = reconcile([without(COMPLETE_DIMM, name)], "[]")
        fails(result, "'%s'" % name)
    for bad in ({"slot": "x"}, {"start": -1}, {"size": 1 << 63}, {"id": 1}, {"log": []},
                {"zones": 1}, {"missing": {}}, {"remarks": 1}, {"requested": -1}):
        result, _ = reconcile([dict(COMPLETE_DIMM, **bad)], "[]")
        fails(result, "'%s'" % list(bad)[0])
    fails(reconcile({}, "[]")[0], "'return'")
    result, _ = reconcile([dict(PARTIAL_DIMM, zones=[1], missing=[2, {}], id="\x1b[2J")], "[]")
    check(result.code == 64 and "unknown/unknown" in result.out, result)
    clean(result.out)


def reconcile_table():
    answer = [COMPLETE_DIMM, PARTIAL_DIMM, ABSENT_DIMM, NOT_RAM]
    for given in (json.dumps(DIMMS), " \n" + json.dumps({"return": DIMMS, "id": "libvirt-9"},
                                                        indent=1) + "\n\n"):
        result, requests = reconcile(answer, given)
        check(result.out == RECONCILED and result.err == "", "\n" + result.out + result.err)
        check(result.code == 64, result)
        check(requests[0]["arguments"]["devices"] == json.loads(given), requests)
    result, _ = reconcile(answer, "[]", "--json")
    check(result.code == 64 and json.loads(result.out) == answer, result)
    result, _ = reconcile(answer, "[]", "-n", "-o", "TYPE,LOG")
    check("dimm       acpi PNP0C80:02: add_memory failed" in result.out, result)


def reconcile_codes():
    for answer, code in (([], 0), ([COMPLETE_DIMM], 0), ([COMPLETE_DIMM, NOT_RAM], 0),
                         ([PARTIAL_DIMM], 64), ([ABSENT_DIMM], 64),
                         ([dict(COMPLETE_DIMM, verdict="new")], 64)):
        result, _ = reconcile(answer, "[]")
        check(result.code == code and result.err == "", (answer, result))


GREETING = {"QMP": {"version": {}, "capabilities": []}}
RESUME = {"event": "RESUME", "timestamp": {"seconds": 1, "microseconds": 2}}


def monitor(greeting=line(GREETING), capabilities=line({"return": {}}),
            devices=line({"return": DIMMS})):
    """QEMU's monitor: it greets, and refuses all else before qmp_capabilities."""
    def serve(connection):
        connection.sendall(greeting)
        file = connection.makefile("rb")
        for name, answer in (("qmp_capabilities", capabilities),
                             ("query-memory-devices", devices)):
            got = file.readline()
            if not got:
                return
            check(json.loads(got) == {"execute": name}, got)
            connection.sendall(line(RESUME) + answer)
        file.readline()
    return Agent(raw=serve)


def with_monitor(qmp, *arguments):
    with qmp, Agent(answers={"memonline-reconcile": [COMPLETE_DIMM]}) as agent:
        result = run("--socket", agent.path, "--timeout", "2", "reconcile", "--qmp", qmp.path,
                     *arguments)
        return result, agent.requests[-1]


def reconcile_monitor():
    result, request = with_monitor(monitor())
    check(result.code == 0 and "d0" in result.out and result.err == "", result)
    check(request["arguments"]["devices"] == DIMMS, request)
    refused = line({"error": {"class": "GenericError", "desc": "not\x1b now"}})
    fails(with_monitor(monitor(devices=refused))[0], "QEMU refused: not\\x1b now")
    fails(with_monitor(monitor(capabilities=refused))[0], "QEMU refused")
    fails(with_monitor(monitor(greeting=line({"return": {}})))[0], "expected QMP")
    fails(with_monitor(monitor(greeting=b"nonsense\n"))[0], "expected QMP")
    fails(with_monitor(monitor(greeting=b""))[0], "no answer from QEMU", "within 2 s")
    fails(with_monitor(monitor(devices=b""))[0], "no answer from QEMU")
    fails(with_monitor(monitor(devices=b"{}\n"))[0], "expected QMP")
    fails(with_monitor(monitor(devices=line({"return": {}})))[0], "invalid list of memory devices")
    fails(with_monitor(Agent(raw=lambda connection: None))[0], "monitor in use, or QEMU has ended")
    with Agent() as agent:
        fails(ask(agent, "reconcile", "--qmp", "/nonexistent"), "no such socket")


HOSTILE_KIB = 16 << 10
HOSTILE_SHAPES = (b"{},", b"[],", b"1,", b'"",', b'{"a":{}},')


def hostile_line(shape, size=4 << 20):
    return b'{"return": [' + shape * ((size - 32) // len(shape)) + b"0]}\n"


def most_resident(*arguments):
    """VmHWM of one memonlinectl in KiB, read until it ends."""
    process = subprocess.Popen(ctl(*arguments), stdin=subprocess.DEVNULL,
                               stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return program.most_resident(process, LIMIT)


def stays_below(most, limit, shape):
    check(most <= limit or not program.is_itself(), "%r: %d KiB" % (shape, most))


def hostile_sync():
    """Until a guest has answered the sync it costs the host next to nothing."""
    for shape in HOSTILE_SHAPES:
        hostile = hostile_line(shape)
        with Agent(hello=hostile, sync=lambda number, bad=hostile: bad) as agent:
            most = most_resident("--socket", agent.path, "--timeout", "2", "status")
        stays_below(most, HOSTILE_KIB, shape)


def hostile_answer():
    for shape in HOSTILE_SHAPES:
        hostile = hostile_line(shape)
        with Agent({"memonline-status": hostile}) as agent:
            stays_below(most_resident("--socket", agent.path, "status"), HOSTILE_KIB, shape)


def hostile_monitor():
    """Above the bytes of a monitor's line, and just below them."""
    for shape in HOSTILE_SHAPES:
        for size in (4 << 20, 1 << 20):
            with monitor(devices=hostile_line(shape, size)) as qmp, Agent() as agent:
                most = most_resident("--socket", agent.path, "reconcile", "--qmp", qmp.path)
            stays_below(most, HOSTILE_KIB, shape)


def reconcile_monitor_in_use():
    with monitor(greeting=b"") as qmp, Agent() as agent:
        with socket.socket(socket.AF_UNIX) as other:
            other.connect(qmp.path)
            fails(ask(agent, "--timeout", "1", "reconcile", "--qmp", qmp.path),
                  qmp.path + ": monitor in use by another client")


def waits_for_what_is_pending():
    """Nothing pending may be the moment before the plan: it has to be seen twice."""
    busy = dict(STATUS, pending=3, failed=0)
    calm = dict(STATUS, failed=0)
    for states, arguments, code, word in (
            ([busy, calm, busy, calm, calm], [], 0, "done"),
            ([dict(STATUS, failed=2)], [], 64, "partial"),
            ([busy], ["--timeout-wait", "1"], 1, "timed-out")):
        left = list(states)
        with Agent({"memonline-status": lambda _, left=left: left.pop(0) if len(left) > 1
                    else left[0]}) as agent:
            result = ask(agent, "wait", *arguments)
        check(result.code == code and "wait: " + word in result.out, result)
        check(len(left) == 1, "%d answers were not asked for" % (len(left) - 1))


# bash completion

COMPLETE = """\
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_memonlinectl; printf '%s\n' "${COMPREPLY[@]}"
"""


def completion():
    here = os.path.dirname(os.path.abspath(__file__))
    script = os.path.join(here, "..", "..", "agent", "ctl", "memonlinectl.bash")
    if not shutil.which("bash") or not os.path.exists(script):
        return "no bash, or not in the tree"

    def complete(*words):
        command = ["bash", "-c", COMPLETE, "bash", script] + ctl()[-1:]
        out = subprocess.run(command + list(words), stdout=subprocess.PIPE, check=True,
                             timeout=LIMIT).stdout.decode()
        return set(out.split())
    text = succeeds(run("--help")).split("Options:")[0]
    verbs = set(re.findall(r"^ ([a-z]+) ", text, re.M))
    check(complete("") == verbs, complete(""))
    for verb in verbs - {"help"}:
        text, _, columns = succeeds(run("help", verb)).partition("\nColumns:")
        options = set(re.findall(r"^ .*(--[a-z-]+)", text, re.M))
        check(complete(verb, "--") == options, (verb, complete(verb, "--"), options))
        columns = set(re.findall(r"^ +([A-Z]+) ", columns, re.M))
        check(complete(verb, "-o", "") == columns, (verb, columns))
    check(complete("list", "-o", "SIZE,ST") == {"SIZE,STATE"}, "columns")
    check(complete("--socket", "g", "l") == {"list"}, "verb after an option")
    return None


# map and explain

MAPPED = [
    {"start": 0, "size": BLOCK, "node": 0, "state": "online", "zones": [], "reason": "x"},
    {"start": BLOCK, "size": 7 * BLOCK, "node": 0, "state": "online", "zones": ["DMA32"],
     "reason": "x"},
    {"start": 4 * GIB, "size": 2 * BLOCK, "node": 0, "state": "online", "zones": ["Movable"],
     "reason": "x", "dimm": 4 * GIB},
    {"start": 4 * GIB + 2 * BLOCK, "size": 2 * BLOCK, "node": 0, "state": "offline",
     "zones": ["Normal", "Movable"], "reason": "x", "dimm": 4 * GIB + 2 * BLOCK},
    {"start": 4 * GIB + 4 * BLOCK, "size": BLOCK, "node": 0, "state": "go\x1bing",
     "zones": [], "reason": "x", "dimm": 4 * GIB + 2 * BLOCK},
]

MAP = """\
0x0000000000000000  oKKKKKKK
0x0000000040000000  (nothing, 3G)
0x0000000100000000  MM|..?

. offline   K online, a zone for all uses   M online, Movable   o online, zone unknown   \
? neither online nor offline   | edge of a DIMM
One character: 128M
"""


def map_text():
    check(BLOCK == 128 * MIB, BLOCK)
    text = succeeds(ask_with({"memonline-get-ranges": MAPPED}, "map"))
    check(text == MAP, "\n" + text)


def map_of_nothing():
    text = succeeds(ask_with({"memonline-get-ranges": []}, "map"))
    check("One character: 128M" in text, text)


def map_of_many():
    """32768 blocks fit a screen; so does what a lying peer has."""
    blocks = [dict(MAPPED[3], start=i * BLOCK, size=BLOCK, zones=["Normal"] * (i % 2),
                   state="online" if i % 2 else "offline") for i in range(32768)]
    for ranges, word in ((blocks, "*"), ([dict(MAPPED[3], start=0, size=1 << 62)], ".")):
        text = succeeds(ask_with({"memonline-get-ranges": ranges}, "map"))
        check(len(text.splitlines()) < 40, text)
        check(set(text.splitlines()[0].split()[1]) == {word}, text)


def map_of_nonsense():
    for ranges in ([MAPPED[1], MAPPED[0]], [dict(MAPPED[0], size=2 * BLOCK), MAPPED[1]],
                   [dict(MAPPED[0], size=0)]):
        fails(ask_with({"memonline-get-ranges": ranges}, "map"))


def map_json():
    text = succeeds(ask_with({"memonline-get-ranges": MAPPED}, "map", "--json"))
    check(len(json.loads(text)["memory"]) == len(MAPPED), text)


def map_colour():
    """Only for a terminal that wants it."""
    def seen(**variables):
        reader, writer = os.openpty()
        with Agent(answers={"memonline-get-ranges": MAPPED}) as agent:
            env = {"PATH": os.environ["PATH"], "TERM": "xterm", "COLUMNS": "80"}
            result = run("--socket", agent.path, "map", stdout=writer,
                         env=dict(env, **variables))
        os.close(writer)
        text = os.read(reader, 65536).decode()
        os.close(reader)
        check(result.code == 0, (result, text))
        return text
    try:
        coloured = seen()
    except OSError as reason:
        return "no pty: %s" % reason
    check("\x1b[42;30mM\x1b[0m" in coloured and "go\x1bing" not in coloured, coloured)
    for variables in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        check("\x1b" not in seen(**variables), variables)
    return None


EXPLAINED = {"phys-index": 35, "word": "none", "reason": "offlined-elsewhere",
             "facts": [{"name": "state", "value": "offline"},
                       {"name": "was-online", "value": "yes, in\x1b this boot"}]}


def explain_text():
    for words, index in (("35", 35), ("memory35", 35), ("0x118000000", 35), ("0x0", 0)):
        with Agent(answers={"memonline-explain": EXPLAINED}) as agent:
            text = succeeds(ask(agent, "explain", words))
            check(agent.requests[-1]["arguments"] == {"phys-index": index}, agent.requests)
        clean(text)
        lines = text.splitlines()
        check(lines[0] == "memory35: left alone (offlined-elsewhere)", text)
        check("memonlinectl online" in lines[1], text)
        check(lines[2:] == ["", "state               offline",
                            "was-online          yes, in\\x1b this boot"], text)


def reasons_of_policy():
    """The names of all reasons that core/policy.c may give for a block, in the protocol's words."""
    here = os.path.dirname(os.path.abspath(__file__))
    core = os.path.join(here, "..", "..", "agent", "core")
    with open(os.path.join(core, "policy.c")) as source:
        used = set(re.findall(r"\bREASON_([A-Z_]+)", source.read())) - {"NONE"}
    with open(os.path.join(core, "reason.h")) as table:
        words = dict(re.findall(r"X\(([A-Z_]+),[\s\\]*\"([a-z-]+)\"", table.read()))
    return [words[name] for name in sorted(used)]


def explain_says_what_each_reason_means():
    check(len(reasons_of_policy()) > 10, reasons_of_policy())
    for reason in reasons_of_policy():
        answer = dict(EXPLAINED, reason=reason)
        text = succeeds(ask_with({"memonline-explain": answer}, "explain", "35"))
        check(text.splitlines()[1] != "", reason + " has no row in ctl/explain.c")


def explain_wrong_members():
    for change in ({"facts": 1}, {"facts": [{"name": "x"}]}, {"facts": ["x"]}, {"word": 1},
                   {"phys-index": -1}, {"reason": None}):
        fails(ask_with({"memonline-explain": dict(EXPLAINED, **change)}, "explain", "1"))


# The command line

def usage():
    for words in ("", "nope", "list more", "list --since 1", "--nope", "status -n",
                  "reports --since", "reports --since -1", "reports --since=+1",
                  "reports --max x", "reports --max 18446744073709551616",
                  "--timeout 0 ping", "--timeout 1.5 ping", "--socket= ping", "help nope",
                  "help list more", "online", "offline", "online 1 2", "online x",
                  "online 1 --word nope", "offline 1 --word online",
                  "offline 1 --timeout-offline 0", "--domain b ping",
                  "--connect x ping", "reconcile --qmp=", "list --qmp x",
                  "reconcile 1", "explain", "explain x", "explain 0x", "explain 32-35",
                  "explain -1", "explain memory", "explain 1 2", "map 1", "map -o SIZE"):
        result = run(*words.split())
        check(result.code == 1 and result.out == "" and
              "Try 'memonlinectl --help'" in result.err, (words, result))


def help_texts():
    text = succeeds(run("--help"))
    verbs = re.findall(r"^ ([a-z]+) ", text.split("Options:")[0], re.M)
    check(set(verbs) >= {"status", "list", "reports", "watch", "ping", "help"}, verbs)
    for verb in verbs:
        if verb == "help":
            continue
        text = succeeds(run("help", verb))
        check("memonlinectl " + verb in text, text)
        check(text == succeeds(run(verb, "--help")), text)
        check(all(len(row) <= 80 for row in text.splitlines()), text)
    check("BLOCK" in succeeds(run("list", "-h")), "columns")
    check(re.match(r"memonlinectl \S+\n$", succeeds(run("--version"))), "version")


def full_disk():
    if not os.path.exists("/dev/full"):
        return "no /dev/full"
    with open("/dev/full", "wb") as full:
        with Agent() as agent:
            result = run("--socket", agent.path, "list", stdout=full)
            check(result.code == 1 and "cannot write" in result.err, result)
        with Agent(after=after_subscribe(event(8))) as agent:
            result = run("--socket", agent.path, "watch", stdout=full)
            check(result.code == 1 and result.err, result)
    return None


TESTS = [
    no_socket, path_too_long, nobody_listens, permission_denied, silent_agent,
    not_accepted, backlog_full, closed_at_once, closed_before_the_answer,
    closed_in_the_middle_of_a_line, stale_stream, stale_answer_to_an_older_sync,
    sync_byte_by_byte, flood_before_the_sync, flood_of_events_before_an_answer,
    huge_line_before_the_sync, huge_line_as_an_answer,
    huge_line_without_end_keeps_memory_small, error_reply, not_memonlined,
    error_without_members, nonsense_as_an_answer, status_with_wrong_members,
    status_with_wrong_totals, stats_with_wrong_members, list_with_wrong_members, reports_with_wrong_members,
    reports_with_wrong_ranges, reports_without_a_time, return_of_another_type,
    list_with_impossible_numbers, empty_words, list_all_of_too_many,
    terminal_escapes_in_text, terminal_escapes_in_json, broken_utf8, ping,
    sync_ids_differ, events_between, status, status_of_a_write_that_is_held_up,
    status_of_the_port, status_json,
    list_text, list_columns,
    list_all, list_json, list_of_many, reports_text, reports_lost, reports_json,
    report_without_ranges, watch_prints_as_it_comes, watch_heading_before_any_report,
    watch_closed, watch_nothing_twice, watch_from_the_beginning,
    watch_since_a_number_never_given, watch_gap, watch_new_instance, watch_other_lines,
    watch_broken_event, watch_json, sync_lost, sync_answered_late, sync_never_answered,
    online_partial, offline_codes, offline_waits_for_its_own_time, ranges_of_words,
    act_with_wrong_members, online_progress, reconcile_bad_input, reconcile_wrong_members,
    reconcile_table, reconcile_codes, reconcile_monitor, reconcile_monitor_in_use, hostile_sync,
    hostile_answer, hostile_monitor,
    map_text, map_of_nothing, map_of_many, map_of_nonsense, map_json, map_colour,
    waits_for_what_is_pending,
    explain_text, explain_says_what_each_reason_means, explain_wrong_members, completion, usage, help_texts, full_disk,
]


def main():
    if not program.path("memonlinectl"):
        print("not ok ctl memonlinectl is not in MEMONLINE_BUILD")
        return 1
    return program.run_tests("ctl", program.part_of(TESTS))


if __name__ == "__main__":
    sys.exit(main())
