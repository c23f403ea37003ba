"""A local Shopify: the Admin side of many shops, answering Shopify's real schema.

`python -m hookline_local.shopify --port 0` runs it; README.md has its addresses and how it is controlled.
"""
