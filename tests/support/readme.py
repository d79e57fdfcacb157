"""The two READMEs and what is in them: headings, commands, tables, links; and the tables that are generated.

python -m tests.support.readme      write the generated tables into both READMEs (also `make readme`)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import attrs

from runner.reasons import CATALOGUE
from runner.reasons.shown import markdown
from runner.settings_page import settings_markdown

ROOT = Path(__file__).resolve().parents[2]
FILES: Mapping[str, str] = MappingProxyType({"en": "README.md", "ja": "README.ja.md"})
GENERATED: Mapping[str, Callable[[str], str]] = MappingProxyType(
    {"reasons": lambda lang: markdown(CATALOGUE, lang), "settings": settings_markdown}
)
"""What stands between `<!-- name -->` and `<!-- /name -->`, by name: the table in a language."""


@attrs.frozen
class Block:
    """A fenced block: its language and its lines."""

    kind: str
    text: str


def read(lang: str) -> str:
    return (ROOT / FILES[lang]).read_text(encoding="utf-8")


def filled(text: str, lang: str) -> str:
    """Return the text with every generated table as it should be."""
    for name, table in GENERATED.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        head, found, rest = text.partition(begin)
        assert found and end in rest, f"{FILES[lang]}: no place for the table {name!r}"
        text = f"{head}{begin}{table(lang)}\n{end}{rest.partition(end)[2]}"
    return text


def blocks(text: str) -> list[Block]:
    """Return the fenced blocks, those set into lists too."""
    found = re.findall(r"^( *)```(\w*)\n(.*?)^\1```", text, re.DOTALL | re.MULTILINE)
    return [Block(kind, re.sub(f"^{indent}", "", body, flags=re.MULTILINE)) for indent, kind, body in found]


def prose(text: str) -> str:
    """Return the text without its fenced blocks."""
    return re.sub(r"^( *)```.*?^\1```", "", text, flags=re.DOTALL | re.MULTILINE)


def commands(text: str) -> list[str]:
    """Return each command of the `sh` blocks, without its remark."""
    lines = [line for block in blocks(text) if block.kind == "sh" for line in block.text.splitlines()]
    bare = (re.split(r"\s#\s", f"{line} ")[0].strip() for line in lines)
    return [line for line in bare if line]


def headings(text: str) -> list[tuple[int, str]]:
    """Return (level, words) of each heading."""
    return [(len(marks), words) for marks, words in re.findall(r"^(#+) (.+)$", prose(text), re.MULTILINE)]


def sections(text: str) -> list[str]:
    """Return the text under each heading, headings left out."""
    outside = re.sub(r"^( *)```.*?^\1```", lambda block: block[0].replace("\n#", "\n ~#"), text, flags=re.DOTALL | re.M)
    return re.split(r"^#+ .+$", outside, flags=re.MULTILINE)


def anchor(heading: str) -> str:
    """Return what a link to a heading says, as GitHub makes it.

    >>> anchor("Reasons: what it says"), anchor("コマンドは 2 つ")
    ('reasons-what-it-says', 'コマンドは-2-つ')
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def tables(text: str) -> list[list[str]]:
    """Return each table as the lines of its rows, head and rule included."""
    found: list[list[str]] = []
    is_inside = False
    for line in prose(text).splitlines():
        if line.startswith("|"):
            if not is_inside:
                found.append([])
            found[-1].append(line)
        is_inside = line.startswith("|")
    return found


def links(text: str) -> Iterator[str]:
    """Return where each link and picture leads."""
    yield from re.findall(r"\]\(([^)\s]+)\)", prose(text))


def main() -> None:
    for lang, name in FILES.items():
        (ROOT / name).write_text(filled(read(lang), lang), encoding="utf-8")


if __name__ == "__main__":
    main()
