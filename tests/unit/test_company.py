"""A company's folder: what is read from it, and how a mistake in it is named."""

import datetime as dt
import json
from pathlib import Path

import pytest

from server.company import Company, CompanyError
from server.settings import ROOT
from server.starter import make_company

UTC = dt.UTC


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    make_company(tmp_path / "shop")
    return tmp_path / "shop"


def _replace(path: Path, old: str, new: str) -> None:
    text = path.read_text("utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), "utf-8")


def test_the_demo_company_is_whole() -> None:
    company = Company.load(ROOT / "demo")
    assert company.problems() == []
    assert company.id == "qinghe"
    assert company.name == {"zh": "青禾通信", "en": "Qinghe Telecom"}
    assert len(company.intents) >= 30
    assert company.intents["talk_to_human"].reason == "customer_asked"
    assert company.accounts_file is not None
    for article in company.articles:
        assert article.title
        assert not article.markdown.startswith("---")
        assert company.article(article.id, article.language) == article


def test_a_new_company_is_whole(folder: Path) -> None:
    company = Company.load(folder)
    assert company.problems() == []
    assert company.id == "shop"
    assert list(company.intents) == ["greet", "talk_to_human", "opening_hours"]
    assert len(company.intents["opening_hours"].text["zh"]) == 1
    assert company.kg_dir is None
    assert company.accounts_file is None
    assert {(one.id, one.language) for one in company.articles} == {("welcome", "zh"), ("welcome", "en")}


def test_opening_hours_follow_the_companys_clock(folder: Path) -> None:
    _replace(folder / "company.toml", "holidays = []", 'holidays = ["2026-11-24"]')
    company = Company.load(folder)  # Asia/Shanghai, Monday to Friday 09:00 to 18:00
    monday = dt.datetime(2026, 11, 23, tzinfo=UTC)
    assert not company.is_open(monday.replace(hour=0, minute=59))
    assert company.is_open(monday.replace(hour=1))
    assert company.is_open(monday.replace(hour=9, minute=59))
    assert not company.is_open(monday.replace(hour=10))
    assert not company.is_open(dt.datetime(2026, 11, 24, 4, tzinfo=UTC))  # a holiday
    assert not company.is_open(dt.datetime(2026, 11, 22, 4, tzinfo=UTC))  # Sunday
    assert company.is_open(dt.datetime(2026, 11, 22, 22, tzinfo=dt.timezone(-dt.timedelta(hours=5))))  # Monday there
    with pytest.raises(ValueError, match="aware"):
        company.is_open(dt.datetime(2026, 11, 23, 4))


def test_open_until_midnight(folder: Path) -> None:
    _replace(
        folder / "company.toml",
        'monday = { open = "09:00", close = "18:00" }',
        'monday = { open = "09:00", close = "24:00" }',
    )
    company = Company.load(folder)
    assert company.is_open(dt.datetime(2026, 11, 23, 15, 59, tzinfo=UTC))
    assert not company.is_open(dt.datetime(2026, 11, 23, 16, tzinfo=UTC))


def test_the_public_face_is_json_and_tells_nothing_internal(folder: Path) -> None:
    public = Company.load(folder).public(dt.datetime(2026, 11, 23, 4, tzinfo=UTC))
    assert json.loads(json.dumps(public)) == public
    assert public["open"] is True
    assert public["suggestions"][-1] == {"intent": "talk_to_human", "label": {"zh": "转人工", "en": "Talk to a person"}}
    assert str(folder) not in json.dumps(public)


def test_an_article_in_another_language_is_better_than_none(folder: Path) -> None:
    (folder / "articles" / "en" / "welcome.md").unlink()
    company = Company.load(folder)
    article = company.article("welcome", "en")
    assert article is not None
    assert article.language == "zh"
    assert company.article("gone", "en") is None
    assert any("has no translation en/welcome.md" in problem for problem in company.problems())


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ('id = "shop"', 'id = "My Shop"', "company.toml: id:"),
        ('id = "shop"', 'id = "shop"\ncolour = 1', "company.toml: colour: is not a key that is known here"),
        ('primary = "#1F4E8C"', 'primary = "blue"', "company.toml: colours.primary:"),
        ('default_language = "zh"', 'default_language = "fr"', "company.toml: default_language:"),
        ('languages = ["zh", "en"]', 'languages = ["en"]', 'default_language "zh" is not among languages'),
        ('timezone = "Asia/Shanghai"', 'timezone = "Mars/Base"', 'timezone "Mars/Base" is not an IANA name'),
        ('name = { zh = "我的公司", en = "My Company" }', 'name = { zh = "我的公司" }', "name.en is missing"),
        ('open = "09:00"', 'open = "9"', 'company.toml: hours.monday: "9" is not a time of day'),
        ('open = "09:00"', 'open = "19:00"', "opens at 19:00, closes at 18:00"),
        ("monday =", "mon =", "company.toml: hours.mon: use monday"),
        ("holidays = []", 'holidays = ["tomorrow"]', "company.toml: hours.holidays:"),
        (
            "origins = []",
            'origins = ["https://shop.example.com/help"]',
            '"https://shop.example.com/help" is not an origin',
        ),
        ('articles = "articles"', 'articles = "texts"', "company.toml: paths.articles is"),
        ('id = "shop"', "id = ", "company.toml: not valid TOML"),
    ],
)
def test_a_mistake_in_company_toml_is_named(folder: Path, old: str, new: str, expected: str) -> None:
    _replace(folder / "company.toml", old, new)
    with pytest.raises(CompanyError) as caught:
        Company.load(folder)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("do: handoff", "do: hand_over", 'intents.yml:15: intent "talk_to_human": do:'),
        ("    reason: customer_asked\n", "", 'intents.yml:15: intent "talk_to_human": do: handoff needs reason'),
        ("reason: customer_asked", "reason: bored", 'reason "bored" is unknown'),
        ("    skill: greet", "    skill: greet\n    text: {zh: 好, en: hi}", "text belongs to do: say"),
        ('      en: "We are open', '      fr: "We are open', 'intents.yml:22: intent "opening_hours": text.fr:'),
        ('label: {zh: "营业时间", en: "Opening hours"}', 'label: {zh: "营业时间"}', "label.en is missing"),
        ("  talk_to_human:", "  greet:", 'intents.yml:15: intent "greet" is defined twice'),
        ("  talk_to_human:", "  TalkToHuman:", 'intents.yml:15: intent "TalkToHuman": '),
        ("intents:\n", "intent:\n", "begins with one key, intents:"),
        ("    skill: greet", "    skill: [greet", "intents.yml:15: not valid YAML"),
    ],
)
def test_a_mistake_in_the_intents_is_named_with_its_line(folder: Path, old: str, new: str, expected: str) -> None:
    _replace(folder / "nlu_data" / "intents.yml", old, new)
    with pytest.raises(CompanyError) as caught:
        Company.load(folder)
    assert expected in str(caught.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("# No front matter\n", "welcome.md:1: begins with front matter"),
        ("---\ntitle: [x\n---\ntext\n", "welcome.md:3: not valid YAML"),
        ("---\ncategory: start\n---\ntext\n", "welcome.md: title:"),
        ("---\ntitle: Hello\nauthor: me\n---\ntext\n", "welcome.md: author: is not a key that is known here"),
    ],
)
def test_a_mistake_in_an_article_is_named(folder: Path, text: str, expected: str) -> None:
    (folder / "articles" / "en" / "welcome.md").write_text(text, "utf-8")
    company = Company.load(folder)
    with pytest.raises(CompanyError) as caught:
        _ = company.articles
    assert expected in str(caught.value)


def test_references_that_lead_nowhere_are_listed(folder: Path) -> None:
    _replace(
        folder / "nlu_data" / "intents.yml",
        "    do: skill\n    skill: greet",
        "    do: answer\n    articles: [hello]",
    )
    _replace(folder / "articles" / "zh" / "welcome.md", "intents: []", "intents: [fly]")
    problems = Company.load(folder).problems()
    assert len(problems) == 2
    assert 'intent "greet" points to article "hello"' in problems[0]
    assert 'welcome.md: intents names "fly"' in problems[1]


def test_a_folder_without_a_company(tmp_path: Path) -> None:
    with pytest.raises(CompanyError, match=r"company\.toml: there is no such file; `kefu init"):
        Company.load(tmp_path)
