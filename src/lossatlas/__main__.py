"""`python -m lossatlas` is the program `lossatlas`."""

from lossatlas.cli import main

if __name__ == "__main__":
    main()
