"""What Rasa is trained on, and what makes a release a new one."""

import fcntl
import hashlib
import json
import threading

import pytest

from server import assistant
from server.company import Company
from server.release import MANIFEST, ReleaseError, check, ensure, release_id
from server.settings import Settings
from server.starter import make_company


@pytest.fixture
def company(tmp_path):
    make_company(tmp_path / "acme")
    return tmp_path / "acme"


@pytest.fixture
def settings(tmp_path):
    return Settings(data_dir=tmp_path / "data", company=tmp_path / "acme")


def test_every_intent_has_its_action_and_is_read_as_an_answer_while_a_question_is_open():
    rules = assistant.rules({"check_bill": "skill", "reset_password": "answer"})["rules"]
    first = {rule["steps"][0]["intent"]: rule["steps"][1]["action"] for rule in rules if "condition" not in rule}
    assert first["check_bill"] == "action_skill"
    assert first["reset_password"] == "action_answer"
    assert first["nlu_fallback"] == first["dynamic"] == "action_fallback"
    while_open = [rule for rule in rules if "condition" in rule and rule["steps"][0]["intent"] == "check_bill"]
    assert {rule["steps"][1]["action"] for rule in while_open} == {"action_continue"}


def test_a_hand_over_does_not_wait_for_an_open_question():
    rules = assistant.rules({"safety_hazard": "handoff"})["rules"]
    assert [rule["steps"][1]["action"] for rule in rules if rule["steps"][0]["intent"] == "safety_hazard"] == [
        "action_handoff"
    ]


def test_no_customer_text_is_in_the_domain():
    assert "responses" not in assistant.domain(["greet"], ["date"])


def test_a_release_is_named_by_what_it_is_trained_on(company, settings):
    first = release_id(settings, Company.load(company))
    assert release_id(settings, Company.load(company)) == first
    examples = next((company / "nlu_data" / "en").glob("*.yml"))
    examples.write_text(examples.read_text("utf-8") + "    - one more hello\n", "utf-8")
    assert release_id(settings, Company.load(company)) != first
    assert release_id(settings.model_copy(update={"training_effort": "quick"}), Company.load(company)) != first


def test_another_risk_bound_needs_no_other_release(company, settings):
    """Thresholds for any bound are found on what the release keeps."""
    first = release_id(settings, Company.load(company))
    assert release_id(settings.model_copy(update={"risk_bound": 0.01}), Company.load(company)) == first


def test_files_that_contradict_each_other_are_refused_before_anything_is_trained(company, settings):
    next((company / "articles" / "zh").glob("*.md")).unlink()
    with pytest.raises(ReleaseError, match="no translation"):
        ensure(settings, Company.load(company), lambda _fraction, _text: None)
    assert not settings.releases_dir.exists()


def test_who_comes_while_another_process_trains_waits_for_its_release(company, settings):
    loaded = Company.load(company)
    folder = settings.releases_dir / release_id(settings, loaded)
    folder.mkdir(parents=True)
    said, waiting, found = [], threading.Event(), []

    def progress(_fraction: float, text: str) -> None:
        said.append(text)
        waiting.set()

    with (settings.releases_dir / f".{folder.name}.lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        second = threading.Thread(target=lambda: found.append(ensure(settings, loaded, progress)))
        second.start()
        assert waiting.wait(10)
        (folder / MANIFEST).write_text("{}")
    second.join(10)
    assert found == [folder]
    assert said == ["waiting for another process that trains this release"]


def test_a_release_whose_files_are_not_what_was_trained_is_refused_by_name(tmp_path):
    release = tmp_path / "r-one"
    (release / "index").mkdir(parents=True)
    for name in ("rasa.tar.gz", "index/vectors.npy"):
        (release / name).write_bytes(name.encode())
    manifest = release / MANIFEST
    manifest.write_text("{}")
    check(release)  # from before files were noted
    files = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("rasa.tar.gz", "index/vectors.npy")}
    manifest.write_text(json.dumps({"files": files}))
    check(release)
    (release / "index" / "vectors.npy").write_bytes(b"half")
    way_out = r"move \S*r-one away, and it is trained again at the next start"
    with pytest.raises(ReleaseError, match=rf"r-one/index/vectors\.npy: is not what was trained; {way_out}"):
        check(release)
    (release / "index" / "vectors.npy").unlink()
    with pytest.raises(ReleaseError, match=rf"r-one/index/vectors\.npy: is missing; {way_out}"):
        check(release)
    manifest.write_text('{"id"')
    with pytest.raises(ReleaseError, match=rf"release\.json: cannot be read .*; {way_out}"):
        check(release)
