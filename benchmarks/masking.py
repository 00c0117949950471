"""How much of what is personal `kefu mask` finds, and how much of what it masks is personal.

    python -m benchmarks.masking [--show] [FILE …]

Without FILE it reads the lists of `tests/masking`: `lines.txt` was written before the recognisers and they were made with
it; the others were written after them, one after the other, and each says in its head what was measured when it was new.
A span counts
where kind, beginning and end are those of the list; "covered" counts characters, whatever the kind.
"""

import argparse
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from server.privacy import KINDS, Span, find

LISTS = Path(__file__).parents[1] / "tests" / "masking"
_MARKED = re.compile(r"\{([A-Z_]+) ([^{}]*)\}")


def read(path: Path) -> Iterator[tuple[str, list[Span]]]:
    """The lines of a list without their marks, each with what is marked in it."""
    for line in path.read_text("utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            yield unmarked(line)


def unmarked(line: str) -> tuple[str, list[Span]]:
    text, spans, at = "", [], 0
    for match in _MARKED.finditer(line):
        if match[1] not in KINDS:
            raise ValueError(f"'{match[1]}' in '{line}' is no kind: use one of {', '.join(KINDS)}")
        text += line[at : match.start()]
        spans.append(Span(len(text), len(text) + len(match[2]), match[1]))
        text += match[2]
        at = match.end()
    return text + line[at:], spans


class Score:
    """Counts over lines."""

    def __init__(self) -> None:
        self.lines = 0
        self.wanted: Counter[str] = Counter()
        self.found: Counter[str] = Counter()
        self.right: Counter[str] = Counter()
        self.characters = self.covered = self.whole_lines = 0
        self.wrong: list[str] = []

    def add(self, text: str, wanted: list[Span]) -> None:
        found = find(text)
        self.lines += 1
        self.wanted.update(one.kind for one in wanted)
        self.found.update(one.kind for one in found)
        self.right.update(one.kind for one in set(wanted) & set(found))
        private = {at for one in wanted for at in range(one.start, one.end)}
        masked = {at for one in found for at in range(one.start, one.end)}
        self.characters += len(private)
        self.covered += len(private & masked)
        if set(wanted) == set(found):
            self.whole_lines += 1
        else:
            self.wrong.append(f"{text}\n    wanted {_said(text, wanted)}\n    found  {_said(text, found)}")

    def recall(self, kind: str | None = None) -> float:
        return _share(*(_count(counts, kind) for counts in (self.right, self.wanted)))

    def precision(self, kind: str | None = None) -> float:
        return _share(*(_count(counts, kind) for counts in (self.right, self.found)))


def _count(counts: Counter[str], kind: str | None) -> int:
    return counts[kind] if kind else counts.total()


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0


def _said(text: str, spans: list[Span]) -> str:
    return ", ".join(f"{one.kind} {text[one.start : one.end]!r}" for one in spans) or "nothing"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument(
        "files",
        nargs="*",
        type=Path,
        default=[LISTS / f"{name}.txt" for name in ("lines", "second", "third", "unseen", "fourth", "fifth")],
    )
    parser.add_argument("--show", action="store_true", help="print the lines that come out wrong")
    arguments = parser.parse_args()
    together = Score()
    for path in arguments.files:
        score = Score()
        for text, wanted in read(path):
            score.add(text, wanted)
            together.add(text, wanted)
        print(f"{path.name}: {score.lines} lines, {score.wanted.total()} spans, {score.whole_lines} lines all right")
        print(f"  {'':<10} {'spans':>6} {'recall':>8} {'precision':>10}")
        for kind in KINDS:
            print(f"  {kind:<10} {score.wanted[kind]:>6} {score.recall(kind):>8.1%} {score.precision(kind):>10.1%}")
        print(f"  {'all':<10} {score.wanted.total():>6} {score.recall():>8.1%} {score.precision():>10.1%}")
        print(f"  characters of personal data covered: {_share(score.covered, score.characters):.1%}")
        if arguments.show:
            print("\n".join(score.wrong))
    print(f"together: {together.lines} lines, recall {together.recall():.1%}, precision {together.precision():.1%}")


if __name__ == "__main__":
    main()
