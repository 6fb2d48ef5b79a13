"""Other values than params.yaml has, for a run by hand."""

import shlex
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from classifier.errors import VerdictError
from classifier.params import load
from review.revisions import PARAMS


def apply(root: Path, text: str) -> None:
    """Write values such as `train.seed=7 train.model=bag` into params.yaml; its comments stay.

    Raises:
        VerdictError: not `key=value`, a key that params.yaml does not have, or a value that it cannot take.
    """
    yaml, path = YAML(), root / PARAMS
    yaml.preserve_quotes, yaml.width = True, 4096
    document = yaml.load(path.read_text(encoding="utf-8"))
    for pair in shlex.split(text):
        key, sign, value = pair.partition("=")
        *groups, name = key.split(".")
        section = document
        for group in groups:
            section = section.get(group) if isinstance(section, dict) else None
        if not sign or not isinstance(section, dict) or name not in section:
            raise VerdictError(pair, f"not a key of {PARAMS} with a value", "such as train.seed=7 train.model=bag")
        try:
            section[name] = YAML(typ="safe", pure=True).load(value)
        except YAMLError as error:
            raise VerdictError(pair, f"not a value: {' '.join(str(error).split())}", "write it as in YAML") from None
    with path.open("w", encoding="utf-8") as file:
        yaml.dump(document, file)
    load(path)
