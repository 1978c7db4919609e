"""A load test's photos from a folder: the service's first answers say what each of them shows."""

from collections.abc import Mapping
from pathlib import Path

from loadtest.http_client import ask
from loadtest.judge import FIRST_TIMEOUT_S, JSON, RefusedError, count_changed, read_json, reason
from loadtest.photos import Photo, Scene
from loadtest.workloads import Workload

_UNFIT = (400, 413, 415, 422)  # statuses that are about the photo


class UnfitError(Exception):
    """A photo can't be read, or shows nobody in a mask."""


async def learn_photos(folder: Path, url: str, headers: Mapping[str, str]) -> Workload:
    """The photos in a folder, each with its size and the number of faces that were unmasked.

    Args:
        folder: nothing but photos; what is hidden, and folders in it, are left out.
        url: of the service.
        headers: of each request.

    Raises:
        UnfitError: names all photos that can't be used, or says that there are none.
        RefusedError: the service refuses requests for another reason.
        WrongAnswerError: an answer isn't from this service.
        LostError: no answer.
    """
    photos, unfit = [], []
    for path in sorted(folder.iterdir()):
        if path.is_file() and not path.name.startswith("."):
            try:
                photos.append(await _learn(path.read_bytes(), url, headers))
            except (UnfitError, OSError) as error:
                unfit.append(f"{path.name}: {error}")
    if unfit or not photos:
        raise UnfitError("\n".join(unfit) or f"{folder} has no photos")
    return Workload(f"{len(photos)} photos of {folder}", tuple(photos)).sent_to(url, headers)


async def _learn(file: bytes, url: str, headers: Mapping[str, str]) -> Photo:
    unknown = Photo(file, 0, 0, Scene(0, 0))
    message = Workload("", (unknown,)).sent_to(url, headers).request(unknown, JSON)
    answer = await ask(url, message, FIRST_TIMEOUT_S)
    if answer.status in _UNFIT:
        raise UnfitError(reason(answer))
    if answer.status != 200:
        raise RefusedError(reason(answer))
    found = read_json(answer)
    width, height, faces = found["width"], found["height"], count_changed(found)
    if not faces:
        raise UnfitError("nobody in it wears a mask")
    return Photo(file, width, height, Scene(width * height / 1e6, faces))
