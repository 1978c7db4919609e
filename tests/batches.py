"""A batch of a stage, as its replica runs it."""

import asyncio

from serve_graph.batch import Batcher
from serve_graph.settings import Batching


async def run_batch(batch, work, stage, recorder):
    """The result, or the error, of each call in one batch of (item, context) pairs."""
    batcher = Batcher(work, stage, recorder)
    batcher.batching = Batching(max_batch_size=len(batch), batch_wait_timeout_s=60)
    calls = [batcher(item, context) for item, context in batch]
    return await asyncio.gather(*calls, return_exceptions=True)
