// SPDX-License-Identifier: GPL-3.0-or-later
//
// engine/matching/fixed_point.cpp on the device, operation by operation: the intrinsics keep the compiler from joining
// a product and a sum, which would round once where the CPU rounds twice.
#include "device.h"

namespace chromatch::cuda {
namespace {

constexpr int sums = 16; // the CPU's partial sums: a lane for each
constexpr int group_lanes = 8;

/// The two bytes of one channel of a pixel's groups.
__device__ void store_channel(uint4* pixel, int channel, int value)
{
    auto* bytes = reinterpret_cast<signed char*>(pixel + channel / 8) + channel % 8;
    const int high = (value + 128) >> 8;
    bytes[0] = static_cast<signed char>(high);
    bytes[8] = static_cast<signed char>(value - 256 * high);
}

__device__ int load_channel(const uint4* pixel, int channel)
{
    const auto* bytes = reinterpret_cast<const signed char*>(pixel + channel / 8) + channel % 8;
    return 256 * bytes[0] + bytes[8];
}

/// Sixteen lanes a pixel.
__global__ void __launch_bounds__(block_threads)
    to_fixed_point_kernel(const float* values, float scale, Maps maps, unsigned long long* first_bad)
{
    const std::int64_t pixel = (static_cast<std::int64_t>(blockIdx.x) * block_threads + threadIdx.x) / sums;
    const int lane = threadIdx.x % sums;
    const bool there = pixel < maps.count * maps.pixels();
    float square = 0.0f;
    if (there) {
        const float* from = values + pixel * maps.channels;
        uint4* to = maps.groups + pixel * maps.pixel_groups();
#pragma unroll 4
        for (int c = lane; c < maps.channels; c += sums) {
            const float value = from[c];
            square = __fadd_rn(square, __fmul_rn(value, value));
            // Adding 1.5 * 2^23 leaves the rounded value in the last bits.
            const float shifted = __fadd_rn(__fmul_rn(value, scale), 12582912.0f);
            store_channel(to, c, static_cast<std::int16_t>(__float_as_uint(shifted)));
        }
    }
    float total = 0.0f; // in the CPU's order
#pragma unroll
    for (int i = 0; i < sums; ++i)
        total = __fadd_rn(total, __shfl_sync(whole_warp, square, i, sums));
    if (there && lane == 0 && !(total <= 1.001f)) // also where it is not a number
        atomicMin(first_bad, static_cast<unsigned long long>(pixel));
}

/// Eight lanes a pixel of the halved map.
__global__ void __launch_bounds__(block_threads) halve_kernel(Maps from, float scale, Maps to)
{
    const std::int64_t pixel = (static_cast<std::int64_t>(blockIdx.x) * block_threads + threadIdx.x) / group_lanes;
    const bool there = pixel < to.count * to.pixels();
    const std::int64_t row = pixel / to.width;
    const int map = static_cast<int>(row / to.height);
    const int top = static_cast<int>(row % to.height) * 2, left = static_cast<int>(pixel % to.width) * 2;
    const int bottom = smaller_of(from.height, top + 2), right = smaller_of(from.width, left + 2);
    const auto sum_of = [&](int channel) {
        int sum = 0;
        for (int y = top; y < bottom; ++y)
            for (int x = left; x < right; ++x)
                sum += load_channel(from.row(map, y) + static_cast<std::int64_t>(x) * from.pixel_groups(), channel);
        return sum;
    };
    long long square = 0;
    for (int c = threadIdx.x % group_lanes; there && c < from.channels; c += group_lanes) {
        const long long sum = sum_of(c);
        square += sum * sum;
    }
    for (int step = group_lanes / 2; step > 0; step /= 2)
        square += __shfl_xor_sync(whole_warp, square, step);
    if (!there)
        return;
    const double length = __dsqrt_rn(__ll2double_rn(square));
    const double by = square > 0 ? __ddiv_rn(static_cast<double>(scale), length) : 0.0;
    for (int c = threadIdx.x % group_lanes; c < from.channels; c += group_lanes) {
        // 1.5 * 2^52 leaves the value, rounded half to even, in the last bits.
        const double shifted = __dadd_rn(__dmul_rn(static_cast<double>(sum_of(c)), by), 6755399441055744.0);
        store_channel(to.groups + pixel * to.pixel_groups(), c,
                      static_cast<std::int16_t>(__double_as_longlong(shifted)));
    }
}

__global__ void __launch_bounds__(block_threads)
    halve_mask_kernel(const std::uint8_t* from, int height, int width, std::uint8_t* to)
{
    const int columns = (width + 1) / 2, rows = (height + 1) / 2;
    const std::int64_t pixel = static_cast<std::int64_t>(blockIdx.x) * block_threads + threadIdx.x;
    if (pixel >= static_cast<std::int64_t>(rows) * columns)
        return;
    const int top = static_cast<int>(pixel / columns) * 2, left = static_cast<int>(pixel % columns) * 2;
    std::uint8_t any = 0;
    for (int y = top; y < smaller_of(height, top + 2); ++y)
        for (int x = left; x < smaller_of(width, left + 2); ++x)
            any |= from[static_cast<std::int64_t>(y) * width + x];
    to[pixel] = any;
}

/// One block goes through the mask; what it has listed before decides where its threads write.
__global__ void __launch_bounds__(block_threads)
    list_allowed_kernel(const std::uint8_t* mask, std::int64_t pixels, std::uint32_t* allowed, std::uint32_t* count)
{
    constexpr int warps = block_threads / 32;
    __shared__ int warp_count[2][warps]; // written and read in turn, so that one barrier a round is enough
    const int warp = threadIdx.x / 32, lane = threadIdx.x % 32;
    std::uint32_t listed = 0;
    int parity = 0;
    for (std::int64_t first = 0; first < pixels; first += block_threads, parity ^= 1) {
        const std::int64_t pixel = first + threadIdx.x;
        const bool mine = pixel < pixels && mask[pixel] != 0;
        const unsigned votes = __ballot_sync(whole_warp, mine);
        if (lane == 0)
            warp_count[parity][warp] = __popc(votes);
        __syncthreads();
        int before = __popc(votes & ((1u << lane) - 1)), all = 0;
        for (int i = 0; i < warps; ++i) {
            before += i < warp ? warp_count[parity][i] : 0;
            all += warp_count[parity][i];
        }
        if (mine)
            allowed[listed + before] = static_cast<std::uint32_t>(pixel);
        listed += all;
    }
    if (threadIdx.x == 0)
        *count = listed;
}

} // namespace

void to_fixed_point(const float* values, float scale, const Maps& maps, unsigned long long* first_bad,
                    cudaStream_t stream)
{
    launch("rounding a feature map", to_fixed_point_kernel, maps.count * maps.pixels() * sums, stream, values, scale,
           maps, first_bad);
}

void halve(const Maps& from, float scale, const Maps& to, cudaStream_t stream)
{
    launch("halving a feature map", halve_kernel, to.count * to.pixels() * group_lanes, stream, from, scale, to);
}

void halve_mask(const std::uint8_t* from, int height, int width, std::uint8_t* to, cudaStream_t stream)
{
    const std::int64_t pixels = static_cast<std::int64_t>((height + 1) / 2) * ((width + 1) / 2);
    launch("halving the mask", halve_mask_kernel, pixels, stream, from, height, width, to);
}

void list_allowed(const std::uint8_t* mask, std::int64_t pixels, std::uint32_t* allowed, std::uint32_t* count,
                  cudaStream_t stream)
{
    launch("listing what the mask leaves", list_allowed_kernel, block_threads, stream, mask, pixels, allowed, count);
}

} // namespace chromatch::cuda
