"""LitServe: one worker per core, no batches.

    python -m loadtest.bench.systems.litserve_server PORT

Its documentation: on a CPU workers_per_device is the number of cores, with as many num_api_servers;
fast_queue is for more than 100 requests/s. On a CPU a batch takes as long as its items in turn.
https://lightning.ai/docs/litserve/api-reference/litserver
"""

import sys

import litserve
from fastapi import Request, Response

from loadtest.bench.systems.engine import Engine, Result, load
from loadtest.machine import cores
from loadtest.workloads import FACES_HEADER, PATH


class Unmask(litserve.LitAPI):
    def setup(self, device: str) -> None:  # noqa: ARG002 (LitServe's own signature)
        self._engine = Engine(load("optimised"))

    def decode_request(self, request: Request) -> bytes:  # so typed, LitServe passes the form
        content: bytes = request["photo"].file.read()
        return content

    def predict(self, photo: bytes) -> Result:
        return self._engine.answer(photo)

    def encode_response(self, result: Result) -> Response:
        headers = {FACES_HEADER: str(result.faces)}
        return Response(result.picture, media_type=result.media_type, headers=headers)


if __name__ == "__main__":
    server = litserve.LitServer(
        Unmask(api_path=PATH), accelerator="cpu", devices=1, workers_per_device=cores()
    )
    server.run(
        host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False, log_level="warning"
    )
