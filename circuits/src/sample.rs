//! Satisfied statements made from a seed: a small world of one issuer and one holder.

use crate::credential::{Claims, Credential, Header, IssuerId, SchemaId};
use crate::field::Fr;
use crate::holder::{HolderSecret, Scope};
use crate::policy::{ClaimRef, MaskWidth, Operator, Policy, PolicyError, Predicate};
use crate::registry::{CAPACITY, RegistryLeaf, RegistryTree};
use crate::schnorr::SigningKey;
use crate::statement::{Context, Statement};
use crate::status::{LIST_SIZE, StatusList};
use crate::witness::Witness;
use ark_ff::UniformRand;
use ark_std::rand::{Rng, RngCore, SeedableRng, rngs::StdRng};

/// One issuer, one holder, and a statement that the holder can prove.
pub struct Sample {
    /// The issuer's key.
    pub issuer_key: SigningKey,
    /// The issuer's list.
    pub status: StatusList,
    /// The registry.
    pub registry: RegistryTree,
    /// The issuer's place in the registry.
    pub leaf_index: usize,
    /// What is proven.
    pub statement: Statement,
    /// What proves it.
    pub witness: Witness,
}

/// 2026-01-01T00:00:00Z.
const NOW: u64 = 1_767_225_600;

impl Sample {
    /// The sample of a seed, asking [`Sample::policy`].
    ///
    /// # Panics
    /// Never: all parts are in range by construction.
    pub fn new(seed: u64) -> Self {
        Self::build(seed).unwrap_or_else(|_| unreachable!("every part is in range"))
    }

    fn build(seed: u64) -> Result<Self, PolicyError> {
        let mut rng = StdRng::seed_from_u64(seed);
        let issuer_key = SigningKey::random(&mut rng);
        let holder_secret = HolderSecret::random(&mut rng);
        let mut address = [0; 20];
        rng.fill_bytes(&mut address);
        let mut salt = [0; 16];
        rng.fill_bytes(&mut salt);
        let mut claims = Claims::default();
        for (slot, claim) in claims.0.iter_mut().enumerate() {
            *claim = if slot < 2 { Fr::rand(&mut rng) } else { Fr::from(rng.gen_range(0..64u64)) };
        }
        claims.0[3] = Fr::from(rng.next_u64());
        let header = Header {
            schema: SchemaId { id: 1, version: 1 },
            issuer_id: IssuerId::from_address(address),
            holder: holder_secret.commitment(),
            status_index: rng.gen_range(0..LIST_SIZE as u32),
            valid_from: NOW - rng.gen_range(0..1 << 24),
            valid_until: NOW + rng.gen_range(0..1 << 24),
            salt,
        };
        let credential = Credential { header, claims };

        let mut status = StatusList::new();
        let revoked: Vec<u32> = (0..20)
            .map(|_| rng.gen_range(0..LIST_SIZE as u32))
            .filter(|&index| index != credential.header.status_index)
            .collect();
        let _ = status.flip_all(&revoked);
        let leaf = RegistryLeaf {
            key: issuer_key.verifying_key(),
            issuer_id: credential.header.issuer_id,
            status_root: status.root(),
            schema: credential.header.schema,
            version: rng.next_u32() as u16,
            accredited_until: NOW + rng.gen_range(0..1 << 30),
        };
        let mut registry = RegistryTree::new();
        let leaf_index = rng.gen_range(0..CAPACITY);
        let other = (leaf_index + 1) % CAPACITY;
        let in_range = |_| PolicyError::NoSuchClaim;
        registry.set(other, Fr::rand(&mut rng)).map_err(in_range)?;
        registry.set(leaf_index, leaf.hash()).map_err(in_range)?;

        let scope = Scope::new("did:ethr:0x1:0x00", "sample", seed);
        let statement = Statement {
            registry_root: registry.root(),
            nullifier: holder_secret.withdrawal_key(&scope).nullifier(),
            scope,
            context: Context::of_presentation_key(&rng.r#gen()),
            now: NOW,
            policy: Self::policy(&credential)?.compile()?,
        };
        let witness = Witness {
            signature: issuer_key.sign(&credential).map_err(|_| PolicyError::NoSuchClaim)?,
            registry_path: registry.path(leaf_index).map_err(in_range)?,
            status_path: status
                .path(credential.header.status_index)
                .map_err(|_| PolicyError::NoSuchClaim)?,
            holder_secret,
            credential,
            leaf,
        };
        Ok(Self { issuer_key, status, registry, leaf_index, statement, witness })
    }

    /// Signs the credential as it stands and publishes the leaf as it stands, with the root of
    /// the list: what an issuer can do to its own credential.
    ///
    /// # Panics
    /// If the header breaks a rule that a signer checks.
    pub fn reissue(&mut self) {
        let signed = self.reissued().is_ok();
        assert!(signed, "the header can be signed");
    }

    fn reissued(&mut self) -> Result<(), PolicyError> {
        let (witness, out_of_range) = (&mut self.witness, PolicyError::NoSuchClaim);
        let index = witness.credential.header.status_index;
        witness.signature = self.issuer_key.sign(&witness.credential).map_err(|_| out_of_range)?;
        witness.leaf.status_root = self.status.root();
        witness.status_path = self.status.path(index).map_err(|_| out_of_range)?;
        self.registry.set(self.leaf_index, witness.leaf.hash()).map_err(|_| out_of_range)?;
        witness.registry_path = self.registry.path(self.leaf_index).map_err(|_| out_of_range)?;
        self.statement.registry_root = self.registry.root();
        Ok(())
    }

    /// A policy that uses every slot and every kind of test, and that the credential satisfies.
    ///
    /// # Errors
    /// Never for a credential of a sample.
    pub fn policy(credential: &Credential) -> Result<Policy, PolicyError> {
        let number = |slot: usize| crate::field::to_u64(&credential.claims.0[slot]).unwrap_or(0);
        let claim = ClaimRef::claim;
        let predicate = |claim, operator| Predicate { claim, operator };
        let lower = number(4).min(number(5));
        let wide = Operator::MaskContains { mask: number(3) | 1 << 63, width: MaskWidth::Wide };
        let narrow = Operator::MaskExcludes { mask: 1 << 39, width: MaskWidth::Narrow };
        Ok(Policy {
            schema: credential.header.schema,
            set: vec![Fr::from(99u64), credential.header.issuer_id.as_field()],
            clauses: vec![
                vec![vec![predicate(claim(0)?, Operator::Eq(credential.claims.0[0]))]],
                vec![vec![predicate(ClaimRef::ISSUER, Operator::InSet)]],
                vec![vec![predicate(claim(4)?, Operator::Ge(lower))]],
                vec![
                    vec![
                        predicate(claim(1)?, Operator::Neq(Fr::from(5u64))),
                        predicate(claim(3)?, wide),
                    ],
                    vec![
                        predicate(claim(6)?, Operator::Le(63)),
                        predicate(claim(7)?, Operator::NotInSet),
                        predicate(claim(8)?, narrow),
                    ],
                ],
            ],
        })
    }
}
