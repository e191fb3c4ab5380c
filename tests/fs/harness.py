# SPDX-License-Identifier: MIT
"""What the tests of the mount share: a book made in code, and a mount that is always taken down.

The programs come from the environment: BOOKFS, the product, and SLOWFS, the same with a provider
that takes its time or fails as the test says (slow_provider.c)."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import zipfile

BOOKFS = os.environ.get("BOOKFS", "")
SLOWFS = os.environ.get("SLOWFS", "")
SKIPPED = 77

signal.signal(signal.SIGHUP, signal.SIG_DFL)    # what is started inherits it, and the suite may run by nohup

CONTAINER = """<?xml version="1.0"?>
<container version="1.0" xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>
<rootfile full-path="book.opf" media-type="application/oebps-package+xml"/></rootfiles></container>"""

SENTENCES = [
    "The tall lighthouse stood white against a black sky, and its red lamp burned over the water.",
    "Captain Morrow, an old man with a grey beard and a blue coat, lifted the brass lantern.",
    "Below the cliff a narrow stone stair went down to the green harbour where three boats lay.",
    "Elin ran through the wet grass, her yellow scarf bright in the pale morning light.",
    "A great grey wolf watched from the edge of the dark pine forest, its breath like smoke.",
    "In the golden hall a thousand candles shone on the long oak table and the silver cups.",
    "Snow lay deep upon the roofs of the village, blue in the shadow and rose in the sun.",
]


def make_book(path, chapters=6, words=600):
    """An EPUB whose chapters N say so in their text, each its own."""
    def text(n):
        lines = []
        for i in range(words // 15):
            lines.append("<p>%s It was the evening %d of part %d.</p>" % (SENTENCES[(n + i) % 7], i, n))
        return "<html xmlns='http://www.w3.org/1999/xhtml'><head><title>c</title></head><body>" \
               "<h1>Chapter %d</h1>%s</body></html>" % (n, "".join(lines))
    numbers = range(1, chapters + 1)
    items = "".join("<item id='c%d' href='c%d.xhtml' media-type='application/xhtml+xml'/>" % (n, n) for n in numbers)
    spine = "".join("<itemref idref='c%d'/>" % n for n in numbers)
    nav = "".join("<li><a href='c%d.xhtml'>Chapter %d</a></li>" % (n, n) for n in numbers)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as z:
        z.writestr(zipfile.ZipInfo("mimetype"), "application/epub+zip")
        z.writestr("META-INF/container.xml", CONTAINER)
        z.writestr("book.opf", "<?xml version='1.0'?><package xmlns='http://www.idpf.org/2007/opf' version='3.0' "
                   "unique-identifier='i'><metadata xmlns:dc='http://purl.org/dc/elements/1.1/'>"
                   "<dc:identifier id='i'>urn:test:1</dc:identifier><dc:title>The Test Light</dc:title>"
                   "<dc:language>en</dc:language></metadata><manifest><item id='nav' href='nav.xhtml' "
                   "properties='nav' media-type='application/xhtml+xml'/>%s</manifest><spine>%s</spine></package>"
                   % (items, spine))
        z.writestr("nav.xhtml", "<html xmlns='http://www.w3.org/1999/xhtml' xmlns:epub='http://www.idpf.org/2007/ops'>"
                   "<head><title>n</title></head><body><nav epub:type='toc'><ol>%s</ol></nav></body></html>" % nav)
        for n in numbers:
            z.writestr("c%d.xhtml" % n, text(n))


def has_terminals():
    """Whether pseudo-terminals can be had: not in every container."""
    try:
        for fd in os.openpty():
            os.close(fd)
    except OSError:
        return False
    return True


def has_pid_namespaces():
    """Whether a process can be hidden: not where the root is no mount point, nor without leave to."""
    return subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], stderr=subprocess.DEVNULL,
                          check=False).returncode == 0


TERMINALS = unittest.skipUnless(has_terminals(), "no pseudo-terminals here")
NAMESPACES = unittest.skipUnless(has_pid_namespaces(), "no pid namespaces here")


def is_mounted(path):
    with open("/proc/self/mountinfo", errors="surrogateescape") as f:
        return any(line.split(" ")[4] == path for line in f)


def unmount_hard(path):
    if is_mounted(path):
        subprocess.run(["umount", "-l", path], stderr=subprocess.DEVNULL)


class Mount:
    """A mount that stays in front, so that its process is ours to end."""

    def __init__(self, book, directory, options="", program=None, env=None):
        self.dir, self.book = directory, book
        self.program = program or SLOWFS
        args = [self.program, "-f"] + (["-o", options] if options else []) + [book, directory]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(args, stdin=subprocess.DEVNULL, stderr=self.log,
                                        env={**os.environ, **(env or {})})
        wait_for(lambda: is_mounted(directory) or self.process.poll() is not None, 30)
        if self.process.poll() is not None:
            raise AssertionError("did not mount: " + self.messages())

    def messages(self):
        self.log.seek(0)
        return self.log.read().decode()

    def path(self, *parts):
        return os.path.join(self.dir, *parts)

    def read(self, *parts):
        with open(self.path(*parts), "rb") as f:
            return f.read().decode()

    def command(self, text):
        """One write(2), as Python's files write again what failed."""
        fd = os.open(self.path(".bookfs/ctl"), os.O_WRONLY)
        try:
            os.write(fd, text.encode())
        finally:
            os.close(fd)

    def rss_kb(self):
        with open("/proc/%d/status" % self.process.pid) as f:
            return int(next(l for l in f if l.startswith("VmRSS")).split()[1])

    def end(self):
        """Always leaves no mount and no process behind. A sanitizer's report fails the test."""
        if self.log.closed:
            return
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            try:
                self.process.wait(5)
            except subprocess.TimeoutExpired:
                self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        unmount_hard(self.dir)
        said = self.messages()
        self.log.close()
        if "Sanitizer" in said or "runtime error" in said:
            raise AssertionError(said)


def wait_for(condition, seconds=30, what="it"):
    """What comes by itself. How long it may take is no promise: a busy machine makes all slow."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise AssertionError("waited %s s in vain for %s" % (seconds, what))
        time.sleep(0.005)


def within(limit_s, measure, tries=5):
    """A promise of time: measure() gives seconds. Other work on the machine makes a try slow now and then, a product
    that is slow makes all of them."""
    took = []
    while not took or took[-1] > limit_s:
        if len(took) == tries:
            raise AssertionError("not one of %s within %s s" % (took, limit_s))
        took.append(measure())


def waits_in(pid, folder):
    """Whether a process is in a system call on an open file of that folder."""
    try:
        with open("/proc/%d/syscall" % pid) as f:
            fd = int(f.read().split()[1], 16)
        return os.readlink("/proc/%d/fd/%d" % (pid, fd)).startswith(folder)
    except (IndexError, ValueError, OSError):
        return False


def waits_at(pid, path):
    """Whether a process is in openat(AT_FDCWD, path)."""
    try:
        with open("/proc/%d/syscall" % pid) as f:
            at = int(f.read().split()[2], 16)
        with open("/proc/%d/mem" % pid, "rb", buffering=0) as f:
            f.seek(at)
            return f.read(4096).split(b"\0")[0] == os.fsencode(path)
    except (IndexError, ValueError, OSError):
        return False


def has_ended(pid):
    """An orphan may stay a zombie where nobody reaps."""
    try:
        with open("/proc/%d/stat" % pid) as f:
            return ") Z " in f.read()
    except FileNotFoundError:
        return True


class Gate:
    """Holds back the provider of a SLOWFS that was started with SLOW_GATE=path, until it is opened."""

    def __init__(self, path):
        os.mkfifo(path)
        self.path, self.fd = path, os.open(path, os.O_RDWR)

    def open(self):
        os.write(self.fd, b"x")

    def close(self):
        os.close(self.fd)


class Case(unittest.TestCase):
    """Each test has a folder with book.epub; mounts made by self.mount() are taken down after it."""
    chapters = 6

    def setUp(self):
        self.tmp = os.path.realpath(tempfile.mkdtemp(prefix="bookfs-test-"))
        self.addCleanup(shutil.rmtree, self.tmp, ignore_errors=True)
        self.book = os.path.join(self.tmp, "book.epub")
        self.log = os.path.join(self.tmp, "asked")
        make_book(self.book, self.chapters)

    def mount(self, options="", name="mnt", program=None, **env):
        env.setdefault("SLOW_LOG", self.log)
        m = Mount(self.book, os.path.join(self.tmp, name), options, program, env)
        self.addCleanup(m.end)
        return m

    def gate(self, name="gate"):
        gate = Gate(os.path.join(self.tmp, name))
        self.addCleanup(gate.close)
        return gate

    def asked(self, what="analyze"):
        """How often the provider was asked."""
        if not os.path.exists(self.log):
            return 0
        with open(self.log) as f:
            return sum(line.startswith(what) for line in f)

    def run_bookfs(self, *args, program=None, timeout=60, **env):
        return subprocess.run([program or SLOWFS, *args], capture_output=True, text=True, timeout=timeout,
                              cwd=self.tmp, stdin=subprocess.DEVNULL,
                              env={**os.environ, "SLOW_LOG": self.log, **env})

    @contextlib.contextmanager
    def errno(self, code):
        with self.assertRaises(OSError) as caught:
            yield
        self.assertEqual(caught.exception.errno, code, os.strerror(caught.exception.errno))


class Project(Case):
    """The book is a folder: two chapters of a project."""

    def setUp(self):
        super().setUp()
        self.book = self.project = os.path.join(self.tmp, "project")
        for n in (1, 3):
            os.makedirs(os.path.join(self.project, "Manuscript/Chapters/Chapter_%02d" % n))
            with open(self.of("Manuscript/Chapters/Chapter_%02d/Chapter_%02d.md" % (n, n)), "w") as f:
                f.write("# Part %d\n\n%s\n" % (n, " ".join(SENTENCES)))

    def of(self, *names_):
        return os.path.join(self.project, *names_)


class Background(threading.Thread):
    """fn in a thread; result() gives what it returned or raises what it raised."""

    def __init__(self, fn, *args):
        super().__init__(daemon=True)
        self.fn, self.args, self.error, self.value = fn, args, None, None
        self.start()

    def run(self):
        try:
            self.value = self.fn(*self.args)
        except BaseException as e:  # handed to whoever asks
            self.error = e

    def result(self, timeout=60):
        self.join(timeout)
        if self.is_alive():
            raise AssertionError("still waits after %s s" % timeout)
        if self.error:
            raise self.error
        return self.value


def main():
    if not os.path.exists("/dev/fuse") or os.geteuid() != 0:
        print("needs root and /dev/fuse")
        sys.exit(SKIPPED)
    unittest.main(verbosity=1)
