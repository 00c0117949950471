"""The help articles behind the console: drafts, publishing, history, and what customers get."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from starlette.testclient import TestClient

from server.company import Company
from server.library import of_company
from server.settings import ROOT

Json = dict[str, Any]
Ask = Callable[..., Any]


def text(title: str, markdown: str = "Words.", **more: str) -> Json:
    return {"title": title, "category": "sim", "summary": "What it is about.", "markdown": markdown, **more}


def article(zh: str, en: str, markdown: str = "Words.") -> Json:
    return {"texts": {"zh": text(zh, markdown), "en": text(en, markdown)}, "intents": []}


@pytest.fixture
def ask(admin: TestClient) -> Ask:
    """Asks for ``METHOD path`` below /api/library and checks the status."""

    def send(route: str, body: Json | None = None, status: int = 200) -> Any:
        method, _, path = route.partition(" ")
        given = {"json": body} if body is not None else {}
        answer = admin.request(method, "/api/library" + path, **given)
        assert answer.status_code == status, (answer.status_code, answer.text[:500])
        return answer.json() if answer.content and "json" in answer.headers["content-type"] else answer

    return send


def row(overview: Json, name: str) -> Json:
    (found,) = [one for one in overview["articles"] if one["id"] == name]
    return dict(found)


def draft(ask: Ask, name: str, content: Json | None, revision: int = 0) -> Json:
    base = 0 if content and not known(ask, name) else ask(f"GET /articles/{name}")["version"]
    body = {"revision": revision, "base": base, "content": content}
    return dict(ask(f"PUT /articles/{name}/draft", body))


def known(ask: Ask, name: str) -> bool:
    return any(one["id"] == name for one in ask("GET ")["articles"])


def publish(ask: Ask, *names: str, status: int = 200, **revisions: int) -> Json:
    chosen = [{"id": name, "revision": revisions.get(name, 1)} for name in names]
    return dict(ask("POST /publish", {"drafts": chosen, "message": "News"}, status))


def test_the_companys_files_are_version_1(ask):
    overview = ask("GET ")
    assert overview["active"]["version"] == 1
    assert overview["active"]["origin"] == "seed"
    assert len(overview["articles"]) == len(of_company(Company.load(ROOT / "demo").articles))
    esim = row(overview, "esim-setup")
    assert (esim["languages"], esim["problems"], esim["draft"]) == (["zh", "en"], [], None)


def test_an_article_is_edited_published_shown_and_rolled_back(ask, admin):
    old = ask("GET /articles/esim-setup")["published"]
    new = {**old, "texts": {**old["texts"], "en": text("All about the eSIM", "It is **a zebra**.")}}
    made = draft(ask, "esim-setup", new)
    assert made["draft"]["revision"] == 1
    # Nobody but administrators sees a draft.
    assert "zebra" not in admin.get("/api/articles/esim-setup?lang=en").json()["html"]
    version = publish(ask, "esim-setup")
    assert (version["version"], version["active"], version["author"]) == (2, True, "admin")
    titles = {"zh": old["texts"]["zh"]["title"], "en": "All about the eSIM"}
    assert version["changes"] == [{"id": "esim-setup", "change": "changed", "title": titles}]
    assert "<strong>a zebra</strong>" in admin.get("/api/articles/esim-setup?lang=en").json()["html"]
    assert admin.get("/api/articles?lang=en&q=all about").json()[0]["title"] == "All about the eSIM"
    fields = ask("GET /diff?from=1&to=2")["articles"][0]["fields"]
    assert [one["path"] for one in fields] == [["en", "title"], ["en", "summary"], ["en", "markdown"]]
    assert fields[0]["after"] == "All about the eSIM"
    assert ask("GET /articles/esim-setup/versions/1")["content"] == old
    ask("POST /rollback", {"to": 1, "message": "Not yet"})
    assert ask("GET /articles/esim-setup")["published"] == old
    assert [one["version"] for one in ask("GET /versions?q=esim")["items"]] == [3, 2, 1]
    actions = [one["action"] for one in admin.get("/api/audit?q=articles").json()["items"]]
    assert actions == ["articles.rollback", "articles.publish", "articles.seed"]


def test_articles_are_added_and_removed(ask, admin):
    draft(ask, "pets", article("宠物", "Pets"))
    draft(ask, "esim-setup", None)
    assert row(ask("GET "), "pets")["draft"]["change"] == "added"
    warning = row(ask("GET "), "esim-setup")["problems"][0]
    assert (warning["code"], warning["severity"]) == ("intent_needs", "warning")
    assert "eSIM" in warning["text"]["zh"]
    version = publish(ask, "pets", "esim-setup")
    assert {one["id"]: one["change"] for one in version["changes"]} == {"pets": "added", "esim-setup": "removed"}
    assert admin.get("/api/articles/pets?lang=zh").json()["title"] == "宠物"
    assert admin.get("/api/articles/esim-setup").status_code == 404
    assert [one["code"] for one in ask("GET ")["gone"]] == ["gone"]
    # It can come back under its name.
    draft(ask, "esim-setup", None) if known(ask, "esim-setup") else None
    made = ask("POST /drafts", {"articles": {"esim-setup": article("卡", "Card")}}, 201)["items"][0]
    publish(ask, "esim-setup", **{"esim-setup": made["revision"]})
    assert admin.get("/api/articles/esim-setup?lang=en").json()["title"] == "Card"


def test_problems_are_named_in_both_languages_and_errors_keep_it_from_being_published(ask):
    content = {"texts": {"en": text("", "See [this](/help/nothing) and [that](esim-setup.md), not [x](https://a.b).")}}
    made = draft(ask, "pets", content)
    assert [(one["code"], one["severity"], one["language"]) for one in made["problems"]] == [
        ("no_translation", "warning", "zh"),
        ("no_title", "error", "en"),
        ("dead_link", "warning", "en"),
        ("dead_link", "warning", "en"),
    ]
    assert "英文" in made["problems"][1]["text"]["zh"]
    refused = publish(ask, "pets", status=409)
    assert (refused["code"], len(refused["problems"])) == ("problems", 1)
    assert ask("GET ")["versions"] == 1


def test_two_at_one_draft(ask):
    draft(ask, "esim-setup", article("甲", "First"))
    refused = ask(
        "PUT /articles/esim-setup/draft", {"revision": 0, "base": 1, "content": article("乙", "Second")}, 409
    )  # fmt: skip
    assert refused["code"] == "changed"
    assert refused["draft"]["content"]["texts"]["en"]["title"] == "First"
    assert refused["draft"]["author_name"] == "admin"
    draft(ask, "esim-setup", article("乙", "Second"), revision=1)
    # Who publishes what they have not seen is refused, and nothing happens.
    assert publish(ask, "esim-setup", status=409)["code"] == "changed"
    assert ask("GET ")["versions"] == 1
    publish(ask, "esim-setup", **{"esim-setup": 2})


def test_a_draft_whose_article_was_published_meanwhile(ask):
    draft(ask, "esim-setup", article("甲", "First"))
    publish(ask, "esim-setup")
    draft(ask, "esim-setup", article("乙", "Second"))
    ask("POST /rollback", {"to": 1, "message": "Back"})
    assert row(ask("GET "), "esim-setup")["draft"]["moved"] is True
    refused = publish(ask, "esim-setup", status=409)
    assert (refused["code"], refused["article"]) == ("moved", "esim-setup")
    stale = {"revision": 1, "base": 2, "content": article("丙", "Third")}
    refused = ask("PUT /articles/esim-setup/draft", stale, 409)
    assert (refused["code"], refused["version"]) == ("moved", 3)
    ask("PUT /articles/esim-setup/draft", {**stale, "base": 3})
    publish(ask, "esim-setup", **{"esim-setup": 2})


def test_nothing_is_half_applied(ask):
    draft(ask, "pets", article("宠物", "Pets"))
    draft(ask, "esim-setup", article("甲", "First"))
    assert publish(ask, "pets", "esim-setup", status=409, pets=7)["code"] == "changed"
    assert {one["id"] for one in ask("GET /drafts")["items"]} == {"pets", "esim-setup"}
    assert ask("GET ")["versions"] == 1
    refused = ask("POST /drafts", {"articles": {"dogs": article("狗", "Dogs"), "pets": article("宠", "P")}}, 409)
    assert refused["taken"] == ["pets"]
    assert not known(ask, "dogs")


def test_an_unchanged_draft_is_no_version(ask):
    draft(ask, "esim-setup", ask("GET /articles/esim-setup")["published"])
    assert publish(ask, "esim-setup", status=422)["code"] == "unusable"
    ask("DELETE /articles/esim-setup/draft?revision=1", status=204)
    assert ask("DELETE /articles/esim-setup/draft?revision=1", status=404)["code"] == "unknown"


@pytest.mark.parametrize(
    "content",
    [
        {"texts": {"fr": text("x")}},
        {"texts": {"en": {"title": 5}}},
        {"texts": {"en": text("x" * 201)}},
        {"texts": []},
        {"texts": {"en": text("x")}, "intents": "help"},
    ],
)
def test_what_is_no_article_is_refused(ask, content):
    refused = ask("PUT /articles/pets/draft", {"revision": 0, "base": 0, "content": content}, 422)
    assert refused["code"] == "unusable"
    assert not known(ask, "pets")


def test_an_id_is_an_id(ask):
    refused = ask("PUT /articles/Two%20words/draft", {"revision": 0, "base": 0, "content": article("a", "b")}, 422)
    assert "identifier" in refused["text"]["en"]


def test_the_page_is_rendered_without_script(ask):
    html = ask("POST /render", {"markdown": "# Hi\n<script>x</script> **b**"})["html"]
    assert "<strong>b</strong>" in html
    assert "<script" not in html


def test_search_in_everything_that_articles_say(ask):
    draft(ask, "pets", article("宠物", "Pets", "The word zebra stands here."))
    assert [one["id"] for one in ask("GET ?q=zebra words")["articles"]] == []
    assert [one["id"] for one in ask("GET ?q=ZEBRA word")["articles"]] == ["pets"]


def test_files_come_out_as_a_company_has_them(ask, tmp_path):
    draft(ask, "pets", article("宠物", "Pets: all of them"))
    publish(ask, "pets")
    archive = zipfile.ZipFile(io.BytesIO(ask("GET /export").content))
    names = archive.namelist()
    assert {"articles/zh/pets.md", "articles/en/pets.md"} < set(names)
    assert "title: 'Pets: all of them'" in archive.read("articles/en/pets.md").decode()


def test_the_model_service_may_be_away(ask):
    assert ask("POST /ask", {"question": "What is an eSIM?"}, 503)["code"] == "away"


def test_only_administrators(client):
    assert client.get("/api/library").status_code == 401
