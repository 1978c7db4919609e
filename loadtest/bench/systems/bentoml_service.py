"""BentoML: one worker per core, one thread in each, no batches.

    bentoml serve loadtest.bench.systems.bentoml_service:Unmask

Its documentation recommends workers for CPU-bound work, and paths for files.
https://docs.bentoml.com/en/latest/build-with-bentoml/parallelize-requests.html
"""

from pathlib import Path
from typing import Annotated

import bentoml
from bentoml.validators import ContentType

from loadtest.bench.systems.engine import Engine, load
from loadtest.machine import cores
from loadtest.workloads import FACES_HEADER, PATH


@bentoml.service(
    workers=cores(),
    threads=1,
    traffic={"timeout": 60},
    logging={"access": {"enabled": False}},
)
class Unmask:
    def __init__(self) -> None:
        self._engine = Engine(load("optimised"))

    @bentoml.api(route=PATH)
    def unmask(
        self, photo: Path, context: bentoml.Context
    ) -> Annotated[bytes, ContentType("image/jpeg")]:
        result = self._engine.answer(photo.read_bytes())
        context.response.headers[FACES_HEADER] = str(result.faces)
        return result.picture
