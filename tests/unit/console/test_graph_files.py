"""Import, export, analysis, and what closed cases teach, over REST."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import insert, update

from actions.state import State
from server.storage.tables import escalations, graph_outcomes

Json = dict[str, Any]
TV = "tv_no_picture"


def prior(value: float, node: str = "hdmi_loose") -> Json:
    return {"op": "set", "node": node, "path": ["prior"], "value": value}


def priors(call: Any, version: str) -> Json:
    nodes = call(f"GET /versions/{version}")["graph"]["nodes"]
    return {node["id"]: node["data"]["prior"] for node in nodes if node["kind"] == "fault"}


# --------------------------------------------------------------------------- files


@pytest.mark.parametrize("kind", ["yaml", "json", "graphml", "csv"])
def test_an_exported_graph_is_imported_as_a_draft_without_differences(admin, call, kind):
    file = admin.get(f"/api/graph/export?format={kind}")
    assert file.headers["content-disposition"] == f'attachment; filename="graph-active.{kind}"'
    draft = call(f"POST /import?format={kind}&title=Again", None, 201, content=file.content)
    assert (draft["title"], draft["changed"], draft["base"]) == ("Again", 0, 1)
    assert not [one for one in draft["problems"] if one["severity"] == "error"]


def test_a_table_changes_the_version_in_service(call):
    rows = "id,kind,field,zh,en,value\nhdmi_loose,,prior,,,0.31\n"
    draft = call("POST /import?format=csv", None, 201, content=rows.encode())
    assert draft["changed"] == 1
    call(f"POST /drafts/{draft['id']}/publish", {"revision": 0, "message": "from a table"})
    assert priors(call, "2")["hdmi_loose"] == 0.31


def test_fault_trees_leave_as_open_psa(call):
    file = call("GET /export?format=xml&of=1")
    assert file.text.lstrip().startswith(("<?xml", "<opsa-mef"))
    assert call("POST /import?format=xml", None, 201, content=file.content)["problems"]


@pytest.mark.parametrize(
    ("kind", "content", "said"),
    [
        ("yaml", b"faults: [", "not readable as YAML"),
        ("json", b'{"nodes": [{"id": "a"}]}', "nodes[0]"),
        ("graphml", b"<!DOCTYPE a [<!ENTITY b 'c'>]><graphml>&b;</graphml>", "document type"),
        ("csv", "id,kind,field,zh,en,value\nhdmi_loose,,name,中文".encode("gb18030"), "line 2: this is no UTF-8"),
        ("xml", b"<opsa-mef><define-gate/></opsa-mef>", "no name"),
    ],
)
def test_a_file_that_cannot_be_used_leaves_no_draft(call, kind, content, said):
    refused = call(f"POST /import?format={kind}", None, 422, content=content)
    assert refused["code"] == "unusable"
    assert said in refused["problems"][0]["detail"]
    assert refused["text"]["zh"].startswith("这个文件无法使用")
    assert call("GET ")["drafts"] == []


def test_a_file_of_200_mb_is_refused_at_its_first_bytes(admin, call):
    answer = admin.post("/api/graph/import?format=yaml", content=b"x", headers={"content-length": str(200 * 2**20)})
    assert answer.status_code == 413
    call("POST /import?format=yaml", None, 413, content=b" " * (8 * 2**20 + 1))
    call("POST /import?format=zip", None, 422, content=b"PK")


def test_a_draft_with_errors_is_not_exported(call):
    draft = call("POST /drafts", {}, 201)["id"]
    call(f"POST /drafts/{draft}/operations", {"revision": 0, "operations": [{"op": "remove", "node": "tv_box"}]})
    assert "tv_box" in call(f"GET /export?format=yaml&of=draft:{draft}", status=422)["detail"]


# --------------------------------------------------------------------------- analysis


def test_a_symptom_is_analysed(call):
    found = call(f"GET /analysis?symptom={TV}")
    assert 0 < found["probability"] < 1
    assert found["cut_sets"]["count"] == len(found["cut_sets"]["list"]) == sum(found["cut_sets"]["by_order"].values())
    chances = [one["probability"] for one in found["cut_sets"]["list"]]
    assert chances == sorted(chances, reverse=True)
    top = found["importance"][0]
    assert top["title"]["zh"]
    assert {"birnbaum", "fussell_vesely", "criticality", "posterior"} <= top.keys()
    assert sum(one["helps"] > 0 for one in found["checks"])
    draft = call("POST /drafts", {}, 201)["id"]
    call(f"POST /drafts/{draft}/operations", {"revision": 0, "operations": [prior(0.6)]})
    assert call(f"GET /analysis?symptom={TV}&of=draft:{draft}")["probability"] > found["probability"]
    assert call("GET /analysis?symptom=gone", status=404)["code"] == "unknown"


# --------------------------------------------------------------------------- priors


def slots(*, solved: bool, digest: str, fix: str, shares: Json) -> Json:
    """Slots after a turn of a diagnosis: under way, or solved by a fix."""
    diagnosis = {
        "engine": {"graph": digest, "symptom": TV},
        "log": [{"kind": "fix", "node": fix, "outcome": "solved", "outcomes": {}}],
        "report": {"hypotheses": [{"id": name, "probability": share} for name, share in shares.items()]},
    }
    if not solved:
        return {"dialogue": State().to_json(), "diagnosis": diagnosis}
    state = State()
    state.solved = {"intent": "fault_tv", "args": {}, "diagnosis": diagnosis}
    return {"dialogue": state.to_json(), "diagnosis": None}


def test_solved_diagnoses_become_proposals_that_are_accepted(admin, call):
    graph = admin.app.state.graph
    version = call("GET /versions/1")
    fix = next(
        node["id"] for node in version["graph"]["nodes"]
        if node["kind"] == "fix" and "hdmi_loose" in node["data"]["repairs"]
    )  # fmt: skip

    async def happened() -> None:
        store = graph.store
        told = {"digest": version["digest"], "fix": fix, "shares": {"hdmi_loose": 0.7, "box_hung": 0.2}}
        for number in range(5):
            async with store.write() as tx:
                await tx.create_conversation(f"c{number}", "en", None, {})
            before, after = slots(solved=False, **told), slots(solved=True, **told)
            await graph.live.outcomes.note(f"c{number}", {}, before)
            await graph.live.outcomes.note(f"c{number}", before, after)
            await graph.live.outcomes.note(f"c{number}", after, after)  # a turn about something else
        # One trouble is back: it was not solved after all.
        await graph.live.outcomes.note("c4", after, before)
        # A fix that may have removed several faults tells nothing.
        unclear = {**told, "shares": {}}
        await graph.live.outcomes.note("c4", slots(solved=False, **unclear), slots(solved=True, **unclear))

    admin.portal.call(happened)
    found = call("GET /priors")
    assert found["closed"] == 4
    (proposal,) = found["items"]
    now = priors(call, "1")["hdmi_loose"]
    assert (proposal["fault"], proposal["cases"], proposal["of"]) == ("hdmi_loose", 4, 4)
    assert proposal["proposed"] == pytest.approx((now * 100 + 4) / 104, abs=1e-4)
    assert proposal["low"] < proposal["proposed"] < proposal["high"]
    draft = call("POST /drafts", {}, 201)["id"]
    done = call("POST /priors/accept", {"draft": draft, "revision": 0, "faults": ["hdmi_loose"]})
    assert call("POST /priors/accept", {"draft": draft, "revision": 1, "faults": ["box_hung"]}, 404)
    call(f"POST /drafts/{draft}/publish", {"revision": done["revision"], "message": "learned"})
    assert priors(call, "2")["hdmi_loose"] == proposal["proposed"]
    # What is in the prior now is not counted again.
    assert call("GET /priors")["items"] == []


def test_what_agents_call_the_trouble_counts(admin, call):
    graph = admin.app.state.graph

    async def closed() -> None:
        nodes = {node["id"]: node["data"] for node in version["graph"]["nodes"]}
        name = nodes["box_hung"]["name"]
        outcomes = ("box_hung", name["zh"], "sold a new one", name["en"].upper())
        for number, outcome in enumerate(outcomes):
            async with graph.store.write() as tx:
                await tx.create_conversation(f"h{number}", "en", None, {})
                made = await tx.add_escalation(
                    f"h{number}", reason="diagnosis_exhausted", priority=0, language="en", summary="", context={}
                )
                change = update(escalations).where(escalations.c.id == getattr(made, "id", made))
                await tx.execute(change.values(state="closed", ended=tx.now, outcome=outcome, tags=[]))

    version = call("GET /versions/1")
    admin.portal.call(closed)
    (proposal,) = call("GET /priors")["items"]
    assert (proposal["fault"], proposal["cases"], proposal["of"]) == ("box_hung", 3, 3)


def test_cases_from_before_a_prior_was_changed_are_in_it_already(admin, call, clock):
    graph = admin.app.state.graph

    async def solved(name: str, fault: str) -> None:
        async with graph.store.write() as tx:
            await tx.create_conversation(name, "en", None, {})
            row = {"conversation": name, "at": tx.now, "symptom": TV, "fault": fault, "digest": "0" * 16}
            await tx.execute(insert(graph_outcomes).values(**row))

    admin.portal.call(solved, "a", "hdmi_loose")
    admin.portal.call(solved, "b", "box_hung")
    clock.passes(hours=1)
    draft = call("POST /drafts", {}, 201)["id"]
    call(f"POST /drafts/{draft}/operations", {"revision": 0, "operations": [prior(0.2)]})
    call(f"POST /drafts/{draft}/publish", {"revision": 1, "message": "by hand"})
    clock.passes(hours=1)
    admin.portal.call(solved, "c", "hdmi_loose")
    counts = {one["fault"]: (one["cases"], one["of"]) for one in call("GET /priors")["items"]}
    assert counts == {"hdmi_loose": (1, 1), "box_hung": (1, 3)}
