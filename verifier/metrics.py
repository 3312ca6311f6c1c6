"""What /metrics shows: requests, decisions by reason, verification times, accounts by status. Labels are names of ours:
no account, no client."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_LATEST

MEDIA_TYPE = CONTENT_TYPE_LATEST
_REQUEST_BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Metrics:
    """The measurements of one application, in a registry of its own: two applications in one process do not mix."""

    def __init__(self, statuses: Callable[[], Mapping[str, int]]) -> None:
        self.registry = CollectorRegistry()
        self._requests = Histogram(
            "zkmargin_request_seconds", "Time to answer a request.", ("method", "route", "status"),
            registry=self.registry, buckets=_REQUEST_BUCKETS_S,
        )  # fmt: skip
        self._submissions = Counter(
            "zkmargin_submissions", "Decisions on submissions, by reason code.", ("reason",), registry=self.registry
        )
        self._repeats = Counter(
            "zkmargin_submission_repeats", "Submissions answered with their first receipt.", registry=self.registry
        )
        self.verify_seconds = Histogram(
            "zkmargin_verify_seconds", "Time to verify a proof.", registry=self.registry, buckets=_REQUEST_BUCKETS_S
        )
        self.registry.register(_Statuses(statuses))

    def request(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered."""
        self._requests.labels(method, route, str(status)).observe(seconds)

    def submission(self, reason: str) -> None:
        """A submission was decided with this reason code."""
        self._submissions.labels(reason).inc()

    def repeated(self) -> None:
        """A known submission got its first receipt again."""
        self._repeats.inc()

    def page(self) -> bytes:
        """The text that a scraper reads."""
        return generate_latest(self.registry)


class _Statuses:
    """Accounts by status, counted at the time of asking: a status also turns with the clock."""

    def __init__(self, count: Callable[[], Mapping[str, int]]) -> None:
        self._count = count

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """The names, without asking the database."""
        yield GaugeMetricFamily("zkmargin_accounts", "Accounts by status.", labels=("status",))

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The counts."""
        (family,) = self.describe()
        for status, count in self._count().items():
            family.add_metric((status,), count)
        yield family
