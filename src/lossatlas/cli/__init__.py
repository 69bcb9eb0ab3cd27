"""The commands of the program: a thin layer over the library.

The modules and the help texts load nothing heavy: every command imports what it needs when it
runs.
"""
