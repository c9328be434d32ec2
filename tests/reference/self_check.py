#!/usr/bin/env python3
"""Check the NumPy reference against things known without a host.

Published Philox vectors, exact rational arithmetic, 80-digit decimals, and scalar loops written a
second time straight from the specification page. Exit 0 only when nothing differs.
"""

import sys
import time

import self_check_elements as elements
import self_check_orders as orders


def main():
    checks = [
        elements.subnormals_are_kept,
        elements.rounding_of_fractions,
        elements.parameters,
        elements.philox_vectors,
        elements.philox_elements,
        elements.fma_against_fractions,
        elements.fma_against_integers,
        elements.arithmetic_against_fractions,
        elements.rsqrt_against_integers,
        elements.exp_log_against_decimal,
        elements.casts_against_fractions,
        elements.casts_to_float_against_fractions,
        orders.order_and_moves,
        orders.reductions_against_loops,
        orders.deep_folds_against_loops,
        orders.matmul_against_loops,
        orders.softmax_against_loops,
        orders.gather_against_loops,
        orders.refusals,
        orders.every_kernel_has_cases,
    ]
    failed = 0
    began = time.monotonic()
    for check in checks:
        started = time.monotonic()
        count, faults = check()
        took = time.monotonic() - started
        verdict = "OK" if not faults else f"{len(faults)} WRONG, first: {faults[0]}"
        print(f"{check.__name__:34} {count:9} checks {took:6.1f} s  {verdict}", flush=True)
        failed += bool(faults)
    print(f"{len(checks)} groups, {failed} failed, {time.monotonic() - began:.1f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
