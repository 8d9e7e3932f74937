#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests' own judges: do they see what they are there to see?"""

import collections
import os
import pathlib
import random
import subprocess
import sys

TESTS = pathlib.Path(__file__).resolve().parents[1]
sys.path[:0] = [str(TESTS), str(TESTS / "guest" / "chaos")]

import accounts  # noqa: E402, after the path
import model  # noqa: E402
import program  # noqa: E402
from lab.reports import Reader, whole  # noqa: E402
from lab.scenario import Failure  # noqa: E402

UNIT = 128 << 20
LIMIT = 60


def expect(holds, *what):
    if not holds:
        raise AssertionError(*what)


def fails(function, *arguments):
    try:
        function(*arguments)
    except Failure:
        return True
    return False


def report(seq, index, before, after, instance="i", result="success", zone="Normal"):
    return {"instance": instance, "seq": seq, "ranges": [
        {"start": index * UNIT, "size": UNIT, "from": before, "to": after, "result": result,
         "reason": "policy", "zone": zone}]}


def told(*changes):
    """Accounts with these (from, to) of one block."""
    found = accounts.Accounts(UNIT)
    for seq, (before, after) in enumerate(changes, 1):
        found.add(report(seq, 32, before, after))
    return found


def accounts_follow_a_block():
    found = told(("offline", "online"), ("online", "offline"), ("offline", "absent"),
                 ("absent", "online"))
    expect(found.missing({32: "online"}) == [], found.missing({32: "online"}))


def accounts_see_what_is_missing():
    expect(told(("offline", "online")).missing({32: "offline"}), "another state")
    expect(told(("offline", "online")).missing({}), "a removal")
    expect(told().missing({32: "online"}), "a block never reported")


def accounts_see_what_does_not_join():
    for changes in ((("offline", "online"), ("offline", "online")),
                    (("offline", "online"), ("going-offline", "offline")),
                    (("offline", "online"), ("online", "online")),
                    (("absent", "offline"), ("absent", "offline"))):
        expect(fails(told, *changes), changes)


def accounts_take_another_zone_for_a_change():
    found = told(("offline", "online"))
    found.add(report(2, 32, "online", "online", zone="Movable"))
    expect(fails(found.add, report(3, 32, "online", "online", zone="Movable")), "the same zone")


def one_excuse_is_for_one_report():
    found = told(("offline", "online"))
    found.unwatched([32])
    found.add(report(2, 32, "offline", "online"))
    expect(fails(found.add, report(3, 32, "offline", "online")), "a second one passed")
    found.unwatched([32])
    found.settled()
    expect(fails(found.add, report(4, 32, "offline", "online")), "an old excuse")


def journal(*reports, lost=0):
    return {"lost": lost, "last-seq": len(reports), "reports": list(reports)}


def a_journal_with_a_gap_is_not_whole():
    first, second, third = (report(seq, 31 + seq, "offline", "online") for seq in (1, 2, 3))
    whole(journal(first, second, third), [first, second])
    expect(fails(whole, journal(first, third), []), "a gap")
    expect(fails(whole, journal(first, second, lost=1), []), "lost ones")
    expect(fails(whole, journal(second, first), []), "another order")
    expect(fails(whole, journal(first, dict(second, instance="j")), []), "two instances")
    expect(fails(whole, journal(first, second), [dict(first, ranges=[])]), "another text")


class Channel:
    """A host's end, without an agent."""

    def __init__(self):
        self.events = collections.deque()

    def sync(self):
        pass

    def request(self, *_arguments, **_more):
        pass

    def push(self, pushed, lost=0):
        self.events.append({"event": "MEMONLINE_REPORT", "data": dict(pushed, lost=lost)})


def a_reader_sees_what_comes_twice_or_out_of_order():
    for numbers in ((1, 2, 2), (2,), (1, 3), (1, 2, 1, 3), (1, 1, 1, 1)):
        reader, channel = Reader(), Channel()
        reader.subscribe(channel)
        for seq in numbers:
            channel.push(report(seq, 32, "offline", "online"))
        expect(fails(reader.take, channel), numbers)


def a_reader_sees_what_is_lost():
    reader, channel = Reader(), Channel()
    reader.subscribe(channel)
    channel.push(report(1, 32, "offline", "online"), lost=1)
    expect(fails(reader.take, channel), "a report that is lost")


def a_reader_may_be_sent_all_of_them_again():
    reader, channel = Reader(), Channel()
    reader.subscribe(channel)
    for seq in (1, 2, 1, 2, 3):
        channel.push(report(seq, 32, "offline", "online"))
    reader.take(channel)
    expect([one["seq"] for one in reader.reports] == [1, 2, 3], reader.reports)


def a_reader_is_patient_where_an_agent_went():
    reader, channel = Reader(), Channel()
    reader.subscribe(channel)
    channel.push(report(1, 32, "offline", "online"))
    reader.take(channel)
    reader.unsure()
    for seq in (1, 3, 2):
        channel.push(report(seq, 32, "offline", "online"))
    reader.take(channel)
    expect([one["seq"] for one in reader.reports] == [1, 2], reader.reports)
    reader.unsure()
    channel.push(report(2, 33, "offline", "online"))
    expect(fails(reader.take, channel), "another report of the same number")


def random_steps(seed):
    chosen, state = [], model.Model(UNIT)
    for number in range(500):
        draw = random.Random("%d-%d" % (seed, number))
        kind = model.choose_step(draw, state)
        expect(model.STEPS[kind][1](state), "impossible:", kind)
        chosen.append(kind)
        if kind == "plug":
            state.plugged({"id": "dimm%d" % number, "addr": number * UNIT, "size": UNIT})
        elif kind == "kill":
            state.agent = model.DEAD
        elif kind == "start":
            state.agent_starts()
    return chosen


def a_seed_draws_the_same_again():
    expect(random_steps(1) == random_steps(1), "two runs of one seed")
    expect(random_steps(1) != random_steps(2), "two seeds")


def an_operator_s_word_is_kept():
    state = model.Model(UNIT)
    state.plugged({"id": "dimm1", "addr": 32 * UNIT, "size": 2 * UNIT})
    first, second = state.blocks()
    state.agent = model.DEAD
    expect(not state.may_go_offline(), "one that no agent has seen online")
    state.agent_starts()
    state.known_online([first, second])
    state.taken_offline([first])
    expect(state.may_go_online() == [first] and state.may_go_offline() == [second], "choices")
    state.agent_starts()
    expect((first.want, first.now) == ("offline", "offline"), "after another start")


def what_no_agent_heard_of_is_not_waited_for():
    state = model.Model(UNIT)
    state.udevd_ends()
    state.plugged({"id": "dimm1", "addr": 32 * UNIT, "size": UNIT})
    expect(not state.may_be_asked() and not state.may_go_offline(), "a lost event")
    state.agent_starts()
    expect(state.may_be_asked() and state.may_go_offline(), "a new agent scans")


def runner(*arguments):
    done = subprocess.run([sys.executable, "-m", "lab", "runner"] + list(arguments), cwd=TESTS,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, universal_newlines=True, timeout=LIMIT,
                          env=dict(os.environ, PYTHONPATH=str(TESTS)))
    return done.returncode, done.stdout


def unsuitable_seeds_are_refused_in_one_line():
    for arguments, text in ((("--seeds", "0", "chaos"), "at least 1"),
                            (("--seeds", "-3", "chaos"), "at least 1"),
                            (("--seeds", "2"), "names"),
                            (("--seeds", "2", "chaos", "plug"), "by plug"),
                            (("--seeds", "2", "unit"), "by unit")):
        status, output = runner(*arguments)
        expect(status == 1 and text in output and output.count("\n") == 1, arguments, output)


CASES = (
    accounts_follow_a_block,
    accounts_see_what_is_missing,
    accounts_see_what_does_not_join,
    accounts_take_another_zone_for_a_change,
    one_excuse_is_for_one_report,
    a_journal_with_a_gap_is_not_whole,
    a_reader_sees_what_is_lost,
    a_reader_sees_what_comes_twice_or_out_of_order,
    a_reader_may_be_sent_all_of_them_again,
    a_reader_is_patient_where_an_agent_went,
    a_seed_draws_the_same_again,
    an_operator_s_word_is_kept,
    what_no_agent_heard_of_is_not_waited_for,
    unsuitable_seeds_are_refused_in_one_line,
)


def main():
    return program.run_tests("judges", CASES)


if __name__ == "__main__":
    sys.exit(main())
