"""JAX as explorations need it: float64, one thread a worker, compiled code kept between runs.

The command line does this at the start of every command, a notebook in its first cell. Importing
the library changes nothing, and it works without: slower, since it competes with itself for the
cores, and everything is compiled again in every process.
"""

import os
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

from lossatlas.errors import BadInputError, jax_cannot_start
from lossatlas.lanes.compilation_cache import cache_folder, tidy, writable_folder

ONE_THREAD = {"--xla_cpu_multi_thread_eigen": "false"}
"""One thread an operation, because the workers of the engine keep all cores busy."""
XLA_FLAGS = {**ONE_THREAD, "--xla_cpu_prefer_vector_width": "512"}
"""And the widest vectors that the CPU has, where XLA would stop at 256 bits (`benchmarks.kernels`
shows the gain)."""


def configure(
    *,
    float64: bool = True,
    single_threaded: bool = True,
    compiled_code: bool | str | Path = True,
) -> None:
    """Configure JAX as the command line does; call it before anything computes with JAX.

    JAX reads its flags once, when it starts. Where it runs already, what can still be changed is
    changed, and a warning names what cannot. Flags that you have set in the variable ``XLA_FLAGS``
    stay, and so does a ``JAX_COMPILATION_CACHE_DIR``.

    Args:
        float64: new JAX arrays hold float64, which JAX turns off by default. lossatlas computes in
            float64 in any case; this is for your own code beside it.
        single_threaded: each operation of JAX runs in one thread, because the workers of an
            exploration keep all cores busy.
        compiled_code: keep compiled code between processes, which saves most of the time of short
            explorations: True for the user's folder of caches (or that in the variable
            ``LOSSATLAS_CACHE``), False for none, or the path of a folder.

    Raises:
        BadInputError: if JAX cannot start; names the environment variable that is to blame. If the
            folder cannot be written.

    Warns:
        UserWarning: if JAX runs already and its flags cannot be set any more.

    Examples:
        >>> configure(single_threaded=False)     # doctest: +SKIP
    """
    folder = None if isinstance(compiled_code, bool) else writable_folder(compiled_code)
    _set_flags(XLA_FLAGS if single_threaded else XLA_FLAGS.keys() - ONE_THREAD.keys())
    try:
        if float64:
            os.environ["JAX_ENABLE_X64"] = "1"
        import jax

        if float64:
            jax.config.update("jax_enable_x64", True)
    except Exception as error:  # of many kinds
        raise jax_cannot_start(error) from error
    from lossatlas.landscape.device import device

    device()
    if folder is None and compiled_code and "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        folder = cache_folder(f"jax-{jax.__version__}")
    if folder is not None:
        _keep_compiled_code(folder)


def _set_flags(names: Any) -> None:
    """Set flags that are not set yet, or say that it is too late."""
    present = os.environ.get("XLA_FLAGS", "")
    ours = [f"{flag}={XLA_FLAGS[flag]}" for flag in XLA_FLAGS if flag in names]
    missing = [flag for flag in ours if flag.split("=")[0] not in present]
    if not _jax_runs():
        _check_flags(present)
        os.environ["XLA_FLAGS"] = " ".join([present, *missing]).strip()
    elif missing:
        text = (
            f"JAX runs already, so these flags cannot be set any more: {' '.join(missing)}; "
            "explorations are slower without: restart Python (or the kernel of the notebook) and "
            "call lossatlas.configure() before anything else"
        )
        warnings.warn(text, stacklevel=3)


def _jax_runs() -> bool:
    """Whether it is too late for flags; JAX is not imported to find that out."""
    if "jax" not in sys.modules:
        return False
    from lossatlas.landscape.device import jax_runs

    return jax_runs()


def _check_flags(flags: str) -> None:
    """Refuse ``XLA_FLAGS`` that XLA does not accept: it would abort the whole process.

    So a process that only starts it is tried first.
    """
    if not flags.strip():
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
    from jax.experimental.compilation_cache import compilation_cache

    # An entry that cannot be read is compiled again: nothing a user needs to know.
    warnings.filterwarnings("ignore", message=".*persistent compilation cache entry")
    tidy(folder)
    changed = jax.config.jax_compilation_cache_dir != str(folder)  # type: ignore[attr-defined]
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    if changed:  # JAX decides at its first compilation where code is kept, and once
        compilation_cache.reset_cache()
