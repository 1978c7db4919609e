"""Settings that are valid on their own but must fit together: `args.api` and those of Ingress."""

from collections.abc import Iterator
from typing import Any

from serve_graph.api.calls import UPLOADS_PER_PLACE
from serve_graph.api.sending import MAX_TAKING_S
from serve_graph.service import ApiSettings

# Serve's defaults, for a deployment that doesn't set them.
SERVE_MAX_ONGOING_REQUESTS = 5
SERVE_SHUTDOWN_TIMEOUT_S = 20.0


def find_conflicts(
    api: ApiSettings, deployments: list[dict[str, Any]], where: str
) -> Iterator[str]:
    """One line for each setting of Ingress that is too small for what the API accepts.

    Args:
        api: `args.api`.
        deployments: those of the config, with values that Serve accepts.
        where: what each line starts with, up to the deployment's name.
    """
    ingress = next((one for one in deployments if one["name"] == "Ingress"), {})
    at = f"{where}Ingress."
    timeout_s = float(ingress.get("graceful_shutdown_timeout_s", SERVE_SHUTDOWN_TIMEOUT_S))
    longest_s = api.max_timeout_s + MAX_TAKING_S
    if timeout_s < longest_s:
        yield (
            f"{at}graceful_shutdown_timeout_s: {timeout_s:g}, but a request may take "
            f"args.api.max_timeout_s, {api.max_timeout_s:g}, and its client {MAX_TAKING_S:g} s to "
            f"read the answer, so an update would cut it off: set {longest_s:g} or more, or lower "
            "args.api.max_timeout_s."
        )
    ongoing = int(ingress.get("max_ongoing_requests", SERVE_MAX_ONGOING_REQUESTS))
    most = (UPLOADS_PER_PLACE + 1) * api.max_requests
    if ongoing <= most:
        yield (
            f"{at}max_ongoing_requests: {ongoing}, but including uploads it accepts {most}, "
            f"{UPLOADS_PER_PLACE + 1} x args.api.max_requests, so the rest would wait in Serve, "
            f"without a deadline, or get its own refusal: set {most + 1} or more, or lower "
            "args.api.max_requests."
        )
