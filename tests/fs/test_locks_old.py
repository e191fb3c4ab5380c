#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
""".locks/locks.json: read, changed, written back whole by whatever tool; a conflict is a failure and nothing is lost."""

import json
import os
import shutil
import time

import agents
import harness

# Each writes $NEW to locks.json in its way. $T is a file on another file system, $S one beside it.
WRITERS = {
    "echo": "echo \"$NEW\" > locks.json",
    "printf in two": "{ printf '%s' \"${NEW:0:20}\"; printf '%s\\n' \"${NEW:20}\"; } > locks.json",
    "tee": "echo \"$NEW\" | tee locks.json >/dev/null",
    "cat <<": "cat > locks.json <<END\n$NEW\nEND",
    "cp": "echo \"$NEW\" > $T; cp $T locks.json",
    "cp -f": "echo \"$NEW\" > $T; cp -f --remove-destination $T locks.json",
    "mv": "echo \"$NEW\" > $T; mv $T locks.json",
    "mv beside": "echo \"$NEW\" > tmp; mv tmp locks.json",
    "install": "echo \"$NEW\" > $T; install -m 644 $T locks.json",
    "jq": "jq --argjson n \"$NEW\" -n '$n' > tmp && mv tmp locks.json",
    "python": "python3 -c 'import os; f=open(\"locks.json\",\"w\"); f.write(os.environ[\"NEW\"]); f.close()'",
    "python r+": "python3 -c 'import os; f=open(\"locks.json\",\"r+\"); f.write(os.environ[\"NEW\"]); "
                 "f.truncate(); f.close()'",
    "python replace": "python3 -c 'import os; f=open(\"t2\",\"w\"); f.write(os.environ[\"NEW\"]); f.close(); "
                      "os.replace(\"t2\", \"locks.json\")'",
    "node": "node -e 'require(\"fs\").writeFileSync(\"locks.json\", process.env.NEW)'",
    "node rename": "node -e 'const fs=require(\"fs\"); fs.writeFileSync(\"t3\", process.env.NEW); "
                   "fs.renameSync(\"t3\", \"locks.json\")'",
    "dd": "printf '%s' \"$NEW\" | dd of=locks.json status=none",
    "dd small": "printf '%s' \"$NEW\" | dd of=locks.json bs=7 status=none",
    "perl": "perl -e 'open(F, \">\", \"locks.json\") or die; print F $ENV{NEW} or die; close(F) or die'",
}


def entry(resource, instance):
    return {"resource": resource, "timestamp": "2025-11-22T10:30:00Z", "instance": instance}


class Old(agents.Case):
    def setUp(self):
        super().setUp()
        self.m, self.clock = self.mount_clock()
        self.outside = os.path.join("/dev/shm", os.path.basename(self.tmp))
        self.addCleanup(lambda: os.path.exists(self.outside) and os.unlink(self.outside))
        self.a = self.at()
        self.other = self.agent("Desktop-2")

    def at(self, instance=None):
        a = self.agent(instance, cwd=self.m.path(".locks"))
        a.ok("T=%s" % self.outside)
        return a

    def json(self):
        return [(k["resource"], k["instance"]) for k in json.loads(self.m.read(".locks/locks.json"))["locks"]]

    def write(self, agent, entries, how="echo", read=True):
        """(exit status, messages) of a shell that reads, and writes back."""
        text = json.dumps({"locks": entries})
        if read:
            agent.ok("cat locks.json > /dev/null")
        agent.ok("export NEW='%s'" % text)
        return agent.run(WRITERS[how])

    def test_reading(self):
        self.assertEqual(self.m.read(".locks/locks.json"), '{"locks": []}\n')
        self.other.ok("touch Chapter_03 StyleSystem")
        text = self.m.read(".locks/locks.json")
        self.assertEqual(set(self.json()), {("Chapter_03", "Desktop-2"), ("StyleSystem", "Desktop-2")})
        self.assertRegex(json.loads(text)["locks"][0]["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$")
        self.assertEqual(os.stat(self.m.path(".locks/locks.json")).st_size, len(text))

    def test_every_writer(self):
        for how in WRITERS:
            status, said = self.write(self.a, [entry("Chapter_01", "CLI-1")], how)
            self.assertEqual(status, 0, (how, said))
            self.assertEqual(self.json(), [("Chapter_01", "CLI-1")], how)
            # The other's came after it was read: it stays, and what is added is added.
            self.a.ok("cat locks.json > /dev/null")
            self.other.ok("touch Chapter_02")
            status, said = self.write(self.a, [entry("Chapter_01", "CLI-1"), entry("Chapter_03", "CLI-1")], how,
                                      read=False)
            self.assertEqual(status, 0, (how, said))
            self.assertEqual(sorted(self.json()), [("Chapter_01", "CLI-1"), ("Chapter_02", "Desktop-2"),
                                                   ("Chapter_03", "CLI-1")], how)
            # A conflict is a failure, and nothing of it is done.
            status, said = self.write(self.a, [entry("Chapter_01", "CLI-1"), entry("Chapter_02", "CLI-1"),
                                               entry("Chapter_04", "CLI-1")], how)
            self.assertNotEqual(status, 0, how)
            self.assertEqual(sorted(self.json()), [("Chapter_01", "CLI-1"), ("Chapter_02", "Desktop-2"),
                                                   ("Chapter_03", "CLI-1")], how)
            self.assertIn("Chapter_02 is held by Desktop-2", self.a.ok("cat .why"), how)
            # Broken text is one too.
            self.a.ok("export NEW='{\"locks\": [}'")
            status, said = self.a.run(WRITERS[how])
            self.assertNotEqual(status, 0, how)
            # Mine goes when it is left out.
            status, said = self.write(self.a, [entry("Chapter_02", "Desktop-2")], how)
            self.assertEqual(status, 0, (how, said, self.a.ok("cat .why")))
            self.assertEqual(self.json(), [("Chapter_02", "Desktop-2")], how)
            self.other.ok("rm Chapter_02")

    def test_edited_in_place(self):
        self.other.ok("touch Chapter_02")
        status, said = self.write(self.a, [entry("Chapter_01", "CLI-1"), entry("Chapter_02", "Desktop-2")])
        self.assertEqual(status, 0, said)
        self.a.ok("sed -i '/Chapter_01/s/CLI-1/CLI-111/' locks.json")
        self.assertEqual(sorted(self.json()), [("Chapter_01", "CLI-111"), ("Chapter_02", "Desktop-2")])
        self.a.ok("perl -pi -e 's/Chapter_01/Chapter_05/' locks.json")
        self.assertEqual(sorted(self.json()), [("Chapter_02", "Desktop-2"), ("Chapter_05", "CLI-111")])
        self.a.fails("sed -i '/Chapter_02/s/Desktop-2/CLI-111/' locks.json", "busy")
        self.a.fails("perl -pi -e 's/Desktop-2/CLI-9/' locks.json", "usy")
        self.assertEqual(sorted(self.json()), [("Chapter_02", "Desktop-2"), ("Chapter_05", "CLI-111")])
        self.a.ok("jq '.locks |= map(select(.instance != \"CLI-111\"))' locks.json > tmp && mv tmp locks.json")
        self.assertEqual(self.json(), [("Chapter_02", "Desktop-2")])
        self.assertEqual(self.a.ok("ls -A"), "locks.json")

    def test_removing_anothers(self):
        self.other.ok("touch Chapter_02")
        status, _ = self.write(self.a, [entry("Chapter_01", "CLI-1")])
        self.assertNotEqual(status, 0, "it was read, and left out")
        self.assertEqual(self.json(), [("Chapter_02", "Desktop-2")])
        self.clock.move(passed_s=1000)
        status, said = self.write(self.a, [entry("Chapter_01", "CLI-1")])
        self.assertEqual(status, 0, (said, self.a.ok("cat .why")))
        self.assertEqual(self.json(), [("Chapter_01", "CLI-1")], "a stale one is overridden")

    def test_what_was_not_read_stays(self):
        self.a.ok("cat locks.json; touch ../locks/Chapter_07")
        self.other.ok("touch Chapter_02")
        self.assertEqual(self.write(self.a, [entry("Chapter_01", "CLI-1")], read=False)[0], 0)
        self.assertEqual(sorted(r for r, _ in self.json()), ["Chapter_01", "Chapter_02", "Chapter_07"])

    def test_clear_all(self):
        self.a.ok("cat locks.json")
        self.assertEqual(self.write(self.a, [entry("Chapter_01", "CLI-1")])[0], 0)
        self.assertEqual(self.write(self.a, [])[0], 0)
        self.assertEqual(self.json(), [])
        self.other.ok("touch Chapter_02")
        self.clock.move(passed_s=1000)
        third = self.agent("CLI-3")
        third.ok("touch Chapter_03")
        self.assertEqual(self.write(self.a, [entry("Chapter_01", "CLI-1"), entry("Chapter_03", "CLI-3")])[0], 0)
        self.assertNotEqual(self.write(self.a, [])[0], 0)
        self.assertEqual(self.json(), [("Chapter_03", "CLI-3")], "mine and the stale one went")
        why = self.a.ok("cat .why")
        self.a.ok(why[why.index("echo clear all"):].splitlines()[0])
        self.assertEqual(self.json(), [])

    def test_nonsense(self):
        for text in ('{"locks": [', '[]', '{"lock": []}', '{"locks": {}}', 'locks', '{"locks": []} x',
                     '{"locks": [{"resource": "Chapter_3", "instance": "CLI-1"}]}',
                     '{"locks": [{"resource": "Chapter_03"}]}', '{"locks": [{"resource": "Chapter_03", "instance": "a b"}]}',
                     '{"locks": [{"resource": "Chapter_03", "instance": "A"}, {"resource": "Chapter_03", "instance": "A"}]}'):
            fd = os.open(self.m.path(".locks/locks.json"), os.O_WRONLY | os.O_TRUNC)
            with self.assertRaises(OSError, msg=text) as caught:
                try:
                    os.write(fd, text.encode())
                finally:
                    os.close(fd)
            self.assertEqual(caught.exception.errno, 22, text)
        self.assertEqual(self.json(), [])

    def test_nothing_written(self):
        self.other.ok("touch Chapter_02")
        self.a.ok(": > locks.json")
        self.assertEqual(self.json(), [("Chapter_02", "Desktop-2")])
        fd = os.open(self.m.path(".locks/locks.json"), os.O_WRONLY | os.O_TRUNC)
        self.assertEqual(self.json(), [("Chapter_02", "Desktop-2")], "readers see the truth while one writes")
        os.close(fd)

    def test_it_stays(self):
        self.a.fails("mv locks.json other.json", "not permitted")
        self.a.fails("ln locks.json x", "not permitted")
        self.a.fails("mkdir d", "not permitted")
        self.assertEqual(self.json(), [])

    def test_siblings_are_private(self):
        b = self.at()
        self.a.ok("echo mine > tmp")
        b.fails("cat tmp", "No such file")
        b.ok("echo his > tmp")
        self.assertEqual(self.a.ok("cat tmp"), "mine")
        self.a.ok("rm tmp; ls -A | grep -v locks.json; true")
        self.assertEqual(b.ok("cat tmp"), "his")
        self.a.ok("for i in $(seq 100); do echo $i > t$i || exit 1; done")

    def test_appended_to(self):
        self.a.ok("printf abc > tmp; printf def >> tmp")
        self.assertEqual(self.a.ok("cat tmp"), "abcdef")
        self.a.ok("""printf '{"locks": [' > tmp; printf ']}' >> tmp; mv tmp locks.json""")
        self.a.fails("echo '{\"locks\": []}' >> locks.json", "Invalid argument")

    def test_two_agents_that_never_lose_an_entry(self):
        """The simulation that the old file lost 45 of 60 unrelated entries in."""
        script = r"""
import json, sys, os
name, chapters = sys.argv[1], sys.argv[2:]
for c in chapters:
    while True:
        locks = json.load(open("locks.json"))["locks"]
        locks.append({"resource": c, "timestamp": "x", "instance": name})
        try:
            with open("locks.json", "w") as f:
                f.write(json.dumps({"locks": locks}))
            break
        except OSError as e:
            if e.errno != 16: raise
"""
        path = os.path.join(self.tmp, "old.py")
        with open(path, "w") as f:
            f.write(script)
        shells = [self.at() for _ in range(3)]
        for i, s in enumerate(shells):
            s.start("python3 %s CLI-%d %s; echo end" % (path, i, " ".join("Chapter_%02d" % n for n in
                                                                          range(1 + i * 10, 11 + i * 10))))
        for s in shells:
            line = harness.Background(s.process.stdout.readline).result(60)
            self.assertEqual(line, "end\n")
        self.assertEqual(len(self.json()), 30)


class OnDisk(agents.Case):
    """A project whose agents worked without a mount: what its own locks.json says."""

    def setUp(self):
        super().setUp()
        self.book = os.path.join(self.tmp, "project")
        os.makedirs(self.of("Manuscript/Chapters/Chapter_03"))
        with open(self.of("Manuscript/Chapters/Chapter_03/Chapter_03.md"), "w") as f:
            f.write("# Three\n\nOne line.\n")
        os.mkdir(self.of(".locks"))

    def of(self, *names):
        return os.path.join(self.book, *names)

    def says(self, text):
        with open(self.of(".locks/locks.json"), "w") as f:
            f.write(text)

    def remounted(self, *locks):
        m = self.mount()
        self.assertEqual(self.held(m), sorted(locks))
        return m

    def test_taken_in_once(self):
        text = json.dumps({"locks": [entry("Chapter_03", "CLI-1"), entry("StyleSystem", "CLI-2"),
                                     entry("Chapter_3", "CLI-1"), entry("Music", "CLI-1"),
                                     entry("BackMatter", "no id")]})
        self.says(text)
        m = self.remounted("Chapter_03", "StyleSystem")
        self.agent("CLI-7").ok("touch Chapter_999; rm Chapter_999")     # chapters of a folder have their own numbers
        self.agent("CLI-7").fails("touch Chapter_1000", "Invalid argument")
        self.assertRegex(m.messages(), 'no such resource or id: "Chapter_3" of "CLI-1", "Music" of "CLI-1", '
                         '"BackMatter" of "no id"\n')
        self.assertNotIn("pid", self.fields(m, "Chapter_03"))
        self.assertEqual(self.fields(m, "Chapter_03")["instance"], "CLI-1")
        self.assertEqual(self.fields(m, "Chapter_03")["reason"], "from .locks/locks.json")
        self.assertIn("held by CLI-1", m.read("locks/.for/Manuscript/Chapters/Chapter_03/Chapter_03.md"))
        self.agent("CLI-9").fails("touch Chapter_03", "busy")
        self.agent("CLI-1").ok("touch Chapter_03; rm Chapter_03")
        m.end()
        with open(self.of(".locks/locks.json")) as f:
            self.assertEqual(f.read(), text)
        self.remounted("StyleSystem").end()         # what was given back stays so
        self.says(json.dumps({"locks": [entry("Chapter_03", "CLI-1"),
                                        {**entry("Chapter_03", "CLI-3"), "timestamp": "2025-12-01T00:00:00Z"},
                                        entry("StyleSystem", "CLI-4")]}))
        m = self.remounted("Chapter_03", "StyleSystem")
        self.assertEqual(self.fields(m, "Chapter_03")["instance"], "CLI-3")
        self.assertIn('as somebody else has it: "StyleSystem" of "CLI-4"', m.messages())

    def test_plain_folder(self):
        """No writing project: a text has the lock of the chapter that it is."""
        shutil.rmtree(self.book)
        os.makedirs(self.of("part"))
        for name, text in (("1 preface.md", "# Preface\n\nTo you.\n"), ("2.md", "# Rain\n\nIt rains.\n"),
                           ("part/3.md", "# Sun\n\nIt shines.\n")):
            with open(self.of(name), "w") as f:
                f.write(text)
        m = self.mount("figures=chapter")
        for name, resource in (("1 preface.md", "FrontMatter"), ("2.md", "Chapter_02"), ("part/3.md", "Chapter_03"),
                               ("part/notes.txt", "none"), ("images/fig-07-a.png", "ImageRegistry")):
            self.assertEqual(m.read("locks/.for", name).splitlines()[0], "resource: " + resource, name)
        self.agent("CLI-1").ok("touch Chapter_03")
        self.agent("CLI-2", m.dir).fails("echo x >> part/3.md", "busy")
        self.agent("CLI-2", m.dir).ok("echo x >> 2.md")
        self.agent("CLI-1", m.dir).ok("echo x >> part/3.md")
        with open(m.path("part/2b.md"), "w") as f:      # what is behind it has another number then
            f.write("# Wind\n\nIt blows.\n")
        harness.wait_for(lambda: m.read("locks/.for/part/3.md").startswith("resource: Chapter_04"), what="its new number")

    def test_broken(self):
        for text, line in (("{", "is not {"), ('{"locks": 3}', "is not {"), (" " * 300000, "larger than 256 KB")):
            self.says(text)
            m = self.remounted()
            self.assertEqual(m.messages().count("locks: nothing is taken in: .locks/locks.json "), 1, m.messages())
            self.assertIn(line, m.messages())
            m.end()


if __name__ == "__main__":
    agents.main()
