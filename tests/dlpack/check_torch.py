"""DLPack against PyTorch: its tensors become a backend's buffers and a backend's buffers become its tensors, at the same
address on the same device. For a CUDA or ROCm backend beside a GPU; the CPU backend works too.

    check_torch.py --plugin clamp_cuda.so

Without PyTorch, or without a GPU that it can use, it says so in a line that begins with `skipped:`.
"""

import argparse
import ctypes as c
import gc
import sys
import threading

from clamp_abi import UNSUPPORTED, Backend, Refused

VERSIONED, USED = b"dltensor_versioned", b"used_dltensor_versioned"
python = c.pythonapi
python.PyCapsule_GetPointer.restype, python.PyCapsule_GetPointer.argtypes = c.c_void_p, [c.py_object, c.c_char_p]
python.PyCapsule_SetName.argtypes = [c.py_object, c.c_char_p]
python.PyCapsule_New.restype, python.PyCapsule_New.argtypes = c.py_object, [c.c_void_p, c.c_char_p, c.c_void_p]
# PyTorch calls AMD's devices by NVIDIA's name.
DEVICES = {"clamp_cpu.so": "cpu", "clamp_cuda.so": "cuda", "clamp_rocm.so": "cuda"}


class Bench:
    def __init__(self, torch, backend, where):
        self.torch, self.backend, self.where = torch, backend, where

    def settle(self):
        """PyTorch's own work is done; the ABI knows nothing of its streams."""
        if self.where != "cpu":
            self.torch.cuda.synchronize()

    def take(self, tensor):
        self.settle()
        capsule = tensor.__dlpack__(max_version=(1, 0))
        taken = self.backend.take(python.PyCapsule_GetPointer(capsule, VERSIONED))
        python.PyCapsule_SetName(capsule, USED)
        return taken

    def give(self, array):
        capsule = python.PyCapsule_New(self.backend.share(array), VERSIONED, None)
        return self.torch.from_dlpack(capsule)

    def free(self, *arrays):
        for array in arrays:
            self.backend.end("buffer_free", array.buffer)


def a_kernel_works_on_its_memory_where_it_lies(bench):
    x = bench.torch.arange(-500, 500, dtype=bench.torch.float32, device=bench.where)
    y = bench.torch.zeros_like(x)
    taken, out = bench.take(x), bench.take(y)
    bench.backend.launch("neg.f32.v1", [taken], [out])
    assert bench.torch.equal(y, -x), y
    z = bench.give(out)
    assert z.data_ptr() == y.data_ptr() and z.shape == y.shape and z.dtype == y.dtype and z.device == y.device
    z += 1.0
    bench.settle()
    assert bench.torch.equal(y, 1.0 - x), "one memory"
    bench.free(taken, out)


def it_works_on_a_backends_memory_for_as_long_as_it_holds_it(bench):
    buffer = bench.backend.made("buffer_alloc", bench.backend.device, 4 * 1000)
    own = bench.backend.array(buffer, "float32", (10, 100))
    bench.backend.call("queue_fill", bench.backend.queue, buffer, 0, 0x40400000, 4, 1000)
    point = c.c_uint64()
    bench.backend.call("queue_signal", bench.backend.queue, c.byref(point))
    bench.backend.call("queue_wait", bench.backend.queue, point, 2**64 - 1, None)
    y = bench.give(own)
    again = bench.give(own)
    assert y.data_ptr() == again.data_ptr() and y.shape == (10, 100) and bool((y == 3.0).all())
    bench.free(own)
    y *= 2.0
    assert bool((again == 6.0).all()), "the handle is gone, the memory is not"
    # The last holder may be a thread that never used the device.
    holders = [y, again]
    del y, again
    thread = threading.Thread(target=holders.clear)
    thread.start()
    thread.join()
    gc.collect()


def views_begin_anywhere(bench):
    whole = bench.torch.arange(0, 4096, dtype=bench.torch.float32, device=bench.where)
    for first in (1, 2, 3, 5, 16):
        x = whole[first:first + 1003]
        y = bench.torch.zeros(2048, dtype=bench.torch.float32, device=bench.where)[7:7 + 1003]
        taken, out = bench.take(x), bench.take(y)
        bench.backend.launch("neg.f32.v1", [taken], [out])
        assert bench.torch.equal(y, -x), first
        bench.free(taken, out)


def what_has_no_counterpart_is_refused(bench):
    two = bench.torch.zeros(4, 6, dtype=bench.torch.float32, device=bench.where)
    for tensor, words in ((two.t(), "not C-contiguous"), (two.to(bench.torch.float16), "float16"),
                          (two.to(bench.torch.bfloat16), "bfloat16"), (two.to(bench.torch.complex64), "complex64")):
        try:
            bench.take(tensor)
        except Refused as error:
            assert error.status == UNSUPPORTED and words in error.words, error
        else:
            raise AssertionError(f"not refused: {words}")


CHECKS = (a_kernel_works_on_its_memory_where_it_lies, it_works_on_a_backends_memory_for_as_long_as_it_holds_it,
          views_begin_anywhere, what_has_no_counterpart_is_refused)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--plugin", required=True, help="clamp_cuda.so, clamp_rocm.so or clamp_cpu.so")
    path = parser.parse_args().plugin
    where = DEVICES[path.rsplit("/", 1)[-1]]
    try:
        import torch
    except ImportError as error:
        print(f"skipped: no PyTorch here: {error}")
        return 0
    if where != "cpu" and not torch.cuda.is_available():
        print("skipped: PyTorch finds no GPU here")
        return 0
    bench = Bench(torch, Backend(path), where)
    failed = 0
    for function in CHECKS:
        name = function.__name__.replace("_", " ")
        try:
            function(bench)
            print(f"ok      {name}")
        except Exception as error:
            failed += 1
            print(f"FAILED  {name}: {type(error).__name__}: {error}")
    print(f"PyTorch {torch.__version__} on {where}, {len(CHECKS)} checks, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
