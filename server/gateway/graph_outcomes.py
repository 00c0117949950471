"""Which fault it was: noted when a diagnosis ends solved, read from how agents close what was handed over.

The counts become proposals for new priors (`kg.learn`), which an administrator takes into a draft.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sqlalchemy import delete, insert, select

from actions.state import State
from kg.diff import title
from kg.editing import Content
from kg.learn import STRENGTH, cause, proposals
from server.gateway.graph_versions import Version, Versions
from server.storage.tables import escalations, graph_outcomes, graph_versions

Json = dict[str, Any]
MOST_CASES: Final = 20_000
_LOOK_BACK: Final = 200
"""Versions in which the last change of a prior is looked for."""


class Outcomes:
    """What closed cases showed."""

    def __init__(self, versions: Versions) -> None:
        self._store = versions.store
        self._versions = versions

    async def note(self, conversation: str, before: Json, after: Json) -> None:
        """Keeps what a turn showed, from the slots before and after it; a solved trouble that is back is taken back."""
        running, found = _running(after), await self._found(before, after)
        if found is None and (running is None or _running(before) is not None):
            return
        async with self._store.write() as tx:
            if running is not None:
                same = graph_outcomes.c.conversation == conversation, graph_outcomes.c.symptom == running["symptom"]
                await tx.execute(delete(graph_outcomes).where(*same))
            if found is not None:
                await tx.execute(insert(graph_outcomes).values(conversation=conversation, at=tx.now, **found))

    async def _found(self, before: Json, after: Json) -> Json | None:
        was, now = (State.from_json(slots.get("dialogue")).solved for slots in (before, after))
        if now is None or now == was:
            return None
        slot = now["diagnosis"]
        engine = slot.get("engine") or {}
        fixes = [one["node"] for one in slot.get("log") or [] if one.get("kind") == "fix"]
        nodes = await self._versions.nodes_of(str(engine.get("graph"))) or []
        fix = next((one["data"] for one in nodes if fixes and one["id"] == fixes[-1]), None)
        if fix is None:
            return None
        hypotheses = (slot.get("report") or {}).get("hypotheses") or []
        fault = cause(fix.get("repairs") or {}, {one["id"]: one["probability"] for one in hypotheses})
        return {"symptom": engine["symptom"], "fault": fault, "digest": engine["graph"]} if fault else None

    async def proposals(self) -> Json:
        """Proposed priors for the version in service, with their counts."""
        active = await self._versions.newest()
        content = await self._versions.content(active.version)
        priors = {name: float(node.data["prior"]) for name, node in content.nodes.items() if node.kind == "fault"}
        cases = [*await self._solved(), *await self._closed(content)]
        since = await self._since(active, priors)
        counts: dict[str, tuple[int, int]] = {}
        for fault in {found for _, found in cases} & priors.keys():
            later = [found for at, found in cases if at > since[fault]]
            counts[fault] = (later.count(fault), len(later))
        made = proposals(priors, {fault: counted for fault, counted in counts.items() if counted[1]})
        return {
            "closed": len(cases),
            "strength": STRENGTH,
            "items": [{**one.as_json(), "title": title(one.fault, content.nodes[one.fault])} for one in made],
        }

    async def _solved(self) -> list[tuple[str, str]]:
        newest = graph_outcomes.c.id.desc()
        rows = await self._store.all(
            select(graph_outcomes.c.at, graph_outcomes.c.fault).order_by(newest).limit(MOST_CASES)
        )
        return [(row.at, row.fault) for row in rows]

    async def _closed(self, content: Content) -> list[tuple[str, str]]:
        """What agents called the trouble that was handed over to them: an outcome or a tag that names a fault."""
        names = {}
        for name, node in content.nodes.items():
            if node.kind == "fault":
                for known in (name, *title(name, node).values()):
                    names[known.casefold()] = name
        columns = (escalations.c.ended, escalations.c.outcome, escalations.c.tags)
        query = select(*columns).where(escalations.c.state == "closed", escalations.c.ended.is_not(None))
        rows = await self._store.all(query.order_by(escalations.c.id.desc()).limit(MOST_CASES))
        found = []
        for row in rows:
            said = [row.outcome or "", *(row.tags or [])]
            fault = next((names[one.strip().casefold()] for one in said if one.strip().casefold() in names), None)
            if fault is not None:
                found.append((row.ended, fault))
        return found

    async def _since(self, active: Version, priors: Mapping[str, float]) -> dict[str, str]:
        """When each fault's prior became what it is; cases from before are in it already."""
        since = dict.fromkeys(priors, "")
        unchanged, changed_at = set(priors), active.at
        query = select(graph_versions.c.at, graph_versions.c.content)
        for number in range(active.version - 1, max(0, active.version - _LOOK_BACK), -1):
            row = await self._store.one(query.where(graph_versions.c.version == number))
            if row is None or not unchanged:
                break
            old = {one["id"]: one["data"].get("prior") for one in row.content["nodes"] if one["kind"] == "fault"}
            for fault in [one for one in unchanged if old.get(one) != priors[one]]:
                since[fault] = changed_at
                unchanged.discard(fault)
            changed_at = row.at
        return since


def _running(slots: Json) -> Json | None:
    """The engine's state of the diagnosis under way."""
    diagnosis = slots.get("diagnosis")
    engine = diagnosis.get("engine") if isinstance(diagnosis, Mapping) else None
    return engine if isinstance(engine, dict) else None
