"""What the deployments have in common: their end."""

from serve_graph.tracing import flush_spans


class Replica:
    """Base of a deployment's class."""

    def __del__(self) -> None:
        """Serve calls this when a replica ends in order, after its last request."""
        flush_spans()
