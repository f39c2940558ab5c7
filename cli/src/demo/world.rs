//! The ledger, the identities, the credentials.

use super::party::{self, Holder};
use super::report::{Expected, Found, Report};
use crate::clock::{self, MovableClock};
use crate::governance::Members;
use crate::{verifier, wallet};
use anyhow::{Context, Result};
use ark_std::rand::rngs::OsRng;
use attestry_credential::fhir;
use attestry_credential::presentation::ClientId;
use attestry_credential::schema::Schema;
use attestry_issuer::{
    CredentialRecord, IssueRequest, Issuer, IssuerConfig, IssuerKeys, Source, Storage, Validity,
};
use attestry_keys::KeyStore;
use attestry_keys::interop::solidity::verifying_key_words;
use attestry_ledger::embedded::EmbeddedLedger;
use attestry_ledger::{
    AccountKey, Accreditation, Address, ClientOptions, EntryIndex, LedgerClient, LedgerUrl,
    RegistryClient, RegistrySnapshot,
};
use attestry_service::{Actor, DatabaseUrl, TenantId};
use attestry_verifier::{AcceptedCircuits, Verifier};
use attestry_wallet_core::CircuitProver;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::Instant;
use tempfile::TempDir;

const YEAR_S: u64 = 365 * 86_400;
const MEMBERS: usize = 3;
const THRESHOLD: u16 = 2;

/// An issuer with its place in the registry.
pub(super) struct AccreditedIssuer {
    pub(super) issuer: Issuer,
    pub(super) entry: EntryIndex,
}

/// Everything that the demonstration acts on.
pub(super) struct World {
    pub(super) clock: MovableClock,
    pub(super) registry: RegistryClient,
    pub(super) members: Members,
    pub(super) board: AccreditedIssuer,
    pub(super) site: AccreditedIssuer,
    pub(super) clinic: Verifier,
    pub(super) sponsor: Verifier,
    /// A verifier whose ledger does not answer.
    pub(super) cut_off: Verifier,
    pub(super) prover: CircuitProver,
    pub(super) clinician: Holder,
    /// Holds a licence that expires within the hour.
    pub(super) locum: Holder,
    pub(super) patient: Holder,
    pub(super) licence: Option<CredentialRecord>,
    pub(super) consent: Option<CredentialRecord>,
    _folder: TempDir,
}

impl World {
    /// Opens a ledger, deploys the contracts, makes the identities and accredits the issuers.
    pub(super) async fn open(
        ledger: Option<&LedgerUrl>,
        keys: &KeyStore,
        report: &mut Report,
    ) -> Result<Self> {
        let folder = tempfile::tempdir().context("cannot make a temporary folder")?;
        let clock = MovableClock::default();

        let since = Instant::now();
        let client = connect(ledger, &folder, &clock)?;
        let members = Members::random(MEMBERS);
        let accounts = members.accounts();
        let addresses: Vec<Address> = accounts.iter().map(|member| member.address()).collect();
        let deployer = *accounts.first().context("a consortium has members")?;
        let registry = RegistryClient::deploy(client, deployer, &addresses, THRESHOLD).await?;
        let verifying_key = verifying_key_words(&keys.verifying_key()?);
        let registry = registry.deploy_presentation_verifier(deployer, &verifying_key).await?;
        let chain = registry.ledger().chain_id().await?;
        let found = Found::done(format!("chain {chain}, {MEMBERS} members, {THRESHOLD} to agree"));
        report.step("open the ledger, deploy the contracts", Expected::Done, &found, since);

        let since = Instant::now();
        let schemas = [Schema::ProviderCredential, Schema::ConsentGrant];
        let board = accredit(&registry, &members, &folder, "board", schemas[0], &clock).await?;
        let site = accredit(&registry, &members, &folder, "site", schemas[1], &clock).await?;
        let found = Found::done(format!("{} and {}", board.issuer.did(), site.issuer.did()));
        report.step("accredit a medical board, a trial site", Expected::Done, &found, since);

        let since = Instant::now();
        let circuits = verifier::accepted_circuits(keys)?;
        let (clinic_account, clinic_did) = identity(&registry).await?;
        let (sponsor_account, sponsor_did) = identity(&registry).await?;
        let open =
            async |account: &AccountKey, registry: &RegistryClient, did: &ClientId, name: &str| {
                let folder = folder.path().join(name);
                std::fs::create_dir_all(&folder)?;
                let (registry, circuits): (_, AcceptedCircuits) =
                    (registry.clone(), circuits.clone());
                party::verifier(account, registry, did, circuits, &folder, &clock).await
            };
        let clinic = open(&clinic_account, &registry, &clinic_did, "clinic").await?;
        let sponsor = open(&sponsor_account, &registry, &sponsor_did, "sponsor").await?;
        let nobody = LedgerClient::http("http://127.0.0.1:9", ClientOptions::default())?;
        let unreachable = RegistryClient::at(nobody, *registry.deployment());
        let cut_off = open(&clinic_account, &unreachable, &clinic_did, "cut-off").await?;
        let found = Found::done(format!("{} and {}", clinic_did.as_str(), sponsor_did.as_str()));
        report.step("identify a clinic and a sponsor", Expected::Done, &found, since);

        Ok(Self {
            clock,
            registry,
            members,
            board,
            site,
            clinic,
            sponsor,
            cut_off,
            prover: wallet::prover(keys)?,
            clinician: Holder::new()?,
            locum: Holder::new()?,
            patient: Holder::new()?,
            licence: None,
            consent: None,
            _folder: folder,
        })
    }

    /// Issues the licence, a licence that soon expires, and the consent, and publishes. Whether
    /// everything was issuable; what was not is reported.
    pub(super) async fn issue(
        &mut self,
        practitioner: &Value,
        consent: &Value,
        report: &mut Report,
    ) -> Result<bool> {
        let whole = Validity::default();
        let since = Instant::now();
        let licence = issue(&self.board, practitioner, &mut self.clinician, whole).await;
        let done = "ProviderCredential/1 from the FHIR Practitioner, in the wallet";
        self.licence = issued("issue the licence", done, licence, since, report);

        let since = Instant::now();
        let hour = Validity { from: None, until: Some(self.clock.now() + 3_600) };
        let short = issue(&self.board, practitioner, &mut self.locum, hour).await;
        let done = "the same, for another wallet and valid for an hour";
        let short = issued("issue a licence that soon expires", done, short, since, report);

        let since = Instant::now();
        let consent = issue(&self.site, consent, &mut self.patient, whole).await;
        let done = "ConsentGrant/1 from the FHIR Consent, in the wallet";
        self.consent = issued("issue the consent", done, consent, since, report);
        if self.licence.is_none() || short.is_none() || self.consent.is_none() {
            return Ok(false);
        }

        let since = Instant::now();
        self.board.issuer.publish(&mut OsRng).await?;
        self.site.issuer.publish(&mut OsRng).await?;
        let root = self.registry.root().await?;
        let found = Found::done(format!("registry root {root}"));
        report.step("publish the status lists", Expected::Done, &found, since);
        Ok(true)
    }

    /// The study that the patient consented to.
    pub(super) fn study_of_consent(&self) -> Option<String> {
        self.consent.as_ref()?.attested().ok()?.subject.get("study")?.as_str().map(str::to_owned)
    }

    pub(super) async fn snapshot(&self) -> Result<RegistrySnapshot> {
        Ok(self.registry.snapshot().await?)
    }
}

fn connect(
    ledger: Option<&LedgerUrl>,
    folder: &TempDir,
    movable: &MovableClock,
) -> Result<LedgerClient> {
    Ok(match ledger {
        Some(url) => LedgerClient::connect(url, clock::now, ClientOptions::default())?,
        None => {
            let movable = movable.clone();
            let ledger =
                EmbeddedLedger::open(&folder.path().join("ledger"), move || movable.now())?;
            LedgerClient::embedded(&ledger, ClientOptions::default())
        }
    })
}

/// A did:ethr with a published key.
async fn identity(registry: &RegistryClient) -> Result<(AccountKey, ClientId)> {
    let account = AccountKey::random(&mut OsRng);
    let client_id = verifier::publish_receipt_key(registry, &account).await?;
    Ok((account, client_id))
}

async fn accredit(
    registry: &RegistryClient,
    members: &Members,
    folder: &TempDir,
    name: &str,
    schema: Schema,
    movable: &MovableClock,
) -> Result<AccreditedIssuer> {
    let keys = IssuerKeys::random(&mut OsRng);
    let accreditation = Accreditation {
        issuer: keys.address(),
        schema: schema.id(),
        key: keys.attestation_key(),
        accredited_until: movable.now() + YEAR_S,
    };
    let entry = registry.accredit(&members.accounts(), &accreditation).await?;
    let config =
        IssuerConfig::new(format!("https://{name}.example"), BTreeMap::from([(schema, entry)]));
    let storage = {
        let url = DatabaseUrl::Sqlite(folder.path().join(name).join("issuer.sqlite"));
        Storage::open(&url, TenantId::default()).await?
    };
    let movable = movable.clone();
    let issuer =
        Issuer::open(config, keys, registry.clone(), storage, move || movable.now()).await?;
    Ok(AccreditedIssuer { issuer, entry })
}

/// Reports what became of issuing.
fn issued(
    step: &str,
    done: &str,
    outcome: Result<CredentialRecord>,
    since: Instant,
    report: &mut Report,
) -> Option<CredentialRecord> {
    let found = match &outcome {
        Ok(_) => Found::done(done),
        Err(error) => Found::refused("not-issuable", format!("{error:#}")),
    };
    report.step(step, Expected::Done, &found, since);
    outcome.ok()
}

/// Issues the first credential that a resource stands for, and puts it into a wallet.
async fn issue(
    by: &AccreditedIssuer,
    resource: &Value,
    holder: &mut Holder,
    validity: Validity,
) -> Result<CredentialRecord> {
    let imported = fhir::import(resource.to_string().as_bytes())?;
    let item = imported.iter().position(|item| item.outcome.is_ok());
    let request = IssueRequest {
        source: Source::Resource { resource: resource.clone(), item: Some(item.unwrap_or(0)) },
        holder: holder.wallet.holder_commitment(),
        validity,
        idempotency_key: None,
    };
    let record = by.issuer.issue(&Actor::operator(), request, &mut OsRng).await?.credential;
    let (document, attestation) =
        (&record.content()?.verifiable_credential, &record.attested()?.attestation);
    holder.wallet.accept(&document.to_string(), &attestation.to_string(), None)?;
    Ok(record)
}
