"""Training examples: Rasa YAML and JSON lines, and what an operator should know about them before training.

Problems come in two kinds. What makes a file unreadable or ambiguous raises `DataError`; what merely makes the
examples worse
(a repeated sentence, a span that cuts a word) becomes a `Problem` with its place, and training goes on without that
part.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import yaml

from server.nlu.language import Language, detect
from server.nlu.text import align

OUT_OF_SCOPE = "oos"
_MAX_LISTED = 20


class DataError(ValueError):
    """The data cannot be used; the message names file and line and the way out."""


@dataclass(frozen=True)
class Span:
    """An entity in a text: code points `start` to `end` (exclusive), its kind, and its value as annotated."""

    start: int
    end: int
    entity: str
    value: str


@dataclass(frozen=True)
class Example:
    """One sentence as somebody annotated it."""

    text: str
    intent: str
    entities: tuple[Span, ...] = ()
    place: str = ""  # "file:line"

    @property
    def language(self) -> Language:
        """Detected from the text; a folder named zh or en decides where the text says nothing."""
        return detect(self.text, "en" if "/en/" in self.place else "zh")


@dataclass(frozen=True)
class Problem:
    """Something about the data that a person should look at."""

    severity: Literal["error", "warning"]
    place: str
    message: str

    def __str__(self) -> str:
        return f"{self.place}: {self.severity}: {self.message}"


@dataclass(frozen=True)
class EntityKind:
    """An entity kind of `entities.yml`."""

    name: str
    normalise: str = "text"
    description: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass
class Dataset:
    """Everything read from the data files."""

    examples: list[Example] = field(default_factory=list)
    synonyms: dict[str, str] = field(default_factory=dict)
    lookups: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    problems: list[Problem] = field(default_factory=list)

    def digest(self) -> str:
        """SHA-256 over the examples in order: the same data give the same digest wherever the files lie."""
        hasher = hashlib.sha256()
        for e in self.examples:
            spans = [[s.start, s.end, s.entity, s.value] for s in e.entities]
            hasher.update(json.dumps([e.text, e.intent, spans], ensure_ascii=False).encode())
        return hasher.hexdigest()


def load(paths: Sequence[Path]) -> Dataset:
    """Read files and folders (`*.yml`, `*.yaml`, `*.jsonl` below them), then check the whole.

    Raises `DataError` for a file that cannot be read, an unknown field, a missing text or intent, or no examples
    at all.
    """
    data = Dataset()
    for path in _files(paths):
        reader = _read_jsonl if path.suffix == ".jsonl" else _read_yaml
        reader(path, data)
    if not data.examples:
        raise DataError(
            f"{', '.join(map(str, paths))}: no examples found; expected Rasa YAML (.yml) or JSON lines (.jsonl)"
        )
    data.examples = _checked(data)
    return data


def load_entities(path: Path | None) -> dict[str, EntityKind]:
    """The entity kinds of an `entities.yml`; none where there is no file."""
    if path is None:
        return {}
    table = _parse_yaml(_text(path), path)
    kinds: dict[str, EntityKind] = {}
    for name, body in _bodies(table, "entities"):
        unknown = set(body) - {"description", "normalise", "values"}
        if unknown:
            raise DataError(
                f'{path}: entity "{name}": unknown field "{sorted(unknown)[0]}"; known: description, normalise, values'
            )
        values = {
            str(value): tuple(str(s) for s in synonyms or ()) for value, synonyms in (body.get("values") or {}).items()
        }
        kinds[name] = EntityKind(name, body.get("normalise", "text"), body.get("description") or {}, values)
    return kinds


def _bodies(table: Any, root: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, body in ((table or {}).get(root) or {}).items():
        yield str(name), dict(body or {})


def load_intents(path: Path | None) -> dict[str, dict[str, Any]]:
    """The intent definitions of an `intents.yml`, unchecked beyond their shape."""
    if path is None:
        return {}
    table = _parse_yaml(_text(path), path)
    intents = (table or {}).get("intents")
    if not isinstance(intents, dict):
        raise DataError(f'{path}: expected a mapping "intents:" with one entry for each intent')
    return {str(name): dict(body or {}) for name, body in intents.items()}


def _files(paths: Sequence[Path]) -> Iterator[Path]:
    for path in paths:
        if path.is_dir():
            found = sorted(p for p in path.rglob("*") if p.suffix in {".yml", ".yaml", ".jsonl"})
            yield from (p for p in found if p.name not in {"intents.yml", "entities.yml"})
        elif path.is_file():
            yield path
        else:
            raise DataError(f"{path}: no such file or folder")


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        line = path.read_bytes()[: error.start].count(b"\n") + 1
        raise DataError(f"{path}:{line}: not UTF-8 (byte {error.start}); save the file as UTF-8") from error


_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""A safe loader, in C where there is one: an entities.yml takes a tenth of a second in Python."""


def _parse_yaml(text: str, path: Path) -> Any:
    with _placed(path):
        return yaml.load(text, Loader=_LOADER)  # noqa: S506 (a safe one)


@contextmanager
def _placed(path: Path) -> Iterator[None]:
    try:
        yield
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark else str(path)
        raise DataError(f"{place}: not valid YAML: {getattr(error, 'problem', error)}") from error


# ---------------------------------------------------------------- JSON lines

_ROW_FIELDS = frozenset({"text", "intent", "entities", "id", "language", "locale"})


def _read_jsonl(path: Path, data: Dataset) -> None:
    for number, line in enumerate(_text(path).split("\n"), 1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise DataError(f"{place}: not valid JSON: {error.msg} at column {error.colno}") from error
        if not isinstance(row, dict) or not isinstance(row.get("text"), str) or not isinstance(row.get("intent"), str):
            raise DataError(f'{place}: expected {{"text": "…", "intent": "…", "entities": […]}}')
        unknown = set(row) - _ROW_FIELDS
        if unknown:
            raise DataError(f'{place}: unknown field "{sorted(unknown)[0]}"; known: {", ".join(sorted(_ROW_FIELDS))}')
        spans = tuple(_row_span(entity, row["text"], place, data) for entity in row.get("entities") or ())
        data.examples.append(Example(row["text"], row["intent"], tuple(s for s in spans if s), place))


def _row_span(entity: Any, text: str, place: str, data: Dataset) -> Span | None:
    try:
        start, end, name = int(entity["start"]), int(entity["end"]), str(entity["entity"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f'{place}: an entity needs "start", "end" and "entity"; got {entity!r}') from error
    if not 0 <= start < end <= len(text):
        message = (
            f'entity "{name}" {start}:{end} is empty or outside the text ({len(text)} code points); it is left out'
        )
        data.problems.append(Problem("error", place, message))
        return None
    return Span(start, end, name, str(entity.get("value", text[start:end])))


# ---------------------------------------------------------------- Rasa YAML

_INLINE = re.compile(r"\[(?P<text>[^\]]+)\](?:\((?P<entity>[^)]+)\)|(?P<json>\{[^}]+\}))")
_KINDS = ("intent", "synonym", "lookup", "regex")


def _read_yaml(path: Path, data: Dataset) -> None:
    with _placed(path):
        root = yaml.compose(_text(path), Loader=_LOADER)
    if not isinstance(root, yaml.MappingNode):
        raise DataError(f'{path}: expected Rasa YAML with a list "nlu:"')
    for key, value in root.value:
        if key.value == "version":
            continue
        if key.value != "nlu" or not isinstance(value, yaml.SequenceNode):
            raise DataError(f'{path}:{key.start_mark.line + 1}: unknown key "{key.value}"; expected "nlu:" with a list')
        for item in value.value:
            _read_item(path, item, data)


def _read_item(path: Path, item: yaml.Node, data: Dataset) -> None:
    place = f"{path}:{item.start_mark.line + 1}"
    if not isinstance(item, yaml.MappingNode):
        raise DataError(f'{place}: expected "- intent: NAME" with "examples: |" below it')
    fields = {key.value: value for key, value in item.value}
    kind = next((k for k in _KINDS if k in fields), None)
    if kind is None or "examples" not in fields:
        raise DataError(f"{place}: expected one of {', '.join(_KINDS)}, and examples")
    unknown = set(fields) - {kind, "examples", "metadata"}
    if unknown:
        raise DataError(f'{place}: unknown field "{sorted(unknown)[0]}"')
    name = fields[kind].value
    for where, line in _lines(path, fields["examples"]):
        if kind == "intent":
            data.examples.append(_inline(line, name, where, data))
        elif kind == "synonym":
            data.synonyms[line] = name
        elif kind == "lookup":
            data.lookups[name].append(line)


def _lines(path: Path, node: yaml.Node) -> Iterator[tuple[str, str]]:
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            place = f"{path}:{item.start_mark.line + 1}"
            fields = item.value if isinstance(item, yaml.MappingNode) else []
            line = next((value for key, value in fields if key.value == "text"), item)
            if not isinstance(line, yaml.ScalarNode):
                raise DataError(f'{place}: an example in a list needs "text:"')
            yield place, line.value.strip()
        return
    block = getattr(node, "style", None) in {"|", ">"}
    for offset, line in enumerate(node.value.split("\n")):
        place = f"{path}:{node.start_mark.line + 1 + offset + (1 if block else 0)}"
        if not line.strip():
            continue
        if not line.lstrip().startswith("-"):
            raise DataError(f'{place}: an example begins with "- "; got {line.strip()[:40]!r}')
        yield place, line.lstrip()[1:].strip()


def _inline(line: str, intent: str, place: str, data: Dataset) -> Example:
    """`change to [the 30GB one](plan:plus)` → text and spans; offsets count code points of the plain text."""
    plain, spans, last = "", [], 0
    for match in _INLINE.finditer(line):
        plain += line[last : match.start()]
        surface = match["text"]
        if match["json"]:
            try:
                body = json.loads(match["json"])
                name, value = body["entity"], str(body.get("value", surface))
            except (json.JSONDecodeError, KeyError, TypeError) as error:
                raise DataError(f'{place}: expected [text]{{"entity": "NAME"}}; got {match["json"]}') from error
        else:
            name, _, given = match["entity"].partition(":")
            value = given or surface
        spans.append(Span(len(plain), len(plain) + len(surface), name.strip(), value))
        plain += surface
        last = match.end()
    plain += line[last:]
    return Example(plain, intent, tuple(spans), place)


# ---------------------------------------------------------------- checks


def _checked(data: Dataset) -> list[Example]:
    """Drop exact repetitions, overlapping spans and contradictions' later half, saying so; keep the rest in order."""
    kept: list[Example] = []
    seen: dict[str, Example] = {}
    for example in data.examples:
        if not example.text.strip():
            data.problems.append(Problem("error", example.place, "the text is empty; it is left out"))
            continue
        key = align(example.text).text.lower()
        earlier = seen.get(key)
        if earlier is not None and earlier.intent != example.intent:
            message = (
                f'"{_short(example.text)}" is {example.intent} here and {earlier.intent} at {earlier.place}; '
                "keep it with one intent (the first is used)"
            )
            data.problems.append(Problem("error", example.place, message))
            continue
        if earlier is not None:
            data.problems.append(Problem("warning", example.place, f'"{_short(example.text)}" repeats {earlier.place}'))
            if earlier.entities == example.entities:
                continue
        seen.setdefault(key, example)
        spans = tuple(_without_overlap(example, data))
        kept.append(Example(example.text, example.intent, spans, example.place))
    counts: dict[str, list[Example]] = defaultdict(list)
    for example in kept:
        counts[example.intent].append(example)
    for intent, members in counts.items():
        if len(members) == 1:
            message = f'intent "{intent}" has one example; it cannot be checked against held-out data, add some more'
            data.problems.append(Problem("warning", members[0].place, message))
    return kept


def _without_overlap(example: Example, data: Dataset) -> Iterator[Span]:
    tokens = align(example.text).tokens()
    starts, ends = {t.start for t in tokens}, {t.end for t in tokens}
    last = 0
    for span in sorted(example.entities, key=lambda s: (s.start, -s.end)):
        if span.start < last:
            message = f'entity "{span.entity}" {span.start}:{span.end} overlaps the one before it; it is left out'
            data.problems.append(Problem("error", example.place, message))
            continue
        surface = example.text[span.start : span.end]
        if not surface.strip():
            data.problems.append(
                Problem("error", example.place, f'entity "{span.entity}" covers only white space; it is left out')
            )
            continue
        if surface != surface.strip() or span.start not in starts or span.end not in ends:
            message = f'entity "{span.entity}" "{_short(surface)}" cuts a word; it is widened to whole words'
            data.problems.append(Problem("warning", example.place, message))
        last = span.end
        yield span


def summarise(problems: Iterable[Problem]) -> str:
    """Problems as lines for a terminal, errors first, at most `_MAX_LISTED` of them."""
    ordered = sorted(problems, key=lambda p: p.severity != "error")
    lines = [str(p) for p in ordered[:_MAX_LISTED]]
    if len(ordered) > _MAX_LISTED:
        lines.append(f"… and {len(ordered) - _MAX_LISTED} more")
    return "\n".join(lines)


def _short(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
