"""Checks the English of documents, doc comments, messages and the panel, as far as a program can. Part of `make check`.

    python3 local/english.py             # each sentence to rewrite; ends with 1 if there is any

Two rules, explained in CONTRIBUTING.md: doc comments begin with a noun or a verb, and no text contains a phrase of
`PHRASES`. A script of our own and not Vale: the `vale` package on PyPI contains no program but downloads one from
GitHub when it first runs, so no hash of ours covers it and an offline machine cannot run it; and Vale does not read
the messages of `#[error("…")]` and `tracing`. Runs on the plain Python of the machine.
"""

import argparse
import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

WH = re.compile(r"(what|where|which|whether|who|whose|whom|why|when|how)\b", re.IGNORECASE)

BE = r"(?:is|are|was|were|be|been|being)"
PRONOUN = r"(?:it|they|there|he|she|we|you|(?:nobody|nothing|none)(?! else))"

PHRASES: dict[str, tuple[str, str]] = {
    # name: (regular expression, where a space is any white space; suggestion)
    "is told": (rf"\b{BE} (?:not |never |only )?told\b", "say who reports what: `the log shows`, `receives`"),
    "told of": (r"\btold (?:of|about|nothing)\b", "`notified of`, or say who reports it"),
    "unless told otherwise": (r"\b(?:unless|until) (?:told|said) otherwise\b", "`by default`"),
    "is asked": (
        rf"\b{BE} (?:not |never |only )?asked\b(?! to)",
        "say who requests what: `the consumer fetches`, `requested`",
    ),
    "is said": (rf"\b{BE} (?:not |never )?said\b", "`is reported`, `is stated`, or say who says it"),
    "one who": (r"\bone who\b", "name them: `a client that`, `the caller`"),
    "who without a noun": (r"(?:^|[.;:]\s+)(?-i:Who) (?:is|has|was|can|may|does|bears|comes)\b", "`A client that …`"),
    "what is no": (r"\bwhat is no\b", "name it: `a value that is not a header`"),
    "lest": (r"\blest\b", "`so that … not`, `to prevent`"),
    "anew": (r"\banew\b", "`again`, `from the start`"),
    "lately": (r"\blately\b", "`recently`, or the period"),
    "so many": (r"\bso many\b", "the number, or `that many`"),
    "at the door": (r"\bat the door\b", "`at the receiver`, `before authorization`"),
    "became of": (r"\b(?:became|becomes?|becoming) of\b", "`the outcome of`"),
    "for meaning because": (
        rf"(?:[,;:] for {PRONOUN}\b|\bfor (?:it|they) (?:may|might|is|are|has|have)\b)",
        "`because`",
    ),
    "is there": (rf"\b{BE} (?:not |no longer |still |already )?there(?=\s*(?:[.,;:)]|$))", "`exists`, `is present`"),
    "comes again": (r"\b(?:come|comes|came|coming) again\b", "`is retried`, `is received again`"),
    "let in, shut out": (r"\b(?:let in|lets in|shut out|shuts out)\b", "`authorized`, `denied`"),
    "in vain": (r"\bin vain\b", "`without success`, or the failure"),
    "but for": (r"\bbut for\b", "`except`"),
    "no more, meaning no longer": (
        rf"\b(?:{BE}|has|have|does|do|knows?) (?:\w+ )?no more(?=\s*(?:[.,;:)]|$))",
        "`no longer`",
    ),
    "dear": (r"\b(?:too|as|so) dear\b", "`expensive`"),
    "bury": (r"\b(?:bury|buries|buried)\b", "`put a tombstone`"),
    "archaic": (r"\b(?:whence|whither|thereof|therein|hitherto|thence|hereby|withal)\b", "the plain word"),
}
RULES = {
    name: (re.compile(rule.replace(" ", r"\s+"), re.IGNORECASE | re.MULTILINE), hint)
    for name, (rule, hint) in PHRASES.items()
}

ALLOWED: dict[tuple[str, str], str] = {
    # (path, name of the rule): reason
}


@dataclass(frozen=True)
class Text:
    """A piece of prose: consecutive lines of a file, markup and code blanked out, so that offsets hold."""

    path: str
    line: int
    text: str


def blank(match: re.Match[str]) -> str:
    """The match with everything but line ends replaced by a character that no rule crosses."""
    return re.sub(r"[^\n]", "\N{BULLET}", match[0])


def prose(text: str) -> str:
    """Text of Markdown without its code and the targets of its links."""
    text = re.sub(r"^[ \t]*(```|~~~).*?^[ \t]*\1", blank, text, flags=re.DOTALL | re.MULTILINE)
    text = re.sub(r"(`+)(?!`).+?(?<!`)\1(?!`)", blank, text, flags=re.DOTALL)
    return re.sub(r"\]\([^)\s]*\)|<https?:[^>\s]*>|https?://\S+", blank, text)


# Rust.

TOKEN = re.compile(
    r"""
      (?P<comment>//[^\n]*|/\*.*?\*/)
    | (?P<raw>b?r(?P<hashes>\#*)".*?"(?P=hashes))
    | (?P<string>b?"(?:[^"\\]|\\.)*")
    | (?P<character>'(?:[^'\\\n]|\\[^\n]{1,8})')
    """,
    re.DOTALL | re.VERBOSE,
)


def end_of(source: str, start: int, opening: str, closing: str) -> int:
    """The end of what is opened at or after `start`; strings and comments do not count."""
    depth = 0
    for match in re.finditer(
        rf"{TOKEN.pattern}|(?P<open>{re.escape(opening)})|(?P<close>{re.escape(closing)})", source[start:], TOKEN.flags
    ):
        if match["open"]:
            depth += 1
        elif match["close"]:
            depth -= 1
            if depth == 0:
                return start + match.end()
    return len(source)


def without_tests(source: str) -> str:
    """Rust without its inline `mod tests`, with as many lines as before."""
    at = 0
    while match := re.compile(r"^\s*(?:pub(?:\([a-z]+\))? )?mod tests \{", re.MULTILINE).search(source, at):
        end = end_of(source, match.start(), "{", "}")
        lines = source.count("\n", match.start(), end)
        source = source[: match.start()] + "\n" * lines + source[end:]
        at = match.start() + lines
    return source


def rust_docs(path: str, source: str) -> Iterator[Text]:
    """Each block of `///` or `//!`, one doc comment each."""
    block: list[str] = []
    kind = ""
    lines = [*without_tests(source).split("\n"), ""]
    for number, line in enumerate(lines, start=1):
        match = re.match(r"\s*(///|//!)(?!/) ?(.*)", line)
        if block and (not match or match[1] != kind):
            yield Text(path, number - len(block), prose("\n".join(block)))
            block = []
        if match:
            kind = match[1]
            block.append(match[2])


def literals(path: str, source: str, start: int, end: int) -> Iterator[Text]:
    """The string literals between two offsets of Rust, without what they interpolate."""
    for match in TOKEN.finditer(source, start, end):
        if match["string"] or match["raw"]:
            text = re.sub(r"\\\n", " \n", match[0].strip('"'))
            text = re.sub(r"\{[^{}]*\}", blank, text)
            yield Text(path, source.count("\n", 0, match.start()) + 1, prose(text))


def rust_messages(path: str, source: str) -> Iterator[Text]:
    """Texts of errors and of log lines; of the command, which speaks to people, all texts."""
    source = without_tests(source)
    if path.startswith("crates/cli/src/") and not path.endswith("tests.rs"):
        yield from literals(path, source, 0, len(source))
        return
    for match in re.finditer(r"#\[error\(|\b(?:trace|debug|info|warn|error)!\(", source):
        yield from literals(path, source, match.end(), end_of(source, match.end() - 1, "(", ")"))


# Python, TypeScript, Markdown.


def python_docs(path: str, source: str) -> Iterator[Text]:
    """Docstrings of modules, classes, functions and constants."""
    for node in ast.walk(ast.parse(source)):
        for statement in getattr(node, "body", None) or [] if not isinstance(node, ast.Lambda | ast.IfExp) else []:
            if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant):
                value = statement.value.value
                if isinstance(value, str):
                    yield Text(path, statement.lineno, prose(value))


def typescript_docs(path: str, source: str) -> Iterator[Text]:
    """Each `/** … */`."""
    for match in re.finditer(r"/\*\*(?!/)(.*?)\*/", source, re.DOTALL):
        text = re.sub(r"^[ \t]*\*[ \t]?", "", match[1], flags=re.MULTILINE)
        yield Text(path, source.count("\n", 0, match.start()) + 1, prose(text))


def panel_texts(path: str, source: str) -> Iterator[Text]:
    """A file of the panel: its texts are short and among tags, so it is read as a whole."""
    yield Text(path, 1, source)


def newest(changelog: str) -> str:
    """A changelog up to its second version: what was released is history."""
    versions = [match.start() for match in re.finditer(r"^## ", changelog, re.MULTILINE)]
    return changelog[: versions[1]] if len(versions) > 1 else changelog


# The rules.


def first_word(text: str) -> str:
    """The word that a doc comment begins with, without markup."""
    match = re.match(r"[\s\[*_\"'(„“]*([A-Za-z][A-Za-z'’-]*)", text)
    return match[1] if match else ""


def is_wh(text: Text) -> bool:
    """True if a doc comment, or a section of it such as `# Errors`, begins with What, Where, Which, Who or the like."""
    sections = [text.text, *re.split(r"^\s*# \w+\s*$", text.text, flags=re.MULTILINE)[1:]]
    return any(WH.fullmatch(re.split("['’]", first_word(section))[0]) for section in sections)


def hits(text: Text, allowed: Iterable[tuple[str, str]] = ()) -> Iterator[str]:
    """A line for each phrase that a text should not have."""
    for name, (rule, hint) in RULES.items():
        if (text.path, name) in allowed:
            continue
        for match in rule.finditer(text.text):
            line = text.line + text.text.count("\n", 0, match.start())
            line += match[0][: len(match[0]) - len(match[0].lstrip())].count("\n")
            yield f"{text.path}:{line}: {' '.join(match[0].split())}: {hint}"


def opening(text: Text) -> str:
    """The line about a doc comment with a wh-opening."""
    beginning = " ".join(text.text.split())[:60]
    return f"{text.path}:{text.line}: {beginning}: begin with a noun or a verb: `True if …`, `Outcome of …`"


# The repository.


def files(*patterns: str) -> Iterator[tuple[str, str]]:
    """Path and content of each file, except built and downloaded ones."""
    for pattern in patterns:
        for path in sorted(ROOT.glob(pattern)):
            name = path.relative_to(ROOT).as_posix()
            if path.is_file() and not re.search(r"(^|/)(target|node_modules|dist)/", name):
                yield name, path.read_text()


def doc_comments() -> dict[str, list[Text]]:
    """All doc comments, by language."""
    rust = files("crates/**/*.rs", "examples/**/*.rs", "functions/**/*.rs", "tests/**/*.rs")
    python = files("examples/**/*.py", "local/**/*.py", "tests/**/*.py", "sdk/**/*.py")
    typescript = files("web/src/**/*.ts", "web/src/**/*.tsx", "sdk/typescript/**/*.ts")
    return {
        "Rust": [text for path, source in rust for text in rust_docs(path, source)],
        "Python": [text for path, source in python for text in python_docs(path, source)],
        "TypeScript": [text for path, source in typescript for text in typescript_docs(path, source)],
    }


def other_texts() -> Iterator[Text]:
    """Documents, messages and the panel."""
    for path, source in files(
        "*.md",
        "docs/**/*.md",
        "events/*.md",
        "examples/**/README.md",
        "crates/*/README.md",
        "sdk/**/README.md",
        "tests/*/README.md",
        "web/README.md",
    ):
        yield Text(path, 1, prose(newest(source) if path == "CHANGELOG.md" else source))
    for path, source in files("crates/**/*.rs"):
        yield from rust_messages(path, source)
    for path, source in files("web/src/ui/*.tsx", "web/src/ui/words.ts"):
        yield from panel_texts(path, source)


def main() -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.parse_args()
    docs = doc_comments()
    texts = [text for texts in docs.values() for text in texts]
    found = {opening(text) for text in texts if is_wh(text)}
    found |= {hit for text in [*texts, *other_texts()] for hit in hits(text, ALLOWED)}
    for hit in sorted(found):
        print(f"✗ {hit}", file=sys.stderr)
    if found:
        print(f"✗ english: {len(found)} sentences to rewrite (CONTRIBUTING.md, English)", file=sys.stderr)
        return 1
    counts = ", ".join(f"{len(texts):,} in {language}" for language, texts in docs.items())
    print(f"· english: {counts}: no doc comment begins with a wh-word, and no text has a phrase to rewrite")
    return 0


if __name__ == "__main__":
    sys.exit(main())
