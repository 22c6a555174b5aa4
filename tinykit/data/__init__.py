"""Data sets: from their sources to honest splits.

load(recipe.data) -> Splits; save(splits, folder); restore(folder) -> Splits
"""

from tinykit.data.sources import load
from tinykit.data.splits import Splits, restore, save

__all__ = ["Splits", "load", "restore", "save"]
