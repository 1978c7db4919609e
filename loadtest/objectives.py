"""What a load test demands of the service: the objectives of configs/prometheus/rules.yml, seen
from outside. All errors count, 503s too, and the upload is part of the time."""

FAILED, WRONG_ANSWER = 1, 3  # exit codes of all load tests
LOG_IN = (401, 403)  # statuses of a proxy that wants another key
REFUSED = 503  # the status of an answer that only says that the service is full
MAX_ERROR_RATE = 0.005  # share of the requests
MAX_P99_MS = 3_000.0
