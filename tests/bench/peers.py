# SPDX-License-Identifier: MIT
"""The file systems that are measured beside bookfs, each serving the book's archive."""
import os
import shutil
import subprocess
import sys
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
import rig  # noqa: E402


server, reader = [], []     # what the commands of either begin with


def apart():
    """Where a reader and its file system share a processor, one wakes the other many times as fast as
    across two. Which of both the scheduler does depends on what else runs: here it has no choice."""
    first, second, *_ = sorted(os.sched_getaffinity(0))
    server[:] = ["chrt", "-f", "10", "taskset", "-c", str(first)]
    reader[:] = ["chrt", "-f", "10", "taskset", "-c", str(second)]


class Native:
    """The archive unpacked on the file system that TMPDIR is on, and beside it the chapters as bookfs has
    them: what all ratios are against. The same names at the same depth, as a path costs by its parts."""
    name = "native"
    first_listing = "OEBPS"

    def __init__(self, archive, folder):
        self.root = folder
        self.text, self.pictures = (self.root, ".xhtml"), (self.root, ".png")

    def add_chapters(self, mounted):
        """The texts of a mounted book; where there is none, the archive's own stand for them."""
        for number in os.listdir(os.path.join(mounted, "chapters")):
            os.makedirs(os.path.join(self.root, "chapters", number))
            shutil.copyfile(os.path.join(mounted, "chapters", number, "text.md"),
                            os.path.join(self.root, "chapters", number, "text.md"))
        subprocess.run(["sync", "-f", self.root])
        self.text = (os.path.join(self.root, "chapters"), "text.md")

    def start(self):
        pass

    def stop(self):
        pass


class Peer:
    """A mounter of archives. `command` ends with the archive and the folder and stays in the foreground."""
    first_listing = "OEBPS"

    def __init__(self, name, command, archive, point):
        self.name, self.archive, self.root = name, archive, point
        self.command = [*command, archive, point]
        self.text, self.pictures = (point, ".xhtml"), (point, ".png")
        self.process = None

    def start(self):
        os.makedirs(self.root, exist_ok=True)
        self.process = subprocess.Popen([*server, *self.command], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        rig.started[self.process.pid] = self.root
        rig.wait_for(lambda: rig.mounted(self.root) or self.process.poll() is not None, 30,
                     every=0.0005)
        if not rig.mounted(self.root):
            raise rig.Failure(f"{self.name} did not mount")

    def stop(self):
        subprocess.run(["fusermount3", "-u", self.root], stderr=subprocess.DEVNULL)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        rig.unmount_lazily(self.root)
        rig.started.pop(self.process.pid, None)


class Bookfs(Peer):
    """Ours. `chapters` is what is listed first; text and pictures lie where the book's reader finds them."""
    first_listing = "chapters"

    def __init__(self, program, book, point, options=""):
        command = [program, "-f"] + (["-o", options] if options else [])
        super().__init__("bookfs", command, book, point)
        self.program = program
        self.text = (os.path.join(point, "chapters"), "text.md")
        self.pictures = (os.path.join(point, "source"), ".png")

    def stop(self):
        subprocess.run([self.program, "umount", self.root], stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        super().stop()


class Nothing(Peer):
    """A FUSE file system without any work, in a loop like that of bookfs: nobody who answers this kernel's
    requests one by one can be faster. Only what it has can be measured."""

    def __init__(self, program, point):
        super().__init__("no work", [program], "", point)
        self.command = [program, point, str(200_000_000)]


def squash(archive_root, image):
    """A squashfs of the unpacked book; None where mksquashfs is not installed."""
    if not shutil.which("mksquashfs"):
        return None
    done = subprocess.run(["mksquashfs", archive_root, image, "-noappend", "-quiet", "-no-progress"],
                          stdout=subprocess.DEVNULL)
    return image if done.returncode == 0 else None


def unpack(book, folder):
    with zipfile.ZipFile(book) as z:
        z.extractall(folder)
    subprocess.run(["sync", "-f", folder])


def found(book, work, say):
    """Native and every peer that is installed."""
    native_root = os.path.join(work, "native")
    unpack(book, native_root)
    systems = [Native(book, native_root)]
    for name, command in (("mount-zip", ["mount-zip", "-f"]), ("fuse-zip", ["fuse-zip", "-f", "-r"]),
                          ("archivemount", ["archivemount", "-f", "-o", "readonly"])):
        if not shutil.which(name):
            say(f"{name} is not on the PATH: not measured")
            continue
        archive = book
        systems.append(Peer(name, command, archive, os.path.join(work, name)))
        if name == "archivemount":      # wants the options last
            peer = systems[-1]
            peer.command = [name, "-f", archive, peer.root, "-o", "readonly"]
    program = shutil.which("squashfuse_ll") or shutil.which("squashfuse")
    image = squash(native_root, os.path.join(work, "book.squashfs")) if program else None
    if image:
        systems.append(Peer("squashfuse", [program, "-f"], image, os.path.join(work, "squashfuse")))
    else:
        say("squashfuse or mksquashfs is not on the PATH: not measured")
    return systems
