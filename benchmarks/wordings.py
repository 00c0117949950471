"""How well answers in words never seen are understood: `tests/unit/actions/wordings`, read as an open step reads them.

    uv run python -m benchmarks.wordings [--no-meaning] [--show]

Right: what was said, or "not sure" where that was said. Missed: nothing was read, so it is asked another way. Wrong:
something else was read, which misleads the diagnosis.
"""

from __future__ import annotations

import argparse
import asyncio
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import yaml

from actions import diagnosis_words as w
from actions.diagnosis_graph import Graphs
from actions.diagnosis_reading import Reading, by_meaning, helped_by_meaning, read_check, read_fix
from actions.diagnosis_text import clauses, plain
from server.nlu.index import embed
from server.settings import ROOT

FOLDER = ROOT / "tests" / "unit" / "actions" / "wordings"
Verdict = Literal["right", "missed", "wrong"]


@dataclass(frozen=True)
class Wording:
    """One answer: the open check ("fix", "done" for fixes), what it says, and in which words."""

    check: str
    says: str
    text: str


def wordings(language: str) -> Iterator[Wording]:
    """All of a language."""
    for check, answers in yaml.safe_load((FOLDER / f"{language}.yaml").read_text("utf-8")).items():
        for says, texts in answers.items():
            for text in texts:
                yield Wording(check, says, str(text))


def judge(one: Wording, found: Reading) -> Verdict:
    """Compare what was read with what was said."""
    if "=" not in one.says:
        given = found.result if one.check in {"fix", "done"} or not found.outcomes else "outcome"
        if given == one.says or (one.says == "unsure" and not given and found.aside in {"", "explain"}):
            return "right"
        return "wrong" if given and {given, one.says} != {"refused", "unsure"} else "missed"
    wanted = dict(part.split("=") for part in one.says.split())
    said = {(name.partition(".")[2] or "_"): outcome for name, outcome in found.outcomes.items()}
    if any(said.get(name, outcome) != outcome for name, outcome in wanted.items()) or found.aside == "forget":
        return "wrong"
    return "right" if wanted.items() <= said.items() else "missed"


async def read(graphs: Graphs, one: Wording, language: str) -> Reading:
    """Read an answer as a conversation does."""
    version = graphs.current
    near = await graphs.nearness.of([plain(one.text), *(clause.text for clause in clauses(plain(one.text)))])
    if one.check in {"fix", "done"}:
        works = version.knowledge.graph.symptoms["mobile_data_unavailable"].works[2]
        question = getattr(works, language) if one.check == "fix" else ""
        found = read_fix(version.lexicon, one.text, question=question, retest="", complaint={})
        if found.empty and question:
            found.result = helped_by_meaning(one.text, near)
        return found
    found = read_check(version.lexicon, one.check, one.text)
    if found.empty or (found.outcomes and len(found.outcomes) < len(version.knowledge.graph.checks[one.check].facets)):
        found.outcomes |= by_meaning(version.lexicon, one.check, one.text, near, known=found.outcomes)
    return found


async def measure(graphs: Graphs, language: str, *, show: bool) -> dict[str, Any]:
    """Read all wordings of a language."""
    counts: Counter[str] = Counter()
    for one in wordings(language):
        found = await read(graphs, one, language)
        verdict = judge(one, found)
        counts[verdict] += 1
        if show and verdict != "right":
            print(
                f"{verdict:6} {one.check} {one.says}: {one.text!r} -> {found.outcomes or found.result or found.aside!r}"
            )
    total = counts.total()
    return {
        "language": language,
        "wordings": total,
        **{name: round(counts[name] / total, 4) for name in ("right", "missed", "wrong")},
    }


async def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--no-meaning", action="store_true", help="as while the model service is away")
    parser.add_argument("--show", action="store_true", help="print what was not read right")
    options = parser.parse_args()

    async def vectors(texts: Sequence[str], *, deadline_s: float) -> Any:
        return np.asarray(embed(list(texts), query=True))

    graphs = Graphs.load(ROOT / "kg" / "data", None if options.no_meaning else vectors)  # type: ignore[arg-type]
    if not options.no_meaning:
        lexicon = graphs.current.lexicon
        used = {one.check for language in ("zh", "en") for one in wordings(language)} - {"fix", "done"}
        texts = [text for texts in w.RESULTS.values() for text in texts]
        for check in used:
            for facet in lexicon.graph.checks[check].facets.values():
                texts += [text for some in lexicon.outcome_texts(facet.id).values() for text in some]
        for at in range(0, len(texts), 64):
            part = texts[at : at + 64]
            graphs.nearness.keep(part, await vectors(part, deadline_s=60.0))
    for language in ("zh", "en"):
        print(json.dumps(await measure(graphs, language, show=options.show)))


if __name__ == "__main__":
    asyncio.run(main())
