/* A complete backend in C: the table, its memory and its queue, over the host's own memory. It runs every launch at
 * once, on the thread that submits it. What it lacks is said in README.md; what it has, it has entirely. */
#include "example.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ID "c-example"
#define VERSION "1.0.0"
enum { ALIGNMENT = 64 };

/* One instance, one device, so one struct is both. Several threads may use it: only the counter changes. */
typedef struct Device {
    const ClampHostApi *host;
    atomic_uint_fast64_t allocated;
} Device;

/* A buffer with the device that counts it. `Memory` comes first, so a pointer to one is a pointer to the other. */
typedef struct Allocation {
    Memory memory;
    Device *device;
} Allocation;

/* In order, one thread at a time. Everything queued has run, so a point is the count of launches. */
typedef struct Queue {
    Device *device;
    uint64_t host_call;
    uint64_t launches;
    Fault fault;
} Queue;

/* Writes an error's text to the caller's room, if there is any; gives the status back, to be returned. */
static int32_t fail(ClampError *err, int32_t status, const char *text) {
    if (err) {
        size_t len = strlen(text);
        if (len > err->cap) len = err->cap;
        if (err->text) memcpy(err->text, text, len);
        err->len = err->text ? len : 0;
        err->code = 0;
        err->launch = err->element = 0;
    }
    return status;
}

/* ---- instance and device ---- */

static int32_t instance_create(const ClampHostApi *host, ClampInstance *out, ClampError *err) {
    Device *device = calloc(1, sizeof *device);
    if (!device) return fail(err, CLAMP_STATUS_OUT_OF_MEMORY, "no memory for the instance");
    device->host = host;
    atomic_init(&device->allocated, 0);
    *out = device;
    return CLAMP_STATUS_OK;
}

static void instance_destroy(ClampInstance instance) { free(instance); }

static int32_t get_extension(ClampInstance instance, ClampStr id, uint32_t version, const void **out) {
    (void)instance, (void)id, (void)version, (void)out;
    return CLAMP_STATUS_NOT_FOUND;
}

static int32_t device_count(ClampInstance instance, uint32_t *out, ClampError *err) {
    (void)instance, (void)err;
    *out = 1;
    return CLAMP_STATUS_OK;
}

static int32_t device_info(ClampInstance instance, uint32_t index, ClampDeviceInfo *out, ClampError *err) {
    (void)instance;
    if (index != 0) return fail(err, CLAMP_STATUS_INVALID, "there is only device 0");
    memset(out, 0, sizeof *out);
    out->kind = CLAMP_DEVICE_CPU;
    out->alignment = ALIGNMENT;
    out->compute_units = 1;
    out->unified_memory = 1;
    /* These four are what a certificate is bound to: keep them as they are from one start to the next. */
    snprintf((char *)out->name, sizeof out->name, "plain C");
    snprintf((char *)out->driver, sizeof out->driver, ID " " VERSION);
    snprintf((char *)out->dispatch, sizeof out->dispatch, "portable");
    return CLAMP_STATUS_OK;
}

static int32_t device_open(ClampInstance instance, uint32_t index, ClampDevice *out, ClampError *err) {
    if (index != 0) return fail(err, CLAMP_STATUS_INVALID, "there is only device 0");
    *out = instance;
    return CLAMP_STATUS_OK;
}

static void device_close(ClampDevice device) { (void)device; }

static int32_t device_memory(ClampDevice handle, uint64_t *used, uint64_t *total, ClampError *err) {
    (void)err;
    Device *device = handle;
    *used = atomic_load(&device->allocated);
    *total = 0; /* unknown */
    return CLAMP_STATUS_OK;
}

static int32_t device_status(ClampDevice device, ClampError *err) {
    (void)device, (void)err;
    return CLAMP_STATUS_OK;
}

/* ---- buffers ---- */

static int32_t buffer_alloc(ClampDevice device, uint64_t bytes, ClampBuffer *out, ClampError *err) {
    uint64_t whole = bytes / ALIGNMENT * ALIGNMENT + ALIGNMENT; /* never 0, and a multiple of the alignment */
    Allocation *made = whole < bytes ? NULL : malloc(sizeof *made);
    if (!made) return fail(err, CLAMP_STATUS_OUT_OF_MEMORY, "no memory for the buffer");
    *made = (Allocation){{aligned_alloc(ALIGNMENT, whole), bytes}, device};
    if (!made->memory.bytes) {
        free(made);
        return fail(err, CLAMP_STATUS_OUT_OF_MEMORY, "no memory for the buffer");
    }
    atomic_fetch_add(&made->device->allocated, bytes);
    *out = made;
    return CLAMP_STATUS_OK;
}

static void buffer_free(ClampBuffer buffer) {
    Allocation *made = buffer;
    atomic_fetch_sub(&made->device->allocated, made->memory.size);
    free(made->memory.bytes);
    free(made);
}

static int32_t dlpack_export(ClampDevice device, const ClampArray *array, void **out, ClampError *err) {
    (void)device, (void)array, (void)out;
    return fail(err, CLAMP_STATUS_UNSUPPORTED, "this backend gives no DLPack tensors");
}

static int32_t dlpack_import(ClampDevice device, void *managed, ClampArray *out, ClampError *err) {
    (void)device, (void)managed, (void)out;
    return fail(err, CLAMP_STATUS_UNSUPPORTED, "this backend takes no DLPack tensors");
}

/* ---- queues ---- */

static int32_t queue_create(ClampDevice device, const ClampQueueDesc *desc, ClampQueue *out, ClampError *err) {
    Queue *queue = calloc(1, sizeof *queue);
    if (!queue) return fail(err, CLAMP_STATUS_OUT_OF_MEMORY, "no memory for the queue");
    queue->device = device;
    queue->host_call = desc->host_call;
    /* `mode` asks for nothing: this backend has no bits but those of strict. `max_threads` is met by one. */
    *out = queue;
    return CLAMP_STATUS_OK;
}

static void queue_destroy(ClampQueue queue) { free(queue); }

/* Whether `len` bytes from `at` lie in the buffer, in a form that cannot overflow. */
static int inside(const Memory *memory, uint64_t at, uint64_t len) {
    return at <= memory->size && len <= memory->size - at;
}

static int32_t outside(ClampError *err) { return fail(err, CLAMP_STATUS_INVALID, "the range leaves the buffer"); }

static int32_t queue_upload(ClampQueue queue, ClampBuffer dst, uint64_t dst_offset, const uint8_t *src, uint64_t len,
                            ClampError *err) {
    (void)queue;
    Memory *memory = dst;
    if (!inside(memory, dst_offset, len)) return outside(err);
    if (len > 0) memcpy(memory->bytes + dst_offset, src, len);
    return CLAMP_STATUS_OK;
}

static int32_t queue_download(ClampQueue queue, ClampBuffer src, uint64_t src_offset, uint8_t *dst, uint64_t len,
                              ClampError *err) {
    (void)queue;
    const Memory *memory = src;
    if (!inside(memory, src_offset, len)) return outside(err);
    if (len > 0) memcpy(dst, memory->bytes + src_offset, len);
    return CLAMP_STATUS_OK;
}

static int32_t queue_copy(ClampQueue queue, ClampBuffer dst, uint64_t dst_offset, ClampBuffer src, uint64_t src_offset,
                          uint64_t len, ClampError *err) {
    (void)queue;
    Memory *to = dst;
    const Memory *from = src;
    if (!inside(to, dst_offset, len) || !inside(from, src_offset, len)) return outside(err);
    memmove(to->bytes + dst_offset, from->bytes + src_offset, len);
    return CLAMP_STATUS_OK;
}

static int32_t queue_fill(ClampQueue queue, ClampBuffer dst, uint64_t dst_offset, uint64_t bits, uint32_t width,
                          uint64_t count, ClampError *err) {
    (void)queue;
    Memory *memory = dst;
    if (width != 1 && width != 2 && width != 4 && width != 8) {
        return fail(err, CLAMP_STATUS_INVALID, "the width of a fill is 1, 2, 4 or 8 bytes");
    }
    if (count > UINT64_MAX / width || !inside(memory, dst_offset, count * width)) return outside(err);
    for (uint64_t i = 0; i < count; i++) memcpy(memory->bytes + dst_offset + i * width, &bits, width);
    return CLAMP_STATUS_OK;
}

/* After a fault the results are not read any more, so the launches behind it are only counted. It is told at the next
 * wait and at every later one; a submit that fails would have to have queued nothing. */
static int32_t queue_submit(ClampQueue handle, const ClampLaunch *launches, uint64_t n, uint64_t *point,
                            ClampError *err) {
    Queue *queue = handle;
    const ClampHostApi *host = queue->device->host;
    for (uint64_t k = 0; k < n; k++) {
        const Kernel *kernel = ((const Opened *)launches[k].kernel)->kernel;
        if (launches[k].n_in != kernel->inputs || launches[k].n_out != kernel->outputs ||
            launches[k].n_params != kernel->params) {
            return fail(err, CLAMP_STATUS_INVALID, "a launch has another number of arguments than its kernel");
        }
    }
    for (uint64_t k = 0; k < n; k++, queue->launches++) {
        if (queue->fault.status != CLAMP_STATUS_OK) continue;
        queue->fault.launch = queue->launches;
        if (host->cancelled(host->ctx, queue->host_call)) {
            queue->fault.status = CLAMP_STATUS_CANCELLED;
            snprintf(queue->fault.text, sizeof queue->fault.text, "the host asked to stop");
            continue;
        }
        const Opened *opened = launches[k].kernel;
        opened->kernel->run(opened, &launches[k], &queue->fault);
    }
    *point = queue->launches;
    return CLAMP_STATUS_OK;
}

static int32_t queue_wait(ClampQueue handle, uint64_t point, uint64_t timeout_ns, ClampTiming *timing,
                          ClampError *err) {
    (void)timeout_ns;
    const Queue *queue = handle;
    if (point > queue->launches) return fail(err, CLAMP_STATUS_INVALID, "this point was never given out");
    if (queue->fault.status != CLAMP_STATUS_OK) {
        fail(err, queue->fault.status, queue->fault.text);
        if (err) err->launch = queue->fault.launch, err->element = queue->fault.element;
        return queue->fault.status;
    }
    if (timing) *timing = (ClampTiming){0, 0}; /* it has no clock */
    return CLAMP_STATUS_OK;
}

/* Signal and poll: everything queued has passed. */
static int32_t queue_point(ClampQueue handle, uint64_t *point, ClampError *err) {
    (void)err;
    *point = ((const Queue *)handle)->launches;
    return CLAMP_STATUS_OK;
}

/* ---- kernels ---- */

static int32_t kernel_open(ClampDevice device, ClampStr id, const uint64_t *fixed, uint64_t present, uint32_t n,
                           ClampStr text, ClampKernel *out, ClampError *err) {
    (void)device, (void)present, (void)text; /* a parameter that was not given is 0, which is what it means here */
    const Kernel *kernel = find_kernel(id);
    if (!kernel) return fail(err, CLAMP_STATUS_NOT_FOUND, "this backend has no such kernel");
    if (n != kernel->fixed) return fail(err, CLAMP_STATUS_INVALID, "another number of fixed parameters is needed");
    Opened *opened = malloc(sizeof *opened);
    if (!opened) return fail(err, CLAMP_STATUS_OUT_OF_MEMORY, "no memory for the kernel");
    *opened = (Opened){kernel, n > 0 && fixed[0] != 0};
    *out = opened;
    return CLAMP_STATUS_OK;
}

static void kernel_close(ClampKernel kernel) { free(kernel); }

/* ---- the table ---- */

#define TEXT(literal) {(const uint8_t *)(literal), sizeof(literal) - 1}

static const ClampBackendV1 TABLE = {
    .header = {
        .magic = CLAMP_MAGIC,
        .struct_size = sizeof(ClampBackendV1),
        .abi_major = CLAMP_ABI_MAJOR,
        .abi_minor = CLAMP_ABI_MINOR,
        .min_host_minor = 0,
        .panic_strategy = CLAMP_PANIC_NONE,
        .id = TEXT(ID),
        .version = TEXT(VERSION),
#ifdef __VERSION__
        .compiler = TEXT("cc " __VERSION__),
#else
        .compiler = TEXT("a C compiler"),
#endif
    },
    .instance_create = instance_create,
    .instance_destroy = instance_destroy,
    .get_extension = get_extension,
    .device_count = device_count,
    .device_info = device_info,
    .device_open = device_open,
    .device_close = device_close,
    .device_memory = device_memory,
    .device_status = device_status,
    .buffer_alloc = buffer_alloc,
    .buffer_free = buffer_free,
    .dlpack_export = dlpack_export,
    .dlpack_import = dlpack_import,
    .queue_create = queue_create,
    .queue_destroy = queue_destroy,
    .queue_upload = queue_upload,
    .queue_download = queue_download,
    .queue_copy = queue_copy,
    .queue_fill = queue_fill,
    .queue_submit = queue_submit,
    .queue_wait = queue_wait,
    .queue_signal = queue_point,
    .queue_poll = queue_point,
    .kernel_open = kernel_open,
    .kernel_close = kernel_close,
};

const ClampBackendV1 *clamp_backend_query(uint32_t host_max_major, const ClampHostApi *host) {
    (void)host;
    return host_max_major >= CLAMP_ABI_MAJOR ? &TABLE : NULL;
}
