import asyncio
import gc
import threading

import pytest

from serve_graph.api.threads import Threads


async def test_the_error_of_work_that_was_given_up_is_not_logged(caplog):
    goes_on, threads = threading.Event(), Threads()

    def fail():
        goes_on.wait(20)
        raise ValueError

    caller = asyncio.create_task(threads.run(fail))
    await asyncio.sleep(0)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    ended = asyncio.Event()
    threads.at_end(ended.set)
    goes_on.set()
    await ended.wait()
    del caller
    gc.collect()

    assert not caplog.records


async def test_an_error_reaches_the_caller():
    with pytest.raises(ZeroDivisionError):
        await Threads().run(lambda: 1 // 0)
