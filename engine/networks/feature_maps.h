// SPDX-License-Identifier: GPL-3.0-or-later
//
// What matching makes of every network's feature maps.
#pragma once

#include <vector>

#include <torch/nn/functional.h>

namespace chromatch {

/// x: N x C x h x w -> N x C x height x width, bilinear.
inline torch::Tensor resized_map(const torch::Tensor& x, int64_t height, int64_t width)
{
    const std::vector<int64_t> size = {height, width};
    return torch::nn::functional::interpolate(
        x, torch::nn::functional::InterpolateFuncOptions().size(size).mode(torch::kBilinear).align_corners(false));
}

/// x: N x C x h x w. Centred over the photo, then of unit length at each place.
inline torch::Tensor directions(const torch::Tensor& x)
{
    return torch::nn::functional::normalize(x - x.mean({2, 3}, true),
                                            torch::nn::functional::NormalizeFuncOptions().dim(1).eps(1e-6));
}

} // namespace chromatch
