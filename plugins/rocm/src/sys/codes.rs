//! Names of the error numbers: all of `hipError_t` and `hiprtcResult` in HIP 5.2 to 7.14. Numbers were added over the
//! versions; only 1054, the header's own end mark, came to mean something else in the last of them.

macro_rules! codes {
    ($(#[$about:meta])* $function:ident $list:ident { $($code:literal $name:ident)+ }) => {
        $(#[$about])*
        pub(crate) fn $function(code: i32) -> &'static str {
            match code {
                $($code => stringify!($name),)+
                _ => "unknown",
            }
        }

        /// All of them.
        #[cfg(test)]
        pub(crate) const $list: &[i32] = &[$($code),+];
    };
}

codes! {
    /// The name of a number of `hipError_t`; `unknown` where no header names it.
    hip_name HIP_CODES {
        0 hipSuccess
        1 hipErrorInvalidValue
        2 hipErrorOutOfMemory
        3 hipErrorNotInitialized
        4 hipErrorDeinitialized
        5 hipErrorProfilerDisabled
        6 hipErrorProfilerNotInitialized
        7 hipErrorProfilerAlreadyStarted
        8 hipErrorProfilerAlreadyStopped
        9 hipErrorInvalidConfiguration
        12 hipErrorInvalidPitchValue
        13 hipErrorInvalidSymbol
        17 hipErrorInvalidDevicePointer
        21 hipErrorInvalidMemcpyDirection
        35 hipErrorInsufficientDriver
        52 hipErrorMissingConfiguration
        53 hipErrorPriorLaunchFailure
        98 hipErrorInvalidDeviceFunction
        100 hipErrorNoDevice
        101 hipErrorInvalidDevice
        200 hipErrorInvalidImage
        201 hipErrorInvalidContext
        202 hipErrorContextAlreadyCurrent
        205 hipErrorMapFailed
        206 hipErrorUnmapFailed
        207 hipErrorArrayIsMapped
        208 hipErrorAlreadyMapped
        209 hipErrorNoBinaryForGpu
        210 hipErrorAlreadyAcquired
        211 hipErrorNotMapped
        212 hipErrorNotMappedAsArray
        213 hipErrorNotMappedAsPointer
        214 hipErrorECCNotCorrectable
        215 hipErrorUnsupportedLimit
        216 hipErrorContextAlreadyInUse
        217 hipErrorPeerAccessUnsupported
        218 hipErrorInvalidKernelFile
        219 hipErrorInvalidGraphicsContext
        300 hipErrorInvalidSource
        301 hipErrorFileNotFound
        302 hipErrorSharedObjectSymbolNotFound
        303 hipErrorSharedObjectInitFailed
        304 hipErrorOperatingSystem
        400 hipErrorInvalidHandle
        401 hipErrorIllegalState
        500 hipErrorNotFound
        600 hipErrorNotReady
        700 hipErrorIllegalAddress
        701 hipErrorLaunchOutOfResources
        702 hipErrorLaunchTimeOut
        704 hipErrorPeerAccessAlreadyEnabled
        705 hipErrorPeerAccessNotEnabled
        708 hipErrorSetOnActiveProcess
        709 hipErrorContextIsDestroyed
        710 hipErrorAssert
        712 hipErrorHostMemoryAlreadyRegistered
        713 hipErrorHostMemoryNotRegistered
        719 hipErrorLaunchFailure
        720 hipErrorCooperativeLaunchTooLarge
        801 hipErrorNotSupported
        900 hipErrorStreamCaptureUnsupported
        901 hipErrorStreamCaptureInvalidated
        902 hipErrorStreamCaptureMerge
        903 hipErrorStreamCaptureUnmatched
        904 hipErrorStreamCaptureUnjoined
        905 hipErrorStreamCaptureIsolation
        906 hipErrorStreamCaptureImplicit
        907 hipErrorCapturedEvent
        908 hipErrorStreamCaptureWrongThread
        910 hipErrorGraphExecUpdateFailure
        911 hipErrorInvalidChannelDescriptor
        912 hipErrorInvalidTexture
        914 hipErrorInvalidResourceType
        915 hipErrorInvalidResourceConfiguration
        916 hipErrorStreamDetached
        999 hipErrorUnknown
        1052 hipErrorRuntimeMemory
        1053 hipErrorRuntimeOther
        1054 hipErrorTbd
    }
}

codes! {
    /// The name of a number of `hiprtcResult`; `unknown` where no header names it.
    hiprtc_name HIPRTC_CODES {
        0 HIPRTC_SUCCESS
        1 HIPRTC_ERROR_OUT_OF_MEMORY
        2 HIPRTC_ERROR_PROGRAM_CREATION_FAILURE
        3 HIPRTC_ERROR_INVALID_INPUT
        4 HIPRTC_ERROR_INVALID_PROGRAM
        5 HIPRTC_ERROR_INVALID_OPTION
        6 HIPRTC_ERROR_COMPILATION
        7 HIPRTC_ERROR_BUILTIN_OPERATION_FAILURE
        8 HIPRTC_ERROR_NO_NAME_EXPRESSIONS_AFTER_COMPILATION
        9 HIPRTC_ERROR_NO_LOWERED_NAMES_BEFORE_COMPILATION
        10 HIPRTC_ERROR_NAME_EXPRESSION_NOT_VALID
        11 HIPRTC_ERROR_INTERNAL_ERROR
        100 HIPRTC_ERROR_LINKING
    }
}
