//! The sizes and offsets of everything that crosses the ABI, as numbers that the compiler holds against the structs.
//! tests/fixtures/abi/layout.c says the same numbers to compilers of C and C++. Neither is made from the other, so a
//! change of a struct has to be written down twice, and then it is another ABI.

use std::mem::offset_of;

use super::dlpack::{DlDataType, DlDevice, DlManagedTensorVersioned, DlTensor, DlVersion};
use super::status::Status;
use super::types::*;
use super::vtable::{ClampBackendV1, ClampHeader};

macro_rules! layout {
    ($name:ident: $size:literal { $($field:ident: $offset:literal),+ $(,)? }) => {
        const _: () = {
            assert!(size_of::<$name>() == $size, concat!("size of ", stringify!($name)));
            $( assert!(
                offset_of!($name, $field) == $offset,
                concat!("offset of ", stringify!($name), ".", stringify!($field))
            ); )+
        };
    };
}

// The numbers below are those of 64-bit machines, and there is no host for others.
const _: () = assert!(size_of::<*const u8>() == 8 && size_of::<usize>() == 8);
const _: () = assert!(size_of::<Status>() == 4);

layout!(ClampStr: 16 { ptr: 0, len: 8 });
layout!(ClampHeader: 80 {
    magic: 0, struct_size: 8, abi_major: 12, abi_minor: 14, min_host_minor: 16, panic_strategy: 18, reserved: 20,
    features: 24, id: 32, version: 48, compiler: 64,
});
layout!(ClampHostApi: 48 {
    struct_size: 0, version: 4, ctx: 8, log: 16, config: 24, plugin_folder: 32, cancelled: 40,
});
layout!(ClampError: 48 { code: 0, launch: 8, element: 16, text: 24, cap: 32, len: 40 });
layout!(ClampDeviceInfo: 416 {
    kind: 0, alignment: 4, memory_bytes: 8, max_alloc_bytes: 16, compute_units: 24, unified_memory: 28, name: 32,
    uuid: 160, driver: 224, dispatch: 352,
});
layout!(ClampArray: 88 { buffer: 0, byte_offset: 8, dtype: 16, ndim: 20, dims: 24 });
layout!(ClampQueueDesc: 16 { mode: 0, max_threads: 4, host_call: 8 });
layout!(ClampLaunch: 56 {
    kernel: 0, inputs: 8, outputs: 16, params: 24, present: 32, n_in: 40, n_out: 44, n_params: 48, reserved: 52,
});
layout!(ClampTiming: 16 { begin_ns: 0, end_ns: 8 });
layout!(ClampBackendV1: 280 {
    header: 0, instance_create: 80, instance_destroy: 88, get_extension: 96, device_count: 104, device_info: 112,
    device_open: 120, device_close: 128, device_memory: 136, device_status: 144, buffer_alloc: 152, buffer_free: 160,
    dlpack_export: 168, dlpack_import: 176, queue_create: 184, queue_destroy: 192, queue_upload: 200,
    queue_download: 208, queue_copy: 216, queue_fill: 224, queue_submit: 232, queue_wait: 240, queue_signal: 248,
    queue_poll: 256, kernel_open: 264, kernel_close: 272,
});

// DLPack's own structs, as its header lays them out.
layout!(DlVersion: 8 { major: 0, minor: 4 });
layout!(DlDevice: 8 { kind: 0, id: 4 });
layout!(DlDataType: 4 { code: 0, bits: 1, lanes: 2 });
layout!(DlTensor: 48 { data: 0, device: 8, ndim: 16, dtype: 20, shape: 24, strides: 32, byte_offset: 40 });
layout!(DlManagedTensorVersioned: 80 { version: 0, manager_ctx: 8, deleter: 16, flags: 24, dl_tensor: 32 });
