"""The program `lossatlas`, also run by `python -m lossatlas`."""

from typing import NoReturn


def main() -> NoReturn:
    """Run the program `lossatlas`; ends the process with its exit code.

    0: done. 1: a verification failed, or the output could not be written. 2: bad input. 128 and
    the number of a signal: stopped by it, e.g. 130 by Ctrl-C, 143 by SIGTERM.
    """
    from lossatlas.cli import signals

    signals.install()
    try:
        from lossatlas.cli.arguments import OUTPUT_FAILED, explain_os_error
        from lossatlas.program import app

        try:
            app()
            code = 0
        except OSError as error:  # help that cannot be printed
            explain_os_error(error)
            code = OUTPUT_FAILED
    except KeyboardInterrupt:  # before a command could take care of it
        code = signals.exit_code()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    signals.leave(code)


if __name__ == "__main__":
    main()
