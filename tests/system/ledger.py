# SPDX-License-Identifier: MIT
"""What a book's events and results say, as facts that two moments can be compared by."""
import collections
import hashlib
import json
import os
import shutil
import sqlite3

import rig

STARTED = {"analysisStarted": "conceptsReady", "imageStarted": "imageComplete"}
COMPLETED = set(STARTED.values())


def key(event):
    """What an event is about: a chapter's analysis or a picture."""
    kind = "picture" if event["event"].startswith("image") else "analysis"
    return (kind, event.get("id") if kind == "picture" else event.get("chapter"))


def completed(events):
    """{what: [(seq, time) of each completion]}"""
    done = collections.defaultdict(list)
    for event in events:
        if event["event"] in COMPLETED:
            done[key(event)].append((event["seq"], event["time"]))
    return dict(done)


def starts(events):
    return collections.Counter(key(e) for e in events if e["event"] in STARTED)


def kept(before, after):
    """What of `before`'s completions `after` does not have just so (same seq, same time)."""
    now = completed(after)
    return {k: (v, now.get(k)) for k, v in completed(before).items() if now.get(k) != v}


def wasted(events):
    """What was started again after it was complete."""
    done = completed(events)
    return [key(e) for e in events if e["event"] in STARTED and
            any(seq < e["seq"] for seq, _ in done.get(key(e), []))]


class Rows:
    """The results in the store, read from a copy by another program than the one under test."""

    # Tables whose rows are written once, when a result is complete.
    TABLES = ("analysis", "concept", "picture", "picture_data")

    def __init__(self, store, folder):
        self.rows = {}
        self.twice, self.torn = [], []
        self.at_work = True     # an import is work too
        copy = os.path.join(folder, "copy.bookfs")
        for side in ("", "-wal", "-shm"):
            if os.path.exists(copy + side):
                os.unlink(copy + side)
        for side in ("", "-wal"):
            if os.path.exists(store + side):
                shutil.copyfile(store + side, copy + side)
        if not os.path.exists(copy):
            return
        db = sqlite3.connect(copy)
        try:
            if db.execute("PRAGMA user_version").fetchone()[0]:
                self.read(db)
        finally:
            db.close()

    def read(self, db):
        imported = db.execute("SELECT count(*) FROM book").fetchone()[0]
        in_progress = db.execute("SELECT count(*) FROM job WHERE state = 2").fetchone()[0]
        self.at_work = not imported or in_progress > 0
        for table in self.TABLES:
            for row in db.execute(f"SELECT rowid, * FROM {table}"):
                self.rows[(table, row[0])] = hashlib.sha256(repr(row).encode()).digest()
        self.twice = (
            db.execute("SELECT text, key FROM analysis GROUP BY text, key "
                       "HAVING count(*) > 1").fetchall() +
            db.execute("SELECT concept, key FROM picture GROUP BY concept, key "
                       "HAVING count(*) > 1").fetchall())
        self.torn = [number for number, want, data in db.execute(
            "SELECT id, hash, bytes FROM picture LEFT JOIN picture_data USING (id)")
            if data is None or hashlib.sha256(data).hexdigest() != want]

    def lost(self, later):
        """Rows that are gone or were changed later."""
        return [k for k, v in self.rows.items() if later.rows.get(k) != v]


def pictures(mount, known):
    """Checks every picture that is visible and was not known; {name: what is wrong}."""
    wrong = {}
    for name in os.listdir(mount.path("images")):
        if name in known:
            continue
        if name.endswith(".png"):
            problem = rig.whole_png(mount.read("images", name))
            if problem:
                wrong[name] = problem
        known.add(name)
    return wrong


def status_json(program, where):
    """`bookfs status WHERE --json`, parsed; None with a reason printed when it does not."""
    code, out, err = rig.run(program, "status", where, "--json")
    if code:
        return None, f"status: exit {code}: {err.strip()}"
    return json.loads(out), ""
