"""Expected cost of repair, and what a check is worth: the arithmetic behind the next best step.

Troubleshooting as in Heckerman, Breese and Rommelse, "Decision-theoretic troubleshooting" (CACM 38/3, 1995): fixes are
tried in the order of probability of success over cost (their Eq. 1 and the argument around it), and a check is made
first when the expected cost after it, averaged over its outcomes, is lower (their one-step value of information,
Section 3.2). What is different here, and why:

- Several faults at once. Their single-fault assumption makes the chance that the device still fails after some fixes a
  sum; with several faults it is the probability that one of the remaining ones is active (Langseth and Jensen,
  "Decision theoretic troubleshooting of coherent systems", RESS 80, 2003). It is taken here as
  ``1 - product of (1 - share of each remaining cause)`` given the evidence, where a share is exact and the product
  treats the causes as independent given the evidence.
- The symptom is tested after every fix, which their "cost of observing" puts into every repair's cost.
- Calling for service is an option at every point of a sequence, not only at its end (the correction of Jensen et al.,
  "The SACSO methodology for troubleshooting complex systems", AI EDAM 15, 2001): the best prefix counts.
- One-step value overrates checks made before a fix that will be made anyway; such a fix goes first, since its re-test
  may end the matter and leaves the check's value as it was.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from kg.posterior import Floats

HANDOFF_COST: Final = 60.0
"""Cost of handing over, in customer steps (a cost of 1 is one question answered)."""
SURE: Final = 0.5
"""Probability from which a fix is made without looking for more evidence."""
LOOK_FIRST: Final = 0.25
"""What a fix costs more that should not be tried on a mere suspicion: the check that has to come first."""


def repair_costs(shares: Floats, costs: Floats, blind: Floats, hopeless: Floats) -> Floats:
    """Expected cost of repair for each row of evidence.

    Args:
        shares: probability that a fix would remove a present cause, shape (fixes, rows).
        costs: cost of each fix, shape (fixes,).
        blind: 1 where a fix may be tried on suspicion, else 0, shape (fixes,).
        hopeless: probability that a cause is present that none of the fixes removes, shape (rows,).

    Returns:
        Costs in customer steps, shape (rows,).
    """
    if not len(shares):
        return np.full(hopeless.shape, HANDOFF_COST)
    effective = costs[:, None] + np.where((blind[:, None] == 0) & (shares < SURE), LOOK_FIRST, 0.0)
    ranking = np.argsort(-shares / effective, axis=0, kind="stable")
    ranked = np.take_along_axis(shares, ranking, axis=0)
    prices = np.take_along_axis(effective, ranking, axis=0)
    fine = np.cumprod((1.0 - ranked)[::-1], axis=0)[::-1] * (1.0 - hopeless)
    # Chance that it still fails before each fix, given that it fails now.
    failing = 1.0 - np.vstack([fine, (1.0 - hopeless)[None, :]])
    failing /= np.maximum(failing[0], 1e-12)
    spent = np.vstack([np.zeros_like(hopeless)[None, :], np.cumsum(prices * failing[:-1], axis=0)])
    return np.asarray((spent + HANDOFF_COST * failing).min(axis=0))


def best_first(shares: Floats, costs: Floats) -> list[int]:
    """Fixes by falling probability over cost; `shares` of one row."""
    return [int(place) for place in np.argsort(-shares / np.maximum(costs, 1e-9), kind="stable")]
