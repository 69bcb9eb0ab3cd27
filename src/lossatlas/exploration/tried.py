"""The names of searches, and which of them were made or planned."""

from collections import defaultdict
from collections.abc import Iterable, Set
from typing import NamedTuple


class Key(NamedTuple):
    """The name of a search; no search is made twice under one name.

    Attributes:
        strategy: name of the strategy in the log.
        origins: ids of the minima it starts from; empty for other starts.
        what: tells it from others of the same strategy and origins, e.g. ``"mode 2 + x1"``,
            ``"draw 17"``; empty if there is no other.
    """

    strategy: str
    origins: tuple[int, ...]
    what: str = ""

    def text(self) -> str:
        """In words.

        Examples:
            >>> Key("connect", (3, 7)).text(), Key("basin-hopping", (), "chain 4").text()
            ('connect 3, 7', 'basin-hopping, chain 4')
        """
        started = f"{self.strategy} {', '.join(map(str, self.origins))}".strip()
        return f"{started}, {self.what}" if self.what else started


class Tried:
    """The searches made or planned.

    Examples:
        >>> tried = Tried([Key("connect", (3, 7))])
        >>> Key("connect", (3, 7)) in tried, tried.joined(3, 7), tried.joined(3, 8)
        (True, True, False)
        >>> sorted(tried.whats("connect")), sorted(tried.whats("untrap"))
        ([''], [])
    """

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        """With these."""
        self._keys: set[tuple[str, tuple[int, ...], str]] = set()
        self._pairs: set[tuple[int, ...]] = set()
        self._whats: dict[str, set[str]] = defaultdict(set)
        for key in keys:
            self.add(key)

    def add(self, key: tuple[str, tuple[int, ...], str]) -> None:
        """One more, a `Key`."""
        strategy, origins, what = key
        self._keys.add(key)
        self._whats[strategy].add(what)
        if len(origins) == 2 and not what:
            self._pairs.add(origins)

    def __contains__(self, key: Key) -> bool:
        """Whether it was made or is planned."""
        return key in self._keys

    def whats(self, strategy: str) -> Set[str]:
        """What a strategy has tried, from whatever origins."""
        return self._whats.get(strategy, set())

    def joined(self, first: int, second: int) -> bool:
        """Whether some strategy looked for a path between two minima (ids, the lower first).

        A search with two origins and nothing else to tell it from others does.
        """
        return (first, second) in self._pairs
