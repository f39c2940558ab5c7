//! Bearer tokens of an identity provider.

use std::io::Write;

use attestry_service::access::oidc::{JwksPlace, Oidc, OidcConfig};
use attestry_service::access::{Access, AccessError, Principal};
use attestry_service::testing::TestDatabase;
use attestry_service::{Role, TenantId};
use axum::http::StatusCode;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::NOW;
use super::provider::{AUDIENCE, Server, SigningKey, access, claims, config};

async fn show(access: &Access, token: &str, now: u64) -> Result<Principal, AccessError> {
    access.authenticate(&TenantId::default(), Some(token), now).await
}

/// Access by the keys in a file, as configured.
async fn by_file(
    keys: &[&SigningKey],
    change: impl FnOnce(&mut OidcConfig),
) -> (Access, (TestDatabase, tempfile::NamedTempFile)) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    let keys: Vec<_> = keys.iter().map(|key| key.jwk()).collect();
    file.write_all(json!({"keys": keys}).to_string().as_bytes()).unwrap();
    let mut config = config(JwksPlace::File(file.path().to_owned()));
    change(&mut config);
    let (access, database) = access(config).await;
    (access, (database, file))
}

fn with(name: &str, value: impl Into<Value>) -> Value {
    let mut claims = claims();
    claims[name] = value.into();
    claims
}

fn without(name: &str) -> Value {
    let mut claims = claims();
    claims.as_object_mut().unwrap().remove(name);
    claims
}

#[tokio::test]
async fn tokens_by_each_algorithm_are_taken() {
    let keys = [SigningKey::rsa("r"), SigningKey::p256("p"), SigningKey::ed25519("e", 1)];
    let (access, _kept) = by_file(&keys.each_ref(), |_| {}).await;
    for key in &keys {
        let principal = show(&access, &key.sign(&claims()), NOW).await.unwrap();
        assert_eq!(principal.name, "oidc:staff|42");
        assert_eq!(principal.roles, [Role::Registrar].into());
        // Without its name the key is the only one of its kind.
        let unnamed = encode(&Header::new(key.algorithm), &claims(), &key.key).unwrap();
        assert!(show(&access, &unnamed, NOW).await.is_ok());
    }
}

#[tokio::test]
async fn a_forged_token_is_refused() {
    let (key, impostor) = (SigningKey::ed25519("e", 1), SigningKey::ed25519("e", 2));
    let rsa = SigningKey::rsa("r");
    let (access, _kept) = by_file(&[&key, &rsa], |_| {}).await;
    let good = key.sign(&claims());
    let parts: Vec<_> = good.split('.').collect();
    let encoded = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let admin = encoded(&with("roles", json!(["admin"])));
    let unsigned = |algorithm: &str| {
        let header = encoded(&json!({"alg": algorithm, "kid": "e", "typ": "JWT"}));
        format!("{header}.{admin}.")
    };
    // A public key taken for a shared secret.
    let modulus = rsa.jwk()["n"].as_str().unwrap().to_owned();
    let secret = EncodingKey::from_secret(&URL_SAFE_NO_PAD.decode(modulus).unwrap());
    let mut by_secret = Header::new(Algorithm::HS256);
    by_secret.kid = Some("r".to_owned());
    let mut demanding = key.header();
    demanding.crit = Some(vec!["exp".to_owned()]);
    let mut other_strength = rsa.header();
    other_strength.alg = Algorithm::RS512;
    let mut own_key = impostor.header();
    own_key.jwk = Some(serde_json::from_value(impostor.jwk()).unwrap());
    let mut confused = key.header();
    confused.kid = Some("r".to_owned());
    let forged = [
        unsigned("none"),
        unsigned("None"),
        unsigned("EdDSA"),
        impostor.sign(&claims()),
        encode(&own_key, &claims(), &impostor.key).unwrap(),
        encode(&by_secret, &claims(), &secret).unwrap(),
        encode(&demanding, &claims(), &key.key).unwrap(),
        encode(&other_strength, &claims(), &rsa.key).unwrap(),
        encode(&confused, &claims(), &key.key).unwrap(),
        format!("{}.{admin}.{}", parts[0], parts[2]),
        format!("{}.{}.{}A", parts[0], parts[1], parts[2]),
        format!("{good}.{good}"),
        key.sign(&with("padding", "a".repeat(20_000))),
        "..".to_owned(),
        "é.é.é".to_owned(),
    ];
    for token in &forged {
        let refused = show(&access, token, NOW).await;
        assert!(matches!(refused, Err(AccessError::Invalid)), "{token}: {refused:?}");
    }
    assert!(show(&access, &good, NOW).await.is_ok());
}

#[tokio::test]
async fn a_token_for_somebody_else_or_another_time_is_refused() {
    let key = SigningKey::ed25519("e", 1);
    let (access, _kept) = by_file(&[&key], |_| {}).await;
    for wrong in [
        with("iss", "https://other.example"),
        with("aud", "https://other.example"),
        with("aud", json!(["https://other.example"])),
        with("exp", "soon"),
        with("exp", -1),
        with("nbf", NOW + 61),
        with("iat", NOW + 61),
        with("sub", ""),
        with("sub", "line\nfeed"),
        with("sub", "a".repeat(256)),
        with("sub", 42),
        without("iss"),
        without("aud"),
        without("exp"),
        without("sub"),
    ] {
        let refused = show(&access, &key.sign(&wrong), NOW).await;
        assert!(matches!(refused, Err(AccessError::Invalid)), "{wrong}: {refused:?}");
    }
    let list = with("aud", json!(["https://other.example", AUDIENCE]));
    for good in [list, with("nbf", NOW + 60), with("exp", NOW as f64 + 0.5), without("iat")] {
        assert!(show(&access, &key.sign(&good), NOW).await.is_ok(), "{good}");
    }
    let token = key.sign(&claims());
    assert!(show(&access, &token, NOW + 359).await.is_ok());
    let refused = show(&access, &token, NOW + 360).await;
    assert!(matches!(refused, Err(AccessError::Expired)));
}

#[tokio::test]
async fn tenant_and_roles_come_from_the_claims_that_are_configured() {
    let key = SigningKey::ed25519("e", 1);
    let (access, _kept) = by_file(&[&key], |config| {
        config.tenant_claim = Some("org".to_owned());
        config.roles_claim = "/realm_access/roles".to_owned();
        config.roles = [("Prüfer", Role::Reviewer), ("chief", Role::Admin)]
            .map(|(word, role)| (word.to_owned(), role))
            .into();
    })
    .await;
    let mut claims = with("org", "board");
    claims["realm_access"] = json!({"roles": ["Prüfer", "registrar"]});
    let token = key.sign(&claims);
    let board: TenantId = "board".parse().unwrap();
    let principal = access.authenticate(&board, Some(&token), NOW).await.unwrap();
    assert_eq!((&principal.tenant, principal.roles), (&board, [Role::Reviewer].into()));
    let refused = show(&access, &token, NOW).await;
    assert!(matches!(refused, Err(AccessError::WrongTenant)));
    claims["realm_access"] = json!({"roles": "chief registrar"});
    let principal = access.authenticate(&board, Some(&key.sign(&claims)), NOW).await.unwrap();
    assert_eq!(principal.roles, [Role::Admin].into());
    claims["realm_access"] = Value::Null;
    let principal = access.authenticate(&board, Some(&key.sign(&claims)), NOW).await.unwrap();
    assert!(matches!(principal.require(&Role::ALL), Err(AccessError::WrongRole)));
    for wrong in [json!(null), json!(7), json!("No Tenant")] {
        claims["org"] = wrong;
        let refused = access.authenticate(&board, Some(&key.sign(&claims)), NOW).await;
        assert!(matches!(refused, Err(AccessError::WrongTenant)));
    }
}

#[tokio::test]
async fn the_provider_may_change_its_keys() {
    let server = Server::start().await;
    let (first, second) = (SigningKey::p256("one"), SigningKey::p256("two"));
    server.show(&[&first]);
    let (access, _kept) = access(config(JwksPlace::Url(server.url.clone()))).await;
    let lasting = with("exp", NOW + 100_000);
    let (old, new) = (first.sign(&lasting), second.sign(&lasting));
    assert!(show(&access, &old, NOW).await.is_ok());
    assert!(show(&access, &old, NOW + 1).await.is_ok());
    assert_eq!(server.asked(), 1);
    // Tokens under keys that nobody has do not make the service ask again and again.
    for _ in 0..5 {
        let refused = show(&access, &new, NOW + 2).await;
        assert!(matches!(refused, Err(AccessError::Invalid)));
    }
    assert_eq!(server.asked(), 1);
    server.show(&[&first, &second]);
    assert!(show(&access, &new, NOW + 31).await.is_ok());
    assert!(show(&access, &old, NOW + 32).await.is_ok());
    assert_eq!(server.asked(), 2);
    // What the provider withdrew is refused when the keys are looked up again.
    server.show(&[&second]);
    assert!(show(&access, &old, NOW + 32 + 298).await.is_ok());
    let refused = show(&access, &old, NOW + 31 + 300).await;
    assert!(matches!(refused, Err(AccessError::Invalid)));
    assert_eq!(server.asked(), 3);
}

#[tokio::test]
async fn keys_are_used_for_a_while_if_the_provider_is_away_and_not_longer() {
    let server = Server::start().await;
    let key = SigningKey::ed25519("e", 1);
    let token = key.sign(&with("exp", NOW + 100_000));
    let (access, _kept) = access(config(JwksPlace::Url(server.url.clone()))).await;
    let away = show(&access, &token, NOW).await;
    assert!(matches!(away, Err(AccessError::ProviderAway)));
    server.show(&[&key]);
    let away = show(&access, &token, NOW + 29).await;
    assert!(matches!(away, Err(AccessError::ProviderAway)), "asks again too soon");
    let had = NOW + 30;
    assert!(show(&access, &token, had).await.is_ok());
    let keys = json!({"keys": [key.jwk()]}).to_string();
    let too_many = json!({"keys": vec![key.jwk(); 101]}).to_string();
    for (status, body, after) in [
        (StatusCode::INTERNAL_SERVER_ERROR, keys.as_str(), 400),
        (StatusCode::FOUND, &keys, 500),
        (StatusCode::OK, "not JSON", 600),
        (StatusCode::OK, &too_many, 700),
        (StatusCode::OK, &" ".repeat(300_000), 800),
    ] {
        server.answer(status, body);
        let asked = server.asked();
        assert!(show(&access, &token, had + after).await.is_ok(), "{status}");
        assert_eq!(server.asked(), asked + 1);
    }
    assert!(show(&access, &token, had + 3_599).await.is_ok());
    let away = show(&access, &token, had + 3_600).await;
    assert!(matches!(away, Err(AccessError::ProviderAway)));
    server.show(&[&key]);
    assert!(show(&access, &token, had + 3_700).await.is_ok());
}

#[tokio::test]
async fn keys_for_another_use_or_of_another_kind_are_not_used() {
    let key = SigningKey::p256("one");
    let server = Server::start().await;
    let token = key.sign(&claims());
    let changes = [("use", json!("enc")), ("alg", json!("ES384")), ("crv", json!("P-384"))];
    for (name, value) in changes {
        let mut jwk = key.jwk();
        jwk[name] = value;
        server.answer(StatusCode::OK, &json!({"keys": [jwk, {"kty": "new"}, 7]}).to_string());
        let (access, _kept) = access(config(JwksPlace::Url(server.url.clone()))).await;
        let refused = show(&access, &token, NOW).await;
        assert!(matches!(refused, Err(AccessError::Invalid)), "{name}");
    }
}

#[tokio::test]
async fn without_a_provider_no_token_is_good() {
    let key = SigningKey::ed25519("e", 1);
    let test = TestDatabase::sqlite();
    let database = super::open(&test).await;
    let access = Access::Guarded(attestry_service::access::Guard::new(database, None));
    let refused = show(&access, &key.sign(&claims()), NOW).await;
    assert!(matches!(refused, Err(AccessError::Invalid)));
}

#[test]
fn a_configuration_that_cannot_be_meant_is_refused() {
    let url = |text: &str| config(JwksPlace::Url(text.to_owned()));
    assert!(Oidc::new(url("https://idp.example/jwks")).is_ok());
    assert!(Oidc::new(url("http://[::1]:8080/jwks")).is_ok());
    let good = url("https://idp.example/jwks");
    for (wrong, field) in [
        (url("http://idp.example/jwks"), "jwks"),
        (url("http://127.0.0.1.idp.example/jwks"), "jwks"),
        (url("file:///etc/jwks"), "jwks"),
        (url("jwks"), "jwks"),
        (OidcConfig { issuer: String::new(), ..good.clone() }, "issuer"),
        (OidcConfig { audience: String::new(), ..good.clone() }, "audience"),
        (OidcConfig { skew_s: 601, ..good.clone() }, "skew_s"),
        (OidcConfig { refresh_s: 0, ..good.clone() }, "refresh_s"),
        (OidcConfig { stale_s: 299, ..good.clone() }, "refresh_s"),
    ] {
        assert_eq!(Oidc::new(wrong).unwrap_err().field, field);
    }
    let unknown = json!({"issuer": "a", "audience": "b", "jwks": {"file": "c"}, "verify": false});
    assert!(serde_json::from_value::<OidcConfig>(unknown).is_err());
}
