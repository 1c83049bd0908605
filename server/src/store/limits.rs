//! How often something may be tried, by the address it comes from and by the account it is about.

use super::error::StoreError;
use crate::{clock::Clock, config};
use domain::{account::Email, id::AccountId, reject::Code};
use governor::{Quota, RateLimiter, middleware::NoOpMiddleware, state::keyed::DefaultKeyedStateStore};
use std::{
    hash::Hash,
    net::{IpAddr, Ipv6Addr},
    num::NonZeroU32,
};

type Limiter<K> = RateLimiter<K, DefaultKeyedStateStore<K>, Clock, NoOpMiddleware<std::time::Duration>>;

/// The limits around accounts. Each node counts for itself.
pub(super) struct Limits {
    sign_in_from: Limiter<IpAddr>,
    sign_in_to: Limiter<String>,
    sign_up_from: Limiter<IpAddr>,
    rejected_from: Limiter<IpAddr>,
    writes_of: Limiter<AccountId>,
}

impl Limits {
    pub(super) fn new(config: &config::Accounts, clock: &Clock) -> Self {
        let at_least_one = |n: u32| NonZeroU32::new(n).unwrap_or(NonZeroU32::MIN);
        Limits {
            sign_in_from: limiter(Quota::per_minute(at_least_one(config.sign_in_per_minute)), clock),
            sign_in_to: limiter(Quota::per_hour(at_least_one(config.sign_in_per_hour)), clock),
            sign_up_from: limiter(Quota::per_hour(at_least_one(config.sign_up_per_hour)), clock),
            rejected_from: limiter(Quota::per_minute(at_least_one(config.rejected_per_minute)), clock),
            writes_of: limiter(Quota::per_minute(at_least_one(config.writes_per_minute)), clock),
        }
    }

    /// Counts a try of a password from an address. Errors: `TooManyTries`.
    pub(super) fn password_from(&self, ip: IpAddr) -> Result<(), StoreError> {
        check(&self.sign_in_from, &prefix(ip))
    }

    /// Counts a try of a password for an account, whether it exists or not. Errors: `TooManyTries`.
    pub(super) fn password_of(&self, email: &Email) -> Result<(), StoreError> {
        check(&self.sign_in_to, &email.as_str().to_owned())
    }

    /// Counts a new account from an address. Errors: `TooManyTries`.
    pub(super) fn sign_up(&self, ip: IpAddr) -> Result<(), StoreError> {
        check(&self.sign_up_from, &prefix(ip))
    }

    /// Counts a rejected form that is to be kept, from an address. Errors: `TooManyTries`.
    pub(super) fn rejected(&self, ip: IpAddr) -> Result<(), StoreError> {
        check(&self.rejected_from, &prefix(ip))
    }

    /// Counts something that an account does and every watcher is sent. Errors: `TooManyTries`.
    pub(super) fn write(&self, account: AccountId) -> Result<(), StoreError> {
        check(&self.writes_of, &account)
    }

    /// Forgets whoever has not tried for so long that it makes no difference.
    pub(super) fn forget(&self) {
        self.sign_in_from.retain_recent();
        self.sign_in_to.retain_recent();
        self.sign_up_from.retain_recent();
        self.rejected_from.retain_recent();
        self.writes_of.retain_recent();
    }
}

fn limiter<K: Clone + Eq + Hash>(quota: Quota, clock: &Clock) -> Limiter<K> {
    RateLimiter::new(quota, DefaultKeyedStateStore::default(), clock.clone())
}

fn check<K: Clone + Eq + Hash>(limiter: &Limiter<K>, key: &K) -> Result<(), StoreError> {
    limiter.check_key(key).map_err(|_| Code::TooManyTries.into())
}

/// One customer's part of the address space: an IPv4 address, or an IPv6 /64.
fn prefix(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & (u128::MAX << 64))),
        v4 => v4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::time::{Millis, Timestamp};

    #[test]
    fn tries_are_counted_by_prefix_and_come_back_with_time() {
        let clock = Clock::manual(Timestamp(1_763_848_000_000));
        let limits = Limits::new(&config::Accounts { sign_in_per_minute: 3, ..config::Accounts::default() }, &clock);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        for host in ["2001:db8::1", "2001:db8::2", "2001:db8:0:0:ffff::3"] {
            assert!(limits.password_from(ip(host)).is_ok(), "{host}");
        }
        assert!(limits.password_from(ip("2001:db8::4")).is_err());
        assert!(limits.password_from(ip("2001:db8:0:1::4")).is_ok());
        assert!(limits.password_from(ip("192.0.2.1")).is_ok());
        limits.forget();
        assert!(limits.password_from(ip("2001:db8::4")).is_err(), "forgetting must not lift a limit in force");
        clock.advance(Millis::seconds(20));
        assert!(limits.password_from(ip("2001:db8::4")).is_ok());
        assert!(limits.password_from(ip("2001:db8::4")).is_err());
    }

    #[test]
    fn an_account_is_guarded_against_many_addresses() {
        let limits = Limits::new(&config::Accounts { sign_in_per_hour: 2, ..config::Accounts::default() }, &Clock::manual(Timestamp(0)));
        let ana = Email::parse("ana@example.org").unwrap();
        assert!(limits.password_of(&ana).is_ok() && limits.password_of(&ana).is_ok());
        assert!(limits.password_of(&ana).is_err());
        assert!(limits.password_of(&Email::parse("ben@example.org").unwrap()).is_ok());
    }
}
