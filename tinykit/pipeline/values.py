"""Raw values and the int8 model: the samples that it is judged by, and the C that turns values into input.

Where a recipe normalizes, accuracy is measured on raw samples that went through the device's own arithmetic.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from tinykit.arrays import write_npz
from tinykit.codegen.values import values_header
from tinykit.data import Splits
from tinykit.data.normalization import Normalization
from tinykit.data.rows import chunks
from tinykit.features.description import attach, describe
from tinykit.pipeline.store import Kept
from tinykit.stored import write_npz_by_parts


def described(model: bytes, splits: Splits) -> bytes:
    """The model with the description of the front end that its samples went through, if any."""
    return model if splits.front is None else attach(model, splits.front)


def keep_samples(model: bytes, splits: Splits, folder: Path) -> dict[str, Any]:
    """Write validation.npz and test.npz with int8 samples made from raw ones; {"normalization": ..}, or {}.

    Of a recipe with a front end they hold the raw counts: {"front_end": its description}.
    """
    from tinykit.graph.reader import read_graph

    normalization, front = splits.normalization, splits.front
    if normalization is None and front is None:
        return {}
    assert splits.raw_validation is not None and splits.raw_test is not None
    sets = (
        ("validation", splits.raw_validation, splits.y_validation),
        ("test", splits.raw_test, splits.y_test),
    )
    if front is not None:
        for name, raw, y in sets:
            parts = {"x": (raw.shape, "int16", chunks(raw)), "y": (y.shape, "int64", [y])}
            write_npz_by_parts(folder / f"{name}.npz", parts)
        return {"front_end": describe(front)}
    assert normalization is not None
    graph = read_graph(model)
    entry = graph.tensor(graph.inputs[0]).quantization
    assert entry is not None
    for name, raw, y in sets:
        x = [normalization.quantize(part, entry.scale, entry.zero_point) for part in chunks(raw)]
        write_npz(folder / f"{name}.npz", x=np.concatenate(x), y=y)
    return {
        "normalization": {
            "mean": [float(value) for value in normalization.mean],
            "deviation": [float(value) for value in normalization.deviation],
            "features": list(splits.features),
        }
    }


def samples_folder(data: Kept, int8: Kept) -> Path:
    """Where the validation.npz and test.npz are that the int8 model is judged by."""
    return int8.folder if {"normalization", "front_end"} & set(int8.facts) else data.folder


def values_file(plan: Any, int8: Kept, judged: Kept | None) -> dict[str, str]:
    """NAME_values.h, where there is something to put in it."""
    facts = int8.facts.get("normalization")
    refer = judged.facts["refer"] if judged is not None else None
    margin = refer["margin"] if refer is not None else None
    step = refer["calibration"]["step"] if refer is not None and refer["calibration"] is not None else None
    if facts is None and margin is None:
        return {}
    learned = Normalization(*(np.array(facts[key], np.float32) for key in ("mean", "deviation"))) if facts else None
    features = tuple(facts["features"]) if facts else ()
    return {f"{plan.graph.name}_values.h": values_header(plan, learned, features, margin, step)}
