// SPDX-License-Identifier: GPL-3.0-or-later
//
// What all CUDA sources share. They are CUDA C++ for nvcc, and plain C++ for the tests, which run them on the CPU
// (tests/cuda/cuda_emulation.h).
#pragma once

#if defined(__CUDACC__)
#include <cuda_runtime.h>
#else
#include "cuda_emulation.h"
#endif

#include <climits>
#include <cstdint>

namespace chromatch::cuda {

constexpr int block_threads = 256;
constexpr unsigned whole_warp = 0xffffffffu;

/// An error of CUDA; caught in chromatch_cuda.cu.
struct Failure {
    cudaError_t error;
    const char* during;
};

inline void check(cudaError_t error, const char* during)
{
    if (error != cudaSuccess)
        throw Failure{error, during};
}

/// Runs a kernel with block_threads threads a block, at least `threads` in all.
template <class... Parameters, class... Arguments>
void launch(const char* name, void (*kernel)(Parameters...), std::int64_t threads, cudaStream_t stream,
            const Arguments&... arguments)
{
    const std::int64_t blocks = (threads + block_threads - 1) / block_threads;
    if (blocks > INT_MAX)
        throw Failure{cudaErrorInvalidValue, name};
#if defined(__CUDACC__)
    kernel<<<static_cast<unsigned>(blocks), block_threads, 0, stream>>>(arguments...);
    check(cudaGetLastError(), name);
#else
    check(emulation::launch(kernel, static_cast<unsigned>(blocks), block_threads, stream, arguments...), name);
#endif
}

/// Maps in fixed point (engine/matching/fixed_point.h), count x height x width x channels. A value q is split into two
/// signed bytes, q = 256 * high + low, for which the device has dot products; groups of eight channels hold
/// the eight high bytes (x, y), then the eight low ones (z, w).
struct Maps {
    uint4* groups;
    int count, height, width, channels;

    __host__ __device__ std::int64_t pixels() const { return static_cast<std::int64_t>(height) * width; }
    __host__ __device__ int pixel_groups() const { return channels / 8; }
    __device__ const uint4* row(int map, int y) const
    {
        return groups + (static_cast<std::int64_t>(map) * height + y) * width * pixel_groups();
    }
};

/// The products of split values. A dot product is 65536 * high + 256 * middle + low; it fits 32 bits, the summands need
/// not, so they wrap.
struct SplitSum {
    int high = 0, middle = 0, low = 0;

    __device__ void add(const uint4& p, const uint4& q)
    {
        high = dot4(p.x, q.x, high);
        high = dot4(p.y, q.y, high);
        middle = dot4(p.x, q.z, middle);
        middle = dot4(p.y, q.w, middle);
        middle = dot4(p.z, q.x, middle);
        middle = dot4(p.w, q.y, middle);
        low = dot4(p.z, q.z, low);
        low = dot4(p.w, q.w, low);
    }
    __device__ static unsigned total(int high, int middle, int low)
    {
        return (static_cast<unsigned>(high) << 16) + (static_cast<unsigned>(middle) << 8) + static_cast<unsigned>(low);
    }
    __device__ unsigned total() const { return total(high, middle, low); }

  private:
    __device__ static int dot4(unsigned a, unsigned b, int sum)
    {
        return __dp4a(static_cast<int>(a), static_cast<int>(b), sum);
    }
};

__device__ inline int smaller_of(int a, int b)
{
    return a < b ? a : b;
}
__device__ inline int larger_of(int a, int b)
{
    return a > b ? a : b;
}

/// MeanFactors of engine/matching/correlation_kernels.h.
struct Factors {
    float of[26];
};

/// A coordinate as the engine's Coordinate lies in memory: y in the lower half.
using PackedCoordinate = std::uint32_t;

__device__ inline PackedCoordinate pack(int y, int x)
{
    return static_cast<std::uint32_t>(y) | static_cast<std::uint32_t>(x) << 16;
}
__device__ inline int row_of(PackedCoordinate coordinate)
{
    return static_cast<int>(coordinate & 0xffffu);
}
__device__ inline int column_of(PackedCoordinate coordinate)
{
    return static_cast<int>(coordinate >> 16);
}

__device__ inline float distance_of(float score)
{
    return fminf(fmaxf(__fsub_rn(2.0f, __fmul_rn(2.0f, score)), 0.0f), 4.0f);
}

// ------------------------------------------------------------------------------------------------- the steps

/// Rounds float maps. `first_bad` is lowered to the index of the first pixel whose vector is too long or not finite.
void to_fixed_point(const float* values, float scale, const Maps& maps, unsigned long long* first_bad,
                    cudaStream_t stream);

/// halve() of engine/matching/fixed_point.h.
void halve(const Maps& from, float scale, const Maps& to, cudaStream_t stream);

/// A pixel of the halved mask may be a match where one of its pixels may.
void halve_mask(const std::uint8_t* from, int height, int width, std::uint8_t* to, cudaStream_t stream);

/// The indices of the pixels that the mask leaves, rising, and their number.
void list_allowed(const std::uint8_t* mask, std::int64_t pixels, std::uint32_t* allowed, std::uint32_t* count,
                  cudaStream_t stream);

/// The best partner so far: the score's bits, mapped so that they rise with it, above the inverted index, so that the
/// larger key is the better match and ties go to the lowest index. 0: none yet.
using Key = unsigned long long;

struct ExactProblem {
    Maps target, reference;
    const std::uint8_t* mask; // reference pixels that may be a match; null: all
    int radius;
    Factors factors;
    Key* forward; // zeros, a key for each target pixel of the batch
    Key* reverse; // for each reference pixel; null: not asked for
};
void exact_search(const ExactProblem& problem, cudaStream_t stream);

/// Keys of `count` pixels as matches in maps of `width` columns and their scores.
void read_keys(const Key* keys, std::int64_t count, int width, PackedCoordinate* match, float* score,
               cudaStream_t stream);

struct SearchProblem {
    Maps target, reference;
    const std::uint8_t* mask;
    const std::uint32_t* allowed; // with a mask: what list_allowed() made
    const std::uint32_t* allowed_count;
    int radius;
    Factors factors;
    std::uint64_t seed;
    int iterations;
    const PackedCoordinate* initial; // null: start from coarse
    const PackedCoordinate* coarse;  // matches of the halved maps; null: start at random
    PackedCoordinate* match;
    float* score;
};
void patch_match(const SearchProblem& problem, cudaStream_t stream);

/// Scores as distances, in place.
void to_distances(float* score, std::int64_t count, cudaStream_t stream);

} // namespace chromatch::cuda
