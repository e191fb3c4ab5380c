# SPDX-License-Identifier: MIT
"""stress-ng's file system stressors in a mounted project: each ends well, and mount and folder are equal after.

Each is judged by itself: by how stress-ng ends, which verifies what it reads, and by having done what it was asked for.
What they leave (--keep-files) is compared, in the mount and in the folder, name for name and byte for byte.

Quick: 3 s. --full: twenty times as much. --folder runs them in a folder that is not mounted.
"""
import concurrent.futures
import errno
import os
import re
import shutil
import stat
import subprocess
import sys
import zlib

import rig

WORKERS = 2
AT_ONCE = 4
# How many operations, and what else is said. Not here: fiemap, verity (no FUSE file system has them); fpunch, inode-flags
# (they run by time alone); symlink (8,192 links are its least, 8 s); dirdeep (it stops at once when anybody has removed a
# file of the same disk since it began: it takes a larger count of free inodes from a smaller, without a sign);
# io (it syncs whatever anybody has written to any disk of the machine).
STRESSORS = {
    "access": (20,), "aio": (20,), "chmod": (20,), "chown": (40,), "copy-file": (10, "--copy-file-bytes", "128m"),
    "dentry": (200,), "dir": (200,), "dirmany": (100,), "dnotify": (40,),
    "fallocate": (2, "--fallocate-bytes", "1m"), "fcntl": (100,), "flock": (100,), "fsize": (2,), "fstat": (100,),
    "getdent": (100,), "hdd": (100, "--hdd-bytes", "1m"), "iomix": (20, "--iomix-bytes", "1m"),
    "lease": (10,), "locka": (40,), "lockf": (40,), "lockofd": (40,), "mknod": (40,),
    "mmap": (1, "--mmap-file", "--mmap-bytes", "256k"), "msync": (20, "--msync-bytes", "1m"), "open": (200,),
    "readahead": (20, "--readahead-bytes", "1m"), "rename": (200,), "revio": (20, "--revio-bytes", "1m"),
    "seek": (100, "--seek-size", "1m"), "sendfile": (20, "--sendfile-size", "1m"), "stackmmap": (1,),
    "sync-file": (4, "--sync-file-bytes", "1m"), "touch": (100,), "utime": (100,),
}
# These wait for ever for a name of theirs that is still there.
TIDY = {"inotify": (1,), "link": (1,), "xattr": (20,)}
PAGE = 1 << 16
DEEP = 200
PATIENCE_S = 100    # how long one may take on the busiest of machines


def one(name, folder, times):
    """None, or what was wrong with it."""
    operations, *more = STRESSORS.get(name) or TIDY[name]
    keep = [] if name in TIDY else ["--keep-files"]
    command = ["stress-ng", "--temp-path", folder, "--no-rand-seed", "--verify", "--metrics-brief",
               "--timeout", str(PATIENCE_S * times), *keep, *more,
               f"--{name}", str(WORKERS), f"--{name}-ops", str(operations * times)]
    # One of them makes files where it is, and not where it is told to.
    done = subprocess.run(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, errors="replace", check=False)
    did = re.search(rf"metrc: \[\d+\] {name} +(\d+) ", done.stdout)
    if done.returncode or not did or int(did[1]) < operations * times:
        return f"{name} ended with {done.returncode}: {done.stdout[-600:]}"
    return None


def content(path):
    """The sum of all pages that are not zero and of where they are: some files are all but empty, and larger than any
    memory; and what the disk calls a hole changes as it writes."""
    sum_, at = 0, 0
    with open(path, "rb", buffering=0) as f:
        while True:
            try:
                at = os.lseek(f.fileno(), at, os.SEEK_DATA)
            except OSError as e:
                if e.errno != errno.ENXIO:      # no data after this
                    raise
                return sum_
            at -= at % PAGE
            page = os.pread(f.fileno(), PAGE, at)
            if page.strip(b"\0"):
                sum_ = zlib.crc32(page, zlib.crc32(b"%d" % at, sum_))
            at += PAGE


def entry(path):
    """All that can be said of a file, but the times of looks at it."""
    st = os.lstat(path)
    what = None
    if stat.S_ISREG(st.st_mode):
        what = content(path)
    elif stat.S_ISLNK(st.st_mode):
        what = os.readlink(path)
    size = st.st_size if stat.S_ISREG(st.st_mode) else 0
    return st.st_mode, st.st_uid, st.st_gid, st.st_mtime_ns, size, what


def tree(top):
    found = {}
    for folder, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(folder, name)
            found[os.path.relpath(path, top)] = entry(path)
    return found


def differences(a, b):
    return [name for name in sorted(a.keys() | b.keys()) if a.get(name) != b.get(name)]


def deep(folder):
    """What dirdeep does: a folder in a folder, DEEP times, each with a link of either kind. How many links there are."""
    first = os.path.join(folder, "first")
    os.close(os.open(first, os.O_CREAT | os.O_WRONLY))
    where = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    for _ in range(DEEP):
        os.mkdir("d", dir_fd=where)
        below = os.open("d", os.O_RDONLY | os.O_DIRECTORY, dir_fd=where)
        os.link(first, "h", dst_dir_fd=below)
        os.symlink(first, "s", dir_fd=below)
        os.close(where)
        where = below
    os.fsync(where)
    os.close(where)
    return os.stat(first).st_nlink - 1


def run(args, checks):
    if not shutil.which("stress-ng"):
        print("# skipped: stress-ng is not installed")
        sys.exit(rig.SKIP)
    project = os.path.join(rig.work_folder(args.where), "project")
    text = os.path.join("Manuscript", "Chapters", "Chapter_01", "Chapter_01.md")
    os.makedirs(os.path.join(project, os.path.dirname(text)))
    os.mkdir(os.path.join(project, "Drafts"))
    with open(os.path.join(project, text), "w", encoding="utf-8") as f:
        f.write("# One\n\nThe tall lighthouse stood white against a black sky.\n")
    with rig.Mount(args.program, project) as mount:
        folder = os.path.join(project if args.folder else mount.dir, "Drafts")
        with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
            times = 20 if args.full else 1
            verdicts = {name: pool.submit(one, name, folder, times) for name in [*TIDY, *STRESSORS]}  # the longest first
            for name, wrong in verdicts.items():
                checks.ok(name, wrong.result() is None, wrong.result())
        links = deep(folder)
        checks.ok(f"{DEEP} folders deep", links == DEEP, links)
        checks.ok("the mount is there, and reads", mount.read(text).startswith(b"# One\n") and
                  mount.json("status.json")["chapters"] and mount.process.poll() is None)
        seen, there = tree(mount.path("Drafts")), tree(os.path.join(project, "Drafts"))
        unequal = [(name, seen.get(name), there.get(name)) for name in differences(seen, there)]
        checks.ok(f"mount and folder are equal ({len(there)} names)", len(there) > len(STRESSORS) and not unequal,
                  unequal[:3])
        checks.ok("it ends well", mount.close() == 0, mount.messages())
    checks.ok("and nothing changes after it", not differences(there, tree(os.path.join(project, "Drafts"))))


if __name__ == "__main__":
    PARSER = rig.arguments(__doc__, 120, 1000)
    PARSER.add_argument("--folder", action="store_true", help="in the folder, not in the mount: what the stressors are worth")
    PARSER.add_argument("--where", help="where the project is to be; else where temporary files are")
    rig.main(PARSER, run)
