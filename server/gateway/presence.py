"""Which staff are at the desk right now, at any gateway, and since when the others are gone."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import get_args

from server.gateway.routing import Presence as State

STATES = tuple(state for state in get_args(State) if state != "offline")
Said = dict[str, list[str]]
"""Of agents with an open desk: ``[state, since]``, the time as ISO 8601."""


class Presence:
    """Counts each agent's open desks; an agent with two windows is still there when one closes."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._desks: Counter[str] = Counter()
        self._said: Said = {}
        self._elsewhere: Said = {}
        self._left: dict[str, datetime] = {}
        self._began = clock()
        self.changed: Callable[[], None] = lambda: None
        """Told when somebody came, went or said something here."""

    def arrive(self, agent: str) -> None:
        """An agent opened a desk."""
        self._desks[agent] += 1
        if agent not in self._said:
            self._said[agent] = [self.state(agent) if agent in self._elsewhere else "online", self._now()]
            self.changed()

    def leave(self, agent: str) -> None:
        """One of the agent's desks closed."""
        self._desks[agent] -= 1
        if self._desks[agent] <= 0:
            del self._desks[agent]
            self._said.pop(agent, None)
            self._left[agent] = self._clock()
            self.changed()

    def set(self, agent: str, state: str) -> bool:
        """What the agent says of themselves, one of ``STATES``; whether it changed anything."""
        if state not in STATES:
            raise ValueError(f"presence '{state}' is not one of {', '.join(STATES)}")
        changed = self.state(agent) != state
        self._said[agent] = [state, self._now()]
        if changed:
            self.changed()
        return changed

    def state(self, agent: str) -> State:
        """The agent's presence, what they said last at any gateway; ``offline`` without an open desk."""
        said = [found for found in (self._said.get(agent), self._elsewhere.get(agent)) if found is not None]
        # Only what `set` and `arrive` wrote, here or elsewhere, which is one of STATES.
        return max(said, key=lambda one: one[1])[0] if said else "offline"  # type: ignore[return-value]

    def states(self) -> Mapping[str, State]:
        """Everybody who has a desk open."""
        return {agent: self.state(agent) for agent in {**self._said, **self._elsewhere}}

    def left_at(self, agents: Iterable[str]) -> dict[str, datetime]:
        """Since when those without a desk are gone: since this process began, where nothing else is known."""
        return {agent: self._left.get(agent, self._began) for agent in agents}

    def anybody(self) -> bool:
        """Whether somebody is there who takes conversations."""
        return any(state != "away" for state in self.states().values())

    def here(self) -> Said:
        """What other gateways have to know of the desks at this one."""
        return {agent: list(said) for agent, said in self._said.items()}

    def elsewhere(self, given: Iterable[Said]) -> bool:
        """What the other living gateways say of their desks; whether it changed anything."""
        before = self.states()
        merged: Said = {}
        for said in given:
            for agent, (state, since) in said.items():
                if state in STATES and (agent not in merged or since > merged[agent][1]):
                    merged[agent] = [state, since]
        self._elsewhere = merged
        after = self.states()
        for agent in before:
            if agent not in after:
                self._left[agent] = self._clock()
        return before != after

    def _now(self) -> str:
        return self._clock().isoformat()
