//! Status lists: which entries are taken, which bits are set, and what was published.

use ark_std::rand::{CryptoRng, RngCore};
use attestry_circuits::status::{INDEX_BITS, LIST_SIZE, StatusList, StatusRoot};
use attestry_service::database::{seconds, unsigned};
use serde_json::Value;
use sqlx::Row;
use sqlx::any::AnyRow;

use super::Storage;
use super::epochs::epoch;
use crate::IssuerError;
use crate::keys::Epoch;
use crate::record::ListId;

/// Draws before the free entries of a nearly full list are counted instead.
const DRAWS: usize = 32;
const INDEX_MASK: u32 = (1 << INDEX_BITS) - 1;

/// A list as last published.
#[derive(Clone, Debug)]
pub(crate) struct PublishedList {
    pub(crate) root: StatusRoot,
    /// The signed W3C document.
    pub(crate) document: Value,
    /// Unix seconds.
    pub(crate) published_at: u64,
    /// The epoch of the key that signed the document.
    pub(crate) epoch: Epoch,
}

impl Storage {
    /// An entry of a list that is not taken, each with the same chance.
    pub(crate) async fn draw_free_index(
        &self,
        list: ListId,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<u32, IssuerError> {
        for _ in 0..DRAWS {
            let index = rng.next_u32() & INDEX_MASK;
            let taken = sqlx::query(
                "SELECT 1 FROM status_entries WHERE tenant = $1 AND list_id = $2 AND status_index = $3",
            )
            .bind(self.tenant.as_str())
            .bind(list.to_string())
            .bind(i64::from(index))
            .fetch_optional(self.pool())
            .await?;
            if taken.is_none() {
                return Ok(index);
            }
        }
        let taken = self
            .indices(
                list,
                "SELECT status_index FROM status_entries WHERE tenant = $1 AND list_id = $2",
            )
            .await?;
        let mut free = vec![true; LIST_SIZE];
        for index in taken {
            *free.get_mut(index as usize).ok_or(IssuerError::corrupt("a status index"))? = false;
        }
        let free: Vec<u32> =
            (0..).zip(free).filter_map(|(index, free)| free.then_some(index)).collect();
        if free.is_empty() {
            return Err(IssuerError::ListFull);
        }
        // Draws outside the largest multiple are repeated, so that no entry is favoured.
        let count = free.len() as u64;
        let limit = u64::MAX - u64::MAX % count;
        loop {
            let draw = rng.next_u64();
            if draw < limit {
                return Ok(free[(draw % count) as usize]);
            }
        }
    }

    /// Takes an entry that is not taken, for no credential, and sets its bit.
    pub(crate) async fn reserve_decoy(
        &self,
        list: ListId,
        rng: &mut (impl RngCore + CryptoRng + Send),
    ) -> Result<u32, IssuerError> {
        loop {
            let index = self.draw_free_index(list, rng).await?;
            let inserted = sqlx::query(
                "INSERT INTO status_entries (tenant, list_id, status_index, credential_id, bit, published)
                 VALUES ($1, $2, $3, NULL, 1, 0) ON CONFLICT DO NOTHING",
            )
            .bind(self.tenant.as_str())
            .bind(list.to_string())
            .bind(i64::from(index))
            .execute(self.pool())
            .await?;
            if inserted.rows_affected() == 1 {
                return Ok(index);
            }
        }
    }

    /// Taken entries that are no credential's.
    pub(crate) async fn without_credential(&self, list: ListId) -> Result<Vec<u32>, IssuerError> {
        let sql = "SELECT status_index FROM status_entries
                   WHERE tenant = $1 AND list_id = $2 AND credential_id IS NULL";
        self.indices(list, sql).await
    }

    /// The list as it shall be: the bit of every credential that is not active, and of decoys.
    pub(crate) async fn own_list(&self, list: ListId) -> Result<StatusList, IssuerError> {
        self.list_of(list, "SELECT status_index FROM status_entries WHERE tenant = $1 AND list_id = $2 AND bit = 1")
            .await
    }

    /// The list as the ledger last had it.
    pub(crate) async fn published_bits(&self, list: ListId) -> Result<StatusList, IssuerError> {
        let sql = "SELECT status_index FROM status_entries WHERE tenant = $1 AND list_id = $2 AND published = 1";
        self.list_of(list, sql).await
    }

    /// Notes the list as the ledger has it, adding entries for set bits that nobody here knows.
    pub(crate) async fn adopt_published(
        &self,
        list: ListId,
        on_ledger: &StatusList,
    ) -> Result<(), IssuerError> {
        let mut transaction = self.write().await?;
        sqlx::query("UPDATE status_entries SET published = 0 WHERE tenant = $1 AND list_id = $2")
            .bind(self.tenant.as_str())
            .bind(list.to_string())
            .execute(&mut *transaction)
            .await?;
        for index in on_ledger.set_indices() {
            sqlx::query(
                "INSERT INTO status_entries (tenant, list_id, status_index, credential_id, bit, published)
                 VALUES ($1, $2, $3, NULL, 1, 1)
                 ON CONFLICT (tenant, list_id, status_index) DO UPDATE SET published = 1",
            )
            .bind(self.tenant.as_str())
            .bind(list.to_string())
            .bind(i64::from(index))
            .execute(&mut *transaction)
            .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// The list as last published, unless the key that signed its document has ended.
    pub(crate) async fn published_list(
        &self,
        list: ListId,
    ) -> Result<Option<PublishedList>, IssuerError> {
        let row = sqlx::query(
            "SELECT root, document, published_at, epoch FROM status_lists
                 WHERE tenant = $1 AND list_id = $2 AND epoch NOT IN
                     (SELECT epoch FROM key_epochs WHERE tenant = $1 AND ended_at IS NOT NULL)",
        )
        .bind(self.tenant.as_str())
        .bind(list.to_string())
        .fetch_optional(self.pool())
        .await?;
        row.map(|row| {
            let root: String = row.try_get("root")?;
            let document: String = row.try_get("document")?;
            Ok(PublishedList {
                root: root.parse().map_err(|_| IssuerError::corrupt("a status root"))?,
                document: serde_json::from_str(&document)
                    .map_err(|_| IssuerError::corrupt("a status list document"))?,
                published_at: unsigned(row.try_get("published_at")?, "a time")?,
                epoch: epoch(&row)?,
            })
        })
        .transpose()
    }

    pub(crate) async fn set_published_list(
        &self,
        list: ListId,
        published: &PublishedList,
    ) -> Result<(), IssuerError> {
        sqlx::query(
            "INSERT INTO status_lists (tenant, list_id, root, document, published_at, epoch)
             VALUES ($1, $2, $3, $4, $5, $6)
             ON CONFLICT (tenant, list_id) DO UPDATE SET root = excluded.root, document = excluded.document,
                 published_at = excluded.published_at, epoch = excluded.epoch",
        )
        .bind(self.tenant.as_str())
        .bind(list.to_string())
        .bind(published.root.to_string())
        .bind(published.document.to_string())
        .bind(seconds(published.published_at))
        .bind(i64::from(published.epoch.number()))
        .execute(self.pool())
        .await?;
        Ok(())
    }

    async fn list_of(&self, list: ListId, sql: &'static str) -> Result<StatusList, IssuerError> {
        let mut bits = StatusList::new();
        bits.flip_all(&self.indices(list, sql).await?)
            .map_err(|_| IssuerError::corrupt("a status index"))?;
        Ok(bits)
    }

    async fn indices(&self, list: ListId, sql: &'static str) -> Result<Vec<u32>, IssuerError> {
        let rows = sqlx::query(sql)
            .bind(self.tenant.as_str())
            .bind(list.to_string())
            .fetch_all(self.pool())
            .await?;
        let index = |row: &AnyRow| Ok(unsigned(row.try_get("status_index")?, "a status index")?);
        rows.iter().map(index).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ark_std::rand::{SeedableRng, rngs::StdRng};
    use attestry_service::TenantId;
    use attestry_service::testing::TestDatabase;

    #[tokio::test]
    async fn the_last_free_entries_are_found_and_then_the_list_is_full() {
        for database in TestDatabase::each().await {
            let storage = Storage::open(&database.url, TenantId::default()).await.unwrap();
            let (list, mut rng) = (ListId::Entry(3.into()), StdRng::seed_from_u64(1));
            let fill =
                "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < 131071)
                INSERT INTO status_entries (tenant, list_id, status_index, bit, published)
                SELECT 'default', '3', i, 0, 0 FROM n WHERE i NOT IN (7, 131071)";
            sqlx::query(fill).execute(storage.pool()).await.unwrap();
            let mut drawn = Vec::new();
            for _ in 0..8 {
                drawn.push(storage.draw_free_index(list, &mut rng).await.unwrap());
            }
            assert!(drawn.iter().all(|index| [7, 131_071].contains(index)));
            assert!(drawn.contains(&7) && drawn.contains(&131_071));
            let rest = "INSERT INTO status_entries (tenant, list_id, status_index, bit, published)
                VALUES ('default', '3', 7, 0, 0), ('default', '3', 131071, 0, 0)";
            sqlx::query(rest).execute(storage.pool()).await.unwrap();
            let full = storage.draw_free_index(list, &mut rng).await;
            assert!(matches!(full, Err(IssuerError::ListFull)));
            assert!(storage.draw_free_index(ListId::Plain, &mut rng).await.is_ok());
            let other = Storage::of(storage.database(), "other".parse().unwrap()).await.unwrap();
            assert!(other.draw_free_index(list, &mut rng).await.is_ok());
        }
    }
}
