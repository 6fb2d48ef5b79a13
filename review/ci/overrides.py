"""Other values than params.yaml has, for a run by hand."""

import shlex
from pathlib import Path

from classifier.documents import edited, parse
from classifier.errors import VerdictError
from classifier.params import load
from review.revisions import PARAMS


def apply(root: Path, text: str) -> None:
    """Write values such as `train.seed=7 train.model=bag` into params.yaml; its comments stay.

    Raises:
        VerdictError: not `key=value`, a key that params.yaml does not have, or a value that it cannot take.
    """
    with edited(root / PARAMS) as document:
        for pair in shlex.split(text):
            key, sign, value = pair.partition("=")
            *groups, name = key.split(".")
            section = document
            for group in groups:
                section = section.get(group) if isinstance(section, dict) else None
            if not sign or not isinstance(section, dict) or name not in section:
                raise VerdictError(pair, f"not a key of {PARAMS} with a value", "such as train.seed=7 train.model=bag")
            section[name] = parse(value, pair, "write the value as in YAML")
    load(root / PARAMS)
