//! The book: double entry, append-only (design section 7). An entry moves money between accounts of the book and sums to zero; amounts that people or the
//! operator own are positive, so what lies at the gateway for them is negative.
//!
//! | entry | takes from | gives to |
//! |---|---|---|
//! | top up | clearing | available |
//! | hold | available | held |
//! | settle | held | pending, commission, available |
//! | clear | pending | payable |
//! | refund | pending or payable, commission | available |
//! | goodwill | goodwill | available |
//! | withdraw | available | refunds |
//! | withdrawn | refunds | clearing |
//! | returned | refunds | available |
//! | reverse | available, goodwill | clearing |

use crate::{
    canonical::Canonical,
    id::{AccountId, ConsultationId, OperationId},
    money::{Asset, Commission, Money},
    reject::{Code, codes},
    side::Both,
    time::Timestamp,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use uuid::Uuid;

codes! {
    /// A book: what money is there for.
    Book {
        /// A consumer's, to be spent.
        Available = "available",
        /// A consumer's, reserved for a consultation.
        Held = "held",
        /// A provider's, earned; it can still go back.
        Pending = "pending",
        /// A provider's, to be paid out.
        Payable = "payable",
        /// The operator's share.
        Commission = "commission",
        /// At the gateway: less than nothing, since it is owed to those above.
        Clearing = "clearing",
        /// Given by the operator.
        Goodwill = "goodwill",
        /// On its way back through the gateway.
        Refunds = "refunds",
    }
}

impl Book {
    /// Whether each account has its own.
    pub const fn is_owned(self) -> bool {
        matches!(self, Book::Available | Book::Held | Book::Pending | Book::Payable)
    }

    /// Whether its balance may fall below nothing.
    pub const fn may_owe(self) -> bool {
        matches!(self, Book::Clearing | Book::Goodwill)
    }
}

impl PartialOrd for Book {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Book {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

/// The largest line, in minor units: more than anybody types, and so little that no sum of lines leaves `i64`. The database checks it too.
pub const LINE_MAX: i64 = 1_000_000_000_000_000;

/// Where money is booked: a book, and whose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Place {
    /// Whose; nil for the house.
    pub owner: AccountId,
    /// In which book.
    pub book: Book,
}

impl Place {
    /// The place of an account in a book that is owned.
    pub const fn of(owner: AccountId, book: Book) -> Self {
        Place { owner, book }
    }

    /// A place of the house.
    pub const fn house(book: Book) -> Self {
        Place { owner: AccountId(Uuid::nil()), book }
    }
}

codes! {
    /// What an entry books.
    EntryKind {
        /// Money came in.
        TopUp = "top_up",
        /// Money is reserved.
        Hold = "hold",
        /// A consultation is paid.
        Settle = "settle",
        /// What was earned cannot go back any more.
        Clear = "clear",
        /// Part of a bill goes back, from those who got it.
        Refund = "refund",
        /// The operator gives money.
        Goodwill = "goodwill",
        /// The unused goes back through the gateway.
        Withdraw = "withdraw",
        /// It has gone.
        Withdrawn = "withdrawn",
        /// It could not go.
        Returned = "returned",
        /// The gateway took a payment back.
        Reverse = "reverse",
    }
}

/// One side of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Line {
    /// Where.
    pub place: Place,
    /// What is added; never zero.
    pub minor: i64,
}

/// One booking. Its lines sum to zero, in one asset.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// Its name: the same name is the same entry.
    pub key: String,
    /// What it books.
    pub kind: EntryKind,
    /// Of what.
    pub asset: Asset,
    /// The consultation or the operation that it is about.
    pub about: Uuid,
    /// Its lines, in the order in which their places are locked: people by id, then the house, which many wait for.
    pub lines: Vec<Line>,
}

/// Who has paid what for a consultation, and what went back so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Charge {
    /// The consultation.
    pub consultation: ConsultationId,
    /// Between whom.
    pub parties: Both<AccountId>,
    /// The bill.
    pub total: Money,
    /// The operator's part of it.
    pub fee: Money,
    /// What went back of it.
    pub refunded: Money,
}

impl Charge {
    /// What can still go back.
    pub fn left(&self) -> Money {
        Money { minor: self.total.minor.saturating_sub(self.refunded.minor).max(0), ..self.total }
    }

    /// The operator's part of a refund of `amount` now: pro rata, and exact over all refunds of the bill.
    fn fee_of(&self, amount: Money) -> i64 {
        let part = |refunded: i64| self.fee.share(refunded, self.total.minor).minor;
        part(self.refunded.minor.saturating_add(amount.minor)).saturating_sub(part(self.refunded.minor))
    }
}

impl Entry {
    /// Lines that are nothing are left out. Errors: `BadAmount` unless they sum to zero, something moves, and each is at most [`LINE_MAX`].
    fn new(kind: EntryKind, key: String, about: Uuid, asset: Asset, lines: &[(Place, i64)]) -> Result<Self, Code> {
        let mut lines: Vec<Line> =
            lines.iter().filter(|(_, minor)| *minor != 0).map(|(place, minor)| Line { place: *place, minor: *minor }).collect();
        lines.sort_by_key(|line| (line.place.owner.0.is_nil(), line.place));
        let sum = lines.iter().try_fold(0i64, |sum, line| sum.checked_add(line.minor));
        let fits = lines.iter().all(|line| line.minor.saturating_abs() <= LINE_MAX);
        if sum == Some(0) && fits && !lines.is_empty() { Ok(Entry { key, kind, asset, about, lines }) } else { Err(Code::BadAmount) }
    }

    /// From one place to another. Errors: `BadAmount` unless something moves.
    fn moved(kind: EntryKind, key: String, about: Uuid, amount: Money, from: Place, to: Place) -> Result<Self, Code> {
        let less = amount.minor.checked_neg().filter(|less| *less < 0).ok_or(Code::BadAmount)?;
        Entry::new(kind, key, about, amount.asset, &[(from, less), (to, amount.minor)])
    }

    /// Money came in through the gateway.
    pub fn top_up(operation: OperationId, to: AccountId, amount: Money) -> Result<Self, Code> {
        let to = Place::of(to, Book::Available);
        Entry::moved(EntryKind::TopUp, format!("top_up:{operation}"), operation.0, amount, Place::house(Book::Clearing), to)
    }

    /// The `n`th hold of a consultation.
    pub fn hold(consultation: ConsultationId, n: i64, consumer: AccountId, amount: Money) -> Result<Self, Code> {
        let (from, to) = (Place::of(consumer, Book::Available), Place::of(consumer, Book::Held));
        Entry::moved(EntryKind::Hold, format!("hold:{consultation}:{n}"), consultation.0, amount, from, to)
    }

    /// The bill of a consultation, out of all that is held for it; what it does not need is released.
    /// Errors: `BadAmount` when nothing is held, or less than the bill.
    pub fn settle(
        consultation: ConsultationId,
        parties: Both<AccountId>,
        held: Money,
        total: Money,
        commission: Commission,
    ) -> Result<Self, Code> {
        let released = held.less(total)?;
        if released.minor < 0 || total.minor < 0 {
            return Err(Code::BadAmount);
        }
        let (fee, net) = commission.split(total);
        let lines = [
            (Place::of(parties.consumer, Book::Held), held.minor.checked_neg().ok_or(Code::BadAmount)?),
            (Place::of(parties.consumer, Book::Available), released.minor),
            (Place::of(parties.provider, Book::Pending), net.minor),
            (Place::house(Book::Commission), fee.minor),
        ];
        Entry::new(EntryKind::Settle, format!("settle:{consultation}"), consultation.0, held.asset, &lines)
    }

    /// What is left of a consultation's earnings cannot go back by itself any more.
    pub fn clear(consultation: ConsultationId, provider: AccountId, amount: Money) -> Result<Self, Code> {
        let (from, to) = (Place::of(provider, Book::Pending), Place::of(provider, Book::Payable));
        Entry::moved(EntryKind::Clear, format!("clear:{consultation}"), consultation.0, amount, from, to)
    }

    /// Part of a bill goes back, from the provider - who has it in `from` - and the operator, pro rata. Errors: `BadAmount`, `TooMuch`.
    pub fn refund(charge: &Charge, key: Uuid, amount: Money, from: Book) -> Result<Self, Code> {
        if amount.minor <= 0 || amount.asset != charge.total.asset {
            return Err(Code::BadAmount);
        }
        if amount.minor > charge.left().minor {
            return Err(Code::TooMuch);
        }
        let fee = charge.fee_of(amount);
        let lines = [
            (Place::of(charge.parties.provider, from), fee.saturating_sub(amount.minor)),
            (Place::house(Book::Commission), fee.saturating_neg()),
            (Place::of(charge.parties.consumer, Book::Available), amount.minor),
        ];
        let about = charge.consultation;
        Entry::new(EntryKind::Refund, format!("refund:{about}:{key}"), about.0, amount.asset, &lines)
    }

    /// Part of a bill goes back at the operator's cost. Errors: `BadAmount`, `TooMuch`.
    pub fn goodwill(charge: &Charge, key: Uuid, amount: Money) -> Result<Self, Code> {
        if amount.minor > charge.left().minor {
            return Err(Code::TooMuch);
        }
        let (from, to) = (Place::house(Book::Goodwill), Place::of(charge.parties.consumer, Book::Available));
        let about = charge.consultation;
        Entry::moved(EntryKind::Goodwill, format!("goodwill:{about}:{key}"), about.0, amount, from, to)
    }

    /// The unused is to go back through the gateway.
    pub fn withdraw(operation: OperationId, from: AccountId, amount: Money) -> Result<Self, Code> {
        let from = Place::of(from, Book::Available);
        Entry::moved(EntryKind::Withdraw, format!("withdraw:{operation}"), operation.0, amount, from, Place::house(Book::Refunds))
    }

    /// The gateway has sent it.
    pub fn withdrawn(operation: OperationId, amount: Money) -> Result<Self, Code> {
        let (from, to) = (Place::house(Book::Refunds), Place::house(Book::Clearing));
        Entry::moved(EntryKind::Withdrawn, format!("withdrawn:{operation}"), operation.0, amount, from, to)
    }

    /// The gateway could not send it.
    pub fn returned(operation: OperationId, to: AccountId, amount: Money) -> Result<Self, Code> {
        let to = Place::of(to, Book::Available);
        Entry::moved(EntryKind::Returned, format!("returned:{operation}"), operation.0, amount, Place::house(Book::Refunds), to)
    }

    /// The gateway took a payment back: from what its owner still has, the rest at the operator's cost. A negative amount was given again: first what
    /// the operator had borne of it (`borne`), the rest to the owner. `n` counts what happens to one payment.
    pub fn reverse(operation: OperationId, n: u32, owner: AccountId, amount: Money, available: i64, borne: i64) -> Result<Self, Code> {
        let own = if amount.minor < 0 { amount.minor.saturating_add(borne.max(0)).min(0) } else { amount.minor.min(available.max(0)) };
        let lines = [
            (Place::of(owner, Book::Available), own.saturating_neg()),
            (Place::house(Book::Goodwill), own.saturating_sub(amount.minor)),
            (Place::house(Book::Clearing), amount.minor),
        ];
        Entry::new(EntryKind::Reverse, format!("reverse:{operation}:{n}"), operation.0, amount.asset, &lines)
    }

    /// The text that is hashed, after the hash of the entry before.
    pub fn canonical(&self, n: i64, id: Uuid, at: Timestamp, before: &str) -> String {
        let mut text = Canonical::new("noren entry 1");
        text.put("before", before);
        text.put("n", n);
        text.put("id", id);
        text.put("at", at.0);
        text.put("key", &self.key);
        text.put("kind", self.kind.as_str());
        text.put("asset", self.asset);
        text.put("about", self.about);
        for line in &self.lines {
            text.put("owner", line.place.owner);
            text.put("book", line.place.book.as_str());
            text.put("minor", line.minor);
        }
        text.into_text()
    }
}

/// Books in memory: the plainest thing that keeps the rules. What the database holds is checked by it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Books {
    balances: BTreeMap<(Place, String), i64>,
    posted: BTreeMap<String, Entry>,
}

impl Books {
    /// Books an entry; the same one again changes nothing. Errors: `OtherPayload` when another one has its key, `NoFunds` when a place would owe that
    /// may not, `BadAmount` when a balance does not fit or the entry does not sum to zero.
    pub fn post(&mut self, entry: &Entry) -> Result<(), Code> {
        if let Some(known) = self.posted.get(&entry.key) {
            return if known == entry { Ok(()) } else { Err(Code::OtherPayload) };
        }
        let sum = entry.lines.iter().try_fold(0i64, |sum, line| sum.checked_add(line.minor));
        if sum != Some(0) {
            return Err(Code::BadAmount);
        }
        let mut after = self.balances.clone();
        for line in &entry.lines {
            let balance = after.entry((line.place, entry.asset.to_string())).or_default();
            *balance = balance.checked_add(line.minor).ok_or(Code::BadAmount)?;
            if *balance < 0 && !line.place.book.may_owe() {
                return Err(Code::NoFunds);
            }
        }
        self.balances = after;
        self.posted.insert(entry.key.clone(), entry.clone());
        Ok(())
    }

    /// What a place holds of an asset.
    pub fn balance(&self, place: Place, asset: Asset) -> i64 {
        self.balances.get(&(place, asset.to_string())).copied().unwrap_or(0)
    }

    /// Every place that was ever booked to, and what it holds of which asset.
    pub fn balances(&self) -> impl Iterator<Item = (Place, &str, i64)> {
        self.balances.iter().map(|((place, asset), minor)| (*place, asset.as_str(), *minor))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn account(n: u128) -> AccountId {
        AccountId(Uuid::from_u128(n))
    }

    fn euros(minor: i64) -> Money {
        Money::new(minor, Asset::parse("EUR").unwrap())
    }

    fn parties() -> Both<AccountId> {
        Both { consumer: account(1), provider: account(2) }
    }

    fn consultation() -> ConsultationId {
        ConsultationId(Uuid::from_u128(7))
    }

    fn lines(entry: &Entry) -> Vec<(u128, Book, i64)> {
        entry.lines.iter().map(|line| (line.place.owner.0.as_u128(), line.place.book, line.minor)).collect()
    }

    #[test]
    fn a_bill_is_paid_out_of_what_is_held() {
        let commission = Commission::new(250).unwrap();
        let entry = Entry::settle(consultation(), parties(), euros(3_600), euros(1_999), commission).unwrap();
        assert_eq!(
            lines(&entry),
            [(1, Book::Available, 1_601), (1, Book::Held, -3_600), (2, Book::Pending, 1_950), (0, Book::Commission, 49)]
        );
        assert_eq!(
            Entry::settle(consultation(), parties(), euros(5), euros(6), commission),
            Err(Code::BadAmount),
            "never more than is held"
        );
        assert_eq!(Entry::settle(consultation(), parties(), euros(0), euros(0), commission), Err(Code::BadAmount), "nothing moves");
        let free = Entry::settle(consultation(), parties(), euros(5), euros(0), commission).unwrap();
        assert_eq!(lines(&free), [(1, Book::Available, 5), (1, Book::Held, -5)]);
    }

    #[test]
    fn a_refund_is_at_most_the_bill() {
        let charge = Charge { consultation: consultation(), parties: parties(), total: euros(100), fee: euros(3), refunded: euros(60) };
        let refund = |minor| Entry::refund(&charge, Uuid::nil(), euros(minor), Book::Pending);
        assert_eq!(lines(&refund(40).unwrap()), [(1, Book::Available, 40), (2, Book::Pending, -38), (0, Book::Commission, -2)]);
        for (minor, code) in [(41, Code::TooMuch), (0, Code::BadAmount), (-1, Code::BadAmount), (i64::MIN, Code::BadAmount)] {
            assert_eq!(refund(minor), Err(code));
        }
        assert_eq!(Entry::goodwill(&charge, Uuid::nil(), euros(41)), Err(Code::TooMuch));
    }

    #[test]
    fn a_payment_that_is_taken_back_takes_what_is_there() {
        let reverse =
            |minor, available, borne| Entry::reverse(OperationId(Uuid::nil()), 1, account(1), euros(minor), available, borne).unwrap();
        let entry = |available| reverse(50, available, 0);
        // Given again: the operator gets back what it bore, and no more.
        assert_eq!(lines(&reverse(-50, 0, 30)), [(1, Book::Available, 20), (0, Book::Clearing, -50), (0, Book::Goodwill, 30)]);
        assert_eq!(lines(&reverse(-50, 0, 50)), [(0, Book::Clearing, -50), (0, Book::Goodwill, 50)]);
        assert_eq!(lines(&reverse(-50, 9, 0)), [(1, Book::Available, 50), (0, Book::Clearing, -50)]);
        assert_eq!(lines(&entry(20)), [(1, Book::Available, -20), (0, Book::Clearing, 50), (0, Book::Goodwill, -30)]);
        assert_eq!(lines(&entry(70)), [(1, Book::Available, -50), (0, Book::Clearing, 50)]);
    }

    #[test]
    fn amounts_that_move_nothing_are_no_entries() {
        let operation = OperationId(Uuid::nil());
        for minor in [0, -1, i64::MIN] {
            assert_eq!(Entry::top_up(operation, account(1), euros(minor)), Err(Code::BadAmount), "{minor}");
            assert_eq!(Entry::withdraw(operation, account(1), euros(minor)), Err(Code::BadAmount), "{minor}");
        }
    }

    #[test]
    fn one_key_is_one_entry() {
        let mut books = Books::default();
        let entry = Entry::top_up(OperationId(Uuid::nil()), account(1), euros(50)).unwrap();
        assert_eq!((books.post(&entry), books.post(&entry)), (Ok(()), Ok(())));
        assert_eq!(books.balance(Place::of(account(1), Book::Available), euros(0).asset), 50);
        let other = Entry::top_up(OperationId(Uuid::nil()), account(1), euros(51)).unwrap();
        assert_eq!(books.post(&other), Err(Code::OtherPayload));
        let spent = Entry::hold(consultation(), 1, account(1), euros(51)).unwrap();
        assert_eq!(books.post(&spent), Err(Code::NoFunds));
    }

    proptest! {
        /// However often and in which parts a bill is given back, everybody gets back what they gave, to the minor unit.
        #[test]
        fn refunds_in_parts_are_the_whole(total in 1i64..5_000, points in 0i64..=10_000, parts in prop::collection::vec(1i64..2_000, 1..12)) {
            let mut books = Books::default();
            let commission = Commission::new(points).unwrap();
            let (fee, _) = commission.split(euros(total));
            books.post(&Entry::top_up(OperationId(Uuid::nil()), account(1), euros(total)).unwrap()).unwrap();
            books.post(&Entry::hold(consultation(), 1, account(1), euros(total)).unwrap()).unwrap();
            books.post(&Entry::settle(consultation(), parties(), euros(total), euros(total), commission).unwrap()).unwrap();
            let mut charge = Charge { consultation: consultation(), parties: parties(), total: euros(total), fee, refunded: euros(0) };
            for (n, part) in parts.into_iter().chain([i64::MAX]).enumerate() {
                let amount = euros(part.min(charge.left().minor));
                if amount.minor > 0 {
                    let refund = Entry::refund(&charge, Uuid::from_u128(n as u128), amount, Book::Pending).unwrap();
                    books.post(&refund).unwrap();
                    charge.refunded = charge.refunded.plus(amount).unwrap();
                }
                let sum: i64 = books.balances().map(|(_, _, minor)| minor).sum();
                prop_assert_eq!(sum, 0);
            }
            for (place, minor) in [
                (Place::of(account(1), Book::Available), total),
                (Place::of(account(2), Book::Pending), 0),
                (Place::house(Book::Commission), 0),
            ] {
                prop_assert_eq!(books.balance(place, euros(0).asset), minor);
            }
        }

        #[test]
        fn a_settlement_sums_to_zero(held in prop_oneof![0i64..=LINE_MAX, 0i64..=i64::MAX], total in prop_oneof![0i64..=LINE_MAX, 0i64..=i64::MAX], points in 0i64..=10_000) {
            let settled = Entry::settle(consultation(), parties(), euros(held), euros(total), Commission::new(points).unwrap());
            match settled {
                Ok(entry) => prop_assert_eq!(entry.lines.iter().map(|line| i128::from(line.minor)).sum::<i128>(), 0),
                Err(code) => prop_assert!(code == Code::BadAmount && (total > held || held == 0 || held > LINE_MAX)),
            }
        }
    }
}
