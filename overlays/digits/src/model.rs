//! Multinomial logistic regression on the device. With X the images (n x 65), Y their labels as rows of a unit matrix
//! (n x 10) and W the weights (65 x 10), one step is
//!
//! ```text
//! P = softmax(X W)          W = W - (rate / n) X^T (P - Y)
//! ```
//!
//! that is five launches: matmul, softmax, sub, matmul with a transposed, fma in place. A step only queues work.
//! There is no broadcasting, so a constant is an array of one value.

use clamp_overlay_sdk::{Dtype, Failure, HostError, Kernel, Tensor, json};

use crate::csv::{CLASSES, COLUMNS, Images, PIXEL_MAX};
use crate::score::best_of_rows;
use crate::settings::Settings;
use crate::split::Split;

/// The least probability that the loss takes the logarithm of, 2^-126: one that was rounded to 0 must not make it
/// infinite.
const LEAST_PROBABILITY: f32 = f32::MIN_POSITIVE;

/// The loss after so many steps.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct LossPoint {
    pub(crate) step: u64,
    /// The mean of -log(probability of the true class) over the training images.
    pub(crate) loss: f32,
}

/// The model and all that it works with.
#[derive(Debug)]
pub(crate) struct Trainer {
    kernels: Kernels,
    train: Part,
    test: Part,
    /// W, zeros at first.
    weights: Tensor,
    /// X^T (P - Y).
    gradient: Tensor,
    /// -rate / n in every element.
    rate: Tensor,
    loss: LossArrays,
}

impl Trainer {
    /// Puts both parts of the images on the device.
    pub(crate) fn new(images: &Images, split: &Split, settings: &Settings) -> Result<Self, Failure> {
        let kernels = Kernels::open()?;
        let table = scaled(images)?;
        let train = Part::gather(&kernels, &table, images, &split.train)?;
        let test = Part::gather(&kernels, &table, images, &split.test)?;
        let shape = [COLUMNS as u64, CLASSES as u64];
        // Rounded to f32 once; this and the accuracy are the only divisions outside of kernels.
        let rate = (-settings.rate / train.rows as f64) as f32;
        Ok(Self {
            weights: Tensor::zeros(Dtype::F32, &shape)?,
            gradient: Tensor::zeros(Dtype::F32, &shape)?,
            rate: Tensor::full(&shape, rate)?,
            loss: LossArrays::new(train.rows)?,
            kernels,
            train,
            test,
        })
    }

    /// Queues one step.
    pub(crate) fn step(&mut self) -> Result<(), HostError> {
        let Self { kernels, train, weights, gradient, rate, .. } = self;
        kernels.predict(train, weights)?;
        kernels.sub.launch().input("x", &train.p).input("y", &train.y).output("out", &train.d).run()?;
        kernels.matmul_at.launch().input("a", &train.x).input("b", &train.d).output("out", gradient).run()?;
        kernels.fma.launch().input("x", gradient).input("y", rate).input("z", weights).output("out", weights).run()
    }

    /// Waits for the steps and reads the loss of the training images.
    pub(crate) fn loss(&mut self, step: u64) -> Result<LossPoint, Failure> {
        let Self { kernels, train, weights, loss, .. } = self;
        kernels.predict(train, weights)?;
        kernels.dot_rows.launch().input("x", &train.p).input("y", &train.y).output("out", &loss.truth).run()?;
        kernels.max.launch().input("x", &loss.truth).input("y", &loss.least).output("out", &loss.truth).run()?;
        kernels.log.launch().input("x", &loss.truth).output("out", &loss.truth).run()?;
        kernels.sum.launch().input("x", &loss.truth).output("out", &loss.total).run()?;
        // 0 - x and not -x: a loss of nothing is +0.
        kernels.sub.launch().input("x", &loss.zero).input("y", &loss.total).output("out", &loss.total).run()?;
        kernels.div.launch().input("x", &loss.total).input("y", &loss.n).output("out", &loss.total).run()?;
        let point = LossPoint { step, loss: loss.total.read_scalar()? };
        if point.loss.is_finite() {
            return Ok(point);
        }
        let message =
            format!("the training diverged: after {step} steps the loss is {}; set a smaller rate", point.loss);
        Err(Failure::new("diverged", message).with_data(json!({ "step": step })))
    }

    /// The class of each training image.
    pub(crate) fn predict_train(&self) -> Result<Vec<u8>, HostError> {
        self.predict(&self.train)
    }

    /// The class of each image that was kept apart.
    pub(crate) fn predict_test(&self) -> Result<Vec<u8>, HostError> {
        self.predict(&self.test)
    }

    /// 65 x 10; the last row is the bias.
    pub(crate) fn weights(&self) -> &Tensor {
        &self.weights
    }

    fn predict(&self, part: &Part) -> Result<Vec<u8>, HostError> {
        self.kernels.predict(part, &self.weights)?;
        Ok(best_of_rows(&part.p.read::<f32>()?))
    }
}

/// One part of the images and the arrays of its size.
#[derive(Debug)]
struct Part {
    rows: u64,
    /// Images, n x 65.
    x: Tensor,
    /// Labels as unit rows, n x 10.
    y: Tensor,
    /// X W.
    z: Tensor,
    /// Probabilities.
    p: Tensor,
    /// P - Y.
    d: Tensor,
}

impl Part {
    fn gather(kernels: &Kernels, table: &Tensor, images: &Images, rows: &[u32]) -> Result<Self, HostError> {
        let n = rows.len() as u64;
        let wide = |columns: usize| Tensor::zeros(Dtype::F32, &[n, columns as u64]);
        let part = Self {
            rows: n,
            x: wide(COLUMNS)?,
            y: wide(CLASSES)?,
            z: wide(CLASSES)?,
            p: wide(CLASSES)?,
            d: wide(CLASSES)?,
        };
        let ids: Vec<i64> = rows.iter().map(|row| i64::from(*row)).collect();
        let labels: Vec<i64> = images.labels_of(rows).into_iter().map(i64::from).collect();
        kernels.gather(table, &ids, &part.x)?;
        kernels.gather(&unit_matrix()?, &labels, &part.y)?;
        Ok(part)
    }
}

/// What the loss needs beside the part's arrays.
#[derive(Debug)]
struct LossArrays {
    /// The probability of each image's true class, then its logarithm.
    truth: Tensor,
    least: Tensor,
    total: Tensor,
    zero: Tensor,
    n: Tensor,
}

impl LossArrays {
    fn new(rows: u64) -> Result<Self, HostError> {
        Ok(Self {
            truth: Tensor::zeros(Dtype::F32, &[rows])?,
            least: Tensor::full(&[rows], LEAST_PROBABILITY)?,
            total: Tensor::zeros(Dtype::F32, &[])?,
            zero: Tensor::zeros(Dtype::F32, &[])?,
            n: Tensor::full(&[], rows as f32)?,
        })
    }
}

/// Every kernel of the training, opened once. The two that only prepare the data are opened where they are used.
#[derive(Debug)]
struct Kernels {
    matmul: Kernel,
    matmul_at: Kernel,
    softmax: Kernel,
    sub: Kernel,
    fma: Kernel,
    dot_rows: Kernel,
    max: Kernel,
    log: Kernel,
    sum: Kernel,
    div: Kernel,
    gather_rows: Kernel,
}

impl Kernels {
    fn open() -> Result<Self, HostError> {
        Ok(Self {
            matmul: Kernel::open("matmul.f32.v1").ready()?,
            matmul_at: Kernel::open("matmul.f32.v1").flag("transpose_a", true).ready()?,
            softmax: Kernel::open("softmax.f32.v1").ready()?,
            sub: Kernel::open("sub.f32.v1").ready()?,
            fma: Kernel::open("fma.f32.v1").ready()?,
            dot_rows: Kernel::open("dot.f32.v1").flag("rows", true).ready()?,
            max: Kernel::open("max.f32.v1").ready()?,
            log: Kernel::open("log.f32.v1").ready()?,
            sum: Kernel::open("sum.f32.v1").ready()?,
            div: Kernel::open("div.f32.v1").ready()?,
            gather_rows: Kernel::open("gather_rows.f32.v1").ready()?,
        })
    }

    /// P = softmax(X W).
    fn predict(&self, part: &Part, weights: &Tensor) -> Result<(), HostError> {
        self.matmul.launch().input("a", &part.x).input("b", weights).output("out", &part.z).run()?;
        self.softmax.launch().input("x", &part.z).output("out", &part.p).run()
    }

    fn gather(&self, table: &Tensor, ids: &[i64], out: &Tensor) -> Result<(), HostError> {
        let ids = Tensor::from_slice(ids, &[ids.len() as u64])?;
        self.gather_rows.launch().input("table", table).input("ids", &ids).output("out", out).run()
    }
}

/// All images as f32 from 0 to 1; 1/16 is exact, and so is every product with it.
fn scaled(images: &Images) -> Result<Tensor, HostError> {
    let shape = [u64::from(images.len()), COLUMNS as u64];
    let pixels = Tensor::from_slice(&images.values, &shape)?;
    let table = Tensor::zeros(Dtype::F32, &shape)?;
    let factor = Tensor::full(&shape, 1.0 / PIXEL_MAX as f32)?;
    Kernel::open("cast_f32.i32.v1").ready()?.launch().input("x", &pixels).output("out", &table).run()?;
    Kernel::open("mul.f32.v1").ready()?.launch().input("x", &table).input("y", &factor).output("out", &table).run()?;
    Ok(table)
}

/// Row k is the label k.
fn unit_matrix() -> Result<Tensor, HostError> {
    let ones = |at: usize| if at.is_multiple_of(CLASSES + 1) { 1.0_f32 } else { 0.0 };
    let values: Vec<f32> = (0..CLASSES * CLASSES).map(ones).collect();
    Tensor::from_slice(&values, &[CLASSES as u64, CLASSES as u64])
}
