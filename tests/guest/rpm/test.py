# SPDX-License-Identifier: GPL-2.0-or-later
"""make rpm: the spec as EL6 to EL10 see it, the contents, the scriptlets, and the daemon runs.

Golden texts lie in tests/data/rpm; MEMONLINE_GOLDEN=1 writes them again.
"""

import glob
import os
import re
import shutil
import subprocess
import tarfile

from lab import check, distribution, equal, host, image, packages, paths

NEEDS = ("rpm",)
FULL = True
INSTALLED = "its guest is of the package for RPM"

SPEC = os.path.join(paths.TOP, "rpm", "memonline.spec")
GOLDEN = os.path.join(paths.TESTS, "data", "rpm")
# What this machine's macros say is not the spec's business.
MACROS = {"_topdir": "/top", "configure": "./configure", "_smp_mflags": "-j2", "dist": "%{nil}",
          "_buildrootdir": "/top/BUILDROOT", "_arch": "x86_64", "_prefix": "/usr",
          "_sysconfdir": "/etc", "_bindir": "/usr/bin", "_sbindir": "/usr/sbin",
          "_libexecdir": "/usr/libexec", "_datadir": "/usr/share", "_mandir": "/usr/share/man"}
# The names that the distributions give to systemd's folders, from EL7 on, and calls of its macros as
# words: their text is the distributions' own. EL6 has neither.
SYSTEMD_MACROS = {
    "_presetdir": "/usr/lib/systemd/system-preset",
    "_tmpfilesdir": "/usr/lib/tmpfiles.d", "_udevrulesdir": "/usr/lib/udev/rules.d",
    "_unitdir": "/usr/lib/systemd/system", "systemd_post()": "systemd_post %{*}",
    "systemd_preun()": "systemd_preun %{*}",
    "systemd_postun_with_restart()": "systemd_postun_with_restart %{*}",
}
RELEASES = (6, 7, 8, 9, 10)
RECORD = "#!/bin/sh\necho \"${0##*/} $*\" >>/record\n"
RECORDED = ("systemctl", "chkconfig", "initctl", "memonline-rules")
SYSTEMD_START = """\
memonline-rules set-aside
systemctl preset memonlined.service
systemctl daemon-reload
systemctl is-enabled memonlined.service
systemctl start memonlined.service
"""
SYSTEMD_END = """\
systemctl --no-reload disable memonlined.service memonline-rules.service
systemctl stop memonlined.service memonline-rules.service
memonline-rules give
memonline-rules put-back
"""
# scriptlet, its argument -> what it runs
SYSTEMD_RUNS = {
    ("POSTIN", 1): SYSTEMD_START,
    ("POSTIN", 2): "memonline-rules set-aside\n",
    ("PREUN", 0): SYSTEMD_END,
    ("PREUN", 1): "",
    ("POSTUN", 0): "systemctl daemon-reload\n",
    ("POSTUN", 1): "systemctl daemon-reload\nsystemctl try-restart memonlined.service\n",
    # After files came, and after files went.
    ("TRANSFILETRIGGERSCRIPTS", 0): "memonline-rules follow\nmemonline-rules follow\n",
}
UPSTART_RUNS = {
    ("POSTIN", 1): "memonline-rules set-aside\nchkconfig --add memonlined\n"
                   "initctl start memonlined\n",
    ("POSTIN", 2): "memonline-rules set-aside\n",
    ("PREUN", 0): "initctl stop memonlined\nchkconfig --del memonlined\n"
                  "memonline-rules give\nmemonline-rules put-back\n",
    ("PREUN", 1): "",
    ("POSTUN", 0): "",
    ("POSTUN", 1): "initctl restart memonlined\n",
}


def as_golden(name, text):
    path = os.path.join(GOLDEN, name)
    if os.environ.get("MEMONLINE_GOLDEN") == "1":
        os.makedirs(GOLDEN, exist_ok=True)
        with open(path, "w") as out:
            out.write(text)
    with open(path) as golden:
        equal(text.split("\n"), golden.read().split("\n"), "golden text " + name)


def parsed_spec(release):
    macros = dict(MACROS, rhel=release)
    macros.update(SYSTEMD_MACROS if release > 6 else {})
    defines = [word for item in macros.items() for word in ("--define", "%s %s" % item)]
    text = host.call(["rpmspec", "-P"] + defines + [SPEC])
    return re.sub(r"\n\n+", "\n\n", text.strip()) + "\n"


def build(flags=""):
    """As the README says, on Debian, too."""
    folder = distribution.make_target("rpm", flags)
    return glob.glob(os.path.join(folder, "RPMS", "*", "memonline-0*.rpm"))[0]


def contents(package):
    """Modes and names; build ids are another each time."""
    rows = host.call(["rpm", "-qp", "--qf", "[%{FILEMODES:perms} %{FILENAMES}\\n]", package])
    return "".join(row + "\n" for row in rows.splitlines() if "/.build-id" not in row)


def install(package, root):
    distribution.as_root(["rpm", "--root", root, "--dbpath", "/var/lib/rpm", "--nodeps",
                          "--noscripts", "--install", package])


def daemon_runs(lab, root):
    tree = lab.temp_path("tree")
    with tarfile.open(os.path.join(paths.TESTS, "data", "sysroots",
                                   "debian12-6.1-hotplug512.tar.xz")) as archive:
        archive.extractall(tree)
    text = host.call([root + "/usr/sbin/memonlined", "--dry-run", "--sysroot", tree,
                      "--config", root + "/usr/share/memonline/memonlined.conf"])
    check("memory32" in text, "a dry run says nothing of memory32:\n" + text)


def script_root(lab, name, package, systemd):
    """A root with a shell, recorders in place of the programs, and the scriptlets."""
    root = lab.temp_path(name)
    for folder in ("bin", "usr/libexec/memonline") + (("run/systemd/system",) if systemd else ()):
        os.makedirs(os.path.join(root, folder))
    shutil.copy(image.host_program("busybox"), root + "/bin/busybox")
    for applet in ("sh", "test", "["):
        os.symlink("busybox", root + "/bin/" + applet)
    os.makedirs(root + "/dev")
    for program in RECORDED:
        folder = "usr/libexec/memonline" if program == "memonline-rules" else "bin"
        with open(os.path.join(root, folder, program), "w") as out:
            out.write(RECORD)
        os.chmod(os.path.join(root, folder, program), 0o755)
    for tag in ("POSTIN", "PREUN", "POSTUN", "TRANSFILETRIGGERSCRIPTS"):
        with open(os.path.join(root, tag), "w") as out:
            out.write(host.call(["rpm", "-qp", "--qf", "[%%{%s}\\n]" % tag, package]))
    return root


def scriptlets(root, runs):
    record = os.path.join(root, "record")
    for (tag, argument), wanted in runs.items():
        open(record, "w").close()
        done = subprocess.run(packages.as_root(
            ["env", "PATH=/bin:/usr/bin:/usr/sbin:/sbin", "chroot", root, "/bin/sh", "-e",
             "/" + tag, str(argument)]), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, timeout=60, universal_newlines=True)
        equal((done.returncode, done.stdout), (0, ""), "%%%s %d" % (tag, argument))
        with open(record) as found:
            equal(found.read(), wanted, "what %%%s %d ran" % (tag, argument))


def no_rpmlint_errors(package):
    source = glob.glob(os.path.join(os.path.dirname(package), "../../SRPMS/*.rpm"))
    print(host.call(["rpmlint", "-c", os.path.join(paths.TOP, "rpm", "rpmlint.toml"), SPEC,
                     package] + source))


def changes_are_those_of_debian(package):
    """One list: each entry of deb/changelog, under the same version."""
    with open(os.path.join(paths.TOP, "deb", "changelog")) as source:
        text = source.read()
    found = host.call(["rpm", "-qp", "--changelog", package])
    equal(len(re.findall(r"^- ", found, re.M)), len(re.findall(r"^  \* ", text, re.M)),
          "entries of %changelog")
    version = re.match(r"memonline \((.*?)\)", text).group(1)
    check(re.match(r"\* \w+ \w+ \d+ \d+ .*> - %s\n- " % re.escape(version), found),
          "%changelog begins with " + found[:100])


def run(lab):
    for release in RELEASES:
        as_golden("el%d.txt" % release, parsed_spec(release))
    package = build()
    no_rpmlint_errors(package)
    changes_are_those_of_debian(package)
    as_golden("contents", contents(package))
    root = lab.temp_path("root")
    os.makedirs(root)
    install(package, root)
    daemon_runs(lab, root)
    scriptlets(script_root(lab, "systemd", package, True), SYSTEMD_RUNS)
    # In an image that is being built nothing is started.
    enabled = {("POSTIN", 1): "\n".join(SYSTEMD_START.split("\n")[:2]) + "\n"}
    scriptlets(script_root(lab, "image", package, False), enabled)

    package = build("--nocheck --define 'rhel 6'")
    as_golden("contents-el6", contents(package))
    scriptlets(script_root(lab, "upstart", package, False), UPSTART_RUNS)
