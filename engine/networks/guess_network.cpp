// SPDX-License-Identifier: GPL-3.0-or-later
#include "networks/guess_network.h"

#include <torch/nn/functional.h>

#include "networks/feature_maps.h"

namespace chromatch {

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

GuessNetworkImpl::GuessNetworkImpl()
    : enter(pointwise(guess_inputs, guess_channels)), block1(guess_channels), block2(guess_channels),
      block3(guess_channels), context_key(pointwise(guess_channels, 1)),
      context_value(pointwise(guess_channels, guess_channels)), chroma(pointwise(guess_channels, 2 * 2 * 2))
{
    mean = register_buffer("mean", torch::zeros({1, guess_inputs, 1, 1}));
    scale = register_buffer("scale", torch::ones({1, guess_inputs, 1, 1}));
    register_module("enter", enter);
    register_module("block1", block1);
    register_module("context_key", context_key);
    register_module("context_value", context_value);
    register_module("block2", block2);
    register_module("block3", block3);
    register_module("chroma", chroma);
    for (auto layer : {context_value->weight, context_value->bias, chroma->weight, chroma->bias})
        torch::nn::init::zeros_(layer);
}

bool GuessNetworkImpl::trained() const
{
    return mean.count_nonzero().item<int64_t>() > 0;
}

Guess GuessNetworkImpl::forward(const torch::Tensor& input)
{
    torch::Tensor x = (input - mean) * scale;
    x = enter(torch::feature_dropout(x, dropped_input_share, is_training()));
    x = with_context(block1(x), context_key, context_value);
    x = block3(block2(x));
    return {x, torch::pixel_shuffle(chroma(x), 2).to(torch::kFloat32)};
}

torch::Tensor guess_input(const torch::Tensor& trunk, const RecognitionFeatures& recognition,
                          const torch::Tensor& luminance)
{
    const int64_t height = trunk.size(2), width = trunk.size(3);
    return torch::cat({trunk.to(torch::kFloat32), recognition.sixteenth,
                       resized_map(recognition.thirtysecond, height, width), torch::avg_pool2d(luminance, 16)},
                      1);
}

} // namespace chromatch
