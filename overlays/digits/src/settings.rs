//! What a call may set, with its defaults and limits. A key that is not known is refused, never skipped.

use clamp_overlay_sdk::{Failure, Request, Value};

/// How many steps lie between two looks at the loss; the host waits for the device at these points only.
pub(crate) const LOSS_EVERY: u64 = 100;

/// With these every seed tried gave a test accuracy of at least 0.94.
const DEFAULT_STEPS: u64 = 1000;
const DEFAULT_RATE: f64 = 1.0;
const DEFAULT_SPLIT: f64 = 0.8;
const MOST_STEPS: u64 = 1_000_000;

/// One call's settings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    /// Gradient steps, 1 to 1,000,000.
    pub(crate) steps: u64,
    /// The learning rate, positive.
    pub(crate) rate: f64,
    /// The part of the images to train on, between 0 and 1.
    pub(crate) split: f64,
    pub(crate) data: Data,
}

/// Where the images come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Data {
    /// The data set that the manifest declares.
    Declared,
    /// The call's own CSV.
    Given(Vec<u8>),
}

impl Data {
    /// As the reply names it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Declared => super::ASSET,
            Self::Given(_) => "input",
        }
    }
}

impl Settings {
    /// Reads the input: JSON sets what its keys name, anything else is the CSV.
    pub(crate) fn from_request(request: &Request) -> Result<Self, Failure> {
        let mut settings =
            Self { steps: DEFAULT_STEPS, rate: DEFAULT_RATE, split: DEFAULT_SPLIT, data: Data::Declared };
        if !request.is_json() {
            settings.data = Data::Given(request.payload.clone());
            return Ok(settings);
        }
        for (key, value) in request.object()? {
            match key.as_str() {
                "steps" => settings.steps = steps(&value)?,
                "rate" => settings.rate = rate(&value)?,
                "split" => settings.split = split(&value)?,
                "csv" => settings.data = csv(value)?,
                _ => return Err(bad(&format!("there is no setting `{key}`; there are steps, rate, split and csv"))),
            }
        }
        Ok(settings)
    }
}

fn steps(value: &Value) -> Result<u64, Failure> {
    value
        .as_u64()
        .filter(|steps| (1..=MOST_STEPS).contains(steps))
        .ok_or_else(|| bad(&format!("`steps` is a whole number from 1 to {MOST_STEPS}, not {}", shown(value))))
}

fn rate(value: &Value) -> Result<f64, Failure> {
    value
        .as_f64()
        .filter(|rate| *rate > 0.0 && (*rate as f32).is_finite())
        .ok_or_else(|| bad(&format!("`rate` is a number above 0 within the range of f32, not {}", shown(value))))
}

fn split(value: &Value) -> Result<f64, Failure> {
    value
        .as_f64()
        .filter(|split| *split > 0.0 && *split < 1.0)
        .ok_or_else(|| bad(&format!("`split` is a number between 0 and 1, not {}", shown(value))))
}

fn csv(value: Value) -> Result<Data, Failure> {
    match value {
        Value::String(text) => Ok(Data::Given(text.into_bytes())),
        other => Err(bad(&format!("`csv` is the text of a CSV, not {}", shown(&other)))),
    }
}

fn bad(message: &str) -> Failure {
    Failure::new("bad-settings", message)
}

/// The value as it stands in a message; long ones are cut.
fn shown(value: &Value) -> String {
    const LONGEST: usize = 40;
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    text.chars().take(LONGEST).chain("...".chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(content_type: &str, payload: &str) -> Result<Settings, Failure> {
        Settings::from_request(&Request {
            capability: "train".to_owned(),
            phase: "ASCEND".to_owned(),
            content_type: content_type.to_owned(),
            payload: payload.into(),
        })
    }

    fn json(text: &str) -> Result<Settings, Failure> {
        read("application/json", text)
    }

    #[test]
    fn nothing_gives_the_defaults() {
        let settings = json("{}").expect("defaults");
        assert_eq!((settings.steps, settings.rate, settings.split), (1000, 1.0, 0.8));
        assert_eq!(settings.data, Data::Declared);
    }

    #[test]
    fn every_key_sets_its_own() {
        let settings = json(r#"{"csv":"x","rate":0.25,"split":0.5,"steps":7}"#).expect("settings");
        assert_eq!((settings.steps, settings.rate, settings.split), (7, 0.25, 0.5));
        assert_eq!(settings.data, Data::Given(b"x".to_vec()));
    }

    #[test]
    fn raw_input_is_the_csv() {
        let settings = read("application/octet-stream", "1,2\n").expect("settings");
        assert_eq!(settings.data, Data::Given(b"1,2\n".to_vec()));
    }

    #[test]
    fn wrong_settings_are_named() {
        for (text, part) in [
            (r#"{"step":1}"#, "no setting `step`"),
            (r#"{"steps":0}"#, "`steps` is a whole number from 1 to 1000000, not 0"),
            (r#"{"steps":1000001}"#, "`steps`"),
            (r#"{"steps":1.5}"#, "`steps`"),
            (r#"{"steps":"9"}"#, "`steps`"),
            (r#"{"rate":0}"#, "`rate`"),
            (r#"{"rate":-1}"#, "`rate`"),
            (r#"{"rate":1e300}"#, "`rate`"),
            (r#"{"split":0}"#, "`split`"),
            (r#"{"split":1}"#, "`split` is a number between 0 and 1, not 1"),
            (r#"{"csv":[[1]]}"#, "`csv` is the text of a CSV"),
        ] {
            let failure = json(text).expect_err(text);
            assert_eq!(failure.code, "bad-settings", "{text}");
            assert!(failure.message.contains(part), "{text}: {failure}");
        }
    }
}
