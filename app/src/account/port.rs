//! What the account pages need of the server.

use super::api::SignInView;
use crate::{
    context::{Me, Visitor},
    error::PortError,
};
use async_trait::async_trait;
use domain::{
    account::{NewPassword, SignUp},
    id::SignInId,
    text::DisplayName,
};

/// A fresh sign-in: the `Set-Cookie` value that carries its token.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The whole header value.
    pub cookie: String,
}

/// Accounts and their sign-ins.
#[async_trait]
pub trait Accounts: Send + Sync {
    /// Creates an account and signs it in. Errors: `EmailTaken`, `TooManyTries`, `Overloaded`.
    async fn sign_up(&self, form: SignUp, visitor: &Visitor) -> Result<SignedIn, PortError>;
    /// Signs in and ends the sign-in that this browser had. Errors: `BadSignIn` after the same work whether the account exists or not, `TooManyTries`, `Overloaded`.
    async fn sign_in(&self, email: &str, password: &str, visitor: &Visitor) -> Result<SignedIn, PortError>;
    /// Ends a sign-in; answers the cookie that clears it.
    async fn sign_out(&self, me: &Me) -> Result<SignedIn, PortError>;
    /// Changes the password, ends all sign-ins and starts a new one. Errors: `WrongPassword`, `TooManyTries`.
    async fn change_password(&self, me: &Me, current: &str, new: NewPassword, visitor: &Visitor) -> Result<SignedIn, PortError>;
    /// Changes the display name, on the board too.
    async fn rename(&self, me: &Me, name: DisplayName) -> Result<(), PortError>;
    /// The sign-ins in force, the own one first.
    async fn sign_ins(&self, me: &Me) -> Result<Vec<SignInView>, PortError>;
    /// Ends one of the own sign-ins, or all but the present one when `which` is `None`. Errors: `NotFound`.
    async fn revoke(&self, me: &Me, which: Option<SignInId>) -> Result<(), PortError>;
    /// Sets a new password by a reset link, ends all sign-ins and starts a new one. Errors: `LinkExpired`, `TooManyTries`.
    async fn reset(&self, token: &str, new: NewPassword, visitor: &Visitor) -> Result<SignedIn, PortError>;
}
