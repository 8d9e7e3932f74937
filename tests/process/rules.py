#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""rules/memonline-rules below a tree of its own: which udev rules it disables."""

import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import program

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
    "a shell, in quotes": (
        'SUBSYSTEM=="memory", RUN+="/bin/sh -c \\"echo online > /sys$devpath/state\\""\n',
        '# SUBSYSTEM=="memory", RUN+="/bin/sh -c \\"echo online > /sys$devpath/state\\""\n'),
    "a second command, after quotes": (
        'SUBSYSTEM=="memory", PROGRAM="/bin/x \\"a\\"", RUN+="chmem -e 0-1", GOTO="end"\n'
        'LABEL="end"\n',
        'SUBSYSTEM=="memory", PROGRAM="/bin/x \\"a\\"",  GOTO="end"\nLABEL="end"\n'),
    "a shell, a variable": (
        'SUBSYSTEM=="memory", RUN+="/bin/sh -c \'echo $env{.word} >/sys%p/state\'"\n',
        '# SUBSYSTEM=="memory", RUN+="/bin/sh -c \'echo $env{.word} >/sys%p/state\'"\n'),
    "a shell and online": (
        'SUBSYSTEM=="memory", RUN+="/bin/sh -c \'echo 1 > /sys$devpath/online\'"\n',
        '# SUBSYSTEM=="memory", RUN+="/bin/sh -c \'echo 1 > /sys$devpath/online\'"\n'),
    "tee": (
        'SUBSYSTEM=="memory", RUN+="/bin/sh -c \'echo 1 | tee /sys$devpath/online\'"\n',
        '# SUBSYSTEM=="memory", RUN+="/bin/sh -c \'echo 1 | tee /sys$devpath/online\'"\n'),
    "chmem": ('SUBSYSTEM=="memory", RUN+="/usr/bin/chmem -e 0x0-0x1"\n',
              '# SUBSYSTEM=="memory", RUN+="/usr/bin/chmem -e 0x0-0x1"\n'),
    "chmem, a long option": ('SUBSYSTEM=="memory", RUN+="/usr/bin/chmem --enable 1g"\n',
                             '# SUBSYSTEM=="memory", RUN+="/usr/bin/chmem --enable 1g"\n'),
    "chmem, an option between": ('SUBSYSTEM=="memory", RUN+="chmem -b -e 32-35"\n',
                                 '# SUBSYSTEM=="memory", RUN+="chmem -b -e 32-35"\n'),
    "chmem, options in one": ('SUBSYSTEM=="memory", RUN+="chmem -be 32-35"\n',
                              '# SUBSYSTEM=="memory", RUN+="chmem -be 32-35"\n'),
    "a program's result": (
        'SUBSYSTEM=="memory", PROGRAM="/bin/word", ATTR{state}="%c"\n',
        '# SUBSYSTEM=="memory", PROGRAM="/bin/word", ATTR{state}="%c"\n'),
    "a program's result, by its name": (
        'SUBSYSTEM=="memory", PROGRAM="/bin/word", ATTR{state}="$result"\n',
        '# SUBSYSTEM=="memory", PROGRAM="/bin/word", ATTR{state}="$result"\n'),
    "a pattern": ('SUBSYSTEM=="mem*y", ATTR{online}="1"\n',
                  '# SUBSYSTEM=="mem*y", ATTR{online}="1"\n'),
    "processors too": ('SUBSYSTEM=="cpu|memory", ATTR{online}="1"\n',
                       'SUBSYSTEM!="memory", SUBSYSTEM=="cpu|memory", ATTR{online}="1"\n'),
    "processors too, by name": (
        'KERNEL=="memory[0-9]*|cpu[0-9]*", \\\n  RUN+="/bin/sh -c \'echo 1 >/sys%p/online\'"\n',
        'SUBSYSTEM!="memory", KERNEL=="memory[0-9]*|cpu[0-9]*", \\\n'
        '  RUN+="/bin/sh -c \'echo 1 >/sys%p/online\'"\n'),
    "processors too, in a section": (
        'SUBSYSTEM!="cpu|memory", GOTO="end"\nATTR{online}="1"\nLABEL="end"\n',
        'SUBSYSTEM!="cpu|memory", GOTO="end"\nSUBSYSTEM!="memory", ATTR{online}="1"\n'
        'LABEL="end"\n'),
    "processors too, in a section of two matches": (
        'SUBSYSTEM!="memory", SUBSYSTEM!="cpu", GOTO="end"\nATTR{online}="1"\nLABEL="end"\n',
        'SUBSYSTEM!="memory", SUBSYSTEM!="cpu", GOTO="end"\n'
        'SUBSYSTEM!="memory", ATTR{online}="1"\nLABEL="end"\n'),
    "processors too, a line that jumps": (
        'LABEL="a", SUBSYSTEM=="cpu|memory", ATTR{online}="1", GOTO="end"\nLABEL="end"\n',
        'LABEL="a"\nSUBSYSTEM!="memory",  SUBSYSTEM=="cpu|memory", ATTR{online}="1", GOTO="end"\n'
        'SUBSYSTEM=="memory",  SUBSYSTEM=="cpu|memory",  GOTO="end"\nLABEL="end"\n'),
    "memory of a section for both": (
        'SUBSYSTEM!="cpu|memory", GOTO="end"\nKERNEL=="memory*", ATTR{online}="1"\n'
        'KERNEL=="cpu*", ATTR{online}="1"\nLABEL="end"\n',
        'SUBSYSTEM!="cpu|memory", GOTO="end"\n# KERNEL=="memory*", ATTR{online}="1"\n'
        'KERNEL=="cpu*", ATTR{online}="1"\nLABEL="end"\n'),
    "processors alone, in a section": (
        'SUBSYSTEM!="cpu", GOTO="end"\nATTR{state}="online"\nLABEL="end"\n', None),
    "a section that memory leaves only sometimes": (
        'SUBSYSTEM!="cpu", ACTION!="add", GOTO="end"\nATTR{state}="online"\nLABEL="end"\n',
        'SUBSYSTEM!="cpu", ACTION!="add", GOTO="end"\n# ATTR{state}="online"\nLABEL="end"\n'),
    "a label in a section for processors": (
        'SUBSYSTEM!="cpu", GOTO="end"\nLABEL="memory"\nATTR{state}="online"\nLABEL="end"\n',
        'SUBSYSTEM!="cpu", GOTO="end"\nLABEL="memory"\n# ATTR{state}="online"\nLABEL="end"\n'),
    "all but memory": ('SUBSYSTEM!="memory", ATTR{state}="online"\n', None),
    "another subsystem's name": ('SUBSYSTEM=="memory_tiering", ATTR{online}="1"\n', None),
    "chmem takes offline": ('SUBSYSTEM=="memory", RUN+="chmem -b -d 32-35"\n', None),
    "a shell takes offline": (
        'SUBSYSTEM=="memory", RUN+="/bin/sh -c \'echo 0 > /sys$devpath/online\'"\n', None),
    "a shell says offline": (
        'SUBSYSTEM=="memory", RUN+="/bin/sh -c \'echo offline > /sys$devpath/state\'"\n', None),
    "a shell reads": (
        'SUBSYSTEM=="memory", RUN+="/bin/sh -c \'cat /sys$devpath/state >>/var/log/x\'"\n', None),
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
    """/ for the script: `where` is the directory that new systems have and old ones lack."""

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

    def run(self, *verb, **environment):
        done = subprocess.run([PROGRAM, *verb], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=LIMIT, universal_newlines=True,
                              env=dict(os.environ, MEMONLINE_ROOT=str(self.path), **environment))
        equal(done.returncode, 0, "status of %s, which said %s" % (verb[0], done.stdout))
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


def the_mark_is_made_before_the_scan():
    """On a slow boot systemd may end it while it scans; memonlined then starts all the same."""
    with Tree() as tree:
        tree.put("usr/lib/udev/rules.d/40-a.rules", BY_HAND)
        tree.put("bin/grep", "#!/bin/sh\nls %s >%s\nexit 1\n" %
                 (tree.path / "run/memonline", tree.path / "seen"))
        (tree.path / "bin/grep").chmod(0o755)
        tree.run("take", PATH="%s:%s" % (tree.path / "bin", os.environ["PATH"]))
        equal(tree.get("seen"), "agent-onlines\n", "what is there while it scans")


def shadows_follow_later_changes():
    stock, shadow = "usr/lib/udev/rules.d/%s.rules", "run/udev/rules.d/%s.rules"
    with Tree() as tree:
        tree.put(stock % "40-a", BY_HAND)
        tree.put(stock % "40-gone", BY_HAND)
        tree.put(stock % "40-tamed", BY_HAND)
        tree.put(shadow % "40-foreign", BY_HAND)
        tree.run("take")
        equal(tree.run("follow"), "", "what is said where nothing has changed")

        tree.put(stock % "40-a", '# news\n' + BY_HAND)
        tree.put(stock % "40-late", BY_HAND)
        tree.put(stock % "40-tamed", "# nothing\n")
        tree.put("etc/udev/rules.d/50-mine.rules", BY_HAND)
        (tree.path / (stock % "40-gone")).unlink()
        said = tree.run("follow")
        for name in ("40-a", "40-late", "40-tamed", "40-gone"):
            equal("%s.rules" % name in said, True, "%s in %r" % (name, said))
        equal(tree.get(shadow % "40-a").partition("\n")[2], "# news\n# " + BY_HAND, "updated")
        equal(tree.get(shadow % "40-late").partition("\n")[2], "# " + BY_HAND, "of later")
        equal((tree.get(shadow % "40-tamed"), tree.get(shadow % "40-gone")), (None, None),
              "shadows of what does not race any more")
        equal(tree.get(shadow % "40-foreign"), BY_HAND, "not ours")
        equal(tree.get("run/memonline/racing-rules"),
              "/etc/udev/rules.d/50-mine.rules\n/run/udev/rules.d/40-foreign.rules\n",
              "racing rules")


def to_follow_ends_when_nothing_changes():
    """systemd does not watch meanwhile. What sleeps for a second brings another rule, once."""
    late = "usr/lib/udev/rules.d/%d.rules"
    sleep = "#!/bin/sh\ncd %s && echo >>slept && [ -e %s ] || cp %s %s\n"
    with Tree() as tree:
        tree.put(late % 1, BY_HAND)
        tree.run("take")
        tree.put(late % 2, BY_HAND)
        tree.put("bin/sleep", sleep % (tree.path, late % 3, late % 2, late % 3))
        (tree.path / "bin/sleep").chmod(0o755)
        tree.run("follow", PATH="%s:%s" % (tree.path / "bin", os.environ["PATH"]))
        equal(sorted(path.name for path in (tree.path / "run/udev/rules.d").iterdir()),
              ["1.rules", "2.rules", "3.rules"], "shadows")
        equal(tree.get("slept"), "\n\n", "how often it slept")


def a_start_follows_changes_too():
    """EL6 has nothing that would call follow."""
    with Tree() as tree:
        for name in ("40-a", "40-gone"):
            tree.put("usr/lib/udev/rules.d/%s.rules" % name, BY_HAND)
        tree.run("take")
        (tree.path / "usr/lib/udev/rules.d/40-gone.rules").unlink()
        tree.run("take")
        equal([path.name for path in (tree.path / "run/udev/rules.d").iterdir()],
              ["40-a.rules"], "shadows")


def rules_in_force_are_not_followed():
    with Tree() as tree:
        tree.put("usr/lib/udev/rules.d/40-a.rules", BY_HAND)
        tree.run("follow")
        equal(tree.get("run/udev/rules.d/40-a.rules"), None, "before the first start")
        tree.run("take")
        tree.run("give")
        tree.run("follow")
        equal(tree.get("run/udev/rules.d/40-a.rules"), None, "after the end")
        equal(tree.get("run/memonline/racing-rules"), None, "racing rules")


def a_fifo_hangs_nothing():
    """Nobody ever opens the other end."""
    with Tree() as tree:
        tree.put("usr/lib/udev/rules.d/50-b.rules", BY_HAND)
        for place in ("usr/local/lib", "usr/lib", "etc", "run"):
            (tree.path / place / "udev/rules.d").mkdir(parents=True, exist_ok=True)
            os.mkfifo(str(tree.path / place / "udev/rules.d/40-a.rules"))
        os.mkfifo(str(tree.path / "run/udev/rules.d/50-b.rules.new"))
        os.mkfifo(str(tree.path / "etc/udev/rules.d/99-hotplug-memory.rules"))
        for verb in ("set-aside", "take", "follow", "give", "put-back"):
            tree.run(verb)
            if verb == "take":
                equal(tree.get("run/udev/rules.d/50-b.rules").partition("\n")[2], "# " + BY_HAND,
                      "the shadow of another")


def a_second_rule_made_by_hand_leaves_the_first():
    """Upgrades set aside again. The last active one is the one that comes back."""
    name = "etc/udev/rules.d/99-hotplug-memory.rules"
    rules = [BY_HAND + "# %d\n" % number for number in range(3)]
    with Tree() as tree:
        for rule in rules + rules[2:]:
            tree.put(name, rule)
            tree.run("set-aside")
        saved = [tree.get(name + ".memonline-saved" + end) for end in ("", ".1", ".2", ".3")]
        equal(saved, [rules[2], rules[0], rules[1], None], "what is kept")
        equal("is in force again" in tree.run("put-back"), True, "what is said")
        saved = [tree.get(name + end) for end in
                 ("", ".memonline-saved", ".memonline-saved.1", ".memonline-saved.2")]
        equal(saved, [rules[2], None, rules[0], rules[1]], "what is kept at the end")


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


def an_initramfs_is_made_without():
    """Whoever has hard links to the files of the system keeps those as they are."""
    with Tree() as tree:
        tree.put("stock/40-a.rules", BY_HAND)
        tree.put("image/lib/udev/rules.d/50-b.rules", 'SUBSYSTEM=="block", TAG+="x"\n')
        os.link(tree.path / "stock/40-a.rules", tree.path / "image/lib/udev/rules.d/40-a.rules")
        places = [str(tree.path / "image" / name) for name in ("etc/udev/rules.d",
                                                               "lib/udev/rules.d")]
        tree.put("image/lib/udev/rules.d/99-memonline.rules", BY_HAND)
        folder = "image/lib/udev/rules.d/"
        for said in (folder + "40-a.rules\n" + folder + "99-memonline.rules\n", ""):
            equal(tree.run("disarm", *places).replace(str(tree.path) + "/", ""), said, "what it said")
            left = tree.get("image/lib/udev/rules.d/40-a.rules")
            equal(left.partition("\n")[2], "# " + BY_HAND, "the rule in the image")
        equal(tree.get("image/lib/udev/rules.d/50-b.rules"), 'SUBSYSTEM=="block", TAG+="x"\n',
              "a rule of others")
        equal(tree.get("stock/40-a.rules"), BY_HAND, "the rule of the system")


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
    the_mark_is_made_before_the_scan,
    shadows_follow_later_changes,
    to_follow_ends_when_nothing_changes,
    a_start_follows_changes_too,
    rules_in_force_are_not_followed,
    a_fifo_hangs_nothing,
    a_second_rule_made_by_hand_leaves_the_first,
    a_rule_made_by_hand_goes_and_comes_back,
    a_newer_rule_made_by_hand_stays,
    offline_blocks_are_announced,
    an_initramfs_is_made_without,
    el6_has_other_places,
)


def main():
    return program.run_tests("rules", TESTS)


if __name__ == "__main__":
    sys.exit(main())
