//! Short-lived names and passwords for a relay, by its shared secret (draft-uberti-behave-turn-rest-00): the name is the moment at which it ends, the
//! password is the relay's HMAC of the name. Any TURN server that knows this scheme can be used; coturn calls it `use-auth-secret`.

pub mod ask;

use crate::config::Calls;
use app::consultation::api::{IceServer, Paths};
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::{id::AccountId, time::Timestamp};
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

impl Calls {
    /// How the pages of an account find the other side, by names that end some time after `now`.
    pub fn paths(&self, who: AccountId, now: Timestamp) -> Paths {
        let plain = |urls: &[String]| IceServer { urls: urls.to_vec(), username: String::new(), credential: String::new() };
        let mut servers = Vec::new();
        if !self.stun.is_empty() {
            servers.push(plain(&self.stun));
        }
        match &self.turn_secret {
            Some(secret) if !self.turn.is_empty() => {
                let ends = now.after(self.turn_ttl).0.div_euclid(1_000);
                let username = format!("{ends}:{who}");
                servers.push(IceServer { urls: self.turn.clone(), credential: password(secret, &username), username });
            }
            _ => {}
        }
        Paths { servers, relay_only: self.relay_only }
    }
}

/// The password of a name.
pub fn password(secret: &str, username: &str) -> String {
    // A key of any length will do.
    let Ok(mut mac) = Hmac::<Sha1>::new_from_slice(secret.as_bytes()) else { return String::new() };
    mac.update(username.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::time::Millis;

    #[test]
    fn names_end_and_passwords_follow_from_them() {
        // Computed with `openssl dgst -sha1 -hmac north -binary | base64`.
        assert_eq!(password("north", "1433895918:506"), "s5LmbE7ECRvNooJppntkCvoj0Kg=");
        let calls = Calls {
            stun: vec!["stun:a:3478".into()],
            turn: vec!["turn:a:3478?transport=udp".into()],
            turn_secret: Some("north".into()),
            turn_ttl: Millis::seconds(60),
            relay_only: true,
        };
        let who = AccountId(uuid::Uuid::nil());
        let paths = calls.paths(who, Timestamp(1_000_000));
        assert!(paths.relay_only);
        let [stun, turn] = &paths.servers[..] else { panic!("two servers") };
        assert_eq!((stun.username.as_str(), turn.username.as_str()), ("", "1060:00000000-0000-0000-0000-000000000000"));
        assert_eq!(turn.credential, password("north", &turn.username));
        assert!(Calls::default().paths(who, Timestamp(0)).servers.is_empty(), "no stranger's server by default");
    }
}
