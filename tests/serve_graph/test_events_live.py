"""Server-sent events through the front door."""

import httpx
import pytest

from tests.portrait import masked_portrait, to_jpeg
from tests.serving import TIMEOUT_S

pytestmark = pytest.mark.serve


@pytest.mark.parametrize("prefix", ["", "/fused"])
def test_stages_are_told_before_the_result_is_there(service, prefix):
    photo = {"photo": to_jpeg(masked_portrait().image)}
    headers = {"Accept": "text/event-stream"}
    url = f"{service.url}{prefix}/v1/unmask"
    with httpx.stream("POST", url, files=photo, headers=headers, timeout=TIMEOUT_S) as answer:
        pieces = list(answer.iter_raw())

    assert answer.status_code == 200
    assert b"event: stage" in pieces[0]
    assert b"event: result" not in pieces[0]
    assert b"event: result" in b"".join(pieces)
