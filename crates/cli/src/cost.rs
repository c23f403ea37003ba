//! `hookline cost`: what so many webhooks cost on AWS, per stage, from measured calls and times and a dated price table,
//! beside what hosted gateways publish. Asks nobody.

use std::{collections::BTreeMap, path::PathBuf, str::FromStr};

use anyhow::Result;
use clap::{Args, ValueEnum};
use comfy_table::{CellAlignment, Table, presets};
use hookline_cost::{Line, Load, Measured, Stage, prices};
use rust_decimal::{Decimal, dec};
use serde_json::json;

use crate::output::Output;

const EXAMPLES: &str = "\
Examples:
  hookline cost --events 1e6 --size 4k
  hookline cost --events 5e7 --variants 40 --batch 3 --architecture arm64
  hookline cost --events 1e6 --size 4k --measured target/bench.json --json";

/// What is to be paid for.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Cost {
    /// Webhooks, all of them new, as in 1e6.
    #[arg(long, value_name = "N", default_value = "1e6")]
    events: Count,
    /// Bytes of body in each, as in 900, 4k or 1m; by default what --variants make of it.
    #[arg(long, value_name = "BYTES")]
    size: Option<Bytes>,
    /// Variants of each product. Above 100 the store is asked for the rest.
    #[arg(long, value_name = "N", default_value_t = 2)]
    variants: u32,
    /// Messages that the consumer finds at once: 10 in a burst, 1 when little happens.
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=10))]
    batch: u8,
    /// Milliseconds that a call to AWS takes.
    #[arg(long, value_name = "MS", default_value_t = 4)]
    call_ms: u32,
    /// Browsers that look at the panel all the while.
    #[arg(long, value_name = "N", default_value_t = 0)]
    watchers: u32,
    /// What the functions are built for.
    #[arg(long, value_enum, default_value_t = Architecture::X86_64)]
    architecture: Architecture,
    /// What `make bench` has written, instead of what this was built with.
    #[arg(long, value_name = "FILE")]
    measured: Option<PathBuf>,
}

/// As in template.yaml.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Architecture {
    #[value(name = "x86_64")]
    X86_64,
    #[value(name = "arm64")]
    Arm64,
}

/// A number of events, at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Count(Decimal);

impl FromStr for Count {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let read = Decimal::from_str_exact(text).or_else(|_| Decimal::from_scientific(text));
        match read {
            Ok(count) if count.fract().is_zero() && (dec!(1)..=dec!(1e12)).contains(&count) => Ok(Self(count)),
            _ => Err("not a whole number from 1 to 1e12, as in 250000 or 1e6"),
        }
    }
}

/// A size, up to what a function takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Bytes(Decimal);

impl FromStr for Bytes {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (number, unit) = match text.trim_end_matches(['k', 'K', 'm', 'M']) {
            number if number.len() + 1 < text.len() => (text, 1),
            number if text.ends_with(['k', 'K']) => (number, 1024),
            number if text.ends_with(['m', 'M']) => (number, 1024 * 1024),
            number => (number, 1),
        };
        let bytes = number.parse::<u32>().ok().and_then(|number| number.checked_mul(unit));
        match bytes {
            Some(bytes @ 1..=6_291_456) => Ok(Self(bytes.into())),
            _ => Err("not a size from 1 to 6m, as in 900, 4k or 1m"),
        }
    }
}

/// What a product has in bytes without its variants, and each of those: the sample in events/shopify.
const PRODUCT_BYTES: Decimal = dec!(2_500);
const VARIANT_BYTES: Decimal = dec!(553);

impl Cost {
    fn load(&self) -> Load {
        let variants = Decimal::from(self.variants);
        let of_variants = PRODUCT_BYTES + variants.min(dec!(100)) * VARIANT_BYTES;
        Load {
            events: self.events.0,
            size: self.size.map_or(of_variants, |size| size.0),
            variants,
            batch: self.batch.into(),
            call_ms: self.call_ms.into(),
            memory: match self.architecture {
                Architecture::X86_64 => prices::LAMBDA_X86_64,
                Architecture::Arm64 => prices::LAMBDA_ARM64,
            },
            watchers: self.watchers.into(),
        }
    }
}

/// Prints the bill.
pub fn run(out: &Output, wanted: &Cost) -> Result<bool> {
    let measured = match &wanted.measured {
        Some(path) => Measured::read(path)?,
        None => Measured::latest()?,
    };
    let load = wanted.load();
    let lines = hookline_cost::lines(&load, &measured);
    if out.json {
        out.object(&as_json(&load, &measured, &lines))?;
    } else {
        out.text(&as_text(&load, &measured, &lines))?;
    }
    Ok(true)
}

fn as_json(load: &Load, measured: &Measured, lines: &[Line]) -> serde_json::Value {
    let (way, all) = (
        hookline_cost::total(lines, hookline_cost::is_the_way),
        hookline_cost::total(lines, |_| true),
    );
    let rounded = lines.iter().map(|line| Line {
        quantity: line.quantity.round_dp(2).normalize(),
        usd: line.usd.round_dp(6).normalize(),
        ..line.clone()
    });
    json!({
        "events": load.events, "size": load.size, "batch": load.batch, "measured": measured.date,
        "prices": prices::DATE, "region": "us-east-1", "lines": rounded.collect::<Vec<_>>(),
        "usd": {"receive_to_index": money(way), "all": money(all)},
        "usd_per_million": {"receive_to_index": money(per_million(way, load)), "all": money(per_million(all, load))},
        "fixed_a_month": hookline_cost::fixed(),
        "hosted": hookline_cost::offers(load.events),
    })
}

fn as_text(load: &Load, measured: &Measured, lines: &[Line]) -> String {
    let way = hookline_cost::total(lines, hookline_cost::is_the_way);
    let mut stages = BTreeMap::<Stage, Vec<&Line>>::new();
    for line in lines {
        stages.entry(line.stage).or_default().push(line);
    }
    let mut table = table(&["stage", "of what", "$", "$ per million"]);
    let mut add = |name: &str, what: &str, usd| {
        table.add_row([name, what, &money(usd), &money(per_million(usd, load))]);
    };
    let mut on_the_way = true;
    for (stage, lines) in stages {
        if on_the_way && !hookline_cost::is_the_way(stage) {
            on_the_way = false;
            add("", "from the sender to the index", way);
        }
        let what: Vec<_> = lines
            .iter()
            .map(|line| format!("{} {}", quantity(line.quantity), line.unit))
            .collect();
        add(stage.name(), &what.join(", "), lines.iter().map(|line| line.usd).sum());
    }
    add("", "all", hookline_cost::total(lines, |_| true));
    let mut monthly = self::table(&["fixed, whatever comes", "", "$ a month"]);
    for fixed in hookline_cost::fixed() {
        let range = if fixed.from == fixed.to {
            money(fixed.from)
        } else {
            format!("{} to {}", money(fixed.from), money(fixed.to))
        };
        monthly.add_row([fixed.name, "", &range]);
    }
    let mut beside = self::table(&["hosted, for as many a month", "", "$"]);
    for offer in hookline_cost::offers(load.events) {
        let sign = if offer.more.starts_with("and") || offer.more.starts_with("its largest") {
            "≥ "
        } else {
            ""
        };
        beside.add_row([
            format!("{} ({})", offer.name, offer.date),
            offer.more.to_owned(),
            format!("{sign}{}", money(offer.usd)),
        ]);
    }
    format!(
        "{} events of {} bytes, {} at once\n\n{}\n\n{}\n\n{}\n\nList prices of us-east-1 on {}, without free tiers, data transfer, \
         and storage; most are second-hand, with sources in --json.\nCalls and times measured on {}; \
         platform logs and the panel's pushes are assumed, not measured.\nA hosted gateway receives, queues and \
         delivers; it keeps no index. Their prices are transcripts of their pages.",
        quantity(load.events),
        load.size,
        load.batch,
        table.trim_fmt(),
        monthly.trim_fmt(),
        beside.trim_fmt(),
        prices::DATE,
        measured.date,
    )
}

fn per_million(usd: Decimal, load: &Load) -> Decimal {
    usd * dec!(1_000_000) / load.events
}

/// Dollars to the cent, or to the hundredth of one below a dollar.
fn money(usd: Decimal) -> String {
    if usd.abs() < Decimal::ONE && !usd.is_zero() {
        format!("{:.4}", usd.round_dp(4))
    } else {
        format!("{:.2}", usd.round_dp(2))
    }
}

/// A whole number with its thousands apart.
fn quantity(number: Decimal) -> String {
    let digits = number.round_dp(0).to_string();
    let mut apart = String::with_capacity(digits.len() * 4 / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            apart.push(',');
        }
        apart.push(digit);
    }
    apart
}

fn table(headers: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING).set_header(headers);
    for column in table.column_iter_mut().skip(2) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_events_and_sizes_are_read_as_people_write_them() {
        assert_eq!("1e6".parse(), Ok(Count(dec!(1_000_000))));
        assert_eq!("250000".parse(), Ok(Count(dec!(250_000))));
        assert_eq!("2.5e6".parse(), Ok(Count(dec!(2_500_000))));
        for wrong in ["0", "-1", "1e13", "many", "0.5", "1e-3"] {
            assert!(wrong.parse::<Count>().is_err(), "{wrong}");
        }
        assert_eq!("4k".parse(), Ok(Bytes(dec!(4_096))));
        assert_eq!("900".parse(), Ok(Bytes(dec!(900))));
        assert_eq!("1M".parse(), Ok(Bytes(dec!(1_048_576))));
        for wrong in ["0", "7m", "4kk", "4g", "k", "-4k", "99999999m"] {
            assert!(wrong.parse::<Bytes>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn amounts_are_told_in_the_digits_that_matter() {
        assert_eq!(
            [money(dec!(4.126)), money(dec!(0.03625)), money(dec!(0))],
            ["4.13", "0.0362", "0.00"]
        );
        assert_eq!(
            [quantity(dec!(1_100_000)), quantity(dec!(999.6))],
            ["1,100,000", "1,000"]
        );
    }
}
