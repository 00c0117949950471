"""Full-text search over transcripts, alike in Chinese and English and on both databases.

Neither SQLite's FTS5 nor PostgreSQL splits Chinese into words. So the text is split here: Latin words and numbers as
they are, Chinese as pairs of neighbouring characters, and the databases index these terms. A query of several
characters becomes a phrase of pairs, which finds the characters next to each other and nothing else.
"""

import re
import unicodedata

_HAN = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_RUN = re.compile(f"[{_HAN}]+|[^\\W_{_HAN}]+")
_IS_HAN = re.compile(f"[{_HAN}]")
MAX_QUERY_TERMS = 12


def terms_of(text: str) -> str:
    """The terms under which a text is found, separated by spaces."""
    return " ".join(term for run in _runs(text) for term in _indexed(run))


def sqlite_query(query: str) -> str | None:
    """The query for FTS5; ``None`` where there is nothing to look for."""
    runs = _runs(query)[:MAX_QUERY_TERMS]
    return " AND ".join(f'"{" ".join(_asked(run))}"{_star(run)}' for run in runs) or None


def postgres_query(query: str) -> str | None:
    """The query for ``to_tsquery``; ``None`` where there is nothing to look for."""
    runs = _runs(query)[:MAX_QUERY_TERMS]
    return " & ".join("(" + " <-> ".join(_asked(run)) + (":*" if _star(run) else "") + ")" for run in runs) or None


def parts_of(text: str, query: str, *, width: int = 160) -> list[dict[str, object]]:
    """The stretch of the text around the first hit, in pieces: ``{"text", "hit"}``."""
    folded = _fold(text) if len(_fold(text)) == len(text) else text.lower()
    words = sorted(set(_runs(query)), key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, words))) if words else None
    first = pattern.search(folded) if pattern and len(folded) == len(text) else None
    start = max(0, first.start() - width // 3) if first else 0
    end = min(len(text), start + width)
    pieces: list[dict[str, object]] = []
    at = start
    for hit in pattern.finditer(folded, start, end) if pattern and first else ():
        if hit.start() > at:
            pieces.append({"text": text[at : hit.start()], "hit": False})
        pieces.append({"text": text[hit.start() : hit.end()], "hit": True})
        at = hit.end()
    if at < end or not pieces:
        pieces.append({"text": text[at:end], "hit": False})
    if start > 0:
        pieces.insert(0, {"text": "…", "hit": False})
    if end < len(text):
        pieces.append({"text": "…", "hit": False})
    return pieces


def _fold(text: str) -> str:
    return unicodedata.normalize("NFKC", text).lower()


def _runs(text: str) -> list[str]:
    return _RUN.findall(_fold(text))


def _indexed(run: str) -> list[str]:
    # The last character stands alone too, so that a query of one character finds it at the end of a stretch.
    return [*_pairs(run), run[-1]] if _IS_HAN.match(run) else [run]


def _asked(run: str) -> list[str]:
    return (_pairs(run) or [run]) if _IS_HAN.match(run) else [run]


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)]


def _star(run: str) -> str:
    """A word may go on; so may a single character, into the pair it begins."""
    return "" if _IS_HAN.match(run) and len(run) > 1 else "*"
