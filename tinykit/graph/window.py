"""Sliding windows: strides, dilation and padding resolved to numbers."""

from __future__ import annotations

from dataclasses import dataclass

from tinykit.graph.definition import Inspection

EXPLICIT = "EXPLICIT"
"""The padding of a convolution into which a rewrite has folded a PAD; no file can say it."""

LARGEST = 1 << 15
"""Largest stride, dilation or window that is accepted: far beyond any image that fits a microcontroller."""


@dataclass(frozen=True)
class Axis:
    """One spatial axis of a window.

    Attributes: `stride`, `dilation` steps in input elements; `before`, `after` padding in elements.
    """

    stride: int = 1
    dilation: int = 1
    before: int = 0
    after: int = 0

    def outputs(self, size: int, window: int) -> int:
        """Number of outputs for `size` inputs and `window` taps; not positive where nothing fits."""
        return (size + self.before + self.after - span(window, self.dilation)) // self.stride + 1


def span(window: int, dilation: int) -> int:
    """Inputs that a dilated window covers, first to last."""
    return (window - 1) * dilation + 1


def resolve(padding: str, stride: int, dilation: int, size: int, window: int) -> Axis:
    """An axis with SAME or VALID padding made explicit, as in TFLite's `kernels/padding.h`.

    SAME gives ceil(size / stride) outputs and puts the odd element of padding after. Strides or dilations that
    make no sense are kept as they are, without padding: `inspect_axis` refuses them.
    """
    if padding != "SAME" or stride < 1 or dilation < 1 or size < 1 or window < 1:
        return Axis(stride, dilation)
    total = max((-(-size // stride) - 1) * stride + span(window, dilation) - size, 0)
    return Axis(stride, dilation, total // 2, total - total // 2)


def inspect_axis(inspection: Inspection, axis: Axis, name: str, sizes: tuple[int, int, int]) -> bool:
    """Strides and dilations are sound, and the output's size along `name` is the one that follows.

    `sizes`: of the input, the window and the output.
    """
    size, window, outputs = sizes
    sound = all(1 <= value <= LARGEST for value in (axis.stride, axis.dilation, window))
    if not inspection.require(
        sound, f"stride {axis.stride}, dilation {axis.dilation} and window {window} of its {name} make no sense"
    ):
        return False
    follows = axis.outputs(size, window)
    return inspection.require(
        outputs == follows, f"its output's {name} is {outputs} where {follows} follows from input and window"
    )
