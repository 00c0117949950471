"""The command line: what it does, what it prints for programs, and how it ends when asked wrongly."""

import asyncio
import datetime as dt
import json
import math
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from server.cli import main
from server.company import Company
from server.settings import ROOT
from server.storage.database import create_engine
from server.storage.store import Staff, Store
from tests.support.command import Kefu


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["dance"], "No such command"),
        (["up", "--port", "http"], "--port"),
        (["up", "--port", "99999"], "port: Input should be less than or equal to 65535"),
        (["up", "--company", "nowhere"], "nowhere/company.toml: there is no such file; `kefu init nowhere`"),
        (["user", "add", "wang", "--role", "boss"], "--role"),
        (["user", "add", "王", "--password-stdin"], "cannot be an account's name"),
        (["bench", "pi"], 'there is no benchmark "pi"'),
    ],
)
def test_asked_wrongly_it_says_how_and_ends_with_2(kefu: Kefu, arguments: list[str], expected: str) -> None:
    ended = kefu(*arguments)
    assert ended.status == 2
    assert expected in ended.err
    assert "Traceback" not in ended.err


def test_a_wrong_settings_file_is_named(kefu: Kefu, tmp_path: Path) -> None:
    (tmp_path / "kefu.toml").write_text("prot = 1\n")
    ended = kefu("user", "list")
    assert ended.status == 2
    assert ended.err.startswith(f'kefu: {tmp_path}/kefu.toml: unknown setting "prot"; did you mean port?')


def test_a_failure_ends_with_1_and_one_line(kefu: Kefu, tmp_path: Path) -> None:
    ended = kefu("kg", "check", "gone.xml")
    assert (ended.status, ended.out, ended.err) == (1, "", "kefu: gone.xml: there is no such file or folder\n")


def test_init_makes_a_company_and_overwrites_nothing(kefu: Kefu, tmp_path: Path) -> None:
    ended = kefu("init", "Tea House", "--json")
    assert ended.status == 0
    files = json.loads(ended.out)["files"]
    assert "Tea House/company.toml" in files
    assert all((tmp_path / name).is_file() for name in files)
    company = Company.load(tmp_path / "Tea House")
    assert company.id == "tea-house"
    (tmp_path / "Tea House" / "company.toml").write_text("mine")
    again = kefu("init", "Tea House")
    assert again.status == 2
    assert "is not empty; name a new folder" in again.err
    assert (tmp_path / "Tea House" / "company.toml").read_text() == "mine"


async def _staff(folder: Path) -> list[Staff]:
    engine = create_engine(f"sqlite+aiosqlite:///{folder}/.kefu/kefu.db")
    try:
        return await Store(engine, lambda: dt.datetime.now(dt.UTC)).all_staff()
    finally:
        await engine.dispose()


def test_staff_accounts(kefu: Kefu) -> None:
    added = kefu("user", "add", "wang", "--role", "supervisor", "--password-stdin", "--json", stdin="correct horse\n")
    assert (added.status, json.loads(added.out)) == (0, {"username": "wang", "role": "supervisor"})
    listed = json.loads(kefu("user", "list", "--json").out)
    place = {"teams": [], "languages": [], "capacity": None}
    assert listed == [{"username": "wang", "name": "wang", "role": "supervisor", "active": True, **place}]
    twice = kefu("user", "add", "wang", "--password-stdin", stdin="correct horse\n")
    assert (twice.status, twice.out) == (1, "")
    assert "kefu user passwd wang" in twice.err


def test_passwords(kefu: Kefu, tmp_path: Path) -> None:
    kefu("user", "add", "wang", "--password-stdin", stdin="correct horse\n")
    assert kefu("user", "passwd", "wang", "--password-stdin", stdin="battery staple\n").status == 0
    (account,) = asyncio.run(_staff(tmp_path))
    assert account.role == "agent"
    assert PasswordHasher().verify(account.password_hash, "battery staple")
    short = kefu("user", "passwd", "wang", "--password-stdin", stdin="short\n")
    assert (short.status, short.err) == (1, "kefu: the password has 5 characters; use at least 10\n")
    nobody = kefu("user", "passwd", "li", "--password-stdin", stdin="battery staple\n")
    assert nobody.status == 1
    no_terminal = kefu("user", "passwd", "wang")
    assert no_terminal.status == 2
    assert "--password-stdin" in no_terminal.err


MODEL = """<opsa-mef>
  <define-fault-tree name="lamp">
    <define-gate name="dark">
      <or><event name="bulb"/><and><event name="mains"/><event name="battery"/></and></or>
    </define-gate>
  </define-fault-tree>
  <model-data>
    <define-basic-event name="bulb"><float value="0.1"/></define-basic-event>
    <define-basic-event name="mains"><float value="0.2"/></define-basic-event>
    <define-basic-event name="battery"><float value="0.5"/></define-basic-event>
  </model-data>
</opsa-mef>
"""


def test_fault_trees_are_checked_and_analysed(kefu: Kefu, tmp_path: Path) -> None:
    (tmp_path / "lamp.xml").write_text(MODEL)
    checked = json.loads(kefu("kg", "check", "lamp.xml", "--json").out)
    assert (checked["ok"], checked["tops"], checked["events"], checked["coherent"]) == (True, ["dark"], 3, True)
    analysed = json.loads(kefu("kg", "analyse", "lamp.xml", "--cut-sets", "9", "--json").out)
    assert analysed["probability"] == pytest.approx(0.1 + 0.9 * 0.2 * 0.5)
    assert sorted(map(sorted, analysed["cut_sets"])) == [["battery", "mains"], ["bulb"]]
    shown = kefu("kg", "analyse", "lamp.xml", "--importance").out
    assert "probability          0.19\n" in shown
    (tmp_path / "broken.xml").write_text("<opsa-mef>")
    broken = kefu("kg", "check", "broken.xml", "--json")
    assert broken.status == 1
    answer = json.loads(broken.out)
    assert answer["ok"] is False
    assert answer["problems"][0].startswith("broken.xml:1: ")


RATES = """<opsa-mef>
  <define-initiating-event name="fire" event-tree="later"/>
  <define-fault-tree name="pump"><define-gate name="stops"><and>
    <atleast min="1"><event name="p"/><event name="q"/></atleast>
    <not><house-event name="spare"/></not>
  </and></define-gate></define-fault-tree>
  <model-data>
    <define-house-event name="spare"><constant value="false"/></define-house-event>
    <define-parameter name="rate"><float value="1e-3"/></define-parameter>
    <define-basic-event name="p">
      <exponential><parameter name="rate"/><system-mission-time/></exponential>
    </define-basic-event>
    <define-basic-event name="q"><float value="0"/></define-basic-event>
  </model-data>
</opsa-mef>"""


def test_rates_follow_the_mission_time_and_what_is_no_fault_tree_is_named(kefu: Kefu, tmp_path: Path) -> None:
    (tmp_path / "pump.xml").write_text(RATES)
    short = json.loads(kefu("kg", "analyse", "pump.xml", "--mission-time", "100", "--json").out)
    assert short["probability"] == pytest.approx(1 - math.exp(-0.1))
    assert short["notes"] == ["pump.xml:2: <define-initiating-event>: left out, only fault trees are analysed"]
    year = json.loads(kefu("kg", "analyse", "pump.xml", "--json").out)
    assert year["probability"] == pytest.approx(1 - math.exp(-8.76))


def test_a_fault_tree_becomes_a_graph(kefu: Kefu, tmp_path: Path) -> None:
    (tmp_path / "lamp.xml").write_text(MODEL)
    assert kefu("kg", "import", "lamp.xml", "--out", "lamp.yaml").status == 0
    checked = json.loads(kefu("kg", "check", "lamp.yaml", "--json").out)
    assert (checked["ok"], checked["symptoms"], checked["faults"]) == (True, 1, 3)


def test_a_graph_goes_out_and_comes_back_the_same(kefu: Kefu, tmp_path: Path) -> None:
    checked = json.loads(kefu("kg", "check", "--json").out)  # the demo company's
    assert checked["ok"] is True
    assert checked["symptoms"] > 0
    assert kefu("kg", "export", "--out", "graph.json").status == 0
    assert kefu("kg", "import", "graph.json", "--out", "graph.yaml").status == 0
    assert json.loads(kefu("kg", "check", "graph.yaml", "--json").out) == checked
    graph = json.loads((tmp_path / "graph.json").read_text())
    symptom = next(node["id"] for node in graph["nodes"] if node["kind"] == "symptom")
    direct = json.loads(kefu("kg", "analyse", "--top", symptom, "--json").out)
    assert kefu("kg", "export", "--to", "open-psa", "--top", symptom, "--out", "tree.xml").status == 0
    exported = json.loads(kefu("kg", "analyse", "tree.xml", "--json").out)
    for name in ("top", "probability", "minimal_cut_sets", "cut_sets_by_order"):
        assert exported[name] == direct[name]
    missing = kefu("kg", "analyse")
    assert missing.status == 2
    assert symptom in missing.err
    graph["nodes"][0]["id"] = "two words"
    (tmp_path / "graph.json").write_text(json.dumps(graph))
    refused = kefu("kg", "import", "graph.json")
    assert (refused.status, refused.out) == (1, "")
    assert "kefu: graph.json: nodes[0]: " in refused.err


def test_a_graph_is_published_and_the_files_are_its_first_version(
    kefu: Kefu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEFU_DATA_DIR", str(tmp_path / "data"))
    same = kefu("kg", "publish", "-m", "nothing new")
    assert (same.status, same.err) == (1, "kefu: Nothing differs from the version in service.\n")
    kefu("kg", "export", "--out", "graph.json")
    graph = json.loads((tmp_path / "graph.json").read_text())
    fault = next(node for node in graph["nodes"] if node["kind"] == "fault")
    fault["data"]["prior"] = 0.123
    (tmp_path / "graph.json").write_text(json.dumps(graph))
    made = json.loads(kefu("kg", "publish", "graph.json", "-m", "a prior", "--json").out)
    assert (made["version"], made["changed"]) == (2, 1)
    again = kefu("kg", "publish", "graph.json", "-m", "the same")
    assert again.status == 1
    assert kefu("kg", "publish", "-m", "the files again").out.startswith("version 3 is in service: 0 added")


def test_articles_are_written_out_and_published_from_files(
    kefu: Kefu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KEFU_DATA_DIR", str(tmp_path / "data"))
    kefu("init", "shop")
    monkeypatch.setenv("KEFU_COMPANY", str(tmp_path / "shop"))
    assert kefu("articles", "publish", "-m", "nothing new").err == "kefu: Nothing differs from what is in service.\n"
    page = tmp_path / "shop" / "articles" / "en" / "welcome.md"
    page.write_text(page.read_text().replace("title: ", "title: New "))
    made = json.loads(kefu("articles", "publish", "-m", "a title", "--json").out)
    assert (made["version"], made["changed"]) == (2, 1)
    assert json.loads(kefu("articles", "export", "out", "--json").out) == {"version": 2, "files": 2}
    assert "title: New " in (tmp_path / "out" / "en" / "welcome.md").read_text()
    taken = tmp_path / "taken"
    taken.write_text("")
    assert kefu("articles", "export", str(taken)).status == 1


def test_training_asks_for_what_it_needs(kefu: Kefu, tmp_path: Path) -> None:
    wrong = kefu("train", "--data", "x.yml")
    assert wrong.status == 2
    assert "--data needs --out" in wrong.err
    gone = kefu("train", "--data", "x.yml", "--out", "model")
    assert (gone.status, gone.err.splitlines()[-1]) == (1, "kefu: x.yml: no such file or folder")
    assert not (tmp_path / "model").exists()
    kefu("init", "shop")
    untrained = kefu("parse", "hello", "--company", "shop")
    assert untrained.status == 1
    assert "`kefu train` does it" in untrained.err


def test_training_and_parsing_from_the_command_line(
    kefu: Kefu, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The language models are converted once per data folder, which takes longer than all else here: share them.
    monkeypatch.setenv("KEFU_DATA_DIR", str(ROOT / ".kefu"))
    said = {
        "greet": ["hello", "hi there", "good morning", "hey", "你好", "您好", "早上好", "嗨"],
        "opening_hours": ["when do you open", "what are your hours", "几点开门", "营业时间是什么时候", "周末开门吗"],
    }
    rows = [json.dumps({"text": text, "intent": intent}) for intent, texts in said.items() for text in texts]
    (tmp_path / "few.jsonl").write_text("\n".join(rows), "utf-8")
    trained = kefu("train", "--data", "few.jsonl", "--out", "model", "--json")
    assert trained.status == 0
    assert json.loads(trained.out)["folder"] == "model"
    parsed = kefu("parse", "-", "--model", "model", "--json", stdin="你们几点开门？\nhello!\n")
    assert [json.loads(line)["intent"]["name"] for line in parsed.out.splitlines()] == ["opening_hours", "greet"]
    evaluated = kefu("eval", "nlu", "--model", "model", "--data", "few.jsonl", "--report", "page.html", "--json")
    measured = json.loads(evaluated.out)
    assert measured["examples"] == len(rows)
    assert measured["intent_accuracy"] > 0.9
    assert "<svg" in (tmp_path / "page.html").read_text("utf-8")


NEW_INTENT = """
intents:
  pet_damage:
    label: {zh: 宠物咬坏, en: Damage by a pet}
    do: say
    text: {zh: 可以到营业厅换线。, en: A shop can replace the cable.}
    examples: {zh: [我家狗把充电线咬断了], en: [my dog bit through the cable, the cat chewed my charger]}
"""


def test_new_intents_come_and_go_on_the_command_line(kefu: Kefu, tmp_path: Path) -> None:
    (tmp_path / "new.yml").write_text(NEW_INTENT, "utf-8")
    (tmp_path / "few.yml").write_text(NEW_INTENT.replace("zh: [我家狗把充电线咬断了], ", ""), "utf-8")
    refused = kefu("intent", "add", "few.yml")
    assert (refused.status, refused.out) == (2, "")
    assert 'few.yml: intent "pet_damage": 2 examples; give at least 3' in refused.err
    assert json.loads(kefu("intent", "list", "--json").out) == {"intents": []}
    assert json.loads(kefu("intent", "add", "new.yml", "--json").out) == {"added": ["pet_damage"]}
    (listed,) = json.loads(kefu("intent", "list", "--json").out)["intents"]
    assert listed["definition"]["do"] == "say"
    assert len(listed["examples"]) == 3
    assert kefu("intent", "remove", "pet_damage").out == "removed pet_damage\n"
    gone = kefu("intent", "remove", "pet_damage")
    assert gone.status == 1
    assert "`kefu intent list` shows them" in gone.err


def test_a_single_process_says_what_it_lacks(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KEFU_DATA_DIR", str(tmp_path))
    for name, said in (("nothing", "gateway"), ("models", "kefu train"), ("rasa", "kefu train")):
        with pytest.raises(SystemExit) as ended:
            main(["serve", name])
        assert ended.value.code == 2
        assert said in capsys.readouterr().err
