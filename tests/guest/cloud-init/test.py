# SPDX-License-Identifier: GPL-2.0-or-later
"""The user-data example is what cloud-init takes, and its configuration what memonlined takes.

cloud-init and what it needs are unpacked, not installed: on the machine that runs the tests it
would be started at the next boot.
"""

import json
import os
import subprocess

from lab import check, host, kernel, paths

FULL = True
INSTALLED = "it has no guest"

EXAMPLE = os.path.join(paths.TOP, "rules", "cloud-init.yaml")
PACKAGES = ["cloud-init", "python3-attr", "python3-configobj", "python3-importlib-metadata",
            "python3-jinja2", "python3-json-pointer", "python3-jsonpatch", "python3-jsonschema",
            "python3-markupsafe", "python3-more-itertools", "python3-netifaces",
            "python3-oauthlib", "python3-pyrsistent", "python3-requests", "python3-six",
            "python3-urllib3", "python3-chardet", "python3-idna", "python3-certifi",
            "python3-zipp", "python3-yaml"]
PYTHON = "/usr/bin/python3"


def python(root, *arguments):
    modules = os.path.join(root, "usr/lib/python3/dist-packages")
    return subprocess.run([PYTHON] + list(arguments), stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                          universal_newlines=True, env=dict(os.environ, PYTHONPATH=modules))


def valid(root, path):
    done = python(root, os.path.join(root, "usr/bin/cloud-init"), "schema", "--config-file", path)
    return done.returncode == 0 and "Valid cloud-config" in done.stdout, done.stdout


def run(lab):
    root = kernel.package(PACKAGES)
    right, text = valid(root, EXAMPLE)
    check(right, text)
    # A schema that takes everything would have shown nothing.
    wrong = lab.temp_path("wrong.yaml")
    with open(EXAMPLE) as source, open(wrong, "w") as out:
        out.write(source.read().replace("packages:", "packages: 7\nignored:"))
    check(not valid(root, wrong)[0], "cloud-init takes a number for a list of packages")

    loaded = python(root, "-c", "import json, sys, yaml; "
                    "print(json.dumps(yaml.safe_load(open(sys.argv[1]))))", EXAMPLE)
    found = json.loads(loaded.stdout)
    check("memonline" in found["packages"], found)
    config = lab.temp_path("memonlined.conf")
    with open(config, "w") as out:
        out.write(found["write_files"][0]["content"])
    dumped = host.call([os.path.join(paths.programs(), "agent", "memonlined"), "--dump-config",
                        "--config", config])
    check("policy = ratio" in dumped, dumped)
