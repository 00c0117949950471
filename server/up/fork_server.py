"""Keeps a program imported, and starts it again and again as a copy of itself: in a second, where importing takes ten.

Run as a file, ``python fork_server.py CONTROL [MODULE | MODULE:FUNCTION …] -m PROGRAM ARGUMENTS…``. It imports the
program and the named modules, calls the named functions, and then waits at the socket with the number CONTROL. For each
file descriptor that comes it forks a child, whose output goes there and which runs the program as ``python -m`` would,
and answers the child's process id; when the child has ended, its exit status (negative: the signal). One at a time.

What is imported before must start no threads that the program needs: a copy has none but its first. It needs nothing
but the standard library and Python 3.10, because Rasa's environment runs it too; only Linux does (`forked`).
"""

import ctypes
import gc
import importlib
import os
import runpy
import signal
import socket
import sys
import warnings
from contextlib import suppress

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Import, then serve wishes until the other side is gone; in a child, run the program."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    begin = sys.argv.index("-m")
    preload, (module, *arguments) = sys.argv[2:begin], sys.argv[begin + 1 :]
    sys.path[0] = os.getcwd()  # as `python -m` has it
    sys.argv = [module, *arguments]
    for name in (f"{module}.__main__", *preload):
        _load(name)
    # The program runs as `__main__`; that it was imported under its own name before is to be forgotten.
    sys.modules.pop(f"{module}.__main__", None)
    gc.collect()
    gc.freeze()  # or the children's collections would copy every page
    libc, server = ctypes.CDLL(None), os.getpid()
    while (output := _wish(control)) is not None:
        child = os.fork()
        if child == 0:
            control.close()
            _become_child(libc, server, output)
            runpy.run_module(module, run_name="__main__", alter_sys=True)
            return
        os.close(output)
        _own_group(child)
        control.sendall(b"%d\n" % child)
        control.sendall(b"%d\n" % _end(child))


def _load(name: str) -> None:
    """Import or call; what goes wrong here costs time only, because the program meets it again and says it better."""
    module, _, function = name.partition(":")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = importlib.import_module(module)
            if function:
                getattr(found, function)()
    except (Exception, SystemExit) as error:
        print(f"{name}: could not be prepared: {type(error).__name__}: {error}", file=sys.stderr, flush=True)


def _wish(control: socket.socket) -> "int | None":
    """Wait for a wish; the file descriptor for the child's output, or nothing when nobody will wish any more."""
    _, descriptors, _, _ = socket.recv_fds(control, 1, 1)
    return descriptors[0] if descriptors else None


def _become_child(libc: ctypes.CDLL, server: int, output: int) -> None:
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != server:  # it died before the kernel was asked
        os._exit(127)
    _own_group(0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os.close(output)


def _own_group(process: int) -> None:
    """Both sides ask for it, so that neither goes on before: the group is what is signalled and ended as one."""
    with suppress(ProcessLookupError, PermissionError):  # it has ended already
        os.setpgid(process, process)


def _end(child: int) -> int:
    """Wait for the child's end, end what it left behind, and return its exit status (negative: the signal)."""
    os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)  # while it is not reaped, nobody else gets its number
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    main()
