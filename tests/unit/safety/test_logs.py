"""What the processes log: nothing personal, and no line that a text forged."""

import logging
import subprocess
import sys

from server.logs import FORMAT, MaskingFormatter


def written(message: str, *arguments: object, error: Exception | None = None) -> str:
    record = logging.LogRecord("kefu", logging.WARNING, "f", 1, message, arguments, None)
    if error is not None:
        record.exc_info = (type(error), error, None)
    return MaskingFormatter(FORMAT).format(record)


def test_a_message_is_masked_after_its_arguments_are_in():
    assert written("turn of %s failed", "13800138000").endswith("turn of <PHONE> failed")


def test_a_traceback_is_masked():
    assert "<ID_CARD>" in written("failed", error=ValueError("身份证11010519491231002X"))


def test_ids_and_addresses_that_tell_nothing_stay():
    line = "turn 3f2b8c1de4a54b1f9a1c2d3e4f506172/12 at 127.0.0.1:8102 took 116.2 ms, order QH48210937"
    assert written(line).endswith(line)


def test_no_text_begins_a_record_of_its_own():
    lines = written("text %s", "x\n2026-01-01 INFO forged: admin logged in\x1b[2J").splitlines()
    assert len(lines) == 2
    assert lines[1].startswith("    2026")
    assert "\x1b" not in lines[1]


def test_the_root_logger_writes_masked():
    program = (
        "import logging; from server.logs import configure_logging; configure_logging();"
        "logging.getLogger('uvicorn.error').error('call 13800138000')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60)
    assert "call <PHONE>" in done.stderr
