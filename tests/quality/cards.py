# SPDX-License-Identifier: MIT
"""What the cards look like, measured on their pixels."""
import os
import subprocess
import tempfile
from statistics import median

from choice import LIGHTS
from tools import Painter, file_text, labelled

MOODS = ["calm", "joyful", "tender", "melancholy", "tense", "eerie", "menacing", "majestic", "lonely", "wondrous",
         "turbulent", "solemn"]
TITLE_LENGTHS = [1, 2, 5, 12, 25, 40, 60, 90, 130, 180, 240, 300]
# Titles are made of these, so that lines break as they do in a language.
SCRIPTS = {
    "Latin": "The long road home to Überlingen, or what Émilie told the ferryman when Żaneta asked him why".split(),
    "Cyrillic": "Долгая дорога домой через лес, где щука сказала ёжику: всё объяснится утром, подожди у реки".split(),
    "Arabic": "الطريق الطويل إلى البيت عبر الغابة حيث قالت الجدة للصياد إن كل شيء سيتضح في الصباح".split(),
    "CJK": list("帰り道は長く森を抜けて川へ続く。祖母は漁師に言った、朝になればすべてわかると。龍與鳳在雲中飛舞"),
}
MARGIN = .04  # of the card's shorter side: nothing is printed nearer to an edge
SIDE = 1024
ALIKE = .85  # two cards as similar as this are one drawing


def pixels(build, *args):
    command = [f"{build}/tests/quality/quality_pixels", *map(str, args)]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True).stdout.splitlines()


def similarities(build, paths):
    """Of any two: (similarity, one, other)."""
    rows = [line.split() for line in pixels(build, "similar", *paths)] if len(paths) > 1 else []
    return [(float(s), int(i), int(j)) for i, j, s in rows]


def paint_all(build, cards, folder, text):
    painter = Painter(build, text=text)
    paths = [os.path.join(folder, f"{'card' if text else 'bare'}{i}.png") for i in range(len(cards))]
    times = [painter.paint(path, card) for path, card in zip(paths, cards)]
    painter.close()
    return paths, times


def name_of(card):
    return f"{card['book']}, {card['title']}, scene {card['scene']}"


def sameness(build, books):
    """The greatest and the median similarity of two cards of these books, how many cards, and the pairs too alike."""
    cards = [card for book in books for card in book.cards()]
    with tempfile.TemporaryDirectory(prefix="bookfs-quality-") as folder:
        paths, _ = paint_all(build, cards, folder, text=False)
        pairs = sorted(similarities(build, paths), reverse=True)
    alike = [f"{s:.2f} {name_of(cards[i])} / {name_of(cards[j])}" for s, i, j in pairs if s >= ALIKE]
    return pairs[0][0], median(s for s, _, _ in pairs), len(cards), alike


def pair_cards():
    for number, pair in enumerate(labelled(file_text("pairs.txt")), 1):
        for option in pair.options:
            concept = {"quote": {"text": pair.text.strip()}, "description": pair.text.strip().split("\n")[0],
                       "mood": option["mood"][0], "lighting": option["light"][0], "elements": []}
            yield {"book": "Twenty Pairs", "title": f"Pair {number}", "chapter": 1, "scene": number, "concept": concept}


def pairs_alike(build):
    """Pairs that differ only in mood or hour and whose drawings do not, of how many; the greatest similarity."""
    cards = list(pair_cards())
    with tempfile.TemporaryDirectory(prefix="bookfs-quality-") as folder:
        paths, _ = paint_all(build, cards, folder, text=False)
        values = [similarities(build, paths[i:i + 2])[0][0] for i in range(0, len(paths), 2)]
    alike = [f"{value:.2f} pair {number}: " + " / ".join(f"{c['concept']['mood']}, {c['concept']['lighting']}"
                                                          for c in cards[number * 2 - 2:number * 2])
             for number, value in enumerate(values, 1) if value >= ALIKE]
    return alike, len(values), max(values)


def milliseconds(build, books):
    """The median a card takes; the median and the greatest of a processor, since others' load is not the painter's."""
    cards = [card for book in books for card in book.cards()]
    with tempfile.TemporaryDirectory(prefix="bookfs-quality-") as folder:
        times = paint_all(build, cards, folder, text=True)[1][1:]  # the first one starts the process
    own = [processor / 1000 for _, processor in times]
    return median(us / 1000 for us, _ in times), median(own), max(own)


# ---- text

def title_of(script, length):
    parts = SCRIPTS[script]
    gap = "" if script == "CJK" else " "
    title = gap.join(parts * (length // len(gap.join(parts)) + 1))[:length]
    return title if title == title.strip() else title.strip() + parts[0][0]


class Text:
    """A piece of text as it was set: see textless.c."""

    def __init__(self, line):
        x, y, w, h, cut, unknown, text = line.split(" ")
        self.box = [int(v) for v in (x, y, w, h)]
        self.cut, self.unknown, self.text = cut == "1", int(unknown), bytes.fromhex(text).decode()

    def meets(self, other):
        (ax, ay, aw, ah), (bx, by, bw, bh) = self.box, other.box
        return ax < bx + bw and bx < ax + aw and ay < by + bh and by < ay + ah


def has_font(script):
    """Has fontconfig one font with all the script's letters? Yes where it cannot be asked."""
    codes = " ".join(sorted({f"{ord(c):x}" for part in SCRIPTS[script] for c in part}))
    try:
        return bool(subprocess.run(["fc-list", f":charset={codes}", "file"], stdout=subprocess.PIPE, check=True).stdout)
    except (OSError, subprocess.CalledProcessError):
        return True


def letters(text):
    return "".join(text.lower().split())


def lettering(build, script):
    """Cards with titles of every length in a script, in all moods and lights by turns: the least contrast, and what is
    cut, out of the margins, over other text, or without a glyph."""
    least, faults = 21.0, []
    with tempfile.TemporaryDirectory(prefix="bookfs-quality-") as folder:
        log, on, off = (os.path.join(folder, name) for name in ("log", "on.png", "off.png"))
        with_text, without = Painter(build, log=log), Painter(build, text=False)
        for turn, length in enumerate(TITLE_LENGTHS * 2):
            title = title_of(script, length)
            concept = {"quote": {"text": title_of(script, 200) + "."}, "description": title_of(script, 120),
                       "mood": MOODS[turn % len(MOODS)], "lighting": LIGHTS[turn * 4 % len(LIGHTS)], "elements": []}
            card = {"book": title_of(script, 30), "title": title, "chapter": 12, "scene": 3, "concept": concept}
            open(log, "w", encoding="ascii").close()
            with_text.paint(on, card)
            without.paint(off, card)
            with open(log, encoding="ascii") as f:
                texts = [Text(line) for line in f.read().splitlines()]
            rows = pixels(build, "ink", on, off, *[v for t in texts for v in t.box])
            left, top, right, bottom = map(int, rows[0].split(" of ")[0].split())
            faults += [f"{t.unknown} letters of “{t.text[:20]}” are boxes" for t in texts if t.unknown]
            for t, row in zip(texts, rows[1:]):
                least = min(least, float(row))
                if float(row) < 4.5:
                    faults.append(f"contrast {row} of “{t.text[:20]}” ({concept['mood']}, {concept['lighting']})")
            if min(left, top) < SIDE * MARGIN or max(right, bottom) >= SIDE * (1 - MARGIN):
                faults.append(f"a title of {length}: ink from {left},{top} to {right},{bottom}")
            if not any(letters(title) in letters(t.text) and not t.cut for t in texts):
                faults.append(f"a title of {length} is not there as a whole")
            faults += [f"“{a.text[:20]}” over “{b.text[:20]}” with a title of {length}"
                       for i, a in enumerate(texts) for b in texts[i + 1:] if a.meets(b)]
        with_text.close()
        without.close()
    return least, faults
