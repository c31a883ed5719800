// SPDX-License-Identifier: GPL-3.0-or-later
//
// The colorization network: a U-Net decoder (Ronneberger et al. 2015) on the luminance trunk's features and on a first
// guess, guided by what matching found (He et al. 2018), with a gate that says where the match is to be trusted.
#pragma once

#include <torch/nn.h>

#include "networks/guess_network.h"
#include "networks/place_network.h"
#include "networks/similarity_network.h"

namespace chromatch {

constexpr double chroma_scale = 110.0; ///< a, b in Lab units are the networks' a, b times this
constexpr int histogram_bins = 21;     ///< along a and along b, over [-1, 1] of a / 110, b / 110
constexpr int histogram_size = histogram_bins * histogram_bins;

struct ColorizationInput {
    TrunkFeatures features;  ///< of the target, from `similarity-l`
    Guess guess;             ///< of the network's own `guess`, which matching needs first
    torch::Tensor luminance; ///< N x 1 x H x W, normalise_luminance()
    torch::Tensor guide;     ///< N x guide_channels x H/4 x W/4, see GuideChannel; all zero without a reference
    torch::Tensor histogram; ///< N x 441 soft ab histogram of the reference, sums to 1; zero without one
};

/// All at half the working resolution, in units of chroma_scale.
struct ColorizationOutput {
    torch::Tensor chroma; ///< N x 2 x H/2 x W/2 = trust * warp + (1 - trust) * prior
    torch::Tensor prior;  ///< N x 2 x H/2 x W/2, the network's own guess
    torch::Tensor warp;   ///< N x 2 x H/2 x W/2, the refined warp
    torch::Tensor gate;   ///< N x 1 x H/2 x W/2, logit of trust in the warp
    torch::Tensor trust;  ///< N x 1 x H/2 x W/2, valid * sigmoid(gate)
    torch::Tensor bins;   ///< N x 441 x H/4 x W/4 logits of the prior's ab bin; only where asked for
};

/// Two 3x3 convolutions, GroupNorm and SiLU, modulated by FiLM (Perez et al. 2018).
struct ColorBlockImpl : torch::nn::Module {
    explicit ColorBlockImpl(int channels);
    /// scale, shift: N x C x 1 x 1; amount: N x 1 x h x w in [0, 1].
    torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& scale, const torch::Tensor& shift,
                          const torch::Tensor& amount);

    torch::nn::GroupNorm norm1, norm2;
    torch::nn::Conv2d conv1, conv2;
};
TORCH_MODULE(ColorBlock);

struct ColorizationNetworkImpl : torch::nn::Module {
    ColorizationNetworkImpl();
    ColorizationOutput forward(const ColorizationInput& input, bool with_bins);
    /// Multiplies what becomes the prior (before its tanh): what is likely on average is paler than anything that is.
    void amplify_prior(double gain);

    torch::nn::Conv2d guide4a, guide4b, guide8, guide16;
    torch::nn::Conv2d fuse16, up8, fuse8, up4, fuse4, up2, fuse2;
    ColorBlock block16a, block16b, block8, block4, block2;
    torch::nn::Conv2d context_key, context_value; ///< see with_context(); at /16
    torch::nn::Linear film_hidden, film;
    torch::nn::Conv2d head, bins;
    GuessNetwork guess;
    PlaceNetwork places; ///< matching compares them
    /// What the decoder takes of the guess: features; chroma, and how the warp differs from it; chroma for the prior.
    torch::nn::Conv2d guess16, guess4, guess2;
};
TORCH_MODULE(ColorizationNetwork);

/// Soft histogram (bilinear bins) of ab, N x 2 x h x w in units of chroma_scale -> N x 441, each row sums to 1.
/// weight: N x 1 x h x w or undefined.
torch::Tensor chroma_histogram(const torch::Tensor& ab, const torch::Tensor& weight = {});

} // namespace chromatch
