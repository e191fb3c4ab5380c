#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The disk fails: each call of an import and a run, one at a time; and the ways disks fail in life.

    faults.py BOOKFS --shim FAULTFD.SO [--full] [--only PART,...] [--on new|begun] [--how HOW,...]
              [--from N] [--to N]

Parts: calls (every Nth write, sync, open, rename, truncation of `bookfs run`, on a new store and on one
that already holds a result), stuck (it fails from the Nth call on), slow (every call takes 50 ms), mount
(the same in a mount), full (a small tmpfs), readonly, unreadable, deleted.

After each fault: the command ended, with 0 and everything done or with 1 and a reason, in one line; `bookfs check`
is clean; what was stored before is still there; the next run without faults completes.
"""
import contextlib
import os
import random
import re
import shutil
import struct
import subprocess
import tempfile

import bookmaker
import ledger
import rig

LETTERS = "wsort"
HOWS = ("ENOSPC", "EIO", "short")
# How a person may be told; sqlite, libzip and libc each have words of their own.
REASONS = re.compile(r"no space left|disk is full|is full|i/o error|input/output|quota|unable to open|"
                     r"cannot be (read|written|opened)|read-only|not permitted|permission", re.I)


class Shim:
    """The environment that makes the shim do something, and its counter."""

    def __init__(self, library, folder, counter):
        self.preload, self.folder, self.counter = os.path.abspath(library), folder, counter

    def environment(self, at=0, how="EIO", slow_ms=0, from_on=False, letters=LETTERS):
        with open(self.counter, "wb") as f:
            f.write(bytes(8))
        more = {"FAULTFD_FROM_ON": "1"} if from_on else {}
        return {"LD_PRELOAD": self.preload, "FAULTFD_BELOW": self.folder,
                "FAULTFD_SHARED": self.counter, "FAULTFD_CALLS": letters, "FAULTFD_AT": str(at),
                "FAULTFD_HOW": how, "FAULTFD_SLOW_MS": str(slow_ms), **more}

    def heal(self):
        """From now on no call is the Nth or beyond it: there is room again."""
        with open(self.counter, "r+b") as f:
            f.write(struct.pack("q", -10**12))

    def calls(self):
        with open(self.counter, "rb") as f:
            return struct.unpack("q", f.read(8))[0]


class Case:
    """A folder with a book, made new for each fault; with a store that holds a result, or none."""

    def __init__(self, work, base=None):
        self.folder = tempfile.mkdtemp(prefix="case-", dir=work)
        self.book = os.path.join(self.folder, "book.epub")
        self.store = self.book + ".bookfs"
        self.rows = None
        if base:
            for name in os.listdir(base):
                shutil.copy2(os.path.join(base, name), os.path.join(self.folder, name))

    def __enter__(self):
        return self

    def __exit__(self, *ignored):
        shutil.rmtree(self.folder, ignore_errors=True)


def prepared(program, work):
    """Two folders to copy: a book alone, and one whose first chapter is analysed and painted."""
    new = os.path.join(work, "new")
    os.makedirs(new)
    bookmaker.make(os.path.join(new, "book.epub"), chapters=3, words=350, pictures=1, picture_bytes=9000)
    begun = os.path.join(work, "begun")
    shutil.copytree(new, begun)
    code, _, err = rig.run(program, "run", os.path.join(begun, "book.epub"), "--chapters", "1")
    if code:
        raise rig.Failure(f"a run without any fault ends with {code}: {err}")
    return {"a new store": new, "a begun store": begun}


def reasons(err):
    """The lines of stderr that give a reason."""
    return [line for line in err.splitlines() if REASONS.search(line)]


def ended_well(code, err, complete):
    """What is wrong with how a faulted command ended, or ''."""
    if "too slow" in err:
        return f"does not end: {err[:8000]}"
    if code is None or code < 0 or code > 2:
        return f"ended by signal or strangely: {code}: {err[-300:]}"
    if re.search(r"runtime error|Sanitizer|Assertion", err):
        return f"sanitizer or assertion: {err[-400:]}"
    if len(reasons(err)) > 1:
        return f"exit {code}, and one fault is {len(reasons(err))} reasons: {reasons(err)[:4]}"
    if code == 0:
        return "" if complete() else "exit 0, but not everything is done"
    return "" if reasons(err) else f"exit {code} without a reason: {err[-300:]!r}"


def all_complete(program, book):
    status, _ = ledger.status_json(program, book)
    return bool(status) and rig.all_done(status) and not any(
        row["status"] == "failed" for row in status["chapters"] + status["images"])


def afterwards(program, case, before):
    """check is clean, the next run completes, nothing stored is lost; what is not so, or ''."""
    survived = ledger.Rows(case.store, case.folder) if os.path.exists(case.store) else None
    if before and (not survived or before.lost(survived)):
        return f"stored results are gone right after the fault: {survived and before.lost(survived)}"
    if survived and survived.rows:
        code, out, err = rig.run(program, "check", case.book)
        if code:
            return f"check: exit {code}: {(out + err).strip()[:300]}"
    code, _, err = rig.run(program, "run", case.book)
    if code:
        return f"the next run ends with {code}: {err.strip()[-300:]}"
    if not all_complete(program, case.book):
        return "the next run leaves something undone"
    code, out, err = rig.run(program, "check", case.book)
    if code:
        return f"check after the next run: exit {code}: {(out + err).strip()[:300]}"
    final = ledger.Rows(case.store, case.folder)
    lost = survived.lost(final) if survived else []
    return f"lost: {lost}" if lost else f"made twice: {final.twice}" if final.twice else ""


def one_fault(program, shim, work, base, **fault):
    with Case(work, base) as case:
        before = ledger.Rows(case.store, case.folder) if os.path.exists(case.store) else None
        shim.folder = case.folder
        code, _, err = rig.run(program, "run", case.book, seconds=60, env=shim.environment(**fault))
        if "AddressSanitizer" in err and "come first" in err:
            raise rig.Failure("LD_PRELOAD and this sanitizer build do not go together")
        problem = ended_well(code, err, lambda: all_complete(program, case.book))
        return problem or afterwards(program, case, before)


def count_calls(program, shim, work, base):
    with Case(work, base) as case:
        shim.folder = case.folder
        code, _, err = rig.run(program, "run", case.book, env=shim.environment())
        if code:
            raise rig.Failure(f"a run under the shim without a fault ends with {code}: {err}")
        return shim.calls()


def report(checks, what, problems, tried):
    checks.ok(f"{what}: {tried} faults", tried > 0 and not problems,
              f"{len(problems)} bad: " + " | ".join(f"{k}: {v}" for k, v in list(problems.items())[:6]))


def chosen(args, calls, rnd, few, step):
    """Every N (or each step-th) in the full test; in the quick one a sample that has the first ones."""
    numbers = range(args.first, min(args.last or calls, calls) + 1)
    if args.full:
        return list(numbers[::step])
    return sorted({*numbers[:3][:few // 3], *rnd.sample(numbers, few)})


def each_call(args, checks, shim, work, bases, rnd):
    for name, base in bases.items():
        calls = count_calls(args.program, shim, work, base)
        checks.ok(f"{name}: a run makes calls that can fail", calls > 10, calls)
        numbers = chosen(args, calls, rnd, 6, 1)
        for at, how in enumerate(args.how):
            problems = {}
            mine = numbers if args.full else numbers[at::3]
            for n in mine:
                problem = one_fault(args.program, shim, work, base, at=n, how=how)
                if problem:
                    problems[f"call {n} of {calls}"] = problem
            report(checks, f"one call fails with {how}, {name}", problems, len(mine))


def stuck_disk(args, checks, shim, work, bases, rnd):
    """From a call on all fail, and later none: a run that waited completes, one that ended said why."""
    for name, base in bases.items():
        calls = count_calls(args.program, shim, work, base)
        for how in set(args.how) - {"short"}:
            problems, numbers = {}, chosen(args, calls, rnd, 1, 7)
            for n in numbers:
                problem = one_stuck(args.program, shim, work, base, n, how)
                if problem:
                    problems[f"from call {n} of {calls}"] = problem
            report(checks, f"all calls fail with {how} for a while, {name}", problems, len(numbers))


def waits_or_ends(program, book, folder, env, heal):
    """Runs it on a disk that fails; heals the disk once the run has ended or has said why it waits.
    What is wrong with how it ended, or ''."""
    said = os.path.join(folder, "said")
    with open(said, "wb") as err_file:
        process = subprocess.Popen([program, "run", book], stdout=subprocess.DEVNULL, stderr=err_file,
                                   start_new_session=True, env={**os.environ, **env})
    rig.started[process.pid] = None

    def text():
        with open(said, errors="replace") as f:
            return f.read()
    rig.wait_for(lambda: process.poll() is not None or reasons(text()), 20)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait(1)
    told = text()
    heal()
    try:
        code = process.wait(60)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
        code = "never, though there is room again"
    rig.started.pop(process.pid, None)
    os.unlink(said)
    if code not in (0, 1):
        return f"ended with {code}: {told[-300:]}"
    if code == 1 and not reasons(told):
        return f"exit 1 without a reason: {told[-300:]!r}"
    return "" if code == 1 or all_complete(program, book) else "exit 0, but not everything is done"


def one_stuck(program, shim, work, base, n, how):
    with Case(work, base) as case:
        before = ledger.Rows(case.store, case.folder) if os.path.exists(case.store) else None
        shim.folder = case.folder
        problem = waits_or_ends(program, case.book, work, shim.environment(n, how, from_on=True),
                                shim.heal)
        return problem or afterwards(program, case, before)


def slow_disk(args, checks, shim, work, bases):
    problem = one_fault(args.program, shim, work, bases["a new store"], slow_ms=50 if args.full else 10)
    checks.ok("every call is slow: the run completes", not problem, problem)


def in_a_mount(args, checks, shim, work, bases, rnd):
    """A mount whose disk fails once answers or ends with a reason, and never hangs."""
    calls = count_calls(args.program, shim, work, bases["a new store"])
    numbers = range(1, calls + 20, 5) if args.full else sorted(rnd.sample(range(1, calls), 3))
    problems = {}
    for n in numbers:
        with Case(work, bases["a new store"]) as case:
            shim.folder = case.folder
            how = HOWS[n % 3]
            problem = mount_fault(args.program, case, shim.environment(at=n, how=how))
            problem = problem or afterwards(args.program, case, None)
            if problem:
                problems[f"call {n}, {how}"] = problem
    report(checks, "a mount whose disk fails once", problems, len(numbers))


def mount_fault(program, case, env):
    log = os.path.join(case.folder, "..", os.path.basename(case.folder) + ".log")
    try:
        mount = rig.Mount(program, case.book, env=env, log=log)
    except rig.Failure as reason:
        return "" if REASONS.search(str(reason)) else f"no mount and no reason: {reason}"
    try:
        with contextlib.suppress(OSError):
            mount.command("analyze all")
        for n in (1, 2, 3):
            try:
                if mount.json("chapters", n, "concepts.json").get("status") != "completed":
                    return f"chapter {n}: a result that is not complete was handed out"
            except OSError as reason:
                # The work's failure, or that of the wish for it, which only this caller met.
                why = mount.read(".bookfs", "why").decode()
                own = mount.json("chapters", n, "status.json")
                if not own.get("error") and f"chapters/{n}/concepts.json" not in why:
                    return f"chapter {n}: {reason}; no reason in its status.json, nor in why: {own} {why}"
        rig.wait_done(mount, 30)
        problems = ledger.pictures(mount, set())
        return f"torn pictures: {problems}" if problems else ""
    finally:
        code = mount.close(30)
        if code is None or code < 0:
            return f"the daemon ended with {code}: {mount.messages()[-300:]}"     # noqa: B012


@contextlib.contextmanager
def tmpfs(size, flags=""):
    point = tempfile.mkdtemp(prefix="bookfs-disk-")
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "bookfs-test", point],
                          stderr=subprocess.PIPE, text=True)
    if done.returncode:
        os.rmdir(point)
        raise PermissionError(done.stderr.strip())
    try:
        yield point
    finally:
        subprocess.run(["umount", "-l", point])
        os.rmdir(point)


def remount(point, options):
    subprocess.run(["mount", "-o", f"remount,{options}", point], check=True)


def fill(path):
    """Writes until there is no room."""
    fd = os.open(path, os.O_WRONLY | os.O_CREAT)
    with contextlib.suppress(OSError):
        for size in (1 << 16, 4096):
            with contextlib.suppress(OSError):
                while os.write(fd, bytes(size)):
                    pass
    os.close(fd)


def disk_full(args, checks, bases, work):
    for free_kb in (0, 32, 100, 200, 500) if args.full else (0, 100):
        with tmpfs("16m") as disk:
            book = shutil.copy(os.path.join(bases["a new store"], "book.epub"), disk)
            filler = os.path.join(disk, "filler")
            fill(filler)
            os.truncate(filler, os.path.getsize(filler) - free_kb * 1024)
            found = {}

            def heal():
                found["rows"] = ledger.Rows(book + ".bookfs", work)
                os.unlink(filler)
            problem = waits_or_ends(args.program, book, work, {}, heal)
            checks.ok(f"disk full but for {free_kb} KB: the run says so and ends, or waits for room",
                      not problem, problem)
            code, _, err = rig.run(args.program, "run", book)
            checks.ok(f"disk full but for {free_kb} KB: with room the next run completes",
                      code == 0 and all_complete(args.program, book), f"exit {code}: {err[-300:]}")
            lost = found["rows"].lost(ledger.Rows(book + ".bookfs", work))
            checks.ok(f"disk full but for {free_kb} KB: nothing stored is lost", not lost, lost)
            code, out, err = rig.run(args.program, "check", book)
            checks.ok(f"disk full but for {free_kb} KB: check is clean", code == 0, out + err)


def read_only_folder(args, checks, bases, work):
    with tmpfs("16m") as disk:
        book = shutil.copy(os.path.join(bases["a new store"], "book.epub"), disk)
        remount(disk, "ro")
        state = os.path.join(work, "state")
        env = {"XDG_STATE_HOME": state}
        code, _, err = rig.run(args.program, "run", book, env=env)
        checks.ok("read-only folder: the run completes", code == 0, f"exit {code}: {err[-300:]}")
        stores = [n for _, _, names in os.walk(state) for n in names if n.endswith(".bookfs")]
        checks.ok("read-only folder: the store is in the state folder", len(stores) == 1, stores)
        with rig.Mount(args.program, book, env=env) as mount:
            checks.ok("read-only folder: a mount has the results",
                      mount.json("chapters", 1, "concepts.json")["status"] == "completed")
    with tmpfs("32m") as disk:
        for name in os.listdir(bases["a begun store"]):
            shutil.copy(os.path.join(bases["a begun store"], name), disk)
        remount(disk, "ro")
        book = os.path.join(disk, "book.epub")
        with rig.Mount(args.program, book) as mount:
            checks.ok("read-only store: what is finished can be read",
                      mount.json("chapters", 1, "concepts.json")["status"] == "completed")
            try:
                mount.read("chapters", 2, "concepts.json")
                checks.ok("read-only store: what is not made is an error", False, "it was read")
            except OSError as reason:
                checks.ok("read-only store: what is not made is ENODATA", reason.errno == 61, reason)


def one_line(checks, what, code, err, want=1):
    lines = [line for line in err.splitlines() if line.strip()]
    checks.ok(f"{what}: exit {want}, one line", code == want and len(lines) == 1 and len(err) < 400,
              f"exit {code}: {err[:400]!r}")


def unreadable(args, checks, work):
    folder = os.path.join(work, "unreadable")
    os.makedirs(folder)
    os.chmod(work, 0o755)
    cases = {"missing": None, "empty": b"", "no book": b"\x7fELF" + bytes(range(256)) * 20,
             "cut zip": b"PK\x03\x04" + bytes(200)}
    for name, data in cases.items():
        book = os.path.join(folder, name.replace(" ", "-") + ".epub")
        if data is not None:
            with open(book, "wb") as f:
                f.write(data)
        code, _, err = rig.run(args.program, "run", book)
        one_line(checks, f"book {name}", code, err)
        left = [n for n in os.listdir(folder) if n.startswith(os.path.basename(book)) and
                n != os.path.basename(book)]
        checks.ok(f"book {name}: nothing is left beside it", not left, left)
    code, _, err = rig.run(args.program, "run", folder)
    one_line(checks, "book is a folder", code, err)
    if os.geteuid() == 0 and shutil.which("setpriv"):
        book = bookmaker.make(os.path.join(folder, "secret.epub"), chapters=2, words=100)
        os.chmod(book, 0)
        process = subprocess.run(
            ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", args.program, "run", book],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd="/",
            env={**os.environ, "XDG_STATE_HOME": "/nonexistent"})
        one_line(checks, "book without permission", process.returncode, process.stderr)


def deleted_while_mounted(args, checks, work):
    folder = os.path.join(work, "deleted")
    os.makedirs(folder)
    book = bookmaker.make(os.path.join(folder, "book.epub"), chapters=3, words=300, pictures=1,
                          picture_bytes=20_000)
    with rig.Mount(args.program, book) as mount:
        text = mount.read("chapters", 1, "text.md")
        os.unlink(book)
        checks.ok("book deleted: its text is still there", mount.read("chapters", 1, "text.md") == text)
        checks.ok("book deleted: another chapter's text too", bool(mount.read("chapters", 2, "text.md")))
        checks.ok("book deleted: a chapter can be analysed",
                  mount.json("chapters", 2, "concepts.json")["status"] == "completed")
        try:
            data = mount.read("source", "OEBPS", "p1.png")
            checks.ok("book deleted: source/ has the bytes or an error", not rig.whole_png(data))
        except OSError as reason:
            checks.ok("book deleted: source/ has the bytes or an error", reason.errno in (2, 5, 116),
                      reason)
        checks.ok("book deleted: the mount can be listed", "chapters" in os.listdir(mount.dir))
        checks.ok("book deleted: unmounts with 0", mount.close() == 0)


def run(args, checks):
    work, rnd = rig.work_folder(), random.Random(args.seed)
    only = args.only.split(",") if args.only else []

    def wanted(part):
        return not only or part in only
    bases = prepared(args.program, work)
    begun_or_new = {name: bases[name] for name in bases if args.on in name}
    shim = Shim(args.shim, work, os.path.join(work, "calls"))
    if wanted("calls"):
        each_call(args, checks, shim, work, begun_or_new, rnd)
    if wanted("stuck"):
        stuck_disk(args, checks, shim, work, begun_or_new, rnd)
    if wanted("slow"):
        slow_disk(args, checks, shim, work, bases)
    if wanted("mount"):
        in_a_mount(args, checks, shim, work, bases, rnd)
    for part, test in (("full", lambda: disk_full(args, checks, bases, work)),
                       ("readonly", lambda: read_only_folder(args, checks, bases, work))):
        try:
            if wanted(part):
                test()
        except PermissionError as reason:
            checks.note(f"{part}: not root, not tested ({reason})")
    if wanted("unreadable"):
        unreadable(args, checks, work)
    if wanted("deleted"):
        deleted_while_mounted(args, checks, work)


if __name__ == "__main__":
    parser = rig.arguments(__doc__, quick_seconds=200, full_seconds=5400)
    parser.add_argument("--shim", required=True)
    parser.add_argument("--only", help="parts, with commas")
    parser.add_argument("--on", choices=("new", "begun"), default="", help="calls, stuck: this store alone")
    parser.add_argument("--how", type=lambda names: names.split(","), default=list(HOWS),
                        help="calls, stuck: these faults alone")
    parser.add_argument("--from", dest="first", type=int, default=1)
    parser.add_argument("--to", dest="last", type=int, default=0)
    rig.main(parser, run)
