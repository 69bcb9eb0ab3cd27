"""The program `lossatlas`, also run by `python -m lossatlas`."""


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


if __name__ == "__main__":
    main()
