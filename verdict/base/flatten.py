"""Documents of groups within groups, such as params.yaml and metrics files, as one mapping."""

from collections.abc import Iterator
from typing import Any

Keys = tuple[str, ...]


def leaves(value: Any, path: Keys = ()) -> Iterator[tuple[Keys, Any]]:  # noqa: ANN401 - YAML or JSON
    """Yield each value that is no group, and each empty group, with the keys that lead to it."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, str(key)))
    else:
        yield path, value


def flatten(value: Any) -> dict[str, Any]:  # noqa: ANN401 - YAML or JSON
    """Map dotted keys to values; a key that has a dot itself is in quotes: "gate.lock" is not `lock` of `gate`."""
    return {dotted(path): item for path, item in leaves(value)}


def dotted(path: Keys) -> str:
    """Join the keys of a path."""
    return ".".join(repr(key) if "." in key else key for key in path)
