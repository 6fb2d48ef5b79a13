"""GitHub's own description of its REST API, to check requests and answers against."""

import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from jsonschema import Draft7Validator, FormatChecker

# `make workflows` and `make test` fetch it from the npm package @octokit/openapi.
FILE = Path(sys.prefix) / "api.github.com.json"
Schema = dict[str, Any]
_DROPPED = {"example", "examples", "description", "nullable", "discriminator", "externalDocs"}
_FORMATS = FormatChecker(formats=())
# Statuses that any operation may answer, described or not.
_GENERAL = {401, 403, 404, 422, 429, 500, 502, 503}
_READERS: dict[str, Callable[[str], Any]] = {"integer": int, "boolean": {"true": True, "false": False}.__getitem__}
_INSTANT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)"


@_FORMATS.checks("date-time")
def _is_instant(value: object) -> bool:
    return not isinstance(value, str) or re.fullmatch(_INSTANT, value) is not None


@dataclass(frozen=True)
class Operation:
    """A method on a path."""

    method: str
    template: str
    parameters: Mapping[str, Schema]
    body: Schema | None
    answers: Mapping[int, Schema | None]
    file: bool = False  # the body is bytes, of any kind

    def complete(self, known: Any, status: int = 200) -> Any:  # noqa: ANN401 - JSON
        """An answer with every required field: the known ones, and neutral values for the rest."""
        return complete(self.answers[status] or {}, known)

    def wrong_request(self, query: str, body: bytes) -> list[str]:
        """Problems of a request by the description."""
        problems = [text for pair in parse_qsl(query, keep_blank_values=True) for text in self._wrong_key(*pair)]
        if self.file:
            return problems
        if self.body is None:
            return problems + (["has a body"] if body and self.method != "GET" else [])
        try:
            content = json.loads(body or b"null")
        except ValueError:
            return [*problems, "body is not JSON"]
        return problems + [f"body: {text}" for text in wrong(self.body, content)]

    def wrong_answer(self, status: int, content: Any) -> list[str]:  # noqa: ANN401 - JSON
        """Problems of an answer by the description."""
        if status not in self.answers:
            is_error = status in _GENERAL and isinstance(content, dict) and "message" in content
            return [] if is_error else [f"{status} is not among the answers"]
        schema = self.answers[status]
        return [f"answer {status}: {text}" for text in wrong(schema, content)] if schema else []

    def _wrong_key(self, key: str, value: str) -> Iterator[str]:
        if key not in self.parameters:
            yield f"unknown query key {key!r}"
            return
        schema = self.parameters[key]
        read = _READERS.get(schema.get("type", ""), str)
        try:
            yield from (f"query {key}: {text}" for text in wrong(schema, read(value)))
        except (KeyError, ValueError):
            yield f"query {key}: {value!r} is no {schema['type']}"


class Description:
    """All operations of the API, parsed on demand."""

    def __init__(self, path: Path) -> None:
        self._document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        self._schemas: dict[str, Any] = {}
        self._operations: dict[tuple[str, str], Operation] = {}
        self._patterns = [(re.compile(_pattern(name)), name) for name in self._document["paths"]]

    def find(self, method: str, path: str) -> Operation | None:
        """The operation of a path: of several the one with the fewest variables, then the longest."""
        names = sorted((name for pattern, name in self._patterns if pattern.fullmatch(path)), key=_vagueness)
        template = next((name for name in names if method.lower() in self._document["paths"][name]), None)
        return self.operation(method, template) if template else None

    def operation(self, method: str, template: str) -> Operation:
        """The operation of a path as the description writes it."""
        key = (method, template)
        if key not in self._operations:
            self._operations[key] = self._read(method, template)
        return self._operations[key]

    def webhook(self, name: str) -> Schema:
        """The schema of an event's payload, by a name such as pull-request-opened."""
        body: dict[str, Any] = self._document["x-webhooks"][name]["post"]["requestBody"]
        return self._content(body) or {}

    def _read(self, method: str, template: str) -> Operation:
        raw = self._document["paths"][template][method.lower()]
        parameters = [self._resolve(entry) for entry in raw.get("parameters", [])]
        return Operation(
            method,
            template,
            {entry["name"]: self._inline(entry["schema"]) for entry in parameters if entry["in"] == "query"},
            self._content(raw["requestBody"]) if "requestBody" in raw else None,
            {int(code): self._content(self._resolve(answer)) for code, answer in raw["responses"].items()},
            "application/octet-stream" in raw.get("requestBody", {}).get("content", {}),
        )

    def _content(self, holder: dict[str, Any]) -> Schema | None:
        content = holder.get("content", {}).get("application/json")
        return self._inline(content["schema"]) if content else None

    def _resolve(self, node: dict[str, Any]) -> dict[str, Any]:
        while "$ref" in node:
            target: Any = self._document
            for name in node["$ref"].removeprefix("#/").split("/"):
                target = target[name]
            node = target
        return node

    def _inline(self, node: Any) -> Any:  # noqa: ANN401 - JSON
        """A schema as JSON Schema has it: OpenAPI 3.0 has `nullable` where JSON Schema has a type."""
        if isinstance(node, list):
            return [self._inline(entry) for entry in node]
        if not isinstance(node, dict):
            return node
        if isinstance(node.get("$ref"), str):
            if node["$ref"] not in self._schemas:
                self._schemas[node["$ref"]] = self._inline(self._resolve(node))
            return self._schemas[node["$ref"]]
        # Below `properties` every key is a name of the data, `description` and `example` too.
        converted = {
            key: {name: self._inline(entry) for name, entry in value.items()}
            if key == "properties"
            else self._inline(value)
            for key, value in node.items()
            if key not in _DROPPED
        }
        return {"anyOf": [converted, {"type": "null"}]} if node.get("nullable") is True else converted


@cache
def description() -> Description:
    """The description, read once a process."""
    if not FILE.is_file():
        message = f"{FILE} is missing: `make workflows` fetches it"
        raise FileNotFoundError(message)
    return Description(FILE)


@cache
def _validator(identity: int) -> Draft7Validator:
    return Draft7Validator(_SCHEMAS[identity], format_checker=_FORMATS)


_SCHEMAS: dict[int, Schema] = {}  # keeps the schemas alive whose identities are keys


def wrong(schema: Schema, content: Any) -> list[str]:  # noqa: ANN401 - JSON
    """Where content does not fit its schema; keys that the schema lacks are problems, too."""
    _SCHEMAS[id(schema)] = schema
    errors = sorted(_validator(id(schema)).iter_errors(content), key=str)
    problems = [f"{'.'.join(map(str, error.absolute_path)) or 'all'}: {error.message[:200]}" for error in errors]
    if isinstance(content, dict) and "message" not in content and (known := set(_properties(schema))):
        problems += [f"unknown key {key!r}" for key in sorted(set(content) - known)]
    return problems


def complete(schema: Schema, known: Any = ...) -> Any:  # noqa: ANN401 - JSON
    """`known` with every required field of its schema that it lacks, however deep."""
    if isinstance(known, dict):
        properties = _properties(schema)
        filled = {key: complete(properties.get(key, {}), value) for key, value in known.items()}
        return {key: complete(properties.get(key, {})) for key in _required(schema) if key not in known} | filled
    if isinstance(known, list):
        return [complete(_items(schema), entry) for entry in known]
    return known if known is not ... else _neutral(schema)


def _neutral(schema: Schema) -> Any:  # noqa: ANN401 - JSON
    for key in ("anyOf", "oneOf"):
        if key in schema and "properties" not in schema:
            nothing = any(entry.get("type") == "null" for entry in schema[key])
            return None if nothing else _neutral(schema[key][0])
    if "enum" in schema:
        return schema["enum"][0]
    if schema.get("type") == "object" or "properties" in schema or "allOf" in schema:
        return complete(schema, {})
    if schema.get("format") == "date-time":
        return "2026-01-01T00:00:00Z"
    return {"string": "", "integer": 0, "number": 0, "boolean": False, "array": []}.get(schema.get("type", ""))


def _properties(schema: Schema) -> Schema:
    properties: Schema = {}
    for key in ("allOf", "anyOf", "oneOf"):
        for entry in reversed(schema.get(key, [])):
            properties |= _properties(entry)
    return {**properties, **schema.get("properties", {})}


def _required(schema: Schema) -> list[str]:
    names = list(schema.get("required", []))
    for entry in schema.get("allOf", []):
        names += _required(entry)
    if "properties" not in schema:
        for key in ("anyOf", "oneOf"):
            names += _required(schema[key][0]) if key in schema else []
    return list(dict.fromkeys(names))


def _items(schema: Schema) -> Schema:
    items: Schema = schema.get("items", {})
    for entry in schema.get("anyOf", []):
        items = items or _items(entry)
    return items


def _vagueness(template: str) -> tuple[int, int]:
    return template.count("{"), -len(template)


def _pattern(template: str) -> str:
    # A ref has slashes of its own.
    return re.sub(r"\\{(\w+)\\}", lambda match: ".+" if match[1] == "ref" else "[^/]+", re.escape(template))
