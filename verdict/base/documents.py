"""YAML as DVC reads and writes it: version 1.2, where `1e-05` is a number and `on` a word. All YAML is read here.

PyYAML implements version 1.1, which reads some values otherwise: a number for DVC is a text for PyYAML, and the two
never compare equal. DVC's library (ruamel.yaml) is slow, so plain documents are parsed by PyYAML's parser in C, several
times as fast, and scalars resolved by ruamel's rules. All that the two might read differently goes to ruamel.
"""

import io
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.events import AliasEvent, CollectionEndEvent, CollectionStartEvent
from ruamel.yaml.representer import RoundTripRepresenter
from ruamel.yaml.resolver import implicit_resolvers

from verdict.base.errors import VerdictError

_TAG = "tag:yaml.org,2002:"
_LOADER: Any = getattr(yaml, "CSafeLoader", None)
_MAX_CHARACTERS = 300_000  # characters of an untrusted document; dvc.lock has 17,000
_MAX_DEPTH = 100  # levels; DVC's library breaks off some hundred later; its parser in C ends the process
# The two libraries agree on lines of printable characters; not on tabs, escapes, rarer ends of lines, and what is meant
# between brackets by a colon or a question mark without a space.
_AMBIGUOUS = re.compile(
    r"[^\n -~\xa1-\u1fff\u3001-\ud7ff]|\\|^[%.]|^---|^[^\n{[]*[{[][^\n]*(?::[^ \n]|[?])", re.MULTILINE
)


def parse(text: str, where: str, remedy: str, *, aliases: bool = True) -> Any:  # noqa: ANN401 - its callers check
    """The content of a YAML document, None where it is empty.

    Args:
        text: the document.
        where: its name in messages, such as its path.
        remedy: of the error if it cannot be read.
        aliases: whether `*name` is allowed; not in an untrusted document, see `require_bounded`.

    Raises:
        VerdictError: not YAML, a key given twice, a value that its type does not have, or an alias where none may be.
    """
    try:
        return _parse_fast(text)
    except _AmbiguousError:
        pass
    require_bounded(text, where, remedy, aliases=aliases)
    try:
        return YAML(typ="safe").load(text)
    except Exception as error:  # its constructors raise any error for a bad date, number or key
        reason = " ".join(str(error).split())[:500] or type(error).__name__
        raise VerdictError(where, f"not readable as YAML: {reason}", remedy) from None


def mapping(text: str, where: str, remedy: str, *, aliases: bool = True) -> dict[str, Any]:
    """The content of a YAML document that holds groups of keys; `VerdictError` also when it holds something else."""
    document = parse(text, where, remedy, aliases=aliases)
    if not isinstance(document, dict):
        raise VerdictError(where, "expected groups of keys", remedy)
    return document


def read(path: Path, remedy: str) -> Any:  # noqa: ANN401 - its callers check what they got
    """The content of a YAML file; `FileNotFoundError` where there is none, `VerdictError` where it is not YAML."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise VerdictError(str(path), f"not readable as YAML: {error}", remedy) from None
    return parse(text, str(path), remedy)


def require_bounded(text: str, where: str, remedy: str, *, aliases: bool = False) -> None:
    """Refuse a document that nests too deep, is too long, or uses aliases, without building it.

    Invalid YAML passes; the parser reports it. With `aliases`, only the depth is checked.
    """
    if not aliases and len(text) > _MAX_CHARACTERS:
        raise VerdictError(where, f"{len(text):,} characters long", remedy)
    depth = 0
    for event in _readable_events(YAML(typ="safe").parse(text)):
        if not aliases and isinstance(event, AliasEvent):
            raise VerdictError(where, "uses aliases (*name), which can stand for more than memory holds", remedy)
        depth += isinstance(event, CollectionStartEvent) - isinstance(event, CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise VerdictError(where, "groups within groups without end", remedy)


def _readable_events(events: Iterator[Any]) -> Iterator[Any]:
    """Yield events up to the first error of the document, whatever its type (a bad escape raises `ValueError`)."""
    with suppress(Exception):
        yield from events


def dump(document: object) -> str:
    """Write a document as DVC does: a text that looks like a number is in quotes, and read as a text again."""
    writer, stream = YAML(), io.StringIO()
    writer.dump(document, stream)
    return stream.getvalue()


class _Representer(RoundTripRepresenter):
    """Writes null as null, where the library writes nothing."""


_Representer.add_representer(type(None), lambda writer, _: writer.represent_scalar(f"{_TAG}null", "null"))


@contextmanager
def edited(path: Path) -> Iterator[Any]:
    """The content of a YAML file, written back with its comments when the block has ended without an error."""
    text = path.read_text(encoding="utf-8")
    parse(text, str(path), f"git diff {path}")
    editor = YAML()
    editor.Representer = _Representer
    editor.preserve_quotes, editor.width = True, 4096
    document = editor.load(text)
    yield document
    with path.open("w", encoding="utf-8") as file:
        editor.dump(document, file)


class _AmbiguousError(Exception):
    """The document may mean something else to DVC's library, or be invalid."""


def _parse_fast(text: str) -> Any:  # noqa: ANN401 - YAML
    if _LOADER is None or _AMBIGUOUS.search(text):
        raise _AmbiguousError
    try:
        events = _events(text)
        next(events)  # of the stream
        if type(next(events)) is yaml.StreamEndEvent:
            return None
        document = _node(next(events), events, 0)
        next(events)  # the document's end
        if type(next(events)) is not yaml.StreamEndEvent:
            raise _AmbiguousError
    except (yaml.YAMLError, ValueError):
        raise _AmbiguousError from None
    return document


def _events(text: str) -> Iterator[Any]:
    parser = _LOADER(text)
    while (event := parser.get_event()) is not None:
        yield event


def _node(event: Any, events: Iterator[Any], depth: int) -> Any:  # noqa: ANN401 - YAML
    kind = type(event)
    if kind is yaml.AliasEvent or event.anchor is not None or event.tag is not None or depth > _MAX_DEPTH:
        raise _AmbiguousError
    if kind is yaml.ScalarEvent:
        return _scalar(event)
    return (_sequence if kind is yaml.SequenceStartEvent else _mapping)(event, events, depth + 1)


def _sequence(start: Any, events: Iterator[Any], depth: int) -> list[Any]:  # noqa: ANN401 - YAML
    items = []
    while type(event := next(events)) is not yaml.SequenceEndEvent:
        items.append(_node(event, events, depth))
    _require_one_line(start, event)
    return items


def _mapping(start: Any, events: Iterator[Any], depth: int) -> dict[Any, Any]:  # noqa: ANN401 - YAML
    group: dict[Any, Any] = {}
    while type(event := next(events)) is not yaml.MappingEndEvent:
        if type(event) is not yaml.ScalarEvent:
            raise _AmbiguousError
        key = _node(event, events, depth)
        if key in group:
            raise _AmbiguousError
        group[key] = None
        group[key] = _node(next(events), events, depth)
    _require_one_line(start, event)
    return group


def _require_one_line(start: Any, end: Any) -> None:  # noqa: ANN401 - YAML
    """Leave brackets that close on another line to the slow parser: `_AMBIGUOUS` searches single lines."""
    if start.flow_style and start.start_mark.line != end.end_mark.line:
        raise _AmbiguousError


def _scalar(event: Any) -> Any:  # noqa: ANN401 - YAML
    if not event.style:
        return _plain_scalar(event.value)
    if event.style not in "'\"":
        raise _AmbiguousError
    return event.value


@lru_cache(4096)
def _plain_scalar(value: str) -> Any:  # noqa: ANN401 - YAML
    """Return the value of an unquoted scalar by the rules of DVC's library; only simple types are resolved here."""
    for versions, tag, form, begins in implicit_resolvers:
        if (1, 2) in versions and value[:1] in begins and form.match(value):
            construct = _CONSTRUCTORS.get(tag.removeprefix(_TAG))
            if construct is None or "_" in value:
                raise _AmbiguousError
            return construct(value)
    return value


_CONSTRUCTORS: dict[str, Callable[[str], Any]] = {
    "null": lambda _: None,
    "bool": lambda value: value.lower() == "true",
    "int": int,
    "float": float,
}
