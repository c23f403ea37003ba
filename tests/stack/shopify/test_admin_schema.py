"""A query that would fail in Shopify fails here."""

import subprocess
import sys
from typing import Any

from asking import SKILLET, TOKEN, code, data
from hookline_local.shopkeeper import Shopkeeper


def test_a_query_that_does_not_fit_the_schema_is_refused(shop: Shopkeeper) -> None:
    """Fields, arguments and types, before anything is executed or charged."""
    assert code(shop, "{ shop { colour } }") == "undefinedField"
    assert code(shop, "{ products(first: 1, colour: 2) { nodes { id } } }") == "argumentNotAccepted"
    for wrong in (
        "{ products(first: 1) }",
        "{ product(id: 1.5) { id } }",
        "{ shop { name }",
        "query($a: Nope) { shop { name } }",
    ):
        _, answer = shop.graphql(wrong, TOKEN)
        assert answer["errors"]
        assert "data" not in answer


def test_the_check_finds_the_errors_of_shopify(tmp_path: Any) -> None:
    """The command exits with 0 for valid documents, with 1 and a message for invalid ones."""
    files = {
        "good.graphql": "query P($id: ID!) { product(id: $id) { id title } }",
        "old.graphql": "{ products(first: 1) { nodes { bodyHtml } } }",
        "bad.graphql": "{ shop { colour } }",
        "good.bulk.graphql": "{ products { edges { node { id variants { edges { node { id } } } } } } }",
        "none.bulk.graphql": "{ shop { name } }",
        "idless.bulk.graphql": "{ products { edges { node { title variants { edges { node { id } } } } } } }",
        "node.bulk.graphql": '{ node(id: "gid://shopify/Product/1") { id } }',
        "deep.bulk.graphql": "{ products { edges { node { id variants { edges { node { id media { edges { node { id "
        "... on MediaImage { metafields { edges { node { id } } } } } } } } } } } } } }",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    def check(name: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "hookline_local.shopify.check", str(tmp_path / name)]
        ended = subprocess.run(command, capture_output=True, text=True, check=False)
        return ended.returncode, ended.stderr

    assert check("good.graphql") == (0, "")
    assert check("good.bulk.graphql") == (0, "")
    status, output = check("old.graphql")
    assert (status, "descriptionHtml" in output) == (0, True)
    for name, expected in (
        ("bad.graphql", "colour"),
        ("none.bulk.graphql", "at least one connection"),
        ("idless.bulk.graphql", "'id'"),
        ("node.bulk.graphql", "node(s)"),
        ("deep.bulk.graphql", "nesting depth"),
    ):
        status, output = check(name)
        assert (status, expected in output) == (1, True), output


def test_fields_missing_in_the_catalog_are_null_or_default(shop: Shopkeeper) -> None:
    """A query that fits the schema never fails for lack of data."""
    query = """{ product(id: "gid://shopify/Product/%d") {
        isGiftCard onlineStoreUrl seo { title } metafields(first: 1) { nodes { id } } giftCardTemplateSuffix
    } orders(first: 1) { nodes { id } pageInfo { hasNextPage } } }"""
    found = data(shop, query % SKILLET)
    assert found["product"] == {
        "isGiftCard": False,
        "onlineStoreUrl": None,
        "seo": {"title": None},
        "metafields": {"nodes": []},
        "giftCardTemplateSuffix": None,
    }
    assert found["orders"] == {"nodes": [], "pageInfo": {"hasNextPage": False}}
