"""The HTTP API (v1): a photo in, the unmasked photo out."""

from serve_graph.api.app import create_api

__all__ = ["create_api"]
