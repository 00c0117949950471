"""What closed cases teach about the priors of faults. Pure functions; the console shows their results as proposals.

A prior is P(fault) among the customers who complain of anything in the graph. Each closed case whose fault became known
is one draw: it was this fault, or it was not. With a Beta prior whose mean is the present prior p and which weighs as
much as s cases, the posterior after k of n cases is Beta(p s + k, (1 - p) s + n - k), with the mean
(p s + k) / (s + n) (conjugacy of Beta and binomial: Gelman et al., "Bayesian Data Analysis", 3rd edition, section 2.4).
Cases whose cause stayed unknown teach nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

STRENGTH: Final = 100.0
"""How many cases the present prior counts as: an author's estimate is right within a factor, seldom better."""
LEAST_CASES: Final = 1
MARGIN: Final = 1e-4
"""A prior stays inside (0, 1): no number of cases makes a fault impossible or certain."""


@dataclass(frozen=True)
class Proposal:
    """A new prior: the posterior mean and its central 95 % interval; `cases` of `of` cases were this fault."""

    fault: str
    now: float
    proposed: float
    low: float
    high: float
    cases: int
    of: int

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


LEAST_SHARE: Final = 0.5
"""Of what a fix repairs, the share from which one fault counts as the one that it was."""


def cause(repairs: Mapping[str, float], shares: Mapping[str, float]) -> str:
    """The fault that a fix removed, from what it repairs and what was probable before it; "" where that stays open.

    Args:
        repairs: P(gone after the fix | it was there) by fault.
        shares: probability of each fault before the fix; the others' is 0.
    """
    weights = {fault: success * shares.get(fault, 0.0) for fault, success in repairs.items()}
    best = max(weights, key=lambda fault: (weights[fault], fault), default="")
    return best if best and weights[best] > 0 and weights[best] >= LEAST_SHARE * sum(weights.values()) else ""


def propose(fault: str, prior: float, cases: int, of: int, strength: float = STRENGTH) -> Proposal:
    """The proposal for a fault that was the cause of `cases` of `of` closed cases.

    Raises:
        ValueError: counts that cannot be, or a prior outside [0, 1].
    """
    if not 0 <= cases <= of or not 0.0 <= prior <= 1.0 or strength <= 0:
        raise ValueError(f"{cases} of {of} cases with prior {prior:g} and strength {strength:g} cannot be")
    from scipy.special import betaincinv  # noqa: PLC0415 - half a second that a gateway's start need not take

    inside = min(max(prior, MARGIN), 1.0 - MARGIN)
    hits, misses = inside * strength + cases, (1.0 - inside) * strength + of - cases
    low, high = (betaincinv(hits, misses, share) for share in (0.025, 0.975))
    proposed = round(hits / (hits + misses), 4)
    return Proposal(fault, prior, min(max(proposed, MARGIN), 1.0 - MARGIN), float(low), float(high), cases, of)


def proposals(priors: Mapping[str, float], counts: Mapping[str, tuple[int, int]]) -> list[Proposal]:
    """Proposals for all faults that closed cases say something about, those that change most first.

    Args:
        priors: present prior by fault.
        counts: by fault, in how many of how many closed cases since its prior was last changed it was this one.
    """
    made = [propose(fault, priors[fault], *counts[fault]) for fault in counts if fault in priors]
    changed = [one for one in made if one.of >= LEAST_CASES and one.proposed != round(one.now, 4)]
    return sorted(changed, key=lambda one: (-abs(one.proposed - one.now), one.fault))
