"""From raw sentences to labelled rows in three splits: clean, label, find documents, drop duplicates, split."""

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from verdict.base.errors import VerdictError
from verdict.classifier.dataset.text import clean
from verdict.classifier.dataset.vader import Sentence
from verdict.classifier.params import Prepare

LABELS = ("negative", "neutral", "positive")
SPLITS = ("train", "validation", "test")
SCHEMA = pa.schema(
    {
        "id": pa.string(),
        "document": pa.string(),
        "domain": pa.string(),
        "text": pa.string(),
        "label": pa.string(),
        "valence": pa.float64(),
        "raters": pa.int64(),
        "deviation": pa.float64(),
    }
)
# Domains whose ids read document_sentence; in the others each row stands alone.
_WITH_DOCUMENTS = {"products", "news"}


@dataclass(frozen=True, slots=True)
class Row:
    """One labelled sentence. `valence` is the raters' mean in [-4, 4], `deviation` their standard deviation."""

    id: str
    document: str
    domain: str
    text: str
    label: str
    valence: float
    raters: int
    deviation: float


def normalise(text: str) -> str:
    """What makes two sentences the same to a model: their words, without case, punctuation or accents' encoding.

    A sentence without words, such as an emoticon, stands for itself.
    """
    folded = unicodedata.normalize("NFKC", text).casefold()
    return " ".join(re.findall(r"\w+", folded)) or folded.strip()


def label_of(valence: float, neutral_band: float) -> str:
    """The class of a mean valence: neutral within ± `neutral_band`, both ends included."""
    if valence > neutral_band:
        return "positive"
    return "negative" if valence < -neutral_band else "neutral"


def rows(sentences: Iterable[Sentence], neutral_band: float, dropped: Counter[tuple[str, str]]) -> Iterator[Row]:
    """Label the sentences and leave out duplicates; each one left out is counted in `dropped` by (domain, reason).

    A text is a duplicate when it stands letter for letter in an earlier row, or word for word in an earlier row of
    another document, since those two could fall into different splits. Tweets that share their words (the corpus has
    sets of variants such as "Yay." and "YAY!!!") are one document, so that all of them fall into the same split.
    """
    document_of: dict[str, str] = {}
    seen: set[str] = set()
    for sentence in sentences:
        text, domain = clean(sentence.text), sentence.domain
        words = normalise(text)
        row_id = f"{domain}-{sentence.key}"
        own = f"{domain}-{sentence.key.split('_')[0]}" if domain in _WITH_DOCUMENTS else row_id
        first = document_of.setdefault(words, own)
        if not text:
            dropped[domain, "no text"] += 1
        elif text in seen:
            dropped[domain, "text seen before"] += 1
        elif first != own and not (domain not in _WITH_DOCUMENTS and first.startswith(f"{domain}-")):
            dropped[domain, "words seen in another document"] += 1
        else:
            seen.add(text)
            label = label_of(sentence.valence, neutral_band)
            ratings = sentence.ratings
            yield Row(row_id, first, domain, text, label, sentence.valence, ratings.raters, ratings.deviation)


def require_labels(path: Path, labels: Iterable[str]) -> None:
    """Refuse a table with a class that is none of `LABELS`, and name it and its row."""
    for row, label in enumerate(labels):
        if label not in LABELS:
            raise VerdictError(f"{path}, row {row}", f"unknown label {label!r}", "dvc repro prepare")


def split_of(document: str, params: Prepare) -> str:
    """The split of a document, by salted hash: it never moves when other documents come or go."""
    digest = hashlib.sha256(f"{params.salt}:{document}".encode()).digest()
    position = int.from_bytes(digest[:8], "big") / 2**64
    if position < params.test_share:
        return "test"
    return "validation" if position < params.test_share + params.validation_share else "train"


def split(corpus: Iterable[Row], params: Prepare) -> dict[str, pa.Table]:
    """One table a split with the columns of `SCHEMA`, rows in corpus order."""
    parts: dict[str, list[Row]] = {name: [] for name in SPLITS}
    for row in corpus:
        parts[split_of(row.document, params)].append(row)
    return {
        name: pa.table({column: [getattr(row, column) for row in part] for column in SCHEMA.names}, schema=SCHEMA)
        for name, part in parts.items()
    }
