"""Who may do what: a rule for every route and every frame, and every role tried on each of them."""

import pytest
import yaml
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from server.gateway.app import create_app
from server.settings import ROOT
from tests.unit.safety.conftest import ROLES, as_role, connected, log_in

EVERYBODY, STAFF, LEADERS, ADMINS = "everybody", "staff", "supervisors", "admins"
MAY = {EVERYBODY: {None, *ROLES}, STAFF: set(ROLES), LEADERS: {"supervisor", "admin"}, ADMINS: {"admin"}}

RULES = {
    "GET /api/company": EVERYBODY,
    "GET /api/articles": EVERYBODY,
    "GET /api/articles/{article_id}": EVERYBODY,
    "POST /api/session": EVERYBODY,
    "DELETE /api/session": EVERYBODY,
    "GET /api/uploads/{upload_id}": EVERYBODY,  # with the conversation's token, which is tested with the pictures
    "GET /api/uploads/{upload_id}/text": EVERYBODY,  # the same
    "POST /api/uploads": EVERYBODY,  # the same
    "GET /api/demo/inbox": EVERYBODY,
    "POST /api/demo/payment-requests/{bill}/accept": EVERYBODY,
    "GET /api/session": STAFF,
    "GET /api/sessions": STAFF,
    "DELETE /api/sessions": STAFF,
    "POST /api/session/second-factor": STAFF,
    "PUT /api/session/second-factor": STAFF,
    "POST /api/session/second-factor/removal": STAFF,
    "GET /api/intents": STAFF,
    "GET /api/desk": STAFF,
    "GET /api/conversations": STAFF,
    "GET /api/conversations/counts": STAFF,
    "GET /api/search": STAFF,
    "GET /api/conversations/{conversation}": STAFF,
    "GET /api/conversations/{conversation}/decisions": STAFF,
    "POST /api/conversations/{conversation}/summary": STAFF,
    "GET /api/conversations/{conversation}/customer": STAFF,
    "GET /api/conversations/{conversation}/transcript": STAFF,
    "POST /api/conversations/{conversation}/transcript": STAFF,
    "GET /api/replies": STAFF,
    "POST /api/replies": STAFF,
    "PUT /api/replies/{reply_id}": STAFF,
    "DELETE /api/replies/{reply_id}": STAFF,
    "GET /api/knowledge": STAFF,
    "POST /api/translations": STAFF,
    "GET /api/reviews": LEADERS,
    "PATCH /api/reviews/{review_id}": LEADERS,
    "GET /api/supervisor": LEADERS,
    "GET /api/staff": LEADERS,
    "PATCH /api/staff/{username}": LEADERS,
    "DELETE /api/staff/{username}/sessions": ADMINS,
    "GET /api/content": ADMINS,
    "PUT /api/content": ADMINS,
    "POST /api/content/try": ADMINS,
    "GET /api/audit": ADMINS,
    "GET /api/new-intents": ADMINS,
    "PUT /api/new-intents/{name}": ADMINS,
    "DELETE /api/new-intents/{name}": ADMINS,
    "GET /api/review": ADMINS,
    "GET /api/review/clusters": ADMINS,
    "GET /api/labels": ADMINS,
    "POST /api/labels": ADMINS,
    "GET /api/labels/export": ADMINS,
    "DELETE /api/labels/batch/{batch}": ADMINS,
    "POST /api/labels/{label_id}/settle": ADMINS,
    "GET /api/trainings": ADMINS,
    "POST /api/trainings": ADMINS,
    "GET /api/trainings/{training_id}": ADMINS,
    "DELETE /api/trainings/{training_id}": ADMINS,
    "POST /api/trainings/{training_id}/promote": ADMINS,
    "GET /api/releases": ADMINS,
    "POST /api/releases/rollback": ADMINS,
    "GET /api/graph": ADMINS,
    "GET /api/graph/versions": ADMINS,
    "GET /api/graph/versions/{version}": ADMINS,
    "GET /api/graph/diff": ADMINS,
    "POST /api/graph/rollback": ADMINS,
    "GET /api/graph/cases": ADMINS,
    "POST /api/graph/cases": ADMINS,
    "PUT /api/graph/cases/{case_id}": ADMINS,
    "DELETE /api/graph/cases/{case_id}": ADMINS,
    "GET /api/graph/analysis": ADMINS,
    "GET /api/graph/priors": ADMINS,
    "POST /api/graph/priors/accept": ADMINS,
    "GET /api/graph/export": ADMINS,
    "POST /api/graph/import": ADMINS,
    "POST /api/graph/drafts": ADMINS,
    "GET /api/graph/drafts/{draft_id}": ADMINS,
    "DELETE /api/graph/drafts/{draft_id}": ADMINS,
    "POST /api/graph/drafts/{draft_id}/operations": ADMINS,
    "POST /api/graph/drafts/{draft_id}/try": ADMINS,
    "POST /api/graph/drafts/{draft_id}/test": ADMINS,
    "POST /api/graph/drafts/{draft_id}/publish": ADMINS,
    "POST /api/graph/drafts/{draft_id}/merge": ADMINS,
    "GET /api/outages": ADMINS,
    "POST /api/outages": ADMINS,
    "POST /api/outages/check": ADMINS,
    "PUT /api/outages/{outage_id}": ADMINS,
    "POST /api/outages/{outage_id}/end": ADMINS,
    "DELETE /api/outages/{outage_id}": ADMINS,
    "GET /api/proposals": ADMINS,
    "GET /api/proposals/tickets": ADMINS,
    "POST /api/proposals/tickets": ADMINS,
    "POST /api/proposals/manuals": ADMINS,
    "GET /api/proposals/runs/{run_id}": ADMINS,
    "POST /api/proposals/runs/{run_id}/stop": ADMINS,
    "POST /api/proposals/runs/{run_id}/resume": ADMINS,
    "POST /api/proposals/{proposal_id}/accept": ADMINS,
    "POST /api/proposals/{proposal_id}/refuse": ADMINS,
    "POST /api/graph/drafts/{draft_id}/read": ADMINS,
    "GET /api/library": ADMINS,
    "GET /api/library/articles/{name}": ADMINS,
    "GET /api/library/articles/{name}/versions/{version}": ADMINS,
    "GET /api/library/articles/{name}/questions": ADMINS,
    "PUT /api/library/articles/{name}/draft": ADMINS,
    "DELETE /api/library/articles/{name}/draft": ADMINS,
    "POST /api/library/drafts": ADMINS,
    "GET /api/library/drafts": ADMINS,
    "POST /api/library/publish": ADMINS,
    "POST /api/library/rollback": ADMINS,
    "GET /api/library/versions": ADMINS,
    "GET /api/library/diff": ADMINS,
    "POST /api/library/render": ADMINS,
    "POST /api/library/ask": ADMINS,
    "GET /api/library/export": ADMINS,
    "POST /api/library/documents": ADMINS,
    "GET /api/company-settings": ADMINS,
    "GET /api/company-settings/coverage": ADMINS,
    "GET /api/company-settings/export": ADMINS,
    "GET /api/company-settings/versions": ADMINS,
    "GET /api/experiments": ADMINS,
    "GET /api/experiments/plan": ADMINS,
    "GET /api/experiments/targets": ADMINS,
    "GET /api/figures": LEADERS,
    "GET /api/figures.csv": LEADERS,
    "PATCH /api/staff/{username}/account": ADMINS,
    "POST /api/company-settings/check": ADMINS,
    "POST /api/company-settings/rollback": ADMINS,
    "POST /api/experiments": ADMINS,
    "POST /api/experiments/{number}/adopt": ADMINS,
    "POST /api/experiments/{number}/stop": ADMINS,
    "POST /api/staff": ADMINS,
    "POST /api/staff/{username}/password": ADMINS,
    "PUT /api/company-settings": ADMINS,
    "GET /api/session/ways": EVERYBODY,
    "GET /api/session/oidc": EVERYBODY,
    "GET /api/session/oidc/callback": EVERYBODY,
    "POST /api/customers/audit": ADMINS,
    "POST /api/customers/export": ADMINS,
    "POST /api/customers/erase": ADMINS,
}
BODIES = {
    "POST /api/replies": {"shortcut": "hello", "title": "Hello", "text": {"en": "Hello", "zh": "您好"}},
    "POST /api/session": {"username": "agent", "password": "wrong password"},
    "PUT /api/session/second-factor": {"code": "000000"},
    "POST /api/session/second-factor/removal": {"code": "000000"},
    "POST /api/conversations/{conversation}/summary": {"language": "en"},
    "POST /api/translations": {"text": "hello there", "source": "en", "target": "zh"},
    "PUT /api/replies/{reply_id}": {"shortcut": "hello", "title": "Hello", "text": {"en": "Hello"}},
    "PATCH /api/reviews/{review_id}": {"state": "done"},
    "PATCH /api/staff/{username}": {"teams": []},
    "PUT /api/content": {},
    "POST /api/content/try": {"text": "hello"},
    "POST /api/customers/audit": {"name": "19900000101"},
    "POST /api/customers/export": {"name": "19900000101"},
    "POST /api/customers/erase": {"name": "19900000101"},
    "POST /api/conversations/{conversation}/transcript": {"email": "a@example.com"},
}


def routes(client: TestClient) -> list[str]:
    described = client.get("/api/openapi.json").json()["paths"]
    return sorted(f"{method.upper()} {path}" for path, methods in described.items() for method in methods)


def test_every_route_has_a_rule_and_every_role_meets_it(client):
    assert set(routes(client)) <= set(RULES), "a route without a rule: say in RULES who may use it"
    tokens: dict[str | None, str | None] = {None: None, **{role: log_in(client, role) for role in ROLES}}
    wrong = []
    for route in routes(client):
        method, path = route.split(" ")
        for name in ("conversation", "article_id", "upload_id", "bill", "username"):
            path = path.replace("{" + name + "}", "nobody")
        path = path.replace("{reply_id}", "999").replace("{review_id}", "999")
        for role, token in tokens.items():
            if route == "DELETE /api/sessions" and role is not None:
                continue  # ends the sessions that the rest needs; test_sessions.py has it
            if route in {"DELETE /api/session", "POST /api/session"}:
                continue
            answer = client.request(method, path, json=BODIES.get(route), headers=as_role(token))
            refused = answer.status_code in {401, 403} and not _wrong_code(answer.text)
            allowed = role in MAY[RULES[route]]
            if RULES[route] == EVERYBODY:
                continue
            if refused is allowed:
                wrong.append(f"{route} as {role}: {answer.status_code}")
            elif refused and answer.status_code != (401 if role is None else 403):
                wrong.append(f"{route} as {role}: {answer.status_code} in place of 401 or 403")
            away = answer.status_code == 503 and answer.json().get("code") == "away"  # no services run here
            assert away or answer.status_code < 500, (route, role, answer.text)
    assert wrong == []


def _wrong_code(text: str) -> bool:
    return "the code is wrong" in text


def test_every_change_needs_the_header_of_our_own_pages(client):
    token = log_in(client, "admin")
    del client.headers["x-kefu"]
    for route in routes(client):
        method, path = route.split(" ")
        if method == "GET":
            continue
        answer = client.request(method, path, json=BODIES.get(route), headers=as_role(token))
        assert answer.status_code == 403, route


def test_every_change_from_a_foreign_origin_is_refused(client):
    token = log_in(client, "admin")
    for route in routes(client):
        method, path = route.split(" ")
        if method == "GET":
            continue
        headers = {**as_role(token), "Origin": "https://evil.example"}
        assert client.request(method, path, json=BODIES.get(route), headers=headers).status_code == 403, route
    own = {**as_role(token), "Origin": "http://kefu.test"}
    assert client.put("/api/content", json={}, headers=own).status_code == 200


def frames(channel: str) -> list[str]:
    described = yaml.safe_load((ROOT / "docs/asyncapi.yaml").read_text("utf-8"))
    messages = described["channels"][channel]["messages"]
    return sorted(name.removeprefix("from_client_") for name in messages if name.startswith("from_client_"))


FRAME_RULES = {
    "chat": dict.fromkeys(("hello", "ping"), EVERYBODY),
    "desk": {},
}
"""What a chat takes before its token was shown; a desk takes nothing without a session."""


@pytest.mark.parametrize("token", [None, "forged"])
def test_no_frame_reaches_the_desk_without_a_session(client, token):
    for kind in frames("desk"):
        with connected(client, "/ws/desk", token) as socket:
            socket.send_json({"type": kind, "id": "a", "conversation": "x"})
            with pytest.raises(WebSocketDisconnect) as end:
                socket.receive_json()
        assert end.value.code == 1008, kind


def test_the_desk_opens_from_its_own_page_only(client):
    headers = {**as_role(log_in(client, "agent")), "Origin": "https://evil.example"}
    with pytest.raises(WebSocketDisconnect) as end, client.websocket_connect("/ws/desk", headers=headers):
        pass
    assert end.value.code == 1008


def test_no_frame_of_a_customer_is_served_before_hello(client):
    for kind in frames("chat"):
        if FRAME_RULES["chat"].get(kind) == EVERYBODY:
            continue
        with connected(client, "/ws/chat") as socket:
            socket.send_json({"type": kind, "id": "a"})
            answer = socket.receive_json()
        assert answer["type"] == "error", kind
        assert answer["code"] in {"unknown_conversation", "unsupported"}, kind


def test_every_staff_frame_works_alike_for_all_roles(client):
    """Roles differ in REST; at the desk, what one may do hangs on who has the conversation."""
    for role in ROLES:
        with connected(client, "/ws/desk", log_in(client, role)) as socket:
            socket.send_json({"type": "hello"})
            assert socket.receive_json()["agent"] == role
            for kind in set(frames("desk")) & {"take", "message", "close", "release", "return"}:
                socket.send_json({"type": kind, "id": "a", "conversation": "nobody's", "text": "x"})
                while (answer := socket.receive_json())["type"] not in {"refused", "error"}:
                    pass
                assert answer.get("code") == "unknown_conversation", kind


def test_the_application_has_no_route_outside_the_description(settings):
    app = create_app(settings)
    hidden = {getattr(route, "path", "") for route in app.routes if not getattr(route, "include_in_schema", False)}
    api = {path for path in hidden if path.startswith("/api")}
    assert api == {"/api/docs", "/api/openapi.json"}


def test_every_number_in_an_address_has_bounds(client):
    """A number beyond 64 bits is a fault of the database's driver, and so of ours."""
    unbound = []
    for path, methods in client.get("/api/openapi.json").json()["paths"].items():
        for method, operation in methods.items():
            for parameter in operation.get("parameters", []):
                schema = parameter["schema"]
                for one in (schema, *schema.get("anyOf", [])):
                    if one.get("type") == "integer" and not {"maximum", "exclusiveMaximum"} & set(one):
                        unbound.append(f"{method.upper()} {path}: {parameter['name']}")
    assert unbound == []
