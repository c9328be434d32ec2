"""What a kernel is to the reference, and the one way to run it.

Knows no kernel by name; computes nothing.
"""

from dataclasses import dataclass, field
from typing import Callable

import numpy as np

from .formats import name_of

OUTPUT = "out"


class Refused(ValueError):
    """The page calls this an error; the host has to refuse it."""


@dataclass(frozen=True)
class Kernel:
    """Inputs and outputs as name -> dtype, optional inputs by name, parameters as name -> parser."""

    id: str
    inputs: dict
    outputs: dict
    function: Callable
    params: dict = field(default_factory=dict)
    optional: frozenset = frozenset()
    check: Callable = lambda inputs, params: None


def run_kernel(kernel, inputs, params):
    """Every output of a kernel by name; `params` maps names to the texts of the command line."""
    for name, dtype in kernel.inputs.items():
        if name not in inputs and name not in kernel.optional:
            raise Refused(f"{name} is missing")
        if name in inputs and name_of(inputs[name]) != dtype:
            raise Refused(f"{name} is {name_of(inputs[name])}, not {dtype}")
    for name in (*inputs, *params):
        if name not in kernel.inputs and name not in kernel.params:
            raise Refused(f"{kernel.id} has no {name}")
    values = {name: kernel.params[name](text) for name, text in params.items()}
    kernel.check(inputs, values)
    with np.errstate(all="ignore"):
        out = kernel.function(**inputs, **values)
    if not isinstance(out, dict):
        out = {OUTPUT: out}
    out = {name: np.asarray(array) for name, array in out.items()}
    if {name: name_of(array) for name, array in out.items()} != kernel.outputs:
        raise AssertionError(f"{kernel.id} computed {out}")
    return out
