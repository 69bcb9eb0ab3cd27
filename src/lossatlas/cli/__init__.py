"""The command line: a thin layer over the library.

This module and the help texts load nothing heavy: every command imports what it needs when it
runs.
"""


def main() -> None:
    """Run the program `lossatlas`; ends the process with its exit code.

    0: done. 1: a verification failed. 2: bad input. 130: interrupted.
    """
    import sys

    try:
        from lossatlas.program import app

        app()
    except KeyboardInterrupt:  # before a command could take care of it
        sys.exit(130)
