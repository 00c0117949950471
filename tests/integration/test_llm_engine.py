"""Understanding by a language model: prepared and asked over the real protocol, and what happens when it fails."""

import asyncio
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest
from typer.testing import CliRunner

from server import privacy
from server.cli import app
from server.llm import encoder, prepare, setup
from server.llm.client import OpenAIChat
from server.llm.engine import Asker, LlmEngine, Metrics, Options
from server.llm.examples import MANIFEST, Knowledge
from server.llm.gguf import ModelFileError
from server.llm.prepare import Sources
from server.llm.protocol import LlmError
from server.nlu.artefact import ArtefactError
from server.nlu.engine import Entity, Intent, Parse
from server.settings_understanding import Understanding
from tests.support.language_model import broken_server, reply

MODEL = "SmolLM2-135M-Instruct.Q4_1"
EXAMPLES = """nlu:
- intent: check_bill
  examples: |
    - how much do I owe
    - what is my bill
    - show me the amount due
    - check my bill please
    - 我的话费是多少
    - 查一下话费
- intent: greet
  examples: |
    - hello
    - hi there
    - good morning
    - 你好
    - 早上好
- intent: call_me
  examples: |
    - call me on [19900000101](phone_number)
    - my number is [19900000102](phone_number)
    - ring [19900000103](phone_number) please
    - 打[19900000104](phone_number)
- intent: oos
  examples: |
    - who won the match
    - write me a poem
"""
ENTITIES = "entities:\n  phone_number: {normalise: phone, description: {en: A phone number, zh: 电话号码}}\n"
INTENTS = """intents:
  check_bill: {description: {en: The customer asks what they owe., zh: 客户问欠多少钱。}}
  greet: {description: {en: The customer says hello., zh: 客户打招呼。}}
  call_me: {description: {en: The customer gives a number to call., zh: 客户留下号码。}}
"""
OPTIONS = Options(neighbours=2, also_entities=False, deadline_s=60, concurrency=2)


@pytest.fixture(scope="module")
def sources(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    folder = tmp_path_factory.mktemp("data")
    for name, text in (("examples.yml", EXAMPLES), ("intents.yml", INTENTS), ("entities.yml", ENTITIES)):
        (folder / name).write_text(text)
    return Sources([folder / "examples.yml"], folder / "intents.yml", folder / "entities.yml")


async def _prepare(sources: Sources, out: Path, address: str, *, sample: int) -> Knowledge:
    chat = OpenAIChat(address, MODEL)
    with ThreadPoolExecutor(1) as executor:
        try:
            return await prepare.prepare(
                sources, out, chat, engine="openai", options=OPTIONS, embed=setup.neighbours_embed,
                executor=executor, find_personal=privacy.find, sample=sample,
            )  # fmt: skip
        finally:
            await chat.close()


@pytest.fixture(scope="module")
def folder(sources: Sources, language_model: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Prepared over the real server."""
    out = tmp_path_factory.mktemp("engine") / "engine"
    asyncio.run(_prepare(sources, out, language_model, sample=9))
    return out


def _chosen(address: str, **more: object) -> Understanding:
    return Understanding.model_validate(
        {"engine": "openai", "address": address, "model": MODEL, "neighbours": 2, "deadline_s": 60, **more}
    )


def test_preparing_measures_and_says_what_it_did(folder: Path) -> None:
    manifest = json.loads((folder / MANIFEST).read_text())
    assert (manifest["engine"], manifest["model"], manifest["intents"]) == ("openai", MODEL, 3)
    assert manifest["metrics"]["en"]["examples"] > 0
    assert set(manifest["calibration"]["thresholds"]) == {"zh", "en"}
    known = Knowledge.load(folder)
    assert known.vectors.shape[0] == len(known.examples) == 17
    assert known.shown(known.nearest(known.vectors[12], 1)[0][0]).text == known.examples[12].text


def test_a_parse_says_everything_the_contract_names(folder: Path, language_model: str) -> None:
    engine = setup.Blocking(_chosen(language_model), folder, None, release="r-1")
    try:
        texts = ["👍 call me on １９９ ００００ ０１０１", "", "你好<|im_end|> {}"]
        parses = engine.parse_batch([(t, "zh") for t in texts])
    finally:
        engine.close()
    for text, parse in zip(texts, parses, strict=True):
        found = parse.to_json()
        assert {"text", "language", "intent", "intent_ranking", "entities", "oos", "threshold", "ambiguity",
                "release", "engine", "ms", "model", "fallback"} <= set(found)  # fmt: skip
        json.dumps(found)
        assert parse.text == text
        for entity in parse.entities:
            assert text[entity.start : entity.end] == entity.raw
            assert 0 <= entity.confidence <= 1
        assert found["fallback"] is None
    for parse in (parses[0], parses[2]):
        confidences = [i.confidence for i in parse.intent_ranking]
        assert confidences == sorted(confidences, reverse=True)
        assert sum(confidences) <= 1.001
        assert {i.name for i in parse.intent_ranking} == {"check_bill", "greet", "call_me"}
        assert 0 <= parse.oos <= 1
        assert parse.to_json()["model"] == MODEL
    assert [p.language for p in parses] == ["en", "zh", "zh"]
    assert parses[1].intent.confidence == 0


# ---------------------------------------------------------------- failures


def _sent(request: bytes) -> dict[str, object]:
    body: dict[str, object] = json.loads(request.partition(b"\r\n\r\n")[2])
    return body


def _answers(answer: object, **more: object) -> bytes:
    content = answer if isinstance(answer, str) else json.dumps(answer, ensure_ascii=False)
    return reply("200 OK", json.dumps({"choices": [{"message": {"content": content}, **more}]}).encode())


async def _instead(items: Sequence[tuple[str, str | None]]) -> list[Parse]:
    """Stands for the embedded engine, which the tests of the model service have for real."""
    certain = Intent("greet", 1.0)
    entity = Entity(0, 1, "place", "x", "x", 1.0)
    return [Parse(t, "en", certain, (certain,), (entity,), 0.0, 0.5, 0.1, "r-0", "embedded", 1.0) for t, _ in items]


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (None, "deadline"),
        (reply("500 Oops", b"{}"), "refused"),
        (_answers("I am not sure, sorry!"), "nonsense"),
        (_answers({"intent": "Z", "entities": []}), "nonsense"),
        (_answers({"intent": "A", "entities": [{"kind": "wish", "text": "x"}]}), "nonsense"),
    ],
)
async def test_the_embedded_engine_answers_and_everybody_can_see_why(
    folder: Path, answer: bytes | None, cause: str
) -> None:
    registry = CollectorRegistry()
    async with broken_server(answer) as server:
        with ThreadPoolExecutor(1) as executor:
            engine = setup.opened(
                _chosen(server.address, deadline_s=0.5 if answer is None else 20), folder, _instead,
                executor=executor, release="r-1", registry=registry,
            )  # fmt: skip
            parses = await engine.parse_all([("hello", "en")])
            await engine.close()
    assert parses[0].engine == "embedded"
    assert parses[0].to_json()["fallback"] == {"engine": "openai", "cause": cause}
    assert parses[0].entities[0].entity == "place"
    metrics = generate_latest(registry).decode()
    assert f'kefu_llm_fallbacks_total{{cause="{cause}",engine="openai"}} 1.0' in metrics


async def test_after_failures_in_a_row_nobody_waits(folder: Path) -> None:
    async with broken_server(reply("500 Oops", b"{}")) as server:
        with ThreadPoolExecutor(1) as executor:
            engine = setup.opened(_chosen(server.address, concurrency=1), folder, _instead, executor=executor)
            parses = await engine.parse_all([("hello", "en")] * 8)
            await engine.close()
    causes = [p.to_json()["fallback"]["cause"] for p in parses]
    assert causes == ["refused"] * 5 + ["breaker_open"] * 3
    assert len(server.requests) == 5


async def test_a_message_whose_turn_does_not_come_is_not_kept_waiting(folder: Path) -> None:
    async with broken_server(None) as server:
        with ThreadPoolExecutor(1) as executor:
            engine = setup.opened(_chosen(server.address, concurrency=1), folder, _instead, executor=executor)
            asking = asyncio.create_task(engine.parse_all([("hello", "en")]))
            async with asyncio.timeout(30):
                await server.asked.wait()
            (parse,) = await engine.parse_all([("hi", "en")], within_s=0.4)
            asking.cancel()
            await asyncio.wait([asking])
            await engine.close()
    assert parse.to_json()["fallback"] == {"engine": "openai", "cause": "overloaded"}
    assert len(server.requests) == 1


async def test_personal_data_does_not_leave_and_is_found_all_the_same(folder: Path) -> None:
    text = "👩‍👩‍👧 my number is １９９ ００００ ０１０１, thanks"
    said = {"intent": "A", "entities": [{"kind": "phone_number", "text": "[PHONE_1]"}]}
    async with broken_server(_answers(said)) as server:
        with ThreadPoolExecutor(1) as executor:
            engine = setup.opened(_chosen(server.address), folder, None, executor=executor)
            (parse,) = await engine.parse_all([(text, "en")])
            assert parse.intent.name == "call_me"
            assert [(e.raw, e.value) for e in parse.entities] == [("１９９ ００００ ０１０１", "19900000101")]
            await engine.close()
            body = _sent(server.requests[0])
            sent = json.dumps(body, ensure_ascii=False)
            # Neither the customer's number nor those of the examples.
            assert "1990000" not in sent
            assert "１９９" not in sent
            assert "my number is [PHONE_1], thanks" in sent
            open_ = setup.opened(_chosen(server.address, unmasked=True), folder, None, executor=executor)
            await open_.parse_all([(text, "en")])
            await open_.close()
            assert "１９９ ００００ ０１０１" in json.dumps(_sent(server.requests[1]), ensure_ascii=False)


async def test_entities_may_stay_with_the_embedded_engine(folder: Path) -> None:
    async with broken_server(_answers({"intent": "C"})) as server:
        with ThreadPoolExecutor(1) as executor:
            engine = setup.opened(_chosen(server.address, also_entities=False), folder, _instead, executor=executor)
            (parse,) = await engine.parse_all([("hello", "en")])
            await engine.close()
    assert (parse.engine, parse.intent.name, parse.entities[0].entity) == ("openai", "greet", "place")
    assert "entities" not in json.dumps(_sent(server.requests[0])["response_format"])


async def test_a_model_that_fails_on_most_examples_prepares_nothing(sources: Sources, tmp_path: Path) -> None:
    async with broken_server(_answers("no")) as server:
        with pytest.raises(LlmError, match=r"nonsense: \d+ of 14 examples failed"):
            await _prepare(sources, tmp_path / "engine", server.address, sample=14)
    assert os.listdir(tmp_path) == []


def test_a_folder_that_is_none_or_damaged_is_named(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"no llm\.json; prepare the engine"):
        Knowledge.load(tmp_path)
    copy = tmp_path / "copy"
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    (copy / "vectors.npy").unlink()
    with pytest.raises(ArtefactError, match=r"vectors\.npy is missing"):
        Knowledge.load(copy)
    np.save(copy / "vectors.npy", np.zeros((3, 8), np.float16))
    with pytest.raises(ArtefactError, match="3 vectors for 17 examples"):
        Knowledge.load(copy)
    (copy / MANIFEST).write_text('{"format": 0}')
    with pytest.raises(ArtefactError, match="format 0, this version reads"):
        Knowledge.load(copy)


def test_an_engine_without_calibration_is_refused(folder: Path) -> None:
    known = Knowledge.load(folder)
    known.calibration = None
    with ThreadPoolExecutor(1) as executor:
        chat = OpenAIChat("http://127.0.0.1:1/v1", "m")
        asker = Asker(chat, known, OPTIONS, embed=setup.neighbours_embed, executor=executor)
    with pytest.raises(ValueError, match="not calibrated"):
        LlmEngine(asker, None, name="openai", metrics=Metrics(CollectorRegistry()))


async def test_the_commands_prepare_parse_and_measure_an_engine(
    sources: Sources, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, engine = str(sources.data_paths[0]), str(tmp_path / "engine")

    async def kefu(*arguments: str) -> dict[str, object]:
        ran = await asyncio.to_thread(CliRunner().invoke, app, [*arguments, "--json"], catch_exceptions=False)
        answer: dict[str, object] = json.loads(ran.stdout)
        return answer

    async with broken_server(_answers({"intent": "B"})) as server:
        for name, value in (("ADDRESS", server.address), ("MODEL", "m"), ("ALSO_ENTITIES", "0"), ("SAMPLE", "20")):
            monkeypatch.setenv(f"KEFU_UNDERSTANDING_{name}", value)
        made = await kefu("train", "--engine", "openai", "--data", data, "--out", engine)
        assert (made["engine"], made["model"], made["folder"]) == ("openai", "m", engine)
        parse = await kefu("parse", "hello", "--model", engine)
        assert (parse["engine"], parse["model"], parse["fallback"]) == ("openai", "m", None)
        metrics = await kefu("eval", "nlu", "--data", data, "--model", engine)
        # The address always says B, check_bill: 6 of the 15 examples in scope.
        assert (metrics["in_scope"], metrics["intent_accuracy"]) == (15, 0.4)


# ---------------------------------------------------------------- any encoder


async def test_any_encoder_can_be_a_view(sources: Sources, tmp_path: Path) -> None:
    manifest = encoder.prepare(sources, tmp_path / "engine", setup.neighbours_embed, model="own")
    assert manifest["intents"] == ["call_me", "check_bill", "greet"]
    registry = CollectorRegistry()
    with ThreadPoolExecutor(1) as executor:
        engine = encoder.EncoderEngine(
            tmp_path / "engine", setup.neighbours_embed, _instead, executor=executor, deadline_s=30,
            metrics=Metrics(registry), release="r-1",
        )  # fmt: skip
        parses = await engine.parse_all([("how much do I owe you", "en"), ("早上好呀", "zh"), ("", "zh")])
    assert [p.intent.name for p in parses[:2]] == ["check_bill", "greet"]
    assert [(p.engine, p.entities[0].entity) for p in parses[:2]] == [("huggingface", "place")] * 2
    assert [p.engine for p in parses[2:]] == ["embedded"]
    assert parses[0].to_json()["model"] == "own"
    assert sum(i.confidence for i in parses[0].intent_ranking) <= 1.001


async def test_an_encoder_that_fails_leaves_it_to_the_embedded_engine(sources: Sources, tmp_path: Path) -> None:
    encoder.prepare(sources, tmp_path / "engine", setup.neighbours_embed, model="own")
    registry = CollectorRegistry()

    def broken(_texts: Sequence[str]) -> np.ndarray:
        raise RuntimeError("out of memory")

    with ThreadPoolExecutor(1) as executor:
        engine = encoder.EncoderEngine(
            tmp_path / "engine", broken, _instead, executor=executor, deadline_s=30, metrics=Metrics(registry)
        )
        (parse,) = await engine.parse_all([("hello", "en")])
    assert parse.to_json()["fallback"] == {"engine": "huggingface", "cause": "refused"}
    assert b'kefu_llm_fallbacks_total{cause="refused",engine="huggingface"} 1.0' in generate_latest(registry)


def _extra_is_there() -> bool:
    try:
        import torch  # noqa: F401
        import transformers  # noqa: F401
    except ImportError:
        return False
    return True


@pytest.mark.skipif(_extra_is_there(), reason="torch and transformers are installed")
def test_without_the_extra_it_says_how_to_get_it() -> None:
    for open_model in (setup.encoder_embed, lambda name: setup.open_chat(Understanding(engine="local", model=name))):
        with pytest.raises(ModelFileError, match="uv sync --extra hf"):
            open_model("some/model")


@pytest.mark.parametrize("name", ["nowhere.gguf", __file__ + ".gguf"])
def test_a_model_file_that_is_not_there_is_named(name: str) -> None:
    with pytest.raises(ModelFileError, match="there is no such file"):
        setup.open_chat(Understanding(engine="local", model=name))


def test_a_file_that_is_no_model_is_named(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"GGUFnope")
    with pytest.raises(ModelFileError, match=r"m\.gguf: no GGUF file that can be read"):
        setup.open_chat(Understanding(engine="local", model=str(path)))
