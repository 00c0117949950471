"""Steps of a diagnosis as messages: the wording, the buttons, the explanation, and the report for an agent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from actions import messages as m
from actions.messages import Choice, Message
from kg.compiled import Knowledge
from kg.diagnose import Step
from kg.explain import fault_name, for_customer
from kg.model import Graph, Text, Who

MAX_BUTTONS = 8
Json = dict[str, Any]


def part(text: Text) -> Message:
    """A text of the graph as one line of a message."""
    return m.message("diagnosis.part", text=text.as_json())


def joined(parts: Sequence[Message], choices: Sequence[Choice], step: Json | None) -> Message:
    """Several lines as one message, with its step."""
    message = m.message("diagnosis.message", choices=choices, parts=m.lines(parts))
    if step is not None:
        message["step"] = step
    return message


def press(number: int, what: str) -> str:
    """The value of a button of the diagnosis: the number of its message and what it says."""
    intents = {"solved": "affirm", "done": "affirm", "still": "deny", "unsure": "unsure"}
    return m.press(intents.get(what, "inform"), choice=f"{number}:{what}")


def check_buttons(graph: Graph, step: Step, number: int) -> list[Choice]:
    """Outcomes as buttons. With several facets: what is out of order, "all fine"; always "not sure"."""
    check = graph.checks[step.node]
    facets = {choice.facet for choice in step.choices}
    buttons: list[Choice] = []
    if len(check.facets) == 1 or (len(facets) == 1 and len(step.choices) <= MAX_BUTTONS):
        for one in step.choices:
            buttons.append(m.labelled(press(number, f"{one.facet}={one.outcome}"), one.label.as_json()))
    else:
        for one in step.choices:
            facet = graph.facets[one.facet]
            if one.outcome != facet.normal and len(buttons) < MAX_BUTTONS:
                label = one.label if facet.name is None else _named(facet.name, one.label)
                buttons.append(m.labelled(press(number, f"{one.facet}={one.outcome}"), label.as_json()))
        buttons.append(m.choice(press(number, "normal"), "diagnosis.all_fine"))
    return [*buttons, m.choice(press(number, "unsure"), "diagnosis.unsure")]


def facet_name(graph: Graph, facet: str) -> Text:
    """What a part of a check is called; the check's own name where it is the only one."""
    return graph.facets[facet].name or graph.checks[graph.facets[facet].check].name


def fix_buttons(number: int, *, retest: bool) -> list[Choice]:
    """Whether it helped, or whether it is done; and that it cannot be done."""
    names = ["solved", "still", "refused"] if retest else ["done", "refused"]
    return [m.choice(press(number, name), f"diagnosis.{name}") for name in names]


def retest_buttons(number: int) -> list[Choice]:
    """Whether the trouble is gone."""
    return [m.choice(press(number, name), f"diagnosis.{name}") for name in ("solved", "still", "unsure")]


def why(graph: Graph, step: Step) -> Message | None:
    """One line on why this step was chosen."""
    text = for_customer(graph, step.why)
    return part(text) if text.zh.strip() else None


def report(knowledge: Knowledge, slot: Json, step: Step | None, language: str) -> Json:
    """What an agent needs of a diagnosis: the symptom, hypotheses, what was checked and tried, what would come next."""
    graph = knowledge.graph
    engine = slot["engine"]

    def said(text: Text) -> str:
        return str(getattr(text, language))

    hypotheses = step.hypotheses if step is not None else ()
    known: Json = {
        "symptom": said(graph.symptoms[engine["symptom"]].name),
        "symptom_id": engine["symptom"],
        "hypotheses": [_hypothesis(graph, fault, share, said) for fault, share in hypotheses],
        "checks": [_check_line(graph, one, said) for one in slot["log"] if one["kind"] == "check"],
        "fixes": [
            {"id": graph.fixes[one["node"]].step, "fix": said(graph.fixes[one["node"]].name), "outcome": one["outcome"]}
            for one in slot["log"]
            if one["kind"] == "fix"
        ],
        "graph": engine["graph"],
    }
    if step is not None and step.node:
        named = graph.checks.get(step.node) or graph.fixes.get(step.node)
        known["next"] = said(named.name) if named is not None else step.id
    skill = step.skill if step is not None and step.skill in graph.skills else graph.symptoms[engine["symptom"]].skill
    if skill in graph.skills:
        known["skill"] = skill
        known["team"] = said(graph.skills[skill].name)
    return known


def _hypothesis(graph: Graph, fault: str, share: float, said: Any) -> Json:
    line: Json = {"fault": said(fault_name(graph, fault)), "id": fault, "probability": round(share, 3)}
    component = graph.components.get(graph.faults[fault].component) if fault in graph.faults else None
    if component is not None:
        line["component"] = said(component.name)
    return line


def _check_line(graph: Graph, entry: Json, said: Any) -> Json:
    check = graph.checks[entry["node"]]
    outcomes = {}
    for facet, outcome in entry["outcomes"].items():
        node = graph.facets[facet]
        outcomes[said(facet_name(graph, facet))] = said(node.outcomes[outcome].label)
    line: Json = {"id": check.step, "check": said(check.name)}
    line["outcome"] = outcomes or entry["outcome"]
    if check.who is Who.SYSTEM:
        line["by"] = "system"
    return line


def _named(name: Text, label: Text) -> Text:
    return Text(f"{name.zh}：{label.zh}", f"{name.en}: {label.en}")
