"""The search syntax of `query:` arguments: https://shopify.dev/docs/api/usage/search-syntax.

Terms, AND (also by a space), OR, NOT and -, parentheses, comparators and quotes. As in Shopify, a field that does not
exist is no error: it filters nothing, and a warning in `extensions.search` says so.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from . import clock

TOKEN = re.compile(
    r"""\s*(?:(?P<paren>[()])|(?P<minus>-(?=\S))|(?P<term>(?:\w+:(?:[<>]=?)?)?(?:'[^']*'|"[^"]*"|[^\s()]+)))"""
)
TERM = re.compile(r"""(?:(?P<field>\w+):(?P<comparator>[<>]=?)?)?(?P<quote>['"]?)(?P<value>.*?)(?P=quote)""", re.DOTALL)

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
}

# Decides about one object, given a function that returns the values of a field.
FieldValues = Callable[[str], list[Any]]
Filter = Callable[[FieldValues], bool]


@dataclass
class Fields:
    """Fields by which a kind of object can be filtered: exact words, numbers and times. All others are unknown."""

    words: frozenset[str]
    numbers: frozenset[str] = frozenset()
    times: frozenset[str] = frozenset()


@dataclass
class Search:
    """A parsed query."""

    keep: Filter
    unknown: list[str] = field(default_factory=list)


def parse(query: str | None, fields: Fields) -> Search:
    """Reads a query; an empty one keeps everything."""
    search = Search(keep=lambda _: True)
    tokens = tokenize(query or "")
    if tokens:
        search.keep = either(tokens, fields, search)
    return search


def tokenize(query: str) -> list[str]:
    """The words, parentheses and connectives of a query."""
    found, position = [], 0
    while (match := TOKEN.match(query, position)) and match.end() > position:
        found.append(match.group().strip())
        position = match.end()
    return found


def either(tokens: list[str], fields: Fields, search: Search) -> Filter:
    """One or more conjunctions joined by OR."""
    parts = [both(tokens, fields, search)]
    while tokens and tokens[0] == "OR":
        tokens.pop(0)
        parts.append(both(tokens, fields, search))
    return parts[0] if len(parts) == 1 else lambda field_values: any(part(field_values) for part in parts)


def both(tokens: list[str], fields: Fields, search: Search) -> Filter:
    """One or more terms joined by AND or nothing."""
    parts = []
    while tokens and tokens[0] not in ("OR", ")"):
        if tokens[0] == "AND":
            tokens.pop(0)
        else:
            parts.append(one(tokens, fields, search))
    return parts[0] if len(parts) == 1 else lambda field_values: all(part(field_values) for part in parts)


def one(tokens: list[str], fields: Fields, search: Search) -> Filter:
    """A term, a negated term or a group."""
    word = tokens.pop(0)
    if word in ("NOT", "-"):
        inner = one(tokens, fields, search) if tokens else lambda _: False
        return lambda field_values: not inner(field_values)
    if word == "(":
        inner = either(tokens, fields, search)
        if tokens:
            tokens.pop(0)
        return inner
    return term(word, fields, search)


def term(token: str, fields: Fields, search: Search) -> Filter:
    """`field:value`, `field:>=value`, or a bare word that is searched everywhere."""
    match = TERM.fullmatch(token)
    name, comparator, value = match["field"], match["comparator"], match["value"]
    if name is None:
        return lambda field_values: any(value.casefold() in str(text).casefold() for text in field_values("default"))
    read = reader(name, fields)
    if read is None:
        search.unknown.append(name)
        return lambda _: True
    try:
        accepted = [read(one) for one in value.split(",")] if not match["quote"] else [read(value)]
    except ValueError:
        return lambda _: False
    if comparator:
        return lambda field_values: any(COMPARE[comparator](have, accepted[0]) for have in field_values(name))
    if value.endswith("*"):
        return lambda field_values: any(str(have).startswith(value[:-1].casefold()) for have in field_values(name))
    return lambda field_values: any(have in accepted for have in field_values(name))


def reader(name: str, fields: Fields) -> Callable[[str], Any] | None:
    """Function that reads a value of a field, if the field exists."""
    if name in fields.numbers:
        return float if name == "price" else lambda text: int(text.rpartition("/")[2])
    if name in fields.times:
        return clock.seconds
    return str.casefold if name in fields.words else None
