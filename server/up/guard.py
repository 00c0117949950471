"""Turn into another program that dies with the process that started it, even when that one is killed by SIGKILL.

Run as a file, ``python -I -S guard.py PARENT_PID COMMAND…``: it asks the kernel for the signal and then replaces
itself, so nothing of it stays in memory. A ``preexec_fn`` would do the same in the forked copy of a threaded parent,
where Python cannot promise not to deadlock. Where there is no ``prctl`` (macOS) the program runs without this last
safeguard.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_EXIT_CANNOT_RUN = 127


def main() -> None:
    """Arrange the signal, then become the command."""
    parent, command = int(sys.argv[1]), sys.argv[2:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:  # the parent died before the kernel was asked
        sys.exit(_EXIT_CANNOT_RUN)
    try:
        os.execvp(command[0], command)  # noqa: S606 (the supervisor's own list of arguments, no shell)
    except OSError as error:
        print(f"{command[0]}: cannot be run: {error.strerror}", file=sys.stderr)
        sys.exit(_EXIT_CANNOT_RUN)


if __name__ == "__main__":
    main()
