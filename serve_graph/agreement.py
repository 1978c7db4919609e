"""Settings that are right each by itself, but must fit together: `args.api` and Ingress' own."""

from collections.abc import Iterator
from typing import Any

from serve_graph.api.calls import UPLOADS_PER_PLACE
from serve_graph.service import ApiSettings

# Of a deployment that sets none.
SERVE_MAX_ONGOING_REQUESTS = 5
SERVE_SHUTDOWN_TIMEOUT_S = 20.0


def find_disagreements(
    api: ApiSettings, deployments: list[dict[str, Any]], where: str
) -> Iterator[str]:
    """One line for each number of Ingress that is too small for what the API takes in.

    Args:
        api: `args.api`.
        deployments: those of the config; each value is one that Serve takes.
        where: what the lines begin with, up to the deployment's name.
    """
    ingress = next((one for one in deployments if one["name"] == "Ingress"), {})
    at = f"{where}Ingress."
    timeout_s = float(ingress.get("graceful_shutdown_timeout_s", SERVE_SHUTDOWN_TIMEOUT_S))
    if timeout_s < api.max_timeout_s:
        yield (
            f"{at}graceful_shutdown_timeout_s: {timeout_s:g}, but a request may take "
            f"args.api.max_timeout_s, {api.max_timeout_s:g}, and an update would cut it off: "
            "raise the former, or lower the latter."
        )
    ongoing = int(ingress.get("max_ongoing_requests", SERVE_MAX_ONGOING_REQUESTS))
    most = (UPLOADS_PER_PLACE + 1) * api.max_requests
    if ongoing <= most:
        yield (
            f"{at}max_ongoing_requests: {ongoing}, but with its uploads it takes in {most}, "
            f"{UPLOADS_PER_PLACE + 1} x args.api.max_requests, and Serve would refuse first, in "
            f"words of its own: set {most + 1} or more, or lower args.api.max_requests."
        )
