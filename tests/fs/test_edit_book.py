# SPDX-License-Identifier: MIT
"""A book is edited: scenes, the cast, portraits, with the programs that people use; and whatever sweeps over it, all
of it comes back and nothing is asked.

    test_edit_book.py           what every change must not break
    test_edit_book.py --full    and more editors, many writers at once, kill -9 at any moment"""

import errno
import json
import os
import shutil
import subprocess
import sys
import threading
import unittest
import urllib.request

from editing import FULL, PNG, STYLE, Book, put
from harness import BOOKFS, Background, main, wait_for

SERVER = os.environ.get("SERVER", "")


class Concepts(Book):
    def test_an_edit(self):
        m = self.analysed()
        d = self.document(m)
        ident, asked = d["concepts"][0]["id"], (self.asked(), self.asked("paint"))
        d["concepts"][0]["description"] = "A red door in the rain."
        put(m.path("chapters/1/concepts.json"), json.dumps(d))
        now = self.document(m)
        self.assertEqual(now["concepts"][0]["description"], "A red door in the rain.")
        self.assertEqual((now["concepts"][0]["id"], now["provider"]), (ident, "person"))
        state = json.loads(m.read("chapters/1/status.json"))
        self.assertTrue(state["images"][0]["outdated"])
        self.assertIn("A red door in the rain.", m.read("Chapters.md"))
        self.assertEqual((self.asked(), self.asked("paint")), asked)
        put(m.path("chapters/1/concepts.json"), m.read("chapters/1/concepts.json"))
        self.assertEqual(len(self.history(m)), 1)
        d["concepts"][0]["camera"] = "wide"
        d["concepts"][0]["mood"] = "merry"
        put(m.path("chapters/1/concepts.json"), json.dumps(d, indent=1))
        self.assertEqual(self.document(m)["concepts"][0]["mood"], "merry")
        self.assertRegex(self.why(m), "errno: none\nreason: line [0-9]+: camera: not kept; a scene has id, ")

    def test_struck_out(self):
        m = self.analysed()
        d = self.document(m)
        d["concepts"].append(dict(d["concepts"][0], description="Another."))
        del d["concepts"][-1]["id"]
        put(m.path("chapters/1/concepts.json"), json.dumps(d))
        d = self.document(m)
        ids = [c["id"] for c in d["concepts"]]
        self.assertEqual(len(ids), 2)
        d["concepts"].pop(0)
        put(m.path("chapters/1/concepts.json"), json.dumps(d))
        self.assertEqual([c["id"] for c in self.scenes(m)], ids[1:])
        self.assertNotIn("chapter_1_scene_1.png", os.listdir(m.path("images")))
        self.assertIn("#### Scene 2", m.read("Chapters.md"))
        self.assertEqual(self.run_bookfs("undo", self.book).returncode, 0)
        wait_for(lambda: "chapter_1_scene_1.png" in os.listdir(m.path("images")), what="the picture")

    def test_refused(self):
        m = self.analysed()
        before = m.read("chapters/1/concepts.json")
        for text in ("{bad", '{"concepts": 1}', "{}", '{"concepts": [{"description": 3}]}', "{}" * 40000):
            with self.subTest(text[:30]), self.errno(errno.EINVAL):
                put(m.path("chapters/1/concepts.json"), text)
            self.assertEqual(m.read("chapters/1/concepts.json"), before)
            self.assertRegex(self.why(m), r"path: chapters/1/concepts.json\nerrno: EINVAL.*\nreason: .*line \d+")
        # A shell does not look at what close(2) says.
        self.assertNotEqual(self.sh(m, "echo '{bad' > chapters/1/concepts.json").returncode, 0)
        with open(m.path("chapters/1/concepts.json"), "r+b", buffering=0) as f:
            f.write(b"x")
            with self.errno(errno.EINVAL):
                os.fsync(f.fileno())
            f.write(before[1:2].encode())
            f.seek(0)
            f.write(before[:2].encode())
        self.assertEqual(m.read("chapters/1/concepts.json"), before)
        self.assertEqual(self.history(m), [])

    def test_of_a_chapter_not_analysed(self):
        m = self.mount()
        d = {"concepts": [{"quote": "", "description": "A hill.", "mood": "", "lighting": "", "elements": []}]}
        put(m.path("chapters/2/concepts.json"), json.dumps(d))
        self.assertEqual([c["description"] for c in self.scenes(m, 2)], ["A hill."])
        self.assertEqual(self.asked(), 0)

    def test_removed(self):
        m = self.analysed()
        before = m.read("chapters/1/concepts.json")
        asked = self.asked()
        self.assertEqual(self.sh(m, "rm chapters/1/concepts.json").returncode, 0)
        self.assertEqual(os.stat(m.path("chapters/1/concepts.json")).st_size, 4096)
        self.assertEqual(json.loads(m.read("chapters/1/status.json"))["status"], "pending")
        self.assertEqual(os.listdir(m.path("images")), [])
        self.assertEqual(self.asked(), asked)
        self.assertIn("not permitted", self.sh(m, "rm chapters/1/concepts.json").stderr)
        self.assertEqual(self.run_bookfs("undo", "--all", self.book).returncode, 0)
        wait_for(lambda: m.read("chapters/1/concepts.json") == before, what="the analysis")
        self.sh(m, "rm chapters/1/concepts.json")
        self.assertNotEqual(self.sh(m, "cat chapters/1/concepts.json").stdout, before)
        self.assertEqual(self.asked(), asked + 1)

    def test_picture_removed(self):
        m = self.analysed()
        name = m.path("images/chapter_1_scene_1.png")
        with open(name, "rb") as f:
            before = f.read()
        painted = self.asked("paint")
        os.unlink(name)
        self.assertEqual(os.listdir(m.path("images")), [])
        self.assertFalse(os.path.lexists(m.path("chapters/1/images/chapter_1_scene_1.png")))
        self.assertEqual(json.loads(m.read("status.json"))["images"][0]["status"], "pending")
        self.assertEqual(self.run_bookfs("undo", self.book).returncode, 0)
        wait_for(lambda: os.path.exists(name), what="the picture")
        with open(name, "rb") as f:
            self.assertEqual(f.read(), before)
        self.assertEqual(self.asked("paint"), painted)
        for act in (lambda: put(name, PNG), lambda: os.rename(name, name + "2")):
            with self.errno(errno.EROFS):
                act()

    def test_two_editors(self):
        m = self.analysed()
        path = m.path("chapters/1/concepts.json")
        text = m.read("chapters/1/concepts.json")
        one, two = (os.open(path, os.O_WRONLY) for _ in range(2))
        put(path + ".tmp", text.replace('"mood"', '"mood" ').replace("Scene", "A scene"))
        for fd, word in ((one, "one"), (two, "two")):
            d = json.loads(text)
            d["concepts"][0]["mood"] = word
            os.ftruncate(fd, 0)
            os.write(fd, json.dumps(d).encode())
        os.close(one)
        with self.errno(errno.ESTALE):
            os.close(two)
        self.assertIn("reason: ", self.why(m))
        self.assertEqual(self.scenes(m)[0]["mood"], "one")
        with self.errno(errno.ESTALE):
            os.rename(path + ".tmp", path)
        self.assertEqual(self.scenes(m)[0]["mood"], "one")

    def test_made_anew(self):
        """mv from another file system and tar remove first; the scenes keep their pictures."""
        m = self.analysed()
        d = self.document(m)
        d["concepts"][0]["mood"] = "merry"
        new = os.path.join("/dev/shm" if os.path.isdir("/dev/shm") else self.tmp, "bookfs-%d.json" % os.getpid())
        for script in ('mv "$1" chapters/1/concepts.json', 'cp --remove-destination "$1" chapters/1/concepts.json'):
            d["concepts"][0]["mood"] += "!"
            put(new, json.dumps(d))
            self.addCleanup(lambda: os.path.exists(new) and os.unlink(new))
            done = self.sh(m, script, new)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(self.scenes(m)[0]["mood"], d["concepts"][0]["mood"])
            self.assertEqual(self.scenes(m)[0]["elements"], d["concepts"][0]["elements"])
            self.assertIn("chapter_1_scene_1.png", os.listdir(m.path("images")))
        self.assertTrue(json.loads(m.read("chapters/1/elements.json"))["elements"])

    def test_approval(self):
        m = self.mount("illustrate=ask")
        with self.errno(errno.ENODATA):
            put(m.path("chapters/2/approved"), "")
        self.scenes(m)
        path = m.path("chapters/1/approved")
        if os.path.exists(path):
            self.skipTest("scenes are approved by themselves here")
        said = self.run_bookfs("status", m.dir, program=BOOKFS).stdout
        self.assertIn("\nnot asked for: 1 picture (touch chapters/N/approved in the mount, or bookfs run)\n", said)
        self.assertEqual(self.sh(m, "touch chapters/1/approved").returncode, 0)
        wait_for(lambda: os.listdir(m.path("images")), what="the picture")
        self.assertTrue(os.path.exists(path))
        self.assertEqual(self.sh(m, "touch chapters/1/approved").returncode, 0)
        with self.errno(errno.EPERM):
            os.unlink(path)


class Elements(Book):
    def entry(self, m):
        name = self.elements(m)[0]
        return name, m.read("elements/characters", name)

    def test_description(self):
        m = self.analysed()
        name, text = self.entry(m)
        lines = ["**Description:** A tall woman in green." if l.startswith("**Description:**") else l
                 for l in text.splitlines()]
        put(m.path("elements/characters", name), "\n".join(lines) + "\n")
        self.assertIn("**Description:** A tall woman in green.", m.read("elements/characters", name))
        asked = self.asked()
        m.command("analyze 1\n")
        wait_for(lambda: self.asked() > asked, what="the newer analysis")
        m.read("chapters/2/concepts.json")
        self.assertIn("A tall woman in green.", m.read("elements/characters", name))
        self.assertIn("ℹ️ Edited by a person: elements/characters/%s\n" % name, m.read("progress.md"))

    def test_name_taken(self):
        """A file that is made by a name which another has is somebody of that name, and the other is not."""
        m = self.analysed()
        name, text = self.entry(m)
        put(m.path("elements/characters", name), text.replace("**Description:**", "**Aliases:** Her Shadow, Her Echo\n\n**Description:**"))
        self.assertIn("Her Shadow", m.read("elements/characters", name))
        put(m.path("elements/characters/Her Shadow.md"), "# Her Shadow\n\n**Description:** Thin and grey.\n")
        self.assertIn("Her Shadow.md", self.elements(m))
        self.assertIn("Thin and grey.", m.read("elements/characters/Her Shadow.md"))
        now = m.read("elements/characters", name)
        self.assertNotIn("Her Shadow", now)
        self.assertNotIn("Thin and grey.", now)
        self.assertIn("Her Echo", now)

    def test_names(self):
        m = self.analysed()
        name, creatures = self.elements(m)[0], self.elements(m, "creatures")
        folder = m.path("elements/characters")
        os.rename(os.path.join(folder, name), os.path.join(folder, "Somebody Else.md"))
        self.assertIn("Somebody Else.md", self.elements(m))
        self.assertNotIn(name, self.elements(m))
        self.assertIn(name[:-3], m.read("elements/characters/Somebody Else.md"))
        os.rename(os.path.join(folder, "Somebody Else.md"), m.path("elements/creatures/Somebody Else.md"))
        self.assertIn("Somebody Else.md", self.elements(m, "creatures"))
        others = self.elements(m)
        os.rename(m.path("elements/creatures/Somebody Else.md"), os.path.join(folder, others[0]))
        self.assertEqual(self.elements(m, "creatures"), creatures)
        self.assertEqual(self.elements(m), others)
        self.assertIn("Somebody Else", m.read("elements/characters", others[0]))
        self.sh(m, 'rm "elements/characters/$1"', others[0])
        self.assertEqual(self.elements(m), others[1:])
        self.assertEqual(self.run_bookfs("undo", "--all", self.book).returncode, 0)
        wait_for(lambda: name in self.elements(m), what="the name")

    def test_a_new_one(self):
        m = self.analysed()
        put(m.path("elements/creatures/Griffin.md"), "# Griffin\n\n**Type:** creature\n\n"
            "**Description:** An eagle's head, a lion's body, golden-brown feathers.\n")
        self.assertIn("golden-brown feathers", m.read("elements/creatures/Griffin.md"))
        self.assertIn("Griffin.md", self.elements(m, "creatures"))
        self.assertIn("### Griffin", m.read("Elements.md"))

    def test_a_new_one_loses_its_name(self):
        """Who still writes a file that was removed, or that another was given the name of, writes nothing."""
        m = self.analysed()
        lamp, text = m.path("elements/items/Lamp.md"), "**Description:** A lamp of %s.\n"
        with open(lamp, "x") as f:
            f.write(text % "brass")
            f.flush()
            os.unlink(lamp)
        self.assertNotIn("Lamp.md", self.elements(m, "items"))
        with open(lamp, "x") as f:
            f.write(text % "brass")
            f.flush()
            put(m.path("elements/items/.new"), text % "glass")
            os.rename(m.path("elements/items/.new"), lamp)
        self.assertIn("of glass", m.read("elements/items/Lamp.md"))
        m.end()
        self.assertIn("of glass", self.mount().read("elements/items/Lamp.md"))

    def test_portrait(self):
        m = self.analysed()
        stem = self.elements(m)[0][:-3]
        picture = m.path("elements/characters", stem + ".png")
        put(picture, PNG)
        with open(picture, "rb") as f:
            self.assertEqual(f.read(), PNG)
        self.assertIn(stem + ".png", self.elements(m))
        for name, data in ((stem + ".jpg", b"no picture"), ("Nobody.png", PNG)):
            with self.subTest(name), self.errno(errno.EINVAL):
                put(m.path("elements/characters", name), data)
        self.assertEqual(self.sh(m, 'cp "$1" "elements/characters/.tmp" && mv elements/characters/.tmp "$1"',
                                 picture).returncode, 0)
        os.rename(m.path("elements/characters", stem + ".md"), m.path("elements/characters/Renamed.md"))
        self.assertIn("Renamed.png", self.elements(m))
        os.unlink(m.path("elements/characters/Renamed.png"))
        self.assertNotIn("Renamed.png", self.elements(m))


class Programs(Book):
    """Programs as people use them, each changing the mood of the first scene."""

    recipes = {
        "sed": "sed -i 's/\"mood\":[^,]*/\"mood\": \"merry\"/' chapters/1/concepts.json",
        "perl": "perl -pi -e 's/\"mood\":[^,]*/\"mood\": \"merry\"/' chapters/1/concepts.json",
        "perl with a copy": "perl -pi.orig -e 's/\"mood\":[^,]*/\"mood\": \"merry\"/' chapters/1/concepts.json",
        "jq": "jq '.concepts[].mood = \"merry\"' chapters/1/concepts.json > chapters/1/tmp && "
              "mv chapters/1/tmp chapters/1/concepts.json",
        "jq and cp": "jq '.concepts[].mood = \"merry\"' chapters/1/concepts.json > \"$1/new\" && "
                     "cp \"$1/new\" chapters/1/concepts.json",
        "cp -p": "jq '.concepts[].mood = \"merry\"' chapters/1/concepts.json > \"$1/new\" && chmod 600 \"$1/new\" && "
                 "cp -p \"$1/new\" chapters/1/concepts.json",
        "tee": "jq '.concepts[].mood = \"merry\"' chapters/1/concepts.json > \"$1/new\" && "
               "tee chapters/1/concepts.json < \"$1/new\" > /dev/null",
        "dd": "jq '.concepts[].mood = \"merry\"' chapters/1/concepts.json > \"$1/new\" && "
              "dd if=\"$1/new\" of=chapters/1/concepts.json bs=7 status=none",
        "rsync": "jq '.concepts[].mood = \"merry\"' chapters/1/concepts.json > \"$1/concepts.json\" && "
                 "rsync -t \"$1/concepts.json\" chapters/1/",
        "rsync in place": "jq '.concepts[].mood = \"merry\"' chapters/1/concepts.json > \"$1/concepts.json\" && "
                          "rsync --inplace \"$1/concepts.json\" chapters/1/",
        "vim": "vim -u NONE -es -c '%s/\"mood\":[^,]*/\"mood\": \"merry\"/' -c 'wq' chapters/1/concepts.json",
        "vim with a copy": "vim -u NONE -es -c 'set backup backupcopy=no' -c '%s/\"mood\":[^,]*/\"mood\": \"merry\"/' "
                           "-c 'wq' chapters/1/concepts.json",
        "vim in place": "vim -u NONE -es -c 'set backupcopy=yes' -c '%s/\"mood\":[^,]*/\"mood\": \"merry\"/' "
                        "-c 'wq' chapters/1/concepts.json",
        "ed": "printf '%s\\n' ',s/\"mood\":[^,]*/\"mood\": \"merry\"/' w q | ed -s chapters/1/concepts.json",
        "python": "python3 -c \"import json; p = 'chapters/1/concepts.json'; d = json.load(open(p)); "
                  "d['concepts'][0]['mood'] = 'merry'; json.dump(d, open(p, 'w'))\"",
        "install": "jq '.concepts[].mood = \"merry\"' chapters/1/concepts.json > \"$1/new\" && "
                   "install -m 644 \"$1/new\" chapters/1/concepts.json",
    }

    others = {  # with --full, and where they are
        "emacs": "emacs --batch -Q chapters/1/concepts.json --eval '(progn (while (re-search-forward "
                 "\"\\\"mood\\\":[^,]*\" nil t) (replace-match \"\\\"mood\\\": \\\"merry\\\"\")) (save-buffer))'",
        "nvim": "nvim -u NONE -es -c '%s/\"mood\":[^,]*/\"mood\": \"merry\"/' -c 'wq' chapters/1/concepts.json",
        "kak": "kak -n -ui dummy -e 'exec %{%s\"mood\":[^,]*<ret>c\"mood\": \"merry\"<esc>}; write; quit' "
               "chapters/1/concepts.json",
        "gio": "jq '.concepts[].mood = \"merry\"' chapters/1/concepts.json | tee \"$1/new\" > /dev/null; "
               "gio save chapters/1/concepts.json < \"$1/new\"",
        "ex": "printf '%s\\n' '%s/\"mood\":[^,]*/\"mood\": \"merry\"/' wq | ex -s chapters/1/concepts.json",
        "node": "node -e 'const fs = require(\"fs\"), p = \"chapters/1/concepts.json\"; "
                "const d = JSON.parse(fs.readFileSync(p)); d.concepts[0].mood = \"merry\"; "
                "fs.writeFileSync(p + \".tmp\", JSON.stringify(d)); fs.renameSync(p + \".tmp\", p)'",
        "sponge": "jq '.concepts[].mood = \"merry\"' chapters/1/concepts.json | sponge chapters/1/concepts.json",
    }

    def tools(self):
        all_of_them = {**self.recipes, **(self.others if FULL else {})}
        return {n: s for n, s in all_of_them.items() if shutil.which(n.split()[0])}

    def test_each(self):
        m = self.analysed()
        original = m.read("chapters/1/concepts.json")
        asked = (self.asked(), self.asked("paint"))
        mood = self.scenes(m)[0]["mood"]
        for name, script in self.tools().items():
            with self.subTest(name):
                done = self.sh(m, script, self.tmp)
                self.assertEqual(done.returncode, 0, (done.stdout, done.stderr, self.why(m)))
                self.assertEqual(self.scenes(m)[0]["mood"], "merry", self.why(m))
                for left in set(os.listdir(m.path("chapters/1"))) & {"concepts.json.orig", "concepts.json~"}:
                    os.unlink(m.path("chapters/1", left))
                d = json.loads(original)
                d["concepts"][0]["mood"] = mood
                put(m.path("chapters/1/concepts.json"), json.dumps(d))
        self.assertEqual((self.asked(), self.asked("paint")), asked)
        self.assertEqual(self.run_bookfs("undo", "--all", self.book).returncode, 0)
        wait_for(lambda: m.read("chapters/1/concepts.json") == original, what="the original")
        self.assertNotIn("tmp", os.listdir(m.path("chapters/1")))

    def test_append(self):
        m = self.mount()
        self.sh(m, "echo one > style.md; echo two >> style.md")
        self.assertEqual(m.read("style.md"), "one\ntwo\n")

    @unittest.skipUnless(FULL and shutil.which("nano") and shutil.which("script"), "with --full and nano")
    def test_nano(self):
        m = self.mount()
        put(m.path("style.md"), STYLE)
        done = self.sh(m, "(sleep 1; printf 'XYZ\\017'; sleep 1; printf '\\r'; sleep 1; printf '\\030') | "
                       "TERM=xterm script -qec 'nano -B style.md' /dev/null")
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(m.read("style.md"), "XYZ" + STYLE)
        self.assertEqual(m.read("style.md~"), STYLE)

    def test_vim_killed(self):
        """Its swap file stays, as everywhere; what it edited is as it was."""
        if not shutil.which("vim"):
            self.skipTest("no vim")
        m = self.mount()
        put(m.path("style.md"), STYLE)
        self.sh(m, "timeout -s KILL 5 vim -u NONE -es -c 'normal ggdG' -c 'preserve' -c '!kill -9 $PPID' style.md")
        self.assertEqual(m.read("style.md"), STYLE)


class Deleting(Book):
    """Whatever sweeps over a finished book: nothing is asked, and all of it comes back."""

    def tree(self, m):
        found = {}
        for folder, names, files in os.walk(m.dir):
            names[:] = [n for n in names if n not in (".bookfs", "locks", ".locks", "source", "gallery")]
            for n in files:
                path = os.path.join(folder, n)
                if n.endswith(("concepts.json", "elements.json", ".png")) or folder.endswith(("characters", "places")):
                    with open(path, "rb") as f:
                        found[os.path.relpath(path, m.dir)] = f.read()
        return found

    def finished(self):
        m = self.mount()
        for n in range(1, self.chapters + 1):
            m.read("chapters/%d/concepts.json" % n)
        wait_for(lambda: all(i["status"] == "completed" for i in json.loads(m.read("status.json"))["images"]),
                 what="the pictures")
        return m

    def sweep(self, script):
        m = self.finished()
        before, folders = self.tree(m), sorted(f for f, _, _ in os.walk(m.dir))
        asked = (self.asked(), self.asked("paint"))
        done = self.sh(m, script)
        self.assertEqual((self.asked(), self.asked("paint")), asked)
        self.assertEqual(sorted(f for f, _, _ in os.walk(m.dir)), folders)
        self.assertEqual(self.run_bookfs("undo", "--all", self.book).returncode, 0)
        wait_for(lambda: json.loads(m.read("status.json"))["totals"]["chapters"]["completed"] >= self.chapters,
                 what="the analyses")
        self.assertEqual(self.tree(m), before)
        self.assertEqual((self.asked(), self.asked("paint")), asked)
        return done

    def test_rm(self):
        self.assertNotEqual(self.sweep("rm -rf ./*").returncode, 0)

    def test_git_clean(self):
        if not shutil.which("git"):
            self.skipTest("no git")
        self.sweep('git --git-dir="$PWD/../git" init -q; git --git-dir="$PWD/../git" --work-tree=. clean -fdxq')

    def test_file_manager(self):
        if not shutil.which("gio"):
            self.skipTest("no gio")
        self.sweep("for f in *; do gio trash -f $f; gio remove -f $f; done")


class Paid(Deleting):
    """The same where each request is billed: the server counts."""

    def setUp(self):
        super().setUp()
        server = subprocess.Popen([sys.executable, "-B", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                  text=True)
        self.addCleanup(server.communicate)
        self.at = "http://127.0.0.1:%d" % int(server.stdout.readline())

    def mount(self, options="", name="mnt", program=None, **env):
        one = "illustrate=auto,provider=openai,model=m,base_url=%s/good/v1,image_model=p,image_base_url=%s/good/v1" % (
            self.at, self.at)
        return super().mount(one, name, BOOKFS, OPENAI_API_KEY="sk-a-secret")

    def asked(self, what="analyze"):
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(self.at + "/totals") as answer:
            totals = json.loads(answer.read())
        return totals.get("chat" if what == "analyze" else "image", {"requests": 0})["requests"]


class Watched(Book):
    """Who watches the folders hears of edits as of results: those of another process too."""

    def test_undo_elsewhere(self):
        if not shutil.which("inotifywait"):
            self.skipTest("needs inotifywait (inotify-tools)")
        m = self.analysed()
        picture = "chapter_1_scene_1.png"
        for name in ("chapters/1/concepts.json", "images/" + picture):
            os.stat(m.path(name))
        self.sh(m, "rm images/%s chapters/1/concepts.json" % picture)
        self.assertEqual(os.listdir(m.path("images")), [])
        watch = subprocess.Popen(["inotifywait", "-m", "-e", "moved_to", m.path("chapters/1"), m.path("images")],
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.addCleanup(watch.communicate)
        self.addCleanup(watch.kill)
        while "established" not in watch.stderr.readline():
            pass
        self.assertEqual(self.run_bookfs("undo", "--all", self.book).returncode, 0)
        wanted = {"%s/ MOVED_TO concepts.json" % m.path("chapters/1"), "%s/ MOVED_TO %s" % (m.path("images"), picture)}
        while wanted:
            wanted.discard(Background(watch.stdout.readline).result(30).rstrip("\n"))
        self.assertTrue(os.path.exists(m.path("images", picture)))


@unittest.skipUnless(FULL, "with --full")
class Many(Book):
    def test_many_writers(self):
        m = self.mount()
        texts = ["writer %d\n" % n * 2000 for n in range(8)]
        put(m.path("style.md"), texts[0])

        def write(text):
            for i in range(40):
                try:
                    if i % 2:
                        put(m.path("style.md"), text)
                    else:
                        put(m.path("tmp-" + text.split()[1]), text)
                        os.rename(m.path("tmp-" + text.split()[1]), m.path("style.md"))
                except OSError as e:
                    if e.errno != errno.ESTALE:
                        raise
                self.assertTrue(m.read("style.md") in texts)
        for b in [Background(write, t) for t in texts]:
            b.result()

    def test_killed_at_any_moment(self):
        m = self.analysed()
        text = m.read("chapters/1/concepts.json")
        d = json.loads(text)
        d["concepts"][0]["mood"] = "merry"
        whole = json.dumps(d)
        script = "import os, sys\nwhile True:\n for t in sys.argv[1:]:\n  f = os.open('chapters/1/concepts.json', " \
                 "os.O_WRONLY | os.O_TRUNC)\n  for i in range(0, len(t), 64): os.write(f, t[i:i+64].encode())\n" \
                 "  os.close(f)"
        for n in range(60):
            p = subprocess.Popen([sys.executable, "-c", script, whole, text], cwd=m.dir)
            threading.Event().wait(0.05 + 0.003 * n)
            p.kill()
            p.wait()
            self.assertIn(self.scenes(m)[0]["mood"], ("merry", json.loads(text)["concepts"][0]["mood"]))


if __name__ == "__main__":
    if FULL:
        sys.argv.remove("--full")
    main()
