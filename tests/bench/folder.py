# SPDX-License-Identifier: MIT
"""A project's own files: the folder itself, the same mounted by bookfs, and beside it by bindfs and fuse-overlayfs (those
that are on the PATH), each row by all of them in turn.

An administrator's kernel reads and writes them without bookfs; what a lock covers, so that its holder can lose it: rows
of reading and writing are measured of both kinds of files. Cold: the pages of all files are dropped before, the folder's and
the mounts'. First: only the mount's own.

"No work" is a FUSE file system that keeps nothing and has nothing but zeros: no file system that the kernel asks for each
piece can be faster on this machine."""

import os
import shutil
import subprocess
import sys
import time

import peers
from peers import rig

MB = 1 << 20
FREE, COVERED = "Exports", os.path.join("Manuscript", "images")
GIT = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@example.org",
       "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@example.org", "LC_ALL": "C"}
KEPT_S = 1.3        # longer than a mount keeps what it knows of a file


class Plain:
    name, against = "folder", None

    def __init__(self, project):
        self.root = project

    def start(self):
        pass

    def stop(self):
        pass

    def at(self, *names):
        return os.path.join(self.root, *names)

    def does(self, measure):
        return True


class Bookfs(Plain):
    name = "bookfs"

    def __init__(self, program, project, point):
        super().__init__(point)
        self.peer = peers.Bookfs(program, project, point)

    def start(self):
        self.peer.start()

    def stop(self):
        self.peer.stop()


class Bindfs(Bookfs):
    name = "bindfs"

    def __init__(self, project, point):
        Plain.__init__(self, point)
        self.peer = peers.Peer(self.name, ["bindfs", "-f"], project, point)


class Overlay(Bookfs):
    name = "overlayfs"

    def __init__(self, project, point, work):
        Plain.__init__(self, point)
        folders = {k: os.path.join(work, "overlay-" + k) for k in ("lowerdir", "workdir")}
        for folder in folders.values():
            os.makedirs(folder)
        options = ",".join(f"{k}={v}" for k, v in {**folders, "upperdir": project}.items())
        self.peer = peers.Peer(self.name, [], project, point)
        self.peer.command = ["fuse-overlayfs", "-f", "-o", options, point]


class NoWork(Bookfs):
    name = "no work"

    def __init__(self, program, point):
        Plain.__init__(self, point)
        self.peer = peers.Nothing(program, point)

    def at(self, *names):
        return self.root

    def does(self, measure):
        return measure.__name__ in ("first_read", "cached_read", "cached_random", "write")


def make_project(top, systems, size_mb, files):
    """A chapter, a large file of each kind, a repository for each system, as git keeps what a file system
    says of them."""
    os.makedirs(os.path.join(top, "Manuscript", "Chapters", "Chapter_01"))
    with open(os.path.join(top, "Manuscript", "Chapters", "Chapter_01", "Chapter_01.md"), "w") as f:
        f.write("# One\n\nThe old red wolf ran through the white snow to the golden hall by night.\n")
    block = os.urandom(MB)
    for folder in (FREE, COVERED):
        os.makedirs(os.path.join(top, folder, "big"))
        with open(os.path.join(top, folder, "big", "big.bin"), "wb") as f:
            for _ in range(size_mb):
                f.write(block)
    for name in systems:
        repo = os.path.join(top, "Research", name)
        for i in range(files):
            folder = os.path.join(repo, f"d{i % 25:02}")
            os.makedirs(folder, exist_ok=True)
            with open(os.path.join(folder, f"f{i}.md"), "w") as f:
                f.write(f"text {i}\n" * 40)
        os.makedirs(os.path.join(top, "Drafts", name))
        subprocess.run("git init -q . && git add -A && git commit -qm all", shell=True, cwd=repo, check=True,
                       env={**os.environ, **GIT})
    subprocess.run(["sync", "-f", top])


def drop_pages():
    os.sync()
    try:
        with open("/proc/sys/vm/drop_caches", "w") as f:
            f.write("1\n")
    except OSError:
        pass


def forget(folder):
    """The pages that the mount keeps of its files; those of the files themselves, if there is no mount."""
    for name in os.listdir(folder):
        fd = os.open(os.path.join(folder, name), os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


class Rows:
    def __init__(self, program, quick):
        self.program, self.size_mb, self.tracked = program, 8 if quick else 192, 100 if quick else 1000
        self.cold, self.warm = (20, 100) if quick else (600, 60000)
        self.files, self.made, self.small_ones = (20 if quick else 400), 0, {}
        self.sources, self.kept_s, self.kinds = (1, 0, 1) if quick else (8, KEPT_S, 2)

    def measure(self, what, amount, *where):
        done = subprocess.run([*peers.reader, self.program, what, str(amount), *where], stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE, text=True, timeout=60)
        if done.returncode:
            raise rig.Failure(f"measure {what} {where[0]}: {done.stderr.strip()}")
        return [float(x) for x in done.stdout.split()]

    def read(self, folder, what="read", amount=0):
        size, seconds, _ = self.measure(what, amount, folder)
        return size / seconds / 1e6

    def cold_read(self, system, kind):
        drop_pages()
        return self.read(system.at(kind, "big"))

    def first_read(self, system, kind):
        folder = system.at(kind, "big")
        self.read(folder)
        if system.name != "folder":
            forget(folder)
        return self.read(folder)

    def cached_read(self, system, kind):
        return self.read(system.at(kind, "big"), "warm", 2)

    def cold_random(self, system, kind):
        drop_pages()
        return self.measure("random", self.cold, system.at(kind, "big"))[0]

    def cached_random(self, system, kind):
        self.read(system.at(kind, "big"))
        return self.measure("random", self.warm, system.at(kind, "big"))[0]

    def write(self, system, kind):
        folder = system.at(kind)
        figure = self.measure("write", self.size_mb, folder)[0] / 1e6
        os.unlink(os.path.join(folder, "measure"))
        return figure

    def change(self, system, kind):
        return self.measure("change", self.files * 10, system.at(kind, "big"))[0]

    def timed(self, command, folder):
        start = time.monotonic()
        done = subprocess.run([*peers.reader, "sh", "-c", command], cwd=folder, env={**os.environ, **GIT},
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
        if done.returncode:
            raise rig.Failure(f"{command} in {folder}: {done.stderr.strip()[:200]}")
        return 1 / (time.monotonic() - start)

    def git(self, system, kind):
        repo = system.at("Research", system.name)
        self.timed("git status --porcelain", repo)
        return self.timed("git status --porcelain", repo)

    def git_later(self, system, kind):
        time.sleep(self.kept_s)
        return self.timed("git status --porcelain", system.at("Research", system.name))

    def folder(self, system):
        self.made += 1
        folder = system.at("Drafts", system.name, f"{self.made}")
        os.makedirs(folder)
        return folder

    def compile(self, system, kind):
        folder = self.folder(system)
        with open(os.path.join(folder, "h.h"), "w") as f:
            f.write("#include <stdio.h>\n#include <stdlib.h>\n")
        for i in range(self.sources):
            with open(os.path.join(folder, f"f{i}.c"), "w") as f:
                f.write('#include "h.h"\nint f%d(int a){return printf("%%d",a);}\n' % i)
        figure = self.timed("for f in *.c; do cc -c $f; done && ar rcs l.a *.o", folder)
        shutil.rmtree(folder)
        return figure

    def small(self, system, kind):
        """What is made stays for the next row: ext4 takes its time to give an inode away that was just freed."""
        self.small_ones.setdefault(system.name, []).append(self.folder(system))
        return self.measure("small", self.files, self.small_ones[system.name][-1])[0]

    def remove(self, system, kind):
        return self.measure("remove", self.files, self.small_ones[system.name].pop(0))[0]

    def all(self):
        """Name, unit, what measures it, the kind of its files, what is promised of the folder's own speed."""
        for kind, note in ((FREE, ""), (COVERED, ", under a lock"))[:self.kinds]:
            yield "sequential, cold" + note, "MB/s", self.cold_read, kind, 0.8
            yield "sequential, first" + note, "MB/s", self.first_read, kind, 0.8
            yield "sequential, cached" + note, "MB/s", self.cached_read, kind, 0.8
            yield "4k random, cold" + note, "/s", self.cold_random, kind, 0.5
            yield "4k random, cached" + note, "/s", self.cached_random, kind, 0.9
            yield "sequential write" + note, "MB/s", self.write, kind, 0.8
            yield "4k random write" + note, "/s", self.change, kind, None
        yield "git status, 1,000 files", "/s", self.git, None, 0.5
        yield "git status, a while later", "/s", self.git_later, None, 0.5
        yield "compile", "/s", self.compile, None, 0.4
        yield "small files", "/s", self.small, None, None
        yield "removing them", "/s", self.remove, None, None


def found(tools, project, work, say):
    systems = [Plain(project), Bookfs(tools["program"], project, os.path.join(work, "folder-bookfs"))]
    for name, make in (("bindfs", lambda: Bindfs(project, os.path.join(work, "folder-bindfs"))),
                       ("fuse-overlayfs", lambda: Overlay(project, os.path.join(work, "folder-overlay"), work))):
        if shutil.which(name):
            systems.append(make())
        else:
            say(f"{name} is not on the PATH: not measured")
    if tools["nullfs"]:
        systems.append(NoWork(tools["nullfs"], os.path.join(work, "folder-nothing")))
    return systems


def cell(figure, folder):
    return " " * 11 if figure is None else f"{figure / folder:10.2f}x"


def show(rows, figures, systems):
    """The best of each, as ratios to the folder; the number of promises that are missed."""
    missed = 0
    print(f"\na project's own files, to the folder itself\n{'':36}{'folder':>9}      "
          + "".join(f"{s.name:>11}" for s in systems[1:]) + "   promised")
    for name, unit, _, _, promise in rows:
        best = {s.name: max(figures[name, s.name]) for s in systems if (name, s.name) in figures}
        kept = not promise or best["bookfs"] >= promise * best["folder"]
        missed += not kept
        ratios = "".join(cell(best.get(s.name), best["folder"]) for s in systems[1:])
        verdict = f"{promise:9.1f}x  {'kept' if kept else 'MISSED'}" if promise else ""
        print(f"{name:36}{best['folder']:9.0f} {unit:5}{ratios}{verdict}".rstrip(), flush=True)
    return missed


def measure(tools, work, quick, say):
    """tools: program, measure, nullfs or None. The number of promises missed."""
    project = os.path.join(work, "project")
    systems = found(tools, project, work, say)
    rows = Rows(tools["measure"], quick)
    make_project(project, [s.name for s in systems], rows.size_mb, rows.tracked)
    figures, table = {}, list(rows.all())
    try:
        for s in systems:
            s.start()
        for name, _, take, kind, _ in table:
            for _ in range(1 if quick else 3):
                for s in filter(lambda s: s.does(take), systems):
                    figures.setdefault((name, s.name), []).append(take(s, kind))
    finally:
        for s in systems:
            s.stop()
    return show(table, figures, systems)


if __name__ == "__main__":
    sys.exit("bench.py runs this: tests/bench.sh --only folder")
