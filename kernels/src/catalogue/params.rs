//! From named parameters to the arrays that cross the ABI and back: one array fixed at open, one per launch, each in
//! catalogue order with a bitmask of what is present. It checks names, kinds and times; ranges are the shape rules'.

use smallvec::SmallVec;

use super::KernelSpec;
use super::param::{ParamError, ParamKind, ParamSpec, ParamValue, When};
use crate::map::{Expression, parse};

/// A parameter's value as some door gives it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Given<'a> {
    /// As a person writes it, read by [`ParamSpec::parse`]; a text parameter is taken as it is.
    Written(&'a str),
    /// A flag.
    Flag(bool),
    /// An integer, which must not be negative.
    Int(i64),
    /// A bit pattern: of an integer, or of a float of the parameter's width.
    Bits(u64),
    /// A text.
    Text(&'a str),
}

/// What crosses at `kernel_open`: the parameters that stay fixed, in catalogue order. The text parameter is a formula for
/// the doors; here it is in its canonical postfix form, see [`crate::map`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct FixedParams {
    /// One value for each fixed parameter; 0 where it is absent or a text.
    pub values: Vec<u64>,
    /// Bit i says that fixed parameter i was given.
    pub present: u64,
    /// The kernel's text parameter in postfix form, if it has one and it was given.
    pub text: Option<String>,
}

/// What crosses with each launch, in catalogue order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LaunchParams {
    /// One value for each per-launch parameter; 0 where it is absent.
    pub values: Vec<u64>,
    /// Bit i says that per-launch parameter i was given.
    pub present: u64,
}

/// All parameters of a launch in catalogue order, `None` for an absent one; on the heap only where there are very many.
pub type ParamValues = SmallVec<[Option<ParamValue>; 12]>;

impl KernelSpec {
    /// The parameters that are given at `when`, in the order in which they cross the ABI.
    pub fn params_at(&self, when: When) -> impl Iterator<Item = &'static ParamSpec> + use<> {
        self.params.iter().filter(move |param| param.when == when)
    }

    /// The parameters that an open takes; one that is given per launch is refused.
    pub fn fixed_params(&self, given: &[(&str, Given<'_>)]) -> Result<FixedParams, ParamError> {
        for &(name, _) in given {
            let param = self.param(name)?;
            if param.when == When::Launch {
                let allowed = list(self.params_at(When::Open));
                return Err(ParamError::NotAtOpen { kernel: self.id, name: param.name, allowed });
            }
        }
        self.collect(When::Open, given).map(|(values, present, text)| FixedParams { values, present, text })
    }

    /// The parameters that a launch takes; one that is fixed at open is refused.
    pub fn launch_params(&self, given: &[(&str, Given<'_>)]) -> Result<LaunchParams, ParamError> {
        for &(name, _) in given {
            let param = self.param(name)?;
            if param.when == When::Open {
                let allowed = list(self.params_at(When::Launch));
                return Err(ParamError::NotAtLaunch { kernel: self.id, name: param.name, allowed });
            }
        }
        self.collect(When::Launch, given).map(|(values, present, _)| LaunchParams { values, present })
    }

    /// All parameters together, for a door that opens and launches at once.
    pub fn split_params(&self, given: &[(&str, Given<'_>)]) -> Result<(FixedParams, LaunchParams), ParamError> {
        for &(name, _) in given {
            self.param(name)?;
        }
        let (values, present, text) = self.collect(When::Open, given)?;
        let fixed = FixedParams { values, present, text };
        let (values, present, _) = self.collect(When::Launch, given)?;
        Ok((fixed, LaunchParams { values, present }))
    }

    /// All parameters in catalogue order, as [`KernelSpec::check`] takes them. Arrays that do not fit the catalogue
    /// are an error; a text is there as what it names.
    pub fn param_values(
        &self,
        fixed: &FixedParams,
        launch: &LaunchParams,
    ) -> Result<Vec<Option<ParamValue>>, ParamError> {
        let launch = self.values_at(When::Launch, &launch.values, launch.present)?;
        Ok(self.in_order(&self.fixed_values(fixed)?, &launch))
    }

    /// The fixed parameters, one for each, from what crossed the ABI.
    pub fn fixed_values(&self, fixed: &FixedParams) -> Result<Vec<Option<ParamValue>>, ParamError> {
        let mut values = self.values_at(When::Open, &fixed.values, fixed.present)?;
        let text = self.params_at(When::Open).position(|param| param.kind == ParamKind::Text);
        let text_present = text.is_some_and(|position| fixed.present >> position & 1 == 1);
        if fixed.text.is_some() != text_present {
            return Err(ParamError::Text { kernel: self.id });
        }
        if let (Some(position), Some(expression)) = (text, self.expression(fixed)?) {
            let (inputs, scalars) = (expression.inputs(), expression.scalars());
            values[position] = Some(ParamValue::Expression { inputs, scalars });
        }
        Ok(values)
    }

    /// The expression of the text parameter, if there is one.
    pub(crate) fn expression(&self, fixed: &FixedParams) -> Result<Option<Expression>, ParamError> {
        let param = self.params.iter().find(|param| param.kind == ParamKind::Text);
        let (Some(param), Some(postfix)) = (param, &fixed.text) else { return Ok(None) };
        match Expression::from_postfix(self.outputs[0].dtype, postfix) {
            Ok(expression) => Ok(Some(expression)),
            Err(error) => Err(ParamError::Postfix { name: param.name, error }),
        }
    }

    /// Interleaves fixed and per-launch values in catalogue order.
    pub(crate) fn in_order(
        &self,
        fixed: &[Option<ParamValue>],
        launch: &[Option<ParamValue>],
    ) -> Vec<Option<ParamValue>> {
        let (mut fixed, mut launch) = (fixed.iter().copied(), launch.iter().copied());
        let next = |param: &ParamSpec| match param.when {
            When::Open => fixed.next().flatten(),
            When::Launch => launch.next().flatten(),
        };
        self.params.iter().map(next).collect()
    }

    /// The values of the parameters given at `when`, from the array and the bitmask that crossed the ABI.
    pub(crate) fn values_at(
        &self,
        when: When,
        values: &[u64],
        present: u64,
    ) -> Result<Vec<Option<ParamValue>>, ParamError> {
        self.check_arrays(when, values.len(), present)?;
        let params = self.params_at(when).enumerate();
        params.map(|(position, param)| self.value_at(param, position, values, present)).collect()
    }

    /// All parameters of one launch in catalogue order, where the fixed ones were read at open. Allocates nothing.
    pub fn launch_values(
        &self,
        fixed: &[Option<ParamValue>],
        values: &[u64],
        present: u64,
    ) -> Result<ParamValues, ParamError> {
        self.check_arrays(When::Launch, values.len(), present)?;
        let mut fixed = fixed.iter().copied();
        let mut position = 0;
        let mut next = |param: &ParamSpec| match param.when {
            When::Open => Ok(fixed.next().flatten()),
            When::Launch => {
                position += 1;
                self.value_at(param, position - 1, values, present)
            }
        };
        let mut all = ParamValues::new();
        for param in self.params {
            all.push(next(param)?);
        }
        Ok(all)
    }

    /// Refuses an array or a bitmask that is not as long as there are parameters at `when`.
    fn check_arrays(&self, when: When, got: usize, present: u64) -> Result<(), ParamError> {
        let want = self.params_at(when).count();
        if got == want && present.checked_shr(want as u32).unwrap_or(0) == 0 {
            return Ok(());
        }
        let when = if when == When::Open { "at open" } else { "per launch" };
        Err(ParamError::Arrays { kernel: self.id, want, when, got, present })
    }

    /// The value at `position` of an array that [`KernelSpec::check_arrays`] let pass.
    fn value_at(
        &self,
        param: &ParamSpec,
        position: usize,
        values: &[u64],
        present: u64,
    ) -> Result<Option<ParamValue>, ParamError> {
        if present >> position & 1 == 0 {
            return if param.required { Err(self.missing(param)) } else { Ok(None) };
        }
        let bits = values[position];
        match ParamValue::from_bits(param.kind, bits) {
            None if param.kind != ParamKind::Text => Err(bad_bits(param, bits)),
            value => Ok(value),
        }
    }

    fn param(&self, name: &str) -> Result<&'static ParamSpec, ParamError> {
        self.params.iter().find(|param| param.name == name).ok_or_else(|| ParamError::Unknown {
            kernel: self.id,
            name: name.to_owned(),
            allowed: list(self.params.iter()),
        })
    }

    fn missing(&self, param: &ParamSpec) -> ParamError {
        ParamError::Missing { kernel: self.id, name: param.name, allowed: list(self.params.iter()) }
    }

    fn collect(&self, when: When, given: &[(&str, Given<'_>)]) -> Result<(Vec<u64>, u64, Option<String>), ParamError> {
        let mut values = Vec::new();
        let mut present = 0;
        let mut text = None;
        for (position, param) in self.params_at(when).enumerate() {
            let mut matching = given.iter().filter(|(name, _)| *name == param.name);
            let Some(&(_, value)) = matching.next() else {
                if param.required {
                    return Err(self.missing(param));
                }
                values.push(0);
                continue;
            };
            if matching.next().is_some() {
                return Err(ParamError::Repeated { kernel: self.id, name: param.name });
            }
            present |= 1 << position;
            match (param.kind, value) {
                (ParamKind::Text, Given::Written(value) | Given::Text(value)) => {
                    let expression = parse(self.outputs[0].dtype, value);
                    let postfix = expression.map_err(|error| ParamError::Syntax { name: param.name, error })?;
                    text = Some(postfix.postfix());
                    values.push(0);
                }
                _ => values.push(param.value(value)?.bits()),
            }
        }
        Ok((values, present, text))
    }
}

impl ParamSpec {
    /// The value that a door gave, if it is of this parameter's kind.
    pub fn value(&self, given: Given<'_>) -> Result<ParamValue, ParamError> {
        let wrong = |given: &str| Err(self.refuse(given.to_owned(), wrong_kind(self.kind)));
        match (given, self.kind) {
            (Given::Written(text), _) => self.parse(text),
            (Given::Flag(value), ParamKind::Flag) => Ok(ParamValue::Flag(value)),
            (Given::Int(value), ParamKind::Int) => match u64::try_from(value) {
                Ok(value) => Ok(ParamValue::Int(value)),
                Err(_) => Err(self.refuse(format!("`{value}`"), "is negative")),
            },
            (Given::Bits(bits), ParamKind::Int | ParamKind::F32 | ParamKind::F64) => {
                ParamValue::from_bits(self.kind, bits).ok_or_else(|| bad_bits(self, bits))
            }
            (Given::Flag(_), _) => wrong("a flag"),
            (Given::Int(_), _) => wrong("an integer"),
            (Given::Bits(_), _) => wrong("a bit pattern"),
            (Given::Text(_), _) => wrong("a text"),
        }
    }
}

fn wrong_kind(kind: ParamKind) -> &'static str {
    match kind {
        ParamKind::Flag => "is given where a flag is taken",
        ParamKind::Int => "is given where an integer is taken",
        ParamKind::F32 => "is given where the bit pattern of an f32 is taken",
        ParamKind::F64 => "is given where the bit pattern of an f64 is taken",
        ParamKind::Text => "is given where a text is taken",
    }
}

fn bad_bits(param: &ParamSpec, bits: u64) -> ParamError {
    let reason = match param.kind {
        ParamKind::Flag => "is neither 0 nor 1",
        _ => "is no bit pattern of an f32",
    };
    param.refuse(format!("{bits:#x}"), reason)
}

fn list<'a>(params: impl Iterator<Item = &'a ParamSpec>) -> String {
    let words: Vec<String> = params.map(ToString::to_string).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::super::find;
    use super::*;

    fn kernel(id: &str) -> &'static KernelSpec {
        find(id).expect("kernel")
    }

    #[test]
    fn parameters_land_in_their_array_with_their_bit() {
        let matmul = kernel("matmul.f32.v1");
        let (fixed, launch) = matmul.split_params(&[("transpose_b", Given::Written("true"))]).expect("params");
        assert_eq!(fixed, FixedParams { values: vec![0, 1], present: 0b10, text: None });
        assert_eq!(launch, LaunchParams::default());
        assert_eq!(matmul.param_values(&fixed, &launch), Ok(vec![None, Some(ParamValue::Flag(true))]));

        let philox = kernel("philox.u32.v1");
        let given = [("seed", Given::Bits(u64::MAX)), ("n", Given::Int(5))];
        let launch = philox.launch_params(&given).expect("params");
        assert_eq!(launch, LaunchParams { values: vec![5, u64::MAX, 0], present: 0b011 });
        let values = philox.param_values(&FixedParams::default(), &launch).expect("values");
        assert_eq!(values, [Some(ParamValue::Int(5)), Some(ParamValue::Int(u64::MAX)), None]);
    }

    #[test]
    fn refusals_name_the_parameter_and_list_what_is_allowed() {
        let clamp = kernel("clamp.f32.v1");
        let message = |result: Result<FixedParams, ParamError>| result.expect_err("refused").to_string();
        assert_eq!(
            message(clamp.fixed_params(&[("low", Given::Written("0"))])),
            "kernel clamp.f32.v1 has no parameter `low`; it takes lo (f32, per launch, required), hi (f32, per launch, required)"
        );
        assert_eq!(
            message(clamp.fixed_params(&[("lo", Given::Written("0"))])),
            "parameter `lo` of kernel clamp.f32.v1 is given at each launch, not at open; at open it takes none"
        );
        assert_eq!(
            kernel("sum.f32.v1").launch_params(&[("rows", Given::Flag(true))]).expect_err("refused").to_string(),
            "parameter `rows` of kernel sum.f32.v1 is fixed at open, not given at a launch; at a launch it takes none"
        );
        assert_eq!(
            clamp.launch_params(&[("lo", Given::Written("0"))]).expect_err("refused").to_string(),
            "kernel clamp.f32.v1 needs the parameter `hi`; it takes lo (f32, per launch, required), hi (f32, per launch, required)"
        );
        let twice = [("lo", Given::Bits(0)), ("hi", Given::Bits(0)), ("lo", Given::Bits(0))];
        assert_eq!(
            clamp.launch_params(&twice).expect_err("refused").to_string(),
            "parameter `lo` of kernel clamp.f32.v1 is given twice"
        );
    }

    #[test]
    fn values_of_another_kind_are_refused() {
        let refusal =
            |id: &str, given: &[(&str, Given<'_>)]| kernel(id).split_params(given).expect_err("refused").to_string();
        assert_eq!(
            refusal("clamp.f32.v1", &[("lo", Given::Int(1))]),
            "parameter `lo`: an integer is given where the bit pattern of an f32 is taken"
        );
        assert_eq!(
            refusal("clamp.f32.v1", &[("lo", Given::Bits(1 << 40))]),
            "parameter `lo`: 0x10000000000 is no bit pattern of an f32"
        );
        assert_eq!(refusal("philox.u32.v1", &[("n", Given::Int(-1))]), "parameter `n`: `-1` is negative");
        assert_eq!(
            refusal("sum.f32.v1", &[("rows", Given::Text("yes"))]),
            "parameter `rows`: a text is given where a flag is taken"
        );
    }

    #[test]
    fn arrays_that_do_not_fit_are_refused() {
        let sum = kernel("sum.f32.v1");
        let refusal = |values: &[u64], present| {
            let fixed = FixedParams { values: values.to_vec(), present, text: None };
            sum.param_values(&fixed, &LaunchParams::default()).expect_err("refused").to_string()
        };
        assert_eq!(
            refusal(&[], 0),
            "kernel sum.f32.v1 takes 1 parameters at open, not 0 values with presence bits 0x0"
        );
        assert_eq!(
            refusal(&[0], 2),
            "kernel sum.f32.v1 takes 1 parameters at open, not 1 values with presence bits 0x2"
        );
        assert_eq!(refusal(&[2], 1), "parameter `rows`: 0x2 is neither 0 nor 1");
    }
}
