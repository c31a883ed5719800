// SPDX-License-Identifier: GPL-3.0-or-later
#include "networks/guess_network.h"

#include <torch/nn/functional.h>

#include "networks/feature_maps.h"

namespace chromatch {

namespace {

constexpr double dropped_share = 0.25;

} // namespace

GuessBlockImpl::GuessBlockImpl(int channels)
    : depthwise(torch::nn::Conv2dOptions(channels, channels, 5).padding(2).groups(channels)),
      hidden(pointwise(channels, 2 * channels)), project(pointwise(2 * channels, channels)),
      norm(torch::nn::GroupNormOptions(1, channels))
{
    register_module("depthwise", depthwise);
    register_module("norm", norm);
    register_module("hidden", hidden);
    register_module("project", project);
    // The block starts as the identity.
    torch::nn::init::zeros_(project->weight);
    torch::nn::init::zeros_(project->bias);
}

torch::Tensor GuessBlockImpl::forward(const torch::Tensor& x)
{
    return x + project(torch::gelu(hidden(norm(depthwise(x)))));
}

FirstLayers::FirstLayers(int channels)
    : enter(pointwise(guess_inputs, channels)), block1(channels), context_key(pointwise(channels, 1)),
      context_value(pointwise(channels, channels))
{
    mean = register_buffer("mean", torch::zeros({1, guess_inputs, 1, 1}));
    scale = register_buffer("scale", torch::ones({1, guess_inputs, 1, 1}));
    register_module("enter", enter);
    register_module("block1", block1);
    register_module("context_key", context_key);
    register_module("context_value", context_value);
    torch::nn::init::zeros_(context_value->weight);
    torch::nn::init::zeros_(context_value->bias);
}

bool FirstLayers::trained() const
{
    return mean.count_nonzero().item<int64_t>() > 0;
}

torch::Tensor FirstLayers::begin(const torch::Tensor& input)
{
    const torch::Tensor x = torch::feature_dropout((input - mean) * scale, dropped_share, is_training());
    return with_context(block1(enter(x)), context_key, context_value);
}

GuessNetworkImpl::GuessNetworkImpl()
    : FirstLayers(guess_channels), block2(guess_channels), block3(guess_channels),
      chroma(pointwise(guess_channels, 2 * 2 * 2))
{
    register_module("block2", block2);
    register_module("block3", block3);
    register_module("chroma", chroma);
    torch::nn::init::zeros_(chroma->weight);
    torch::nn::init::zeros_(chroma->bias);
}

Guess GuessNetworkImpl::forward(const torch::Tensor& input)
{
    const torch::Tensor x = block3(block2(begin(input)));
    return {x, torch::pixel_shuffle(chroma(x), 2).to(torch::kFloat32)};
}

torch::Tensor guess_input(const torch::Tensor& trunk, const RecognitionFeatures& recognition,
                          const torch::Tensor& luminance)
{
    const int64_t height = trunk.size(2), width = trunk.size(3);
    return torch::cat({trunk.to(torch::kFloat32), recognition.sixteenth,
                       resized_map(recognition.thirtysecond, height, width),
                       torch::adaptive_avg_pool2d(luminance, {height, width})},
                      1);
}

} // namespace chromatch
