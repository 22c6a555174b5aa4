"""C kernels, and how each operator becomes calls of them.

One operator is one module here with a function marked `@lowering("OP")`, its C beside it in a `.h`. A faster variant
for an instruction set is one more module and header that register for the same operator: `lower` offers them all.
"""

from tinykit.kernels.registry import lower, operators

__all__ = ["lower", "operators"]
