"""An evaluation as one HTML page that needs nothing else: figures, confusions, reliability, risk against coverage, and
the examples to look at first. Plain SVG, no script; every text from the data is escaped.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import Final

import numpy as np

from server.nlu.data import OUT_OF_SCOPE, Example
from server.nlu.engine import Parse
from server.nlu.evaluate import Evaluation, acts
from server.nlu.weights import write_atomically

_WORST: Final = 40
_PAIRS: Final = 30
_GRID: Final = 80  # intents in the confusion grid; more would not be readable
_BINS: Final = 15
_SIDE: Final = 320

_STYLE = """
body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:64rem;padding:0 1rem;color:#1a1a1a;background:#fff}
h1{font-size:1.5rem}h2{font-size:1.15rem;margin-top:2.5rem}small,.quiet{color:#595959}
table{border-collapse:collapse}td,th{padding:.25rem .75rem .25rem 0;text-align:left;vertical-align:top}
td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}
.plots{display:flex;flex-wrap:wrap;gap:2rem}figure{margin:0}figcaption{max-width:20rem;color:#595959}
svg text{font:11px system-ui,sans-serif;fill:#595959}.scroll{overflow-x:auto}
"""

_NAMES: Final = {
    "examples": "Examples · 样本",
    "in_scope": "In scope · 业务范围内",
    "intent_accuracy": "Intent accuracy · 意图准确率",
    "intent_macro_f1": "Intent macro F1 · 意图宏平均 F1",
    "entity_f1": "Entity F1 · 实体 F1",
    "ece": "Calibration error · 校准误差",
    "oos_auroc": "Out of scope AUROC · 范围外识别 AUROC",
    "oos_recall_at_in_scope_coverage_90": "Out-of-scope recall at 90 % coverage · 90% 覆盖时的范围外召回",
    "coverage_at_risk_bound": "Coverage at the risk bound · 风险上限内的覆盖率",
    "error_at_risk_bound": "Error among those handled · 自动处理中的错误率",
    "latency_ms_p50": "Latency p50, ms · 延迟中位数（毫秒）",
    "latency_ms_p95": "Latency p95, ms · 延迟 95 分位（毫秒）",
}


def write(found: Evaluation, path: Path, *, title: str) -> None:
    """Write the page to `path`, whole or not at all. `title` names the model and the data."""
    write_atomically(path, page(found, title=title).encode())


def page(found: Evaluation, *, title: str) -> str:
    """The page as text."""
    inside = [(e, p) for e, p in zip(found.examples, found.parses, strict=True) if e.intent != OUT_OF_SCOPE]
    confidence = np.array([p.intent.confidence for _, p in inside])
    right = np.array([p.intent.name == e.intent for e, p in inside], bool)
    body = [f"<h1>{escape(title)}</h1>", _figures(found)]
    if inside:
        body += [
            '<div class="plots">',
            _figure(
                _reliability(confidence, right),
                "Reliability: how often a confidence is right. On the line it means what it says. "
                "可靠性：给出的置信度与实际正确率；落在斜线上最好。",
            ),
            _figure(
                _risk(confidence, right),
                "Risk against coverage: the error rate among the most certain messages. "
                "风险与覆盖：只处理最有把握的消息时的错误率。",
            ),
            "</div>",
            "<h2>Most frequent confusions · 最常见的混淆</h2>",
            _pairs(inside),
            "<h2>Confusion · 混淆矩阵</h2>",
            _grid(inside),
        ]
    body += ["<h2>Look at these first · 先看这些</h2>", _worst(found)]
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{escape(title)}</title><style>{_STYLE}</style><body>{''.join(body)}</body></html>\n"
    )


def _figures(found: Evaluation) -> str:
    rows = "".join(
        f'<tr><td>{_NAMES.get(name, escape(name))}</td><td class="n">{"–" if value is None else value}</td></tr>'
        for name, value in found.metrics.items()
    )
    return f"<table>{rows}</table>"


def _figure(svg: str, caption: str) -> str:
    return f"<figure>{svg}<figcaption>{escape(caption)}</figcaption></figure>"


def _plot(inner: str, label: str, *, top: float) -> str:
    ticks = "".join(
        f'<text x="{x * _SIDE:.0f}" y="{_SIDE + 16}" text-anchor="middle">{x:.1f}</text>'
        f'<text x="-6" y="{_SIDE - x * _SIDE + 4:.0f}" text-anchor="end">{x * top:.2g}</text>'
        for x in (0, 0.2, 0.4, 0.6, 0.8, 1.0)
    )
    return (
        f'<svg role="img" aria-label="{escape(label)}" width="{_SIDE + 60}" '
        f'viewBox="-40 -10 {_SIDE + 60} {_SIDE + 40}">'
        f'<rect width="{_SIDE}" height="{_SIDE}" fill="none" stroke="#bbb"/>{ticks}{inner}</svg>'
    )


def _reliability(confidence: np.ndarray, right: np.ndarray) -> str:
    parts = [p for p in np.array_split(np.argsort(confidence, kind="stable"), _BINS) if len(p)]
    dots = "".join(
        f'<circle cx="{confidence[p].mean() * _SIDE:.1f}" cy="{_SIDE - right[p].mean() * _SIDE:.1f}" r="4" '
        'fill="#0b5fff"/>'
        for p in parts
    )
    line = f'<line x1="0" y1="{_SIDE}" x2="{_SIDE}" y2="0" stroke="#999" stroke-dasharray="4"/>'
    return _plot(line + dots, "Reliability diagram", top=1.0)


def _risk(confidence: np.ndarray, right: np.ndarray) -> str:
    order = np.argsort(-confidence, kind="stable")
    risk = np.cumsum(~right[order]) / np.arange(1, len(order) + 1)
    top = max(0.05, float(np.ceil(risk.max() * 20) / 20))
    steps = np.unique(np.linspace(0, len(order) - 1, 200).astype(int))
    points = " ".join(f"{(k + 1) / len(order) * _SIDE:.1f},{_SIDE - min(risk[k] / top, 1) * _SIDE:.1f}" for k in steps)
    return _plot(
        f'<polyline points="{points}" fill="none" stroke="#0b5fff" stroke-width="2"/>', "Risk against coverage", top=top
    )


def _pairs(inside: Sequence[tuple[Example, Parse]]) -> str:
    counts = Counter((e.intent, p.intent.name) for e, p in inside if e.intent != p.intent.name)
    rows = "".join(
        f'<tr><td>{escape(truth)}</td><td>{escape(named)}</td><td class="n">{n}</td></tr>'
        for (truth, named), n in counts.most_common(_PAIRS)
    )
    head = '<tr><th>Meant · 实际</th><th>Understood · 识别为</th><th class="n">Messages · 条数</th></tr>'
    return f"<table>{head}{rows}</table>"


def _grid(inside: Sequence[tuple[Example, Parse]]) -> str:
    names = sorted({e.intent for e, _ in inside} | {p.intent.name for _, p in inside})
    if len(names) > _GRID:
        wrong = Counter(x for e, p in inside if e.intent != p.intent.name for x in (e.intent, p.intent.name))
        names = sorted(name for name, _ in wrong.most_common(_GRID))
    index = {name: i for i, name in enumerate(names)}
    counts = np.zeros((len(names), len(names)), int)
    for e, p in inside:
        if e.intent in index and p.intent.name in index:
            counts[index[e.intent], index[p.intent.name]] += 1
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    cell, margin = 11, 150
    boxes = "".join(
        f'<rect x="{margin + j * cell}" y="{i * cell}" width="{cell - 1}" height="{cell - 1}" '
        f'fill="{"#0b5fff" if i == j else "#c22"}" fill-opacity="{max(0.08, share[i, j]):.2f}">'
        f"<title>{escape(names[i])} → {escape(names[j])}: {counts[i, j]}</title></rect>"
        for i, j in np.argwhere(counts > 0)
    )
    labels = "".join(
        f'<text x="{margin - 4}" y="{i * cell + 9}" text-anchor="end">{escape(name)}</text>'
        for i, name in enumerate(names)
    )
    width, height = margin + len(names) * cell, len(names) * cell
    return (
        '<div class="scroll"><svg role="img" aria-label="Confusion matrix: rows are what was meant" '
        f'viewBox="0 0 {width} {height}" width="{width}" height="{height}">{labels}{boxes}</svg></div>'
        '<p class="quiet">Rows: meant; columns, same order: understood. 行为实际意图，列（顺序相同）为识别结果。</p>'
    )


def _worst(found: Evaluation) -> str:
    wrong = [
        (e, p)
        for e, p in zip(found.examples, found.parses, strict=True)
        if p.intent.name != e.intent and (acts(p) or e.intent != OUT_OF_SCOPE)
    ]
    wrong.sort(key=lambda pair: -pair[1].intent.confidence)
    rows = "".join(
        f"<tr><td>{escape(e.text)}</td><td>{escape(e.intent)}</td><td>{escape(p.intent.name)}</td>"
        f'<td class="n">{p.intent.confidence:.2f}</td></tr>'
        for e, p in wrong[:_WORST]
    )
    entities = "".join(
        f"<tr><td>{escape(e.text)}</td><td>{_spans((s.entity, e.text[s.start : s.end]) for s in e.entities)}</td>"
        f"<td>{_spans((t.entity, t.raw) for t in p.entities)}</td></tr>"
        for e, p in _entity_mistakes(found)[:_WORST]
    )
    return (
        "<table><tr><th>Text · 原文</th><th>Meant · 实际</th><th>Understood · 识别为</th>"
        f'<th class="n">Confidence · 置信度</th></tr>{rows}</table>'
        "<h2>Entities · 实体</h2><table><tr><th>Text · 原文</th><th>Marked · 标注</th><th>Found · 识别</th></tr>"
        f"{entities}</table>"
    )


def _entity_mistakes(found: Evaluation) -> list[tuple[Example, Parse]]:
    return [
        (e, p)
        for e, p in zip(found.examples, found.parses, strict=True)
        if {(s.start, s.end, s.entity) for s in e.entities} != {(t.start, t.end, t.entity) for t in p.entities}
    ]


def _spans(spans: Iterable[tuple[str, str]]) -> str:
    return "<br>".join(f"{escape(kind)}: {escape(raw)}" for kind, raw in spans) or "–"
