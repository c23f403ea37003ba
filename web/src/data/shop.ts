// Canonical form of a shop's name, the same as in crates/sources/src/shopify/shop.rs: the case of ASCII letters is folded, and
// anything but one label before `.myshopify.com` is refused. `toLowerCase` alone would fold more: it makes a `k` of the Kelvin
// sign. Both sides are tested with fixtures/shop-names.json.

const SHOP = /^[a-z0-9][a-z0-9-]{0,62}\.myshopify\.com$/;

/** A store of another source, as in `square:MJUNIPER1OAK2`: its name keeps its case (crates/domain/src/kernel/ids.rs). */
const OTHER_STORE = /^(?!shopify:)[a-z0-9-]{1,32}:[A-Za-z0-9._-]{1,255}$/;

/** Returns a store as the API writes it, or null if the text is neither a shop's name nor a store of another source. */
export function storeLabel(text: string): string | null {
  return OTHER_STORE.test(text) ? text : shopName(text);
}

/** Returns a shop's name in lower case, or null if the text is no shop's name. */
export function shopName(text: string): string | null {
  const name = text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  return SHOP.test(name) ? name : null;
}
