//! Where the sealed bytes are kept.

/// A place for one sealed wallet.
pub trait VaultStore {
    /// Replaces the stored bytes. After `Ok`, a crash of the process or the machine keeps the new
    /// bytes; after an error, the old or the new bytes stand, whole.
    ///
    /// # Errors
    /// Whatever the medium refuses.
    fn save(&mut self, sealed: &[u8]) -> std::io::Result<()>;

    /// Writes `record` behind the first `at` of the stored bytes, which stay as they are. After
    /// `Ok`, a crash of the process or the machine keeps the record; after an error or a crash in
    /// between, any part of it may stand there. Behind the record zeros may follow.
    ///
    /// # Errors
    /// Whatever the medium refuses.
    fn append(&mut self, at: u64, record: &[u8]) -> std::io::Result<()>;
}

/// Bytes that are gone with the process.
#[derive(Debug, Default)]
pub struct MemoryStore(Vec<u8>);

impl MemoryStore {
    /// What is stored.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl VaultStore for MemoryStore {
    fn save(&mut self, sealed: &[u8]) -> std::io::Result<()> {
        self.0 = sealed.to_vec();
        Ok(())
    }

    fn append(&mut self, at: u64, record: &[u8]) -> std::io::Result<()> {
        self.0.truncate(usize::try_from(at).map_err(std::io::Error::other)?);
        self.0.extend_from_slice(record);
        Ok(())
    }
}

#[cfg(feature = "file")]
pub use file::FileStore;

#[cfg(feature = "file")]
mod file {
    use super::VaultStore;
    use std::ffi::OsString;
    use std::fs::{self, File, OpenOptions, TryLockError};
    use std::io::{self, Seek, SeekFrom, Write};
    use std::path::{Path, PathBuf};

    /// Zeros that are kept behind what is stored: a record that takes their place changes neither
    /// the file's length nor where it lies on the disk, so that less is to be made durable.
    const ROOM: usize = 64 * 1024;

    /// A sealed wallet in a file, locked against other processes for as long as this lives: two
    /// writers could each use the same one-time key.
    #[derive(Debug)]
    pub struct FileStore {
        path: PathBuf,
        /// The file and its length, once it was written to.
        open: Option<(File, u64)>,
        _lock: File,
    }

    impl FileStore {
        /// The store at `path`; the file need not exist yet, its folder must.
        ///
        /// # Errors
        /// [`io::ErrorKind::WouldBlock`] if another process has the wallet open; else what the
        /// file system refuses.
        pub fn open(path: impl Into<PathBuf>) -> io::Result<Self> {
            let path = path.into();
            let lock = owner_only().create(true).truncate(false).open(beside(&path, ".lock"))?;
            match lock.try_lock() {
                Ok(()) => Ok(Self { path, open: None, _lock: lock }),
                Err(TryLockError::WouldBlock) => Err(io::Error::new(
                    io::ErrorKind::WouldBlock,
                    "another process has the wallet open",
                )),
                Err(TryLockError::Error(error)) => Err(error),
            }
        }

        /// The file.
        pub fn path(&self) -> &Path {
            &self.path
        }

        /// The stored bytes, zeros behind them; none if nothing was stored yet.
        ///
        /// # Errors
        /// What the file system refuses.
        pub fn load(&self) -> io::Result<Option<Vec<u8>>> {
            match fs::read(&self.path) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                other => other.map(Some),
            }
        }
    }

    impl VaultStore for FileStore {
        fn save(&mut self, sealed: &[u8]) -> io::Result<()> {
            self.open = None;
            let staging = beside(&self.path, ".partial");
            let mut file = owner_only().create(true).truncate(true).open(&staging)?;
            let length = write_with_room(&mut file, 0, sealed)?;
            fs::rename(&staging, &self.path)?;
            sync_folder_of(&self.path)?;
            self.open = Some((file, length));
            Ok(())
        }

        fn append(&mut self, at: u64, record: &[u8]) -> io::Result<()> {
            // After a failure the file is looked at anew.
            let (mut file, mut length) = match self.open.take() {
                Some(open) => open,
                None => {
                    let file = owner_only().open(&self.path)?;
                    let length = file.metadata()?.len();
                    (file, length)
                }
            };
            if at > length {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "a record past the end"));
            }
            if at + record.len() as u64 > length {
                length = write_with_room(&mut file, at, record)?;
            } else {
                file.seek(SeekFrom::Start(at))?;
                file.write_all(record)?;
                file.sync_data()?;
            }
            self.open = Some((file, length));
            Ok(())
        }
    }

    /// Writes durably at a place, with zeros after it: the file's new length.
    fn write_with_room(file: &mut File, at: u64, bytes: &[u8]) -> io::Result<u64> {
        file.seek(SeekFrom::Start(at))?;
        file.write_all(bytes)?;
        file.write_all(&[0; ROOM])?;
        file.sync_all()?;
        Ok(at + (bytes.len() + ROOM) as u64)
    }

    fn beside(path: &Path, suffix: &str) -> PathBuf {
        let mut name = path.file_name().map_or_else(OsString::new, OsString::from);
        name.push(suffix);
        path.with_file_name(name)
    }

    fn owner_only() -> OpenOptions {
        let mut options = OpenOptions::new();
        options.write(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options
    }

    /// Makes the rename durable, where the platform can.
    fn sync_folder_of(path: &Path) -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        if cfg!(unix) {
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        }
        Ok(())
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn keeps_the_last_bytes_and_nothing_beside_them() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("wallet");
            let mut store = FileStore::open(&path).unwrap();
            assert_eq!(store.load().unwrap(), None);
            store.save(b"one").unwrap();
            store.save(b"two").unwrap();
            assert_eq!(without_room(&store), b"two");
            assert!(!beside(&path, ".partial").exists());
        }

        fn without_room(store: &FileStore) -> Vec<u8> {
            let mut bytes = store.load().unwrap().unwrap();
            bytes.truncate(bytes.iter().rposition(|byte| *byte != 0).unwrap() + 1);
            bytes
        }

        #[test]
        fn records_stand_behind_what_was_saved_also_when_the_file_is_opened_again() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("wallet");
            let mut store = FileStore::open(&path).unwrap();
            assert!(store.append(0, b"one").is_err(), "nothing was saved");
            store.save(b"saved").unwrap();
            store.append(5, b", one").unwrap();
            drop(store);
            let mut store = FileStore::open(&path).unwrap();
            store.append(10, b", two").unwrap();
            assert_eq!(without_room(&store), b"saved, one, two");
            let past_the_end = store.append(20 + ROOM as u64, b"x").unwrap_err();
            assert_eq!(past_the_end.kind(), io::ErrorKind::InvalidInput);
            store.append(15, b", three").unwrap();
            assert_eq!(without_room(&store), b"saved, one, two, three");
            store.save(b"saved").unwrap();
            assert_eq!(without_room(&store), b"saved");
        }

        #[test]
        fn a_record_that_finds_no_room_makes_it() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("wallet");
            let mut store = FileStore::open(&path).unwrap();
            store.save(b"saved").unwrap();
            let long = vec![7; ROOM - 10];
            let (first, second) = (5, 5 + long.len() as u64);
            for at in [first, second, second + long.len() as u64] {
                store.append(at, &long).unwrap();
            }
            assert_eq!(without_room(&store), [b"saved".as_slice(), &[7; 3 * (ROOM - 10)]].concat());
        }

        #[test]
        fn a_second_opener_is_refused_until_the_first_is_done() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("wallet");
            let first = FileStore::open(&path).unwrap();
            let second = FileStore::open(&path);
            assert_eq!(second.unwrap_err().kind(), io::ErrorKind::WouldBlock);
            drop(first);
            assert!(FileStore::open(&path).is_ok());
        }

        #[cfg(unix)]
        #[test]
        fn only_the_owner_may_read_the_file() {
            use std::os::unix::fs::PermissionsExt;
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("wallet");
            FileStore::open(&path).unwrap().save(b"one").unwrap();
            let mode = fs::metadata(&path).unwrap().permissions().mode();
            assert_eq!(mode & 0o077, 0);
        }

        #[test]
        fn a_folder_that_is_missing_is_an_error() {
            let folder = tempfile::tempdir().unwrap();
            assert!(FileStore::open(folder.path().join("missing/wallet")).is_err());
        }
    }
}
