#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""rules/memonline-rules below a tree of its own: which udev rules it takes out of force."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import traceback

PROGRAM = pathlib.Path(__file__).resolve().parents[2] / "rules" / "memonline-rules"
LIMIT = 60
BY_HAND = 'ACTION=="add", SUBSYSTEM=="memory", ATTR{state}="online"\n'

# text, and what is left of it; None: it is none of our business
CASES = {
    "one line": (BY_HAND, "# " + BY_HAND),
    "spaces": ('SUBSYSTEM == "memory", ATTR{state} = "online_movable"\n',
               '# SUBSYSTEM == "memory", ATTR{state} = "online_movable"\n'),
    "a variable, two lines": (
        'A=="x"\nATTR{state}=="offline", \\\n  ATTR{state}="$env{.word}"\nB=="y"\n',
        'A=="x"\n# ATTR{state}=="offline", \\\n#   ATTR{state}="$env{.word}"\nB=="y"\n'),
    "a shell": (
        'SUBSYSTEM=="memory", RUN+="/bin/sh -c \'echo online > /sys$devpath/state\'"\n',
        '# SUBSYSTEM=="memory", RUN+="/bin/sh -c \'echo online > /sys$devpath/state\'"\n'),
    "a section": (
        'SUBSYSTEM!="memory", GOTO="end"\nATTR{online}="1"\nLABEL="end"\nATTR{online}="1"\n',
        'SUBSYSTEM!="memory", GOTO="end"\n# ATTR{online}="1"\nLABEL="end"\nATTR{online}="1"\n'),
    "a line that jumps": (
        'SUBSYSTEM=="memory", ATTR{state}="online", GOTO="end"\nLABEL="end"\n',
        'SUBSYSTEM=="memory",  GOTO="end"\nLABEL="end"\n'),
    "no newline at the end": (BY_HAND.strip(), "# " + BY_HAND),
    "only asks": ('SUBSYSTEM=="memory", ATTR{state}=="online", RUN+="/bin/true"\n', None),
    "a processor": ('SUBSYSTEM=="cpu", ATTR{online}="1"\n', None),
    "a processor's name for it": ('SUBSYSTEM=="cpu", ATTR{state}="online"\n', None),
    "a comment": ("# " + BY_HAND, None),
    "takes offline": ('SUBSYSTEM=="memory", ATTR{state}="offline"\n', None),
    "empty": ("", None),
}


class Failed(Exception):
    """A test's expectation was not met."""


def equal(found, wanted, what):
    if found != wanted:
        raise Failed("%s: %r, not %r" % (what, found, wanted))


class Tree:
    """/ for the script: `where` is the directory that tells new from old systems."""

    def __init__(self, where="run/systemd"):
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="memonline-"))
        (self.path / where).mkdir(parents=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.path)

    def put(self, name, text):
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def get(self, name):
        path = self.path / name
        return path.read_text() if path.exists() else None

    def run(self, verb):
        done = subprocess.run([PROGRAM, verb], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=LIMIT, universal_newlines=True,
                              env=dict(os.environ, MEMONLINE_ROOT=str(self.path)))
        equal(done.returncode, 0, "status of %s, which said %s" % (verb, done.stdout))
        return done.stdout


def shadow_of(text):
    with Tree() as tree:
        tree.put("usr/lib/udev/rules.d/40-a.rules", text)
        tree.run("take")
        shadow = tree.get("run/udev/rules.d/40-a.rules")
        return shadow.partition("\n")[2] if shadow else None


def lines_that_online_are_found_by_what_they_do():
    for name, (text, wanted) in CASES.items():
        equal(shadow_of(text), wanted, name)


def etc_and_foreign_files_are_named_not_touched():
    with Tree() as tree:
        for place in ("usr/lib", "etc", "run"):
            tree.put(place + "/udev/rules.d/50-a.rules", BY_HAND)
        tree.put("etc/udev/rules.d/60-harmless.rules", 'SUBSYSTEM=="memory", TAG+="x"\n')
        tree.run("take")
        equal(tree.get("run/udev/rules.d/50-a.rules"), BY_HAND, "the file in /run")
        equal(tree.get("etc/udev/rules.d/50-a.rules"), BY_HAND, "the file in /etc")
        equal(tree.get("run/memonline/racing-rules"),
              "/etc/udev/rules.d/50-a.rules\n/run/udev/rules.d/50-a.rules\n", "racing rules")


def etc_of_the_same_name_hides_the_stock_rule():
    with Tree() as tree:
        tree.put("usr/lib/udev/rules.d/50-a.rules", BY_HAND)
        tree.put("etc/udev/rules.d/50-a.rules", "")
        tree.run("take")
        equal(tree.get("run/udev/rules.d/50-a.rules"), None, "a shadow")


def local_comes_before_stock():
    with Tree() as tree:
        tree.put("usr/local/lib/udev/rules.d/50-a.rules", "# nothing\n")
        tree.put("usr/lib/udev/rules.d/50-a.rules", BY_HAND)
        tree.run("take")
        equal(tree.get("run/udev/rules.d/50-a.rules"), None, "a shadow")


def take_and_give_are_each_others_end():
    with Tree() as tree:
        tree.put("usr/lib/udev/rules.d/50-a.rules", BY_HAND)
        for _ in range(2):
            tree.run("take")
            tree.run("take")
            equal(tree.get("run/memonline/agent-onlines"), "", "the agent's mark")
            tree.run("give")
            tree.run("give")
            equal(tree.get("run/memonline/agent-onlines"), None, "the agent's mark, given")
            equal(list((tree.path / "run/udev/rules.d").iterdir()), [], "shadows")


def a_rule_made_by_hand_goes_and_comes_back():
    name = "etc/udev/rules.d/99-hotplug-memory.rules"
    with Tree() as tree:
        tree.put(name, BY_HAND)
        equal("is kept as" in tree.run("set-aside"), True, "what is said")
        equal((tree.get(name), tree.get(name + ".memonline-saved")), (None, BY_HAND), "aside")
        tree.run("take")
        equal(tree.get("run/udev/rules.d/99-hotplug-memory.rules"), None, "while the agent runs")
        tree.run("give")
        shadow = tree.get("run/udev/rules.d/99-hotplug-memory.rules")
        equal(shadow.endswith(BY_HAND), True, "stands in while it does not")
        tree.run("put-back")
        equal((tree.get(name), tree.get(name + ".memonline-saved")), (BY_HAND, None), "back")
        equal(tree.get("run/udev/rules.d/99-hotplug-memory.rules"), None, "the one in /run")


def a_newer_rule_made_by_hand_stays():
    name = "etc/udev/rules.d/99-hotplug-memory.rules"
    with Tree() as tree:
        tree.put(name, BY_HAND)
        tree.run("set-aside")
        tree.put(name, "# mine\n")
        tree.run("put-back")
        equal(tree.get(name), "# mine\n", "the newer one")
        equal(tree.get(name + ".memonline-saved"), BY_HAND, "the older one")


def offline_blocks_are_announced():
    memory = "sys/devices/system/memory/memory%d/%s"
    with Tree() as tree:
        for number, state in ((0, "online"), (1, "offline"), (2, "going-offline")):
            tree.put(memory % (number, "state"), state + "\n")
            tree.put(memory % (number, "uevent"), "")
        tree.put(memory % (3, "state"), "offline\n")
        tree.run("give")
        equal([tree.get(memory % (number, "uevent")) for number in range(3)],
              ["", "add\n", ""], "uevents")
        equal(tree.get(memory % (3, "state")), "online\n", "a block without uevent")


def el6_has_other_places():
    with Tree("dev/.udev") as tree:
        tree.put("lib/udev/rules.d/40-a.rules", BY_HAND)
        tree.run("take")
        equal(tree.get("dev/.udev/rules.d/40-a.rules").partition("\n")[2], "# " + BY_HAND,
              "the shadow")
        equal(tree.get("var/run/memonline/agent-onlines"), "", "the agent's mark")


TESTS = (
    lines_that_online_are_found_by_what_they_do,
    etc_and_foreign_files_are_named_not_touched,
    etc_of_the_same_name_hides_the_stock_rule,
    local_comes_before_stock,
    take_and_give_are_each_others_end,
    a_rule_made_by_hand_goes_and_comes_back,
    a_newer_rule_made_by_hand_stays,
    offline_blocks_are_announced,
    el6_has_other_places,
)


def main():
    status = 0
    for test in TESTS:
        name = "rules-" + test.__name__.replace("_", "-")
        try:
            test()
        except Exception as error:
            traceback.print_exc(file=sys.stdout)
            print("not ok %s %s" % (name, " ".join(str(error).split())), flush=True)
            status = 1
        else:
            print("ok " + name, flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
