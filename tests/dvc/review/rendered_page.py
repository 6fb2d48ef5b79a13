"""What a reader of a page sees of it."""

from html.parser import HTMLParser


class RenderedPage(HTMLParser):
    """What a reader of an HTML page gets: its elements, and the text outside of `code`."""

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
        """Note an element; those that have an end are open until then."""
        self.elements.append((tag, {name: value or "" for name, value in attrs}))
        if tag not in ("img", "br", "meta", "hr", "input"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Close the innermost element, which must be this one."""
        if self.open and self.open[-1] == tag:
            self.open.pop()
        else:
            self.astray.append(tag)

    def handle_data(self, data: str) -> None:
        """Text, by whether it stands in `code`."""
        (self.code if "code" in self.open else self.prose).append(data)

    def named(self, tag: str) -> list[dict[str, str]]:
        """The attributes of all elements of a name."""
        return [attributes for name, attributes in self.elements if name == tag]
