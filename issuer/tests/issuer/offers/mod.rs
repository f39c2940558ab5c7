//! Offers to wallets: an office that offers, and people whose wallets fetch.

mod claiming;
mod flow;
mod office;
mod proving;
mod replicas;

use ark_std::rand::{SeedableRng, rngs::StdRng};
use attestry_circuits::HolderSecret;
use attestry_credential::issuance::{
    CredentialOffer, HOLDER_CLAIM, IssuerMetadata, OfferLink, PROOF_TYP, ServerMetadata,
    TokenRequest,
};
use attestry_issuer::Issuer;
use attestry_service::{Database, audit};
use attestry_wallet_core::{Issuance, KeyDerivation, Wallet};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer, SigningKey};
use reqwest::{Method, Response};
use serde_json::{Value, json};
use sqlx::Row;
use tokio::net::TcpListener;

use crate::http::{Office, read};
use crate::world::{World, practitioner};

const LICENCES: &str = "ProviderCredential/1";

/// A licensing office whose service listens where its wallets are told it does.
pub(crate) struct Board {
    world: World,
    issuer: Issuer,
    pub(crate) office: Office,
}

impl Board {
    pub(crate) async fn open() -> Self {
        let mut world = World::new().await;
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        world.public_url = format!("http://{}", listener.local_addr().unwrap());
        let issuer = world.open().await;
        let office = Office::open_at(listener, issuer.clone()).await;
        Self { world, issuer, office }
    }

    /// Another process on the same database, behind the same public URL.
    async fn replica(&self) -> Office {
        Office::open(self.world.open().await).await
    }

    /// An offer of the bundled licence.
    pub(crate) async fn offer(&self, options: Value) -> Value {
        let order = json!({ "resource": practitioner(), "options": options });
        let (status, offered) = self.office.post("/offers", &order).await;
        assert_eq!(status, 201, "{offered}");
        offered
    }

    async fn state(&self, offered: &Value) -> Value {
        let path = format!("/offers/{}", offered["id"].as_str().unwrap());
        let (status, state) = self.office.get(&path).await;
        assert_eq!(status, 200);
        state
    }

    async fn act(&self, method: Method, offered: &Value, action: &str) -> (u16, Value) {
        let path = format!("/offers/{}{action}", offered["id"].as_str().unwrap());
        read(self.office.request(method, &path).send().await.unwrap()).await
    }

    /// What the audit log says was done to an offer, in order.
    async fn audited(&self, offered: &Value) -> Vec<String> {
        let storage = Database::open(&self.world.database()).await.unwrap();
        let object = offered["id"].as_str().map(str::to_owned);
        let filter = audit::Filter { object, ..audit::Filter::default() };
        let tenant = self.issuer.tenant();
        let page = audit::page(storage.pool(), tenant, &filter, None, 100).await.unwrap();
        page.entries.iter().rev().map(|entry| entry.action.clone()).collect()
    }

    /// Whether the database still has what an offer offers.
    async fn keeps_content(&self, offered: &Value) -> bool {
        let storage = Database::open(&self.world.database()).await.unwrap();
        let sql = "SELECT subject, holder, request_hash FROM offers WHERE id = $1";
        let id = offered["id"].as_str().unwrap();
        let row = sqlx::query(sql).bind(id).fetch_one(storage.pool()).await.unwrap();
        ["subject", "holder", "request_hash"]
            .iter()
            .any(|column| row.get::<Option<String>, _>(*column).is_some())
    }
}

/// Somebody with a wallet.
pub(crate) struct Person {
    pub(crate) wallet: Wallet,
}

impl Person {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = StdRng::seed_from_u64(seed);
        let wallet = Wallet::create("correct horse battery", KeyDerivation::MINIMUM, &mut rng);
        Self { wallet: wallet.unwrap() }
    }

    /// Takes up an offer: its link, and the metadata of who offers, as far as asking goes.
    pub(crate) async fn take_up(&self, offered: &Value) -> Issuance {
        let link: OfferLink = offered["deepLink"].as_str().unwrap().parse().unwrap();
        let OfferLink::Reference(url) = link else { unreachable!("offers go by reference") };
        let offer = CredentialOffer::from_json(&fetch(url.as_str()).await).unwrap();
        let issuer = &offer.credential_issuer;
        let metadata = fetch(&issuer.metadata_url()).await;
        let metadata = IssuerMetadata::from_json(&metadata, issuer).unwrap();
        let server = Issuance::authorization_server(&offer, &metadata).unwrap();
        let found = fetch(&server.server_metadata_url()).await;
        let server = ServerMetadata::from_json(&found, server).unwrap();
        Issuance::new(offer, metadata, server).unwrap()
    }

    /// An access token for an offer.
    pub(crate) async fn token(&self, office: &Office, offered: &Value) -> String {
        let issuance = self.take_up(offered).await;
        let request = issuance.token_request(offered["txCode"].as_str()).unwrap();
        let (status, token) = claim(office, &request).await;
        assert_eq!(status, 200, "{token}");
        token["access_token"].as_str().unwrap().to_owned()
    }

    async fn proof(&self, board: &Board) -> String {
        let identifier = board.issuer.identifier().unwrap();
        let nonce = nonce(&board.office).await;
        self.wallet.prove_possession(&identifier, Some(&nonce), board.world.now())
    }

    /// Asks for the licence.
    pub(crate) async fn ask(&self, board: &Board, office: &Office, token: &str) -> (u16, Value) {
        let proof = self.proof(board).await;
        let request = request_with(&proof);
        read(post(office, "credential", token, &request).await).await
    }
}

async fn fetch(url: &str) -> Vec<u8> {
    let response = reqwest::get(url).await.unwrap();
    assert_eq!(response.status(), 200, "{url}");
    response.bytes().await.unwrap().to_vec()
}

/// Sends a token request.
pub(crate) async fn claim(office: &Office, request: &TokenRequest) -> (u16, Value) {
    claim_form(office, request.to_form()).await
}

async fn claim_form(office: &Office, form: String) -> (u16, Value) {
    let request = office
        .anonymous(Method::POST, "/oid4vci/token")
        .header("content-type", "application/x-www-form-urlencoded");
    let response = request.body(form).send().await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    read(response).await
}

/// Posts JSON to one of the endpoints with a token.
async fn post(office: &Office, endpoint: &str, token: &str, body: &Value) -> Response {
    let request = office.anonymous(Method::POST, &format!("/oid4vci/{endpoint}"));
    let response = request.bearer_auth(token).json(body).send().await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    response
}

fn request_with(proof: &str) -> Value {
    json!({ "credential_configuration_id": LICENCES, "proofs": { "jwt": [proof] } })
}

async fn nonce(office: &Office) -> String {
    let response = office.anonymous(Method::POST, "/oid4vci/nonce").send().await.unwrap();
    assert_eq!(response.headers()["cache-control"], "no-store");
    let (status, body) = read(response).await;
    assert_eq!(status, 200);
    body["c_nonce"].as_str().unwrap().to_owned()
}

/// A proof as no wallet of ours makes it: by parts that may be wrong.
struct Crafted {
    header: Value,
    claims: Value,
}

impl Crafted {
    /// What is right, to begin with.
    async fn new(board: &Board) -> Self {
        let x = URL_SAFE_NO_PAD.encode(Self::key().verifying_key().as_bytes());
        let holder = HolderSecret::from_bytes(&[5; 32]).unwrap().commitment();
        Self {
            header: json!({
                "typ": PROOF_TYP, "alg": "EdDSA",
                "jwk": { "kty": "OKP", "crv": "Ed25519", "x": x },
            }),
            claims: json!({
                "aud": board.world.public_url, "iat": board.world.now(),
                "nonce": nonce(&board.office).await, HOLDER_CLAIM: holder,
            }),
        }
    }

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[7; 32])
    }

    fn sign(&self) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let signed = format!("{}.{}", part(&self.header), part(&self.claims));
        let signature = Self::key().sign(signed.as_bytes()).to_bytes();
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}
