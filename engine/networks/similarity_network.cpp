// SPDX-License-Identifier: GPL-3.0-or-later
#include "networks/similarity_network.h"

#include <cmath>

#include "networks/feature_maps.h"

namespace chromatch {

namespace {

torch::nn::Conv2d convolution(int inputs, int outputs, int kernel, int stride)
{
    return torch::nn::Conv2d(
        torch::nn::Conv2dOptions(inputs, outputs, kernel).stride(stride).padding(kernel / 2).bias(false));
}

torch::nn::Sequential stage(int inputs, int outputs, int blocks, int stride)
{
    torch::nn::Sequential sequence;
    for (int i = 0; i < blocks; i++)
        sequence->push_back(BasicBlock(i == 0 ? inputs : outputs, outputs, i == 0 ? stride : 1));
    return sequence;
}

} // namespace

BasicBlockImpl::BasicBlockImpl(int inputs, int outputs, int stride)
    : conv1(convolution(inputs, outputs, 3, stride)), conv2(convolution(outputs, outputs, 3, 1)), bn1(outputs),
      bn2(outputs)
{
    register_module("conv1", conv1);
    register_module("bn1", bn1);
    register_module("conv2", conv2);
    register_module("bn2", bn2);
    if (stride != 1 || inputs != outputs) {
        downsample = torch::nn::Sequential(convolution(inputs, outputs, 1, stride), torch::nn::BatchNorm2d(outputs));
        register_module("downsample", downsample);
    }
}

torch::Tensor BasicBlockImpl::forward(torch::Tensor x)
{
    torch::Tensor y = torch::relu(bn1(conv1(x)));
    y = bn2(conv2(y));
    return torch::relu(y + (downsample.is_empty() ? x : downsample->forward(x)));
}

SimilarityNetworkImpl::SimilarityNetworkImpl(int input_channels)
    : conv1(convolution(input_channels, 64, 7, 2)), bn1(64), layer1(stage(64, 64, 3, 1)), layer2(stage(64, 128, 4, 2)),
      layer3(stage(128, 256, 6, 2)), projection4(convolution(64, match_channels[0], 1, 1)),
      projection8(convolution(128, match_channels[1], 1, 1)), projection16(convolution(256, match_channels[2], 1, 1))
{
    register_module("conv1", conv1);
    register_module("bn1", bn1);
    register_module("layer1", layer1);
    register_module("layer2", layer2);
    register_module("layer3", layer3);
    register_module("projection4", projection4);
    register_module("projection8", projection8);
    register_module("projection16", projection16);
}

TrunkFeatures SimilarityNetworkImpl::features(const torch::Tensor& images)
{
    TrunkFeatures result;
    result.half = torch::relu(bn1(conv1(images)));
    result.quarter = layer1->forward(torch::max_pool2d(result.half, 3, 2, 1));
    result.eighth = layer2->forward(result.quarter);
    result.sixteenth = layer3->forward(result.eighth);
    return result;
}

MatchMaps SimilarityNetworkImpl::match_maps(const TrunkFeatures& features)
{
    const torch::Tensor projected[match_level_count] = {projection4(features.quarter), projection8(features.eighth),
                                                        projection16(features.sixteenth)};
    MatchMaps maps;
    std::vector<torch::Tensor> parts;
    for (int level = 0; level < match_level_count; level++) {
        torch::Tensor map = projected[level].to(torch::kFloat32);
        if (level > 0)
            map = resized_map(map, features.quarter.size(2), features.quarter.size(3));
        map = directions(map);
        maps.levels[level] = map;
        parts.push_back(map * std::sqrt(1.0 / match_level_count));
    }
    maps.fused = torch::cat(parts, 1);
    return maps;
}

} // namespace chromatch
