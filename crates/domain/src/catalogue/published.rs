//! Published state: what the last committed event of an entity says of it.
//!
//! It is compared with each state that the index has taken. Of the content it has only digests, by groups of fields, so
//! that it fits into the entity's record.

use hookline_events::{Previous, PriceRange, ProductStatus};
use jiff::Timestamp;
use rust_decimal::Decimal;
use sha2::{Digest as _, Sha256};

use crate::{
    catalogue::document::Document, event::product::Variant, kernel::version::Version, store::listening::Heard,
};

/// Format of the stored bytes. Raise it when a digest is computed of other fields: what has been published in another
/// format counts as nothing, so the next delivery of each entity is an event without `changed`, and there is no flood.
const FORMAT: u8 = 1;

/// Groups of fields with a digest, as events name them in `changed`.
const GROUPS: [&str; 8] = [
    "title",
    "description",
    "media",
    "attributes",
    "variants",
    "price",
    INVENTORY,
    "collections",
];

/// Name of the group of availability and quantities.
pub(crate) const INVENTORY: &str = "inventory";

/// Name of the group of the status.
const STATUS: &str = "status";

/// State of an entity, as far as it is compared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Published {
    /// Version of the state.
    pub version: Version,
    /// [`Audience`](Heard::audience) to which it was published.
    pub audience: (u32, u32),
    /// Presence for shoppers.
    pub presence: Presence,
    /// True if any variant can be bought; `None` if unknown.
    pub available: Option<bool>,
    /// Range of prices; `None` if unknown.
    pub price: Option<PriceRange>,
    /// Digest of each of [`GROUPS`]; 0 if the group is unknown, [`DOUBTED`] if it is unknown which of two was published.
    groups: [u64; GROUPS.len()],
}

/// Digest that differs from every known one.
const DOUBTED: u64 = u64::MAX;

/// Presence of an entity for shoppers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Presence {
    /// Shoppers can see it.
    Active,
    /// Shoppers cannot see it.
    Hidden,
    /// It is deleted.
    Gone,
}

impl Presence {
    /// Status in events; `None` of a deleted entity.
    #[must_use]
    pub fn status(self) -> Option<ProductStatus> {
        match self {
            Self::Active => Some(ProductStatus::Active),
            Self::Hidden => Some(ProductStatus::Hidden),
            Self::Gone => None,
        }
    }
}

/// Parts of a state that it does not know and that are therefore not compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Unknown {
    /// Collections.
    pub(crate) collections: bool,
    /// Availability and quantities.
    pub(crate) inventory: bool,
    /// Some fields; only the title is certain.
    pub(crate) fields: bool,
}

/// Set of groups of fields that have changed, as events name them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Changes(u16);

impl Changes {
    /// Every group, in the order of its bit.
    fn all() -> impl Iterator<Item = &'static str> {
        std::iter::once(STATUS).chain(GROUPS)
    }

    fn bit(name: &str) -> u16 {
        Self::all().position(|one| one == name).map_or(0, |place| 1 << place)
    }

    fn add(&mut self, name: &str) {
        self.0 |= Self::bit(name);
    }

    /// Returns true if the group has changed.
    #[must_use]
    pub fn has(self, name: &str) -> bool {
        self.0 & Self::bit(name) != 0
    }

    /// Returns true if nothing has changed.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns what has changed in either.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns this without availability and quantities.
    #[must_use]
    pub fn without_inventory(self) -> Self {
        Self(self.0 & !Self::bit(INVENTORY))
    }

    /// Returns only availability and quantities of this.
    #[must_use]
    pub fn only_inventory(self) -> Self {
        Self(self.0 & Self::bit(INVENTORY))
    }

    /// Names of the groups.
    #[must_use]
    pub fn names(self) -> Vec<String> {
        Self::all().filter(|name| self.has(name)).map(str::to_owned).collect()
    }
}

/// Published state of an entity, and whether its event has been sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Publication {
    /// State that the last committed event tells; `None` if there was none, or it is of another format.
    pub published: Option<Published>,
    /// Time of that commit, in whole milliseconds; a later commit has a later one.
    pub committed_at: Option<Timestamp>,
    /// The event of that commit, if it may not have been sent.
    pub unsent: Option<Unsent>,
}

/// Event of a commit that may not have been sent: the same again whoever sends it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Unsent {
    /// State that the last event before it told; `None` if there was none in this period of listening.
    pub told: Option<Published>,
    /// True if it tells of a thing that was created in this period of listening.
    pub is_new: bool,
    /// True if it tells all, whatever has changed, because somebody has begun to listen since `told`.
    pub is_for_new: bool,
    /// Groups that have changed since `told`.
    pub changes: Changes,
}

impl Unsent {
    /// Bytes of it.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(self.is_new) | u8::from(self.is_for_new) << 1];
        bytes.extend(self.changes.0.to_be_bytes());
        bytes.extend(self.told.iter().flat_map(Published::to_bytes));
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) returned; unreadable bytes stand for a first event.
    #[must_use]
    pub fn read(mut bytes: &[u8]) -> Self {
        let [flags] = take(&mut bytes).unwrap_or_default();
        let changes = take(&mut bytes).map_or_else(Changes::default, |bits| Changes(u16::from_be_bytes(bits)));
        Self {
            told: Published::read(bytes),
            is_new: flags & 0b01 != 0,
            is_for_new: flags & 0b10 != 0,
            changes,
        }
    }
}

impl Published {
    /// State without content.
    #[must_use]
    pub(crate) fn bare(version: Version, presence: Presence, heard: Heard) -> Self {
        Self {
            version,
            audience: heard.audience(),
            presence,
            available: None,
            price: None,
            groups: [0; GROUPS.len()],
        }
    }

    /// State of a document and its variants for tests of adapters, in period 1 of a store's own listeners.
    #[must_use]
    pub fn for_tests(version: Version, document: &Document, variants: &[Variant]) -> Self {
        Self::of(version, Heard::by_one(1), document, variants, Unknown::default())
    }

    /// State of a document, with the product's variants as they were read, if it is one.
    #[must_use]
    pub(crate) fn of(
        version: Version,
        heard: Heard,
        document: &Document,
        variants: &[Variant],
        unknown: Unknown,
    ) -> Self {
        let mut tags: Vec<&str> = document.tags.iter().map(String::as_str).collect();
        tags.sort_unstable();
        let optional = |text: &Option<String>| text.clone().unwrap_or_default();
        let mut groups = [
            digest(|hash| hash.texts(&[&document.title, &optional(&document.handle)])),
            digest(|hash| hash.texts(&[&document.description])),
            digest(|hash| hash.texts(&[image(document).unwrap_or_default()])),
            digest(|hash| {
                hash.texts(&[&optional(&document.vendor), &optional(&document.product_type)]);
                hash.texts(&tags);
                for option in &document.options {
                    hash.texts(&[&option.name]);
                    hash.list(option.values.iter());
                }
            }),
            digest(|hash| {
                for variant in &document.variants {
                    hash.texts(&[&variant.id, &variant.title, &optional(&variant.sku)]);
                }
            }),
            digest(|hash| {
                for variant in &document.variants {
                    let price = variant.price.map(|price| price.normalize().to_string());
                    hash.texts(&[&variant.id, &optional(&price)]);
                }
            }),
            0,
            0,
        ];
        if !unknown.inventory {
            groups[6] = digest(|hash| {
                for variant in variants {
                    let quantity = variant.stock.told_quantity().map(|quantity| quantity.to_string());
                    let available = variant
                        .stock
                        .availability()
                        .map_or("unknown", |available| if available { "yes" } else { "no" });
                    hash.texts(&[variant.id.as_str(), available, &optional(&quantity)]);
                }
            });
        }
        if !unknown.collections {
            groups[7] = digest(|hash| hash.list(document.collections.iter().flat_map(|one| [&one.id, &one.title])));
        }
        if unknown.fields {
            groups[1..7].fill(0);
        }
        Self {
            available: document.available,
            price: price_range(document).filter(|_| !unknown.fields),
            groups,
            ..Self::bare(version, Presence::Active, heard)
        }
    }

    /// Returns the state with what it does not know from an earlier one.
    #[must_use]
    pub fn over(mut self, earlier: &Self) -> Self {
        for (group, earlier) in self.groups.iter_mut().zip(earlier.groups) {
            if *group == 0 {
                *group = earlier;
            }
        }
        self.available = self.available.or(earlier.available);
        self.price = match (self.price, &earlier.price) {
            (Some(price), Some(earlier)) if price.currency.is_none() => Some(PriceRange {
                currency: earlier.currency.clone(),
                ..price
            }),
            (price, earlier) => price.or_else(|| earlier.clone()),
        };
        self
    }

    /// Returns the state without the parts that may or may not have been published, because the event of its commit may not
    /// have been sent. A state that does not know them either goes over this one, and the next that does is an event.
    #[must_use]
    pub(crate) fn doubted(mut self, unsent: &Unsent) -> Self {
        let is_doubted = |name| unsent.told.is_none() || unsent.changes.has(name);
        for (name, group) in GROUPS.into_iter().zip(&mut self.groups) {
            if *group != 0 && is_doubted(name) {
                *group = DOUBTED;
            }
        }
        self.available = self.available.filter(|_| !is_doubted(INVENTORY));
        self.price = self.price.filter(|_| !is_doubted("price"));
        self
    }

    /// Returns true if this state knows something that an earlier one, [over](Self::over) which it is, does not.
    #[must_use]
    pub(crate) fn says_more_than(&self, earlier: &Self) -> bool {
        self.groups != earlier.groups || self.available != earlier.available || self.price != earlier.price
    }

    /// Returns the groups in which this state differs from an earlier one, as far as both know them.
    #[must_use]
    pub fn changes_since(&self, earlier: &Self) -> Changes {
        let mut changes = Changes::default();
        if self.presence != earlier.presence {
            changes.add(STATUS);
        }
        let availability = matches!((self.available, earlier.available), (Some(now), Some(then)) if now != then);
        let currency = |state: &Self| state.price.as_ref().and_then(|price| price.currency.clone());
        let currencies = matches!((currency(self), currency(earlier)), (Some(now), Some(then)) if now != then);
        for ((name, now), then) in GROUPS.into_iter().zip(self.groups).zip(earlier.groups) {
            let differs = (now != 0 && now != DOUBTED && then != 0 && now != then)
                || (name == INVENTORY && availability)
                || (name == "price" && currencies);
            if differs {
                changes.add(name);
            }
        }
        changes
    }

    /// Returns the former values of these groups, of which this is the state.
    #[must_use]
    pub fn previous(&self, changes: Changes) -> Previous {
        let has = |name| changes.has(name);
        Previous {
            available: self.available.filter(|_| has(INVENTORY)),
            price: self.price.clone().filter(|_| has("price")),
            status: self.presence.status().filter(|_| has(STATUS)),
        }
    }

    /// Bytes of the state: at most 120.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(MAX_BYTES);
        bytes.push(FORMAT);
        bytes.extend(self.version.as_i64().to_be_bytes());
        bytes.extend(self.audience.0.to_be_bytes());
        bytes.extend(self.audience.1.to_be_bytes());
        let presence = match self.presence {
            Presence::Active => 0b00,
            Presence::Hidden => 0b01,
            Presence::Gone => 0b10,
        };
        let available = match self.available {
            None => 0b0000,
            Some(false) => 0b0100,
            Some(true) => 0b1000,
        };
        bytes.push(presence | available);
        for group in self.groups {
            bytes.extend(group.to_be_bytes());
        }
        if let Some(price) = self.price.as_ref().and_then(write_price) {
            bytes.extend(price);
        }
        bytes
    }

    /// Reads what [`to_bytes`](Self::to_bytes) returned; `None` if it is of another format.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let mut rest = bytes;
        if take::<1>(&mut rest)? != [FORMAT] {
            return None;
        }
        let version = Version::read(i64::from_be_bytes(take(&mut rest)?));
        let audience = (
            u32::from_be_bytes(take(&mut rest)?),
            u32::from_be_bytes(take(&mut rest)?),
        );
        let [flags] = take(&mut rest)?;
        let presence = match flags & 0b11 {
            0b00 => Presence::Active,
            0b01 => Presence::Hidden,
            0b10 => Presence::Gone,
            _ => return None,
        };
        let available = match flags & 0b1100 {
            0b0000 => None,
            0b0100 => Some(false),
            0b1000 => Some(true),
            _ => return None,
        };
        let mut groups = [0; GROUPS.len()];
        for group in &mut groups {
            *group = u64::from_be_bytes(take(&mut rest)?);
        }
        let price = if rest.is_empty() { None } else { Some(read_price(rest)?) };
        Some(Self {
            version,
            audience,
            presence,
            available,
            price,
            groups,
        })
    }
}

/// Maximum length of [`Published::to_bytes`].
pub const MAX_BYTES: usize = 120;

/// Range of a document's prices.
pub(crate) fn price_range(document: &Document) -> Option<PriceRange> {
    Some(PriceRange {
        from: document.price_min?,
        to: document.price_max?,
        currency: document.currency.clone(),
    })
}

/// URL of the first image without its query: Shopify's webhooks and its API tell different ones of the same image.
fn image(document: &Document) -> Option<&str> {
    let url = document.image.as_deref()?;
    Some(url.split_once('?').map_or(url, |(address, _)| address))
}

fn take<const N: usize>(bytes: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = bytes.split_first_chunk::<N>()?;
    *bytes = rest;
    Some(*taken)
}

/// Bytes of a range of prices; `None` if a price has more digits than a price has.
fn write_price(price: &PriceRange) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for price in [price.from, price.to] {
        bytes.push(u8::try_from(price.scale()).ok()?);
        bytes.extend(i64::try_from(price.mantissa()).ok()?.to_be_bytes());
    }
    if let Some(currency) = price.currency.as_ref().filter(|currency| currency.len() == 3) {
        bytes.extend(currency.as_bytes());
    }
    Some(bytes)
}

fn read_price(mut bytes: &[u8]) -> Option<PriceRange> {
    let mut one = || {
        let [scale] = take(&mut bytes)?;
        Decimal::try_from_i128_with_scale(i64::from_be_bytes(take(&mut bytes)?).into(), scale.into()).ok()
    };
    let (from, to) = (one()?, one()?);
    let currency = match bytes {
        [] => None,
        currency => Some(std::str::from_utf8(currency).ok()?.to_owned()),
    };
    Some(PriceRange { from, to, currency })
}

/// Hash of texts that keeps them apart.
struct Texts(Sha256);

impl Texts {
    fn texts(&mut self, texts: &[&str]) {
        self.list(texts.iter());
    }

    fn list(&mut self, texts: impl Iterator<Item = impl AsRef<str>>) {
        for text in texts {
            let text = text.as_ref();
            self.0.update(text.len().to_be_bytes());
            self.0.update(text);
        }
        self.0.update([0xFF]);
    }
}

/// First 8 bytes of a hash; neither 0 nor [`DOUBTED`].
fn digest(content: impl FnOnce(&mut Texts)) -> u64 {
    let mut texts = Texts(Sha256::new());
    content(&mut texts);
    let hash = texts.0.finalize();
    let mut first = [0; 8];
    first.copy_from_slice(&hash[..8]);
    u64::from_be_bytes(first).clamp(1, DOUBTED - 1)
}

#[cfg(test)]
mod tests;
