//! quick
use clamp_kernels::catalogue::{Dtype, FixedParams, Shape};
use clamp_kernels::{Data, Input, Kernel, Launch, Level, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};
type F = fn(f32) -> f32;
const ALL: [(&str, F); 14] = [
    ("exp", core_math::expf),
    ("exp2", core_math::exp2f),
    ("expm1", core_math::expm1f),
    ("log", core_math::logf),
    ("log2", core_math::log2f),
    ("log10", core_math::log10f),
    ("log1p", core_math::log1pf),
    ("sin", core_math::sinf),
    ("cos", core_math::cosf),
    ("tan", core_math::tanf),
    ("sinpi", core_math::sinpif),
    ("cospi", core_math::cospif),
    ("tanh", core_math::tanhf),
    ("erf", core_math::erff),
];
fn canon(x: f32) -> u32 {
    if x.is_nan() { 0x7fc0_0000 } else { x.to_bits() }
}
fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let level = Level::from_name(&args[0]).unwrap();
    let step: u32 = args[1].parse().unwrap();
    let threads: usize = args[2].parse().unwrap();
    for (name, f) in ALL {
        if args.len() > 3 && !args[3..].iter().any(|a| a == name) {
            continue;
        }
        let kernel = Kernel::open(&format!("{name}.f32.v1"), &FixedParams::default()).unwrap().at_level(level);
        let next = AtomicU32::new(0);
        let bad = Mutex::new(Vec::new());
        const B: usize = 1 << 14;
        let t = std::time::Instant::now();
        let chunks = ((1u64 << 32) / B as u64) as u32;
        std::thread::scope(|s| {
            for _ in 0..threads {
                s.spawn(|| {
                    let mut x = vec![0f32; B];
                    let mut y = vec![0f32; B];
                    loop {
                        let c = next.fetch_add(step, Ordering::Relaxed);
                        if c >= chunks {
                            break;
                        }
                        for i in 0..B {
                            x[i] = f32::from_bits(c * B as u32 + i as u32)
                        }
                        let shape = Shape::new(&[B as u64]).unwrap();
                        let inputs =
                            [Some(Input { dtype: Dtype::F32, shape, data: Data::Bytes(bytemuck::cast_slice(&x)) })];
                        let mut outputs = [Output { dtype: Dtype::F32, shape, data: bytemuck::cast_slice_mut(&mut y) }];
                        kernel
                            .run(&mut Launch { inputs: &inputs, outputs: &mut outputs, params: &[], present: 0 })
                            .unwrap();
                        for i in 0..B {
                            let want = canon(f(x[i]));
                            if want != y[i].to_bits() {
                                let mut b = bad.lock().unwrap();
                                b.push((x[i].to_bits(), want, y[i].to_bits()));
                            }
                        }
                    }
                });
            }
        });
        let mut bad = bad.into_inner().unwrap();
        bad.sort();
        println!("{name}: {} differences in {:?}", bad.len(), t.elapsed());
        for (x, want, got) in bad.iter().take(40) {
            println!("   {x:#010x} ({:e}) want {want:#010x} got {got:#010x}", f32::from_bits(*x));
        }
    }
}
