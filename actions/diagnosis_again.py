"""A trouble that was solved and is there after all: the diagnosis goes on where it ended, with all that it knows."""

from __future__ import annotations

import copy

from actions import messages as m
from actions import tasks
from actions.context import Context
from actions.diagnosis import Run
from actions.diagnosis_reading import recurred
from actions.reading import strongly_upset
from actions.state import Task
from actions.talk import REPLIES
from kg.diagnose import Answer

_TALK = REPLIES | {"thanks"}
"""Skills whose messages may speak of the trouble; a request for something else is not taken for that."""


async def came_back(c: Context) -> bool:
    """Whether a message without an open question says that the trouble is back; if so, the diagnosis has gone on."""
    solved, graphs = c.state.solved, c.ports.graphs
    if solved is None or graphs is None or c.turn.chosen or not _may_mean_it(c, str(solved["intent"])):
        return False
    before, c.diagnosis = c.diagnosis, copy.deepcopy(solved["diagnosis"])
    running = Run.of(c, graphs)
    if running is None or not recurred(c.turn.text, _question(running)):
        c.diagnosis = before
        return False
    running.slot["below"] = before
    last = running.slot["log"][-1] if running.slot["log"] else {}
    # What was believed to have helped did not: that says more than the complaint alone.
    helped = last.get("kind") == "fix" and last.get("outcome") == "solved"
    running.tell(Answer("fix", last["node"], result="still") if helped else Answer("still"))
    running.engine["status"] = "open"
    running.hear(c.turn.text)
    c.state.solved, c.state.clarify = None, 0
    c.lead.append(m.message("diagnosis.came_back"))
    await tasks.run(c, Task(tasks.DIAGNOSE, {**solved["args"], "begun": True}))
    return True


def _may_mean_it(c: Context, intent: str) -> bool:
    """Whether the message is about nothing else: not understood, small change, or the same complaint once more."""
    definition = c.definition
    if definition is None or definition.do == "diagnose":
        return definition is None or definition.name == intent
    return definition.skill in _TALK and not strongly_upset(c.turn)


def _question(running: Run) -> str:
    works = running.graph.symptoms[running.symptom].works[0].as_json()
    return works["zh" if running.c.turn.locale == "zh" else "en"]
