"""Texts as both databases take them."""


def storable(text: str) -> str:
    """A text with U+FFFD for NUL, which PostgreSQL refuses, and `?` for lone surrogates, which are not UTF-8.

    A form or JSON may hold either.
    """
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
