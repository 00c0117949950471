"""A computation in a process of its own, so that both cores work though one of them holds Python's lock for minutes."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from threadpoolctl import threadpool_limits

T = TypeVar("T")
_GRACE_S = 10


class AsideError(RuntimeError):
    """The process ended without an answer; the message says how."""


@contextmanager
def aside(function: Callable[..., T], *arguments: Any) -> Iterator[Callable[[], T]]:
    """Start `function(*arguments)` in a new process and yield what waits for its answer.

    Function, arguments and answer must be picklable. A process still at work when the block ends is ended with it.
    Waiting raises what the function raised, or `AsideError` where the process died.
    """
    context = multiprocessing.get_context("spawn")
    answers, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(sender, function, arguments), daemon=True)
    process.start()
    sender.close()

    def answer() -> T:
        try:
            worked, value = answers.recv()
        except EOFError:
            process.join(_GRACE_S)
            raise AsideError(
                f"the process that computed {function.__name__} ended with status {process.exitcode}; "
                "it may have run out of memory"
            ) from None
        if not worked:
            raise value
        found: T = value
        return found

    try:
        yield answer
    finally:
        answers.close()
        process.terminate()
        process.join(_GRACE_S)


def _work(sender: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    with threadpool_limits(limits=1, user_api="blas"):
        try:
            sender.send((True, function(*arguments)))
        except Exception as error:  # whatever it is, it is raised again where the answer is waited for
            sender.send((False, error))
