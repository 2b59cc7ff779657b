//! The counts of what there is, kept in one row that every change of them updates.

use super::{
    changes::Changes,
    database::Rows,
    rows::{census_from_row, census_to_row},
    schema::{CENSUS_KEY, Table},
};
use crate::store::{Census, StoreError};

/// The counts; the bytes on disk are not among them.
pub(super) fn load(rows: &impl Rows) -> Result<Census, StoreError> {
    match rows.get(Table::Meta, CENSUS_KEY)? {
        Some(row) => census_from_row(&row),
        None => Ok(Census::default()),
    }
}

/// Changes the counts.
pub(super) fn adjust(
    changes: &mut Changes<'_>,
    adjust: impl FnOnce(&mut Census),
) -> Result<(), StoreError> {
    let mut census = load(changes)?;
    adjust(&mut census);
    changes.put(Table::Meta, CENSUS_KEY.to_vec(), census_to_row(census));
    Ok(())
}
