# SPDX-License-Identifier: GPL-2.0-or-later
"""agent/wire/protocol.json, and values held against it.

A shape is a word ("int", "uint", "uint-or-null", "bool", "string", or the name of a type), [shape] for a list of
it, or {"member": shape, "may-be-missing?": shape} for an object with these members and no other.
A type has "members", or "words" of which a string must be one. "section" is where the page
describes it: a command, or an event.
"""

import json
import pathlib
import re

TESTS = pathlib.Path(__file__).resolve().parent.parent
WIRE = TESTS.parent / "agent" / "wire"
PAGE = WIRE / "memonline-protocol.7"
UINT_MAX = (1 << 64) - 1


class Mismatch(Exception):
    """A value is not of its shape."""


def is_int(value, least, most):
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


BASIC = {
    "int": lambda value: is_int(value, -(1 << 63), (1 << 63) - 1),
    "uint": lambda value: is_int(value, 0, UINT_MAX),
    "uint-or-null": lambda value: value is None or is_int(value, 0, UINT_MAX),
    "bool": lambda value: isinstance(value, bool),
    "string": lambda value: isinstance(value, str),
}


class Schema:
    def __init__(self):
        with open(WIRE / "protocol.json", encoding="ascii") as file:
            read = json.load(file)
        self.commands, self.events = read["commands"], read["events"]
        self.error, self.types = read["error"], read["types"]
        self.seen = set()  # paths of members that some value had

    def check(self, shape, value, path):
        """Raises Mismatch, and notes the members that are there."""
        if isinstance(shape, dict):
            self._object(shape, value, path)
        elif isinstance(shape, list):
            if not isinstance(value, list):
                raise Mismatch(f"{path} is not a list: {value!r}")
            for element in value:
                self.check(shape[0], element, path + "[]")
        elif shape in BASIC:
            if not BASIC[shape](value):
                raise Mismatch(f"{path} is not a {shape}: {value!r}")
        elif "words" in self.types[shape]:
            if value not in self.types[shape]["words"]:
                raise Mismatch(f"{path} is not a {shape}: {value!r}")
        else:
            self._object(self.types[shape]["members"], value, shape)

    def _object(self, members, value, path):
        if not isinstance(value, dict):
            raise Mismatch(f"{path} is not an object: {value!r}")
        known = {name.rstrip("?") for name in members}
        if set(value) - known:
            raise Mismatch(f"{path} has unknown members {sorted(set(value) - known)}")
        for name, shape in members.items():
            plain = name.rstrip("?")
            if plain in value:
                self.seen.add(f"{path}.{plain}")
                self.check(shape, value[plain], f"{path}.{plain}")
            elif not name.endswith("?"):
                raise Mismatch(f"{path} lacks {plain}: {value!r}")

    def members(self, shape, path):
        """Every (path, name) of a shape, those of its types under the type's own name."""
        if isinstance(shape, list):
            yield from self.members(shape[0], path + "[]")
        elif isinstance(shape, dict):
            for name, inner in shape.items():
                plain = name.rstrip("?")
                yield path, plain
                yield from self.members(inner, f"{path}.{plain}")

    def check_reply(self, command, value):
        self.check(self.commands[command]["returns"], value, command)

    def check_event(self, value):
        self.check(self.events[value["event"]], value, value["event"])

    def all_answers(self):
        """(section of the page, path, member) of all that an agent may send."""
        for name, command in self.commands.items():
            for path, member in self.members(command["returns"], name):
                yield name, path, member
        for name, shape in self.events.items():
            for path, member in self.members(shape, name):
                yield name, path, member
        for name, kind in self.types.items():
            for path, member in self.members(kind.get("members", {}), name):
                yield kind["section"], path, member


# --- the page

def page_text():
    """As it reads: without requests, fonts and escapes that are for the eye."""
    text = PAGE.read_text(encoding="ascii")
    for escape, meant in ((r"\\f[BIRP]", ""), (r"\\\(aq", "'"), (r"\\-", "-"), (r"\\&", ""),
                          (r"\\e", r"\\")):
        text = re.sub(escape, meant, text)
    return text


def sections(text):
    """{name: text} of each command and event."""
    found = {}
    heading = re.compile(r"^(?:\.TP\n\.B ((?:guest|memonline)-[a-z-]+)|\.SH (.*))$", re.M)
    marks = list(heading.finditer(text))
    for mark, following in zip(marks, marks[1:] + [None]):
        name = mark.group(1) or mark.group(2).split()[-1]
        found[name] = text[mark.start():following.start() if following else len(text)]
    # What is "the same" is described where it was said first.
    found["guest-sync-delimited"] += found["guest-sync"]
    for first, rest in (("memonline-online", "memonline-offline"),
                        ("memonline-subscribe", "memonline-get-reports")):
        found[first] += found[rest]
    return found


def has_word(text, word):
    return re.search(r"(?<![\w-])%s(?![\w-])" % re.escape(word), text) is not None
