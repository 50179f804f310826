"""Codes and names of languages, as Unicode's CLDR has them, to the codes that articles carry."""

import re
from functools import cache

from babel import Locale
from babel.core import get_global

_CODE = re.compile(r"([A-Za-z]{2,3})(?:[-_][A-Za-z0-9]{1,8})*")
_NAMED_IN = ("en", "fr", "ar", "es", "pt", "de", "ha", "sw")


def language_code(text: str) -> str | None:
    """The ISO 639 code of a code in any form or of a language's name: fr for fr, FR, fra, fre, fr-BF and French.

    The shortest code there is, without region and script; None for what is neither code nor name.
    """
    text = text.strip()
    if match := _CODE.fullmatch(text):
        code = match[1].lower()
        alias: str = get_global("language_aliases").get(code, code)
        return alias.partition("_")[0].lower()
    return _names().get(text.casefold())


@cache
def _names() -> dict[str, str]:
    names: dict[str, str] = {}
    for locale in map(Locale, _NAMED_IN):
        names = {name.casefold(): code for code, name in locale.languages.items() if "_" not in code} | names
    return names
