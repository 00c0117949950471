"""What happens when a customer reports a fault.

The one function that the dialogue calls is `diagnose`. It answers from the help articles of the symptom and offers a
technician or a person. A diagnosis by fault trees takes its place here, with ``c.diagnosis`` as its state (the slot of
that name) and `actions.context.Context.ask` for its checks; nothing else has to change.
"""

from __future__ import annotations

from actions.answers import cited, query, search
from actions.context import Context
from actions.messages import Choice
from server.company import Definition


async def diagnose(c: Context, definition: Definition) -> None:
    """Help with a reported fault.

    Args:
        c: The turn; ``c.diagnosis`` is the diagnosis state of the turn before, and after this the one to keep.
        definition: The intent that was understood, with its symptoms and articles.
    """
    found = await search(c, query(c, definition), definition)
    if found is not None and found.passages and (found.confident or definition.articles):
        c.messages.append(cited("diagnosis.article", found.passages[0]))
        c.say("diagnosis.next", choices=_ways_out(c))
    else:
        c.say("diagnosis.no_article", choices=_ways_out(c))


def _ways_out(c: Context) -> list[Choice]:
    skill = next((one for one in c.ports.intents.values() if one.skill == "book_technician"), None)
    technician = [c.button(skill)] if skill is not None else []
    return [*technician, c.person()]
