"""Flags of XLA with which tests of small networks take about half of the time.

Nearly all of their time is compilation. The older emitters make code that is half as fast, but they
compile it in half of the time, and one thread compiles with less work than several. Results do not
depend on it beyond rounding. With the environment variable LOSSATLAS_TEST_FLAGS set to nothing the
tests run the code that users run, as `.ci/system` does for the long tests.
"""

import os

QUICK = os.environ.setdefault(
    "LOSSATLAS_TEST_FLAGS",
    "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1",
)
"""For processes that tests start, which add the flags of the program."""
