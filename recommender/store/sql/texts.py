"""Texts as both databases take them."""


def storable(text: str) -> str:
    """A text with U+FFFD for NUL, which PostgreSQL refuses, and `?` for lone surrogates, which are no UTF-8.

    Whoever fills in a form or sends JSON may put either in.
    """
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()
