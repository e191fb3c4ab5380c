# SPDX-License-Identifier: MIT
"""Two agents write to one project with whatever writes: one takes locks and keeps to them, the other never heard of them.

The bytes of a held chapter never change but by its holder, and all that he writes is written. Whoever was told of no error
has written: what he wrote is there, or the other wrote after him. And nobody is told of an error where nobody held the
chapter. One mount and two.

Quick: 3 s. --full: 5 minutes, or --seconds N.
"""
import os
import random
import shutil
import subprocess
import threading
import time

import rig

CHAPTERS = 4
LINES = "".join(f"Line {n} of the chapter.\n" for n in range(2, 40))


def chapter(n):
    return f"Manuscript/Chapters/Chapter_{n:02d}/Chapter_{n:02d}.md"


# ---- who writes how: a command with {tag}, {file} and {mine} (a folder of the writer's own), and what it makes of a text


def whole(old, tag):
    return tag + "\n"


def first_line(old, tag):
    return tag + "\n" + old.split("\n", 1)[1]


def appended(old, tag):
    return old + tag + "\n"


def over(old, tag):
    return tag + old[len(tag):]


# Python says nothing of an error when it closes at its end what was not closed.
PYTHON = "python3 -c \"import sys{more}; f = open('{file}', '{mode}'); {act}\""
# Fed to them from a file of the writer's own, as a pipe is closed by those who cannot write.
GIVEN = "echo {tag} > {mine}/given.md && "
WRITERS = {
    "echo": ("echo {tag} > {file}", whole),
    "echo >>": ("echo {tag} >> {file}", appended),
    "tee": ("tee {file} <<< {tag} > /dev/null", whole),
    "sed -i": ("sed -i '1s/.*/{tag}/' {file}", first_line),
    "perl -pi": ("perl -pi -e 's/.*/{tag}/ if $. == 1' {file}", first_line),
    "vim -es": ("vim -es -u NONE -i NONE -c '1s/.*/{tag}/' -c wq {file} < /dev/null", first_line),
    "python": (PYTHON.replace("{more}", "").replace("{mode}", "w").replace("{act}", "f.write('{tag}\\n'); f.close()"), whole),
    "python, late": (PYTHON.replace("{more}", ", time").replace("{mode}", "r+").replace(
        "{act}", "time.sleep(0.1); f.write('{tag}'); f.flush()"), over),
    "python, mmap": (PYTHON.replace("{more}", ", mmap").replace("{mode}", "r+b").replace(
        "{act}", "m = mmap.mmap(f.fileno(), 0); m[:len('{tag}')] = b'{tag}'; m.flush()"), over),
    "node": ("node -e \"require('fs').writeFileSync('{file}', '{tag}\\n')\"", whole),
    "git checkout": ("git checkout -q {tag} -- {file}", whole),
    "rsync": (GIVEN + "rsync -I {mine}/given.md {file}", whole),
    "rsync --inplace": (GIVEN + "rsync -I --inplace {mine}/given.md {file}", whole),
    "cp": (GIVEN + "cp {mine}/given.md {file}", whole),
    "mv": (GIVEN + "mv {mine}/given.md {file}", whole),
}
# What opens the file itself, and so can be given one that takes nothing.
PLAIN = ("echo", "echo >>", "tee", "python", "python, late", "node", "cp")


class Agent:
    """A shell that lives on: its commands' exit status and what they say."""

    def __init__(self, mount, name):
        self.name, self.mine = name, f"Inbox/{name}"
        self.process = subprocess.Popen(["bash", "--norc", "--noprofile"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.STDOUT, text=True, cwd=mount.dir,
                                        env={**os.environ, "BOOKFS_INSTANCE": name, "LC_ALL": "C"})
        rig.started[self.process.pid] = None
        self.count = 0
        self.run(f"mkdir -p {self.mine}")

    def run(self, command):
        self.process.stdin.write("{ %s\n}; printf '\\n-- %%d\\n' $?\n" % command)
        self.process.stdin.flush()
        lines = []
        while True:
            line = self.process.stdout.readline()
            if not line:
                raise rig.Failure("a shell ended: " + "".join(lines))
            if line.startswith("-- "):
                return int(line[3:]), "".join(lines).strip()
            lines.append(line)

    def write(self, how, n):
        """(the tag, was there no error, what it said)"""
        self.count += 1
        tag = f"v{self.count % 8}" if how == "git checkout" else f"{self.name}-{self.count:06d}"
        status, said = self.run(WRITERS[how][0].format(tag=tag, file=chapter(n), mine=self.mine))
        return tag, status == 0 and not said, said

    def end(self):
        self.process.kill()
        self.process.wait()
        rig.started.pop(self.process.pid, None)


class Record:
    """What happened when, by the clock: [from, to]."""

    def __init__(self):
        self.held, self.wrote = [], []      # of the agent who takes locks: (chapter, from, to)
        self.failures = []
        self.done, self.refused = {}, {}
        self.lock = threading.Lock()

    def fail(self, *what):
        with self.lock:
            self.failures.append(" ".join(str(w) for w in what))

    def count(self, table, how):
        table[how] = table.get(how, 0) + 1

    @staticmethod
    def touches(spans, n, begin, end):
        return any(m == n and a <= end and b >= begin for m, a, b in spans)


class Field:
    def __init__(self, project, record, seconds):
        self.project, self.record = project, record
        self.end, self.most = time.monotonic() + seconds, time.monotonic() + seconds + 60
        self.now = None     # the chapter that is held, for the other to aim at
        self.spans = {}     # of what goes on: began, not ended

    def text(self, n):
        """"" where there is none: who writes by removing it first may be refused in between."""
        try:
            with open(os.path.join(self.project, chapter(n)), encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def hidden(self, n):
        """What programs have made for themselves beside it."""
        return [name for name in os.listdir(os.path.dirname(os.path.join(self.project, chapter(n)))) if name[0] == "."]

    def going(self):
        """Till the time is over, and, on a machine that has much else to do, something was seen."""
        r, now = self.record, time.monotonic()
        seen = len(r.held) > 2 and r.refused and any(" by " in how for how in r.done) and len(r.done) > 2
        return not r.failures and now < (self.end if seen else self.most)


def keep_looking(field, n, want, seconds):
    """It is the holder's: nothing of it changes."""
    until = time.monotonic() + seconds
    while True:
        got = field.text(n)
        if got != want:
            field.record.fail("chapter", n, "changed under its holder:", repr(got[:80]), "for", repr(want[:80]))
            return
        if time.monotonic() > until:
            return
        time.sleep(0.002)


def is_of_git(said, n):
    """Two of it keep apart by themselves; and to bring its index up to date one reads the other chapters, too, which may become
    shorter meanwhile."""
    return ("index.lock" in said or "another git process" in said or
            ("short read while indexing" in said and chapter(n) not in said))


def hold(field, agent, n, dice, ways):
    record, span = field.record, [n, time.monotonic(), float("inf")]
    record.held.append(span)
    status, said = agent.run(f"touch locks/Chapter_{n:02d}")
    if status:
        record.fail("the lock of a chapter that nobody held is refused:", said, agent.run("cat locks/.why")[1])
        return
    field.now = n
    for how in dice.sample(ways, 3):
        old = field.text(n)
        keep_looking(field, n, old, 0.02)
        # Two of it keep apart by themselves: who was there before the lock was taken ends first, and leaves nothing.
        if how.startswith("vim") and not rig.wait_for(lambda: not field.hidden(n), 20):
            record.fail("beside chapter", n, "there stays", field.hidden(n))
        # What is too short for a way of writing is first made long enough.
        wrote = [n, time.monotonic(), float("inf")]
        record.wrote.append(wrote)
        if WRITERS[how][1] is not whole and old.count("\n") < 2:
            agent.run(f"cat {agent.mine}/long > {chapter(n)}")
            old = field.text(n)
        tag, good, said = agent.write(how, n)
        wrote[2] = time.monotonic()
        if is_of_git(said, n):
            continue
        if not good:
            record.fail("the holder's", how, "failed:", said)
        keep_looking(field, n, WRITERS[how][1](old, tag), 0.05)
        record.count(record.done, how + " by the holder")
    field.now = None
    status, said = agent.run(f"rm locks/Chapter_{n:02d}")
    span[2] = time.monotonic()
    if status:
        record.fail("the lock is not given back:", said)


def obey(field, agent, dice, ways):
    agent.run(f"printf '%s' '{'first' + chr(10) + LINES}' > {agent.mine}/long")
    while field.going():
        hold(field, agent, dice.randint(1, CHAPTERS), dice, ways)
        time.sleep(dice.random() * 0.1)


def disobey(field, agent, dice, ways):
    record, turn = field.record, 0
    while field.going():
        turn += 1
        n, how = field.now, ways[turn % len(ways)]
        if n is None or dice.random() < 0.4:
            n = dice.randint(1, CHAPTERS)
        begin = time.monotonic()
        tag, good, said = agent.write(how, n)
        got, end = field.text(n), time.monotonic()
        was_held = record.touches(record.held, n, begin, end)
        if good:
            record.count(record.done, how)
            if tag not in got and how != "git checkout" and not record.touches(record.wrote, n, begin, end):
                record.fail(how, "said of no error, and", tag, "is not in chapter", n, repr(got[:80]))
        elif is_of_git(said, n):
            continue
        elif was_held:
            record.count(record.refused, how)
        elif WRITERS[how][1] is whole or len(got) > 20:   # the others want a text to write into
            record.fail(how, "failed on chapter", n, "which nobody holds:", said)


def make_project(folder):
    project = os.path.join(folder, "project")
    for n in range(1, CHAPTERS + 1):
        os.makedirs(os.path.dirname(os.path.join(project, chapter(n))))
    os.mkdir(os.path.join(project, "Inbox"))
    git = ["git", "-C", project, "-c", "user.name=a", "-c", "user.email=a@b"]
    subprocess.run([*git, "init", "-q"], check=True)
    for version in range(8):
        for n in range(1, CHAPTERS + 1):
            with open(os.path.join(project, chapter(n)), "w", encoding="utf-8") as f:
                f.write(f"v{version}\n")
        subprocess.run([*git, "add", "-A"], check=True)
        subprocess.run([*git, "commit", "-qm", "x", "--no-gpg-sign"], check=True)
        subprocess.run([*git, "tag", f"v{version}"], check=True)
    return project


def play(args, checks, folder, seconds, mounts):
    project = make_project(folder)
    with rig.Mount(args.program, project, args.options) as first:
        second = first if mounts == 1 else rig.Mount(args.program, project, args.options)
        have = [how for how in WRITERS if shutil.which(how.split()[0].rstrip(",").replace("python", "python3")) or
                how.startswith("echo")]
        # What stat(2) says of a file that another mount changed may be a second old. Vim then sees it change while it reads,
        # asks what to do, takes the end of its input for an answer and exits with 0.
        if mounts > 1:
            have = [how for how in have if not how.startswith("vim")]
        agents = [Agent(first, "Holder"), Agent(second, "Other")]
        record = Record()
        field = Field(project, record, seconds)
        dice = [random.Random(args.seed * 2), random.Random(args.seed * 2 + 1)]
        threads = [threading.Thread(target=guarded, args=(record, obey, field, agents[0], dice[0], have)),
                   threading.Thread(target=guarded, args=(record, disobey, field, agents[1], dice[1], have))]
        for t in threads:
            t.start()
        for t in threads:
            t.join()
        for agent in agents:
            agent.end()
        if second is not first:
            second.close()
    for n in range(1, CHAPTERS + 1):
        if field.hidden(n):
            record.fail("beside chapter", n, "there is left", field.hidden(n))
    shutil.rmtree(project)
    checks.note(f"{mounts} mount(s), {seconds} s, seed {args.seed}; {len(record.held)} times held")
    for how in have:
        by = record.done.get(how + " by the holder", 0)
        checks.note(f"  {how:16} holder {by:5}  other: done {record.done.get(how, 0):5}, "
                    f"refused {record.refused.get(how, 0):5}")
    checks.ok(f"who holds a chapter is alone in it, and no write is lost unsaid ({mounts})", not record.failures,
              "; ".join(record.failures[:4]))
    checks.ok(f"and there was something to refuse, and to let pass ({mounts})",
              sum(record.refused.values()) > 0 and len(record.held) > 1 and
              any(how in record.done for how in have), record.refused)


def guarded(record, fn, *args):
    try:
        fn(*args)
    except Exception as e:
        record.fail(fn.__name__, "ended:", repr(e))


def tells(how, folder):
    """Would this writer say so, if nothing of it were written?"""
    done = subprocess.run(["bash", "-c", WRITERS[how][0].format(tag="x", file="/dev/full", mine=folder)], capture_output=True)
    return done.returncode != 0 or done.stdout or done.stderr


def run(args, checks):
    folder = rig.work_folder()
    silent = [how for how in PLAIN if not tells(how, folder)]
    checks.ok("each of those who write says when he cannot", not silent, silent)
    seconds = args.seconds or (300 if args.full else 3)
    play(args, checks, folder, seconds / 2, 1)
    play(args, checks, folder, seconds / 2, 2)


if __name__ == "__main__":
    PARSER = rig.arguments(__doc__, 60, 500)
    PARSER.add_argument("--seconds", type=int, default=0)
    PARSER.add_argument("--options", default="", help="of the mounts; with enforce=off it must fail")
    rig.main(PARSER, run)
