//! The container of iden3's binary files: a magic word, a version, and numbered sections, each
//! with its length. All integers are little-endian.

use crate::KeyError;

/// Bytes of a field element or a coordinate.
pub(super) const ELEMENT: usize = 32;
/// More sections than any of the formats has.
const MAX_SECTIONS: u32 = 16;

/// A file that is being written.
pub(super) struct Writer {
    bytes: Vec<u8>,
}

impl Writer {
    /// A file of this type and version that will have so many sections.
    pub(super) fn new(magic: &[u8; 4], version: u32, sections: u32) -> Self {
        let mut bytes = magic.to_vec();
        bytes.extend(version.to_le_bytes());
        bytes.extend(sections.to_le_bytes());
        Self { bytes }
    }

    /// Appends a section.
    pub(super) fn section(&mut self, id: u32, content: &[u8]) {
        self.bytes.extend(id.to_le_bytes());
        self.bytes.extend((content.len() as u64).to_le_bytes());
        self.bytes.extend(content);
    }

    /// The file.
    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }
}

/// The sections of a file, each of which occurs once.
pub(super) struct Sections<'a> {
    file: &'static str,
    sections: Vec<(u32, &'a [u8])>,
}

impl<'a> Sections<'a> {
    /// Splits a file of this type and version, called `file` in errors.
    ///
    /// # Errors
    /// [`KeyError::Malformed`] if it is another file, a section occurs twice, or the lengths do
    /// not add up to the file's.
    pub(super) fn read(
        file: &'static str,
        magic: &[u8; 4],
        version: u32,
        bytes: &'a [u8],
    ) -> Result<Self, KeyError> {
        let mut rest = Cursor { file, bytes };
        if rest.take(4)? != magic {
            return Err(rest.malformed("it is a file of another type"));
        }
        if rest.u32()? != version {
            return Err(rest.malformed("it is of another format version"));
        }
        let count = rest.u32()?;
        if count > MAX_SECTIONS {
            return Err(rest.malformed("it has too many sections"));
        }
        let mut sections: Vec<(u32, &[u8])> = Vec::new();
        for _ in 0..count {
            let id = rest.u32()?;
            let len = usize::try_from(rest.u64()?)
                .map_err(|_| rest.malformed("a section is too long"))?;
            let content = rest.take(len)?;
            if sections.iter().any(|(known, _)| *known == id) {
                return Err(rest.malformed("a section occurs twice"));
            }
            sections.push((id, content));
        }
        rest.finish()?;
        Ok(Self { file, sections })
    }

    /// Refuses sections other than these.
    pub(super) fn only(&self, known: &[u32]) -> Result<(), KeyError> {
        match self.sections.iter().all(|(id, _)| known.contains(id)) {
            true => Ok(()),
            false => Err(KeyError::Malformed { key: self.file, rule: "it has a foreign section" }),
        }
    }

    /// The section with this number, called `name` in errors.
    pub(super) fn section(&self, id: u32, name: &'static str) -> Result<Cursor<'a>, KeyError> {
        match self.sections.iter().find(|(found, _)| *found == id) {
            Some((_, bytes)) => Ok(Cursor { file: name, bytes }),
            None => Err(KeyError::Malformed { key: name, rule: "it is missing" }),
        }
    }
}

/// Reads values one after the other.
pub(super) struct Cursor<'a> {
    file: &'static str,
    bytes: &'a [u8],
}

impl<'a> Cursor<'a> {
    /// The error for a broken `rule`.
    pub(super) fn malformed(&self, rule: &'static str) -> KeyError {
        KeyError::Malformed { key: self.file, rule }
    }

    /// Bytes that are left.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The next `len` bytes.
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], KeyError> {
        let (head, tail) =
            self.bytes.split_at_checked(len).ok_or_else(|| self.malformed("it is cut short"))?;
        self.bytes = tail;
        Ok(head)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], KeyError> {
        let bytes = self.take(N)?;
        bytes.try_into().map_err(|_| self.malformed("it is cut short"))
    }

    /// The next 32-bit number.
    pub(super) fn u32(&mut self) -> Result<u32, KeyError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// The next 64-bit number.
    pub(super) fn u64(&mut self) -> Result<u64, KeyError> {
        Ok(u64::from_le_bytes(self.array()?))
    }

    /// The bytes of the next element.
    pub(super) fn element(&mut self) -> Result<[u8; ELEMENT], KeyError> {
        self.array()
    }

    /// Checks that nothing is left.
    pub(super) fn finish(self) -> Result<(), KeyError> {
        match self.bytes.is_empty() {
            true => Ok(()),
            false => Err(self.malformed("bytes follow its end")),
        }
    }
}
