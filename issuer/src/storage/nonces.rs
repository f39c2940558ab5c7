//! The nonces of proofs of possession: what they are authenticated by, and which are used.

use ark_std::rand::{CryptoRng, RngCore};
use attestry_service::database::seconds;
use sqlx::Row;

use super::Storage;
use crate::IssuerError;

impl Storage {
    /// What this tenant's nonces are authenticated by.
    pub(crate) async fn nonce_secret(
        &self,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<[u8; 32], IssuerError> {
        let select = "SELECT secret FROM nonce_keys WHERE tenant = $1";
        let known = sqlx::query(select).bind(self.tenant.as_str()).fetch_optional(self.pool());
        let row = match known.await? {
            Some(row) => row,
            None => {
                let mut secret = [0; 32];
                rng.fill_bytes(&mut secret);
                let insert = "INSERT INTO nonce_keys (tenant, secret) VALUES ($1, $2)
                              ON CONFLICT DO NOTHING";
                let insert = sqlx::query(insert).bind(self.tenant.as_str());
                insert.bind(hex::encode(secret)).execute(self.pool()).await?;
                // Another replica may have been first.
                sqlx::query(select).bind(self.tenant.as_str()).fetch_one(self.pool()).await?
            }
        };
        let mut secret = [0; 32];
        hex::decode_to_slice(row.try_get::<String, _>("secret")?, &mut secret)
            .map_err(|_| IssuerError::corrupt("a nonce key"))?;
        Ok(secret)
    }

    /// Takes a nonce, once. Returns whether it was free.
    pub(crate) async fn use_nonce(
        &self,
        nonce: [u8; 32],
        expires_at: u64,
    ) -> Result<bool, IssuerError> {
        let sql = "INSERT INTO used_nonces (tenant, nonce_hash, expires_at) VALUES ($1, $2, $3)
                   ON CONFLICT DO NOTHING";
        let used = sqlx::query(sql)
            .bind(self.tenant.as_str())
            .bind(hex::encode(nonce))
            .bind(seconds(expires_at))
            .execute(self.pool())
            .await?;
        Ok(used.rows_affected() == 1)
    }

    /// Forgets used nonces that could not be used any more anyhow.
    pub(crate) async fn forget_nonces(&self, now: u64) -> Result<(), IssuerError> {
        sqlx::query("DELETE FROM used_nonces WHERE tenant = $1 AND expires_at <= $2")
            .bind(self.tenant.as_str())
            .bind(seconds(now))
            .execute(self.pool())
            .await?;
        Ok(())
    }
}
