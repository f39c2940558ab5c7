//! Many holders of one issuer, whose answers are made at once and then sent to a service.

use ark_std::rand::rngs::{OsRng, StdRng};
use ark_std::rand::{RngCore, SeedableRng};
use attestry_circuits::registry::{RegistryLeaf, RegistryPath, RegistryRoot};
use attestry_circuits::schnorr::SigningKey;
use attestry_circuits::status::StatusList;
use attestry_circuits::{Credential, Header, HolderSecret, IssuerId, Witness};
use attestry_credential::policy::PolicyDocument;
use attestry_credential::presentation::{
    ClientId, Digest, Identifier, Nonce, Presentation, PresentationRequest, PresentationResponse,
    Query, ScopeParts, StatementParts, ZkSystem, disclosed_by, rebuild_statement, sign,
};
use attestry_credential::schema::{Schema, Subject};
use attestry_keys::{KeyStore, Prover};
use attestry_ledger::{EntryIndex, RegistryClient};
use serde_json::{Map, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::binary::{registry, run};

/// An issuer that the consortium accredited, and what proofs are made with.
pub(crate) struct Crowd {
    registry: RegistryClient,
    entry: EntryIndex,
    issuer: SigningKey,
    issuer_id: IssuerId,
    prover: Prover,
    system: ZkSystem,
}

/// The registry as all holders see it.
struct View {
    root: RegistryRoot,
    leaf: RegistryLeaf,
    path: RegistryPath,
    list: StatusList,
}

/// The services run by the machine's clock.
#[allow(clippy::disallowed_methods, reason = "processes keep real time")]
pub(crate) fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

impl Crowd {
    /// Puts the contracts on a ledger, the keys into the data directory, and accredits an issuer.
    pub(crate) async fn gather(data: &Path, ledger: &str) -> Self {
        let mut rng = StdRng::seed_from_u64(1);
        let (root, at) = (env!("CARGO_TARGET_TMPDIR"), data.join("keys"));
        let made = KeyStore::insecure_development_keys_below(root, &mut rng).unwrap();
        std::fs::create_dir_all(&at).unwrap();
        for file in std::fs::read_dir(made.folder()).unwrap() {
            let file = file.unwrap();
            std::fs::copy(file.path(), at.join(file.file_name())).unwrap();
        }
        run(data, &["ledger", "init", "--ledger", ledger]);
        let issuer = SigningKey::random(&mut rng);
        let address = "0x00000000000000000000000000000000000000b0";
        let key = hex::encode(issuer.verifying_key().to_bytes());
        let accredit = ["ledger", "accredit", "--ledger", ledger, "--issuer", address];
        let schema = ["--schema", "ProviderCredential/1", "--key", &key];
        let entry = run(data, &[&accredit[..], &schema].concat())["entry"].as_u64().unwrap();
        let mut account = [0; 20];
        account[19] = 0xb0;
        let circuit = made.manifest().unwrap().circuit_id.parse().unwrap();
        let vk_hash = Digest::from_bytes(made.verifying_key().unwrap().hash());
        Self {
            registry: registry(data, ledger).await,
            entry: u32::try_from(entry).unwrap().into(),
            issuer,
            issuer_id: IssuerId::from_address(account),
            prover: Prover::new(made.proving_key().unwrap()).unwrap(),
            system: ZkSystem::new("groth16-1".parse().unwrap(), circuit, vk_hash),
        }
    }

    /// A request that a verifier's owner makes in its name, which many answer.
    pub(crate) fn request(
        &self,
        client_id: &ClientId,
        epoch: u64,
        now: u64,
    ) -> PresentationRequest {
        let policy = json!({
            "id": "nurse", "version": 1, "title": "An active nurse",
            "schema": "ProviderCredential/1",
            "require": [
                { "claim": "status", "op": "eq", "value": "active" },
                { "claim": "licence_type", "op": "eq", "value": "RN" }
            ]
        });
        let policy = PolicyDocument::from_json(policy.to_string().as_bytes()).unwrap();
        let id: Identifier = "q1".parse().unwrap();
        PresentationRequest {
            request_id: format!("epoch-{epoch}").parse().unwrap(),
            client_id: client_id.clone(),
            response_uri: "https://sponsor.example/answers".parse().unwrap(),
            nonce: Nonce::random(&mut StdRng::seed_from_u64(epoch)),
            scope: ScopeParts { purpose: "a study".to_owned(), epoch },
            queries: vec![Query::new(id, policy, Map::new()).unwrap()],
            expires_at: now + 100_000,
            max_age_s: 100_000,
            purpose: "How many nurses take part?".to_owned(),
            format: Default::default(),
            zk_system_type: vec![self.system.clone()],
        }
    }

    /// The answers of so many holders, who are the same for every request.
    pub(crate) async fn answers(
        &self,
        request: &PresentationRequest,
        holders: u32,
        now: u64,
    ) -> Vec<PresentationResponse> {
        let view = self.view().await;
        (0..holders).map(|holder| self.answer(&view, holder, request, now)).collect()
    }

    /// The answer of one of them.
    pub(crate) async fn answer_of(
        &self,
        holder: u32,
        request: &PresentationRequest,
        now: u64,
    ) -> PresentationResponse {
        self.answer(&self.view().await, holder, request, now)
    }

    async fn view(&self) -> View {
        let tree = self.registry.registry_tree().await.unwrap();
        View {
            root: tree.root(),
            leaf: self.registry.entry(self.entry).await.unwrap().leaf,
            path: tree.path(self.entry.as_u32() as usize).unwrap(),
            list: self.registry.status_list(self.entry).await.unwrap(),
        }
    }

    fn answer(
        &self,
        view: &View,
        holder: u32,
        request: &PresentationRequest,
        now: u64,
    ) -> PresentationResponse {
        let (credential, subject, holder_secret) = self.credential(holder, now);
        let witness = Witness {
            holder_secret,
            signature: self.issuer.sign(&credential).unwrap(),
            credential,
            leaf: view.leaf,
            registry_path: view.path.clone(),
            status_path: view.list.path(holder).unwrap(),
        };
        let rng = &mut OsRng;
        let presentations = request.queries.iter().map(|query| {
            let seed = &mut [0; 32];
            rng.fill_bytes(seed);
            let key = ed25519_dalek::SigningKey::from_bytes(seed);
            let parts = StatementParts {
                registry_root: view.root,
                now,
                nullifier: witness.holder_secret.withdrawal_key(&request.scope()).nullifier(),
                disclosed: disclosed_by(query, &witness.credential, &subject).unwrap(),
                presentation_key: key.verifying_key().to_bytes(),
            };
            let statement = rebuild_statement(request, query, &parts).unwrap();
            let proof = self.prover.prove_statement(&statement, &witness, rng).unwrap();
            let mut presentation = Presentation {
                circuit_id: self.system.params.circuit_hash,
                parts,
                proof: proof.to_bytes(),
                signature: [0; 64],
            };
            sign(&mut presentation, request, query, &key).unwrap();
            (query.id.clone(), presentation)
        });
        let presentations: BTreeMap<_, _> = presentations.collect();
        PresentationResponse { request_id: request.request_id.clone(), presentations }
    }

    fn credential(&self, holder: u32, now: u64) -> (Credential, Subject, HolderSecret) {
        let value = json!({
            "kind": "licence", "npi": "1003310905", "licenceNumber": format!("RN {holder}"),
            "name": "Ines Ortega", "jurisdiction": "TX", "authority": "single-state",
            "licenceType": "RN", "status": "active", "standing": ["unencumbered"],
            "issuedOn": "2018-03-01", "expiresOn": "2040-02-28"
        });
        let subject = Subject::from_json(Schema::ProviderCredential, &value).unwrap();
        let secret = HolderSecret::random(&mut StdRng::seed_from_u64(holder.into()));
        let salt = [5; 16];
        let header = Header {
            schema: subject.schema().id(),
            issuer_id: self.issuer_id,
            holder: secret.commitment(),
            status_index: holder,
            valid_from: now - 1_000,
            valid_until: now + 1_000_000,
            salt,
        };
        let credential = Credential { header, claims: subject.claims(&salt).unwrap() };
        (credential, subject, secret)
    }
}
