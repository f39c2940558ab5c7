//! A ledger with a board, a verifier with its service, and what many holders answered.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use ark_bn254::Fr;
use ark_std::rand::{RngCore, SeedableRng, rngs::OsRng, rngs::StdRng};
use attestry_circuits::schnorr::SigningKey;
use attestry_circuits::status::StatusList;
use attestry_circuits::{Credential, Header, HolderSecret, IssuerId, Witness};
use attestry_credential::policy::PolicyDocument;
use attestry_credential::presentation::{
    Digest, Presentation, PresentationRequest, PresentationResponse, Query, ScopeParts,
    StatementParts, disclosed_by, rebuild_statement, sign,
};
use attestry_credential::schema::{Schema, Subject};
use attestry_keys::{KeyStore, PreparedVerifyingKey, Prover};
use attestry_ledger::embedded::EmbeddedLedger;
use attestry_ledger::{Account, Accreditation, ClientOptions, LedgerClient, RegistryClient};
use attestry_service::{Actor, DatabaseUrl, TenantId};
use attestry_verifier::http::{Access, Service, serve};
use attestry_verifier::{
    AcceptedCircuits, NewSession, PolicyCatalogue, ReceiptKey, Reply, Storage, Verifier,
    VerifierConfig, VerifierParts,
};
use serde_json::json;
use tokio::net::TcpListener;

/// 2026-11-22T00:00:00Z.
const NOW: u64 = 1_795_305_600;
const CLIENT: &str = "did:ethr:embedded:0x00000000000000000000000000000000000000c1";
const POLICY: &str = include_str!("../../../examples/policies/licensed-in-state.json");

/// One holder's answer.
pub(super) struct Answer {
    pub(super) inputs: Vec<Fr>,
    pub(super) proof: [u8; 128],
    response: PresentationResponse,
}

/// The service, and what it is asked.
pub(super) struct World {
    pub(super) address: SocketAddr,
    pub(super) key: PreparedVerifyingKey,
    pub(super) answers: Vec<Answer>,
    request: PresentationRequest,
}

impl World {
    /// Opens the service in a folder, and makes answers of that many holders.
    pub(super) async fn open(folder: &Path, holders: usize) -> Result<Self> {
        let mut rng = StdRng::seed_from_u64(holders as u64);
        let keys = KeyStore::for_presentations(folder.join("keys"));
        keys.ensure_insecure_development_keys(&mut rng, |_| {})?;
        let circuit: Digest = keys.manifest()?.circuit_id.parse()?;

        let ledger = EmbeddedLedger::open(&folder.join("ledger"), || NOW)?;
        let client = LedgerClient::embedded(&ledger, ClientOptions::default());
        let (member, board) = (Account::random(&mut rng), Account::random(&mut rng));
        let registry = RegistryClient::deploy(client, &member, &[member.address()], 1).await?;
        let boards_key = SigningKey::random(&mut rng);
        let accreditation = Accreditation {
            issuer: board.address(),
            schema: Schema::ProviderCredential.id(),
            key: boards_key.verifying_key(),
            accredited_until: NOW + 10_000_000,
        };
        let entry = registry.accredit(&[&member], &accreditation).await?;

        let url = DatabaseUrl::Sqlite(folder.join("verifier.sqlite"));
        let verifier = Verifier::new(VerifierParts {
            config: VerifierConfig::new(CLIENT.parse()?, "http://localhost".parse()?),
            circuits: AcceptedCircuits::none().with(&circuit.to_string(), keys.verifying_key()?)?,
            policies: PolicyCatalogue::none(),
            registry: registry.clone(),
            storage: Storage::open(&url, TenantId::default()).await?,
            account: Account::random(&mut rng),
            receipt_key: ReceiptKey::from_seed(&[3; 32]),
            clock: Arc::new(|| NOW),
            rng: Box::new(OsRng),
        });
        let parameters = [("state".to_owned(), json!("CA"))].into_iter().collect();
        let policy = PolicyDocument::from_json(POLICY.as_bytes())?;
        let asked = NewSession {
            queries: vec![Query::new("licence".parse()?, policy, parameters)?],
            scope: ScopeParts { purpose: "a study".to_owned(), epoch: 1 },
            purpose: "To count you in".to_owned(),
            count_once: false,
            reply: Reply::default(),
            acknowledged: Vec::new(),
        };
        let request = verifier.open_session(&Actor::operator(), asked).await?.request;

        let prover = Prover::with_tables(keys.proving_key()?)?;
        let leaf = registry.entry(entry).await?.leaf;
        let tree = registry.registry_tree().await?;
        let list = StatusList::new();
        let board =
            Board { prover, key: boards_key, issuer: board.address().into_array(), circuit };
        let mut answers = Vec::with_capacity(holders);
        for number in 0..holders {
            let credential = board.credential(number, &mut rng)?;
            let witness = Witness {
                holder_secret: credential.secret.clone(),
                signature: board.key.sign(&credential.credential)?,
                credential: credential.credential.clone(),
                leaf,
                registry_path: tree.path(entry.as_u32() as usize)?,
                status_path: list.path(number as u32)?,
            };
            let parts = (tree.root(), &witness, &credential.subject);
            answers.push(board.answer(&request, parts, &mut rng)?);
        }

        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let service = Service::new(vec![verifier], Access::Open);
        tokio::spawn(serve(listener, service, std::future::pending()));
        let key = PreparedVerifyingKey::new(keys.verifying_key()?);
        Ok(Self { address, key, answers, request })
    }

    /// Requests to check each answer.
    pub(super) fn bodies(&self) -> Vec<Vec<u8>> {
        let bodies = self.answers.iter().map(|answer| {
            let body = json!({
                "verifiablePresentation": answer.response,
                "options": { "request": self.request },
            });
            let body = body.to_string();
            let head = format!(
                "POST /presentations/verify HTTP/1.1\r\nHost: localhost\r\n\
                 Content-Type: application/json\r\nContent-Length: {}\r\n\r\n",
                body.len()
            );
            [head.as_bytes(), body.as_bytes()].concat()
        });
        bodies.collect()
    }

    /// The first line of a file.
    pub(super) fn file_header(&self) -> String {
        format!("{}\n", json!({ "request": self.request, "countOnce": false }))
    }

    /// The other lines, to be repeated.
    pub(super) fn file_lines(&self) -> Vec<String> {
        let lines = self.answers.iter().enumerate().map(|(number, answer)| {
            let line = json!({ "id": format!("{number}"), "presentation": answer.response });
            format!("{line}\n")
        });
        lines.collect()
    }
}

struct Board {
    prover: Prover,
    key: SigningKey,
    issuer: [u8; 20],
    circuit: Digest,
}

struct Issued {
    secret: HolderSecret,
    credential: Credential,
    subject: Subject,
}

impl Board {
    fn credential(&self, number: usize, rng: &mut StdRng) -> Result<Issued> {
        let subject = json!({
            "kind": "licence", "npi": "1234567893", "licenceNumber": format!("A {number}"),
            "name": "Alma Reyes", "jurisdiction": "CA", "authority": "single-state",
            "licenceType": "MD", "status": "active", "standing": ["unencumbered"],
            "issuedOn": "2015-07-01", "expiresOn": "2027-06-30",
        });
        let subject = Subject::from_json(Schema::ProviderCredential, &subject)?;
        let secret = HolderSecret::random(rng);
        let salt = [8; 16];
        let header = Header {
            schema: subject.schema().id(),
            issuer_id: IssuerId::from_address(self.issuer),
            holder: secret.commitment(),
            status_index: number as u32,
            valid_from: NOW - 1_000,
            valid_until: NOW + 1_000_000,
            salt,
        };
        let credential = Credential { header, claims: subject.claims(&salt)? };
        Ok(Issued { secret, credential, subject })
    }

    fn answer(
        &self,
        request: &PresentationRequest,
        (root, witness, subject): (attestry_circuits::registry::RegistryRoot, &Witness, &Subject),
        rng: &mut StdRng,
    ) -> Result<Answer> {
        let query = request.queries.first().context("nothing is asked")?;
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        let key = ed25519_dalek::SigningKey::from_bytes(&seed);
        let parts = StatementParts {
            registry_root: root,
            now: NOW,
            nullifier: witness.holder_secret.withdrawal_key(&request.scope()).nullifier(),
            disclosed: disclosed_by(query, &witness.credential, subject)?,
            presentation_key: key.verifying_key().to_bytes(),
        };
        let statement = rebuild_statement(request, query, &parts)?;
        let proof = self.prover.prove_statement(&statement, witness, rng)?.to_bytes();
        let mut presentation =
            Presentation { circuit_id: self.circuit, parts, proof, signature: [0; 64] };
        sign(&mut presentation, request, query, &key)?;
        let response = PresentationResponse {
            request_id: request.request_id.clone(),
            presentations: [(query.id.clone(), presentation)].into(),
        };
        Ok(Answer { inputs: statement.public_inputs().to_vec(), proof, response })
    }
}
