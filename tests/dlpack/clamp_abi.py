"""The backend ABI through ctypes: a plugin as a host sees it, and as little of the host as these checks need. The structs
are written down from plugin-api/include/clamp_backend.h and from dlpack.h 1.x."""

import ctypes as c

OK, INVALID, NOT_FOUND, UNSUPPORTED = 0, 1, 2, 3
MAGIC = int.from_bytes(b"CLAMPBE1", "little")
DTYPES = {"float32": 1, "float64": 2, "int8": 3, "uint8": 4, "int32": 5, "uint32": 6, "int64": 7, "uint64": 8}


class Str(c.Structure):
    _fields_ = [("ptr", c.c_char_p), ("len", c.c_size_t)]


def text(value):
    raw = value.encode()
    return Str(raw, len(raw))


class Error(c.Structure):
    _fields_ = [("code", c.c_int64), ("launch", c.c_uint64), ("element", c.c_uint64),
                ("text", c.c_void_p), ("cap", c.c_size_t), ("len", c.c_size_t)]


class Array(c.Structure):
    _fields_ = [("buffer", c.c_void_p), ("byte_offset", c.c_uint64), ("dtype", c.c_uint32), ("ndim", c.c_uint32),
                ("dims", c.c_uint64 * 8)]


class Launch(c.Structure):
    _fields_ = [("kernel", c.c_void_p), ("inputs", c.POINTER(Array)), ("outputs", c.POINTER(Array)),
                ("params", c.POINTER(c.c_uint64)), ("present", c.c_uint64), ("n_in", c.c_uint32),
                ("n_out", c.c_uint32), ("n_params", c.c_uint32), ("reserved", c.c_uint32)]


class QueueDesc(c.Structure):
    _fields_ = [("mode", c.c_uint32), ("max_threads", c.c_uint32), ("host_call", c.c_uint64)]


LOG = c.CFUNCTYPE(None, c.c_void_p, c.c_uint32, Str)
CONFIG = c.CFUNCTYPE(c.c_int32, c.c_void_p, Str, c.c_void_p, c.c_size_t, c.POINTER(c.c_size_t))
FOLDER = c.CFUNCTYPE(c.c_int32, c.c_void_p, c.c_void_p, c.c_size_t, c.POINTER(c.c_size_t))
CANCELLED = c.CFUNCTYPE(c.c_uint32, c.c_void_p, c.c_uint64)


class HostApi(c.Structure):
    _fields_ = [("struct_size", c.c_uint32), ("version", c.c_uint32), ("ctx", c.c_void_p), ("log", LOG),
                ("config", CONFIG), ("plugin_folder", FOLDER), ("cancelled", CANCELLED)]


class Header(c.Structure):
    _fields_ = [("magic", c.c_uint64), ("struct_size", c.c_uint32), ("abi_major", c.c_uint16),
                ("abi_minor", c.c_uint16), ("min_host_minor", c.c_uint16), ("panic_strategy", c.c_uint16),
                ("reserved", c.c_uint32), ("features", c.c_uint64), ("id", Str), ("version", Str), ("compiler", Str)]


P, U32, U64 = c.c_void_p, c.c_uint32, c.c_uint64
PU64 = c.POINTER(U64)
# Arguments of each entry; those that return a status end with the error, which `Backend.call` adds.
VOID = {name: [P] for name in ("instance_destroy", "device_close", "buffer_free", "queue_destroy", "kernel_close")}
STATUS = {
    "instance_create": [c.POINTER(HostApi), c.POINTER(P)],
    "device_count": [P, c.POINTER(U32)],
    "device_info": [P, U32, P],
    "device_open": [P, U32, c.POINTER(P)],
    "device_memory": [P, PU64, PU64],
    "device_status": [P],
    "buffer_alloc": [P, U64, c.POINTER(P)],
    "dlpack_export": [P, c.POINTER(Array), c.POINTER(P)],
    "dlpack_import": [P, P, c.POINTER(Array)],
    "queue_create": [P, c.POINTER(QueueDesc), c.POINTER(P)],
    "queue_upload": [P, P, U64, P, U64],
    "queue_download": [P, P, U64, P, U64],
    "queue_copy": [P, P, U64, P, U64, U64],
    "queue_fill": [P, P, U64, U64, U32, U64],
    "queue_submit": [P, c.POINTER(Launch), U64, PU64],
    "queue_wait": [P, U64, U64, P],
    "queue_signal": [P, PU64],
    "queue_poll": [P, PU64],
    "kernel_open": [P, Str, PU64, U64, U32, Str, c.POINTER(P)],
}
ORDER = """instance_create instance_destroy get_extension device_count device_info device_open device_close device_memory
device_status buffer_alloc buffer_free dlpack_export dlpack_import queue_create queue_destroy queue_upload queue_download
queue_copy queue_fill queue_submit queue_wait queue_signal queue_poll kernel_open kernel_close""".split()


class Table(c.Structure):
    _fields_ = [("header", Header)] + [(name, P) for name in ORDER]


class DlTensor(c.Structure):
    _fields_ = [("data", P), ("device_type", c.c_int32), ("device_id", c.c_int32), ("ndim", c.c_int32),
                ("code", c.c_uint8), ("bits", c.c_uint8), ("lanes", c.c_uint16), ("shape", c.POINTER(c.c_int64)),
                ("strides", c.POINTER(c.c_int64)), ("byte_offset", U64)]


DELETER = c.CFUNCTYPE(None, P)


class Managed(c.Structure):
    """DLManagedTensorVersioned."""
    _fields_ = [("major", U32), ("minor", U32), ("manager_ctx", P), ("deleter", P), ("flags", U64),
                ("tensor", DlTensor)]


class Refused(Exception):
    """A status other than OK, with the plugin's words."""

    def __init__(self, status, words):
        super().__init__(f"status {status}: {words}")
        self.status, self.words = status, words


class Backend:
    """A plugin with its first device and a queue on it."""

    def __init__(self, path):
        query = c.CDLL(path).clamp_backend_query
        query.restype, query.argtypes = c.POINTER(Table), [U32, c.POINTER(HostApi)]
        self.said = []
        # Kept: the plugin may call them until it is destroyed.
        self.callbacks = (LOG(lambda ctx, level, words: self.said.append(words.len)), CONFIG(lambda *a: NOT_FOUND),
                          FOLDER(lambda *a: NOT_FOUND), CANCELLED(lambda *a: 0))
        self.host = HostApi(c.sizeof(HostApi), 1 << 16, None, *self.callbacks)
        self.table = query(1, c.byref(self.host)).contents
        header = self.table.header
        assert (header.magic, header.abi_major, header.struct_size) == (MAGIC, 1, c.sizeof(Table)), "not this ABI"
        self.functions = {name: c.CFUNCTYPE(None, *args)(getattr(self.table, name)) for name, args in VOID.items()}
        for name, args in STATUS.items():
            function = c.CFUNCTYPE(c.c_int32, *args, c.POINTER(Error))
            self.functions[name] = function(getattr(self.table, name))
        self.instance = self.made("instance_create", c.byref(self.host))
        self.device = self.made("device_open", self.instance, 0)
        self.queue = self.made("queue_create", self.device, c.byref(QueueDesc(0, 1, 0)))

    def call(self, name, *args):
        room = c.create_string_buffer(1024)
        error = Error(text=c.cast(room, P), cap=len(room))
        status = self.functions[name](*args, c.byref(error))
        if status != OK:
            raise Refused(status, room.raw[:error.len].decode())

    def end(self, name, handle):
        self.functions[name](handle)

    def made(self, name, *args):
        handle = P()
        self.call(name, *args, c.byref(handle))
        return handle.value

    def memory_used(self):
        used, total = U64(), U64()
        self.call("device_memory", self.device, c.byref(used), c.byref(total))
        return used.value

    def array(self, buffer, dtype, dims, byte_offset=0):
        return Array(buffer, byte_offset, DTYPES[dtype], len(dims), (U64 * 8)(*dims))

    def take(self, managed):
        """dlpack_import."""
        array = Array()
        self.call("dlpack_import", self.device, managed, c.byref(array))
        return array

    def share(self, array):
        """dlpack_export."""
        return self.made("dlpack_export", self.device, c.byref(array))

    def launch(self, kernel, inputs, outputs, fixed=0):
        """Opens the kernel, with so many fixed parameters that are absent, runs it, and waits."""
        absent = (U64 * fixed)()
        opened = self.made("kernel_open", self.device, text(kernel), absent, 0, fixed, text(""))
        launch = Launch(opened, (Array * 8)(*inputs), (Array * 8)(*outputs), None, 0, len(inputs), len(outputs), 0, 0)
        try:
            point = U64()
            self.call("queue_submit", self.queue, c.byref(launch), 1, c.byref(point))
            self.call("queue_wait", self.queue, point, 2**64 - 1, None)
        finally:
            self.end("kernel_close", opened)

    def close(self):
        for name, handle in (("queue_destroy", self.queue), ("device_close", self.device),
                             ("instance_destroy", self.instance)):
            self.end(name, handle)
