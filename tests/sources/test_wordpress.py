"""WordPress' export: which items are articles, what is read of them, and what a hostile file costs."""

import io

import pytest

from recommender.articles.article import Article
from recommender.articles.reading import Conventions, read_article
from recommender.errors import InvalidInput
from recommender.sources import wordpress
from recommender.sources.base import Record
from recommender.sources.field_map import FieldMap
from recommender.sources.wordpress import WordPressExport

HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<rss version="2.0" xmlns:excerpt="http://wordpress.org/export/1.2/excerpt/"
 xmlns:content="http://purl.org/rss/1.0/modules/content/" xmlns:wp="http://wordpress.org/export/1.2/">
<channel>
<title>Journal</title>
<language>en-US</language>
<wp:base_blog_url>https://journal.example</wp:base_blog_url>
<wp:author><wp:author_login><![CDATA[amina]]></wp:author_login>
<wp:author_display_name><![CDATA[Amina Writer]]></wp:author_display_name></wp:author>
"""
TAIL = "</channel>\n</rss>\n"
BODY = """<!-- wp:paragraph -->
<p>Rain fell on <strong>Gao</strong>.</p>
<!-- /wp:paragraph -->
[gallery ids="1,2"]
A second paragraph of the classic editor.

And a third."""


def item(body: str = BODY, **fields: str) -> str:
    """A post as WordPress writes it; of each field its element's content."""
    values = {
        "title": "<![CDATA[Rain &amp; sun]]>",
        "link": "https://journal.example/2024/rain/",
        "guid": "https://journal.example/?p=7",
        "dc:creator": "<![CDATA[amina]]>",
        "excerpt:encoded": "<![CDATA[It rained.]]>",
        "wp:post_id": "7",
        "wp:post_date": "<![CDATA[2024-09-17 09:30:00]]>",
        "wp:post_date_gmt": "<![CDATA[2024-09-17 08:30:00]]>",
        "wp:status": "<![CDATA[publish]]>",
        "wp:post_type": "<![CDATA[post]]>",
        "wp:post_password": "<![CDATA[]]>",
    } | {name.replace("__", ":"): text for name, text in fields.items()}
    elements = "\n".join(f"<{name}>{text}</{name}>" for name, text in values.items())
    return f"<item>\n{elements}\n<content:encoded><![CDATA[{body}]]></content:encoded>\n</item>\n"


def term(domain: str, nicename: str, name: str) -> str:
    return f'<category domain="{domain}" nicename="{nicename}"><![CDATA[{name}]]></category>'


def meta(key: str, value: str) -> str:
    return f"<wp:postmeta><wp:meta_key>{key}</wp:meta_key><wp:meta_value>{value}</wp:meta_value></wp:postmeta>"


def records(*items: str, head: str = HEAD) -> list[Record]:
    return list(WordPressExport(io.BytesIO((head + "".join(items) + TAIL).encode("utf-8", "surrogateescape")), "a.xml"))


def read(text: str, head: str = HEAD) -> Article:
    """The article of a single item."""
    (record,) = records(text, head=head)
    assert record.unreadable == ""
    return read_article(FieldMap().apply(record.fields).values, Conventions()).article


def test_post_is_an_article() -> None:
    article = read(item())
    assert (article.id, article.title, article.summary) == ("7", "Rain & sun", "It rained.")
    assert article.body == "Rain fell on Gao.\n\nA second paragraph of the classic editor.\n\nAnd a third."
    assert (article.url, article.aliases) == ("https://journal.example/2024/rain/", ("https://journal.example/?p=7",))
    assert str(article.posted_on) == "2024-09-17 08:30:00+00:00"
    assert (article.author, article.status) == ("Amina Writer", "published")


def test_map_of_the_rest_api_reads_it_too() -> None:
    """A site's settings may name it for what it publishes from day to day."""
    (record,) = records(item())
    mapped = FieldMap.of(["wordpress"]).apply(record.fields).values
    assert read_article(mapped, Conventions()).article == read(item())


def test_other_items_are_skipped_by_their_type() -> None:
    found = records(item(), *(item(wp__post_type=kind) for kind in ("attachment", "page", "nav_menu_item", "revision")))
    assert [record.skipped for record in found] == [
        "",
        "of the type attachment",
        "of the type page",
        "of the type nav_menu_item",
        "of the type revision",
    ]


@pytest.mark.parametrize(
    ("status", "stored"),
    [
        ("publish", "published"),
        ("draft", "draft"),
        ("pending", "draft"),
        ("private", "unpublished"),
        ("trash", "unpublished"),
    ],
)
def test_statuses(status: str, stored: str) -> None:
    assert read(item(wp__status=status)).status == stored


def test_post_with_a_password_is_not_public() -> None:
    assert read(item(wp__post_password="<![CDATA[tea]]>")).status == "unpublished"


@pytest.mark.parametrize(
    ("universal", "local", "date"),
    [
        ("0000-00-00 00:00:00", "0000-00-00 00:00:00", None),
        ("0000-00-00 00:00:00", "2024-09-17 09:30:00", "2024-09-17 09:30:00+00:00"),
        ("", "", None),
    ],
)
def test_dates_of_zeros_are_none(universal: str, local: str, date: str | None) -> None:
    posted = read(item(wp__post_date_gmt=universal, wp__post_date=local)).posted_on
    assert (None if posted is None else str(posted)) == date


def test_category_is_the_edition_and_the_rest_are_tags() -> None:
    labels = [
        term("category", "uncategorized", "Uncategorized"),
        term("category", "sahel", "Sahel"),
        term("category", "climate", "Climate"),
        term("post_tag", "rain", "rain"),
        term("post_format", "post-format-image", "Image"),
    ]
    article = read(item().replace("</item>", "".join(labels) + "</item>"))
    assert (article.edition, article.tags) == ("Sahel", ("rain", "Climate"))


@pytest.mark.parametrize("attachment_first", [True, False])
def test_picture_is_the_attachments_address(attachment_first: bool) -> None:
    post = item().replace("</item>", meta("_thumbnail_id", "9") + "</item>")
    picture = item(wp__post_type="attachment", wp__post_id="9", wp__attachment_url="https://cdn.example/rain.jpg")
    found = records(*([picture, post] if attachment_first else [post, picture]))
    assert [record.fields["image_url"] for record in found if not record.skipped] == ["https://cdn.example/rain.jpg"]


def test_language_of_the_post_or_of_a_site_that_has_chosen_one() -> None:
    french = HEAD.replace("en-US", "fr-FR")
    told = item().replace("</item>", term("language", "ha", "Hausa") + "</item>")
    assert [records(item(), head=head)[0].fields.get("language") for head in (HEAD, french)] == [None, "fr"]
    assert read(told, head=french).language == "ha"


def test_short_addresses_of_an_older_domain_are_kept() -> None:
    article = read(item(guid="http://old.example/?p=7"))
    assert article.aliases == ("https://journal.example/?p=7", "http://old.example/?p=7")


@pytest.mark.parametrize("guid", ["http://old.example/2007/09/04/14/", "http://old.example/?p=8", "tag:x", "http://[x"])
def test_other_guids_are_no_addresses(guid: str) -> None:
    assert read(item(guid=guid)).aliases == ("https://journal.example/?p=7",)


def test_picture_alone_is_an_article() -> None:
    article = read(item('<a href="https://journal.example/"><img src="rain.jpg" /></a>', excerpt__encoded=""))
    assert (article.title, article.body) == ("Rain & sun", "")


def test_post_without_title_gets_its_first_sentence() -> None:
    assert read(item(title="")).title == "It rained."


def test_marks_of_items_inside_a_text_are_text() -> None:
    body = "A feed has an &lt;item&gt;: <pre>]]]]><![CDATA[> </item><item> <!-- no comment</pre>"
    first, second = records(item(body), item(wp__post_id="8"))
    assert (first.unreadable, first.fields["id"], second.fields["id"]) == ("", "7", "8")


def test_broken_post_costs_only_itself() -> None:
    first, second, third = records(item(), item(title="Rain & sun"), item())
    assert (first.fields["id"], third.fields["id"]) == ("7", "7")
    assert second.unreadable.startswith("is not valid XML (")
    assert (first.line, second.line, second.cause) == (10, 30, "is not valid XML")


def test_control_characters_and_prefixes_of_plugins_are_read() -> None:
    text = item(title="<![CDATA[Ra\x0bin]]>").replace(
        "</item>", '<media:content media:url="x"><seo:a/></media:content></item>'
    )
    assert read(text).title == "Rain"


def test_bytes_that_are_not_utf8_are_told() -> None:
    (record,) = records(item(title="<![CDATA[Pluie à Gao]]>").encode("cp1252").decode("utf-8", "surrogateescape"))
    assert record.cause == "is not UTF-8; name the file's encoding with --encoding"


BOMB = '<!DOCTYPE rss [<!ENTITY a "lol"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>\n'


@pytest.mark.parametrize("name", ["b", "c"])
def test_entities_of_the_file_are_never_read(name: str) -> None:
    head = HEAD.replace("<rss", BOMB + "<rss", 1)
    first, second = records(item(title=f"&{name};"), item(), head=head)
    assert first.unreadable.startswith("is not valid XML (undefined entity")
    assert second.fields["title"] == "Rain &amp; sun"


def test_document_type_inside_an_item_is_refused() -> None:
    (record,) = records(item().replace("<item>\n", f"<item>\n{BOMB}"))
    assert record.unreadable.startswith("is not valid XML (")


def test_giant_post_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordpress, "MAX_LINE_BYTES", 5_000)
    monkeypatch.setattr(wordpress, "_CHUNK", 100)
    first, second = records(item("word " * 5_000), item())
    assert first.unreadable.startswith("is longer than 5,000 characters")
    assert second.fields["id"] == "7"


def test_post_of_too_many_tags_costs_only_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wordpress, "MAX_TAGS", 100)
    first, second = records(item().replace("</item>", "<a/>" * 200 + "</item>"), item())
    assert first.unreadable.startswith("has more than 100 tags")
    assert second.fields["id"] == "7"


def test_export_that_ends_too_early_says_so() -> None:
    whole, half = WordPressExport(io.BytesIO((HEAD + item() + item()[:300]).encode()), "a.xml")
    assert (whole.unreadable, half.cause) == ("", "is not valid XML")


@pytest.mark.parametrize("text", ["", "<rss><channel><item><title>A feed</title></item></channel></rss>", "plain", "<"])
def test_other_xml_is_told(text: str) -> None:
    with pytest.raises(InvalidInput, match=r"a\.xml is not an export of WordPress"):
        list(WordPressExport(io.BytesIO(text.encode()), "a.xml"))
