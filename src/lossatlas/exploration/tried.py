"""The names of searches, and which of them were made or planned."""

from collections import defaultdict
from collections.abc import Iterable, Set
from typing import NamedTuple


class Key(NamedTuple):
    """The name of a search; no two searches of an atlas have the same name.

    Attributes:
        strategy: name of the strategy in the log.
        origins: ids of the minima that the search starts from; empty for other starts.
        what: a text that tells the search from others of the same strategy and origins, for example
            ``"mode 2 + x1"`` or ``"draw 17"``; empty, the default, if there are no others.

    Examples:
        >>> Key("connect", (3, 7))
        Key(strategy='connect', origins=(3, 7), what='')
    """

    strategy: str
    origins: tuple[int, ...]
    what: str = ""

    def text(self) -> str:
        """Write the key as it is shown in messages.

        Examples:
            >>> Key("connect", (3, 7)).text(), Key("basin-hopping", (), "chain 4").text()
            ('connect 3, 7', 'basin-hopping, chain 4')
        """
        started = f"{self.strategy} {', '.join(map(str, self.origins))}".strip()
        return f"{started}, {self.what}" if self.what else started


class Tried:
    """The set of the searches that were made or planned.

    It can have millions of members, and Python's garbage collector visits each member of a set and
    each tuple again and again. Therefore members are texts that are the keys of dictionaries
    without values. It skips such dictionaries, or (from Python 3.14 on) visits their values, which
    are all None.

    Args:
        keys: the keys that it begins with; default none.

    Examples:
        >>> tried = Tried([Key("connect", (3, 7))])
        >>> Key("connect", (3, 7)) in tried, tried.joined(3, 7), tried.joined(3, 8)
        (True, True, False)
        >>> sorted(tried.whats("connect")), sorted(tried.whats("untrap"))
        ([''], [])
    """

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        """Begin with some keys."""
        self._keys: dict[str, None] = {}
        self._pairs: dict[str, None] = {}
        self._whats: dict[str, dict[str, None]] = defaultdict(dict)
        for key in keys:
            self.add(key)

    def add(self, key: tuple[str, tuple[int, ...], str]) -> None:
        """Add a key."""
        strategy, origins, what = key
        self._keys[_member(*key)] = None
        self._whats[strategy][what] = None
        if len(origins) == 2 and not what:
            self._pairs[_listed(origins)] = None

    def __contains__(self, key: Key) -> bool:
        """Say whether the search with a key was made or planned."""
        return _member(*key) in self._keys

    def whats(self, strategy: str) -> Set[str]:
        """Return the `what` of all searches of a strategy, from whatever origins."""
        return self._whats.get(strategy, {}).keys()

    def joined(self, first: int, second: int) -> bool:
        """Say whether any strategy has searched for a path between two minima.

        Every search with two origins and an empty `what` is such a search.

        Args:
            first: the lower id of the two minima.
            second: the higher id.
        """
        return _listed((first, second)) in self._pairs


def _member(strategy: str, origins: Iterable[int], what: str) -> str:
    """Write a key as a text that no other key has: it says where the name of the strategy ends."""
    return f"{len(strategy)} {strategy} {_listed(origins)} {what}"


def _listed(ids: Iterable[int]) -> str:
    return ",".join(map(str, ids))
