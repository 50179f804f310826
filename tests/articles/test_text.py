"""From HTML to plain text, and from text to passages."""

import html
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from recommender.articles.text import MAX_PASSAGES, PASSAGE_WORDS, links, names, one_line, passages, plain_text

words = st.text("abcdefghij é<&>'\"", min_size=1, max_size=12).map(lambda text: " ".join(text.split())).filter(bool)
hidden = st.sampled_from(
    [
        "<script>alert(1)</script>",
        "<style>p {color: red}</style>",
        "<!-- alert -->",
        "<SCRIPT SRC=x>alert(2)</SCRIPT>",
        "<noscript><p>alert</p></noscript>",
        "<svg><text>alert</text></svg>",
        "<template><b>alert</b></template>",
    ]
)


@st.composite
def documents(draw: st.DrawFn) -> tuple[str, str]:
    """An HTML document of paragraphs, and the text that a reader sees."""
    parts, paragraphs = [], []
    for _ in range(draw(st.integers(1, 5))):
        text = draw(words)
        tag = draw(st.sampled_from(["p", "div", "h2", "li", "blockquote"]))
        around = draw(st.sampled_from(["b", "i", "em", "a", "span"]))
        parts.append(f'<{tag} title="a > b">{draw(hidden)}<{around}>{html.escape(text)}</{around}></{tag}>')
        paragraphs.append(text)
    return "\n".join(parts), "\n\n".join(paragraphs)


@given(documents())
def test_readers_text_is_kept_exactly(document: tuple[str, str]) -> None:
    source, expected = document
    assert plain_text(source) == expected


@given(st.text())
def test_any_text_gives_clean_lines(text: str) -> None:
    for line in plain_text(text).split("\n\n"):
        assert line == " ".join(line.split())


@given(st.text(st.characters(exclude_characters="<&")))
@example("#\r0")
@example("#\t0")
@example("    # 0")
def test_plain_text_of_plain_text_stays(text: str) -> None:
    assert plain_text(plain_text(text)) == plain_text(text)


@given(st.text("<>!/[]-&;#'\"= \nabp", max_size=60))
def test_broken_markup_never_fails(text: str) -> None:
    assert plain_text(f"<p>{text}") is not None


@pytest.mark.parametrize(
    "text", ["<p><![if IE]>Mali", "<p><![ Mali", "<p><![endif]-->Mali", "<p><!DOCTYPE x [<!]>Mali"]
)
def test_declarations_of_any_kind_pass(text: str) -> None:
    assert "Mali" in plain_text(text)


@pytest.mark.parametrize("text", ["5 < 6 and 7 > 3", "the <MNLA> group", "AT&T and R&D", "a <- b", "x<y>z"])
def test_text_that_is_no_html_stays(text: str) -> None:
    assert plain_text(text) == text


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("Mali &amp; Niger", "Mali & Niger"),
        ("M&eacute;naka &#8212; Gao", "Ménaka — Gao"),
        ("one<br>two<br/>three", "one\n\ntwo\n\nthree"),
        ("<p>one\n two</p>", "one two"),
        ("one\n\n\n two\nthree", "one\n\ntwo three"),
        ("<ul><li>a<li>b</ul>", "a\n\nb"),
        ("<p>a <b>b</b>, c</p>", "a b, c"),
        ("<td>a</td><td>b</td>", "a\n\nb"),
    ],
)
def test_known_documents_give_known_text(source: str, expected: str) -> None:
    assert plain_text(source) == expected


@pytest.mark.parametrize("character", ["\x00", "\u202e", "\u200b", "\ufeff", "\x1b"])
def test_unseen_characters_are_dropped(character: str) -> None:
    assert plain_text(f"Ma{character}li") == "Mali"
    assert plain_text(f"<p>Ma&#{ord(character)};li</p>") == "Mali" or character == "\x00"


def test_one_line_joins_paragraphs() -> None:
    assert one_line("<p>Junta</p><p>revokes accord</p>") == "Junta revokes accord"


@pytest.mark.parametrize("piece", ["<a ", "</a ", "<!--", "<a b='", "<", "&", "<![", "<?", "<svg></p>", "<a b='>"])
def test_hostile_markup_takes_linear_time(piece: str) -> None:
    began = time.process_time()
    plain_text("<p>" + piece * 8_000)
    links("<p>" + piece * 8_000)
    assert time.process_time() - began < 2


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ('<p>See <a href="https://a.example/1">one</a>, <A HREF=/two>two</A>.</p>', ["https://a.example/1", "/two"]),
        ('<a href="/a">x</a><a href="/b">y</a><a href="/a">z</a>', ["/a", "/b"]),
        ('<a class="x" href=" /a?x=1&amp;y=2 ">x', ["/a?x=1&y=2"]),
        ('<a name="top">x</a><a href>y</a><a href=" ">z</a><a href="">', []),
        ('<link href="/style.css"><img src="/x"><!-- <a href="/hidden"> -->', []),
        ('<script>"<a href=/script>"</script><a href="/a"/>', ["/a"]),
        ('<![if IE]><a href="/a">x</a>', ["/a"]),
        ("https://a.example/ is no link; 5 < 6", []),
    ],
)
def test_links_are_the_targets_of_anchors(source: str, expected: list[str]) -> None:
    assert links(source) == expected


@given(st.text("<>!/[]-&;#'\"= \nahref", max_size=60))
def test_links_of_broken_markup_are_addresses(text: str) -> None:
    addresses = links(f"<a href=x>{text}")
    assert addresses[:1] == ["x"]
    assert all(address == address.strip() != "" for address in addresses)


def test_short_article_is_one_passage() -> None:
    assert passages("Coup in Niger", "Soldiers hold the president", "They came at dawn.") == [
        "Coup in Niger. Soldiers hold the president. They came at dawn."
    ]


def test_bare_title_is_one_passage() -> None:
    assert passages("Coup in Niger", "", "") == ["Coup in Niger."]


def test_title_heads_every_passage() -> None:
    body = "\n\n".join(["word " * 100] * 3)
    texts = passages("Title?", "", body)
    assert texts == [f"Title? {'word ' * 100}".strip()] * 3


def test_paragraphs_are_packed_together() -> None:
    assert passages("T", "", "a b\n\nc d\n\ne f", words=4) == ["T. a b c d", "T. e f"]


def test_long_paragraphs_are_cut_evenly() -> None:
    assert passages("T", "", "a b c d e f", words=5) == ["T. a b c", "T. d e f"]


@given(st.lists(st.integers(0, 400), max_size=12))
def test_passages_keep_every_word(lengths: list[int]) -> None:
    numbered = iter(range(10_000))
    body = "\n\n".join(" ".join(f"w{next(numbered)}" for _ in range(length)) for length in lengths)
    texts = passages("T", "", body)
    assert [word for passage in texts for word in passage.split()[1:]] == body.split()
    assert all(len(passage.split()) - 1 <= PASSAGE_WORDS for passage in texts)


def test_number_of_passages_is_limited() -> None:
    assert len(passages("T", "", "word " * PASSAGE_WORDS * (MAX_PASSAGES + 5))) == MAX_PASSAGES


def test_names_stand_inside_sentences() -> None:
    text = "The junta of Niger met General Tiani. Critics in Niamey objected, said “Ouest-France”."
    assert names(text) == ["France", "General", "Niamey", "Niger", "Ouest", "Tiani"]
