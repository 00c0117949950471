"""Company settings and staff accounts over REST: put in force live, refused by field, kept apart, rolled back."""

import tomllib

import pytest
from starlette.testclient import TestClient

from server.gateway.app import create_app
from tests.unit.safety.conftest import as_role, connected, log_in

PATH = "/api/company-settings"


@pytest.fixture
def current(admin):
    return admin.get(PATH).json()


def save(admin, found, **changes):
    settings = {**found["settings"], **changes}
    return admin.put(PATH, json={"base": found["version"], "settings": settings, "message": "why"})


def test_the_folder_is_version_one_and_a_change_is_live_at_once(admin, current):
    assert (current["version"], current["origin"]) == (1, "seed")
    colours = {**current["settings"]["colours"], "primary": "#123456"}
    greeting = {"zh": "您好！", "en": "Welcome!"}
    hours = {"holidays": []}
    origins = {"origins": ["https://shop.example.com"]}
    answer = save(admin, current, colours=colours, greeting=greeting, hours=hours, embed=origins)
    assert answer.status_code == 200, answer.text
    shown = admin.get("/api/company").json()
    assert shown["colours"]["primary"] == "#123456"
    assert (shown["hours"], shown["open"]) == ({}, False)
    with connected(admin, "/ws/chat", origin="https://shop.example.com") as socket:
        socket.send_json({"type": "hello", "locale": "en"})
        assert socket.receive_json()["type"] == "welcome"
        assert socket.receive_json()["text"] == "Welcome!"
    entry = admin.get("/api/audit?q=company.changed").json()["items"][0]
    assert entry["detail"]["changed"].startswith("colours.primary, greeting.zh")


def test_another_gateway_takes_it_within_a_second_of_its_own(admin, current, settings, clock):
    with TestClient(create_app(settings, clock), base_url="http://other.test") as other:
        assert save(admin, current, logo_text="青").status_code == 200
        other.portal.call(other.app.state.company_settings.refresh)
        assert other.get("/api/company").json()["logo_text"] == "青"


def test_a_new_risk_bound_counts_from_the_next_message_and_what_it_leaves_needs_the_model_service(admin, current):
    upstream = admin.app.state.upstream
    assert upstream.risk_bound() == current["settings"]["service"]["risk_bound"]
    service = {**current["settings"]["service"], "risk_bound": 0.02}
    assert save(admin, current, service=service).status_code == 200
    assert upstream.risk_bound() == 0.02
    answer = admin.get(f"{PATH}/coverage")
    assert (answer.status_code, answer.json()["code"]) == (503, "away")
    assert admin.get(f"{PATH}/coverage?bound=0.7").status_code == 422


def test_who_comes_second_is_told_what_the_first_did(admin, current):
    assert save(admin, current, logo_text="甲").status_code == 200
    answer = save(admin, current, logo_text="乙")
    assert answer.status_code == 409
    body = answer.json()
    assert (body["code"], body["version"], body["settings"]["logo_text"]) == ("changed", 2, "甲")
    assert "admin" in body["text"]["en"]
    assert admin.get("/api/company").json()["logo_text"] == "甲"


def test_mistakes_are_refused_by_field_and_nothing_changes(admin, current):
    answer = save(admin, current, logo_text="abc", colours={"primary": "#FFFFFF", "accent": "#A8480C"})
    assert answer.status_code == 422
    assert [one["path"] for one in answer.json()["problems"]] == [["logo_text"], ["colours", "primary"]]
    assert save(admin, current).json()["detail"] == "Nothing differs from the settings in force."
    assert save(admin, current, secret="x").status_code == 422
    assert admin.get(PATH).json()["version"] == 1
    tried = admin.post(f"{PATH}/check", json={"settings": {**current["settings"], "logo_text": "abc"}}).json()
    assert len(tried["problems"]) == 1


def test_history_roll_back_and_export(admin, current):
    first = current["settings"]
    second = save(admin, current, name={"zh": "新名字", "en": "New name"}).json()
    history = admin.get(f"{PATH}/versions").json()["items"]
    assert [one["version"] for one in history] == [2, 1]
    assert history[0]["changes"][0] == {"path": ["name", "zh"], "before": "青禾通信", "after": "新名字"}
    back = admin.post(f"{PATH}/rollback", json={"base": second["version"], "to": 1, "message": "no"}).json()
    assert (back["version"], back["origin"], back["of"], back["settings"]) == (3, "rollback", 1, first)
    assert admin.get("/api/company").json()["name"]["zh"] == "青禾通信"
    exported = tomllib.loads(admin.get(f"{PATH}/export").text)
    assert exported["name"] == first["name"]
    assert exported["paths"]["kg"] == "../kg/data"
    assert admin.post(f"{PATH}/rollback", json={"base": 3, "to": 99}).status_code == 404


def test_a_team_with_people_stays_until_they_have_moved(admin, current):
    assert admin.patch("/api/staff/agent", json={"teams": ["devices"]}).status_code == 200
    desk = current["settings"]["desk"]
    fewer = {**desk, "teams": [team for team in desk["teams"] if team["id"] != "devices"]}
    answer = save(admin, current, desk=fewer)
    assert answer.status_code == 422
    assert "agent" in answer.json()["problems"][0]["text"]["en"]
    admin.patch("/api/staff/agent", json={"teams": []})
    assert save(admin, current, desk=fewer).status_code == 200


def test_only_administrators_change_settings_and_accounts(client):
    supervisor = as_role(log_in(client, "supervisor"))
    assert client.get(PATH, headers=supervisor).status_code == 403
    assert client.post("/api/staff", json={"username": "x", "name": "X"}, headers=supervisor).status_code == 403


def test_accounts_are_made_changed_disabled_and_given_a_new_password(admin, client):
    made = admin.post("/api/staff", json={"username": "mei", "name": "梅", "role": "agent"})
    assert made.status_code == 201
    assert admin.post("/api/staff", json={"username": "mei", "name": "梅"}).status_code == 409
    other = TestClient(client.app, base_url="http://kefu.test", headers={"x-kefu": "1"})

    def can_log_in(password):
        return other.post("/api/session", json={"username": "mei", "password": password}).status_code == 200

    assert can_log_in(made.json()["password"])
    renewed = admin.post("/api/staff/mei/password").json()["password"]
    assert not can_log_in(made.json()["password"])
    assert can_log_in(renewed)
    assert other.get("/api/session").status_code == 200
    answer = admin.patch("/api/staff/mei/account", json={"active": False, "name": "梅子"})
    assert answer.json() == {"username": "mei", "name": "梅子", "role": "agent", "active": False}
    assert other.get("/api/session").status_code == 401
    assert not can_log_in(renewed)
    assert admin.post("/api/staff/nobody/password").status_code == 404


def test_an_administrator_does_not_lock_everybody_out(admin):
    refused = admin.patch("/api/staff/admin/account", json={"active": False})
    assert refused.status_code == 409
    assert "own account" in refused.json()["detail"]
    assert admin.patch("/api/staff/admin/account", json={"role": "agent"}).status_code == 409
