"""Self checks of the functions of one variable and what is built on them alone."""

import math
from fractions import Fraction

import numpy as np

import case_data as data
import scalar_functions as series
from case_functions import FUNCTIONS, HARD, function_source, known_inputs
from clamp_reference import run
from clamp_reference.exact import round_fraction
from clamp_reference.formats import bits, from_bits
from clamp_reference.functions import ESTIMATES
from clamp_reference.oracle import is_above
from scalar_orders import composed_bits
from self_check_elements import faults_of, seeded


def functions_against_series():
    """Random inputs, edges and hard cases of every function, by series of some hundred bits in whole numbers."""
    faults, count = [], 0
    for op in ESTIMATES:
        rng = seeded(op)
        x = np.concatenate([function_source(rng, 1200, op), data.specials("f32"), known_inputs(op)])
        x = np.unique(bits(x)).view("<f4")
        expected = [series.function_bits(op, v) for v in x.tolist()]
        faults += faults_of(op, run(f"{op}.f32.v1", {"x": x}), expected)
        count += x.size
    return count, faults


def estimates_are_close():
    """The f64 estimates behind the reference: far inside the margin that sends an input to the oracle."""
    faults, count = [], 0
    for op, estimate in ESTIMATES.items():
        x = np.concatenate([function_source(seeded("estimate" + op), 600, op), from_bits(HARD[op], "f32")])
        with np.errstate(all="ignore"):
            values = np.asarray(estimate(x.astype("<f8"))).tolist()
        for v, e in zip(x.tolist(), values):
            settled = series.special_bits(op, v) is not None or series.saturated_bits(op, v) is not None
            if settled or not 2.0**-140 < abs(e) < 2.0**130:
                continue
            exact = series.real_value(op, v)
            count += 1
            if abs(Fraction(e) - exact) > abs(exact) / 2**48:
                faults.append(f"the f64 estimate of {op}({v.hex()}) is coarse")
    return count, faults


def oracle_decides():
    """The oracle on both sides of values it is near, a hair of 2^-200 away and less."""
    faults = []
    for op, x in (("sin", 3.0), ("log", 2.0), ("erf", 0.5), ("sinpi", 2.0**-100), ("tanh", 2.0**-20)):
        exact = series.real_value(op, x)
        nearest = from_bits(round_fraction(exact, "f64"), "f64").item()
        if is_above(op, x, nearest) != (exact > Fraction(nearest)):
            faults.append(f"{op}({x})")
    try:
        is_above("exp2", 3.0, 8.0)
        faults.append("the oracle decided a tie")
    except ArithmeticError:
        pass
    return 6, faults


def special_values_by_hand():
    """IEEE 754-2019, 9.2, value by value, and results that are exact."""
    inf, nan = math.inf, math.nan
    known = {
        "exp": [(0.0, 1.0), (-0.0, 1.0), (-inf, 0.0), (inf, inf), (89.0, inf), (-104.0, 0.0)],
        "exp2": [(0.0, 1.0), (10.0, 1024.0), (-149.0, 2.0**-149), (-150.0, 0.0), (128.0, inf), (-inf, 0.0), (inf, inf)],
        "expm1": [(0.0, 0.0), (-0.0, -0.0), (-inf, -1.0), (inf, inf), (-30.0, -1.0), (2.0**-149, 2.0**-149)],
        "log": [(1.0, 0.0), (0.0, -inf), (-0.0, -inf), (-1.0, nan), (inf, inf), (-inf, nan)],
        "log2": [(1.0, 0.0), (8.0, 3.0), (2.0**-149, -149.0), (0.0, -inf), (-0.0, -inf), (-1.0, nan), (inf, inf)],
        "log10": [(1.0, 0.0), (1000.0, 3.0), (1e10, 10.0), (-0.0, -inf), (-2.0, nan), (inf, inf)],
        "log1p": [(0.0, 0.0), (-0.0, -0.0), (-1.0, -inf), (-1.5, nan), (-inf, nan), (inf, inf)],
        "sin": [(0.0, 0.0), (-0.0, -0.0), (inf, nan), (-inf, nan), (-(2.0**-149), -(2.0**-149))],
        "cos": [(0.0, 1.0), (-0.0, 1.0), (inf, nan), (2.0**-140, 1.0)],
        "tan": [(0.0, 0.0), (-0.0, -0.0), (-inf, nan), (2.0**-149, 2.0**-149)],
        "sinpi": [(0.0, 0.0), (-0.0, -0.0), (1.0, 0.0), (-1.0, -0.0), (2.0, 0.0), (-2.0, -0.0), (0.5, 1.0),
                  (-0.5, -1.0), (1.5, -1.0), (2.5, 1.0), (-1.5, 1.0), (2.0**24, 0.0), (-(2.0**127), -0.0), (inf, nan)],
        "cospi": [(0.0, 1.0), (-0.0, 1.0), (1.0, -1.0), (-3.0, -1.0), (2.0, 1.0), (0.5, 0.0), (-0.5, 0.0), (1.5, 0.0),
                  (-2.5, 0.0), (2.0**24, 1.0), (-(2.0**127), 1.0), (inf, nan)],
        "tanh": [(0.0, 0.0), (-0.0, -0.0), (inf, 1.0), (-inf, -1.0), (10.0, 1.0)],
        "erf": [(0.0, 0.0), (-0.0, -0.0), (inf, 1.0), (-inf, -1.0), (5.0, 1.0)],
        "sigmoid": [(0.0, 0.5), (-0.0, 0.5), (inf, 1.0), (-inf, 0.0), (-200.0, 0.0)],
        "silu": [(0.0, 0.0), (-0.0, -0.0), (inf, inf), (-inf, nan), (-200.0, -0.0)],
        "gelu": [(0.0, 0.0), (-0.0, -0.0), (inf, inf), (-inf, nan), (-10.0, -0.0), (10.0, 10.0)],
    }  # fmt: skip
    faults, count = [], 0
    for op, pairs in known.items():
        x, y = (np.array(v, "<f4") for v in zip(*(pairs + [(nan, nan)])))
        expected = np.where(np.isnan(y), from_bits([0x7FC00000], "f32"), y).astype("<f4")
        faults += faults_of(f"{op} by hand", run(f"{op}.f32.v1", {"x": x}), bits(expected).tolist())
        count += x.size
    return count, faults


def compositions_against_steps():
    """sigmoid, silu and gelu, one rational rounding a step."""
    faults, count = [], 0
    for op in ("sigmoid", "silu", "gelu"):
        x = np.concatenate([function_source(seeded(op), 1500, op), data.specials("f32"), known_inputs(op)])
        expected = [composed_bits(op, v) for v in x.tolist()]
        faults += faults_of(op, run(f"{op}.f32.v1", {"x": x}), expected)
        count += x.size
    if set(FUNCTIONS) != set(ESTIMATES) | {"sigmoid", "silu", "gelu", "rsqrt"}:
        faults.append("the functions with inputs are not the functions there are")
    return count, faults
