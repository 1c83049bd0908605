//! Hashing passwords: off the async threads, as many at once as there are cores, and no more waiting than the queue holds.

use super::error::StoreError;
use crate::config;
use argon2::{
    Algorithm, Argon2, Params, Version,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use domain::reject::Code;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Hashes and verifies passwords with argon2id.
pub(super) struct Passwords {
    params: Params,
    /// Whoever works or waits holds a place; when none is left the server is overloaded.
    places: Semaphore,
    cores: Arc<Semaphore>,
    /// What an unknown account's password is verified against, so that it takes the same time.
    dummy: String,
}

impl Passwords {
    pub(super) fn new(config: &config::Accounts) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let params = Params::new(config.argon2_memory, config.argon2_passes, 1, None).unwrap_or(Params::DEFAULT);
        Passwords {
            dummy: hash(params.clone(), "nobody has this password").expect("argon2 hashes with parameters that it has checked"),
            params,
            places: Semaphore::new(cores.saturating_add(config.hash_queue)),
            cores: Arc::new(Semaphore::new(cores)),
        }
    }

    /// The hash of a new password as a PHC string. Errors: `Overloaded`.
    pub(super) async fn hash(&self, password: &str) -> Result<String, StoreError> {
        let (password, params) = (password.to_owned(), self.params.clone());
        self.work(move || hash(params, &password)).await?.map_err(broken)
    }

    /// Whether the password belongs to the hash; without a hash it does the same work and says no. Errors: `Overloaded`.
    pub(super) async fn verify(&self, password: &str, hash: Option<&str>) -> Result<bool, StoreError> {
        let known = hash.is_some();
        let (password, hash) = (password.to_owned(), hash.unwrap_or(&self.dummy).to_owned());
        let fits = self.work(move || {
            let hash = PasswordHash::new(&hash)?;
            Ok(Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
        });
        Ok(fits.await?.map_err(|error: argon2::password_hash::phc::Error| broken(error))? && known)
    }

    /// Whether a hash was made with less work than is asked for now.
    pub(super) fn is_weaker(&self, hash: &str) -> bool {
        let Some(params) = PasswordHash::new(hash).ok().and_then(|hash| Params::try_from(&hash).ok()) else { return true };
        params.m_cost() < self.params.m_cost() || params.t_cost() < self.params.t_cost()
    }

    async fn work<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, StoreError> {
        let _place = self.places.try_acquire().map_err(|_| Code::Overloaded)?;
        let core = Arc::clone(&self.cores).acquire_owned().await.map_err(broken)?;
        // The core goes with the work: it stays taken when the caller gives up.
        let done = tokio::task::spawn_blocking(move || {
            let _core = core;
            work()
        });
        done.await.map_err(broken)
    }
}

fn hash(params: Params, password: &str) -> argon2::password_hash::Result<String> {
    Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hash_password(password.as_bytes())?.to_string())
}

fn broken(error: impl std::fmt::Display) -> StoreError {
    StoreError::Broken(format!("a password could not be hashed: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quick() -> config::Accounts {
        config::Accounts { argon2_memory: 64, argon2_passes: 1, hash_queue: 4, ..config::Accounts::default() }
    }

    #[tokio::test]
    async fn a_password_fits_its_hash_only() {
        let passwords = Passwords::new(&quick());
        let hash = passwords.hash("correct horse battery").await.unwrap();
        assert!(hash.starts_with("$argon2id$v=19$m=64,t=1,p=1$"));
        assert!(passwords.verify("correct horse battery", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("correct horse batterz", Some(&hash)).await.unwrap());
        assert!(!passwords.verify("nobody has this password", None).await.unwrap());
        assert!(!passwords.is_weaker(&hash));
        assert!(Passwords::new(&config::Accounts::default()).is_weaker(&hash));
    }

    #[tokio::test]
    async fn a_full_queue_is_told_at_once() {
        let passwords = Passwords::new(&config::Accounts { hash_queue: 0, ..quick() });
        let cores = u32::try_from(passwords.places.available_permits()).unwrap();
        let all = passwords.places.acquire_many(cores).await.unwrap();
        assert!(matches!(passwords.hash("x").await, Err(StoreError::Reject(reject)) if reject.code() == Code::Overloaded));
        drop(all);
        assert!(passwords.hash("x").await.is_ok());
    }

    #[tokio::test]
    async fn waiting_for_a_core_is_not_an_error() {
        let passwords = Arc::new(Passwords::new(&quick()));
        let many = (0..4).map(|_| {
            let passwords = Arc::clone(&passwords);
            tokio::spawn(async move { passwords.hash("x").await })
        });
        for hashed in many.collect::<Vec<_>>() {
            assert!(hashed.await.unwrap().is_ok());
        }
    }
}
