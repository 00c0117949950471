"""Markdown cut into pieces that can each be an article: at headings, and between paragraphs where one is too long."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

LONGEST: Final = 3_500
"""Characters of a piece; what is longer is cut between its subsections or paragraphs."""
SHORTEST: Final = 60
"""Characters of a piece; what is shorter joins the piece before it."""
SUMMARY: Final = 160
"""Characters of a proposed summary."""
MOST_PIECES: Final = 400
_HEADING: Final = re.compile(r"(#{1,6})\s+(.+?)\s*#*\s*$")
_FENCE: Final = re.compile(r"\s*(```|~~~)")
_HAN: Final = re.compile(r"[\u3400-\u4dbf\u4e00-\u9fff]")
_LATIN: Final = re.compile(r"[A-Za-z]{2,}")
_SENTENCE: Final = re.compile(r".+?(?:[。！？]|[.!?](?=\s|$)|$)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Piece:
    """A proposed article in one language."""

    title: str
    markdown: str
    category: str = ""
    language: str = "en"
    summary: str = ""


@dataclass(frozen=True, slots=True)
class _Section:
    level: int
    """1 to 6; 0 for what stands before the first heading."""
    title: str
    body: str


def split(markdown: str, name: str) -> list[Piece]:
    """The pieces of a document called ``name``, in order; nothing of its text is lost but the headings of the pieces.

    The heading level that cuts is the highest one which there are several of; a single heading above it is the
    document's title. Deeper headings stay inside the pieces.
    """
    sections = list(_sections(markdown))
    levels = [one.level for one in sections if one.level]
    cut = next((level for level in range(1, 7) if levels.count(level) > 1), min(levels, default=0))
    whole = next((one.title for one in sections if 0 < one.level < cut), "") or name
    pieces: list[Piece] = []
    for section in sections:
        if section.level and section.level <= cut:
            pieces.append(Piece(section.title, section.body))
        elif not pieces:
            pieces.append(Piece(section.title or whole, section.body))
        else:
            pieces[-1] = _with_section(pieces[-1], section)
    joined = _without_crumbs(pieces)
    return [_finished(one) for piece in joined for one in _shortened(piece)][:MOST_PIECES]


def language_of(text: str) -> str:
    """``zh`` where Chinese characters carry the text, else ``en``; a character says about as much as half a word."""
    return "zh" if len(_HAN.findall(text)) > 2 * len(_LATIN.findall(text)) else "en"


def slug(title: str, taken: Sequence[str] | set[str], number: int) -> str:
    """An id made of a title's Latin words, else of a number; never one that is taken."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:48].strip("-")
    base = words if len(words) > 2 else f"document-{number}"
    found, again = base, 2
    while found in taken:
        found, again = f"{base}-{again}", again + 1
    return found


def _sections(markdown: str) -> Iterator[_Section]:
    level, title, fenced = 0, "", False
    lines: list[str] = []
    for line in markdown.splitlines():
        if _FENCE.match(line):
            fenced = not fenced
        heading = None if fenced else _HEADING.match(line)
        if heading is None:
            lines.append(line)
            continue
        if level or any(one.strip() for one in lines):
            yield _Section(level, title, "\n".join(lines).strip())
        level, title, lines = len(heading[1]), _bare(heading[2]), []
    if level or any(one.strip() for one in lines):
        yield _Section(level, title, "\n".join(lines).strip())


def _bare(heading: str) -> str:
    return re.sub(r"[*_`]|!?\[([^\]]*)\]\([^)]*\)", lambda found: found[1] or "", heading).strip()


def _with_section(piece: Piece, section: _Section) -> Piece:
    heading = f"{'#' * max(section.level, 2)} {section.title}" if section.level else ""
    return replace(piece, markdown="\n\n".join(part for part in (piece.markdown, heading, section.body) if part))


def _without_crumbs(pieces: Sequence[Piece]) -> list[Piece]:
    """A heading with hardly a word below it is no article: it joins the one before, the first one what follows."""
    kept: list[Piece] = []
    for piece in pieces:
        if kept and not kept[-1].markdown:
            kept[-1] = piece  # the document's title alone
        elif kept and len(piece.markdown) < SHORTEST and len(kept[-1].markdown) + len(piece.markdown) < LONGEST:
            body = (kept[-1].markdown, f"## {piece.title}", piece.markdown)
            kept[-1] = replace(kept[-1], markdown="\n\n".join(part for part in body if part))
        else:
            kept.append(piece)
    return kept


def _shortened(piece: Piece) -> Iterator[Piece]:
    if len(piece.markdown) <= LONGEST:
        yield piece
        return
    parts: list[str] = []
    for block in _blocks(piece.markdown):
        if parts and len(parts[-1]) + len(block) < LONGEST:
            parts[-1] = f"{parts[-1]}\n\n{block}"
        else:
            parts.append(block)
    for number, part in enumerate(parts, 1):
        yield replace(piece, title=f"{piece.title} ({number}/{len(parts)})", markdown=part)


def _blocks(markdown: str) -> Iterator[str]:
    for block in re.split(r"\n\s*\n", markdown):
        if len(block) <= LONGEST:
            yield block
            continue
        for line in block.splitlines():
            for first in range(0, len(line), LONGEST):
                yield line[first : first + LONGEST]


def _finished(piece: Piece) -> Piece:
    plain = re.sub(r"[#*_`>|]|^\s*(?:[-*]|\d+[.)])\s+", "", piece.markdown, flags=re.MULTILINE)
    first = next((line.strip() for line in plain.splitlines() if len(line.strip()) > 3), "")
    sentence = _SENTENCE.match(first)
    summary = (sentence[0] if sentence else first).strip()[:SUMMARY]
    title = piece.title.strip()[:200]
    return replace(
        piece, title=title, summary=piece.summary or summary, language=language_of(f"{title}\n{piece.markdown}")
    )  # fmt: skip
