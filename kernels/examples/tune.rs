//! scratch
use clamp_kernels::catalogue::{Dtype, Given, Shape, find};
use clamp_kernels::{Data, Input, Kernel, Launch, Level, Output};
#[repr(C)]
struct Ts {
    s: i64,
    n: i64,
}
unsafe extern "C" {
    fn clock_gettime(id: i32, t: *mut Ts) -> i32;
    fn madvise(a: *mut u8, l: usize, x: i32) -> i32;
}
fn cpu() -> f64 {
    let mut t = Ts { s: 0, n: 0 };
    unsafe { clock_gettime(3, &mut t) };
    t.s as f64 + t.n as f64 * 1e-9
}
fn best(reps: usize, mut f: impl FnMut()) -> f64 {
    f();
    let mut b = f64::MAX;
    for _ in 0..reps {
        let t = cpu();
        f();
        b = b.min(cpu() - t);
    }
    b
}
fn run(
    id: &str,
    given: &[(&str, Given)],
    ins: &[(Dtype, &[u64], &[u8])],
    out: (Dtype, &[u64]),
    o: &mut [u8],
    level: Level,
) {
    let spec = find(id).unwrap();
    let (fixed, lp) = spec.split_params(given).unwrap();
    let k = Kernel::open(id, &fixed).unwrap().at_level(level);
    let mut inputs: Vec<Option<Input>> = ins
        .iter()
        .map(|(d, s, b)| Some(Input { dtype: *d, shape: Shape::new(s).unwrap(), data: Data::Bytes(b) }))
        .collect();
    inputs.resize(spec.inputs.len(), None);
    let mut outputs = [Output { dtype: out.0, shape: Shape::new(out.1).unwrap(), data: o }];
    k.run(&mut Launch { inputs: &inputs, outputs: &mut outputs, params: &lp.values, present: lp.present }).unwrap();
}
fn main() {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    pool.install(|| {
        let level = std::env::var("LEVEL").ok().and_then(|l| Level::from_name(&l)).unwrap_or(Level::best());
        for arg in std::env::args().skip(1) {
            if let Some(rest) = arg.strip_prefix("rows:") {
                // rows:ID:columns
                let (id, c) = rest.split_once(':').unwrap();
                let c: u64 = c.parse().unwrap();
                let n: u64 = (128 << 20) / 4 / c * c;
                let mut x = vec![0f32; n as usize];
                unsafe {
                    madvise(x.as_mut_ptr().cast(), n as usize * 4, 14);
                }
                let mut y = vec![0f32; n as usize];
                unsafe {
                    madvise(y.as_mut_ptr().cast(), n as usize * 4, 14);
                }
                for (i, v) in x.iter_mut().enumerate() {
                    *v = ((i as u32).wrapping_mul(2654435761) >> 8) as f32 / 8388608.0 - 1.0;
                }
                let (mut copy, mut k) = (f64::MAX, f64::MAX);
                for _ in 0..4 {
                    copy = copy.min(best(1, || {
                        run(
                            "copy.f32.v1",
                            &[],
                            &[(Dtype::F32, &[n], bytemuck::cast_slice(&x))],
                            (Dtype::F32, &[n]),
                            bytemuck::cast_slice_mut(&mut y),
                            level,
                        )
                    }));
                    let eps = [("eps", Given::Written("1e-5"))];
                    let given: &[(&str, Given)] = if id == "layernorm" || id == "rmsnorm" { &eps } else { &[] };
                    k = k.min(best(1, || {
                        run(
                            &format!("{id}.f32.v1"),
                            given,
                            &[(Dtype::F32, &[n / c, c], bytemuck::cast_slice(&x))],
                            (Dtype::F32, &[n / c, c]),
                            bytemuck::cast_slice_mut(&mut y),
                            level,
                        )
                    }));
                }
                println!(
                    "{arg}: copy {:.2} ns/elt, {id} {:.2}, ratio {:.2}",
                    copy / n as f64 * 1e9,
                    k / n as f64 * 1e9,
                    copy / k
                );
                continue;
            }
            let (ty, shape) = arg.split_once(':').unwrap_or(("f32", &arg));
            let (shape, lay) = shape.split_once(':').unwrap_or((shape, ""));
            let d: Vec<u64> = shape.split('x').map(|v| v.parse().unwrap()).collect();
            let (m, k, n) = (d[0], d[1], d[2]);
            let (ta, tb) = (lay.contains("ta"), lay.contains("tb"));
            let (dt, od, sz, id) = match ty {
                "f64" => (Dtype::F64, Dtype::F64, 8, "matmul.f64.v1"),
                "i8" => (Dtype::I8, Dtype::I32, 1, "matmul.i8.v1"),
                _ => (Dtype::F32, Dtype::F32, 4, "matmul.f32.v1"),
            };
            let fill = |len: u64| -> Vec<u64> {
                let mut v = vec![0u64; (len * sz).div_ceil(8) as usize];
                let b: &mut [u8] = bytemuck::cast_slice_mut(&mut v);
                match sz {
                    4 => {
                        for (i, c) in b.chunks_exact_mut(4).enumerate() {
                            c.copy_from_slice(
                                &(((i as u32).wrapping_mul(2654435761) >> 8) as f32 / 16777216.0 - 0.5).to_le_bytes(),
                            )
                        }
                    }
                    8 => {
                        for (i, c) in b.chunks_exact_mut(8).enumerate() {
                            c.copy_from_slice(
                                &(((i as u32).wrapping_mul(2654435761) >> 8) as f64 / 16777216.0 - 0.5).to_le_bytes(),
                            )
                        }
                    }
                    _ => {
                        for (i, c) in b.iter_mut().enumerate() {
                            *c = (i as u32).wrapping_mul(2654435761).to_le_bytes()[3]
                        }
                    }
                }
                v
            };
            let (a, b) = (fill(m * k), fill(k * n));
            let osz = if sz == 8 { 8 } else { 4 };
            let mut o = vec![0u64; ((m * n * osz) as usize).div_ceil(8)];
            let ab: &[u8] = &bytemuck::cast_slice(&a)[..(m * k * sz) as usize];
            let bb: &[u8] = &bytemuck::cast_slice(&b)[..(k * n * sz) as usize];
            let flops = 2.0 * (m * n * k) as f64;
            let reps = ((1.2e11 / flops) as usize).clamp(5, 2000);
            let ashape = if ta { [k, m] } else { [m, k] };
            let bshape = if tb { [n, k] } else { [k, n] };
            let given = [("transpose_a", Given::Flag(ta)), ("transpose_b", Given::Flag(tb))];
            let t = best(reps, || {
                let ob: &mut [u8] = &mut bytemuck::cast_slice_mut(&mut o)[..(m * n * osz) as usize];
                run(id, &given, &[(dt, &ashape, ab), (dt, &bshape, bb)], (od, &[m, n]), ob, level)
            });
            println!("{arg}: {:.1} G/s ({:.1} us)", flops / t / 1e9, t * 1e6);
        }
    });
}
