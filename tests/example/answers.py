# SPDX-License-Identifier: GPL-2.0-or-later
"""The command of command.patch answers, and so does its verb: run where that is applied and built."""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "process"))

from daemon import Daemon, Tree, expect  # pylint: disable=wrong-import-position
import program  # pylint: disable=wrong-import-position

MIB = 1 << 20


def verb(daemon, *arguments):
    return subprocess.run(program.command("memonlinectl", "--socket", daemon.socket, *arguments),
                          capture_output=True, text=True, check=False,
                          timeout=program.patience(30))


def main():
    tree = Tree()
    try:
        tree.configure("[memonlined]\npolicy = keep\n")
        daemon = Daemon(tree).start()
        client = daemon.connect()
        answer = client.execute("memonline-node", node=0)["return"]
        expect(answer["online"] > 0 and answer["offline"] == 512 * MIB, answer)
        expect(client.execute("memonline-node", node=7)["return"] == {"online": 0, "offline": 0})
        expect("'node' is missing" in client.execute("memonline-node")["error"]["desc"])
        shown = verb(daemon, "node", "0", "--bytes")
        expect(shown.returncode == 0 and str(answer["online"]) in shown.stdout, shown)
        expect("NODE is a number" in verb(daemon, "help", "node").stdout, "help")
        expect(verb(daemon, "node").returncode == 1, "an argument is missing")
        expect(daemon.end() == 0, daemon.output())
    finally:
        tree.remove()
    print("ok example answers")
    return 0


if __name__ == "__main__":
    sys.exit(main())
