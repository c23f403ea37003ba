"""The rules of a smart collection: https://shopify.dev/docs/api/admin-graphql/latest/objects/CollectionRule."""

from collections.abc import Callable
from decimal import Decimal
from typing import Any

COLUMNS: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "tag": lambda product: tags(product),
    "title": lambda product: [product["title"]],
    "type": lambda product: [product["product_type"]],
    "vendor": lambda product: [product["vendor"]],
    "variant_price": lambda product: [variant["price"] for variant in product["variants"]],
    "variant_inventory": lambda product: [str(variant["inventory_quantity"]) for variant in product["variants"]],
}

RELATIONS: dict[str, Callable[[str, str], bool]] = {
    "equals": lambda value, condition: value.casefold() == condition.casefold(),
    "contains": lambda value, condition: condition.casefold() in value.casefold(),
    "starts_with": lambda value, condition: value.casefold().startswith(condition.casefold()),
    "ends_with": lambda value, condition: value.casefold().endswith(condition.casefold()),
    "greater_than": lambda value, condition: Decimal(value) > Decimal(condition),
    "less_than": lambda value, condition: Decimal(value) < Decimal(condition),
}

# True if no value matches the opposite relation.
NEGATIONS = {"not_equals": "equals", "not_contains": "contains"}


def tags(product: dict[str, Any]) -> list[str]:
    """The tags of a product, which REST joins with commas."""
    return [tag.strip() for tag in product["tags"].split(",") if tag.strip()]


def matches(product: dict[str, Any], rules: list[dict[str, str]], disjunctive: bool) -> bool:
    """Returns whether a product matches the rules: all of them, or any."""
    return (any if disjunctive else all)(fits(product, rule) for rule in rules)


def fits(product: dict[str, Any], rule: dict[str, str]) -> bool:
    """Returns whether a product matches one rule."""
    values, relation, condition = COLUMNS[rule["column"]](product), rule["relation"], rule["condition"]
    if relation in NEGATIONS:
        return not any(RELATIONS[NEGATIONS[relation]](value, condition) for value in values)
    return any(RELATIONS[relation](value, condition) for value in values)


def problem(rules: Any) -> str | None:
    """Error in rules from outside, or None."""
    for rule in rules:
        if rule.get("column") not in COLUMNS:
            return f"column {rule.get('column')!r} must be one of {', '.join(COLUMNS)}"
        if rule.get("relation") not in (*RELATIONS, *NEGATIONS):
            return f"relation {rule.get('relation')!r} must be one of {', '.join((*RELATIONS, *NEGATIONS))}"
        if not isinstance(rule.get("condition"), str):
            return "condition is not a string"
    return None
