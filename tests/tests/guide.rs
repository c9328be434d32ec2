//! The guide for backend authors, followed to the letter: every command of docs/book/backend-authors.md is run in an empty
//! folder, every piece of code goes where the text says, and every listing has to come out.

use std::path::{Path, PathBuf};
use std::process::Command;

use clamp_tests::{Bench, dist, folder};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().expect("the clone")
}

/// The fenced blocks of one section: language and content.
fn blocks(title: &str) -> Vec<(String, String)> {
    let guide = std::fs::read_to_string(root().join("docs/book/backend-authors.md")).expect("read");
    let section = guide.split(&format!("\n## {title}\n")).nth(1).and_then(|rest| rest.split("\n## ").next());
    let mut blocks = Vec::new();
    let mut open: Option<(String, String)> = None;
    for line in section.expect("the section").lines() {
        match (&mut open, line.strip_prefix("```")) {
            (None, Some(language)) => open = Some((language.to_owned(), String::new())),
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some((_, text)), None) => {
                text.push_str(line);
                text.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

/// A reader at a shell.
struct Reader {
    bench: Bench,
    /// Where the last command left off.
    place: PathBuf,
    said: String,
}

impl Reader {
    fn new() -> Self {
        let bench = Bench::new();
        let place = bench.work().canonicalize().expect("a folder");
        Self { bench, place, said: String::new() }
    }

    /// Runs a block; the next one begins where this one ends. A failure ends the test.
    fn run(&mut self, block: &str) {
        let left = self.bench.home().join("place");
        let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
        let or = |name: &str, folder: &str| std::env::var_os(name).unwrap_or_else(|| home.join(folder).into());
        let mut shell = Command::new("sh");
        if !block.contains("cargo xtask") {
            // The reader's own crate, which is kept as small as it can be; the clone's settings are the clone's.
            shell.env_remove("CARGO_TARGET_DIR").env("CARGO_PROFILE_DEV_DEBUG", "0").env("CARGO_INCREMENTAL", "0");
        }
        let output = shell
            .args(["-euc", &format!("{block}\npwd > '{}'", left.display())])
            .current_dir(&self.place)
            .envs([("CARGO_HOME", or("CARGO_HOME", ".cargo")), ("RUSTUP_HOME", or("RUSTUP_HOME", ".rustup"))])
            .env("HOME", self.bench.work())
            .env("CLAMP", dist())
            .env("CLONE", root())
            .env("CLAMP_HOME", self.bench.home())
            // What the tests build needs no network: the clone's dependencies are there.
            .env("CARGO_NET_OFFLINE", "true")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .output()
            .expect("a shell");
        self.said = String::from_utf8_lossy(&output.stdout).into_owned();
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{block}\n{}\n{errors}", self.said);
        self.place = std::fs::read_to_string(left).expect("a folder").trim_end().into();
    }

    /// Holds a listing against what the last command said; how many blanks stand between words does not matter.
    fn compare(&self, listing: &str) {
        let plain = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let said: Vec<String> = self.said.lines().map(plain).collect();
        for line in listing.lines().map(plain) {
            assert!(said.iter().any(|said| said.contains(&line)), "{line:?} is not in\n{}", self.said);
        }
    }

    fn edit(&self, file: &str, change: impl FnOnce(&str) -> String) {
        let path = self.place.join(file);
        let text = std::fs::read_to_string(&path).expect("read");
        let changed = change(&text);
        assert_ne!(text, changed, "nothing was changed in {file}");
        std::fs::write(&path, changed).expect("write");
    }
}

#[test]
fn the_way_in_c_leads_to_a_certificate() {
    let mut reader = Reader::new();
    let (mut commands, mut pieces, mut listings) = (0, 0, 0);
    for (language, text) in blocks("In C") {
        match &*language {
            "sh" => {
                reader.run(&text);
                commands += 1;
            }
            "text" => {
                reader.compare(&text);
                listings += 1;
            }
            // The list is opened by its declaration; above it stands its comment.
            "c" if text.trim_start().starts_with('{') => {
                let list = "static const Kernel KERNELS[] = {\n";
                reader.edit("kernels.c", |source| source.replace(list, &format!("{list}{text}")));
                pieces += 1;
            }
            "c" => {
                let above = "/* id, inputs, outputs,";
                reader.edit("kernels.c", |source| source.replace(above, &format!("{text}\n{above}")));
                pieces += 1;
            }
            other => panic!("the guide has a block of {other}"),
        }
    }
    assert_eq!((commands, pieces, listings), (5, 2, 4), "the guide has other blocks than this test knows");
}

#[test]
fn the_way_in_rust_leads_to_a_certificate() {
    let mut reader = Reader::new();
    // Dependencies compile once a clone, not once a test.
    let target = folder("CLAMP_TEST_KIT");
    std::fs::create_dir_all(&target).expect("a folder");
    let (mut commands, mut pieces, mut listings) = (0, 0, 0);
    for (language, text) in blocks("In Rust") {
        match &*language {
            "sh" => {
                reader.run(&text);
                commands += 1;
                if text.contains("new-backend") {
                    let link = reader.bench.work().join("mine/target");
                    std::os::unix::fs::symlink(&target, link).expect("a link");
                }
            }
            "text" if text.starts_with("clamp_plugin_api::") => {
                let source = std::fs::read_to_string(reader.place.join("src/lib.rs")).expect("read");
                assert!(source.contains(text.trim_end()), "{text}");
            }
            "text" => {
                reader.compare(&text);
                listings += 1;
            }
            "rust" => {
                let list = "const ALL: &'static [Kernel] = &[\n";
                reader.edit("src/kernels.rs", |source| source.replace(list, &format!("{list}{text}")));
                pieces += 1;
            }
            other => panic!("the guide has a block of {other}"),
        }
    }
    assert_eq!((commands, pieces, listings), (3, 1, 3), "the guide has other blocks than this test knows");
}
