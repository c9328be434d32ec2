//! What passed between a guest and its host, call by call. Each call of the host leaves a mark, eight bytes over its name,
//! what it was given and what it answered, so that two runs can be held against each other and the first call that differs
//! be named. Answers that cannot be derived again (clock, store, http) are kept, and given again in a replay; hints stand
//! in the record itself.

use std::collections::VecDeque;
use std::sync::Arc;

use clamp_plugin_api::manifest::jcs::hex;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};
use xxhash_rust::xxh3::xxh3_64;

/// The most marks that are kept one by one; later ones count in the digest alone.
pub const MOST_MARKS: usize = 1 << 20;

macro_rules! functions {
    ($($(#[$doc:meta])* $name:ident = $word:literal),+ $(,)?) => {
        /// A function of the host.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub enum Function { $($(#[$doc])* $name),+ }

        impl Function {
            const ALL: &'static [Self] = &[$(Self::$name),+];

            /// `interface.function`.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $word),+ }
            }
        }
    };
}

functions! {
    LogWrite = "log.write",
    LogProgress = "log.progress",
    TensorFull = "tensor.full",
    TensorDtype = "tensor.dtype",
    TensorShape = "tensor.shape",
    TensorView = "tensor.view",
    TensorWrite = "tensor.write",
    TensorRead = "tensor.read",
    TensorDigest = "tensor.digest",
    KernelOpen = "compute.open",
    KernelLaunch = "compute.launch",
    Sync = "compute.sync",
    AssetSize = "assets.size",
    AssetRead = "assets.read",
    AssetLoad = "assets.load",
    ArtifactCreate = "artifacts.create",
    ArtifactAppend = "artifacts.append",
    ArtifactFinish = "artifacts.finish",
    ArtifactSaveNpy = "artifacts.save-npy",
    RandomWords = "random.words",
    ContextPhase = "context.phase",
    ContextSeed = "context.seed",
    ContextStrict = "context.strict",
    ClockNow = "clock.now-ms",
    StoreGet = "store.get",
    StorePut = "store.put",
    StoreDelete = "store.delete",
    HintsCurrent = "hints.current",
    ConfigGet = "config.get",
    ConfigKeys = "config.keys",
    HttpSend = "http.send",
}

/// One mark: the function in the lowest byte, the rest over what passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(pub u64);

impl Mark {
    fn of(function: Function) -> Self {
        Self(function as u64)
    }

    fn add(&mut self, bytes: &[u8]) {
        let (function, rest) = (self.0 & 0xff, self.0 >> 8);
        // The multiplier is the golden ratio's, which spreads every bit.
        let mixed = (rest ^ xxh3_64(bytes)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        self.0 = mixed << 8 | function;
    }

    /// The function's name.
    pub fn function(self) -> &'static str {
        Function::ALL.get((self.0 & 0xff) as usize).map_or("an unknown function", |function| function.name())
    }
}

/// An answer that only the world knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// The host call, counted from 1.
    pub call: u64,
    /// `interface.function`.
    pub function: String,
    /// What was answered.
    pub value: Value,
}

/// Where a call that the clock ended has to end again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stop {
    /// At this fuel yield, counted from 1.
    Yield(u64),
    /// At the beginning of this host call, counted from 1.
    Call(u64),
}

/// What a replay goes by in the place of the world.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Script {
    /// Answers in order.
    pub answers: VecDeque<Answer>,
    /// Where the clock ended the call; `None` where it did not, and may not now.
    pub stop: Option<Stop>,
}

/// The trace of one call as it is made.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    marks: Vec<Mark>,
    hasher: Sha256,
    current: Option<Mark>,
    answers: Vec<Answer>,
    /// Bytes of them as they are written.
    answer_bytes: u64,
    /// Launches by the host call that queued them.
    launches: Vec<(u64, Arc<str>)>,
    script: Option<Script>,
    strayed: Option<String>,
}

/// The trace of a call that has ended.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TraceEnd {
    /// SHA-256 over all marks, little endian, in lower-case hex.
    pub sha256: String,
    /// The first [`MOST_MARKS`] of them.
    pub marks: Vec<Mark>,
    /// What the world answered.
    pub answers: Vec<Answer>,
    /// The kernel of each launch, by the host call that queued it.
    pub launches: Vec<(u64, Arc<str>)>,
    /// In a replay: where the guest asked for something else than the first time.
    pub strayed: Option<String>,
}

impl Trace {
    pub(crate) fn new(script: Option<Script>) -> Self {
        Self { script, ..Self::default() }
    }

    /// Begins the next call.
    pub(crate) fn begin(&mut self, function: Function) {
        self.settle();
        self.current = Some(Mark::of(function));
    }

    /// Something that was given or answered in the call that began last.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        if let Some(mark) = &mut self.current {
            mark.add(bytes);
        }
    }

    /// The call queued this kernel.
    pub(crate) fn launched(&mut self, call: u64, kernel: &str) {
        // Most launches repeat one of the last few kernels; their name is shared.
        let known =
            self.launches.iter().rev().take(8).find(|(_, name)| **name == *kernel).map(|(_, name)| Arc::clone(name));
        if self.launches.len() < MOST_MARKS {
            self.launches.push((call, known.unwrap_or_else(|| kernel.into())));
        }
    }

    /// What the world answers to call `call`: in a replay what it answered the first time, else what `ask` gives, which is
    /// kept. `Err` where a replay has no such answer.
    pub(crate) fn world(
        &mut self,
        call: u64,
        function: Function,
        ask: impl FnOnce() -> Value,
    ) -> Result<Value, &'static str> {
        let value = match &mut self.script {
            None => ask(),
            Some(script) => match script.answers.pop_front() {
                Some(answer) if answer.call == call && answer.function == function.name() => answer.value,
                other => {
                    let instead = other.map_or("nothing more was asked".to_owned(), |answer| {
                        format!("call {} asked {}", answer.call, answer.function)
                    });
                    let strayed = format!("call {call} asks {}, but the first time {instead}", function.name());
                    self.strayed.get_or_insert(strayed);
                    return Err("a replay knows no answer to this");
                }
            },
        };
        self.answer_bytes += 64 + value.to_string().len() as u64;
        self.answers.push(Answer { call, function: function.name().to_owned(), value: value.clone() });
        Ok(value)
    }

    /// Bytes of the answers that are kept so far.
    pub(crate) fn answer_bytes(&self) -> u64 {
        self.answer_bytes
    }

    /// Where a replay has to stop; `None` outside a replay.
    pub(crate) fn stop(&self) -> Option<Option<Stop>> {
        self.script.as_ref().map(|script| script.stop)
    }

    fn settle(&mut self) {
        if let Some(mark) = self.current.take() {
            self.hasher.update(mark.0.to_le_bytes());
            if self.marks.len() < MOST_MARKS {
                self.marks.push(mark);
            }
        }
    }

    pub(crate) fn end(mut self) -> TraceEnd {
        self.settle();
        TraceEnd {
            sha256: hex(&self.hasher.finalize()),
            marks: self.marks,
            answers: self.answers,
            launches: self.launches,
            strayed: self.strayed,
        }
    }
}

impl TraceEnd {
    /// The first host call, counted from 1, in which the two differ, with its name and the last kernel queued until then.
    pub fn first_difference(&self, earlier: &[Mark]) -> Option<String> {
        let at = self.marks.iter().zip(earlier).position(|(now, then)| now != then);
        let (at, what) = match at {
            Some(at) if self.marks[at].function() == earlier[at].function() => {
                (at, self.marks[at].function().to_owned())
            }
            Some(at) => (at, format!("{}, which was {} before", self.marks[at].function(), earlier[at].function())),
            None if self.marks.len() == earlier.len() => return None,
            None if self.marks.len() > earlier.len() => {
                (earlier.len(), format!("{}, which was not made before", self.marks[earlier.len()].function()))
            }
            None => (self.marks.len(), format!("{}, which is not made now", earlier[self.marks.len()].function())),
        };
        let call = at as u64 + 1;
        let kernel = self.launches.iter().take_while(|(of, _)| *of <= call).last();
        let kernel = kernel.map(|(of, id)| format!("; the last kernel before it is {id} (host call {of})"));
        Some(format!("host call {call}: {what}{}", kernel.unwrap_or_default()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn trace(calls: &[(Function, &[u8])]) -> TraceEnd {
        let mut trace = Trace::new(None);
        for (number, (function, bytes)) in calls.iter().enumerate() {
            trace.begin(*function);
            trace.add(bytes);
            if *function == Function::KernelLaunch {
                trace.launched(number as u64 + 1, "add.f32.v1");
            }
        }
        trace.end()
    }

    #[test]
    fn equal_calls_have_equal_traces_and_the_first_other_one_is_named() {
        let calls: [(Function, &[u8]); 3] =
            [(Function::TensorWrite, b"abc"), (Function::KernelLaunch, b""), (Function::TensorRead, b"xyz")];
        let first = trace(&calls);
        assert_eq!(trace(&calls), first);
        assert_eq!(first.first_difference(&first.marks), None);
        let mut other = calls;
        other[2].1 = b"xyZ";
        let now = trace(&other);
        assert_ne!(now.sha256, first.sha256);
        let said = now.first_difference(&first.marks).expect("it differs");
        assert_eq!(said, "host call 3: tensor.read; the last kernel before it is add.f32.v1 (host call 2)");
        other[0].0 = Function::StoreGet;
        assert!(
            trace(&other)
                .first_difference(&first.marks)
                .expect("differs")
                .contains("store.get, which was tensor.write")
        );
        assert!(trace(&calls[..2]).first_difference(&first.marks).expect("shorter").contains("is not made now"));
        assert!(first.first_difference(&first.marks[..2]).expect("longer").contains("was not made before"));
    }

    #[test]
    fn a_replay_is_given_what_was_answered_and_says_where_it_strays() {
        let mut first = Trace::new(None);
        first.begin(Function::ClockNow);
        assert_eq!(first.world(1, Function::ClockNow, || json!("0f")), Ok(json!("0f")));
        let first = first.end();
        let script = || Some(Script { answers: first.answers.clone().into(), stop: None });
        let mut again = Trace::new(script());
        again.begin(Function::ClockNow);
        assert_eq!(again.world(1, Function::ClockNow, || unreachable!("the world is not asked")), Ok(json!("0f")));
        assert_eq!(again.end(), first);
        let mut stray = Trace::new(script());
        assert!(stray.world(1, Function::StoreGet, || json!(null)).is_err());
        let said = stray.end().strayed.expect("it strayed");
        assert_eq!(said, "call 1 asks store.get, but the first time call 1 asked clock.now-ms");
    }
}
