# SPDX-License-Identifier: MIT
"""How fast, on what, and whether everywhere the same."""
import hashlib
import os
import random
import shutil
import subprocess
import threading

from choice import talk
from tools import ROOT, Analyst, file_text, paragraphs

MB = 1 << 20
VARIANTS = [  # the compiler, what it is asked for
    ("gcc", "0", ""),
    ("gcc", "3", "-funsigned-char"),
    ("clang", "0", ""),
    ("clang", "3", ""),
]
MIXED = ["Une maison blanche au bord de l’eau.", "Над рекой стоял густой туман.", "川のほとりに古い家がある。",
         "كان البيت القديم على ضفة النهر.", "Das alte Haus stand am Ufer.",
         "ὁ ποταμὸς ἔρρει πλατύς.", "नदी के किनारे एक घर था।", "👒🌊 e\u0301a\u0300\u200d\u202e"]


def prose(size, rng):
    """So much of talk, scenes and reflection by turns, in paragraphs, each time in another order."""
    stock = paragraphs(file_text("vivid.txt")) + paragraphs(file_text("dull.txt"))
    out, length = [], 0
    while length < size:
        part = talk(rng)[:20] + rng.sample(stock, 12)
        out += part
        length += sum(len(p.encode()) + 2 for p in part)
    return "\n\n".join(out).encode()[:size].decode(errors="ignore") + "\n"


def scenes_of(text):
    return max(1, len(text.split()) // 300 // 10)


def rates(program, rounds=3):
    """Megabytes a second of one core on 1 MB, and how many times as long 2 and 4 MB take. Best of some rounds, by
    turns, by the thread's own clock."""
    best = {}
    texts = {size: prose(size * MB, random.Random(size)) for size in (1, 2, 4)}
    analyst = Analyst(program)
    for _ in range(rounds):
        for size, text in texts.items():
            us, _ = analyst.raw(text, scenes_of(text))
            best[size] = min(us, best.get(size, us))
    analyst.close()
    return 1e6 / best[1], best[2] / best[1], best[4] / best[1]


def name(rng):
    return "".join(rng.choice("bdgklmnprstv") + rng.choice("aeiou") for _ in range(4)).title()


def shapeless():
    rng = random.Random(7)
    line = " ".join(paragraphs(prose(MB, rng)))
    yield "10 MB without a break", (line * 11)[:10 * MB]
    yield "1 MB of one word", "".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=MB))
    yield "1 MB of mixed scripts", " ".join(rng.choices(MIXED, k=40000)).encode()[:MB].decode(errors="ignore")
    yield "1 MB of commas", "," * MB
    yield "1 MB of capitals", " ".join("".join(rng.choices("ABCDE", k=5)) for _ in range(MB // 6))
    meetings = (f"{name(rng)} met {name(rng)} {name(rng)} at {name(rng)}’s gate." for _ in range(MB // 44))
    yield "1 MB of new names", " ".join(meetings)
    yield "1 MB of open quotes", "“Ah, ‘oh, " * (MB // 14)


def endures(program):
    """Per text: its name, its bytes, seconds, and the kilobytes the process had at most beyond an idle one. A crash, or
    no answer within a minute, is an endless time."""
    idle = Analyst(program)
    idle.raw("A word.\n", 1)
    base = idle.peak_kb()
    idle.close()
    for name, text in shapeless():
        analyst = Analyst(program)
        limit = threading.Timer(60, analyst.process.kill)
        limit.start()
        try:
            us, _ = analyst.raw(text, scenes_of(text))
            yield name, len(text.encode()), us / 1e6, analyst.peak_kb() - base
        except (RuntimeError, OSError):
            yield name, len(text.encode()), float("inf"), 0
        limit.cancel()
        analyst.process.kill()
        analyst.process.wait()


# ---- the same everywhere

def digest(program, texts, environment=None):
    """The hash of the analyses of all texts and of their catalogue."""
    analyst, total = Analyst(program, environment), hashlib.sha256()
    for text in texts:
        total.update(analyst.raw(text, scenes_of(text))[1])
    total.update(repr(analyst.catalogue()).encode())
    analyst.close()
    return total.hexdigest()[:16]


def make_locale(folder):
    """A Turkish locale, whose small I has no dot and whose numbers have commas; None where it cannot be made."""
    try:
        made = subprocess.run(["localedef", "-i", "tr_TR", "-f", "UTF-8", os.path.join(folder, "tr_TR.UTF-8")],
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)
    except OSError:
        return None
    usable = made.returncode in (0, 1) and os.path.isdir(os.path.join(folder, "tr_TR.UTF-8"))
    return {"LOCPATH": folder, "LC_ALL": "tr_TR.UTF-8"} if usable else None


def variants(build):
    """Other builds of the analyst, kept within the build folder: (name, program), None where it cannot be built."""
    for compiler, level, extra in VARIANTS:
        folder = os.path.join(build, "quality", f"{compiler}-O{level}")
        program = os.path.join(folder, "tests", "quality", "quality_read")
        steps = [["ninja", "-C", folder, "tests/quality/quality_read"]]
        if not shutil.which(compiler):
            continue
        if not os.path.exists(os.path.join(folder, "build.ninja")):
            options = [f"-Doptimization={level}", "-Ddebug=false", f"-Dc_args={extra}"]
            steps.insert(0, ["meson", "setup", folder, ROOT, *options])
        environment = {**os.environ, "CC": compiler}
        built = all(subprocess.run(step, env=environment, stdout=subprocess.DEVNULL, check=False).returncode == 0
                    for step in steps)
        yield f"{compiler} -O{level} {extra}".strip(), program if built else None
