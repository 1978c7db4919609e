"""The requests of the chaos run and their correct answers: W1, one in four with a reference.

A replica that dies may make an answer wrong rather than missing. So each answer is compared with
the picture that the service gave when undisturbed: byte for byte, or pixel by pixel where bytes
differ. While the weights change, the pictures of both versions are right, whichever version the
ingress names: its stages may still have the old one.
"""

import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from loadtest.http_client import Answer, ask, encode_form
from loadtest.judge import (
    FIRST_TIMEOUT_S,
    JSON,
    MAX_KEPT,
    WrongAnswerError,
    check_alike,
    read_picture,
    reason,
)
from loadtest.open_loop import Outcome
from loadtest.photos import REFERENCE
from loadtest.workloads import MAIN, PATH, Workload, draw

VERSION_HEADER = "x-model-version"


class Exam:
    """Provides the messages, notes the answers, and afterwards says which were wrong.

    Args:
        workload: the photos; the last one is sent with a reference.
    """

    def __init__(self, workload: Workload) -> None:
        self._faces = workload.scene.faces
        self._forms = [_form(photo.file, False) for photo in workload.photos]
        self._forms[-1] = _form(workload.photos[-1].file, True)
        self._messages = [_message(form, {}) for form in self._forms]
        self._right: list[dict[str, bytes]] = [{} for _ in self._forms]  # pictures by version
        self._kept: list[dict[int, bytes]] = [{} for _ in self._forms]  # answers by checksum
        self._noted: dict[int, int] = {}  # checksums, by request
        self.versions: dict[str, int] = defaultdict(int)  # answers

    @classmethod
    def drawn(cls) -> "Exam":
        """An exam with the photos of the bench's W1."""
        return cls(*draw([MAIN]))

    def message(self, index: int) -> bytes:
        """The message of the request with this number."""
        return self._messages[index % len(self._messages)]

    def has_reference(self, index: int) -> bool:
        """True if the request with this number has a reference."""
        return index % len(self._messages) == len(self._messages) - 1

    async def learn(self, url: str) -> str:
        """Sends each photo to the undisturbed service; from then on its pictures are right.

        Returns:
            The version of the weights that made them.

        Raises:
            WrongAnswerError: an answer without the photo's faces, or with a status other than 200.
            LostError: no answer.
        """
        version = ""
        for form, right in zip(self._forms, self._right, strict=True):
            message = _message(form, JSON)
            answer = await ask(url, message, FIRST_TIMEOUT_S)
            version = answer.headers.get(VERSION_HEADER, "")
            if answer.status != 200:
                raise WrongAnswerError(reason(answer))
            right[version] = read_picture(answer, self._faces)
        return version

    def check(self, index: int, answer: Answer) -> str:
        """The check for `open_loop.send`: notes an answer; pictures are judged in `settle`."""
        kind, checksum = index % len(self._kept), zlib.crc32(answer.body)
        kept = self._kept[kind]
        if checksum not in kept:
            if len(kept) == MAX_KEPT:
                return "too many different answers to one photo"
            kept[checksum] = answer.body
        self._noted[index] = checksum
        self.versions[answer.headers.get(VERSION_HEADER, "")] += 1
        return ""

    def settle(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """The outcomes of a run with the wrong ones marked; clears the notes."""
        verdicts = [
            {checksum: _problem(right, picture) for checksum, picture in kept.items()}
            for right, kept in zip(self._right, self._kept, strict=True)
        ]
        settled = []
        for one in outcomes:
            if one.index in self._noted:
                verdict = verdicts[one.index % len(verdicts)][self._noted[one.index]]
                one = replace(one, problem=verdict)
            settled.append(one)
        self._noted.clear()
        self.versions.clear()
        for kept in self._kept:
            kept.clear()
        return settled


Form = tuple[dict[str, bytes], dict[str, str]]  # files, fields


def _form(photo: bytes, with_reference: bool) -> Form:
    if not with_reference:
        return {"photo": photo}, {}
    return {"photo": photo, "reference": REFERENCE.read_bytes()}, {"consent": "true"}


def _message(form: Form, headers: dict[str, str]) -> bytes:
    files, fields = form
    return encode_form(PATH, files, fields, headers)


def _problem(right: dict[str, bytes], picture: bytes) -> str:
    """What is wrong with a picture; nothing if it is that of any version."""
    problem = "nothing to compare with"
    for known in right.values():
        try:
            check_alike(known, picture)
        except (WrongAnswerError, OSError) as error:  # OSError: not a picture
            problem = str(error)
        else:
            return ""
    return problem
