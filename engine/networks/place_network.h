// SPDX-License-Identifier: GPL-3.0-or-later
//
// Which places of two photos are of the same kind. The trunk and the recognition network were taught to tell things
// apart, not which of them have one colour; this small network on their features is taught just that, with pairs of
// similar colour photos (after Zhang et al., "Deep exemplar-based video colorization", CVPR 2019, whose correspondence
// is taught by the colours that it brings).
#pragma once

#include "matching/guide.h"
#include "networks/guess_network.h"

namespace chromatch {

constexpr int place_hidden_channels = 144;

struct PlaceNetworkImpl : FirstLayers {
    PlaceNetworkImpl();
    /// input: guess_input(). Returns unit vectors, N x place_channels x H/16 x W/16, whose dot product says how alike
    /// two places are; zeros where it has not been trained.
    torch::Tensor forward(const torch::Tensor& input);

    GuessBlock block2;
    torch::nn::Conv2d place;
};
TORCH_MODULE(PlaceNetwork);

} // namespace chromatch
