"""An independent reading of the kernel bit specification, in NumPy.

`run_all(kernel_id, inputs, params)` gives the outputs of a kernel by name, bit for bit as the
specification page fixes them; `run` gives the array of a kernel with one output. Written from that page
alone; it shares no code with the kernels it is used to check.
"""

from .kernel import OUTPUT, Kernel, Refused
from .registry import KERNELS, run, run_all

__all__ = ["KERNELS", "OUTPUT", "Kernel", "Refused", "run", "run_all"]
