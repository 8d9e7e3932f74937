#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""virt-memonline's command line, over libvirt's test driver: neither a guest nor a libvirtd.

One line for each test: ok, not ok, or skip.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import xml.dom.minidom

import program

LIMIT = program.patience(60)  # seconds for any process
DONE, FAILED, USAGE, NO_AGENT, UNKNOWN, PARTLY = 0, 1, 2, 3, 4, 64
TEST = "test:///default"
SOURCE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "agent", "virt")
AUTOSCALE_DOMAINS = 1024
VERBS = ["list", "show", "plug", "unplug", "resize", "wait", "watch", "metrics",
         "autoscale", "plot"]


def check(holds, what):
    if not holds:
        raise AssertionError(what)


def run(*arguments, uri=TEST, code=None):
    done = subprocess.run(program.command("virt-memonline", "-c", uri, *arguments),
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, universal_newlines=True, timeout=LIMIT)
    check(code is None or done.returncode == code,
          "%s: exit code %d, not %s: %s%s" % (" ".join(arguments), done.returncode, code,
                                              done.stdout, done.stderr))
    return done


def page():
    with open(os.path.join(SOURCE, "virt-memonline.1")) as source:
        return source.read().replace("\\-", "-")


def usage():
    for line in ("", "nosuch", "list --timeout 3", "list --nosuch", "plug", "plug test",
                 "plug test 1x", "plug test 0", "plug test 1G 2G", "resize test -1",
                 "plug test 1G --model ram", "plug test 1G --timeout 0", "show", "show a b",
                 "list -o NOSUCH", "plug test 1G --node x", "plug test 1G --dimm-size 3",
                 "help nosuch", "watch --keep", "wait", "metrics --bytes"):
        done = run(*line.split(), code=USAGE)
        check(done.stdout == "" and done.stderr, "%r said %r" % (line, done.stdout))


def errors_as_json():
    """Each is one object, and its class goes with the exit code."""
    for line, code, name in (("plug -J test nonsense", USAGE, "Usage"),
                             ("plug -J test 1G", NO_AGENT, "NoAgent"),
                             ("plug -J nosuch 1G", FAILED, "Failed"),
                             ("unplug -J nosuch\x1b 1G", FAILED, "Failed")):
        done = run(*line.split(" "), code=code)
        error = json.loads(done.stdout)["error"]
        check(error["class"] == name and error["desc"], error)
        check(done.stderr == "", done.stderr)
        check("\x1b" not in done.stdout, "not escaped")


def escapes_what_it_says():
    done = run("show", "no\x1bsuch", code=FAILED)
    check("\x1b" not in done.stderr and "\\x1b" in done.stderr, repr(done.stderr))


def lists_without_agents():
    rows = json.loads(run("list", "-J", "-b", code=DONE).stdout)["domains"]
    check([row["domain"] for row in rows] == ["test"], rows)
    check(rows[0]["state"] == "running" and rows[0]["agent"] == "not-needed", rows)
    check(rows[0]["boot"] == 8 << 30 and rows[0]["given"] == 0, rows)
    check(rows[0]["online"] is None, "a guest that was not asked has reported: %s" % rows)
    check(rows[0]["maximum"] is None, rows)
    only = run("list", "-n", "-o", "DOMAIN,STATE").stdout
    check(only.split() == ["test", "running"], only)


def shows_without_agents():
    shown = json.loads(run("show", "-J", "test", code=NO_AGENT).stdout)
    check(shown["domain"] == "test" and shown["devices"] == [], shown)
    run("show", "nosuch", code=FAILED)


def nothing_is_done_without_an_agent():
    for verb in ("plug", "unplug", "resize"):
        for more in ([], ["--dry-run"]):
            done = run(verb, "test", "1G", *more, code=NO_AGENT)
            check("no channel" in done.stderr, done.stderr)
    run("wait", "test", "--timeout", "1", code=NO_AGENT)


def no_libvirt():
    done = run("list", uri="qemu+unix:///session?socket=/nonexistent", code=FAILED)
    check("connect to libvirt" in done.stderr, done.stderr)


def metrics():
    text = run("metrics", code=DONE).stdout
    check(text.endswith("# EOF\n"), text[-40:])
    check('memonline_domain_agent_up{domain="test"} 0\n' in text, text)
    check("online_bytes{" not in text, "of a guest that was not asked: " + text)
    for line in text.splitlines():
        check(re.fullmatch(r'# (TYPE|UNIT|HELP|EOF).*|memonline_domain_\w+\{domain="test"\} \d+',
                           line), line)


def autoscale_files(text):
    """Paths of a configuration with that text, and of a state file that is not there."""
    directory = tempfile.mkdtemp(prefix="memonline-")
    config = os.path.join(directory, "conf")
    with open(config, "w") as out:
        out.write(text)
    return ["--config", config, "--state", os.path.join(directory, "state")]


def autoscale_names_the_wrong_line():
    for text, words in (("[domain *]\nnosuch = 1\n", ":2: unknown key"),
                        ("[guest]\nmax = 1\n", ":2: unknown section"),
                        ("[domain *]\nstep = 3\n", ":2: step '3'"),
                        ("nothing\n", ":1: ")):
        said = run("autoscale", "--once", *autoscale_files(text), code=USAGE).stderr
        check(words in said, "%r: %s" % (text, said))
    files = autoscale_files("")
    os.remove(files[1])
    said = run("autoscale", "--once", *files, code=USAGE).stderr
    check("No such file" in said, said)


def autoscale_leaves_a_silent_guest_alone():
    files = autoscale_files("[domain te*]\nmax = 16G\n")
    said = run("autoscale", "--once", *files, code=DONE).stderr
    check("domain test: away: silent" in said, said)
    check("grow" not in said and "shrink" not in said, said)
    [row] = json.loads(run("autoscale", "--status", "-J", *files, code=DONE).stdout)["domains"]
    check([row["domain"], row["state"], row["given"]] == ["test", "away", "8G"], row)
    others = autoscale_files("[domain other]\nmax = 16G\n")
    check(run("autoscale", "--once", *others, code=DONE).stderr == "", "of a domain without rules")


def autoscale_survives_its_state_file():
    """Damaged lines are named and left out; a dry run writes nothing."""
    files = autoscale_files("[domain *]\nmax = 16G\n")
    run("autoscale", "--once", "--dry-run", *files, code=DONE)
    check(not os.path.exists(files[3]), "a dry run has a state")
    run("autoscale", "--once", *files, code=DONE)
    with open(files[3]) as state:
        whole = state.read()
    for damaged in (whole[:-20] + "\n", whole.replace('"stage": 0', '"stage": 99'),
                    "x" * 20000 + "\n", "\0" * 100):
        with open(files[3], "w") as state:
            state.write(damaged)
        said = run("autoscale", "--once", *files, code=DONE).stderr
        check("damaged: 1" in said, "%r: %s" % (damaged[:40], said))
        with open(files[3]) as state:
            check(len(state.readlines()) == 1, "the state is not whole again")


def autoscale_has_room_for_new_domains():
    """The state file is full of domains that are no more: the oldest makes way."""
    files = autoscale_files("[domain *]\nmax = 16G\n")
    run("autoscale", "--once", *files, code=DONE)
    with open(files[3]) as state:
        line = state.read()
    [uuid] = re.findall('"uuid": "([0-9a-f-]{36})"', line)
    with open(files[3], "w") as state:
        for number in range(AUTOSCALE_DOMAINS):
            other = line.replace(uuid, "00000000-0000-4000-8000-%012x" % number)
            state.write(re.sub('"time-usec": [0-9]+', '"time-usec": %d' % (AUTOSCALE_DOMAINS - number), other))
    said = run("autoscale", "--once", *files, code=DONE).stderr
    check("domain test: away: silent" in said, said)
    with open(files[3]) as state:
        found = re.findall('"uuid": "([0-9a-f-]{36})"', state.read())
    check(len(found) == AUTOSCALE_DOMAINS, "%d domains" % len(found))
    check(uuid in found and "00000000-0000-4000-8000-%012x" % (AUTOSCALE_DOMAINS - 1) not in found,
          "not the oldest one has made way: %s" % found[-3:])


def autoscale_is_alone():
    files = autoscale_files("[domain *]\nmax = 16G\n")
    with subprocess.Popen(program.command("virt-memonline", "-c", TEST, "autoscale", *files),
                          stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                          universal_newlines=True) as first:
        try:
            check("away" in first.stderr.readline(), "it has not begun")
            said = run("autoscale", *files, code=FAILED).stderr
            check("another autoscale" in said, said)
        finally:
            first.terminate()
            check(first.wait(LIMIT) == 0, "exit code %s" % first.returncode)
    run("autoscale", "--once", *files, code=DONE)


def write_samples(files, rows):
    """Of the domain of the state file, a minute apart: MiB given, online, available, stalls in ms."""
    with open(files[3]) as state:
        [uuid] = re.findall('"uuid": "([0-9a-f-]{36})"', state.read())
    with open(files[3] + ".samples", "w") as out:
        for minute, (given, online, available, stalled) in enumerate(rows):
            out.write("%s %d %d %d %d %d 0\n" % (uuid, (1700000000 + 60 * minute) * 1000000,
                                                given << 20, online << 20, available << 20,
                                                stalled * 1000))
    return uuid


def plot_draws_what_autoscale_saw():
    files = autoscale_files("[domain *]\nmax = 16G\n")
    run("autoscale", "--once", *files, code=DONE)
    text = run("plot", "test", *files[2:], code=DONE).stdout
    check(text.startswith("test: 8G given, ") and "away (silent)" in text.splitlines()[0], text)
    check("     8G |--" in text or "     8G \u2502\u2594" in text, text)
    uuid = write_samples(files, [(1024, 1024, 512, 0), (2048, 1024, 0, 6000), (2048, 2048, 1024, 6000)])
    text = run("plot", uuid, *files[2:], code=DONE).stdout
    check("     2G " in text and "     1G " in text, text)
    check(" 10.00% " in text and "-2m" in text, text)
    check(max(map(len, text.splitlines())) == 80, text)
    text = run("plot", "test", "--svg", *files[2:], code=DONE).stdout
    xml.dom.minidom.parseString(text)
    check(text.startswith("<svg ") and text.endswith("</svg>\n") and ">10.00%<" in text, text)


def plot_uses_blocks_where_the_locale_has_them():
    files = autoscale_files("[domain *]\nmax = 16G\n")
    run("autoscale", "--once", *files, code=DONE)
    write_samples(files, [(1024, 1024, 512, 0), (1024, 1024, 512, 0)])
    for locale, ascii_alone in (("C", True), ("C.UTF-8", False)):
        done = subprocess.run(program.command("virt-memonline", "plot", "test", *files[2:]),
                              env=dict(os.environ, LC_ALL=locale), stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, timeout=LIMIT)
        check(done.returncode == DONE, done)
        check((max(done.stdout) < 128) == ascii_alone, "%s: %s" % (locale, done.stdout))


def plot_says_what_it_lacks():
    files = autoscale_files("[domain *]\nmax = 16G\n")
    said = run("plot", "test", *files[2:], code=FAILED).stderr
    check("domain test: autoscale has not seen it" in said, said)
    run("autoscale", "--once", *files, code=DONE)
    samples = files[3] + ".samples"
    with open(samples, "w") as out:
        out.write("no sample\n" + "x" * 5000 + "\n\0\n")
    said = run("plot", "test", *files[2:], code=FAILED).stderr
    check("domain test: no samples" in said, said)
    # The service leaves out what is damaged, and goes on without a file that it cannot write.
    run("autoscale", "--once", *files, code=DONE)
    with open(samples) as lines:
        check(len(lines.readlines()) == 1, "the damaged lines are still there")
    os.remove(samples)
    os.mkdir(samples)
    check("Is a directory" in run("autoscale", "--once", *files, code=DONE).stderr, "a directory")
    for arguments in (("plot",), ("plot", "a", "b"), ("plot", "a", "--once"), ("list", "--svg")):
        run(*arguments, code=USAGE)


def words(*arguments):
    return run("words", *arguments, code=DONE).stdout.split()


def help_page_and_completion_agree():
    """All of them are about the same verbs and options."""
    check(words("verbs") == VERBS + ["help"], words("verbs"))
    check(words("domains") == ["test"], words("domains"))
    text = page()
    for verb in VERBS:
        shown = run("help", verb, code=DONE).stdout
        named = re.findall(r"^ {0,4}(?:-\w, | {4} )?(--[\w-]+)", shown, re.M)
        check(sorted(named) == sorted(words("options", verb)), "%s: %s" % (verb, named))
        check(re.search(r"\.B[RI]? \"?%s" % verb, text), "the page has no %s" % verb)
        for option in named:
            check(option in text, "the page has no " + option)
        for column in words("columns", verb):
            check(column in shown, "%s: %s" % (verb, column))
    check(words("columns", "list")[0] == "DOMAIN", "columns")


def completion():
    """bash asks the program itself."""
    script = ("source %s/virt-memonline.bash; COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); "
              "_virt_memonline; printf '%%s\\n' \"${COMPREPLY[@]}\"" % SOURCE)
    for line, wanted in (("u", ["unplug"]), ("plug ", ["test"]), ("plug --mod", ["--model"]), ("plug --mon", ["--monitor"]),
                         ("--model ", ["dimm", "virtio-mem"]), ("list -o ST", ["STATE"]),
                         ("help wat", ["watch"])):
        done = subprocess.run(
            ["bash", "-c", script, "bash", program.path("virt-memonline")] +
            ["-c", TEST] + line.split(" "), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            universal_newlines=True, timeout=LIMIT)
        check(done.stdout.split() == wanted, "%r: %s" % (line, done.stdout.split()))


TESTS = [
    usage, errors_as_json, escapes_what_it_says, lists_without_agents, shows_without_agents,
    nothing_is_done_without_an_agent, no_libvirt, metrics, help_page_and_completion_agree,
    completion, autoscale_names_the_wrong_line, autoscale_leaves_a_silent_guest_alone,
    autoscale_survives_its_state_file, autoscale_has_room_for_new_domains, autoscale_is_alone,
    plot_draws_what_autoscale_saw, plot_uses_blocks_where_the_locale_has_them, plot_says_what_it_lacks,
]


def main():
    if not program.path("virt-memonline"):
        print("skip virt libvirt's headers were not there when the program was to be built")
        return 0
    if program.WRAPPER:
        print("skip virt libvirt's own threads and descriptors last until the process ends")
        return 0
    return program.run_tests("virt", TESTS)


if __name__ == "__main__":
    sys.exit(main())
