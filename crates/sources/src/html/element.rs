//! Elements, as far as reading their text needs them.

use html5ever::tokenizer::Tag;

/// What an element does to the text in it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is told by the tag apart from the others"
)]
pub(super) struct Effect {
    /// Nobody sees it.
    pub(super) hides: bool,
    /// It does not hold any more, as an old price.
    pub(super) strikes: bool,
    /// It is a cell of a table.
    pub(super) is_cell: bool,
    /// Its line feeds are meant.
    pub(super) is_preformatted: bool,
}

impl Effect {
    /// Reads a start tag. `aria-hidden` hides nothing: it is for those who listen, and shoppers see it.
    pub(super) fn of(tag: &Tag) -> Self {
        let mut effect = Self {
            hides: is_hidden(&tag.name),
            strikes: matches!(&*tag.name, "s" | "strike" | "del"),
            is_cell: is_cell(&tag.name),
            is_preformatted: matches!(&*tag.name, "pre" | "listing" | "xmp" | "textarea"),
        };
        let has = |name: &str| tag.attrs.iter().any(|attribute| &*attribute.name.local == name);
        if has("hidden") || (&*tag.name == "dialog" && !has("open")) {
            effect.hides = true;
        }
        if let Some(style) = tag.attrs.iter().find(|attribute| &*attribute.name.local == "style") {
            effect.styled(&style.value.to_ascii_lowercase());
        }
        effect
    }

    /// Reads a style, of whose declarations the last of a name counts.
    fn styled(&mut self, style: &str) {
        let (mut displayed, mut visible) = (true, true);
        for declaration in style.split(';') {
            let Some((name, value)) = declaration.split_once(':') else {
                continue;
            };
            let value = value.trim();
            match name.trim() {
                "display" => displayed = !value.starts_with("none"),
                "visibility" => visible = !(value.starts_with("hidden") || value.starts_with("collapse")),
                "content-visibility" => visible = !value.starts_with("hidden"),
                "text-decoration" | "text-decoration-line" => self.strikes = value.contains("line-through"),
                _ => {}
            }
        }
        self.hides |= !displayed || !visible;
    }
}

/// Elements that no browser shows: templates, heads, and what stands in for media, which it can play.
fn is_hidden(name: &str) -> bool {
    matches!(
        name,
        "annotation"
            | "annotation-xml"
            | "applet"
            | "audio"
            | "canvas"
            | "datalist"
            | "defs"
            | "desc"
            | "head"
            | "iframe"
            | "metadata"
            | "meter"
            | "noembed"
            | "noframes"
            | "noscript"
            | "object"
            | "progress"
            | "script"
            | "style"
            | "symbol"
            | "template"
            | "title"
            | "video"
    )
}

pub(super) fn is_cell(name: &str) -> bool {
    matches!(name, "td" | "th")
}

/// Elements without an end tag.
pub(super) fn is_void(name: &str) -> bool {
    matches!(
        name,
        "area"
            | "base"
            | "basefont"
            | "bgsound"
            | "br"
            | "col"
            | "embed"
            | "frame"
            | "hr"
            | "img"
            | "image"
            | "input"
            | "keygen"
            | "link"
            | "meta"
            | "param"
            | "source"
            | "track"
            | "wbr"
    )
}

/// Elements that may overlap others: their end tag ends nothing else.
pub(super) fn overlaps(name: &str) -> bool {
    matches!(
        name,
        "a" | "b"
            | "big"
            | "code"
            | "del"
            | "em"
            | "font"
            | "i"
            | "ins"
            | "nobr"
            | "s"
            | "small"
            | "strike"
            | "strong"
            | "tt"
            | "u"
    )
}

/// Elements that an end tag within does not end from outside, unless it is a table's.
pub(super) fn is_barrier(name: &str) -> bool {
    is_cell(name)
        || matches!(
            name,
            "applet" | "caption" | "html" | "marquee" | "object" | "table" | "template" | "svg" | "math"
        )
}

/// Parts of tables.
pub(super) fn is_of_table(name: &str) -> bool {
    is_cell(name)
        || matches!(
            name,
            "table" | "tbody" | "thead" | "tfoot" | "tr" | "caption" | "template"
        )
}

/// What a start tag ends though nobody wrote its end, and what keeps it from being looked for any further out.
pub(super) fn ended_by(name: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    Some(match name {
        "li" => (&["li"], &["ul", "ol", "menu", "td", "th", "table", "template"]),
        "dt" | "dd" => (&["dt", "dd"], &["dl", "td", "th", "table", "template"]),
        "option" => (&["option"], &["select", "datalist", "optgroup"]),
        "optgroup" => (&["option", "optgroup"], &["select", "datalist"]),
        "td" | "th" => (&["td", "th", "caption"], &["table", "template"]),
        "tr" => (&["td", "th", "tr", "caption"], &["table", "template"]),
        "tbody" | "thead" | "tfoot" => (
            &["td", "th", "tr", "tbody", "thead", "tfoot", "caption"],
            &["table", "template"],
        ),
        "body" => (&["head"], &["template"]),
        name if name != "p" && !is_block(name) => return None,
        _ => (
            &["p"],
            &[
                "td", "th", "caption", "table", "template", "button", "object", "marquee",
            ],
        ),
    })
}

/// Whether an element stands on lines of its own, as the HTML standard would have it rendered
/// (<https://html.spec.whatwg.org/multipage/rendering.html>). What it does not know stands within a line.
pub(super) fn is_block(name: &str) -> bool {
    matches!(
        name,
        "address"
            | "article"
            | "aside"
            | "blockquote"
            | "body"
            | "br"
            | "caption"
            | "center"
            | "dd"
            | "details"
            | "dialog"
            | "dir"
            | "div"
            | "dl"
            | "dt"
            | "fieldset"
            | "figcaption"
            | "figure"
            | "footer"
            | "form"
            | "h1"
            | "h2"
            | "h3"
            | "h4"
            | "h5"
            | "h6"
            | "head"
            | "header"
            | "hgroup"
            | "hr"
            | "html"
            | "legend"
            | "li"
            | "listing"
            | "main"
            | "menu"
            | "nav"
            | "ol"
            | "optgroup"
            | "option"
            | "p"
            | "plaintext"
            | "pre"
            | "search"
            | "section"
            | "select"
            | "summary"
            | "table"
            | "tbody"
            | "textarea"
            | "tfoot"
            | "thead"
            | "tr"
            | "ul"
            | "xmp"
    )
}
