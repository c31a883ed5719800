// SPDX-License-Identifier: GPL-3.0-or-later
//
// Exact search; engine/matching/exact_search.cpp explains the idea. A block takes one diagonal of row pairs
// (ty, ty + diagonal) of one map, and of it a window of 64 target columns and one of 64 reference columns. A step
// multiplies one row pair (64 x 64 dot products on the tensor cores), adds the products of the last rows, which the
// threads hold in registers, and puts the column sums into shared memory. There each thread sums a square of 4 x 4
// along the pixel diagonal and offers the scores to the best partners so far, in global memory. Windows overlap by the
// patch, so that none needs another's products.
#include "device.h"

namespace chromatch::cuda {
namespace {

constexpr int window = 64;
constexpr int square = 4; // a thread's scores: square x square
constexpr int row_threads = window / square;
constexpr int row_stride = window + 8; // moves the rows that a warp stores at once to different banks
constexpr int products = 4;            // a thread's products: `products` tensor core tiles of 4

/// How windows lie in a map's columns: each starts `step` after the one before.
struct Windows {
    int count, step;

    Windows(int width, int radius) : step(window - 2 * radius)
    {
        count = width <= window ? 1 : (width - 2 * radius + step - 1) / step;
    }
};

struct Walk {
    ExactProblem problem;
    Windows target, reference;
    std::int64_t items; // diagonals x windows x maps
};

/// What a block is at.
struct Item {
    int map, diagonal;
    int target_first, target_begin, target_end;          // first column of the window; columns it is responsible for
    int reference_first, reference_begin, reference_end; // the same
};

__device__ void place_window(const Windows& windows, int i, int width, int radius, int& first, int& begin, int& end)
{
    first = i * windows.step;
    begin = i == 0 ? 0 : first + radius;
    end = i == windows.count - 1 ? width : first + window - radius;
}

/// The maps of a batch follow each other, then the windows, then the diagonals: blocks that run at the same time offer
/// to different pixels, as far as possible.
__device__ Item item_at(const Walk& walk, std::int64_t index)
{
    const ExactProblem& problem = walk.problem;
    Item item;
    item.map = static_cast<int>(index % problem.target.count);
    index /= problem.target.count;
    place_window(walk.target, static_cast<int>(index % walk.target.count), problem.target.width, problem.radius,
                 item.target_first, item.target_begin, item.target_end);
    index /= walk.target.count;
    place_window(walk.reference, static_cast<int>(index % walk.reference.count), problem.reference.width,
                 problem.radius, item.reference_first, item.reference_begin, item.reference_end);
    item.diagonal = static_cast<int>(index / walk.reference.count) - (problem.target.height - 1);
    return item;
}

/// Eight channels of a pixel of a row; zeros outside the map and beyond its channels.
__device__ uint4 load(const Maps& maps, const uint4* row, int x, int group)
{
    if (x >= maps.width || group >= maps.pixel_groups())
        return make_uint4(0, 0, 0, 0);
    return row[x * maps.pixel_groups() + group];
}

/// The products that a thread of a warp holds: 16 target columns x 32 reference columns for a warp, laid out as the
/// accumulators of mma.m16n8k32. product[n][i]: target column lane / 4 + 8 * (i / 2), reference column
/// 8 * n + 2 * (lane % 4) + i % 2. Sums of them are signed, but unsigned here, where vectors too long wrap them.
using Products = unsigned[products][4];

#if defined(CHROMATCH_DP4A) || (defined(__CUDA_ARCH__) && __CUDA_ARCH__ < 800)

/// Without tensor cores for bytes in this shape: every thread makes its own products.
template <int fixed_groups>
__device__ void multiply_rows(const Maps& target, const uint4* target_row, int t, const Maps& reference,
                              const uint4* reference_row, int r, Products& product)
{
    const int lane = threadIdx.x % 32;
    const int groups = fixed_groups > 0 ? fixed_groups : target.pixel_groups();
#pragma unroll
    for (int n = 0; n < products; ++n) {
        SplitSum sum[4];
        for (int group = 0; group < groups; ++group) {
            const uint4 p[2] = {load(target, target_row, t + lane / 4, group),
                                load(target, target_row, t + lane / 4 + 8, group)};
#pragma unroll
            for (int right = 0; right < 2; ++right) {
                const uint4 q = load(reference, reference_row, r + 8 * n + lane % 4 * 2 + right, group);
                sum[right].add(p[0], q);
                sum[right + 2].add(p[1], q);
            }
        }
#pragma unroll
        for (int i = 0; i < 4; ++i)
            product[n][i] = sum[i].total();
    }
}

#else

/// sum += p * q: 16 x 32 bytes times 32 x 8 bytes, spread over a warp (PTX ISA, "Matrix fragments for mma.m16n8k32").
__device__ void multiply_tile(int (&sum)[4], const unsigned (&p)[4], const unsigned (&q)[2])
{
#if defined(__CUDACC__)
    asm volatile("mma.sync.aligned.m16n8k32.row.col.s32.s8.s8.s32 {%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, "
                 "{%0, %1, %2, %3};"
                 : "+r"(sum[0]), "+r"(sum[1]), "+r"(sum[2]), "+r"(sum[3])
                 : "r"(p[0]), "r"(p[1]), "r"(p[2]), "r"(p[3]), "r"(q[0]), "r"(q[1]));
#else
    emulation::mma_m16n8k32(sum, p, q);
#endif
}

/// The order of the channels in a product does not matter, so each thread takes the fragments of 32 channels from one
/// group of eight, instead of from the two places that the instruction's layout names. One tile after the other keeps
/// few sums in registers; where the number of groups is known, the target's fragments stay there as well.
template <int fixed_groups>
__device__ void multiply_rows(const Maps& target, const uint4* target_row, int t, const Maps& reference,
                              const uint4* reference_row, int r, Products& product)
{
    const int lane = threadIdx.x % 32;
    const int groups = fixed_groups > 0 ? fixed_groups : target.pixel_groups();
#pragma unroll
    for (int n = 0; n < products; ++n) {
        int high[4] = {}, middle[4] = {}, low[4] = {};
#pragma unroll
        for (int first = 0; first < groups; first += 4) {
            const int group = first + lane % 4;
            const uint4 top = load(target, target_row, t + lane / 4, group);
            const uint4 bottom = load(target, target_row, t + lane / 4 + 8, group);
            const uint4 q = load(reference, reference_row, r + 8 * n + lane / 4, group);
            const unsigned p_high[4] = {top.x, bottom.x, top.y, bottom.y};
            const unsigned p_low[4] = {top.z, bottom.z, top.w, bottom.w};
            const unsigned q_high[2] = {q.x, q.y}, q_low[2] = {q.z, q.w};
            multiply_tile(high, p_high, q_high);
            multiply_tile(middle, p_high, q_low);
            multiply_tile(middle, p_low, q_high);
            multiply_tile(low, p_low, q_low);
        }
#pragma unroll
        for (int i = 0; i < 4; ++i)
            product[n][i] = SplitSum::total(high[i], middle[i], low[i]);
    }
}

#endif

// ------------------------------------------------------------------------------------------------- best partners

__device__ unsigned rising_bits(float score)
{
    const unsigned bits = __float_as_uint(score);
    return (bits >> 31) != 0 ? ~bits : bits | 0x80000000u;
}

__device__ float score_of(Key key)
{
    const auto bits = static_cast<unsigned>(key >> 32);
    return __uint_as_float((bits >> 31) != 0 ? bits & 0x7fffffffu : ~bits);
}

__device__ Key make_key(float score, unsigned index)
{
    return static_cast<Key>(rising_bits(score)) << 32 | ~index;
}

/// What a score must reach to be worth an offer. It may be out of date, hence too low.
__device__ float threshold_of(const Key* key)
{
    const Key now = __ldcg(key);
    return now == 0 ? -INFINITY : score_of(now);
}

__device__ void offer(Key* best, Key key)
{
    if (key > __ldcg(best))
        atomicMax(best, key);
}

/// The best of one target pixel's scores, over the threads of its row.
__device__ void offer_forward(const ExactProblem& problem, Key* best, const float (&score)[square], int y, int x,
                              float threshold)
{
    Key key = 0;
#pragma unroll
    for (int j = 0; j < square; ++j)
        if (score[j] >= threshold) {
            const std::int64_t index = static_cast<std::int64_t>(y) * problem.reference.width + x + j;
            const Key candidate = make_key(score[j], static_cast<unsigned>(index));
            if (candidate > key && (problem.mask == nullptr || problem.mask[index] != 0))
                key = candidate;
        }
#pragma unroll
    for (int step = row_threads / 2; step > 0; step /= 2) {
        const Key other = __shfl_xor_sync(whole_warp, key, step);
        key = other > key ? other : key;
    }
    if (threadIdx.x % row_threads == 0 && key != 0)
        offer(best, key);
}

// ---------------------------------------------------------------------------------------------------- the walk

/// A patch's mean factor, by the rows and the columns of it that lie inside both maps. No columns stand for a pair that
/// the window is not responsible for: NaN, which no comparison lets through.
struct FactorTable {
    float of[6][8];
};

/// For each score of a thread's square the columns of its patch, in four bits: a row of the square is 16 bits.
struct Columns {
    unsigned of[square / 2];

    __device__ int at(int i, int j) const { return static_cast<int>(of[i / 2] >> (i % 2 * 16 + j * 4) & 0xfu); }
};

template <int radius>
__device__ Columns count_columns(const ExactProblem& problem, const Item& item, int first_t, int first_r)
{
    Columns columns{};
#pragma unroll
    for (int i = 0; i < square; ++i)
#pragma unroll
        for (int j = 0; j < square; ++j) {
            const int tx = item.target_first + first_t + i, rx = item.reference_first + first_r + j;
            const int left = smaller_of(radius, smaller_of(tx, rx));
            const int right =
                smaller_of(radius, smaller_of(problem.target.width - 1 - tx, problem.reference.width - 1 - rx));
            if (tx >= item.target_begin && tx < item.target_end && rx >= item.reference_begin &&
                rx < item.reference_end)
                columns.of[i / 2] |= static_cast<unsigned>(left + 1 + right) << (i % 2 * 16 + j * 4);
        }
    return columns;
}

/// Sums along the pixel diagonal, for a thread's square. column: the window's column sums, with `radius` rows of zeros
/// above and below.
template <int radius>
__device__ void sum_diagonally(const unsigned (*column)[row_stride], int first_t, int first_r,
                               unsigned (&sum)[square][square])
{
    const int place = threadIdx.x % row_threads;
#pragma unroll
    for (int row = -radius; row < square + radius; ++row) {
        const uint4 own = *reinterpret_cast<const uint4*>(&column[first_t + row + radius][first_r]);
        const unsigned values[square] = {own.x, own.y, own.z, own.w};
        unsigned around[square + 2 * radius];
#pragma unroll
        for (int j = 0; j < square; ++j)
            around[radius + j] = values[j];
#pragma unroll
        for (int d = 1; d <= radius; ++d) { // beyond the window there is nothing
            const unsigned before = __shfl_up_sync(whole_warp, values[square - d], 1, row_threads);
            const unsigned after = __shfl_down_sync(whole_warp, values[d - 1], 1, row_threads);
            around[radius - d] = place == 0 ? 0 : before;
            around[radius + square - 1 + d] = place == row_threads - 1 ? 0 : after;
        }
#pragma unroll
        for (int i = 0; i < square; ++i)
            if (row - i >= -radius && row - i <= radius)
#pragma unroll
                for (int j = 0; j < square; ++j)
                    sum[i][j] += around[j + radius + row - i];
    }
}

/// column: the sum of the rows before and the new one, which joins them in the place of the oldest.
template <int radius> __device__ void add_rows(const Products& product, Products* last, Products& column)
{
#pragma unroll
    for (int n = 0; n < products; ++n)
#pragma unroll
        for (int i = 0; i < 4; ++i) {
            column[n][i] = product[n][i];
#pragma unroll
            for (int k = 0; k < 2 * radius; ++k)
                column[n][i] += last[k][n][i];
#pragma unroll
            for (int k = 2 * radius - 1; k > 0; --k)
                last[k][n][i] = last[k - 1][n][i];
            if (radius > 0)
                last[0][n][i] = product[n][i];
        }
}

/// Shared memory. What one step writes the next but one writes again: one barrier a step keeps them apart.
template <int radius> struct Buffer {
    alignas(16) unsigned column[window + 2 * radius][row_stride];
    alignas(16) float forward[window]; // thresholds
    alignas(16) float reverse[window];
};

template <int radius, bool with_reverse>
__device__ void score_rows(const ExactProblem& problem, const Item& item, const Buffer<radius>& buffer, int ty,
                           const float* factors, const Columns& columns)
{
    const int first_t = static_cast<int>(threadIdx.x) / row_threads * square;
    const int first_r = static_cast<int>(threadIdx.x) % row_threads * square;
    const int ry = ty + item.diagonal, rx = item.reference_first + first_r;
    unsigned sum[square][square] = {};
    sum_diagonally<radius>(buffer.column, first_t, first_r, sum);
    float of_reference[square];
#pragma unroll
    for (int j = 0; j < square; ++j)
        of_reference[j] = with_reverse ? buffer.reverse[first_r + j] : 0.0f;
#pragma unroll
    for (int i = 0; i < square; ++i) {
        const int tx = item.target_first + first_t + i;
        const float of_target = buffer.forward[first_t + i];
        float score[square];
        bool forward_hit = false, reverse_hit = false;
#pragma unroll
        for (int j = 0; j < square; ++j) {
            score[j] = __fmul_rn(__int2float_rn(static_cast<int>(sum[i][j])), factors[columns.at(i, j)]);
            forward_hit |= score[j] >= of_target;
            reverse_hit |= score[j] >= of_reference[j];
        }
        const std::int64_t pixel =
            item.map * problem.target.pixels() + static_cast<std::int64_t>(ty) * problem.target.width + tx;
        if (__any_sync(whole_warp, forward_hit))
            offer_forward(problem, problem.forward + pixel, score, ry, rx, of_target);
        if (with_reverse && reverse_hit) {
            const auto index = static_cast<unsigned>(static_cast<std::int64_t>(ty) * problem.target.width + tx);
            Key* best = problem.reverse + item.map * problem.reference.pixels() +
                        static_cast<std::int64_t>(ry) * problem.reference.width + rx;
#pragma unroll
            for (int j = 0; j < square; ++j)
                if (score[j] >= of_reference[j]) {
                    of_reference[j] = score[j];
                    offer(best + j, make_key(score[j], index));
                }
        }
    }
}

/// The threshold that this thread fetches for its block: the first 64 threads those of the target row, the next 64
/// those of the reference row.
template <bool with_reverse> __device__ float fetch_threshold(const ExactProblem& problem, const Item& item, int ty)
{
    const int x = threadIdx.x % window;
    if (threadIdx.x < window && item.target_first + x < problem.target.width)
        return threshold_of(problem.forward + item.map * problem.target.pixels() +
                            static_cast<std::int64_t>(ty) * problem.target.width + item.target_first + x);
    if (with_reverse && threadIdx.x >= window && threadIdx.x < 2 * window &&
        item.reference_first + x < problem.reference.width)
        return threshold_of(problem.reverse + item.map * problem.reference.pixels() +
                            static_cast<std::int64_t>(ty + item.diagonal) * problem.reference.width +
                            item.reference_first + x);
    return 0.0f; // of no pixel
}

template <int radius, bool with_reverse, int fixed_groups>
__device__ void walk_diagonal(const ExactProblem& problem, const FactorTable& factors, const Item& item,
                              Buffer<radius>* buffers, int& parity)
{
    const int lane = threadIdx.x % 32, warp = threadIdx.x / 32;
    const int warp_t = warp / 2 * 16, warp_r = warp % 2 * 32;
    const bool warp_there =
        item.target_first + warp_t < problem.target.width && item.reference_first + warp_r < problem.reference.width;
    const bool warp_scores = item.target_first + warp * 32 / row_threads * square < problem.target.width;
    const int start = larger_of(0, -item.diagonal);
    const int end = smaller_of(problem.target.height, problem.reference.height - item.diagonal);
    Products last[radius > 0 ? 2 * radius : 1] = {}; // the products of the rows before, newest first
    const Columns columns = count_columns<radius>(problem, item, static_cast<int>(threadIdx.x) / row_threads * square,
                                                  static_cast<int>(threadIdx.x) % row_threads * square);
    for (int step = start; step < end + radius; ++step) {
        const int ty = step - radius;
        const bool complete = ty >= start;
        const float threshold = complete ? fetch_threshold<with_reverse>(problem, item, ty) : 0.0f;
        Products product = {};
        if (step < end && warp_there)
            multiply_rows<fixed_groups>(problem.target, problem.target.row(item.map, step), item.target_first + warp_t,
                                        problem.reference, problem.reference.row(item.map, step + item.diagonal),
                                        item.reference_first + warp_r, product);
        Products column;
        add_rows<radius>(product, last, column);
        if (!complete)
            continue;
        parity ^= 1;
        Buffer<radius>& buffer = buffers[parity];
#pragma unroll
        for (int n = 0; n < products; ++n)
#pragma unroll
            for (int half = 0; half < 2; ++half)
                *reinterpret_cast<uint2*>(
                    &buffer.column[radius + warp_t + lane / 4 + 8 * half][warp_r + 8 * n + lane % 4 * 2]) =
                    make_uint2(column[n][2 * half], column[n][2 * half + 1]);
        if (threadIdx.x < window)
            buffer.forward[threadIdx.x] = threshold;
        else if (threadIdx.x < 2 * window)
            buffer.reverse[threadIdx.x - window] = threshold;
        __syncthreads();
        const int rows = smaller_of(end - 1, ty + radius) - larger_of(start, ty - radius) + 1;
        if (warp_scores)
            score_rows<radius, with_reverse>(problem, item, buffer, ty, factors.of[rows], columns);
    }
}

template <int radius, bool with_reverse, int fixed_groups>
__global__ void __launch_bounds__(block_threads, radius == 2 ? 1 : 2)
    exact_search_kernel(const __grid_constant__ Walk walk)
{
    __shared__ Buffer<radius> buffers[2];
    __shared__ FactorTable factors;
    if (threadIdx.x < 6 * 8) {
        const int rows = threadIdx.x / 8, columns = threadIdx.x % 8;
        const bool possible = columns > 0 && columns <= 5;
        factors.of[rows][columns] = possible ? walk.problem.factors.of[rows * columns] : NAN;
    }
    for (int i = threadIdx.x; i < 2 * radius * row_stride; i += block_threads) {
        const int row = i / row_stride, y = row < radius ? row : window + row;
        buffers[0].column[y][i % row_stride] = 0;
        buffers[1].column[y][i % row_stride] = 0;
    }
    int parity = 0;
    for (std::int64_t index = blockIdx.x; index < walk.items; index += gridDim.x)
        walk_diagonal<radius, with_reverse, fixed_groups>(walk.problem, factors, item_at(walk, index), buffers, parity);
}

/// fixed_groups: of a pixel, where a kernel of its own pays; 0: any number.
template <int radius, int fixed_groups> void launch_search(const Walk& walk, cudaStream_t stream)
{
    const std::int64_t blocks = walk.items < INT_MAX ? walk.items : INT_MAX;
    const auto kernel = walk.problem.reverse != nullptr ? exact_search_kernel<radius, true, fixed_groups>
                                                        : exact_search_kernel<radius, false, fixed_groups>;
    launch("exact search", kernel, blocks * block_threads, stream, walk);
}

__global__ void __launch_bounds__(block_threads)
    read_keys_kernel(const Key* keys, std::int64_t count, int width, PackedCoordinate* match, float* score)
{
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * block_threads + threadIdx.x;
    if (i >= count)
        return;
    const unsigned index = ~static_cast<unsigned>(keys[i]), columns = static_cast<unsigned>(width);
    match[i] = pack(static_cast<int>(index / columns) & 0xffff, static_cast<int>(index % columns));
    score[i] = score_of(keys[i]);
}

} // namespace

void exact_search(const ExactProblem& problem, cudaStream_t stream)
{
    const Windows target(problem.target.width, problem.radius), reference(problem.reference.width, problem.radius);
    const std::int64_t diagonals = static_cast<std::int64_t>(problem.target.height) + problem.reference.height - 1;
    const Walk walk{problem, target, reference, diagonals * target.count * reference.count * problem.target.count};
    if (problem.radius == 0)
        launch_search<0, 0>(walk, stream);
    else if (problem.radius == 1 && problem.target.channels == 64)
        launch_search<1, 8>(walk, stream);
    else if (problem.radius == 1)
        launch_search<1, 0>(walk, stream);
    else
        launch_search<2, 0>(walk, stream);
}

void read_keys(const Key* keys, std::int64_t count, int width, PackedCoordinate* match, float* score,
               cudaStream_t stream)
{
    launch("reading the best matches", read_keys_kernel, count, stream, keys, count, width, match, score);
}

} // namespace chromatch::cuda
