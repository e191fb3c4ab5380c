# SPDX-License-Identifier: MIT
"""What the system tests share: checks that print a line each, mounts that always end, a watchdog.

A test reads files of a mount in its own process, so a file system that hangs would hang the test.
The watchdog kills the daemons that the test started: the kernel then fails what was waiting, and
the test ends with a line that says so instead of for ever.
"""
import argparse
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import zlib

SKIP = 77
QUICK_S = 280       # a quick run that takes longer hangs; meson waits for 300
ENDED = ("completed", "failed", "skipped")

started = {}        # pid -> mount point or None: what this test started and has not seen end
temporary = []
reports = []        # what a sanitizer said in the daemons' messages


class Failure(Exception):
    """The test cannot go on; its text says why."""


class Checks:
    """One line a check; result() is the exit code."""

    def __init__(self):
        self.failed = 0
        self.passed = 0

    def ok(self, what, good, detail=""):
        line = f"{'ok' if good else 'not ok'} - {what}"
        if not good and detail != "":
            line += f": {str(detail)[:9000 if 'too slow' in str(detail) else 600]}"
        print(line, flush=True)
        if good:
            self.passed += 1
        else:
            self.failed += 1
        return bool(good)

    def note(self, text):
        print(f"# {text}", flush=True)

    def result(self):
        print(f"# {self.passed} passed, {self.failed} failed", flush=True)
        return 1 if self.failed else 0


def arguments(description, quick_seconds, full_seconds):
    """A parser with what all tests take. The program is the bookfs to be tested."""
    parser = argparse.ArgumentParser(description=description.strip().split("\n")[0])
    parser.add_argument("program", help="the bookfs program")
    parser.add_argument("--full", action="store_true", help="all of it, not the quick part")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--deadline", type=int, default=0, help="seconds after which it gives up")
    parser.set_defaults(quick_seconds=quick_seconds, full_seconds=full_seconds)
    return parser


def main(parser, run):
    """Runs run(args, checks) under the watchdog, cleans up, exits."""
    args = parser.parse_args()
    args.program = os.path.abspath(args.program)
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        print("# skipped: /dev/fuse cannot be opened here")
        sys.exit(SKIP)
    if not os.access(args.program, os.X_OK):
        print(f"not ok - there is no program {args.program}")
        sys.exit(1)
    limit = args.deadline or (args.full_seconds if args.full else max(args.quick_seconds, QUICK_S))
    checks = Checks()
    watchdog(limit)
    try:
        run(args, checks)
    except Failure as reason:
        checks.ok("the test could go on", False, reason)
    finally:
        clean_up()
    if reports:
        checks.ok("no sanitizer has anything to report", False, reports[0])
    sys.exit(checks.result())


def watchdog(seconds):
    def bite():
        print(f"not ok - done within {seconds} s", flush=True)
        clean_up()
        os._exit(1)
    timer = threading.Timer(seconds, bite)
    timer.daemon = True
    timer.start()


def clean_up():
    for pid, point in list(started.items()):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        if point:
            unmount_lazily(point)
        started.pop(pid, None)
    for path in temporary:
        if os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)
        elif os.path.exists(path):
            os.unlink(path)
    temporary.clear()


def unmount_lazily(point):
    while mounted(point):
        done = subprocess.run(["umount", "-l", point], stderr=subprocess.DEVNULL)
        if done.returncode and subprocess.run(["fusermount3", "-uz", point],
                                              stderr=subprocess.DEVNULL).returncode:
            return


def work_folder(where=None):
    """A folder that is gone at the end. On the disk of TMPDIR or /tmp."""
    folder = tempfile.mkdtemp(prefix="bookfs-test-", dir=where)
    temporary.append(folder)
    return folder


def mounted(point):
    """Is something mounted there? Asks the mount table, never the mount, which may be dead."""
    with open("/proc/self/mountinfo", errors="surrogateescape") as table:
        return any(line.split()[4] == point for line in table)


def wait_for(condition, seconds, every=0.005):
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value or time.monotonic() > end:
            return value
        time.sleep(every)


def children(pid):
    """All descendants of a process."""
    found = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as f:
                for child in map(int, f.read().split()):
                    found += [child] + children(child)
    except (FileNotFoundError, ProcessLookupError):
        pass
    return found


def alive(pid):
    try:
        with open(f"/proc/{pid}/stat") as f:
            return f.read().rsplit(")", 1)[1].split()[0] not in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return False


class Mount:
    """A bookfs in the foreground: its pid is known, it can be killed, it is always unmounted."""

    def __init__(self, program, book, options="", env=None, extra=(), log=None, wait=True, seconds=60):
        self.program, self.book = program, book
        self.dir = tempfile.mkdtemp(prefix="bookfs-mnt-")
        temporary.append(self.dir)
        command = [program, "-f", *extra]
        if options:
            command += ["-o", options]
        self.log_path = log or self.dir + ".log"
        temporary.append(self.log_path)
        with open(self.log_path, "ab") as log_file:
            self.process = subprocess.Popen(
                command + [book, self.dir], stdin=subprocess.DEVNULL, stdout=log_file,
                stderr=log_file, env={**os.environ, **(env or {})}, start_new_session=True)
        self.pid = self.process.pid
        started[self.pid] = self.dir
        if wait:
            self.wait_ready(seconds)

    def wait_ready(self, seconds=60):
        ready = wait_for(lambda: mounted(self.dir) or self.process.poll() is not None, seconds,
                         every=0.001)
        if not ready or self.process.poll() is not None:
            self.kill()
            raise Failure(f"bookfs did not mount: {self.messages()[-400:]!r}")
        os.listdir(self.dir)

    def messages(self):
        with open(self.log_path, errors="replace") as f:
            return f.read()

    def path(self, *names):
        return os.path.join(self.dir, *map(str, names))

    def read(self, *names):
        with open(self.path(*names), "rb") as f:
            return f.read()

    def json(self, *names):
        return json.loads(self.read(*names))

    def command(self, line):
        fd = os.open(self.path(".bookfs", "ctl"), os.O_WRONLY)
        try:
            os.write(fd, (line + "\n").encode())
        finally:
            os.close(fd)

    def status(self):
        return self.json("status.json")

    def events(self):
        return [json.loads(line) for line in self.read(".bookfs", "events.log").splitlines()]

    def seq(self):
        return int(self.read(".bookfs", "seq"))

    def kill(self):
        """kill -9, and the dead mount taken away. Returns its children of that moment."""
        family = children(self.pid)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        unmount_lazily(self.dir)
        started.pop(self.pid, None)
        said = self.messages()
        if re.search(r"Sanitizer|runtime error:", said):
            reports.append(said)
        return family

    def close(self, seconds=100):
        """Unmounts it properly; the exit code of the daemon, or None when it had to be killed."""
        if self.process.poll() is None:
            subprocess.run([self.program, "umount", self.dir], timeout=seconds,
                           stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(20)
        code = self.process.poll()
        self.kill()
        with contextlib.suppress(OSError):
            os.rmdir(self.dir)
        return code

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        self.close()


def stacks(pid):
    """Where the threads of a process that hangs are, with its children; for the reader of a failure."""
    if not shutil.which("gdb"):
        return "(no gdb to say where)"
    said = ""
    for one in [pid, *children(pid)]:
        done = subprocess.run(["gdb", "-p", str(one), "-batch", "-ex", "thread apply all bt 12"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, timeout=60)
        said += f"\nprocess {one}:\n" + "\n".join(
            line for line in done.stdout.splitlines() if line.startswith(("#", "Thread")))
    return said


def run(program, *args, seconds=120, env=None, **more):
    """Runs a bookfs command; (code, stdout, stderr)."""
    process = subprocess.Popen([program, *map(str, args)], stdin=subprocess.DEVNULL,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                               env={**os.environ, **(env or {})}, start_new_session=True, **more)
    started[process.pid] = None
    try:
        out, err = process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        where = stacks(process.pid)
        process.kill()
        out, err = process.communicate()
        err += f"(killed by the test: too slow; {where})".encode()
    started.pop(process.pid, None)
    return process.returncode, out.decode(errors="replace"), err.decode(errors="replace")


def whole_png(data):
    """None if data is a whole PNG, else what is wrong with it."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        return "no PNG signature"
    at = 8
    while at + 12 <= len(data):
        length = int.from_bytes(data[at:at + 4], "big")
        kind = data[at + 4:at + 8]
        end = at + 12 + length
        if end > len(data):
            return f"chunk {kind!r} is cut off"
        if zlib.crc32(data[at + 4:end - 4]) != int.from_bytes(data[end - 4:end], "big"):
            return f"chunk {kind!r} has a wrong CRC"
        at = end
        if kind == b"IEND":
            return None if at == len(data) else "bytes after IEND"
    return "no IEND"


def all_done(status, images=True):
    """Has everything ended, by a parsed status.json?"""
    rows = status["chapters"] + (status["images"] if images else [])
    return bool(status["chapters"]) and all(row["status"] in ENDED for row in rows)


def wait_done(mount, seconds, images=True):
    """Until status.json says that all has ended; the last status seen."""
    status = {}

    def done():
        nonlocal status
        status = mount.status()
        return all_done(status, images)
    wait_for(done, seconds, every=0.05)
    return status
