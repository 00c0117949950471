"""The supervisor: its decisions with a clock of our own, then real small processes that die, hang or will not stop."""

import asyncio
import os
import signal
import socket
import sys
import textwrap
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from server.up.build import BuildError, Step, build, digest_of, run_logged
from server.up.child import Child, RotatingLog, describe_status
from server.up.lock import InUseError, check_port, data_dir_lock
from server.up.masked_log import MAX_LINE_BYTES, MaskedLines
from server.up.policy import GiveUp, Lifecycle, Restart, RestartPolicy, State
from server.up.supervisor import Event, Service, ServiceLostError, Supervisor

DEADLINE_S = 30.0
"""Bounds a test that would otherwise wait for ever; no test needs a noticeable part of it."""

# ---------------------------------------------------------------- decisions


def _ready(life: Lifecycle, now: float) -> None:
    life.started(now)
    assert life.probed(now, answered=True) is None
    assert life.state is State.READY


def test_restarts_wait_longer_each_time() -> None:
    life = Lifecycle(RestartPolicy(first_delay_s=0.5, delay_factor=2, longest_delay_s=3))
    delays = []
    for now in range(6):
        _ready(life, now)
        decision = life.ended(now, status=1, why="ended")
        assert isinstance(decision, Restart)
        delays.append(decision.delay_s)
    assert delays == [0.5, 1, 2, 3, 3, 3]


def test_what_has_worked_is_started_again_for_as_long_as_it_takes() -> None:
    life = Lifecycle(RestartPolicy(longest_delay_s=10))
    _ready(life, 0)
    for now in range(1, 200):
        assert isinstance(life.ended(now, status=2, why="its port is taken"), Restart)
        life.started(now)
    assert life.ended(200, status=2, why="its port is taken") == Restart(10)


def test_old_restarts_are_forgotten() -> None:
    life = Lifecycle(RestartPolicy())
    for now in range(0, 600, 13):
        _ready(life, now)
        assert life.ended(now, status=-9, why="was ended") in {Restart(0.2 * 1.5**n) for n in range(5)}
    _ready(life, 700)
    assert life.ended(700, status=1, why="ended") == Restart(0.2)


def test_what_stood_in_the_way_for_six_seconds_costs_half_as_much_again() -> None:
    life = Lifecycle(RestartPolicy())
    _ready(life, 0)
    now = 0.0
    while now < 6:
        decision = life.ended(now, status=1, why="its port is taken")
        assert isinstance(decision, Restart)
        now += decision.delay_s
        life.started(now)
    assert now < 9.2


def test_a_process_that_never_gets_ready_is_given_up_however_slowly_it_fails() -> None:
    life = Lifecycle(RestartPolicy())
    for now in (0, 100):
        life.started(now)
        assert isinstance(life.ended(now + 90, status=1, why="ended"), Restart)
    life.started(200)
    decision = life.ended(290, status=1, why="ended")
    assert decision == GiveUp("ended; 3 starts in a row failed")


def test_a_process_that_refuses_its_settings_is_not_asked_again() -> None:
    life = Lifecycle(RestartPolicy())
    life.started(0)
    assert isinstance(life.ended(1, status=2, why="ended with status 2"), GiveUp)
    life = Lifecycle(RestartPolicy())
    _ready(life, 0)
    assert isinstance(life.ended(1, status=2, why="ended with status 2"), Restart)


def test_a_slow_start_has_a_deadline() -> None:
    life = Lifecycle(RestartPolicy(start_deadline_s=60))
    life.started(100)
    assert life.probed(159.9, answered=False) is None
    assert life.probed(160, answered=False) == "was not ready after 60 s"


def test_silence_is_a_hang_and_an_answer_ends_it() -> None:
    life = Lifecycle(RestartPolicy(hung_after_s=30))
    _ready(life, 0)
    assert life.probed(29, answered=False) is None
    assert life.probed(29.5, answered=True) is None
    assert life.probed(59, answered=False) is None
    assert life.probed(59.5, answered=False) == "has not answered for 30 s"


def test_who_is_silent_and_does_nothing_hangs_and_who_works_is_slow() -> None:
    life = Lifecycle(RestartPolicy(hung_after_s=15, idle_hung_after_s=2.5))
    _ready(life, 0)
    assert life.probed(2, answered=False, busy=True) is None
    assert life.probed(4, answered=False, busy=False) is None
    assert life.probed(4.5, answered=False, busy=False) == "has not answered for 4.5 s, and did nothing"
    _ready(life := Lifecycle(RestartPolicy(hung_after_s=15, idle_hung_after_s=2.5)), 0)
    for now in range(1, 15):
        assert life.probed(now, answered=False, busy=True) is None
    assert life.probed(15, answered=False, busy=True) == "has not answered for 15 s"


# ---------------------------------------------------------------- log, lock, ports


def test_the_log_stays_bounded_and_loses_nothing_recent(tmp_path: Path) -> None:
    log = RotatingLog(tmp_path / "logs" / "one.log", max_bytes=100, kept=2)
    for number in range(40):
        log.write(f"line {number}\n".encode())
    log.write("half a line 字".encode()[:-1])
    log.close()
    files = sorted(path.name for path in (tmp_path / "logs").iterdir())
    assert files == ["one.log", "one.log.1", "one.log.2"]
    assert all(path.stat().st_size <= 100 for path in (tmp_path / "logs").iterdir())
    whole = b"".join((tmp_path / "logs" / name).read_bytes() for name in ("one.log.2", "one.log.1", "one.log"))
    assert b"line 38\nline 39\nhalf a line" in whole
    assert log.tail().splitlines()[-2] == "line 39"
    assert log.tail().splitlines()[-1].startswith("half a line")


def test_a_data_folder_belongs_to_one(tmp_path: Path) -> None:
    message = rf"in use by another `kefu up` \(process {os.getpid()}\)"
    with (
        data_dir_lock(tmp_path / "data"),
        pytest.raises(InUseError, match=message),
        data_dir_lock(tmp_path / "data"),
    ):
        pass
    with data_dir_lock(tmp_path / "data"):
        pass


def test_a_lock_whose_holder_was_killed_locks_nothing(tmp_path: Path) -> None:
    (tmp_path / "kefu.lock").write_text("1\n")
    with data_dir_lock(tmp_path):
        assert (tmp_path / "kefu.lock").read_text() == f"{os.getpid()}\n"


def test_a_taken_port_is_named_with_the_setting_that_moves_it() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(InUseError, match=rf"port {port}, which rasa needs, is taken .* set KEFU_INTERNAL_PORT"):
            check_port("127.0.0.1", port, "rasa", "internal_port")
    check_port("127.0.0.1", port, "rasa", "internal_port")
    with pytest.raises(InUseError, match="KEFU_HOST"):
        check_port("192.0.2.1", port, "gateway", "port")


# ---------------------------------------------------------------- real processes

PROGRAM = textwrap.dedent(
    """
    import http.server, os, pathlib, signal, subprocess, sys, time
    port, folder, habit = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
    starts = folder / f"{port}.starts"
    with starts.open("a") as file:
        file.write(f"{os.getpid()}\\n")
    number = len(starts.read_text().splitlines())
    print(f"start {number}", flush=True)
    if habit == "broken":
        sys.exit("the disk is upside down")
    if habit == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        def end(*_):
            with (folder / "ends").open("a") as file:
                file.write(f"{port}\\n")
            os._exit(0)
        signal.signal(signal.SIGTERM, end)
    if habit == "parent":
        child = subprocess.Popen([sys.executable, "-S", "-c", "import time; time.sleep(600)"])
        (folder / "grandchild").write_text(str(child.pid))
    answered = 0
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            global answered
            answered += 1
            if habit == "hangs" and number == 1 and answered > 1:
                time.sleep(600)
            if self.path == "/die":
                os._exit(3)
            self.send_response(200)
            self.end_headers()
        def log_message(self, *_):
            pass
    http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()
    """
)
QUICK = RestartPolicy(
    first_delay_s=0.01,
    longest_delay_s=0.05,
    probe_interval_s=0.05,
    start_probe_interval_s=0.05,
    hung_after_s=DEADLINE_S,  # a busy machine must not look like a hang
)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _service(folder: Path, name: str, habit: str = "good") -> Service:
    program = folder / "program.py"
    program.write_text(PROGRAM, "utf-8")
    port = _free_port()
    return Service(
        name=name,
        command=(sys.executable, "-S", str(program), str(port), str(folder), habit),
        health_url=f"http://127.0.0.1:{port}/health",
        directory=folder,
        environment=dict(os.environ),
    )


def _pids(folder: Path, service: Service) -> list[int]:
    return [int(line) for line in (folder / f"{httpx.URL(service.health_url).port}.starts").read_text().split()]


def _alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


class Watcher:
    """Collects events and lets a test wait for one."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._changed = asyncio.Event()

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self._changed.set()

    async def until(self, service: str, text: str, times: int = 1) -> None:
        while sum(one.service == service and one.text == text for one in self.events) < times:
            self._changed.clear()
            await self._changed.wait()


async def test_everything_starts_and_stops_with_the_last_one_first(tmp_path: Path) -> None:
    services = [_service(tmp_path, "back"), _service(tmp_path, "front")]
    supervisor = Supervisor(services, logs_dir=tmp_path / "logs", policy=QUICK)
    async with asyncio.timeout(DEADLINE_S):
        run = asyncio.create_task(supervisor.run())
        await supervisor.ready.wait()
        supervisor.stop()
        await run
    front, back = (str(httpx.URL(one.health_url).port) for one in reversed(services))
    assert (tmp_path / "ends").read_text().split() == [front, back]
    assert not any(_alive(pid) for one in services for pid in _pids(tmp_path, one))
    assert (tmp_path / "logs" / "back.log").read_text() == "start 1\n"


async def test_a_process_that_dies_is_started_again(tmp_path: Path) -> None:
    service = _service(tmp_path, "one")
    watcher = Watcher()
    supervisor = Supervisor([service], logs_dir=tmp_path, policy=QUICK, report=watcher)
    async with asyncio.timeout(DEADLINE_S):
        run = asyncio.create_task(supervisor.run())
        await watcher.until("one", "ready")
        os.kill(_pids(tmp_path, service)[0], signal.SIGKILL)
        await watcher.until("one", "ready", times=2)
        supervisor.stop()
        await run
    assert [one.text for one in watcher.events] == [
        "starting",
        "ready",
        "was ended by SIGKILL; starting again in 0.01 s",
        "starting",
        "ready",
    ]


async def test_a_process_that_hangs_is_killed_and_started_again(tmp_path: Path) -> None:
    service = _service(tmp_path, "one", "hangs")
    watcher = Watcher()
    policy = replace(QUICK, hung_after_s=0.3, probe_deadline_s=0.3)
    supervisor = Supervisor([service], logs_dir=tmp_path, policy=policy, report=watcher)
    async with asyncio.timeout(DEADLINE_S):
        run = asyncio.create_task(supervisor.run())
        await watcher.until("one", "ready", times=2)
        supervisor.stop()
        await run
    assert "has not answered for 0.3 s; starting again in 0.01 s" in [one.text for one in watcher.events]
    assert not _alive(_pids(tmp_path, service)[0])


async def test_a_lost_process_ends_everything_and_its_last_words_are_told(tmp_path: Path) -> None:
    services = [_service(tmp_path, "good"), _service(tmp_path, "bad", "broken")]
    supervisor = Supervisor(services, logs_dir=tmp_path / "logs", policy=QUICK)
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(ServiceLostError) as caught:
            await supervisor.run()
    assert str(caught.value) == "bad ended with status 1; 3 starts in a row failed"
    assert caught.value.tail == "start 3\nthe disk is upside down"
    assert caught.value.log == tmp_path / "logs" / "bad.log"
    assert not supervisor.ready.is_set()
    assert not any(_alive(pid) for pid in _pids(tmp_path, services[0]))


async def test_who_does_not_stop_is_stopped_with_all_it_started(tmp_path: Path) -> None:
    services = [_service(tmp_path, "stubborn", "stubborn"), _service(tmp_path, "parent", "parent")]
    supervisor = Supervisor(services, logs_dir=tmp_path, policy=QUICK, stop_grace_s=0.1)
    async with asyncio.timeout(DEADLINE_S):
        run = asyncio.create_task(supervisor.run())
        await supervisor.ready.wait()
        supervisor.stop()
        await run
    grandchild = int((tmp_path / "grandchild").read_text())
    assert not any(_alive(pid) for pid in [*_pids(tmp_path, services[0]), *_pids(tmp_path, services[1]), grandchild])


async def test_a_second_stop_waits_for_nobody(tmp_path: Path) -> None:
    service = _service(tmp_path, "stubborn", "stubborn")
    supervisor = Supervisor([service], logs_dir=tmp_path, policy=QUICK, stop_grace_s=DEADLINE_S * 10)
    async with asyncio.timeout(DEADLINE_S):
        run = asyncio.create_task(supervisor.run())
        await supervisor.ready.wait()
        supervisor.stop()
        supervisor.stop()
        await run
    assert not _alive(_pids(tmp_path, service)[0])


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a process that its parent died")
async def test_children_die_with_a_killed_supervisor(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(
        textwrap.dedent(
            """
            import asyncio, os, pathlib, sys
            from server.up.child import Child
            async def main():
                child = await Child.start(
                    [sys.executable, "-S", "-c", "import time; time.sleep(600)"],
                    environment=os.environ, directory=pathlib.Path("."), output=lambda data: None,
                )
                print(child.pid, flush=True)
                await child.wait()
            asyncio.run(main())
            """
        )
    )
    parent = await asyncio.create_subprocess_exec(sys.executable, str(script), stdout=asyncio.subprocess.PIPE)
    assert parent.stdout is not None
    async with asyncio.timeout(DEADLINE_S):
        child = os.pidfd_open(int(await parent.stdout.readline()))
        ended = asyncio.Event()
        asyncio.get_running_loop().add_reader(child, ended.set)
        parent.kill()
        await parent.wait()
        await ended.wait()
    asyncio.get_running_loop().remove_reader(child)
    os.close(child)


async def test_a_program_that_is_not_there_says_so(tmp_path: Path) -> None:
    output: list[bytes] = []
    child = await Child.start(["/nowhere/program"], environment=os.environ, directory=tmp_path, output=output.append)
    assert await child.wait() == 127
    assert b"/nowhere/program: cannot be run: No such file or directory" in b"".join(output)
    assert describe_status(-15) == "was ended by SIGTERM"


# ---------------------------------------------------------------- fork servers

FORKED = textwrap.dedent(
    """
    import http.server, os, pathlib, sys
    import made

    def main():
        port, folder, habit = int(sys.argv[1]), pathlib.Path(sys.argv[2]), sys.argv[3]
        with (folder / f"{port}.starts").open("a") as file:
            file.write(f"{os.getpid()}\\n")
        print("imported by", made.IMPORTED_BY, "called by", made.CALLED_BY, flush=True)
        if habit == "broken":
            sys.exit("the disk is upside down")

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(200)
                self.end_headers()
            def log_message(self, *_):
                pass

        http.server.HTTPServer(("127.0.0.1", port), Handler).serve_forever()

    if __name__ == "__main__":
        main()
    """
)
MADE = textwrap.dedent(
    """
    import os
    IMPORTED_BY, CALLED_BY = os.getpid(), 0
    def call():
        global CALLED_BY
        CALLED_BY = os.getpid()
    """
)
only_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every start begins from nothing")


def _forked(folder: Path, habit: str = "good", preload: tuple[str, ...] = ("made:call",)) -> Service:
    (folder / "program").mkdir()
    (folder / "program" / "__init__.py").touch()
    (folder / "program" / "__main__.py").write_text(FORKED, "utf-8")
    (folder / "made.py").write_text(MADE, "utf-8")
    port = _free_port()
    return Service(
        name="forked",
        command=(sys.executable, "-m", "program", str(port), str(folder), habit),
        health_url=f"http://127.0.0.1:{port}/health",
        directory=folder,
        environment=dict(os.environ),
        preload=preload,
    )


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


@only_linux
async def test_what_was_imported_once_is_started_again_without_importing(tmp_path: Path) -> None:
    service = _forked(tmp_path)
    watcher = Watcher()
    supervisor = Supervisor([service], logs_dir=tmp_path / "logs", policy=QUICK, report=watcher)
    async with asyncio.timeout(DEADLINE_S):
        run = asyncio.create_task(supervisor.run())
        await watcher.until("forked", "ready")
        server = _parent(_pids(tmp_path, service)[0])
        os.kill(_pids(tmp_path, service)[0], signal.SIGKILL)
        await watcher.until("forked", "ready", times=2)
        supervisor.stop()
        await run
    first, second = _pids(tmp_path, service)
    assert (tmp_path / "logs" / "forked.log").read_text().splitlines() == [
        f"imported by {server} called by {server}"
    ] * 2
    assert "was ended by SIGKILL; starting again in 0.01 s" in [one.text for one in watcher.events]
    assert not any(_alive(pid) for pid in (server, first, second))


@only_linux
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP])
async def test_a_fork_server_that_dies_or_hangs_is_replaced(tmp_path: Path, how: signal.Signals) -> None:
    service = _forked(tmp_path)
    watcher = Watcher()
    supervisor = Supervisor([service], logs_dir=tmp_path / "logs", policy=QUICK, report=watcher)
    async with asyncio.timeout(DEADLINE_S):
        run = asyncio.create_task(supervisor.run())
        await watcher.until("forked", "ready")
        first = _pids(tmp_path, service)[0]
        server = _parent(first)
        os.kill(server, how)
        if how == signal.SIGSTOP:
            os.kill(first, signal.SIGKILL)
        await watcher.until("forked", "ready", times=2)
        second = _parent(_pids(tmp_path, service)[1])
        supervisor.stop()
        await run
    assert second != server
    assert not any(_alive(pid) for pid in (server, second, *_pids(tmp_path, service)))


@only_linux
async def test_what_cannot_be_prepared_is_said_and_left_to_the_program(tmp_path: Path) -> None:
    supervisor = Supervisor([_forked(tmp_path, "broken", ("made:gone",))], logs_dir=tmp_path / "logs", policy=QUICK)
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(ServiceLostError, match="forked ended with status 1; 3 starts in a row failed") as caught:
            await supervisor.run()
    assert caught.value.tail.splitlines()[-1] == "the disk is upside down"
    log = (tmp_path / "logs" / "forked.log").read_text()
    assert "made:gone: could not be prepared: AttributeError" in log


@only_linux
async def test_a_program_that_cannot_be_imported_is_given_up_with_its_reason(tmp_path: Path) -> None:
    service = _forked(tmp_path)
    (tmp_path / "made.py").unlink()
    supervisor = Supervisor([service], logs_dir=tmp_path / "logs", policy=QUICK)
    async with asyncio.timeout(DEADLINE_S):
        with pytest.raises(ServiceLostError, match="3 starts in a row failed") as caught:
            await supervisor.run()
    assert caught.value.tail.splitlines()[-1] == "ModuleNotFoundError: No module named 'made'"


# ---------------------------------------------------------------- building


async def test_a_step_runs_once_until_its_sources_change(tmp_path: Path) -> None:
    source, product = tmp_path / "source", tmp_path / "product"
    source.write_text("one")

    def steps() -> list[Step]:
        command = (sys.executable, "-S", "-c", f"open({str(product)!r}, 'a').write('built ')")
        return [Step("building", command, tmp_path, tmp_path / "stamp", digest_of([source]))]

    told: list[str] = []
    assert await build(steps, "thing", tmp_path / "logs", told.append)
    assert not await build(steps, "thing", tmp_path / "logs", told.append)
    source.write_text("two")
    assert await build(steps, "thing", tmp_path / "logs", told.append)
    assert product.read_text() == "built built "
    assert told == ["building", "building"]


async def test_a_failed_step_is_tried_again_and_shows_its_log(tmp_path: Path) -> None:
    command = (sys.executable, "-S", "-c", "import sys; print('step by step'); sys.exit('no flour')")
    step = Step("baking", command, tmp_path, tmp_path / "stamp", "digest")
    with pytest.raises(BuildError, match=r"bread: python.* ended with status 1") as caught:
        await build(lambda: [step], "bread", tmp_path / "logs", lambda text: None)
    assert caught.value.tail.splitlines()[-1] == "no flour"
    assert step.needed


async def test_a_cancelled_command_is_ended(tmp_path: Path) -> None:
    command = (sys.executable, "-S", "-c", "import os, time; os.write(1, b'%d' % os.getpid()); time.sleep(600)")
    pid: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    run = asyncio.create_task(
        run_logged(
            command,
            name="long",
            logs_dir=tmp_path,
            directory=tmp_path,
            answers=lambda data: pid.set_result(int(data)),
        )
    )
    async with asyncio.timeout(DEADLINE_S):
        started = await pid
        run.cancel()
        with pytest.raises(asyncio.CancelledError):
            await run
    assert not _alive(started)


# ---------------------------------------------------------------- output of processes that cannot mask it


def _masked(*parts: bytes) -> list[str]:
    written: list[bytes] = []
    lines = MaskedLines(written.append)
    for part in parts:
        lines.write(part)
    lines.end()
    return b"".join(written).decode().splitlines()


def test_lines_are_masked_wherever_the_output_is_cut() -> None:
    whole = "INFO turn: 我叫张伟，电话13800138000\r\nmail a@example.com code \x1b[31mred\n".encode()
    expected = ["INFO turn: 我叫<NAME>，电话<PHONE>", "mail <EMAIL> code \\x1b[31mred"]
    assert _masked(whole) == expected
    assert _masked(*(whole[at : at + 1] for at in range(len(whole)))) == expected
    assert _masked(whole.rstrip(b"\n"), b"") == expected


def test_a_line_without_end_costs_no_memory_and_says_so() -> None:
    long = b"number 13800138000 " * MAX_LINE_BYTES
    found = _masked(*[long] * 3, b" 13900139000\nnext 13700137000\n")
    assert len(found) == 2
    assert found[0].startswith("number <PHONE> number <PHONE>")
    assert found[0].endswith(" …")
    assert "13" not in "".join(found)
    assert found[1] == "next <PHONE>"


async def test_the_log_of_a_process_that_does_not_mask_itself_is_masked(tmp_path: Path) -> None:
    program = "print('我的电话13800138000', flush=True); print('half a line a@example.com', end='', flush=True)"
    service = Service("talker", (sys.executable, "-c", program), "http://127.0.0.1:9/", tmp_path, masks_itself=False)
    supervisor = Supervisor([service], logs_dir=tmp_path / "logs", policy=RestartPolicy(max_failed_starts=1))
    with pytest.raises(ServiceLostError) as lost:
        async with asyncio.timeout(DEADLINE_S):
            await supervisor.run()
    assert (tmp_path / "logs" / "talker.log").read_text("utf-8").splitlines() == [
        "我的电话<PHONE>",
        "half a line <EMAIL>",
    ]
    assert "13800138000" not in lost.value.tail
