//! One of a backend's devices by what a person wrote: its number, or its UUID, of which the beginning is enough.

use super::instance::DeviceFacts;
use crate::config::is_device_name;
use crate::error::{Error, Result};

/// The device of backend `id` that `word` names.
pub fn pick<'a>(id: &str, devices: &'a [DeviceFacts], word: &str) -> Result<&'a DeviceFacts> {
    const HINT: &str = "`clamp-host backend list` shows the devices";
    if let Ok(index) = word.parse::<u32>() {
        return devices.iter().find(|device| device.index == index).ok_or_else(|| {
            Error::not_found(format!("backend `{id}` has no device {index}; it has {}", devices.len())).hint(HINT)
        });
    }
    if !is_device_name(word) {
        return Err(Error::usage(format!("{id}:{word}: `{word}` is neither a device's number nor its UUID"))
            .hint("write for example cuda:1, or cuda:GPU-5c3f with the beginning of a UUID"));
    }
    let begins = |device: &&DeviceFacts| {
        let uuid = device.uuid.as_bytes();
        let whole = uuid.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()));
        // What vendors' tools put before it may be left out.
        let after = uuid.get(4..4 + word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()));
        whole || (uuid.starts_with(b"GPU-") && after)
    };
    let mut found = devices.iter().filter(begins);
    match (found.next(), found.next()) {
        (Some(device), None) => Ok(device),
        (Some(one), Some(other)) => Err(Error::usage(format!(
            "{id}:{word} names device {} and device {} (uuid {} and {})",
            one.index, other.index, one.uuid, other.uuid
        ))
        .hint("write more of the UUID, or the device's number")),
        (None, _) => {
            Err(Error::not_found(format!("backend `{id}` has no device with a UUID that begins with {word}"))
                .hint(HINT))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::instance::DeviceKind;
    use super::*;
    use crate::error::ErrorKind;

    fn device(index: u32, uuid: &str) -> DeviceFacts {
        DeviceFacts {
            index,
            kind: DeviceKind::Gpu,
            name: String::new(),
            uuid: uuid.to_owned(),
            driver: String::new(),
            dispatch: String::new(),
            memory_bytes: 0,
            compute_units: 0,
        }
    }

    #[test]
    fn a_device_is_named_by_its_number_or_the_beginning_of_its_uuid() {
        let devices = [device(0, "GPU-aabb0000-1"), device(1, "GPU-aabb1111-1"), device(2, "")];
        let named = |word: &str| pick("cuda", &devices, word).map(|device| device.index);
        assert_eq!(named("1").expect("a number"), 1);
        assert_eq!(named("GPU-aabb0000-1").expect("a UUID"), 0);
        assert_eq!(named("gpu-AABB1").expect("its beginning"), 1);
        assert_eq!(named("aabb1").expect("without the vendor's word"), 1);
        for (word, kind) in [
            ("3", ErrorKind::NotFound),
            ("GPU-c", ErrorKind::NotFound),
            ("aabb", ErrorKind::Usage),
            ("gpu", ErrorKind::Usage),
            ("", ErrorKind::Usage),
            ("-1", ErrorKind::Usage),
        ] {
            assert_eq!(named(word).expect_err(word).kind, kind, "{word}");
        }
    }
}
