"""The notebook runs as it is, from a Keras model to a board that answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.conftest import require_tool

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebook.ipynb"


def said(cell: Any) -> str:
    """What a cell gave and printed, without its progress."""
    parts = [output.get("data", {}).get("text/plain", "") for output in cell.outputs]
    return "\n".join([*parts, *(output.text for output in cell.outputs if output.get("name") == "stdout")])


@pytest.mark.train
@pytest.mark.emulated
def test_every_cell_runs_and_says_what_it_found(tmp_path: Path) -> None:
    nbformat, nbclient = pytest.importorskip("nbformat"), pytest.importorskip("nbclient")
    pytest.importorskip("ipykernel")
    pytest.importorskip("keras")
    require_tool("arm-none-eabi-gcc", "gcc-arm-none-eabi")
    require_tool("qemu-system-arm", "qemu-system-arm")
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells), "kept without its outputs"
    nbclient.NotebookClient(notebook, timeout=240, resources={"metadata": {"path": str(tmp_path)}}).execute()
    answers = {cell.source.split("(")[0].split()[-1]: said(cell) for cell in cells}
    text = "\n".join(answers.values())
    for words in (
        "Distilled: ",
        "without the teacher",
        "Pruned: ",
        "Quantized: ",
        "on stm32vldiscovery",
        "Compiled: digits.c, digits.h for cortex-m3",
        "Equal to TFLM byte for byte over 50 vectors",
        "every byte equal",
        "No byte differs between the board and TFLM over 100 samples",
    ):
        assert words in text, words
    assert list(tmp_path.iterdir()) == [], "nothing is written that nobody asked for"
