"""Metrics against scikit-learn and seqeval."""

import numpy as np
from seqeval.metrics import f1_score as chunk_f1
from sklearn.metrics import f1_score, roc_auc_score

from server.nlu.data import Example, Span
from server.nlu.engine import Entity, Intent, Parse
from server.nlu.evaluate import auroc, entity_f1, macro_f1, measure


def _parse(
    intent: str, confidence: float, *, entities: tuple[tuple[int, int, str], ...] = (), oos: float = 0.0
) -> Parse:
    ranking = (Intent(intent, confidence), Intent("other", (1 - confidence) / 2))
    found = tuple(Entity(a, b, kind, "", "", 1.0) for a, b, kind in entities)
    return Parse("", "zh", ranking[0], ranking, found, oos, 0.6, 0.1, "r", "embedded", 1.0)


def test_macro_f1_and_auroc_agree_with_scikit_learn() -> None:
    rng = np.random.default_rng(0)
    truth, named = rng.choice(list("abcd"), 300), rng.choice(list("abcde"), 300)
    assert np.isclose(macro_f1(truth, named), f1_score(truth, named, average="macro", zero_division=0))
    scores, outside = np.round(rng.random(300), 1), rng.random(300) < 0.3
    assert np.isclose(auroc(scores[outside], scores[~outside]), roc_auc_score(outside, scores))


def test_entity_f1_agrees_with_seqeval() -> None:
    truth = ["B-a", "I-a", "O", "B-b", "O", "B-a"]
    given = ["B-a", "I-a", "O", "B-a", "O", "B-a"]
    example = Example("0123456", "x", (Span(0, 2, "a", ""), Span(3, 4, "b", ""), Span(5, 6, "a", "")))
    parse = _parse("x", 1.0, entities=((0, 2, "a"), (3, 4, "a"), (5, 6, "a")))
    assert entity_f1([example], [parse]) == round(chunk_f1([truth], [given]), 4)


def test_risk_figures_count_what_is_handled() -> None:
    examples = [Example(str(i), intent) for i, intent in enumerate(["a", "a", "b", "oos", "oos"])]
    parses = [
        _parse("a", 0.9, oos=0.1),
        _parse("b", 0.5, oos=0.2),
        _parse("a", 0.8, oos=0.1),
        _parse("a", 0.7, oos=0.9),
        _parse("a", 0.2, oos=0.8),
    ]
    found = measure(examples, parses)
    assert found["intent_accuracy"] == round(1 / 3, 4)
    assert found["coverage_at_risk_bound"] == round(2 / 3, 4)
    assert found["error_at_risk_bound"] == round(2 / 3, 4)
    assert found["oos_auroc"] == 1.0
    assert found["oos_recall_at_in_scope_coverage_90"] == 1.0
