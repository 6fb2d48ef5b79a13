"""Made-up tables: one of the example's shape, one with texts and labels alone. No real row is in git."""

import csv
import random
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

SIZES = {"tweets": 140, "movies": 160, "products": 120, "news": 120}
RAW = "sentences.csv"
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
    """A made-up text of a class; its number makes it unique."""
    opening, thing, verb = (generator.choice(words) for words in (_OPENINGS, _THINGS, _VERBS))
    return f"{opening} {thing} number {number} {verb} {generator.choice(_WORDS[kind])}"


def rows(domain: str, size: int, seed: int = 0) -> list[dict[str, object]]:
    """Rows of the example's shape, about a tenth of them neutral; of two domains four rows share a document."""
    generator = random.Random(f"{seed}:{domain}")
    table: list[dict[str, object]] = []
    for number in range(size):
        kind = generator.choices(("positive", "negative", "neutral"), (5, 4, 1))[0]
        sign = {"positive": 1, "negative": -1, "neutral": 0}[kind]
        ratings = [sign * generator.randint(1, 4) for _ in range(RATERS)]
        document, key = "", str(number + 1)
        if domain not in ("tweets", "movies"):
            document, key = f"{domain}-{number // 4 + 1}", f"{number // 4 + 1}_{number % 4 + 1}"
        text = sentence(generator, kind, number)
        row = {"id": f"{domain}-{key}", "document": document, "domain": domain, "text": text}
        table.append({**row, "valence": sum(ratings) / len(ratings)})
    return table


def write_raw(folder: Path, sizes: dict[str, int] | None = None, seed: int = 0) -> None:
    """Write the table of the example's shape into a folder."""
    table = [row for domain, size in (sizes or SIZES).items() for row in rows(domain, size, seed)]
    write_csv(folder / RAW, table)


def mails(size: int = 300, seed: int = 0) -> list[dict[str, object]]:
    """Rows with two text columns and one of two labels, and no other column."""
    generator = random.Random(f"{seed}:mails")
    table: list[dict[str, object]] = []
    for number in range(size):
        label, kind = generator.choice((("ham", "neutral"), ("spam", "positive")))
        body = sentence(generator, kind, number)
        table.append({"subject": f"letter {number}", "body": body, "label": label})
    return table


def write_csv(path: Path, table: Sequence[Mapping[str, object]], delimiter: str = ",") -> None:
    """Write rows as csv, their keys as its first line."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(table[0]), delimiter=delimiter, lineterminator="\n")
        writer.writeheader()
        writer.writerows(table)


def append(path: Path, lines: Iterable[str]) -> None:
    """Add lines to a table."""
    with path.open("a", encoding="utf-8", newline="") as file:
        file.writelines(f"{line}\n" for line in lines)
