"""What an archive may lack, as changes of a judged archive: `LOSSES` by name, each from articles and judgments to both.

Where a loss changes nothing, since there were no tags to lose, it gives None.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from recommender.articles.article import Article
from recommender.articles.labels import full_text
from recommender.articles.text import names
from recommender.metrics import Grades

TWO_TAGS = 2
WORDS_LEFT = 60
COPY = "-copy"
FOOTER = (
    "Subscribe to our newsletter to read the best of our reporting every week. Follow us on all social networks and "
    "share this article with your friends. Our work is free because readers like you support it: become a member from "
    "two euros a month and help us to send reporters where few others go. All rights reserved."
)


@dataclass(frozen=True)
class Judged:
    """The articles of an archive, and the grades of its queries."""

    articles: Sequence[Article]
    qrels: Mapping[str, Grades]
    gazetteer: bool = True


Loss = Callable[[Judged], Judged | None]


def _each(change: Callable[[Article], Article]) -> Loss:
    def loss(judged: Judged) -> Judged | None:
        articles = [change(article) for article in judged.articles]
        return None if articles == list(judged.articles) else replace(judged, articles=articles)

    return loss


def without_gazetteer(judged: Judged) -> Judged:
    """The service knows no names."""
    return replace(judged, gazetteer=False)


def in_one_language(judged: Judged) -> Judged | None:
    """Only the articles of the commonest language, and the queries among them."""
    languages = Counter(article.language for article in judged.articles)
    if len(languages) == 1:
        return None
    ours = languages.most_common(1)[0][0]
    articles = [article for article in judged.articles if article.language == ours]
    ids = {article.id for article in articles}
    grades = {
        query: {other: grade for other, grade in row.items() if other in ids}
        for query, row in judged.qrels.items()
        if query in ids
    }
    with_related = {query: row for query, row in grades.items() if max(row.values()) > 0}
    return replace(judged, articles=articles, qrels=with_related)


def every_text_twice(judged: Judged) -> Judged:
    """Each article stands there again under another id and address."""
    copies = [
        replace(article, id=article.id + COPY, url=article.url and article.url + COPY) for article in judged.articles
    ]
    return replace(judged, articles=[*judged.articles, *copies])


def cut(article: Article) -> Article:
    """The first WORDS_LEFT words of the text, as a feed has it."""
    return replace(article, body=" ".join(article.body.split()[:WORDS_LEFT]))


def with_names_changed(judged: Judged) -> Judged:
    """Every name is another one that nobody has heard of, the same throughout the archive, labels included."""
    texts = [full_text(article) for article in judged.articles]
    lower = {word for text in texts for word in re.findall(r"\w+", text) if word.islower()}
    known = {name for text in texts for name in names(text) if name.lower() not in lower}
    made = {name: _made_up(name) for name in known} | {name.lower(): _made_up(name).lower() for name in known}

    def changed(text: str, *, label: bool = False) -> str:
        return re.sub(
            r"\w+", lambda word: made.get(word[0], word[0]) if label or word[0][0].isupper() else word[0], text
        )

    def renamed(article: Article) -> Article:
        return replace(
            article,
            title=changed(article.title),
            summary=changed(article.summary),
            body=changed(article.body),
            tags=tuple(changed(tag, label=True) for tag in article.tags),
            countries=tuple(changed(country, label=True) for country in article.countries),
        )

    return replace(judged, articles=[renamed(article) for article in judged.articles])


def _made_up(name: str) -> str:
    digest = hashlib.sha256(name.lower().encode()).digest()
    syllables = "".join("bdfgklmnprstvz"[byte % 14] + "aeiou"[byte // 14 % 5] for byte in digest[:4])
    return syllables.upper() if name.isupper() and len(name) > 1 else syllables.title()


LOSSES: Mapping[str, Loss] = {
    "as it is": lambda judged: judged,
    "without dates": _each(lambda article: replace(article, posted_on=None)),
    "without tags": _each(lambda article: replace(article, tags=())),
    "with two tags": _each(lambda article: replace(article, tags=article.tags[:TWO_TAGS])),
    "without countries": _each(lambda article: replace(article, countries=())),
    "without a gazetteer": without_gazetteer,
    "in one language": in_one_language,
    "with a shared footer": _each(lambda article: replace(article, body=f"{article.body}\n\n{FOOTER}")),
    "every text twice": every_text_twice,
    f"cut to {WORDS_LEFT} words": _each(cut),
    "names changed": with_names_changed,
    "with nothing but texts": _each(lambda article: replace(article, posted_on=None, tags=(), countries=())),
}
