//! Rosters and Bundles as jobs: the same twice, in parts, broken off, and by several workers.

use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_credential::roster::FileError;
use attestry_credential::schema::Schema;
use attestry_issuer::{
    Accepted, Counts, FAILED_KEPT_S, FileForm, Import, ImportRequest, ImportState, Issuer,
    IssuerError, Search, State,
};
use attestry_service::{Actor, Database, audit};
use serde_json::{Value, json};
use sqlx::Row;

use crate::world::{World, consent, holder, practitioner};

pub(crate) const HEADER: &str = "kind,npi,name,exclusion_checked_on,holder,external_id";
const LEASE_S: u64 = 61;

pub(crate) fn row(name: &str, external_id: &str) -> String {
    format!("exclusion-clear,1234567893,{name},2026-09-01,{},{external_id}\r\n", holder())
}

/// A table of this many persons.
fn roster(count: usize) -> String {
    let rows = (0..count).map(|n| row(&format!("Person {n}"), &format!("row-{n}")));
    format!("{HEADER}\r\n{}", rows.collect::<String>())
}

fn request(form: FileForm, key: Option<&str>) -> ImportRequest {
    let schema = (form == FileForm::Csv).then_some(Schema::ProviderCredential);
    ImportRequest { form, schema, idempotency_key: key.map(str::to_owned) }
}

async fn send(
    issuer: &Issuer,
    request: ImportRequest,
    bytes: &[u8],
) -> Result<Accepted, IssuerError> {
    let mut rng = StdRng::from_entropy();
    let mut intake = issuer.begin_import(&Actor::operator(), request, &mut rng).await?;
    for part in bytes.chunks(1000) {
        if let Err(error) = intake.push(part).await {
            intake.abandon().await?;
            return Err(error);
        }
    }
    intake.finish().await
}

async fn table(issuer: &Issuer, text: &str) -> Accepted {
    send(issuer, request(FileForm::Csv, None), text.as_bytes()).await.unwrap()
}

async fn work(issuer: &Issuer) {
    let mut rng = StdRng::from_entropy();
    while issuer.run_import(&mut rng).await.unwrap().is_some() {}
}

/// The import of a file, done.
async fn done(issuer: &Issuer, form: FileForm, text: &str) -> Import {
    let accepted = send(issuer, request(form, None), text.as_bytes()).await.unwrap();
    assert!(!accepted.repeated);
    work(issuer).await;
    let import = issuer.import(accepted.import.id).await.unwrap();
    assert_eq!(import.state, ImportState::Finished);
    assert_eq!(import.done, import.records);
    import
}

async fn credentials(issuer: &Issuer, state: State) -> usize {
    let search = Search { state: Some(state), ..Search::default() };
    let page = issuer.search(&Actor::operator(), &search, None, 500).await.unwrap();
    assert!(page.next.is_none());
    page.items.len()
}

/// How many records of files are kept.
async fn records(world: &World) -> i64 {
    let database = Database::open(&world.database()).await.unwrap();
    let row = sqlx::query("SELECT COUNT(*) AS count FROM import_records");
    let count = row.fetch_one(database.pool()).await.unwrap().try_get("count").unwrap();
    database.close().await;
    count
}

fn issued(issued: u64) -> Counts {
    Counts { issued, ..Counts::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_roster_twice_issues_nothing_twice() {
    let world = World::new().await;
    let issuer = world.open().await;
    let first = table(&issuer, &roster(5)).await;
    assert_eq!((first.repeated, first.import.state), (false, ImportState::Waiting));
    work(&issuer).await;
    let again = table(&issuer, &roster(5)).await;
    assert!(again.repeated);
    assert_eq!(again.import.id, first.import.id);
    assert_eq!(again.import.counts, issued(5));

    // Other bytes, and another order, with the same rows.
    let mut lines: Vec<String> = roster(5).lines().map(str::to_owned).collect();
    lines[1..].reverse();
    let reordered = done(&issuer, FileForm::Csv, &lines.join("\n")).await;
    assert_eq!(reordered.counts, Counts { unchanged: 5, ..Counts::default() });
    assert_eq!(credentials(&issuer, State::Active).await, 5);
    assert_eq!(records(&world).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_row_that_states_something_else_renews_its_credential() {
    let world = World::new().await;
    let issuer = world.open().await;
    done(&issuer, FileForm::Csv, &roster(3)).await;
    let changed = roster(3).replacen("2026-09-01", "2026-10-01", 1);
    let second = done(&issuer, FileForm::Csv, &changed).await;
    assert_eq!(second.counts, Counts { renewed: 1, unchanged: 2, ..Counts::default() });
    assert_eq!(credentials(&issuer, State::Active).await, 3);
    assert_eq!(credentials(&issuer, State::Superseded).await, 1);

    // And back: the row is what the earlier roster said, and the credential a third one.
    let third = done(&issuer, FileForm::Csv, &format!("{}\r\n", roster(3))).await;
    assert_eq!(third.counts, Counts { renewed: 1, unchanged: 2, ..Counts::default() });
    assert_eq!(credentials(&issuer, State::Superseded).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_revoked_is_not_issued_again_by_its_row() {
    let world = World::new().await;
    let issuer = world.open().await;
    done(&issuer, FileForm::Csv, &roster(1)).await;
    let page = issuer.search(&Actor::operator(), &Search::default(), None, 1).await.unwrap();
    let reason = attestry_issuer::Reason::DisciplinaryAction;
    issuer.revoke(&Actor::operator(), page.items[0].id, reason).await.unwrap();
    let same = done(&issuer, FileForm::Csv, &format!("{}\n", roster(1))).await;
    assert_eq!(same.counts, Counts { unchanged: 1, ..Counts::default() });
    let changed = roster(1).replace("2026-09-01", "2026-10-01");
    let changed = done(&issuer, FileForm::Csv, &changed).await;
    let failed = issuer.failed_rows(changed.id, 0, 10).await.unwrap();
    assert_eq!((failed[0].place.as_str(), failed[0].line), ("row", 2));
    assert_eq!(failed[0].rule, "would renew a credential that is revoked");
    assert_eq!(credentials(&issuer, State::Active).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_fail_do_not_hold_up_the_others_and_can_be_mended() {
    let world = World::new().await;
    let issuer = world.open().await;
    let text = roster(4)
        .replace("exclusion-clear,1234567893,Person 1,", "exclusion-clear,12345,Person 1,")
        .replace(&format!("{},row-2", holder()), ",row-2");
    let import = done(&issuer, FileForm::Csv, &text).await;
    assert_eq!(import.counts, Counts { issued: 2, failed: 2, ..Counts::default() });
    let failed = issuer.failed_rows(import.id, 0, 10).await.unwrap();
    let failed: Vec<_> =
        failed.iter().map(|row| (row.line, row.place.as_str(), row.rule.as_str())).collect();
    let no_holder = "is required: a credential is issued to its holder";
    assert_eq!(failed, [(3, "npi", "is not an NPI: not ten digits"), (4, "holder", no_holder)]);
    assert_eq!(issuer.failed_rows(import.id, 1, 10).await.unwrap().len(), 1);

    let file = issuer.failed_file(&Actor::operator(), import.id).await.unwrap();
    let lines: Vec<&str> = file.text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[0], HEADER);
    assert!(lines[1].contains("Person 1") && lines[2].contains("Person 2"));

    // As they are, they fail again, at the lines of the first file.
    let mut rng = StdRng::from_entropy();
    let rerun = issuer.rerun_import(&Actor::operator(), import.id, &mut rng).await.unwrap();
    work(&issuer).await;
    let twice = issuer.rerun_import(&Actor::operator(), import.id, &mut rng).await.unwrap();
    assert_eq!((twice.repeated, twice.import.id), (true, rerun.import.id));
    assert_eq!(twice.import.counts, Counts { failed: 2, ..Counts::default() });
    assert_eq!(issuer.failed_rows(rerun.import.id, 0, 1).await.unwrap()[0].line, 3);

    // Mended, they become credentials.
    let mended = file
        .text
        .replace(",12345,", ",1234567893,")
        .replace(",,row-2", &format!(",{},row-2", holder()));
    assert_eq!(done(&issuer, FileForm::Csv, &mended).await.counts, issued(2));
    assert_eq!(credentials(&issuer, State::Active).await, 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_records_go_in_the_end_or_at_once() {
    let world = World::new().await;
    let issuer = world.open().await;
    let actor = Actor::operator();
    let mut rng = StdRng::from_entropy();
    let bad = roster(2).replace("1234567893", "12345");
    let import = done(&issuer, FileForm::Csv, &bad).await;
    assert_eq!(records(&world).await, 2);
    world.advance(FAILED_KEPT_S);
    work(&issuer).await;
    assert_eq!(records(&world).await, 2);
    world.advance(1);
    work(&issuer).await;
    assert_eq!(records(&world).await, 0);
    let file = issuer.failed_file(&actor, import.id).await.unwrap();
    assert_eq!(file.text.trim_end(), HEADER);
    let rerun = issuer.rerun_import(&actor, import.id, &mut rng).await;
    assert!(matches!(rerun, Err(IssuerError::NothingToRerun)));

    // Its request is forgotten with it, so that the file may come again.
    let again = done(&issuer, FileForm::Csv, &bad).await;
    issuer.discard_failed(&actor, again.id).await.unwrap();
    assert_eq!(records(&world).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_whose_worker_dies_is_taken_over_and_nothing_is_issued_twice() {
    const ROWS: u64 = 120;
    let world = World::new().await;
    let issuer = world.open().await;
    let id = table(&issuer, &roster(ROWS as usize)).await.import.id;
    for _ in 0..5 {
        let before = issuer.import(id).await.unwrap().counts.issued;
        let replica = world.open().await;
        let worker =
            tokio::spawn(async move { replica.run_import(&mut StdRng::from_entropy()).await });
        // Some rows on, it is gone in the middle of one.
        while issuer.import(id).await.unwrap().counts.issued < before + 7 {
            tokio::task::yield_now().await;
        }
        worker.abort();
        let _ = worker.await;
        // Nobody else may take it on before the lease has run out.
        assert!(issuer.run_import(&mut StdRng::from_entropy()).await.unwrap().is_none());
        world.advance(LEASE_S);
    }
    work(&issuer).await;
    let import = issuer.import(id).await.unwrap();
    assert_eq!((import.state, import.done), (ImportState::Finished, ROWS));
    assert_eq!(import.counts, issued(ROWS));
    assert_eq!(credentials(&issuer, State::Active).await, ROWS as usize);
    assert_eq!(records(&world).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_that_was_taken_for_dead_does_no_harm() {
    const ROWS: u64 = 60;
    let world = World::new().await;
    let (one, other) = (world.open().await, world.open().await);
    let id = table(&one, &roster(ROWS as usize)).await.import.id;
    let slow = one.clone();
    let slow = tokio::spawn(async move { slow.run_import(&mut StdRng::from_entropy()).await });
    while one.import(id).await.unwrap().counts.issued < 3 {
        tokio::task::yield_now().await;
    }
    world.advance(LEASE_S);
    work(&other).await;
    slow.await.unwrap().unwrap();
    work(&other).await;
    let import = one.import(id).await.unwrap();
    assert_eq!((import.state, import.counts), (ImportState::Finished, issued(ROWS)));
    assert_eq!(credentials(&one, State::Active).await, ROWS as usize);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_replicas_work_at_once_even_on_the_same_rows() {
    const ROWS: u64 = 40;
    let world = World::new().await;
    let (one, other) = (world.open().await, world.open().await);
    // The same persons in two files.
    let first = table(&one, &roster(ROWS as usize)).await.import.id;
    let second = table(&other, &format!("{}\n\n", roster(ROWS as usize))).await.import.id;
    assert_ne!(first, second);
    tokio::join!(work(&one), work(&other));
    let first = one.import(first).await.unwrap();
    let second = one.import(second).await.unwrap();
    assert_eq!(first.counts.issued + second.counts.issued, ROWS);
    assert_eq!(first.counts.unchanged + second.counts.unchanged, ROWS);
    assert_eq!(credentials(&one, State::Active).await, ROWS as usize);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_stands_for_one_file() {
    let world = World::new().await;
    let issuer = world.open().await;
    let keyed = || request(FileForm::Csv, Some("march"));
    let first = send(&issuer, keyed(), roster(1).as_bytes()).await.unwrap();
    let again = send(&issuer, keyed(), roster(1).as_bytes()).await.unwrap();
    assert_eq!((again.repeated, again.import.id), (true, first.import.id));
    let other = send(&issuer, keyed(), roster(2).as_bytes()).await;
    assert!(matches!(other, Err(IssuerError::IdempotencyKeyReused)));
    // Nothing is left of what was not taken up.
    assert_eq!(records(&world).await, 1);
    assert_eq!(issuer.imports(None, 10).await.unwrap().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_import_can_be_cancelled_and_sent_again() {
    let world = World::new().await;
    let issuer = world.open().await;
    let actor = Actor::operator();
    let id = table(&issuer, &roster(3)).await.import.id;
    let cancelled = issuer.cancel_import(&actor, id).await.unwrap();
    assert_eq!((cancelled.state, cancelled.done), (ImportState::Cancelled, 0));
    assert_eq!(issuer.cancel_import(&actor, id).await.unwrap().state, ImportState::Cancelled);
    assert_eq!(records(&world).await, 0);
    work(&issuer).await;
    assert_eq!(credentials(&issuer, State::Active).await, 0);

    let again = done(&issuer, FileForm::Csv, &roster(3)).await;
    assert_eq!(again.counts, issued(3));
    let late = issuer.cancel_import(&actor, again.id).await;
    assert!(matches!(late, Err(IssuerError::ImportNotPossible(ImportState::Finished))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stops_coming_in_is_cleared_away() {
    let world = World::new().await;
    let issuer = world.open().await;
    let mut rng = StdRng::from_entropy();
    let actor = Actor::operator();
    let mut intake =
        issuer.begin_import(&actor, request(FileForm::Csv, None), &mut rng).await.unwrap();
    intake.push(roster(600).as_bytes()).await.unwrap();
    assert!(records(&world).await > 0);
    work(&issuer).await;
    assert!(records(&world).await > 0);
    world.advance(3601);
    work(&issuer).await;
    assert_eq!(records(&world).await, 0);
    assert!(intake.finish().await.is_err());
    assert!(issuer.imports(None, 10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_and_bundles_are_imported_too() {
    let world = World::new().await;
    let issuer = world.open().await;
    let subject = json!({"kind": "exclusion-clear", "npi": "1234567893", "name": "Alma Reyes",
        "exclusionCheckedOn": "2026-09-01"});
    let options = json!({"holder": holder().to_string(), "externalId": "row-1"});
    let line = json!({"schema": "ProviderCredential/1", "subject": subject, "options": options});
    let resource = json!({"resource": consent(), "options": {"holder": holder().to_string()}});
    let text = format!("{line}\n{resource}\n{{\"resourceType\":\"Patient\"}}\n");
    let import = done(&issuer, FileForm::Ndjson, &text).await;
    assert_eq!(import.counts, Counts { issued: 2, failed: 1, ..Counts::default() });
    let file = issuer.failed_file(&Actor::operator(), import.id).await.unwrap();
    assert_eq!(file.text, "{\"resourceType\":\"Patient\"}\n");

    let bundle = bundle();
    let import = done(&issuer, FileForm::Fhir, &bundle.to_string()).await;
    // The Consent had become a credential by the line above.
    assert_eq!(import.counts, Counts { issued: 1, unchanged: 1, failed: 1, renewed: 0 });
    let failed = issuer.failed_rows(import.id, 0, 10).await.unwrap();
    assert_eq!((failed[0].line, failed[0].place.as_str()), (3, "Practitioner.identifier"));
    let file = issuer.failed_file(&Actor::operator(), import.id).await.unwrap();
    let kept: Value = serde_json::from_str(&file.text).unwrap();
    assert_eq!(kept["entry"], json!([bundle["entry"][2]]));
}

/// Two resources that become credentials, and one that does not.
pub(crate) fn bundle() -> Value {
    let stated = json!({
        "url": "https://attestry.example/fhir/StructureDefinition/holder-commitment",
        "valueString": holder().to_string()
    });
    let (mut provider, mut grant) = (practitioner(), consent());
    provider["extension"] = json!([stated]);
    grant["extension"].as_array_mut().unwrap().push(stated);
    json!({"resourceType": "Bundle", "entry": [
        {"resource": provider}, {"resource": grant}, {"resource": {"resourceType": "Practitioner"}}
    ]})
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_wrong_as_a_whole_leave_nothing_behind() {
    let world = World::new().await;
    let issuer = world.open().await;
    let csv = || request(FileForm::Csv, None);
    let cases: [(&[u8], FileError); 4] = [
        (b"kind,npi,name\nlicence,1,Jos\xe9\n", FileError::NotUtf8 { line: 2 }),
        (b"kind,npi,name\nlicence,1,\"open\n", FileError::OpenQuote { line: 2 }),
        (b"kind,npi,name,salary\nlicence,1,a,2\n", FileError::UnknownColumn { number: 4 }),
        (b"kind,npi,name\n", FileError::Empty),
    ];
    for (bytes, expected) in cases {
        let sent = send(&issuer, csv(), bytes).await;
        assert!(matches!(sent, Err(IssuerError::File(error)) if error == expected), "{expected}");
    }
    let fhir = request(FileForm::Fhir, None);
    for text in ["{", "[]", r#"{"resourceType":"Bundle"}"#, r#"{"resourceType":"Patient"}"#] {
        assert!(send(&issuer, fhir.clone(), text.as_bytes()).await.is_err(), "{text}");
    }
    let endless = vec![b' '; 8 * 1024 * 1024 + 1];
    let sent = send(&issuer, fhir, &endless).await;
    assert!(matches!(sent, Err(IssuerError::FileTooLarge { .. })));
    let without = ImportRequest { schema: None, ..csv() };
    assert!(matches!(send(&issuer, without, b"").await, Err(IssuerError::Request { .. })));
    let with =
        ImportRequest { schema: Some(Schema::ConsentGrant), ..request(FileForm::Ndjson, None) };
    assert!(matches!(send(&issuer, with, b"").await, Err(IssuerError::Request { .. })));
    assert_eq!(records(&world).await, 0);
    assert!(issuer.imports(None, 10).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn imports_are_audited_and_listed() {
    let world = World::new().await;
    let issuer = world.open().await;
    let bad = roster(2).replacen("1234567893", "12345", 1);
    let first = done(&issuer, FileForm::Csv, &bad).await;
    world.advance(1);
    let second = done(&issuer, FileForm::Csv, &roster(3)).await;
    issuer.failed_file(&Actor::operator(), first.id).await.unwrap();
    let listed = issuer.imports(None, 1).await.unwrap();
    assert_eq!(listed, std::slice::from_ref(&second));
    assert_eq!(issuer.imports(Some(second.id), 5).await.unwrap(), std::slice::from_ref(&first));

    let database = Database::open(&world.database()).await.unwrap();
    let filter = audit::Filter { object: Some(first.id.to_string()), ..audit::Filter::default() };
    let page = audit::page(database.pool(), issuer.tenant(), &filter, None, 10).await.unwrap();
    let actions: Vec<&str> = page.entries.iter().map(|entry| entry.action.as_str()).collect();
    assert_eq!(actions, ["import.read-failed", "import.end", "import.begin"]);
    let ended = page.entries.iter().find(|entry| entry.action == "import.end").unwrap();
    assert_eq!(ended.details["issued"], "1");
    assert_eq!(ended.details["failed"], "1");
}
