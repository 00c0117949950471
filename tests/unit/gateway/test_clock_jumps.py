"""The clock is put forward and back while people talk: order, hand-overs and waits do not depend on it."""

import pytest

from tests.support.floor import bench

HOUR_S, DAY_S = 3600.0, 86_400.0


@pytest.mark.parametrize("jump_s", [-DAY_S, -HOUR_S, HOUR_S, DAY_S])
async def test_messages_keep_their_order_and_people_are_found(tmp_path, jump_s):
    async with bench(tmp_path) as desk:
        lin = await desk.hire("lin")
        state = await desk.waiting()
        before = await desk.says(state.id, "one")
        desk.clock.tick(jump_s)
        after = await desk.says(state.id, "two")
        assert after == before + 1
        await desk.dispatcher.look()
        frame = await desk.service.mode_frame(await desk.state(state.id))
        assert frame.get("wait_s", 0) >= 0
        await desk.cases.take(state.id, "t1", lin)
        assert await desk.answers(state.id, lin, "three") > after
        transcript = await desk.store.messages(state.id)
        assert [one.seq for one in transcript] == sorted(one.seq for one in transcript)
        said = [one.text for one in transcript if one.role in {"customer", "agent"}]
        assert said == ["one", "two", "three"]
        await desk.dispatcher.look()
        assert (await desk.state(state.id)).agent == "lin"
        desk.clock.tick(-jump_s)
        await desk.dispatcher.look()
        assert (await desk.state(state.id)).agent == "lin"
        assert (await desk.cases.close(state.id, "c1", lin, outcome="solved", tags=[])) > 0
