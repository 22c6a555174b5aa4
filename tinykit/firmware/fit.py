"""Whether a model fits a board, from the plan's prediction alone: before any compiler runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tinykit.boards import Board
from tinykit.errors import DoesNotFit
from tinykit.firmware.architectures import DRIVER_FLASH, architecture
from tinykit.plan.model import Cost

_LARGEST_STACK = 16 * 1024


class Costed(Protocol):
    """A plan, or anything else whose cost is predicted."""

    @property
    def cost(self) -> Cost:
        """Predicted bytes by part."""


@dataclass(frozen=True)
class Fit:
    """Predicted bytes by part, against what the board has.

    Attributes: `flash` and `ram` the parts; `flash_size`, `ram_size` the board's; `flash_missing`, `ram_missing`
    how much too much it is, 0 where it fits.
    """

    flash: dict[str, int]
    ram: dict[str, int]
    flash_size: int
    ram_size: int

    @property
    def flash_missing(self) -> int:
        """Bytes of flash that the board lacks."""
        return max(0, sum(self.flash.values()) - self.flash_size)

    @property
    def ram_missing(self) -> int:
        """Bytes of RAM that the board lacks."""
        return max(0, sum(self.ram.values()) - self.ram_size)

    @property
    def fits(self) -> bool:
        """Whether nothing is missing."""
        return self.flash_missing == 0 and self.ram_missing == 0


def predict_fit(plan: Costed, board: Board) -> Fit:
    """What the model and our firmware need on the board, predicted."""
    cost, own = plan.cost, architecture(board.target)
    firmware = own.flash + own.step * cost.steps + DRIVER_FLASH.get(board.uart.driver, 0)
    flash = {"weights": cost.weights, "code": cost.code, "firmware": firmware}
    ram = {"arena": cost.arena, "static": cost.static, "stack": _stack(cost) + own.stack, "firmware": own.ram}
    if cost.features is not None:
        flash["front end"], ram["front end"] = cost.features.flash, cost.features.static
    return Fit(flash, ram, board.flash.length, board.ram.length)


def _stack(cost: Cost) -> int:
    """The model and its front end take turns."""
    return cost.stack if cost.features is None else max(cost.stack, cost.features.stack)


def _sentence(kind: str, parts: dict[str, int], size: int, missing: int) -> str:
    listed = ", ".join(f"{name} {count:,}" for name, count in sorted(parts.items(), key=lambda p: -p[1]))
    return f"{missing:,} bytes of {kind} are missing: {sum(parts.values()):,} are needed ({listed}), {size:,} are there"


def require_fit(plan: Costed, board: Board) -> Fit:
    """The prediction, if it fits.

    Raises: DoesNotFit with how much is missing and where it goes.
    """
    fit = predict_fit(plan, board)
    if fit.fits:
        return fit
    short = []
    if fit.flash_missing:
        short.append(_sentence("flash", fit.flash, fit.flash_size, fit.flash_missing))
    if fit.ram_missing:
        short.append(_sentence("RAM", fit.ram, fit.ram_size, fit.ram_missing))
    raise DoesNotFit(
        f"the model does not fit {board.name}: {'; '.join(short)}",
        next_step="Choose a larger board, or make the model smaller (fewer channels, a smaller input)",
        page="does-not-fit",
        facts={
            "board": board.name,
            "flash": {**fit.flash, "size": fit.flash_size, "missing": fit.flash_missing},
            "ram": {**fit.ram, "size": fit.ram_size, "missing": fit.ram_missing},
        },
    )


def stack_bytes(cost: Cost, board: Board) -> int:
    """The room that the stack gets, a multiple of 8 bytes: what it needs, and three quarters of the RAM left beside.

    At most 16 KB, where it needs no more. The last quarter is for the data of what the user adds, in sensor.c.
    """
    own = architecture(board.target)
    front_end = 0 if cost.features is None else cost.features.static
    free = board.ram.length - cost.arena - cost.static - front_end - own.ram
    needed = _stack(cost) + own.stack
    roomy = needed + 3 * max(0, free - needed) // 4
    return max(min(roomy, _LARGEST_STACK), needed) // 8 * 8
