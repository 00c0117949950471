"""The pure parts of the Rasa side; the whole turn runs in the project's integration tests."""

import json

import pytest
import tensorflow
from rasa.shared.constants import DEFAULT_NLU_FALLBACK_INTENT_NAME
from rasa.shared.nlu.training_data.message import Message

from kefu_bot.channel import TurnError, adapt_parse, check_release, check_turn, release_of
from kefu_bot.understanding import ModelServiceUnderstanding, ReleaseFallbackClassifier

PARSE = {
    "intent": {"name": "check_bill", "confidence": 0.8},
    "intent_ranking": [{"name": "check_bill", "confidence": 0.8}, {"name": "pay_bill", "confidence": 0.15}],
    "entities": [{"start": 0, "end": 2, "entity": "date", "value": "2026-01-01"}],
    "threshold": 0.6,
    "ambiguity": 0.1,
}


def understood(**changes):
    message = Message.build("bill please")
    message.set("metadata", {"parse": json.loads(json.dumps({**PARSE, **changes}))})
    ModelServiceUnderstanding("http://127.0.0.1:1").process([message])
    ReleaseFallbackClassifier({"threshold": 0.5, "ambiguity_threshold": 0.1}).process([message])
    return message


def test_the_parse_of_the_metadata_is_taken():
    message = understood()
    assert message.get("intent") == PARSE["intent"]
    assert message.get("entities") == PARSE["entities"]


@pytest.mark.parametrize(
    "changes",
    [
        {"threshold": 0.81},
        {"ambiguity": 0.7},
    ],
)
def test_the_release_decides_when_to_fall_back(changes):
    message = understood(**changes)
    assert message.get("intent")["name"] == DEFAULT_NLU_FALLBACK_INTENT_NAME
    assert message.get("intent_ranking")[1]["name"] == "check_bill"


def test_an_intent_the_domain_does_not_know_arrives_as_dynamic():
    assert adapt_parse(PARSE, ["check_bill"]) is PARSE
    adapted = adapt_parse(PARSE, ["greet"])
    assert adapted["intent"] == {"name": "dynamic", "confidence": 0.8}
    assert adapted["dynamic"] == "check_bill"
    assert PARSE["intent"]["name"] == "check_bill"


@pytest.mark.parametrize(
    "turn",
    [None, [], {}, {"conversation": 1}, {"conversation": "c", "turn": "1", "text": "x", "parse": {}}],
)
def test_a_turn_that_lacks_something_is_refused(turn):
    with pytest.raises(TurnError) as error:
        check_turn(turn)
    assert error.value.code == "bad_turn"


def test_a_worker_names_its_release_and_refuses_a_turn_of_another(tmp_path):
    assert release_of(tmp_path / "none" / "rasa.tar.gz") == ""
    (tmp_path / "release.json").write_text('{"id": "r-1"}')
    own = release_of(tmp_path / "rasa.tar.gz")
    assert own == "r-1"
    for asked in ({}, {"release": ""}, {"release": "r-1"}):
        check_release(asked, own)
    check_release({"release": "r-2"}, "")
    with pytest.raises(TurnError, match="runs r-1, the turn is of r-2") as error:
        check_release({"release": "r-2"}, own)
    assert error.value.code == "other_release"


def test_the_tensorflow_stub_can_be_subclassed_and_refuses_to_compute():
    class Layer(tensorflow.keras.layers.Layer):
        pass

    @tensorflow.function(reduce_retracing=True)
    def decorated():
        return 1

    assert Layer is not None
    assert decorated() == 1
    with pytest.raises(ImportError, match="needs the real TensorFlow"):
        tensorflow.constant.Tensor(1, 2)
