"""What a recipe can say: one frozen dataclass a section, with the range or the words that each key may hold."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

DATA_KINDS = (
    "sklearn-digits", "sklearn-breast-cancer", "npz", "npy", "csv", "csv-series", "images", "wav", "python",
)  # fmt: skip
PATTERNS = ("weights", "block", "2:4", "1:4", "channels")
FOURS = {"2:4": 0.5, "1:4": 0.75}
"""The sparsity that these patterns are."""
STRATEGIES = ("mirrored", "multi_worker")
OPTIMIZATIONS = ("speed", "size", "ram")
FEATURE_KINDS = ("statistics", "spectrum", "mel", "mfcc", "micro")
FRONT_END_CHOICES = ("window_ms", "hop_ms", "bands", "coefficients")
"""Keys of [features] that [search] may hold choices for."""
METHODS = ("ptq", "qat", "prune-preserving-qat", "int16x8")
TRAINED_METHODS = ("qat", "prune-preserving-qat")


def _number(low: float, high: float, default: Any = dataclasses.MISSING) -> Any:
    """A field whose value must lie in low..high, both included."""
    return field(default=default, metadata={"low": low, "high": high})


def _word(words: tuple[str, ...], default: Any = dataclasses.MISSING) -> Any:
    """A field whose value is one of `words`."""
    return field(default=default, metadata={"words": words})


@dataclass(frozen=True)
class Data:
    """[data]: where samples come from and how they are split.

    Attributes:
        kind: one of DATA_KINDS; docs/data.md.
        file: the .npz or the CSV file; of kind "python" the module.
        folder: instead of a file: images or WAV files, one folder a class; .npz or .npy files that make one set.
        function: of kind "python": what is called, with `folder` where there is one.
        x, y: names of the arrays in the .npz.
        label, features: names of columns in the CSV file; by default "label" and all others.
        group: a column, or an array of the .npz, or a regular expression that finds the group in a file's name: samples
            of one group are never in two splits.
        window, overlap: of a series: rows a sample, and the part of them that neighbours share; overlap of clips too.
        size: height and width that images are brought to; color: "grey" or "rgb".
        rate: samples a second that WAV files must have; clip: seconds that one sample is, 0 takes files as they are.
        memory: megabytes of samples (as float32) that are held in memory; larger sets are read from disk in parts.
        normalize: each channel less its mean and divided by its deviation, learned on the training split.
        divide: every sample is divided by this, once, at loading.
        validation, test: parts of all samples, 0 to 1.
        labelled: how many training labels are kept; 0 keeps all. The rest becomes the unlabelled pool.
        seed: of the splits.
        classes: names of the classes, in order; default "0", "1", ...
    """

    kind: str = _word(DATA_KINDS)
    file: Path | None = None
    folder: Path | None = None
    function: str = "load"
    x: str = "x"
    y: str = "y"
    divide: float = _number(1e-9, 1e9, 1.0)
    validation: float = _number(0.01, 0.8, 0.15)
    test: float = _number(0.01, 0.8, 0.2)
    labelled: int = _number(0, 10**9, 0)
    seed: int = _number(0, 2**31 - 1, 0)
    classes: tuple[str, ...] = ()
    label: str | None = None
    features: tuple[str, ...] = ()
    group: str | None = None
    window: int = _number(0, 10**6, 0)
    overlap: float = _number(0.0, 0.95, 0.0)
    size: tuple[int, ...] = ()
    color: str = _word(("grey", "rgb"), "rgb")
    rate: int = _number(0, 10**6, 0)
    clip: float = _number(0.0, 3600.0, 0.0)
    memory: float = _number(0.001, 10**6, 512.0)
    normalize: bool = False


@dataclass(frozen=True)
class Features:
    """[features]: a front end between raw samples and the model, the same in Python and on the device.

    Attributes:
        kind: one of FEATURE_KINDS; docs/features.md.
        rate: moments a second (Hz). window_ms, hop_ms: length of a window and from one to the next, in milliseconds;
            0 is the whole sample, and a hop as long as its window.
        low, high: the band that spectral kinds look at, in Hz; high is 15/32 of the rate unless given.
        bands: on the mel scale; coefficients: of kind "mfcc".
        gain_control: of kind "micro". statistics: of kind "statistics"; none means all.
        resolution: what one count of the device's sensor is worth in the units of the data.
    """

    kind: str = _word(FEATURE_KINDS)
    rate: float = _number(1e-3, 1e6)
    window_ms: float = _number(0.0, 1e9, 0.0)
    hop_ms: float = _number(0.0, 1e9, 0.0)
    low: float = _number(0.0, 5e5, 125.0)
    high: float | None = _number(0.0, 5e5, None)
    bands: int = _number(1, 128, 40)
    coefficients: int = _number(1, 128, 10)
    gain_control: bool = True
    statistics: tuple[str, ...] = ()
    resolution: float = _number(1e-12, 1e12, 1.0)


@dataclass(frozen=True)
class Model:
    """[teacher] and [student]: a model and its training.

    Attributes:
        layers: in words, such as "conv 16 3x3 relu"; see learn/layers.py.
        file: a .keras or .h5 file instead of `layers`: a trained teacher, or the student's architecture
            (and its weights, where the recipe has no [distill]).
        members: how many teachers are trained and averaged.
        files: several trained teachers in place of one, averaged.
        answers: a teacher that is no model: an .npz with samples x and, for each, logits, probabilities or labels.
        tune: the teacher's file is trained further on the labels; freeze: so many of its first layers with weights,
            or of a student's file, stay as they are.
        patience: training ends when validation accuracy has not risen for so many reports (of about 100 steps), and
            the best weights are taken; 0 trains to the end.
        steps: gradient steps; batch: samples a step; learning_rate: at the start, decays to 0 along a cosine.
        copies: warped copies of each training image that are added; shift: moved by up to so many pixels;
            turn: by up to so many degrees; zoom: by up to this fraction.
    """

    layers: tuple[str, ...] = ()
    file: Path | None = None
    files: tuple[Path, ...] = ()
    answers: Path | None = None
    members: int = _number(1, 16, 1)
    tune: bool = False
    freeze: int = _number(0, 10000, 0)
    patience: int = _number(0, 10**6, 0)
    steps: int = _number(1, 10**7, 2000)
    batch: int = _number(1, 65536, 32)
    learning_rate: float = _number(1e-7, 1.0, 0.002)
    copies: int = _number(0, 100, 0)
    shift: float = _number(0.0, 64.0, 1.0)
    turn: float = _number(0.0, 180.0, 0.0)
    zoom: float = _number(0.0, 0.9, 0.0)


@dataclass(frozen=True)
class Train:
    """[train]: what every training runs on.

    Attributes:
        strategy: "mirrored", all GPUs of this machine; "multi_worker", the processes that the environment's TF_CONFIG
            names, each running the same command. Without the section: one thread of this machine's processor, so that
            a run repeats bit for bit.
    """

    strategy: str = _word(STRATEGIES)


@dataclass(frozen=True)
class Distill:
    """[distill]: the student learns from the teacher's outputs.

    Attributes:
        temperature: softens both outputs; alpha: weight of the true labels, 1 - alpha is the teacher's.
        control: also train the same student without a teacher, on the same labels and steps, for comparison; the
            better of the two, by mean validation accuracy, ships.
        confidence: unlabelled samples of which the teacher is at least so sure take its answer as their label, beside
            its softened answer; 1 takes none.
        hints: pairs "TEACHER LAYER -> STUDENT LAYER" whose outputs shall agree, the student's through a 1x1
            convolution of its own (FitNets, Romero 2015); attention: pairs whose squared activations, summed over
            channels, shall (Zagoruyko 2017); beta: weight of both.
    """

    temperature: float = _number(0.1, 100.0, 4.0)
    alpha: float = _number(0.0, 1.0, 0.1)
    control: bool = True
    confidence: float = _number(0.0, 1.0, 1.0)
    hints: tuple[str, ...] = ()
    attention: tuple[str, ...] = ()
    beta: float = _number(0.0, 1e6, 1.0)


@dataclass(frozen=True)
class Prune:
    """[prune]: weights that matter least go while training goes on.

    Attributes:
        sparsity: the part of each kernel's weights that becomes zero; with pattern "channels" the part of its channels
            that is removed.
        pattern: "weights" one by one; "block" four at a time that lie side by side; "2:4" or "1:4", so many of every
            four stay; "channels" removes whole channels from the model.
        saliency: what matters least: "magnitude", or "obd", by the loss's second derivative.
        dense: names of layers that are left alone, as the run's sensitivity lists them.
        steps, batch, learning_rate: of the training meanwhile.
    """

    sparsity: float = _number(0.0, 0.99, 0.5)
    pattern: str = _word(PATTERNS, "weights")
    saliency: str = _word(("magnitude", "obd"), "magnitude")
    dense: tuple[str, ...] = ()
    steps: int = _number(1, 10**7, 1000)
    batch: int = _number(1, 65536, 32)
    learning_rate: float = _number(1e-7, 1.0, 0.001)


@dataclass(frozen=True)
class Quantize:
    """[quantize]: to int8.

    Attributes:
        method: "ptq" (after training), "qat" (trained for it), "prune-preserving-qat" (and keeps pruned zeros),
            "int16x8" (after training, activations of 16 bits).
        representative: training samples that set the ranges of activations.
        steps, batch, learning_rate: of the training that the two qat methods do.
        max_loss: validation accuracy that quantization may cost; beyond it the run stops, with the layers to blame.
    """

    method: str = _word(METHODS, "ptq")
    representative: int = _number(1, 10**6, 200)
    steps: int = _number(1, 10**7, 600)
    batch: int = _number(1, 65536, 32)
    learning_rate: float = _number(1e-7, 1.0, 0.0005)
    max_loss: float | None = _number(-1.0, 1.0, None)


@dataclass(frozen=True)
class BoardChoice:
    """[board]: `name` of a board, or the path of a board's TOML file; what to `optimize`: speed, size or ram."""

    name: str
    optimize: str = _word(OPTIMIZATIONS, "speed")


@dataclass(frozen=True)
class Refer:
    """[refer]: "unsure" instead of a guess, where the two highest scores lie too near each other.

    Attributes: the margin between them is the smallest that does what is asked for; of both, if both are.
        min_accuracy: that the answered validation samples shall have.
        min_confidence: the calibrated probability of the highest score against the next one, from which a sample is
            answered; for students without a softmax at the end.
    """

    min_accuracy: float | None = _number(0.0, 1.0, None)
    min_confidence: float | None = _number(0.5, 0.9999, None)


@dataclass(frozen=True)
class Accept:
    """[accept]: limits of the verdict; those absent are not judged.

    Attributes:
        min_accuracy: on the board, test split. min_margin: distilled over control, mean over seeds.
        max_prune_loss, max_int8_loss: test accuracy that pruning and quantization may cost.
        max_mismatched_bytes: output bytes that differ between board and TFLM.
        max_flash, max_ram: bytes that the model costs on the board.
        min_answered, min_answered_accuracy: with [refer], the part of test samples that is not referred, and how often
            the int8 model is right about these.
    """

    min_accuracy: float | None = _number(0.0, 1.0, None)
    min_margin: float | None = _number(-1.0, 1.0, None)
    max_prune_loss: float | None = _number(-1.0, 1.0, None)
    max_int8_loss: float | None = _number(-1.0, 1.0, None)
    max_mismatched_bytes: int = _number(0, 10**12, 0)
    max_flash: int | None = _number(0, 2**32, None)
    max_ram: int | None = _number(0, 2**32, None)
    min_answered: float | None = _number(0.0, 1.0, None)
    min_answered_accuracy: float | None = _number(0.0, 1.0, None)


@dataclass(frozen=True)
class Search:
    """[search]: students that `tinykit search` tries in place of [student]'s layers; docs/search.md.

    Attributes:
        layers: as in [student], with choices in braces: "conv {8|16} 3x3 relu".
        sparsity: of [prune], to choose from; 0 is unpruned. Empty: nothing is pruned.
        bits: of activations, to choose from: 8, or 16 (method "int16x8"). Empty: as [quantize] says.
        window_ms, hop_ms, bands, coefficients: of [features], to choose from; those that are empty stay as they are.
        trials: how many candidates. seed: of the sampler.
        min_accuracy: on validation; the cheapest candidate that reaches it is chosen.
    """

    layers: tuple[str, ...]
    sparsity: tuple[float, ...] = ()
    bits: tuple[int, ...] = ()
    window_ms: tuple[float, ...] = ()
    hop_ms: tuple[float, ...] = ()
    bands: tuple[int, ...] = ()
    coefficients: tuple[int, ...] = ()
    trials: int = _number(1, 10**6, 30)
    seed: int = _number(0, 2**31 - 1, 0)
    min_accuracy: float | None = _number(0.0, 1.0, None)


@dataclass(frozen=True)
class Recipe:
    """A whole recipe. `name` is the file's stem, or its folder's where the file is called recipe.toml."""

    name: str
    path: Path
    title: str
    seeds: tuple[int, ...]
    data: Data
    student: Model
    board: BoardChoice
    teacher: Model | None = None
    distill: Distill | None = None
    prune: Prune | None = None
    quantize: Quantize = field(default_factory=Quantize)
    accept: Accept = field(default_factory=Accept)
    refer: Refer | None = None
    search: Search | None = None
    train: Train | None = None
    features: Features | None = None


SECTIONS: dict[str, type] = {
    "data": Data,
    "teacher": Model,
    "student": Model,
    "distill": Distill,
    "prune": Prune,
    "quantize": Quantize,
    "board": BoardChoice,
    "accept": Accept,
    "refer": Refer,
    "search": Search,
    "train": Train,
    "features": Features,
}
REQUIRED = ("data", "student", "board")
TOP = ("title", "seeds")
