//! Types and numbers of `cl.h` and `cl_ext.h`, under their names there.

use std::ffi::c_void;

pub(crate) type PlatformId = *mut c_void;
pub(crate) type DeviceId = *mut c_void;
pub(crate) type RawContext = *mut c_void;
pub(crate) type RawQueue = *mut c_void;
pub(crate) type RawMem = *mut c_void;
pub(crate) type RawProgram = *mut c_void;
pub(crate) type RawKernel = *mut c_void;
pub(crate) type RawEvent = *mut c_void;

pub(crate) const CL_SUCCESS: i32 = 0;
pub(crate) const CL_DEVICE_NOT_FOUND: i32 = -1;
pub(crate) const CL_DEVICE_NOT_AVAILABLE: i32 = -2;
pub(crate) const CL_COMPILER_NOT_AVAILABLE: i32 = -3;
pub(crate) const CL_MEM_OBJECT_ALLOCATION_FAILURE: i32 = -4;
pub(crate) const CL_OUT_OF_RESOURCES: i32 = -5;
pub(crate) const CL_OUT_OF_HOST_MEMORY: i32 = -6;
pub(crate) const CL_BUILD_PROGRAM_FAILURE: i32 = -11;
pub(crate) const CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST: i32 = -14;
pub(crate) const CL_INVALID_CONTEXT: i32 = -34;
pub(crate) const CL_INVALID_COMMAND_QUEUE: i32 = -36;
pub(crate) const CL_INVALID_BUFFER_SIZE: i32 = -61;
pub(crate) const CL_PLATFORM_NOT_FOUND_KHR: i32 = -1001;

pub(crate) const CL_PLATFORM_VERSION: u32 = 0x0901;
pub(crate) const CL_PLATFORM_NAME: u32 = 0x0902;

pub(crate) const CL_DEVICE_TYPE_ALL: u64 = 0xffff_ffff;
pub(crate) const CL_DEVICE_TYPE_CPU: u64 = 1 << 1;
pub(crate) const CL_DEVICE_TYPE_GPU: u64 = 1 << 2;

pub(crate) const CL_DEVICE_TYPE: u32 = 0x1000;
pub(crate) const CL_DEVICE_MAX_COMPUTE_UNITS: u32 = 0x1002;
pub(crate) const CL_DEVICE_MAX_WORK_GROUP_SIZE: u32 = 0x1004;
pub(crate) const CL_DEVICE_MAX_MEM_ALLOC_SIZE: u32 = 0x1010;
pub(crate) const CL_DEVICE_MEM_BASE_ADDR_ALIGN: u32 = 0x1019;
pub(crate) const CL_DEVICE_SINGLE_FP_CONFIG: u32 = 0x101B;
pub(crate) const CL_DEVICE_GLOBAL_MEM_SIZE: u32 = 0x101F;
pub(crate) const CL_DEVICE_LOCAL_MEM_SIZE: u32 = 0x1023;
pub(crate) const CL_DEVICE_ENDIAN_LITTLE: u32 = 0x1026;
pub(crate) const CL_DEVICE_AVAILABLE: u32 = 0x1027;
pub(crate) const CL_DEVICE_COMPILER_AVAILABLE: u32 = 0x1028;
pub(crate) const CL_DEVICE_NAME: u32 = 0x102B;
pub(crate) const CL_DEVICE_VENDOR: u32 = 0x102C;
pub(crate) const CL_DRIVER_VERSION: u32 = 0x102D;
pub(crate) const CL_DEVICE_VERSION: u32 = 0x102F;
pub(crate) const CL_DEVICE_DOUBLE_FP_CONFIG: u32 = 0x1032;
pub(crate) const CL_DEVICE_HOST_UNIFIED_MEMORY: u32 = 0x1035;
pub(crate) const CL_DEVICE_UUID_KHR: u32 = 0x106A;

pub(crate) const CL_FP_DENORM: u64 = 1 << 0;
pub(crate) const CL_FP_FMA: u64 = 1 << 5;
pub(crate) const CL_FP_CORRECTLY_ROUNDED_DIVIDE_SQRT: u64 = 1 << 7;

pub(crate) const CL_QUEUE_PROFILING_ENABLE: u64 = 1 << 1;

pub(crate) const CL_MEM_READ_WRITE: u64 = 1 << 0;
pub(crate) const CL_MEM_ALLOC_HOST_PTR: u64 = 1 << 4;

pub(crate) const CL_PROGRAM_BINARY_SIZES: u32 = 0x1165;
pub(crate) const CL_PROGRAM_BINARIES: u32 = 0x1166;
pub(crate) const CL_PROGRAM_BUILD_LOG: u32 = 0x1183;

pub(crate) const CL_EVENT_COMMAND_EXECUTION_STATUS: u32 = 0x11D3;
pub(crate) const CL_COMPLETE: i32 = 0;
pub(crate) const CL_PROFILING_COMMAND_START: u32 = 0x1282;
pub(crate) const CL_PROFILING_COMMAND_END: u32 = 0x1283;
