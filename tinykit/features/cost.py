"""What a front end will cost, predicted from counts of its work; `bench` measures it.

RAM and tables are exact. Instructions are those of operations counted below, each with a price fitted to counts on
emulated boards (QEMU -icount) at -O2; code sizes are those of arm-none-eabi-gcc 12.2.
"""

from __future__ import annotations

from dataclasses import dataclass

from tinykit.features.fft import passes
from tinykit.features.frontend import FrontEnd
from tinykit.features.source import tables
from tinykit.features.spectral import fft_points
from tinykit.features.transforms import Mel, Mfcc, Micro, Statistics
from tinykit.targets import Target

STACK = 340
"""The deepest call and what hands it a few moments; cortex-m0 needs the most."""


@dataclass(frozen=True)
class _Prices:
    """Instructions a value of a window, a butterfly, a bin in a band, a level, a product of the DCT, a band that the
    micro frontend finishes; of statistics a value and a window. `code`: bytes by kind.
    """

    value: float
    butterfly: float
    weighted: float
    level: float
    product: float
    finished: float
    statistic: float
    statistics: float
    code: dict[str, int]


def _kinds(statistics: int, spectrum: int, mel: int, mfcc: int, micro: int) -> dict[str, int]:
    return {"statistics": statistics, "spectrum": spectrum, "mel": mel, "mfcc": mfcc, "micro": micro}


_PRICES = {
    "thumb2": _Prices(19.4, 131.7, 10.6, 55.2, 4.3, 478.4, 28, 630, _kinds(1840, 1990, 2110, 2130, 2530)),
    "thumb": _Prices(71.5, 210.8, 35.6, 34.5, 5.3, 1230, 45, 1530, _kinds(2020, 2360, 2570, 2540, 3200)),
    "rv32imc": _Prices(52.5, 141.9, 15.9, 86.7, 5.5, 723.3, 30, 700, _kinds(2180, 2500, 2690, 2670, 3140)),
    "avr": _Prices(810, 2120, 630, 1640, 95, 11700, 228, 7790, _kinds(2480, 5500, 5970, 6100, 7500)),
}
"""Those of `avr` are cycles that simavr counted, on windows of 32 and 64 samples: its RAM holds few more."""


@dataclass(frozen=True)
class FeatureCost:
    """Predicted: bytes of `tables` and `code` in flash, of `static` data and `stack`; instructions of a whole input."""

    tables: int
    code: int
    static: int
    stack: int
    instructions: int

    @property
    def flash(self) -> int:
        """Tables and code."""
        return self.tables + self.code


def predict(front: FrontEnd, core: Target) -> FeatureCost:
    """The cost of a front end on a core."""
    prices = _prices(core)
    return FeatureCost(
        tables=sum(table.nbytes for table in tables(front, 1.0)),
        code=prices.code[front.transform.kind],
        static=_static(front),
        stack=STACK,
        instructions=round(front.frames * front.channels * _transform(front, prices)),
    )


def _static(front: FrontEnd) -> int:
    transform = front.transform
    own = 2 * front.channels * transform.window + 4 * front.columns + front.frames * front.columns + 12
    if isinstance(transform, Statistics):
        return own
    own += 4 * (fft_points(transform.window) // 2 + 1)
    return own + (4 * transform.count if isinstance(transform, Mfcc | Micro) else 0)


def _prices(core: Target) -> _Prices:
    """The prices of this core, or of the one most like it."""
    if core.name in _PRICES:
        return _PRICES[core.name]
    return _PRICES[next((word for word in ("thumb2", "thumb") if core.has(word)), "rv32imc")]


def _transform(front: FrontEnd, prices: _Prices) -> float:
    """Instructions of one window of one channel, made into features and scaled."""
    transform = front.transform
    if isinstance(transform, Statistics):
        return prices.statistic * transform.window + prices.statistics
    points = fft_points(transform.window) // 2
    butterflies = sum(points / 4 if radix == 4 else 0.45 * points / 2 for radix in passes(points))
    spent = prices.value * transform.window + prices.butterfly * (butterflies + 0.6 * points / 2)
    if not isinstance(transform, Mel):
        return spent + prices.level * transform.columns
    filters = transform.bands
    spent += prices.weighted * (filters.ends[-1] - filters.first)
    if isinstance(transform, Micro):
        return spent + prices.finished * transform.count
    spent += prices.level * transform.count
    return spent + (prices.product * transform.count * transform.columns if isinstance(transform, Mfcc) else 0)
