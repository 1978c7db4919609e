"""What the deployments have in common: how a replica ends."""

from serve_graph.tracing import flush_spans


class Replica:
    """Base class of the deployments."""

    def __del__(self) -> None:
        """Serve calls this when a replica shuts down gracefully, after its last request."""
        flush_spans()
