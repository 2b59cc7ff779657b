//! The opened database: its folder, its lock, its options and its schema version.
//!
//! It knows tables and keys and nothing of what they mean.

use std::{
    fs::{File, TryLockError},
    io,
    ops::ControlFlow,
    path::{Path, PathBuf},
    sync::Arc,
};

use rocksdb::{
    BlockBasedOptions, BoundColumnFamily, Cache, ColumnFamilyDescriptor, DB, DBCompressionType,
    LogLevel, Options, ReadOptions, WriteBatch, WriteOptions, checkpoint::Checkpoint,
};

use super::{
    migrations,
    schema::{SCHEMA_KEY, SCHEMA_VERSION, Table},
};
use crate::store::StoreError;

/// Why a database could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The folder cannot be made or written.
    #[error("the data folder {} cannot be written", folder.display())]
    NotWritable {
        /// Which.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another relay has the folder open.
    #[error("the data folder {} is in use by another relay", folder.display())]
    Locked {
        /// Which.
        folder: PathBuf,
    },
    /// A newer version of the relay wrote the database.
    #[error(
        "the database was written by a newer version of the relay (its schema is {found}, this \
         version knows schemas up to {known}): update the relay"
    )]
    Newer {
        /// Its schema version.
        found: u32,
        /// The newest that is known.
        known: u32,
    },
    /// The row of the schema version does not parse.
    #[error("the database does not say which schema it has")]
    NoSchema,
    /// What an older version wrote cannot be brought up to date.
    #[error("the database could not be brought up to date")]
    Migration(#[source] StoreError),
    /// `RocksDB` failed.
    #[error("the database cannot be opened")]
    Database(#[source] rocksdb::Error),
}

/// Reading rows, the same in the database and in changes that are under way.
pub(super) trait Rows {
    /// The row with this key.
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;

    /// Shows the rows from `from` to before `below`, in order, until `visit` breaks off.
    fn visit(
        &self,
        table: Table,
        from: &[u8],
        below: &[u8],
        visit: &mut Visitor<'_>,
    ) -> Result<(), StoreError>;
}

/// Is shown a key and its value; says whether to go on.
pub(super) type Visitor<'a> = dyn FnMut(&[u8], &[u8]) -> Result<ControlFlow<()>, StoreError> + 'a;

/// The database of one relay.
pub(super) struct Database {
    db: DB,
    folder: PathBuf,
    /// Held until the database is closed: fields are dropped in this order.
    _lock: File,
}

impl Database {
    /// Opens the database in `folder`, or makes one.
    pub(super) fn open(folder: &Path) -> Result<Self, OpenError> {
        Self::open_with(folder, &database_options())
    }

    /// Opens the database with other options than usual.
    pub(super) fn open_with(folder: &Path, options: &Options) -> Result<Self, OpenError> {
        let lock = lock_folder(folder)?;
        let found = stored_schema(folder)?;
        if let Some(found) = found.filter(|found| *found > SCHEMA_VERSION) {
            return Err(OpenError::Newer { found, known: SCHEMA_VERSION });
        }
        let cache = Cache::new_lru_cache(BLOCK_CACHE_BYTES);
        let tables = Table::ALL
            .map(|table| ColumnFamilyDescriptor::new(table.name(), table_options(table, &cache)));
        let db = DB::open_cf_descriptors(options, folder, tables).map_err(OpenError::Database)?;
        let database = Self { db, folder: folder.to_owned(), _lock: lock };
        database.bring_up_to_date(found.unwrap_or(SCHEMA_VERSION))?;
        Ok(database)
    }

    /// What a schema needs to become the present one, and its version, in one batch.
    fn bring_up_to_date(&self, found: u32) -> Result<(), OpenError> {
        let steps = migrations::steps(self, found).map_err(OpenError::Migration)?;
        let mut batch = steps.unwrap_or_default();
        batch.put(SCHEMA_KEY, SCHEMA_VERSION.to_be_bytes());
        self.write(batch, true).map_err(OpenError::Database)
    }

    /// Where it is.
    pub(super) fn folder(&self) -> &Path {
        &self.folder
    }

    /// The handle that a batch names a table by.
    pub(super) fn family(&self, table: Table) -> Result<Arc<BoundColumnFamily<'_>>, StoreError> {
        self.db.cf_handle(table.name()).ok_or(StoreError::Corrupt("table"))
    }

    /// Writes a batch: all or nothing, and on disk when this returns if `sync`.
    pub(super) fn write(&self, batch: WriteBatch, sync: bool) -> Result<(), rocksdb::Error> {
        self.db.write_opt(batch, &synced(sync))
    }

    /// Writes a copy of everything that is written into `folder`, which must not exist.
    pub(super) fn copy_to(&self, folder: &Path) -> Result<(), StoreError> {
        if folder.exists() {
            let error = io::Error::from(io::ErrorKind::AlreadyExists);
            return Err(StoreError::Database(Box::new(error)));
        }
        Checkpoint::new(&self.db)
            .and_then(|checkpoint| checkpoint.create_checkpoint(folder))
            .map_err(failed)
    }

    /// Moves everything out of the log into tables, so that the next start has nothing to replay.
    pub(super) fn flush(&self) -> Result<(), StoreError> {
        for table in Table::ALL {
            self.db.flush_cf(&self.family(table)?).map_err(failed)?;
        }
        self.db.flush_wal(true).map_err(failed)
    }

    /// The bytes of the files in the folder.
    pub(super) fn disk_bytes(&self) -> Result<u64, StoreError> {
        let failed = |error: io::Error| StoreError::Database(Box::new(error));
        let mut bytes = 0;
        for file in std::fs::read_dir(&self.folder).map_err(failed)? {
            // A file that compaction has deleted meanwhile has no bytes.
            bytes += file.map_err(failed)?.metadata().map_or(0, |about| about.len());
        }
        Ok(bytes)
    }
}

impl Rows for Database {
    fn get(&self, table: Table, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.db.get_cf(&self.family(table)?, key).map_err(failed)
    }

    fn visit(
        &self,
        table: Table,
        from: &[u8],
        below: &[u8],
        visit: &mut Visitor<'_>,
    ) -> Result<(), StoreError> {
        let mut options = ReadOptions::default();
        options.set_iterate_upper_bound(below);
        let mut rows = self.db.raw_iterator_cf_opt(&self.family(table)?, options);
        rows.seek(from);
        while let Some((key, value)) = rows.item() {
            if visit(key, value)?.is_break() {
                return Ok(());
            }
            rows.next();
        }
        rows.status().map_err(failed)
    }
}

/// The database's error as the store's.
pub(super) fn failed(error: rocksdb::Error) -> StoreError {
    StoreError::Database(Box::new(error))
}

fn lock_folder(folder: &Path) -> Result<File, OpenError> {
    let not_writable = |source| OpenError::NotWritable { folder: folder.to_owned(), source };
    make_private_folder(folder).map_err(not_writable)?;
    let lock = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join("relay.lock"))
        .map_err(not_writable)?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(OpenError::Locked { folder: folder.to_owned() }),
        Err(TryLockError::Error(source)) => Err(not_writable(source)),
    }
}

fn make_private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

/// The schema version of the database in `folder`, if there is one; nothing in it is touched.
fn stored_schema(folder: &Path) -> Result<Option<u32>, OpenError> {
    if !folder.join("CURRENT").exists() {
        return Ok(None);
    }
    let mut options = Options::default();
    quieten(&mut options);
    let db = DB::open_for_read_only(&options, folder, false).map_err(OpenError::Database)?;
    match db.get(SCHEMA_KEY).map_err(OpenError::Database)? {
        // The relay died while it made the database.
        None => Ok(None),
        Some(row) => {
            let version = row.try_into().map_err(|_| OpenError::NoSchema)?;
            Ok(Some(u32::from_be_bytes(version)))
        }
    }
}

const BLOCK_CACHE_BYTES: usize = 64 * 1024 * 1024;
/// What all tables together hold in memory before it is written out.
const WRITE_BUFFERS_BYTES: usize = 64 * 1024 * 1024;
const TABLE_WRITE_BUFFER_BYTES: usize = 16 * 1024 * 1024;
/// Bounds what a start after a crash has to replay.
const LOG_BYTES: u64 = 128 * 1024 * 1024;
const OPEN_FILES: i32 = 256;

/// The options of the whole database.
pub(super) fn database_options() -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_max_open_files(OPEN_FILES);
    options.set_db_write_buffer_size(WRITE_BUFFERS_BYTES);
    options.set_max_total_wal_size(LOG_BYTES);
    options.set_max_background_jobs(2);
    quieten(&mut options);
    options
}

fn quieten(options: &mut Options) {
    options.set_log_level(LogLevel::Warn);
    options.set_keep_log_file_num(2);
    options.set_max_log_file_size(1024 * 1024);
    options.set_stats_dump_period_sec(0);
    options.set_stats_persist_period_sec(0);
}

fn table_options(table: Table, cache: &Cache) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    blocks.set_bloom_filter(10.0, false);
    let mut options = Options::default();
    options.set_block_based_table_factory(&blocks);
    options.set_write_buffer_size(TABLE_WRITE_BUFFER_BYTES);
    // Ciphertext does not compress.
    options.set_compression_type(match table {
        Table::Entries | Table::RoomLog => DBCompressionType::None,
        _ => DBCompressionType::Lz4,
    });
    // A queue leaves tombstones before its head; a file that is mostly these is compacted soon,
    // which also takes what was consumed off the disk.
    options.add_compact_on_deletion_collector_factory(4096, 1024, 0.5);
    options
}

fn synced(sync: bool) -> WriteOptions {
    let mut options = WriteOptions::default();
    options.set_sync(sync);
    options
}
