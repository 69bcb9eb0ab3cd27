"""JAX as the program needs it: float64, one thread a worker, compiled code kept between runs.

Only the command line does this, at the start of a command. Importing the library changes nothing.
"""

import os
import warnings
from pathlib import Path

from lossatlas.cli.compilation_cache import cache_folder, tidy

XLA_FLAG = "--xla_cpu_multi_thread_eigen"


def set_up_jax() -> None:
    """Configure JAX; call it before anything imports JAX.

    One thread per operation, because the workers of the engine keep all cores busy. Flags that
    the user has set in ``XLA_FLAGS`` stay, and so does a ``JAX_COMPILATION_CACHE_DIR``.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    if XLA_FLAG not in flags:
        os.environ["XLA_FLAGS"] = f"{flags} {XLA_FLAG}=false".strip()
    os.environ["JAX_ENABLE_X64"] = "1"
    import jax

    jax.config.update("jax_enable_x64", True)
    # An entry that cannot be read is compiled again: nothing a user needs to know.
    warnings.filterwarnings("ignore", message=".*persistent compilation cache entry")
    folder = cache_folder(f"jax-{jax.__version__}")
    if folder is not None and "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        _keep_compiled_code(folder)


def _keep_compiled_code(folder: Path) -> None:
    import jax

    tidy(folder)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
