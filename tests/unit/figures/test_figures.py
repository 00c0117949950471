"""The figures kept up to date on a real database: what a day shows, and how it changes when time or customers do."""

import csv
import io
import json
from contextlib import asynccontextmanager
from datetime import date, timedelta

import pytest
from sqlalchemy import insert

from server.gateway import figures_report
from server.gateway.figures_keeper import FiguresKeeper
from server.gateway.figures_report import Wanted
from server.storage.customers import CustomerData
from server.storage.tables import trainings
from tests.support.floor import START, bench, intent
from tests.unit.safety.conftest import as_role, client, clock, log_in, settings

__all__ = ["client", "clock", "settings"]
DAY = date(2026, 3, 2)
BILL = {**intent("check_bill"), "bot": [{"key": "bill.issued"}]}
LOST = {"intent": "nlu_fallback", "parse": {}, "bot": [{"key": "clarify.rephrase"}]}


@pytest.fixture
def place(tmp_path):
    @asynccontextmanager
    async def make():
        async with bench(tmp_path) as desk:
            keeper = FiguresKeeper(desk.store, desk.service.company, desk.clock, releases=tmp_path / "releases")
            yield desk, keeper

    return make


async def shown(desk, keeper, first=DAY, last=DAY, **more):
    await keeper.catch_up(pause_s=0)
    return await figures_report.report(desk.store, desk.service.company, keeper.releases, Wanted(first, last, **more))


async def bill_of(desk, customer, locale="zh"):
    state = await desk.service.open(locale, customer)
    await desk.turn(state.id, "我欠多少钱", **BILL)
    return state.id


async def test_coverage_follows_time_and_a_customer_who_comes_back(place):
    async with place() as (desk, keeper):
        await bill_of(desk, "C-1")
        assert (await shown(desk, keeper))["total"]["running"] == 1
        desk.clock.tick(31 * 60)
        total = (await shown(desk, keeper))["total"]
        assert (total["coverage"]["value"], total["open"]) == (1.0, 1)
        # Five hours later, and on another day in Shanghai.
        desk.clock.tick(13 * 3600)
        await bill_of(desk, "C-1")
        desk.clock.tick(31 * 60)
        found = await shown(desk, keeper, DAY, DAY + timedelta(days=1))
        first, second = found["days"]
        assert (first["coverage"]["value"], first["returned"], first["containment"]["value"]) == (0.0, 1, 1.0)
        assert second["coverage"]["value"] == 1.0
        desk.clock.tick(25 * 3600)
        assert (await shown(desk, keeper, DAY, DAY + timedelta(days=1)))["total"]["open"] == 0


async def test_counted_twice_rebuilt_or_by_two_gateways_it_is_the_same(place):
    async with place() as (desk, keeper):
        for number in range(7):
            name = await bill_of(desk, f"C-{number}", "zh" if number % 2 else "en")
            if number == 3:
                await desk.service.ask_for_person(name, desk.id())
            desk.clock.tick(40 * 60)
        once = await shown(desk, keeper)
        assert once["total"]["conversations"] == 7
        assert once["reasons"] == [{"reason": "customer_asked", "count": 1, "rate": figures_report.share(1, 7)}]
        other = FiguresKeeper(desk.store, desk.service.company, desk.clock, releases=keeper.releases)
        assert (await shown(desk, other))["total"] == once["total"]
        await other.rebuild()
        again = await shown(desk, keeper)
        assert {**again, "as_of": None} == {**once, "as_of": None}
        english = await shown(desk, keeper, language="en")
        assert english["total"]["conversations"] == 4
        assert [line["conversations"] for line in once["by_language"]] == [3, 4]


async def test_what_was_not_answered_is_listed_without_personal_data_and_goes_with_its_customer(place, tmp_path):
    async with place() as (desk, keeper):
        for words in ("能帮我写诗吗？", "能帮我写诗吗", "我的号码是19900000101，能写诗吗"):
            state = await desk.service.open("zh", None)
            await desk.turn(state.id, words, **LOST)
        questions = (await shown(desk, keeper))["unanswered"]
        assert next((one["text"], one["count"]) for one in questions) == ("能帮我写诗吗", 2)
        assert "19900000101" not in str(questions)
        before = (await shown(desk, keeper))["total"]["requests"]
        await CustomerData(desk.store, tmp_path / "uploads", tmp_path / "logs").erase([state.id])
        after = await shown(desk, keeper)
        assert len(after["unanswered"]) == 1
        assert after["total"]["requests"] == before  # the sum names nobody


async def test_voice_pictures_and_verdicts_are_counted(place):
    async with place() as (desk, keeper):
        state = await desk.service.open("zh", None)
        await desk.service.accept(state.id, "a", "你好", {"voice": True})
        await desk.service.feedback(state.id, "b", score=5, solved=True)
        other = await desk.service.open("zh", None)
        await desk.service.accept(other.id, "c", "", {"image": {"id": "x"}})
        await desk.service.feedback(other.id, "d", seq=1, score=-1)
        found = await shown(desk, keeper)
        assert [(one["channel"], one["conversations"]) for one in found["by_channel"]] == [
            ("text", 0),
            ("voice", 1),
            ("picture", 1),
        ]
        assert found["total"]["satisfaction"]["value"] == 0.5
        assert found["total"]["solved"] == 1


async def test_the_response_time_is_what_the_customer_waited(place):
    async with place() as (desk, keeper):
        for waited in (1.0, 3.0):
            state = await desk.service.open("zh", None)
            seq = await desk.says(state.id, "我欠多少钱")
            desk.clock.tick(waited)
            await desk.service.bot_says(state.id, (seq, 0), "…", {})
            desk.clock.tick(60)
            await desk.service.bot_says(state.id, (seq, 1), "…", {})
            await desk.service.finish_turn(
                state.id, seq, record={"parse": {}, **BILL}, slots={}, locale="zh", escalate=None
            )
        response = (await shown(desk, keeper))["total"]["response"]
        assert response["mean_s"] == 2.0
        assert response["p95_s"] == pytest.approx(3.0, rel=0.05)


async def test_the_release_shows_what_a_retraining_measured_of_it(place, tmp_path):
    async with place() as (desk, keeper):
        folder = keeper.releases / "r-1"
        folder.mkdir(parents=True)
        nlu = {"metrics": {"zh": {"examples": 100, "intent_accuracy": 0.9}}}
        manifest = {"id": "r-1", "company": "qinghe", "nlu": nlu}
        (folder / "release.json").write_text(json.dumps(manifest), "utf-8")
        side = {"metrics": {"examples": 50, "in_scope": 40, "intent_accuracy": 0.88, "entity_f1": 0.91}}
        async with desk.store.write() as tx:
            await tx.execute(
                insert(trainings).values(
                    state="done", author="lin", at=tx.now, updated=tx.now, progress=1.0, doing="", base="r-0",
                    release="r-1", company="", counts={}, result={"comparison": {"candidate": side, "base": {}}},
                )
            )  # fmt: skip
        quality = (await shown(desk, keeper))["quality"]
        assert quality["release"] == "r-1"
        trained, held_out = quality["languages"]
        assert (trained["language"], trained["entity_f1"]) == ("zh", None)
        assert trained["low"] == pytest.approx(0.8256, abs=1e-4)
        assert (held_out["examples"], held_out["entity_f1"]) == (40, 0.91)


def test_who_may_see_the_figures_and_what_a_day_without_traffic_shows(client):
    supervisor, agent = (as_role(log_in(client, role)) for role in ("supervisor", "agent"))
    assert client.get("/api/figures", headers=agent).status_code == 403
    found = client.get("/api/figures", headers=supervisor).json()
    assert len(found["days"]) == 28
    assert found["days"][-1]["day"] == START.date().isoformat()
    assert found["days"][0]["coverage"] == {"value": None, "low": None, "high": None, "of": 0}
    assert found["total"]["response"] == {"mean_s": None, "p95_s": None, "answers": 0}
    assert found["saved"]["amount"] == 0
    week = client.get("/api/figures?days=7", headers=supervisor).json()["days"]
    assert [day["day"] for day in week] == [day["day"] for day in found["days"][-7:]]
    assert client.get("/api/figures?days=0", headers=supervisor).status_code == 422
    refused = client.get("/api/figures?from=2026-03-02&to=2026-03-01", headers=supervisor)
    assert refused.status_code == 422
    assert "comes after" in refused.json()["detail"]
    assert client.get("/api/figures?from=2020-01-01", headers=supervisor).status_code == 422


def test_the_table_has_a_row_for_every_day(client):
    supervisor = as_role(log_in(client, "supervisor"))
    answer = client.get("/api/figures.csv?from=2026-03-01&to=2026-03-02", headers=supervisor)
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    assert [row["day"] for row in rows] == ["2026-03-01", "2026-03-02"]
    assert rows[0]["coverage"] == ""
    assert rows[0]["conversations"] == "0"
