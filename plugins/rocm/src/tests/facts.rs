//! The architecture out of the properties of a device, whatever their layout, and versions.

use crate::compile::options;
use crate::find::{architecture, is_architecture};
use crate::sys::{PROPERTIES_ROOM, version};

/// Properties with a text at a place, and a name that could be taken for an architecture.
fn properties(at: usize, text: &str) -> Vec<u8> {
    let mut bytes = vec![0u8; PROPERTIES_ROOM];
    bytes[..7].copy_from_slice(b"gfx1234");
    // Numbers between the members.
    bytes[260..300].fill(0x67);
    bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
    bytes
}

#[test]
fn the_architecture_is_found_in_either_layout() {
    for at in [396, 1160, 1168] {
        for arch in ["gfx906", "gfx90a:sramecc+:xnack-", "gfx1100", "gfx942:sramecc+:xnack-"] {
            assert_eq!(architecture(&properties(at, arch)).as_deref(), Some(arch), "{at}");
        }
    }
}

#[test]
fn what_is_no_architecture_is_not_taken_for_one() {
    for odd in ["", "gfx", "gfx9 ", "gfx90a;rm", "gfx90a:", "gfx90a:xnack", "sm_90", "gfx90a:x nack+"] {
        assert_eq!(architecture(&properties(1160, odd)), None, "{odd}");
        assert!(!is_architecture(odd), "{odd}");
    }
    assert_eq!(architecture(&[]), None);
    assert_eq!(architecture(&[0; 256]), None);
    // No end.
    let mut cut = properties(1160, "gfx90a");
    cut.truncate(1166);
    assert_eq!(architecture(&cut), None);
}

#[test]
fn versions_are_read_as_hip_writes_them() {
    assert_eq!(version(50_221_153), (5, 2, 21153));
    assert_eq!(version(60_241_134), (6, 2, 41134));
    assert_eq!(version(71_460_850), (7, 14, 60850));
}

#[test]
fn the_compiler_is_told_the_device_and_to_be_exact() {
    let options = options("gfx90a:sramecc+:xnack-");
    assert!(options.starts_with("--offload-arch=gfx90a:sramecc+:xnack- -O3 "));
    assert!(options.contains(" -ffp-contract=off ") && !options.contains("-ffast-math"));
}
