"""JAX as the program needs it: float64, one thread a worker, compiled code kept between runs.

Only the command line does this, at the start of a command. Importing the library changes nothing.
"""

import os
import subprocess
import sys
import warnings
from pathlib import Path

from lossatlas.cli.compilation_cache import cache_folder, tidy
from lossatlas.errors import BadInputError, jax_cannot_start

XLA_FLAGS = {"--xla_cpu_multi_thread_eigen": "false", "--xla_cpu_prefer_vector_width": "512"}
"""One thread an operation, because the workers of the engine keep all cores busy; and the widest
vectors that the CPU has, where XLA would stop at 256 bits (`benchmarks.kernels` shows the gain)."""


def set_up_jax() -> None:
    """Configure JAX; call it before anything imports JAX.

    Flags that the user has set in the variable ``XLA_FLAGS`` stay, and so does a
    ``JAX_COMPILATION_CACHE_DIR``.

    Raises:
        BadInputError: if JAX cannot start; names the environment variable that is to blame.
    """
    flags = os.environ.get("XLA_FLAGS", "")
    _check_flags(flags)
    ours = [f"{flag}={value}" for flag, value in XLA_FLAGS.items() if flag not in flags]
    os.environ["XLA_FLAGS"] = " ".join([flags, *ours]).strip()
    os.environ["JAX_ENABLE_X64"] = "1"
    try:
        import jax

        jax.config.update("jax_enable_x64", True)
    except Exception as error:  # of many kinds
        raise jax_cannot_start(error) from error
    from lossatlas.landscape.device import device

    device()
    # An entry that cannot be read is compiled again: nothing a user needs to know.
    warnings.filterwarnings("ignore", message=".*persistent compilation cache entry")
    folder = cache_folder(f"jax-{jax.__version__}")
    if folder is not None and "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        _keep_compiled_code(folder)


def _check_flags(flags: str) -> None:
    """Refuse ``XLA_FLAGS`` that XLA does not accept: it would abort the whole process.

    XLA reads them once, when it starts; so a process that only starts it is tried first.
    """
    if not flags.strip() or "jax" in sys.modules:
        return
    start = [sys.executable, "-c", "import jax; jax.devices()"]
    tried = subprocess.run(start, capture_output=True, text=True)
    if tried.returncode == 0 or "Traceback" in tried.stderr:
        return  # an exception is no abort: it will be met again, and explained
    fatal = [line for line in tried.stderr.splitlines() if line[:1] in "EF" and "] " in line]
    reason = fatal[0].split("] ", 1)[1] if fatal else "XLA does not accept it"
    raise BadInputError(f"XLA_FLAGS={flags}", reason[:300], "correct it, or unset XLA_FLAGS")


def _keep_compiled_code(folder: Path) -> None:
    import jax

    tidy(folder)
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
