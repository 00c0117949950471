"""Which staff are at the desk right now, in this gateway process."""

from collections import Counter

STATES = ("online", "busy", "away")


class Presence:
    """Counts each agent's open desks; an agent with two windows is still there when one closes."""

    def __init__(self) -> None:
        self._desks: Counter[str] = Counter()
        self._state: dict[str, str] = {}

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

    def set(self, agent: str, state: str) -> None:
        """What the agent says of themselves: one of ``STATES``."""
        if state not in STATES:
            raise ValueError(f"presence '{state}' is not one of {', '.join(STATES)}")
        self._state[agent] = state

    def anybody(self) -> bool:
        """Whether somebody is there who takes conversations."""
        return any(self._state.get(agent, "online") != "away" for agent in self._desks)
