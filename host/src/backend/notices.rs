//! What these rooms have to say to a person while they work, such as a warning before a library is opened. Whoever built
//! the host decides how it is shown; without anybody it is not said. Nothing is decided by it.

use std::fmt;
use std::sync::Arc;

/// One thing to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice<'a> {
    /// Something that the operator asked to be warned of.
    Warning {
        /// What is about to happen.
        text: &'a str,
        /// What to do about it.
        help: &'a str,
    },
    /// Something that works less well than it could.
    Note(&'a str),
}

type Listener = dyn Fn(&Notice<'_>) + Send + Sync;

/// Who listens.
#[derive(Clone, Default)]
pub struct Notices(Option<Arc<Listener>>);

impl Notices {
    /// Says everything to `listener`, at once.
    pub fn to(listener: impl Fn(&Notice<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(listener)))
    }

    /// Says one thing.
    pub(super) fn say(&self, notice: &Notice<'_>) {
        if let Some(listener) = &self.0 {
            listener(notice);
        }
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Notices(heard)" } else { "Notices(unheard)" })
    }
}
