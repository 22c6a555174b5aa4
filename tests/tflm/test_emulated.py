"""TFLM itself, linked into firmware for an emulated board, beside compiled code: needs TINYKIT_TFLM_DIR."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.tflm.test_emit import MEASURED, network
from tinykit.boards import board
from tinykit.tflm.library import find_library
from tinykit.validate.bench import bench

pytestmark = [
    pytest.mark.emulated,
    pytest.mark.skipif(
        not os.environ.get("TINYKIT_TFLM_DIR"),
        reason="TINYKIT_TFLM_DIR names no folder with libtensorflow-microlite.a and TFLM's headers for Cortex-M4F",
    ),
]


def both(model: Path, folder: Path) -> tuple[dict, dict]:
    """What `bench` says of the model on the emulated M4, compiled and interpreted."""
    chosen = board("mps2-an386")
    return tuple(bench(model, chosen, engine=e, folder=folder / e) for e in ("aot", "tflm"))


def test_both_engines_give_tflms_bytes(tmp_path: Path) -> None:
    model = tmp_path / "net.tflite"
    model.write_bytes(network())
    aot, tflm = both(model, tmp_path)
    assert aot["bit_exact"] and tflm["bit_exact"]
    assert (tflm["engine"], tflm["layers"]) == ("tflm", [])
    assert aot["macs"] == tflm["macs"] > 0
    assert aot["instructions"] < tflm["instructions"]
    assert aot["flash"]["total"] < tflm["flash"]["total"]
    assert aot["ram"]["total"] < tflm["ram"]["total"]


@pytest.mark.shared
@pytest.mark.parametrize("name, macs", [("ad01", 264192), ("kws01", 2656768)])
def test_the_reference_models(shared: Path, tmp_path: Path, name: str, macs: int) -> None:
    """The arena that TFLM took on this core is the one that was measured without us."""
    reference, cmsis_nn, _ = MEASURED[name]
    arena = cmsis_nn if "CMSIS_NN" in find_library().defines else reference
    aot, tflm = both(shared / "models" / f"{name}_int8.tflite", tmp_path)
    assert aot["bit_exact"] and tflm["bit_exact"]
    assert tflm["ram"]["arena"] == arena
    assert tflm["macs"] == macs
    assert tflm["flash"]["weights"] >= (shared / "models" / f"{name}_int8.tflite").stat().st_size
    assert aot["instructions"] < tflm["instructions"]
