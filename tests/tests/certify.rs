//! Certificates: a backend's bits are compared before strict believes it, and no defect gets through: a wrong bit, a
//! failure, silence, a changed plugin or driver, a spoilt certificate.

use std::path::{Path, PathBuf};

use clamp_tests::{Bench, Ran, dist, elements, npy, package, twisted_plugin};
use serde_json::Value;

/// A plugin folder in a bench's working folder.
fn plugins(bench: &Bench) -> PathBuf {
    let folder = bench.work().join("plugins");
    std::fs::create_dir(&folder).expect("a folder");
    folder
}

fn with_plugins(bench: &Bench, args: &[&str]) -> Ran {
    let folder = bench.work().join("plugins").to_string_lossy().into_owned();
    bench.run(&[args, &["--plugins", &folder]].concat())
}

/// Runs exp on [0, 1].
fn exp(bench: &Bench, extra: &[&str]) -> Ran {
    npy(&bench.work().join("x.npy"), &[0.0, 1.0]);
    let args = ["kernel", "run", "exp.f32.v1", "--in", "x=x.npy", "--out", "y.npy"];
    with_plugins(bench, &[&args[..], extra].concat())
}

fn certificates(bench: &Bench) -> Vec<PathBuf> {
    let folder = bench.home().join("certificates");
    bench.names(&folder).iter().map(|name| folder.join(name)).collect()
}

fn manifest(reply: &Value) -> Value {
    let folder = reply["run_dir"].as_str().expect("run_dir");
    serde_json::from_slice(&std::fs::read(Path::new(folder).join("manifest.json")).expect("read")).expect("JSON")
}

/// An overlay that computes what digits does, but may run in fast.
fn install_careless_digits(bench: &Bench) {
    let (from, to) = (package("digits"), bench.work().join("careless"));
    let mut open = vec![PathBuf::new()];
    while let Some(folder) = open.pop() {
        std::fs::create_dir_all(to.join(&folder)).expect("a folder");
        for entry in std::fs::read_dir(from.join(&folder)).expect("list").flatten() {
            let path = folder.join(entry.file_name());
            if entry.path().is_dir() {
                open.push(path);
            } else {
                std::fs::copy(from.join(&path), to.join(&path)).expect("copy");
            }
        }
    }
    let file = to.join("manifest.json");
    let mut value: Value = serde_json::from_slice(&std::fs::read(&file).expect("read")).expect("JSON");
    value["name"] = "careless".into();
    value["policy"]["deterministic"] = false.into();
    std::fs::write(&file, value.to_string()).expect("write");
    let to = to.to_string_lossy();
    let _ = bench.run(&["overlay", "install", &to, "--enable", "--grant", "all"]).expect(0);
}

const SHORT: [&str; 3] = ["careless", "--input", r#"{"steps": 20}"#];

#[test]
fn the_bundled_backend_is_bit_exact_everywhere_and_is_tried_once() {
    let bench = Bench::new();
    let kernels = bench.run(&["kernel", "list", "--json"]).expect(0).json();
    let all = kernels["kernels"].as_array().expect("a list").len();
    let first = bench.run(&["backend", "certify", "cpu", "--json"]).expect(0).json();
    assert_eq!(first["counts"]["bit-exact"], all, "{first:#}");
    assert_eq!((&first["ok"], &first["made"]), (&true.into(), &all.into()));
    let file = certificates(&bench);
    assert_eq!(file.len(), 1);
    let kept = std::fs::read(&file[0]).expect("read");
    let second = bench.run(&["backend", "certify", "cpu", "--json"]).expect(0).json();
    assert_eq!((&second["made"], &second["kernels"]["exp.f32.v1"]["ms"]), (&0.into(), &Value::Null));
    let again =
        bench.run(&["backend", "certify", "cpu", "--again", "--kernel", "s*.f64.v1", "--json"]).expect(0).json();
    assert!(again["made"].as_u64().is_some_and(|made| made > 1 && made < all as u64), "{again:#}");
    assert_eq!(std::fs::read(&file[0]).expect("read"), kept, "equal findings are equal bytes");
    let list = bench.run(&["backend", "list"]).expect(0).stdout;
    assert!(list.contains(&format!("{all}/{all}")), "{list}");
    let listed = bench.run(&["backend", "certificates", "--json"]).expect(0).json();
    assert_eq!(listed["certificates"][0]["holds"], true);
    assert_eq!(listed["certificates"][0]["binding"]["backend"], "cpu");
    bench.run(&["backend", "certify", "cpu", "--kernel", "ex.f32.v1"]).expect(13).complains_of("--kernel ex.f32.v1");
    bench.run(&["backend", "certify", "cpu", "--device", "3"]).expect(13).complains_of("no device 3");
    bench.run(&["backend", "certify", "./gone.so"]).expect(13).complains_of("gone.so does not exist");
}

#[test]
fn one_wrong_bit_is_caught_refused_in_strict_and_labelled_in_fast() {
    let bench = Bench::new();
    let folder = plugins(&bench);
    twisted_plugin("twisted", &["BIT"], &folder);
    let ran = with_plugins(&bench, &["backend", "certify", "./plugins/twisted.so", "--kernel", "exp*"]).expect(18);
    assert!(ran.stdout.contains("differs: exp.f32.v1: case values: element "), "{ran:#?}");
    assert!(ran.stdout.contains("402df855, it has to be 402df854 (1 ULP apart)"), "{ran:#?}");
    // Refused by what was found before, without trying again.
    let refused = exp(&bench, &[]).expect(18);
    refused.complains_of("backend `twisted`: kernel exp.f32.v1 has not the bits of the specification: case values");
    assert!(!bench.work().join("y.npy").exists());
    // Named, it is refused likewise; another kernel of it is not.
    exp(&bench, &["--backend", "twisted"]).expect(18).complains_of("exp.f32.v1");
    let args = ["kernel", "run", "neg.f32.v1", "--in", "x=x.npy", "--out", "z.npy"];
    let _ = with_plugins(&bench, &args).expect(0);
    let fast = exp(&bench, &["--mode", "fast", "--json"]).expect(0).json();
    assert_eq!((&fast["mode"], &fast["certificate"]), (&"fast".into(), &"differs (not certified: exp.f32.v1)".into()));
    assert_eq!(elements(&bench.work().join("y.npy"))[1].to_bits(), 0x402d_f855);
    let shown = exp(&bench, &["--mode", "fast"]).expect(0).stderr;
    assert!(shown.contains("certificate: differs (not certified: exp.f32.v1)"), "{shown}");
}

#[test]
fn an_overlay_is_refused_passed_on_or_labelled() {
    let bench = Bench::new();
    install_careless_digits(&bench);
    let folder = plugins(&bench);
    twisted_plugin("a_twisted", &["BIT", "TWIST=\"log.f32.v1\""], &folder);
    let run = |extra: &[&str]| with_plugins(&bench, &[&["run", "--json"][..], &SHORT, extra].concat());
    // A fast run before anything is known says so.
    let unknown = run(&["--mode", "fast"]).expect(0).json();
    assert_eq!(unknown["certificate"], "unknown (not certified)");
    let refused = run(&["--backend", "twisted"]).expect(18).json();
    assert_eq!(refused["error"]["kind"], "not-certified");
    let message = refused["error"]["message"].as_str().expect("message");
    assert!(message.contains("kernel log.f32.v1") && message.contains("case values: element"), "{message}");
    let message = run(&[]).expect(18).json()["error"]["message"].to_string();
    assert!(message.contains("no backend can be used") && message.contains("log.f32.v1"), "{message}");
    let fast = run(&["--mode", "fast"]).expect(0).json();
    assert_eq!(fast["certificate"], "differs (not certified: log.f32.v1)");
    let record = manifest(&fast);
    assert_eq!(record["volatile"]["certificate"]["kernels"]["log.f32.v1"], "differs");
    assert_eq!(record["volatile"]["certificate"]["kernels"]["sub.f32.v1"], "bit-exact");
    assert!(record["kernels"]["sub.f32.v1"].is_null(), "fast promises nothing");
    assert!(record["trust"].as_array().expect("a list").contains(&"backend: its bits are not promised (fast)".into()));
    // Beside one that is exact, it is passed over.
    std::fs::copy(dist().join("plugins/clamp_cpu.so"), folder.join("b_cpu.so")).expect("copy");
    let passed = run(&[]).expect(0).json();
    assert_eq!(passed["backend"], "cpu");
    let reason = manifest(&passed)["volatile"]["backend_reason"].to_string();
    assert!(reason.contains("passed over: twisted:0") && reason.contains("kernel log.f32.v1 has not"), "{reason}");
}

#[test]
fn a_second_strict_run_tries_nothing_again() {
    let bench = Bench::new();
    install_careless_digits(&bench);
    let run = || bench.run(&[&["run", "--json", "--seed", "7"][..], &SHORT].concat()).expect(0).json();
    let (first, second) = (run(), run());
    let label = |reply: &Value| reply["certificate"].as_str().expect("label").to_owned();
    assert!(label(&first).starts_with("bit-exact (12 kernels, 12 of them certified now in "), "{first:#}");
    assert_eq!(label(&second), "bit-exact (12 kernels, certified before)");
    let (first, second) = (manifest(&first), manifest(&second));
    let source = |record: &Value| record["volatile"]["certificate"]["source"].clone();
    assert_eq!((source(&first), source(&second)), ("made".into(), "kept".into()));
    assert_eq!(second["volatile"]["durations_ms"]["certify"], 0.0);
    assert_eq!(first["kernels"], second["kernels"]);
    assert_eq!(second["kernels"]["softmax.f32.v1"]["standing"], "bit-exact");
    // What the first run left serves a look at all kernels, too: 12 fewer are tried.
    let rest = bench.run(&["backend", "certify", "cpu", "--json"]).expect(0).json();
    assert_eq!(rest["made"].as_u64().map(|made| made + 12), rest["kernels"].as_object().map(|all| all.len() as u64));
}

#[test]
fn another_driver_or_another_plugin_file_is_tried_anew() {
    let bench = Bench::new();
    let folder = plugins(&bench);
    let file = twisted_plugin("twisted", &["TWIST=\"none\""], &folder);
    let made = || {
        let args = ["backend", "certify", "twisted", "--kernel", "exp.f32.v1", "--json"];
        with_plugins(&bench, &args).expect(0).json()["made"].clone()
    };
    assert_eq!((made(), made()), (1.into(), 0.into()));
    std::fs::write(folder.join("driver"), "another driver 2.0").expect("write");
    assert_eq!((made(), made()), (1.into(), 0.into()), "the driver changed");
    let mut bytes = std::fs::read(&file).expect("read");
    bytes.push(0);
    std::fs::write(&file, bytes).expect("write");
    assert_eq!((made(), made()), (1.into(), 0.into()), "the plugin changed");
    assert_eq!(certificates(&bench).len(), 3);
}

#[test]
fn a_spoilt_or_foreign_certificate_is_named_and_made_anew() {
    let bench = Bench::new();
    let certify = || bench.run(&["backend", "certify", "cpu", "--kernel", "exp.f32.v1", "--json"]).expect(0).json();
    assert_eq!(certify()["made"], 1);
    let file = certificates(&bench).remove(0);
    let good = std::fs::read_to_string(&file).expect("read");
    for (spoilt, why) in [
        ("{".to_owned(), "is no JSON"),
        (String::new(), "is no JSON"),
        (good.replace("\"index\":0", "\"index\":1"), "is of another backend, device or driver"),
        (good.replace("clamp.certificate.v1", "clamp.certificate.v9"), "schema"),
        (good.replace("bit-exact", "differs"), "contradicts itself"),
        (format!(" {good}"), "canonical"),
    ] {
        std::fs::write(&file, &spoilt).expect("write");
        let listed = bench.run(&["backend", "certificates", "--json"]).expect(0).json();
        assert_eq!(listed["certificates"][0]["holds"], false, "{listed:#}");
        let found = certify();
        assert_eq!(found["made"], 1, "{spoilt}");
        let note = found["notes"][0].as_str().expect("a note");
        assert!(note.contains(why) && note.contains(&*file.to_string_lossy()), "{note}");
        assert_eq!(std::fs::read_to_string(&file).expect("read"), good);
    }
    assert_eq!(certify()["made"], 0);
}

#[test]
fn a_home_that_cannot_be_written_is_said_and_no_failure() {
    let bench = Bench::new();
    // Even root cannot make a folder where a file is.
    std::fs::write(bench.home().join("certificates"), "").expect("write");
    let found = bench.run(&["backend", "certify", "cpu", "--kernel", "exp.f32.v1", "--json"]).expect(0).json();
    assert_eq!(found["counts"]["bit-exact"], 1);
    let note = found["notes"][0].as_str().expect("a note");
    assert!(note.contains("holds for this process only"), "{note}");
    install_careless_digits(&bench);
    let reply = bench.run(&[&["run", "--json"][..], &SHORT].concat()).expect(0).json();
    let notes = manifest(&reply)["volatile"]["certificate"]["notes"].to_string();
    assert!(notes.contains("holds for this process only"), "{notes}");
}

#[test]
fn a_backend_that_fails_is_silent_or_lacks_a_kernel_is_told_apart() {
    let certify = |macros: &[&str]| {
        let mut bench = Bench::new();
        let folder = plugins(&bench);
        twisted_plugin("twisted", macros, &folder);
        bench.environment.insert("CLAMP_BACKEND_CERTIFY_MS".to_owned(), "1500".to_owned());
        let args = ["backend", "certify", "twisted", "--kernel", "exp.f32.v1", "--kernel", "neg.f32.v1", "--json"];
        let ran = with_plugins(&bench, &args);
        (bench, ran)
    };
    let message = |reply: &Value, kernel: &str| reply["kernels"][kernel]["message"].to_string();

    let (bench, ran) = certify(&["FAIL"]);
    let reply = ran.expect(18).json();
    assert_eq!(reply["kernels"]["exp.f32.v1"]["standing"], "failed");
    assert!(message(&reply, "exp.f32.v1").contains("it is broken"), "{reply:#}");
    assert_eq!(reply["kernels"]["neg.f32.v1"]["standing"], "bit-exact", "the next kernel does not suffer");
    exp(&bench, &[]).expect(18).complains_of("kernel exp.f32.v1 could not be certified: case empty: ");

    let (bench, ran) = certify(&["HANG"]);
    let reply = ran.expect(18).json();
    assert!(message(&reply, "exp.f32.v1").contains("did not answer within 1500 ms"), "{reply:#}");
    assert!(message(&reply, "neg.f32.v1").contains("did not answer on exp.f32.v1"), "{reply:#}");
    exp(&bench, &[]).expect(18).complains_of("did not answer within 1500 ms");

    let (bench, ran) = certify(&["ABSENT"]);
    let reply = ran.expect(0).json();
    assert_eq!(reply["kernels"]["exp.f32.v1"]["standing"], "absent");
    assert_eq!(reply["counts"]["absent"], 1);
    exp(&bench, &["--backend", "twisted"]).expect(13).complains_of("has no kernel exp.f32.v1");
}
