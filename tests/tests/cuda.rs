//! The CUDA backend without an NVIDIA GPU: with no driver, with a library that is none, with an old driver, one that lacks a
//! function and one that does not start, it says calmly what is wrong, and other backends work. None of this is about
//! hardware.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use clamp_tests::{Bench, npy};

/// Every function that the plugin looks up in the driver's library, as its own table has them.
fn functions() -> Vec<String> {
    let table = Path::new(env!("CARGO_MANIFEST_DIR")).join("../plugins/cuda/src/sys/driver.rs");
    let text = std::fs::read_to_string(table).expect("the plugin's table");
    let names = text.lines().filter_map(|line| line.trim().split_once(" = \"")?.1.split_once("\" ("));
    names.map(|(name, _)| name.to_owned()).collect()
}

/// A library of that name in which `cuDriverGetVersion` tells `version` and every other function gives `answer`.
fn driver(bench: &Bench, name: &str, version: i32, answer: i32, missing: &str) -> PathBuf {
    let mut source = format!("int cuDriverGetVersion(int *v) {{ *v = {version}; return 0; }}\n");
    for function in functions().iter().filter(|name| *name != missing && *name != "cuDriverGetVersion") {
        writeln!(source, "int {function}(void) {{ return {answer}; }}").expect("written");
    }
    let (file, library) = (bench.work().join(format!("{name}.c")), bench.work().join(format!("{name}.so")));
    std::fs::write(&file, source).expect("write");
    let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&library).arg(&file).status();
    assert!(made.is_ok_and(|status| status.success()), "cc {name}.c");
    library
}

/// Why the backend has no device.
fn refusal(bench: &Bench) -> String {
    let list = bench.run(&["backend", "list", "--json"]).expect(0).json();
    let all = list["backends"].as_array().expect("a list");
    let found = all.iter().find(|found| found["path"].as_str().is_some_and(|path| path.ends_with("clamp_cuda.so")));
    let found = found.expect("the plugin");
    assert_eq!(found["stage"], "probe", "{found:#}");
    let reason = found["reason"].as_str().expect("a reason");
    let begin = "backend `cuda` could not count its devices: not found: ";
    reason.strip_prefix(begin).unwrap_or_else(|| panic!("{reason}")).to_owned()
}

#[test]
fn without_a_driver_the_backend_is_calm_and_exact() {
    let mut bench = Bench::new();
    assert!(functions().len() > 40, "{:?}", functions());
    npy(&bench.work().join("x.npy"), &[0.0, 1.0]);
    let set = |bench: &mut Bench, library: &Path| {
        bench.environment.insert("CLAMP_PLUGINS_CUDA_LIBRARY".to_owned(), library.display().to_string());
        refusal(bench)
    };
    let gone = bench.work().join("gone.so");
    let reason = set(&mut bench, &gone);
    assert!(reason.starts_with("no NVIDIA driver here: ") && reason.contains("gone.so"), "{reason}");
    // One that needs it is told so; one that does not is not disturbed.
    let exp = ["kernel", "run", "exp.f32.v1", "--in", "x=x.npy", "--out", "y.npy"];
    bench.run(&[&exp[..], &["--backend", "cuda"]].concat()).expect(13).complains_of("no NVIDIA driver here");
    let _ = bench.run(&exp).expect(0);

    let other = bench.work().join("other.so");
    let empty = bench.work().join("empty.c");
    std::fs::write(&empty, "int nothing;\n").expect("write");
    let made = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&other).arg(&empty).status();
    assert!(made.is_ok_and(|status| status.success()), "cc empty.c");
    let none = "it is no driver library, or one older than CUDA 11.2 (460)";
    assert_eq!(set(&mut bench, &other), format!("libcuda has no cuInit: {none}"));

    let old = driver(&bench, "old", 10_020, 0, "");
    let words = "the NVIDIA driver is too old: it has CUDA 10.2, 11.2 is needed (driver 460 or later)";
    assert_eq!(set(&mut bench, &old), words);

    for missing in functions() {
        if missing != "cuDriverGetVersion" && missing.len() % 5 == 0 {
            let lacking = driver(&bench, &missing, 12_040, 100, &missing);
            assert_eq!(set(&mut bench, &lacking), format!("libcuda has no {missing}: {none}"));
        }
    }

    let bare = driver(&bench, "bare", 12_040, 100, "");
    let remedy = "see what nvidia-smi says, look at CUDA_VISIBLE_DEVICES, and give a container its GPUs";
    assert_eq!(set(&mut bench, &bare), format!("the NVIDIA driver is here, but it has no device; {remedy}"));
    let ill = driver(&bench, "ill", 12_040, 999, "");
    assert_eq!(set(&mut bench, &ill), format!("the NVIDIA driver does not start: cuInit: error 999; {remedy}"));
    // Whatever it is, who wants a GPU is told that there is none.
    bench
        .run(&["run", "digits", "--require-gpu", "--backend", "cuda"])
        .expect(16)
        .complains_of("no GPU would do the work");
}
