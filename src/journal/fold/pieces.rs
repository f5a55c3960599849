//! Values that may be larger than the store can hold in one.
//!
//! Owns how such a value is cut into pieces and put together again.

use super::keys;
use crate::journal::store::{Batch, Store, StoreError};

/// Puts a value together; `None` when it is not there.
///
/// # Errors
/// When the store fails.
pub(in crate::journal) fn read(store: &Store, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let mut value = None;
    for pair in store.scan(key, key) {
        value.get_or_insert_with(Vec::new).extend_from_slice(&pair?.1);
    }
    Ok(value)
}

/// Writes a value in pieces, and removes the pieces of a longer one before it.
///
/// # Errors
/// When the store fails.
pub(in crate::journal) fn write(
    store: &Store,
    batch: &mut Batch,
    key: &[u8],
    value: &[u8],
) -> Result<(), StoreError> {
    let pieces = value.chunks(PIECE_BYTES_MAX).zip(0..);
    let mut next = 0;
    for (piece, number) in pieces {
        batch.put(keys::piece(key, number), piece.to_vec());
        next = number + 1;
    }
    for pair in store.scan(key, &keys::piece(key, next)) {
        batch.remove(pair?.0.to_vec());
    }
    Ok(())
}

/// The most bytes of a piece.
const PIECE_BYTES_MAX: usize = 60 << 10;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_value_of_any_size_is_read_as_it_was_written_also_over_a_longer_one() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path(), 8 << 20).unwrap();
        assert_eq!(read(&store, b"wa").unwrap(), None);
        for length in [1, PIECE_BYTES_MAX * 3 + 1, PIECE_BYTES_MAX, 5] {
            let value: Vec<u8> = (0..length).map(|n| n as u8).collect();
            let mut batch = Batch::default();
            write(&store, &mut batch, b"wa", &value).unwrap();
            write(&store, &mut batch, b"wb", b"neighbour").unwrap();
            store.apply(batch).unwrap();
            assert_eq!(read(&store, b"wa").unwrap().unwrap(), value);
        }
        assert_eq!(read(&store, b"wb").unwrap().unwrap(), b"neighbour");
    }
}
