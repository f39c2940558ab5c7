//! The database, on each kind that is there.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use attestry_service::testing::TestDatabase;
use sqlx::{Executor, Row};

#[tokio::test]
async fn a_row_reads_back_as_it_was_written() {
    for database in TestDatabase::each().await {
        let database = database.open().await;
        database.ping().await.unwrap();
        let table = "CREATE TABLE things (name TEXT PRIMARY KEY, size BIGINT NOT NULL, note TEXT)";
        database.pool().execute(table).await.unwrap();
        let insert = "INSERT INTO things VALUES ($1, $2, $3) ON CONFLICT (name) DO NOTHING";
        for note in [None, Some("second")] {
            let query = sqlx::query(insert).bind("one").bind(i64::MAX).bind(note);
            query.execute(database.pool()).await.unwrap();
        }
        let row = sqlx::query("SELECT name, size, note FROM things").fetch_one(database.pool());
        let row = row.await.unwrap();
        assert_eq!(row.get::<String, _>("name"), "one");
        assert_eq!(row.get::<i64, _>("size"), i64::MAX);
        assert_eq!(row.get::<Option<String>, _>("note"), None);
        let row = sqlx::query("SELECT COUNT(*) AS n FROM things").fetch_one(database.pool());
        assert_eq!(row.await.unwrap().get::<i64, _>("n"), 1);
        database.close().await;
    }
}

#[tokio::test]
async fn writers_do_not_lose_each_others_changes() {
    for database in TestDatabase::each().await {
        let database = database.open().await;
        let pool = database.pool();
        pool.execute("CREATE TABLE counters (id BIGINT PRIMARY KEY, value BIGINT NOT NULL)")
            .await
            .unwrap();
        pool.execute("INSERT INTO counters VALUES (1, 0)").await.unwrap();
        let writers: Vec<_> = (0..20)
            .map(|_| {
                let database = database.clone();
                tokio::spawn(async move {
                    let mut transaction = database.write().await.unwrap();
                    let update =
                        "UPDATE counters SET value = value + 1 WHERE id = 1 RETURNING value";
                    let row = sqlx::query(update).fetch_one(&mut *transaction).await.unwrap();
                    transaction.commit().await.unwrap();
                    row.get::<i64, _>("value")
                })
            })
            .collect();
        let mut seen = Vec::new();
        for writer in writers {
            seen.push(writer.await.unwrap());
        }
        seen.sort_unstable();
        assert_eq!(seen, (1..=20).collect::<Vec<i64>>());
        database.close().await;
    }
}
