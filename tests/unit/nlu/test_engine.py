"""Training on a few dozen sentences with the real models, and what comes out of it."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest

from server.nlu import encoders, llm, tuned
from server.nlu.artefact import FORMAT, MANIFEST, Artefact, ArtefactError
from server.nlu.data import DataError
from server.nlu.engine import Engine
from server.nlu.evaluate import evaluate
from server.nlu.fewshot import NewIntent
from server.nlu.train import train

ENTITIES = """
entities:
  phone_number: {normalise: phone}
  order_number: {normalise: code}
  plan: {normalise: lookup, values: {plus: [青叶套餐, Leaf plan], max: [青禾畅享, Meadow plan]}}
"""
EXAMPLES = {
    "check_bill": """
我的话费是多少
这个月账单多少钱
查一下话费
还欠多少钱
how much do I owe
what is my bill this month
check my bill please
show the amount I have to pay
""",
    "change_plan": """
换成[青叶套餐](plan)
我想改套餐
办理[青禾畅享](plan)
升级到[青叶套餐](plan)
switch me to the [Leaf plan](plan)
change my plan
I want the [Meadow plan](plan)
move to the [Leaf plan](plan) please
""",
    "order_status": """
订单[QH48210937](order_number)到哪了
我的订单[QH48210938](order_number)什么时候到
查订单[QH10000001](order_number)
快递到哪里了
where is order [QH48210939](order_number)
track [QH22222222](order_number)
when does my order arrive
has my parcel been sent
""",
    "greet": """
你好
在吗
早上好
您好呀
hello
hi there
good morning
hey
""",
}


def _write(folder: Path) -> list[Path]:
    text = "nlu:\n"
    for intent, lines in EXAMPLES.items():
        text += f"- intent: {intent}\n  examples: |\n" + "".join(
            f"    - {line}\n" for line in lines.split("\n") if line
        )
    (folder / "examples.yml").write_text(text)
    (folder / "entities.yml").write_text(ENTITIES)
    return [folder / "examples.yml"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Artefact, list[tuple[float, str]]]:
    folder = tmp_path_factory.mktemp("nlu")
    steps: list[tuple[float, str]] = []
    made = train(
        _write(folder),
        folder / "model",
        entities_file=folder / "entities.yml",
        progress=lambda fraction, message: steps.append((fraction, message)),
    )
    return made, steps


@pytest.fixture(scope="module")
def engine(trained: tuple[Artefact, list[tuple[float, str]]]) -> Engine:
    return Engine(trained[0].folder, release="r-1", clock=lambda: datetime(2026, 11, 22, tzinfo=UTC))


def test_progress_runs_from_nothing_to_done(trained: tuple[Artefact, list[tuple[float, str]]]) -> None:
    fractions = [fraction for fraction, _ in trained[1]]
    assert fractions == sorted(fractions)
    assert (fractions[0], fractions[-1]) == (0.0, 1.0)


def test_a_parse_says_everything_the_contract_names(engine: Engine) -> None:
    parse = engine.parse("請幫我查一下訂單 ＱＨ４８２１０９３７ 👍，电话199 0000 0101").to_json()
    assert set(parse) == {
        "text", "language", "intent", "intent_ranking", "entities", "oos",
        "threshold", "ambiguity", "release", "engine", "ms", "also", "dynamic",
    }  # fmt: skip
    json.dumps(parse)
    assert parse["language"] == "zh"
    assert parse["intent"]["name"] == "order_status"
    assert parse["intent"] == parse["intent_ranking"][0]
    confidences = [i["confidence"] for i in parse["intent_ranking"]]
    assert confidences == sorted(confidences, reverse=True)
    assert sum(confidences) <= 1.001
    found = {e["entity"]: e for e in parse["entities"]}
    assert found["order_number"]["value"] == "QH48210937"
    assert found["phone_number"]["value"] == "19900000101"
    for e in parse["entities"]:
        assert parse["text"][e["start"] : e["end"]] == e["raw"]


def test_several_wishes_are_told_apart(engine: Engine) -> None:
    text = "查一下话费，另外我的订单QH48210937到哪了"
    parse = engine.parse(text)
    intents = {parse.intent.name, *(wish.intent.name for wish in parse.also)}
    # Four intents with eight examples allow no guarantee, so a part may stay unsure; what is told apart must be right.
    assert intents <= {"check_bill", "order_status"}
    assert all(0 <= wish.start < wish.end <= len(text) for wish in parse.also)


def test_a_new_intent_is_understood_at_once(trained: tuple[Artefact, list[tuple[float, str]]]) -> None:
    engine = Engine(trained[0].folder)
    asked = "my parrot chewed through the charging cable"
    assert engine.parse(asked).dynamic is None
    engine.learn(
        [NewIntent("pet_damage", ("my dog bit the cable", "the cat chewed my charger", "我家狗把充电线咬断了"))]
    )
    parse = engine.parse(asked)
    assert (parse.intent.name, parse.dynamic) == ("pet_damage", "pet_damage")
    assert engine.parse("how much do I owe").intent.name == "check_bill"
    engine.learn([])
    assert engine.parse(asked).dynamic is None


def test_a_new_intent_needs_examples_and_a_name_of_its_own(engine: Engine) -> None:
    with pytest.raises(ValueError, match="exists already"):
        engine.learn([NewIntent("greet", ("hi",))])
    with pytest.raises(ValueError, match="no examples"):
        engine.learn([NewIntent("pet_damage", ())])


def test_tuned_layers_are_trained_stored_and_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tuned, "LEAST", 10)
    made = train(_write(tmp_path), tmp_path / "model", effort="full")
    assert set(made.manifest["tuned"]) <= {"zh", "en"}
    assert {f"tuned-{language}.onnx" for language in made.manifest["tuned"]} == {
        path.name for path in made.folder.glob("tuned-*.onnx")
    }
    assert Engine(made.folder).parse("how much do I owe").intent.name == "check_bill"


def test_an_interrupted_training_goes_on_where_it_stopped(tmp_path: Path) -> None:
    data = _write(tmp_path)

    def stop(fraction: float, message: str) -> None:
        if message == "writing the model":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(data, tmp_path / "model", effort="quick", progress=stop)
    assert not (tmp_path / "model").exists()
    kept = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob(".model.work-*/*")}
    assert kept.keys() == {"intents.npz", "unseen.npz"}
    said: list[str] = []
    resumed = train(data, tmp_path / "model", effort="quick", progress=lambda _, message: said.append(message))
    assert "going on with the training that was interrupted" in said
    assert not list(tmp_path.glob(".model.*"))
    fresh = train(data, tmp_path / "other", effort="quick")
    assert resumed.manifest["calibration"] == fresh.manifest["calibration"]


def test_known_values_are_named_in_either_script(engine: Engine) -> None:
    for text in ("我要換成青葉套餐", "please switch me to the leaf plan"):
        parse = engine.parse(text)
        assert parse.intent.name == "change_plan"
        assert [e.value for e in parse.entities if e.entity == "plan"] == ["plus"]


def test_a_batch_says_what_single_parses_say(engine: Engine) -> None:
    texts = ["你好", "how much do I owe this month", "订单QH48210937", "", "   ", "👍"]
    batch = engine.parse_batch([(t, "zh") for t in texts])
    for text, parse in zip(texts, batch, strict=True):
        alone = engine.parse(text, "zh")
        assert alone.intent.name == parse.intent.name
        assert alone.intent.confidence == pytest.approx(parse.intent.confidence, abs=0.05)
        assert [(e.start, e.end, e.entity) for e in alone.entities] == [
            (e.start, e.end, e.entity) for e in parse.entities
        ]


def test_nothing_visible_is_understood_as_nothing(engine: Engine) -> None:
    for text in ("", "  \n", "\u200b"):
        parse = engine.parse(text)
        assert (parse.intent.confidence, parse.oos, parse.entities) == (0.0, 1.0, ())


def test_very_long_texts_are_read_in_part(engine: Engine) -> None:
    parse = engine.parse("查一下话费 " * 5000)
    assert parse.intent.name == "check_bill"


def test_training_again_gives_the_same_model(trained: tuple[Artefact, list[tuple[float, str]]], tmp_path: Path) -> None:
    made = train(_write(tmp_path), tmp_path / "model", entities_file=tmp_path / "entities.yml")
    assert made.id == trained[0].id
    assert made.manifest["calibration"] == trained[0].manifest["calibration"]


def test_evaluation_reports_every_figure(engine: Engine, tmp_path: Path) -> None:
    rows = [
        {"text": "我的账单", "intent": "check_bill"},
        {"text": "hello you", "intent": "greet"},
        {"text": "红烧肉怎么做", "intent": "oos"},
    ]
    (tmp_path / "test.jsonl").write_text("\n".join(json.dumps(r, ensure_ascii=False) for r in rows))
    metrics = evaluate(engine, [tmp_path / "test.jsonl"]).metrics
    assert {
        "intent_accuracy", "intent_macro_f1", "entity_f1", "ece", "oos_auroc", "oos_recall_at_in_scope_coverage_90",
        "coverage_at_risk_bound", "error_at_risk_bound", "latency_ms_p50", "latency_ms_p95",
    } <= set(metrics)  # fmt: skip
    assert metrics["intent_accuracy"] == 1.0


def test_an_artefact_of_another_version_is_refused_and_an_interrupted_training_leaves_nothing(
    trained: tuple[Artefact, list[tuple[float, str]]], tmp_path: Path
) -> None:
    with pytest.raises(ArtefactError, match=r"no manifest\.json"):
        Artefact.load(tmp_path)
    (tmp_path / MANIFEST).write_text(json.dumps(trained[0].manifest | {"format": 99}))
    with pytest.raises(ArtefactError, match=f"artefact format 99, this version reads format {FORMAT}"):
        Artefact.load(tmp_path)

    def interrupt(fraction: float, _message: str) -> None:
        if fraction > 0.1:
            raise KeyboardInterrupt

    inputs = tmp_path / "in"
    inputs.mkdir()
    with pytest.raises(KeyboardInterrupt):
        train(_write(inputs), tmp_path / "out" / "model", progress=interrupt)
    assert list((tmp_path / "out").iterdir()) == []


def test_an_intent_that_is_not_defined_is_named_with_its_line(tmp_path: Path) -> None:
    paths = _write(tmp_path)
    (tmp_path / "intents.yml").write_text("intents:\n  greet: {}\n")
    with pytest.raises(DataError, match=r'examples\.yml:4: intent "check_bill" is not in intents\.yml'):
        train(paths, tmp_path / "model", intents_file=tmp_path / "intents.yml")


def test_the_language_model_reads_causally_and_padding_changes_nothing() -> None:
    model = llm.smollm2()
    short, longer = model.states(["The capital of", "The capital of France is Paris"])
    assert np.allclose(short.vectors, longer.vectors[: len(short.vectors)], atol=0.25 * np.abs(short.vectors).mean())
    alone = encoders.e5().states(["query: 你好"])[0]
    padded = encoders.e5().states(["query: 你好", "query: 我想问一下这个月的话费是多少"])[0]
    assert float(np.sum(encoders.mean_pool([alone]) * encoders.mean_pool([padded]))) > 0.99
