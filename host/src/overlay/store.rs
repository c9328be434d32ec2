//! The cache behind the grant `store`: each overlay has a shelf of its own, all shelves together have one bound. What was
//! written longest ago goes first. It lives as long as the host.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::{Error, Result};

/// What an entry costs beside its texts.
const ENTRY_BYTES: u64 = 256;

/// All shelves.
#[derive(Clone, Debug)]
pub struct Store(Arc<Mutex<Inner>>);

#[derive(Debug)]
struct Inner {
    most_bytes: u64,
    bytes: u64,
    /// Counts writes.
    written: u64,
    values: HashMap<(String, String), Value>,
    /// Values by the time of their writing.
    order: BTreeMap<u64, (String, String)>,
}

#[derive(Debug)]
struct Value {
    bytes: Arc<[u8]>,
    written: u64,
}

/// One overlay's part.
#[derive(Clone, Debug)]
pub struct Shelf {
    store: Store,
    overlay: String,
}

impl Store {
    /// At most so many bytes of keys and values.
    pub fn new(most_bytes: u64) -> Self {
        let (values, order) = (HashMap::new(), BTreeMap::new());
        Self(Arc::new(Mutex::new(Inner { most_bytes, bytes: 0, written: 0, values, order })))
    }

    /// The shelf of an overlay, by name: a new version finds what the old one left.
    pub fn shelf(&self, overlay: &str) -> Shelf {
        Shelf { store: self.clone(), overlay: overlay.to_owned() }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shelf {
    /// A value, if it is there.
    pub fn get(&self, key: &str) -> Option<Arc<[u8]>> {
        let place = (self.overlay.clone(), key.to_owned());
        self.store.inner().values.get(&place).map(|value| Arc::clone(&value.bytes))
    }

    /// Keeps a value; older ones go where there is no room.
    ///
    /// # Errors
    /// A value that is larger than the whole store.
    pub fn put(&self, key: &str, bytes: Vec<u8>) -> Result<()> {
        let mut inner = self.store.inner();
        let place = (self.overlay.clone(), key.to_owned());
        let (size, most) = (size_of(&place, bytes.len()), inner.most_bytes);
        if size > most {
            return Err(Error::limit(format!(
                "store value `{key}` takes {size} bytes with its key, {most} are allowed"
            ))
            .hint("raise limits.store_bytes, or keep smaller values"));
        }
        inner.remove(&place);
        while inner.bytes + size > most {
            let Some((_, oldest)) = inner.order.first_key_value() else { break };
            let oldest = oldest.clone();
            inner.remove(&oldest);
        }
        inner.written += 1;
        inner.bytes += size;
        let written = inner.written;
        inner.order.insert(written, place.clone());
        inner.values.insert(place, Value { bytes: bytes.into(), written });
        Ok(())
    }

    /// Takes a value away; whether it was there.
    pub fn delete(&self, key: &str) -> bool {
        self.store.inner().remove(&(self.overlay.clone(), key.to_owned()))
    }
}

impl Inner {
    fn remove(&mut self, place: &(String, String)) -> bool {
        let Some(value) = self.values.remove(place) else { return false };
        self.bytes -= size_of(place, value.bytes.len());
        self.order.remove(&value.written);
        true
    }
}

/// With what the maps need for an entry, about.
fn size_of(place: &(String, String), bytes: usize) -> u64 {
    ENTRY_BYTES + (place.0.len() + place.1.len() + bytes) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shelves_are_apart_and_the_oldest_goes_first() {
        let store = Store::new(10 + 3 * (ENTRY_BYTES + 1));
        let (a, b) = (store.shelf("a"), store.shelf("b"));
        a.put("k", vec![1; 3]).expect("4 of 10, and an entry");
        b.put("k", vec![2; 3]).expect("8 of 10, and two entries");
        assert_eq!(a.get("k").as_deref(), Some(&[1, 1, 1][..]));
        assert_eq!(b.get("k").as_deref(), Some(&[2, 2, 2][..]));
        a.put("m", vec![3]).expect("10 of 10");
        a.put("k", vec![4; 3]).expect("in its own place");
        assert!(b.get("k").is_some() && a.get("m").is_some());
        a.put("n", vec![5]).expect("the oldest goes");
        assert!(b.get("k").is_none() && a.get("k").is_some());
        assert!(a.put("k", vec![0; 1000]).is_err(), "never");
        assert!(a.get("k").is_some(), "what was refused changed nothing");
        assert!(a.delete("k") && !a.delete("k"));
    }
}
