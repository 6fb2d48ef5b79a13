"""The files of .github as data, and an evaluator of the GitHub expressions in them."""

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests import documents
from tests.conftest import ROOT

Json = dict[str, Any]
FOLDER = ROOT / ".github"
FILES = sorted([*FOLDER.glob("workflows/*.y*ml"), *FOLDER.glob("actions/*/action.y*ml")])


def load(path: Path) -> Json:
    """A file with every scalar as a text, as in expressions."""
    document: Json = _as_texts(documents.load(path))
    return document


def _as_texts(value: Any) -> Any:  # noqa: ANN401 - YAML
    if isinstance(value, dict):
        return {key: _as_texts(item) for key, item in value.items()}
    if isinstance(value, list):
        return list(map(_as_texts, value))
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


WORKFLOWS = {path.stem: load(path) for path in FILES if path.parent.name == "workflows"}
ACTIONS = {path.parent.name: load(path) for path in FILES if path.parent.name != "workflows"}


def jobs() -> Iterator[tuple[str, Json]]:
    """Every job, named `workflow/job`."""
    for name, workflow in WORKFLOWS.items():
        for job, body in workflow["jobs"].items():
            yield f"{name}/{job}", body


def steps() -> Iterator[tuple[str, Json]]:
    """Every step of every workflow and action, named `workflow/job/step`."""
    for job, body in jobs():
        yield from ((f"{job}/{step['name']}", step) for step in body.get("steps", []))
    for name, action in ACTIONS.items():
        yield from ((f"actions/{name}/{step['name']}", step) for step in action["runs"]["steps"])


def texts(value: object) -> Iterator[str]:
    """Every scalar below a value."""
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from texts(item)
    else:
        yield str(value)


def named(context: str, value: object) -> set[str]:
    """The names that are used of a context such as `secrets`; `*` for all of it, or an index."""
    pattern = re.compile(rf"(?<![\w.-]){context}\b(?:\.(\w+))?")
    return {match[1] or "*" for text in texts(value) for match in pattern.finditer(text)}


_TOKEN = re.compile(r"\s*(?:('(?:[^']|'')*')|(\d+)|([A-Za-z_][\w-]*|\*)|(&&|\|\||==|!=|[!().,]))")
_STATUS = re.compile(r"\b(always|success|failure|cancelled)\(\)")


@dataclass
class _Evaluator:
    """A recursive-descent evaluator of an expression: `||`, `&&`, `==`, `!`, values."""

    tokens: list[str]
    contexts: Mapping[str, Any]

    def next(self, *expected: str) -> str:
        if self.tokens and (not expected or self.tokens[0] in expected):
            return self.tokens.pop(0)
        return ""

    def any_of(self) -> Any:  # noqa: ANN401 - JSON
        value = self.all_of()
        while self.next("||"):
            other = self.all_of()
            value = value if _is_true(value) else other
        return value

    def all_of(self) -> Any:  # noqa: ANN401 - JSON
        value = self.comparison()
        while self.next("&&"):
            other = self.comparison()
            value = other if _is_true(value) else value
        return value

    def comparison(self) -> Any:  # noqa: ANN401 - JSON
        value = self.unary()
        while sign := self.next("==", "!="):
            value = _equal(value, self.unary()) == (sign == "==")
        return value

    def unary(self) -> Any:  # noqa: ANN401 - JSON
        if self.next("!"):
            return not _is_true(self.unary())
        if self.next("("):
            value = self.any_of()
            assert self.next(")"), "a bracket is open"
            return value
        token = self.next()
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token.isdecimal():
            return int(token)
        return self.call(token) if self.next("(") else self.member(token)

    def call(self, name: str) -> Any:  # noqa: ANN401 - JSON
        arguments = []
        while not self.next(")"):
            arguments.append(self.any_of())
            self.next(",")
        return _FUNCTIONS[name](*arguments)

    def member(self, name: str) -> Any:  # noqa: ANN401 - JSON
        value = self.contexts[name]
        while self.next("."):
            key = self.next()
            if key == "*":
                self.next(".")
                inner = self.next()
                value = [item.get(inner) for item in value or []]
            else:
                value = value.get(key) if isinstance(value, dict) else None
        return value


def _is_true(value: Any) -> bool:  # noqa: ANN401 - JSON
    return value not in (None, False, 0, "")


def _number(value: Any) -> float:  # noqa: ANN401 - JSON
    try:
        return float(value or 0)
    except (TypeError, ValueError):
        return math.nan


def _equal(one: Any, other: Any) -> bool:  # noqa: ANN401 - JSON
    """Compare as GitHub does: texts without case, other values as numbers, so that null equals an empty text."""
    if isinstance(one, str) and isinstance(other, str):
        return one.casefold() == other.casefold()
    return _number(one) == _number(other)


_FUNCTIONS: Mapping[str, Any] = {
    "always": lambda: True,
    "cancelled": lambda: False,
    "contains": lambda values, value: value in (values or []),
    "startsWith": lambda text, start: str(text or "").casefold().startswith(str(start).casefold()),
    "format": lambda text, *values: text.format(*values),
    "fromJSON": json.loads,
}


def evaluate(expression: str, contexts: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """The value of an expression, given without its braces."""
    matches = list(_TOKEN.finditer(expression.strip()))
    assert "".join(match[0] for match in matches) == expression.strip(), f"not understood: {expression}"
    evaluator = _Evaluator([match[0].strip() for match in matches], {"true": True, "false": False, **contexts})
    value = evaluator.any_of()
    assert not evaluator.tokens, f"not understood: {expression}"
    return value


def filled(text: str, contexts: Mapping[str, Any]) -> str:
    """A text with its expressions in braces evaluated."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda match: str(evaluate(match[1], contexts)), text, flags=re.DOTALL)


def runs(body: Json, contexts: Mapping[str, Any], results: Mapping[str, str]) -> bool:
    """Return whether a job would run, by its `if`; without a status function in it, only after success."""
    condition = " ".join(body.get("if", "true").split())
    before = [body["needs"]] if isinstance(body.get("needs"), str) else body.get("needs", [])
    if not _STATUS.search(condition) and any(results[name] != "success" for name in before):
        return False
    return _is_true(evaluate(condition, contexts))
