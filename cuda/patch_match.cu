// SPDX-License-Identifier: GPL-3.0-or-later
//
// PatchMatch; engine/matching/patch_match_schedule.h and half_sweep() in correlation_kernels.inc say what is tried and
// in which order. One launch does a half sweep of all maps of a batch. Eight threads (a team) share a pixel: each takes
// every eighth group of eight channels. The teams of a warp go through the candidates in step.
#include "device.h"
#include "matching/patch_match_schedule.h"

namespace chromatch::cuda {
namespace {

constexpr int team = 8;

/// The fast case: a pixel has a group for each thread of a team, and a patch fits in registers.
constexpr int cached_radius = 1;
constexpr int cached_channels = 64;

struct Sweep {
    SearchProblem problem;
    int jumps[schedule::jump_count]; // the device cannot index the host's constant
    int colour;                      // -1: the start, which is all pixels
    std::uint32_t random_seed;
};

/// A team's pixel. Teams beyond the last pixel go along without one.
struct Place {
    bool there;
    int map, y, x;
    std::int64_t pixel; // within the map
};

__device__ Place place_of(const Sweep& sweep)
{
    const Maps& target = sweep.problem.target;
    const std::int64_t slot = (static_cast<std::int64_t>(blockIdx.x) * block_threads + threadIdx.x) / team;
    const int columns = sweep.colour < 0 ? target.width : (target.width + 1) / 2;
    const std::int64_t row = slot / columns;
    const int column = static_cast<int>(slot % columns);
    Place place;
    place.map = static_cast<int>(row / target.height);
    place.y = static_cast<int>(row % target.height);
    place.x = sweep.colour < 0 ? column : 2 * column + ((place.y + sweep.colour) & 1);
    place.there = place.map < target.count && place.x < target.width;
    place.pixel = static_cast<std::int64_t>(place.y) * target.width + place.x;
    return place;
}

/// Scores candidates of one target pixel. Every thread of a warp must call score() together; only the teams whose
/// `wanted` is true have a result.
template <int radius> class AnyPatch {
  public:
    __device__ AnyPatch(const SearchProblem& problem, const Place& place) : problem_(problem), place_(place) {}

    __device__ unsigned part_of_sum(bool wanted, int ry, int rx) const
    {
        SplitSum sum;
        if (!wanted)
            return 0;
        const Maps& target = problem_.target;
        const Maps& reference = problem_.reference;
        const int groups = target.pixel_groups();
        for (int dy = -radius; dy <= radius; ++dy)
            for (int dx = -radius; dx <= radius; ++dx) {
                const int y = place_.y + dy, x = place_.x + dx, qy = ry + dy, qx = rx + dx;
                if (y < 0 || y >= target.height || x < 0 || x >= target.width || qy < 0 || qy >= reference.height ||
                    qx < 0 || qx >= reference.width)
                    continue;
                const uint4* p = target.row(place_.map, y) + static_cast<std::int64_t>(x) * groups;
                const uint4* q = reference.row(place_.map, qy) + static_cast<std::int64_t>(qx) * groups;
                for (int group = threadIdx.x % team; group < groups; group += team)
                    sum.add(p[group], q[group]);
            }
        return sum.total();
    }

  private:
    const SearchProblem& problem_;
    const Place& place_;
};

/// The same with the target's patch in registers.
class CachedPatch {
  public:
    __device__ CachedPatch(const SearchProblem& problem, const Place& place)
        : reference_(problem.reference), map_(place.map)
    {
        const Maps& target = problem.target;
#pragma unroll
        for (int i = 0; i < size; ++i) {
            const int y = place.y + i / width - cached_radius, x = place.x + i % width - cached_radius;
            const bool inside = place.there && y >= 0 && y < target.height && x >= 0 && x < target.width;
            patch_[i] = inside ? target.row(place.map, y)[static_cast<std::int64_t>(x) * team + threadIdx.x % team]
                               : make_uint4(0, 0, 0, 0);
        }
    }

    __device__ unsigned part_of_sum(bool wanted, int ry, int rx) const
    {
        SplitSum sum;
        const std::int64_t row = static_cast<std::int64_t>(reference_.width) * team;
        const uint4* middle = reference_.row(map_, ry) + static_cast<std::int64_t>(rx) * team + threadIdx.x % team;
#pragma unroll
        for (int i = 0; i < size; ++i) {
            const int dy = i / width - cached_radius, dx = i % width - cached_radius;
            const bool inside =
                wanted && ry + dy >= 0 && ry + dy < reference_.height && rx + dx >= 0 && rx + dx < reference_.width;
            sum.add(patch_[i], inside ? middle[dy * row + dx * team] : make_uint4(0, 0, 0, 0));
        }
        return sum.total();
    }

  private:
    static constexpr int width = 2 * cached_radius + 1, size = width * width;
    const Maps& reference_;
    int map_;
    uint4 patch_[size];
};

/// The mean correlation of the patches at `place` and (ry, rx).
template <int radius, class Patch>
__device__ float score(const SearchProblem& problem, const Place& place, const Patch& patch, bool wanted, int ry,
                       int rx)
{
    unsigned sum = patch.part_of_sum(wanted, ry, rx);
#pragma unroll
    for (int step = team / 2; step > 0; step /= 2)
        sum += __shfl_xor_sync(whole_warp, sum, step);
    const Maps& target = problem.target;
    const Maps& reference = problem.reference;
    const int top = smaller_of(radius, smaller_of(place.y, ry)), left = smaller_of(radius, smaller_of(place.x, rx));
    const int bottom = smaller_of(radius, smaller_of(target.height - 1 - place.y, reference.height - 1 - ry));
    const int right = smaller_of(radius, smaller_of(target.width - 1 - place.x, reference.width - 1 - rx));
    const int count = wanted ? (top + 1 + bottom) * (left + 1 + right) : 0;
    return __fmul_rn(__int2float_rn(static_cast<int>(sum)), problem.factors.of[count]);
}

__device__ bool may_match(const SearchProblem& problem, int y, int x)
{
    return y >= 0 && y < problem.reference.height && x >= 0 && x < problem.reference.width &&
           (problem.mask == nullptr || problem.mask[static_cast<std::int64_t>(y) * problem.reference.width + x] != 0);
}

template <int radius, class Patch>
__device__ void try_match(const SearchProblem& problem, const Place& place, const Patch& patch, bool wanted, int ry,
                          int rx, PackedCoordinate& match, float& best)
{
    wanted = wanted && !(ry == row_of(match) && rx == column_of(match)) && may_match(problem, ry, rx);
    if (!__any_sync(whole_warp, wanted))
        return;
    const float value = score<radius>(problem, place, patch, wanted, ry, rx);
    if (wanted && value > best) {
        best = value;
        match = pack(ry, rx);
    }
}

__device__ PackedCoordinate random_allowed(const SearchProblem& problem, schedule::Random& random)
{
    const std::uint32_t index = problem.allowed[schedule::below(random.next(), *problem.allowed_count)];
    const auto width = static_cast<std::uint32_t>(problem.reference.width);
    return pack(static_cast<int>(index / width), static_cast<int>(index % width));
}

__device__ PackedCoordinate start_of(const Sweep& sweep, const Place& place)
{
    const SearchProblem& problem = sweep.problem;
    const Maps& target = problem.target;
    const Maps& reference = problem.reference;
    if (problem.initial != nullptr || problem.coarse != nullptr) {
        PackedCoordinate match;
        if (problem.initial != nullptr) {
            match = problem.initial[place.map * target.pixels() + place.pixel];
        } else {
            const std::int64_t rows = (target.height + 1) / 2;
            const std::int64_t columns = (target.width + 1) / 2;
            const PackedCoordinate from = problem.coarse[(place.map * rows + place.y / 2) * columns + place.x / 2];
            match = pack(smaller_of(row_of(from) * 2 + place.y % 2, reference.height - 1),
                         smaller_of(column_of(from) * 2 + place.x % 2, reference.width - 1));
        }
        if (may_match(problem, row_of(match), column_of(match)))
            return match;
    }
    schedule::Random random(sweep.random_seed, static_cast<std::uint32_t>(place.pixel));
    if (problem.mask != nullptr)
        return random_allowed(problem, random);
    const std::uint32_t bits = random.next();
    return pack(static_cast<int>(schedule::upper_below(bits, reference.height)),
                static_cast<int>(schedule::lower_below(bits, reference.width)));
}

/// The matches that the search starts from, and their scores.
template <int radius, class Patch>
__global__ void __launch_bounds__(block_threads) start_kernel(const __grid_constant__ Sweep sweep)
{
    const Place place = place_of(sweep);
    const PackedCoordinate match = place.there ? start_of(sweep, place) : 0;
    const Patch patch(sweep.problem, place);
    const float value = score<radius>(sweep.problem, place, patch, place.there, row_of(match), column_of(match));
    if (place.there && threadIdx.x % team == 0) {
        const std::int64_t pixel = place.map * sweep.problem.target.pixels() + place.pixel;
        sweep.problem.match[pixel] = match;
        sweep.problem.score[pixel] = value;
    }
}

template <int radius, class Patch>
__global__ void __launch_bounds__(block_threads) half_sweep_kernel(const __grid_constant__ Sweep sweep)
{
    const SearchProblem& problem = sweep.problem;
    const Maps& target = problem.target;
    const Maps& reference = problem.reference;
    const Place place = place_of(sweep);
    const std::int64_t pixel = place.map * target.pixels() + place.pixel;
    const Patch patch(problem, place);
    PackedCoordinate match = place.there ? problem.match[pixel] : 0;
    float best = place.there ? problem.score[pixel] : 0.0f;
#pragma unroll
    for (int jump = 0; jump < schedule::jump_count; ++jump)
        for (int direction = 0; direction < 4; ++direction) {
            const int step = direction % 2 == 0 ? -sweep.jumps[jump] : sweep.jumps[jump];
            const int dy = direction < 2 ? step : 0, dx = direction < 2 ? 0 : step;
            const bool inside = place.there && place.y + dy >= 0 && place.y + dy < target.height && place.x + dx >= 0 &&
                                place.x + dx < target.width;
            const PackedCoordinate other =
                inside ? problem.match[pixel + static_cast<std::int64_t>(dy) * target.width + dx] : 0;
            try_match<radius>(problem, place, patch, inside, row_of(other) - dy, column_of(other) - dx, match, best);
        }
    schedule::Random random(sweep.random_seed, static_cast<std::uint32_t>(place.pixel));
    const int largest = larger_of(reference.height, reference.width);
    for (int reach = largest; reach >= 1; reach /= 2) {
        PackedCoordinate candidate;
        if (reach == largest && problem.mask != nullptr) {
            candidate = random_allowed(problem, random);
        } else {
            const int y = row_of(match), x = column_of(match);
            const int top = larger_of(0, y - reach), left = larger_of(0, x - reach);
            const int bottom = smaller_of(reference.height - 1, y + reach);
            const int right = smaller_of(reference.width - 1, x + reach);
            const std::uint32_t bits = random.next();
            candidate = pack(top + static_cast<int>(schedule::upper_below(bits, bottom - top + 1)),
                             left + static_cast<int>(schedule::lower_below(bits, right - left + 1)));
        }
        try_match<radius>(problem, place, patch, place.there, row_of(candidate), column_of(candidate), match, best);
    }
    if (place.there && threadIdx.x % team == 0) {
        problem.match[pixel] = match;
        problem.score[pixel] = best;
    }
}

__global__ void __launch_bounds__(block_threads) to_distances_kernel(float* score, std::int64_t count)
{
    const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * block_threads + threadIdx.x;
    if (i < count)
        score[i] = distance_of(score[i]);
}

template <int radius, class Patch> void search(Sweep sweep, cudaStream_t stream)
{
    const SearchProblem& problem = sweep.problem;
    const Maps& target = problem.target;
    const std::int64_t rows = static_cast<std::int64_t>(target.count) * target.height;
    sweep.colour = -1;
    sweep.random_seed = schedule::sweep_seed(problem.seed, 0);
    launch("starting PatchMatch", start_kernel<radius, Patch>, rows * target.width * team, stream, sweep);
    for (int i = 0; i < 2 * problem.iterations; ++i) {
        sweep.colour = i % 2;
        sweep.random_seed = schedule::sweep_seed(problem.seed, static_cast<std::uint32_t>(i) + 1);
        launch("a half sweep of PatchMatch", half_sweep_kernel<radius, Patch>, rows * ((target.width + 1) / 2) * team,
               stream, sweep);
    }
}

} // namespace

void patch_match(const SearchProblem& problem, cudaStream_t stream)
{
    Sweep sweep{problem, {}, 0, 0};
    for (int i = 0; i < schedule::jump_count; ++i)
        sweep.jumps[i] = schedule::jumps[i];
    if (problem.radius == cached_radius && problem.target.channels == cached_channels)
        search<cached_radius, CachedPatch>(sweep, stream);
    else if (problem.radius == 0)
        search<0, AnyPatch<0>>(sweep, stream);
    else if (problem.radius == 1)
        search<1, AnyPatch<1>>(sweep, stream);
    else
        search<2, AnyPatch<2>>(sweep, stream);
}

void to_distances(float* score, std::int64_t count, cudaStream_t stream)
{
    launch("computing the distances", to_distances_kernel, count, stream, score, count);
}

} // namespace chromatch::cuda
