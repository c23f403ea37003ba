//! HTML elements, as far as their text depends on them.

use html5ever::tokenizer::Tag;

/// Effect of an element on its text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each flag depends on the tag alone")]
pub(super) struct Effect {
    /// The text is hidden.
    pub(super) hides: bool,
    /// The text is no longer valid, such as an old price.
    pub(super) strikes: bool,
    /// The element is a table cell.
    pub(super) is_cell: bool,
    /// Line feeds are significant.
    pub(super) is_preformatted: bool,
}

impl Effect {
    /// Reads a start tag. `aria-hidden` hides nothing: it is for screen readers, and shoppers see the element.
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

    /// Reads a style. Of several declarations of a property, the last one counts.
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

/// Elements that browsers do not show: templates, heads, and replacements of media that browsers can play.
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

/// Elements that may overlap others: their end tag closes no other element.
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

/// Elements that an end tag inside them does not close past, except that of a table.
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

/// Returns the elements that a start tag closes implicitly, and those beyond which none is searched for.
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

/// Returns true for an element that the HTML standard renders as a block
/// (<https://html.spec.whatwg.org/multipage/rendering.html>). Unknown elements are inline.
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
