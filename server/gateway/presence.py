"""Which staff are at the desk right now, in this gateway process, and since when the others are gone."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import get_args

from server.gateway.routing import Presence as State

STATES = tuple(state for state in get_args(State) if state != "offline")


class Presence:
    """Counts each agent's open desks; an agent with two windows is still there when one closes."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._desks: Counter[str] = Counter()
        self._state: dict[str, State] = {}
        self._left: dict[str, datetime] = {}
        self._began = clock()

    def arrive(self, agent: str) -> None:
        """An agent opened a desk."""
        self._desks[agent] += 1
        self._state.setdefault(agent, "online")

    def leave(self, agent: str) -> None:
        """One of the agent's desks closed."""
        self._desks[agent] -= 1
        if self._desks[agent] <= 0:
            del self._desks[agent]
            self._state.pop(agent, None)
            self._left[agent] = self._clock()

    def set(self, agent: str, state: str) -> bool:
        """What the agent says of themselves, one of ``STATES``; whether it changed anything."""
        if state not in STATES:
            raise ValueError(f"presence '{state}' is not one of {', '.join(STATES)}")
        changed = self._state.get(agent) != state
        self._state[agent] = state  # type: ignore[assignment]  # one of STATES, as was checked
        return changed

    def state(self, agent: str) -> State:
        """The agent's presence; ``offline`` without an open desk."""
        return self._state.get(agent, "offline")

    def states(self) -> Mapping[str, State]:
        """Everybody who has a desk open."""
        return dict(self._state)

    def left_at(self, agents: Iterable[str]) -> dict[str, datetime]:
        """Since when those without a desk are gone: since this process began, where nothing else is known."""
        return {agent: self._left.get(agent, self._began) for agent in agents}

    def anybody(self) -> bool:
        """Whether somebody is there who takes conversations."""
        return any(state != "away" for state in self._state.values())
