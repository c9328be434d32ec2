#!/usr/bin/env python3
"""Check the NumPy reference against things known without a host.

Published Philox vectors, exact rational arithmetic, series in whole numbers, results worked out by
hand, and scalar loops written a second time straight from the specification page. Exit 0 only when nothing differs.
"""

import sys
import time

import self_check_elements as elements
import self_check_functions as functions
import self_check_lists as lists
import self_check_orders as orders
import self_check_rows as rows


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
        elements.casts_against_fractions,
        elements.casts_to_float_against_fractions,
        functions.functions_against_series,
        functions.estimates_are_close,
        functions.oracle_decides,
        functions.special_values_by_hand,
        functions.compositions_against_steps,
        orders.order_and_moves,
        orders.reductions_against_loops,
        orders.deep_folds_against_loops,
        orders.matmul_against_loops,
        orders.softmax_against_loops,
        orders.gather_against_loops,
        rows.means_against_loops,
        rows.deep_var_against_loops,
        rows.extremes_against_loops,
        rows.exact_sums_against_fractions,
        rows.reductions_by_hand,
        rows.other_matrices_against_loops,
        rows.norms_against_loops,
        rows.attention_against_loops,
        lists.scan_against_loops,
        lists.sort_against_python,
        lists.histogram_against_loops,
        lists.moves_by_hand,
        lists.normals_against_series,
        lists.mirror_against_scalars,
        lists.map_against_steps,
        lists.faults_of_expressions_are_placed,
        lists.golden_fills,
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
