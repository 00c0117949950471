"""The desk's routes: what they answer, to whom, and what they refuse."""

import io
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from aiosmtpd.controller import Controller
from PIL import Image

from server.gateway.app import create_app
from server.gateway.passwords import hash_password
from server.settings import ROOT, Settings
from tests.support.floor import START, Bench, Clock, intent
from tests.support.language_model import broken_server, reply
from tests.support.product import free_ports

PASSWORD = "a long password"
HASH = hash_password(PASSWORD)
STAFF = (
    ("lin", "agent", {}),
    ("wang", "agent", {"teams": ["network"]}),
    ("emma", "agent", {"teams": ["accounts"]}),
    ("boss", "supervisor", {}),
)


class Mailbox:
    """A mail server's handler that keeps what it was given."""

    def __init__(self) -> None:
        self.received: list[bytes] = []

    async def handle_DATA(self, server, session, envelope):  # noqa: N802 (the name that aiosmtpd calls)
        self.received.append(envelope.content)
        return "250 taken" if "refused@" not in envelope.rcpt_tos[0] else "554 no such person"


@pytest.fixture(scope="module")
def mailbox():
    return Mailbox()


@pytest.fixture(scope="module")
def smtp(mailbox):
    port = free_ports(1)
    controller = Controller(mailbox, hostname="127.0.0.1", port=port)
    controller.start()
    yield port
    controller.stop()


@asynccontextmanager
async def running(tmp_path, **more):
    clock = Clock()
    settings = Settings(data_dir=tmp_path, company=ROOT / "demo", uploads_per_conversation=2, **more)
    app = create_app(settings, clock)
    async with app.router.lifespan_context(app):
        await app.state.dispatcher.close()  # it works by the wall clock; these tests have their own
        casework = app.state.desk.casework
        bench = Bench(clock, casework.conversations, casework, None)
        for name, role, place in STAFF:
            async with bench.store.write() as tx:
                await tx.add_staff(name, name.title(), role, HASH)
                await tx.place_staff(name, place)
        bench.app = app
        yield bench


@pytest.fixture
async def desk(tmp_path, smtp):
    mail = {"smtp_host": "127.0.0.1", "smtp_port": smtp, "smtp_security": "none", "mail_from": "care@example.com"}
    async with running(tmp_path, **mail) as bench:
        yield bench


@asynccontextmanager
async def logged_in(desk, name):
    transport = httpx.ASGITransport(desk.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://desk", headers={"X-Kefu": "1"}) as client:
        answer = await client.post("/api/session", json={"username": name, "password": PASSWORD})
        assert answer.status_code == 200
        yield client


@pytest.fixture
async def lin(desk):
    async with logged_in(desk, "lin") as client:
        yield client


@pytest.fixture
async def boss(desk):
    async with logged_in(desk, "boss") as client:
        yield client


async def fault(desk, text="宽带坏了", name="fault_broadband"):
    """A conversation of the team that the intent belongs to, waiting."""
    state = await desk.service.open("zh", None)
    await desk.turn(state.id, text, escalate={"reason": "policy"}, **intent(name))
    return state.id


# ------------------------------------------------------------------ lists


async def test_an_agent_sees_their_teams_and_nobodys(desk):
    network, accounts = await fault(desk), await fault(desk, "账单不对", "dispute_bill")
    general = (await desk.waiting()).id
    for name, seen in {
        "wang": {network, general},
        "emma": {accounts, general},
        "boss": {network, accounts, general},
    }.items():
        async with logged_in(desk, name) as client:
            items = (await client.get("/api/conversations", params={"state": "all"})).json()["items"]
            assert {row["conversation"] for row in items} == seen
            counts = (await client.get("/api/conversations/counts")).json()
            assert counts["all"] == len(seen)
            for conversation in (network, accounts, general):
                status = (await client.get(f"/api/conversations/{conversation}")).status_code
                assert status == (200 if conversation in seen else 404)


async def test_rows_say_what_a_list_shows(desk, lin):
    network = await fault(desk)
    await desk.says(network, "还在吗")
    (row,) = (await lin.get("/api/conversations")).json()["items"]
    assert (row["team"], row["topic"], row["topic_label"]["en"]) == (
        "network",
        "fault_broadband",
        desk.service.company.intents["fault_broadband"].label["en"],
    )
    assert (row["last_text"], row["last_role"], row["unread"]) == ("还在吗", "customer", 2)
    assert row["due"] == "2026-03-02T04:01:00.000Z"
    assert row["reason"] == "policy"


@pytest.mark.parametrize(
    ("filters", "count"),
    [
        ({"language": "zh"}, 1),
        ({"reason": "policy"}, 1),
        ({"team": "network"}, 1),
        ({"topic": "fault_broadband"}, 1),
        ({"priority": 0}, 3),
        ({"priority": 3}, 0),
        ({"q": "宽带"}, 1),
        ({"q": "宽带 没有这个词"}, 0),
        ({"q": "\"*') OR 1"}, 0),
        ({"since": "2026-03-03"}, 0),
        ({"agent": "lin"}, 0),
    ],
)
async def test_lists_are_filtered(desk, lin, filters, count):
    await fault(desk)
    await desk.waiting()
    await desk.waiting()
    items = (await lin.get("/api/conversations", params={"state": "all", **filters})).json()["items"]
    assert len(items) == count


@pytest.mark.parametrize("state", ["waiting", "closed"])
async def test_pages_follow_each_other_without_gaps(desk, boss, state):
    made = []
    account = await desk.account("boss")
    for _ in range(7):
        one = await desk.waiting()
        made.append(one.id)
        if state == "closed":
            await desk.cases.close(one.id, desk.id(), account, outcome="solved", tags=[])
    seen, cursor = [], None
    while True:
        params = {"state": state, "limit": 3, **({"cursor": cursor} if cursor else {})}
        page = (await boss.get("/api/conversations", params=params)).json()
        seen += [row["conversation"] for row in page["items"]]
        if not (cursor := page.get("next")):
            break
    assert seen == (made if state == "waiting" else made[::-1])
    assert (await boss.get("/api/conversations", params={"cursor": "nonsense"})).status_code == 422


async def test_transcripts_are_searched_in_both_languages(desk, boss):
    network = await fault(desk, "我家的光猫亮红灯，路由器 R2 也重启了")
    await desk.says(network, "Order QH48210937 is late")
    for query, hit in {
        "光猫": "光猫",
        "红灯": "红灯",
        "猫": "猫",
        "qh482": "QH482",
        "路由器 R2": "R2",
        "LATE": "late",
    }.items():
        items = (await boss.get("/api/search", params={"q": query})).json()["items"]
        assert [one["conversation"] for one in items] == [network], query
        assert hit.lower() in "".join(part["text"].lower() for part in items[0]["parts"] if part["hit"])
    for query in ("灯红", "nothing", "!!!"):
        assert (await boss.get("/api/search", params={"q": query})).json()["items"] == []
    async with logged_in(desk, "emma") as emma:
        assert (await emma.get("/api/search", params={"q": "光猫"})).json()["items"] == []


async def test_internal_notes_are_found_too(desk, boss):
    network = await fault(desk, "我家的光猫亮红灯")
    lin = await desk.store.staff("lin")
    await desk.cases.note(network, desk.id(), lin, "Asked the exchange; 机房在检修")
    for query in ("exchange", "检修"):
        (hit,) = (await boss.get("/api/search", params={"q": query})).json()["items"]
        assert (hit["conversation"], hit["role"], hit["name"]) == (network, "note", lin.name)
        state = await desk.store.conversation(network)
        assert 0 < hit["seq"] <= state.last_seq
    listed = (await boss.get("/api/conversations", params={"q": "检修"})).json()["items"]
    assert [one["conversation"] for one in listed] == [network]
    async with logged_in(desk, "emma") as emma:
        assert (await emma.get("/api/search", params={"q": "检修"})).json()["items"] == []


# ------------------------------------------------------------------ one conversation


async def test_everything_of_one_conversation(desk, lin):
    person = await desk.account("lin")
    state = await desk.held(person)
    await desk.answers(state.id, person, "hello there")
    await desk.cases.note(state.id, desk.id(), person, "polite")
    await desk.cases.close(state.id, desk.id(), person, outcome="solved", tags=["fibre"])
    await desk.service.feedback(state.id, "f1", score=4, solved=True)
    page = (await lin.get(f"/api/conversations/{state.id}")).json()
    assert page["escalation"]["rating"] == {"score": 4, "solved": True}
    assert [one["text"] for one in page["notes"]] == ["polite"]
    assert [one["type"] for one in page["events"]] == ["escalation", "taken", "closed"]
    assert all(one["at"].startswith("20") for one in page["events"])
    assert page["escalation"]["context"]["suggestion"] == ""
    assert "fibre" in (await lin.get("/api/desk")).json()["tags"]


async def test_one_customer_over_all_conversations(desk, lin):
    """The account back end does not run here: the page says so and shows what the desk itself knows."""
    person = await desk.account("lin")
    first = await desk.waiting(customer="C-1001")
    await desk.cases.take(first.id, desk.id(), person)
    await desk.cases.close(first.id, desk.id(), person, outcome="solved", tags=[])
    desk.clock.tick(60)
    again = await desk.waiting(customer="C-1001")
    view = (await lin.get(f"/api/conversations/{again.id}/customer")).json()
    assert [one["conversation"] for one in view["conversations"]] == [again.id, first.id]
    assert (view["error"], view["conversations"][1]["outcome"]) == ("unavailable", "solved")


async def test_the_transcript_is_downloaded_and_sent(desk, lin, mailbox):
    person = await desk.account("lin")
    state = await desk.held(person)
    await desk.answers(state.id, person, "您好，Lin here")
    await desk.cases.note(state.id, desk.id(), person, "for us only")
    text = (await lin.get(f"/api/conversations/{state.id}/transcript")).text
    assert "12:00 Lin: 您好，Lin here" in text
    assert "for us only" not in text
    file = await lin.get(f"/api/conversations/{state.id}/transcript", params={"format": "json"})
    assert file.json()["messages"][-1]["text"] == "您好，Lin here"
    assert "attachment" in file.headers["content-disposition"]
    path = f"/api/conversations/{state.id}/transcript"
    assert (await lin.post(path, json={"email": "a@example.com"})).status_code == 202
    assert len(mailbox.received) == 1
    assert b"To: a@example.com" in mailbox.received[0]
    assert (await lin.post(path, json={"email": "a@example.com\nBcc: x@example.com"})).status_code == 422
    assert (await lin.post(path, json={"email": "refused@example.com"})).status_code == 502


async def test_without_a_mail_server_it_is_said(tmp_path):
    async with running(tmp_path) as desk, logged_in(desk, "lin") as lin:
        state = await desk.waiting()
        answer = await lin.post(f"/api/conversations/{state.id}/transcript", json={"email": "a@example.com"})
        assert answer.status_code == 503
        assert "smtp_host" in answer.json()["detail"]
        assert (await lin.get("/api/desk")).json()["mail"] is False


async def test_the_search_for_articles_says_when_it_is_away(desk, lin):
    assert (await lin.get("/api/knowledge", params={"q": "wifi", "lang": "en"})).status_code == 503


TRANSLATION = {"text": "My broadband is down", "source": "en", "target": "zh"}


async def test_translation_is_offered_where_a_language_model_is_set_up(desk, lin):
    assert (await lin.get("/api/desk")).json()["translation"] is False
    answer = await lin.post("/api/translations", json=TRANSLATION)
    assert answer.status_code == 404
    assert "not_configured" in answer.json()["detail"]


async def test_a_translation_comes_from_the_model_service_or_the_answer_says_why_not(tmp_path):
    model = {"engine": "openai", "address": "http://127.0.0.1:1/v1", "model": "m"}
    answers = (
        reply("200 OK", '{"text": "我的宽带断了"}'.encode()),
        reply("200 OK", b'{"refused": "wrong_language"}'),
        reply("200 OK", b'{"refused": null}'),
        reply("503 Service Unavailable", b'{"error": "unreachable"}'),
    )
    async with broken_server(*answers) as models:
        port = int(models.address.removesuffix("/v1").rpartition(":")[2])
        # The model service has the first of the internal ports.
        async with running(tmp_path, understanding=model, internal_port=port) as desk, logged_in(desk, "lin") as lin:
            assert (await lin.get("/api/desk")).json()["translation"] is True
            same = await lin.post("/api/translations", json={**TRANSLATION, "target": "en"})
            assert same.status_code == 422
            found = [await lin.post("/api/translations", json=TRANSLATION) for _ in range(4)]
            await models.stop()
            gone = await lin.post("/api/translations", json=TRANSLATION)
    assert [one.status_code for one in found] == [200, 200, 503, 503]
    assert [one.json() for one in found[:2]] == [{"text": "我的宽带断了"}, {"refused": "wrong_language"}]
    assert "nonsense" in found[2].json()["detail"]
    assert (gone.status_code, gone.json()["detail"]) == (503, "the translation does not come: unreachable")
    assert models.requests[0].startswith(b"POST /translate ")
    assert b'"target":"zh"' in models.requests[0]


async def test_a_summary_names_the_messages_it_rests_on_or_says_why_there_is_none(tmp_path):
    model = {"address": "http://127.0.0.1:1/v1", "model": "m", "summaries": True}
    sentence = {"text": "The customer wants a person.", "source": 0, "quote": "转人工"}
    answers = (
        reply("200 OK", json.dumps({"sentences": [sentence], "model": "m", "dropped": 0}).encode()),
        reply("200 OK", b'{"refused": "quote_not_found", "model": "m"}'),
        reply("503 Service Unavailable", b'{"error": "deadline"}'),
    )
    async with broken_server(*answers) as models:
        port = int(models.address.removesuffix("/v1").rpartition(":")[2])
        async with running(tmp_path, understanding=model, internal_port=port) as desk, logged_in(desk, "lin") as lin:
            assert (await lin.get("/api/desk")).json()["summary"] is True
            state = await desk.service.open("zh", None)
            await desk.turn(state.id, "转人工", escalate={"reason": "customer_asked"}, **intent("talk_to_human"))
            first = next(one for one in await desk.service.store.messages(state.id) if one.text)
            path = f"/api/conversations/{state.id}/summary"
            found = [await lin.post(path, json={"language": "en"}) for _ in range(3)]
            assert (await lin.post(path, json={"language": "fr"})).status_code == 422
            assert (await lin.post("/api/conversations/none/summary", json={"language": "en"})).status_code == 404
    assert [one.status_code for one in found] == [200, 200, 503]
    said = {"text": sentence["text"], "seq": first.seq, "quote": "转人工"}
    assert found[0].json() == {"sentences": [said], "model": "m"}
    assert found[1].json() == {"refused": "quote_not_found"}
    assert models.requests[0].startswith(b"POST /summary ")
    assert "Customer: 转人工".encode() in models.requests[0]


async def test_nothing_is_summed_up_without_a_language_model(desk, lin):
    assert (await lin.get("/api/desk")).json()["summary"] is False
    state = await desk.waiting()
    answer = await lin.post(f"/api/conversations/{state.id}/summary", json={"language": "zh"})
    assert answer.status_code == 404
    assert "not_configured" in answer.json()["detail"]


# ------------------------------------------------------------------ replies


async def test_replies_are_kept_and_filled(desk, lin, boss):
    text = {"zh": "您好{customer}，我是{agent}。", "en": "Hello, {agent} of {company} here. {unknown}"}
    reply = {"shortcut": "hi", "title": "Greeting", "text": text, "shared": True}
    assert (await lin.post("/api/replies", json=reply)).status_code == 403
    made = (await boss.post("/api/replies", json=reply)).json()
    assert (await boss.post("/api/replies", json=reply)).status_code == 409
    own = (await lin.post("/api/replies", json={**reply, "shortcut": "bye", "title": "Bye", "shared": False})).json()
    state = await desk.waiting("en")
    found = (await lin.get("/api/replies", params={"q": "hi", "conversation": state.id})).json()
    assert found[0]["filled"] == "Hello, Lin of Qinghe Telecom here. {unknown}"
    assert [one["shortcut"] for one in (await boss.get("/api/replies")).json()] == ["hi"], "one's own are one's own"
    changed = {**reply, "title": "Warm greeting"}
    assert (await lin.put(f"/api/replies/{made['id']}", json=changed)).status_code == 403
    assert (await boss.put(f"/api/replies/{own['id']}", json=changed)).status_code == 404
    assert (await boss.put(f"/api/replies/{made['id']}", json=changed)).json()["title"] == "Warm greeting"
    assert (await lin.delete(f"/api/replies/{own['id']}")).status_code == 204
    assert [one["id"] for one in (await lin.get("/api/replies")).json()] == [made["id"]]


# ------------------------------------------------------------------ pictures


def picture(kind="JPEG", size=(40, 20)):
    image = Image.new("RGB", size, "red")
    exif = image.getexif()
    exif[0x010E] = "secret place"
    exif[0x0112] = 6  # lying on its side
    out = io.BytesIO()
    image.save(out, kind, exif=exif)
    return out.getvalue()


async def test_a_picture_is_drawn_anew_without_what_the_camera_wrote(desk, lin):
    state = await desk.waiting()
    path = "/api/uploads"
    answer = await lin.post(
        path, params={"conversation": state.id}, content=picture(), headers={"Content-Type": "image/jpeg"}
    )
    assert answer.status_code == 201
    made = answer.json()
    assert (made["width"], made["height"]) == (20, 40), "turned upright"
    stored = await lin.get(made["url"])
    assert stored.headers["content-type"] == "image/jpeg"
    assert b"secret place" not in stored.content
    assert dict(Image.open(io.BytesIO(stored.content)).getexif()) == {}


async def test_a_picture_is_for_its_conversation_only(desk, lin):
    state, other = await desk.waiting(), await desk.waiting()
    params = {"conversation": state.id}
    made = (
        await lin.post("/api/uploads", params=params, content=picture(), headers={"Content-Type": "image/jpeg"})
    ).json()
    tokens = desk.app.state.desk_rest.tokens
    async with httpx.AsyncClient(transport=httpx.ASGITransport(desk.app), base_url="http://desk") as anybody:
        assert (await anybody.get(made["url"])).status_code == 404
        for conversation, status in ((state.id, 200), (other.id, 404)):
            token = tokens.conversation(conversation, START)
            assert (await anybody.get(made["url"], params={"token": token})).status_code == status
            header = {"Authorization": f"Bearer {token}"}
            assert (await anybody.get(made["url"], headers=header)).status_code == status


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"<svg onload='alert(1)'/>", "image/svg+xml", 415),
        (b"<svg onload='alert(1)'/>", "image/png", 422),
        (b"", "image/png", 422),
        (picture()[:200], "image/jpeg", 422),
        (b"\0" * (10 * 1024 * 1024 + 1), "image/png", 413),
    ],
)
async def test_what_is_no_picture_is_refused(desk, lin, content, kind, status):
    state = await desk.waiting()
    params, headers = {"conversation": state.id}, {"Content-Type": kind}
    assert (await lin.post("/api/uploads", params=params, content=content, headers=headers)).status_code == status


async def test_a_conversation_holds_so_many_pictures(desk, lin):
    state = await desk.waiting()
    params, headers = {"conversation": state.id}, {"Content-Type": "image/png"}
    statuses = [
        (await lin.post("/api/uploads", params=params, content=picture("PNG"), headers=headers)).status_code
        for _ in range(3)
    ]
    assert statuses == [201, 201, 409]


# ------------------------------------------------------------------ those who lead


LEADING = ("/api/supervisor", "/api/reviews", "/api/staff")


@pytest.mark.parametrize("path", LEADING)
async def test_only_who_leads_sees_the_floor(lin, boss, path):
    assert (await lin.get(path)).status_code == 403
    assert (await boss.get(path)).status_code == 200


async def test_the_floor_at_a_glance(desk, boss):
    person = await desk.account("lin")
    state = await fault(desk)
    desk.clock.tick(30)
    await desk.cases.take(state, desk.id(), person)
    desk.clock.tick(20)
    await desk.answers(state, person)
    desk.clock.tick(100)
    await desk.cases.close(state, desk.id(), person, outcome="solved", tags=[])
    await desk.service.feedback(state, "f1", score=5, solved=True)
    await desk.waiting()
    live = await desk.service.open("en", None)
    await desk.says(live.id, "is anybody there")
    desk.clock.tick(10)
    view = (await boss.get("/api/supervisor")).json()
    assert view["now"] | {"bot": 1} == {
        "waiting": 1, "offered": 0, "assigned": 0, "snoozed": 0, "bot": 1, "longest_wait_s": 10,
    }  # fmt: skip
    lin = next(one for one in view["agents"] if one["agent"] == "lin")
    assert lin["today"] == {
        "taken": 1, "closed": 1, "median_pick_up_s": 30.0, "median_reply_s": 20.0, "median_handling_s": 120.0,
        "rating": 5.0, "solved_share": 1.0,
    }  # fmt: skip
    assert view["handoffs"]["conversations"] == 3
    assert {one["reason"]: one["count"] for one in view["handoffs"]["reasons"]} == {"policy": 1, "customer_asked": 1}
    assert view["ratings"]["intents"][0]["intent"] == "fault_broadband"
    assert view["waits"]["within_target"] == 1.0
    assert [one["last_text"] for one in view["live"]] == ["is anybody there"]


async def test_people_are_put_into_teams(desk, boss, lin):
    assert (await lin.patch("/api/staff/lin", json={"capacity": 99})).status_code == 403
    answer = await boss.patch("/api/staff/lin", json={"teams": ["network"], "languages": ["en"], "capacity": 2})
    assert (answer.json()["teams"], answer.json()["capacity"]) == (["network"], 2)
    assert (await boss.patch("/api/staff/lin", json={"teams": ["cooks"]})).status_code == 422
    assert (await boss.patch("/api/staff/nobody", json={"capacity": 2})).status_code == 404


async def test_changes_need_the_header_of_our_own_page(desk, boss):
    del boss.headers["X-Kefu"]
    state = await desk.waiting()
    for method, path in (
        ("POST", "/api/replies"),
        ("PUT", "/api/replies/1"),
        ("DELETE", "/api/replies/1"),
        ("POST", f"/api/uploads?conversation={state.id}"),
        ("POST", f"/api/conversations/{state.id}/transcript"),
        ("PATCH", "/api/reviews/1"),
        ("PATCH", "/api/staff/lin"),
    ):
        assert (await boss.request(method, path, json={})).status_code == 403, path


async def test_every_staff_route_is_closed_to_others(desk):
    document = desk.app.openapi()["paths"]
    open_to_all = {
        "/api/company",
        "/api/articles",
        "/api/articles/{article_id}",
        "/api/session",
        "/api/uploads/{upload_id}",
        "/api/session/ways",
        "/api/session/oidc",
        "/api/session/oidc/callback",
        "/api/uploads/{upload_id}/text",
    }
    transport = httpx.ASGITransport(desk.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://desk", headers={"X-Kefu": "1"}) as anybody:
        for path, methods in document.items():
            if path in open_to_all or path.startswith("/api/demo"):
                continue
            for method in methods:
                filled = path.replace("{", "").replace("}", "")
                answer = await anybody.request(method, filled, json={})
                assert answer.status_code == 401, f"{method} {path}"


async def test_the_opening_hours_are_told(desk, lin):
    desk.clock.now = datetime(2026, 3, 1, 20, 0, tzinfo=UTC)
    office = (await lin.get("/api/desk")).json()["office"]
    assert office == {"open": False, "opens_at": "2026-03-02T00:00:00.000Z"}


async def test_an_agents_stream_tells_nothing_of_other_teams(desk):
    """Whatever kind of event it is, it carries the team by which a desk keeps it back."""
    person = await desk.account("boss")
    conversation = await fault(desk)
    await desk.cases.take(conversation, desk.id(), person)
    await desk.service.leave_contact(conversation, desk.id(), {"phone": "19900000101"}, "19900000101")
    await desk.cases.snooze(conversation, desk.id(), person, desk.clock() + timedelta(hours=1))
    await desk.cases.wake(conversation, desk.id(), person)
    await desk.cases.release(conversation, desk.id(), person)
    await desk.cases.take(conversation, desk.id(), person)
    await desk.cases.close(conversation, desk.id(), person, outcome="solved", tags=[])
    await desk.service.feedback(conversation, desk.id(), score=5)
    await desk.cases.reopen(conversation, desk.id(), person)
    await desk.cases.hand_back(conversation, desk.id(), person)
    events = [one for one in await desk.events() if one["type"] != "message"]
    assert {one["type"] for one in events} == {
        "escalation", "taken", "contact", "snoozed", "woken", "released", "closed", "rated", "reopened", "mode",
    }  # fmt: skip
    assert {one["team"] for one in events} == {"network"}
