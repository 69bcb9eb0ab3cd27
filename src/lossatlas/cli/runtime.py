"""JAX as the program needs it: float64, one thread a worker, compiled code kept between runs.

Only the command line does this, at the start of a command. Importing the library changes nothing.
"""

import os
import warnings
from pathlib import Path

from lossatlas.cli.compilation_cache import cache_folder, tidy

XLA_FLAGS = {"--xla_cpu_multi_thread_eigen": "false", "--xla_cpu_prefer_vector_width": "512"}
"""One thread an operation, because the workers of the engine keep all cores busy; and the widest
vectors that the CPU has, where XLA would stop at 256 bits (`benchmarks.kernels` shows the gain)."""


def set_up_jax() -> None:
    """Configure JAX; call it before anything imports JAX.

    Flags that the user has set in the variable ``XLA_FLAGS`` stay, and so does a
    ``JAX_COMPILATION_CACHE_DIR``.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    ours = [f"{flag}={value}" for flag, value in XLA_FLAGS.items() if flag not in flags]
    os.environ["XLA_FLAGS"] = " ".join([flags, *ours]).strip()
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
