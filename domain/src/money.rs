//! Money: whole minor units of an asset. Arithmetic is checked and never crosses assets.

use crate::{
    currency::Currency,
    reject::{Code, codes},
    time::Millis,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use std::{borrow::Cow, fmt};

codes! {
    /// Whether money is real. The gateway decides it for a whole instance, for good.
    Reality {
        /// Money that can be paid with elsewhere.
        Real = "real",
        /// Credit for trying: worth nothing.
        Test = "test",
    }
}

/// What money is of: a currency, real or for trying. Two assets never mix. As text `EUR`, or `test:EUR`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Asset {
    /// Whether it is real.
    pub reality: Reality,
    /// The currency.
    pub currency: Currency,
}

impl Asset {
    /// The asset of that name. Errors: `BadCurrency`.
    pub fn parse(text: &str) -> Result<Self, Code> {
        let (reality, code) = text.strip_prefix("test:").map_or((Reality::Real, text), |code| (Reality::Test, code));
        Currency::parse(code).map(|currency| Asset { reality, currency }).map_err(|_| Code::BadCurrency)
    }
}

impl fmt::Display for Asset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.reality == Reality::Test { "test:" } else { "" })?;
        f.write_str(self.currency.code())
    }
}

impl Serialize for Asset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Asset {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Asset::parse(&Cow::<str>::deserialize(deserializer)?).map_err(|_| D::Error::custom("unknown asset"))
    }
}

/// An amount of an asset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Money {
    /// Minor units; may be negative in a book, never in a price.
    pub minor: i64,
    /// Of what.
    pub asset: Asset,
}

/// A hundredth of a per cent, in which commissions are given.
const WHOLE: i64 = 10_000;

impl Money {
    /// So many minor units of an asset.
    pub const fn new(minor: i64, asset: Asset) -> Self {
        Money { minor, asset }
    }

    /// An amount that somebody wants to move, from the text of minor units (`2000`): above nothing. Errors: `Required`, `BadAmount`.
    pub fn parse_minor(raw: &str, asset: Asset) -> Result<Self, Code> {
        match raw.trim() {
            "" => Err(Code::Required),
            text if text.len() <= 15 && text.bytes().all(|b| b.is_ascii_digit()) => match text.parse() {
                Ok(minor) if minor > 0 => Ok(Money::new(minor, asset)),
                _ => Err(Code::BadAmount),
            },
            _ => Err(Code::BadAmount),
        }
    }

    /// The same from minor units, or where there are none from an amount as people type it (`20.00`). Errors: `Required`, `BadAmount`.
    pub fn parse(minor: &str, typed: &str, asset: Asset) -> Result<Self, Code> {
        if !minor.trim().is_empty() || typed.trim().is_empty() {
            return Money::parse_minor(minor, asset);
        }
        let minor = asset.currency.parse_amount(typed).map_err(|_| Code::BadAmount)?;
        Money::parse_minor(&minor.to_string(), asset)
    }

    /// The sum. Errors: `BadAmount` when it does not fit, or when the assets differ.
    pub fn plus(self, other: Money) -> Result<Self, Code> {
        self.with(other, i64::checked_add)
    }

    /// The difference; may be negative. Errors: `BadAmount` when it does not fit, or when the assets differ.
    pub fn less(self, other: Money) -> Result<Self, Code> {
        self.with(other, i64::checked_sub)
    }

    fn with(self, other: Money, work: impl Fn(i64, i64) -> Option<i64>) -> Result<Self, Code> {
        if self.asset != other.asset {
            return Err(Code::BadAmount);
        }
        work(self.minor, other.minor).map(|minor| Money { minor, ..self }).ok_or(Code::BadAmount)
    }

    /// The share of `part` in `whole` of this amount, floored; nothing when there is no whole.
    pub fn share(self, part: i64, whole: i64) -> Self {
        let product = i128::from(self.minor).saturating_mul(i128::from(part));
        let share = product.checked_div_euclid(i128::from(whole)).and_then(|share| i64::try_from(share).ok());
        Money { minor: share.unwrap_or(0), ..self }
    }
}

impl fmt::Display for Money {
    /// `€1.20`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.minor < 0 { "-" } else { "" };
        let amount = self.asset.currency.amount(self.minor);
        write!(f, "{sign}{}{}", self.asset.currency.sign(), amount.trim_start_matches('-'))
    }
}

/// The operator's share of what a provider earns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct Commission(i64);

impl Commission {
    /// So many basis points, hundredths of a per cent: 0 to 10,000. Errors: `BadAmount`.
    pub fn new(basis_points: i64) -> Result<Self, Code> {
        if matches!(basis_points, 0..=WHOLE) { Ok(Commission(basis_points)) } else { Err(Code::BadAmount) }
    }

    /// Whether there is none.
    pub const fn is_none(self) -> bool {
        self.0 == 0
    }

    /// The fee and what is left for the provider; together they are `gross` exactly. The fee is floored, in the provider's favour.
    pub fn split(self, gross: Money) -> (Money, Money) {
        let fee = gross.share(self.0, WHOLE);
        (fee, Money { minor: gross.minor.saturating_sub(fee.minor), ..gross })
    }
}

impl TryFrom<i64> for Commission {
    type Error = &'static str;

    fn try_from(basis_points: i64) -> Result<Self, Self::Error> {
        Commission::new(basis_points).map_err(|_| "a commission is 0 to 10000 basis points")
    }
}

impl From<Commission> for i64 {
    fn from(commission: Commission) -> i64 {
        commission.0
    }
}

impl fmt::Display for Commission {
    /// `2.5 %`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, part) = (self.0.div_euclid(100), self.0.rem_euclid(100));
        let part = format!("{part:02}");
        let part = part.trim_end_matches('0');
        if part.is_empty() { write!(f, "{whole} %") } else { write!(f, "{whole}.{part} %") }
    }
}

/// A price a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Rate {
    /// Minor units a minute; 0 is allowed.
    pub minor: i64,
    /// The currency.
    pub currency: Currency,
}

impl Rate {
    /// A rate from minor units. Errors: `BadRate` (negative), `RateTooHigh`.
    pub fn new(minor: i64, currency: Currency) -> Result<Self, Code> {
        if minor < 0 {
            Err(Code::BadRate)
        } else if minor > currency.highest_rate() {
            Err(Code::RateTooHigh)
        } else {
            Ok(Rate { minor, currency })
        }
    }

    /// A rate from the text of minor units (`120`). Errors: `Required`, `BadRate`, `RateTooHigh`.
    pub fn parse_minor(raw: &str, currency: Currency) -> Result<Self, Code> {
        match raw.trim() {
            "" => Err(Code::Required),
            text if text.len() <= 15 && text.bytes().all(|b| b.is_ascii_digit()) => {
                text.parse().map_err(|_| Code::BadRate).and_then(|minor| Rate::new(minor, currency))
            }
            _ => Err(Code::BadRate),
        }
    }
}

impl Rate {
    /// What `billed` costs, in minor units: floored, in the consumer's favour (design section 7). Whoever shows or books a cost asks
    /// [`Conditions::cost`](crate::conditions::Conditions::cost).
    pub(crate) fn of(self, billed: Millis) -> i64 {
        let exact = i128::from(self.minor).saturating_mul(i128::from(billed.0.max(0)));
        i64::try_from(exact.div_euclid(i128::from(Millis::minutes(1).0))).unwrap_or(i64::MAX)
    }
}

impl fmt::Display for Rate {
    /// `€1.20`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.currency.sign(), self.currency.amount(self.minor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn currency(code: &str) -> Currency {
        Currency::parse(code).unwrap()
    }

    fn euros(minor: i64) -> Money {
        Money::new(minor, Asset { reality: Reality::Real, currency: currency("EUR") })
    }

    #[test]
    fn assets_never_mix() {
        let test = Money::new(5, Asset::parse("test:EUR").unwrap());
        assert_eq!(euros(5).plus(test), Err(Code::BadAmount));
        assert_eq!(euros(5).less(Money::new(1, Asset::parse("JPY").unwrap())), Err(Code::BadAmount));
        for (text, known) in [("EUR", true), ("test:JPY", true), ("test:", false), ("test:test:EUR", false), ("eur", false), ("XTS", false)]
        {
            assert_eq!(Asset::parse(text).map(|asset| asset.to_string()), if known { Ok(text.to_owned()) } else { Err(Code::BadCurrency) });
        }
        assert_eq!(serde_json::to_string(&test).unwrap(), r#"{"minor":5,"asset":"test:EUR"}"#);
        assert_eq!(serde_json::from_str::<Money>(r#"{"minor":5,"asset":"test:EUR"}"#).unwrap(), test);
    }

    #[test]
    fn amounts_that_cannot_be_moved_are_refused() {
        let asset = euros(0).asset;
        assert_eq!(Money::parse_minor(" 2000 ", asset), Ok(euros(2_000)));
        assert_eq!(Money::parse_minor("", asset), Err(Code::Required));
        for bad in ["0", "-5", "1.5", "1e3", "9999999999999999", "99999999999999999999", "٣", "NaN", "+5"] {
            assert_eq!(Money::parse_minor(bad, asset), Err(Code::BadAmount), "{bad}");
        }
        for (minor, typed, read) in
            [("", "20", Ok(2_000)), ("5", "20", Ok(5)), ("", " ", Err(Code::Required)), ("", "1.234", Err(Code::BadAmount))]
        {
            assert_eq!(Money::parse(minor, typed, asset), read.map(euros), "{minor:?} {typed:?}");
        }
        assert_eq!(euros(i64::MAX).plus(euros(1)), Err(Code::BadAmount));
        assert_eq!(euros(i64::MIN).less(euros(1)), Err(Code::BadAmount));
    }

    #[test]
    fn prints_rates_amounts_and_commissions() {
        assert_eq!(Rate::new(120, currency("EUR")).unwrap().to_string(), "€1.20");
        assert_eq!(Rate::new(180, currency("JPY")).unwrap().to_string(), "¥180");
        assert_eq!(Rate::new(5, currency("KWD")).unwrap().to_string(), "KWD 0.005");
        assert_eq!(Rate::parse_minor("100001", currency("EUR")), Err(Code::RateTooHigh));
        assert_eq!(euros(-5).to_string(), "-€0.05");
        let words = |points| Commission::new(points).unwrap().to_string();
        assert_eq!([words(0), words(250), words(1_205), words(10_000)], ["0 %", "2.5 %", "12.05 %", "100 %"]);
        for bad in [-1, 10_001] {
            assert_eq!(Commission::new(bad), Err(Code::BadAmount));
        }
    }

    #[test]
    fn a_rate_is_floored_once() {
        let rate = Rate::new(120, currency("EUR")).unwrap();
        for (ms, minor) in [(0, 0), (499, 0), (500, 1), (60_000, 120), (59_999, 119), (-5, 0)] {
            assert_eq!(rate.of(Millis(ms)), minor, "{ms}");
        }
        assert_eq!(Rate { minor: i64::MAX, ..rate }.of(Millis(i64::MAX)), i64::MAX, "saturates");
    }

    proptest! {
        #[test]
        fn the_parts_are_the_whole(minor in 0i64..=i64::MAX, points in 0i64..=10_000) {
            let (fee, net) = Commission::new(points).unwrap().split(euros(minor));
            prop_assert_eq!(fee.plus(net), Ok(euros(minor)));
            prop_assert!(fee.minor >= 0 && net.minor >= 0);
        }

        #[test]
        fn never_panics(raw in ".{0,24}", minor in any::<i64>(), part in any::<i64>(), whole in any::<i64>(), ms in any::<i64>()) {
            for currency in Currency::all() {
                let _ = Rate::parse_minor(&raw, currency);
                let _ = Rate { minor, currency }.of(Millis(ms));
            }
            let _ = Money::parse_minor(&raw, euros(0).asset);
            let _ = euros(minor).share(part, whole).to_string();
            let _ = Asset::parse(&raw);
        }
    }
}
