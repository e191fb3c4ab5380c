#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A signal at any moment of `bookfs lock`: it has the lock and says so, or it has nothing. None is kept in silence.

Its life is stopped at each of its system calls in turn, from the opening of the table on, and there gets the signal.
"""

import collections
import ctypes
import fcntl
import os
import signal
import struct
import subprocess

import agents
import harness

FREE, QUEUE = (-110, -40), (-100, -10)      # calls before the last, of several hundred
DEFAULT, INTERRUPTED = -signal.SIGTERM, 128 + signal.SIGTERM
TRACEME, DETACH, SYSCALL, SETOPTIONS, GET_SYSCALL_INFO = 0, 17, 24, 0x4200, 0x420e
SYSGOOD, EXITKILL = 1, 1 << 20
CALL = signal.SIGTRAP | 0x80

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, pid=0, address=0, data=0):
    if libc.ptrace(request, pid, address, data) < 0:
        raise OSError(ctypes.get_errno(), "ptrace")


class Traced:
    """A process that goes from one system call to the next, as it is told."""

    def __init__(self, argv, env):
        self.process = subprocess.Popen(argv, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
                                        stderr=subprocess.STDOUT, preexec_fn=lambda: ptrace(TRACEME))
        self.pid, self.status, self.number = self.process.pid, None, 0
        self.wait()
        ptrace(SETOPTIONS, self.pid, 0, SYSGOOD | EXITKILL)

    def wait(self):
        _, status = os.waitpid(self.pid, 0)
        if os.WIFSTOPPED(status):
            self.number = os.WSTOPSIG(status)
        else:
            self.status = self.process.returncode = os.waitstatus_to_exitcode(status)

    def step(self):
        """To the beginning or the end of a call; False: it has ended."""
        while self.status is None:
            ptrace(SYSCALL, self.pid, 0, self.number if self.number not in (CALL, signal.SIGTRAP) else 0)
            self.wait()
            if self.number == CALL:
                break
        return self.status is None

    def opens(self, end):
        """Is it about to open a file whose name ends so?"""
        info = ctypes.create_string_buffer(88)
        ptrace(GET_SYSCALL_INFO, self.pid, len(info), ctypes.addressof(info))
        # op, padding, arch, instruction and stack pointer; of an entry: number, arguments
        if info.raw[0] != 1:
            return False
        path = struct.unpack_from("Q", info, 24 + 8 + 8)[0]
        try:
            with open("/proc/%d/mem" % self.pid, "rb", buffering=0) as f:
                f.seek(path)
                return f.read(4096).split(b"\0")[0].endswith(end)
        except (OSError, OverflowError, ValueError):
            return False

    def go(self):
        """On to its end; (status, what it said)"""
        if self.status is None:
            ptrace(DETACH, self.pid)
            self.wait()
        said = self.process.stdout.read()
        self.process.stdout.close()
        return self.status, said


def can_trace():
    """Not in every container; and what a sanitizer does at the end of a process is no call of ours."""
    if os.environ.get("SANITIZE", "none") != "none":
        return False
    try:
        return Traced(["true"], os.environ).go()[0] == 0
    except (OSError, subprocess.SubprocessError):
        return False


@harness.unittest.skipUnless(can_trace(), "no tracing here")
class Signals(agents.Case):
    chapters = 2

    def setUp(self):
        super().setUp()
        self.m = self.mount("trigger=never")
        self.path = self.m.path("locks/Chapter_01")
        self.env = {**os.environ, "BOOKFS_INSTANCE": "CLI-1"}
        self.ends = collections.Counter()

    def owner(self):
        try:
            return self.fields(self.m, "Chapter_01")["instance"]
        except FileNotFoundError:
            return None

    def in_transaction(self):
        """Is somebody? Then nobody else can release anything. The bytes are "The WAL-Index File Format"'s."""
        with open(self.book + ".bookfs-locks-shm", "rb") as f:
            asked = struct.pack("hhqqi4x", fcntl.F_RDLCK, 0, 120, 8, 0)
            return struct.unpack("hhqqi4x", fcntl.fcntl(f, fcntl.F_GETLK, asked))[0] != fcntl.F_UNLCK

    def one(self, count, held, *words):
        """Interrupts it before its call `count`; what we held goes just before that. Whether it came so far."""
        if held:
            os.close(os.open(self.path, os.O_WRONLY | os.O_CREAT))
        t = Traced([harness.SLOWFS, "lock", *words], self.env)
        while t.step() and not t.opens(b"-locks-live"):
            pass
        self.made = 0
        while self.made < count and t.step():
            self.made += 1
        late = held and self.in_transaction()
        if held and not late:
            os.unlink(self.path)
        if self.made == count:
            os.kill(t.pid, signal.SIGTERM)
        status, said = t.go()
        if late:
            os.unlink(self.path)
        has = self.owner() == "CLI-1"
        self.assertEqual(has, status == 0, (count, status, said))
        if status == 0:
            self.assertRegex(said, r"^Chapter_01 token=\d+ instance=CLI-1\n$")
            os.unlink(self.path)
        elif status == INTERRUPTED:
            self.assertEqual(said, "bookfs: interrupted; nothing was taken\n")
        self.ends[status] += 1
        return self.made == count

    def calls(self):
        """How many it makes in all when nobody is in its way."""
        count = 1 << 10
        self.assertFalse(self.one(count, False, self.book, "Chapter_01"))
        return self.made

    def test_every_moment(self):
        """What is before the last of its calls only finds out who asks."""
        calls = self.calls()
        for count in range(calls + FREE[0], calls + FREE[1]):
            self.one(count, False, self.book, "Chapter_01")
        free, self.ends = self.ends, collections.Counter()
        # It waits until it is interrupted, in rounds of the same calls.
        for count in range(calls + QUEUE[0], calls + QUEUE[1]):
            self.one(count, True, "--wait", "600", self.book, "Chapter_01")
        print("free: %s; in the queue: %s" % (dict(free), dict(self.ends)))
        self.assertLessEqual({0, INTERRUPTED}, set(free), "there was something to interrupt")
        self.assertIn(INTERRUPTED, self.ends)
        self.assertLessEqual(set(free) | set(self.ends), {0, DEFAULT, INTERRUPTED})


if __name__ == "__main__":
    agents.main()
