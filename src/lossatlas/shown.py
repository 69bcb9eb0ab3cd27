"""How things are shown to people: counted nouns, and objects in a notebook."""

from collections.abc import Mapping
from html import escape
from numbers import Integral, Real


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun.

    Examples:
        >>> counted(1, "transition state"), counted(0, "minimum", "minima")
        ('1 transition state', '0 minima')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def html_table(kind: str, rows: Mapping[str, object], name: str = "") -> str:
    """An object as a notebook shows it: what it is, and a small table, without style sheets.

    All texts are shown as they are: markup in them is no markup.

    Args:
        kind: what it is, e.g. ``"Atlas"``.
        rows: what is to be known about it, by its heading.
        name: what it is called, empty if it has no name.

    Examples:
        >>> html_table("Atlas", {"minima": 3}, "<d2>")
        '<p><b>Atlas</b> &lt;d2&gt;</p><table><tr><th>minima</th><td>3</td></tr></table>'
    """
    title = f"<b>{escape(kind)}</b> {escape(name)}".strip()
    cells = (
        f"<tr><th>{escape(heading)}</th><td>{escape(_text(value))}</td></tr>"
        for heading, value in rows.items()
    )
    return f"<p>{title}</p><table>{''.join(cells)}</table>"


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, Real):
        return "none" if value is None else str(value)
    return f"{value:,}" if isinstance(value, Integral) else f"{value:.10g}"
