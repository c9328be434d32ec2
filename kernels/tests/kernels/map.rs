//! Formulas: how they are read, what is wrong with them word by word, and their canonical postfix form.

use clamp_kernels::catalogue::{Dtype, FixedParams, Given, KernelSpec, ParamValue, Shape};
use clamp_kernels::map::{Expression, MAX_DEPTH, MAX_NODES, MAX_TEXT, Node, Operation, parse};
use clamp_kernels::{Kernel, LaunchError};
use proptest::prelude::*;

use crate::agree::{Case, FILLS, check_all};
use crate::arrays::{Array, Fill, filled, hows, run, spec};

fn postfix(text: &str) -> String {
    parse(Dtype::F32, text).expect("formula").postfix()
}

fn refusal(dtype: Dtype, text: &str) -> String {
    parse(dtype, text).expect_err("refused").to_string()
}

#[test]
fn precedence_is_that_of_c() {
    for (text, expected) in [
        ("x0", "x0"),
        ("x0*c0 + exp(-x1)", "x0 c0 mul x1 neg exp add"),
        ("x0 - x1 - x2", "x0 x1 sub x2 sub"),
        ("x0 - (x1 - x2)", "x0 x1 x2 sub sub"),
        ("x0 / x1 * x2", "x0 x1 div x2 mul"),
        ("x0 + x1 * x2", "x0 x1 x2 mul add"),
        ("x0 < x1 == x2 >= x3", "x0 x1 lt x2 x3 ge eq"),
        ("x0 == x1 < x2 != x3", "x0 x1 x2 lt eq x3 ne"),
        ("x0 < x1 < x2", "x0 x1 lt x2 lt"),
        ("x0 + x1 <= x2 * -x3 > c7", "x0 x1 add x2 x3 neg mul le c7 gt"),
        ("-x0*x1", "x0 neg x1 mul"),
        ("--x0", "x0 neg neg"),
        ("x0--x1", "x0 x1 neg sub"),
        ("-(x0+x1)", "x0 x1 add neg"),
        ("fma(x0, -x1, min(c0, 1))", "x0 x1 neg c0 #3f800000 min fma"),
        ("((x0))\n\t+\r\nx7", "x0 x7 add"),
    ] {
        assert_eq!(postfix(text), expected, "{text}");
    }
}

#[test]
fn constants_are_rounded_once_to_the_dtype() {
    assert_eq!(postfix("x0*0.1"), "x0 #3dcccccd mul");
    assert_eq!(postfix("x0*1.00000005960464477540"), "x0 #3f800001 mul");
    assert_eq!(postfix("x0*0x1.6a09e6p-1"), "x0 #3f3504f3 mul");
    assert_eq!(postfix("x0+1e-3-0xe-1.e0+.5"), "x0 #3a83126f add #41600000 sub #3f800000 sub #3f000000 add");
    assert_eq!(postfix("x0*-1e39"), "x0 #7f800000 neg mul");
    let f64s = parse(Dtype::F64, "x0*0.1+0x1p-1074").expect("formula").postfix();
    assert_eq!(f64s, "x0 #3fb999999999999a mul #0000000000000001 add");
}

#[test]
fn syntax_errors_name_their_place() {
    for (text, expected) in [
        ("x0 + (y)", "line 1, column 7: unknown name `y`; inputs are x0 to x7, scalars c0 to c7"),
        ("x0 +\n  x8", "line 2, column 3: unknown name `x8`; inputs are x0 to x7, scalars c0 to c7"),
        ("", "line 1, column 1: an operand is missing before the end"),
        ("x0 *", "line 1, column 5: an operand is missing before the end"),
        ("x0 * / x1", "line 1, column 6: an operand is missing before `/`"),
        ("+x0", "line 1, column 1: `+` needs an operand before it"),
        ("x0 x1", "line 1, column 4: an operator is missing before `x1`"),
        ("2x0", "line 1, column 1: `2x0` is no number"),
        ("x0 + 1.5f", "line 1, column 6: `1.5f` is no number"),
        ("x0 + 1e", "line 1, column 6: `1e` is no number"),
        ("x0 * 0x1.000001p0", "line 1, column 6: `0x1.000001p0` is not exact in f32"),
        ("x0 * 0x", "line 1, column 6: `0x` is no hexadecimal number"),
        ("x0)", "line 1, column 3: `)` closes nothing"),
        ("(x0", "line 1, column 4: `)` is missing for the `(` of line 1, column 1"),
        ("(x0, x1)", "line 1, column 4: `,` stands only between the operands of a function"),
        ("(x0 1)", "line 1, column 5: an operator or `)` is missing before `1`"),
        ("x0 = x1", "line 1, column 4: `=` is no operator; equality is `==`"),
        ("x0 % x1", "line 1, column 4: `%` has no meaning here"),
        ("!x0", "line 1, column 1: `!` has no meaning here"),
        ("x0 * π", "line 1, column 6: `π` has no meaning here"),
        ("π", "line 1, column 1: `π` has no meaning here"),
        ("x0 + \u{7}", "line 1, column 6: `\\u{7}` has no meaning here"),
        ("exp", "line 1, column 1: `exp` is a function: it needs its operands in parentheses"),
        ("x0(x1)", "line 1, column 1: `x0` is no function"),
        ("exp()", "line 1, column 1: `exp` takes 1 operand, not 0"),
        ("x0 + fma(x0, x1)", "line 1, column 6: `fma` takes 3 operands, not 2"),
        ("fma(x0,)", "line 1, column 8: an operand is missing before `)`"),
        ("c0 * 2", "line 1, column 1: the expression names no input; it needs at least one of x0 to x7"),
        (
            "add(x0, x1)",
            "line 1, column 1: unknown function `add`; there are abs, sqrt, min, max, fma, rsqrt, relu, exp, exp2, \
             expm1, log, log2, log10, log1p, sin, cos, tan, sinpi, cospi, tanh, erf, sigmoid, silu, gelu",
        ),
    ] {
        assert_eq!(refusal(Dtype::F32, text), expected, "{text}");
    }
    assert_eq!(
        refusal(Dtype::F64, "1 + exp(x0)"),
        "line 1, column 5: `exp` is a function of f32 only; f64 has abs, sqrt, min, max, fma"
    );
}

#[test]
fn limits_are_named() {
    let long = format!("x0{}", " ".repeat(MAX_TEXT - 2));
    assert!(parse(Dtype::F32, &long).is_ok());
    assert_eq!(
        refusal(Dtype::F32, &format!("{long} ")),
        "line 1, column 1: the expression has 65537 bytes; 65536 are allowed"
    );
    let sum = |nodes: usize| format!("x0{}", "+x0".repeat((nodes - 1) / 2));
    assert_eq!(parse(Dtype::F32, &sum(MAX_NODES - 1)).expect("formula").nodes().len(), MAX_NODES - 1);
    assert_eq!(
        refusal(Dtype::F32, &sum(MAX_NODES + 1)),
        "line 1, column 6144: the expression has more than 4096 nodes"
    );
    assert_eq!(
        refusal(Dtype::F32, &format!("{}x0", "-".repeat(60_000))),
        "line 1, column 55905: the expression has more than 4096 nodes"
    );
    let nested = |depth: usize| format!("{}x0{}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(Dtype::F32, &nested(MAX_DEPTH)).is_ok());
    for depth in [MAX_DEPTH + 1, 30_000] {
        assert_eq!(refusal(Dtype::F32, &nested(depth)), "line 1, column 257: parentheses are nested deeper than 256");
    }
    let waiting = format!("{}x0{}", "fma(x0,x0,".repeat(200), ")".repeat(200));
    assert_eq!(
        refusal(Dtype::F32, &waiting),
        "line 1, column 1285: more than 256 values wait for their operation at once"
    );
}

#[test]
fn postfix_that_is_not_canonical_is_refused() {
    for (text, expected) in [
        ("", "token 1 of the postfix form: `` is no token"),
        ("x0 ", "token 2 of the postfix form: `` is no token"),
        ("x0  neg", "token 2 of the postfix form: `` is no token"),
        ("x8", "token 1 of the postfix form: `x8` is no token"),
        ("x0\nneg", "token 1 of the postfix form: `x0\nneg` is no token"),
        ("x0 EXP", "token 2 of the postfix form: `EXP` is no token"),
        ("x0 clamp", "token 2 of the postfix form: `clamp` is no token"),
        ("add", "token 1 of the postfix form: `add` takes 2 values, but the stack holds 0"),
        ("x0 add", "token 2 of the postfix form: `add` takes 2 values, but the stack holds 1"),
        ("x0 x1 fma", "token 3 of the postfix form: `fma` takes 3 values, but the stack holds 2"),
        ("x0 x1", "token 2 of the postfix form: 2 values are left, not 1"),
        ("c0", "token 1 of the postfix form: the expression names no input; it needs at least one of x0 to x7"),
        ("x0 #7fc00000 add", "token 2 of the postfix form: `#7fc00000` is a NaN"),
        (
            "x0 #3F800000 add",
            "token 2 of the postfix form: `#3F800000` is no constant of f32: it takes # and 8 lowercase hexadecimal digits",
        ),
        (
            "x0 #+f800000 add",
            "token 2 of the postfix form: `#+f800000` is no constant of f32: it takes # and 8 lowercase hexadecimal digits",
        ),
    ] {
        let error = Expression::from_postfix(Dtype::F32, text).expect_err("refused");
        assert_eq!(error.to_string(), expected, "{text:?}");
    }
    let error = Expression::from_postfix(Dtype::F64, "x0 exp").expect_err("refused");
    assert_eq!(error.to_string(), "token 2 of the postfix form: `exp` is an operation of f32 only");
    let error = Expression::from_postfix(Dtype::F32, &"é".repeat(100)).expect_err("refused");
    assert_eq!(error.problem, format!("`{}...` is no token", "é".repeat(40)));
    let error = Expression::from_postfix(Dtype::F32, &vec!["x0"; 257].join(" ")).expect_err("refused");
    assert_eq!(
        error.to_string(),
        "token 257 of the postfix form: more than 256 values wait for their operation at once"
    );
    let negations = format!("x0{}", " neg".repeat(MAX_NODES));
    let error = Expression::from_postfix(Dtype::F32, &negations).expect_err("refused");
    assert_eq!(error.to_string(), "token 4097 of the postfix form: the expression has more than 4096 nodes");
}

/// A formula that names x0 in its first leaf, so that it has an input.
fn nodes(dtype: Dtype) -> impl Strategy<Value = Vec<Node>> {
    let constant = prop_oneof![Just(0x3f80_0000u32), Just(1), Just(0x7f7f_ffff), Just(0), Just(0x3dcc_cccd)];
    let leaf = prop_oneof![
        (0u8..8).prop_map(Node::Input),
        (0u8..8).prop_map(Node::Scalar),
        constant.prop_map(move |bits| Node::Constant(match dtype {
            Dtype::F32 => u64::from(bits),
            _ => f64::from(f32::from_bits(bits)).to_bits(),
        })),
    ];
    let leaf = leaf.prop_map(|node| vec![node]);
    leaf.prop_recursive(6, 64, 3, move |inner| {
        let operations: Vec<Operation> =
            Operation::ALL.iter().copied().filter(|operation| operation.is_in(dtype)).collect();
        (proptest::sample::select(operations), proptest::collection::vec(inner, 3)).prop_map(|(operation, operands)| {
            let mut nodes: Vec<Node> = operands[..operation.arity()].concat();
            nodes.push(Node::Apply(operation));
            nodes
        })
    })
    .prop_map(|mut nodes| {
        nodes[0] = Node::Input(0);
        nodes
    })
}

/// Writes nodes as a formula with all parentheses, or with only those that the precedence of C asks for.
fn written(dtype: Dtype, nodes: &[Node], all: bool) -> String {
    let mut stack: Vec<(String, u8)> = Vec::new();
    for &node in nodes {
        let formula = match node {
            Node::Input(index) => (format!("x{index}"), 9),
            Node::Scalar(index) => (format!("c{index}"), 9),
            Node::Constant(bits) if dtype == Dtype::F32 => (format!("{:e}", f32::from_bits(bits as u32)), 9),
            Node::Constant(bits) => (format!("{:e}", f64::from_bits(bits)), 9),
            Node::Apply(operation) => {
                let operands = stack.split_off(stack.len() - operation.arity());
                let inner = |position: usize, least: u8| match &operands[position] {
                    (text, tightness) if *tightness >= least && !all => text.clone(),
                    (text, _) => format!("({text})"),
                };
                let sign = operation.infix();
                match (sign, operation.arity()) {
                    ("", _) => {
                        let list: Vec<&str> = operands.iter().map(|(text, _)| text.as_str()).collect();
                        (format!("{}({})", operation.name(), list.join(" , ")), 9)
                    }
                    (_, 1) => (format!("-{}", inner(0, 5)), 5),
                    _ => {
                        let tightness = match sign {
                            "*" | "/" => 4,
                            "+" | "-" => 3,
                            "==" | "!=" => 1,
                            _ => 2,
                        };
                        (format!("{}{sign}{}", inner(0, tightness), inner(1, tightness + 1)), tightness)
                    }
                }
            }
        };
        stack.push(formula);
    }
    stack.pop().expect("a formula").0
}

proptest! {
    #[test]
    fn formulas_and_postfix_go_both_ways(f32s in nodes(Dtype::F32), f64s in nodes(Dtype::F64)) {
        for (dtype, nodes) in [(Dtype::F32, f32s), (Dtype::F64, f64s)] {
            for all in [false, true] {
                let text = written(dtype, &nodes, all);
                let expression = parse(dtype, &text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
                prop_assert_eq!(expression.nodes(), &nodes[..], "{}", text);
                let again = Expression::from_postfix(dtype, &expression.postfix());
                prop_assert_eq!(again, Ok(expression));
            }
        }
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,60}", signs in "[x0c1 ()+*/<=>!,.eEpP#-]{0,40}") {
        for text in [&text, &signs] {
            for dtype in [Dtype::F32, Dtype::F64] {
                if let Ok(expression) = parse(dtype, text) {
                    prop_assert_eq!(Expression::from_postfix(dtype, &expression.postfix()), Ok(expression));
                }
                if let Ok(expression) = Expression::from_postfix(dtype, text) {
                    prop_assert_eq!(&expression.postfix(), text);
                }
            }
        }
    }
}

#[test]
fn doors_give_formulas_and_kernels_take_postfix() {
    let map = spec("map.f32.v1");
    let (fixed, launch) =
        map.split_params(&[("expr", Given::Written("x2 * c3")), ("c3", Given::Written("0.5"))]).expect("parameters");
    let text = Some("x2 c3 mul".to_owned());
    assert_eq!(fixed, FixedParams { values: vec![0], present: 1, text });
    assert_eq!((launch.values[3], launch.present), (0x3f00_0000, 0b1000));
    let values = map.param_values(&fixed, &launch).expect("values");
    assert_eq!(values[0], Some(ParamValue::Expression { inputs: 0b100, scalars: 0b1000 }));
    assert!(Kernel::open("map.f32.v1", &fixed).is_ok());

    let open = |text: Option<&str>| {
        let fixed = FixedParams { values: vec![0], present: u64::from(text.is_some()), text: text.map(str::to_owned) };
        Kernel::open("map.f32.v1", &fixed).expect_err("refused").to_string()
    };
    assert_eq!(open(Some("x2 * c3")), "parameter `expr`: token 2 of the postfix form: `*` is no token");
    assert!(
        open(None).starts_with("kernel map.f32.v1 needs the parameter `expr`; it takes expr (text, at open, required)")
    );
    assert_eq!(
        map.fixed_params(&[("expr", Given::Text("x0 + (y)"))]).expect_err("refused").to_string(),
        "parameter `expr`: line 1, column 7: unknown name `y`; inputs are x0 to x7, scalars c0 to c7"
    );
    assert_eq!(
        map.fixed_params(&[("expr", Given::Int(1))]).expect_err("refused").to_string(),
        "parameter `expr`: an integer is given where a text is taken"
    );
}

#[test]
fn what_the_expression_names_is_given_and_no_more() {
    let refusal = |inputs: &[Option<&[u64]>], given: &[(&str, Given<'_>)]| {
        let map = spec("map.f32.v1");
        let (fixed, launch) = map.split_params(given).expect("parameters");
        let params = map.param_values(&fixed, &launch).expect("parameters");
        let mut shapes: Vec<Option<Shape>> =
            inputs.iter().map(|dims| dims.map(|dims| Shape::new(dims).expect("shape"))).collect();
        shapes.resize(8, None);
        map.output_shapes(&shapes, &params).expect_err("refused").to_string()
    };
    let expr = ("expr", Given::Written("x0*c0 + x2"));
    let c0 = ("c0", Given::Written("2"));
    let (two, three): (Option<&[u64]>, Option<&[u64]>) = (Some(&[2]), Some(&[3]));
    assert_eq!(refusal(&[two, None, None], &[expr, c0]), "input `x2`: is missing, but the expression uses it");
    assert_eq!(refusal(&[two, two, two], &[expr, c0]), "input `x1`: is given, but the expression does not use it");
    assert_eq!(refusal(&[two, None, two], &[expr]), "parameter `c0`: is missing, but the expression uses it");
    assert_eq!(
        refusal(&[two, None, two], &[expr, c0, ("c7", Given::Written("1"))]),
        "parameter `c7`: is given, but the expression does not use it"
    );
    assert_eq!(
        refusal(&[two, None, three], &[expr, c0]),
        "input `x2`: has shape [3], but `x0` is [2]: all inputs have one shape, none is broadcast"
    );
}

/// The bits of an f32 expression of these inputs, the same both ways.
fn bits(expr: &str, inputs: &[&Array]) -> Result<Vec<u32>, LaunchError> {
    let mut arrays: Vec<Option<&Array>> = inputs.iter().map(|&input| Some(input)).collect();
    arrays.resize(8, None);
    let [reference, cpu] = hows().map(|how| run("map.f32.v1", &arrays, &[("expr", Given::Written(expr))], how));
    let values = reference?.values::<u32>();
    assert_eq!(values, cpu?.values::<u32>(), "{expr}");
    Ok(values)
}

#[test]
fn each_node_is_rounded_once() {
    let x = Array::f32s(&[1.0 + f32::EPSILON, f32::MAX, -0.0, f32::from_bits(0xff81_2345)]);
    let y = Array::f32s(&[-(1.0 + 2.0 * f32::EPSILON), f32::MIN, 0.0, 1.0]);
    let of = |expr: &str| bits(expr, &[&x, &y]).expect("run");
    let nan = 0x7fc0_0000;
    // Two roundings, then one.
    assert_eq!(of("x0*x0 + x1")[..2], [0, f32::INFINITY.to_bits()]);
    assert_eq!(of("fma(x0, x0, x1)")[..1], [(f32::EPSILON * f32::EPSILON).to_bits()]);
    assert_eq!(of("x0*2*0.5 + 0*x1")[1], f32::INFINITY.to_bits());
    assert_eq!(of("x0 + 0*x1"), [(1.0 + f32::EPSILON).to_bits(), f32::MAX.to_bits(), 0, nan]);
    assert_eq!(of("-x0 + 0*x1")[2..], [0, nan]);
    assert_eq!(of("min(x0, x1)")[2..], [0x8000_0000, nan]);
    assert_eq!(of("x0 == x1")[2..], [0x3f80_0000, 0]);
    assert_eq!(of("x0 != x1")[2..], [0, 0x3f80_0000]);
    assert_eq!(of("-(x0 < x1)")[..3], [0x8000_0000; 3]);
    let z = Array::of(Dtype::F32, &[1], &[0xff81_2345u32]);
    assert_eq!(bits("x0", &[&z]).expect("run"), [nan], "an expression is no move");
    assert_eq!(bits("x0*2", &[&Array::f32s(&[])]).expect("run"), [0u32; 0]);
}

/// One expression gives the bits of the kernels that it is made of.
#[test]
fn an_expression_is_its_kernels_one_after_the_other() {
    let x = filled(Dtype::F32, &[5000], Fill::Wild, 1);
    let y = filled(Dtype::F32, &[5000], Fill::Wild, 2);
    let kernel = |id: &str, inputs: &[&Array]| {
        let inputs: Vec<Option<&Array>> = inputs.iter().map(|&input| Some(input)).collect();
        run(id, &inputs, &[], hows()[0]).expect("run")
    };
    let power = kernel("exp.f32.v1", &[&kernel("neg.f32.v1", &[&y])]);
    let product = kernel("mul.f32.v1", &[&x, &kernel("rsqrt.f32.v1", &[&y])]);
    let expected = kernel("add.f32.v1", &[&product, &power]).values::<u32>();
    assert_eq!(bits("x0*rsqrt(x1) + exp(-x1)", &[&x, &y]).expect("run"), expected);
}

#[test]
fn expressions_agree() {
    check_all(|name, spec| (name == "map").then(|| maps(spec)));
}

/// Expressions of one to eight inputs: with scalars, shared and repeated parts, parts of scalars alone, long chains.
const FORMULAS: [&str; 17] = [
    "x0",
    "-x3",
    "x0*c0+x1",
    "x0+c0*x1",
    "c1-(x0+x1)",
    "(x0-c0)*c1",
    "x0*x1-x2",
    "x2/(x0*x1)",
    "x0/x1+x2",
    "fma(x0, c0, x1)",
    "c0*c1+x0*(c0*c1)",
    "(x0 < x1)*x0 + (x0 >= x1)*x1",
    "(x0 == x1) - (x0 != x1) + (x0 <= c0) + (c0 > x1)",
    "min(max(x0, -0.25), 0.5) + abs(x1) + sqrt(x0)",
    "(x0+x1)*(x0+x1) + (x0+x1)/(x1+x0)",
    "x0+x1*(x2+x3*(x4+x5*(x6+x7*(x0+x1*(x2+x3)))))",
    "((x0-x1)-(x2-x3))-((x4-x5)-(x6-x7))",
];

const FORMULAS_OF_F32: [&str; 4] = [
    "x0*c0 + exp(-x1)",
    "relu(x0) + rsqrt(x1) + sigmoid(x0) * silu(x1) - gelu(x0)",
    "exp2(x0)+expm1(x0)+log(x1)+log2(x1)+log10(x1)+log1p(x0)",
    "sin(x0)+cos(x0)+tan(x0)+sinpi(x1)+cospi(x1)+tanh(x1)+erf(x0)",
];

fn maps(spec: &KernelSpec) -> Vec<Case> {
    let dtype = spec.outputs[0].dtype;
    let of_f32: &[&str] = if dtype == Dtype::F32 { &FORMULAS_OF_F32 } else { &[] };
    let mut cases = Vec::new();
    for &text in FORMULAS.iter().chain(of_f32) {
        let expression = parse(dtype, text).expect("formula");
        for dims in [0, 1, 1023, 1024, 1025, 70000].map(|size| vec![size]).into_iter().chain([vec![], vec![2, 3, 50]]) {
            for fill in FILLS {
                let used = |position: u64| expression.inputs() >> position & 1 == 1;
                let input = |position: u64| used(position).then(|| filled(dtype, &dims, fill, position + 1));
                let mut given = vec![("expr", Given::Written(text))];
                let scalars = [("c0", "0x1.8p-1"), ("c1", "-3")].into_iter().zip(0u8..);
                given.extend(
                    scalars
                        .filter(|(_, position)| expression.scalars() >> position & 1 == 1)
                        .map(|((name, value), _)| (name, Given::Written(value))),
                );
                cases.push(Case { inputs: (0..8).map(input).collect(), given });
            }
        }
    }
    cases
}
