//! Backends at the door: what is found, what is refused at which stage, and that the host lives through all of it.

use std::path::Path;

use clamp_tests::{Bench, c_plugin, dist, elements, npy, rust_plugin};
use serde_json::Value;

/// A plugin folder in a bench's working folder.
fn plugins(bench: &Bench) -> std::path::PathBuf {
    let folder = bench.work().join("plugins");
    std::fs::create_dir(&folder).expect("a folder");
    folder
}

fn list(bench: &Bench, folder: &Path) -> Value {
    let folder = folder.to_string_lossy();
    bench.run(&["backend", "list", "--json", "--plugins", &folder]).expect(0).json()
}

fn entry<'a>(list: &'a Value, file: &str) -> &'a Value {
    list["backends"]
        .as_array()
        .and_then(|all| all.iter().find(|b| b["path"].as_str().is_some_and(|p| p.ends_with(file))))
        .unwrap_or_else(|| panic!("{file} is not in {list:#}"))
}

#[test]
fn the_bundled_cpu_backend_is_ready() {
    let bench = Bench::new();
    let list = bench.run(&["backend", "list", "--json"]).expect(0).json();
    let cpu = entry(&list, "clamp_cpu.so");
    assert_eq!((&cpu["id"], &cpu["stage"], &cpu["door"]), (&"cpu".into(), &"ready".into(), &"rust".into()));
    assert_eq!(cpu["devices"][0]["kind"], "cpu");
    assert_eq!(cpu["sha256"].as_str().map(str::len), Some(64));
    let text = bench.run(&["backend", "list"]).expect(0).stdout;
    assert!(text.contains("cpu") && text.contains("ready"), "{text}");
}

#[test]
fn two_rust_plugins_and_one_in_c_stay_distinct_in_one_process() {
    let bench = Bench::new();
    let folder = plugins(&bench);
    std::fs::copy(dist().join("plugins/clamp_cpu.so"), folder.join("clamp_cpu.so")).expect("copy");
    rust_plugin("panicking", &folder);
    c_plugin("plain", &[], &folder);
    let list = list(&bench, &folder);
    for (file, id, door) in [
        ("clamp_cpu.so", "cpu", "rust"),
        ("libfixture_panicking.so", "panicking", "rust"),
        ("plain.so", "c-example", "c"),
    ] {
        let found = entry(&list, file);
        assert_eq!((&found["id"], &found["door"], &found["stage"]), (&id.into(), &door.into(), &"ready".into()));
    }
    // Asked for no panic, this fixture negates where it should copy, so each result shows who did the work.
    let work = bench.work();
    npy(&work.join("x.npy"), &[1.0, -2.0]);
    for (backend, kernel, expected) in [
        ("cpu", "copy.f32.v1", [1.0, -2.0]),
        ("panicking", "copy.f32.v1", [-1.0, 2.0]),
        ("c-example", "neg.f32.v1", [-1.0, 2.0]),
        ("cpu", "neg.f32.v1", [-1.0, 2.0]),
    ] {
        let folder = folder.to_string_lossy();
        let args = ["kernel", "run", kernel, "--in", "x=x.npy", "--out", "y.npy", "--backend", backend, "--plugins"];
        // A lie about the bits is refused in strict.
        let _ = bench.run(&[&args[..], &[&folder, "--mode", "fast"]].concat()).expect(0);
        assert_eq!(elements(&work.join("y.npy")), expected, "{kernel} on {backend}");
    }
    let folder = folder.to_string_lossy();
    let args = ["kernel", "run", "sub.f32.v1", "--in", "x=x.npy", "--in", "y=x.npy", "--out", "y.npy", "--backend"];
    let ran = bench.run(&[&args[..], &["c-example", "--plugins", &folder]].concat()).expect(13);
    ran.complains_of("backend `c-example` has no kernel sub.f32.v1");
}

#[test]
fn every_broken_plugin_is_refused_at_its_stage() {
    let bench = Bench::new();
    let folder = plugins(&bench);
    for (file, macros, stage, reason) in [
        ("a-major", &["WRONG_MAJOR"][..], "version", "ABI major version 2"),
        ("b-short", &["SHORT_STRUCT"], "version", "bytes, version 1 has exactly"),
        ("c-null", &["NULL_ENTRY"], "layout", "entry `queue_poll` is NULL"),
        ("d-abort", &["ABORTS"], "layout", "panic = \"abort\""),
        ("e-id", &["BAD_ID"], "layout", "header field `id`"),
        ("f-none", &["NO_SERVICE"], "version", "does not serve hosts"),
        ("g-undefined", &["UNDEFINED"], "load", "a_symbol_that_nobody_has"),
    ] {
        c_plugin(file, macros, &folder);
        let list = list(&bench, &folder);
        let found = entry(&list, &format!("{file}.so"));
        assert_eq!(found["stage"], stage, "{found:#}");
        assert!(found["reason"].as_str().is_some_and(|r| r.contains(reason)), "{found:#}");
    }
    std::fs::write(folder.join("h-text.so"), "not a library").expect("write");
    let whole = std::fs::read(dist().join("plugins/clamp_cpu.so")).expect("read");
    std::fs::write(folder.join("k-half.so"), &whole[..4000]).expect("write");
    std::fs::write(folder.join("i-cut.so"), b"\x7fELF and then nothing").expect("write");
    rust_plugin("wrong_major", &folder);
    let libc = ["/lib/x86_64-linux-gnu/libm.so.6", "/usr/lib64/libm.so.6", "/lib/aarch64-linux-gnu/libm.so.6"]
        .into_iter()
        .find(|path| Path::new(path).is_file())
        .expect("a shared library that is no backend");
    std::fs::copy(libc, folder.join("j-foreign.so")).expect("copy");
    let list = list(&bench, &folder);
    for (file, stage, reason) in [
        ("h-text.so", "hash", "not an ELF"),
        ("i-cut.so", "hash", "not an ELF"),
        ("k-half.so", "hash", "cut short"),
        ("j-foreign.so", "door", "not a Clamp backend"),
        ("libfixture_wrong_major.so", "version", "ABI major version 2"),
    ] {
        let found = entry(&list, file);
        assert_eq!(found["stage"], stage, "{found:#}");
        assert!(found["reason"].as_str().is_some_and(|r| r.contains(reason)), "{found:#}");
    }
    // The good one beside all of these still works.
    std::fs::copy(dist().join("plugins/clamp_cpu.so"), folder.join("z.so")).expect("copy");
    npy(&bench.work().join("x.npy"), &[1.0]);
    let folder = folder.to_string_lossy();
    let args = ["kernel", "run", "neg.f32.v1", "--in", "x=x.npy", "--out", "y.npy", "--plugins", &folder];
    let _ = bench.run(&args).expect(0);
}

#[test]
fn a_second_plugin_of_the_same_id_is_refused_by_name() {
    let bench = Bench::new();
    let folder = plugins(&bench);
    c_plugin("a", &[], &folder);
    c_plugin("b", &["OTHER"], &folder);
    let list = list(&bench, &folder);
    assert_eq!(entry(&list, "/a.so")["stage"], "ready");
    let second = entry(&list, "/b.so");
    assert_eq!(second["stage"], "identity");
    assert!(second["reason"].as_str().is_some_and(|r| r.contains("`c-example` is taken by")), "{second:#}");
}

#[test]
fn a_panic_in_any_function_is_reported_and_the_host_lives() {
    let bench = Bench::new();
    let folder = plugins(&bench);
    rust_plugin("panicking", &folder);
    npy(&bench.work().join("x.npy"), &[1.0]);
    let shown = folder.to_string_lossy().into_owned();
    let run = [
        "kernel",
        "run",
        "copy.f32.v1",
        "--mode",
        "fast",
        "--in",
        "x=x.npy",
        "--out",
        "y.npy",
        "--backend",
        "panicking",
    ];
    for function in [
        "instance_create",
        "device_count",
        "device_info",
        "device_open",
        "buffer_alloc",
        "queue_create",
        "queue_upload",
        "queue_download",
        "queue_submit",
        "queue_wait",
        "queue_signal",
        "queue_poll",
        "kernel_open",
    ] {
        std::fs::write(folder.join("panic_at"), function).expect("write");
        let ran = bench.run(&[&run[..], &["--plugins", &shown]].concat());
        let ran = ran.expect(15);
        ran.complains_of("panicking");
        assert!(ran.stderr.contains(&format!("asked to panic in {function}")), "{ran:#?}");
        assert!(!bench.work().join("y.npy").exists(), "half written after {function}");
    }
    std::fs::write(folder.join("panic_at"), "instance_create").expect("write");
    let list = list(&bench, &folder);
    assert_eq!(entry(&list, "libfixture_panicking.so")["stage"], "probe");
}

#[test]
fn a_plugin_that_changes_the_floating_point_environment_is_reported() {
    let bench = Bench::new();
    let folder = plugins(&bench);
    c_plugin("ftz", &["FTZ"], &folder);
    npy(&bench.work().join("x.npy"), &[1.0]);
    let folder = folder.to_string_lossy();
    let args = ["kernel", "run", "neg.f32.v1", "--in", "x=x.npy", "--out", "y.npy", "--plugins", &folder];
    bench
        .run(&[&args[..], &["--mode", "fast"]].concat())
        .expect(15)
        .complains_of("left the floating-point environment");
    bench.run(&args).expect(18).complains_of("left the floating-point environment changed");
}

#[test]
fn an_unknown_backend_and_a_missing_gpu_have_their_own_codes() {
    let bench = Bench::new();
    npy(&bench.work().join("x.npy"), &[1.0]);
    let run = ["kernel", "run", "neg.f32.v1", "--in", "x=x.npy", "--out", "y.npy", "--backend"];
    bench.run(&[&run[..], &["vulkan"]].concat()).expect(13).complains_of("backend `vulkan` is not installed");
    bench.run(&[&run[..], &["cpu:7"]].concat()).expect(13).complains_of("no device 7");
    bench.run(&[&run[..], &["cpu:x"]].concat()).expect(64).complains_of("\"cpu:x\" is not auto");
    bench.run(&["run", "digits", "--require-gpu"]).expect(16).complains_of("--require-gpu");
    bench.run(&["run", "digits", "--require-gpu", "--backend", "cpu"]).expect(16).complains_of("--require-gpu");
    let empty = bench.work().join("none");
    std::fs::create_dir(&empty).expect("a folder");
    let empty = empty.to_string_lossy();
    bench.run(&["run", "digits", "--plugins", &empty]).expect(13).complains_of("no backend is installed");
    bench.run(&["backend", "list", "--plugins", "/nonexistent"]).expect(13).complains_of("/nonexistent");
}

#[test]
fn the_cpu_backend_works_at_the_level_that_its_setting_names() {
    let mut bench = Bench::new();
    npy(&bench.work().join("x.npy"), &[1.0, -2.5]);
    let run = ["kernel", "run", "neg.f32.v1", "--in", "x=x.npy", "--out", "y.npy", "--backend", "cpu"];
    std::fs::write(bench.home().join("clamp.yaml"), "plugins:\n  cpu:\n    dispatch: portable\n").expect("write");
    let list = bench.run(&["backend", "list", "--json"]).expect(0).json();
    assert_eq!(entry(&list, "clamp_cpu.so")["devices"][0]["dispatch"], "portable");
    let _ = bench.run(&run).expect(0);
    assert_eq!(elements(&bench.work().join("y.npy")), [-1.0, 2.5]);
    // The environment wins over the file.
    bench.environment.insert("CLAMP_PLUGINS_CPU_DISPATCH".into(), "avx3".into());
    bench.run(&run).expect(14).complains_of("plugins.cpu.dispatch is `avx3`; there are portable, avx2, avx512");
    bench.environment.clear();
    bench.environment.insert("CLAMP_HOME".into(), bench.home().display().to_string());
    // Every device backend has these, whatever it finds.
    bench.environment.insert("CLAMP_PLUGINS_OPENCL_PLAN_FOR".into(), "gpu".into());
    bench.environment.insert("CLAMP_PLUGINS_OPENCL_DIV_SQRT".into(), "f64".into());
    let list = bench.run(&["backend", "list", "--json"]).expect(0).json();
    for device in entry(&list, "clamp_opencl.so")["devices"].as_array().into_iter().flatten() {
        let dispatch = device["dispatch"].as_str().expect("text");
        assert!(dispatch.ends_with(" plan_for=gpu div_sqrt=f64"), "{dispatch}");
    }
    bench.environment.insert("CLAMP_PLUGINS_OPENCL_PLAN_FOR".into(), "tpu".into());
    let list = bench.run(&["backend", "list", "--json"]).expect(0).json();
    assert!(list.to_string().contains("setting plan_for: `tpu` is neither cpu nor gpu"), "{list:#}");
    bench.environment.retain(|name, _| !name.starts_with("CLAMP_PLUGINS_OPENCL"));
    bench.environment.insert("CLAMP_PLUGINS_CPU_DISPACH".into(), "avx2".into());
    bench.run(&run).expect(14).complains_of("backend `cpu` has no setting plugins.cpu.dispach");
}
