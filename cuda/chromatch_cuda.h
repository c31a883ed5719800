// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the engine calls in the CUDA module, libchromatch-cuda.so. The engine opens the module at run time
// (engine/matching/cuda_matcher.h), so both may be of different ages: chromatch_cuda_interface() must return the
// number below before anything else is called. It grows with every change to this file.
//
// No function throws. A context may be used from any thread, by one at a time.
#pragma once

#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define CHROMATCH_CUDA_API __attribute__((visibility("default")))
#else
#define CHROMATCH_CUDA_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define CHROMATCH_CUDA_INTERFACE 1

enum chromatch_cuda_status {
    CHROMATCH_CUDA_OK = 0,
    CHROMATCH_CUDA_NO_DEVICE = 1,     ///< no device, no driver, or one that is too old
    CHROMATCH_CUDA_OUT_OF_MEMORY = 2, ///< the device's memory or the host's
    CHROMATCH_CUDA_BAD_VALUES = 3,    ///< a vector is not finite or too long: see chromatch_cuda_fault
    CHROMATCH_CUDA_FAILED = 4,        ///< any other error of CUDA
};

/// A device, a stream and the memory of the largest match so far.
struct chromatch_cuda_context;

/// A nearest-neighbour field of a batch: count * height * width values each.
struct chromatch_cuda_field {
    uint16_t* match; ///< pairs y, x
    float* distance;
};

/// The arguments are those of engine/matching/nearest_neighbour_field.h and are not checked again. Every pointer may be
/// one to the host's memory or to the device's. What the device still computes for an input must be on CUDA's default
/// stream, or done.
struct chromatch_cuda_request {
    const float* target;    ///< count x target_height x target_width x channels
    const float* reference; ///< count x height x width x channels
    int32_t count;
    int32_t target_height, target_width;
    int32_t height, width;
    int32_t channels;
    int32_t patch;       ///< 1, 3 or 5
    float scale;         ///< fixed_point_scale(patch)
    float factors[26];   ///< MeanFactors(patch)
    int32_t patch_match; ///< 0: exact search

    const uint8_t* mask; ///< height * width, at least one of them not 0; or null
    int32_t iterations;
    uint64_t seed;
    const uint16_t* initial; ///< as chromatch_cuda_field::match, or null

    struct chromatch_cuda_field forward;
    struct chromatch_cuda_field reverse; ///< null pointers: not asked for
};

/// The first bad vector.
struct chromatch_cuda_fault {
    int32_t of_reference; ///< 0: in the target
    int64_t pixel;        ///< counted through the batch
    float square;         ///< of its length; not finite where a value is not
};

CHROMATCH_CUDA_API int chromatch_cuda_interface(void);

/// Opens the current device. `message` gets its name, or what went wrong, in at most `size` bytes.
CHROMATCH_CUDA_API enum chromatch_cuda_status chromatch_cuda_open(struct chromatch_cuda_context** context,
                                                                  char* message, size_t size);

CHROMATCH_CUDA_API void chromatch_cuda_close(struct chromatch_cuda_context* context);

/// Returns when the fields are there. `message` gets what went wrong. Where the status is BAD_VALUES, the fields are
/// undefined.
CHROMATCH_CUDA_API enum chromatch_cuda_status chromatch_cuda_match(struct chromatch_cuda_context* context,
                                                                   const struct chromatch_cuda_request* request,
                                                                   struct chromatch_cuda_fault* fault, char* message,
                                                                   size_t size);

#ifdef __cplusplus
}
#endif
