"""One `kefu up` per data folder, and a clear word about a port that is taken."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK_FILE = "kefu.lock"


class InUseError(Exception):
    """The data folder or a port belongs to another process; the message says which and what to change."""


@contextmanager
def data_dir_lock(data_dir: Path) -> Iterator[None]:
    """Hold the data folder for this process.

    The kernel drops the lock with its holder, however that ended: a file left behind locks nothing. The process id in
    it is for people.

    Raises:
        InUseError: Another process holds it, or the folder cannot be made.
    """
    path = data_dir / LOCK_FILE
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise InUseError(f"{data_dir}: cannot be used for data ({error.strerror}); set KEFU_DATA_DIR") from error
    with os.fdopen(handle, "r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = file.read().strip() or "unknown"
            raise InUseError(
                f"{data_dir} is in use by another `kefu up` (process {holder}); stop that one, or set KEFU_DATA_DIR, "
                "KEFU_PORT and KEFU_INTERNAL_PORT to run a second"
            ) from None
        file.truncate()
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
        file.seek(0)
        file.truncate()


def check_port(host: str, port: int, what: str, setting: str) -> None:
    """Make sure that ``what`` can listen on the port.

    Raises:
        InUseError: It cannot; names ``setting`` as what to change.
    """
    variable = f"KEFU_{setting.upper()}"
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            probe.listen(1)
    except socket.gaierror as error:
        raise InUseError(
            f'host "{host}" is not an address of this machine ({error.strerror}); set KEFU_HOST'
        ) from error
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InUseError(
                f"port {port}, which {what} needs, is taken by another program; stop that, or set {variable} "
                f"({setting} in kefu.toml) to another port"
            ) from error
        if error.errno == errno.EADDRNOTAVAIL:
            raise InUseError(f'host "{host}" is not an address of this machine; set KEFU_HOST') from error
        raise InUseError(f"port {port}, which {what} needs: {error.strerror}; set {variable}") from error
