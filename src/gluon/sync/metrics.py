# SPDX-License-Identifier: Apache-2.0
"""The figures of sync, as Prometheus reads them. Each is read when it is asked for; nothing is counted twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure: its name without prefix, what it says, where it is read."""

    name: str
    help: str
    read: Callable[[], float]
    counter: bool = False


class Figures(Collector):
    """Figures under ``gluon_sync_``, and the state of each Proton."""

    def __init__(self, figures: tuple[Figure, ...], states: Callable[[], dict[str, str]]) -> None:
        self._figures = figures
        self._states = states

    def collect(self) -> Iterator[Metric]:
        """What Prometheus scrapes now."""
        for figure in self._figures:
            family = CounterMetricFamily if figure.counter else GaugeMetricFamily
            yield family(f"gluon_sync_{figure.name}", figure.help, value=figure.read())
        protons = GaugeMetricFamily(
            "gluon_sync_proton", "How a Proton's keys in etcd fare: 1 at its state.", labels=["proton", "state"]
        )
        for proton, state in self._states().items():
            protons.add_metric([proton, state], 1)
        yield protons
