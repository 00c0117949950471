"""The graph's versions and drafts over REST: edited by two, tried, tested, merged, published, rolled back."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from sqlalchemy import Connection, event
from starlette.testclient import TestClient

from server.gateway.app import create_app
from tests.unit.safety.conftest import as_role, log_in

Json = dict[str, Any]
TV = "tv_no_picture"
GLARE: list[Json] = [
    {"op": "put", "node": {"id": "sun_glare", "kind": "fault",
     "data": {"name": {"zh": "阳光反光", "en": "Sun on the screen"}, "prior": 0.05, "component": "tv_set"}}},
    {"op": "put", "node": {"id": "draw_curtain", "kind": "fix",
     "data": {"name": {"zh": "拉上窗帘", "en": "Draw the curtain"}, "repairs": {"sun_glare": 0.95},
              "do": [{"zh": "请拉上窗帘", "en": "Draw the curtain"}, {"zh": "挡光", "en": "Keep the sun out"}]}}},
]  # fmt: skip


def formula(draft: Json) -> str:
    return next(node["data"]["caused_by"] for node in draft["graph"]["nodes"] if node["id"] == TV)


def glare(draft: Json) -> list[Json]:
    """A fault with its fix, under the symptom."""
    caused = {"op": "set", "node": TV, "path": ["caused_by"], "value": formula(draft) + " or sun_glare"}
    return [*GLARE, caused]


def prior(value: float, node: str = "hdmi_loose") -> Json:
    return {"op": "set", "node": node, "path": ["prior"], "value": value}


def published(call: Any, operations: list[Json] | None = None, message: str = "A change") -> Json:
    draft = call("POST /drafts", {}, 201)
    done = call(f"POST /drafts/{draft['id']}/operations", {"revision": 0, "operations": operations or glare(draft)})
    return call(f"POST /drafts/{draft['id']}/publish", {"revision": done["revision"], "message": message})


def test_the_companys_files_are_the_first_version(call):
    shown = call("GET ")
    assert shown["active"]["version"] == shown["versions"] == 1
    assert shown["active"]["origin"] == "seed"
    assert shown["drafts"] == []
    graph = call("GET /versions/1")["graph"]
    assert graph["digest"] == shown["active"]["digest"]
    assert {"source": "hdmi_loose", "target": "tv_set", "role": "in"} in graph["links"]
    assert call("GET /versions/9", status=404)["code"] == "unknown"


def test_a_draft_is_edited_published_and_rolled_back(call):
    draft = call("POST /drafts", {"title": "Glare"}, 201)
    assert (draft["base"], draft["revision"], draft["changed"], draft["moved"]) == (1, 0, 0, False)
    assert not [one for one in draft["problems"] if one["severity"] == "error"]
    begun = call(f"POST /drafts/{draft['id']}/operations", {"revision": 0, "operations": GLARE[:1]})
    assert {one["code"] for one in begun["problems"] if one["severity"] == "error"} == {"unreachable", "no_fix"}
    refused = call(f"POST /drafts/{draft['id']}/publish", {"revision": 1, "message": "m"}, 409)
    assert refused["code"] == "problems"
    assert refused["problems"][0]["text"]["zh"]
    done = call(f"POST /drafts/{draft['id']}/operations", {"revision": 1, "operations": glare(draft)[1:]})
    assert not [one for one in done["problems"] if one["severity"] == "error"]
    assert {"source": TV, "target": "sun_glare", "role": "caused by"} in done["links"][TV]
    made = call(f"POST /drafts/{draft['id']}/publish", {"revision": 2, "message": "Sun on the screen"})
    assert (made["version"], made["added"], made["changed"], made["removed"], made["parent"]) == (2, 2, 1, 0, 1)
    assert call("GET ")["active"]["version"] == 2
    assert call(f"GET /drafts/{draft['id']}", status=404)["code"] == "unknown"
    changes = {one["id"]: one for one in call("GET /diff?from=1&to=2")["nodes"]}
    assert changes["sun_glare"]["change"] == "added"
    assert [field["path"] for field in changes[TV]["fields"]] == [["caused_by"]]
    back = call("POST /rollback", {"to": 1, "message": "Back to what worked"})
    assert (back["version"], back["origin"], back["of"], back["removed"]) == (3, "rollback", 1, 2)
    assert back["digest"] == call("GET /versions/1")["digest"]
    assert call("POST /rollback", {"to": 1, "message": "again"}, 422)["code"] == "unusable"


def test_history_is_searched_by_message_author_and_node(call):
    published(call, message="Sun on the screen")
    published(call, [prior(0.2)], "Looser cables in winter")
    items = call("GET /versions")["items"]
    assert [one["version"] for one in items] == [3, 2, 1]
    assert (items[0]["author"], items[0]["active"], items[1]["active"]) == ("admin", True, False)
    for query, found in (("looser WINTER", [3]), ("sun_glare", [2]), ("阳光", [2]), ("admin", [3, 2]), ("100%", [])):
        assert [one["version"] for one in call("GET /versions", params={"q": query})["items"]] == found, query
    first = call("GET /versions?limit=2")
    assert first["next"] == 2
    assert [one["version"] for one in call("GET /versions?before=2")["items"]] == [1]


def test_the_second_of_two_editors_sees_what_the_first_did(call, client):
    draft = call("POST /drafts", {}, 201)["id"]
    call(f"POST /drafts/{draft}/operations", {"revision": 0, "operations": [prior(0.2)]})
    mine = [prior(0.3, "hdmi_wrong_input")]
    late = call(f"POST /drafts/{draft}/operations", {"revision": 0, "operations": mine}, 409)
    assert (late["code"], late["revision"]) == ("changed", 1)
    (step,) = late["operations"]
    assert (step["author"], step["operations"]) == ("admin", [prior(0.2)])
    call(f"POST /drafts/{draft}/operations", {"revision": 1, "operations": mine})
    place = {"op": "place", "node": TV, "x": 10, "y": -4}
    assert call(f"POST /drafts/{draft}/operations", {"revision": 0, "operations": [place]})["revision"] == 3
    assert call(f"GET /drafts/{draft}")["graph"]["layout"] == {TV: [10.0, -4.0]}
    assert call(f"POST /drafts/{draft}/publish", {"revision": 2, "message": "m"}, 409)["code"] == "changed"


def test_undo_leads_back(call):
    draft = call("POST /drafts", {}, 201)
    done = call(f"POST /drafts/{draft['id']}/operations", {"revision": 0, "operations": glare(draft)})
    call(f"POST /drafts/{draft['id']}/operations", {"revision": 1, "operations": done["undo"]})
    assert call(f"GET /drafts/{draft['id']}")["changed"] == 0
    refused = call(f"POST /drafts/{draft['id']}/publish", {"revision": 2, "message": "nothing"}, 422)
    assert refused["text"]["zh"] == "与正在使用的版本没有任何不同。"


def test_operations_are_done_all_or_none(call):
    draft = call("POST /drafts", {}, 201)["id"]
    bad = {"revision": 0, "operations": [prior(0.2), {"op": "remove", "node": "nobody"}]}
    refused = call(f"POST /drafts/{draft}/operations", bad, 422)
    assert refused["problems"] == [
        {"node": "nobody", "index": 1, "code": "unknown_node",
         "detail": "operations[1]: there is no node 'nobody'; it may have been removed"}
    ]  # fmt: skip
    assert call(f"GET /drafts/{draft}")["revision"] == 0


def test_a_draft_that_was_overtaken_is_merged(call):
    mine, theirs = (call("POST /drafts", {}, 201)["id"] for _ in range(2))
    name = {"op": "set", "node": "hdmi_loose", "path": ["name", "zh"], "value": "线松了"}
    call(f"POST /drafts/{mine}/operations", {"revision": 0, "operations": [prior(0.2), name]})
    call(f"POST /drafts/{theirs}/operations", {"revision": 0, "operations": [prior(0.3), prior(0.2, "box_hung")]})
    call(f"POST /drafts/{theirs}/publish", {"revision": 1, "message": "theirs"})
    late = call(f"POST /drafts/{mine}/publish", {"revision": 1, "message": "mine"}, 409)
    assert (late["code"], late["active"]) == ("moved", 2)
    assert call(f"GET /drafts/{mine}")["moved"]
    refused = call(f"POST /drafts/{mine}/merge", {"revision": 1}, 409)
    (conflict,) = refused["conflicts"]
    assert (conflict["node"], conflict["field"], conflict["theirs"], conflict["mine"]) == (
        "hdmi_loose", ["prior"], 0.3, 0.2
    )  # fmt: skip
    choice = {"node": "hdmi_loose", "field": ["prior"], "take": "theirs"}
    merged = call(f"POST /drafts/{mine}/merge", {"revision": 1, "choose": [choice]})
    assert (merged["base"], merged["revision"], merged["changed"], merged["moved"]) == (2, 2, 1, False)
    call(f"POST /drafts/{mine}/publish", {"revision": 2, "message": "both"})
    nodes = {node["id"]: node["data"] for node in call("GET /versions/3")["graph"]["nodes"]}
    assert (nodes["hdmi_loose"]["prior"], nodes["hdmi_loose"]["name"]["zh"]) == (0.3, "线松了")
    assert nodes["box_hung"]["prior"] == 0.2


# --------------------------------------------------------------------------- trying and cases


def talked(call: Any, draft: str, symptom: str = TV) -> tuple[list[Json], Json]:
    """A talk to its end, with the first answer each time."""
    answers: list[Json] = []
    while (shown := call(f"POST /drafts/{draft}/try", {"symptom": symptom, "answers": answers}))["step"]["options"]:
        answers.append(shown["step"]["options"][0]["answer"])
    return answers, shown["outcome"]


def test_a_draft_is_talked_to_and_a_failing_case_keeps_it_from_being_published(call):
    draft = call("POST /drafts", {}, 201)["id"]
    answers, outcome = talked(call, draft)
    assert outcome["end"] == "solved"
    saved = {"title": "No picture", "symptom": TV, "answers": answers, "expect": outcome}
    case = call("POST /cases", saved, 201)
    assert call(f"POST /drafts/{draft}/test", {})["passed"] == 1
    gone = [{"op": "remove", "node": outcome["node"]},
            {"op": "set", "node": outcome["fault"], "path": ["handoff"], "value": "policy"}]  # fmt: skip
    done = call(f"POST /drafts/{draft}/operations", {"revision": 0, "operations": gone})
    fixes = [one for one in done["problems"] if one["severity"] == "error"]
    more = [{"op": "set", "node": one["node"], "path": ["handoff"], "value": "policy"} for one in fixes if one["node"]]
    if more:
        done = call(f"POST /drafts/{draft}/operations", {"revision": 1, "operations": more})
    refused = call(f"POST /drafts/{draft}/publish", {"revision": done["revision"], "message": "m"}, 409)
    assert refused["code"] == "cases"
    (failed,) = refused["failed"]
    assert (failed["case"], failed["expected"]["node"]) == (str(case["id"]), outcome["node"])
    body = {"revision": done["revision"], "message": "m", "override": "The device is not sold any more"}
    assert call(f"POST /drafts/{draft}/publish", body)["overridden"] == body["override"]


def test_a_try_on_a_broken_draft_says_what_is_in_the_way(call):
    draft = call("POST /drafts", {}, 201)["id"]
    broken = {"op": "set", "node": TV, "path": ["caused_by"], "value": "hdmi_loose or ("}
    call(f"POST /drafts/{draft}/operations", {"revision": 0, "operations": [broken]})
    assert call(f"POST /drafts/{draft}/try", {"symptom": TV}, 409)["problems"][0]["node"] == TV
    assert call(f"POST /drafts/{draft}/try", {"symptom": "tv_stutters"})["step"]["options"]
    assert call(f"POST /drafts/{draft}/try", {"symptom": "gone"}, 404)["code"] == "unknown"
    assert call(f"POST /drafts/{draft}/try", {"symptom": "tv_stutters", "answers": [{"kind": "x"}]}, 422)


def test_cases_are_kept_changed_and_removed(call):
    body = {"title": "Nothing said", "symptom": TV, "answers": [], "expect": {"end": "open"}}
    case = call("POST /cases", body, 201)
    assert call(f"PUT /cases/{case['id']}", {**body, "title": "Another"})["title"] == "Another"
    assert [one["title"] for one in call("GET /cases")["items"]] == ["Another"]
    assert call("POST /cases", {**body, "expect": {"end": "never"}}, 422)["code"] == "unusable"
    call(f"DELETE /cases/{case['id']}", status=204)
    call(f"DELETE /cases/{case['id']}", status=404)
    assert call("GET /cases")["items"] == []


# --------------------------------------------------------------------------- what must not happen


def test_of_two_gateways_that_publish_at_once_one_wins(admin, settings, clock, call):
    with TestClient(create_app(settings, clock), base_url="http://kefu.test") as other:
        other.headers["x-kefu"] = "1"
        other.headers.update(as_role(log_in(other, "admin")))
        one, two = (call("POST /drafts", {}, 201)["id"] for _ in range(2))
        call(f"POST /drafts/{one}/operations", {"revision": 0, "operations": [prior(0.2)]})
        call(f"POST /drafts/{two}/operations", {"revision": 0, "operations": [prior(0.3)]})
        url = "/api/graph/drafts/{}/publish"
        answers = [
            client.post(url.format(draft), json={"revision": 1, "message": "m"})
            for client, draft in ((admin, one), (other, two))
        ]
        assert [one.status_code for one in answers] == [200, 409]
        assert answers[1].json()["code"] == "moved"
        assert other.get("/api/graph").json()["active"]["version"] == 2


def test_drafts_are_shared_between_gateways(admin, settings, clock, call):
    with TestClient(create_app(settings, clock), base_url="http://kefu.test") as other:
        other.headers["x-kefu"] = "1"
        other.headers.update(as_role(log_in(other, "admin")))
        draft = call("POST /drafts", {}, 201)["id"]
        url = f"/api/graph/drafts/{draft}/operations"
        for step in range(30):
            client = (admin, other)[step % 2]
            done = client.post(url, json={"revision": step, "operations": [prior(0.01 * (step + 1))]})
            assert done.json()["revision"] == step + 1
        late = other.post(url, json={"revision": 28, "operations": [prior(0.5)]}).json()
        assert [one["revision"] for one in late["operations"]] == [29, 30]
        nodes = {node["id"]: node["data"] for node in call(f"GET /drafts/{draft}")["graph"]["nodes"]}
        assert nodes["hdmi_loose"]["prior"] == pytest.approx(0.3)


def test_a_publish_that_fails_half_way_leaves_everything_as_it_was(admin, call, monkeypatch):
    draft = call("POST /drafts", {}, 201)["id"]
    call(f"POST /drafts/{draft}/operations", {"revision": 0, "operations": [prior(0.2)]})

    async def killed(*_: Any, **__: Any) -> None:
        raise asyncio.CancelledError

    audit = admin.app.state.graph.audit
    with monkeypatch.context() as broken:
        broken.setattr(type(audit), "note_in", killed)  # the last thing in the transaction
        with pytest.raises(BaseException):  # noqa: B017, PT011 (whatever the test client makes of a cancelled request)
            admin.post(f"/api/graph/drafts/{draft}/publish", json={"revision": 1, "message": "m"})
    assert call("GET ")["active"]["version"] == 1
    assert call(f"GET /drafts/{draft}")["revision"] == 1
    assert call(f"POST /drafts/{draft}/publish", {"revision": 1, "message": "m"})["version"] == 2


def test_a_full_disk_is_told_and_changes_nothing(admin, call):
    draft = call("POST /drafts", {}, 201)["id"]
    engine = admin.app.state.graph.store._engine
    most = 0

    def limited(connection: Connection) -> None:  # each of the pool's connections keeps a limit of its own
        nonlocal most
        most = most or connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count={most}")

    event.listen(engine.sync_engine, "begin", limited)
    title = "x" * 100
    huge = {"op": "put", "node": {"id": "huge", "kind": "gate", "data": {"formula": title * 1000}}}
    refused = call(f"POST /drafts/{draft}/operations", {"revision": 0, "operations": [huge]}, 503)
    assert refused["code"] == "storage"
    most = 1_000_000
    assert call(f"GET /drafts/{draft}")["revision"] == 0
    assert call(f"POST /drafts/{draft}/operations", {"revision": 0, "operations": [huge]})["revision"] == 1


def test_requests_are_bounded(call, admin):
    draft = call("POST /drafts", {}, 201)["id"]
    many = [{"op": "place", "node": TV, "x": 0, "y": 0}] * 2001
    call(f"POST /drafts/{draft}/operations", {"revision": 0, "operations": many}, 422)
    big = {"op": "put", "node": {"id": "a", "kind": "gate", "data": {"formula": "x" * (2 * 1024 * 1024)}}}
    call(f"POST /drafts/{draft}/operations", {"revision": 0, "operations": [big]}, 413)
    for _ in range(49):
        call("POST /drafts", {}, 201)
    assert call("POST /drafts", {}, 409)["code"] == "too_many"


def test_what_is_done_stands_in_the_audit_log(admin, call):
    made = published(call)
    call("POST /rollback", {"to": 1, "message": "back"})
    actions = [one["action"] for one in admin.get("/api/audit").json()["items"]]
    assert actions[:3] == ["graph.rollback", "graph.publish", "graph.draft"]
    assert made["author_name"]


def test_a_company_without_fault_trees_begins_with_nothing(tmp_path, clock):
    from server.gateway.accounts import add_user
    from server.settings import Settings
    from server.starter import make_company

    folder = tmp_path / "company"
    make_company(folder)
    settings = Settings(data_dir=tmp_path / "d", secret="a long secret of the tests", company=folder)
    add_user(settings, "admin", "correct horse battery", "admin")
    with TestClient(create_app(settings, clock), base_url="http://kefu.test") as client:
        client.headers["x-kefu"] = "1"
        client.headers.update(as_role(log_in(client, "admin")))
        assert client.get("/api/graph").json()["active"]["version"] == 0
        draft = client.post("/api/graph/drafts", json={}).json()
        assert draft["graph"]["nodes"] == []
        operations = [{"op": "put", "node": {"id": "team", "kind": "skill", "data": {"name": {"zh": "组", "en": "T"}}}}]
        client.post(f"/api/graph/drafts/{draft['id']}/operations", json={"revision": 0, "operations": operations})
        made = client.post(f"/api/graph/drafts/{draft['id']}/publish", json={"revision": 1, "message": "first"})
        assert made.json()["version"] == 1


def test_own_words_are_read_as_in_the_chat(call):
    draft = call("POST /drafts", {}, 201)["id"]
    body = {"symptom": "broadband_down", "answers": []}
    answers = []
    while True:
        step = call(f"POST /drafts/{draft}/try", {**body, "answers": answers})["step"]
        if step["who"] == "customer":
            break
        answers.append(step["options"][-1]["answer"])
    label = step["options"][0]["label"]
    for language in ("zh", "en"):
        said = {**body, "answers": answers, "text": label[language], "language": language}
        read = call(f"POST /drafts/{draft}/read", said)
        assert read["answers"], label[language]
        first = read["answers"][0]
        assert first["answer"]["node"] == step["node"]
        assert call(f"POST /drafts/{draft}/try", {**body, "answers": [*answers, first["answer"]]})["stale"] is None


def test_words_that_mean_nothing_answer_nothing(call):
    draft = call("POST /drafts", {}, 201)["id"]
    body = {"symptom": "broadband_down", "answers": [], "text": "唔姆唔姆", "language": "zh"}
    read = call(f"POST /drafts/{draft}/read", body)
    assert read["answers"] == []
    call(f"POST /drafts/{draft}/read", {**body, "symptom": "nothing"}, 404)
    call(f"POST /drafts/{draft}/read", {**body, "text": ""}, 422)
