//! Points, timeouts, times, fills and copies; the plans that a GPU gets, on whatever device is here.

use clamp_kernels::catalogue::{Dtype, FixedParams, LaunchParams};
use clamp_plugin_api::abi::Status;

use super::arrays::{Array, Fill, filled};
use super::session::{Call, Instance, Session, call};
use super::session_or_skip;

#[test]
fn points_pass_in_order_and_launches_have_times() {
    let session = session_or_skip!();
    let x = filled(Dtype::F32, &[1 << 22], Fill::Tame, 1);
    let bytes = x.bytes().len() as u64;
    let [from, to] = [0; 2].map(|_| session.alloc(bytes).expect("buffer"));
    let kernel = session.open_kernel("sqrt.f32.v1", &FixedParams::default()).expect("kernel");
    session.upload(from, 0, x.bytes()).expect("upload");
    let launch = || Call {
        kernel,
        inputs: vec![Some((from, 0, &x))],
        outputs: vec![(to, 0, &x)],
        params: LaunchParams::default(),
    };
    let first = session.submit(&[launch(), launch()]).expect("submit");
    let many: Vec<Call<'_>> = (0..20).map(|_| launch()).collect();
    let second = session.submit(&many).expect("submit");
    assert!(first < second);
    assert_eq!(session.wait(second, 0).map_err(|failure| failure.status).err(), Some(Status::Timeout));
    let early = session.wait(first, u64::MAX).expect("the first point");
    session.wait(first, 0).expect("it has passed");
    let late = session.wait(second, 60_000_000_000).expect("the second point");
    for timing in [early, late] {
        assert!(0 < timing.begin_ns && timing.begin_ns < timing.end_ns, "{timing:?}");
    }
    assert!(early.end_ns <= late.begin_ns, "{early:?} {late:?}");
    let nothing = session.sync().expect("nothing new");
    assert_eq!((nothing.begin_ns, nothing.end_ns), (0, 0));
    [from, to].into_iter().for_each(|buffer| session.free(buffer));
    session.close_kernel(kernel);
}

#[test]
fn fills_copies_and_empty_ranges() {
    let session = session_or_skip!();
    let [one, other] = [64, 64].map(|bytes| session.alloc(bytes).expect("buffer"));
    let fill = |offset: u64, bits: u64, width: u32, count: u64| {
        let fill = session.table().queue_fill.expect("entry");
        // SAFETY: queue and buffer are alive.
        call(|err| unsafe { fill(session.queue, one, offset, bits, width, count, err) })
    };
    fill(0, 0, 8, 8).expect("fill");
    fill(0, 0x0403_0201, 4, 2).expect("fill");
    // Not at a multiple of the width.
    fill(9, 0x0807_0605_0403_0201, 8, 2).expect("fill");
    fill(40, 0xff, 1, 3).expect("fill");
    fill(64, 1, 8, 0).expect("nothing to fill");
    for (offset, width, count) in [(0, 3, 1), (0, 0, 1), (60, 8, 1), (8, 8, u64::MAX)] {
        assert_eq!(fill(offset, 0, width, count).expect_err("refused").status, Status::Invalid);
    }
    let copy = |to: u64, from: u64, len: u64| {
        let copy = session.table().queue_copy.expect("entry");
        // SAFETY: queue and buffers are alive.
        call(|err| unsafe { copy(session.queue, other, to, one, from, len, err) })
    };
    copy(0, 0, 64).expect("copy");
    copy(50, 9, 5).expect("copy");
    copy(64, 64, 0).expect("nothing to copy");
    assert_eq!(copy(60, 0, 5).expect_err("too long").status, Status::Invalid);
    let mut bytes = [0; 64];
    session.download(other, 0, &mut bytes).expect("download");
    let mut expected = [0; 64];
    expected[..8].copy_from_slice(&[1, 2, 3, 4, 1, 2, 3, 4]);
    expected[9..25].copy_from_slice(&[1, 2, 3, 4, 5, 6, 7, 8, 1, 2, 3, 4, 5, 6, 7, 8]);
    expected[40..43].fill(0xff);
    expected[50..55].copy_from_slice(&[1, 2, 3, 4, 5]);
    assert_eq!(bytes, expected);
    let empty = session.alloc(0).expect("no bytes");
    session.upload(empty, 0, &[]).expect("nothing to send");
    [one, other, empty].into_iter().for_each(|buffer| session.free(buffer));
}

#[test]
fn memory_is_counted_while_it_lives() {
    let session = session_or_skip!();
    let used = |session: &Session| {
        let (mut used, mut total) = (0, 0);
        let memory = session.table().device_memory.expect("entry");
        // SAFETY: the device is alive.
        call(|err| unsafe { memory(session.device, &raw mut used, &raw mut total, err) }).expect("memory");
        assert!(total > 0);
        used
    };
    let buffer = session.alloc(1000).expect("buffer");
    assert_eq!(used(&session), 1000);
    session.free(buffer);
    assert_eq!(used(&session), 0);
}

#[test]
fn wrong_settings_are_refused() {
    for (key, value) in [("plan_for", "tpu"), ("div_sqrt", "yes")] {
        let refused = Instance::create(&[(key, value)]).err().expect("refused");
        assert!(refused.status == Status::Invalid && refused.text.contains(value), "{refused:?}");
    }
}

/// What a queue leaves behind when it goes while the device works on is the caller's memory, whole.
#[test]
fn a_queue_that_goes_has_finished() {
    let mut session = session_or_skip!();
    let x = filled(Dtype::F32, &[1 << 20], Fill::Wild, 1);
    let buffer = session.alloc(x.bytes().len() as u64).expect("buffer");
    let mut back = Array::new(Dtype::F32, &[1 << 20]);
    session.upload(buffer, 0, x.bytes()).expect("upload");
    let download = session.table().queue_download.expect("entry");
    let (queue, len) = (session.queue, back.bytes().len() as u64);
    let to = back.bytes_mut().as_mut_ptr();
    // SAFETY: the array outlives the queue, which goes in `renew`.
    call(|err| unsafe { download(queue, buffer, 0, to, len, err) }).expect("download");
    session.renew();
    assert!(back.bytes() == x.bytes());
    session.free(buffer);
}
