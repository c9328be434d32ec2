"""DLPack against NumPy: arrays of NumPy become a backend's buffers and a backend's buffers become NumPy's, at the same
address, with read-only kept and with every owner released when the last holder lets go, and not before.

    check_dlpack.py --plugin clamp_cpu.so
"""

import argparse
import ctypes as c
import gc
import sys
import threading
import traceback
import weakref

import numpy as np

from clamp_abi import DELETER, INVALID, UNSUPPORTED, Array, Backend, DlTensor, Managed, Refused

VERSIONED, USED = b"dltensor_versioned", b"used_dltensor_versioned"
python = c.pythonapi
python.PyCapsule_GetPointer.restype, python.PyCapsule_GetPointer.argtypes = c.c_void_p, [c.py_object, c.c_char_p]
python.PyCapsule_SetName.argtypes = [c.py_object, c.c_char_p]
python.PyCapsule_New.restype, python.PyCapsule_New.argtypes = c.py_object, [c.c_void_p, c.c_char_p, c.c_void_p]

CHECKS = []


def check(function):
    CHECKS.append(function)
    return function


def take(backend, array):
    """NumPy's array as a buffer of the backend; as every consumer does, the capsule is marked once it was taken."""
    capsule = array.__dlpack__(max_version=(1, 0))
    taken = backend.take(python.PyCapsule_GetPointer(capsule, VERSIONED))
    python.PyCapsule_SetName(capsule, USED)
    return taken


class Shared:
    """What np.from_dlpack asks for."""

    def __init__(self, managed):
        self.managed = managed

    def __dlpack_device__(self):
        return (1, 0)

    def __dlpack__(self, **asked):
        assert asked["max_version"][0] == 1, "this NumPy does not speak DLPack 1: install the one of ci/requirements.txt"
        return python.PyCapsule_New(self.managed, VERSIONED, None)


def give(backend, array):
    """The backend's array as NumPy's."""
    return np.from_dlpack(Shared(backend.share(array)))


def free(backend, *arrays):
    for array in arrays:
        backend.end("buffer_free", array.buffer)


def address(array):
    return array.__array_interface__["data"][0]


def refused(status, words, call, *args):
    try:
        call(*args)
    except Refused as error:
        assert error.status == status and words in error.words, f"wanted {status} {words!r}, got {error}"
    else:
        raise AssertionError(f"not refused: {words}")


@check
def a_kernel_works_on_numpys_memory_where_it_lies(backend):
    x = np.array([[1.0, -2.0, 3.5], [0.0, -0.0, np.nan]], dtype=np.float32)
    y = np.zeros_like(x)
    taken, out = take(backend, x), take(backend, y)
    backend.launch("neg.f32.v1", [taken], [out])
    assert y.tolist()[0] == [-1.0, 2.0, -3.5] and np.signbit(y[1, 0]) and np.isnan(y[1, 2]), y
    z = give(backend, out)
    assert address(z) == address(y) and z.shape == y.shape and z.dtype == y.dtype and z.flags.writeable
    assert z.strides == y.strides and z.flags.c_contiguous
    z[0, 0] = 7.0
    assert y[0, 0] == 7.0, "one memory"
    # In place, and with other element types.
    backend.launch("neg.f32.v1", [taken], [taken])
    assert x[0].tolist() == [-1.0, 2.0, -3.5]
    a, b = np.array([[1, 2], [3, 4]], dtype=np.int8), np.array([[5, 6], [7, 8]], dtype=np.int8)
    product = np.zeros((2, 2), dtype=np.int32)
    arrays = [take(backend, one) for one in (a, b, product)]
    backend.launch("matmul.i8.v1", arrays[:2] + [Array()], arrays[2:], fixed=2)
    assert np.array_equal(product, a.astype(np.int32) @ b.astype(np.int32)), product
    free(backend, taken, out, *arrays)


@check
def every_element_type_and_form_goes_both_ways(backend):
    for dtype in ("float32", "float64", "int8", "uint8", "int32", "uint32", "int64", "uint64"):
        for shape in ((), (1,), (5,), (2, 3), (3, 1, 2), (1, 1, 1), (2,) * 8):
            x = np.arange(np.prod(shape), dtype=dtype).reshape(shape)
            taken = take(backend, x)
            assert list(taken.dims[:taken.ndim]) == list(shape) and taken.byte_offset % x.itemsize == 0
            y = give(backend, taken)
            assert address(y) == address(x) and y.dtype == x.dtype and y.shape == shape, (dtype, shape)
            assert np.array_equal(x, y)
            free(backend, taken)
    for shape in ((0,), (3, 0, 2)):
        taken = take(backend, np.zeros(shape, dtype=np.float32))
        assert give(backend, taken).shape == shape
        backend.launch("neg.f32.v1", [taken], [taken])
        free(backend, taken)


@check
def a_view_begins_where_it_begins(backend):
    x = np.arange(24, dtype=np.float32).reshape(4, 6)
    for view in (x[1:], x[2:3], x[3, 2:], x[1:2, 4:], x[:, None, :]):
        taken = take(backend, view)
        y = give(backend, taken)
        assert address(y) == address(view) and np.array_equal(y, view)
        free(backend, taken)
    taken = take(backend, x)
    part = backend.array(taken.buffer, "float32", (2, 3), taken.byte_offset + 4 * 6)
    y = give(backend, part)
    assert address(y) == address(x) + 24 and y.tolist() == [[6, 7, 8], [9, 10, 11]]
    refused(INVALID, "leave a buffer of 96 bytes", backend.share, backend.array(taken.buffer, "float32", (4, 6), 4))
    refused(INVALID, "is not aligned to f32", backend.share, backend.array(taken.buffer, "float32", (2,), 2))
    free(backend, taken)


@check
def read_only_memory_is_read_and_never_written(backend):
    x = np.array([1.0, 2.0], dtype=np.float32)
    x.flags.writeable = False
    y = np.zeros(2, dtype=np.float32)
    taken, out = take(backend, x), take(backend, y)
    backend.launch("neg.f32.v1", [taken], [out])
    assert y.tolist() == [-1.0, -2.0]
    before = x.tobytes()
    value = c.create_string_buffer(8)
    refused(INVALID, "read-only", backend.launch, "neg.f32.v1", [out], [taken])
    refused(INVALID, "read-only", backend.launch, "neg.f32.v1", [taken], [taken])
    refused(INVALID, "read-only", backend.call, "queue_upload", backend.queue, taken.buffer, 0, value, 8)
    refused(INVALID, "read-only", backend.call, "queue_fill", backend.queue, taken.buffer, 0, 0, 4, 2)
    refused(INVALID, "read-only", backend.call, "queue_copy", backend.queue, taken.buffer, 0, out.buffer, 0, 8)
    assert x.tobytes() == before
    backend.call("queue_download", backend.queue, taken.buffer, 0, value, 8)
    assert value.raw == before
    z = give(backend, taken)
    assert not z.flags.writeable and address(z) == address(x), "an export of it is read-only, too"
    assert give(backend, out).flags.writeable
    # Another queue is not hurt by what was refused.
    backend.launch("neg.f32.v1", [out], [out])
    free(backend, taken, out)


@check
def an_imported_array_is_held_until_buffer_free(backend):
    x = np.arange(8, dtype=np.float64)
    before = sys.getrefcount(x)
    taken = take(backend, x)
    gc.collect()
    assert sys.getrefcount(x) == before + 1, "held once"
    free(backend, taken)
    assert sys.getrefcount(x) == before, "released at buffer_free, not later"
    gone = weakref.ref(x)
    taken = take(backend, x)
    del x
    gc.collect()
    assert gone() is not None and gone().sum() == 28, "only the buffer holds it"
    free(backend, taken)
    assert gone() is None


@check
def an_export_holds_the_memory_and_not_the_handle(backend):
    x = np.arange(6, dtype=np.float32)
    before = sys.getrefcount(x)
    taken = take(backend, x)
    y, z = give(backend, taken), give(backend, taken)
    free(backend, taken)
    assert sys.getrefcount(x) == before + 1 and y.tolist() == list(range(6))
    del y
    gc.collect()
    assert sys.getrefcount(x) == before + 1, "the second export still holds it"
    # The last holder may be on another thread.
    holder = [z]
    del z
    thread = threading.Thread(target=holder.clear)
    thread.start()
    thread.join()
    gc.collect()
    assert sys.getrefcount(x) == before
    # The backend's own memory likewise; small, and large enough to be mapped.
    for elements in (1000, 3_000_000):
        used = backend.memory_used()
        buffer = backend.made("buffer_alloc", backend.device, 4 * elements)
        array = backend.array(buffer, "float32", (elements,))
        backend.call("queue_fill", backend.queue, buffer, 0, 0x3F800000, 4, elements)
        backend.launch("neg.f32.v1", [array], [array])
        y = give(backend, array)
        free(backend, array)
        assert (y == -1.0).all() and backend.memory_used() == used + 4 * elements
        del y
        gc.collect()
        assert backend.memory_used() == used, "released with the last holder"


@check
def a_deleter_is_called_exactly_once(backend):
    calls = []
    values, shape = (c.c_float * 3)(1.0, 2.0, 3.0), (c.c_int64 * 1)(3)
    deleter = DELETER(calls.append)
    tensor = DlTensor(c.addressof(values), 1, 0, 1, 2, 32, 1, shape, None, 0)
    managed = Managed(1, 1, None, c.cast(deleter, c.c_void_p), 0, tensor)
    at = c.addressof(managed)
    taken = backend.take(at)
    backend.launch("neg.f32.v1", [taken], [taken])
    assert list(values) == [-1.0, -2.0, -3.0] and calls == []
    free(backend, taken)
    assert calls == [at]
    managed.deleter = None
    free(backend, backend.take(at))
    managed.deleter = c.cast(deleter, c.c_void_p)
    for field, value, status, words in (("major", 2, UNSUPPORTED, "version 2.1; 1.x is taken"),
                                        ("major", 0, UNSUPPORTED, "version 0.1")):
        kept = getattr(managed, field)
        setattr(managed, field, value)
        refused(status, words, backend.take, at)
        setattr(managed, field, kept)
    managed.tensor.device_type = 2
    refused(UNSUPPORTED, "lies on the device kDLCUDA 0; this one is kDLCPU 0", backend.take, at)
    assert calls == [at], "a tensor that is refused stays the caller's"


@check
def what_is_refused_is_named_and_not_held(backend):
    wide = np.zeros((4, 6), dtype=np.float32)
    unaligned = np.frombuffer(bytearray(41), dtype=np.uint8)[1:].view(np.float32)
    cases = [
        (wide.T, "not C-contiguous: dimension 1 has the stride 6"),
        (wide[:, ::2], "dimension 1 has the stride 2"),
        (wide[:, :3], "dimension 0 has the stride 6, it has to be 3"),
        (wide[::-1], "dimension 0 has the stride -6"),
        (np.broadcast_to(wide[:1], (4, 6)), "dimension 0 has the stride 0"),
        (np.zeros(3, dtype=np.float16), "element type float16 has no counterpart"),
        (np.zeros(3, dtype=np.complex64), "complex64"),
        (np.zeros(3, dtype=np.bool_), "bool8"),
        (np.zeros(3, dtype=np.int16), "int16"),
        (np.zeros(3, dtype=np.uint16), "uint16"),
        (np.zeros((1,) * 9, dtype=np.float32), "9 dimensions, 0 to 8 are taken"),
        (unaligned, "no multiple of the 4 bytes of f32"),
    ]
    for array, words in cases:
        before = sys.getrefcount(array)
        refused(UNSUPPORTED, words, take, backend, array)
        gc.collect()
        assert sys.getrefcount(array) == before, f"{words}: still held"
    # The older struct has no version: its pointer is refused, and its deleter is left to its owner.
    x = np.zeros(3, dtype=np.float32)
    before = sys.getrefcount(x)
    capsule = x.__dlpack__()
    refused(UNSUPPORTED, "unversioned DLManagedTensor", backend.take, python.PyCapsule_GetPointer(capsule, b"dltensor"))
    del capsule
    gc.collect()
    assert sys.getrefcount(x) == before
    refused(INVALID, "null", backend.take, None)


def an_export_outlives_the_backend(backend):
    """Last, since it ends the backend."""
    x = np.arange(4, dtype=np.int64)
    before = sys.getrefcount(x)
    taken = take(backend, x)
    buffer = backend.made("buffer_alloc", backend.device, 16)
    own = backend.array(buffer, "uint8", (16,))
    backend.call("queue_fill", backend.queue, buffer, 0, 0x5A, 1, 16)
    y, z = give(backend, taken), give(backend, own)
    free(backend, taken, own)
    backend.close()
    assert y.tolist() == [0, 1, 2, 3] and (z == 0x5A).all()
    del y, z
    gc.collect()
    assert sys.getrefcount(x) == before


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--plugin", required=True)
    backend = Backend(parser.parse_args().plugin)
    failed = 0
    checks = CHECKS + [an_export_outlives_the_backend]
    for function in checks:
        name = function.__name__.replace("_", " ")
        try:
            function(backend)
            print(f"ok      {name}")
        except Exception:
            failed += 1
            print(f"FAILED  {name}\n{traceback.format_exc()}")
    print(f"NumPy {np.__version__}, {len(checks)} checks, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
