"""The recipe: one TOML file that says how data become a model on a board. Read strictly, into frozen dataclasses.

A recipe is data: models are lists of layers in words (see learn/layers.py) or files, and nothing in it is executed,
with one exception that says so: [data] kind = "python" calls a function of the user's own.
schema.py says what it can hold, rules.py what no single key can get wrong alone, reader.py reads and checks.
"""

from tinykit.recipe.lines import key_lines
from tinykit.recipe.reader import load_recipe
from tinykit.recipe.schema import (
    FRONT_END_CHOICES,
    SECTIONS,
    TRAINED_METHODS,
    Accept,
    BoardChoice,
    Data,
    Distill,
    Features,
    Model,
    Prune,
    Quantize,
    Recipe,
    Refer,
    Search,
    Train,
)

__all__ = [
    "FRONT_END_CHOICES",
    "SECTIONS",
    "TRAINED_METHODS",
    "Accept",
    "BoardChoice",
    "Data",
    "Distill",
    "Features",
    "Model",
    "Prune",
    "Quantize",
    "Recipe",
    "Refer",
    "Search",
    "Train",
    "key_lines",
    "load_recipe",
]
