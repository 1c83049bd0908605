//! Currencies, and amounts in their minor units as people type and read them. Integers only; printed the same on the server and in the browser.

use crate::reject::Code;
use serde::{Deserialize, Deserializer, Serialize};

/// An ISO 4217 currency that money can be moved in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct Currency(&'static str);

/// Code, decimal places, sign. Decimal places are those of ISO 4217.
const CURRENCIES: &[(&str, u32, &str)] = &[
    ("AUD", 2, "A$"),
    ("BRL", 2, "R$"),
    ("CAD", 2, "CA$"),
    ("CHF", 2, "CHF "),
    ("CZK", 2, "Kč "),
    ("DKK", 2, "DKK "),
    ("EUR", 2, "€"),
    ("GBP", 2, "£"),
    ("INR", 2, "₹"),
    ("JPY", 0, "¥"),
    ("KRW", 0, "₩"),
    ("KWD", 3, "KWD "),
    ("MXN", 2, "MX$"),
    ("NOK", 2, "NOK "),
    ("NZD", 2, "NZ$"),
    ("PLN", 2, "PLN "),
    ("SEK", 2, "SEK "),
    ("SGD", 2, "S$"),
    ("THB", 2, "฿"),
    ("TRY", 2, "₺"),
    ("UAH", 2, "₴"),
    ("USD", 2, "$"),
    ("ZAR", 2, "R "),
];

impl Currency {
    /// The currency of that ISO code. Errors: `Required`, `BadCurrency`.
    pub fn parse(raw: &str) -> Result<Self, Code> {
        match raw.trim() {
            "" => Err(Code::Required),
            code => CURRENCIES.iter().find(|(c, ..)| *c == code).map(|(c, ..)| Currency(c)).ok_or(Code::BadCurrency),
        }
    }

    /// All of them, by code.
    pub fn all() -> impl Iterator<Item = Currency> {
        CURRENCIES.iter().map(|(code, ..)| Currency(code))
    }

    /// The ISO code.
    pub const fn code(self) -> &'static str {
        self.0
    }

    fn facts(self) -> (u32, &'static str) {
        CURRENCIES.iter().find(|(code, ..)| *code == self.0).map_or((2, ""), |(_, places, sign)| (*places, sign))
    }

    /// Decimal places: 2 for EUR, 0 for JPY.
    pub fn places(self) -> u32 {
        self.facts().0
    }

    /// The sign put before an amount.
    pub fn sign(self) -> &'static str {
        self.facts().1
    }

    /// Minor units in one major unit.
    fn unit(self) -> i64 {
        10_i64.saturating_pow(self.places())
    }

    /// So many major units in minor ones; a currency without decimal places counts in hundreds, so that the same limit is worth something like the
    /// same everywhere.
    pub fn units(self, units: i64) -> i64 {
        self.unit().max(100).saturating_mul(units)
    }

    /// The highest rate a minute, in minor units: a thousand major units.
    pub fn highest_rate(self) -> i64 {
        self.units(1_000)
    }

    /// Minor units of an amount as people type it: `1.20`, `1,20`, `3`. Errors: `Required`, `BadRate`.
    pub fn parse_amount(self, raw: &str) -> Result<i64, Code> {
        let raw = raw.trim();
        if raw.is_empty() {
            return Err(Code::Required);
        }
        let (whole, part) = raw.split_once(['.', ',']).unwrap_or((raw, ""));
        let digits = |s: &str| s.bytes().all(|b| b.is_ascii_digit());
        let places = usize::try_from(self.places()).unwrap_or(0);
        if whole.is_empty() || whole.len() > 12 || part.len() > places || !digits(whole) || !digits(part) {
            return Err(Code::BadRate);
        }
        format!("{whole}{part:0<places$}").parse().map_err(|_| Code::BadRate)
    }

    /// The bare amount: `1.20`, as a form field shows it.
    pub fn amount(self, minor: i64) -> String {
        let unit = self.unit();
        let places = usize::try_from(self.places()).unwrap_or(0);
        let (sign, minor) = (if minor < 0 { "-" } else { "" }, minor.unsigned_abs());
        let unit = unit.unsigned_abs().max(1);
        let (whole, part) = (minor.checked_div(unit).unwrap_or(0), minor.checked_rem(unit).unwrap_or(0));
        if places == 0 { format!("{sign}{whole}") } else { format!("{sign}{whole}.{part:0places$}") }
    }
}

impl<'de> Deserialize<'de> for Currency {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let code = std::borrow::Cow::<str>::deserialize(deserializer)?;
        Currency::parse(&code).map_err(|_| serde::de::Error::custom("unknown currency"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    #[test]
    fn decimal_places_and_codes_are_those_of_iso_4217() {
        for known in Currency::all() {
            let iso = iso_currency::Currency::from_code(known.code()).unwrap();
            assert_eq!(iso.exponent(), Some(u16::try_from(known.places()).unwrap()), "{}", known.code());
        }
    }

    #[test]
    fn prints_and_reads_amounts() {
        for (raw, minor) in [("1.20", Ok(120)), ("1,2", Ok(120)), ("3", Ok(300)), ("", Err(Code::Required))] {
            assert_eq!(currency("EUR").parse_amount(raw), minor, "{raw}");
        }
        for bad in ["-1", "1.234", "1.2.3", ".5", "1e3", "٣", "NaN", "1 000"] {
            assert_eq!(currency("EUR").parse_amount(bad), Err(Code::BadRate), "{bad}");
        }
        assert_eq!(currency("JPY").parse_amount("1.5"), Err(Code::BadRate));
        assert_eq!((currency("EUR").units(2), currency("JPY").units(2), currency("KWD").units(2)), (200, 200, 2_000));
    }

    proptest! {
        #[test]
        fn what_is_printed_is_read_back(minor in 0i64..=100_000, at in 0usize..CURRENCIES.len()) {
            let currency = Currency(CURRENCIES[at].0);
            prop_assert_eq!(currency.parse_amount(&currency.amount(minor)), Ok(minor));
        }

        #[test]
        fn never_panics(raw in ".{0,24}", minor in any::<i64>()) {
            for currency in Currency::all() {
                let _ = currency.parse_amount(&raw);
                let _ = currency.amount(minor);
            }
        }
    }
}
