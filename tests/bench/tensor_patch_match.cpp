// SPDX-License-Identifier: GPL-3.0-or-later
#include "tensor_patch_match.h"

#include "matching/parallel.h"

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <c10/core/InferenceMode.h>

#include <algorithm>

namespace chromatch {

namespace {

constexpr int directions = 4;
constexpr int steps[directions][2] = {{-1, 0}, {1, 0}, {0, -1}, {0, 1}};

/// Coordinates of one candidate for each pixel: int64, N x h x w.
struct Candidates {
    at::Tensor y, x;
};

class Search {
  public:
    Search(const FeatureBatch& target, const FeatureBatch& reference, const MatchOptions& options)
        : count_(target.count), height_(target.height), width_(target.width), radius_(options.patch / 2),
          target_(rows(target)), reference_(rows(reference)), y_(at::arange(height_, at::kLong).view({1, -1, 1})),
          x_(at::arange(width_, at::kLong).view({1, 1, -1})),
          first_row_((at::arange(count_, at::kLong) * (height_ * width_)).view({-1, 1, 1}))
    {
        at::manual_seed(options.seed);
        best_ = {at::randint(height_, {count_, height_, width_}, at::kLong),
                 at::randint(width_, {count_, height_, width_}, at::kLong)};
        distance_ = distance(best_);
    }

    void iterate()
    {
        for (const auto& [dy, dx] : steps)
            try_candidates({best_.y.roll({-dy, -dx}, {1, 2}) - dy, best_.x.roll({-dy, -dx}, {1, 2}) - dx});
        for (int64_t reach = std::max(height_, width_); reach >= 1; reach /= 2)
            try_candidates({best_.y + at::randint(-reach, reach + 1, best_.y.sizes(), at::kLong),
                            best_.x + at::randint(-reach, reach + 1, best_.x.sizes(), at::kLong)});
    }

    NearestNeighbourField field(int map) const
    {
        const at::Tensor y = best_.y[map].contiguous(), x = best_.x[map].contiguous();
        const at::Tensor distance = distance_[map].contiguous();
        NearestNeighbourField result{static_cast<int>(height_), static_cast<int>(width_), {}, {}};
        for (int64_t i = 0; i < height_ * width_; ++i)
            result.match.push_back({static_cast<std::uint16_t>(y.data_ptr<int64_t>()[i]),
                                    static_cast<std::uint16_t>(x.data_ptr<int64_t>()[i])});
        result.distance.assign(distance.data_ptr<float>(), distance.data_ptr<float>() + height_ * width_);
        return result;
    }

  private:
    /// A row of channels for each pixel of the batch.
    static at::Tensor rows(const FeatureBatch& maps)
    {
        return at::from_blob(const_cast<float*>(maps.values),
                             {static_cast<int64_t>(maps.count * maps.pixels()), maps.channels}, at::kFloat);
    }

    at::Tensor inside(const at::Tensor& y, const at::Tensor& x) const
    {
        return (y >= 0) & (y < height_) & (x >= 0) & (x < width_);
    }

    at::Tensor row_index(const at::Tensor& y, const at::Tensor& x) const
    {
        const at::Tensor in_map = y.clamp(0, height_ - 1) * width_ + x.clamp(0, width_ - 1);
        return (first_row_ + in_map).flatten();
    }

    at::Tensor distance(const Candidates& match) const
    {
        at::Tensor sum = at::zeros({count_, height_, width_}), pixels = at::zeros_like(sum);
        for (int dy = -radius_; dy <= radius_; ++dy)
            for (int dx = -radius_; dx <= radius_; ++dx) {
                const at::Tensor here = target_.index_select(0, row_index(y_ + dy, x_ + dx));
                const at::Tensor there = reference_.index_select(0, row_index(match.y + dy, match.x + dx));
                const at::Tensor counts =
                    (inside(y_ + dy, x_ + dx) & inside(match.y + dy, match.x + dx)).to(at::kFloat);
                sum += (here * there).sum(1).view_as(sum) * counts;
                pixels += counts;
            }
        return 2.0 - 2.0 * sum / pixels;
    }

    void try_candidates(const Candidates& wanted)
    {
        const Candidates candidate{wanted.y.clamp(0, height_ - 1), wanted.x.clamp(0, width_ - 1)};
        const at::Tensor value = distance(candidate), better = value < distance_;
        best_ = {at::where(better, candidate.y, best_.y), at::where(better, candidate.x, best_.x)};
        distance_ = at::where(better, value, distance_);
    }

    int64_t count_, height_, width_;
    int radius_;
    at::Tensor target_, reference_; // (N h w) x C
    at::Tensor y_, x_, first_row_;  // of the pixels; each map's first row
    Candidates best_;
    at::Tensor distance_; // N x h x w
};

} // namespace

Matches tensor_patch_match(const FeatureBatch& target, const FeatureBatch& reference, const MatchOptions& options)
{
    const c10::InferenceMode inference;
    at::set_num_threads(thread_count(options.threads, 1 << 16));
    Search search(target, reference, options);
    for (int i = 0; i < options.iterations; ++i)
        search.iterate();
    Matches matches;
    for (int map = 0; map < target.count; ++map)
        matches.forward.push_back(search.field(map));
    return matches;
}

int tensor_patch_match_candidates(int height, int width, int iterations)
{
    int reaches = 0;
    for (int reach = std::max(height, width); reach >= 1; reach /= 2)
        ++reaches;
    return 1 + iterations * (directions + reaches);
}

} // namespace chromatch
