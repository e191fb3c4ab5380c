# SPDX-License-Identifier: MIT
"""What the tests of editing share: a book whose first chapter is analysed and drawn."""

import json
import os
import subprocess
import sys

from harness import Case, wait_for

FULL = "--full" in sys.argv
STYLE = "# Style\n\nInk on grey paper.\n"
PNG = bytes.fromhex("89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c49444154789c63606060"
                    "000000040001f61738550000000049454e44ae426082")


def put(path, text, flags=0):
    """One open, one write, one close, as a program that looks at what all three say."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | flags, 0o644)
    try:
        os.write(fd, text.encode() if isinstance(text, str) else text)
    finally:
        os.close(fd)


class Book(Case):
    """A book whose first chapter is analysed and drawn."""
    chapters = 3

    def analysed(self, options="", chapter=1, **env):
        m = self.mount(options, **env)
        json.loads(m.read("chapters/%d/concepts.json" % chapter))
        count = len(self.scenes(m, chapter))
        wait_for(lambda: len([n for n in os.listdir(m.path("images"))
                              if n.startswith("chapter_%d_" % chapter)]) == count, what="the pictures")
        return m

    def scenes(self, m, chapter=1):
        return json.loads(m.read("chapters/%d/concepts.json" % chapter))["concepts"]

    def document(self, m, chapter=1):
        return json.loads(m.read("chapters/%d/concepts.json" % chapter))

    def why(self, m):
        return m.read(".bookfs/why")

    def elements(self, m, kind="characters"):
        return sorted(os.listdir(m.path("elements", kind)))

    def sh(self, m, script, *args, env=None):
        return subprocess.run(["sh", "-c", script, "sh", *args], cwd=m.dir, capture_output=True, text=True, timeout=60,
                              env={**os.environ, **(env or {})})

    def history(self, m):
        return m.read(".bookfs/history").splitlines()
