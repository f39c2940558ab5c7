//! An office's register: what its staff wait for when it holds 1,000 credentials, and when it holds
//! 100,000.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use ark_std::rand::{Rng, SeedableRng, rngs::StdRng};
use attestry_circuits::HolderSecret;
use attestry_credential::fhir;
use attestry_credential::schema::Schema;
use attestry_issuer::{
    Cursor, IssueRequest, Issuer, IssuerConfig, IssuerKeys, Reason, Search, Source, State, Storage,
    Term, Validity,
};
use attestry_ledger::embedded::EmbeddedLedger;
use attestry_ledger::{Account, Accreditation, ClientOptions, LedgerClient, RegistryClient};
use attestry_service::{Actor, DatabaseUrl, TenantId};
use serde::Serialize;
use serde_json::{Value, json};

use crate::measure::{median, milliseconds};

/// 2026-11-22T00:00:00Z.
const NOW: u64 = 1_795_305_600;
const SMALL: u64 = 1_000;
const LARGE: u64 = 100_000;
/// Requests of each kind that are timed; the median is reported.
const REQUESTS: u64 = 51;
/// Revocations in the publication that is timed.
const REVOKED: u64 = 64;
/// Issuing requests under way at once.
const AT_ONCE: u64 = 8;
const PRACTITIONER: &[u8] = include_bytes!("../../examples/practitioner.json");

/// What a register of one size costs: medians in milliseconds, but for the rate.
#[derive(Debug, Serialize)]
pub struct Figures {
    /// Credentials in the register.
    pub credentials: u64,
    /// Credentials issued a second on the way there, signatures and commits included.
    pub issued_per_s: f64,
    /// Issuing one.
    pub issue_ms: f64,
    /// The first page of 50.
    pub first_page_ms: f64,
    /// A page of 50 from somewhere in the middle.
    pub middle_page_ms: f64,
    /// Search by an NPI.
    pub search_npi_ms: f64,
    /// Search by a name that one credential has.
    pub search_name_ms: f64,
    /// The first page of those that are revoked.
    pub revoked_page_ms: f64,
    /// Publishing the status list with 64 revocations: one transaction, a new list document.
    pub publish_ms: f64,
    /// The database file.
    pub file_mb: f64,
}

/// Figures of one run: the same requests on a small register and, later, on a large one.
#[derive(Debug, Serialize)]
pub struct RegisterReport {
    /// With 1,000 credentials.
    pub small: Figures,
    /// With 100,000 credentials.
    pub large: Figures,
}

impl fmt::Display for RegisterReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (small, large) = (&self.small, &self.large);
        let mut line = |what: &str, of: fn(&Figures) -> f64| {
            let (small, large) = (of(small), of(large));
            writeln!(f, "  {what:<28}{small:>12.2}{large:>12.2}{:>9.2}×", large / small)
        };
        line("credentials", |figures| figures.credentials as f64)?;
        line("issued a second", |figures| figures.issued_per_s)?;
        line("issue one, ms", |figures| figures.issue_ms)?;
        line("first page, ms", |figures| figures.first_page_ms)?;
        line("middle page, ms", |figures| figures.middle_page_ms)?;
        line("search by NPI, ms", |figures| figures.search_npi_ms)?;
        line("search by name, ms", |figures| figures.search_name_ms)?;
        line("page of revoked, ms", |figures| figures.revoked_page_ms)?;
        line("publish 64, ms", |figures| figures.publish_ms)?;
        line("database, MB", |figures| figures.file_mb)
    }
}

/// Issues, and measures everything in [`RegisterReport`], on SQLite and the embedded ledger.
///
/// # Errors
/// If anything fails that should not.
pub fn run() -> Result<RegisterReport> {
    let program = std::env::current_exe()?;
    let folder = tempfile::tempdir_in(program.parent().context("the program is in no folder")?)?;
    tokio::runtime::Runtime::new()?.block_on(async {
        let mut office = Office::open(folder.path()).await?;
        let small = office.grow_and_measure(SMALL).await?;
        let large = office.grow_and_measure(LARGE).await?;
        Ok(RegisterReport { small, large })
    })
}

struct Office {
    issuer: Issuer,
    clock: Arc<AtomicU64>,
    database: std::path::PathBuf,
    subject: Value,
    issued: u64,
    rng: StdRng,
}

impl Office {
    async fn open(folder: &Path) -> Result<Self> {
        let clock = Arc::new(AtomicU64::new(NOW));
        let time = Arc::clone(&clock);
        let time = move || time.load(Ordering::Relaxed);
        let ledger = EmbeddedLedger::open(&folder.join("ledger"), time.clone())?;
        let client = LedgerClient::embedded(&ledger, ClientOptions::default());
        let mut rng = StdRng::seed_from_u64(1);
        let member = Account::random(&mut rng);
        let registry = RegistryClient::deploy(client, &member, &[member.address()], 1).await?;
        let keys = IssuerKeys::random(&mut rng);
        let schema = Schema::ProviderCredential;
        let accreditation = Accreditation {
            issuer: keys.address(),
            schema: schema.id(),
            key: keys.attestation_key(),
            accredited_until: NOW + 100_000_000,
        };
        let entry = registry.accredit(&[&member], &accreditation).await?;
        let config = IssuerConfig::new("https://office.example", BTreeMap::from([(schema, entry)]));
        let database = folder.join("issuer.sqlite");
        let url = DatabaseUrl::Sqlite(database.clone());
        let storage = Storage::open(&url, TenantId::default()).await?;
        let issuer = Issuer::open(config, keys, registry, storage, time).await?;
        let imported = fhir::import(PRACTITIONER)?.into_iter().next().context("no licence")?;
        let subject = serde_json::to_value(imported.outcome?)?;
        Ok(Self { issuer, clock, database, subject, issued: 0, rng })
    }

    async fn grow_and_measure(&mut self, credentials: u64) -> Result<Figures> {
        let (before, start) = (self.issued, Instant::now());
        self.grow(credentials - REQUESTS).await?;
        let issued_per_s = (self.issued - before) as f64 / start.elapsed().as_secs_f64();
        let (mut issue, mut pages, mut middle) = (Vec::new(), Vec::new(), Vec::new());
        let (mut npi, mut name, mut revoked) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..REQUESTS {
            let (request, seed) = (self.next_request()?, self.rng.r#gen());
            let start = Instant::now();
            issue_one(&self.issuer, request, seed).await?;
            issue.push(start.elapsed());
        }
        let publish_ms = self.publish().await?;
        for _ in 0..REQUESTS {
            pages.push(self.time(&Search::default(), None, 50).await?);
            let issued_at = NOW + self.rng.gen_range(60..self.issued);
            let cursor: Cursor = format!("{issued_at:x}.{}", uuid(&mut self.rng)).parse()?;
            middle.push(self.time(&Search::default(), Some(cursor), 50).await?);
            let someone = self.rng.gen_range(0..self.issued);
            let by = |terms| Search { terms, ..Search::default() };
            npi.push(self.time(&by(vec![Term::npi(&npi_of(someone).parse()?)]), None, 1).await?);
            let name_of = format!("Number{someone}").parse()?;
            name.push(self.time(&by(Term::name(&name_of)), None, 1).await?);
            let barred = Search { state: Some(State::Revoked), ..Search::default() };
            revoked.push(self.time(&barred, None, 50).await?);
        }
        let median = |times| milliseconds(median(times));
        Ok(Figures {
            credentials: self.issued,
            issued_per_s,
            issue_ms: median(issue),
            first_page_ms: median(pages),
            middle_page_ms: median(middle),
            search_npi_ms: median(npi),
            search_name_ms: median(name),
            revoked_page_ms: median(revoked),
            publish_ms,
            file_mb: std::fs::metadata(&self.database)?.len() as f64 / 1e6,
        })
    }

    /// Issues until the register holds so many.
    async fn grow(&mut self, credentials: u64) -> Result<()> {
        while self.issued < credentials {
            let mut tasks = tokio::task::JoinSet::new();
            for _ in 0..AT_ONCE.min(credentials - self.issued) {
                let (issuer, request) = (self.issuer.clone(), self.next_request()?);
                let seed: u64 = self.rng.r#gen();
                tasks.spawn(async move { issue_one(&issuer, request, seed).await });
            }
            while let Some(issued) = tasks.join_next().await {
                issued??;
            }
        }
        Ok(())
    }

    /// The next licence: another person, another number, another second.
    fn next_request(&mut self) -> Result<IssueRequest> {
        let number = self.issued;
        self.issued += 1;
        self.clock.fetch_add(1, Ordering::Relaxed);
        let mut subject = self.subject.clone();
        subject["npi"] = json!(npi_of(number));
        subject["name"] = json!(format!("Number{number} Office"));
        subject["licenceNumber"] = json!(format!("B {number}"));
        let mut secret = [0; 32];
        secret[24..].copy_from_slice(&(number + 1).to_be_bytes());
        Ok(IssueRequest {
            source: Source::Subject(Schema::ProviderCredential, subject),
            holder: HolderSecret::from_bytes(&secret)?.commitment(),
            validity: Validity::default(),
            idempotency_key: None,
        })
    }

    /// How long a page takes that must not be empty.
    async fn time(&self, search: &Search, after: Option<Cursor>, least: usize) -> Result<Duration> {
        let start = Instant::now();
        let page = self.issuer.search(&Actor::operator(), search, after, 50).await?;
        let time = start.elapsed();
        ensure!(page.items.len() >= least, "a page of {} for {least}", page.items.len());
        Ok(time)
    }

    /// Revokes some and publishes; how long the publication takes.
    async fn publish(&mut self) -> Result<f64> {
        let active = Search { state: Some(State::Active), ..Search::default() };
        let page = self.issuer.search(&Actor::operator(), &active, None, REVOKED as u32).await?;
        for credential in &page.items {
            self.issuer.revoke(&Actor::operator(), credential.id, Reason::Lapsed).await?;
        }
        let start = Instant::now();
        let published = self.issuer.publish(&mut self.rng).await?;
        let time = milliseconds(start.elapsed());
        let flips: usize = published.iter().map(|list| list.flips).sum();
        ensure!(flips as u64 == REVOKED, "{flips} flips");
        Ok(time)
    }
}

async fn issue_one(issuer: &Issuer, request: IssueRequest, seed: u64) -> Result<()> {
    let mut rng = StdRng::seed_from_u64(seed);
    issuer.issue(&Actor::operator(), request, &mut rng).await?;
    Ok(())
}

/// The National Provider Identifier of a number: nine digits, and the one that checks them.
fn npi_of(number: u64) -> String {
    let digits = format!("{}", 100_000_000 + number);
    let luhn: u64 = format!("80840{digits}")
        .bytes()
        .rev()
        .zip([true, false].into_iter().cycle())
        .map(|(byte, doubled)| {
            let digit = u64::from(byte - b'0');
            if doubled { digit * 2 / 10 + digit * 2 % 10 } else { digit }
        })
        .sum();
    format!("{digits}{}", (10 - luhn % 10) % 10)
}

fn uuid(rng: &mut StdRng) -> String {
    attestry_issuer::CredentialId::random(rng).uuid()
}
