# SPDX-License-Identifier: MIT
"""The file systems that are measured beside bookfs, each serving the book's archive."""
import os
import shutil
import subprocess
import sys
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
import rig  # noqa: E402


class Native:
    """The archive unpacked on the file system that TMPDIR is on: what all ratios are against."""
    name = "native"
    first_listing = "OEBPS"

    def __init__(self, archive, folder):
        self.root = folder
        self.text, self.pictures = (self.root, ".xhtml"), (self.root, ".png")

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
        self.process = subprocess.Popen(self.command, stdin=subprocess.DEVNULL,
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
