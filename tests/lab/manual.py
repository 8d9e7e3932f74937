# SPDX-License-Identifier: GPL-2.0-or-later
"""The manual pages: what groff and mandoc complain of, and what every page has."""

import os
import re
import subprocess

from . import paths

PAGE = re.compile(r"^agent/.*\.[1-8]$")
# The line of 80 columns is groff's own default; a wider table is one of its warnings.
GROFF = ["groff", "-t", "-man", "-ww", "-Tutf8", "-z"]
MANDOC = ["mandoc", "-T", "lint"]
TITLE = re.compile(r'^\.TH \S+ \d \d{4}-\d\d-\d\d memonline "', re.M)
EXAMPLES = re.compile(r"^\.SH EXAMPLES$", re.M)


# A terminal is one long page. groff still warns of a table's row where its page of paper would end.
ONE_PAGE = ".pl 10000i\n.lf 1 %s\n"


def complaints(name):
    with open(os.path.join(paths.TOP, name), encoding="ascii") as page:
        groff_input = ONE_PAGE % name + page.read()
    for argv, data in ((GROFF, groff_input), (MANDOC + [name], "")):
        done = subprocess.run(argv, cwd=paths.TOP, input=data.encode(),
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
                              env=dict(os.environ, LC_ALL="C"))
        if done.stdout or done.returncode:
            yield "%s:\n%s" % (argv[0], done.stdout.decode(errors="replace").rstrip())


def missing(name):
    with open(os.path.join(paths.TOP, name), encoding="ascii") as page:
        text = page.read()
    if not TITLE.search(text):
        yield name + ": .TH has no date (expected YYYY-MM-DD)"
    if not EXAMPLES.search(text):
        yield name + ": no section EXAMPLES"


def problems(names):
    """Texts, one for each problem of the pages among these files."""
    for name in filter(PAGE.match, names):
        yield from complaints(name)
        yield from missing(name)
