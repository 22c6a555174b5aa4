"""Data sets: from their sources to honest splits.

load(recipe.data, folder) -> Splits; load_given(arrays or a dataset, data); save(splits, folder); restore(folder)
"""

from tinykit.data.sources import load, load_given
from tinykit.data.splits import Splits, restore, save

__all__ = ["Splits", "load", "load_given", "restore", "save"]
