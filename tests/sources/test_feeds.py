"""Feeds: which fields an entry gives, what is no feed, and what a hostile one costs."""

import io
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.articles.article import Article
from recommender.articles.reading import Conventions, read_article
from recommender.errors import InvalidArticle, InvalidInput
from recommender.sources import feeds
from recommender.sources.base import Record
from recommender.sources.feeds import FeedFile
from recommender.sources.field_map import FieldMap
from recommender.sources.files import open_source
from recommender.sources.wordpress import WordPressExport

ITEM = """<item>
<guid isPermaLink="false">story-7</guid><title>Rain &amp;amp; sun</title><link>https://journal.example/rain</link>
<description>Rain fell.</description><pubDate>Tue, 17 Sep 2024 08:30:00 +0200</pubDate>
<content:encoded><![CDATA[<p>Rain fell on Gao.</p><script>alert(1)</script>]]></content:encoded>
<category>climate</category><dc:creator>Amina Writer</dc:creator>
<enclosure url="https://journal.example/rain.jpg" type="image/jpeg" length="7"/>
</item>"""
RSS = f"""<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:dc="http://purl.org/dc/elements/1.1/">
<channel><title>Journal</title><language>fr-BF</language>
{ITEM}
</channel></rss>"""
ATOM = """<feed xmlns="http://www.w3.org/2005/Atom" xml:lang="fr"><title>Journal</title>
<entry><id>tag:journal.example,2024:7</id><title>Rain</title><link href="https://journal.example/rain"/>
<updated>2024-09-17T06:30:00Z</updated>
<content type="html">&lt;p&gt;Rain fell on Gao.&lt;/p&gt;</content></entry></feed>"""


def records(feed: str | bytes, name: str = "feed.xml") -> list[Record]:
    return list(open_source(io.BytesIO(feed if isinstance(feed, bytes) else feed.encode()), name))


def article(record: Record) -> Article:
    return read_article(FieldMap().apply(record.fields).values, Conventions()).article


def test_entry_of_rss_is_an_article() -> None:
    (record,) = records(RSS)
    made = article(record)
    assert (made.id, made.title, made.summary, made.body) == (
        "story-7",
        "Rain & sun",
        "Rain fell.",
        "Rain fell on Gao.",
    )
    assert (made.url, made.language, made.tags) == ("https://journal.example/rain", "fr", ("climate",))
    assert made.image_url == "https://journal.example/rain.jpg"
    assert made.posted_on is not None
    assert made.posted_on.isoformat() == "2024-09-17T06:30:00+00:00"


def test_entry_of_atom_is_an_article() -> None:
    made = article(records(ATOM)[0])
    assert (made.id, made.body, made.language) == ("tag:journal.example,2024:7", "Rain fell on Gao.", "fr")
    assert made.posted_on is not None


def test_text_that_is_the_summary_is_not_told_twice() -> None:
    same = RSS.replace(
        "<description>Rain fell.</description>", "<description>&lt;p&gt;Rain fell on Gao.&lt;/p&gt;</description>"
    )
    assert article(records(same)[0]).summary != article(records(same)[0]).body


def test_entry_without_an_id_goes_by_its_address() -> None:
    plain = RSS.replace('<guid isPermaLink="false">story-7</guid>', "")
    assert article(records(plain)[0]).id == "https://journal.example/rain"


def test_entries_are_numbered_by_their_lines() -> None:
    assert [record.line for record in records(RSS.replace(ITEM, f"{ITEM}\n{ITEM}"))] == [4, 11]


def test_encoding_is_the_one_that_the_feed_names() -> None:
    latin = RSS.replace("UTF-8", "ISO-8859-1").replace("Rain fell on Gao", "Café à Gao").encode("latin-1")
    assert article(records(latin)[0]).body == "Café à Gao."


def test_broken_feed_is_read_as_far_as_it_goes() -> None:
    broken = RSS.replace("</channel></rss>", "<item><title>Sun & heat</title><guid>8</guid>")
    assert [record.fields["id"] for record in records(broken)] == ["story-7", "8"]


@pytest.mark.parametrize("page", ["", "<html><body>Not found</body></html>", '{"items": []}', "\x00\x01"])
def test_what_is_not_a_feed_is_named(page: str) -> None:
    with pytest.raises(InvalidInput, match="is not a feed"):
        records(page)


def test_feed_without_entries_is_empty() -> None:
    assert records(RSS.replace(ITEM, "")) == []


def test_ending_tells_feeds_and_exports_apart() -> None:
    export = '<rss xmlns:wp="http://wordpress.org/export/1.2/"></rss>'
    assert isinstance(open_source(io.BytesIO(export.encode()), "a.xml"), WordPressExport)
    assert isinstance(open_source(io.BytesIO(RSS.encode()), "a.xml"), FeedFile)
    assert isinstance(open_source(io.BytesIO(RSS.encode()), "a", "feed"), FeedFile)


def test_entities_are_not_multiplied() -> None:
    """A kilobyte that would become gigabytes."""
    levels = "".join(f'<!ENTITY e{level} "{f"&e{level - 1};" * 10}">' for level in range(1, 12))
    bomb = f'<!DOCTYPE rss [<!ENTITY e0 "lol">{levels}]>' + RSS.partition("\n")[2].replace("Rain fell on Gao", "&e11;")
    began = time.monotonic()
    found = records(bomb)
    assert sum(len(str(record.fields)) for record in found) < 100_000
    assert time.monotonic() - began < 10


def test_files_of_the_machine_are_not_read() -> None:
    outside = '<!DOCTYPE rss [<!ENTITY e SYSTEM "file:///etc/passwd">]>' + RSS.partition("\n")[2].replace(
        "Rain fell.", "&e;"
    )
    assert "root:" not in str([record.fields for record in records(outside)])


def test_feed_of_any_length_costs_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MAX_BYTES", 1_000)
    with pytest.raises(InvalidInput, match="is longer than"):
        records(RSS + " " * 1_000)


def test_many_tags_are_refused_before_they_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeds, "MAX_TAGS", 100)
    with pytest.raises(InvalidInput, match="more than 100 tags"):
        records(RSS.replace("</channel>", "<b>" * 100 + "</channel>"))


@given(st.binary(max_size=400), st.integers(0, len(RSS)), st.integers(0, 60))
def test_any_bytes_are_a_clear_error_or_records(noise: bytes, start: int, cut: int) -> None:
    data = RSS.encode()
    try:
        found = records(data[:start] + noise + data[start + cut :])
    except InvalidInput:
        return
    for record in found:
        try:
            made = article(record)
        except InvalidArticle:
            continue
        assert "<script" not in made.body
