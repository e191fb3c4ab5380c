#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""One look through the whole book, and nothing drawn that nobody asked for: by what a server of pictures was sent.

    story.py BOOKFS --server SERVER.py --book EXAMPLE.epub [--full] [--only NAME,...]

The prompts are the server's own (tests/providers/server.py, on loopback); who is in the book the built-in analyst says.
"""
import collections
import errno
import glob
import json
import os
import re
import shutil
import struct
import subprocess
import zipfile
import zlib

import paid
import rig

LOOK = re.compile(r"^- ((.+?) \((?:character|creature|place|item)\).*?)( Same appearance as in (ch\d+_scene\d+)\.)?$")


def png(word):
    """The smallest picture, with a word in it by which to know it again."""
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    return b"\x89PNG\r\n\x1a\n" + b"".join((
        chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)), chunk(b"tEXt", b"Comment\0" + word.encode()),
        chunk(b"IDAT", zlib.compress(b"\0\0")), chunk(b"IEND", b"")))


class Server(paid.Server):
    """One that keeps what it was sent."""

    def __init__(self, script, file):
        self.file = file
        super().__init__(script, file)

    def sent(self):
        """The requests for pictures so far, whole."""
        if not os.path.exists(self.file):
            return []
        with open(self.file) as lines:
            return [r for r in map(json.loads, lines) if r["kind"] == "image"]

    def prompts(self):
        return [prompt_of(r) for r in self.sent()]

    def forget(self):
        if os.path.exists(self.file):
            os.unlink(self.file)


def prompt_of(request):
    if request["path"].endswith("/edits"):
        return re.search('name="prompt"\r\n\r\n(.*?)\r\n--', request["body"], re.S).group(1)
    return json.loads(request["body"])["prompt"]


def refused(mount, command):
    try:
        mount.command(command)
    except OSError as error:
        return error.errno
    return 0


def looks_in(prompt):
    """[(name, line, the scene it is to look like or None)]; a sentence behind the line has a full stop between."""
    found = (LOOK.match(line) for line in prompt.split("\n"))
    return [(m.group(2), m.group(1).rstrip("."), m.group(4)) for m in found if m]


class Story:
    def __init__(self, args, checks):
        self.args, self.checks = args, checks
        self.folder = rig.work_folder()
        self.server = Server(args.server, os.path.join(self.folder, "sent"))

    def options(self, *more, image="good", model="p"):
        return ",".join(("provider=builtin", "image_provider=openai", "image_model=" + model, "image_base_url="
                         "http://127.0.0.1:%d/%s/v1" % (self.server.port, image), "pages_per_image=1", "max_requests=1000", "wait=60", *more))

    def book(self, name):
        """The example, by another name."""
        path = os.path.join(self.folder, name + ".epub")
        shutil.copyfile(self.args.book, path)
        self.server.forget()
        return path

    def run(self, book, *more, most=0, **how):
        return rig.run(self.args.program, "run", *(["--limit", most] if most else []), "-o", self.options(*more, **how), book,
                       env=paid.ENV)

    def mount(self, book, *more, key="sk-of-a-test", **how):
        return rig.Mount(self.args.program, book, self.options(*more, **how), env={"OPENAI_API_KEY": key})

    def status(self, book):
        code, out, err = rig.run(self.args.program, "status", "--json", book)
        if code:
            raise rig.Failure(err)
        return json.loads(out)

    def cast(self, book):
        """{any name of an element: its name} as the whole book has it."""
        names = {}
        with rig.Mount(self.args.program, book) as mount:
            for folder in sorted(os.listdir(mount.path("elements"))):
                for file in os.listdir(mount.path("elements", folder)):
                    text = mount.read("elements", folder, file).decode()
                    name = text.split("\n")[0][2:]
                    aliases = re.search(r"^\*\*Aliases:\*\* (.*)$", text, re.M)
                    for one in [name] + (aliases.group(1).split(", ") if aliases else []):
                        names.setdefault(one, name)
        return names

    # ---- one look

    def check_looks(self, how, book):
        """By what was sent: each element has one line, and is likened to a scene that is drawn."""
        lines, scenes, cast = collections.defaultdict(collections.Counter), set(), self.cast(book)
        for prompt in self.server.prompts():
            for name, line, scene in looks_in(prompt):
                lines[cast.get(name, name)][line] += 1
                scenes.update([scene] if scene else [])
        many = [name for name in lines if sum(lines[name].values()) > 1]
        drawn = {i["id"] for i in self.status(book)["images"] if i["status"] == "completed"}
        self.checks.ok("%s: %d elements are drawn twice or more" % (how, len(many)), len(many) > 5, lines)
        several = {name: list(lines[name]) for name in many if len(lines[name]) > 1}
        self.checks.ok("%s: each of them has one look line" % how, not several, several)
        self.checks.ok("%s: they are likened to scenes that are drawn" % how, scenes and scenes <= drawn, scenes - drawn)

    def looks(self):
        for slots in (1, 8):
            book = self.book("looks%d" % slots)
            code, _, err = self.run(book, "image_slots=%d" % slots)
            self.checks.ok("%d slots: the run ends well" % slots, code == 0, err)
            self.check_looks("%d slots" % slots, book)

    def together(self):
        """Two processes draw one book: who draws all there is, draws what another asked for."""
        book = self.book("together")
        with self.mount(book, "illustrate=auto", image="good.30") as one, \
                self.mount(book, "illustrate=auto", image="good.30", key="sk-two") as two:
            one.command("illustrate all")
            ends = [rig.wait_done(m, 60) for m in (one, two)]
        keys = collections.Counter(r["key"] for r in self.server.sent())
        self.checks.ok("two processes: all is drawn", all(rig.all_done(e) for e in ends), ends[0]["totals"])
        self.checks.ok("two processes: both draw", len(keys) == 2, keys)
        self.check_looks("two processes", book)


    # ---- what a person corrects

    def corrected(self):
        """The new word is in all later pictures; those before are outdated, and drawn anew only when asked."""
        book = self.book("corrected")
        with self.mount(book) as mount:
            mount.command("illustrate all")
            rig.wait_done(mount, 60)
            asked = self.server.prompts()
            name, (id, other) = self.drawn_twice(mount)
            path = self.element(mount, name)
            text = mount.read(path).decode()
            with open(mount.path(path), "w") as file:
                file.write(re.sub("(?m)^\\*\\*Description:.*$", "**Description:** A helmet of tin and no shoes.", text))
            old = {i["id"]: i["outdated"] for i in mount.status()["images"]}
            self.checks.ok("a corrected description marks its pictures outdated, and says why",
                           name in str(old[id]) and name in str(old[other]), (name, old))
            without = [i["id"] for i in mount.status()["images"] if name not in mount.read(self.prompt_file(i["id"])).decode()]
            self.checks.ok("and no others", without and not any(old[i] for i in without), (name, without, old))
            self.checks.ok("it draws nothing by itself", len(self.server.prompts()) == len(asked))
            mount.command("regenerate " + id)
            new = rig.wait_for(lambda: next((i for i in mount.status()["images"] if i["id"] == id and not i["outdated"]), None), 20)
            last = self.server.prompts()[len(asked):]
            self.checks.ok("one that is asked for again is drawn once, and is not outdated", new and len(last) == 1, (new, last))
            self.checks.ok("with the corrected look", last and "helmet of tin" in last[0], last)
            rows = {i["id"]: i["outdated"] for i in mount.status()["images"]}
            self.checks.ok("the others still are", rows[other] and not rows[id], rows)
            mount.command("regenerate " + other)
            rig.wait_for(lambda: len(self.server.prompts()) == len(asked) + 2, 20)
            lines = {line for prompt in self.server.prompts()[len(asked):] for n, line, _ in looks_in(prompt) if n == name}
            self.checks.ok("in the same words", len(lines) == 1, lines)

    def prompt_file(self, id):
        return "chapters/%s/prompts/%s.txt" % (re.match(r"ch(\d+)_", id).group(1), id)

    def drawn_twice(self, mount):
        """Somebody who is in some pictures and not in all, and two of those."""
        told = collections.defaultdict(list)
        images = mount.status()["images"]
        for image in images:
            for name, _, _ in looks_in(mount.read(self.prompt_file(image["id"])).decode()):
                told[name].append(image["id"])
        return next((name, ids[:2]) for name, ids in sorted(told.items()) if 1 < len(ids) < len(images) // 2)

    def element(self, mount, name):
        for folder in os.listdir(mount.path("elements")):
            if name + ".md" in os.listdir(mount.path("elements", folder)):
                return "elements/%s/%s.md" % (folder, name)
        raise rig.Failure("no element " + name)

    # ---- what a person approves

    def approved(self):
        book = self.book("approved")
        with self.mount(book, "images=approve") as mount:
            mount.command("analyze all")
            status = rig.wait_done(mount, 60, images=False)
            images = status["images"]
            self.checks.ok("images=approve: what is found waits for approval", images and
                           all(i.get("waits") == "approval" and i["status"] == "pending" for i in images), images[:2])
            self.checks.ok("the server is asked for no picture", not self.server.sent())
            chapter = next(i["chapter"] for i in images if i["id"].endswith("_scene2"))
            ids = [i["id"] for i in images if i["chapter"] == chapter]
            mount.command("approve " + ids[1])
            self.checks.ok("one that is approved is drawn", self.drawn(mount, 1) == [ids[1]], mount.status()["images"])
            mount.command("approve %d" % chapter)
            self.checks.ok("then the rest of its chapter", self.drawn(mount, len(ids)) == ids, mount.status()["images"])
        code, out, err = self.run(book, "images=approve")
        left = re.search(r"not approved: (\d+)", out)
        self.checks.ok("a run ends well and says how many are not approved",
                       code == 0 and left and int(left.group(1)) == len(images) - len(ids), (code, out, err))
        self.checks.ok("nothing else was asked for", len(self.server.sent()) == len(ids), len(self.server.sent()))

    def drawn(self, mount, count):
        """Those that are drawn, once there are so many."""
        def ids():
            return [i["id"] for i in mount.status()["images"] if i["status"] == "completed"]
        rig.wait_for(lambda: len(ids()) >= count, 20)
        return ids()

    # ---- books of one series

    def second(self, name):
        """A second book with the same cast, whose looks it tells in other words."""
        words = {"grey": "violet", "white": "orange", "brown": "silver", "black": "pink", "red": "green", "old": "young",
                 "long": "short", "dark": "bright", "small": "huge", "blue": "golden", "tall": "stout", "5b0e7c52": "5b0e7c53",
                 "The Gannet Stair": "The Second Stair"}
        pattern = re.compile(r"\b(%s)\b" % "|".join(words))
        path = os.path.join(self.folder, name + ".epub")
        with zipfile.ZipFile(self.args.book) as old, zipfile.ZipFile(path, "w") as new:
            for info in old.infolist():
                data = old.read(info)
                if info.filename.endswith((".xhtml", ".opf")):
                    data = pattern.sub(lambda m: words[m.group()], data.decode()).encode()
                new.writestr(info, data)
        return path

    def lines(self):
        """{name: {line}} of what was sent since the server was told to forget."""
        lines = collections.defaultdict(set)
        for prompt in self.server.prompts():
            for name, line, _ in looks_in(prompt):
                lines[name].add(line)
        return lines

    def series(self):
        """Two books at once; each alone would tell other looks."""
        apart = []
        for book in (self.book("alone1"), self.second("alone2")):
            self.run(book, most=25)
            apart.append(self.lines())
            self.server.forget()
        differ = [n for n in apart[0] if n in apart[1] and apart[0][n] != apart[1][n]]
        self.checks.ok("alone, the two books tell other looks of %d elements" % len(differ), len(differ) > 5, apart)
        books = self.book("first"), self.second("second")
        file = os.path.join(self.folder, "saga")
        both = [self.start(book, "series=" + file, image="good.20", most=25) for book in books]
        ends = [self.finish(p) for p in both]
        lines = self.lines()
        self.checks.ok("both at once end well", all(code == 0 for code, _ in ends), ends)
        several = {n: lines[n] for n in differ if len(lines[n]) > 1}
        self.checks.ok("in one series they tell them alike", not several, several)
        self.checks.ok("nothing but the file is left of it", not glob.glob(file + "-*"), glob.glob(file + "*"))

    def start(self, book, *more, most, **how):
        process = subprocess.Popen([self.args.program, "run", "--limit", str(most), "-o", self.options(*more, **how), book],
                                   stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
                                   env={**os.environ, **paid.ENV}, start_new_session=True)
        rig.started[process.pid] = None
        return process

    def finish(self, process):
        err = process.communicate(timeout=120)[1].decode()
        rig.started.pop(process.pid, None)
        return process.returncode, err

    def unusable(self):
        """The series' file goes amid the work, in three ways: one reason, nothing paid, nothing lost."""
        def delete(file):
            os.unlink(file)

        def damage(file):
            with open(file, "r+b") as f:
                f.write(b"\xff" * os.path.getsize(file))

        def replace(file):
            os.rename(file, file + ".old")
            with open(file, "wb") as f:
                f.write(b"something else\n")
        ways = (delete, "deleted"), (replace, "replaced"), (damage, "damaged")
        for how, word in ways if self.args.full else ways[:1]:
            self.unusable_by(how, word)

    def unusable_by(self, how, word):
        book, file = self.book(word), os.path.join(self.folder, "saga-" + word)
        with self.mount(book, "images=approve", "series=" + file) as mount:
            mount.command("analyze all")
            ids = [i["id"] for i in rig.wait_done(mount, 60, images=False)["images"]]
            mount.command("approve " + ids[0])
            self.drawn(mount, 1)
            told = self.lines()
            how(file)
            mount.command("approve " + ids[-1])
            row = rig.wait_for(lambda: next((i for i in mount.status()["images"] if i["id"] == ids[-1] and i["error"]), None), 20)
            self.checks.ok("a series' file that is %s: the picture says so" % word,
                           row and word in row["error"] and file in row["error"], row)
            self.checks.ok("%s: nothing is paid for" % word, len(self.server.sent()) == 1)
        if os.path.exists(file):
            os.unlink(file)
        with self.mount(book, "images=approve", "series=" + file) as mount:
            mount.command("retry failed")
            self.checks.ok("%s: mounted again it goes on" % word, self.drawn(mount, 2) == [ids[0], ids[-1]], mount.status()["images"])
        self.server.forget()
        code, _, err = self.run(self.second("after-" + word), "series=" + file, most=12)
        lines = self.lines()
        shared = [n for n in told if n in lines]
        self.checks.ok("%s: what was drawn before, the next book draws alike" % word,
                       code == 0 and shared and all(lines[n] == told[n] for n in shared),
                       (err, {n: (lines[n], told[n]) for n in shared}))

    # ---- pictures beside the prompt, and its length

    def portraits(self):
        for model, taken in (("gpt-image-1", True), ("p", False)):
            book = self.book("portraits-" + model)
            with self.mount(book, "images=approve", model=model) as mount:
                mount.command("analyze all")
                rig.wait_done(mount, 60, images=False)
                images = mount.status()["images"]
                for id in (i["id"] for i in images):
                    mount.command("approve " + id)
                    rig.wait_for(lambda: self.drawn(mount, 1)[-1:] == [id], 20)
                    names = [name for name, _, _ in looks_in(self.server.prompts()[-1])]
                    if len(names) > 2:
                        break
                for name in names[1], names[0]:
                    with open(mount.path(self.element(mount, name)[:-3] + ".png"), "wb") as file:
                        file.write(png("This is %s." % name))
                asked = len(self.server.sent())
                mount.command("regenerate " + id)
                rig.wait_for(lambda: len(self.server.sent()) > asked, 20)
            request = self.server.sent()[-1]
            at = [request["body"].find("This is %s." % name) for name in names[:2]]
            said = "The pictures beside this show, in this order: %s, %s." % tuple(names[:2])
            if taken:
                self.checks.ok("portraits go along to who takes them, in order", request["path"].endswith("/images/edits") and
                               0 < at[0] < at[1], (request["path"], at))
                self.checks.ok("and the prompt names them", said in prompt_of(request), prompt_of(request))
            else:
                self.checks.ok("to nobody else", request["path"].endswith("/images/generations") and at == [-1, -1] and
                               "beside this" not in prompt_of(request), request)

    # ---- what the book as a whole is asked for

    def errands(self):
        """A portrait is drawn once, and not over a person's own; a style is proposed by who reads, and by who sees."""
        text = "http://127.0.0.1:%d/" % self.server.port
        book = self.book("errands")
        with self.mount(book, "provider=openai", "model=m", "base_url=" + text + "good/v1", "images=off") as mount:
            mount.command("analyze all")
            rig.wait_done(mount, 60, images=False)
            file = mount.path("elements/characters/Morrow.png")
            mount.command("portrait Morrow")
            drawn = rig.wait_for(lambda: os.path.exists(file), 20)
            self.checks.ok("a portrait is drawn", drawn and open(file, "rb").read(8) == b"\x89PNG\r\n\x1a\n")
            sent = self.server.prompts()
            self.checks.ok("by one request, by the look line", len(sent) == 1 and
                           sent[0].startswith("A reference picture of Morrow (character): an old man\n"), sent)
            look = re.search(r"^\*\*Look:\*\* (.*)$", mount.read("elements/characters/Morrow.md").decode(), re.M)
            self.checks.ok("which the element shows", look and look.group(1) == "Morrow (character): an old man", look)
            with open(file, "wb") as own:
                own.write(png("mine"))
            self.checks.ok("one's own is not drawn over", refused(mount, "portrait Morrow") == errno.EEXIST and
                           len(self.server.sent()) == 1)
            os.unlink(file)
            mount.command("portrait Morrow")
            self.checks.ok("once it is removed it is", rig.wait_for(lambda: os.path.exists(file), 20) and
                           len(self.server.sent()) == 2, self.server.sent())
            self.outdated(mount, mount.path("elements/characters/Morrow.md"))
            self.resolved(mount, book)
            style = self.proposed(mount, "style propose")
            self.checks.ok("a style is asked for in words", style and len(self.shown()) == 0, style)
            mount.command("illustrate %d" % mount.status()["images"][0]["chapter"])
            rig.wait_for(lambda: [i for i in mount.status()["images"] if i["status"] == "completed"], 20)
            mount.command("style none")
            style = self.proposed(mount, "style propose pictures")
            self.checks.ok("and by the pictures", style and "from the first pictures" in style and len(self.shown()) == 1, style)
        with self.mount(book, "provider=openai", "model=m", "base_url=" + text + "blind/v1", "images=off") as mount:
            mount.command("style propose pictures")
            why = rig.wait_for(lambda: [w["reason"] for w in mount.status()["waiting"]], 20)
            self.checks.ok("who sees nothing fails in a line", why and "image_url is not supported" in why[0] and
                           "\n" not in why[0], why)
            self.checks.ok("and is asked once", len(self.shown()) == 2, len(self.shown()))

    def outdated(self, mount, document):
        """A portrait is of the look that it was drawn by."""
        def shown():
            return mount.status()["portraits"]
        want = {"file": "elements/characters/Morrow.png", "drawn": True, "outdated": False}
        self.checks.ok("status tells of it", shown() == [want], shown())
        with open(document) as file:
            text = file.read()
        with open(document, "w") as file:
            file.write(re.sub(r"(?m)^\*\*Description:\*\* .*$", "**Description:** A tall woman.", text))
        self.checks.ok("with another look it is outdated", shown() == [{**want, "outdated": "drawn by another look"}], shown())
        rig.run(self.args.program, "undo", mount.dir, env=paid.ENV)
        self.checks.ok("and is not with the old one", shown() == [want], shown())

    def resolved(self, mount, book):
        """Two who may be one by their names: asked once, and one from then on."""
        other, asked = mount.path("elements/characters/Old Morrow.md"), len(self.chats())
        with open(other, "w") as file:
            file.write("# Old Morrow\n\n**Description:** An old man.\n")
        code, out, err = rig.run(self.args.program, "estimate", "--json", "-o", self.options("provider=openai", "model=m",
                                 "base_url=http://127.0.0.1:%d/good/v1" % self.server.port, "images=off", "resolve=yes"), book,
                                 env=paid.ENV)
        self.checks.ok("a doubt of the cast is one request", code == 0 and
                       (json.loads(out)["requests"], json.loads(out)["unsure"]) == (1, 0), (out, err))
        mount.command("resolve")
        gone = rig.wait_for(lambda: not os.path.exists(other), 20)
        self.checks.ok("which is made, and two are one", gone and "Old Morrow" in
                       mount.read("elements/characters/Morrow.md").decode() and len(self.chats()) == asked + 1)
        mount.command("split characters/Morrow: Old Morrow")
        self.checks.ok("a person's word goes over it", rig.wait_for(lambda: os.path.exists(other), 20))

    def chats(self):
        with open(self.server.file) as lines:
            return [line for line in lines if '"kind": "chat"' in line]

    def proposed(self, mount, command):
        """style.md, once it is what the server says."""
        def there():
            text = mount.read("style.md").decode()
            return text if "- Medium: linocut\n- Palette: two inks\n" in text else None
        mount.command(command)
        return rig.wait_for(there, 20)

    def shown(self):
        """The requests that went with pictures to look at."""
        with open(self.server.file) as lines:
            return [line for line in lines if "image_url" in line and "data:image/png;base64," in line]

    def short(self):
        book = self.book("short")
        code, _, err = self.run(book, "image_prompt_bytes=1000")
        sizes = [len(p) for p in self.server.prompts()]
        whole = self.server.prompts()
        self.checks.ok("a server that takes 1,000 characters gets no more", code == 0 and sizes and max(sizes) <= 1000, (err, sizes))
        self.checks.ok("and always the scene", all("Scene: " in p for p in whole), whole[:1])
        self.check_looks("1,000 characters", book)


def run(args, checks):
    story = Story(args, checks)
    for name in args.only.split(",") if args.only else TESTS:
        getattr(story, name)()
    story.server.close()


TESTS = ("looks", "together", "corrected", "approved", "series", "unusable", "portraits", "errands", "short")

if __name__ == "__main__":
    parser = rig.arguments(__doc__, 60, 600)
    parser.add_argument("--server", required=True, help="tests/providers/server.py")
    parser.add_argument("--book", required=True, help="the example, as an EPUB")
    parser.add_argument("--only", help="names of tests, with commas")
    rig.main(parser, run)
