"""The elements and texts of an HTML page."""

from html.parser import HTMLParser


class RenderedPage(HTMLParser):
    """An HTML page, parsed: its elements, and the texts inside and outside `code`."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.code: list[str] = []
        self.prose: list[str] = []
        self.astray: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record an element; all but void ones are open until their end tag."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in ("img", "br", "meta", "hr", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element; an end tag of another one is `astray`."""
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.astray.append(tag)

    def handle_data(self, data: str) -> None:
        """Record a text, by whether it is inside `code`."""
        (self.code if "code" in self.open else self.prose).append(data)

    def named(self, tag: str) -> list[dict[str, str]]:
        """The attributes of all elements of a name."""
        return [attributes for name, attributes in self.elements if name == tag]
