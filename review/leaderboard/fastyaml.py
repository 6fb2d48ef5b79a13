"""YAML 1.2, as DVC writes it (1e-05 is a number), read by libyaml: the library that DVC has for it needs a second."""

import re
from typing import Any

import yaml

from classifier.errors import VerdictError

_FORMS = {
    "null": (r"(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    "bool": (r"(?:true|True|TRUE|false|False|FALSE)$", list("tTfF")),
    "int": (r"[-+]?(?:0|[1-9][0-9]*)$", list("-+0123456789")),
    "float": (r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", list("-+.0123456789")),
}


class _Loader(yaml.CSafeLoader):
    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - so PyYAML has it: none of YAML 1.1's is inherited


for _tag, (_form, _begins) in _FORMS.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_form), _begins)


def mapping(text: str, path: str) -> dict[str, Any]:
    """A YAML file of groups; `VerdictError` when it is something else, or multiplies itself by aliases."""
    remedy = "look at the experiment"
    try:
        if any(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text, Loader=_Loader)):
            raise VerdictError(path, "uses aliases (*name), which can stand for more than memory holds", remedy)
        document = yaml.load(text, Loader=_Loader)  # noqa: S506 - a safe loader's child
    except (yaml.YAMLError, ValueError, RecursionError, TypeError) as error:  # TypeError: a list as a key
        reason = " ".join(str(error).split())[:200]
        raise VerdictError(path, f"not readable as YAML: {reason}", remedy) from None
    if not isinstance(document, dict):
        raise VerdictError(path, "expected groups of keys", remedy)
    return document
