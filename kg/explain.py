"""Why a step was chosen, in words for a customer and for an agent. Texts come from `kg/texts.yaml`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Final

import yaml

from kg.model import OTHER, Graph, Text

if TYPE_CHECKING:
    from kg.diagnose import Step

_JOIN: Final = {"zh": "、", "en": ", "}


@dataclass(frozen=True)
class Explanation:
    """A key of `texts.yaml` and its parameters: the ids of the faults it speaks of, and a probability in percent."""

    key: str
    params: tuple[tuple[str, tuple[str, ...]], ...] = ()
    percent: int | None = None


NO_EXPLANATION: Final = Explanation("why.none")


@cache
def _texts() -> dict[str, dict[str, str]]:
    loaded: Any = yaml.safe_load(resources.files("kg").joinpath("texts.yaml").read_text("utf-8"))
    return {str(key): dict(value) for key, value in loaded.items()}


def fault_name(graph: Graph, fault: str) -> Text:
    """Name of a fault, or of a symptom's unknown cause."""
    if fault in graph.faults:
        return graph.faults[fault].name
    return _text("other") if fault.endswith(OTHER) else Text(fault, fault)


def for_customer(graph: Graph, explanation: Explanation) -> Text:
    """One sentence for the customer, without figures."""
    return _rendered(graph, explanation, "")


def for_agent(graph: Graph, step: Step) -> Text:
    """The same for an agent, with the hypotheses and their probabilities."""
    reason = _rendered(graph, step.why, "agent.")
    lines = {"zh": reason.zh, "en": reason.en}
    for language in lines:
        shown = [
            f"{getattr(fault_name(graph, fault), language)} {share:.0%}"
            for fault, share in step.hypotheses
            if share >= 0.005
        ]
        if shown:
            lines[language] += getattr(_text("agent.hypotheses"), language).format(faults=_JOIN[language].join(shown))
    return Text(lines["zh"], lines["en"])


def _rendered(graph: Graph, explanation: Explanation, prefix: str) -> Text:
    texts = _texts()
    key = prefix + explanation.key if prefix + explanation.key in texts else explanation.key
    names = [fault_name(graph, fault) for _, faults in explanation.params for fault in faults]
    if not names and key + ".bare" in texts:
        key += ".bare"
    template = _text(key)

    def fill(language: str) -> str:
        listed = _JOIN[language].join(_lower(getattr(name, language), language) for name in names)
        return str(getattr(template, language)).format(faults=listed, percent=explanation.percent)

    return Text(fill("zh"), fill("en"))


def _lower(name: str, language: str) -> str:
    """An English name inside a sentence begins small, unless it is an abbreviation."""
    return name[0].lower() + name[1:] if language == "en" and not name[1:2].isupper() else name


def _text(key: str) -> Text:
    entry = _texts()[key]
    return Text(entry["zh"], entry["en"])


def option(name: str) -> Text:
    """An answer that is always possible: solved, still, done, unsure, refused, yes, no, all_fine, nothing_known."""
    return _text(f"option.{name}")


def keys() -> Sequence[str]:
    """All keys, for tests of completeness."""
    return list(_texts())
