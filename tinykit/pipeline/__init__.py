"""A recipe, run stage by stage; finished stages are kept by their content.

run(recipe, output, seeds=None, quiet=False, until=None) -> the run's JSON object, see docs/architecture.md
"""

from tinykit.pipeline.run import STAGES, run

__all__ = ["STAGES", "run"]
