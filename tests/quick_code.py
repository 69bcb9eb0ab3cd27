"""Flags of XLA with which the tests take a fraction of the time that they would take otherwise.

Most of that time would be compilation. XLA's older emitters without optimization make slower code,
and make it several times faster. Results do not depend on it beyond rounding. With the environment
variable LOSSATLAS_TEST_FLAGS set to nothing the tests run the code that users run, as `.ci/system`
does for the long tests.
"""

import os

QUICK = os.environ.setdefault(
    "LOSSATLAS_TEST_FLAGS",
    "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1 "
    "--xla_backend_optimization_level=0",
)
"""For processes that tests start, which add the flags of the program."""
