//! Whatever is done to an exported file, it is found.

use std::sync::LazyLock;

use attestry_service::TenantId;
use attestry_service::audit::{Fault, Format, Head, Known, VerifyError, verify};
use attestry_service::testing::TestDatabase;
use proptest::prelude::*;
use proptest::sample::Index;
use sqlx::Executor;

use super::{append_awkward, export, head, open};

/// The same log in every format, the log of another tenant, and the head of the first.
struct Files {
    files: Vec<String>,
    foreign: Vec<String>,
    known: Known,
}

const ENTRIES: usize = 10;

static FILES: LazyLock<Files> = LazyLock::new(|| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let test = TestDatabase::sqlite();
        let database = open(&test).await;
        let (tenant, other) = (TenantId::default(), "other".parse().unwrap());
        append_awkward(&database, &tenant).await;
        append_awkward(&database, &other).await;
        let known = Known { tenant: None, heads: vec![head(&database, &tenant).await] };
        let (mut files, mut foreign) = (Vec::new(), Vec::new());
        for format in Format::ALL {
            files.push(export(&database, &tenant, format, 0).await);
            foreign.push(export(&database, &other, format, 0).await);
        }
        Files { files, foreign, known }
    })
});

/// The first entry that is not in order; 0 if the file is no export at all.
fn first_bad(file: &[u8]) -> u64 {
    match verify(file, &FILES.known, |_| {}) {
        Err(VerifyError::Broken { sequence, .. }) => sequence,
        Err(VerifyError::NotAnExport) => 0,
        other => unreachable!("{other:?}: {}", String::from_utf8_lossy(file)),
    }
}

fn any_file() -> impl Strategy<Value = usize> {
    0..Format::ALL.len()
}

fn join(lines: &[&str]) -> String {
    lines.iter().flat_map(|line| [*line, "\n"]).collect()
}

/// In which line a byte is; the opening is line 0, the first entry line 1.
fn line_of(file: &str, position: usize) -> u64 {
    file.as_bytes()[..position].iter().filter(|byte| **byte == b'\n').count() as u64
}

proptest! {
    #[test]
    fn a_changed_byte_is_found_in_its_line(file in any_file(), at: Index, by in 1..=255_u8) {
        let mut bytes = FILES.files[file].clone().into_bytes();
        let position = at.index(bytes.len());
        bytes[position] ^= by;
        prop_assert_eq!(first_bad(&bytes), line_of(&FILES.files[file], position));
    }

    #[test]
    fn a_byte_more_or_less_is_found(file in any_file(), at: Index, byte: u8, inserted: bool) {
        let mut bytes = FILES.files[file].clone().into_bytes();
        let position = at.index(bytes.len());
        if inserted {
            bytes.insert(position, byte);
        } else {
            bytes.remove(position);
        }
        let line = line_of(&FILES.files[file], position);
        let found = first_bad(&bytes);
        prop_assert!(found == line || found == line + 1, "{found}, {line}");
    }

    #[test]
    fn a_cut_is_found(file in any_file(), at: Index) {
        let text = &FILES.files[file];
        first_bad(&text.as_bytes()[..at.index(text.len())]);
        first_bad(&text.as_bytes()[at.index(text.len()) + 1..]);
    }

    #[test]
    fn a_lost_entry_is_found(file in any_file(), lost in 1..=ENTRIES) {
        let mut lines: Vec<_> = FILES.files[file].lines().collect();
        lines.remove(lost);
        prop_assert_eq!(first_bad(join(&lines).as_bytes()), lost as u64);
    }

    #[test]
    fn a_repeated_or_moved_entry_is_found(
        file in any_file(),
        one in 1..=ENTRIES,
        other in 1..=ENTRIES,
    ) {
        let original: Vec<_> = FILES.files[file].lines().collect();
        let mut repeated = original.clone();
        repeated.insert(other, original[one]);
        let found = first_bad(join(&repeated).as_bytes());
        // In the same place, the repetition is the second of the two.
        let expected = if one == other { other + 1 } else { other };
        prop_assert_eq!(found, expected as u64);
        if one != other {
            let mut swapped = original.clone();
            swapped.swap(one, other);
            prop_assert_eq!(first_bad(join(&swapped).as_bytes()), one.min(other) as u64);
        }
    }

    #[test]
    fn an_entry_of_another_tenant_is_found(file in any_file(), at in 2..=ENTRIES) {
        let mut lines: Vec<_> = FILES.files[file].lines().collect();
        lines[at] = FILES.foreign[file].lines().nth(at).unwrap();
        let found = verify(join(&lines).as_bytes(), &FILES.known, |_| {}).unwrap_err();
        let sequence_of = at as u64;
        let is_foreign = matches!(
            found,
            VerifyError::Broken { sequence, fault: Fault::ForeignTenant } if sequence == sequence_of
        );
        prop_assert!(is_foreign, "{found}");
    }
}

#[tokio::test]
async fn an_entry_hashed_anew_does_not_fit_and_a_chain_made_anew_has_another_head() {
    let test = TestDatabase::sqlite();
    let database = open(&test).await;
    let (tenant, forged) = (TenantId::default(), TenantId::default());
    append_awkward(&database, &tenant).await;
    let true_head = head(&database, &tenant).await;
    // The forger has the database and its owner's rights: another history, made by the same code.
    let forgery = TestDatabase::sqlite();
    let other = open(&forgery).await;
    super::tick(&other, &forged, 1).await;
    for at in 2..=10 {
        super::tick(&other, &forged, at).await;
    }
    for format in Format::ALL {
        let history = export(&other, &forged, format, 0).await;
        let head = |heads: Vec<Head>| Known { tenant: Some(tenant.clone()), heads };
        assert!(verify(history.as_bytes(), &head(vec![]), |_| {}).is_ok());
        let error = verify(history.as_bytes(), &head(vec![true_head]), |_| {}).unwrap_err();
        assert!(matches!(error, VerifyError::Broken { sequence: 10, fault: Fault::NotKnown }));
        // One line of it in the true file.
        let truth = export(&database, &tenant, format, 0).await;
        let mut lines: Vec<_> = truth.lines().collect();
        lines[4] = history.lines().nth(4).unwrap();
        let error = verify(join(&lines).as_bytes(), &head(vec![]), |_| {}).unwrap_err();
        assert!(matches!(error, VerifyError::Broken { sequence: 4, fault: Fault::NotLinked }));
    }
}

#[tokio::test]
async fn what_was_changed_in_the_database_shows_in_its_export() {
    let test = TestDatabase::sqlite();
    let database = open(&test).await;
    let tenant = TenantId::default();
    append_awkward(&database, &tenant).await;
    let statements = [
        ("UPDATE audit_entries SET actor = 'nobody' WHERE sequence = 9", 9, Fault::Changed),
        ("DELETE FROM audit_entries WHERE sequence = 5", 5, Fault::Missing),
        ("UPDATE audit_entries SET object = 'a' || char(10) WHERE sequence = 3", 3, Fault::Changed),
    ];
    for trigger in ["audit_entries_unchanged", "audit_entries_kept"] {
        let drop = sqlx::AssertSqlSafe(format!("DROP TRIGGER {trigger}"));
        database.pool().execute(drop).await.unwrap();
    }
    for (statement, expected, fault) in statements {
        database.pool().execute(statement).await.unwrap();
        for format in Format::ALL {
            let file = export(&database, &tenant, format, 0).await;
            let error = verify(file.as_bytes(), &Known::default(), |_| {}).unwrap_err();
            let VerifyError::Broken { sequence, fault: what } = error else {
                unreachable!("{error}")
            };
            assert_eq!(sequence, expected, "{format}");
            assert!(what == fault || what == Fault::Unreadable, "{format}: {what}");
        }
    }
}
