//! `kernel list | run`: the door for anyone who wants to check the bits with other tools. The bits themselves are
//! checked by tests/reference.

use clamp_tests::Bench;

#[test]
fn the_list_names_every_kernel_with_its_arguments() {
    let bench = Bench::new();
    let list = bench.run(&["kernel", "list", "--json"]).expect(0).json();
    let all = list["kernels"].as_array().expect("a list");
    let find = |id: &str| all.iter().find(|k| k["id"] == id).unwrap_or_else(|| panic!("{id} is not listed"));
    for id in
        ["add.f32.v1", "sum.f64.v1", "dot.f32.v1", "softmax.f32.v1", "gather_rows.f32.v1", "philox_uniform.f32.v1"]
    {
        find(id);
    }
    let matmul = find("matmul.f32.v1");
    assert_eq!(matmul["inputs"][2]["name"], "bias");
    assert_eq!(matmul["inputs"][2]["optional"], true);
    let text = bench.run(&["kernel", "list"]).expect(0).stdout;
    assert_eq!(text.lines().count(), all.len() + 1);
}

#[test]
fn wrong_arguments_are_named() {
    let bench = Bench::new();
    let run = |args: &[&str]| bench.run(&[&["kernel", "run"][..], args].concat());
    run(&["ad.f32.v1", "--out", "y.npy"]).expect(13).complains_of("kernel ad.f32.v1 does not exist");
    run(&["neg.f32.v1", "--out", "y.npy"]).expect(64).complains_of("input `x` is missing");
    run(&["neg.f32.v1", "--in", "q=x.npy", "--out", "y.npy"]).expect(64).complains_of("no input `q`");
    run(&["neg.f32.v1", "--in", "x", "--out", "y.npy"]).expect(64).complains_of("NAME=VALUE");
    run(&["neg.f32.v1", "--in", "x=gone.npy", "--out", "y.npy"]).expect(13).complains_of("gone.npy does not exist");
    std::fs::write(bench.work().join("bad.npy"), "hello").expect("write");
    run(&["neg.f32.v1", "--in", "x=bad.npy", "--out", "y.npy"]).expect(14).complains_of("bad.npy: is no NumPy file");
    let philox = ["philox.u32.v1", "--out", "y.npy", "--param"];
    run(&[&philox[..], &["n=4"]].concat()).expect(14).complains_of("seed");
    run(&[&philox[..], &["n=-4", "--param", "seed=1"]].concat()).expect(14).complains_of("`n`");
    run(&[&philox[..], &["n=4", "--param", "sede=1"]].concat()).expect(14).complains_of("sede");
    run(&["neg.f32.v1", "--in", "x=bad.npy", "--out", "y=y.npy"]).expect(14).complains_of("bad.npy");
    run(&["philox.u32.v1", "--param", "n=4", "--param", "seed=1", "--out", "to=y.npy"])
        .expect(64)
        .complains_of("has no output `to`");
    let mirror = ["mirror.u64.v1", "--in", "seeds=bad.npy", "--in", "states=bad.npy"];
    let same = ["--out", "seeds_out=y.npy", "--out", "states_out=y.npy", "--out", "words=w.npy"];
    run(&[&mirror[..], &same].concat()).expect(14).complains_of("bad.npy");
    assert_eq!(bench.names(&bench.work()), ["bad.npy"]);
}

#[test]
fn an_output_that_cannot_be_written_is_named_and_nothing_is_left() {
    let bench = Bench::new();
    let args = ["kernel", "run", "philox.u32.v1", "--param", "n=4", "--param", "seed=1", "--out", "no/such/y.npy"];
    bench.run(&args).expect(17).complains_of("no/such/y.npy");
    assert!(bench.names(&bench.work()).is_empty());
}

#[test]
fn several_outputs_appear_together_or_not_at_all() {
    let bench = Bench::new();
    for (name, bytes) in [("seeds.npy", 8), ("states.npy", 4)] {
        let words: Vec<u8> = (1..=4u64).flat_map(|word| word.to_le_bytes().into_iter().take(bytes)).collect();
        let mut head = format!("{{'descr': '<u{bytes}', 'fortran_order': False, 'shape': (4,), }}").into_bytes();
        head.resize(117, b' ');
        head.push(b'\n');
        let file = [b"\x93NUMPY\x01\x00".as_slice(), &118u16.to_le_bytes(), &head, &words].concat();
        std::fs::write(bench.work().join(name), file).expect("write");
    }
    let mirror = |outputs: &[&str]| {
        let inputs = ["kernel", "run", "mirror.u64.v1", "--in", "seeds=seeds.npy", "--in", "states=states.npy"];
        let outputs = outputs.iter().flat_map(|output| ["--out", *output]);
        bench.run(&inputs.into_iter().chain(outputs).collect::<Vec<_>>())
    };
    mirror(&["seeds_out=a.npy", "states_out=no/b.npy", "words=c.npy"]).expect(17).complains_of("no/b.npy");
    mirror(&["seeds_out=a.npy", "states_out=b.npy", "words=b.npy"]).expect(64).complains_of("would go to b.npy");
    assert_eq!(bench.names(&bench.work()), ["seeds.npy", "states.npy"]);
    let _ = mirror(&["seeds_out=a.npy", "states_out=b.npy", "words=c.npy"]).expect(0);
    assert_eq!(bench.names(&bench.work()), ["a.npy", "b.npy", "c.npy", "seeds.npy", "states.npy"]);
}

#[test]
fn more_of_a_device_than_is_allowed_is_refused_and_named() {
    let mut bench = Bench::new();
    clamp_tests::npy(&bench.work().join("x.npy"), &[1.0; 100]);
    let neg = ["kernel", "run", "neg.f32.v1", "--backend", "cpu", "--in", "x=x.npy", "--out", "y.npy"];
    let mut run = |name: &str, value: &str| {
        bench.environment.insert(name.to_owned(), value.to_owned());
        let ran = bench.run(&neg);
        bench.environment.remove(name);
        (ran, bench.names(&bench.work()))
    };
    let refused = |(ran, left): (clamp_tests::Ran, Vec<String>), why: &str| {
        ran.expect(11).complains_of(why);
        assert_eq!(left, ["x.npy"]);
    };
    refused(
        run("CLAMP_LIMITS_TRANSFER_BYTES", "799"),
        "limits.transfer_bytes: the download of 400 bytes from cpu:0 to the host would make 800, 799 are allowed",
    );
    refused(
        run("CLAMP_LIMITS_DEVICE_MEMORY_BYTES", "799"),
        "limits.device_memory_bytes: 400 more bytes on cpu:0 would make 800 at one time, 799 are allowed",
    );
    let _ = run("CLAMP_LIMITS_TRANSFER_BYTES", "800").0.expect(0);
    let _ = run("CLAMP_LIMITS_DEVICE_MEMORY_BYTES", "800").0.expect(0);
    // What an overlay makes of such a refusal is no matter: the run has failed.
    for (name, why) in [
        ("CLAMP_LIMITS_TRANSFER_BYTES", "limits.transfer_bytes: the "),
        ("CLAMP_LIMITS_DEVICE_MEMORY_BYTES", "limits.device_memory_bytes: "),
    ] {
        bench.environment.insert(name.to_owned(), "100KiB".to_owned());
        bench.run(&["run", "digits", "--backend", "cpu"]).expect(11).complains_of(why);
        bench.environment.remove(name);
    }
}
