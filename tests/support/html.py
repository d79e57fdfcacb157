"""Reading a page: what it would load, and what it holds."""

from __future__ import annotations

from html.parser import HTMLParser


class Page(HTMLParser):
    """Collects what a page would load, and what it holds."""

    def __init__(self) -> None:
        super().__init__()
        self.loads: list[str] = []
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, given: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag in ("script", "link", "img", "iframe", "object", "embed", "base", "meta"):
            self.loads += [f"{tag} {name}" for name, _ in given if name in ("src", "href", "http-equiv", "data")]
        self.loads += [
            f"{tag} {name}={value}" for name, value in given if name in ("src", "href", "xlink:href", "style")
        ]
