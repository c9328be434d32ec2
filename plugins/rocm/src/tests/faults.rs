//! Every number of the libraries has a name and a status.

use clamp_plugin_api::abi::{Fault, Status};

use crate::error::{check, check_compiler};
use crate::fault::{of_compiler, of_runtime};
use crate::sys::{HIP_CODES, HIPRTC_CODES, hip_name, hiprtc_name};

fn numbers(status: Status) -> Vec<i32> {
    HIP_CODES.iter().copied().filter(|&code| code != 0 && of_runtime(code) == status).collect()
}

#[test]
fn every_number_of_hip_means_one_thing() {
    assert_eq!(numbers(Status::OutOfMemory), [2, 701, 1052]);
    assert_eq!(numbers(Status::DeviceLost), [3, 4, 100, 101, 201, 709]);
    assert_eq!(numbers(Status::Device), [53, 214, 304, 700, 702, 710, 719, 999, 1053]);
    assert_eq!(numbers(Status::Unsupported), [35, 98, 209, 215, 801]);
    assert_eq!(numbers(Status::Internal).len(), HIP_CODES.len() - 1 - 3 - 6 - 9 - 5);
    // What is not known is not trusted.
    for unknown in [-1, 10, 703, 2000, i32::MAX] {
        assert_eq!((of_runtime(unknown), hip_name(unknown)), (Status::Device, "unknown"));
    }
    assert!(HIP_CODES.iter().all(|&code| hip_name(code).starts_with("hip")));
}

#[test]
fn every_number_of_hiprtc_has_a_name_and_leaves_the_device_alone() {
    for &code in &HIPRTC_CODES[1..] {
        assert!(hiprtc_name(code).starts_with("HIPRTC_ERROR_"));
        assert!(matches!(of_compiler(code), Status::Internal | Status::OutOfMemory));
    }
    assert_eq!((of_compiler(12), hiprtc_name(12)), (Status::Internal, "unknown"));
}

#[test]
fn a_failed_call_is_named() {
    assert_eq!(check("hipMalloc", 0), Ok(()));
    let fault = Fault::from(check("hipMalloc", 2).expect_err("failed"));
    assert_eq!((fault.status, fault.code), (Status::OutOfMemory, 2));
    assert_eq!(fault.message, "hipMalloc failed: hipErrorOutOfMemory (2)");
    let fault = Fault::from(check_compiler("hiprtcCompileProgram", 6).expect_err("failed").with("line 1: error"));
    assert_eq!(fault.message, "hiprtcCompileProgram failed: HIPRTC_ERROR_COMPILATION (6): line 1: error");
    let fault = Fault::from(check("hipEventQuery", 4711).expect_err("failed"));
    assert_eq!(fault.message, "hipEventQuery failed: unknown (4711)");
}
