//! Data errors come at the next wait, name the lowest launch and element, and stay; wrong calls are refused before
//! anything runs; without a library the backend says so.

use clamp_kernels::catalogue::{Dtype, FixedParams, LaunchParams};
use clamp_plugin_api::abi::Status;

use super::arrays::{Array, Fill, filled};
use super::session::{Call, Instance, entry};
use super::session_or_skip;

#[test]
fn an_id_out_of_range_is_told_at_every_wait_with_its_launch_and_element() {
    let session = session_or_skip!();
    let kernel = session.open_kernel("gather_rows.f32.v1", &FixedParams::default()).expect("kernel");
    let table = filled(Dtype::F32, &[10, 3], Fill::Tame, 1);
    let good: Vec<i64> = (0..1000).map(|i| i % 10).collect();
    let mut bad = good.clone();
    (bad[999], bad[701], bad[702]) = (10, -3, i64::MAX);
    let ids = [Array::of(Dtype::I64, &[1000], &good), Array::of(Dtype::I64, &[1000], &bad)];
    let mut out = Array::new(Dtype::F32, &[1000, 3]);
    let buffers: Vec<_> =
        [&table, &ids[0], &ids[1], &out].map(|array| session.alloc(array.bytes().len() as u64).expect("buffer")).into();
    session.upload(buffers[0], 0, table.bytes()).expect("upload");
    session.upload(buffers[1], 0, ids[0].bytes()).expect("upload");
    session.upload(buffers[2], 0, ids[1].bytes()).expect("upload");
    let launch = |which: usize| Call {
        kernel,
        inputs: vec![Some((buffers[0], 0, &table)), Some((buffers[1 + which], 0, &ids[which]))],
        outputs: vec![(buffers[3], 0, &out)],
        params: LaunchParams::default(),
    };
    // More launches than there are slots for statuses.
    let calls: Vec<Call<'_>> = (0..600).map(|i| launch(usize::from(i == 5 || i == 300))).collect();
    session.submit(&calls[..5]).expect("submit");
    session.sync().expect("nothing wrong so far");
    let point = session.submit(&calls[5..]).expect("submit");
    for _ in 0..2 {
        let failure = session.wait(point, u64::MAX).expect_err("an id is out of range");
        assert_eq!((failure.status, failure.launch, failure.element), (Status::Data, 5, 701));
        assert_eq!(failure.text, "input `ids`: element 701 is -3, but `table` has 10 rows");
    }
    let mut bytes = vec![0; out.bytes().len()];
    assert_eq!(session.download(buffers[3], 0, &mut bytes).expect_err("it stays").status, Status::Data);
    let mut session = session;
    session.renew();
    session.submit(&[launch(0)]).expect("submit");
    session.download(buffers[3], 0, out.bytes_mut()).expect("a new queue knows nothing of it");
    let first = filled(Dtype::F32, &[10, 3], Fill::Tame, 1);
    assert_eq!(out.bytes()[..120], first.bytes()[..120]);
    buffers.iter().for_each(|&buffer| session.free(buffer));
    session.close_kernel(kernel);
}

#[test]
fn a_library_that_is_not_there_is_named() {
    let instance = Instance::create(&[("library", "libNoSuchOpenCL.so.9")]).expect("created all the same");
    let failure = instance.devices().expect_err("no devices");
    assert_eq!(failure.status, Status::NotFound);
    assert!(
        failure.text.contains("no OpenCL library here") && failure.text.contains("libNoSuchOpenCL.so.9"),
        "{failure:?}"
    );
    let instance = Instance::create(&[("library", "libc.so.6")]).expect("created all the same");
    let failure = instance.devices().expect_err("no devices");
    assert!(failure.text.contains("libc.so.6 has no clGetPlatformIDs"), "{failure:?}");
}

#[test]
fn what_does_not_exist_or_does_not_fit_is_refused() {
    let session = session_or_skip!();
    let refused = |id| session.open_kernel(id, &FixedParams::default()).expect_err("refused");
    assert_eq!(refused("sum.f16.v1").status, Status::NotFound);
    let buffer = session.alloc(16).expect("buffer");
    assert_eq!(session.upload(buffer, 8, &[0; 9]).expect_err("too long").status, Status::Invalid);
    let failure = session.alloc(u64::MAX).expect_err("too much");
    assert_eq!(failure.status, Status::OutOfMemory);
    let (spec, x) = (entry("neg.f32.v1"), Array::new(Dtype::F32, &[4]));
    let kernel = session.open_kernel(spec.id, &FixedParams::default()).expect("kernel");
    for offset in [4, 2] {
        let launch = Call {
            kernel,
            inputs: vec![Some((buffer, offset, &x))],
            outputs: vec![(buffer, offset, &x)],
            params: LaunchParams::default(),
        };
        assert_eq!(session.submit(&[launch]).expect_err("leaves the buffer").status, Status::Invalid);
    }
    let less = Call { kernel, inputs: vec![], outputs: vec![(buffer, 0, &x)], params: LaunchParams::default() };
    let failure = session.submit(&[less]).expect_err("an input is missing");
    assert_eq!((failure.status, &*failure.text), (Status::Invalid, "inputs: 0 are given, but the kernel takes 1"));
    assert_eq!(session.wait(session.signal() + 1, 0).expect_err("no such point").status, Status::Invalid);
    session.free(buffer);
    session.close_kernel(kernel);
}

/// The second session reads what the first one compiled; a file that was damaged in between is compiled again.
#[test]
fn modules_are_kept_on_disk_and_damage_costs_nothing_but_time() {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("cache");
    let settings = [("cache_dir", path.to_str().expect("text"))];
    let x = filled(Dtype::F32, &[1000], Fill::Wild, 1);
    let run = || {
        let session = super::session::Session::open_with(&settings)?;
        let out = session.run(entry("neg.f32.v1"), &[Some(&x)], &[], 0, &[]).expect("runs");
        Ok::<_, String>(out[0].bytes().to_vec())
    };
    let first = match run() {
        Ok(first) => first,
        Err(missing) => {
            clamp_test_skip::skip(&missing);
            return;
        }
    };
    let files =
        || -> Vec<_> { std::fs::read_dir(&path).expect("folder").map(|file| file.expect("file").path()).collect() };
    assert!(!files().is_empty() && files().iter().all(|file| file.extension().is_some_and(|end| end == "clbin")));
    assert_eq!(run(), Ok(first.clone()));
    for file in files() {
        let mut bytes = std::fs::read(&file).expect("read");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 0x55;
        std::fs::write(&file, bytes).expect("write");
    }
    assert_eq!(run(), Ok(first));
}

#[test]
fn an_edge_that_does_not_ascend_is_told_with_its_value() {
    for (edges, element, edge) in
        [([0.0f32, 1.0, 1.0], 2, "1.0"), ([-0.0, 0.0, 1.0], 1, "0.0"), ([f32::NEG_INFINITY, 0.0, 0.0], 0, "-inf")]
    {
        let mut session = session_or_skip!();
        let x = filled(Dtype::F32, &[100], Fill::Wild, 1);
        let wide: Vec<f64> = edges.iter().copied().map(f64::from).collect();
        let edges = [Array::of(Dtype::F32, &[3], &edges), Array::of(Dtype::F64, &[3], &wide)];
        for (id, edges) in ["histogram.f32.v1", "histogram.f64.v1"].into_iter().zip(&edges) {
            let x = if edges.dtype == Dtype::F32 { x.clone() } else { filled(Dtype::F64, &[0], Fill::Wild, 1) };
            let failure = session.run(entry(id), &[Some(&x), Some(edges)], &[], 1, &[]).expect_err("refused");
            assert_eq!((failure.status, failure.element), (Status::Data, element));
            let text = format!(
                "input `edges`: element {element} is {edge}: edges are finite, and each is above the one before it"
            );
            assert_eq!(failure.text, text);
            session.renew();
        }
    }
}
