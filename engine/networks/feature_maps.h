// SPDX-License-Identifier: GPL-3.0-or-later
//
// What several networks and the matching make of feature maps.
#pragma once

#include <vector>

#include <torch/nn/functional.h>
#include <torch/nn/modules/conv.h>

namespace chromatch {

inline torch::nn::Conv2d pointwise(int inputs, int outputs)
{
    return torch::nn::Conv2d(torch::nn::Conv2dOptions(inputs, outputs, 1));
}

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

/// Adds to each place what the whole map shows: `value` of the places' mean, weighed by `key` (Cao et al., "GCNet",
/// ICCV workshops 2019). x: N x C x h x w; key: to one channel.
inline torch::Tensor with_context(const torch::Tensor& x, torch::nn::Conv2d& key, torch::nn::Conv2d& value)
{
    const torch::Tensor attention =
        torch::softmax(key(x).to(torch::kFloat32).flatten(2), 2).view({x.size(0), 1, x.size(2), x.size(3)});
    return x + value((x * attention).sum({2, 3}, true));
}

} // namespace chromatch
