"""Tests of verdict/classifier/features/hashing.py and shards.py, and of a linear model that learns from them."""

import hashlib
import random
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import scipy.sparse as sp

from verdict.base.errors import VerdictError
from verdict.classifier.artifact import known_groups, load_classifier, load_groups, manifest_of, save_classifier
from verdict.classifier.dataset.description import Dataset
from verdict.classifier.dataset.text import Text
from verdict.classifier.features import hashing, shards
from verdict.classifier.features.hashing import HashedNgrams, MarkedTexts, idf_of, text_batches
from verdict.classifier.features.hashing_batches import frequencies
from verdict.classifier.features.negation import mark
from verdict.classifier.features.shards import Shards, read_shard, write_shards
from verdict.classifier.features.sparse_io import to_scipy
from verdict.classifier.features.tfidf import char_grams, word_grams
from verdict.classifier.models.linear.training import _scales, fit
from verdict.classifier.params import Ngrammed, Params
from verdict.classifier.training.loop import TrainingData, predicted_probabilities

TEXTS = ["the lamp is not so good :)", "", "a", "so so so so", "I DON'T KNOW!!", "x" * 500, "a a", "😀 good 😀"]
LARGE = 2**24  # so many that n-grams of a few texts do not meet
WORDS = {"red": ["brick", "rose", "clay", "cherry"], "blue": ["sea", "sky", "ink", "whale"]}


def settings(word: tuple[int, int] = (1, 3), char: tuple[int, int] = (3, 6)) -> Ngrammed:
    """Settings of n-grams."""
    blocks = {name: {"ngrams": ngrams, "min_df": 1} for name, ngrams in (("word", word), ("char", char))}
    return Ngrammed.model_validate({"negation_span": 4, "repeat_after_but": True, "max_memory_gib": 1.0, **blocks})


def hashed(size: int = LARGE, params: Ngrammed | None = None) -> HashedNgrams:
    """Hashed features, all alike in how rare they are."""
    return HashedNgrams(params or settings(), np.ones(size, np.float32))


def tokens_of(text: str) -> list[str]:
    """The marked tokens of a text."""
    return mark(text, 4, True).split()


def grams(text: str, params: Ngrammed) -> list[set[str]]:
    """Its different n-grams of words and of characters, by the functions of TF-IDF."""
    tokens = tokens_of(text)
    chars = (gram for token in tokens for gram in char_grams(token, params.char.ngrams))
    return [set(word_grams(tokens, params.word.ngrams)), set(chars)]


@pytest.mark.parametrize("char", [(3, 6), (1, 2), (5, 7), (2, 2)])
@pytest.mark.parametrize("word", [(1, 1), (1, 3), (2, 3)])
def test_each_ngram_has_a_feature_of_its_own(word: tuple[int, int], char: tuple[int, int]) -> None:
    """Where there is room, a text has as many features as n-grams in each half, for short and long tokens."""
    params = settings(word, char)
    matrix = to_scipy(hashed(params=params).transform(TEXTS))
    for row, text in enumerate(TEXTS):
        counts = [part[row].nnz for part in (matrix[:, : LARGE // 2], matrix[:, LARGE // 2 :])]
        assert counts == [len(found) for found in grams(text, params)]


def test_two_texts_share_the_features_of_the_ngrams_that_they_share() -> None:
    """A feature belongs to an n-gram, not to a text, a place in it, or what is read beside it."""
    first, second = "the lamp is good", "good is the old lamp"
    together = to_scipy(hashed().transform([first, second]))
    shared = set(together[0].indices) & set(together[1].indices)
    words, chars = (a & b for a, b in zip(grams(first, settings()), grams(second, settings()), strict=True))
    assert len(shared) == len(words) + len(chars)


def test_counts_are_damped_and_each_half_has_length_one() -> None:
    """A word that stands four times counts 1 + log 4, and words weigh as much as characters."""
    matrix = to_scipy(hashed(params=settings((1, 1))).transform(["so so so so not"]))
    words = np.sort(np.abs(matrix[0, : LARGE // 2].data))
    assert words[1] / words[0] == pytest.approx(1 + np.log(4), rel=1e-6)
    assert [float((part.data**2).sum()) for part in (matrix[0, : LARGE // 2], matrix[0, LARGE // 2 :])] == [
        pytest.approx(1, rel=1e-6)
    ] * 2


def test_signs_and_features_spread_evenly() -> None:
    """Of 20,000 words half have each sign, and a small space is filled as chance would."""
    matrix = to_scipy(hashed(2**11, settings((1, 1), (3, 3))).transform([f"w{number}" for number in range(20_000)]))
    words = matrix[:, : 2**10]
    assert abs((words.data > 0).mean() - 0.5) < 0.02
    assert np.bincount(words.indices, minlength=2**10).std() == pytest.approx(np.sqrt(20_000 / 2**10), rel=0.2)


def test_what_a_text_hashes_to_never_changes() -> None:
    """An artifact is read by later code: the features of an n-gram, and their signs, stay what they are."""
    matrix = to_scipy(hashed(2**20).transform(TEXTS))
    matrix.sort_indices()
    found = hashlib.sha256(
        matrix.indices.astype("<i4").tobytes() + np.sign(matrix.data).astype("i1").tobytes()
    ).hexdigest()
    assert found == "d1999e5a99c9ef2224b324d7606265002ebbd4dd9ca85f2e7b17edaa6dbae950"


@pytest.mark.parametrize("seed", range(5))
def test_any_text_has_features_that_do_not_depend_on_the_others(seed: int) -> None:
    """Of texts of any characters the features are those of each alone, bit for bit."""
    draw = random.Random(seed)
    texts = ["".join(map(chr, draw.choices([*range(1, 0x250), 0x1F600, 0xD800, 32, 32], k=size))) for size in range(30)]
    together = to_scipy(hashed(2**12).transform(texts))
    assert np.isfinite(together.data).all()
    for row, text in enumerate(texts):
        assert np.array_equal(together[row].toarray(), to_scipy(hashed(2**12).transform([text])).toarray())


def test_texts_are_worked_on_in_bounded_portions(monkeypatch: pytest.MonkeyPatch) -> None:
    """A portion ends at so many texts or characters; one text that is longer is a portion of its own."""
    monkeypatch.setattr(hashing, "ROWS", 3)
    monkeypatch.setattr(hashing, "CHARACTERS", 10)
    assert list(text_batches(["aa", "b", "c", "d", "e" * 20, "f" * 9, "gg"])) == [
        ["aa", "b", "c"],
        ["d"],
        ["e" * 20],
        ["f" * 9],
        ["gg"],
    ]
    assert not list(text_batches([]))


def test_rare_features_weigh_more() -> None:
    """How rare is smoothed as for TF-IDF: log((n + 1) / (texts with it + 1)) + 1."""
    assert idf_of(np.array([0, 1, 9]), 9).tolist() == pytest.approx([1 + np.log(10), 1 + np.log(5), 1])


def test_frequencies_count_the_texts_with_a_feature() -> None:
    """In how many texts, not how often; and a text without the feature does not count."""
    params = settings((1, 1), (4, 4))
    found = frequencies(hashed(params=params), MarkedTexts.from_texts(["so so so", "so", "not"], params))
    assert sorted(found[found > 0].tolist()) == [1, 1, 1, 2, 2]


def table(folder: Path, size: int, seed: int = 0) -> tuple[Path, list[str], np.ndarray]:
    """A prepared table of two classes in the order of its labels; its texts, and the places of the labels."""
    draw, texts, actual = np.random.default_rng(seed), [], []
    for place, words in enumerate(WORDS.values()):
        for number in range(size // 2):
            texts.append(f"{' '.join(draw.choice(words, 3))} item{seed}x{place}x{number}")
            actual.append(place)
    path = folder / f"table-{seed}.parquet"
    pq.write_table(pa.table({"text": texts}), path)
    return path, texts, np.array(actual)


@pytest.fixture
def small_piles(monkeypatch: pytest.MonkeyPatch) -> None:
    """Piles of a hundred rows and shards of forty, so that a small table has several."""
    monkeypatch.setattr(shards, "_PILE", 100)
    monkeypatch.setattr(hashing, "ROWS", 40)


def on_disk(folder: Path, split: str, path: Path, size: int) -> Shards:
    """The shards of a table."""
    found = write_shards(folder, split, path, settings())
    files = tuple((folder / f"{name}.safetensors", 0) for name in found)
    return Shards(hashed(2**12), files, size)


@pytest.mark.usefixtures("small_piles")
def test_each_row_is_in_one_shard_and_shards_are_mixed(tmp_path: Path) -> None:
    """All rows come back, each once with the features of its text; each shard of a sorted table has both classes."""
    path, texts, actual = table(tmp_path, 300)
    found = on_disk(tmp_path, "train", path, 300)
    expected = to_scipy(hashed(2**12).transform(texts))
    seen = []
    for rows, features in found.parts():
        assert 0 < len(rows) <= 40
        assert np.array_equal(features.toarray(), expected[rows].toarray())
        assert len(rows) < 10 or 0.1 < actual[rows].mean() < 0.9
        assert list(rows) != sorted(rows)
        seen += rows.tolist()
    assert sorted(seen) == list(range(300))
    assert not list(tmp_path.glob(".pile*"))


@pytest.mark.usefixtures("small_piles")
def test_shards_come_in_the_same_bytes_and_in_another_order_for_each_epoch(tmp_path: Path) -> None:
    """Written twice they are the same; drawn twice in a row they come in two orders."""
    path, _, _ = table(tmp_path, 300)
    folders = [tmp_path / "a", tmp_path / "b"]
    for folder in folders:
        folder.mkdir()
    first, second = (on_disk(folder, "train", path, 300) for folder in folders)
    assert [file.read_bytes() for file, _ in first.files] == [file.read_bytes() for file, _ in second.files]
    draw = np.random.default_rng(1)
    orders = [[rows[0] for rows, _ in first.parts(draw)] for _ in range(2)]
    assert orders[0] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1])


def test_a_damaged_shard_is_named(tmp_path: Path) -> None:
    """A shard of which bytes are missing, or other bytes stand there, is refused by its name."""
    path, _, _ = table(tmp_path, 20)
    (name,) = write_shards(tmp_path, "train", path, settings())
    file = tmp_path / f"{name}.safetensors"
    whole = file.read_bytes()
    for damaged in (whole[:-7], whole[:-7] + b"0123456"):
        file.write_bytes(damaged)
        with pytest.raises(VerdictError, match=rf"{name}.safetensors: not readable as marked texts"):
            read_shard(file)


def halves(folder: Path, params: Params) -> tuple[TrainingData, TrainingData, list[str]]:
    """Data of training and of validation on disk, and the texts of the latter."""
    found = []
    for split, size, seed in (("train", 400, 1), ("validation", 100, 2)):
        path, texts, actual = table(folder, size, seed)
        found.append(TrainingData(on_disk(folder, split, path, size), tuple(WORDS), actual))
    return found[0], found[1], texts


@pytest.mark.usefixtures("small_piles")
def test_a_linear_model_learns_from_shards(tmp_path: Path, params: Params) -> None:
    """It tells the classes of a table apart that is sorted by them; the same seed gives the same bytes."""
    train, validation, texts = halves(tmp_path, params)
    chosen = params.train.model_copy(update={"class_weight": None, "rating_noise": None, "model": "linear"})
    fitted, again = (fit(chosen, "accuracy", train, validation) for _ in range(2))
    assert validation.score("accuracy", fitted.validation) > 0.95
    assert np.array_equal(fitted.model.tensors()["coefficients"], again.model.tensors()["coefficients"])
    expected = fitted.model.probabilities(hashed(2**12).transform(texts))
    # The sums are taken in another order.
    assert predicted_probabilities(fitted.model, validation) == pytest.approx(expected, abs=1e-6)
    other = fit(chosen.model_copy(update={"seed": 5}), "accuracy", train, validation)
    assert not np.array_equal(other.model.tensors()["coefficients"], fitted.model.tensors()["coefficients"])


@pytest.mark.usefixtures("small_piles")
def test_log_count_ratios_are_counted_in_all_shards(tmp_path: Path, params: Params) -> None:
    """What multiplies the features on disk is what multiplies the same features in memory."""
    train, _, _ = halves(tmp_path, params)
    chosen = params.train.model_copy(update={"class_weight": None, "rating_noise": None})
    parts = list(train.parts())
    assert len(parts) > 1
    order = np.concatenate([rows for rows, _ in train.features.parts()])
    whole = train.select(order, sp.vstack([part.features for part in parts], format="csr"))
    on_disk, in_memory = (_scales(data, chosen, np.ones(len(WORDS))) for data in (train, whole))
    assert on_disk == pytest.approx(in_memory, rel=1e-5)
    assert np.ptp(on_disk) > 1


@pytest.mark.usefixtures("small_piles")
def test_the_second_training_reads_the_rows_of_both_splits(tmp_path: Path, params: Params) -> None:
    """Shards that are joined number the rows of the second table on."""
    train, validation, _ = halves(tmp_path, params)
    whole = train.concatenate(validation)
    rows = np.sort(np.concatenate([rows for rows, _ in whole.features.parts()]))
    assert rows.tolist() == list(range(500))
    mine = [part for part in whole.parts() if len(part.actual)]
    assert sum(int(part.actual.sum()) for part in mine) == int(whole.actual.sum())


@pytest.fixture
def artifact(tmp_path: Path, params: Params) -> Path:
    """An artifact of a linear model that reads hashes."""
    train, validation, _ = halves(tmp_path, params)
    chosen = params.train.model_copy(update={"class_weight": None, "rating_noise": None, "model": "linear"})
    featurizer, dataset = hashed(2**12), Dataset(labels=tuple(WORDS), text=Text(max_length=100))
    manifest = manifest_of(chosen, featurizer, dataset, {"train": "0" * 64, "validation": "1" * 64})
    folder = tmp_path / "artifact"
    save_classifier(
        folder, featurizer, fit(chosen, "accuracy", train, validation).model, ["one", "two", "one"], manifest
    )
    return folder


def test_the_artifact_holds_no_vocabulary_and_gives_the_same(artifact: Path) -> None:
    """Four files of safetensors and JSON beside the manifest; what it says of texts is the same in any company."""
    names = {path.name for path in artifact.iterdir()}
    assert names == {"documents.safetensors", "hashing.json", "manifest.json", "weights.safetensors"}
    classifier = load_classifier(artifact)
    texts = ["brick rose clay", "whale sky", ""]
    together = classifier.probabilities(texts)
    assert [classifier.labels[best] for best in together.argmax(axis=1)[:2]] == ["red", "blue"]
    assert np.array_equal(together, np.vstack([classifier.probabilities([text]) for text in texts]))
    assert len(load_groups(artifact)) == len(known_groups(artifact)) == 2


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("[]", "expected the keys params, features"),
        ('{"params": {}, "features": 4096}', "params: Field required"),
        ("{PARAMS}, 0}", "features is 0"),
        ("{PARAMS}, 8}", "not as many finite weights"),
    ],
)
def test_settings_that_do_not_fit_are_refused(artifact: Path, content: str, what: str) -> None:
    """What the artifact says of its hashes is checked beside its weights."""
    from verdict.classifier.features.hashing_io import hashed_from

    known = '{"params": ' + settings().model_dump_json() + ', "features": '
    path = artifact / "hashing.json"
    path.write_text(content.replace("{PARAMS}, ", known), encoding="utf-8")
    with pytest.raises(VerdictError, match=what):
        hashed_from(path, {"idf.hashed": np.ones(4096, np.float32)}, "")
