"""Shingles: rows of words in a text. Two texts that share most of theirs are nearly the same text (Broder 1997)."""

import re
import zlib
from heapq import nsmallest

WORDS = 5  # in a shingle
SHORT = (
    30  # words; a shorter text owes its wording to its subject: one nearly the same may be another, such as a forecast
)
SKETCH = 64  # shingles that stand for a text: shares come out right within 0.06 (one standard deviation)
SAME_TEXT = 0.5  # two texts that share this part of their shingles are nearly the same

_WORD = re.compile(r"\w+")


def shingles(text: str) -> set[int]:
    """The shingles of a text, each a number of 32 bits; a SHORT text is one itself, one without words has none."""
    words = _WORD.findall(text.lower())
    if not words:
        return set()
    length = WORDS if len(words) >= SHORT else len(words)
    rows = (words[start : start + length] for start in range(len(words) - length + 1))
    return {zlib.crc32(" ".join(row).encode()) for row in rows}


def sketch(text: str) -> list[int]:
    """The SKETCH smallest shingles of a text, in rising order: of two texts of one length they share as many as the
    texts do (a bottom-k sketch, Cohen and Kaplan 2007).
    """
    return nsmallest(SKETCH, shingles(text))
