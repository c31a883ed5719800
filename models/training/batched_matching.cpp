// SPDX-License-Identifier: GPL-3.0-or-later
#include "training/batched_matching.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include <torch/torch.h>

#include "matching/guide.h"
#include "matching/parallel.h"
#include "matching/voting.h"

namespace chromatch {

namespace F = torch::nn::functional;

namespace {

constexpr int64_t radius = guide_patch / 2;
/// Scores that are in memory at once: 2^28 half-precision numbers are 512 MiB, and a few copies of them.
constexpr int64_t scores_at_once = int64_t(1) << 28;

/// For two lines of `length` pixels, how many of a patch's offsets lie inside both: length x length.
torch::Tensor shared_offsets(int64_t length, torch::Device device)
{
    const torch::Tensor line = torch::arange(length, torch::TensorOptions().device(device));
    torch::Tensor count = torch::zeros({length, length}, torch::TensorOptions().device(device));
    for (int64_t d = -radius; d <= radius; d++) {
        const torch::Tensor inside = (line + d >= 0) & (line + d < length);
        count += (inside.unsqueeze(1) & inside.unsqueeze(0)).to(torch::kFloat32);
    }
    return count;
}

/// The factor that makes a sum over a shortened patch a mean: (h w) x (h w).
torch::Tensor patch_factors(int64_t height, int64_t width, torch::Device device)
{
    const torch::Tensor rows = shared_offsets(height, device), columns = shared_offsets(width, device);
    return 1.0 / (rows.view({height, 1, height, 1}) * columns.view({1, width, 1, width}))
                     .reshape({height * width, height * width});
}

/// map (N x C x h x w) at positions (N x p): N x C x p.
torch::Tensor gather(const torch::Tensor& map, const torch::Tensor& position)
{
    return map.flatten(2).gather(2, position.unsqueeze(1).expand({-1, map.size(1), -1}));
}

torch::Tensor channel_dot(const torch::Tensor& x, const torch::Tensor& y)
{
    return (x * y).sum(1, true);
}

/// Distance of the patches around each pixel of `target` and its match, in [0, 4]: N x 1 x h x w.
torch::Tensor patch_distance(const torch::Tensor& target, const torch::Tensor& reference, const torch::Tensor& field)
{
    const int64_t height = target.size(2), width = target.size(3);
    const auto options = torch::TensorOptions().dtype(torch::kInt64).device(target.device());
    const torch::Tensor y = torch::arange(height, options).view({1, -1, 1});
    const torch::Tensor x = torch::arange(width, options).view({1, 1, -1});
    const torch::Tensor match = field.view({-1, height, width});
    const torch::Tensor match_y = torch::floor_divide(match, width), match_x = torch::remainder(match, width);
    torch::Tensor sum = torch::zeros({target.size(0), 1, height, width}, target.options()), count = sum.clone();
    for (int64_t dy = -radius; dy <= radius; dy++) {
        for (int64_t dx = -radius; dx <= radius; dx++) {
            const torch::Tensor inside = (y + dy >= 0) & (y + dy < height) & (x + dx >= 0) & (x + dx < width) &
                                         (match_y + dy >= 0) & (match_y + dy < height) & (match_x + dx >= 0) &
                                         (match_x + dx < width);
            const torch::Tensor here = ((y + dy).clamp(0, height - 1) * width + (x + dx).clamp(0, width - 1))
                                           .expand({target.size(0), -1, -1})
                                           .flatten(1);
            const torch::Tensor there =
                ((match_y + dy).clamp(0, height - 1) * width + (match_x + dx).clamp(0, width - 1)).flatten(1);
            const torch::Tensor weight = inside.to(torch::kFloat32).unsqueeze(1);
            sum += channel_dot(gather(target, here), gather(reference, there)).view_as(sum) * weight;
            count += weight;
        }
    }
    return 2.0 - 2.0 * sum / count;
}

torch::Tensor cycle_confidence(const BatchedFields& fields, int64_t height, int64_t width)
{
    const torch::Tensor back = fields.reverse.gather(1, fields.forward);
    const torch::Tensor here =
        torch::arange(height * width, torch::TensorOptions().dtype(torch::kInt64).device(back.device())).unsqueeze(0);
    const torch::Tensor dy = (torch::floor_divide(back, width) - torch::floor_divide(here, width)).to(torch::kFloat32);
    const torch::Tensor dx = (torch::remainder(back, width) - torch::remainder(here, width)).to(torch::kFloat32);
    return torch::exp((dy * dy + dx * dx) * (-1.0 / (2.0 * guide_sigma * guide_sigma))).view({-1, 1, height, width});
}

BatchedGuides make_guides_with_engine(const torch::Tensor& target, const torch::Tensor& reference,
                                      const torch::Tensor& target_chroma, const torch::Tensor& reference_chroma,
                                      const torch::Tensor& modes, uint64_t seed)
{
    const int count = static_cast<int>(modes.size(0));
    const int height = static_cast<int>(target.size(2)), width = static_cast<int>(target.size(3));
    const std::size_t pixels = static_cast<std::size_t>(height) * width;
    const torch::Tensor target_map = target.permute({0, 2, 3, 1}).contiguous();
    const torch::Tensor reference_map = reference.permute({0, 2, 3, 1}).contiguous();
    const torch::Tensor own = target_chroma.contiguous();
    const torch::Tensor warped = reference_chroma.clone(torch::MemoryFormat::Contiguous);
    torch::Tensor planes = torch::zeros({count, guide_channels, height, width});
    const int64_t* mode = modes.data_ptr<int64_t>();
    const float* target_values = target_map.data_ptr<float>();
    const float* reference_values = reference_map.data_ptr<float>();
    const float* own_chroma = own.data_ptr<float>();
    float* chroma_values = warped.data_ptr<float>();
    float* plane_values = planes.data_ptr<float>();
    parallel_for(count, 1, 0, [&](int first, int last) {
        for (int i = first; i < last; i++) {
            if (mode[i] == no_reference)
                continue;
            const FeatureMap from{target_values + i * pixels * pair_channels, height, width, pair_channels};
            const FeatureMap to{reference_values + i * pixels * pair_channels, height, width, pair_channels};
            float* chroma = chroma_values + i * 2 * pixels;
            Guide guide = make_guide(from, to, chroma, nullptr, seed + i, 1);
            if (mode[i] == two_way_warp) {
                const std::vector<float> there =
                    vote(guide.reverse, own_chroma + i * 2 * pixels, 2, height, width, guide_patch);
                std::copy(there.begin(), there.end(), chroma);
                const std::vector<float> back = vote(guide.forward, chroma, 2, height, width, guide_patch);
                std::copy(back.begin(), back.end(), guide.planes.begin() + guide_warp_a * pixels);
            }
            std::copy(guide.planes.begin(), guide.planes.end(), plane_values + i * guide_channels * pixels);
        }
    });
    return {planes, warped};
}

} // namespace

BatchedFields match_tensors(const torch::Tensor& target, const torch::Tensor& reference)
{
    const int64_t count = target.size(0), height = target.size(2), width = target.size(3), pixels = height * width;
    const bool on_device = target.is_cuda();
    const auto precision = on_device ? torch::kFloat16 : torch::kFloat32;
    const torch::Tensor factors = patch_factors(height, width, target.device()).to(precision).unsqueeze(0);
    const auto patches = [&](const torch::Tensor& map) {
        return F::unfold(map.to(precision), F::UnfoldFuncOptions(guide_patch).padding(radius));
    };
    const int64_t chunk = std::max<int64_t>(1, scores_at_once / (pixels * pixels));
    std::vector<torch::Tensor> forward, reverse;
    for (int64_t begin = 0; begin < count; begin += chunk) {
        const int64_t length = std::min(chunk, count - begin);
        torch::Tensor scores = torch::bmm(patches(target.narrow(0, begin, length)).transpose(1, 2),
                                          patches(reference.narrow(0, begin, length)));
        scores.mul_(factors);
        forward.push_back(scores.argmax(2));
        reverse.push_back(scores.argmax(1));
    }
    return {torch::cat(forward), torch::cat(reverse)};
}

torch::Tensor vote_tensors(const torch::Tensor& field, const torch::Tensor& values)
{
    const int64_t height = values.size(2), width = values.size(3);
    const torch::Tensor match = field.view({-1, height, width});
    const torch::Tensor match_y = torch::floor_divide(match, width), match_x = torch::remainder(match, width);
    torch::Tensor sum = torch::zeros_like(values), count = torch::zeros_like(values.narrow(1, 0, 1));
    for (int64_t dy = -radius; dy <= radius; dy++) {
        for (int64_t dx = -radius; dx <= radius; dx++) {
            // The neighbour at (y + dy, x + dx) votes with the pixel at its match - (dy, dx).
            const auto shifted = [&](const torch::Tensor& coordinate, int64_t d) {
                return torch::constant_pad_nd(coordinate, {radius, radius, radius, radius}, -1000)
                           .narrow(1, radius + dy, height)
                           .narrow(2, radius + dx, width) -
                       d;
            };
            const torch::Tensor y = shifted(match_y, dy), x = shifted(match_x, dx);
            const torch::Tensor inside = (y >= 0) & (y < height) & (x >= 0) & (x < width);
            const torch::Tensor weight = inside.to(torch::kFloat32).unsqueeze(1);
            const torch::Tensor index = (y.clamp(0, height - 1) * width + x.clamp(0, width - 1)).flatten(1);
            sum += gather(values, index).view_as(values) * weight;
            count += weight;
        }
    }
    return sum / count;
}

BatchedGuides make_guides_with_tensors(const torch::Tensor& target, const torch::Tensor& reference,
                                       const torch::Tensor& target_chroma, const torch::Tensor& reference_chroma,
                                       const torch::Tensor& modes)
{
    const int64_t count = target.size(0), height = target.size(2), width = target.size(3);
    const BatchedFields fields = match_tensors(target, reference);
    const auto map = [&](const torch::Tensor& values) { return values.view({count, -1, height, width}); };
    const torch::Tensor mode = modes.to(target.device()).view({-1, 1, 1, 1});

    const torch::Tensor there_and_back = vote_tensors(fields.reverse, target_chroma);
    BatchedGuides guides;
    guides.reference = torch::where(mode == static_cast<int64_t>(two_way_warp), there_and_back, reference_chroma);
    std::vector<torch::Tensor> planes = {vote_tensors(fields.forward, guides.reference)};
    const torch::Tensor matched = map(gather(reference, fields.forward));
    int64_t channel = 0;
    for (int channels : match_channels) {
        planes.push_back(channel_dot(target.narrow(1, channel, channels), matched.narrow(1, channel, channels)) *
                         (match_level_count / fused_share));
        channel += channels;
    }
    const torch::Tensor reverse_distance = patch_distance(reference, target, fields.reverse);
    planes.push_back(1.0 - 0.5 * map(gather(reverse_distance, fields.forward)));
    planes.push_back(cycle_confidence(fields, height, width));
    planes.push_back(torch::ones({count, 1, height, width}, target.options()));
    guides.planes = torch::cat(planes, 1) * (mode != static_cast<int64_t>(no_reference)).to(torch::kFloat32);
    return guides;
}

BatchedGuides make_guides(const torch::Tensor& target, const torch::Tensor& reference,
                          const torch::Tensor& target_chroma, const torch::Tensor& reference_chroma,
                          const torch::Tensor& modes, uint64_t seed)
{
    if (target.is_cuda())
        return make_guides_with_tensors(target, reference, target_chroma, reference_chroma, modes);
    return make_guides_with_engine(target, reference, target_chroma, reference_chroma, modes, seed);
}

} // namespace chromatch
