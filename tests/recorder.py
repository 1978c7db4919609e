"""A recorder that a test can read."""

from collections import Counter


class MemoryRecorder:
    """Keeps what the service measures."""

    def __init__(self):
        self.requests, self.stages, self.places, self.sizes = [], [], [], []
        self.outcomes, self.rejections, self.answered = Counter(), [], []
        self.seconds = []

    def request(self, route, code, seconds, is_answered):
        assert seconds >= 0
        self.requests.append((route, code))
        self.answered.append(is_answered)
        self.seconds.append(seconds)

    def stage(self, stage, queue_s, compute_s):
        self.stages.append((stage, queue_s, compute_s))

    def place(self, queue_s):
        self.places.append(queue_s)

    def batch(self, stage, size):
        self.sizes.append((stage, size))

    def faces(self, outcome, count):
        self.outcomes[outcome] += count

    def rejected(self, reason):
        self.rejections.append(reason)
