//! Moves SQLite's log into its file beside those who write, so that none of them waits for it.

use std::time::Duration;

use sqlx::{AnyConnection, AnyPool, Executor};
use tokio::task::JoinHandle;

/// How often. A log that is begun anew before it has grown is overwritten, which a disk takes
/// sooner than a file that grows.
const INTERVAL: Duration = Duration::from_secs(2);
/// Nobody is made to wait for longer than these milliseconds.
const SETTINGS: &str = "PRAGMA busy_timeout = 20";
/// What is there is moved while others write; then they wait until what has come since is, and
/// the log begins anew.
const CHECKPOINT: &str = "PRAGMA wal_checkpoint(PASSIVE); PRAGMA wal_checkpoint(RESTART)";

/// The checkpoints of a file, for as long as this is kept and the pool is open.
pub(super) struct Checkpoints(JoinHandle<()>);

impl Checkpoints {
    pub(super) fn start(pool: AnyPool) -> Self {
        Self(tokio::spawn(async move {
            tokio::select! {
                () = pool.close_event() => {}
                () = again_and_again(&pool) => {}
            }
        }))
    }
}

impl Drop for Checkpoints {
    fn drop(&mut self) {
        self.0.abort();
    }
}

async fn again_and_again(pool: &AnyPool) {
    let mut kept = None;
    loop {
        tokio::time::sleep(INTERVAL).await;
        match checkpoint(pool, kept.take()).await {
            Ok(connection) => kept = Some(connection),
            Err(error) => tracing::debug!(%error, "the log was not moved into its file"),
        }
    }
}

async fn checkpoint(
    pool: &AnyPool,
    kept: Option<AnyConnection>,
) -> Result<AnyConnection, sqlx::Error> {
    let mut connection = match kept {
        Some(connection) => connection,
        None => {
            let mut connection = pool.acquire().await?.detach();
            connection.execute(SETTINGS).await?;
            connection
        }
    };
    connection.execute(CHECKPOINT).await?;
    Ok(connection)
}
