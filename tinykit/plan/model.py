"""The plan: graph + target, decided. Order, buffers and offsets, kernel per operator, packed weights, predicted cost.

The one source that codegen, `check`, `bench` and the report read.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tinykit.features.cost import FeatureCost
from tinykit.graph.model import Graph
from tinykit.targets import Target


@dataclass(frozen=True, eq=False)
class Constant:
    """An array in flash that a step reads: weights, biases, multipliers, tables.

    Attributes: `role` a short C-identifier ("weights", "bias"), `data` int8/uint8/int16/int32/float32 of any shape,
    already packed as the kernel reads it; `alignment` bytes.
    """

    role: str
    data: np.ndarray
    alignment: int = 1


@dataclass(frozen=True)
class Pointer:
    """A kernel argument that points into the arena: `kind` "input", "output" or "scratch", `index` which of them.

    Of kind "state" it points into the static memory that keeps values between inferences.
    """

    kind: str
    index: int = 0


@dataclass(frozen=True)
class Overlap:
    """Permission for an output to share memory with an input that dies at this step.

    The output may start at any offset `<= input offset - before` bytes: a kernel that writes ascending addresses and
    stays `before` bytes behind what it still reads. `before = 0` means that the same start is safe too (in place);
    a negative one, that the output may even start so many bytes after the input.
    The kernel's lowering proves the distance.
    """

    input: int
    output: int
    before: int


@dataclass(frozen=True)
class Place:
    """Tensor `inner` needs no memory of its own: its bytes are those of tensor `outer` from byte `offset` on."""

    inner: int
    outer: int
    offset: int


@dataclass(frozen=True, eq=False)
class Call:
    """A kernel call of a step: see `Step` for the fields. Its pointers name the step's inputs and outputs."""

    function: str
    sources: tuple[str, ...]
    shape: dict[str, int | tuple[int, ...]]
    arguments: tuple[Pointer | Constant | int, ...]
    code_bytes: int = 0


@dataclass(frozen=True)
class Feed:
    """Where a stage of a row-by-row step finds the rows of one of its inputs.

    Attributes:
        stage: number of the stage that makes them; None where they come from a tensor in the arena.
        tensor: that tensor's position among the step's inputs, where there is no stage.
        height: rows that the input has; row_bytes: bytes of each.
        rows, stride: rows that the stage reads for each of its own, and from one to the next.
        before: rows of padding above the first.
        window: where in the step's scratch those rows are gathered; None where the arena's are read where they lie,
            or where another stage makes the one row needed right in the output's place.
        fill: the value of padding, an int8.
    """

    stage: int | None
    tensor: int
    height: int
    row_bytes: int
    rows: int = 1
    stride: int = 1
    before: int = 0
    window: int | None = None
    fill: int = 0


@dataclass(frozen=True, eq=False)
class Stage:
    """One operator of a row-by-row step: `step` makes one of its `height` rows (of `row_bytes`) from its `feeds`.

    `scratch` is where the kernel's own working memory lies in that of the whole step.
    """

    step: Step
    height: int
    row_bytes: int
    feeds: tuple[Feed, ...]
    scratch: int = 0


@dataclass(frozen=True, eq=False)
class Step:
    """One operator computed: one kernel call, several, or none.

    Attributes:
        name, op: of the operator that it computes.
        kernel: name of the C function, for people and for the report.
        sources: files in kernels/ that the call needs, in the order to paste them.
        function: the C function called.
        shape: compile-time parameters by name: ints (or tuples of ints) that specialise the kernel. Steps with equal
            `function` and `shape` share one specialised instance, so nothing that differs between like layers
            (zero points, multipliers) belongs here.
        arguments: the call's run-time arguments in order: Pointer, Constant, or an int.
        inputs, outputs: tensor indices that live in the arena.
        states: tensor indices that it reads or writes in static memory; steps with a state in common keep their order.
        scratch: bytes of working memory.
        overlaps: permissions to share memory between inputs and outputs.
        alias: True where no code runs: the outputs are the inputs' bytes (RESHAPE).
        places: which tensors lie inside which others; for an alias without any, the output is the first input.
        then: further kernel calls, after the first, in this order; `instructions` counts them too.
        macs: multiply-accumulates that the operator defines (dense).
        instructions: predicted instructions on the plan's target.
        code_bytes: predicted bytes of code of the specialised instance.
        library: names of library routines pulled in ("expf", "__aeabi_ldivmod"), for the size prediction.
        stack: predicted bytes of stack.
        stages: where several operators run row by row, what each does for one row, sources first; the step itself
            calls no function then.
        skips_zeros: whether the kernel leaves out weights that are zero.
    """

    name: str
    op: str
    kernel: str
    function: str
    sources: tuple[str, ...]
    shape: dict[str, int | tuple[int, ...]]
    arguments: tuple[Pointer | Constant | int, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    scratch: int = 0
    overlaps: tuple[Overlap, ...] = ()
    alias: bool = False
    macs: int = 0
    instructions: int = 0
    code_bytes: int = 0
    library: tuple[str, ...] = ()
    stack: int = 0
    places: tuple[Place, ...] = ()
    then: tuple[Call, ...] = ()
    states: tuple[int, ...] = ()
    stages: tuple[Stage, ...] = ()
    skips_zeros: bool = False

    @property
    def calls(self) -> tuple[Call, ...]:
        """All kernel calls in order, those of its stages where it has any; none for an alias."""
        if self.stages:
            return tuple(call for stage in self.stages for call in stage.step.calls)
        first = Call(self.function, self.sources, self.shape, self.arguments, self.code_bytes)
        return self.then if self.alias else (first, *self.then)

    @property
    def shared_places(self) -> tuple[Place, ...]:
        """`places`, those of a plain alias included."""
        return self.places or ((Place(self.outputs[0], self.inputs[0], 0),) if self.alias else ())

    @property
    def constants(self) -> tuple[Constant, ...]:
        """The flash arrays among the arguments."""
        return tuple(a for call in self.calls for a in call.arguments if isinstance(a, Constant))

    @property
    def weight_bytes(self) -> int:
        """Bytes of flash that the constants take."""
        return sum(int(c.data.nbytes) for c in self.constants)


@dataclass(frozen=True)
class Buffer:
    """A place in the arena: `offset` and `size` in bytes, alive from step `first` to step `last` inclusive.

    `tensor` is a tensor index, or None for a step's scratch. Model inputs live from step 0 (`first = 0`), model
    outputs to the last step.
    """

    tensor: int | None
    offset: int
    size: int
    first: int
    last: int


@dataclass(frozen=True)
class Cost:
    """Predicted cost of the model on the target: bytes and instructions; that of its front end, if any, apart.

    `steps` of the plan can be run one by one by our firmware, which takes some bytes for each.
    """

    instructions: int
    macs: int
    weights: int
    code: int
    arena: int
    static: int
    stack: int
    features: FeatureCost | None = None
    steps: int = 0

    @property
    def flash(self) -> int:
        """Weights and code, bytes."""
        return self.weights + self.code

    @property
    def ram(self) -> int:
        """Arena, static data and stack, bytes."""
        return self.arena + self.static + self.stack


@dataclass(frozen=True, eq=False)
class Plan:
    """Everything decided.

    Attributes:
        graph: after rewrites.
        target: what it is planned for.
        steps: kernel calls in order.
        buffers: arena places, tensors and scratch.
        arena_bytes: size of the arena.
        lower_bound: bytes alive at the schedule's worst moment; no planner can do better for this schedule.
        cost: predicted.
    """

    graph: Graph
    target: Target
    steps: tuple[Step, ...]
    buffers: tuple[Buffer, ...]
    arena_bytes: int
    lower_bound: int
    cost: Cost

    def buffer(self, tensor: int) -> Buffer:
        """Where a tensor lives.

        Raises: KeyError for a constant or a tensor that is not planned.
        """
        for buffer in self.buffers:
            if buffer.tensor == tensor:
                return buffer
        raise KeyError(tensor)
