//! ProviderCredential/1: what a board, a specialty board, the DEA or an exclusion checker
//! attests of a provider, one credential each.

use ark_ff::PrimeField;
use attestry_circuits::{CLAIM_COUNT, Claims, Fr, salted_text_claim};
use serde::Serialize;

use super::{
    ClaimKind, ClaimSpec, or_zero, read_mask,
    values::{Day, Npi, PREFIX_LENGTH, SUFFIX_LENGTH, TaxonomyCode, Text, check_dea_number},
};
use crate::{
    error::{CredentialError, Rule},
    json::{Node, Object},
    vocabulary::{
        Authority, BoardStatus, Code, Coded, Compact, CredentialKind, DeaSchedule, LicenceType,
        Mask, PsvProcess, PsvSource, Standing, State, Status,
    },
};

/// The encoding of `standing_mask` in a credential that states no standing: every encumbrance is
/// set, so that neither `eq 0` nor any `excludes` passes.
pub const STANDING_NOT_STATED: u64 = 0xffff;

/// The claims of ProviderCredential/1.
///
/// | slot | claim | encoding | absent |
/// |---|---|---|---|
/// | 0 | `kind` | code, 4 bits | never |
/// | 1 | `npi` | number, 32 bits | never |
/// | 2 | `licence_number` | salted hash of the normal form | 0 |
/// | 3 | `name` | salted hash of the normal form | never |
/// | 4 | `jurisdiction` | state code, 6 bits | 0, no state |
/// | 5 | `authority` | code, 4 bits | 0, no authority |
/// | 6 | `home_state` | state code, 6 bits | 0, in no mask of states |
/// | 7 | `compact_id` | code, 8 bits | 0 |
/// | 8 | `licence_type` | code, 12 bits | 0 |
/// | 9 | `status` | code, 4 bits | 0 |
/// | 10 | `standing_mask` | mask, 16 bits; 0 is unencumbered | 0xffff, every encumbrance |
/// | 11–13 | `issued_on`, `renewed_on`, `expires_on` | day, 17 bits | 0, before any day |
/// | 14 | `taxonomy_prefix` | base 36 of 4 characters, plus 1, 21 bits | 0 |
/// | 15 | `taxonomy_suffix` | base 36 of 5 characters, plus 1, 26 bits | 0 |
/// | 16 | `board_status` | code, 4 bits | 0 |
/// | 17 | `dea_mask` | mask, 6 bits | never; 0 is no schedule |
/// | 18 | `dea_state` | state code, 6 bits | 0 |
/// | 19 | `psv_method` | process·16 + source, 8 bits | 0 |
/// | 20–23 | `psv_on`, `next_check_on`, `exclusion_checked_on`, `decided_on` | day | 0 |
///
/// The expiry of a board certification is its credential's own `expires_on`.
pub static PROVIDER_CLAIMS: [ClaimSpec; CLAIM_COUNT] = {
    use ClaimKind::{Base36, Code, Day, Mask, Npi, PsvMethod, Text};
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
        claim(0, "kind", Code(CredentialKind::VOCABULARY), 4, None, false),
        claim(1, "npi", Npi, 32, None, true),
        claim(2, "licence_number", Text, 254, Some(0), true),
        claim(3, "name", Text, 254, None, true),
        claim(4, "jurisdiction", Code(State::VOCABULARY), 6, Some(0), false),
        claim(5, "authority", Code(Authority::VOCABULARY), 4, Some(0), false),
        claim(6, "home_state", Code(State::VOCABULARY), 6, Some(0), false),
        claim(7, "compact_id", Code(Compact::VOCABULARY), 8, Some(0), false),
        claim(8, "licence_type", Code(LicenceType::VOCABULARY), 12, Some(0), false),
        claim(9, "status", Code(Status::VOCABULARY), 4, Some(0), false),
        claim(10, "standing_mask", Mask(Standing::VOCABULARY), 16, Some(STANDING_NOT_STATED), true),
        claim(11, "issued_on", Day, 17, Some(0), true),
        claim(12, "renewed_on", Day, 17, Some(0), true),
        claim(13, "expires_on", Day, 17, Some(0), true),
        claim(14, "taxonomy_prefix", Base36(PREFIX_LENGTH), 21, Some(0), false),
        claim(15, "taxonomy_suffix", Base36(SUFFIX_LENGTH), 26, Some(0), false),
        claim(16, "board_status", Code(BoardStatus::VOCABULARY), 4, Some(0), false),
        claim(17, "dea_mask", Mask(DeaSchedule::VOCABULARY), 6, None, false),
        claim(18, "dea_state", Code(State::VOCABULARY), 6, Some(0), false),
        claim(19, "psv_method", PsvMethod, 8, Some(0), false),
        claim(20, "psv_on", Day, 17, Some(0), false),
        claim(21, "next_check_on", Day, 17, Some(0), false),
        claim(22, "exclusion_checked_on", Day, 17, Some(0), false),
        claim(23, "decided_on", Day, 17, Some(0), false),
    ]
};

/// What is attested of a provider.
#[derive(Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderCredential {
    /// What kind of credential it is.
    pub kind: Code<CredentialKind>,
    /// The provider's NPI.
    pub npi: Npi,
    /// Number of the licence or registration; a DEA number for a federal DEA registration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence_number: Option<Text>,
    /// The provider's name.
    pub name: Text,
    /// The state that licensed, or in which a privilege holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jurisdiction: Option<Code<State>>,
    /// On what authority it permits practice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub authority: Option<Code<Authority>>,
    /// Home state of a multistate licence or a privilege.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_state: Option<Code<State>>,
    /// The compact that it belongs to.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compact: Option<Code<Compact>>,
    /// The type of licence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub licence_type: Option<Code<LicenceType>>,
    /// The status that the issuer derived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<Code<Status>>,
    /// Encumbrances; the empty set says that there are none, absence says nothing. The empty set
    /// is written `["unencumbered"]`: an empty list is nothing to a Data Integrity proof, so that
    /// anybody could add it.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "write_standing")]
    pub standing: Option<Mask<Standing>>,
    /// First issued.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub issued_on: Option<Day>,
    /// Last renewed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub renewed_on: Option<Day>,
    /// Last day on which it holds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires_on: Option<Day>,
    /// Specialty.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub taxonomy: Option<TaxonomyCode>,
    /// Status of a board certification.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub board_status: Option<Code<BoardStatus>>,
    /// Schedules of a controlled-substance registration.
    #[serde(skip_serializing_if = "Mask::is_empty")]
    pub dea_schedules: Mask<DeaSchedule>,
    /// The state of a controlled-substance registration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dea_state: Option<Code<State>>,
    /// How it was verified; stated together with the source.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psv_process: Option<Code<PsvProcess>>,
    /// Where it was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psv_source: Option<Code<PsvSource>>,
    /// When it was verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub psv_on: Option<Day>,
    /// When it is to be verified again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_check_on: Option<Day>,
    /// When exclusion lists were checked, with a clear result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclusion_checked_on: Option<Day>,
    /// When the credentialing decision was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided_on: Option<Day>,
}

impl std::fmt::Debug for ProviderCredential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ProviderCredential").field("kind", &self.kind).finish_non_exhaustive()
    }
}

/// What a subject may state: the column of a roster, and the member of a document.
pub(super) const MEMBERS: [(&str, &str); 24] = [
    ("kind", "kind"),
    ("npi", "npi"),
    ("licence_number", "licenceNumber"),
    ("name", "name"),
    ("jurisdiction", "jurisdiction"),
    ("authority", "authority"),
    ("home_state", "homeState"),
    ("compact", "compact"),
    ("licence_type", "licenceType"),
    ("status", "status"),
    ("standing", "standing"),
    ("issued_on", "issuedOn"),
    ("renewed_on", "renewedOn"),
    ("expires_on", "expiresOn"),
    ("taxonomy", "taxonomy"),
    ("board_status", "boardStatus"),
    ("dea_schedules", "deaSchedules"),
    ("dea_state", "deaState"),
    ("psv_process", "psvProcess"),
    ("psv_source", "psvSource"),
    ("psv_on", "psvOn"),
    ("next_check_on", "nextCheckOn"),
    ("exclusion_checked_on", "exclusionCheckedOn"),
    ("decided_on", "decidedOn"),
];

const UNENCUMBERED: &str = "unencumbered";
const EMPTY_STANDING: &str = "is an empty list: unencumbered says that there is no encumbrance";

/// Encumbrances; `unencumbered` alone says that there are none, and no statement says nothing.
pub(crate) fn read_standing(
    stated: &[Node<'_>],
) -> Result<Option<Mask<Standing>>, CredentialError> {
    match stated {
        [] => Ok(None),
        [only] if only.value == UNENCUMBERED => Ok(Some(Mask::default())),
        encumbrances => read_mask(encumbrances).map(Some),
    }
}

fn write_standing<S: serde::Serializer>(
    standing: &Option<Mask<Standing>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match standing {
        Some(mask) if mask.is_empty() => [UNENCUMBERED].serialize(serializer),
        other => other.serialize(serializer),
    }
}

const ADVANCED_NURSES: [&str; 4] = ["NP", "CNS", "CRNA", "CNM"];

impl ProviderCredential {
    /// A credential that states only what every one states.
    pub fn new(kind: Code<CredentialKind>, npi: Npi, name: Text) -> Self {
        Self {
            kind,
            npi,
            licence_number: None,
            name,
            jurisdiction: None,
            authority: None,
            home_state: None,
            compact: None,
            licence_type: None,
            status: None,
            standing: None,
            issued_on: None,
            renewed_on: None,
            expires_on: None,
            taxonomy: None,
            board_status: None,
            dea_schedules: Mask::default(),
            dea_state: None,
            psv_process: None,
            psv_source: None,
            psv_on: None,
            next_check_on: None,
            exclusion_checked_on: None,
            decided_on: None,
        }
    }

    pub(super) fn read(object: &Object<'_>, also: &[&str]) -> Result<Self, CredentialError> {
        object.only(&[&MEMBERS.map(|(_, member)| member)[..], also].concat())?;
        Ok(Self {
            kind: object.require("kind")?.parse()?,
            npi: object.require("npi")?.parse()?,
            licence_number: object.optional("licenceNumber")?,
            name: object.require("name")?.parse()?,
            jurisdiction: object.optional("jurisdiction")?,
            authority: object.optional("authority")?,
            home_state: object.optional("homeState")?,
            compact: object.optional("compact")?,
            licence_type: object.optional("licenceType")?,
            status: object.optional("status")?,
            standing: match object.get("standing") {
                Some(node) if node.items()?.is_empty() => return Err(node.refuse(EMPTY_STANDING)),
                Some(node) => read_standing(&node.items()?)?,
                None => None,
            },
            issued_on: object.optional("issuedOn")?,
            renewed_on: object.optional("renewedOn")?,
            expires_on: object.optional("expiresOn")?,
            taxonomy: object.optional("taxonomy")?,
            board_status: object.optional("boardStatus")?,
            dea_schedules: read_mask(&object.list("deaSchedules")?)?,
            dea_state: object.optional("deaState")?,
            psv_process: object.optional("psvProcess")?,
            psv_source: object.optional("psvSource")?,
            psv_on: object.optional("psvOn")?,
            next_check_on: object.optional("nextCheckOn")?,
            exclusion_checked_on: object.optional("exclusionCheckedOn")?,
            decided_on: object.optional("decidedOn")?,
        })
    }

    /// Checks the rules that hold between claims.
    ///
    /// # Errors
    /// The first claim that a rule requires, forbids or contradicts.
    pub fn validate(&self) -> Result<(), CredentialError> {
        let required = |claim: &str, present: bool| {
            if present {
                Ok(())
            } else {
                let kind = self.kind.word();
                Err(Rule::worded(format!("is required of a {kind}")).at(claim))
            }
        };
        match self.kind.word() {
            "licence" | "compact-privilege" => {
                required("licence_number", self.licence_number.is_some())?;
                required("jurisdiction", self.jurisdiction.is_some())?;
                required("authority", self.authority.is_some())?;
                required("licence_type", self.licence_type.is_some())?;
                required("status", self.status.is_some())?;
                required("issued_on", self.issued_on.is_some())?;
                required("expires_on", self.expires_on.is_some())?;
            }
            "board-certification" => {
                required("taxonomy", self.taxonomy.is_some())?;
                required("board_status", self.board_status.is_some())?;
            }
            "dea-registration" => {
                required("licence_number", self.licence_number.is_some())?;
                required("authority", self.authority.is_some())?;
                required("dea_mask", !self.dea_schedules.is_empty())?;
                required("dea_state", self.dea_state.is_some())?;
                required("status", self.status.is_some())?;
                required("expires_on", self.expires_on.is_some())?;
            }
            "exclusion-clear" => {
                required("exclusion_checked_on", self.exclusion_checked_on.is_some())?;
            }
            "malpractice-cover" | "hospital-privilege" => {
                required("expires_on", self.expires_on.is_some())?;
            }
            _ => {}
        }
        self.validate_authority()?;
        self.validate_days()?;
        if self.psv_process.is_some() != self.psv_source.is_some() {
            return Err(CredentialError::invalid(
                "psv_method",
                "needs both a process and a source",
            ));
        }
        Ok(())
    }

    fn validate_authority(&self) -> Result<(), CredentialError> {
        let authority = self.authority.map_or("", |authority| authority.word());
        let home_state_needed =
            matches!(authority, "nlc-multistate" | "purchased-compact-privilege");
        if home_state_needed && self.home_state.is_none() {
            return Err(CredentialError::invalid(
                "home_state",
                "is required of a multistate licence and of a compact privilege",
            ));
        }
        let advanced =
            self.licence_type.is_some_and(|licence| ADVANCED_NURSES.contains(&licence.word()));
        if authority == "nlc-multistate" && advanced {
            return Err(CredentialError::invalid(
                "licence_type",
                "is an advanced practice role, which the nurse licensure compact excludes",
            ));
        }
        if self.kind.is("compact-privilege") && authority != "purchased-compact-privilege" {
            return Err(CredentialError::invalid(
                "authority",
                "of a compact-privilege is purchased-compact-privilege",
            ));
        }
        if let Some(number) = &self.licence_number
            && self.kind.is("dea-registration")
            && authority == "federal"
        {
            check_dea_number(&number.normal_form()).map_err(|rule| rule.at("licence_number"))?;
        }
        Ok(())
    }

    fn validate_days(&self) -> Result<(), CredentialError> {
        let pairs = [
            ("issued_on", self.issued_on, "renewed_on", self.renewed_on),
            ("issued_on", self.issued_on, "expires_on", self.expires_on),
            ("renewed_on", self.renewed_on, "expires_on", self.expires_on),
            ("psv_on", self.psv_on, "next_check_on", self.next_check_on),
        ];
        for (earlier, first, later, last) in pairs {
            if let (Some(first), Some(last)) = (first, last)
                && last < first
            {
                return Err(Rule::worded(format!("is before {earlier}")).at(later));
            }
        }
        Ok(())
    }

    /// The claims, texts hashed under the credential's salt.
    ///
    /// # Errors
    /// Those of [`ProviderCredential::validate`].
    pub fn claims(&self, salt: &[u8; 16]) -> Result<Claims, CredentialError> {
        self.validate()?;
        let salt = Fr::from_be_bytes_mod_order(salt);
        let text = |slot, text: &Text| salted_text_claim(salt, slot, &text.normal_form());
        let number = |value: u64| Fr::from(value);
        let code = |integer: Option<u32>| Fr::from(integer.unwrap_or(0));
        let day = |day: &Option<Day>| or_zero(day, |day| u64::from(day.number()));
        let psv_method = self.psv_process.zip(self.psv_source);
        Ok(Claims([
            number(u64::from(self.kind.integer())),
            number(u64::from(self.npi.number())),
            self.licence_number
                .as_ref()
                .map_or(Fr::from(0u64), |licence_number| text(2, licence_number)),
            text(3, &self.name),
            code(self.jurisdiction.map(|state| state.integer())),
            code(self.authority.map(|authority| authority.integer())),
            code(self.home_state.map(|state| state.integer())),
            code(self.compact.map(|compact| compact.integer())),
            code(self.licence_type.map(|licence| licence.integer())),
            code(self.status.map(|status| status.integer())),
            number(self.standing.map_or(STANDING_NOT_STATED, |mask| mask.bits())),
            day(&self.issued_on),
            day(&self.renewed_on),
            day(&self.expires_on),
            or_zero(&self.taxonomy, |taxonomy| u64::from(taxonomy.prefix())),
            or_zero(&self.taxonomy, |taxonomy| u64::from(taxonomy.suffix())),
            code(self.board_status.map(|status| status.integer())),
            number(self.dea_schedules.bits()),
            code(self.dea_state.map(|state| state.integer())),
            code(psv_method.map(|(process, source)| process.integer() * 16 + source.integer())),
            day(&self.psv_on),
            day(&self.next_check_on),
            day(&self.exclusion_checked_on),
            day(&self.decided_on),
        ]))
    }
}

#[cfg(test)]
#[path = "provider_tests.rs"]
mod tests;
