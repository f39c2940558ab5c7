//! An office that issues credentials of one schema.

use crate::{Now, Person};
use ark_std::rand::rngs::OsRng;
use attestry_credential::schema::Schema;
use attestry_issuer::{
    CredentialRecord, IssueRequest, Issuer, IssuerConfig, IssuerKeys, Source, Storage, Validity,
};
use attestry_ledger::{Account, Accreditation, EntryIndex, RegistryClient};
use attestry_service::{Actor, DatabaseUrl, TenantId};
use std::collections::BTreeMap;
use std::path::Path;

const ACCREDITED_FOR_S: u64 = 10_000_000;

/// An accredited office.
#[derive(Debug)]
pub struct Office {
    /// Its service.
    pub issuer: Issuer,
    /// Its entry in the registry.
    pub entry: EntryIndex,
}

impl Office {
    /// An office that the members accredit for a schema.
    pub async fn accredited(
        registry: &RegistryClient,
        members: &[&Account],
        keys: IssuerKeys,
        schema: Schema,
        folder: &Path,
        now: Now,
    ) -> Self {
        let accreditation = Accreditation {
            issuer: keys.address(),
            schema: schema.id(),
            key: keys.attestation_key(),
            accredited_until: now() + ACCREDITED_FOR_S,
        };
        let entry = registry.accredit(members, &accreditation).await.unwrap();
        let entries = BTreeMap::from([(schema, entry)]);
        let config = IssuerConfig::new("https://office.example", entries);
        let database = DatabaseUrl::Sqlite(folder.join("issuer.sqlite"));
        let register = Storage::open(&database, TenantId::default()).await.unwrap();
        let issuer = Issuer::open(config, keys, registry.clone(), register, now).await.unwrap();
        Self { issuer, entry }
    }

    /// Issues to a person's wallet.
    pub async fn issue(&self, source: Source, person: &mut Person) -> CredentialRecord {
        let request = IssueRequest {
            source,
            holder: person.wallet.holder_commitment(),
            validity: Validity::default(),
            idempotency_key: None,
        };
        let issued =
            self.issuer.issue(&Actor::operator(), request, &mut OsRng).await.unwrap().credential;
        let document = issued.content().unwrap().verifiable_credential.to_string();
        let attestation = issued.attested().unwrap().attestation.to_string();
        person.wallet.accept(&document, &attestation, None).unwrap();
        issued
    }
}
