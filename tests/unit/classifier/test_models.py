"""Tests of classifier/models and classifier/training."""

import os

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.linear_model import SGDClassifier
from torch import nn

from verdict.base.errors import VerdictError
from verdict.classifier.dataset.splits import LABELS
from verdict.classifier.kinds import Model
from verdict.classifier.models.bag import Bag
from verdict.classifier.models.bag import training as bag
from verdict.classifier.models.bag.training import _Network, _tensors
from verdict.classifier.models.linear import Linear, training
from verdict.classifier.params import Params, Train
from verdict.classifier.training.fit import fit, require_possible
from verdict.classifier.training.loop import Data, early_stopping, targets

KINDS: dict[str, type[Linear] | type[Bag]] = {"linear": Linear, "bag": Bag}


def data(rows: int, seed: int = 0) -> Data:
    """Sentences of eight features, two of which tell the class."""
    generator = np.random.default_rng(seed)
    kinds = generator.integers(3, size=rows)
    dense = generator.random((rows, 8)).astype(np.float32)
    dense[np.arange(rows), kinds] += 2
    valence = np.array([-2.0, 0.0, 2.0])[kinds] + generator.normal(0, 0.01, rows) * (kinds != 1)
    return Data(sp.csr_matrix(dense), np.asarray(LABELS)[kinds], valence)


def settings(params: Params, kind: str, **changes: object) -> Train:
    """The params of training for one kind."""
    bag = params.train.bag.model_copy(update={"epochs": 3, "embedding_size": 4, "batch_size": 16})
    return params.train.model_copy(update={"model": kind, "bag": bag, **changes})


def some_model(kind: str) -> Model:
    """A model of eight features with small random weights."""
    draw = np.random.default_rng(1)
    shapes: dict[str, dict[str, tuple[int, ...]]] = {
        "linear": {"coefficients": (8, 3), "intercepts": (3,)},
        "bag": {"embedding": (8, 4), "bias": (4,), "output": (4, 3), "output_bias": (3,)},
    }
    tensors = {name: draw.normal(size=shape).astype(np.float32) for name, shape in shapes[kind].items()}
    return KINDS[kind].from_tensors(tensors, 8, 3)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e6, -1e6])
def test_probabilities_are_finite_and_sum_to_one_whatever_the_scores(kind: str, scale: float) -> None:
    """No features, usual features and extreme ones give rows that sum to 1."""
    features = sp.csr_matrix(data(20).features * np.float32(scale))
    probabilities = some_model(kind).probabilities(features)
    assert np.isfinite(probabilities).all()
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(20))


def test_linear_gives_the_probabilities_of_scikit_learn() -> None:
    """The sparse product agrees with predict_proba of the classifier that it came from."""
    sample = data(100)
    classifier = SGDClassifier(loss="log_loss", random_state=0).fit(sample.features, sample.labels)
    model = Linear(classifier.coef_.T.astype(np.float32), classifier.intercept_.astype(np.float32))
    assert model.probabilities(sample.features) == pytest.approx(classifier.predict_proba(sample.features), abs=1e-4)


def test_bag_gives_the_probabilities_of_its_torch_network() -> None:
    """The sparse product agrees with torch's embedding bag to 1e-6."""
    torch.manual_seed(0)
    network = _Network(features=8, size=4, dropout=0.5).eval()
    nn.init.normal_(network.bias)  # it starts at zero, where its absence would not be seen
    sample = data(50)
    with torch.no_grad():
        scores = network(*_tensors(sample.features, torch.device("cpu")))
    expected = scores[:, :3].double().softmax(dim=1).numpy()
    assert network.model().probabilities(sample.features) == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("fault", ["missing", "surplus", "shape", "type", "NaN"])
def test_foreign_tensors_are_refused(kind: str, fault: str) -> None:
    """Arrays that do not make up the model raise ValueError, and name what is off."""
    tensors = dict(some_model(kind).tensors())
    name = next(iter(tensors))
    if fault == "missing":
        del tensors[name]
    elif fault == "surplus":
        tensors["more"] = np.zeros(1, dtype=np.float32)
    elif fault == "shape":
        tensors[name] = tensors[name][:-1]
    elif fault == "type":
        tensors[name] = tensors[name].astype(np.float64)
    else:
        tensors[name] = np.full_like(tensors[name], np.nan)
    with pytest.raises(ValueError, match="tensor"):
        KINDS[kind].from_tensors(tensors, 8, 3)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_model_and_another_seed_another(params: Params, kind: str) -> None:
    """Training is a function of data, params and seed."""
    first, again, other = (
        fit(settings(params, kind, seed=seed), data(200), data(50, seed=1))[0].tensors() for seed in (1, 1, 2)
    )
    assert all((first[name] == again[name]).all() for name in first)
    assert any((first[name] != other[name]).any() for name in first)


@pytest.mark.parametrize("kind", KINDS)
def test_training_learns_what_there_is_to_learn(params: Params, kind: str) -> None:
    """On separable classes nearly all of new data is right."""
    bag = params.train.bag.model_copy(
        update={"epochs": 30, "embedding_size": 8, "batch_size": 16, "learning_rate": 0.03}
    )
    train = params.train.model_copy(update={"model": kind, "bag": bag})
    model, curve, *_ = fit(train, data(400), data(100, seed=1))
    new = data(200, seed=2)
    predicted = np.asarray(LABELS)[model.probabilities(new.features).argmax(axis=1)]
    assert (predicted == new.labels).mean() > 0.9
    assert [point["epoch"] for point in curve[::2]] == list(range(1, len(curve) // 2 + 1))


@pytest.mark.parametrize("kind", KINDS)
def test_refit_trains_on_the_validation_split_too(params: Params, kind: str) -> None:
    """With refit the weights differ, the learning curve does not."""
    more, fewer = (fit(settings(params, kind, refit=refit), data(200), data(50, seed=1)) for refit in (True, False))
    assert more.curve == fewer.curve
    assert (more.validation == fewer.validation).all()
    assert more.sentences > fewer.sentences
    assert any((more.model.tensors()[name] != values).any() for name, values in fewer.model.tensors().items())


def test_the_pins_of_the_encoder_are_not_those_of_others(params: Params, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training a bag leaves MKL in the mode that gives the same bytes on processors of every maker."""
    monkeypatch.setenv("MKL_CBWR", "COMPATIBLE")
    fit(settings(params, "bag"), data(50), data(50, seed=1))
    assert os.environ["MKL_CBWR"] == "COMPATIBLE"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"model": "linear", "device": "cuda"}, "train.device: linear runs on cpu"),
        ({"model": "bag", "processes": 2}, "train.processes: bag trains in one process"),
        ({"model": "encoder", "device": "cuda:1", "processes": 2}, "train.device: cuda:1 is one device"),
    ],
)
def test_devices_and_processes_that_do_not_go_together_are_refused(
    params: Params, changes: dict[str, object], words: str
) -> None:
    """The error names the param, before any process is started or any data read."""
    with pytest.raises(VerdictError, match=words):
        require_possible(params.train.model_copy(update=changes))


@pytest.mark.parametrize("kind", KINDS)
def test_later_epochs_do_not_change_the_model_of_an_earlier_one(params: Params, kind: str) -> None:
    """The model of an epoch, which may prove the best, shares no memory with the training that goes on."""
    step = {"linear": training._trainer, "bag": bag._trainer}[kind](data(200), settings(params, kind))
    for epoch in range(3):
        model, _ = step(epoch)
    before = {name: values.copy() for name, values in model.tensors().items()}
    step(3)
    assert all((model.tensors()[name] == values).all() for name, values in before.items())


def test_early_stopping_returns_the_best_epoch() -> None:
    """Training ends `patience` epochs after the best one, whose model is returned."""
    sample = data(50)
    shapes = {"embedding": (8, 4), "bias": (4,), "output": (4, 3), "output_bias": (3,)}
    models = []
    for epoch, bias in enumerate([3.0, 1.0, 0.0, 1.0, 2.0, 3.0]):
        tensors = {name: np.zeros(shape, dtype=np.float32) for name, shape in shapes.items()}
        tensors["output_bias"][0] = bias
        models.append((Bag(**tensors), float(epoch)))
    model, best, curve = early_stopping(6, 2, lambda epoch: models[epoch], sample, "test")
    assert best == 3
    assert model is models[2][0]
    assert len(curve) == 2 * 5


def test_the_progress_bar_is_silent_where_there_is_no_terminal(
    params: Params, capfd: pytest.CaptureFixture[str]
) -> None:
    """In a log nothing is written to standard error."""
    fit(settings(params, "linear"), data(50), data(20, seed=1))
    assert capfd.readouterr().err == ""


def test_targets_soften_the_sign_and_weigh_neutral(params: Params) -> None:
    """Far from 0 a sentence counts for its class alone, near 0 for both, and a neutral one by its weight."""
    sample = Data(sp.csr_matrix((3, 1)), np.array(["positive", "negative", "neutral"]), np.array([4.0, -0.1, 0.0]))
    wanted = targets(sample, params.train)
    assert wanted[0] == pytest.approx([0, 0, 1], abs=1e-6)
    assert 0.5 < wanted[1, 0] < 0.6
    assert wanted[1].sum() == pytest.approx(1)
    assert wanted[2].tolist() == [0, params.train.neutral_weight, 0]


@pytest.mark.parametrize(("kind", "device"), [("linear", "cuda"), ("bag", "cuda:63")])
def test_a_device_that_is_not_there_is_refused_by_name(params: Params, kind: str, device: str) -> None:
    """A device that the model cannot use, or the machine does not have, stops the training with its name."""
    with pytest.raises(VerdictError, match=rf"train\.device.*{device}"):
        fit(settings(params, kind, device=device), data(20), data(10))
