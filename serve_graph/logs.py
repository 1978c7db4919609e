"""The service's log: Serve's own, so that each line carries the replica and the request's id.

One line per request records its outcome. `logging_config` in the YAML makes the lines JSON. No line
contains a pixel, a file's name or the caller's own path.
"""

import logging
from dataclasses import asdict, dataclass

log = logging.getLogger("ray.serve")


@dataclass(frozen=True)
class RequestRecord:
    """What is logged about a request."""

    request_id: str
    trace_id: str | None
    method: str
    route: str  # the template; in a replica, Serve prepends the application's prefix
    status: int
    faces: int | None  # chosen of those in the photo; None if it wasn't searched
    ms: dict[str, float]  # by stage, and in total
    version: str  # of the code
    model_version: str


def log_request(record: RequestRecord) -> None:
    """Writes the line of a request; fields that are None are left out."""
    fields = {name: value for name, value in asdict(record).items() if value is not None}
    log.info("%s %s %d", record.method, record.route, record.status, extra=fields)
