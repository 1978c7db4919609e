"""Writes docs/openapi.json, from which clients are generated without a running service.

    .venv/bin/python -m serve_graph.api.document

A running service has its own, with its settings, at /openapi.json.
"""

import json
from typing import Any

from serve_graph import PROJECT
from serve_graph.api.app import create_api
from serve_graph.service import Service
from serve_graph.settings import ApiSettings

PATH = PROJECT / "docs" / "openapi.json"
COMMAND = ".venv/bin/python -m serve_graph.api.document"


def document() -> str:
    """The OpenAPI document of a service with default settings, as JSON with sorted keys."""
    nobody: Any = None  # describing the calls makes none
    service = Service(nobody, "", ApiSettings.model_validate({}), nobody, nobody, nobody)
    return json.dumps(create_api(service).openapi(), indent=2, sort_keys=True) + "\n"


if __name__ == "__main__":
    PATH.write_text(document())
