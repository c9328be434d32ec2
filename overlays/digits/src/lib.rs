//! The overlay digits: trains multinomial logistic regression on handwritten digits by full-batch gradient descent and
//! says how many images it had never seen it reads correctly.
//!
//! Every floating-point operation of the training runs in kernels on the backend, each specified bit for bit, so the
//! same data, settings and seed give the same weights on every backend and with any number of threads. The overlay's
//! own code parses, shuffles, compares and counts.
//!
//! Input: nothing (`{}`) for the declared data set; a JSON object with any of `steps`, `rate`, `split` and `csv`; or a
//! CSV itself as raw bytes. Artifacts: `weights.npy` (65 x 10, the last row is the bias), `loss.csv`, `confusion.csv`.

mod csv;
mod model;
mod score;
mod settings;
mod split;

use clamp_overlay_sdk::{
    Failure, Overlay, Reply, Request, artifacts, assets, context, export_overlay, json, log, random,
};
use serde::Serialize;

use csv::{CLASSES, Images};
use model::{LossPoint, Trainer};
use score::Confusion;
use settings::{Data, Settings};
use split::Split;

/// The declared data set.
const ASSET: &str = "digits.csv";

/// The overlay.
#[derive(Debug)]
pub struct Digits;

impl Overlay for Digits {
    fn invoke(request: Request) -> Result<Reply, Failure> {
        let settings = Settings::from_request(&request)?;
        let images = match &settings.data {
            Data::Declared => Images::parse(&assets::read(ASSET)?)?,
            Data::Given(csv) => Images::parse(csv)?,
        };
        let stream = random::Stream::new(random::Substream(split::SUBSTREAM));
        let split = Split::draw(stream, images.len(), settings.split)?;
        log::info("data", &json!({ "rows": images.len(), "train": split.train.len(), "test": split.test.len() }));
        train(&settings, &images, &split)
    }
}

export_overlay!(Digits);

fn train(settings: &Settings, images: &Images, split: &Split) -> Result<Reply, Failure> {
    let mut trainer = Trainer::new(images, split, settings)?;
    let mut curve = Vec::new();
    for done in 0..=settings.steps {
        if done > 0 {
            trainer.step()?;
        }
        if done % settings::LOSS_EVERY == 0 || done == settings.steps {
            let point = trainer.loss(done)?;
            log::progress(done, settings.steps, &json!({ "loss": point.loss, "rate": settings.rate }));
            curve.push(point);
        }
    }
    let seen = Confusion::count(&images.labels_of(&split.train), &trainer.predict_train()?);
    let unseen = Confusion::count(&images.labels_of(&split.test), &trainer.predict_test()?);
    artifacts::save_npy("weights.npy", trainer.weights())?;
    artifacts::write("loss.csv", loss_csv(&curve).as_bytes())?;
    artifacts::write("confusion.csv", unseen.csv().as_bytes())?;
    let last = curve.last().ok_or_else(|| Failure::new("internal", "the loss was never read"))?;
    Reply::json(&Answer {
        accuracy: unseen.accuracy(),
        train_accuracy: seen.accuracy(),
        correct: unseen.correct(),
        steps: settings.steps,
        rate: settings.rate,
        seed: format!("{:016x}", context::seed()),
        data: settings.data.name(),
        split: SplitAnswer { fraction: settings.split, train: split.train.len() as u64, test: split.test.len() as u64 },
        loss: LossAnswer { value: last.loss, f32: format!("{:08x}", last.loss.to_bits()) },
        classes: CLASSES as u64,
    })
}

/// What the run answers.
#[derive(Debug, Serialize)]
struct Answer {
    /// Of the images kept apart: correct / all.
    accuracy: f64,
    /// Of the images it was trained on.
    train_accuracy: f64,
    /// How many of the images kept apart were read correctly.
    correct: u64,
    steps: u64,
    rate: f64,
    /// 16 hex digits; JSON numbers do not hold 64 bits.
    seed: String,
    /// `digits.csv`, or `input`.
    data: &'static str,
    split: SplitAnswer,
    loss: LossAnswer,
    classes: u64,
}

#[derive(Debug, Serialize)]
struct SplitAnswer {
    fraction: f64,
    train: u64,
    test: u64,
}

/// The mean cross-entropy over the training images after the last step.
#[derive(Debug, Serialize)]
struct LossAnswer {
    value: f32,
    /// Its bit pattern, 8 hex digits.
    f32: String,
}

/// One line for each time that the loss was read.
fn loss_csv(curve: &[LossPoint]) -> String {
    let lines = curve.iter().map(|point| format!("{},{},{:08x}\n", point.step, point.loss, point.loss.to_bits()));
    std::iter::once("step,loss,loss_f32_bits\n".to_owned()).chain(lines).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_curve_keeps_the_bits_beside_the_decimal() {
        let curve = [LossPoint { step: 0, loss: 2.25 }, LossPoint { step: 100, loss: 0.5 }];
        assert_eq!(loss_csv(&curve), "step,loss,loss_f32_bits\n0,2.25,40100000\n100,0.5,3f000000\n");
    }

    #[test]
    fn the_committed_data_set_is_whole() {
        let images = Images::parse(include_bytes!("../assets/digits.csv")).expect("the data set parses");
        assert_eq!(images.len(), 1797);
        let mut classes = [0; CLASSES];
        for row in 0..images.len() {
            classes[usize::from(images.labels_of(&[row])[0])] += 1;
        }
        assert_eq!(classes, [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    }
}
