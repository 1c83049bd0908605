//! Ids and secrets: the only source of randomness.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use domain::id::{AccountId, AttachmentId, ConsultationId, Epoch, NodeId, OfferId, OperationId, SignInId};
use sha2::{Digest, Sha256};
use std::sync::{
    LazyLock,
    atomic::{AtomicU64, Ordering},
};
use uuid::Uuid;

/// An id that the server can mint.
pub trait Mint {
    /// Wraps the number.
    fn of(id: Uuid) -> Self;
}

macro_rules! mint {
    ($($name:ident),+) => {$(
        impl Mint for $name {
            fn of(id: Uuid) -> Self {
                $name(id)
            }
        }
    )+};
}

mint!(AccountId, AttachmentId, ConsultationId, Epoch, NodeId, OfferId, OperationId, SignInId);

/// A new id, which sorts after all that this process made before.
pub fn new<T: Mint>() -> T {
    T::of(uuid())
}

/// A new id without a type.
#[expect(clippy::disallowed_methods, reason = "the one place where ids are minted")]
pub fn uuid() -> Uuid {
    Uuid::now_v7()
}

#[expect(clippy::disallowed_methods, reason = "the one place where randomness is drawn")]
fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("a system without randomness cannot keep a secret, so nothing may go on");
    bytes
}

/// A secret that nobody guesses: 32 random bytes as base64url.
pub fn token() -> String {
    URL_SAFE_NO_PAD.encode(random::<32>())
}

/// What is stored of a secret.
pub fn hash(token: &str) -> Vec<u8> {
    Sha256::digest(token.as_bytes()).to_vec()
}

/// Bytes as hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The number under which an operator finds in the log what broke.
pub fn incident() -> String {
    hex(&random::<5>())
}

/// The nonce of one answer's content security policy: 128 random bits.
pub fn nonce() -> String {
    URL_SAFE_NO_PAD.encode(random::<16>())
}

/// A number from `low` up to, but not including, `high`, that spreads what would else happen at once. No secret: it costs no system call.
pub fn jitter(low: u64, high: u64) -> u64 {
    static STEPS: LazyLock<AtomicU64> = LazyLock::new(|| AtomicU64::new(u64::from_le_bytes(random::<8>())));
    // SplitMix64 (Steele, Lea, Flood 2014): each step of a Weyl sequence, mixed.
    let step = STEPS.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
    let mixed = (step ^ (step >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    let width = high.saturating_sub(low).max(1);
    low.saturating_add((mixed ^ (mixed >> 31)) % width)
}

/// A short name for some content, for its ETag.
pub fn fingerprint(content: &[u8]) -> String {
    hex(&Sha256::digest(content)[..8])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_age_and_secrets_differ() {
        let ids: Vec<OfferId> = (0..1_000).map(|_| new()).collect();
        assert!(ids.is_sorted() && ids.windows(2).all(|pair| pair[0] != pair[1]));
        assert_ne!(token(), token());
        assert!((0..1_000).all(|_| (5..8).contains(&jitter(5, 8))));
        assert_eq!((jitter(5, 5), jitter(5, 0)), (5, 5));
        assert_eq!((token().len(), hash("x").len(), incident().len()), (43, 32, 10));
    }
}
