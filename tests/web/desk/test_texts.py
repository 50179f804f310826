"""The desk speaks English and French; what readers get does not change with it."""

import re
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po
from flask.testing import FlaskClient

from recommender.web.languages import COOKIE, LANGUAGES
from scripts import translations
from tests.web.desk.conftest import Desk, csrf_token, post

SIGN_IN = "/editor/sign-in"
PLACEHOLDER = re.compile(r"%\((\w+)\)[sdg]|\{(\w+)\}")
CATALOGS = sorted(translations.FOLDER.glob("*/LC_MESSAGES/messages.po"))


def catalog(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file)


def translated(language: str = "*") -> Iterator[tuple[str, str]]:
    """Every text that is translated, and its translation; of those with a plural, the pairs of both forms."""
    for path in translations.FOLDER.glob(f"{language}/LC_MESSAGES/messages.po"):
        for message in catalog(path):
            if message.id and all(forms(message.string)):
                yield from zip(forms(message.id), forms(message.string), strict=True)


def forms(text: object) -> tuple[str, ...]:
    return text if isinstance(text, tuple) else (str(text),)


def language_of(client: FlaskClient, **headers: str) -> str:
    match = re.search(r'<html lang="(\w+)">', client.get(SIGN_IN, headers=headers).text)
    assert match
    return match[1]


def choose(client: FlaskClient, language: str, back: str = SIGN_IN) -> tuple[int, str | None]:
    token = csrf_token(client, SIGN_IN)
    answer = client.post("/editor/language", data={"csrf_token": token, "language": language, "next": back})
    return answer.status_code, answer.location


@pytest.mark.parametrize(
    ("header", "language"), [("", "en"), ("fr", "fr"), ("fr-CA,en;q=0.5", "fr"), ("de", "en"), ("de,fr;q=0.1", "fr")]
)
def test_browser_says_the_language(stranger: FlaskClient, header: str, language: str) -> None:
    assert language_of(stranger, accept_language=header) == language


def test_chosen_language_is_kept(stranger: FlaskClient) -> None:
    assert choose(stranger, "fr") == (303, SIGN_IN)
    assert language_of(stranger, accept_language="en") == "fr"
    assert "Se connecter" in stranger.get(SIGN_IN).text


def test_choice_is_kept_for_the_desk_alone(stranger: FlaskClient) -> None:
    choose(stranger, "fr")
    cookie = stranger.get_cookie(COOKIE, path="/editor")
    assert cookie is not None
    assert (cookie.http_only, cookie.same_site, cookie.value) == (True, "Lax", "fr")


def test_signed_in_people_choose_too(desk: Desk) -> None:
    client = desk()
    assert post(client, "/editor/language", language="fr", next="/editor/password").location == "/editor/password"
    assert "Ancien mot de passe" in client.get("/editor/password").text


def test_unknown_language_is_refused(stranger: FlaskClient) -> None:
    assert choose(stranger, "xx")[0] == 400


def test_broken_cookie_is_ignored(stranger: FlaskClient) -> None:
    stranger.set_cookie(COOKIE, "../../etc", path="/editor")
    assert language_of(stranger) == "en"


@pytest.mark.parametrize("back", ["https://evil.example/", "//evil.example", "/\\evil.example", "/articles/x", ""])
def test_choice_leads_nowhere_else(stranger: FlaskClient, back: str) -> None:
    assert choose(stranger, "fr", back) == (303, "/editor/")


def test_choice_needs_the_pages_token(stranger: FlaskClient) -> None:
    assert stranger.post("/editor/language", data={"language": "fr"}).status_code == 400


def test_reader_gets_the_same_in_any_language(stranger: FlaskClient) -> None:
    english = stranger.get("/", headers={"Accept-Language": "en"})
    french = stranger.get("/", headers={"Accept-Language": "fr", "Cookie": f"{COOKIE}=fr"})
    assert french.text == english.text
    assert "Set-Cookie" not in french.headers


def test_every_language_has_a_catalog() -> None:
    assert {path.parent.parent.name for path in CATALOGS} | {"en"} == set(LANGUAGES)


def test_new_language_gets_a_catalog_to_translate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(translations.LANGUAGES, "eo", "Esperanto")
    (begun,) = [(content, texts) for path, content, texts in translations.files() if "eo" in path.parts and texts]
    catalog = read_po(BytesIO(begun[0]))
    assert sorted(begun[1]) == sorted(str(message.id) for message in catalog if message.id)
    assert (catalog.locale_identifier, catalog.num_plurals) == ("eo", 2)
    assert translations._po(catalog) == begun[0]


def test_translations_are_complete_and_compiled() -> None:
    """If this fails, run `python scripts/translations.py`, and translate what it names."""
    wrong = [str(path) for path, content, _texts in translations.files() if content != _kept(path)]
    untranslated = [text for _path, _content, texts in translations.files() for text in texts]
    assert (wrong, untranslated) == ([], [])


def _kept(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def test_translation_fills_the_same_places() -> None:
    for text, translation in translated():
        assert set(PLACEHOLDER.findall(text)) == set(PLACEHOLDER.findall(translation)), text


def test_percent_sign_stands_for_a_place_only() -> None:
    """Templates format every text, so that any other percent sign would break the page."""
    for text in {text for pair in translated() for text in pair}:
        assert "%" not in re.sub(r"%\(\w+\)[sdg]|%%", "", text), text


def test_translation_holds_no_markup() -> None:
    """Templates take a text as it is, without escaping it, and put some into attributes."""
    for text in {text for pair in translated() for text in pair}:
        assert re.findall(r"""[<>"]|&\w+;""", text) == [], text


def test_french_spaces_its_punctuation() -> None:
    for _text, translation in translated("fr"):
        assert re.findall(r" [;:!?»]|« ", translation) == [], translation
