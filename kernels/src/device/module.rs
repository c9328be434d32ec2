//! The source text of a module: the target's definitions, the portability header, and the parts that a room names.

use super::{Dialect, Target};

const PORTABILITY: &str = include_str!("portability.h");

/// A module to compile: text that stands for itself, with no file to include.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Module {
    /// Names the text: equal keys have equal text within one build of this crate. Letters, digits, `.`, `-`, `_`.
    pub key: String,
    /// The whole source.
    pub source: String,
    /// Its entry points.
    pub entries: Vec<&'static str>,
}

/// What a room contributes to a module.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    /// Names the module among all: the kernel's name and what else its text depends on.
    pub(crate) key: String,
    /// Macros before the parts.
    pub(crate) defines: Vec<(&'static str, String)>,
    /// Source files in order.
    pub(crate) parts: Vec<&'static str>,
    /// Entry points that plans call.
    pub(crate) entries: Vec<&'static str>,
    /// Whether it computes in binary64 or takes f64 arrays as numbers.
    pub(crate) fp64: bool,
}

impl Source {
    /// The whole text for a target.
    pub(crate) fn module(self, target: &Target) -> Module {
        let mut source = String::with_capacity(16 * 1024);
        let mut define = |name: &str, value: &str| {
            source.push_str("#define ");
            source.push_str(name);
            source.push(' ');
            source.push_str(value);
            source.push('\n');
        };
        let mut key = self.key;
        let (dialect, suffix) = match target.dialect {
            Dialect::OpenCl => ("CLAMP_OPENCL", "opencl"),
            Dialect::Cuda => ("CLAMP_CUDA", "cuda"),
            Dialect::Hip => ("CLAMP_HIP", "hip"),
        };
        define(dialect, "1");
        key.push('-');
        key.push_str(suffix);
        if !target.fp64 {
            define("CLAMP_NO_F64", "1");
            key.push_str("-no_f64");
        }
        if !target.exact_div_sqrt {
            define("CLAMP_DIV_SQRT_BY_F64", "1");
            key.push_str("-div_sqrt_by_f64");
        }
        if target.is_cpu {
            define("CLAMP_CPU", "1");
            key.push_str("-cpu");
        }
        for (name, value) in &self.defines {
            define(name, value);
        }
        source.push_str(PORTABILITY);
        for part in self.parts {
            source.push('\n');
            source.push_str(part);
        }
        Module { key, source, entries: self.entries }
    }
}
