# SPDX-License-Identifier: GPL-2.0-or-later
"""cloud-init itself, in a guest, with the example: the package installed, policy ratio in force.

The user data lie in the seed directory of cloud-init's NoCloud. They are the example and, as it
asks for, a repository: a folder in the guest, which has no network.
"""

import os
import shutil

from lab import check, distribution, equal, expect, host, image, installed, paths
from lab.stream import without_daemon

NEEDS = ("distribution", "deb")
FULL = True
LIMIT = 1800
INSTALLED = "cloud-init installs the package in it"

EXAMPLE = os.path.join(paths.TOP, "rules", "cloud-init.yaml")
PACKAGES = ("cloud-init",)
REPOSITORY = "/srv/memonline"
SOURCES = """\
apt:
  preserve_sources_list: false
  sources_list: |
    deb [trusted=yes] file:%s ./
package_update: true
""" % REPOSITORY
SEED = "/var/lib/cloud/seed/nocloud/"
META_DATA = b"instance-id: memonline-1\nlocal-hostname: guest\n"
# The guest has no network, no locales and no ssh.
LAB_CONFIG = {"/etc/cloud/cloud.cfg.d/99-lab.cfg":
              b"network: {config: disabled}\nlocale: false\nssh_genkeytypes: []\n"}
MASK = b"ln -sf /dev/null /etc/systemd/system/memonlined.service\n"
CLOUD_INIT_DONE = """\
cloud-init status --wait --long && grep -q DataSourceNoCloud /run/cloud-init/status.json ||
	{ cat /var/log/cloud-init.log /var/log/cloud-init-output.log; false; }
"""


def seed():
    return {SEED + "user-data": image.contents(EXAMPLE) + SOURCES.encode(),
            SEED + "meta-data": META_DATA}


def repository(lab):
    """Its files, as they lie in the guest."""
    folder = lab.temp_path("repository")
    os.makedirs(folder)
    package = os.path.basename(distribution.deb())
    shutil.copy(distribution.deb(), folder)
    index = host.call(["dpkg-scanpackages", "."], cwd=folder)
    return {"%s/%s" % (REPOSITORY, package): image.contents(os.path.join(folder, package)),
            REPOSITORY + "/Packages": index.encode()}


def boot(lab):
    files = dict(repository(lab), **seed())
    files.update(LAB_CONFIG)
    if without_daemon():
        files[installed.BEFORE_SYSTEMD] = MASK
    return installed.Copy(lab, distribution.disk(PACKAGES), files=files)


def run(lab):
    with boot(lab) as guest:
        guest.sh(CLOUD_INIT_DONE, 600)
        check("file:" + REPOSITORY in guest.sh("apt-cache policy memonline"),
              "the package is not from the repository in the guest")
        with guest.channel() as channel:
            dimm = guest.plug("512M")
            expect.all_online(guest, dimm)
            expect.one_range(channel.report(), dimm, requested="online_movable", zone="Movable",
                             reason="policy")
        equal(guest.sh("systemctl is-enabled memonlined").strip(), "enabled", "the service")
        equal(guest.ctl_json("--json status")["policy"], "ratio", "the policy")
        guest.sh("apt-get purge -y -q memonline && grep -q 'policy = ratio' /etc/memonlined.conf", 300)
