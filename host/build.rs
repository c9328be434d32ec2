//! Embeds the commit and the design document's digest.

use std::path::Path;
use std::process::Command;

use sha2::{Digest, Sha256};

const DESIGN_DOC: &str = "../docs/DESIGN_DOCUMENT.md";

fn main() {
    println!("cargo:rerun-if-changed={DESIGN_DOC}");
    println!("cargo:rerun-if-changed=build.rs");
    let text = std::fs::read(DESIGN_DOC).unwrap_or_else(|e| panic!("{DESIGN_DOC} is embedded in every record: {e}"));
    let digest: String = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
    println!("cargo:rustc-env=CLAMP_DESIGN_DOC_SHA256={digest}");
    if let Some(sha) = git(&["rev-parse", "HEAD"]) {
        println!("cargo:rustc-env=CLAMP_GIT_SHA={sha}");
        // HEAD changes at a checkout, the reflog at every commit.
        for name in ["HEAD", "logs/HEAD"] {
            if let Some(path) = git(&["rev-parse", "--git-path", name])
                && Path::new(&path).exists()
            {
                println!("cargo:rerun-if-changed={path}");
            }
        }
    }
}

fn git(args: &[&str]) -> Option<String> {
    let output = Command::new("git").args(args).output().ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
