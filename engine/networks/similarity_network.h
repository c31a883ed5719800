// SPDX-License-Identifier: GPL-3.0-or-later
//
// The similarity network: the first four stages of ResNet-34 (He et al., "Deep residual learning for image
// recognition", CVPR 2016) and projections whose dot products say how alike two places are.
#pragma once

#include <torch/nn.h>

#include "matching/guide.h"

namespace chromatch {

/// Features of a batch of images, NCHW. For H x W images (multiples of 16):
struct TrunkFeatures {
    torch::Tensor half;      ///< N x 64 x H/2 x W/2
    torch::Tensor quarter;   ///< N x 64 x H/4 x W/4
    torch::Tensor eighth;    ///< N x 128 x H/8 x W/8
    torch::Tensor sixteenth; ///< N x 256 x H/16 x W/16
};

/// What matching compares, all at /4, each pixel's vector centred over the image and L2-normalised.
struct MatchMaps {
    torch::Tensor fused;                     ///< N x 64 x H/4 x W/4: the levels side by side, each of equal weight
    torch::Tensor levels[match_level_count]; ///< N x {16, 24, 24} x H/4 x W/4
};

/// Two 3x3 convolutions with a shortcut (ResNet's basic block).
struct BasicBlockImpl : torch::nn::Module {
    BasicBlockImpl(int inputs, int outputs, int stride);
    torch::Tensor forward(torch::Tensor x);

    torch::nn::Conv2d conv1, conv2;
    torch::nn::BatchNorm2d bn1, bn2;
    torch::nn::Sequential downsample{nullptr};
};
TORCH_MODULE(BasicBlock);

/// input_channels: 1 for `similarity-l` (see normalise_luminance()), 3 for `similarity-rgb` (L, a, b alike).
struct SimilarityNetworkImpl : torch::nn::Module {
    explicit SimilarityNetworkImpl(int input_channels);

    TrunkFeatures features(const torch::Tensor& images);
    MatchMaps match_maps(const TrunkFeatures& features);

    torch::nn::Conv2d conv1;
    torch::nn::BatchNorm2d bn1;
    torch::nn::Sequential layer1, layer2, layer3;
    torch::nn::Conv2d projection4, projection8, projection16;
};
TORCH_MODULE(SimilarityNetwork);

/// L in [0, 100] -> about [-1.7, 1.7], the networks' input.
inline torch::Tensor normalise_luminance(const torch::Tensor& l)
{
    return (l - 50.0) / 30.0;
}

/// The way back.
inline torch::Tensor denormalise_luminance(const torch::Tensor& luminance)
{
    return luminance * 30.0 + 50.0;
}

} // namespace chromatch
