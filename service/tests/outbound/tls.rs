//! TLS, against a real listener with certificates made for the test.

use std::path::Path;
use std::sync::Arc;

use attestry_service::outbound::{HostRule, Outbound, OutboundConfig, OutboundError};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use base64::{Engine, engine::general_purpose::STANDARD};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};

use super::{HOST, Names};

const COMMON_NAME: [u8; 5] = [6, 3, 0x55, 4, 3];
const ECDSA_WITH_SHA256: [u8; 10] = [6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
const P256_KEY: [u8; 19] =
    [6, 7, 0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7];
const BASIC_CONSTRAINTS: [u8; 5] = [6, 3, 0x55, 0x1d, 0x13];
const ALTERNATIVE_NAME: [u8; 5] = [6, 3, 0x55, 0x1d, 0x11];

/// Tag, length in its shortest form, and content (DER).
fn der(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    let [high, low] = length.to_be_bytes();
    let head = match length {
        ..0x80 => vec![tag, low],
        0x80..0x100 => vec![tag, 0x81, low],
        0x100.. => vec![tag, 0x82, high, low],
    };
    [&head[..], content].concat()
}

fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    der(0x30, &parts.concat())
}

fn name(common: &str) -> Vec<u8> {
    let attribute = sequence(&[&COMMON_NAME, &der(0x0c, common.as_bytes())]);
    sequence(&[&der(0x31, &attribute)])
}

/// A key, with a certificate by its own or another key.
struct Certified {
    name: &'static str,
    key: EcdsaKeyPair,
    pkcs8: Vec<u8>,
    certificate: Vec<u8>,
}

impl Certified {
    fn make(name: &'static str, san: Option<&str>, years: [&str; 2], by: Option<&Self>) -> Self {
        let rng = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_ASN1_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &rng).unwrap().as_ref().to_vec();
        let key = EcdsaKeyPair::from_pkcs8(algorithm, &pkcs8).unwrap();
        let mut made = Self { name, key, pkcs8, certificate: Vec::new() };
        made.certificate = made.certificate(san, years, by.unwrap_or(&made));
        made
    }

    /// An X.509 certificate, as RFC 5280 has it.
    fn certificate(&self, san: Option<&str>, years: [&str; 2], by: &Self) -> Vec<u8> {
        let time = |year| der(0x18, format!("{year}0101000000Z").as_bytes());
        let [from, until] = years.map(time);
        let point = [&[0], self.key.public_key().as_ref()].concat();
        let spki = sequence(&[&sequence(&[&P256_KEY]), &der(3, &point)]);
        let extension = match san {
            Some(host) => {
                let names = sequence(&[&der(0x82, host.as_bytes())]);
                sequence(&[&ALTERNATIVE_NAME, &der(4, &names)])
            }
            None => {
                let is_authority = sequence(&[&[1, 1, 0xff]]);
                sequence(&[&BASIC_CONSTRAINTS, &[1, 1, 0xff], &der(4, &is_authority)])
            }
        };
        let content = sequence(&[
            &der(0xa0, &[2, 1, 2]),
            &[2, 1, 1],
            &sequence(&[&ECDSA_WITH_SHA256]),
            &name(by.name),
            &sequence(&[&from, &until]),
            &name(self.name),
            &spki,
            &der(0xa3, &sequence(&[&extension])),
        ]);
        let signature = by.key.sign(&SystemRandom::new(), &content).unwrap();
        let signature = der(3, &[&[0], signature.as_ref()].concat());
        sequence(&[&content, &sequence(&[&ECDSA_WITH_SHA256]), &signature])
    }

    fn write_pem(&self, path: &Path) {
        let text = STANDARD.encode(&self.certificate);
        let pem = format!("-----BEGIN CERTIFICATE-----\n{text}\n-----END CERTIFICATE-----\n");
        std::fs::write(path, pem).unwrap();
    }

    /// A listener of https with this certificate. Its port.
    async fn serve(&self) -> u16 {
        let certificate = CertificateDer::from(self.certificate.clone());
        let key = PrivatePkcs8KeyDer::from(self.pkcs8.clone()).into();
        let config = ServerConfig::builder().with_no_client_auth();
        let config = config.with_single_cert(vec![certificate], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let _ = stream.read(&mut [0; 1024]).await;
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                let _ = stream.write_all(answer).await;
                let _ = stream.shutdown().await;
            }
        });
        port
    }
}

/// What becomes of a request to a host with a certificate, by who trusts a file of authorities.
async fn asked(host: &Certified, roots: Option<&Path>) -> Result<Vec<u8>, OutboundError> {
    let port = host.serve().await;
    let rule =
        HostRule { host: HOST.to_owned(), ports: [port].into(), http: false, internal: true };
    let config = OutboundConfig {
        hosts: vec![rule],
        extra_roots_file: roots.map(Path::to_owned),
        ..OutboundConfig::default()
    };
    let names = Names::answering(&[&["127.0.0.1"]]);
    let outbound = Outbound::with_resolver(&config, Arc::new(names)).unwrap();
    let target = outbound.target(&format!("https://{HOST}:{port}/")).unwrap();
    Ok(outbound.get(&target, &[], 1000).await?.body)
}

#[tokio::test]
async fn a_host_is_who_an_authority_says_it_is() {
    const YEARS: [&str; 2] = ["2020", "2120"];
    let folder = tempfile::tempdir().unwrap();
    let roots = folder.path().join("roots.pem");
    let authority = Certified::make("authority", None, YEARS, None);
    authority.write_pem(&roots);
    let by_it = |san, years| Certified::make("host", Some(san), years, Some(&authority));

    let right = by_it(HOST, YEARS);
    assert_eq!(asked(&right, Some(&roots)).await.unwrap(), b"ok");
    assert_eq!(asked(&right, None).await, Err(OutboundError::Tls), "an unknown authority");
    let other = by_it("other.example", YEARS);
    assert_eq!(asked(&other, Some(&roots)).await, Err(OutboundError::Tls), "another host");
    let expired = by_it(HOST, ["2020", "2021"]);
    assert_eq!(asked(&expired, Some(&roots)).await, Err(OutboundError::Tls), "expired");
    let own = Certified::make("host", Some(HOST), YEARS, None);
    assert_eq!(asked(&own, Some(&roots)).await, Err(OutboundError::Tls), "by itself");
    let impostor = Certified::make("authority", None, YEARS, None);
    let forged = Certified::make("host", Some(HOST), YEARS, Some(&impostor));
    assert_eq!(asked(&forged, Some(&roots)).await, Err(OutboundError::Tls), "forged");
}

#[tokio::test]
async fn what_speaks_no_tls_is_not_asked_without_it() {
    use super::listener::{Answers, Listener};
    let plain = Listener::start(Answers::With("HTTP/1.1 200 OK\r\n\r\n")).await;
    let rule = HostRule { http: false, ..super::internal("127.0.0.1", plain.port) };
    let outbound = Outbound::new(&super::config(rule)).unwrap();
    let target = outbound.target(&format!("https://127.0.0.1:{}/", plain.port)).unwrap();
    assert!(outbound.get(&target, &[], 10).await.is_err());
    assert!(plain.seen().iter().all(String::is_empty), "no head of a request came");
}

#[tokio::test]
async fn a_file_without_certificates_is_no_list_of_authorities() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("roots.pem");
    let of = |path: &Path| OutboundConfig {
        extra_roots_file: Some(path.to_owned()),
        ..OutboundConfig::default()
    };
    assert!(Outbound::new(&of(&path)).is_err());
    std::fs::write(&path, "no certificate").unwrap();
    assert!(Outbound::new(&of(&path)).is_err());
}
