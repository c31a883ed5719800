// SPDX-License-Identifier: GPL-3.0-or-later
//
// The guess: what colours a photo probably has, from what the luminance trunk and the recognition network see in it.
// What a photo shows is seen best at the size at which it is coloured, so this network learns by itself, on whole
// photos, from features that are computed once; the colorization network then refines its guess.
#pragma once

#include "networks/recognition_network.h"
#include "networks/similarity_network.h"

namespace chromatch {

constexpr int guess_channels = 256; ///< of the guess's own features at /16

/// Channels of guess_input(): trunk /16, recognition /16 and /32, luminance.
constexpr int guess_input_trunk = 256;
constexpr int guess_input_shown = guess_input_trunk + recognition_channels[1]; ///< where recognition /32 begins
constexpr int guess_inputs = guess_input_shown + recognition_channels[2] + 1;

/// A depthwise 5x5 convolution, LayerNorm over the photo and a hidden layer of twice the channels, as in ConvNeXt (Liu
/// et al., "A ConvNet for the 2020s", CVPR 2022); a shortcut around them.
struct GuessBlockImpl : torch::nn::Module {
    explicit GuessBlockImpl(int channels);
    torch::Tensor forward(const torch::Tensor& x);

    torch::nn::Conv2d depthwise, hidden, project;
    torch::nn::GroupNorm norm;
};
TORCH_MODULE(GuessBlock);

/// How networks on guess_input() begin: its channels made alike, one block, and what the whole photo shows.
struct FirstLayers : torch::nn::Module {
    explicit FirstLayers(int channels);
    bool trained() const; ///< training begins with measuring `mean`

    torch::Tensor mean, scale; ///< of the input's channels over photos, 1 x guess_inputs x 1 x 1
    torch::nn::Conv2d enter;
    GuessBlock block1;
    torch::nn::Conv2d context_key, context_value; ///< see with_context()

  protected:
    /// input: guess_input(). In training, whole channels of it are dropped (Tompson et al., CVPR 2015).
    torch::Tensor begin(const torch::Tensor& input);
};

struct Guess {
    torch::Tensor features; ///< N x guess_channels x H/16 x W/16
    torch::Tensor chroma;   ///< N x 2 x H/8 x W/8, a and b over chroma_scale
};

struct GuessNetworkImpl : FirstLayers {
    GuessNetworkImpl();
    Guess forward(const torch::Tensor& input); ///< input: guess_input()

    GuessBlock block2, block3;
    torch::nn::Conv2d chroma;
};
TORCH_MODULE(GuessNetwork);

/// trunk: /16 features. recognition: of the gray picture. luminance: normalised, N x 1 x H x W or any mean of it down
/// to H/16 x W/16. Returns N x guess_inputs x H/16 x W/16, float32.
torch::Tensor guess_input(const torch::Tensor& trunk, const RecognitionFeatures& recognition,
                          const torch::Tensor& luminance);

} // namespace chromatch
