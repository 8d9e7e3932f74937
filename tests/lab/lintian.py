# SPDX-License-Identifier: GPL-2.0-or-later
"""What lintian says of the packages, whichever suite's lintian it is."""

import re

from .scenario import check

COMMAND = "lintian --allow-root -EI --fail-on none "
# What one lintian says and another one does not know, so that no override can hold it, and why it
# is let be.
EXPECTED = {
    "out-of-date-standards-version": "the one of the oldest suite, whose lintian knows no later",
    "older-debian-watch-file-standard 4": "the uscan of the oldest suite knows no later",
    "package-supports-alternative-init-but-no-init.d-script":
        "where no systemd runs, the udev rule onlines memory and memonlined is started by hand",
    "groff-message .*table text block will not fit on one page":
        "the page is read on a terminal, and where a page ends changes with each word",
    "bash-term-in-posix-shell .*usr/libexec/memonline/memonline-rules":
        "it is awk's, within the shell script",
}


def no_finding(text):
    found = [line for line in text.splitlines() if re.match(r"[EWIXP]: ", line) and
             not any(re.search(tag, line) for tag in EXPECTED)]
    check(not found, "lintian: " + "; ".join(found))
