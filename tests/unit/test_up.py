"""What `kefu up` runs for which company, and how it ends when something is missing."""

import io
import os
import re
from pathlib import Path

import pytest
from rich.console import Console

from server.company import Company
from server.settings import ROOT, Settings, load_settings
from server.starter import make_company
from server.up.build import BuildError, find_npm, find_uv, web_steps
from server.up.display import Display
from server.up.prepare import prepare
from server.up.services import generation, listeners, services
from server.up.supervisor import Service


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("KEFU_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def shop(tmp_path: Path) -> Company:
    make_company(tmp_path / "shop")
    return Company.load(tmp_path / "shop")


def _settings(company: Company, **more: object) -> Settings:
    return load_settings(company=company.folder, port=9000, internal_port=9100, **more)


def _all(settings: Settings, company: Company, release: Path) -> list[Service]:
    return services(settings, company, generation(settings, 0, release, None, settings.models_port))


def test_a_second_generation_has_ports_and_names_of_its_own_and_the_same_accounts(tmp_path: Path) -> None:
    demo = Company.load(ROOT / "demo")
    settings = _settings(demo)
    second = generation(settings, 1, tmp_path / "r-2", tmp_path / "company", 9200)
    assert [one.name for one in second.services] == ["models-b", "rasa-b", "actions-b"]
    assert (second.release, second.models, second.actions) == ("r-2", "http://127.0.0.1:9200", "http://127.0.0.1:9202")
    for one in second.services:
        assert one.environment["KEFU_MODELS_URL"] == "http://127.0.0.1:9200"
        assert one.environment["KEFU_ACCOUNT_API_URL"] == "http://127.0.0.1:9103"
        assert one.environment["KEFU_COMPANY"] == str(tmp_path / "company")


def test_a_company_without_accounts_runs_four_processes_and_the_gateway_last(shop: Company, tmp_path: Path) -> None:
    found = _all(_settings(shop), shop, tmp_path / "release")
    assert [one.name for one in found] == ["models", "rasa", "actions", "gateway"]
    assert [one.health_url for one in found] == [
        "http://127.0.0.1:9100/health",
        "http://127.0.0.1:9101/webhooks/kefu/health",
        "http://127.0.0.1:9102/health",
        "http://127.0.0.1:9000/healthz",
    ]
    assert [(one.what, one.port) for one in listeners(_settings(shop), shop)] == [
        ("gateway", 9000),
        ("models", 9100),
        ("rasa", 9101),
        ("actions", 9102),
    ]


def test_the_demo_back_end_runs_only_where_nothing_replaces_it(tmp_path: Path) -> None:
    demo = Company.load(ROOT / "demo")
    assert "accounts" in [one.name for one in _all(_settings(demo), demo, tmp_path)]
    replaced = _settings(demo, account_api_url="https://crm.example.com")
    assert "accounts" not in [one.name for one in _all(replaced, demo, tmp_path)]
    assert "accounts" not in [one.what for one in listeners(replaced, demo)]


def test_every_process_gets_the_same_settings_and_stays_private(shop: Company, tmp_path: Path) -> None:
    found = _all(_settings(shop, host="0.0.0.0"), shop, tmp_path)
    for one in found:
        assert one.environment["KEFU_PORT"] == "9000"
        assert one.environment["KEFU_COMPANY"] == str(shop.folder)
        assert one.environment["RASA_TELEMETRY_ENABLED"] == "false"
        assert one.environment["SANIC_HOST"] == "127.0.0.1"
        assert "0.0.0.0" not in one.health_url
        assert not any("0.0.0.0" in argument for argument in one.command)


async def test_preparing_a_broken_company_ends_with_its_mistake(shop: Company, tmp_path: Path) -> None:
    (shop.folder / "articles" / "en" / "welcome.md").write_text("no front matter")
    settings = _settings(shop, data_dir=tmp_path / "data")
    with pytest.raises(BuildError, match=r"welcome\.md:1: begins with front matter"):
        await prepare(settings.environment(), tmp_path / "logs", lambda fraction, text: None)
    assert not (tmp_path / "data" / "releases").exists()


def test_the_web_pages_are_built_from_all_their_sources(tmp_path: Path) -> None:
    web = tmp_path / "server" / "web"
    (web / "src").mkdir(parents=True)
    for name in ("package.json", "package-lock.json", "src/app.ts"):
        (web / name).write_text("1")
    before = [step.digest for step in web_steps(tmp_path)]
    (web / "node_modules").mkdir()
    (web / "node_modules" / "lib.js").write_text("x")
    (web / "tests").mkdir()
    (web / "tests" / "app.test.ts").write_text("x")
    assert [step.digest for step in web_steps(tmp_path)] == before
    (web / "src" / "app.ts").write_text("2")
    changed = [step.digest for step in web_steps(tmp_path)]
    assert changed[0] == before[0]
    assert changed[1] != before[1]
    (web / "src" / "app.ts").rename(web / "src" / "main.ts")
    assert web_steps(tmp_path)[1].digest != changed[1]
    assert web_steps(tmp_path / "nowhere") == []


def test_tools_are_found_where_the_machine_has_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("UV", raising=False)
    command = find_npm()
    assert command[-1].endswith("npm-cli.js")
    assert Path(command[-2]).is_file()
    with pytest.raises(BuildError, match="uv was not found"):
        find_uv(tmp_path)
    own = tmp_path / ".tools" / "uv" / "bin" / "uv"
    own.parent.mkdir(parents=True)
    own.write_text("")
    assert find_uv(tmp_path) == str(own)


def test_without_a_terminal_progress_is_a_few_plain_lines() -> None:
    output = io.StringIO()
    display = Display(Console(file=output, highlight=False, width=40))
    for hundredth in range(101):
        display.step("release", "training [intents]", fraction=hundredth / 100)
    display.step("release", "r-1", mark="ok")
    display.step("release", "r-1", mark="ok")
    display.end()
    lines = output.getvalue().splitlines()
    assert lines[0] == "release: training [intents] 0%"
    assert lines[-2] == "release: training [intents] 100%"
    assert re.fullmatch(r"release: r-1 \(\d+\.\d s\)", lines[-1])
    assert len(lines) <= 8
