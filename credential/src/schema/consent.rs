//! ConsentGrant/1: what one person permits, to whom, for what, and until when.

use attestry_circuits::{CLAIM_COUNT, Claims, Fr};
use serde::Serialize;

use super::{
    ANY_DISEASE, ClaimKind, ClaimSpec, document_claim, or_zero, read_mask, recipients_claim,
    values::{Day, Language, MondoId, Sha256Digest, StudyId, Text, Version},
};
use crate::{
    error::{CredentialError, Rule},
    json::{Node, Object},
    vocabulary::{
        Action, Code, Coded, ConsentScope, DataClass, Decision, DuoModifier, DuoPermission, Mask,
        Performer, Purpose, Sensitivity, SignatureKind, WithdrawalTerm,
    },
};

/// The claims of ConsentGrant/1.
///
/// | slot | claim | encoding | absent |
/// |---|---|---|---|
/// | 0 | `scope` | scope·2 + default decision, 4 bits | never |
/// | 1 | `study` | registry·2^27 + number, 31 bits | 0, in no registry |
/// | 2, 3 | `protocol_version`, `form_version` | major·256 + minor, 16 bits | 0, below any version |
/// | 4, 5 | `form_hash`, `ethics_hash` | SHA-256 hashed into the field | 0 |
/// | 6 | `ethics_expires_on` | day, 17 bits | 0, before any day |
/// | 7 | `purpose_mask` | mask with all descendants, 60 bits | never; 0 permits no purpose |
/// | 8 | `duo_permission` | DUO number, 6 bits | 0 |
/// | 9 | `duo_modifiers` | mask by DUO number, 47 bits; stated with a permission | 2^47 − 1, every bit |
/// | 10 | `disease` | MONDO number, 24 bits; 2^24 − 1, any, under NRES, GRU and HMB | 0 |
/// | 11 | `data_mask` | mask, 32 bits | never; 0 permits no data |
/// | 12 | `action_mask` | mask, 16 bits | never |
/// | 13 | `sensitive_allowed` | mask, 16 bits | never; 0 permits no sensitive class |
/// | 14 | `recipients` | hash of the sorted list | 0 |
/// | 15 | `data_from` | day, 17 bits | 2^17 − 1, after any other day |
/// | 16 | `data_to` | day, 17 bits | 0, before any day |
/// | 17 | `performer` | code, 3 bits | never |
/// | 18 | `majority_on` | day, 17 bits | 0, already reached |
/// | 19 | `signature` | code, 3 bits | 0 |
/// | 20 | `language` | two letters, 16 bits | 0 |
/// | 21 | `withdrawal_terms` | mask, 8 bits | never; 0 offers none |
/// | 22 | `sequence` | number, 32 bits; 0 for the first | never |
/// | 23 | `previous` | SHA-256 hashed into the field | 0, the first |
pub static CONSENT_CLAIMS: [ClaimSpec; CLAIM_COUNT] = {
    use ClaimKind::{
        Code, Day, Disease, Document, Language, Mask, Number, Recipients, Scope, Study, Version,
    };
    const fn claim(
        slot: usize,
        name: &'static str,
        kind: ClaimKind,
        bits: u16,
        absent: Option<u64>,
        identifying: bool,
    ) -> ClaimSpec {
        ClaimSpec { name, slot, kind, bits, absent, identifying }
    }
    [
        claim(0, "scope", Scope, 4, None, false),
        claim(1, "study", Study, 31, Some(0), false),
        claim(2, "protocol_version", Version, 16, Some(0), false),
        claim(3, "form_version", Version, 16, Some(0), false),
        claim(4, "form_hash", Document, 254, Some(0), false),
        claim(5, "ethics_hash", Document, 254, Some(0), false),
        claim(6, "ethics_expires_on", Day, 17, Some(0), false),
        claim(7, "purpose_mask", Mask(Purpose::VOCABULARY), 60, None, false),
        claim(8, "duo_permission", Code(DuoPermission::VOCABULARY), 6, Some(0), false),
        claim(
            9,
            "duo_modifiers",
            Mask(DuoModifier::VOCABULARY),
            47,
            Some(MODIFIERS_NOT_STATED),
            false,
        ),
        claim(10, "disease", Disease, 24, Some(0), true),
        claim(11, "data_mask", Mask(DataClass::VOCABULARY), 32, None, false),
        claim(12, "action_mask", Mask(Action::VOCABULARY), 16, None, false),
        claim(13, "sensitive_allowed", Mask(Sensitivity::VOCABULARY), 16, None, true),
        claim(14, "recipients", Recipients, 254, Some(0), false),
        claim(15, "data_from", Day, 17, Some(DAY_NEVER), true),
        claim(16, "data_to", Day, 17, Some(0), true),
        claim(17, "performer", Code(Performer::VOCABULARY), 3, None, false),
        claim(18, "majority_on", Day, 17, Some(0), true),
        claim(19, "signature", Code(SignatureKind::VOCABULARY), 3, Some(0), false),
        claim(20, "language", Language, 16, Some(0), false),
        claim(21, "withdrawal_terms", Mask(WithdrawalTerm::VOCABULARY), 8, None, false),
        claim(22, "sequence", Number, 32, None, false),
        claim(23, "previous", Document, 254, Some(0), true),
    ]
};

/// The encoding of an absent `data_from`: later than every other day, so that `le` fails.
const DAY_NEVER: u64 = super::values::Day::MAX as u64;
/// The encoding of modifiers in a grant without a DUO permission: every bit, so that no
/// `excludes` passes.
const MODIFIERS_NOT_STATED: u64 = (1 << 47) - 1;

/// What one person permits.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConsentGrant {
    /// What the consent is about.
    pub scope: Code<ConsentScope>,
    /// What holds where nothing is stated.
    pub default_decision: Code<Decision>,
    /// The study.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub study: Option<StudyId>,
    /// Version of the study protocol.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protocol_version: Option<Version>,
    /// Version of the consent form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form_version: Option<Version>,
    /// The consent form as signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub form_hash: Option<Sha256Digest>,
    /// The ethics approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ethics_hash: Option<Sha256Digest>,
    /// Last day of the ethics approval.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ethics_expires_on: Option<Day>,
    /// Purposes; the claim also has all their descendants.
    #[serde(skip_serializing_if = "Mask::is_empty")]
    pub purposes: Mask<Purpose>,
    /// Data use permission.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duo_permission: Option<Code<DuoPermission>>,
    /// Data use modifiers, under a permission.
    #[serde(skip_serializing_if = "Mask::is_empty")]
    pub duo_modifiers: Mask<DuoModifier>,
    /// The disease to which a disease-specific permission is limited.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disease: Option<MondoId>,
    /// Classes of data.
    #[serde(skip_serializing_if = "Mask::is_empty")]
    pub data: Mask<DataClass>,
    /// What may be done.
    #[serde(skip_serializing_if = "Mask::is_empty")]
    pub actions: Mask<Action>,
    /// Sensitive classes that are included.
    #[serde(skip_serializing_if = "Mask::is_empty")]
    pub sensitive_allowed: Mask<Sensitivity>,
    /// Organisations and roles to whom it is given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<Text>,
    /// First day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_from: Option<Day>,
    /// Last day.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data_to: Option<Day>,
    /// Who consented.
    pub performer: Code<Performer>,
    /// The day on which the person comes of age and a representative's consent lapses.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub majority_on: Option<Day>,
    /// How it was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub signature: Option<Code<SignatureKind>>,
    /// Language of the form.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<Language>,
    /// What a withdrawal may ask for.
    #[serde(skip_serializing_if = "Mask::is_empty")]
    pub withdrawal_terms: Mask<WithdrawalTerm>,
    /// 0 for the first grant, one more for each that replaces it: the latest holds.
    pub sequence: u32,
    /// The document that this one replaces.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub previous: Option<Sha256Digest>,
}

impl std::fmt::Debug for ConsentGrant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsentGrant").field("scope", &self.scope).finish_non_exhaustive()
    }
}

/// What a subject may state: the column of a roster, and the member of a document.
pub(super) const MEMBERS: [(&str, &str); 25] = [
    ("scope", "scope"),
    ("default_decision", "defaultDecision"),
    ("study", "study"),
    ("protocol_version", "protocolVersion"),
    ("form_version", "formVersion"),
    ("form_hash", "formHash"),
    ("ethics_hash", "ethicsHash"),
    ("ethics_expires_on", "ethicsExpiresOn"),
    ("purposes", "purposes"),
    ("duo_permission", "duoPermission"),
    ("duo_modifiers", "duoModifiers"),
    ("disease", "disease"),
    ("data", "data"),
    ("actions", "actions"),
    ("sensitive_allowed", "sensitiveAllowed"),
    ("recipients", "recipients"),
    ("data_from", "dataFrom"),
    ("data_to", "dataTo"),
    ("performer", "performer"),
    ("majority_on", "majorityOn"),
    ("signature", "signature"),
    ("language", "language"),
    ("withdrawal_terms", "withdrawalTerms"),
    ("sequence", "sequence"),
    ("previous", "previous"),
];

impl ConsentGrant {
    /// A grant that states only what every one states: deny by default, given by the person.
    pub fn new(
        scope: Code<ConsentScope>,
        default_decision: Code<Decision>,
        performer: Code<Performer>,
    ) -> Self {
        Self {
            scope,
            default_decision,
            study: None,
            protocol_version: None,
            form_version: None,
            form_hash: None,
            ethics_hash: None,
            ethics_expires_on: None,
            purposes: Mask::default(),
            duo_permission: None,
            duo_modifiers: Mask::default(),
            disease: None,
            data: Mask::default(),
            actions: Mask::default(),
            sensitive_allowed: Mask::default(),
            recipients: Vec::new(),
            data_from: None,
            data_to: None,
            performer,
            majority_on: None,
            signature: None,
            language: None,
            withdrawal_terms: Mask::default(),
            sequence: 0,
            previous: None,
        }
    }

    pub(super) fn read(object: &Object<'_>, also: &[&str]) -> Result<Self, CredentialError> {
        object.only(&[&MEMBERS.map(|(_, member)| member)[..], also].concat())?;
        let recipients = object.list("recipients")?;
        Ok(Self {
            scope: object.require("scope")?.parse()?,
            default_decision: object.require("defaultDecision")?.parse()?,
            study: object.optional("study")?,
            protocol_version: object.optional("protocolVersion")?,
            form_version: object.optional("formVersion")?,
            form_hash: object.optional("formHash")?,
            ethics_hash: object.optional("ethicsHash")?,
            ethics_expires_on: object.optional("ethicsExpiresOn")?,
            purposes: read_mask(&object.list("purposes")?)?,
            duo_permission: object.optional("duoPermission")?,
            duo_modifiers: read_mask(&object.list("duoModifiers")?)?,
            disease: object.optional("disease")?,
            data: read_mask(&object.list("data")?)?,
            actions: read_mask(&object.list("actions")?)?,
            sensitive_allowed: read_mask(&object.list("sensitiveAllowed")?)?,
            recipients: recipients.iter().map(Node::parse).collect::<Result<_, _>>()?,
            data_from: object.optional("dataFrom")?,
            data_to: object.optional("dataTo")?,
            performer: object.require("performer")?.parse()?,
            majority_on: object.optional("majorityOn")?,
            signature: object.optional("signature")?,
            language: object.optional("language")?,
            withdrawal_terms: read_mask(&object.list("withdrawalTerms")?)?,
            sequence: object.require("sequence")?.u32()?,
            previous: object.optional("previous")?,
        })
    }

    /// Checks the rules that hold between claims.
    ///
    /// # Errors
    /// The first claim that a rule requires, forbids or contradicts.
    pub fn validate(&self) -> Result<(), CredentialError> {
        let refuse = |claim: &str, rule: &'static str| Err(Rule::new(rule).at(claim));
        if self.study.is_some() && self.form_version.is_none() {
            return refuse("form_version", "is required with a study");
        }
        if self.actions.is_empty() {
            return refuse("action_mask", "permits nothing: at least one action is required");
        }
        if let (Some(from), Some(to)) = (self.data_from, self.data_to)
            && to < from
        {
            return refuse("data_to", "is before data_from");
        }
        if self.data_from.is_some_and(|day| day.number() == Day::MAX) {
            return refuse("data_from", "is the day that stands for none");
        }
        let of_a_minor = matches!(self.performer.word(), "parent" | "parent-and-child-assent");
        if of_a_minor && self.majority_on.is_none() {
            return refuse("majority_on", "is required where a parent consents");
        }
        if self.performer.is("self") && self.majority_on.is_some() {
            return refuse("majority_on", "has no place where the person consents");
        }
        let disease_specific = self.duo_permission.is_some_and(|permission| permission.is("DS"));
        if disease_specific != self.disease.is_some() {
            return refuse("disease", "is stated with the DUO permission DS, and only with it");
        }
        if self.duo_permission.is_none() && !self.duo_modifiers.is_empty() {
            return refuse("duo_modifiers", "modify a DUO permission, which is absent");
        }
        if (self.sequence == 0) == self.previous.is_some() {
            return refuse("previous", "is stated by every grant but the first, sequence 0");
        }
        if self.ethics_expires_on.is_some() && self.ethics_hash.is_none() {
            return refuse("ethics_hash", "is required with ethics_expires_on");
        }
        Ok(())
    }

    /// The disease that the DUO permission covers: the stated one under DS, any under the wider
    /// permissions, none without a permission or for ancestry research only.
    fn covered_disease(&self) -> u32 {
        let permission = self.duo_permission.map_or("", |permission| permission.word());
        match (permission, &self.disease) {
            ("NRES" | "GRU" | "HMB", _) => ANY_DISEASE,
            (_, Some(disease)) => disease.number(),
            (_, None) => 0,
        }
    }

    /// The claims. A grant has no salted text, so that none needs the credential's salt.
    ///
    /// # Errors
    /// Those of [`ConsentGrant::validate`].
    pub fn claims(&self) -> Result<Claims, CredentialError> {
        self.validate()?;
        let number = |value: u64| Fr::from(value);
        let code = |integer: Option<u32>| Fr::from(integer.unwrap_or(0));
        let day = |day: &Option<Day>| or_zero(day, |day| u64::from(day.number()));
        let version = |version: &Option<Version>| or_zero(version, |v| u64::from(v.number()));
        let document =
            |digest: &Option<Sha256Digest>| digest.as_ref().map_or(Fr::from(0u64), document_claim);
        Ok(Claims([
            number(u64::from(self.scope.integer() * 2 + self.default_decision.integer())),
            or_zero(&self.study, |study| u64::from(study.packed())),
            version(&self.protocol_version),
            version(&self.form_version),
            document(&self.form_hash),
            document(&self.ethics_hash),
            day(&self.ethics_expires_on),
            number(self.purposes.closure().bits()),
            code(self.duo_permission.map(|permission| permission.integer())),
            number(match self.duo_permission {
                Some(_) => self.duo_modifiers.bits(),
                None => MODIFIERS_NOT_STATED,
            }),
            number(u64::from(self.covered_disease())),
            number(self.data.bits()),
            number(self.actions.bits()),
            number(self.sensitive_allowed.bits()),
            recipients_claim(self.recipients.iter().map(Text::as_str)),
            self.data_from.map_or(number(DAY_NEVER), |day| number(u64::from(day.number()))),
            day(&self.data_to),
            number(u64::from(self.performer.integer())),
            day(&self.majority_on),
            code(self.signature.map(|signature| signature.integer())),
            or_zero(&self.language, |language| u64::from(language.number())),
            number(self.withdrawal_terms.bits()),
            number(u64::from(self.sequence)),
            document(&self.previous),
        ]))
    }
}

#[cfg(test)]
#[path = "consent_tests.rs"]
mod tests;
