"""Makes raw files of the published format from made-up sentences; no sentence of the real data is in git."""

import random
from pathlib import Path

from verdict.classifier.dataset.vader import FILES

SIZES = {"tweets": 140, "movies": 160, "products": 120, "news": 120}
RATERS = 20
_OPENINGS = ("the", "this", "my", "our", "a", "one", "that", "every", "her", "his")
_THINGS = ("lamp", "bridge", "soup", "plot", "camera", "song", "garden", "report", "engine", "letter", "boat", "oven")
_VERBS = ("is", "was", "seems", "felt", "stays", "looks")
_WORDS = {
    "positive": ("wonderful", "brilliant", "lovely", "great", "superb", "charming"),
    "negative": ("awful", "dreadful", "broken", "terrible", "ugly", "boring"),
    "neutral": ("square", "green", "wooden", "average", "closed", "round"),
}


def sentence(generator: random.Random, kind: str, number: int) -> str:
    """One made-up sentence of a class; its number makes it unlike all others."""
    opening, thing, verb = (generator.choice(words) for words in (_OPENINGS, _THINGS, _VERBS))
    return f"{opening} {thing} number {number} {verb} {generator.choice(_WORDS[kind])}"


def rows(domain: str, size: int, seed: int = 0) -> list[tuple[str, list[int], str]]:
    """Key, ratings and text of `size` sentences, about a tenth of them neutral."""
    generator = random.Random(f"{seed}:{domain}")
    made = []
    for number in range(size):
        kind = generator.choices(("positive", "negative", "neutral"), (5, 4, 1))[0]
        sign = {"positive": 1, "negative": -1, "neutral": 0}[kind]
        ratings = [sign * generator.randint(1, 4) for _ in range(RATERS)]
        key = str(number + 1) if domain in ("tweets", "movies") else f"{number // 4 + 1}_{number % 4 + 1}"
        made.append((key, ratings, sentence(generator, kind, number)))
    return made


def write_raw(folder: Path, sizes: dict[str, int] | None = None, seed: int = 0) -> None:
    """Write the eight files: CRLF, tab separated, a byte-order mark in some, as published."""
    folder.mkdir(parents=True, exist_ok=True)
    for domain, stem in FILES.items():
        made = rows(domain, (sizes or SIZES)[domain], seed)
        truth = [f"{key}\t{sum(ratings) / len(ratings)}\t{text}" for key, ratings, text in made]
        single = [f"{key}\t{sum(ratings) / len(ratings)}\t1.0\t{ratings}" for key, ratings, _ in made]
        mark = "\ufeff" if domain == "products" else ""
        _write(folder / f"{stem}_GroundTruth.txt", truth)
        _write(folder / f"{stem}_anonDataRatings.txt", single, mark)


def _write(path: Path, lines: list[str], mark: str = "") -> None:
    path.write_bytes((mark + "\r\n".join(lines) + "\r\n").encode("utf-8"))
