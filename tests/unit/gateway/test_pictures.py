"""Customers' pictures at the gateway: who may send them, and what a turn makes of them."""

import asyncio
import io
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

from server.gateway.pictures import PictureReadings
from server.gateway.upstream import UpstreamError
from tests.support.drawings import screen
from tests.support.floor import START, Bench, OneGeneration, intent, turn_runner
from tests.unit.gateway.test_rest_desk import running

SHOP = "https://shop.example.com"


@pytest.fixture
async def desk(tmp_path):
    async with running(tmp_path) as bench:
        yield bench


def browser(desk, **options):
    return httpx.AsyncClient(transport=httpx.ASGITransport(desk.app), base_url="http://desk", **options)


def with_token(desk, conversation: str, **more: str) -> dict[str, str]:
    token = desk.app.state.desk_rest.tokens.conversation(conversation, START)
    return {"Authorization": f"Bearer {token}", "Content-Type": "image/png", **more}


async def test_a_customer_sends_pictures_to_their_own_conversation(desk):
    state, other = await desk.service.open("en", None), await desk.service.open("en", None)
    headers = with_token(desk, state.id)
    async with browser(desk) as customer:
        sent = await customer.post(
            "/api/uploads", params={"conversation": state.id}, content=screen([]), headers=headers
        )
        assert sent.status_code == 201
        refused = await customer.post(
            "/api/uploads", params={"conversation": other.id}, content=screen([]), headers=headers
        )
        assert refused.status_code == 401
        without = await customer.post("/api/uploads", params={"conversation": state.id}, content=screen([]))
        assert without.status_code == 403
        text = f"{sent.json()['url']}/text"
        assert (await customer.get(text)).status_code == 404
        assert (await customer.get(text, headers=headers)).json()["state"] == "unread"


async def test_only_sites_that_embed_the_chat_may_send_from_a_browser(desk, tmp_path):
    state = await desk.service.open("en", None)
    params = {"conversation": state.id}
    async with browser(desk) as customer:
        foreign = with_token(desk, state.id, Origin="https://evil.example.com")
        assert (
            await customer.post("/api/uploads", params=params, content=screen([]), headers=foreign)
        ).status_code == 403
        asked = {"Origin": "https://evil.example.com", "Access-Control-Request-Method": "POST"}
        assert (await customer.options("/api/uploads", headers=asked)).status_code == 403
        for origin in desk.service.company.origins:
            allowed = await customer.options("/api/uploads", headers={**asked, "Origin": origin})
            assert allowed.headers["access-control-allow-origin"] == origin
            sent = await customer.post(
                "/api/uploads", params=params, content=screen([]), headers=with_token(desk, state.id, Origin=origin)
            )
            assert (sent.status_code, sent.headers["access-control-allow-origin"]) == (201, origin)


def huge(side: int) -> bytes:
    """A picture of few bytes and very many pixels."""
    out = io.BytesIO()
    Image.new("1", (side, side)).save(out, "PNG")
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (huge(20_000), "image/png"),  # 400 megapixels in a few kilobytes
        (screen(["x"], kind="JPEG")[:300], "image/jpeg"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", "image/png"),
        (b"%PDF-1.7", "image/jpeg"),
    ],
)
async def test_what_could_do_harm_is_refused(desk, content, kind):
    state = await desk.service.open("en", None)
    headers = with_token(desk, state.id) | {"Content-Type": kind}
    async with browser(desk) as customer:
        refused = await customer.post(
            "/api/uploads", params={"conversation": state.id}, content=content, headers=headers
        )
        assert refused.status_code == 422, refused.text


async def test_what_hides_behind_a_picture_is_left_behind(desk):
    state = await desk.service.open("en", None)
    hidden = screen(["hello"]) + b"PK\x03\x04<script>alert(1)</script>"
    headers = with_token(desk, state.id)
    async with browser(desk) as customer:
        sent = await customer.post("/api/uploads", params={"conversation": state.id}, content=hidden, headers=headers)
        stored = await customer.get(sent.json()["url"], headers=headers)
    assert b"script" not in stored.content
    assert b"PK\x03\x04" not in stored.content
    assert stored.headers["x-content-type-options"] == "nosniff"


class Services(OneGeneration):
    """The services behind a turn, scripted: what is read in pictures, and what Rasa is sent."""

    def __init__(self, reading: Any) -> None:
        self.reading = reading
        self.asked = 0
        self.turns: list[dict[str, Any]] = []

    async def healthy(self):
        return {"models": True, "rasa": True}

    async def parse(self, text, locale, *, new=None):
        return {**intent("greet")["parse"], "text": text}

    async def read_picture(self, picture):
        self.asked += 1
        if isinstance(self.reading, Exception):
            raise self.reading
        return self.reading

    async def run_turn(self, turn):
        self.turns.append(turn)
        yield {"type": "bot", "text": {"en": "answered", "zh": "答复"}}
        yield {"type": "end", "slots": {"kept": 1}, "paused": False, "ms": 1}


def reading(telling: str = "", labels: tuple[str, ...] = ()) -> dict[str, Any]:
    return {
        "lines": [{"text": telling, "confidence": 0.9}],
        "telling": telling,
        "labels": list(labels),
        "reader": "ocr",
    }


async def shown(desk: Bench, folder: Path, services: Services, text: str = "", enabled: bool = True):
    """A picture sent to the bot: what the bot said, and the turn's record."""
    store = desk.store
    state = await desk.service.open("en", None)
    uploads = desk.app.state.desk_rest.uploads

    async def body():
        yield screen([])

    picture = await uploads.add(state.id, "image/png", body(), agent=None)
    pictures = PictureReadings(store, services, folder / "uploads", enabled=enabled)
    runner = turn_runner(desk, services, pictures)
    await runner.start()
    seq = (await desk.service.accept(state.id, "m1", text, {"image": picture.frame()})).seq
    runner.wake(state.id)
    await runner.idle(state.id)
    await runner.close()
    await pictures.close()
    said = [message.text for message in await store.messages(state.id, after=seq)]
    return said, (await store.turn_records(state.id))[-1].record, pictures, picture


async def test_what_a_picture_tells_is_said_back_and_used(desk, tmp_path):
    services = Services(reading("Error 691"))
    said, record, pictures, picture = await shown(desk, tmp_path, services, "what is this")
    assert said == ["I can read this in your picture: “Error 691”.", "answered"]
    assert services.turns[0]["text"] == "what is this\nError 691"
    assert record["picture"]["telling"] == "Error 691"
    assert (await pictures.of(picture.id))["telling"] == "Error 691"
    assert services.asked == 1


async def test_a_picture_is_named_in_the_summary(desk, tmp_path):
    _, _, _, picture = await shown(desk, tmp_path, Services(reading("Error 691")))
    await desk.service.ask_for_person(picture.conversation, "h1")
    ((escalation,),) = (await desk.service.floor.reads.escalations_of([picture.conversation])).values()
    assert "[Picture]" in escalation.summary


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (reading(), "in words"),
        (reading(labels=("POWER", "LOS")), "the labels POWER, LOS"),
        (UpstreamError("models", "slow"), "in words"),
    ],
)
async def test_what_nobody_can_read_is_asked(desk, tmp_path, found, words):
    services = Services(found)
    (said,), record, _, _ = await shown(desk, tmp_path, services)
    assert words in said
    assert services.turns == []
    assert "picture" in record


async def test_words_beside_an_unread_picture_are_answered(desk, tmp_path):
    services = Services(UpstreamError("models", "unreachable"))
    said, _, _, _ = await shown(desk, tmp_path, services, "how much do I owe")
    assert said == ["answered"]
    assert services.turns[0]["text"] == "how much do I owe"


async def test_with_reading_switched_off_nothing_is_asked(desk, tmp_path):
    services = Services(reading("Error 691"))
    said, _, _, _ = await shown(desk, tmp_path, services, enabled=False)
    assert "in words" in said[0]
    assert services.asked == 0


async def test_two_who_wait_for_a_picture_have_it_read_once(desk, tmp_path):
    services = Services(reading("Error 691"))
    state = await desk.service.open("en", None)

    async def body():
        yield screen([])

    picture = await desk.app.state.desk_rest.uploads.add(state.id, "image/png", body(), agent=None)
    pictures = PictureReadings(desk.store, services, tmp_path / "uploads", enabled=True)
    both = await asyncio.gather(pictures.of(picture.id, wait_s=5), pictures.of(picture.id, wait_s=5))
    assert [one["telling"] for one in both] == ["Error 691"] * 2
    assert services.asked == 1
    await pictures.close()
