//! Large arrays pass through in pieces and no host wait stands between the points where a result is read.

use std::os::unix::fs::FileExt as _;
use std::path::Path;

use clamp_tests::{Bench, command, dist};

/// Bytes of the array.
const ARRAY: u64 = 384 << 20;

/// What the program has beside its arrays: its code, its threads' stacks and heaps, which are reserved rather than used.
const BESIDE: u64 = 320 << 20;

/// An array of zeros that takes no room on the disk.
fn sparse(path: &Path, bytes: u64) {
    let mut head = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({},), }}", bytes / 4);
    head.extend(std::iter::repeat_n(' ', 63 - (10 + head.len()) % 64));
    head.push('\n');
    let head = [b"\x93NUMPY\x01\x00".as_slice(), &(head.len() as u16).to_le_bytes(), head.as_bytes()].concat();
    let file = std::fs::File::create(path).expect("a file");
    file.write_all_at(&head, 0).expect("a head");
    file.set_len(head.len() as u64 + bytes).expect("a length");
}

#[test]
fn an_array_goes_in_and_out_without_a_second_copy() {
    let bench = Bench::new();
    sparse(&bench.work().join("x.npy"), ARRAY);
    let host = dist().join("clamp-host");
    // The input and the output on the device, which is this machine's memory; a third array would not fit.
    let within = |bytes: u64| {
        let script = format!(
            "ulimit -v {} && exec '{}' kernel run copy.f32.v1 --in x=x.npy --out /dev/null --backend cpu --threads 1",
            bytes >> 10,
            host.display()
        );
        command(Path::new("/bin/sh"), &bench.work(), &bench.environment, &["-c", &script], None)
    };
    let _ = within(2 * ARRAY + BESIDE).expect(0);
    // The limit is one: with less than both arrays the backend says that it has no memory.
    within(2 * ARRAY - (32 << 20)).expect(11).complains_of("kernel copy.f32.v1: backend `cpu` could not allocate");
}

#[test]
fn memory_that_a_kernel_keeps_aside_and_does_not_get_is_named() {
    let bench = Bench::new();
    sparse(&bench.work().join("x.npy"), ARRAY);
    let host = dist().join("clamp-host");
    // Both arrays fit, the sort's second one does not.
    let script = format!(
        "ulimit -v {} && exec '{}' kernel run sort.f32.v1 --in x=x.npy --out y.npy --backend cpu --threads 1 --mode fast",
        (2 * ARRAY + BESIDE) >> 10,
        host.display()
    );
    let outcome = command(Path::new("/bin/sh"), &bench.work(), &bench.environment, &["-c", &script], None);
    outcome.expect(11).complains_of("kernel sort.f32.v1: there are no 402653184 bytes of memory");
    assert_eq!(bench.names(&bench.work()), ["x.npy"]);
}

#[test]
fn digits_waits_for_the_device_only_where_it_reads() {
    let bench = Bench::new();
    let usage = |steps: u64| {
        let input = format!("{{\"steps\": {steps}}}");
        let reply = bench.run(&["run", "digits", "--input", &input, "--json", "--backend", "cpu"]).expect(0).json();
        let folder = bench.work().join(reply["run_dir"].as_str().expect("a folder"));
        let manifest = std::fs::read(folder.join("manifest.json")).expect("a manifest");
        let manifest: serde_json::Value = serde_json::from_slice(&manifest).expect("JSON");
        let number = |name: &str| manifest["usage"][name].as_u64().unwrap_or_else(|| panic!("{name}: {manifest:#}"));
        (number("launches"), number("device_waits"))
    };
    let (short, long) = (usage(200), usage(700));
    assert!(long.0 - short.0 >= 5 * 500, "{short:?} {long:?}: five launches a step");
    // The loss is read every hundred steps: five more reads, five more waits, whatever was launched between.
    assert_eq!(long.1 - short.1, 5, "{short:?} {long:?}");
}
