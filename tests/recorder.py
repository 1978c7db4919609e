"""A recorder that a test can read."""


class MemoryRecorder:
    """Keeps what stages report."""

    def __init__(self):
        self.sizes, self.stages = [], []

    def batch(self, stage, size):
        self.sizes.append((stage, size))

    def stage(self, stage, queue_s, compute_s):
        self.stages.append((stage, queue_s, compute_s))
