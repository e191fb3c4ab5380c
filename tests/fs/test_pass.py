# SPDX-License-Identifier: MIT
"""A folder that is mounted as a book is the same folder: everything is done twice, in the mount and in a folder that is
none, and must come to the same: what each call says, what is left, byte for byte; and so it does where the kernel
reads and writes without us."""

import ctypes
import errno
import mmap
import os
import select
import shutil
import signal
import stat
import subprocess

import harness
from harness import Project

LIBC = ctypes.CDLL(None, use_errno=True)
NOREPLACE, EXCHANGE = 1, 2
SIZE = 1 << 16
PUNCH, KEEP_SIZE, ZERO = 2, 1, 16


def rename2(a, b, flags):
    if LIBC.renameat2(-100, a.encode(), -100, b.encode(), flags) < 0:
        raise OSError(ctypes.get_errno(), "renameat2")


def fallocate(fd, mode, at, size):
    if LIBC.fallocate(fd, mode, ctypes.c_long(at), ctypes.c_long(size)) < 0:
        raise OSError(ctypes.get_errno(), "fallocate")


class Script:
    """What is done in one folder, and all that came of it."""

    def __init__(self, top):
        self.top, self.said = top, []

    def at(self, *names):
        return os.path.join(self.top, *names)

    def do(self, what, fn, *args, **more):
        """fn's result or errno is noted."""
        try:
            result = fn(*args, **more)
        except OSError as e:
            result = errno.errorcode[e.errno]
        self.said.append((what, result if isinstance(result, (int, str, bytes, list, tuple)) else None))
        return result

    def put(self, name, data=b"text\n", mode="wb"):
        with open(self.at(name), mode) as f:
            f.write(data)

    def get(self, name):
        with open(self.at(name), "rb") as f:
            return f.read()

    def look(self, what):
        """Everything there is."""
        for folder, folders, files in os.walk(self.top):
            folders.sort()
            for name in sorted(folders + files):
                path = os.path.join(folder, name)
                st = os.lstat(path)
                if path.endswith(".git/index"):  # has inode numbers and times
                    continue
                is_file = stat.S_ISREG(st.st_mode)
                entry = (os.path.relpath(path, self.top), stat.filemode(st.st_mode), st.st_uid, st.st_gid,
                         0 if stat.S_ISDIR(st.st_mode) else st.st_nlink, st.st_size if is_file else 0,
                         st.st_blocks if is_file else 0,
                         os.readlink(path) if stat.S_ISLNK(st.st_mode) else "")
                data = b""
                if is_file:
                    with open(path, "rb") as f:
                        data = f.read()
                self.said.append((what, entry, data))


def names(s):
    s.do("mkdir", os.mkdir, s.at("d"))
    s.do("mkdir again", os.mkdir, s.at("d"))
    s.do("mkdir nowhere", os.mkdir, s.at("no/d"))
    s.put("d/a")
    s.do("mkdir on a file", os.mkdir, s.at("d/a"))
    s.do("in a file", os.mkdir, s.at("d/a/b"))
    s.do("rmdir full", os.rmdir, s.at("d"))
    s.do("rmdir a file", os.rmdir, s.at("d/a"))
    s.do("unlink a folder", os.unlink, s.at("d"))
    s.do("unlink nothing", os.unlink, s.at("d/none"))
    s.do("long name", os.mkdir, s.at("n" * 255))
    s.do("too long", os.mkdir, s.at("n" * 256))
    s.do("odd name", s.put, "\u00e9 \n\x01 '\"\\")
    s.do("fifo", os.mkfifo, s.at("fifo"), 0o640)
    s.do("socket", os.mknod, s.at("socket"), stat.S_IFSOCK | 0o600)
    s.do("mknod", os.mknod, s.at("plain"), stat.S_IFREG | 0o604)
    s.do("excl", os.close, os.open(s.at("new"), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o751))
    s.do("excl again", os.open, s.at("new"), os.O_CREAT | os.O_EXCL | os.O_WRONLY)
    s.do("open a folder to write", os.open, s.at("d"), os.O_WRONLY)
    s.do("no follow", os.open, s.at("no"), os.O_RDONLY | os.O_NOFOLLOW)


def links(s):
    s.put("a", b"one")
    s.do("link", os.link, s.at("a"), s.at("b"))
    s.do("link again", os.link, s.at("a"), s.at("b"))
    s.put("b", b"two")
    s.do("same bytes", s.get, "a")
    s.do("same file", lambda: os.stat(s.at("a")).st_ino == os.stat(s.at("b")).st_ino)
    s.do("symlink", os.symlink, "a", s.at("l"))
    s.do("through it", s.get, "l")
    s.do("nowhere", os.symlink, "no/where", s.at("dangles"))
    s.do("through that", s.get, "dangles")
    s.do("round", os.symlink, "round", s.at("round"))
    s.do("round it", s.get, "round")
    s.do("link of a link", os.link, s.at("l"), s.at("l2"), follow_symlinks=False)
    s.do("of a folder", lambda: (os.mkdir(s.at("d")), os.link(s.at("d"), s.at("d2"))))
    s.do("target too long", os.symlink, "x" * 4096, s.at("long"))
    s.do("unlink one", os.unlink, s.at("a"))
    s.do("the other stays", s.get, "b")


def renames(s):
    for n in ("a", "b", "c"):
        s.put(n, n.encode() * 100)
    os.makedirs(s.at("d/e"))
    os.mkdir(s.at("empty"))
    s.do("over", os.rename, s.at("a"), s.at("b"))
    s.do("noreplace", rename2, s.at("b"), s.at("c"), NOREPLACE)
    s.do("noreplace new", rename2, s.at("b"), s.at("n"), NOREPLACE)
    s.do("exchange", rename2, s.at("n"), s.at("d"), EXCHANGE)
    s.do("exchange back", rename2, s.at("n"), s.at("d"), EXCHANGE)
    s.do("exchange nothing", rename2, s.at("n"), s.at("none"), EXCHANGE)
    s.do("into itself", os.rename, s.at("d"), s.at("d/e/f"))
    s.do("file over folder", os.rename, s.at("n"), s.at("d"))
    s.do("folder over file", os.rename, s.at("d"), s.at("n"))
    s.do("folder over full", os.rename, s.at("empty"), s.at("d"))
    s.do("folder over empty", os.rename, s.at("d"), s.at("empty"))
    s.do("nothing", os.rename, s.at("none"), s.at("x"))
    os.link(s.at("n"), s.at("n2"))
    s.do("to its own link", os.rename, s.at("n"), s.at("n2"))
    fd = os.open(s.at("c"), os.O_RDWR)
    s.do("under an open file", os.rename, s.at("n"), s.at("c"))
    s.do("which still reads", os.pread, fd, 5, 0)
    s.do("and is no one's", lambda: os.fstat(fd).st_nlink)
    os.close(fd)


def bytes_of_files(s):
    s.put("f", b"0123456789")
    fd = os.open(s.at("f"), os.O_RDWR)
    s.do("read", os.pread, fd, 4, 3)
    s.do("past the end", os.pread, fd, 4, 30)
    s.do("write behind", os.pwrite, fd, b"end", 8000)
    s.do("size", lambda: os.fstat(fd).st_size)
    s.do("the hole", os.pread, fd, 20, 5)
    s.do("truncate", os.ftruncate, fd, 4)
    s.do("and on", os.ftruncate, fd, 6000)
    s.do("zeros", os.pread, fd, 10, 0)
    s.do("negative", os.ftruncate, fd, -1)
    s.do("fsync", os.fsync, fd)
    s.do("fdatasync", os.fdatasync, fd)
    os.close(fd)
    s.do("by name", os.truncate, s.at("f"), 3)
    s.do("a folder", os.truncate, s.top, 3)
    a, b = (os.open(s.at("log"), os.O_CREAT | os.O_APPEND | os.O_WRONLY) for _ in range(2))
    for i in range(5):
        os.write(a, b"a%d" % i)
        os.write(b, b"b%d" % i)
    os.close(a)
    os.close(b)
    s.do("appended", s.get, "log")
    fd = os.open(s.at("log"), os.O_RDONLY)
    s.do("write to a reader", os.write, fd, b"x")
    os.close(fd)
    fd = os.open(s.at("log"), os.O_RDWR | os.O_TRUNC)
    s.do("truncated", lambda: os.fstat(fd).st_size)
    os.unlink(s.at("log"))
    s.do("unlinked and open", os.write, fd, b"still here")
    s.do("reads", os.pread, fd, 20, 0)
    os.close(fd)
    big = bytes(range(256)) * 12000
    s.put("big", big)
    s.do("big", lambda: s.get("big") == big)
    s.do("direct", direct, s)


def direct(s):
    fd = os.open(s.at("big"), os.O_RDWR | os.O_DIRECT)
    page = mmap.mmap(-1, 4096)
    page.write(b"d" * 4096)
    written = os.pwritev(fd, [page], 4096)
    os.close(fd)
    return written, s.get("big")[4090:4100]


def holes(s):
    fd = os.open(s.at("sparse"), os.O_RDWR | os.O_CREAT)
    os.pwrite(fd, b"x" * 4096, 1 << 20)
    os.pwrite(fd, b"y" * 4096, 5 << 20)
    os.fsync(fd)
    s.do("first data", os.lseek, fd, 0, os.SEEK_DATA)
    s.do("first hole", os.lseek, fd, 0, os.SEEK_HOLE)
    s.do("hole behind", os.lseek, fd, 1 << 20, os.SEEK_HOLE)
    s.do("next data", os.lseek, fd, (1 << 20) + 4096, os.SEEK_DATA)
    s.do("no more", os.lseek, fd, 6 << 20, os.SEEK_DATA)
    s.do("allocate", fallocate, fd, 0, 0, 65536)
    s.do("punch", fallocate, fd, PUNCH | KEEP_SIZE, 1 << 20, 4096)
    s.do("zero", fallocate, fd, ZERO, 5 << 20, 100)
    s.do("beyond", fallocate, fd, KEEP_SIZE, 6 << 20, 4096)
    s.do("wrong", fallocate, fd, 0, -1, 4096)
    s.do("reads zeros", os.pread, fd, 10, 1 << 20)
    s.do("and zeroed", os.pread, fd, 102, 5 << 20)
    to = os.open(s.at("copy"), os.O_RDWR | os.O_CREAT)
    s.do("copy range", os.copy_file_range, fd, to, 8192, 5 << 20, 100)
    s.do("copied", os.pread, to, 4000, 100)
    os.close(fd)
    os.close(to)


def mappings(s):
    s.put("m", b"a" * 10000)
    fd = os.open(s.at("m"), os.O_RDWR)
    with mmap.mmap(fd, 10000) as m:
        m[5000:5005] = b"mapped"[:5]
        m.flush()
        s.do("seen by read", os.pread, fd, 7, 4999)
        os.pwrite(fd, b"written", 100)
        s.do("seen in the map", lambda: bytes(m[99:108]))
        with mmap.mmap(fd, 10000, flags=mmap.MAP_PRIVATE) as p:
            p[0:4] = b"mine"
            s.do("private", os.pread, fd, 4, 0)
    os.close(fd)
    s.do("stays", lambda: s.get("m")[4990:5010])
    fd = os.open(s.at("m"), os.O_RDWR | os.O_APPEND)
    with mmap.mmap(fd, 10000) as m:
        os.write(fd, b"tail")
        m[0:5] = b"first"
        m.flush()
    os.close(fd)
    s.do("mapped and appended", lambda: (len(s.get("m")), s.get("m")[:6], s.get("m")[-6:]))


def attributes(s):
    s.put("f")
    os.mkdir(s.at("d"))
    os.symlink("f", s.at("l"))
    s.do("chmod", os.chmod, s.at("f"), 0o6751)
    s.do("mode", lambda: os.stat(s.at("f")).st_mode)
    s.do("chown", os.chown, s.at("f"), 1234, 4321)
    s.do("set-id is gone", lambda: os.stat(s.at("f")).st_mode)
    s.do("chown a link", os.lchown, s.at("l"), 77, 78)
    s.do("times", os.utime, s.at("f"), ns=(1234567890123456789, 987654321987654321))
    s.do("as set", lambda: (os.stat(s.at("f")).st_atime_ns, os.stat(s.at("f")).st_mtime_ns))
    s.do("of a link", os.utime, s.at("l"), ns=(5, 7), follow_symlinks=False)
    s.do("that too", lambda: os.lstat(s.at("l")).st_mtime_ns)
    s.do("now", os.utime, s.at("d"))
    s.do("before 1970", os.utime, s.at("d"), ns=(-5 * 10**9, -7 * 10**9))
    s.do("was", lambda: os.stat(s.at("d")).st_mtime_ns)
    for mask in (0, 0o22, 0o77, 0o777):
        before = os.umask(mask)
        os.close(os.open(s.at("u%o" % mask), os.O_CREAT | os.O_WRONLY, 0o777))
        os.mkdir(s.at("ud%o" % mask), 0o777)
        os.umask(before)
    s.do("access", os.access, s.at("f"), os.X_OK)
    s.do("no access", os.access, s.at("l"), os.X_OK)
    os.chmod(s.at("d"), 0o2775)
    os.chown(s.at("d"), 0, 55)
    os.chmod(s.at("d"), 0o2775)
    s.put("d/inherits")
    os.mkdir(s.at("d/too"))


def extended(s):
    s.put("f")
    s.do("none", os.getxattr, s.at("f"), "user.a")
    s.do("set", os.setxattr, s.at("f"), "user.a", b"value")
    s.do("get", os.getxattr, s.at("f"), "user.a")
    s.do("create", os.setxattr, s.at("f"), "user.a", b"other", os.XATTR_CREATE)
    s.do("replace", os.setxattr, s.at("f"), "user.b", b"x", os.XATTR_REPLACE)
    s.do("long", os.setxattr, s.at("f"), "user.long", b"l" * 2000)
    s.do("list", lambda: sorted(os.listxattr(s.at("f"))))
    s.do("remove", os.removexattr, s.at("f"), "user.a")
    s.do("removed", os.removexattr, s.at("f"), "user.a")
    s.do("of a folder", os.setxattr, s.top, "user.d", b"folder")
    s.do("list it", os.listxattr, s.top)
    s.do("trusted", os.setxattr, s.at("f"), "trusted.t", b"t")


def many(s):
    for i in range(700):
        s.put("file-%04d" % i, b"")
    s.do("listed once each", lambda: sorted(os.listdir(s.top)))
    seen = []
    with os.scandir(s.top) as it:
        for i, entry in enumerate(it):
            seen.append(entry.name)
            if i % 2:
                os.unlink(entry.path)
    s.do("removed while listed", lambda: (len(seen), len(set(seen)), len(os.listdir(s.top))))


def ready(s):
    """To be read and written at once, as any file is, and a folder to neither."""
    s.put("a.md")
    os.mkdir(s.at("folder"))
    for name, how in (("a.md", os.O_RDONLY), ("a.md", os.O_RDWR), ("b", os.O_CREAT | os.O_WRONLY), ("folder", os.O_RDONLY)):
        fd = os.open(s.at(name), how)
        p = select.poll()
        p.register(fd)
        s.do("poll of %s" % name, lambda: [what for _, what in p.poll(10000)])
        s.do("select of %s" % name, lambda: [len(x) for x in select.select([fd], [fd], [], 10)])
        os.close(fd)


def processes(s):
    script = s.at("run.sh")
    s.put("run.sh", b"#!/bin/sh\necho ran $1\n")
    os.chmod(script, 0o755)
    s.do("exec", lambda: subprocess.run([script, "it"], capture_output=True, check=True).stdout)
    os.chmod(script, 0o644)
    s.do("not to be run", lambda: subprocess.run([script]))
    shutil.copy("/bin/true", s.at("true"))
    s.do("a program", lambda: subprocess.run([s.at("true")], check=True).returncode)


def sh(s, *lines):
    for line in lines:
        r = subprocess.run(["sh", "-c", line], cwd=s.top, capture_output=True, env={
            **os.environ, "GIT_AUTHOR_DATE": "2025-01-01T00:00:00Z", "GIT_COMMITTER_DATE": "2025-01-01T00:00:00Z",
            "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b",
            "GIT_CONFIG_GLOBAL": "/dev/null", "LC_ALL": "C"})
        s.said.append((line, r.returncode, r.stdout, r.stderr))


def tools(s):
    s.put("text", b"one\ntwo\nthree\n")
    sh(s, "sed -i s/two/2/ text && cat text", "perl -pi -e s/one/1/ text && cat text", "cp -a text text2",
       "mkdir a && tar cf - text text2 | tar xf - -C a && ls a", "rsync -a a/ b && diff -r a b", "mv a c && find . | sort",
       "dd if=/dev/zero of=z bs=1k count=3 seek=5 status=none; stat -c %s z", "rm -r b c", "cmp text text2")


def git(s):
    s.put("a.md", b"first\n")
    os.mkdir(s.at("sub"))
    s.put("sub/b.md", b"second\n")
    sh(s, "git init -q -b main .", "git add -A", "git status --porcelain", "git commit -qm one", "git log --format=%H",
       "echo more >> a.md", "git status --porcelain", "git diff", "git checkout -q -b other", "git commit -qam two",
       "git checkout -q main", "cat a.md", "git status --porcelain", "git merge -q other", "git log --format=%H", "git gc -q",
       "git fsck", "git mv a.md c.md", "git stash -q", "git status --porcelain", "git clean -fdxq", "ls")


ALIKE = [names, links, renames, bytes_of_files, holes, mappings, attributes, extended, many, ready, processes,
         tools, git]


class Alike(Project):
    def test_matrix(self):
        m = self.mount()
        for fn in ALIKE:
            with self.subTest(fn.__name__):
                a, b = Script(m.path("work")), Script(os.path.join(self.tmp, "plain"))
                for s in (a, b):
                    os.mkdir(s.top)
                    fn(s)
                    s.look("left")
                below = Script(self.of("work"))
                below.look("left")
                self.assertEqual(len(a.said), len(b.said))
                for x, y in zip(a.said, b.said):
                    self.assertEqual(x, y)
                self.assertEqual(below.said, a.said[-len(below.said):], "in the mount as in the folder")
                for s in (a, b):
                    shutil.rmtree(s.top)

    def test_ours_are_ready(self):
        m = self.mount()
        for name, how in (("Chapters.md", os.O_RDONLY), ("chapters/1/text.md", os.O_RDONLY), ("locks/.why", os.O_RDONLY),
                          ("locks/Chapter_01", os.O_CREAT | os.O_WRONLY), (".bookfs/ctl", os.O_WRONLY),
                          ("Chapters.md.new", os.O_CREAT | os.O_RDWR)):
            fd = os.open(m.path(name), how, 0o644)
            self.addCleanup(os.close, fd)
            p = select.poll()
            p.register(fd)
            self.assertEqual(p.poll(10000), [(fd, select.POLLIN | select.POLLOUT)], name)

    def test_as_the_folder_is(self):
        """Whatever is known of a file is known of the same file."""
        m = self.mount()
        for where in ("Manuscript", "Manuscript/Chapters/Chapter_01/Chapter_01.md"):
            a, b = os.stat(m.path(where)), os.stat(self.of(where))
            for field in ("st_ino", "st_mode", "st_nlink", "st_uid", "st_size", "st_mtime_ns", "st_ctime_ns", "st_blocks"):
                self.assertEqual(getattr(a, field), getattr(b, field), field)
        self.assertEqual(os.statvfs(m.dir).f_blocks, os.statvfs(self.project).f_blocks)

    def test_the_time_of_a_mapping_is_seen(self):
        """Others look at it meanwhile: what they are told before it is written is not what is told after it."""
        chapter = "Manuscript/Chapters/Chapter_01/Chapter_01.md"
        m = self.mount()
        for _ in range(3):
            pid = os.fork()
            while not pid:
                os.stat(m.path(chapter))
            self.addCleanup(os.waitpid, pid, 0)
            self.addCleanup(os.kill, pid, signal.SIGKILL)
        with open(m.path(chapter), "r+b") as f, mmap.mmap(f.fileno(), 0) as pages:
            for i in range(200):
                pages[:3] = b"%03d" % i
                pages.flush()
                want = os.stat(self.of(chapter)).st_mtime_ns
                for _ in range(20):
                    self.assertEqual(os.stat(m.path(chapter)).st_mtime_ns, want)


class Kernel(Project):
    """What no lock covers an administrator's kernel reads and writes by itself, where it can (Linux 6.9): nobody sees a
    difference, but that such a file cannot be moved beneath a lock while it is written."""

    def setUp(self):
        super().setUp()
        os.makedirs(self.of("Drafts"))
        os.makedirs(self.of("Manuscript/images"))
        self.put("Drafts/a", b"a" * SIZE)

    def put(self, name, data):
        with open(self.of(name), "wb") as f:
            f.write(data)

    def by_us(self, m, act):
        """Does what is read or written, SIZE bytes, pass through bookfs?"""
        def handed_on():
            with open(f"/proc/{m.process.pid}/io") as io:
                return int(io.read().split("wchar: ")[1].split()[0])
        before = handed_on()
        self.assertEqual(act(), SIZE)
        return handed_on() - before >= SIZE

    def is_direct(self, m, f):
        os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
        return not self.by_us(m, lambda: len(os.pread(f.fileno(), SIZE, 0)))

    def test_direct(self):
        self.put("Manuscript/images/old", b"")
        m = self.mount()
        a, figure = m.path("Drafts/a"), m.path("Manuscript/images/fig-01-1.png")
        writer = open(a, "r+b")
        if not self.is_direct(m, writer):
            writer.close()
            self.skipTest("this kernel does not do it, or not for us")
        for how in (os.rename, os.link):
            with self.errno(errno.EXDEV):
                how(a, figure)
        with self.errno(errno.EXDEV):
            os.rename(m.path("Drafts"), m.path("Manuscript/images/Drafts"))
        with self.errno(errno.EXDEV):
            rename2(m.path("Manuscript/images/old"), a, EXCHANGE)
        writer.close()
        reader = open(a, "rb")
        self.assertTrue(self.is_direct(m, reader))
        number = os.stat(a).st_ino
        os.rename(a, figure)
        for mode in ("r+b", "ab", "wb"):    # of one whom a lock must be able to stop: who maps it is so by us
            with open(figure, mode, buffering=0) as writer:
                self.assertEqual(self.by_us(m, lambda: writer.write(b"b" * SIZE)), mode == "r+b")
                self.assertEqual(os.stat(figure).st_ino, number)
            with open(figure, "rb") as f:
                self.assertEqual(f.read(), os.pread(reader.fileno(), 4 * SIZE, 0))
        reader.close()

    def test_covered(self):
        self.put("Manuscript/images/fig-01-1.png", b"x" * SIZE)
        self.put("Drafts/one.md", b"x" * SIZE)
        os.link(self.of("Drafts/a"), self.of("Manuscript/images/a.png"))
        m = self.mount()
        for name in ("Manuscript/images/fig-01-1.png", "Drafts/one.md", "Drafts/a"):
            with self.subTest(name=name), open(m.path(name), "r+b") as f:
                self.assertFalse(self.is_direct(m, f))

    def test_covered_is_read(self):
        """Beside who reads it without us one writes, a text that no lock covers by us; and who wants both has a file of our
        kind, until it is closed."""
        self.put("Drafts/one.md", b"x" * SIZE)
        self.put("Manuscript/images/fig-01-1.png", b"x" * SIZE)
        m = self.mount()
        with open(m.path("Drafts/a"), "rb") as f:
            if not self.is_direct(m, f):
                self.skipTest("this kernel does not do it, or not for us")
        for name in ("Drafts/one.md", "Manuscript/images/fig-01-1.png"):
            path = m.path(name)
            with self.subTest(name=name), open(path, "rb") as reader:
                self.assertTrue(self.is_direct(m, reader))
                for flags in (0, os.O_APPEND, os.O_TRUNC):
                    writer = os.open(path, os.O_WRONLY | flags)
                    self.assertEqual(self.by_us(m, lambda: os.write(writer, b"y" * SIZE)), name.startswith("Drafts"))
                    os.close(writer)
                    self.assertEqual(os.pread(reader.fileno(), SIZE, 0), b"y" * SIZE)
                    with open(path, "rb") as f:
                        self.assertTrue(self.is_direct(m, f))
                with open(path, "r+b", buffering=0) as both, open(path, "rb") as f:
                    both.write(b"z")
                    self.assertFalse(self.is_direct(m, f))
                    self.assertEqual({f.read(2), os.pread(reader.fileno(), 2, 0)}, {b"zy"})
                with open(path, "rb") as f:
                    self.assertTrue(self.is_direct(m, f))

    def test_by_us_in_order(self):
        """What we hand on is the file, however much is asked at once: with a hole, and an end in the midst of a page."""
        data = os.urandom(5 * SIZE) + bytes(5 * SIZE) + os.urandom(5 * SIZE + 77)
        self.put("Drafts/one.md", data)
        with open(self.of("Drafts/one.md"), "r+b") as f:
            fallocate(f.fileno(), PUNCH | KEEP_SIZE, 5 * SIZE, 5 * SIZE)
        m = self.mount()
        with open(m.path("Drafts/one.md"), "r+b", buffering=0) as f:
            for size in (len(data), 3 * SIZE + 1, 4 * SIZE):
                f.truncate(size)
                os.posix_fadvise(f.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
                f.seek(0)
                with open(self.of("Drafts/one.md"), "rb") as of:
                    self.assertEqual(f.readall(), of.read())

    def test_both_kinds(self):
        """Opens of a file that is given another kind while it is open are never refused."""
        m = self.mount()
        a = m.path("Drafts/a")
        with open(a, "rb") as one, open(a, "r+b", buffering=0) as two:
            os.link(self.of("Drafts/a"), self.of("Drafts/c"))
            with open(a, "rb") as three, open(a, "ab", buffering=0) as four:
                two.write(b"two")
                four.write(b"four")
                self.assertEqual({f.read() for f in (one, three)}, {b"two" + b"a" * (SIZE - 3) + b"four"})
        with open(a, "r+b", buffering=0) as f:
            self.assertFalse(self.is_direct(m, f))
            f.write(b"five")
            self.assertEqual(m.read("Drafts/c")[:5], "fivea")
            os.unlink(self.of("Drafts/c"))
        self.assertEqual(m.read("Drafts/a")[:5], "fivea")


if __name__ == "__main__":
    harness.main()
