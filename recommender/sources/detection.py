"""The language a text is written in, by py3langid: naive Bayes over byte n-grams (Lui and Baldwin 2012), offline."""

from collections import Counter
from functools import cache

from py3langid.langid import MODEL_FILE, LanguageIdentifier

MIN_LETTERS = 25  # a shorter text is mostly names, which belong to no language
MIN_PROBABILITY = 0.95
READ = 2_000  # characters of a text: more do not change the answer
# Written alike, and by newsrooms under one code.
_VARIETIES = {"ary": "ar", "arz": "ar", "wuu": "zh", "yue": "zh", "uzs": "uz"}
_NO_LANGUAGE = "zxx"


def recognise(text: str) -> str | None:
    """The ISO 639 code of the language of a text; None where it is too short, or two languages are likely."""
    beginning = text[:READ]
    if sum(map(str.isalpha, beginning)) < MIN_LETTERS:
        return None
    probabilities: Counter[str] = Counter()
    for code, probability in _identifier().rank(beginning):
        probabilities[_VARIETIES.get(code, code)] += probability
    ((code, probability),) = probabilities.most_common(1)
    return str(code) if probability >= MIN_PROBABILITY and code != _NO_LANGUAGE else None


@cache
def _identifier() -> LanguageIdentifier:
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
