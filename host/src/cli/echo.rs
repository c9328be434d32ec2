//! Log lines for people, where `-v` asks for them.

use tracing_subscriber::Layer as _;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::invoke::EchoLayer;

/// The layer that writes them to stderr.
pub(super) fn layer(verbose: u8) -> Option<EchoLayer> {
    let level = match verbose {
        0 => return None,
        1 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    let filter = tracing_subscriber::filter::LevelFilter::from_level(level);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).without_time().with_ansi(false);
    Some(layer.with_filter(filter).boxed())
}

/// Writes the lines of everything that happens outside a run; a run has its own subscriber, which keeps them too.
pub(super) fn install(verbose: u8) {
    if let Some(layer) = layer(verbose) {
        // There is none yet: this is called once, first of all.
        let _ = tracing::subscriber::set_global_default(tracing_subscriber::Registry::default().with(layer));
    }
}
