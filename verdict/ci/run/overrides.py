"""Overrides of values in params.yaml, for a run by hand."""

import shlex
from pathlib import Path

from verdict.base.documents import edited, parse
from verdict.base.errors import VerdictError
from verdict.base.paths import PARAMS


def apply(root: Path, text: str) -> None:
    """Write values such as `train.seed=7 train.model=bag` into params.yaml; its comments stay.

    The stages check the values, since the change may allow others than this code, which is main's.

    Raises:
        VerdictError: not `key=value`, a key that params.yaml does not have, or another kind of value than it has.
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
            new = parse(value, pair, "write the value as in YAML")
            if _kind(new) != _kind(section[name]):
                raise VerdictError(pair, f"another kind of value than {section[name]!r}", "such as train.seed=7")
            section[name] = new


def _kind(value: object) -> str:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return "number"
    return next((kind.__name__ for kind in (list, dict, str) if isinstance(value, kind)), type(value).__name__)
