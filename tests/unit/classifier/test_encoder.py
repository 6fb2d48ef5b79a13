"""Tests of the encoder: its network, its training, and what it leaves in the artifact."""

import os
from collections import Counter
from contextlib import chdir
from dataclasses import replace
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from transformers import AutoModel

from tests.checkpoints import CONFIG, tokenizer, write_checkpoint
from tests.conftest import small_params
from tests.unit.classifier.made_up_rows import THREE
from verdict.base.errors import VerdictError
from verdict.base.files import read_json, sha256, write_json
from verdict.classifier.artifact import Manifest, load_classifier, save_classifier
from verdict.classifier.dataset.text import Text
from verdict.classifier.features.tokens import Tokeniser
from verdict.classifier.models.encoder import Encoder
from verdict.classifier.models.encoder.network import FAMILIES, backbone, checked_config, shapes, whole_mask
from verdict.classifier.params import Params, Train
from verdict.classifier.training import fit as training_fit
from verdict.classifier.training.checkpoints import acquire, delete
from verdict.classifier.training.loop import Fitted, TrainingData

WORDS = ("bad", "odd", "fine", *(f"{letter}{letter}{letter}" for letter in "bcdghjk"))
MANIFEST = Manifest(
    kind="encoder",
    representation="tokens",
    labels=THREE,
    text=Text(max_length=90),
    train={},
    trained_on={},
    hardware_class="test",
    files={},
)


def tokeniser() -> Tokeniser:
    """The tiny checkpoint's."""
    return Tokeniser(tokenizer().to_str(), {**CONFIG, "vocab_size": tokenizer().get_vocab_size()}, 16)


def data(rows: int, seed: int = 0, classes: int = 3, rated: bool = True) -> TrainingData:
    """Texts of various lengths, each with a word that tells its class."""
    draw = np.random.default_rng(seed)
    kinds = draw.integers(classes, size=rows)
    texts = [f"{'so ' * draw.integers(3)}{WORDS[kind]} {draw.integers(100)}" for kind in kinds]
    rating = np.interp(kinds, [0, classes - 1], [-2.0, 2.0])
    rating += draw.normal(0, 0.01, rows) * (rating != 0)
    labels = tuple(WORDS[:classes]) if classes != 3 else THREE
    return TrainingData(tokeniser().transform(texts), labels, kinds, rating if rated else None, reach=4.0)


def settings(params: Params, **changes: object) -> Train:
    """Params that teach the tiny network something; the classes have no weights."""
    own = {"epochs": 2, "batch_size": 16, "learning_rate": 0.01, "head_learning_rate": 0.01, **changes}
    known = type(params.train.encoder).model_fields
    encoder = params.train.encoder.model_copy(update={name: own[name] for name in own if name in known})
    others = {name: own[name] for name in own if name not in known}
    return params.train.model_copy(update={"model": "encoder", "encoder": encoder, "class_weight": None, **others})


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The tiny checkpoint; the current folder is one of the test's own."""
    write_checkpoint(tmp_path / "start")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    return tmp_path / "start"


def fit(
    train: Train, rows: TrainingData, validation: TrainingData, start: Path | None = None, headline: str = "weighted_f1"
) -> Fitted:
    """A training with the headline metric that all data has."""
    return training_fit.fit(train, headline, rows, validation, start)


def trained(params: Params, start: Path, **changes: object) -> Fitted:
    """A training on 200 texts, to its end."""
    fitted = fit(settings(params, **changes), data(200), data(60, seed=1), start)
    delete(fitted.states)
    return fitted


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Fitted:
    """The training of `settings` without changes, to its end; not to be changed."""
    folder = tmp_path_factory.mktemp("whole")
    write_checkpoint(folder / "start")
    with mock.patch.dict(os.environ), pytest.MonkeyPatch.context() as patch, chdir(folder):
        patch.delenv("DVC_ROOT", raising=False)
        return trained(Params.model_validate(small_params()), folder / "start")


def weights(fitted: Fitted) -> dict[str, bytes]:
    """The bytes of every tensor."""
    return {name: values.tobytes() for name, values in fitted.model.tensors().items()}


@pytest.mark.parametrize(("classes", "rated"), [(3, True), (2, False), (10, False)])
def test_it_learns_what_there_is_to_learn(params: Params, start: Path, classes: int, rated: bool) -> None:
    """On classes that a word tells nearly all of new data is right, and no state is left on disk."""
    train = settings(params, epochs=12, patience=12, refit=rated)
    rows, validation, new = (data(n, seed, classes, rated) for seed, n in enumerate((200 if rated else 300, 60, 200)))
    fitted = fit(train, rows, validation, start)
    delete(fitted.states)
    probabilities = fitted.model.probabilities(new.features)
    assert probabilities.shape == (200, classes)
    assert (probabilities.argmax(axis=1) == new.actual).mean() > 0.9
    assert not list(Path(".checkpoints").glob("*"))


def test_the_rating_guides_it_by_its_weight_and_is_no_class(params: Params, start: Path) -> None:
    """With hard labels a rating changes the weights, unless `rating_weight` is 0; the artifact has none of it."""
    rows = [data(100, rated=rated) for rated in (True, False)]
    for weight in (0.0, 4.0):
        train = settings(params, epochs=1, rating_weight=weight, rating_noise=None)
        one, other = (fit(train, each, each, start) for each in rows)
        delete([*one.states, *other.states])
        assert (weights(one) == weights(other)) == (weight == 0)
        assert one.model.tensors()["head.weight"].shape == (3, 16)


def test_rows_count_by_class_and_by_weight(params: Params, start: Path) -> None:
    """Mislabelled rows do no harm where they, or the class that they are given to, count for nearly nothing."""
    rows, new = data(200, rated=False), data(200, seed=2)
    wrong = (np.arange(200) % 4 > 0) & (rows.actual == 0)
    spoilt = replace(rows, actual=np.where(wrong, 2, rows.actual))
    found = []
    for weight, class_weight in ((np.ones(200), None), (1.0 - wrong, None), (np.ones(200), {"low": 50.0})):
        train = settings(params, epochs=8, patience=8, refit=False, class_weight=class_weight)
        fitted = fit(train, replace(spoilt, weight=weight), data(60, seed=1), start)
        delete(fitted.states)
        low = fitted.model.probabilities(new.features)[new.actual == 0].argmax(axis=1) == 0
        found.append(low.mean())
    assert found[0] < 0.5
    assert min(found[1:]) > 0.9


def test_the_headline_metric_chooses_the_epoch(params: Params, start: Path) -> None:
    """The curve shows it, and the best epoch is the first one that has its highest value."""
    for headline in ("macro_f1", "mcc"):
        validation = data(60, seed=1)
        fitted = fit(settings(params, epochs=3, patience=3, refit=False), data(100), validation, start, headline)
        delete(fitted.states)
        shown = [point["validation_headline"] for point in fitted.curve if point["on"] == "validation"]
        assert fitted.epochs == 1 + int(np.argmax(shown))
        assert shown[fitted.epochs - 1] == validation.score(headline, fitted.validation)


def test_the_same_seed_gives_the_same_weights_and_another_seed_others(
    params: Params, start: Path, whole: Fitted
) -> None:
    """Training is a function of data, params, start and seed."""
    assert weights(trained(params, start)) == weights(whole)
    assert weights(trained(params, start, seed=1)) != weights(whole)


def test_the_best_epoch_is_kept_and_stops_the_training(params: Params, start: Path) -> None:
    """With a rate that spoils the weights the training ends `patience` epochs after the best one, which is refitted."""
    fitted = trained(params, start, epochs=30, patience=2, learning_rate=0.3, head_learning_rate=0.3)
    scores = [point["validation_headline"] for point in fitted.curve if point["on"] == "validation"]
    assert len(scores) < 30
    assert len(scores) - (1 + int(np.argmax(scores))) == 2


def test_validation_is_told_by_the_model_before_its_refit(params: Params, start: Path) -> None:
    """The scores on validation are the same with and without refit, the weights are not."""
    with_refit, without = trained(params, start, refit=True), trained(params, start, refit=False)
    assert (with_refit.validation == without.validation).all()
    assert without.model.probabilities(data(60, seed=1).features) == pytest.approx(without.validation, abs=1e-6)
    assert weights(with_refit) != weights(without)
    assert with_refit.rows > without.rows


class _KilledError(Exception):
    """Stands for a kill."""


# 13 batches an epoch make 26 looks, of which the best of two epochs is the second; then 2 × 17 with validation joined.
@pytest.mark.parametrize("looks", [1, 14, 26, 27, 50])
def test_a_training_that_was_cut_goes_on_and_ends_with_the_same_weights(
    params: Params, start: Path, whole: Fitted, monkeypatch: pytest.MonkeyPatch, looks: int
) -> None:
    """Cut after any checkpoint, in the first training or in the refit, the next run does the rest and ends the same."""
    from verdict.classifier.models.encoder import resume

    assert whole.epochs == 2
    save, saved = resume.save, Counter[str]()

    def cut(*arguments: Any) -> None:  # noqa: ANN401 - handed on
        save(*arguments)
        saved["times"] += 1
        if saved["times"] == looks:
            raise _KilledError

    monkeypatch.setattr(resume, "save", cut)
    with pytest.raises(_KilledError):
        trained(params, start, save_minutes=0.0)
    left = saved["times"]
    monkeypatch.setattr(resume, "save", lambda *arguments: (save(*arguments), saved.update(times=1)))
    again = trained(params, start, save_minutes=0.0)
    assert weights(again) == weights(whole)
    assert again.curve == whole.curve
    assert (again.validation == whole.validation).all()
    assert saved["times"] == 2 * 13 + 2 * 17
    assert left == looks


def test_what_is_done_is_kept_until_the_results_are_written(params: Params, start: Path) -> None:
    """A training whose states were not given up yet, as after a full disk, gives the same at once."""
    chosen = settings(params)
    first = fit(chosen, data(200), data(60, seed=1), start)
    assert len(first.states) == 2
    assert all(path.exists() for path in first.states)
    again = fit(chosen, data(200), data(60, seed=1), start)
    assert weights(again) == weights(first)
    assert (again.seconds, again.curve, again.epochs) == (first.seconds, first.curve, first.epochs)
    assert (again.validation == first.validation).all()
    delete(again.states)
    assert not list(Path(".checkpoints").glob("*"))


def test_a_training_that_is_going_on_is_left_alone(params: Params, start: Path) -> None:
    """A second process at the same training ends with the file's name."""
    fitted = fit(settings(params), data(200), data(60, seed=1), start)
    delete(fitted.states)
    with acquire(fitted.states[0]), pytest.raises(VerdictError, match="another process is at this very training"):
        trained(params, start)


def test_a_state_of_another_training_is_not_picked_up(
    params: Params, start: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a cut training left behind is of no use to one with another param, and does not change it."""
    from verdict.classifier.models.encoder import resume

    expected = weights(trained(params, start, dropout=0.2))
    save = resume.save

    def cut(*arguments: Any) -> None:  # noqa: ANN401 - handed on
        save(*arguments)
        raise _KilledError

    monkeypatch.setattr(resume, "save", cut)
    with pytest.raises(_KilledError):
        trained(params, start, save_minutes=0.0)
    monkeypatch.setattr(resume, "save", save)
    assert len(list(Path(".checkpoints").glob("*.safetensors"))) == 1
    assert weights(trained(params, start, dropout=0.2)) == expected


def test_a_state_is_that_of_one_metric_and_one_validation_split(params: Params, start: Path) -> None:
    """What another metric or other validation data chose as the best epoch is not gone on with."""
    chosen, rows = settings(params, refit=False), data(200)
    found = [
        fit(chosen, rows, validation, start, headline).states[0]
        for headline, validation in (
            ("macro_f1", data(60, seed=1)),
            ("mcc", data(60, seed=1)),
            ("mcc", data(50, seed=2)),
        )
    ]
    assert len(set(found)) == 3


def test_a_damaged_state_is_begun_anew(
    params: Params, start: Path, whole: Fitted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a checkpoint on disk, as of a full disk, is not used, and the training ends as if it were not there."""
    from verdict.classifier.models.encoder import resume

    place = resume.path_for

    def with_rubbish(*arguments: Any) -> Path:  # noqa: ANN401 - handed on
        path = place(*arguments)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(b"\x10\x00\x00\x00")
        return path

    monkeypatch.setattr(resume, "path_for", with_rubbish)
    assert weights(trained(params, start)) == weights(whole)


def test_exhausted_memory_is_told_with_the_batch_size(
    params: Params, start: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What torch says of a device whose memory is full becomes an error that names the param to lower."""

    def full(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")

    monkeypatch.setattr("verdict.classifier.models.encoder.training._Training._step", full)
    with pytest.raises(VerdictError, match=r"train\.encoder\.batch_size: 16 texts") as caught:
        trained(params, start)
    assert "batch_size (say 8)" in caught.value.remedy


def test_real_exhausted_memory_of_a_cpu_is_told_too(params: Params, start: Path) -> None:
    """An allocation that the machine refuses ends with the batch size, not with a traceback of torch."""
    from verdict.classifier.models.encoder.distributed import ProcessGroup
    from verdict.classifier.models.encoder.guards import memory_errors

    world = ProcessGroup(0, 1, torch.device("cpu"))
    with pytest.raises(VerdictError, match="batch_size"), memory_errors(settings(params), world):
        torch.empty(2**50)


def test_a_checkpoint_without_all_weights_is_refused(params: Params, start: Path) -> None:
    """Weights that the config asks for and the file lacks are named, not drawn at random."""
    config = read_json(start / "config.json", "")
    write_json(start / "config.json", {**config, "num_hidden_layers": 3})
    with pytest.raises(VerdictError, match=r"lacks weights .*layer\.2"):
        trained(params, start)


def test_a_training_that_diverges_is_stopped(params: Params, start: Path) -> None:
    """A loss that is not a number ends the training with the param's name."""
    with pytest.raises(VerdictError, match=r"train\.encoder: the training diverged"):
        trained(params, start, learning_rate=1e30, head_learning_rate=1e30, clip=1e30)


def test_the_artifact_holds_all_that_a_prediction_needs(params: Params, start: Path, tmp_path: Path) -> None:
    """Written and read again, text in gives the same probabilities out, without the checkpoint it came from."""
    fitted, folder = trained(params, start), tmp_path / "artifact"
    save_classifier(folder, tokeniser(), fitted.model, ["d"], MANIFEST)
    (start / "model.safetensors").unlink()
    texts = ["so fine 5", "bad", "", "odd " * 50]
    expected = fitted.model.probabilities(tokeniser().transform(texts))
    found = load_classifier(folder).probabilities(texts)
    assert found == pytest.approx(expected, abs=1e-6)
    assert found.sum(axis=1) == pytest.approx(np.ones(4))
    assert load_classifier(folder).probabilities([]).shape == (0, 3)
    escaped, clean = ["I didn&#39;t", " odd" * 50], ["I didn't", ("odd " * 50)[:90].rstrip()]
    assert (load_classifier(folder).probabilities(escaped) == load_classifier(folder).probabilities(clean)).all()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"model_type": "gpt2"}, "model_type 'gpt2' is none of"),
        ({"auto_map": {"AutoModel": "evil.Model"}}, "auto_map asks for code"),
        ({"hidden_size": 10**9}, "hidden_size is 1000000000"),
        ({"num_hidden_layers": 10**7}, "num_hidden_layers is 10000000"),
        ({"num_hidden_layers": 3}, "tensors"),
        ({"hidden_size": "big"}, "hidden_size"),
        ({"num_attention_heads": 0}, "num_attention_heads is 0"),
        ({"hidden_act": "zzz"}, "describes no network"),
        ({"max_position_embeddings": 10**30}, "max_position_embeddings is"),
        ({"max_position_embeddings": -1}, "the network has -1 places"),
        ({"pad_token_id": 500}, "describes no network"),
        ({"max_position_embeddings": 8}, "the network has 8 places, and max_tokens is 16"),
        ({"vocab_size": 50}, "has 88 tokens, and the network of config.json knows 50"),
    ],
)
def test_a_foreign_config_in_an_artifact_is_refused(
    whole: Fitted, tmp_path: Path, change: dict[str, object], words: str
) -> None:
    """A config that asks for code, for another network or for a monstrous one is refused before anything is built."""
    folder = tmp_path / "artifact"
    save_classifier(folder, tokeniser(), whole.model, ["d"], MANIFEST)
    write_json(folder / "config.json", {**read_json(folder / "config.json", ""), **change})
    told = read_json(folder / "manifest.json", "")
    told["files"]["config.json"] = sha256(folder / "config.json")
    write_json(folder / "manifest.json", told)
    with pytest.raises(VerdictError, match=words):
        load_classifier(folder)


@pytest.mark.parametrize("change", [{"torch_dtype": "float16"}, {"dtype": "bfloat16"}, {"return_dict": False}])
def test_how_a_network_is_run_is_not_its_configs_to_say(
    params: Params, start: Path, whole: Fitted, change: dict[str, object]
) -> None:
    """A checkpoint that was saved in half precision, or for other uses, trains and predicts like any other."""
    write_json(start / "config.json", {**read_json(start / "config.json", ""), **change})
    fitted = trained(params, start)
    assert (fitted.validation == whole.validation).all()
    assert fitted.model.probabilities(data(5).features).shape == (5, 3)


def test_a_checkpoint_of_another_size_is_refused(params: Params, start: Path) -> None:
    """Weights that do not have the shapes of their config are named, without a traceback."""
    write_json(start / "config.json", {**read_json(start / "config.json", ""), "intermediate_size": 48})
    with pytest.raises(VerdictError, match=r"model\.safetensors: not the weights that its config describes"):
        trained(params, start)


@pytest.mark.parametrize("family", FAMILIES)
def test_attention_takes_a_whole_mask(family: str) -> None:
    """Every family has SDPA attention, and gives the same by the mask that a GPU is given."""
    sizes = {"vocab_size": 50, "max_position_embeddings": 32}
    wide = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 32}
    long = {"dim": 16, "n_layers": 2, "n_heads": 2, "hidden_dim": 32}
    own = long if family == "distilbert" else wide
    model = backbone({"model_type": family, **sizes, **own}).eval()
    mask = torch.arange(7) < torch.tensor([[7], [5], [2]])
    ids = torch.randint(5, 50, (3, 7)) * mask
    with torch.inference_mode():
        one, other = (model(input_ids=ids, attention_mask=each).last_hidden_state for each in (mask, whole_mask(mask)))
    assert torch.equal(one[mask], other[mask])


def test_dropout_replaces_all_of_the_configs_own() -> None:
    """With 0 nothing is dropped anywhere, whatever the family calls its settings."""
    config = checked_config({"model_type": "distilbert", "dropout": 0.3, "attention_dropout": 0.3}, 0.0)
    assert config.dropout == config.attention_dropout == 0.0


def test_the_network_is_the_librarys_own(start: Path) -> None:
    """The pretrained layers are those of transformers' AutoModel, and its mean is over the tokens that are there."""
    from verdict.classifier.models.encoder.network import Network, without_pooler

    pretrained = without_pooler(AutoModel.from_pretrained(start)).eval()
    network = Network(pretrained, 4).eval()
    ids = torch.tensor([[2, 5, 6, 3], [2, 7, 3, 0]])
    mask = ids > 0
    with torch.no_grad():
        hidden = pretrained(input_ids=ids, attention_mask=mask).last_hidden_state
        means = torch.stack([hidden[0].mean(0), hidden[1, :3].mean(0)])
        assert torch.allclose(network(ids, mask), network.head(means), atol=1e-6)
    assert set(shapes(read_json(start / "config.json", ""), 4)) == set(network.state_dict())


def test_a_device_that_is_not_there_is_refused(params: Params, start: Path) -> None:
    """A CUDA device that the machine lacks stops the training with its name."""
    with pytest.raises(VerdictError, match=r"train\.device: cuda:63"):
        trained(params, start, device="cuda:63")


def test_an_encoder_in_no_processes_of_its_own_is_refused_for_others(params: Params) -> None:
    """Several processes are the encoder's alone."""
    with pytest.raises(VerdictError, match=r"train\.processes: linear trains in one process"):
        fit(params.train.model_copy(update={"processes": 2}), data(10), data(10))


def test_the_model_knows_its_shapes() -> None:
    """Tensors that are missing or of another shape are refused by name."""
    config = {**CONFIG, "vocab_size": 90}
    tensors = {name: np.zeros(shape, dtype=np.float32) for name, shape in shapes(config, 3).items()}
    assert Encoder.from_tensors(tensors, config, 3).tensors() == tensors
    with pytest.raises(ValueError, match=r"head\.weight"):
        Encoder.from_tensors({**tensors, "head.weight": np.zeros((2, 16), dtype=np.float32)}, config, 3)
