"""Which pages may call: CORS only hides the answer from a page, the call itself is made."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.requests import Request

from serve_graph.problems import OtherOriginError

_ELSEWHERE = {"cross-site", "same-site"}  # neither this origin nor the user's own doing


def page_check(allowed: Sequence[str]) -> Callable[[Request], Awaitable[None]]:
    """A dependency that raises OtherOriginError for pages of origins that aren't allowed.

    Args:
        allowed: origins, or "*" for all.

    Browsers say where a page is from; other programs don't, and may call. So may any page if the
    service is called by plain HTTP on another machine: browsers are silent then.
    """

    async def check(request: Request) -> None:
        origin = request.headers.get("origin")
        if "*" in allowed or origin in allowed:
            return
        if request.headers.get("sec-fetch-site") in _ELSEWHERE:
            raise OtherOriginError(
                "The service doesn't answer pages of this origin: its allow_origins has to name it."
            )

    return check
