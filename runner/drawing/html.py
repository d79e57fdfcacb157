"""HTML pieces that pages share. Text is escaped here, and nowhere twice."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape


class Markup(str):
    """HTML that is ready: what it shows has been escaped."""

    __slots__ = ()


Cell = str
"""Text, which is escaped; or `Markup`, which is not."""


def safe(cell: Cell) -> str:
    """Return a cell as HTML.

    >>> safe("a < b"), safe(Markup("<b>a</b>"))
    ('a &lt; b', '<b>a</b>')
    """
    return cell if isinstance(cell, Markup) else escape(cell)


def table(rows: Iterable[Sequence[Cell]], kinds: Mapping[int, str] | None = None, *, labelled: bool = False) -> Markup:
    """Return rows as a table; the first is its head.

    Args:
        rows: of cells.
        kinds: the class of a column's cells, by its number from 0.
        labelled: each cell has its head with it, for where the page takes the columns apart.
    """
    classes = {n: f' class="{kind}"' for n, kind in (kinds or {}).items()}
    head, *rest = (list(enumerate(safe(cell) for cell in row)) for row in rows)
    top = "".join(f"<th{classes.get(n, '')}>{cell}</th>" for n, cell in head)
    labels = {n: f'<span class="label">{cell} </span>' for n, cell in head} if labelled else {}
    cells = ("".join(f"<td{classes.get(n, '')}>{labels.get(n, '')}{it}</td>" for n, it in row) for row in rest)
    lines = "".join(f"<tr>{row}</tr>" for row in cells)
    return Markup(f"<table><thead><tr>{top}</tr></thead><tbody>{lines}</tbody></table>")
