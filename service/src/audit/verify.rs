//! Whether an exported file is the log that was kept: nothing changed, lost, added or moved.

use std::io::{BufRead, Read};

use super::{Entry, Format, Head};
use crate::TenantId;

/// Longest line, bytes: well above what the longest entry takes in any format.
const LONGEST_LINE: u64 = 64 * 1024;

/// What is known of a log from elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// Whose log it should be; that of the first entry if nothing is known.
    pub tenant: Option<TenantId>,
    /// Heads that it had at some time, such as from the ledger. A file must reach to the last of
    /// them. Without any, entries missing at a file's end are not missed, and a log that was made
    /// up as a whole, hashes and all, is not found out.
    pub heads: Vec<Head>,
}

/// What was found to be in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// What the file is written as.
    pub format: Format,
    /// Whose log; none if the file has no entries.
    pub tenant: Option<TenantId>,
    /// How many entries it has.
    pub entries: u64,
    /// Its last entry.
    pub head: Head,
    /// How many of the known heads it was compared with.
    pub heads: usize,
}

/// What is wrong at an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The line is not what an export writes.
    #[error("is not as it was exported")]
    Unreadable,
    /// It is not there, or later entries stand before it.
    #[error("is missing or not in its place")]
    Missing,
    /// In its place stands one that came before.
    #[error("is preceded by an entry that came before")]
    Repeated,
    /// It is of another tenant.
    #[error("is of another tenant")]
    ForeignTenant,
    /// It does not have the content that its hash says.
    #[error("was changed")]
    Changed,
    /// The entry before is not the one that it followed.
    #[error("does not follow the entry before it")]
    NotLinked,
    /// It is not the entry that was the head.
    #[error("is not the one that is known")]
    NotKnown,
    /// The file goes on behind its end.
    #[error("comes after the end of the file")]
    AfterEnd,
}

/// Why a file is not the log that was kept.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The file cannot be read.
    #[error("the file cannot be read: {}", .0.kind())]
    Io(#[from] std::io::Error),
    /// The file does not begin as an export does.
    #[error("the file is not an exported audit log")]
    NotAnExport,
    /// Something is wrong at an entry; all before it is in order.
    #[error("entry {sequence} {fault}")]
    Broken {
        /// The first entry that is not in order.
        sequence: u64,
        /// What is wrong.
        fault: Fault,
    },
}

/// Checks a file, and hands over every entry that is in order so far. Takes the memory of one
/// entry, however long the file.
///
/// A file may begin with a later entry than the first if the one before is a known head.
///
/// # Errors
/// [`VerifyError`], which names the first entry that is not in order.
pub fn verify(
    file: impl BufRead,
    known: &Known,
    mut each: impl FnMut(&Entry),
) -> Result<Verified, VerifyError> {
    let mut lines = Lines { file };
    let opening = lines.next()?.ok_or(VerifyError::NotAnExport)?;
    let begins =
        |is_empty| Format::ALL.into_iter().find(|format| opening == format.opening(is_empty));
    let (format, mut is_open) = match (begins(false), begins(true)) {
        (Some(format), _) => (format, true),
        (None, Some(format)) => (format, false),
        (None, None) => return Err(VerifyError::NotAnExport),
    };
    let mut chain = Chain::new(known);
    while let Some(line) = lines.next()? {
        let sequence = chain.next();
        if !is_open {
            return Err(VerifyError::Broken { sequence, fault: Fault::AfterEnd });
        }
        if chain.entries > 0 && format.closing() == Some(line.as_str()) {
            is_open = false;
            continue;
        }
        let separator = if chain.entries == 0 { "" } else { format.separator() };
        let entry = line.strip_prefix(separator).and_then(|line| format.read(line));
        let entry = entry.ok_or(VerifyError::Broken { sequence, fault: Fault::Unreadable })?;
        chain.follow(&entry)?;
        each(&entry);
    }
    if is_open && format.closing().is_some() {
        return Err(VerifyError::Broken { sequence: chain.next(), fault: Fault::Missing });
    }
    chain.end(format)
}

/// The chain so far.
struct Chain<'a> {
    known: &'a Known,
    tenant: Option<TenantId>,
    head: Option<Head>,
    entries: u64,
    heads: usize,
}

impl<'a> Chain<'a> {
    fn new(known: &'a Known) -> Self {
        Self { known, tenant: known.tenant.clone(), head: None, entries: 0, heads: 0 }
    }

    /// The sequence that the next entry has to have, as far as is known.
    fn next(&self) -> u64 {
        self.head.map_or(1, |head| head.sequence.saturating_add(1))
    }

    fn follow(&mut self, entry: &Entry) -> Result<(), VerifyError> {
        let before = self.head.unwrap_or_else(|| self.beginning(entry));
        let sequence = before.sequence.saturating_add(1);
        let tenant = self.tenant.get_or_insert_with(|| entry.tenant.clone());
        let fault = if *tenant != entry.tenant {
            Some(Fault::ForeignTenant)
        } else if entry.sequence > sequence {
            Some(Fault::Missing)
        } else if entry.sequence < sequence {
            Some(Fault::Repeated)
        } else if entry.digest() != entry.hash {
            Some(Fault::Changed)
        } else if entry.previous != before.hash {
            Some(Fault::NotLinked)
        } else {
            None
        };
        if let Some(fault) = fault {
            return Err(VerifyError::Broken { sequence, fault });
        }
        for head in self.known.heads.iter().filter(|head| head.sequence == sequence) {
            if *head != entry.head() {
                return Err(VerifyError::Broken { sequence, fault: Fault::NotKnown });
            }
            self.heads += 1;
        }
        self.head = Some(entry.head());
        self.entries += 1;
        Ok(())
    }

    /// Behind which head a file begins whose first entry is this.
    fn beginning(&self, entry: &Entry) -> Head {
        let heads = self.known.heads.iter().copied();
        heads.filter(|head| head.sequence < entry.sequence).max().unwrap_or(Head::EMPTY)
    }

    fn end(self, format: Format) -> Result<Verified, VerifyError> {
        let last = self.known.heads.iter().map(|head| head.sequence).max().unwrap_or(0);
        let head = self.head.unwrap_or(Head::EMPTY);
        if last > head.sequence {
            return Err(VerifyError::Broken { sequence: self.next(), fault: Fault::Missing });
        }
        let tenant = self.head.and(self.tenant);
        Ok(Verified { format, tenant, entries: self.entries, head, heads: self.heads })
    }
}

/// The lines of a file, each of which has to have an end.
struct Lines<R> {
    file: R,
}

impl<R: BufRead> Lines<R> {
    /// The next line, without its end. What is no line that an export has comes back as an empty
    /// one, which none has.
    fn next(&mut self) -> Result<Option<String>, VerifyError> {
        let mut line = Vec::new();
        (&mut self.file).take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        if line.is_empty() {
            return Ok(None);
        }
        let ends = line.pop() == Some(b'\n');
        let line = String::from_utf8(line).ok().filter(|_| ends);
        Ok(Some(line.unwrap_or_default()))
    }
}
