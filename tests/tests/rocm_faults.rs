//! HIP's failures, every one of them on demand: each becomes an error with the function's and the number's name and the
//! right exit code, nothing hangs or aborts, and a device that failed for good is refused while the host lives on.

use std::path::Path;

use clamp_tests::{Bench, Loopback, Ran, elements, npy, without};
use serde_json::Value;

/// A run of exp on [0, 1] that asks for no certificate.
const EXP: [&str; 10] =
    ["kernel", "run", "exp.f32.v1", "--backend", "rocm", "--in", "x=x.npy", "--out", "y.npy", "--mode=fast"];

/// The exit code of what there is too little of: hipErrorOutOfMemory is 2, out of resources 701 and 1052, and
/// HIPRTC_ERROR_OUT_OF_MEMORY 1.
const OUT_OF_MEMORY: i32 = 11;

/// Functions that tell what there is: without an answer there is no device.
const ASKING: [&str; 10] = [
    "hipInit",
    "hipGetDeviceCount",
    "hipDeviceGetAttribute",
    "hipDeviceGetName",
    "hipDeviceGetPCIBusId",
    "hipDeviceTotalMem",
    "hipDriverGetVersion",
    "hipRuntimeGetVersion",
    "hipGetDevicePropertiesR0600",
    "hiprtcVersion",
];

/// Functions that give back, or whose answer there is another for: the work is done without them.
const HARMLESS: [&str; 9] = [
    "hipDeviceGetUuid",
    "hipEventDestroy",
    "hipEventElapsedTime",
    "hipFreeAsync",
    "hipGetDevice",
    "hipHostFree",
    "hipModuleUnload",
    "hipStreamDestroy",
    "hipMemGetInfo",
];

/// Every number of `hipError_t` but success.
const NUMBERS: [(i32, i32); 33] = [
    (1, 9),
    (12, 13),
    (17, 17),
    (21, 21),
    (35, 35),
    (52, 53),
    (98, 98),
    (100, 101),
    (200, 202),
    (205, 219),
    (300, 304),
    (400, 401),
    (500, 500),
    (600, 600),
    (700, 702),
    (704, 705),
    (708, 710),
    (712, 713),
    (719, 720),
    (801, 801),
    (900, 908),
    (910, 912),
    (914, 916),
    (999, 999),
    (1052, 1054),
    // Numbers that no header names yet.
    (11, 11),
    (54, 54),
    (703, 703),
    (711, 711),
    (721, 721),
    (909, 909),
    (1055, 1055),
    (4711, 4711),
];

/// A loopback with the input in place and everything compiled that the run needs.
fn ready() -> Option<Loopback> {
    let loopback = Loopback::new()?;
    npy(&loopback.bench.work().join("x.npy"), &[0.0, 1.0]);
    let (ran, account) = loopback.run(&EXP);
    worked(&loopback, &ran);
    account.is_proper().is_settled();
    Some(loopback)
}

fn refusal(bench: &Bench) -> String {
    let list = bench.run(&["backend", "list", "--json"]).expect(0).json();
    let all = list["backends"].as_array().expect("a list");
    let rocm = all.iter().find(|found| found["id"] == "rocm").unwrap_or_else(|| panic!("{list:#}"));
    let reason = rocm["reason"].as_str().unwrap_or_else(|| panic!("{rocm:#}"));
    let begin = "backend `rocm` could not count its devices: not found: ";
    reason.strip_prefix(begin).unwrap_or_else(|| panic!("{reason}")).to_owned()
}

/// `hipX failed: NAME (CODE)` in one line, and in that line alone.
fn names(ran: &Ran, function: &str, code: i32) {
    let begin = format!("{function} failed: ");
    let line = ran.stderr.lines().next().unwrap_or_default();
    let (_, rest) = line.split_once(&begin).unwrap_or_else(|| panic!("{function} {code}: {ran:#?}"));
    let (name, _) = rest.split_once(&format!(" ({code})")).unwrap_or_else(|| panic!("{function} {code}: {ran:#?}"));
    assert!(name == "unknown" || name.starts_with("hipError") || name.starts_with("HIPRTC_ERROR_"), "{ran:#?}");
    assert!(ran.stderr.lines().skip(1).all(|line| line.starts_with("  help: ")), "{ran:#?}");
}

#[test]
fn each_function_that_fails_is_named_or_done_without() {
    let Some(loopback) = ready() else { return };
    let (ran, account) = loopback.run(&EXP);
    worked(&loopback, &ran);
    let functions = account.functions();
    assert!(functions.len() > 25, "{functions:?}");
    for function in &functions {
        let code = if function.starts_with("hiprtc") { 11 } else { 1 };
        let function = function.as_str();
        let (ran, after) = loopback.run_failing(&format!("{function}={code}"), &EXP);
        after.is_proper();
        // Whether an event has to be waited for is a matter of speed.
        if HARMLESS.contains(&function) || after.calls(function) == 0 {
            worked(&loopback, &ran);
        } else if ASKING.contains(&function) {
            names(&ran.expect(13), function, code);
        } else {
            names(&ran.expect(15), function, code);
        }
        // One call alone, in the middle of the work: what can be done again is.
        let middle = account.calls(function) / 2 + 1;
        let (ran, after) = loopback.run_failing(&format!("{function}:{middle}={code}"), &EXP);
        after.is_proper();
        match ran.code {
            Some(0) => worked(&loopback, &ran),
            Some(13 | 15) => names(&ran, function, code),
            _ => panic!("{function}: {ran:#?}"),
        }
    }
}

/// The run went well and gave the right bits.
fn worked(loopback: &Loopback, ran: &Ran) {
    assert_eq!(ran.code, Some(0), "{ran:#?}");
    let file = loopback.bench.work().join("y.npy");
    assert_eq!(elements(&file)[1].to_bits(), 0x402d_f854);
    std::fs::remove_file(file).expect("it was written");
}

#[test]
fn each_number_has_its_name() {
    let Some(loopback) = ready() else { return };
    let functions =
        ["hipMallocAsync", "hipMemcpyAsync", "hipModuleLaunchKernel", "hipEventRecord", "hipStreamSynchronize"];
    let codes: Vec<i32> = NUMBERS.iter().flat_map(|&(first, last)| first..=last).collect();
    for (position, &code) in codes.iter().enumerate() {
        let function = functions[position % functions.len()];
        let call = 1 + position / functions.len() % 3;
        let (ran, account) = loopback.run_failing(&format!("{function}:{call}={code}"), &EXP);
        account.is_proper();
        let ran = ran.expect(if matches!(code, 2 | 701 | 1052) { OUT_OF_MEMORY } else { 15 });
        names(&ran, function, code);
        let is_unknown = position >= codes.len() - 8;
        assert_eq!(ran.stderr.contains("failed: unknown ("), is_unknown, "{ran:#?}");
    }
}

#[test]
fn the_compilers_numbers_have_their_names() {
    let Some(loopback) = ready() else { return };
    // Nothing is compiled yet.
    let cache = loopback.bench.home().join("cache/backends/rocm");
    std::fs::remove_file(&cache).expect("the link");
    let codes: Vec<i32> = (1..=12).chain([100]).collect();
    for &code in &codes {
        let (ran, account) = loopback.run_failing(&format!("hiprtcCompileProgram={code}"), &EXP);
        account.is_proper().is_settled();
        names(&ran.expect(if code == 1 { OUT_OF_MEMORY } else { 15 }), "hiprtcCompileProgram", code);
    }
    for function in ["hiprtcCreateProgram", "hiprtcGetCodeSize", "hiprtcGetCode"] {
        let (ran, account) = loopback.run_failing(&format!("{function}=1"), &EXP);
        names(&ran.expect(OUT_OF_MEMORY), function, 1);
        account.is_proper();
    }
    assert!(loopback.bench.names(&cache).is_empty(), "nothing was kept of what failed");
    let (ran, _) = loopback.run_failing("hiprtcDestroyProgram=3", &EXP);
    let _ = ran.expect(0);
    // What is kept and of no use is compiled again.
    for file in loopback.bench.names(&cache) {
        std::fs::write(cache.join(file), "no module").expect("write");
    }
    let (ran, account) = loopback.run(&EXP);
    let _ = ran.expect(0);
    assert_eq!(account.calls("hiprtcCompileProgram"), 2, "the probe and the kernel");
    // So is what the driver refuses.
    let (ran, account) = loopback.run_failing("hipModuleLoadData:1=209", &EXP);
    let _ = ran.expect(0);
    assert_eq!(account.calls("hiprtcCompileProgram"), 1);
}

/// The findings of a certificate's making, in order.
fn findings(reply: &Value) -> Vec<(String, String)> {
    let kernels = reply["kernels"].as_object().expect("kernels");
    kernels.iter().map(|(_, found)| (found["standing"].to_string(), found["message"].to_string())).collect()
}

#[test]
fn after_a_fault_for_good_the_device_is_refused_and_the_host_lives() {
    let Some(loopback) = ready() else { return };
    let args = ["backend", "certify", "rocm", "--kernel", "e*.f32.v1", "--again", "--json"];
    let (ran, account) = loopback.run(&args);
    let kernels = findings(&ran.expect(0).json());
    assert!(kernels.len() > 3 && kernels.iter().all(|(standing, _)| standing.contains("bit-exact")), "{kernels:?}");
    // One call fails, once; that it is the device's end is known by the number, not by what comes after.
    for (function, code, name) in [
        ("hipModuleLaunchKernel", 719, "hipErrorLaunchFailure"),
        ("hipMemcpyAsync", 700, "hipErrorIllegalAddress"),
        ("hipEventQuery", 214, "hipErrorECCNotCorrectable"),
        ("hipEventRecord", 709, "hipErrorContextIsDestroyed"),
    ] {
        let middle = account.calls(function) / 2;
        let (ran, after) = loopback.run_failing(&format!("{function}:{middle}={code}"), &args);
        after.is_proper();
        let found = findings(&ran.expect(18).json());
        let failed = found.iter().filter(|(standing, _)| standing.contains("failed")).count();
        assert!(
            found[0].0.contains("bit-exact") && found.last().is_some_and(|(last, _)| last.contains("failed")),
            "{found:?}"
        );
        assert!(failed > 1, "{found:?}");
        let reason = format!("{function} failed: {name} ({code})");
        for (standing, message) in &found {
            assert!(standing.contains("bit-exact") || message.contains(&reason), "{standing}: {message}");
        }
    }
}

#[test]
fn a_lack_of_memory_is_no_fault_of_the_device() {
    let Some(mut loopback) = ready() else { return };
    let args = ["backend", "certify", "rocm", "--kernel", "e*.f32.v1", "--again", "--json"];
    let (_, account) = loopback.run(&args);
    let middle = account.calls("hipMallocAsync") / 2;
    let (ran, after) = loopback.run_failing(&format!("hipMallocAsync:{middle}=2"), &args);
    after.is_proper().is_settled();
    let found = findings(&ran.expect(18).json());
    let failed: Vec<_> = found.iter().filter(|(standing, _)| !standing.contains("bit-exact")).collect();
    assert_eq!(failed.len(), 1, "{found:?}");
    assert!(failed[0].1.contains("out of memory") && failed[0].1.contains("hipErrorOutOfMemory (2)"), "{failed:?}");
    // A device that is simply too small.
    npy(&loopback.bench.work().join("x.npy"), &vec![0.5; 1 << 20]);
    loopback.set("LOOPBACK_MEMORY_MIB", "6");
    let (ran, account) = loopback.run(&EXP);
    account.is_proper().is_settled();
    let ran = ran.expect(OUT_OF_MEMORY);
    ran.complains_of("kernel exp.f32.v1: backend `rocm` could not allocate 4194304 bytes: out of memory: ");
    assert!(ran.stderr.contains("  help: use smaller inputs, another device"), "{ran:#?}");
}

#[test]
fn a_device_that_is_lost_in_the_middle_of_digits_ends_the_run_and_nothing_else() {
    let Some(loopback) = Loopback::new() else { return };
    let args = ["run", "digits", "--seed", "7", "--json", "--input", r#"{"steps": 4}"#, "--backend", "rocm"];
    let _ = loopback.run(&args).0.expect(0);
    let (ran, account) = loopback.run(&args);
    let hash = ran.expect(0).json()["output_hash"].clone();
    for function in ["hipModuleLaunchKernel", "hipEventQuery", "hipMemcpyAsync"] {
        let middle = account.calls(function) / 2;
        let (ran, after) = loopback.run_failing(&format!("{function}:{middle}=709!"), &args);
        after.is_proper();
        let reply = ran.expect(15).json();
        let message = reply["error"]["message"].as_str().expect("a message");
        assert!(message.contains(&format!("{function} failed: hipErrorContextIsDestroyed (709)")), "{message}");
        assert!(message.contains("device lost"), "{message}");
        assert_eq!((&reply["ok"], &reply["output_hash"]), (&false.into(), &Value::Null));
    }
    let again = loopback.run(&args).0.expect(0).json();
    assert_eq!(again["output_hash"], hash);
}

#[test]
fn a_library_that_lacks_a_function_is_named_with_it() {
    let Some(loopback) = ready() else { return };
    let (_, account) = loopback.run(&EXP);
    let hip = loopback.bench.work().join("libamdhip64.so.6");
    let (whole, path) = (std::fs::read(&hip).expect("read"), hip.display().to_string());
    let optional =
        ["hipGetDevicePropertiesR0600", "hipDeviceGetUuid", "hipDeviceGetDefaultMemPool", "hipMemPoolSetAttribute"];
    let pool = ["hipMallocAsync", "hipFreeAsync"];
    let unused =
        ["hipMalloc", "hipFree", "hipMemsetD8Async", "hipMemsetD16Async", "hipMemsetD32Async", "hipMemGetInfo"];
    let mut functions = account.functions();
    functions.retain(|name| !optional.contains(&name.as_str()) && !pool.contains(&name.as_str()));
    functions.extend(unused.map(str::to_owned));
    functions.extend(["hiprtcCompileProgram".to_owned(), "hiprtcGetProgramLog".to_owned()]);
    for function in functions {
        std::fs::write(&hip, &whole).expect("write");
        without(&hip, &function);
        let reason = refusal(&loopback.bench);
        if function.starts_with("hiprtc") {
            let compiler = hip.with_file_name("libhiprtc.so.6").display().to_string();
            let what = format!("{path} is here, but no hipRTC to compile with: {compiler} has no {function}");
            let remedy = "install ROCm's hipRTC, or name its file in plugins.rocm.hiprtc_library";
            assert_eq!(reason, format!("{what}; {remedy}"));
        } else {
            let what = format!("{path} has no {function}, so it is no HIP of ROCm 5 or later");
            assert_eq!(reason, format!("{what}: name another file in plugins.rocm.library"));
        }
    }
}

#[test]
fn a_library_that_is_too_old_or_has_no_compiler_or_no_device() {
    let Some(mut loopback) = ready() else { return };
    let hip = loopback.bench.work().join("libamdhip64.so.6");
    let path = hip.display().to_string();
    loopback.set("LOOPBACK_VERSION", "40421401");
    assert_eq!(refusal(&loopback.bench), format!("{path} is HIP 4.4, and 5.0 is needed: install ROCm 5 or later"));
    loopback.set("LOOPBACK_VERSION", "71460850");
    without(&hip, "hiprtcVersion");
    let remedy = "install ROCm's hipRTC, or name its file in plugins.rocm.hiprtc_library";
    let places = "libhiprtc.so.7 is in no folder of the loader and not in /opt/rocm/lib";
    if !Path::new("/opt/rocm/lib/libhiprtc.so.7").exists() {
        assert_eq!(
            refusal(&loopback.bench),
            format!("{path} is here, but no hipRTC to compile with: {places}; {remedy}")
        );
    }
    let Some(mut loopback) = ready() else { return };
    let path = loopback.bench.work().join("libamdhip64.so.6").display().to_string();
    loopback.set("LOOPBACK_FAIL", "hipInit=35");
    let update = "update the driver, or install an older ROCm";
    let older = format!("{path} (HIP 6.2.41134) needs a newer amdgpu driver than the kernel's: {update}");
    assert_eq!(refusal(&loopback.bench), older);
    loopback.set("LOOPBACK_FAIL", "hipInit=304");
    let words = "cannot start: hipInit failed: hipErrorOperatingSystem (304); `rocminfo` says more";
    assert_eq!(refusal(&loopback.bench), format!("{path} (HIP 6.2.41134) {words}"));
    loopback.set("LOOPBACK_FAIL", "");
    loopback.set("LOOPBACK_DEVICES", "0");
    let reason = refusal(&loopback.bench);
    assert!(reason.starts_with(&format!("{path} (HIP 6.2.41134) finds no device: ")), "{reason}");
    // One device of two that cannot be asked leaves the other.
    loopback.set("LOOPBACK_DEVICES", "2");
    loopback.set("LOOPBACK_FAIL", "hipDeviceTotalMem:1=999");
    let list = loopback.bench.run(&["backend", "list", "--json"]).expect(0).json();
    let rocm = list["backends"].as_array().and_then(|all| all.iter().find(|found| found["id"] == "rocm")).expect("it");
    assert_eq!(rocm["devices"].as_array().map(Vec::len), Some(1), "{rocm:#}");
    assert_eq!(rocm["devices"][0]["uuid"], "GPU-1009bacc00000001");
}
