"""FastAPI: one photo at a time in each of uvicorn's workers, off the event loop.

    NETS=eager python -m uvicorn loadtest.bench.systems.fastapi_app:app --workers 2

Its documentation recommends one worker per core,
https://fastapi.tiangolo.com/deployment/server-workers/, and blocking work in a thread,
https://fastapi.tiangolo.com/async/. One photo at a time, because two at once on one core make both
late.
"""

import asyncio
import os
from typing import Any, cast

from fastapi import FastAPI, Response, UploadFile

from loadtest.bench.systems.engine import Engine, Nets, load
from loadtest.workloads import FACES_HEADER, PATH

app = FastAPI()
_engine = Engine(load(cast(Nets, os.environ.get("NETS", "optimised"))))
_free = asyncio.Semaphore(1)


@app.post(PATH)
async def unmask(photo: UploadFile) -> Response:
    data = await photo.read()
    async with _free:
        result = await asyncio.to_thread(_engine.answer, data)
    headers = {FACES_HEADER: str(result.faces)}
    return Response(result.picture, media_type=result.media_type, headers=headers)


@app.get("/readyz")
async def ready() -> dict[str, Any]:
    return {}
