"""The program `lossatlas`, also run by `python -m lossatlas`."""

from typing import NoReturn


def main() -> NoReturn:
    """Run the program `lossatlas`, and end the process with its exit code.

    The exit code is 0 if the command succeeded, 1 if a verification failed or the output could not
    be written, and 2 for bad input. A program that is stopped by a signal ends with 128 plus the
    number of the signal: 130 for Ctrl-C, 143 for SIGTERM.
    """
    from lossatlas.cli import signals

    signals.install()
    try:
        from lossatlas.cli.arguments import OUTPUT_FAILED, explain_os_error
        from lossatlas.program import app

        try:
            app()
            code = 0
        except OSError as error:  # typer could not print the help, for example to a closed pipe
            explain_os_error(error)
            code = OUTPUT_FAILED
    except KeyboardInterrupt:  # Ctrl-C came before a command had begun to handle it
        code = signals.exit_code()
    except SystemExit as ended:
        code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
    signals.leave(code)


if __name__ == "__main__":
    main()
