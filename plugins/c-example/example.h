/* What the two files of the example share: its memory, an opened kernel, and what may go wrong while one runs. */
#ifndef EXAMPLE_H
#define EXAMPLE_H

#include "clamp_backend.h"
#include "clamp_kernels.h"

/* A buffer: `ClampBuffer` is a pointer to one. */
typedef struct Memory {
    unsigned char *bytes;
    uint64_t size;
} Memory;

/* Why a launch could not be finished. `status` is CLAMP_STATUS_OK as long as nothing is wrong. */
typedef struct Fault {
    int32_t status;
    uint64_t launch;
    uint64_t element;
    char text[160];
} Fault;

typedef struct Opened Opened;

/* Runs one launch. The host has checked counts, types, shapes and overlap against the catalogue; what is left to find
 * is a wrong value. */
typedef void Run(const Opened *kernel, const ClampLaunch *launch, Fault *fault);

/* A kernel as it stands in the list. */
typedef struct Kernel {
    const char *id;
    uint32_t inputs, outputs, fixed, params;
    Run *run;
} Kernel;

/* An opened kernel: `ClampKernel` is a pointer to one. */
struct Opened {
    const Kernel *kernel;
    /* The fixed parameter of the reductions. */
    int rows;
};

/* The kernel of this id, or NULL. */
const Kernel *find_kernel(ClampStr id);

#endif
