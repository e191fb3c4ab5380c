# SPDX-License-Identifier: MIT
"""What the tests of locks share: agents, which are shells that live until they are ended, mounts with locks in them,
and the commands beside a book."""

import ctypes
import errno
import json
import mmap
import os
import signal
import struct
import subprocess
import sys

import harness

CLOCKFS = os.environ.get("CLOCKFS", "")
LOCKERS = os.environ.get("LOCKERS", "")


class Piped:
    """A process that is spoken to by its pipes."""

    def end(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


class Agent(Piped):
    """A shell that runs one command after another. Without an id it is known by being their ancestor."""

    def __init__(self, cwd, instance=None, before=()):
        env = {k: v for k, v in os.environ.items() if k != "BOOKFS_INSTANCE"}
        if instance:
            env["BOOKFS_INSTANCE"] = instance
        self.process = subprocess.Popen([*before, "bash", "--norc", "--noprofile"], stdin=subprocess.PIPE, text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=cwd, env=env)
        self.pid = self.process.pid

    def run(self, command):
        """(exit status, what it printed)"""
        self.process.stdin.write("{ %s\n}; printf '\\n-- %%d\\n' $?\n" % command)
        self.process.stdin.flush()
        lines = []
        while True:
            line = harness.Background(self.process.stdout.readline).result(30)
            if not line:
                raise AssertionError("the shell ended: " + "".join(lines))
            if line.startswith("-- "):
                return int(line[3:]), "".join(lines).rstrip("\n")
            lines.append(line)

    def ok(self, command):
        status, said = self.run(command)
        if status != 0:
            raise AssertionError("%s: exit %d: %s" % (command, status, said))
        return said

    def fails(self, command, saying=""):
        status, said = self.run(command)
        if status == 0 or saying not in said:
            raise AssertionError("%s: exit %d: %s" % (command, status, said))
        return said

    def start(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def kill(self):
        self.process.kill()
        self.process.wait()


HAND = """
import ctypes, json, mmap, os, sys
libc = ctypes.CDLL(None, use_errno=True)
def c(name, *args):
    if getattr(libc, name)(*args) < 0:
        raise OSError(ctypes.get_errno(), name)
def put(name, text, mode="w"):
    with open(name, mode) as f:
        f.write(text)
def get(name):
    with open(name) as f:
        return f.read()
for line in sys.stdin:
    try:
        said = eval(line)
    except OSError as e:
        said = "E " + os.strerror(e.errno)
    print(json.dumps(said if isinstance(said, (str, int)) else None), flush=True)
"""


class Hand(Piped):
    """A process that does what it is told, an expression at a time, and says what came of it."""

    def __init__(self, cwd, instance):
        self.process = subprocess.Popen([sys.executable, "-c", HAND], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, cwd=cwd, env={**os.environ, "BOOKFS_INSTANCE": instance})

    def send(self, expression):
        self.process.stdin.write(expression + "\n")
        self.process.stdin.flush()

    def do(self, expression):
        self.send(expression)
        return json.loads(harness.Background(self.process.stdout.readline).result(30))


def strerror(code):
    return "E " + os.strerror(code)


BUSY, STALE = strerror(errno.EBUSY), strerror(errno.ESTALE)


class Clock:
    """Moves the clock of a mount of CLOCKFS."""

    def __init__(self, path):
        with open(path, "wb") as f:
            f.write(struct.pack("qq", 0, 0))
        self.path = path

    def move(self, passed_s=0, slept_s=0):
        with open(self.path, "r+b") as f, mmap.mmap(f.fileno(), 16) as m:
            passed, slept = struct.unpack("qq", m[:])
            m[:] = struct.pack("qq", passed + int(passed_s * 1000), slept + int(slept_s * 1000))


class Case(harness.Case):
    def agent(self, instance=None, cwd=None, before=()):
        a = Agent(cwd or os.path.join(self.tmp, "mnt", "locks"), instance, before)
        self.addCleanup(a.end)
        return a

    def mount_clock(self, name="mnt", options=""):
        clock = Clock(os.path.join(self.tmp, "clock"))
        return self.mount(options, name, CLOCKFS, CLOCK_FILE=clock.path), clock

    def held(self, m):
        return sorted(os.listdir(m.path("locks")))

    def fields(self, m, resource):
        return dict(line.split(": ", 1) for line in m.read("locks", resource).splitlines())


class Commands(Case):
    """bookfs lock and the others, run beside book.epub by whom the test says."""

    def setUp(self):
        super().setUp()
        bin_dir = os.path.join(self.tmp, "bin")
        os.mkdir(bin_dir)
        os.symlink(harness.SLOWFS, os.path.join(bin_dir, "bookfs"))
        self.env = {k: v for k, v in os.environ.items() if k != "BOOKFS_INSTANCE"}
        self.env.update(PATH=bin_dir + ":" + self.env["PATH"], BOOK="book.epub")

    def with_clock(self):
        """The program's clock is ours to move."""
        clock = Clock(os.path.join(self.tmp, "clock"))
        os.unlink(os.path.join(self.tmp, "bin", "bookfs"))
        os.symlink(CLOCKFS, os.path.join(self.tmp, "bin", "bookfs"))
        self.env["CLOCK_FILE"] = clock.path
        return clock

    def start(self, who, *args, **how):
        """Who has no name is known by the process that runs the test."""
        env = {**self.env, **({"BOOKFS_INSTANCE": who} if who else {}), **how.pop("env", {})}
        p = subprocess.Popen(how.pop("argv", ["bookfs", *args]), cwd=self.tmp, env=env, text=True,
                             stdin=how.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, **how)
        self.addCleanup(lambda: (p.poll() is None and p.kill(), p.wait(),
                                 *(f.close() for f in (p.stdin, p.stdout, p.stderr) if f)))
        return p

    def run_as(self, who, *args, **how):
        """(status, stdout, stderr)"""
        p = self.start(who, *args, **how)
        out, err = p.communicate(timeout=60)
        return p.returncode, out, err

    def ok(self, who, *args, **how):
        status, out, err = self.run_as(who, *args, **how)
        self.assertEqual((status, err), (0, ""), (args, out))
        return out

    def fails(self, status, line, who, *args, **how):
        """One line on stderr, nothing on stdout."""
        got, out, err = self.run_as(who, *args, **how)
        self.assertEqual((got, out), (status, ""), err)
        self.assertRegex(err, "^bookfs: [^\n]*\n$")
        self.assertRegex(err, line)
        self.assertNotIn("Device or resource busy", err)
        return err

    def shell(self, who):
        a = self.agent(who, cwd=self.tmp)
        a.ok("export PATH='%s' BOOK=book.epub DIR=mnt LC_ALL=C" % self.env["PATH"])
        return a

    def table(self, place="book.epub", **how):
        return {k["resource"]: k for k in json.loads(self.ok(None, "locks", "--json", place, **how))["locks"]}

    def owners(self, place="book.epub"):
        return {r: k["instance"] for r, k in self.table(place).items()}

    def wait_owner(self, resource, who):
        harness.wait_for(lambda: self.owners().get(resource) == who, what="%s to have %s" % (who, resource))

    def waiters(self):
        """How many wait, as the table's own file says; None: it cannot be read in this moment."""
        import sqlite3
        db = sqlite3.connect("file:%s.bookfs-locks?mode=ro" % self.book, uri=True)
        try:
            return db.execute("SELECT count(*) FROM waiter").fetchone()[0]
        except sqlite3.OperationalError:    # it is about to be opened or closed
            return None
        finally:
            db.close()

    def wait_queue(self, count):
        harness.wait_for(lambda: self.waiters() == count, what="%d in the queue" % count)


def main():
    """In a session without a terminal: else all shells would be the holder that its leader is."""
    if os.environ.get("DETACHED") != "1":
        os.environ["DETACHED"] = "1"
        sys.exit(subprocess.run([sys.executable, *sys.argv], start_new_session=True).returncode)
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)  # PR_SET_PDEATHSIG: who ends the one ends the other
    harness.main()
