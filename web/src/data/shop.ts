// The one canonical form of a shop's name, the same as in crates/sources/src/shopify/shop.rs: only the case of ASCII letters
// is folded, and everything else that is not a label before `.myshopify.com` is refused. `toLowerCase` would fold more: the
// Kelvin sign is a `k` for it. fixtures/shop-names.json has the cases that both are tested with.

const SHOP = /^[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com$/;

/** A shop's name in lower case; null for what names no shop. */
export function shopName(text: string): string | null {
  const name = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return SHOP.test(name) ? name : null;
}
