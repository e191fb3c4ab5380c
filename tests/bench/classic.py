# SPDX-License-Identifier: MIT
"""The classic workload, its times scaled 1/1000: 83 story chapters at 120 ms, 130 pictures at 70 ms, by a server that takes
exactly that (model.c). What `bookfs run` takes beside the bound that slots and dependencies set."""

import math
import os
import random
import resource
import subprocess
import sys
import time
import zipfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
import bookmaker

CHAPTERS, PICTURES, TEXT_MS, PICTURE_MS = 83, 130, 120, 70
SLOTS = ((1, 1), (3, 3), (8, 8), (83, 8))
WITHIN = 1.05
WORDS_OF_ONE, WORDS_OF_TWO = 2600, 7000     # of a chapter with one scene, with two
LONG_MS = 3000      # what takes so long is run once
OWN_MS, KB = 3, 1000


def scenes_of(chapter, chapters, pictures):
    """1 or 2, spread evenly, and one at the end."""
    extra = pictures - chapters
    return 1 + (chapter + chapters // 2) * extra // chapters - (chapter - 1 + chapters // 2) * extra // chapters


def make_book(path, chapters=CHAPTERS, pictures=PICTURES):
    rnd = random.Random("classic")
    titles = [bookmaker.title(rnd, n) for n in range(1, chapters + 1)]
    with zipfile.ZipFile(path, "w") as z:
        bookmaker.add(z, "mimetype", "application/epub+zip", deflate=False)
        bookmaker.add(z, "META-INF/container.xml", bookmaker.CONTAINER)
        bookmaker.add(z, "OEBPS/content.opf", bookmaker.package("The Classic Book", 83, chapters, 0))
        links = "".join(f'<li><a href="c{n}.xhtml">{t}</a></li>' for n, t in enumerate(titles, 1))
        bookmaker.add(z, "OEBPS/nav.xhtml", bookmaker.page("Contents", f'<nav epub:type="toc"><ol>{links}</ol></nav>'))
        for n, heading in enumerate(titles, 1):
            words = WORDS_OF_ONE if scenes_of(n, chapters, pictures) == 1 else WORDS_OF_TWO
            body = "".join(f"<p>{p}</p>\n" for p in bookmaker.paragraphs(rnd, words))
            bookmaker.add(z, f"OEBPS/c{n}.xhtml", bookmaker.page(heading, f"<h1>{heading}</h1>\n{body}"))
    return path


def bound_ms(slots, chapters, pictures, text_ms=TEXT_MS, picture_ms=PICTURE_MS):
    c, i = slots
    return max(math.ceil(chapters / c) * text_ms + picture_ms, text_ms + math.ceil(pictures / i) * picture_ms)


class Run:
    """One `bookfs run` of a book that nobody has read yet, against a model of its own."""

    def __init__(self, tools, book, work, slots, times=(TEXT_MS, PICTURE_MS), picture_bytes=100 * KB, options=""):
        for name in os.listdir(work):
            if name.startswith(os.path.basename(book) + ".bookfs"):
                os.unlink(os.path.join(work, name))
        model = subprocess.Popen([tools["model"], *map(str, times), str(picture_bytes)], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)
        base = f"http://127.0.0.1:{model.stdout.readline().strip()}/v1"
        settings = (f"provider=openai,base_url={base},model=m,image_model=p,image_base_url={base},"
                    f"chat_slots={slots[0]},image_slots={slots[1]}{options}")
        env = {k: v for k, v in os.environ.items() if not k.endswith("_API_KEY")}
        env.update(no_proxy="127.0.0.1", SYNCS=os.path.join(work, "syncs"))
        if tools.get("syncs"):
            env["LD_PRELOAD"] = tools["syncs"]
        before = time.monotonic()
        command = [tools["program"], "run", "-o", settings, book]
        with open(os.path.join(work, "messages"), "w+") as messages:
            child = subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=messages, stderr=messages)
            _, status, used = os.wait4(child.pid, 0)
            child.returncode = os.waitstatus_to_exitcode(status)
            self.process_ms = (time.monotonic() - before) * 1000
            messages.seek(0)
            self.messages = messages.read()
        self.code = child.returncode
        out, _ = model.communicate("")
        self.read_log(out, before)
        self.cpu_ms = (used.ru_utime + used.ru_stime) * 1000
        self.resident_mb = used.ru_maxrss / 1024
        self.written_mb = used.ru_oublock * 512 / 1e6
        self.syncs = self.read_syncs(work)

    def read_log(self, text, before):
        rows = [line.split() for line in text.splitlines()]
        self.began = {kind: [int(b) / 1000 for k, b, _ in rows if k == kind] for kind in ("chat", "image")}
        self.ended = {kind: [int(e) / 1000 for k, _, e in rows if k == kind] for kind in ("chat", "image")}
        first = min((int(b) for _, b, _ in rows), default=0) / 1000
        self.span_ms = max((int(e) for _, _, e in rows), default=0) / 1000 - first
        self.first_request_ms = first - before * 1000
        self.first_picture_ms = min(self.ended["image"], default=0) - first
        self.requests = len(rows)

    @staticmethod
    def read_syncs(work):
        path = os.path.join(work, "syncs")
        if not os.path.exists(path):
            return None
        with open(path) as f:
            counts = [int(line) for line in f]
        os.unlink(path)
        return sum(counts)

    def complain(self, chapters, pictures):
        """What is wrong with it, or None."""
        chats, images = len(self.began["chat"]), len(self.began["image"])
        if self.code or (chats, images) != (chapters, pictures):
            return f"exit {self.code}, {chats} chapters and {images} pictures asked for: {self.messages.strip()[-300:]}"
        return None


def overlap(tools, book, work, workload, rounds, say):
    """A line for each number of slots; how many missed."""
    chapters, pictures = workload
    missed = 0
    sequential = chapters * TEXT_MS + pictures * PICTURE_MS
    print(f"\n{chapters} chapters at {TEXT_MS} ms, {pictures} pictures at {PICTURE_MS} ms; one by one {sequential} ms\n"
          f"{'slots':8}{'bound':>9}{'took':>9}{'ratio':>8}{'overlap=no':>12}{'process':>9}{'1st picture':>13}"
          f"{'written':>10}{'syncs':>7}{'resident':>10}")
    for slots in SLOTS:
        bound = bound_ms(slots, chapters, pictures)
        runs = [Run(tools, book, work, slots) for _ in range(rounds if bound < LONG_MS else 1)]
        apart = Run(tools, book, work, slots, options=",overlap=no")
        for run in runs + [apart]:
            fault = run.complain(chapters, pictures)
            if fault:
                say(f"{slots[0]}+{slots[1]}: {fault}")
                missed += 1
        best = min(runs, key=lambda r: r.span_ms)
        ratio = best.span_ms / bound
        missed += ratio > WITHIN
        print(f"{slots[0]}+{slots[1]:<6}{bound:>6} ms{best.span_ms:>6.0f} ms{ratio:>8.3f}{apart.span_ms:>9.0f} ms"
              f"{best.process_ms:>6.0f} ms{best.first_picture_ms:>10.0f} ms{best.written_mb:>7.1f} MB"
              f"{best.syncs if best.syncs is not None else '-':>7}{best.resident_mb:>7.1f} MB"
              f"  {'kept' if ratio <= WITHIN else 'MISSED'}", flush=True)
    return missed


def own_time(tools, book, work, workload, rounds):
    """A server that takes no time: what is left is ours."""
    missed = 0
    for slots in ((1, 1), (8, 8)):
        best = min((Run(tools, book, work, slots, times=(0, 0)) for _ in range(rounds)), key=lambda r: r.span_ms)
        each = best.span_ms / max(best.requests, 1)
        missed += each > OWN_MS or bool(best.complain(*workload))
        print(f"own time a request, {slots[0]}+{slots[1]}: {each:.2f} ms, at most {OWN_MS} ms "
              f"({best.cpu_ms / max(best.requests, 1):.2f} ms of CPU in all)  {'kept' if each <= OWN_MS else 'MISSED'}", flush=True)
    return missed


def memory(tools, book, work, workload):
    missed = 0
    for name, size, slots, most in (("100 KB", 100 * KB, (3, 3), 32), ("3 MB", 3000 * KB, (8, 8), 64)):
        run = Run(tools, book, work, slots, picture_bytes=size)
        missed += run.resident_mb > most or bool(run.complain(*workload))
        print(f"resident at most, pictures of {name}, {slots[1]} slots: {run.resident_mb:.1f} MB, at most {most} MB  "
              f"{'kept' if run.resident_mb <= most else 'MISSED'}", flush=True)
    return missed


def measure(tools, work, quick, say):
    """How many promises were missed; tools: program, model, syncs."""
    workload = (10, 15) if quick else (CHAPTERS, PICTURES)
    rounds = 1 if quick else 3
    book = make_book(os.path.join(work, "classic.epub"), *workload)
    missed = overlap(tools, book, work, workload, rounds, say)
    missed += own_time(tools, book, work, workload, rounds)
    return missed + memory(tools, book, work, workload)
