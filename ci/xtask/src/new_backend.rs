//! `cargo xtask new-backend NAME`: a copy of plugins/rust-example under another name. In the workspace it becomes a member;
//! anywhere else it is a workspace of its own that finds the contract here. Nothing that exists is changed but the
//! workspace's list of members.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use crate::cli::NewBackendArgs;
use crate::staging::Staging;
use crate::workspace::Workspace;

/// The crate that is copied, and the words in it that are names.
const EXAMPLE: &str = "plugins/rust-example";
const ID: &str = "rust-example";
const FILES: [&str; 4] = ["src/lib.rs", "src/kernels.rs", "src/memory.rs", "src/queue.rs"];

pub(crate) fn run(workspace: &Workspace, args: &NewBackendArgs) -> Result<()> {
    let made = write(workspace, &args.name, args.out.as_deref())?;
    print!("{}", made.next_steps(workspace));
    Ok(())
}

/// A crate that was written.
#[derive(Debug)]
pub(crate) struct Made {
    name: Name,
    folder: PathBuf,
    member: bool,
}

/// The names that follow from an id.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Name {
    id: String,
}

impl Name {
    /// An id is what the ABI allows, and a crate's name begins with a letter.
    fn new(workspace: &Workspace, id: &str) -> Result<Self> {
        let allowed = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_');
        let well_formed = id.starts_with(|c: char| c.is_ascii_lowercase()) && id.bytes().all(allowed) && id.len() <= 64;
        ensure!(well_formed, "{id:?} cannot be a backend's id: it has to be [a-z][a-z0-9_-]{{0,63}}");
        let name = Self { id: id.to_owned() };
        let taken = workspace.members.iter().find(|member| member.name == name.package());
        if let Some(member) = taken {
            bail!("the id {id} is taken by {}; a host refuses the second plugin of one id", member.folder);
        }
        ensure!(
            id != "c-example",
            "the id {id} is taken by plugins/c-example; a host refuses the second plugin of one id"
        );
        Ok(name)
    }

    fn package(&self) -> String {
        format!("clamp-plugin-{}", self.id)
    }

    fn library(&self) -> String {
        format!("clamp_{}", self.id.replace('-', "_"))
    }
}

/// Writes the crate, whole or not at all.
pub(crate) fn write(workspace: &Workspace, id: &str, out: Option<&Path>) -> Result<Made> {
    let name = Name::new(workspace, id)?;
    let default = workspace.root.join("plugins").join(id);
    let folder = std::path::absolute(out.unwrap_or(&default)).context("--out is no path")?;
    refuse_existing(&folder)?;
    // What lies under target/ is nobody's member.
    let member = folder.starts_with(&workspace.root) && !folder.starts_with(&workspace.target);
    let members = if member { Some(with_member(workspace, &folder)?) } else { None };
    let staging = Staging::beside(&folder)?;
    let source = workspace.root.join(EXAMPLE);
    for file in FILES {
        let text = read(&source.join(file))?;
        save(&staging.path().join(file), &text.replace(&format!("\"{ID}\""), &format!("\"{id}\"")))?;
    }
    let manifest = if member { member_manifest(&source, &name)? } else { own_manifest(workspace, &name)? };
    save(&staging.path().join("Cargo.toml"), &manifest)?;
    if !member {
        // The versions that this workspace was tested with.
        save(&staging.path().join("Cargo.lock"), &read(&workspace.root.join("Cargo.lock"))?)?;
        save(&staging.path().join(".gitignore"), "/target/\n")?;
    }
    staging.publish()?;
    if let Some(text) = members {
        save(&workspace.root.join("Cargo.toml"), &text)?;
    }
    Ok(Made { name, folder, member })
}

impl Made {
    fn next_steps(&self, workspace: &Workspace) -> String {
        let (package, library) = (self.name.package(), self.name.library());
        let (build, file) = match self.member {
            true => (format!("cargo build -p {package}"), workspace.target.join(format!("debug/lib{library}.so"))),
            false => (
                format!("cd {} && cargo build", self.folder.display()),
                self.folder.join(format!("target/debug/lib{library}.so")),
            ),
        };
        let member = if self.member { "It is a member of the workspace (Cargo.toml, Cargo.lock).\n" } else { "" };
        format!(
            "made {}\n{member}Go on with\n\n  {build}\n  clamp-host backend certify {}\n\n\
             then add kernels in src/kernels.rs. docs/book/backend-authors.md leads on.\n",
            self.folder.display(),
            file.display(),
        )
    }
}

fn refuse_existing(folder: &Path) -> Result<()> {
    match fs::read_dir(folder) {
        Ok(mut entries) => {
            ensure!(entries.next().is_none(), "{} is not empty; give --out a new folder", folder.display());
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => {
            return Err(error)
                .with_context(|| format!("{} cannot become a folder; give --out another", folder.display()));
        }
    }
    Ok(())
}

/// The example's own manifest under another name.
fn member_manifest(source: &Path, name: &Name) -> Result<String> {
    let text = read(&source.join("Cargo.toml"))?;
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    for line in &mut lines {
        match line.split(" = ").next() {
            Some("name") if line.contains("clamp-plugin-") => *line = format!("name = \"{}\"", name.package()),
            Some("name") => *line = format!("name = \"{}\"", name.library()),
            Some("description") => *line = format!("description = \"The backend {}.\"", name.id),
            _ => {}
        }
    }
    Ok(lines.join("\n") + "\n")
}

/// A manifest that stands by itself.
fn own_manifest(workspace: &Workspace, name: &Name) -> Result<String> {
    let contract = workspace.root.join("plugin-api");
    let contract = contract.to_str().context("this workspace's path is not UTF-8")?;
    ensure!(!contract.contains(['"', '\\', '\n']), "this workspace's path cannot stand in a Cargo.toml: {contract}");
    Ok(format!(
        "\
[package]
name = \"{package}\"
description = \"The backend {id} for Clamp.\"
version = \"0.1.0\"
edition = \"2024\"
publish = false

[lib]
name = \"{library}\"
crate-type = [\"cdylib\"]

[dependencies]
# The contract. Any clone of Clamp will do; a plugin keeps working with every host of ABI version 1.
clamp-plugin-api = {{ path = \"{contract}\", features = [\"abi\"] }}

# A panic has to unwind: it becomes a status then, and the host refuses a plugin whose panics would end it.
[profile.release]
panic = \"unwind\"
strip = true

[workspace]
",
        package = name.package(),
        id = name.id,
        library = name.library(),
    ))
}

/// The workspace's manifest with one member more, behind the last plugin in both lists.
fn with_member(workspace: &Workspace, folder: &Path) -> Result<String> {
    let path = workspace.root.join("Cargo.toml");
    let folder = folder.strip_prefix(&workspace.root)?.to_str().context("--out is not UTF-8")?;
    insert_member(&read(&path)?, folder).with_context(|| format!("{} has no list to add {folder} to", path.display()))
}

fn insert_member(text: &str, folder: &str) -> Option<String> {
    let quoted = format!("\"{folder}\"");
    let example = format!("\"{EXAMPLE}\"");
    let members = text.find(&format!("    {example},\n"))? + example.len() + 6;
    let (before, after) = text.split_at(members);
    let defaults = after.find(&example)? + example.len();
    let (middle, rest) = after.split_at(defaults);
    Some(format!("{before}    {quoted},\n{middle}, {quoted}{rest}"))
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))
}

fn save(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
    }
    fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workspace() -> Workspace {
        Workspace::find().expect("cargo")
    }

    #[test]
    fn names_are_what_the_abi_and_cargo_allow() {
        let workspace = workspace();
        let name = Name::new(&workspace, "my-card_2").expect("a name");
        assert_eq!((name.package().as_str(), name.library().as_str()), ("clamp-plugin-my-card_2", "clamp_my_card_2"));
        for bad in ["", "2fast", "-x", "Mine", "a b", "a/b", "../x", "é", &"x".repeat(65)] {
            let error = Name::new(&workspace, bad).expect_err(bad).to_string();
            assert!(error.contains("cannot be a backend's id"), "{error}");
        }
        for taken in ["cpu", "opencl", "rust-example", "c-example"] {
            let error = Name::new(&workspace, taken).expect_err(taken).to_string();
            assert!(error.contains("is taken by plugins/"), "{error}");
        }
    }

    #[test]
    fn a_crate_outside_stands_by_itself_and_nothing_is_overwritten() {
        let workspace = workspace();
        let room = tempfile::tempdir().expect("a temporary folder");
        let out = room.path().join("mine");
        let made = write(&workspace, "mine", Some(&out)).expect("written");
        assert!(!made.member);
        let manifest = read(&out.join("Cargo.toml")).expect("the manifest");
        assert!(
            manifest.contains("name = \"clamp-plugin-mine\"") && manifest.contains("\n[workspace]\n"),
            "{manifest}"
        );
        let source = read(&out.join("src/lib.rs")).expect("the source");
        assert!(source.contains("const ID: &'static str = \"mine\";") && !source.contains(ID), "{source}");
        for file in FILES {
            let kept = read(&workspace.root.join(EXAMPLE).join(file)).expect("the example");
            assert_eq!(read(&out.join(file)).expect("a copy").lines().count(), kept.lines().count());
        }
        let steps = made.next_steps(&workspace);
        assert!(steps.contains("/mine && cargo build") && steps.contains("target/debug/libclamp_mine.so"), "{steps}");
        let error = write(&workspace, "mine", Some(&out)).expect_err("again").to_string();
        assert!(error.contains("is not empty"), "{error}");
        let error = write(&workspace, "mine", Some(&out.join("Cargo.toml"))).expect_err("a file").to_string();
        assert!(error.contains("cannot become a folder"), "{error}");
    }

    #[test]
    fn a_member_stands_in_both_lists() {
        let text = read(&workspace().root.join("Cargo.toml")).expect("the manifest");
        let more = insert_member(&text, "plugins/mine").expect("both lists");
        assert_eq!(more.matches("\"plugins/mine\"").count(), 2);
        assert!(more.contains("    \"plugins/rust-example\",\n    \"plugins/mine\",\n"), "{more}");
        assert!(more.contains("\"plugins/rust-example\", \"plugins/mine\", "), "{more}");
        assert_eq!(more.len(), text.len() + 2 * "\"plugins/mine\", ".len() + 4);
        assert_eq!(insert_member("members = []", "plugins/mine"), None);
        let source = workspace().root.join(EXAMPLE);
        let name = Name { id: "mine".to_owned() };
        let manifest = member_manifest(&source, &name).expect("the manifest");
        assert!(manifest.contains("name = \"clamp-plugin-mine\"") && manifest.contains("name = \"clamp_mine\""));
        assert!(!manifest.contains("example"), "{manifest}");
    }

    #[test]
    fn every_file_of_the_example_is_copied() {
        let folder = workspace().root.join(EXAMPLE).join("src");
        let mut found: Vec<String> = fs::read_dir(&folder)
            .expect("the example")
            .flatten()
            .map(|entry| format!("src/{}", entry.file_name().to_string_lossy()))
            .collect();
        found.sort();
        let mut known = FILES.map(str::to_owned).to_vec();
        known.sort();
        assert_eq!(found, known);
    }
}
