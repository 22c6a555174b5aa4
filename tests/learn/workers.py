"""One worker: runs a recipe as far as the distilled student, and says how many samples a step gave it.

python workers.py RECIPE OUTPUT
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from tinykit.learn import training
from tinykit.learn.backend import tensorflow
from tinykit.pipeline import run
from tinykit.recipe import load_recipe


def main(recipe: str, output: str) -> None:
    """Run, with the loss watched: what it sees of a batch is this worker's share."""
    loss, shares = training.distillation_loss, set[int]()

    def watched(*settings: Any) -> Any:
        inner = loss(*settings)

        def count(packed: Any, given: Any) -> Any:
            tensorflow().py_function(lambda size: shares.add(int(size)), [tensorflow().shape(packed)[0]], [])
            return inner(packed, given)

        return count

    training.distillation_loss = watched
    result = run(load_recipe(Path(recipe)), Path(output), quiet=True, until="distilled")
    losses = {row["name"]: [point["loss"] for point in row["history"]] for row in result["stages"]}
    kept = all(row["cached"] for row in result["stages"])
    print(json.dumps({"losses": losses, "shares": sorted(shares), "cached": kept}))


if __name__ == "__main__":
    main(*sys.argv[1:])
