"""Variable orders for decision diagrams: the one choice on which the size of a diagram hangs.

Candidates come from depth-first walks of the tree with different sorting of a gate's inputs (Minato, Ishiura and Yajima
1990; Bartlett and Andrews 2001 compare such orders for fault trees) and from the FORCE heuristic (Aloul, Markov and
Sakallah, "FORCE: a fast and easy-to-implement variable-ordering heuristic", GLSVLSI 2003).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from kg.formula import Formula, Op
from kg.tree import FaultTree

FORCE_ROUNDS = 30
"""Rounds after which the centre-of-gravity iteration has settled on trees of hundreds of events."""


def candidates(tree: FaultTree, tops: Sequence[str]) -> Iterator[tuple[str, ...]]:
    """Different orders of the basic events below `tops`, the usually best first."""
    gates = tree.reachable(tops)
    weight, height = _sizes(tree, gates)
    uses: dict[str, int] = {}
    for gate in gates:
        for name in tree.gates[gate].events():
            uses[name] = uses.get(name, 0) + 1

    sortings: tuple[Callable[[Formula, int], tuple[float, ...]], ...] = (
        lambda formula, place: (place,),
        lambda formula, place: (_measure(formula, weight, 1), place),
        lambda formula, place: (-_most_used(formula, uses), _measure(formula, weight, 1), place),
        lambda formula, place: (-_measure(formula, weight, 1), place),
        lambda formula, place: (-_measure(formula, height, 0), place),
    )
    seen: set[tuple[str, ...]] = set()
    for sorting in sortings:
        order = _walk(tree, tops, sorting)
        if order not in seen:
            seen.add(order)
            yield order
    first = next(iter(seen)) if len(seen) == 1 else _walk(tree, tops, sortings[1])
    order = force(first, _spans(tree, gates))
    if order not in seen:
        yield order


def force(order: Sequence[str], groups: Iterable[Iterable[str]], rounds: int = FORCE_ROUNDS) -> tuple[str, ...]:
    """Move events towards the centres of the groups that they are in, while the total span of the groups shrinks."""
    members = [list(dict.fromkeys(group)) for group in groups]
    members = [group for group in members if len(group) > 1]
    inside: dict[str, list[int]] = {name: [] for name in order}
    for index, group in enumerate(members):
        for name in group:
            inside[name].append(index)

    def span(place: Mapping[str, int]) -> int:
        return sum(max(place[n] for n in group) - min(place[n] for n in group) for group in members)

    best = tuple(order)
    place = {name: index for index, name in enumerate(best)}
    least = span(place)
    for _ in range(rounds):
        centre = [sum(place[name] for name in group) / len(group) for group in members]
        target = {
            name: sum(centre[index] for index in inside[name]) / len(inside[name]) if inside[name] else float(at)
            for name, at in place.items()
        }
        trial = tuple(sorted(place, key=lambda name: (target[name], place[name])))
        place = {name: index for index, name in enumerate(trial)}
        total = span(place)
        if total >= least:
            break
        best, least = trial, total
    return best


def _sizes(tree: FaultTree, gates: Sequence[str]) -> tuple[dict[str, int], dict[str, int]]:
    """Number of leaves (with repetition, capped) and height of every gate; `gates` in bottom-up order."""
    cap = 10**9
    weight: dict[str, int] = {}
    height: dict[str, int] = {}
    for gate in gates:
        names = list(tree.gates[gate].events())
        weight[gate] = min(cap, sum(weight.get(name, 1) for name in names))
        height[gate] = 1 + max((height.get(name, 0) for name in names), default=0)
    return weight, height


def _measure(formula: Formula, sizes: Mapping[str, int], leaf: int) -> int:
    return sum(sizes.get(name, leaf) for name in formula.events())


def _most_used(formula: Formula, uses: Mapping[str, int]) -> int:
    return max((uses.get(name, 0) for name in formula.events()), default=0)


def _walk(
    tree: FaultTree, tops: Sequence[str], sorting: Callable[[Formula, int], tuple[float, ...]]
) -> tuple[str, ...]:
    order: dict[str, None] = {}
    done: set[str] = set()
    stack: list[Formula] = [Formula(Op.EVENT, name=top) for top in reversed(tops)]
    while stack:
        formula = stack.pop()
        if formula.op is Op.EVENT:
            if formula.name in tree.gates:
                if formula.name not in done:
                    done.add(formula.name)
                    stack.append(tree.gates[formula.name])
            elif formula.name not in tree.house:
                order[formula.name] = None
            continue
        ranked = sorted(enumerate(formula.args), key=lambda item: sorting(item[1], item[0]))
        stack.extend(arg for _, arg in reversed(ranked))
    return tuple(order)


def _spans(tree: FaultTree, gates: Sequence[str]) -> list[list[str]]:
    """Basic events directly under each gate, joined with the first events of its gates: what should stay close."""
    representative: dict[str, str] = {}
    groups = []
    for gate in gates:
        group = [representative.get(name, name) for name in tree.gates[gate].events() if name not in tree.house]
        group = [name for name in group if name not in tree.gates]
        if group:
            representative[gate] = group[0]
            groups.append(group)
    return groups
