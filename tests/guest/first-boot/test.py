# SPDX-License-Identifier: GPL-2.0-or-later
"""A sealed image, two clones of it: each boots for the first time with memonlined at work.

A sealed disk has the package installed and no machine-id. On Fedora and EL10 systemd applies all
presets at a first boot: `systemctl preset-all` runs before systemd does here, with a last preset
that disables what no other one enables. Each clone has a DIMM at boot; the driver of the ports is
loaded after udevd has started; the channel opens, the host is answered and reads the report of the
DIMM; another DIMM is plugged. The clones have instances of their own. Where an administrator's
preset disables the service, it stays off, and the rules online memory.
"""

from lab import check, distribution, equal, expect, installed
from lab.stream import without_daemon

NEEDS = ("distribution", "deb")
FULL = True
LIMIT = 1500
INSTALLED = "its guests have the package installed as it is"

SEAL = """\
systemctl stop memonlined
rm -rf /var/lib/systemd/random-seed /var/log/journal
: >/etc/machine-id
rm -f /var/lib/dbus/machine-id
sync
"""
PRESETS = "/usr/lib/systemd/system-preset/"
BEFORE_SYSTEMD = b"""\
[ ! -s /etc/machine-id ] || exit 1
[ ! -e /run/memonline ] || exit 1
echo 'enable lab.service' >%s98-lab.preset
echo 'disable *' >%s99-default-disable.preset
systemctl preset-all
touch /lab/first-boot
""" % (PRESETS.encode(), PRESETS.encode())
ADMINISTRATOR = {"/etc/systemd/system-preset/50-local.preset": b"disable memonlined.service\n"}


def sealed(lab):
    """The path of the disk."""
    path = lab.temp_path("sealed.img")
    distribution.as_root(["cp", "--sparse=always", installed.disk(lab), path])
    with installed.Writer(lab, path, name="seal") as image:
        image.sh(SEAL)
        image.power_off()
    return path


def boot(lab, disk, name, files=None, **options):
    script = BEFORE_SYSTEMD
    if without_daemon():
        script += b"systemctl mask memonlined.service\n"
    return installed.Copy(lab, disk, name=name, dimms=["512M"],
                          files=dict(files or {}, **{installed.BEFORE_SYSTEMD: script}),
                          **options)


def was_first_boot(guest):
    """Its machine-id, made at this boot."""
    guest.sh("test -e /lab/first-boot && test -s /etc/machine-id")
    return guest.read("/etc/machine-id")


def clone(lab, disk, name):
    """(machine-id, instance) of a clone in which all is as it should be."""
    with boot(lab, disk, name) as guest:
        machine = was_first_boot(guest)
        equal(guest.sh("systemctl is-enabled memonlined || :").strip(), "enabled", "the service")
        with guest.channel() as channel:
            equal(channel.request("guest-ping"), {}, "a ping")
            cold = next(iter(guest.dimms().values()))
            expect.all_online(guest, cold)
            report = channel.report()
            check(expect.address_range(cold) in guest.ctl("reports"), "nothing of the cold DIMM")
            dimm = guest.plug("512M")
            expect.all_online(guest, dimm)
        return machine, report["instance"]


def run(lab):
    disk = sealed(lab)
    first, second = (clone(lab, disk, name) for name in ("clone-1", "clone-2"))
    for one, other, what in zip(first, second, ("machine-id", "instance")):
        check(one != other, "both clones have the %s %s" % (what, one))
    with boot(lab, disk, "disabled", ADMINISTRATOR, daemon=False) as guest:
        was_first_boot(guest)
        guest.sh("! systemctl -q is-enabled memonlined && ! systemctl -q is-active memonlined")
        expect.all_online(guest, guest.plug("512M"))
