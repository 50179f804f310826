"""What counts as one address: an article is found under every form of its own, and under no other's.

`ONE_ADDRESS` is the table that docs/reference/addresses.md shows.
"""

import re
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recommender.articles.addresses import canonical_url

# What differs, an address, and a form of it that finds the same article.
ONE_ADDRESS = (
    ("scheme", "https://example.org/mali/ferry", "http://example.org/mali/ferry"),
    ("host in capitals", "https://example.org/mali/ferry", "https://EXAMPLE.org/mali/ferry"),
    ("closing dot of the host", "https://example.org/mali/ferry", "https://example.org./mali/ferry"),
    ("`www.`", "https://example.org/mali/ferry", "https://www.example.org/mali/ferry"),
    ("`m.`", "https://www.example.org/mali/ferry", "https://m.example.org/mali/ferry"),
    ("`amp.`", "https://example.org/mali/ferry", "https://amp.example.org/mali/ferry"),
    ("`/amp`", "https://example.org/mali/ferry", "https://example.org/mali/ferry/amp/"),
    ("`/amp` in front", "https://example.org/mali/ferry", "https://example.org/amp/mali/ferry"),
    ("`.amp`", "https://example.org/mali/ferry", "https://example.org/mali/ferry.amp"),
    ("`.amp.html`", "https://example.org/mali/ferry", "https://example.org/mali/ferry.amp.html"),
    ("`.amp.html` of `.html`", "https://example.org/ferry.html", "https://example.org/ferry.amp.html"),
    ("`.html`, `.htm`", "https://example.org/mali/ferry", "https://example.org/mali/ferry.html"),
    ("`?amp`", "https://example.org/mali/ferry", "https://example.org/mali/ferry?amp"),
    ("`?amp=1`", "https://example.org/?p=7", "https://example.org/?p=7&amp=1"),
    ("default port", "https://example.org/mali/ferry", "https://example.org:443/mali/ferry"),
    ("closing slash", "https://example.org/mali/ferry", "https://example.org/mali/ferry/"),
    ("repeated slashes", "https://example.org/mali/ferry", "https://example.org//mali///ferry"),
    ("`index.html`, `.htm`, `.php`", "https://example.org/mali/ferry", "https://example.org/mali/ferry/index.html"),
    ("`index.php` before a query", "https://example.org/?p=7", "https://example.org/index.php?p=7"),
    ("fragment", "https://example.org/mali/ferry", "https://example.org/mali/ferry#comments"),
    ("campaign parameters", "https://example.org/?p=7", "https://example.org/?utm_source=mail&p=7&fbclid=1"),
    ("order of parameters", "https://example.org/?a=1&b=2", "https://example.org/?b=2&a=1"),
    ("`&amp;`", "https://example.org/?p=7&q=2", "https://example.org/?p=7&amp;q=2"),
    ("`&#038;`", "https://example.org/?p=7&q=2", "https://example.org/?p=7&#038;q=2"),
    ("escapes in lower case", "https://example.org/caf%C3%A9", "https://example.org/caf%c3%a9"),
    ("Unicode in paths", "https://example.org/caf%C3%A9", "https://example.org/café"),
    ("letters in two parts", "https://example.org/café", "https://example.org/cafe\u0301"),
    ("the same, escaped", "https://example.org/café", "https://example.org/cafe%CC%81"),
    ("needless escapes", "https://example.org/a-b", "https://example.org/%61%2Db"),
    ("Unicode in hosts", "https://xn--sngal-bsab.example/puits", "https://sénégal.example/puits"),
    ("escapes in hosts", "https://sénégal.example/puits", "https://s%C3%A9n%C3%A9gal.example/puits"),
    ("ß in hosts", "https://xn--strae-oqa.example/", "https://straße.example/"),
)
OTHER_ADDRESSES = (
    ("path", "https://example.org/mali/ferry", "https://example.org/mali/Ferry"),
    ("a name alone in the path", "https://example.org/", "https://example.org/amp"),
    ("an ending of another kind", "https://example.org/ferry", "https://example.org/ferry.pdf"),
    ("a part inside the path", "https://example.org/mali/ferry", "https://example.org/mali/amp/ferry"),
    ("host", "https://example.org/a", "https://news.example.org/a"),
    ("a host of two names", "https://m.example/a", "https://www.example/a"),
    ("port", "https://example.org/a", "https://example.org:8080/a"),
    ("query", "https://example.org/?p=101", "https://example.org/?p=102"),
    ("a value of amp", "https://example.org/a", "https://example.org/a?amp=0"),
    ("escaped slash", "https://example.org/a/b", "https://example.org/a%2Fb"),
    ("accent", "https://example.org/café", "https://example.org/cafe"),
)


@pytest.mark.parametrize(("what", "url", "other"), ONE_ADDRESS)
def test_forms_of_one_address_agree(what: str, url: str, other: str) -> None:
    assert canonical_url(url) == canonical_url(other)


@pytest.mark.parametrize(("what", "url", "other"), OTHER_ADDRESSES)
def test_other_addresses_stay_apart(what: str, url: str, other: str) -> None:
    assert canonical_url(url) != canonical_url(other)


def test_docs_show_the_table() -> None:
    page = Path("docs/reference/addresses.md").read_text(encoding="utf-8")
    shown = re.findall(r"^\| (.+) \| `(https?://\S+)` \| `(https?://\S+)` \|$", page, re.MULTILINE)
    assert shown == [(what, url, other) for what, url, other in (*ONE_ADDRESS, *OTHER_ADDRESSES)]


@pytest.mark.parametrize(
    "url",
    [
        "https://example.org/sahel/coup",
        "http://www.example.org/sahel/coup/",
        "HTTPS://EXAMPLE.org:443/sahel/coup?utm_source=mail#top",
        " https://example.org/sahel/coup ",
        "https://example.org/sahel/coup?",
        "https://example.org/sahel/coup/?&",
        "https://example.org/sahel/%63oup",
    ],
)
def test_variants_of_an_address_agree(url: str) -> None:
    assert canonical_url(url) == "example.org/sahel/coup"


def test_paths_and_ports_tell_addresses_apart() -> None:
    urls = ["https://example.org/A", "https://example.org/a", "https://example.org:8080/a", "https://example.com/a"]
    assert len(set(map(canonical_url, urls))) == 4


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://example.org/?p=7", "example.org?p=7"),
        ("https://example.org?p=7", "example.org?p=7"),
        ("https://example.org/story.php/?id=12", "example.org/story.php?id=12"),
        ("https://example.org/?P=Ab", "example.org?P=Ab"),
        ("https://example.org/spip.php?article12", "example.org/spip.php?article12"),
        ("https://example.org/spip.php?article12&lang=fr", "example.org/spip.php?article12&lang=fr"),
        ("https://example.org/?p=", "example.org?p="),
        ("https://example.org/?b=2&a=1", "example.org?a=1&b=2"),
        ("https://example.org/?a=1&b=2", "example.org?a=1&b=2"),
        ("https://example.org/?t=2&a=0&t=1", "example.org?a=0&t=2&t=1"),  # the last of a repeated name may count
        ("https://example.org/?id=1;lang=fr", "example.org?id=1;lang=fr"),
        ("https://example.org/?q=a=b", "example.org?q=a=b"),
        ("https://example.org/?source=rfi&ref=3&campaign=4", "example.org?campaign=4&ref=3&source=rfi"),
    ],
)
def test_query_belongs_to_the_address(url: str, key: str) -> None:
    assert canonical_url(url) == key


@pytest.mark.parametrize(
    "added",
    [
        "utm_source=mail&utm_medium=a&UTM_Campaign=b",
        "utm%5Fsource=mail",
        "fbclid=IwAR0",
        "fbclid",
        "gclid=1&gclsrc=aw.ds&gbraid=2&wbraid=3&dclid=4&gad_source=5",
        "_ga=1.2.3&_gl=1*x",
        "msclkid=1&yclid=2&twclid=3&ttclid=4&li_fat_id=5&igshid=6",
        "mc_cid=1&mc_eid=2",
        "mtm_campaign=a&matomo_campaign=b&pk_kwd=c&piwik_kwd=d",
        "at_medium=social&at_campaign=x&xtor=RSS-1",
        "ns_campaign=bbc&ns_mchannel=social&cmpid=1",
    ],
)
def test_campaign_parameters_do_not_matter(added: str) -> None:
    assert canonical_url(f"https://example.org/a?{added}") == "example.org/a"
    assert canonical_url(f"https://example.org/?p=7&{added}") == "example.org?p=7"
    assert canonical_url(f"https://example.org/?{added}&p=7") == "example.org?p=7"


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://example.org/é", "example.org/%C3%A9"),
        ("https://example.org/%c3%a9", "example.org/%C3%A9"),
        ("https://example.org/%C3%A9", "example.org/%C3%A9"),
        ("https://example.org/?p=é", "example.org?p=%C3%A9"),
        ("https://example.org/?p=%c3%a9", "example.org?p=%C3%A9"),
        ("https://example.org/مالي", "example.org/%D9%85%D8%A7%D9%84%D9%8A"),
        ("https://example.org/%7Eed/a%2db", "example.org/~ed/a-b"),
        ("https://example.org/l%27eau(2)", "example.org/l'eau(2)"),
        ("https://example.org/a%2fb", "example.org/a%2Fb"),  # a slash inside a name is none
        ("https://example.org/?q=a%26b", "example.org?q=a%26b"),
        ("https://example.org/100%", "example.org/100%25"),
        ("https://example.org/%%34%31", "example.org/%2541"),
    ],
)
def test_escapes_are_written_one_way(url: str, key: str) -> None:
    assert canonical_url(url) == key


@pytest.mark.parametrize(
    "host", ["sénégal.example", "SÉNÉGAL.example", "www.sénégal.example", "XN--sngal-bsab.example"]
)
def test_hosts_in_unicode_and_ascii_agree(host: str) -> None:
    assert canonical_url(f"https://{host}/a") == "xn--sngal-bsab.example/a"


@given(st.text() | st.sampled_from(["http://[::1/a", "http://a:b/", "//[x", "http://a..b/", "http://a/\ud800"]))
def test_any_text_has_canonical_form(text: str) -> None:
    once = canonical_url(text)
    assert once == canonical_url(text)
    assert "#" not in once or "[" in text


@given(st.text(string.ascii_letters + string.digits + "/?&=;%+.~é'# ", max_size=40))
def test_canonical_form_is_its_own(rest: str) -> None:
    key = canonical_url(f"https://example.org/{rest}")
    assert canonical_url(f"https://{key}") == key
