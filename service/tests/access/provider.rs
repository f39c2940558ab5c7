//! An identity provider: keys of its own, tokens under them, and a server that shows the keys.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use attestry_service::access::oidc::{JwksPlace, Oidc, OidcConfig};
use attestry_service::access::{Access, Guard};
use attestry_service::testing::TestDatabase;
use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use axum::Router;
use axum::http::StatusCode;
use axum::http::header::LOCATION;
use axum::routing::get;
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::{NOW, open};

pub(crate) const ISSUER: &str = "https://idp.example";
pub(crate) const AUDIENCE: &str = "https://issuer.example";

/// A signing key of a provider.
pub(crate) struct SigningKey {
    pub(crate) id: &'static str,
    pub(crate) algorithm: Algorithm,
    pub(crate) key: EncodingKey,
}

impl SigningKey {
    pub(crate) fn ed25519(id: &'static str, seed: u8) -> Self {
        // PKCS #8 (RFC 8410): 16 bytes of header and the seed.
        let mut der = hex::decode("302e020100300506032b657004220420").unwrap();
        der.extend([seed; 32]);
        Self { id, algorithm: Algorithm::EdDSA, key: EncodingKey::from_ed_der(&der) }
    }

    pub(crate) fn p256(id: &'static str) -> Self {
        let rng = SystemRandom::new();
        let der = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &rng).unwrap();
        Self { id, algorithm: Algorithm::ES256, key: EncodingKey::from_ec_der(der.as_ref()) }
    }

    pub(crate) fn rsa(id: &'static str) -> Self {
        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
        let der = AsDer::<aws_lc_rs::encoding::Pkcs8V1Der<'_>>::as_der(&pair).unwrap();
        // The key itself (PKCS #1) is what follows 26 bytes of header.
        let key = EncodingKey::from_rsa_der(&der.as_ref()[26..]);
        Self { id, algorithm: Algorithm::RS256, key }
    }

    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = Jwk::from_encoding_key(&self.key, self.algorithm).unwrap();
        jwk.common.key_id = Some(self.id.to_owned());
        serde_json::to_value(jwk).unwrap()
    }

    pub(crate) fn header(&self) -> Header {
        Header { kid: Some(self.id.to_owned()), ..Header::new(self.algorithm) }
    }

    pub(crate) fn sign(&self, claims: &Value) -> String {
        encode(&self.header(), claims, &self.key).unwrap()
    }
}

/// Claims of a token that is good at [`NOW`].
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": "staff|42",
        "iat": NOW - 10,
        "nbf": NOW - 10,
        "exp": NOW + 300,
        "roles": ["registrar", "something-else"],
    })
}

pub(crate) fn config(jwks: JwksPlace) -> OidcConfig {
    serde_json::from_value(json!({"issuer": ISSUER, "audience": AUDIENCE, "jwks": {"file": "-"}}))
        .map(|config| OidcConfig { jwks, ..config })
        .unwrap()
}

/// Access by tokens. The database goes when the folder goes that comes with it.
pub(crate) async fn access(config: OidcConfig) -> (Access, TestDatabase) {
    let test = TestDatabase::sqlite();
    let database = open(&test).await;
    (Access::Guarded(Guard::new(database, Some(Oidc::new(config).unwrap()))), test)
}

/// A provider's server: what it answers can be changed, and it counts how often it is asked.
pub(crate) struct Server {
    pub(crate) url: String,
    answer: Arc<Mutex<(StatusCode, String)>>,
    asked: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let answer = Arc::new(Mutex::new((StatusCode::NOT_FOUND, String::new())));
        let asked = Arc::new(AtomicUsize::new(0));
        let (shown, counted) = (answer.clone(), asked.clone());
        let keys = async move || {
            counted.fetch_add(1, Ordering::Relaxed);
            let (status, body) = shown.lock().unwrap().clone();
            (status, [(LOCATION, "/elsewhere")], body)
        };
        let elsewhere = answer.clone();
        let elsewhere = async move || elsewhere.lock().unwrap().1.clone();
        let router = Router::new().route("/jwks", get(keys)).route("/elsewhere", get(elsewhere));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { url, answer, asked }
    }

    pub(crate) fn show(&self, keys: &[&SigningKey]) {
        let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
        self.answer(StatusCode::OK, &json!({"keys": keys}).to_string());
    }

    pub(crate) fn answer(&self, status: StatusCode, body: &str) {
        *self.answer.lock().unwrap() = (status, body.to_owned());
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}
