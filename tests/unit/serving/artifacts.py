"""Makes artifacts of every kind in milliseconds: untrained, since a service answers what it is given."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.checkpoints import CONFIG, tokenizer
from tests.conftest import small_params
from verdict.classifier.artifact import Manifest, save_classifier
from verdict.classifier.dataset.text import Text
from verdict.classifier.features import tfidf
from verdict.classifier.features.featurizer import Featurizer, representation_of
from verdict.classifier.features.hashing import HashedNgrams
from verdict.classifier.features.tokens import Tokeniser
from verdict.classifier.models.bag import Bag
from verdict.classifier.models.encoder import Encoder
from verdict.classifier.models.encoder.network import shapes
from verdict.classifier.models.linear import Linear
from verdict.classifier.params import Params
from verdict.classifier.params.kinds import Model

THREE = ("negative", "neutral", "positive")
FOREIGN = ("否定的", "нейтральный ☃")
FORTY = tuple(f"topic-{number}" for number in range(40))
# Kind by name; `hashing` is a linear model that reads another representation.
NAMES = ("linear", "hashing", "bag", "encoder")
_TEXTS = ["a wonderful lamp", "an awful boat", "a square lamp", "not a good boat, but a lamp"] * 5


def artifact(
    folder: Path, name: str = "linear", labels: Sequence[str] = THREE, columns: Sequence[str] = ("text",)
) -> Path:
    """Write an artifact, and return its folder."""
    featurizer, model = _made(name, len(labels))
    manifest = Manifest(
        kind="linear" if name == "hashing" else name,
        representation=representation_of(featurizer),
        labels=tuple(labels),
        text=Text(columns=tuple(columns), max_length=200),
        train={},
        trained_on={},
        hardware_class="test",
        files={},
    )
    folder.mkdir(parents=True)
    save_classifier(folder, featurizer, model, ["one", "two"], manifest)
    return folder


def _made(name: str, classes: int) -> tuple[Featurizer, Model]:
    draw = np.random.default_rng(len(name) + classes)

    def drawn(*shape: int) -> Any:  # noqa: ANN401 - an array
        return draw.normal(0, 0.5, shape).astype(np.float32)

    if name == "encoder":
        config = {**CONFIG, "vocab_size": tokenizer().get_vocab_size()}
        sizes = {tensor: [size or 1 for size in shape] for tensor, shape in shapes(config, classes).items()}
        return Tokeniser(tokenizer().to_str(), config, 16), Encoder(
            config, {tensor: drawn(*shape) for tensor, shape in sizes.items()}
        )
    params = Params.model_validate(small_params()).featurize
    learnt = tfidf.fit(_TEXTS, params)
    featurizer = HashedNgrams(learnt.params, np.ones(2**12, np.float32)) if name == "hashing" else learnt
    if name == "bag":
        return learnt, Bag(drawn(featurizer.size, 8), drawn(8), drawn(8, classes), drawn(classes))
    return featurizer, Linear(drawn(featurizer.size, classes), drawn(classes))
