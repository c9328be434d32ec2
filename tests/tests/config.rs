//! Settings at the door: where values come from, and what is said about wrong ones.

use clamp_tests::Bench;

#[test]
fn each_value_says_where_it_came_from() {
    let mut bench = Bench::new();
    std::fs::write(bench.home().join("clamp.yaml"), "limits:\n  fuel: 5000000\n").expect("write");
    bench.environment.insert("CLAMP_RUN_THREADS".into(), "3".into());
    let shown = bench.run(&["config", "show", "--json"]).expect(0).json();
    let find = |key: &str| {
        let all = shown["settings"].as_array().expect("a list");
        all.iter().find(|s| s["key"] == key).unwrap_or_else(|| panic!("{key} is not shown")).clone()
    };
    assert_eq!(find("limits.fuel")["value"], "5000000");
    assert!(find("limits.fuel")["origin"].as_str().is_some_and(|o| o.ends_with("clamp.yaml:2")));
    assert_eq!(find("run.threads")["origin"], "CLAMP_RUN_THREADS");
    assert_eq!(find("run.mode")["value"], "strict");
}

#[test]
fn init_writes_once_and_what_it_writes_is_sound() {
    let bench = Bench::new();
    let _ = bench.run(&["config", "init"]).expect(0);
    let _ = bench.run(&["config", "check"]).expect(0);
    let before = bench.listing(&bench.home());
    bench.run(&["config", "init"]).expect(12).complains_of("clamp.yaml");
    assert_eq!(before, bench.listing(&bench.home()));
    let _ = bench.run(&["config", "init", "--force"]).expect(0);
}

#[test]
fn wrong_settings_are_named_with_file_and_line() {
    let bench = Bench::new();
    let file = bench.home().join("clamp.yaml");
    std::fs::write(&file, "limits:\n  fule: 1\n").expect("write");
    let ran = bench.run(&["run", "abraxas"]).expect(14);
    ran.complains_of("clamp.yaml:2");
    assert!(ran.stderr.contains("fule") && ran.stderr.contains("fuel"), "{ran:#?}");
    std::fs::write(&file, "limits:\n  fuel: lots\n").expect("write");
    bench.run(&["run", "abraxas"]).expect(14).complains_of("clamp.yaml:2");
    let _ = bench.run(&["config", "check"]).expect(14);
    bench.run(&["config", "show", "--config", "gone.yaml"]).expect(13).complains_of("gone.yaml");
}

#[test]
fn wrong_usage_is_64_everywhere_and_json_errors_have_one_form() {
    let bench = Bench::new();
    for args in [&["nonsense"][..], &["run"], &["run", "digits", "--threads", "many"], &["kernel", "run", "x"]] {
        let _ = bench.run(args).expect(64);
        let error = bench.run(&[args, &["--json"]].concat()).expect(64).json();
        assert_eq!(error["error"]["code"], 64, "{error:#}");
        assert_eq!(error["error"]["kind"], "usage");
    }
    for help in [&["--help"][..], &["run", "--help"], &["--version"]] {
        let _ = bench.run(help).expect(0);
    }
}
