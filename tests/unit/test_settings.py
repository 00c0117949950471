"""Settings: what wins, what is refused and in which words, and the secret that every process shares."""

import os
import re
import stat
import threading
import tomllib
from pathlib import Path

import pytest

from server.settings import ROOT, ConfigurationError, Settings, load_settings, settings_file, unknown_variables
from server.settings_pictures import Pictures
from server.settings_sign_in import SignIn
from server.settings_speech import Speech
from server.settings_understanding import Understanding


@pytest.fixture(autouse=True)
def _clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        if name.startswith("KEFU_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_defaults_need_no_file(tmp_path: Path) -> None:
    settings = load_settings()
    assert (settings.host, settings.port, settings.risk_bound, settings.turn_deadline_s) == ("127.0.0.1", 8000, 0.05, 8)
    assert settings.data_dir == tmp_path / ".kefu"
    assert settings.database_url == f"sqlite+aiosqlite:///{tmp_path}/.kefu/kefu.db"
    assert settings.url == "http://localhost:8000"
    assert [settings.models_url, settings.rasa_url, settings.actions_url, settings.accounts_url] == [
        f"http://127.0.0.1:{port}" for port in (8101, 8102, 8103, 8104)
    ]


def test_caller_wins_over_environment_over_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "kefu.toml").write_text('port = 8001\nhost = "10.0.0.1"\nrisk_bound = 0.1\n')
    monkeypatch.setenv("KEFU_PORT", "8002")
    monkeypatch.setenv("KEFU_HOST", "10.0.0.2")
    settings = load_settings(port=8003, host=None)
    assert (settings.port, settings.host, settings.risk_bound) == (8003, "10.0.0.2", 0.1)


def test_paths_in_the_file_are_relative_to_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = tmp_path / "etc"
    folder.mkdir()
    (folder / "shop.toml").write_text('data_dir = "data"\ncompany = "../shop"\n')
    monkeypatch.setenv("KEFU_CONFIG", "etc/shop.toml")
    settings = load_settings()
    assert settings.data_dir == folder / "data"
    assert settings.company == tmp_path / "shop"
    assert load_settings(data_dir="here").data_dir == tmp_path / "here"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("prot = 8000", 'kefu.toml: unknown setting "prot"; did you mean port?'),
        ("[models]\nname = 1", 'kefu.toml: unknown setting "models"'),
        ('port = "many"', 'kefu.toml: setting "port":'),
        ("port = 70000", 'kefu.toml: setting "port":'),
        ("risk_bound = 1.5", 'kefu.toml: setting "risk_bound":'),
        ('account_api_url = "crm.example.com"', 'setting "account_api_url": write an address that begins with http://'),
        ('database_url = "mysql://db"', 'setting "database_url": write an address'),
        ("port = ", "kefu.toml: not valid TOML"),
        ("[understanding]\nengin = 1", 'unknown setting "understanding.engin"; did you mean understanding.engine?'),
        ('[understanding]\nengine = "gpt"', 'setting "understanding.engine": Input should be'),
        ('[understanding]\nengine = "openai"', 'engine "openai" needs address and model'),
        ('[understanding]\naddress = "https://me:pw@models.example.com"', "without name and password in it"),
        ("port = 8102", "port 8102 lies among the internal ports 8101 to 8104"),
    ],
)
def test_a_wrong_file_is_named_with_the_key(tmp_path: Path, line: str, expected: str) -> None:
    (tmp_path / "kefu.toml").write_text(line)
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    assert expected in str(caught.value)


def test_a_wrong_variable_is_named_and_its_value_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFU_PORT", "http")
    monkeypatch.setenv("KEFU_SECRET", "sesame")
    with pytest.raises(ConfigurationError) as caught:
        load_settings()
    message = str(caught.value)
    assert "KEFU_PORT:" in message
    assert "KEFU_SECRET: use at least 10 characters" in message
    assert "sesame" not in message


def test_a_named_file_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings_file() is None
    monkeypatch.setenv("KEFU_CONFIG", "gone.toml")
    with pytest.raises(ConfigurationError, match=r"KEFU_CONFIG=gone\.toml: there is no such file"):
        load_settings()


def test_a_variable_reaches_into_the_table(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "kefu.toml").write_text('[understanding]\nengine = "local"\nmodel = "./m.gguf"\ndeadline_s = 4\n')
    monkeypatch.setenv("KEFU_UNDERSTANDING_DEADLINE_S", "3")
    monkeypatch.setenv("KEFU_UNDERSTANDING_ALSO_ENTITIES", "false")
    chosen = load_settings().understanding
    assert (chosen.engine, chosen.deadline_s, chosen.also_entities) == ("local", 3.0, False)
    assert chosen.model == str(tmp_path / "m.gguf")
    assert unknown_variables() == []
    monkeypatch.setenv("KEFU_UNDERSTANDING_ENGIN", "local")
    with pytest.raises(ConfigurationError, match=r'KEFU_UNDERSTANDING_ENGIN: unknown setting "understanding\.engin"'):
        load_settings()


def test_a_mistyped_variable_is_pointed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KEFU_PROT", "1")
    monkeypatch.setenv("KEFU_PORT", "8001")
    assert unknown_variables() == ["KEFU_PROT is not a setting; did you mean KEFU_PORT?"]


def test_common_database_addresses_get_the_async_driver() -> None:
    assert load_settings(database_url="postgresql://db/kefu").database_url == "postgresql+psycopg://db/kefu"
    assert load_settings(database_url="sqlite:////tmp/x.db").database_url == "sqlite+aiosqlite:////tmp/x.db"


def test_an_own_account_back_end_replaces_the_demo() -> None:
    settings = load_settings(account_api_url="https://crm.example.com/api/")
    assert settings.accounts_url == "https://crm.example.com/api"
    assert not settings.demo_accounts


def test_secrets_are_not_shown() -> None:
    settings = load_settings(
        secret="sesame-open", admin_password="correct-horse", database_url="postgresql://u:hunter2@db/kefu"
    )
    shown = f"{settings!r} {settings}"
    assert not [secret for secret in ("sesame-open", "correct-horse", "hunter2") if secret in shown]


def test_a_child_process_reads_the_same_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "kefu.toml").write_text(
        'secret = "from-the-file"\nsmtp_password = "of-the-mail"\nrisk_bound = 0.02\n'
        '[understanding]\nengine = "local"\n[oidc]\nissuer = "https://id.example"\nclient_id = "kefu"\n'
        'client_secret = "of-ours"\nroles = {leads = "admin"}\n'
    )
    settings = load_settings(port=8005, data_dir="data")
    environment = settings.environment()
    assert not [word for word in ("from-the-file", "of-the-mail", "of-ours", "***") if word in str(environment)]
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load_settings() == settings


def test_the_secret_is_made_once_for_all_and_for_nobody_else(tmp_path: Path) -> None:
    settings = [Settings(data_dir=tmp_path / "data") for _ in range(8)]
    start = threading.Barrier(len(settings))
    keys: list[bytes] = []

    def ask(one: Settings) -> None:
        start.wait()
        keys.append(one.secret_key())

    threads = [threading.Thread(target=ask, args=(one,)) for one in settings]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(keys) == len(settings)
    assert len(set(keys)) == 1
    assert len(keys[0]) >= 32
    assert stat.S_IMODE((tmp_path / "data" / "secret").stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["secret"]
    assert load_settings(data_dir=tmp_path / "data", secret="my-own-secret").secret_key() == b"my-own-secret"


def test_an_empty_secret_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("")
    with pytest.raises(ConfigurationError, match="secret: is empty"):
        load_settings(data_dir=tmp_path).secret_key()


def test_every_setting_is_documented() -> None:
    documented = (ROOT / "docs" / "settings.md").read_text("utf-8")
    example = (ROOT / "kefu.toml").read_text("utf-8")
    tables = {"understanding": Understanding, "speech": Speech, "pictures": Pictures, "oidc": SignIn}
    names = {name: name for name in Settings.model_fields if name not in tables}
    for table, kind in tables.items():
        names |= {name: f"{table}_{name}" for name in kind.model_fields}
    for name, variable in names.items():
        assert f"`{name}`" in documented
        assert f"`KEFU_{variable.upper()}`" in documented
        assert f"\n# {name} = " in example


def test_the_example_file_sets_nothing_and_is_valid_with_everything_set(tmp_path: Path) -> None:
    example = (ROOT / "kefu.toml").read_text("utf-8")
    assert tomllib.loads(example) == {}
    (tmp_path / "kefu.toml").write_text(re.sub(r"(?m)^# (\w+ = |\[)", r"\1", example))
    settings = load_settings()
    assert settings.company == tmp_path / "demo"
    assert settings.understanding == Understanding(address="https://models.example.com/v1", also_entities=True)
    for name in ("port", "internal_port", "risk_bound", "turn_deadline_s", "upload_max_bytes"):
        assert getattr(settings, name) == Settings.model_fields[name].default


def test_a_reader_of_pictures_behind_an_address_needs_the_address() -> None:
    with pytest.raises(ConfigurationError, match="needs address and model"):
        load_settings(pictures={"reader": "llm"})
    with pytest.raises(ConfigurationError, match="address"):
        load_settings(pictures={"reader": "llm", "address": "ftp://x", "model": "m"})


@pytest.mark.parametrize("issuer", ["http://id.example", "id.example", "https://name:word@id.example", "https://x?y"])
def test_a_provider_is_named_by_a_safe_address(issuer: str) -> None:
    with pytest.raises(ConfigurationError, match="issuer"):
        load_settings(oidc={"issuer": issuer, "client_id": "kefu"})
    with pytest.raises(ConfigurationError, match="client_id"):
        load_settings(oidc={"issuer": "https://id.example"})
