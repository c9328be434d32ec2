//! Which value holds, where it came from, and what is said about wrong ones.

use super::super::value::Mode;
use super::*;
use std::fs;

/// Folders for one test, and the environment it brings.
struct Bench {
    folder: tempfile::TempDir,
    places: Places,
    environment: Environment,
    config: Option<PathBuf>,
    flags: Vec<Flag>,
}

impl Bench {
    fn new(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let places = Places { bundled: at("bundled"), home: at("home"), work: at("work") };
        fs::create_dir_all(places.bundled.join("config")).expect("a folder");
        fs::create_dir_all(&places.home).expect("a folder");
        let environment = Environment::from_pairs(variables.iter().copied());
        Self { folder, places, environment, config: None, flags: Vec::new() }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).expect("written");
        path
    }

    fn flag(mut self, key: &'static str, flag: &str, value: &str) -> Self {
        self.flags.push(Flag { key, flag: flag.to_owned(), raw: Raw::Text(value.to_owned()) });
        self
    }

    fn sources(&self) -> Sources<'_> {
        Sources {
            environment: &self.environment,
            places: &self.places,
            config: self.config.clone(),
            flags: self.flags.clone(),
        }
    }

    fn load(&self) -> Result<Settings> {
        Settings::load(&self.sources()).map_err(|mut error| {
            error.message = self.short(&error.message);
            error
        })
    }

    fn check(&self) -> Vec<String> {
        check(&self.sources()).expect("readable").iter().map(|problem| self.short(&problem.to_string())).collect()
    }

    fn short(&self, text: &str) -> String {
        text.replace(&*self.folder.path().to_string_lossy(), "")
    }

    fn origin(&self, key: &str) -> String {
        self.short(&self.load().expect("good settings").origin(key).to_string())
    }
}

#[test]
fn without_anything_the_defaults_hold() {
    let bench = Bench::new(&[]);
    let settings = bench.load().expect("defaults");
    assert_eq!(settings, Settings::default());
    assert_eq!((settings.limits.fuel, settings.limits.wall_ms), (100_000_000_000, 0));
    assert_eq!(
        (settings.run.root.to_str(), settings.run.mode, &settings.run.seed),
        (Some("runs"), Mode::Strict, &None)
    );
    assert_eq!((settings.backend.default.as_str(), settings.run.threads), ("auto", 0));
    assert_eq!(settings.limits.wasm_stack_bytes, 1 << 20);
    assert_eq!(settings.determinism.seed, "0");
    assert!(bench.check().is_empty());
}

#[test]
fn default_then_file_then_environment_then_flag() {
    let mut bench = Bench::new(&[]);
    assert_eq!(bench.origin("run.seed"), "default");
    bench.file("home/clamp.yaml", "run:\n  threads: 2\n  seed: from-file\n");
    assert_eq!(bench.origin("run.seed"), "/home/clamp.yaml:3");
    bench.environment = Environment::from_pairs([("CLAMP_RUN_SEED", "from-variable")]);
    assert_eq!(bench.origin("run.seed"), "CLAMP_RUN_SEED");
    let bench = bench.flag("run.seed", "--seed", "");
    assert_eq!(bench.origin("run.seed"), "--seed");
    let settings = bench.load().expect("good settings");
    assert_eq!(settings.run.seed.as_deref(), Some(""), "an empty seed that is given is one");
    assert_eq!(settings.run.threads, 2);

    let shown = settings.show();
    assert_eq!(shown.len(), KEYS.len());
    let threads = shown.iter().find(|shown| shown.key == "run.threads").expect("shown");
    assert_eq!(
        (threads.value.as_str(), bench.short(&threads.origin.to_string())),
        ("2", "/home/clamp.yaml:2".to_owned())
    );
    assert!(threads.doc.starts_with("Threads of the CPU backend"));
}

#[test]
fn one_file_counts() {
    let mut bench = Bench::new(&[]);
    bench.file("bundled/config/clamp.yaml", "run:\n  threads: 1\n");
    assert_eq!(bench.load().expect("bundled").run.threads, 1);
    bench.file("home/clamp.yaml", "run:\n  seed: x\n");
    let settings = bench.load().expect("home");
    assert_eq!(
        (settings.run.threads, settings.run.seed.as_deref()),
        (0, Some("x")),
        "the bundled file is not read too"
    );
    let variable = bench.file("variable.yaml", "run:\n  threads: 3\n");
    bench.environment = Environment::from_pairs([("CLAMP_CONFIG", variable.to_str().expect("text"))]);
    assert_eq!(bench.load().expect("variable").run.threads, 3);
    bench.config = Some(bench.file("flag.yaml", "run:\n  threads: 4\n"));
    assert_eq!(bench.load().expect("flag").run.threads, 4);
}

#[test]
fn a_named_file_that_is_missing_is_an_error() {
    let mut bench = Bench::new(&[("CLAMP_CONFIG", "/no/such.yaml")]);
    let error = bench.load().expect_err("missing");
    assert_eq!(error.kind, ErrorKind::NotFound);
    assert_eq!(error.message, "the settings file /no/such.yaml named by CLAMP_CONFIG does not exist");
    bench.config = Some("/nor/this.yaml".into());
    assert_eq!(
        bench.load().expect_err("missing").message,
        "the settings file /nor/this.yaml named by --config does not exist"
    );
}

#[test]
fn a_wrong_value_names_its_place_even_where_it_is_hidden() {
    let mut bench = Bench::new(&[("CLAMP_LIMITS_FUEL", "7")]);
    bench.file("home/clamp.yaml", "limits:\n  log_bytes: 16MB\n  fuel: many\n");
    let error = bench.load().expect_err("wrong");
    assert_eq!(error.kind, ErrorKind::BadInput);
    assert_eq!(
        error.message,
        "/home/clamp.yaml:2: limits.log_bytes: \"16MB\" is not a number of bytes from 1, such as 65536 or 64KiB"
    );
    assert_eq!(bench.check().len(), 2);
    assert!(bench.check()[1].starts_with("/home/clamp.yaml:3: limits.fuel: \"many\" is not a whole number from 1"));

    bench.file("home/clamp.yaml", "");
    bench.environment = Environment::from_pairs([("CLAMP_RUN_THREADS", "-1")]);
    assert!(bench.load().expect_err("wrong").message.starts_with("CLAMP_RUN_THREADS: run.threads: \"-1\""));
    bench.environment = Environment::default();
    let bench = bench.flag("run.mode", "--mode", "loose");
    assert_eq!(
        bench.load().expect_err("wrong").message,
        "--mode: run.mode: \"loose\" is no mode; there are strict and fast"
    );
}

#[test]
fn an_unknown_key_stops_everything_and_is_named() {
    let bench = Bench::new(&[]);
    bench.file("home/clamp.yaml", "limits:\n  feul: 3\n");
    let error = bench.load().expect_err("unknown");
    assert_eq!(error.message, "/home/clamp.yaml:2:3: there is no key \"limits.feul\"");
    assert_eq!(error.hint.as_deref(), Some("did you mean limits.fuel?"));
}

#[test]
fn the_mode_of_determinism_yaml_is_below_clamp_yaml() {
    let bench = Bench::new(&[]);
    bench.file("home/determinism.yaml", "seed: 5\nmode: fast\n");
    let settings = bench.load().expect("good");
    assert_eq!((settings.run.mode, settings.determinism.seed.as_str(), &settings.run.seed), (Mode::Fast, "5", &None));
    assert_eq!(bench.origin("run.mode"), "/home/determinism.yaml:2");
    bench.file("home/clamp.yaml", "run:\n  mode: strict\n");
    assert_eq!(bench.origin("run.mode"), "/home/clamp.yaml:2");
}

#[test]
fn plugin_folders_come_from_a_list_or_a_variable_and_never_from_a_privileged_environment() {
    let mut bench = Bench::new(&[("CLAMP_PLUGIN_PATH", "/a:/b")]);
    bench.file("home/clamp.yaml", "backend:\n  plugin_path: [/c]\n");
    let path = |bench: &Bench| bench.load().map(|s| s.backend.plugin_path);
    assert_eq!(path(&bench), Ok(vec!["/a".into(), "/b".into()]));
    bench.environment = bench.environment.clone().privileged();
    assert_eq!(path(&bench), Ok(vec!["/c".into()]));
    bench.environment = Environment::from_pairs([("CLAMP_PLUGIN_PATH", "plugins")]);
    assert!(path(&bench).expect_err("relative").message.contains("\"plugins\" is relative"));
}

#[test]
fn check_finds_all_that_is_wrong() {
    let bench = Bench::new(&[("CLAMP_LIMIT_FUEL", "3"), ("CLAMPING", "x"), ("CLAMP_HOME", "/h")]);
    bench.file("home/clamp.yaml", "run:\n  sead: 1\n  threads: x\n");
    bench.file("home/determinism.yaml", "sed: 1\n");
    bench.file("bundled/config/hardware.yaml", "cpu_cores: 0\n");
    assert_eq!(
        bench.check(),
        [
            "/home/determinism.yaml:1:1: there is no key \"sed\" (did you mean seed?)",
            "/home/clamp.yaml:2:3: there is no key \"run.sead\" (did you mean run.seed?)",
            "/home/clamp.yaml:3: run.threads: \"x\" is not a whole number up to 65536 \
             (Threads of the CPU backend; 0 is all cores. Never changes a result.)",
            "CLAMP_LIMIT_FUEL: no setting has this variable (did you mean CLAMP_LIMITS_FUEL?)",
            "/bundled/config/hardware.yaml:1:12: cpu_cores is at least 1",
        ]
    );
    let warnings = check(&bench.sources()).expect("readable");
    assert_eq!(warnings.iter().filter(|problem| problem.warning).count(), 1);
}

#[test]
fn text_that_is_not_utf8_has_its_line() {
    let bench = Bench::new(&[]);
    fs::write(bench.places.home_config("clamp.yaml"), b"run:\n  seed: \xff\n").expect("written");
    assert_eq!(bench.load().expect_err("not UTF-8").message, "/home/clamp.yaml:2: the file is not UTF-8");
}

#[test]
fn plugins_settings_come_from_the_file_and_then_the_environment() {
    let mut bench = Bench::new(&[]);
    bench.file("home/clamp.yaml", "plugins:\n  cpu:\n    dispatch: avx2\n    other: 7\n");
    bench.environment = Environment::from_pairs([("CLAMP_PLUGINS_CPU_DISPATCH", "portable")]);
    let settings = bench.load().expect("good settings");
    let own = |key: &str| settings.plugins.get("cpu").and_then(|cpu| cpu.get(key)).map(String::as_str);
    assert_eq!((own("dispatch"), own("other"), own("none")), (Some("portable"), Some("7"), None));
    let shown = settings.show();
    let origin = |key: &str| {
        let found = shown.iter().find(|shown| shown.key == key).expect("shown");
        bench.short(&found.origin.to_string())
    };
    assert_eq!(origin("plugins.cpu.dispatch"), "CLAMP_PLUGINS_CPU_DISPATCH");
    assert_eq!(origin("plugins.cpu.other"), "/home/clamp.yaml:4");
}
