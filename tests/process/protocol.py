#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Every command's reply and every event of a real memonlined, held against the protocol's schema,
and the schema against memonline-protocol(7)."""

import copy
import sys

import program
from daemon import Daemon, Failed, Tree, expect
from schema import BASIC, Mismatch, Schema, has_word, page_text, sections

MIB = 1 << 20
BLOCK = 128 * MIB
DIMM = 1 << 32
LOG = """<6>[    0.000000] Linux version 6.1.0
<3>[    8.775721] acpi PNP0C80:01: add_memory failed
"""
DEVICES = [
    {"type": "dimm", "data": {"addr": DIMM, "size": 4 * BLOCK, "slot": 0, "node": 0, "id": "d0",
                              "memdev": "/objects/m0", "hotplugged": True,
                              "hotpluggable": True}},
    {"type": "dimm", "data": {"addr": 2 * DIMM, "size": BLOCK, "slot": 1, "id": "d1"}},
    {"type": "virtio-mem", "data": {"memaddr": 3 * DIMM, "size": 0, "max-size": DIMM,
                                    "requested-size": BLOCK}},
    {"type": "hv-balloon", "data": {}},
]


# What a command takes that nobody knows here: as in tests/example.
ANY = {"uint": 0, "int": 0, "bool": False, "string": ""}


def answers(client, schema):
    """(command, what was returned) of every command, and of each in more than one state."""
    asked = [
        ("guest-sync", {"id": -1}), ("guest-sync-delimited", {"id": 1}), ("guest-ping", {}),
        ("guest-info", {}), ("guest-get-memory-blocks", {}), ("guest-get-memory-block-info", {}),
        ("memonline-status", {}), ("memonline-stats", {}),
        ("memonline-subscribe-pressure", {"available": 1 << 60, "stall-usec": 10000}),
        ("memonline-subscribe-pressure", {}), ("memonline-get-ranges", {}), ("memonline-get-reports", {}),
        ("memonline-get-reports", {"since": 0, "max": 0}), ("memonline-subscribe", {"since": 0}),
        ("memonline-online", {"start": DIMM, "size": 2 * BLOCK, "word": "online",
                              "progress": True}),
        ("memonline-offline", {"start": DIMM, "size": BLOCK, "timeout": 5}),
        ("guest-set-memory-blocks", {"mem-blks": [
            {"phys-index": 33, "online": True, "can-offline": True},
            {"phys-index": 99, "online": True}]}),
        ("memonline-reconcile", {"devices": DEVICES}),
        ("memonline-reconcile", {"devices": {"return": DEVICES[:1]}}),
        ("memonline-probe", {"devices": DEVICES}),
        ("memonline-probe", {"devices": DEVICES, "dry-run": True}),
        ("memonline-explain", {"phys-index": 0}), ("memonline-explain", {"phys-index": 34}),
        ("memonline-get-reports", {"since": 0}),
    ]
    asked += [(name, {argument: ANY[shape] for argument, shape in command["arguments"].items()
                      if argument[-1] != "?"})
              for name, command in schema.commands.items() if name not in dict(asked)]
    for command, arguments in asked:
        client.send({"execute": command, "arguments": arguments})
        yield command, next_reply(client, schema)["return"]


def next_reply(client, schema):
    """Events in front of it are checked as they come."""
    while True:
        line = client.line()
        if "event" not in line:
            return line
        schema.check_event(line)


def with_daemon(test, name="debian12-6.1-hotplug512", reports=1):
    tree = Tree(name)
    try:
        tree.configure("[memonlined]\npolicy = keep\n")
        (tree.path / "proc/kmsg").write_text(LOG)
        daemon = Daemon(tree).start()
        try:
            client = daemon.connect()
            client.reports(reports)
            client.tree = tree
            test(client)
        finally:
            daemon.end()
    finally:
        tree.remove()


# A fake tree holds no write up: the guest of stuck-offline does, and test-protocol has its text.
IN_GUESTS = "memonline-status.held-up"


def replies_are_of_their_shape():
    schema = Schema()

    def test(client):
        for command, value in answers(client, schema):
            schema.check_reply(command, value)
        # What was asked for by name was reported to the subscriber, too.
        expect(next_reply_after(client, schema) == {}, "ping")
        pressure_is_told(client, schema)
    with_daemon(test)
    missed = sorted(f"{path}.{member}" for _, path, member in schema.all_answers()
                    if f"{path}.{member}" not in schema.seen and
                    not f"{path}.{member}".startswith(IN_GUESTS))
    expect(not missed, "members that no answer had:", missed)


def next_reply_after(client, schema):
    client.send({"execute": "guest-ping"})
    return next_reply(client, schema)["return"]


def pressure_is_told(client, schema):
    """The recorded guest has 793 MiB available, and then it has none."""
    client.send({"execute": "memonline-subscribe-pressure", "arguments": {"available": 790 * MIB}})
    expect(next_reply(client, schema)["return"]["pressed"] == [], "pressed at once")
    (client.tree.path / "proc/meminfo").write_text("MemTotal: 1000 kB\nMemAvailable: 0 kB\n")
    event = client.line()
    while event["event"] == "MEMONLINE_REPORT":
        schema.check_event(event)
        event = client.line()
    schema.check_event(event)
    expect(event["data"]["signal"] == "available" and event["data"]["pressed"], event)


def an_old_kernel_never_gives_a_dimm_back():
    """CentOS 6 brings what is plugged online by itself, and unplugging it would be a panic."""
    def test(client):
        [device] = client.execute("memonline-reconcile", devices=DEVICES[:1])["return"]
        got = [device[name] for name in ("verdict", "removable", "online", "zones")]
        expect(got[:2] == ["complete", "never"] and got[2] == 4 * BLOCK, device)
        expect(got[3] == ["unknown"], "2.6.32 shows no zones:", device)
    with_daemon(test, "el6-2.6.32-hotplug512", reports=0)


def a_block_is_explained_or_said_to_be_absent():
    def test(client):
        answer = client.execute("memonline-explain", **{"phys-index": 99})
        expect(answer["error"]["desc"] == "There is no block memory99", answer)
        got = client.execute("memonline-explain", **{"phys-index": 34})["return"]
        facts = {fact["name"]: fact["value"] for fact in got["facts"]}
        expect([got["phys-index"], got["word"], got["reason"]] == [34, "none", "policy-keep"], got)
        expect(facts["range"] == "0x110000000-0x117ffffff", facts)
        expect(facts["policy"] == "keep" and facts["carried-out-by"] == "nobody", facts)
    with_daemon(test)


def errors_are_of_their_shape():
    schema = Schema()

    def test(client):
        for request in (b"x\n", b'{"execute":"nope"}\n', b'{"execute":"guest-sync"}\n'):
            schema.check(schema.error, client.ask(request)["error"], "error")
    with_daemon(test)


def the_agent_has_the_commands_of_the_schema():
    schema = Schema()

    def test(client):
        info = client.execute("guest-info")["return"]
        names = [command["name"] for command in info["supported_commands"]]
        expect(sorted(names) == sorted(schema.commands), names)
    with_daemon(test)


def arguments_are_those_of_the_schema():
    """An unknown one is refused everywhere, and one that is required is missed."""
    schema = Schema()

    def test(client):
        for name, command in schema.commands.items():
            answer = client.execute(name, nope=1)
            required = [argument for argument in command["arguments"] if argument[-1] != "?"]
            wanted = f"'{required[0]}' is missing" if required else "'nope' is unexpected"
            expect(wanted in answer["error"]["desc"], name, answer)
            for argument in command["arguments"]:
                bad = argument.rstrip("?")
                answer = client.execute(name, **dict(dict.fromkeys(required, 0), **{bad: None}))
                expect(f"'{bad}'" in answer["error"]["desc"] and
                       "unexpected" not in answer["error"]["desc"], name, argument, answer)
    with_daemon(test)


def mutants(value):
    """The same value with one thing wrong in it, each in turn."""
    if isinstance(value, dict):
        for name in value:
            less = copy.deepcopy(value)
            del less[name]
            yield less
            for mutant in mutants(value[name]):
                yield dict(value, **{name: mutant})
        yield dict(value, surely_unknown=1)
    elif isinstance(value, list) and value:
        for mutant in mutants(value[0]):
            yield [mutant] + value[1:]
    yield 1.5  # of no type; null may stand for a number that is not known


def the_checker_refuses_what_is_wrong():
    schema = Schema()

    def optional(members):
        return {name[:-1] for name in members if name.endswith("?")}

    def test(client):
        for command, value in answers(client, Schema()):
            returns = schema.commands[command]["returns"]
            element = returns[0] if isinstance(returns, list) else returns
            for mutant in mutants(value):
                try:
                    schema.check_reply(command, mutant)
                except Mismatch:
                    continue
                old, new = ((value[0], mutant[0]) if isinstance(mutant, list) else
                            (value, mutant))
                gone = isinstance(new, dict) and set(old) - set(new)
                expect(gone and gone <= optional(element), command, "was taken:", mutant)
    with_daemon(test)


def the_page_describes_the_schema():
    schema, text = Schema(), page_text()
    found = sections(text)
    for name in list(schema.commands) + list(schema.events):
        expect(name in found, name, "has no section of its own in the page")
    for section, path, member in schema.all_answers():
        expect(has_word(found[section], member), f"{path}.{member}", "is not described at", section)
    for name, command in schema.commands.items():
        for path, argument in schema.members(command["arguments"], name):
            expect(has_word(found[name], argument), f"argument {path}.{argument} is not described")
    for name, kind in schema.types.items():
        for word in kind.get("words", []):
            expect(has_word(text, word), name, word, "is not described")


def the_schema_uses_what_it_has():
    schema = Schema()
    used = set()

    def collect(shape):
        if isinstance(shape, str):
            used.add(shape)
        for inner in (shape.values() if isinstance(shape, dict) else
                      shape if isinstance(shape, list) else ()):
            collect(inner)
    for command in schema.commands.values():
        collect(command["arguments"])
        collect(command["returns"])
    for shape in list(schema.events.values()) + [schema.error]:
        collect(shape)
    for kind in schema.types.values():
        collect(kind.get("members", {}))
    expect(used - set(BASIC) == set(schema.types), used ^ set(schema.types))


TESTS = [
    the_checker_refuses_what_is_wrong,
    replies_are_of_their_shape,
    a_block_is_explained_or_said_to_be_absent,
    errors_are_of_their_shape,
    an_old_kernel_never_gives_a_dimm_back,
    the_agent_has_the_commands_of_the_schema,
    arguments_are_those_of_the_schema,
    the_page_describes_the_schema,
    the_schema_uses_what_it_has,
]


def main():
    return program.run_tests("protocol", TESTS)


if __name__ == "__main__":
    sys.exit(main())
