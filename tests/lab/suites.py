# SPDX-License-Identifier: GPL-2.0-or-later
"""The kernels of other Debian releases, by a throwaway apt configuration.

The mirror is $MIRROR or what this machine's own apt sources use. What is trusted are the keys
in the package debian-archive-keyring as this machine's sources have it, which apt has checked
with the keys that this machine trusts already.
"""

import contextlib
import email.utils
import fcntl
import functools
import glob
import os
import re
import subprocess
import time

from . import kernel, packages, paths

SUITES = ("bullseye", "bookworm", "trixie", "sid")
NEWEST = "sid"
KEYRING = "usr/share/keyrings/debian-archive-keyring.gpg"
# What a suite has beside its own list, by the label of the archive.
LISTS = {"Debian": ("%s",), "Debian-Security": ("%s-security",)}
WITHOUT_SECURITY = ("sid",)
# Sources and state of our own; proxies and the like are still the machine's.
CONFIG = """\
Dir::Etc::SourceList "{0}/sources.list";
Dir::Etc::SourceParts "-";
Dir::State "{0}/state";
Dir::State::Status "{0}/status";
Dir::Cache "{0}/cache";
APT::Update::Error-Mode "any";
APT::Sandbox::User "";
APT::Architecture "{1}";
APT::Architectures {{ "{1}"; }};
"""
NATIVE = "amd64"


def own_archives():
    """[(label, address)] of Debian's archives among this machine's sources."""
    targets = kernel.output_of(["apt-get", "indextargets", "--format",
                                "$(ORIGIN)|$(LABEL)|$(REPO_URI)", "Identifier: Packages"])
    rows = {tuple(line.split("|")) for line in targets.splitlines()}
    return sorted((label, address) for origin, label, address in rows if origin == "Debian")


def archives():
    if os.environ.get("MIRROR"):
        return [("Debian", os.environ["MIRROR"])]
    found = own_archives()
    if not found:
        packages.update()
        found = own_archives()
    if not found:
        raise packages.Missing("no mirror of Debian in this machine's apt sources nor in $MIRROR")
    return found


def source_lines(suite, keyring, architecture=NATIVE):
    for label, address in archives():
        if label == "Debian-Security" and suite in WITHOUT_SECURITY:
            continue
        for name in LISTS.get(label, ()):
            yield "deb [arch=%s signed-by=%s] %s %s main\n" % (architecture, keyring, address,
                                                               name % suite)


def write(path, text):
    with open(path, "w") as out:
        out.write(text)


def configure(suite, architecture=NATIVE):
    """Writes the suite's configuration; the environment in which apt follows it."""
    name = suite if architecture == NATIVE else "%s-%s" % (suite, architecture)
    directory = os.path.join(paths.cache(), "apt", name)
    for folder in ("state/lists/partial", "cache/archives/partial"):
        os.makedirs(os.path.join(directory, folder), exist_ok=True)
    keyring = os.path.join(kernel.package(["debian-archive-keyring"]), KEYRING)
    write(os.path.join(directory, "status"), "")
    write(os.path.join(directory, "sources.list"),
          "".join(source_lines(suite, keyring, architecture)))
    write(os.path.join(directory, "apt.conf"), CONFIG.format(directory, architecture))
    return dict(os.environ, APT_CONFIG=os.path.join(directory, "apt.conf"))


def update(env):
    """What apt complained of, if lists could not be had, else ""; those that it has it can use."""
    done = subprocess.run(["apt-get", "update", "-q"], env=env, stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          universal_newlines=True)
    errors = re.findall(r"^E: (.*)$", done.stdout, re.M)
    return errors[0] if done.returncode and errors else ""


def find(suite, say):
    env = configure(suite)
    failed = update(env)
    names = kernel.apt_concrete(kernel.APT_NAMES[0], env)
    folder = os.path.join("suites", suite)
    if not names:
        try:
            return kernel.newest_cached(folder)
        except packages.Missing:
            raise packages.Missing("no kernel of %s: %s" % (suite, failed or "no such package"))
    return kernel.fetch("%s_%s" % (names[0], kernel.apt_version(names[0], env)),
                        functools.partial(kernel.unpack_debs, env=env), names, say, folder)


@contextlib.contextmanager
def locked(suite):
    """apt itself refuses a second one at a time."""
    if not packages.has_apt():
        raise packages.Missing("this is only done with Debian's packages")
    os.makedirs(os.path.join(paths.cache(), "apt"), exist_ok=True)
    with open(os.path.join(paths.cache(), "apt", suite + ".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def directory(suite, say=print):
    """The unpacked kernel package of a suite; packages.Missing says why there is none."""
    with locked(suite):
        return find(suite, say)


def version(suite, name):
    """Of a package in a suite whose lists are there, "unknown" where it has none."""
    return kernel.apt_version(name, configure(suite))


def expired(folder, suite):
    """The Release's Valid-Until, where that is over and $MEMONLINE_EXPIRED does not allow it."""
    for path in glob.glob(os.path.join(folder, "state/lists/*_dists_%s_InRelease" % suite)):
        with open(path, errors="replace") as release:
            until = re.search(r"^Valid-Until: (.*)$", release.read(), re.M)
        if (until and email.utils.mktime_tz(email.utils.parsedate_tz(until.group(1))) < time.time()
                and os.environ.get("MEMONLINE_EXPIRED") != "1"):
            return until.group(1)
    return ""


def sources(suite):
    """The path of a sources.list; packages.Missing says what is wrong with the suite's Release."""
    with locked(suite):
        env = configure(suite)
        folder = os.path.dirname(env["APT_CONFIG"])
        failed = update(env)
        if failed:
            raise packages.Missing("%s: %s" % (suite, failed))
        if expired(folder, suite):
            raise packages.Missing("the mirror's Release of %s has been invalid since %s" % (
                suite, expired(folder, suite)))
        return os.path.join(folder, "sources.list")
