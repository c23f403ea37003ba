"""Checks of every page, on the real stack and on the made-up one."""

from playwright.sync_api import Page

# Draws each character of the page in the font of its element, next to a character that no font has: equal pictures
# mean a missing glyph.
TOFU = r"""
() => {
  const canvas = new OffscreenCanvas(48, 48);
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const drawn = (text, font) => {
    context.clearRect(0, 0, 48, 48);
    context.font = font;
    context.fillText(text, 8, 36);
    return context.getImageData(0, 0, 48, 48).data.join();
  };
  const missing = new Set();
  const seen = new Map();
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode(); node; node = walker.nextNode()) {
    const style = getComputedStyle(node.parentElement);
    const font = `${style.fontStyle} ${style.fontWeight} 32px ${style.fontFamily}`;
    for (const character of node.data) {
      if (/[\s\p{Cc}\p{Cf}\p{M}]/u.test(character) || seen.has(font + character)) continue;
      seen.set(font + character, true);
      const picture = drawn(character, font);
      if (['\u{10FFFD}', '\u{E0FFF}', '\u{378}'].some((none) => drawn(none, font) === picture)) missing.add(character);
    }
  }
  return [...missing].join('');
}
"""


def sideways(page: Page) -> int:
    """Number of pixels by which a page scrolls sideways."""
    return page.evaluate("() => document.documentElement.scrollWidth - document.documentElement.clientWidth")


def tofu(page: Page) -> str:
    """Characters of a page for which this machine has no glyph: they show as boxes."""
    return page.evaluate(TOFU)
