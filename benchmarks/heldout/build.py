"""Write the held-out evaluation set (zh.jsonl, en.jsonl, SHA256SUMS) from its marked-up sources (zh.tsv, en.tsv).

A source line is ``intent<TAB>text``; an entity is marked in the text as ``[surface](kind)`` or
``[surface](kind=value)``.

    uv run python benchmarks/heldout/build.py           # write the files
    uv run python benchmarks/heldout/build.py --check   # compare only; exit status 1 where a file differs
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import unicodedata
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
LANGUAGES = ("zh", "en")
MINIMUM_PER_INTENT = 21
MINIMUM_OUT_OF_SCOPE = 80
ENTITY_KINDS = {
    *("phone_number", "order_number", "ticket_number", "error_code", "date", "amount", "data_volume"),
    *("plan", "place", "product", "person_name", "otp_code", "light"),
}
PLAN_IDS = {"start", "plus", "max", "family", "senior", "student", "fiber300", "fiber1000"}
MARK = re.compile(r"\[([^\[\]]+)\]\((\w+)(?:=([^()]*))?\)")
# The shape of a normalised value, for the kinds that have one.
VALUE_SHAPES = {
    "phone_number": re.compile(r"1\d{10}"),
    "order_number": re.compile(r"QH\d{8}"),
    "ticket_number": re.compile(r"T-\d{6}"),
    "otp_code": re.compile(r"\d{6}"),
}


class SourceError(ValueError):
    """A source line that cannot become a row; the message names file, line and what to change."""


def normalise(kind: str, surface: str) -> str:
    """The value of an entity written as `surface`, where its source gives none."""
    if kind == "phone_number":
        digits = re.sub(r"\D", "", surface)
        return digits.removeprefix("86")
    if kind == "otp_code":
        return re.sub(r"\D", "", surface)
    if kind in ("order_number", "ticket_number"):
        return surface.upper()
    return surface


def comparable(text: str) -> str:
    """`text` in lower case, only its letters: what counts as the same sentence (punctuation, space, digits dropped)."""
    return "".join(char for char in text.lower() if unicodedata.category(char)[0] == "L")


def parse_line(line: str, where: str) -> dict[str, Any]:
    """One source line as a row of the set; offsets count code points, the end is exclusive."""
    intent, tab, marked = line.partition("\t")
    if not tab or not intent or marked != marked.strip() or not marked:
        raise SourceError(f"{where}: expected intent, one tab, text without space around it")
    text, entities, position = "", [], 0
    for mark in MARK.finditer(marked):
        text += marked[position : mark.start()]
        surface, kind, given = mark.groups()
        value = given if given is not None else normalise(kind, surface)
        if kind not in ENTITY_KINDS:
            raise SourceError(f"{where}: unknown entity kind {kind!r}; one of {', '.join(sorted(ENTITY_KINDS))}")
        if kind == "plan" and value not in PLAN_IDS:
            raise SourceError(f"{where}: plan {value!r} is not an id; write [..](plan=ID)")
        if kind in VALUE_SHAPES and not VALUE_SHAPES[kind].fullmatch(value):
            raise SourceError(f"{where}: {kind} {value!r} is not normalised; write [..]({kind}=VALUE)")
        entities.append({"start": len(text), "end": len(text) + len(surface), "entity": kind, "value": value})
        text += surface
        position = mark.end()
    text += marked[position:]
    if "](" in text:
        raise SourceError(f"{where}: an entity mark is not closed")
    return {"text": text, "intent": intent, "entities": entities}


def read_source(path: Path) -> list[dict[str, Any]]:
    """All rows of a source file, in its order, checked for duplicates and for enough rows an intent."""
    rows: list[dict[str, Any]] = []
    seen: dict[str, str] = {}
    counts: dict[str, int] = {}
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        where = f"{path.name}:{number}"
        row = parse_line(line, where)
        key = comparable(row["text"])
        # A row of digits alone ("886") is told apart by them.
        key = key or row["text"]
        if key in seen:
            raise SourceError(f"{where}: the same sentence as {seen[key]}")
        seen[key] = where
        counts[row["intent"]] = counts.get(row["intent"], 0) + 1
        rows.append(row)
    for intent, count in counts.items():
        least = MINIMUM_OUT_OF_SCOPE if intent == "oos" else MINIMUM_PER_INTENT
        if count < least:
            raise SourceError(f"{path.name}: intent {intent} has {count} rows, at least {least} are needed")
    return rows


def build() -> dict[str, bytes]:
    """The content of every generated file, by name."""
    files: dict[str, bytes] = {}
    intents: dict[str, set[str]] = {}
    for language in LANGUAGES:
        rows = read_source(HERE / f"{language}.tsv")
        intents[language] = {row["intent"] for row in rows}
        lines = (json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
        files[f"{language}.jsonl"] = "".join(lines).encode()
    if intents["zh"] != intents["en"]:
        raise SourceError(f"intents of one language only: {sorted(intents['zh'] ^ intents['en'])}")
    sums = (f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in sorted(files.items()))
    files["SHA256SUMS"] = "".join(sums).encode()
    return files


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; fail where a file differs from its source")
    arguments = parser.parse_args()
    try:
        files = build()
    except SourceError as error:
        print(error, file=sys.stderr)
        return 1
    differing = []
    for name, content in files.items():
        path = HERE / name
        if arguments.check:
            if not path.is_file() or path.read_bytes() != content:
                differing.append(name)
        else:
            path.write_bytes(content)
            lines = content.count(b"\n")
            print(f"{name}: {lines} lines")
    for name in differing:
        print(f"{name} differs from its source; run benchmarks/heldout/build.py", file=sys.stderr)
    return 1 if differing else 0


if __name__ == "__main__":
    sys.exit(main())
