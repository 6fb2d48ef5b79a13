"""Tests of the page: a person types a text, and sees label, probabilities and version."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.service_process import ServiceProcess, make_artifact, service_process

THREE = ("negative", "neutral", "positive")
FOREIGN = ("否定的", "нейтральный")
FORTY = tuple(f"a topic of the longest name number {number}" for number in range(40))
Model = Callable[..., Path]


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Model:
    """Makes an artifact of some labels and columns, once."""
    known: dict[Any, Path] = {}

    def make(labels: tuple[str, ...] = THREE, columns: tuple[str, ...] = ("text",)) -> Path:
        key = labels, columns
        if key not in known:
            known[key] = make_artifact(tmp_path_factory.mktemp("made") / "classifier", "linear", *key)
        return known[key]

    return make


@contextmanager
def opened(
    chromium: Any,  # noqa: ANN401
    running: ServiceProcess,
    width: int = 1_200,
    scheme: str = "light",
) -> Iterator[Any]:
    """Open the page in a window of this width; any console error fails the test."""
    context = chromium.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page, complaints = context.new_page(), []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if "policy" in message.text.lower() else None)
    page.goto(running.url)
    yield page
    context.close()
    assert complaints == []


def ask(page: Any, **texts: str) -> None:  # noqa: ANN401 - playwright's
    """Type, ask, and wait for what comes."""
    for name, text in texts.items():
        page.get_by_label(name, exact=True).fill(text)
    page.get_by_role("button", name="Classify").click()
    page.wait_for_function("document.getElementById('label').textContent !== ''")


def shares(page: Any) -> dict[str, float]:  # noqa: ANN401 - playwright's
    """The shown probabilities, in order."""
    rows = [row.inner_text().split("\t") for row in page.locator("#probabilities tr").all()]
    return {row[0].strip(): float(row[-1]) for row in rows}


@pytest.mark.parametrize("window", [(width, scheme) for width in (380, 1_200) for scheme in ("light", "dark")])
@pytest.mark.parametrize("data", [(THREE, ("text",)), (FOREIGN, ("subject", "body")), (FORTY, ("text",))])
def test_a_person_sees_label_probabilities_and_version(
    chromium: Any,  # noqa: ANN401 - playwright's
    model: Model,
    pictures: Path,
    data: tuple[tuple[str, ...], tuple[str, ...]],
    window: tuple[int, str],
) -> None:
    """Wide and narrow, light and dark: the answer is there, the likeliest first, and nothing sticks out sideways."""
    (labels, columns), (width, scheme) = data, window
    options = ("--release", "v1.2.0", "--commit", "c0ffee00c0ffee")
    with service_process(model(labels, columns), *options) as running, opened(chromium, running, width, scheme) as page:
        page.get_by_text("v1.2.0").wait_for()
        ask(page, **dict.fromkeys(columns, "a wonderful lamp " * 3))
        found = shares(page)
        assert set(found) == set(labels)
        assert list(found.values()) == sorted(found.values(), reverse=True)
        assert sum(found.values()) == pytest.approx(1, abs=0.03)
        assert page.locator("#label").inner_text() == next(iter(found))
        assert "c0ffee00" in page.locator("footer").inner_text()
        page.screenshot(path=pictures / f"{len(labels)}-{width}-{scheme}.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        background = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        assert (background == "rgb(255, 255, 255)") == (scheme == "light")


def test_text_of_a_stranger_is_text(chromium: Any, model: Model) -> None:  # noqa: ANN401 - playwright's
    """Labels with markup in them are shown as they are; the page runs nothing that is not its own."""
    labels = ("<img src=x onerror=document.title='taken'>", "plain")
    with service_process(model(labels)) as running, opened(chromium, running) as page:
        ask(page, text="<script>document.title='taken'</script>")
        assert set(shares(page)) == set(labels)
        assert page.title() == "verdict"


def test_the_token_is_asked_for_and_used(
    chromium: Any,  # noqa: ANN401 - playwright's
    model: Model,
    tmp_path: Path,
    pictures: Path,
) -> None:
    """A service with a token shows its field; a wrong token gives an error, a right one the answer and the version."""
    (tmp_path / "token").write_text("a token of no one else\n")
    options = ("--token-file", str(tmp_path / "token"), "--release", "v1.2.0")
    with service_process(model(), *options) as running, opened(chromium, running, 380, "dark") as page:
        page.get_by_label("Token").wait_for()
        ask(page, text="a wonderful lamp", Token="wrong")  # noqa: S106
        assert "token" in page.locator("#label").inner_text()
        page.screenshot(path=pictures / "token-380-dark.png", full_page=True)
        page.get_by_label("Token").fill("a token of no one else")
        page.get_by_role("button", name="Classify").click()
        page.locator("#probabilities tr").first.wait_for()
        assert set(shares(page)) == set(THREE)
        page.get_by_text("v1.2.0").wait_for()


def test_without_a_token_no_field_asks_for_one(chromium: Any, model: Model) -> None:  # noqa: ANN401 - playwright's
    """The field is hidden from eyes and from screen readers."""
    with service_process(model()) as running, opened(chromium, running) as page:
        ask(page, text="a wonderful lamp")
        assert not page.get_by_label("Token").is_visible()


def test_errors_are_told_in_the_place_of_the_answer(chromium: Any, model: Model) -> None:  # noqa: ANN401 - playwright's
    """Refusals, and a service that is gone, are shown, and the last probabilities are removed."""
    with service_process(model()) as running, opened(chromium, running) as page:
        ask(page, text="a wonderful lamp")
        page.get_by_label("text", exact=True).fill("a" * 100_001)
        page.get_by_role("button", name="Classify").click()
        page.get_by_text("longer than 100,000 characters").wait_for()
        assert shares(page) == {}
        ask(page, text="a wonderful lamp")
        running.process.kill()
        running.process.wait(20)
        page.get_by_role("button", name="Classify").click()
        page.get_by_text("The service does not answer.").wait_for()
        assert shares(page) == {}


def test_a_keyboard_is_enough(chromium: Any, model: Model) -> None:  # noqa: ANN401 - playwright's
    """The cursor is in the field at once; Control and Enter ask."""
    with service_process(model()) as running, opened(chromium, running) as page:
        page.keyboard.type("a wonderful lamp")
        page.keyboard.press("Control+Enter")
        page.locator("#probabilities tr").first.wait_for()
