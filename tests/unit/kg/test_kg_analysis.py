from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import given, settings
from trees import COHERENT, cut_sets, fault_trees, holds, probability, states

from kg import bdd, cutsets
from kg import formula as f
from kg.analysis import analyse
from kg.formula import parse
from kg.openpsa import read
from kg.tree import FaultTree, TreeError
from kg.truncated import small_cut_sets


def tree(chances: dict[str, float], **gates: str) -> FaultTree:
    return FaultTree("t", {name: parse(text) for name, text in gates.items()}, chances, frozenset(chances))


@settings(max_examples=80, deadline=None)
@given(fault_trees())
def test_probability_is_that_of_enumeration(random_tree: FaultTree) -> None:
    diagram = bdd.build(random_tree, ["top"])
    exact = probability(random_tree, lambda present: holds(random_tree, "top", present))
    assert math.isclose(diagram.probability("top", random_tree.probabilities), exact, abs_tol=1e-12)


@settings(max_examples=80, deadline=None)
@given(fault_trees(COHERENT))
def test_cut_sets_are_minimal_and_complete(random_tree: FaultTree) -> None:
    diagram = bdd.build(random_tree, ["top"])
    sets = cutsets.minimal_cut_sets(diagram, "top")
    listed = [frozenset(one) for one in sets]
    expected = cut_sets(random_tree, "top")
    assert set(listed) == expected
    assert len(listed) == sets.count() == sum(sets.count_by_order().values())
    for limit in (0, 1, 2, 9):
        few = {one for one in expected if len(one) <= limit}
        assert {frozenset(one) for one in cutsets.minimal_cut_sets(diagram, "top", max_order=limit)} == few
        assert {frozenset(one) for one in small_cut_sets(random_tree, "top", limit)} == few


def chance(of: FaultTree) -> float:
    return probability(of, lambda present: holds(of, "top", present))


@settings(max_examples=40, deadline=None)
@given(fault_trees(COHERENT, most_events=5))
def test_importance_is_that_of_enumeration(random_tree: FaultTree) -> None:
    result = analyse(random_tree, top="top", importance=True)
    assert result.importance is not None
    total = probability(random_tree, lambda present: holds(random_tree, "top", present))
    sets = cut_sets(random_tree, "top")
    for measure in result.importance:
        name = measure.event
        rest = {**random_tree.probabilities}
        high = FaultTree("h", random_tree.gates, {**rest, name: 1.0}, random_tree.events)
        low = FaultTree("l", random_tree.gates, {**rest, name: 0.0}, random_tree.events)
        slope = chance(high) - chance(low)
        assert math.isclose(measure.birnbaum, slope, abs_tol=1e-9)
        assert math.isclose(measure.criticality, slope * rest[name] / total, abs_tol=1e-9)
        through = [one for one in sets if name in one]
        vesely = sum(c for present, c in states(random_tree) if any(one <= present for one in through)) / total
        assert measure.fussell_vesely is not None
        assert math.isclose(measure.fussell_vesely, vesely, abs_tol=1e-9)


@settings(max_examples=60, deadline=None)
@given(fault_trees())
def test_coherence_is_seen_in_the_diagram(random_tree: FaultTree) -> None:
    diagram = bdd.build(random_tree, ["top"])
    everything = random_tree.events
    monotone = all(
        not holds(random_tree, "top", present - {name}) or holds(random_tree, "top", present)
        for present in map(frozenset, _subsets(sorted(everything)))
        for name in present
    )
    assert diagram.is_monotone("top") == monotone


def _subsets(names: list[str]) -> list[list[str]]:
    return [[n for i, n in enumerate(names) if mask >> i & 1] for mask in range(2 ** len(names))]


def test_a_tree_that_is_not_coherent_keeps_its_probability() -> None:
    result = analyse(tree({"a": 0.1, "b": 0.2}, top="a xor b"))
    assert result.probability == pytest.approx(0.26)
    assert result.minimal_cut_sets is None
    assert "not coherent" in result.notes[0]


def test_events_without_probability_leave_the_cut_sets() -> None:
    result = analyse(FaultTree("t", {"top": parse("a and b")}, {"a": 0.1}, frozenset("ab")))
    assert result.probability is None
    assert result.minimal_cut_sets == 1
    assert '"b"' in result.notes[0]


def test_a_cycle_is_named() -> None:
    with pytest.raises(TreeError, match="g1 → g2 → g1"):
        analyse(tree({"a": 0.1}, top="g1 or a", g1="g2 or a", g2="g1 and a"))


def test_an_undefined_name_is_named() -> None:
    with pytest.raises(TreeError, match='"top" uses "nobody"'):
        analyse(tree({"a": 0.1}, top="nobody or a"))


def test_the_top_with_most_below_it_is_taken() -> None:
    result = analyse(tree({"a": 0.1, "b": 0.1}, small="a and b", large="g or b", g="a and b"))
    assert (result.top, result.other_tops) == ("large", ["small"])


def test_time_is_limited() -> None:
    # Twelve of thirty: no order of the events makes the cut sets few, and listing is not asked for.
    names = [f"e{i}" for i in range(30)]
    wide = FaultTree("w", {"top": f.at_least(12, *map(f.event, names))}, dict.fromkeys(names, 0.1), frozenset(names))
    assert analyse(wide).minimal_cut_sets == math.comb(30, 12)
    with pytest.raises(bdd.AnalysisLimitError, match="limit of"):
        bdd.build(wide, ["top"], seconds=-1.0)


def test_many_cut_sets_are_counted_without_listing() -> None:
    # Twenty pairs in series: two to the twentieth combinations of one of each pair.
    events = {f"{side}{i}": 0.01 for i in range(20) for side in "ab"}
    pairs = " and ".join(f"(a{i} or b{i})" for i in range(20))
    result = analyse(tree(events, top=pairs), list_limit=3)
    assert result.minimal_cut_sets == 2**20
    assert result.cut_sets is not None
    assert [len(one) for one in result.cut_sets] == [20, 20, 20]


def test_constants_fold() -> None:
    house = FaultTree("h", {"top": f.all_of(f.event("a"), f.event("on"))}, {"a": 0.25}, frozenset("a"), {"on": True})
    assert analyse(house).probability == 0.25
    off = FaultTree("h", {"top": f.all_of(f.event("a"), f.event("on"))}, {"a": 0.25}, frozenset("a"), {"on": False})
    assert analyse(off).minimal_cut_sets == 0


def test_reordering_gives_the_same_figures(monkeypatch: pytest.MonkeyPatch) -> None:
    names = [f"e{i}" for i in range(16)]
    # Pairs far apart in the written order: the worst order for a sum of products.
    pairs = f.any_of(*(f.all_of(f.event(names[i]), f.event(names[i + 8])) for i in range(8)))
    interleaved = FaultTree("p", {"top": pairs}, dict.fromkeys(names, 0.1), frozenset(names))
    static = bdd.build(interleaved, ["top"], order=names)
    monkeypatch.setattr(bdd, "_SMALL", 0)
    monkeypatch.setattr(bdd, "_MEDIUM", 0)
    best = bdd.build(interleaved, ["top"])
    assert len(best) < len(static)
    exact = 1 - (1 - 0.01) ** 8
    assert static.probability("top", interleaved.probabilities) == pytest.approx(exact)
    assert best.probability("top", interleaved.probabilities) == pytest.approx(exact)


def test_small_cut_sets_are_found_where_the_diagram_is_too_large(monkeypatch: pytest.MonkeyPatch) -> None:
    def too_large(*_: object, **__: object) -> bdd.Diagram:
        raise bdd.AnalysisLimitError("the diagram does not fit")

    names = [f"e{i}" for i in range(12)]
    votes = FaultTree("v", {"top": f.at_least(3, *map(f.event, names))}, dict.fromkeys(names, 0.1), frozenset(names))
    monkeypatch.setattr(bdd, "build", too_large)
    result = analyse(votes, max_order=3)
    assert (result.minimal_cut_sets, result.probability) == (220, None)
    assert "does not fit" in result.notes[0]
    with pytest.raises(bdd.AnalysisLimitError, match="does not fit"):
        analyse(votes)


def test_cut_sets_are_counted_by_the_hundred_million() -> None:
    """Twelve of 31 equal events: as many minimal cut sets as ways to choose them, and a binomial tail."""
    events = [f"e{number}" for number in range(31)]
    body = "".join(f'<event name="{name}"/>' for name in events)
    chances = "".join(f'<define-basic-event name="{name}"><float value="0.3"/></define-basic-event>' for name in events)
    text = f'<opsa-mef><define-gate name="top"><atleast min="12">{body}</atleast></define-gate>{chances}</opsa-mef>'
    result = analyse(read({"big.xml": text}).tree, seconds=60)
    assert result.minimal_cut_sets == math.comb(31, 12) == 141_120_525
    tail = sum(math.comb(31, k) * 0.3**k * 0.7 ** (31 - k) for k in range(12, 32))
    assert result.probability == pytest.approx(tail, abs=1e-12)


def test_every_connective_at_once_is_that_of_enumeration() -> None:
    chances = {"a": 0.1, "b": 0.2, "c": 0.3}
    text = """<opsa-mef><define-gate name="top"><and>
      <imply><event name="a"/><event name="b"/></imply>
      <iff><event name="a"/><gate name="n"/></iff>
      <cardinality min="1" max="2"><event name="a"/><event name="b"/><event name="c"/></cardinality>
    </and></define-gate>
    <define-gate name="n"><nand><event name="b"/><nor><event name="c"/><event name="a"/></nor></nand></define-gate>"""
    text += "".join(
        f'<define-basic-event name="{name}"><float value="{chance}"/></define-basic-event>'
        for name, chance in chances.items()
    )
    whole = 0.0
    for a, b, c in itertools.product((False, True), repeat=3):
        n = not (b and not (c or a))
        if (not a or b) and a == n and 1 <= a + b + c <= 2:
            whole += math.prod(
                chance if on else 1 - chance for on, chance in zip((a, b, c), chances.values(), strict=True)
            )
    result = analyse(read({"all.xml": text + "</opsa-mef>"}).tree)
    assert result.probability == pytest.approx(whole)
    assert result.minimal_cut_sets is None
    assert "not coherent" in result.notes[0]
