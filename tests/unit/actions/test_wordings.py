"""Answers in words that stand nowhere in the product's data are read, and hardly ever taken for something else."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from actions.diagnosis_graph import Graphs
from actions.diagnosis_numbers import numbers
from benchmarks.wordings import judge, read, wordings
from server.settings import ROOT


@pytest.fixture(scope="module")
def graphs() -> Graphs:
    return Graphs.load(ROOT / "kg" / "data")


@pytest.mark.parametrize("language", ["zh", "en"])
async def test_most_wordings_are_read_by_their_words_alone(graphs: Graphs, language: str) -> None:
    """Without the model service; `python -m benchmarks.wordings` measures both ways."""
    said = list(wordings(language))
    assert len(said) >= 300
    verdicts = Counter([judge(one, await read(graphs, one, language)) for one in said])
    assert verdicts["right"] >= 0.75 * len(said)
    assert verdicts["wrong"] <= 0.025 * len(said)


def test_the_wordings_stand_nowhere_in_the_data() -> None:
    data = "".join(path.read_text("utf-8") for path in sorted(Path(ROOT / "kg" / "data").glob("*.yaml")))
    for language in ("zh", "en"):
        long = [one.text for one in wordings(language) if len(one.text) > 12]
        assert not [text for text in long if text in data]


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("0.5 mbps", [0.5]),
        ("about 700 kbps", [0.7]),
        ("七百 k", [0.7]),
        ("百分之七十四", [74]),
        ("十几兆吧", [10]),
        ("两百多兆", [200]),
        ("half a megabit", [0.5]),
        ("seventy-two percent", [72]),
        ("over two hundred", [200]),
        ("error 301 on a 2 inch screen", [301, 2]),
        ("the 5g network", []),
        ("一直转圈", []),
        ("只有一个人", []),
        ("", []),
    ],
)
def test_numbers_in_words(text: str, values: list[float]) -> None:
    assert numbers(text) == values
