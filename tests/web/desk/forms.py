"""Forms of a page as a browser without scripts sees them: what they hold, and what pressing a button sends."""

from dataclasses import dataclass, field
from html.parser import HTMLParser

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

Pairs = list[tuple[str, str]]


@dataclass
class Form:
    """A form with its fields and buttons in their order, as (name, value)."""

    method: str
    action: str
    fields: Pairs = field(default_factory=list)
    buttons: Pairs = field(default_factory=list)


def forms(page: str) -> list[Form]:
    """All forms of a page."""
    reader = _Reader()
    reader.feed(page)
    return reader.found


def form_with(page: str, button: tuple[str, str], **values: str) -> Form:
    """The only form that has a button, and fields with these values."""
    matching = [
        form for form in forms(page) if button in form.buttons and all(value in form.fields for value in values.items())
    ]
    assert len(matching) == 1, f"{len(matching)} forms have the button {button} and {values}"
    return matching[0]


def press(
    client: FlaskClient, page: str, button: tuple[str, str], *, typed: dict[str, str] | None = None, **values: str
) -> TestResponse:
    """Presses a button of a form, after typing into some of its fields; the answer, not followed."""
    form = form_with(page, button, **values)
    return send(client, form, button, typed)


def send(client: FlaskClient, form: Form, button: tuple[str, str], typed: dict[str, str] | None = None) -> TestResponse:
    """Sends a form as its button does."""
    data: dict[str, list[str]] = {}
    for name, value in [*form.fields, *([button] if button[0] else [])]:
        data.setdefault(name, []).append(value)
    for name, value in (typed or {}).items():
        assert name in data, f"the form has no field {name}"
        data[name] = [value]
    return client.post(form.action, data=data)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[Form] = []
        self._inside = False

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.found.append(Form(values.get("method", "get"), values.get("action", "")))
            self._inside = True
        elif not self._inside:
            return
        elif tag == "button" and values.get("type", "submit") == "submit":
            self.found[-1].buttons.append((values.get("name", ""), values.get("value", "")))
        elif tag == "input" and values.get("name"):
            ticked = values.get("type") not in ("radio", "checkbox") or "checked" in values
            if ticked:
                self.found[-1].fields.append((values["name"], values.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = False
