"""How counts and objects are shown to people: nouns with their numbers, tables in notebooks."""

from collections.abc import Mapping
from html import escape
from numbers import Integral, Real


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun, in the singular or the plural.

    Args:
        number: how many there are.
        noun: what is counted, in the singular.
        plural: its plural; by default the noun with an s.

    Examples:
        >>> counted(1, "transition state"), counted(0, "minimum", "minima")
        ('1 transition state', '0 minima')
    """
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def html_table(kind: str, rows: Mapping[str, object], name: str = "") -> str:
    """An object as HTML for a notebook: its kind, its name and a small table.

    All texts are escaped, so that markup in them is shown as text.

    Args:
        kind: what the object is, e.g. ``"Atlas"``.
        rows: the values in the table, by their headings.
        name: the name of the object; empty if it has none.

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
