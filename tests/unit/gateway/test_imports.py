"""A gateway is started often and there may be many: what only models need stays out of it."""

import subprocess
import sys

HEAVY = ("scipy", "sklearn", "onnx", "onnxruntime", "faiss", "pypinyin", "pycrfsuite")


def test_the_gateway_holds_no_model_libraries() -> None:
    program = f"import server.gateway.__main__, sys; print(*[name for name in {HEAVY!r} if name in sys.modules])"
    found = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert found.stdout.split() == []
