//! A policy in numbers: its slots mean what its language says, for every credential.
#![no_main]

use attestry_circuits::{
    Claims, Credential, Fr, Header, HolderSecret, IssuerId, SchemaId,
    field::to_u64,
    policy::{COMPARE_BITS, ClaimRef, MaskWidth, Operator, Policy, Predicate},
};
use libfuzzer_sys::{
    arbitrary::{Result, Unstructured},
    fuzz_target,
};

const SCHEMA: SchemaId = SchemaId { id: 1, version: 1 };

fuzz_target!(|data: &[u8]| {
    let mut input = Unstructured::new(data);
    let (Ok(policy), Ok(credential)) = (policy(&mut input), credential(&mut input)) else { return };
    let Ok(compiled) = policy.compile() else { return };
    assert_eq!(policy.compile().as_ref(), Ok(&compiled));
    assert!(attestry_circuits::field::to_be_bytes(&compiled.word())[..16].iter().all(|b| *b == 0));
    match compiled.evaluate(&credential) {
        Ok(()) => assert_eq!(means(&policy, &credential, 64), Some(true)),
        // A claim that does not fit its slot fails the policy, whatever the alternatives.
        Err(_) => assert_ne!(means(&policy, &credential, COMPARE_BITS), Some(true)),
    }
});

/// The language's meaning, read off its definition; none if a claim that is compared or masked,
/// or the distance of two, does not fit these bits: which slot it meets is the layout's choice.
fn means(policy: &Policy, credential: &Credential, bits: u32) -> Option<bool> {
    let value = |claim: ClaimRef| {
        let issuer = credential.header.issuer_id.as_field();
        credential.claims.0.get(claim.index()).copied().unwrap_or(issuer)
    };
    let fits = |number: &i128| number.unsigned_abs() >> bits == 0;
    let number = |claim| to_u64(&value(claim)).map(i128::from).filter(fits);
    let distance = |claim, other, plus: i64| {
        Some(number(claim)? - number(other)? - i128::from(plus)).filter(fits)
    };
    let holds = |p: &Predicate| {
        Some(match p.operator {
            Operator::Eq(operand) => value(p.claim) == operand,
            Operator::Neq(operand) => value(p.claim) != operand,
            Operator::Lt(bound) => number(p.claim)? < bound.into(),
            Operator::Le(bound) => number(p.claim)? <= bound.into(),
            Operator::Gt(bound) => number(p.claim)? > bound.into(),
            Operator::Ge(bound) => number(p.claim)? >= bound.into(),
            Operator::LeClaim { other, plus } => distance(p.claim, other, plus)? <= 0,
            Operator::GeClaim { other, plus } => distance(p.claim, other, plus)? >= 0,
            Operator::InSet => policy.set.contains(&value(p.claim)),
            Operator::NotInSet => !policy.set.contains(&value(p.claim)),
            Operator::MaskContains { mask, .. } => {
                number(p.claim)? & i128::from(mask) == i128::from(mask)
            }
            Operator::MaskExcludes { mask, .. } => number(p.claim)? & i128::from(mask) == 0,
            Operator::InMask(mask) => {
                let bit = number(p.claim).filter(|bit| *bit < 64)?;
                i128::from(mask) >> bit & 1 == 1
            }
        })
    };
    let mut all = true;
    for clause in &policy.clauses {
        let mut any = false;
        for alternative in clause {
            let mut both = true;
            for predicate in alternative {
                both &= holds(predicate)?;
            }
            any |= both;
        }
        all &= any;
    }
    Some(all)
}

fn policy(input: &mut Unstructured<'_>) -> Result<Policy> {
    let mut clauses = Vec::new();
    for _ in 0..input.int_in_range(0..=4)? {
        let mut clause = Vec::new();
        for _ in 0..input.int_in_range(0..=3)? {
            let mut alternative = Vec::new();
            for _ in 0..input.int_in_range(0..=3)? {
                alternative.push(Predicate { claim: claim(input)?, operator: operator(input)? });
            }
            clause.push(alternative);
        }
        clauses.push(clause);
    }
    let mut set = Vec::new();
    for _ in 0..input.int_in_range(0..=9)? {
        set.push(element(input)?);
    }
    Ok(Policy { schema: SCHEMA, set, clauses })
}

fn operator(input: &mut Unstructured<'_>) -> Result<Operator> {
    let width = if input.arbitrary()? { MaskWidth::Wide } else { MaskWidth::Narrow };
    Ok(match input.int_in_range(0..=12)? {
        0 => Operator::Eq(element(input)?),
        1 => Operator::Neq(element(input)?),
        2 => Operator::Lt(integer(input)?),
        3 => Operator::Le(integer(input)?),
        4 => Operator::Gt(integer(input)?),
        5 => Operator::Ge(integer(input)?),
        6 => Operator::LeClaim { other: claim(input)?, plus: integer(input)? as i64 },
        7 => Operator::GeClaim {
            other: claim(input)?,
            plus: (integer(input)? as i64).wrapping_neg(),
        },
        8 => Operator::InSet,
        9 => Operator::NotInSet,
        10 => Operator::MaskContains { mask: integer(input)?, width },
        11 => Operator::MaskExcludes { mask: integer(input)?, width },
        _ => Operator::InMask(integer(input)?),
    })
}

/// The issuer once in a while.
fn claim(input: &mut Unstructured<'_>) -> Result<ClaimRef> {
    Ok(ClaimRef::claim(input.int_in_range(0..=24)?).unwrap_or(ClaimRef::ISSUER))
}

/// Small numbers as often as wide ones, so that comparisons go both ways.
fn integer(input: &mut Unstructured<'_>) -> Result<u64> {
    Ok(match input.int_in_range(0..=2u8)? {
        0 => u64::from(input.arbitrary::<u8>()? % 16),
        1 => 1 << input.int_in_range(0..=63)?,
        _ => input.arbitrary()?,
    })
}

fn element(input: &mut Unstructured<'_>) -> Result<Fr> {
    let number = Fr::from(integer(input)?);
    Ok(if input.ratio(1, 8)? { -number } else { number })
}

fn credential(input: &mut Unstructured<'_>) -> Result<Credential> {
    let mut claims = Claims::default();
    for claim in &mut claims.0 {
        *claim = element(input)?;
    }
    let header = Header {
        schema: SCHEMA,
        issuer_id: IssuerId::from_address(input.arbitrary()?),
        holder: HolderSecret::from_bytes(&[1; 32]).unwrap().commitment(),
        status_index: 5,
        valid_from: 0,
        valid_until: 1 << 39,
        salt: [0; 16],
    };
    Ok(Credential { header, claims })
}
