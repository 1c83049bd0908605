//! Heads of the chain.

use sea_orm::entity::prelude::*;

/// The end of the hash chain at the end of a day, signed. Never changed.
#[sea_orm::model]
#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "head")]
pub struct Model {
    /// Days since 1970-01-01, in UTC.
    #[sea_orm(primary_key, auto_increment = false)]
    pub day: i64,
    /// The number of the last seal.
    pub n: i64,
    /// Its hash.
    pub hash: Vec<u8>,
    /// The key that the signature is checked by.
    pub public_key: Vec<u8>,
    /// The Ed25519 signature.
    pub signature: Vec<u8>,
}

impl ActiveModelBehavior for ActiveModel {}
