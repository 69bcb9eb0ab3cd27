"""The settings of JAX that explorations need: float64, one thread a worker, code kept between runs.

The command line makes these settings at the start of every command, and a notebook makes them by
`configure` in its first cell. Importing the library changes no setting. Explorations work without
them, but are slower, because threads compete for the cores and everything is compiled again in
every process.
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
"""The flag of XLA that makes each operation run in one thread, because the workers of the engine
keep all cores busy."""
XLA_FLAGS = {**ONE_THREAD, "--xla_cpu_prefer_vector_width": "512"}
"""All flags of XLA that are set. The second allows the widest vectors that the CPU has, where XLA
would use at most 256 bits (`benchmarks.kernels` shows the gain)."""

PREALLOCATE = "XLA_PYTHON_CLIENT_PREALLOCATE"
"""Environment variable that tells whether JAX takes three quarters of the memory of a graphics card
when it starts. It must not if several processes share the card."""


def configure(
    *,
    float64: bool = True,
    single_threaded: bool = True,
    compiled_code: bool | str | Path = True,
) -> None:
    """Configure JAX as the command line does, before anything is computed with JAX.

    JAX reads its flags once, when it starts. If it runs already, the settings that can still be
    changed are changed, and a warning names the flags that cannot. Flags that you have set in the
    environment variable ``XLA_FLAGS`` stay as they are, and so does ``JAX_COMPILATION_CACHE_DIR``.
    On a graphics card JAX takes memory when it is needed, unless you have set
    ``XLA_PYTHON_CLIENT_PREALLOCATE``, so that several processes can share the card.

    Args:
        float64: whether new JAX arrays are float64 by default, as they are not in JAX itself.
            lossatlas computes in float64 in any case; the setting is for your own code beside it.
            Default True.
        single_threaded: whether each operation of JAX runs in one thread, because the workers of an
            exploration keep all cores busy. Default True.
        compiled_code: where compiled code is kept between processes, which saves most of the time
            of short explorations: True, the default, for the user's folder of caches (or the folder
            that the environment variable ``LOSSATLAS_CACHE`` names), False for nowhere, or the path
            of a folder.

    Raises:
        BadInputError: if JAX cannot start, in which case the message names the environment variable
            to be corrected, or if the folder cannot be written.

    Warns:
        UserWarning: if JAX runs already, so that its flags cannot be set any more.

    Examples:
        >>> configure()                                 # doctest: +SKIP
        >>> configure(compiled_code="/scratch/cache")   # doctest: +SKIP
    """
    folder = None if isinstance(compiled_code, bool) else writable_folder(compiled_code)
    _set_flags(XLA_FLAGS if single_threaded else XLA_FLAGS.keys() - ONE_THREAD.keys())
    os.environ.setdefault(PREALLOCATE, "false")
    try:
        if float64:
            os.environ["JAX_ENABLE_X64"] = "1"
        import jax

        if float64:
            jax.config.update("jax_enable_x64", True)
    except Exception as error:  # JAX and its plugins raise errors of many kinds
        raise jax_cannot_start(error) from error
    from lossatlas.landscape.device import device

    device()
    if folder is None and compiled_code and "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        folder = cache_folder(f"jax-{jax.__version__}")
    if folder is not None:
        _keep_compiled_code(folder)


def _set_flags(names: Any) -> None:
    """Set flags that are not set yet, or warn that it is too late."""
    present = os.environ.get("XLA_FLAGS", "")
    ours = [f"{flag}={XLA_FLAGS[flag]}" for flag in XLA_FLAGS if flag in names]
    missing = [flag for flag in ours if flag.split("=")[0] not in present]
    if not _jax_runs():
        _check_flags(present)
        os.environ["XLA_FLAGS"] = " ".join([present, *missing]).strip()
    elif missing:
        text = (
            f"JAX runs already, so these flags cannot be set any more: {' '.join(missing)}; "
            "explorations are slower without them: restart Python (or the kernel of the notebook) "
            "and call lossatlas.configure() before anything else"
        )
        warnings.warn(text, stacklevel=3)


def _jax_runs() -> bool:
    """Whether it is too late for flags; JAX is not imported to find that out."""
    if "jax" not in sys.modules:
        return False
    from lossatlas.landscape.device import jax_runs

    return jax_runs()


def _check_flags(flags: str) -> None:
    """Refuse ``XLA_FLAGS`` that XLA does not accept.

    XLA would abort the whole process. Therefore another process tries to start JAX first.

    Raises:
        BadInputError: if that process was aborted; the message has the reason that XLA gave.
    """
    if not flags.strip():
        return
    start = [sys.executable, "-c", "import jax; jax.devices()"]
    tried = subprocess.run(start, capture_output=True, text=True)
    if tried.returncode == 0 or "Traceback" in tried.stderr:
        return  # an exception does not abort the process: it is raised and explained later
    fatal = [line for line in tried.stderr.splitlines() if line[:1] in "EF" and "] " in line]
    reason = fatal[0].split("] ", 1)[1] if fatal else "XLA does not accept it"
    raise BadInputError(f"XLA_FLAGS={flags}", reason[:300], "correct it, or unset XLA_FLAGS")


def _keep_compiled_code(folder: Path) -> None:
    import jax
    from jax.experimental.compilation_cache import compilation_cache

    # An entry that cannot be read is compiled again, which a user need not know.
    warnings.filterwarnings("ignore", message=".*persistent compilation cache entry")
    tidy(folder)
    changed = jax.config.jax_compilation_cache_dir != str(folder)  # type: ignore[attr-defined]
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    # JAX decides only once, at its first compilation, where compiled code is kept.
    if changed:
        compilation_cache.reset_cache()
