"""Where processes that run code of the pages keep what they have compiled, for each other."""

import pytest
from quick_code import QUICK

from lossatlas.lanes.runtime import XLA_FLAGS


def compiled_pages(config: pytest.Config, quick: str = QUICK) -> dict[str, str]:
    """Environment variables; the flags are those of the program, with those of quick code first."""
    flags = [f"{flag}={value}" for flag, value in XLA_FLAGS.items()]
    environment = {
        "XLA_FLAGS": " ".join([quick, *flags]),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    if config.cache is not None:
        environment["JAX_COMPILATION_CACHE_DIR"] = str(config.cache.mkdir("compiled-pages"))
    return environment
