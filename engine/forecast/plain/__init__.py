"""The ETS kernels as plain Python: the same source, found in the folder of the kernels, with the `jit` of this folder.

So a few series are forecast at once in a new installation, bit by bit as the compiled kernels do it, without numba.
"""

from pathlib import Path

__path__.append(str(Path(__file__).parents[2] / "kernels"))
