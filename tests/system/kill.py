#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""kill -9 at any moment of a whole-book run: nothing that was told is lost, nothing is done twice.

    kill.py BOOKFS [--count N] [--seed N] [--full] [--trio N]

Every third moment is drawn over the time that a whole run takes here, import and start included,
measured first; the others are when so many events were told, which is in the midst of the work on
any machine. Each trial has a book and a store of its own: mount, "analyze all", a program that
follows .bookfs/events, another that looks at every picture the moment it is listed; kill -9; then
`bookfs check`; then the mount again, until all is done; then `bookfs check`. A trial of three kills two
mounts and one `bookfs run` that share a book.
"""
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import threading
import time

import bookmaker
import ledger
import rig


OPTIONS = "pages_per_image=1"       # several pictures a chapter


class Follower:
    """`cat .bookfs/events` into a file: what a program outside was told, and when."""

    def __init__(self, mount, path):
        self.path = path
        with open(path, "wb") as out:
            self.process = subprocess.Popen(["cat", mount.path(".bookfs", "events")], stdout=out,
                                            stderr=subprocess.DEVNULL)
        rig.started[self.process.pid] = None

    def events(self):
        with open(self.path, "rb") as f:
            lines = f.read().split(b"\n")
        return [json.loads(line) for line in lines[:-1] if line]

    def stop(self):
        self.process.kill()
        self.process.wait()
        rig.started.pop(self.process.pid, None)


def kill_at(process, seconds):
    """A timer that kills -9 that long after now, whatever this test is busy with."""
    timer = threading.Timer(seconds, lambda: process.poll() is None and process.kill())
    timer.daemon = True
    timer.start()
    return timer


def new_book(folder, master):
    os.makedirs(folder)
    return shutil.copyfile(master, os.path.join(folder, "book.epub"))


def whole_run(program, master, folder):
    """All of it, from the call of mount to the last picture: (seconds, events)."""
    start = time.monotonic()
    mount = rig.Mount(program, new_book(folder, master), OPTIONS)
    try:
        mount.command("analyze all")
        status = rig.wait_done(mount, 120)
        took = time.monotonic() - start
        if not rig.all_done(status):
            raise rig.Failure(f"a run without any kill does not end: {status.get('totals')}")
        return took, len(mount.events())
    finally:
        mount.close()


def until_killed(mount, follower_path, events, kill):
    """What a user does until the daemon is gone; (events that were told, torn pictures). It is killed after so many
    events; None: by somebody else."""
    follower, known, torn = None, set(), {}
    try:
        mount.wait_ready()
        follower = Follower(mount, follower_path)
        mount.command("analyze all")
        while mount.process.poll() is None:
            if events is not None and len(follower.events()) >= events:
                kill()
            torn.update(ledger.pictures(mount, known))
            time.sleep(0.002)
    except (OSError, rig.Failure):
        pass            # killed while we looked
    mount.process.wait()
    if follower:
        follower.stop()
    return follower.events() if follower else [], torn, known


class Score:
    """Over all trials, so that a line is printed a promise and not a trial."""

    def __init__(self):
        self.problems = {}
        self.midst = self.trials = 0

    def add(self, trial, what, problem):
        self.problems.setdefault(what, [])
        if problem:
            self.problems[what].append(f"trial {trial}: {problem}")

    def report(self, checks):
        for what, problems in self.problems.items():
            checks.ok(f"{what} ({self.trials} kills)", not problems, "; ".join(problems[:5]))


def check_clean(program, book):
    code, out, err = rig.run(program, "check", book)
    return "" if code == 0 else f"exit {code}: {(out + err).strip()[:300]}"


def orphans(family):
    """Child processes of the killed daemon that are still there after 3 s."""
    rig.wait_for(lambda: not any(map(rig.alive, family)), 3)
    left = [pid for pid in family if rig.alive(pid)]
    for pid in left:
        os.kill(pid, signal.SIGKILL)
    return left


def trial(number, args, master, folder, moment, score):
    book = new_book(folder, master)
    store = book + ".bookfs"
    seconds, events = moment
    mount = rig.Mount(args.program, book, OPTIONS, wait=False)
    family = []

    def kill():
        family.extend(rig.children(mount.pid))
        mount.process.kill()
    timer = threading.Timer(seconds, kill)
    if events is None:
        timer.start()
    told, torn, _ = until_killed(mount, os.path.join(folder, "told"), events, kill)
    if events is None:
        timer.join()
    mount.kill()
    score.add(number, "no child process outlives the daemon", orphans(family))
    score.add(number, "no half picture is ever visible", torn)
    rows = ledger.Rows(store, folder)
    score.midst += rows.at_work
    if os.path.exists(store):
        score.add(number, "check is clean after the kill", check_clean(args.program, book))
    after_restart(number, args, book, folder, told, rows, score)


def after_restart(number, args, book, folder, told, rows, score):
    again = rig.Mount(args.program, book, OPTIONS)
    try:
        at_start = again.events()
        score.add(number, "all that was told is still there", ledger.kept(told, at_start))
        score.add(number, "pictures are whole after the restart", ledger.pictures(again, set()))
        listed = set(os.listdir(again.path("images")))
        promised = {e["id"] for e in told if e["event"] == "imageComplete"}
        names = {i.replace("ch", "chapter_").replace("_scene", "_scene_") for i in promised}
        score.add(number, "pictures that were told are listed",
                  [n for n in names if not any(f.rsplit(".", 1)[0] == n for f in listed)])
        again.command("analyze all")
        status = rig.wait_done(again, 120)
        score.add(number, "the next run completes",
                  "" if rig.all_done(status) and not failed(status) else status.get("totals"))
        end = again.events()
    finally:
        again.close()
    done = ledger.completed(end)
    score.add(number, "every result is made once", {k: v for k, v in done.items() if len(v) > 1})
    score.add(number, "nothing completed is done again", ledger.wasted(end))
    score.add(number, "at most what was in flight is asked twice",
              {k: n for k, n in ledger.starts(end).items() if n > 2})
    final = ledger.Rows(book + ".bookfs", folder)
    score.add(number, "results that were committed stay as they are", rows.lost(final))
    score.add(number, "the store holds one analysis a text, one picture a concept", final.twice)
    score.add(number, "every stored picture has its hash", rows.torn or final.torn)
    score.add(number, "check is clean at the end", check_clean(args.program, book))


def failed(status):
    return [row for row in status["chapters"] + status["images"] if row["status"] == "failed"]


def trio(number, args, master, folder, moment, score):
    """Two mounts and a run share a book; two of the three are killed, the last goes on."""
    book = new_book(folder, master)
    # The first imports; the others find it done.
    mounts = [rig.Mount(args.program, book, OPTIONS)]
    mounts.append(rig.Mount(args.program, book, OPTIONS))
    runner = subprocess.Popen([args.program, "run", "-o", OPTIONS, book], stdout=subprocess.DEVNULL,
                              stderr=subprocess.PIPE, start_new_session=True)
    rig.started[runner.pid] = None
    victims = [mounts[number % 2].process, runner if number % 3 else mounts[1 - number % 2].process]
    if moment is None:
        victims = []
    timers = [kill_at(v, moment) for v in victims]
    try:
        for mount in mounts:
            with_suppressed(lambda m=mount: m.command("analyze all"))
        runner_code = None
        try:
            _, err = runner.communicate(timeout=120)
            runner_code = runner.returncode
        except subprocess.TimeoutExpired:
            runner.kill()
            err = b"too slow"
        if runner not in victims:
            score.add(number, "of three: bookfs run ends with 0",
                      "" if runner_code == 0 else f"{runner_code}: {err.decode()[-300:]}")
    finally:
        for timer in timers:
            timer.join()
        for mount in mounts:
            if mount.process in victims:
                mount.kill()
        rig.started.pop(runner.pid, None)
    alive = [m for m in mounts if m.process.poll() is None]
    last = alive[0] if alive else rig.Mount(args.program, book, OPTIONS)
    try:
        last.command("analyze all")
        status = rig.wait_done(last, 120)
        score.add(number, "of three: the rest completes the book",
                  "" if rig.all_done(status) and not failed(status) else status.get("totals"))
        events = last.events()
        seen = [sorted(os.listdir(m.path("images"))) for m in alive or [last]]
        score.add(number, "of three: the mounts list the same pictures",
                  "" if all(s == seen[0] for s in seen) else seen)
        score.add(number, "of three: pictures are whole", ledger.pictures(last, set()))
    finally:
        for mount in {*alive, last}:
            mount.close()
    starts = ledger.starts(events)
    most = 1 if moment is None else 3
    score.add(number, "of three: each result made once",
              {k: v for k, v in ledger.completed(events).items() if len(v) > 1})
    score.add(number, "of three: no work is started twice but what was killed",
              {k: n for k, n in starts.items() if n > most})
    score.add(number, "of three: check is clean", check_clean(args.program, book))


def with_suppressed(action):
    try:
        action()
    except OSError:
        pass


def moment_of(number, rnd, duration, events):
    """(seconds, None) from the start, or (0, events) that were told: of the first third, so that there is work left."""
    return (rnd.uniform(0, duration), None) if number % 3 == 0 else (0, rnd.randint(1, events // 3))


def run(args, checks):
    count = args.count if args.count is not None else 100 if args.full else 12
    trios = args.trio if args.trio is not None else 20 if args.full else 3
    work, rnd = rig.work_folder(), random.Random(args.seed)
    chapters, words = (12, 900) if args.full else (5, 500)
    master = bookmaker.make(os.path.join(work, "master.epub"), chapters=chapters, words=words,
                            pictures=1, picture_bytes=20_000)
    runs = [whole_run(args.program, master, os.path.join(work, f"measure{n}")) for n in range(2)]
    duration, events = statistics.mean(took for took, _ in runs), min(told for _, told in runs)
    checks.note(f"a whole run takes {duration:.2f} s and tells {events} events; {count} kills, seed {args.seed}")
    score = Score()
    for number in range(count):
        folder = os.path.join(work, f"trial{number}")
        score.trials += 1
        try:
            trial(number, args, master, folder, moment_of(number, rnd, duration, events), score)
        except (rig.Failure, OSError) as reason:
            score.add(number, "the book mounts again after the kill", f"{reason}")
        shutil.rmtree(folder, ignore_errors=True)
    score.report(checks)
    if count:
        checks.ok(f"at least half of the kills were in the midst of work: {score.midst} of {count}",
                  score.midst >= count * 0.5)
    shared = Score()
    for number in range(trios):
        folder = os.path.join(work, f"trio{number}")
        shared.trials += 1
        # The first of them without any kill: three share the work, each result is made once.
        moment = None if number == 0 else rnd.uniform(0, duration * 0.9)
        try:
            trio(number, args, master, folder, moment, shared)
        except (rig.Failure, OSError) as reason:
            shared.add(number, "of three: the test could go on", f"{reason}")
        shutil.rmtree(folder, ignore_errors=True)
    shared.report(checks)


if __name__ == "__main__":
    parser = rig.arguments(__doc__, quick_seconds=150, full_seconds=3000)
    parser.add_argument("--count", type=int, help="kills of one mount")
    parser.add_argument("--trio", type=int, help="trials with two mounts and a run")
    rig.main(parser, run)
