"""Tests of classifier/models and classifier/training."""

import os
from dataclasses import replace

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from sklearn.linear_model import SGDClassifier
from torch import nn

from tests.unit.classifier.made_up_rows import THREE, labels_of
from verdict.base.errors import VerdictError
from verdict.classifier.models.bag import Bag
from verdict.classifier.models.bag import training as bag
from verdict.classifier.models.bag.training import _Network, _tensors
from verdict.classifier.models.linear import Linear, training
from verdict.classifier.params import Linear as LinearParams
from verdict.classifier.params import Params, Train
from verdict.classifier.params.kinds import Model
from verdict.classifier.training import fit as training_fit
from verdict.classifier.training.fit import require_possible
from verdict.classifier.training.loop import Fitted, TrainingData, early_stopping

KINDS: dict[str, type[Linear] | type[Bag]] = {"linear": Linear, "bag": Bag}


def data(rows: int, seed: int = 0, classes: int = 3, rated: bool = False) -> TrainingData:
    """Rows of a feature for each class, which tells it, and five others."""
    generator = np.random.default_rng(seed)
    kinds = np.concatenate([np.arange(classes), generator.integers(classes, size=rows - classes)])
    dense = generator.random((rows, classes + 5)).astype(np.float32)
    dense[np.arange(rows), kinds] += 2
    labels = THREE if classes == 3 else labels_of(classes)
    middle = kinds == 1 if classes == 3 else np.zeros(rows, dtype=bool)
    rating = np.where(middle, 0.0, np.where(kinds == 0, -2.0, 2.0) + generator.normal(0, 0.01, rows))
    return TrainingData(sp.csr_matrix(dense), labels, kinds, rating if rated else None, reach=4.0 if rated else 1.0)


def settings(params: Params, kind: str, **changes: object) -> Train:
    """The params of training for one kind; the classes have no weights."""
    bag = params.train.bag.model_copy(update={"epochs": 3, "embedding_size": 4, "batch_size": 16})
    return params.train.model_copy(update={"model": kind, "bag": bag, "class_weight": None, **changes})


def sharing(params: Params, share: float) -> LinearParams:
    """The linear model's own settings, with that share of the log-count ratios."""
    return params.train.linear.model_copy(update={"log_count_ratio": share})


def fit(train: Train, rows: TrainingData, validation: TrainingData) -> Fitted:
    """A training with the headline metric that all data has."""
    return training_fit.fit(train, "weighted_f1", rows, validation)


def some_model(kind: str, classes: int = 3) -> Model:
    """A model of eight features with small random weights."""
    draw = np.random.default_rng(1)
    shapes: dict[str, dict[str, tuple[int, ...]]] = {
        "linear": {"coefficients": (8, classes), "intercepts": (classes,)},
        "bag": {"embedding": (8, 4), "bias": (4,), "output": (4, classes), "output_bias": (classes,)},
    }
    tensors = {name: draw.normal(size=shape).astype(np.float32) for name, shape in shapes[kind].items()}
    return KINDS[kind].from_tensors(tensors, 8, classes)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("scale", [0.0, 1.0, 1e6, -1e6])
def test_probabilities_are_finite_and_sum_to_one_whatever_the_scores(kind: str, scale: float) -> None:
    """No features, usual features and extreme ones give rows that sum to 1."""
    features = sp.csr_matrix(data(20).features * np.float32(scale))
    probabilities = some_model(kind).probabilities(features)
    assert np.isfinite(probabilities).all()
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(20))


@pytest.mark.parametrize("classes", [2, 3, 10, 100])
def test_linear_gives_the_probabilities_of_scikit_learn(params: Params, classes: int) -> None:
    """Of two classes, too, they are its predict_proba of the features and a constant, where all are penalised alike."""
    sample, train = data(300, classes=classes), settings(params, "linear", linear=sharing(params, 0.0))
    step = training._trainer(sample, train)
    reference = SGDClassifier(
        loss="log_loss",
        alpha=train.linear.alpha,
        average=300,
        fit_intercept=False,
        shuffle=False,
        random_state=train.seed,
    )
    features = sp.hstack([sample.features, np.full((300, 1), 0.1, dtype=np.float32)], format="csr")
    order = np.random.default_rng(train.seed)
    for epoch in range(3):
        model, _ = step(epoch)
        rows = order.permutation(300)
        reference.partial_fit(features[rows], sample.actual[rows], classes=np.arange(classes))
    expected = reference.predict_proba(features)
    assert model.probabilities(sample.features) == pytest.approx(expected, abs=2e-4)


@pytest.mark.parametrize("classes", [2, 3, 100])
def test_ngrams_that_tell_a_class_from_the_rest_weigh_more(params: Params, classes: int) -> None:
    """A scale's square is, to the share asked for, that of the log-count ratio, smoothed, weighted, to a mean of 1."""
    made = data(400, classes=classes)
    rarely = sp.csr_matrix(made.features.multiply(made.features > 0.9))
    sample = replace(made, features=rarely, weight=np.random.default_rng(1).random(400))
    train = settings(params, "linear", linear=sharing(params, 0.25))
    scales = training._scales(sample, train, np.ones(classes))
    assert sample.weight is not None
    for place in range(classes):
        inside = sample.actual == place
        own, rest = (
            training._SMOOTHING + sample.weight[rows] @ (rarely.toarray()[rows] > 0) for rows in (inside, ~inside)
        )
        ratio = np.log(own / own.sum()) - np.log(rest / rest.sum())
        mass = (rarely.toarray() ** 2).sum(axis=0)
        expected = np.sqrt(0.75 + 0.25 * ratio**2 * mass.sum() / (mass @ ratio**2))
        assert scales[place, :-1] == pytest.approx(expected, rel=1e-4)
        assert scales[place, -1] == np.float32(0.1)


def test_ngrams_weigh_alike_where_none_tells_anything(params: Params) -> None:
    """With every feature in every row, and so no ratio but 0, the scales are 1 whatever their share."""
    for share in (0.0, 0.5, 1.0):
        train = settings(params, "linear", linear=sharing(params, share))
        assert training._scales(data(50), train, np.ones(3))[:, :-1] == pytest.approx(np.ones((3, 8)))


@pytest.mark.parametrize("classes", [2, 3])
def test_the_model_holds_what_the_scales_are_folded_into(params: Params, classes: int) -> None:
    """Rows where the class is told by rare features are learnt, and the model alone, without scales, says so."""
    made = data(400, classes=classes)
    sample = replace(made, features=sp.csr_matrix(made.features.multiply(made.features > 0.9)))
    train = settings(params, "linear", linear=sharing(params, 1.0))
    model = fit(train, sample, sample).model
    assert (model.probabilities(sample.features).argmax(axis=1) == sample.actual).mean() > 0.95


@pytest.mark.parametrize("classes", [2, 3, 10])
def test_bag_gives_the_probabilities_of_its_torch_network(classes: int) -> None:
    """The sparse product agrees with torch's embedding bag to 1e-6; the output for the rating is none of them."""
    torch.manual_seed(0)
    sample = data(50, classes=classes)
    network = _Network(sample.features.shape[1], size=4, classes=classes, dropout=0.5).eval()
    nn.init.normal_(network.bias)  # it starts at zero, where its absence would not be seen
    with torch.no_grad():
        scores = network(*_tensors(sample.features, torch.device("cpu")))
    expected = scores[:, :classes].double().softmax(dim=1).numpy()
    assert scores.shape == (50, classes + 1)
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
@pytest.mark.parametrize(("classes", "rated"), [(2, False), (2, True), (3, False), (3, True), (10, False), (40, False)])
def test_training_learns_what_there_is_to_learn(params: Params, kind: str, classes: int, rated: bool) -> None:
    """On separable classes, whatever their number, with and without a rating, nearly all of new data is right."""
    bag = params.train.bag.model_copy(
        update={"epochs": 30, "embedding_size": 32, "batch_size": 16, "learning_rate": 0.03}
    )
    size = 200 + 20 * classes
    rows, validation = (data(n, seed, classes, rated) for seed, n in enumerate((size, 100 + classes)))
    fitted = fit(settings(params, kind, bag=bag), rows, validation)
    new = data(200, seed=2, classes=classes)
    predicted = fitted.model.probabilities(new.features).argmax(axis=1)
    assert (predicted == new.actual).mean() > 0.9
    assert fitted.validation.shape == (100 + classes, classes)
    assert [point["epoch"] for point in fitted.curve[::2]] == list(range(1, len(fitted.curve) // 2 + 1))


@pytest.mark.parametrize("kind", KINDS)
def test_the_curve_shows_the_headline_metric(params: Params, kind: str) -> None:
    """The score beside the loss is that of the metric that decides, on what the model says of validation."""
    rows, validation = data(200, classes=2), data(60, seed=1, classes=2)
    validation = replace(validation, actual=1 - validation.actual)  # where all is right, all metrics are 1
    fitted = training_fit.fit(settings(params, kind, refit=False), "average_precision", rows, validation)
    best = fitted.curve[2 * fitted.epochs - 1]
    assert best["validation_headline"] == validation.score("average_precision", fitted.validation)
    assert best["validation_headline"] != validation.score("weighted_f1", fitted.validation)


@pytest.mark.parametrize("kind", KINDS)
def test_the_rating_guides_the_bag_alone_and_only_by_its_weight(params: Params, kind: str) -> None:
    """With hard labels a rating changes a bag, unless `rating_weight` is 0, and no linear model."""
    plain, rated = data(100), data(100, rated=True)
    for weight in (0.0, 4.0):
        bag = settings(params, kind).bag.model_copy(update={"rating_weight": weight})
        train = settings(params, kind, bag=bag, rating_noise=None)
        one, other = (fit(train, rows, rows).model.tensors() for rows in (plain, rated))
        assert all((one[name] == other[name]).all() for name in one) == (kind == "linear" or weight == 0)


@pytest.mark.parametrize("kind", KINDS)
def test_refit_trains_on_the_validation_split_too(params: Params, kind: str) -> None:
    """With refit the weights differ, the learning curve does not."""
    more, fewer = (fit(settings(params, kind, refit=refit), data(200), data(50, seed=1)) for refit in (True, False))
    assert more.curve == fewer.curve
    assert (more.validation == fewer.validation).all()
    assert (more.rows, fewer.rows) == (
        200 * len(more.curve) // 2 + 250 * more.epochs,
        200 * len(fewer.curve) // 2,
    )
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
    model, best, curve = early_stopping(6, 2, lambda epoch: models[epoch], sample, ("test", "macro_f1"))
    assert best == 3
    assert model is models[2][0]
    assert len(curve) == 2 * 5


def test_the_progress_bar_is_silent_where_there_is_no_terminal(
    params: Params, capfd: pytest.CaptureFixture[str]
) -> None:
    """In a log nothing is written to standard error."""
    fit(settings(params, "linear"), data(50), data(20, seed=1))
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize(("kind", "device"), [("linear", "cuda"), ("bag", "cuda:63")])
def test_a_device_that_is_not_there_is_refused_by_name(params: Params, kind: str, device: str) -> None:
    """A device that the model cannot use, or the machine does not have, stops the training with its name."""
    with pytest.raises(VerdictError, match=rf"train\.device.*{device}"):
        fit(settings(params, kind, device=device), data(20), data(10))
