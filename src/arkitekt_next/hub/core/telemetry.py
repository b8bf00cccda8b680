"""Logs and metrics. Structured lines to the standard error of the hub; counters read by `/metrics`.

The rule: nothing logged carries arguments, results, tokens or keys.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING

import structlog
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from arkitekt_next.wire.lifecycle import TERMINAL

if TYPE_CHECKING:
    from collections.abc import Iterator

    from arkitekt_next.storage.ledger import Ledger
    from arkitekt_next.wire.lifecycle import Status

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


_LOGGER = logging.getLogger("arkitekt_next.hub")


def configure_logging(level: str) -> None:
    """Write lines to standard error, for a hub in its own process; elsewhere the program's logging decides."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(message)s"))
    _LOGGER.handlers[:] = [handler]
    _LOGGER.propagate = False
    _LOGGER.setLevel(LEVELS[level])


def _render(logger: object, method: str, event: structlog.types.EventDict) -> str:
    renderer = _FOR_PEOPLE if sys.stderr.isatty() else _FOR_MACHINES
    return str(renderer(logger, method, event))


_FOR_PEOPLE = structlog.dev.ConsoleRenderer()
_FOR_MACHINES = structlog.processors.JSONRenderer()

log: structlog.stdlib.BoundLogger = structlog.wrap_logger(
    _LOGGER,
    wrapper_class=structlog.stdlib.BoundLogger,
    processors=[
        structlog.stdlib.filter_by_level,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _render,
    ],
)


class _LedgerCollector(Collector):
    """Reads the ledger's own figures at the moment of asking, so that they can't differ from the truth."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def collect(self) -> Iterator[Metric]:
        """Give the figures."""
        ledger = self._ledger
        yield CounterMetricFamily("arkitekt_ledger_commits", "Transactions committed", value=ledger.commits)
        yield GaugeMetricFamily("arkitekt_ledger_backlog", "Writes waiting for the disk", value=ledger.backlog)
        is_full = ledger.full_reason is not None
        yield GaugeMetricFamily("arkitekt_ledger_full", "1 while the disk takes nothing", value=is_full)


class _TaskCollector(Collector):
    """Reads what every call counts, kept as plain numbers: a counter's lock costs more than counting."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def collect(self) -> Iterator[Metric]:
        """Give the figures."""
        metrics = self._metrics
        yield CounterMetricFamily("arkitekt_tasks_submitted", "Tasks accepted", value=metrics.submitted)
        ended = CounterMetricFamily("arkitekt_tasks_ended", "Tasks ended, by status", labels=["status"])
        for status, count in metrics.ended.items():
            ended.add_metric([status.value], count)
        yield ended
        yield CounterMetricFamily("arkitekt_yields", "Stream values recorded", value=metrics.yields)


class Metrics:
    """The hub's counters, in a registry of their own so that several hubs fit in one process."""

    def __init__(self, ledger: Ledger) -> None:
        self.submitted = 0
        self.ended: dict[Status, int] = dict.fromkeys(sorted(TERMINAL), 0)
        self.yields = 0
        self.registry = CollectorRegistry()
        self.registry.register(_TaskCollector(self))
        self.registry.register(_LedgerCollector(ledger))
        r = self.registry
        self.refused = Counter("arkitekt_requests_refused", "Requests refused, by error code", ["code"], registry=r)
        self.live = Gauge("arkitekt_tasks_live", "Tasks that wait or run", registry=r)
        self.queued = Gauge("arkitekt_tasks_queued", "Tasks that wait for an agent", registry=r)
        self.agents = Gauge("arkitekt_agents_online", "Agents connected", registry=r)
        self.connections = Gauge("arkitekt_connections", "Websockets open", registry=r)
        self.buffered = Gauge(
            "arkitekt_reader_buffer_bytes_max", "Bytes that wait for the slowest connection", registry=r
        )
        self.streams = Gauge("arkitekt_event_streams", "Server-sent event streams open", registry=r)
        self.swept = Counter("arkitekt_data_swept", "What the data service removed, by kind", ["kind"], registry=r)
        self.stored = Gauge("arkitekt_data_bytes", "Bytes that stored objects take, when last counted", registry=r)
        self.dropped = Counter("arkitekt_readers_dropped", "Readers disconnected for being too slow", registry=r)
        self.loop_lag = Histogram(
            "arkitekt_loop_lag_seconds",
            "How late the event loop ran its timer",
            registry=r,
            buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 2, 10),
        )
