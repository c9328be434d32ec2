//! The ROCm backend without an AMD GPU. Over the tests' own HIP, which runs launches on the CPU, its device sources give
//! the specification's bits and its host side gives back what it takes; with the real HIP of Debian, or with none, it says
//! calmly what is missing. None of this is about hardware.

use std::path::Path;

use clamp_tests::{Bench, Loopback, Ran, dist, npy, tool, without};
use serde_json::Value;

/// A run of exp on [0, 1] that asks for no certificate.
const EXP: [&str; 10] =
    ["kernel", "run", "exp.f32.v1", "--backend", "rocm", "--in", "x=x.npy", "--out", "y.npy", "--mode=fast"];

fn input(bench: &Bench) {
    npy(&bench.work().join("x.npy"), &[0.0, 1.0]);
}

/// What `backend list` says of the ROCm backend.
fn listed(ran: Ran) -> Value {
    let list = ran.expect(0).json();
    let all = list["backends"].as_array().expect("a list");
    all.iter()
        .find(|found| found["path"].as_str().is_some_and(|path| path.ends_with("clamp_rocm.so")))
        .cloned()
        .expect("it")
}

/// Why it has no device.
fn refusal(bench: &Bench) -> String {
    let found = listed(bench.run(&["backend", "list", "--json"]));
    assert_eq!(found["stage"], "probe", "{found:#}");
    let reason = found["reason"].as_str().expect("a reason").to_owned();
    let begin = "backend `rocm` could not count its devices: not found: ";
    reason.strip_prefix(begin).unwrap_or_else(|| panic!("{reason}")).to_owned()
}

#[test]
fn every_kernel_is_bit_exact_and_everything_is_given_back() {
    let Some(list) = Loopback::new() else { return };
    let kernels = list.bench.run(&["kernel", "list", "--json"]).expect(0).json();
    let ids: Vec<&str> = kernels["kernels"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|kernel| kernel["id"].as_str().expect("id"))
        .collect();
    // Two programs at a time, since compiling takes most of the time.
    let half = |first: usize| {
        let loopback = Loopback::new().expect("as above");
        let own: Vec<&str> = ids.iter().skip(first).step_by(2).flat_map(|id| ["--kernel", id]).collect();
        let (ran, account) = loopback.run(&[&["backend", "certify", "rocm", "--json"], &own[..]].concat());
        let reply = ran.expect(0).json();
        assert_eq!(reply["counts"]["bit-exact"], own.len() / 2, "{reply:#}");
        account.is_proper().is_settled();
        assert!(account.calls("hipModuleLaunchKernel") > 1000 && account.calls("hipMalloc") == 0, "{account:#?}");
    };
    std::thread::scope(|scope| {
        let other = scope.spawn(|| half(1));
        half(0);
        other.join().expect("the other half");
    });
}

#[test]
fn digits_learns_the_same_bits_as_on_the_cpu() {
    let Some(loopback) = Loopback::new() else { return };
    let args = |backend| ["run", "digits", "--seed", "7", "--json", "--input", r#"{"steps": 8}"#, "--backend", backend];
    let cpu = loopback.bench.run(&args("cpu")).expect(0).json();
    let (ran, account) = loopback.run(&args("rocm"));
    let rocm = ran.expect(0).json();
    account.is_proper().is_settled();
    assert_eq!((&rocm["backend"], &rocm["mode"]), (&"rocm".into(), &"strict".into()));
    assert_eq!(rocm["output_hash"], cpu["output_hash"], "{rocm:#}");
}

#[test]
fn arrays_cross_to_other_libraries_where_they_lie() {
    let Some(loopback) = Loopback::new() else { return };
    let plugins = dist().join("plugins").display().to_string();
    let library = format!("library={}", loopback.bench.environment["CLAMP_PLUGINS_ROCM_LIBRARY"]);
    let args = ["exchange", "--plugins", &plugins, "--backend", "rocm", "--set", &library];
    let (ran, account) = loopback.run_program(&tool("clamp-prove"), "", &args);
    let ran = ran.expect(0);
    assert!(ran.stdout.ends_with("rocm:0 loopback 0 (a CPU, no GPU): 6 checks, 0 failed\n"), "{ran:#?}");
    account.is_proper().is_settled();
    // Memory that others were told of goes back only when the device is idle; where that cannot be known, never.
    let (ran, account) = loopback.run_program(&tool("clamp-prove"), "hipDeviceSynchronize=719", &args);
    let said = ran.expect(1).stdout;
    assert!(said.contains("it was released 0 times") && said.ends_with("6 checks, 1 failed\n"), "{said}");
    account.is_proper();
    assert!(account.live("memory") > 0, "{account:#?}");
}

#[test]
fn a_device_is_described_and_taken_as_a_gpu() {
    let Some(mut loopback) = Loopback::new() else { return };
    input(&loopback.bench);
    let found = listed(loopback.bench.run(&["backend", "list", "--json"]));
    let device = &found["devices"][0];
    assert_eq!((&found["stage"], &device["kind"]), (&"ready".into(), &"gpu".into()), "{found:#}");
    assert_eq!(
        (&device["name"], &device["uuid"]),
        (&"loopback 0 (a CPU, no GPU)".into(), &"GPU-1009bacc00000000".into())
    );
    assert_eq!((&device["driver"], &device["dispatch"]), (&"HIP 6.2.41134".into(), &"hip 6.2 gfx90a".into()));
    let (ran, _) = loopback.run(&["kernel", "run", "exp.f32.v1", "--in", "x=x.npy", "--out", "y.npy", "--json"]);
    assert_eq!(ran.expect(0).json()["backend"], "rocm", "a GPU is taken first");
    // Several are told apart, and each works.
    loopback.set("LOOPBACK_DEVICES", "2");
    let found = listed(loopback.bench.run(&["backend", "list", "--json"]));
    assert_eq!(found["devices"][1]["uuid"], "GPU-1009bacc00000001", "{found:#}");
    for named in ["rocm:1", "rocm:GPU-1009bacc00000001"] {
        let (ran, account) = loopback.run(&EXP.map(|word| if word == "rocm" { named } else { word }));
        let _ = ran.expect(0);
        account.is_proper().is_settled();
    }
    let (ran, _) = loopback.run(&EXP.map(|word| if word == "rocm" { "rocm:GPU-1009bacc" } else { word }));
    ran.expect(64).complains_of("names device 0 and device 1");
    let (ran, _) = loopback.run(&EXP.map(|word| if word == "rocm" { "rocm:2" } else { word }));
    ran.expect(13).complains_of("has no device 2; it has 2");
    // One whose work is on a GPU meets the demand, and the record says what it used of it.
    let args = ["run", "digits", "--input", r#"{"steps": 8}"#, "--require-gpu", "--backend", "rocm:1", "--json"];
    let (ran, _) = loopback.run(&args);
    let reply = ran.expect(0).json();
    let manifest = Path::new(reply["run_dir"].as_str().expect("a folder")).join("manifest.json");
    let manifest: Value = serde_json::from_slice(&std::fs::read(manifest).expect("read")).expect("JSON");
    let device = &manifest["volatile"]["device"];
    assert_eq!((&device["index"], &device["uuid"]), (&1.into(), &"GPU-1009bacc00000001".into()), "{device:#}");
    assert!(device["used"]["memory_peak_bytes"].as_u64() > Some(100_000), "{device:#}");
}

#[test]
fn functions_that_an_older_hip_has_not_are_done_without() {
    for (function, instead) in [
        ("hipMallocAsync", "hipMalloc"),
        ("hipMemPoolSetAttribute", "hipMalloc"),
        ("hipGetDevicePropertiesR0600", "hipGetDeviceProperties"),
        ("hipDeviceGetUuid", "hipDeviceGetPCIBusId"),
    ] {
        let Some(loopback) = Loopback::new() else { return };
        input(&loopback.bench);
        without(&loopback.bench.work().join("libamdhip64.so.6"), function);
        let (ran, account) = loopback.run(&EXP);
        let _ = ran.expect(0);
        account.is_proper().is_settled();
        assert!(account.calls(function) == 0 && account.calls(instead) > 0, "{account:#?}");
        let device = &listed(loopback.bench.run(&["backend", "list", "--json"]))["devices"][0];
        let uuid = if function == "hipDeviceGetUuid" { "0000:c1:00.0" } else { "GPU-1009bacc00000000" };
        assert_eq!((&device["uuid"], &device["dispatch"]), (&uuid.into(), &"hip 6.2 gfx90a".into()));
    }
    // So is a pool that a device has not.
    let Some(loopback) = Loopback::new() else { return };
    input(&loopback.bench);
    let (ran, account) = loopback.run_failing("hipDeviceGetDefaultMemPool=801", &EXP);
    let _ = ran.expect(0);
    assert!(account.is_proper().calls("hipMalloc") > 0);
}

#[test]
fn hip_5_and_7_work_as_6_does() {
    for (version, name, pooled) in [("50221153", "5.2.21153", false), ("71460850", "7.14.60850", true)] {
        let Some(mut loopback) = Loopback::new() else { return };
        input(&loopback.bench);
        loopback.set("LOOPBACK_VERSION", version);
        // HIP 5 has its compiler inside; that of 7 lies beside it.
        let work = loopback.bench.work();
        if pooled {
            std::fs::rename(work.join("libhiprtc.so.6"), work.join("libhiprtc.so.7")).expect("rename");
        } else {
            without(&work.join("libamdhip64.so.6"), "hipGetDevicePropertiesR0600");
        }
        let (ran, account) = loopback.run(&EXP);
        let _ = ran.expect(0);
        assert_eq!(account.is_proper().calls("hipMallocAsync") > 0, pooled, "pools were new in 5");
        let device = &listed(loopback.bench.run(&["backend", "list", "--json"]))["devices"][0];
        assert_eq!(device["driver"], format!("HIP {name}"));
    }
}

#[test]
fn the_settings_of_the_plugin() {
    let Some(mut loopback) = Loopback::new() else { return };
    input(&loopback.bench);
    loopback.set("CLAMP_PLUGINS_ROCM_POOL", "off");
    let (ran, account) = loopback.run(&EXP);
    let _ = ran.expect(0);
    assert_eq!((account.calls("hipMallocAsync"), account.calls("hipMalloc") > 0), (0, true));
    loopback.set("CLAMP_PLUGINS_ROCM_POOL", "on");
    assert_eq!(refusal(&loopback.bench), "setting pool: `on` is not off, the only choice");
    loopback.set("CLAMP_PLUGINS_ROCM_POOL", "off");
    loopback.set("CLAMP_PLUGINS_ROCM_ARCH", "sm_90");
    let why = "no AMD GPU can be used: device 0: `sm_90` is no architecture such as gfx90a or gfx90a:sramecc+:xnack-";
    assert_eq!(refusal(&loopback.bench), why);
    // The compiler is told what the operator said, and this one knows its device.
    loopback.set("CLAMP_PLUGINS_ROCM_ARCH", "gfx906");
    let (ran, _) = loopback.run(&EXP);
    ran.expect(15).complains_of("the option --offload-arch=gfx90a:sramecc+:xnack- is missing");
    // Needed where the device's properties cannot be asked for.
    let hip = loopback.bench.work().join("libamdhip64.so.6");
    without(&hip, "hipGetDevicePropertiesR0600");
    without(&hip, "hipGetDeviceProperties");
    loopback.set("CLAMP_PLUGINS_ROCM_ARCH", "gfx90a:sramecc+:xnack-");
    let _ = loopback.run(&EXP).0.expect(0);
    loopback.bench.environment.remove("CLAMP_PLUGINS_ROCM_ARCH");
    let why = "device 0: HIP does not tell its architecture in a way that is known here: set plugins.rocm.arch, such as gfx90a";
    assert_eq!(refusal(&loopback.bench), format!("no AMD GPU can be used: {why}"));
}

#[test]
fn without_a_gpu_the_backend_is_calm() {
    let mut bench = Bench::new();
    if Path::new("/dev/kfd").exists() || Path::new("/dev/dxg").exists() {
        clamp_test_skip::skip("this machine has a GPU's driver");
        return;
    }
    let remedy =
        "/dev/kfd does not exist; load the kernel's amdgpu driver, or give the container /dev/kfd and /dev/dri";
    assert_eq!(refusal(&bench), format!("no AMD GPU here: {remedy}"));
    input(&bench);
    let ran = bench.run(&EXP).expect(13);
    ran.complains_of("no AMD GPU here");
    // Others are not disturbed.
    let _ = bench.run(&["kernel", "run", "exp.f32.v1", "--in", "x=x.npy", "--out", "y.npy"]).expect(0);
    // The real one is asked where it is named.
    bench.environment.insert("CLAMP_PLUGINS_ROCM_LIBRARY".to_owned(), "libamdhip64.so.5".to_owned());
    let reason = refusal(&bench);
    if reason.contains("cannot open shared object file") {
        assert_eq!(
            reason,
            "libamdhip64.so.5: cannot open shared object file: No such file or directory; plugins.rocm.library names it"
        );
        clamp_test_skip::skip("no real HIP: apt-get install libamdhip64-5");
        return;
    }
    let version = reason.strip_prefix("libamdhip64.so.5 (HIP 5.").and_then(|rest| rest.split_once(')'));
    let (_, rest) = version.unwrap_or_else(|| panic!("{reason}"));
    assert_eq!(rest, format!(" finds no device: {remedy}"));
}
