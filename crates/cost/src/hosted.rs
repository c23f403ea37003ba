//! Prices of hosted gateways by events a month. They receive, queue and deliver; none of them keeps an index.
//!
//! We did not read their pages: each figure comes from a dated transcript of one. Whatever the transcript omits is
//! unknown here.

use rust_decimal::{Decimal, dec};
use serde::Serialize;

/// Offer at a number of events a month.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Offer {
    /// Vendor and plan.
    pub name: &'static str,
    /// Dollars a month; a lower bound if `more` names something that is missing.
    pub usd: Decimal,
    /// Unknowns and limits of the offer.
    pub more: &'static str,
    /// Source of the figure.
    pub source: &'static str,
    /// Date of the transcript.
    pub date: &'static str,
}

const HOOKBASE: &str = "https://www.hookbase.app/pricing, by https://github.com/api-evangelist/hookbase (second-hand)";
const SVIX: &str = "https://www.svix.com/pricing/, by https://github.com/api-evangelist/svix (second-hand)";
const HOOKDECK: &str = "https://hookdeck.com/pricing, by https://github.com/api-evangelist/hookdeck (second-hand)";

/// Hookbase's plans: events a month, dollars.
const HOOKBASE_PLANS: [(Decimal, Decimal); 4] = [
    (dec!(1_000), dec!(0)),
    (dec!(25_000), dec!(7)),
    (dec!(500_000), dec!(29)),
    (dec!(2_000_000), dec!(79)),
];

/// Events that Svix does not charge for, and its price for each other event.
const SVIX_FREE_EVENTS: Decimal = dec!(50_000);
const SVIX_USD_PER_EVENT: Decimal = dec!(0.0001);

/// Returns all offers at a number of events a month.
pub fn offers(events: Decimal) -> Vec<Offer> {
    let plan = HOOKBASE_PLANS.iter().find(|(upto, _)| events <= *upto);
    let (largest, _) = HOOKBASE_PLANS[HOOKBASE_PLANS.len() - 1];
    let metered = (events - SVIX_FREE_EVENTS).max(Decimal::ZERO) * SVIX_USD_PER_EVENT;
    vec![
        Offer {
            name: "Hookbase",
            usd: plan.map_or(HOOKBASE_PLANS[HOOKBASE_PLANS.len() - 1].1, |(_, usd)| *usd),
            more: if events <= largest {
                ""
            } else {
                "its largest plan has 2 million events"
            },
            source: HOOKBASE,
            date: "2026-10-18",
        },
        Offer {
            name: "Svix, pay as you go",
            usd: metered,
            more: "its price for messages; whether received ones cost the same is unverified",
            source: SVIX,
            date: "2026-09-20",
        },
        Offer {
            name: "Svix, Professional",
            usd: dec!(490) + metered,
            more: "its price for messages; whether received ones cost the same is unverified",
            source: SVIX,
            date: "2026-09-20",
        },
        Offer {
            name: "Hookdeck, Team",
            usd: dec!(39),
            more: "and its metered price for events over 10,000, which is not in the transcript",
            source: HOOKDECK,
            date: "2026-09-20",
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dollars(events: Decimal) -> Vec<Decimal> {
        offers(events).iter().map(|offer| offer.usd).collect()
    }

    #[test]
    fn million_events_cost_the_prices_of_the_plans() {
        assert_eq!(
            dollars(dec!(1_000_000)),
            [dec!(79), dec!(95.0000), dec!(585.0000), dec!(39)]
        );
    }

    #[test]
    fn plans_have_no_price_beyond_their_limits() {
        assert_eq!(dollars(dec!(25_000))[..2], [dec!(7), dec!(0)]);
        assert_eq!(dollars(dec!(25_001))[0], dec!(29));
        assert_eq!(offers(dec!(2_000_000))[0].more, "");
        assert_ne!(offers(dec!(2_000_001))[0].more, "");
    }
}
