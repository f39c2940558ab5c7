//! An issuer whose keys are in a device, which is reached through its interface alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ark_std::rand::{RngCore, SeedableRng, rngs::StdRng};
use attestry_credential::schema::Schema;
use attestry_credential::vcdm::{Attestation, Document};
use attestry_credential::w3c::{ProofPolicy, verify_proof};
use attestry_issuer::keys::{
    DEVICE_KEY_FILE, DeviceKeys, Epoch, KeyDevice, KeyError, KeyProvider, Signing,
};
use attestry_issuer::{Issuer, IssuerError, IssuerKeys, Reason};
use attestry_ledger::{AccountKey, DigestSigner, LedgerError};
use attestry_service::Actor;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use ed25519_dalek::Signer;
use zeroize::Zeroizing;

use crate::world::{Resolver, START, World, holder, licence_for};

/// A device in software: what it holds never leaves it.
struct SoftDevice {
    wrapping: XChaCha20Poly1305,
    held: Mutex<Held>,
}

struct Held {
    rng: StdRng,
    ed25519: BTreeMap<String, ed25519_dalek::SigningKey>,
    secp256k1: BTreeMap<String, AccountKey>,
    /// A device that does not answer.
    away: bool,
}

impl SoftDevice {
    fn new() -> Arc<Self> {
        let held = Held {
            rng: StdRng::seed_from_u64(3),
            ed25519: BTreeMap::new(),
            secp256k1: BTreeMap::new(),
            away: false,
        };
        let wrapping = XChaCha20Poly1305::new(&[4; 32].into());
        Arc::new(Self { wrapping, held: Mutex::new(held) })
    }

    fn go_away(&self, away: bool) {
        self.held.lock().unwrap().away = away;
    }

    fn answer<'a, T: Send + 'a>(
        &self,
        work: impl FnOnce(&mut Held) -> Option<T>,
    ) -> Signing<'a, T> {
        let mut held = self.held.lock().unwrap();
        let answer = if held.away { None } else { work(&mut held) };
        Box::pin(async move { answer.ok_or(KeyError::Device("does not answer")) })
    }
}

impl KeyDevice for SoftDevice {
    fn generate_ed25519<'a>(&'a self, label: &'a str) -> Signing<'a, [u8; 32]> {
        self.answer(|held| {
            let mut seed = [0; 32];
            held.rng.fill_bytes(&mut seed);
            let key = ed25519_dalek::SigningKey::from_bytes(&seed);
            let public = key.verifying_key().to_bytes();
            held.ed25519.insert(label.to_owned(), key).is_none().then_some(public)
        })
    }

    fn generate_secp256k1<'a>(&'a self, label: &'a str) -> Signing<'a, [u8; 64]> {
        self.answer(|held| {
            let key = AccountKey::random(&mut held.rng);
            let public = key.public_key();
            held.secp256k1.insert(label.to_owned(), key).is_none().then_some(public)
        })
    }

    fn sign_ed25519<'a>(&'a self, label: &'a str, message: &'a [u8]) -> Signing<'a, [u8; 64]> {
        self.answer(|held| Some(held.ed25519.get(label)?.sign(message).to_bytes()))
    }

    fn sign_secp256k1<'a>(&'a self, label: &'a str, digest: &'a [u8; 32]) -> Signing<'a, [u8; 64]> {
        let key = self.answer(|held| held.secp256k1.get(label).cloned());
        Box::pin(async move {
            let key = key.await?;
            key.sign_digest(digest).await.map_err(|_| KeyError::Device("does not sign"))
        })
    }

    fn wrap<'a>(&'a self, label: &'a str, secret: &'a [u8; 32]) -> Signing<'a, Vec<u8>> {
        self.answer(|held| {
            let mut nonce = [0; 24];
            held.rng.fill_bytes(&mut nonce);
            let payload = Payload { msg: secret, aad: label.as_bytes() };
            let sealed = self.wrapping.encrypt(XNonce::from_slice(&nonce), payload).ok()?;
            Some([nonce.as_slice(), &sealed].concat())
        })
    }

    fn unwrap<'a>(&'a self, label: &'a str, wrapped: &'a [u8]) -> Signing<'a, Zeroizing<[u8; 32]>> {
        self.answer(|held| {
            held.ed25519.get(label)?;
            let (nonce, sealed) = wrapped.split_at_checked(24)?;
            let payload = Payload { msg: sealed, aad: label.as_bytes() };
            let secret = self.wrapping.decrypt(XNonce::from_slice(nonce), payload).ok()?;
            Some(Zeroizing::new(secret.try_into().ok()?))
        })
    }

    fn destroy<'a>(&'a self, label: &'a str) -> Signing<'a, ()> {
        self.answer(|held| {
            held.ed25519.remove(label);
            Some(())
        })
    }
}

/// An issuer whose keys a device has just made, accredited for licences.
async fn with_device(world: &mut World) -> (Arc<SoftDevice>, Issuer) {
    let device = SoftDevice::new();
    let path = world.data().join(DEVICE_KEY_FILE);
    DeviceKeys::create(device.clone(), &path, &mut world.rng).await.unwrap();
    let keys = DeviceKeys::open(device.clone(), &path).unwrap();
    let keys = IssuerKeys::new(Arc::new(keys)).unwrap();
    let schema = Schema::ProviderCredential;
    let entry = world.accredit(&keys, schema).await;
    world.entries = BTreeMap::from([(schema, entry)]);
    (device, world.open_with(keys, world.registry.clone()).await.unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_whose_keys_a_device_keeps_issues_and_revokes() {
    let mut world = World::new().await;
    let (_, issuer) = with_device(&mut world).await;
    let issued = world.issue(&issuer).await;
    let content = issued.content().unwrap();
    let resolver = Resolver(&world.registry, START);
    let policy = ProofPolicy::at(START);
    verify_proof(&content.verifiable_credential, &policy, &resolver).await.unwrap();
    let document = Document::from_json(&content.verifiable_credential).unwrap();
    let attestation = Attestation::from_json(&issued.attested().unwrap().attestation).unwrap();
    attestation.verify(&document).unwrap();
    let leaf = world.registry.entry(world.entry()).await.unwrap().leaf;
    assert_eq!(attestation.issuer_key(), leaf.key);

    issuer.revoke(&Actor::operator(), issued.id, Reason::Lapsed).await.unwrap();
    issuer.publish(&mut world.rng).await.unwrap();
    assert_eq!(world.barred_on_ledger().await, [issued.status_index]);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_issued_or_lost_while_the_device_is_away() {
    let mut world = World::new().await;
    let (device, issuer) = with_device(&mut world).await;
    let issued = world.issue(&issuer).await;
    issuer.revoke(&Actor::operator(), issued.id, Reason::Lapsed).await.unwrap();

    device.go_away(true);
    let refused = issuer.issue(&Actor::operator(), licence_for(holder()), &mut world.rng).await;
    assert!(matches!(refused, Err(IssuerError::Signing)), "{refused:?}");
    let unpublished = issuer.publish(&mut world.rng).await;
    let not_signed = matches!(unpublished, Err(IssuerError::Ledger(LedgerError::NotSigned)));
    assert!(not_signed, "{unpublished:?}");
    assert_eq!(issuer.pending().await.unwrap(), 1);

    device.go_away(false);
    world.issue(&issuer).await;
    issuer.publish(&mut world.rng).await.unwrap();
    assert_eq!(issuer.pending().await.unwrap(), 0);
    assert_eq!(world.barred_on_ledger().await, [issued.status_index]);
}

#[tokio::test]
async fn keys_of_a_new_epoch_are_made_in_the_device_and_destroyed_there() {
    let folder = tempfile::tempdir().unwrap();
    let (device, path) = (SoftDevice::new(), folder.path().join(DEVICE_KEY_FILE));
    let mut rng = StdRng::seed_from_u64(5);
    let mut keys = DeviceKeys::create(device.clone(), &path, &mut rng).await.unwrap();
    let again = DeviceKeys::create(device.clone(), &path, &mut rng).await;
    assert!(matches!(again, Err(KeyError::Exists)));
    let second = keys.add_epoch(&mut rng).await.unwrap();
    assert_eq!(second.epoch.number(), 2);
    keys.remove_epoch(second.epoch).await.unwrap();
    assert_eq!(device.held.lock().unwrap().ed25519.len(), 1);
    let third = keys.add_epoch(&mut rng).await.unwrap();
    assert_eq!(third.epoch.number(), 3);

    let reopened = DeviceKeys::open(device, &path).unwrap();
    assert_eq!(reopened.epochs(), keys.epochs());
    assert_eq!(reopened.address(), keys.address());
    let epochs: Vec<_> = reopened.epochs().iter().map(|keys| keys.epoch).collect();
    assert_eq!(epochs, [Epoch::FIRST, third.epoch]);
    let gone = reopened.sign_message(second.epoch, b"text").await;
    assert!(matches!(gone, Err(KeyError::UnknownEpoch(_))));
}
