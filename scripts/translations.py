"""Gathers the texts of the editors' desk, and compiles their translations: python scripts/translations.py [--check]

1. Texts marked with `_` in the templates and modules of recommender/web go into translations/messages.pot.
2. Each language's messages.po gets the new ones, empty, and loses those that are gone. Translate them there. A language
   of recommender/web/languages.py that has no messages.po yet gets one.
3. Each messages.po is compiled to the messages.mo that the service reads.

With --check nothing is written. The exit code is 1 where a file would change or a translation is missing.
"""

import sys
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from jinja2 import TemplateSyntaxError

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))  # so that it runs without the package being installed

from recommender.web.languages import DEFAULT, LANGUAGES  # noqa: E402

WEB = ROOT / "recommender" / "web"
FOLDER = WEB / "translations"
TEMPLATE = FOLDER / "messages.pot"
METHODS = [("**.py", "python"), ("templates/desk/**.html", "jinja2")]
OPTIONS = {"**.html": {"silent": "false"}}  # a template that cannot be read is an error
KEYWORDS = {**DEFAULT_KEYWORDS, "_l": None, "lazy_gettext": None}


def gather() -> Catalog:
    """The texts as they stand in the code, by file; with the date of the kept template if they are those in it."""
    catalog = Catalog(
        header_comment="# Texts of the editors' desk, gathered by scripts/translations.py.",
        project="recommender",
        version="",
        msgid_bugs_address="",
        last_translator="",
        language_team="",
    )
    read: list[str] = []
    try:
        for file, _line, text, comments, context in extract_from_dir(
            WEB,
            METHODS,
            OPTIONS,
            KEYWORDS,
            ["Translators:"],
            callback=lambda name, _method, _options: read.append(name),
        ):
            catalog.add(text, None, [(file, 0)], auto_comments=comments, context=context)
    except TemplateSyntaxError as error:
        sys.exit(f"{read[-1]}, line {error.lineno}: {error.message}")
    for message in catalog:
        message.locations = sorted(set(message.locations))
    if TEMPLATE.exists():
        now, catalog.creation_date = catalog.creation_date, _read(TEMPLATE).creation_date
        if _po(catalog) != TEMPLATE.read_bytes():
            catalog.creation_date = now
    return catalog


def files() -> Iterator[tuple[Path, bytes, list[str]]]:
    """Every file of translations as it should be, and which texts it leaves untranslated."""
    template = gather()
    yield TEMPLATE, _po(template), []
    for language in sorted(set(LANGUAGES) - {DEFAULT}):
        path = FOLDER / language / "LC_MESSAGES" / "messages.po"
        catalog = _read(path, language) if path.exists() else _begun(language)
        catalog.update(template, no_fuzzy_matching=True)
        yield path, _po(catalog), [str(message.id) for message in catalog if not _done(message)]
        compiled = BytesIO()
        write_mo(compiled, catalog)
        yield path.with_suffix(".mo"), compiled.getvalue(), []


def _read(path: Path, locale: str | None = None) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=locale)


def _begun(language: str) -> Catalog:
    """The catalog of a language without translations yet; Babel knows its plurals."""
    return Catalog(
        locale=language,
        header_comment=f"# {LANGUAGES[language]}: texts of the editors' desk. New ones are put in by "
        "scripts/translations.py; translate them\n# here, and run it again.",
        fuzzy=False,
        project="recommender",
    )


def _po(catalog: Catalog) -> bytes:
    text = BytesIO()
    write_po(text, catalog, width=120, include_lineno=False, ignore_obsolete=True, sort_by_file=True)
    return text.getvalue()


def _done(message: Message) -> bool:
    strings = message.string if isinstance(message.string, tuple) else (message.string,)
    return not message.id or (all(strings) and not message.fuzzy)


def main() -> None:
    """Brings the files up to date, or says what is not."""
    check = sys.argv[1:] == ["--check"]
    if sys.argv[1:] and not check:
        sys.exit(__doc__)
    wrong = 0
    for path, content, untranslated in files():
        for text in untranslated:
            print(f"{path.relative_to(FOLDER)}: not translated: {text}")
        wrong += len(untranslated)
        if not path.exists() or path.read_bytes() != content:
            print(f"{path.relative_to(FOLDER)}: {'out of date' if check else 'written'}")
            wrong += check
            if not check:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
