//! Signatures of messages, as [Standard Webhooks](https://www.standardwebhooks.com) 1.0 has them.

use axum::http::HeaderMap;
use base64::{Engine, engine::general_purpose::STANDARD};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::Secret;

/// The headers of a message: its id, when this attempt was made, its signatures.
pub const HEADERS: [&str; 3] = ["webhook-id", "webhook-timestamp", "webhook-signature"];
/// How far the time of an attempt may be from the receiver's, seconds.
pub const TOLERANCE_S: u64 = 300;
/// HMAC-SHA256 with the webhook's secret.
const SCHEME: &str = "v1";

/// Why a message is not to be believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// A header is missing, twice there or not as it should be.
    #[error("the headers of the message are not those of Standard Webhooks")]
    Headers,
    /// The attempt was made long ago or will be: perhaps somebody sends it again.
    #[error("the message is not of this time")]
    Time,
    /// No signature is one with the secret.
    #[error("the signature is not one of this message with this secret")]
    Signature,
}

/// The value of `webhook-signature`, for a message that is sent at a time, Unix seconds.
pub fn sign(secret: &Secret, id: &str, at: u64, body: &[u8]) -> String {
    let tag = mac(secret, id, at, body).finalize().into_bytes();
    format!("{SCHEME},{}", STANDARD.encode(tag))
}

/// Checks a message as its receiver. The id of a good one is what the receiver notes, to take
/// each message once: messages may come several times, and in any order.
///
/// # Errors
/// [`SignatureError`].
pub fn verify<'a>(
    secret: &Secret,
    headers: &'a HeaderMap,
    body: &[u8],
    now: u64,
) -> Result<&'a str, SignatureError> {
    let header = |name| {
        let mut values = headers.get_all(name).iter();
        let value = values.next().filter(|_| values.next().is_none());
        value.and_then(|value| value.to_str().ok()).ok_or(SignatureError::Headers)
    };
    let [id, at, signatures] = HEADERS;
    let (id, signatures) = (header(id)?, header(signatures)?);
    let at: u64 = header(at)?.parse().map_err(|_| SignatureError::Headers)?;
    if at.abs_diff(now) > TOLERANCE_S {
        return Err(SignatureError::Time);
    }
    let is_good = |signature: &str| {
        let tag = signature.strip_prefix(SCHEME)?.strip_prefix(',')?;
        let tag = STANDARD.decode(tag).ok()?;
        mac(secret, id, at, body).verify_slice(&tag).ok()
    };
    // Several while a secret is replaced.
    let good = signatures.split(' ').find_map(is_good);
    good.map(|()| id).ok_or(SignatureError::Signature)
}

/// Over id, time and body, with dots between.
fn mac(secret: &Secret, id: &str, at: u64, body: &[u8]) -> Hmac<Sha256> {
    secret.mac().chain_update(format!("{id}.{at}.")).chain_update(body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};
    use proptest::prelude::*;

    /// The example of the reference implementations.
    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
    const AT: u64 = 1_614_265_330;
    const BODY: &[u8] = br#"{"test": 2432232314}"#;
    const SIGNATURE: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";

    fn headers(id: &str, at: &str, signature: &str) -> HeaderMap {
        let values = [id, at, signature].map(|value| HeaderValue::from_str(value).unwrap());
        HEADERS.map(HeaderName::from_static).into_iter().zip(values).collect()
    }

    fn check(headers: &HeaderMap, body: &[u8], now: u64) -> Result<String, SignatureError> {
        verify(&SECRET.parse().unwrap(), headers, body, now).map(str::to_owned)
    }

    #[test]
    fn signs_and_verifies_the_example_of_the_specification() {
        let secret = SECRET.parse().unwrap();
        assert_eq!(sign(&secret, ID, AT, BODY), SIGNATURE);
        let good = headers(ID, "1614265330", SIGNATURE);
        assert_eq!(check(&good, BODY, AT), Ok(ID.to_owned()));
        let among_others = format!("v1a,AAAA v2,{} v1,AAAA {SIGNATURE}", &SIGNATURE[3..]);
        assert_eq!(check(&headers(ID, "1614265330", &among_others), BODY, AT), Ok(ID.to_owned()));
    }

    #[test]
    fn a_message_is_of_its_time() {
        let good = headers(ID, "1614265330", SIGNATURE);
        for (now, expected) in [
            (AT + TOLERANCE_S, Ok(ID.to_owned())),
            (AT - TOLERANCE_S, Ok(ID.to_owned())),
            (AT + TOLERANCE_S + 1, Err(SignatureError::Time)),
            (AT - TOLERANCE_S - 1, Err(SignatureError::Time)),
            (0, Err(SignatureError::Time)),
            (u64::MAX, Err(SignatureError::Time)),
        ] {
            assert_eq!(check(&good, BODY, now), expected, "{now}");
        }
    }

    #[test]
    fn a_message_is_signed_as_a_whole() {
        for changed in [
            headers("msg_other", "1614265330", SIGNATURE),
            headers(ID, "1614265331", SIGNATURE),
            headers(ID, "1614265330", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OA="),
            headers(ID, "1614265330", "v1,g0hM"),
            headers(ID, "1614265330", &SIGNATURE[3..]),
            headers(ID, "1614265330", ""),
        ] {
            assert_eq!(check(&changed, BODY, AT), Err(SignatureError::Signature));
        }
        let good = headers(ID, "1614265330", SIGNATURE);
        assert_eq!(check(&good, b"{}", AT), Err(SignatureError::Signature));
        let other = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSx".parse().unwrap();
        assert_eq!(verify(&other, &good, BODY, AT), Err(SignatureError::Signature));
    }

    #[test]
    fn each_header_is_there_once() {
        let good = headers(ID, "1614265330", SIGNATURE);
        for name in HEADERS {
            let (mut less, mut more) = (good.clone(), good.clone());
            less.remove(name);
            more.append(name, good[name].clone());
            assert_eq!(check(&less, BODY, AT), Err(SignatureError::Headers), "{name}");
            assert_eq!(check(&more, BODY, AT), Err(SignatureError::Headers), "{name}");
        }
        let no_time = headers(ID, "yesterday", SIGNATURE);
        assert_eq!(check(&no_time, BODY, AT), Err(SignatureError::Headers));
    }

    proptest! {
        #[test]
        fn arbitrary_headers_are_refused(id in "[ -~]*", at in "[ -~]*", signature in "[ -~]*") {
            prop_assert!(check(&headers(&id, &at, &signature), BODY, AT).is_err());
        }
    }
}
