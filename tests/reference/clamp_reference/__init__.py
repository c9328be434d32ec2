"""An independent reading of the kernel bit specification, in NumPy.

`run(kernel_id, inputs, params)` gives the output array of a kernel, bit for bit as the specification
page fixes it. Written from that page alone; it shares no code with the kernels it is used to check.
"""

from .registry import KERNELS, Kernel, Refused, run

__all__ = ["KERNELS", "Kernel", "Refused", "run"]
