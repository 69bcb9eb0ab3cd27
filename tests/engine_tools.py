"""What a search returns that asks for nothing."""


def returned(search):
    """The value that a search without requests ends with."""
    try:
        next(search)
    except StopIteration as end:
        return end.value
    raise AssertionError("it asks for something")
