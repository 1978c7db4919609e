"""Judges whether answers are right, at almost no cost while the server is being measured.

Before a run each photo is sent once, and the faces in its answer are counted. During the run an
answer is right if it equals that one byte for byte. One that differs (another batch, another
rounding) is set aside and compared pixel by pixel after the run.
"""

import base64
import json
import re
import zlib
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from loadtest.http_client import Answer, ask
from loadtest.objectives import LOG_IN
from loadtest.workloads import FACES_HEADER, Workload

MAX_KEPT = 16  # answers set aside per photo; at most a few distinct ones are expected
MAX_MEAN, SMALL, MIN_SHARE_SMALL = 0.5, 4, 0.999  # of 255: equal except for rounding
FIRST_TIMEOUT_S = 120.0
JSON = {"Accept": "application/json"}
_TIMING = re.compile(r"([\w-]+);dur=([\d.]+)")


class RefusedError(Exception):
    """A server refuses requests even when they come one at a time: it can't be measured."""


class WrongAnswerError(Exception):
    """An answer doesn't show what it must: the run's numbers are worth nothing."""


@dataclass
class _Known:
    """What is known about one photo's answers."""

    faces: int
    picture: bytes  # the answer whose faces were counted
    right: set[int]  # checksums of correct answers
    put_aside: dict[int, bytes] = field(default_factory=dict)


class Judge:
    """The check for `open_loop.send`, for one system and workload; also records Server-Timing."""

    def __init__(self, workload: Workload, pictures: list[bytes]) -> None:
        self._known = [
            _Known(photo.scene.faces, picture, {zlib.crc32(picture)})
            for photo, picture in zip(workload.photos, pictures, strict=True)
        ]
        self.timings_ms: dict[str, list[float]] = defaultdict(list)

    def check(self, index: int, answer: Answer) -> str:
        """What is wrong with an answer, or nothing so far; see `settle`."""
        self._note_timings(answer.headers.get("server-timing", ""))
        faces = answer.headers.get(FACES_HEADER)
        known = self._known[index % len(self._known)]
        if faces is not None and int(faces) != known.faces:
            return f"{faces} faces instead of {known.faces}"
        checksum = zlib.crc32(answer.body)
        if checksum not in known.right:
            if len(known.put_aside) == MAX_KEPT and checksum not in known.put_aside:
                return "too many different answers to one photo"
            known.put_aside[checksum] = answer.body
        return ""

    def settle(self) -> None:
        """Compares the answers that were set aside.

        Raises:
            WrongAnswerError: one doesn't look like the answer whose faces were counted.
        """
        for known in self._known:
            for checksum, picture in known.put_aside.items():
                check_alike(known.picture, picture)
                known.right.add(checksum)
            known.put_aside.clear()

    def _note_timings(self, header: str) -> None:
        for stage, spent_ms in _TIMING.findall(header):
            self.timings_ms[stage].append(float(spent_ms))


async def make_judge(url: str, workload: Workload) -> Judge:
    """Sends each photo of a workload once and counts the faces in its answer.

    Raises:
        WrongAnswerError: not exactly the faces that the photo shows, or not its size.
        RefusedError: a status other than 200.
        LostError: no answer.
    """
    pictures = []
    for photo in workload.photos:
        answer = await ask(url, workload.request(photo, JSON), FIRST_TIMEOUT_S)
        if answer.status != 200:
            raise RefusedError(reason(answer))
        picture = read_picture(answer, photo.scene.faces)
        size = Image.open(BytesIO(picture)).size
        if size != (photo.width, photo.height):
            raise WrongAnswerError(f"{size[0]} x {size[1]} px")
        pictures.append(picture)
    return Judge(workload, pictures)


def reason(answer: Answer) -> str:
    """Why a request got no picture."""
    try:
        detail = json.loads(answer.body)["detail"]
    except (ValueError, LookupError, TypeError):  # not from the service
        detail = repr(answer.body[:300])
    hint = " (is HEADER right?)" if answer.status in LOG_IN else ""
    return f"status {answer.status}{hint}: {detail}"


def read_picture(answer: Answer, faces: int) -> bytes:
    """The best picture of an answer, JSON or a peer's.

    Raises:
        WrongAnswerError: it has another number of unmasked faces, or isn't from this service.
    """
    if FACES_HEADER in answer.headers:
        changed, picture = int(answer.headers[FACES_HEADER]), answer.body
    else:
        content = read_json(answer)
        changed = count_changed(content)
        best = content["swapped"] or content["painted"]
        picture = base64.b64decode(best["base64"])
    if changed != faces:
        raise WrongAnswerError(f"{changed} faces instead of {faces}")
    return picture


def read_json(answer: Answer) -> dict[str, Any]:
    """The JSON of an answer.

    Raises:
        WrongAnswerError: it isn't from this service; perhaps it is the page of a log-in.
    """
    try:
        content: dict[str, Any] = json.loads(answer.body)
        count_changed(content)
    except (ValueError, LookupError, TypeError):
        raise WrongAnswerError(f"not an answer of this service: {answer.body[:100]!r}") from None
    return content


def count_changed(content: Mapping[str, Any]) -> int:
    """The number of faces that were unmasked."""
    return sum(bool(face["changed"]) for face in content["faces"])


def check_alike(right: bytes, other: bytes) -> None:
    """Compares two pictures.

    Raises:
        WrongAnswerError: they differ by more than rounding.
    """
    first, second = _decode(right), _decode(other)
    if first.shape != second.shape:
        raise WrongAnswerError(f"{second.shape} instead of {first.shape}")
    difference = np.abs(first - second)
    mean, share = float(difference.mean()), float((difference <= SMALL).mean())
    if mean > MAX_MEAN or share < MIN_SHARE_SMALL:
        raise WrongAnswerError(
            f"another picture than before: mean difference {mean:.2f}, {share:.2%} within {SMALL}"
        )


def _decode(picture: bytes) -> npt.NDArray[np.int16]:
    return np.asarray(Image.open(BytesIO(picture)).convert("RGB"), np.int16)
