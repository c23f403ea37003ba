"""The check of English: local/english.py."""

import sys
from pathlib import Path

import pytest

LOCAL = Path(__file__).resolve().parent.parent.parent / "local"
sys.path.insert(0, str(LOCAL))

import english  # noqa: E402

CASES = {
    # rule: (a text with a hit, a text without)
    "is told": ("The sender is told the reason.", "The response names the reason."),
    "told of": ("Watchers told of a change.", "Watchers notified of a change."),
    "unless told otherwise": ("One day, unless told\notherwise.", "One day by default."),
    "is asked": ("The store is not asked for it.", "The caller is asked to confirm."),
    "is said": ("What failed is said in the log.", "As I said, it failed."),
    "one who": ("For one who reads it.", "For anyone who reads it."),
    "who without a noun": ("It ends. Who is expired gets nothing.", "A client who has expired gets nothing."),
    "what is no": ("What is no header was none.", "What is not a header."),
    "lest": ("Sealed, lest it leaks.", "The lesson of the latest test."),
    "anew": ("It begins anew.", "It begins again; a new one."),
    "lately": ("Not seen lately.", "Translately is a name."),
    "so many": ("It waits so many seconds.", "It waits that many seconds."),
    "at the door": ("Counted at the door.", "The doorbell at the receiver."),
    "became of": ("What became of it.", "What it became."),
    "for meaning because": ("Nothing is kept, for it may be read.", "Kept for those stores, for nobody else."),
    "is there": ("It is used if it is there.", "There is one; is there another?"),
    "comes again": ("The message comes again.", "The message is received again."),
    "let in, shut out": ("A role that is let in.", "The role was let into the group."),
    "in vain": ("It tried in vain.", "It tried in vainglory."),
    "but for": ("All but for the last.", "Not for the first, but forever."),
    "no more, meaning no longer": ("The store has it no more.", "There are no more than ten."),
    "dear": ("Asking is too dear.", "Dear reader."),
    "bury": ("A deletion buries it.", "Burying is another matter."),
    "archaic": ("Whence it came.", "From where it came."),
}


def found(text: str) -> list[str]:
    """Hits in a text of a made-up file."""
    return list(english.hits(english.Text("a.md", 7, text)))


def test_each_phrase_has_a_case() -> None:
    """A rule without a tested hit may not work."""
    assert set(CASES) == set(english.PHRASES)


@pytest.mark.parametrize("rule", CASES)
def test_phrase_is_found_and_its_neighbour_is_not(rule: str) -> None:
    """The hit has path, line, phrase and suggestion."""
    bad, good = CASES[rule]
    suggestion = english.PHRASES[rule][1]
    assert any(hit.startswith("a.md:7: ") and hit.endswith(f": {suggestion}") for hit in found(bad))
    assert found(good) == []


def test_hit_names_the_line_it_begins_in() -> None:
    """Also when the phrase is wrapped."""
    assert found("One.\nTwo is\ntold.")[0].startswith("a.md:8: is told: ")


def test_allowed_phrase_is_passed_over() -> None:
    """Of that file and that rule alone."""
    text = english.Text("a.md", 1, "It begins anew, lately.")
    assert [hit.split(":")[2] for hit in english.hits(text, {("a.md", "anew")})] == [" lately"]
    assert len(list(english.hits(text, {("b.md", "anew")}))) == 2


def test_code_and_targets_of_links_are_not_prose() -> None:
    """Names are exempt."""
    assert found(english.prose("`is told` and ``became of`` and [x](#at the door)")) != []
    assert (
        found(english.prose("`is told`, ``became `x` of``, [x](#is-told),\n```\nanew\n```\n<https://a.b/lest>")) == []
    )


@pytest.mark.parametrize(
    "text",
    [
        "Whether it may.",
        "[What] it is",
        "**Who's** it",
        "who",
        " Where",
        "\nWhose.",
        "Reads.\n\n# Errors\nWhen it is gone.",
    ],
)
def test_wh_opening_is_recognised(text: str) -> None:
    """With and without markup, and in a section."""
    assert english.is_wh(english.Text("a.rs", 1, text))


@pytest.mark.parametrize(
    "text",
    [
        "Outcome of it.",
        "Whatever it is.",
        "`None`, when it is gone.",
        "[`What`] it is",
        "Returns what",
        "",
        "Reads.\n\n# Errors\nFails when gone.",
    ],
)
def test_other_opening_is_not(text: str) -> None:
    """A noun, a verb, a name."""
    assert not english.is_wh(english.Text("a.rs", 1, text))


def test_each_block_of_rust_is_one_doc_comment() -> None:
    """Plain comments and the content of `mod tests` are left out."""
    source = """//! Module,
//! two lines.
/// What it is.
// not this
pub fn one() {
    let _ = "/// nor this"; //// nor this
    /// Field.
}
#[cfg(test)]
mod tests {
    /// What is left out.
    const BRACE: &str = "}";
    /// And this: '}'.
    fn two() {}
}
/// Last.
"""
    docs = list(english.rust_docs("a.rs", source))
    assert [(text.line, text.text) for text in docs] == [
        (1, "Module,\ntwo lines."),
        (3, "What it is."),
        (7, "Field."),
        (16, "Last."),
    ]
    openings = [english.opening(text) for text in docs if english.is_wh(text)]
    assert [opening.split(": begin")[0] for opening in openings] == ["a.rs:3: What it is."]


def test_errors_and_log_lines_are_messages_and_other_texts_are_not() -> None:
    """Interpolations of an error are code."""
    source = """
#[error("it is told {is_told} \\
    twice")]
const NAME: &str = "anew";
fn f() { tracing::warn!(error = %chain(&failure), "(lest) it"); info!("three"); }
"""
    texts = [text.text for text in english.rust_messages("crates/x/src/a.rs", source)]
    assert [" ".join(text.split()) for text in texts] == [
        "it is told \N{BULLET}\N{BULLET}\N{BULLET}\N{BULLET}\N{BULLET}\N{BULLET}\N{BULLET}\N{BULLET}\N{BULLET} twice",
        "(lest) it",
        "three",
    ]


def test_all_texts_of_the_command_are_messages() -> None:
    """They speak to people."""
    source = 'const A: &str = "one"; fn f() -> &str { r#"two"# }\nmod tests { const B: &str = "three"; }'
    texts = [text.text.strip('r#"') for text in english.rust_messages("crates/cli/src/a.rs", source)]
    assert texts == ["one", "two"]


def test_docstrings_of_python_are_doc_comments() -> None:
    """Including those of constants."""
    source = '"""Module."""\nA = 1\n"""What a constant is."""\ndef f():\n    """Function."""\n    return "x"\n'
    docs = sorted(english.python_docs("a.py", source), key=lambda text: text.line)
    assert [(text.line, text.text) for text in docs] == [(1, "Module."), (3, "What a constant is."), (5, "Function.")]


def test_comments_of_typescript_lose_their_stars() -> None:
    """Only those of two stars are doc comments."""
    docs = list(english.typescript_docs("a.ts", "\n/** Where\n * it is. */\n/* no */ /**/\n/** One. */"))
    assert [(text.line, " ".join(text.text.split())) for text in docs] == [(2, "Where it is."), (5, "One.")]


def test_released_versions_are_history() -> None:
    """Only the newest version of a changelog is read."""
    assert english.newest("# C\n\n## 2\nnew\n\n## 1\nold\n") == "# C\n\n## 2\nnew\n\n"


def test_every_exception_has_a_file_and_a_rule() -> None:
    """Unused exceptions must be removed."""
    for (path, rule), reason in english.ALLOWED.items():
        assert (english.ROOT / path).is_file(), path
        assert rule in english.PHRASES, rule
        assert reason
