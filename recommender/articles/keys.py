"""What a generation keeps of the text that it holds of an article: the key of its vector, and what copies share.

All is in one string, `IndexedArticle.text_hash`: the vector's key, the copy key, and the hash of the article as it
came. That of an earlier release is the article's hash alone, which begins with the vector's key as well.
"""

VECTOR_KEY = 64  # hex digits
COPY_KEY = 16
ARTICLE = VECTOR_KEY + COPY_KEY  # where the article's own hash begins
_NO_COPY = "-" * COPY_KEY


def indexed_hash(vector_key: str, copy_key: str, text_hash: str) -> str:
    """The string for a text; `copy_key` may be empty (see `shingles.copy_key`)."""
    return f"{vector_key}{copy_key or _NO_COPY}{text_hash}"


def vector_key(text_hash: str) -> str:
    """The key of the vector, of an article's own hash or of an indexed one."""
    return text_hash[:VECTOR_KEY]


def copy_key_of(indexed: str) -> str:
    """The copy key; empty where there is none."""
    found = indexed[VECTOR_KEY:ARTICLE] if len(indexed) > ARTICLE else ""
    return "" if found == _NO_COPY else found
