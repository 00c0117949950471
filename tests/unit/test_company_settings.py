"""What is wrong with a company's settings, field by field; how two differ; that an export is read back as it was."""

import copy
import tomllib

import pytest

from server.company import CHANGEABLE, Company
from server.company_settings import as_toml, contrast_with_white, differences, problems_of
from server.gateway.company_settings import with_defaults
from server.settings import ROOT, Settings

COMPANY = Company.load(ROOT / "demo")


@pytest.fixture
def document(tmp_path):
    return copy.deepcopy(with_defaults(COMPANY.document(), Settings(data_dir=tmp_path)))


def problems(document, before=None):
    return problems_of(document, trained=("zh", "en"), topics=COMPANY.intents.keys(), before=before)


def put(document, path, value):
    *way, last = path
    for part in way:
        document = document[part]
    document[last] = value


def test_the_demo_company_has_no_problems_and_all_keys(document):
    assert problems(document) == []
    assert list(document) == list(CHANGEABLE)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("name", "en"), " ", "English"),
        (("greeting", "zh"), "好" * 1001, "1000"),
        (("logo_text",), "abc", "two"),
        (("colours", "primary"), "green", "#RRGGBB"),
        (("colours", "accent"), "#FF8800", "2.3 : 1"),
        (("languages",), [], "one language"),
        (("languages",), ["zh", "en", "fr"], "fr is not trained"),
        (("default_language",), "fr", "one of those"),
        (("hours", "monday"), {"open": "8:00", "close": "22:00"}, "HH:MM"),
        (("hours", "sunday"), {"open": "22:00", "close": "09:00"}, "later"),
        (("hours", "holidays", 0), "2027-02-30", "2027-02-30"),
        (("embed", "origins"), ["https://shop.example.com/path"], "without a path"),
        (("contact", "email"), "care", "e-mail"),
        (("desk", "capacity"), 0, "1 to 100"),
        (("desk", "capacity"), 2.5, "whole"),
        (("figures", "target_coverage"), 1.2, "0.01 to 1"),
        (("service", "risk_bound"), 0, "0.001 to 0.5"),
        (("service", "retention_days"), True, "whole"),
        (("desk", "teams", 0, "id"), "Network!", "lower-case"),
        (("desk", "teams", 0, "name", "zh"), "", "Chinese"),
        (("desk", "teams", 0, "topics"), ["no_such"], "no_such"),
        (("desk", "teams", 1, "id"), "network", "twice"),
    ],
)
def test_a_mistake_is_named_at_its_field_in_both_languages(document, path, value, says):
    put(document, path, value)
    (found,) = problems(document)
    assert found.path[: len(path)] == path or path[: len(found.path)] == found.path
    assert says in found.text["en"]
    assert found.text["zh"] != found.text["en"]


def test_a_document_without_its_parts_is_a_problem_and_no_crash(document):
    del document["desk"]
    assert [one.path for one in problems(document)] == [()]


def test_what_was_there_before_keeps_nobody_from_changing_something_else(document):
    document["colours"]["accent"] = "#FF8800"
    assert problems(document, before=document) == []


def test_contrast_is_that_of_the_guideline():
    assert contrast_with_white("#FFFFFF") == 1.0
    assert contrast_with_white("#000000") == 21.0
    assert contrast_with_white("#767676") == pytest.approx(4.54, abs=0.005)


def test_differences_name_single_fields_and_single_teams(document):
    changed = copy.deepcopy(document)
    changed["name"]["en"] = "Other"
    del changed["hours"]["sunday"]
    changed["desk"]["teams"].reverse()
    changed["desk"]["teams"][0]["topics"] = []
    assert [".".join(one["path"]) for one in differences(document, changed)] == [
        "name.en",
        "hours.sunday",
        "desk.teams.devices.topics",
    ]


def test_an_export_is_read_back_as_what_it_was(document, tmp_path):
    document["greeting"]["en"] = 'Say "hi" \\ or\nwrite \x7f {braces}'
    fixed = {"id": "qinghe", "currency": "CNY", "timezone": "Asia/Shanghai"}
    text = as_toml(document, fixed, {"articles": "articles", "nlu_data": "nlu_data"})
    read = tomllib.loads(text)
    assert {key: read[key] for key in CHANGEABLE} == document
    for folder in ("articles", "nlu_data"):
        (tmp_path / folder).symlink_to({"articles": COMPANY.articles_dir, "nlu_data": COMPANY.nlu_dir}[folder])
    (tmp_path / "company.toml").write_text(text, "utf-8")
    assert Company.load(tmp_path).document() == document
