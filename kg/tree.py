"""A fault tree as a plain value: named gates over basic events with probabilities. What analysis works on.

Diagnosis graphs (`kg.model`) and Open-PSA files (`kg.openpsa`) both turn into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kg.formula import COHERENT, Formula


class TreeError(ValueError):
    """A fault tree is not well formed (a cycle, a name without definition, a probability outside [0, 1])."""


@dataclass(frozen=True)
class FaultTree:
    """Gates by name, probabilities of basic events by name, constants fixed by house events, labels for people.

    `probabilities` may lack events: such a tree has cut sets but no top-event probability.
    """

    name: str
    gates: Mapping[str, Formula]
    probabilities: Mapping[str, float] = field(default_factory=dict)
    events: frozenset[str] = frozenset()
    house: Mapping[str, bool] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    def tops(self) -> list[str]:
        """Gates that no other gate uses, in the order of their definition."""
        used = {name for formula in self.gates.values() for name in formula.events()}
        return [gate for gate in self.gates if gate not in used]

    def reachable(self, tops: Iterable[str]) -> list[str]:
        """Gates below (and with) the tops, every gate after those it uses.

        Raises:
            TreeError: a cycle, with the names on it, or a name that is neither gate, basic event nor house event.
        """
        order: list[str] = []
        state: dict[str, int] = {}
        known = self.events | self.probabilities.keys() | self.house.keys()
        for top in tops:
            if top not in self.gates and top not in known:
                raise TreeError(f'{self.name}: there is no gate or event "{top}" to start from')
            stack: list[tuple[str, bool]] = [(top, False)]
            path: list[str] = []
            while stack:
                name, leaving = stack.pop()
                if leaving:
                    path.pop()
                    state[name] = 2
                    order.append(name)
                    continue
                if name not in self.gates:
                    continue
                if state.get(name) == 2:
                    continue
                if state.get(name) == 1:
                    cycle = [*path[path.index(name) :], name]
                    raise TreeError(f"{self.name}: the gates {' → '.join(cycle)} form a cycle; cut one of these links")
                state[name] = 1
                path.append(name)
                stack.append((name, True))
                for used in reversed(list(dict.fromkeys(self.gates[name].events()))):
                    if used in self.gates:
                        if state.get(used) != 2:
                            stack.append((used, False))
                    elif used not in known:
                        raise TreeError(
                            f'{self.name}: gate "{name}" uses "{used}", which is neither a gate nor an event; '
                            "define it or remove it from the gate"
                        )
        return order

    def is_coherent(self, tops: Iterable[str]) -> bool:
        """Whether only and, or and k-of-n occur below the tops."""
        stack = [self.gates[gate] for gate in self.reachable(tops)]
        while stack:
            formula = stack.pop()
            if formula.op not in COHERENT:
                return False
            stack.extend(formula.args)
        return True
