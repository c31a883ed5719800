// SPDX-License-Identifier: GPL-3.0-or-later
#include "networks/recognition_network.h"

#include <algorithm>

#include <torch/nn/functional.h>

namespace chromatch {

namespace F = torch::nn::functional;

namespace {

constexpr int stem_channels = 32;
struct StageShape {
    int blocks, kernel, stride, channels, expansion;
};
constexpr StageShape stages[] = {{1, 3, 1, 16, 1},  {3, 3, 2, 24, 6},  {3, 5, 2, 48, 6}, {4, 3, 2, 88, 6},
                                 {4, 5, 1, 120, 6}, {5, 5, 2, 208, 6}, {1, 3, 1, 352, 6}};
constexpr std::size_t last_block_eighth = 6, last_block_sixteenth = 14, last_block_thirtysecond = 20;

torch::nn::Conv2d convolution(int inputs, int outputs, int kernel, int stride, int groups)
{
    // With stride 2 the padding is in same_padding().
    return torch::nn::Conv2d(torch::nn::Conv2dOptions(inputs, outputs, kernel)
                                 .stride(stride)
                                 .padding(stride == 1 ? kernel / 2 : 0)
                                 .groups(groups));
}

/// TensorFlow's "same" padding: where a stride of 2 leaves an odd pixel, it goes to the right and the bottom.
torch::Tensor same_padding(const torch::Tensor& x, const torch::nn::Conv2d& layer)
{
    const int64_t stride = layer->options.stride()->at(0), kernel = layer->options.kernel_size()->at(0);
    if (stride == 1)
        return x;
    const auto total = [&](int64_t size) {
        return std::max<int64_t>(((size + stride - 1) / stride - 1) * stride + kernel - size, 0);
    };
    const int64_t across = total(x.size(3)), down = total(x.size(2));
    return F::pad(x, F::PadFuncOptions({across / 2, across - across / 2, down / 2, down - down / 2}));
}

} // namespace

InvertedResidualImpl::InvertedResidualImpl(int inputs, int outputs, int expansion, int kernel, int stride)
    : depthwise(convolution(inputs * expansion, inputs * expansion, kernel, stride, inputs * expansion)),
      project(convolution(inputs * expansion, outputs, 1, 1, 1)), shortcut(stride == 1 && inputs == outputs)
{
    if (expansion > 1)
        expand = register_module("expand", convolution(inputs, inputs * expansion, 1, 1, 1));
    register_module("depthwise", depthwise);
    register_module("project", project);
}

torch::Tensor InvertedResidualImpl::forward(const torch::Tensor& x)
{
    torch::Tensor y = expand.is_empty() ? x : torch::relu6(expand(x));
    y = project(torch::relu6(depthwise(same_padding(y, depthwise))));
    return shortcut ? x + y : y;
}

RecognitionNetworkImpl::RecognitionNetworkImpl() : stem(convolution(3, stem_channels, 3, 2, 1))
{
    register_module("stem", stem);
    register_module("blocks", blocks);
    int inputs = stem_channels;
    for (const StageShape& stage : stages)
        for (int i = 0; i < stage.blocks; i++) {
            blocks->push_back(
                InvertedResidual(inputs, stage.channels, stage.expansion, stage.kernel, i == 0 ? stage.stride : 1));
            inputs = stage.channels;
        }
}

RecognitionFeatures RecognitionNetworkImpl::features(const torch::Tensor& rgb)
{
    return after_eighth(eighth(rgb));
}

torch::Tensor RecognitionNetworkImpl::eighth(const torch::Tensor& rgb)
{
    torch::Tensor x = ((rgb - 127.0 / 255.0) / (128.0 / 255.0))
                          .to(stem->weight.scalar_type())
                          .contiguous(torch::MemoryFormat::ChannelsLast);
    x = torch::relu6(stem(same_padding(x, stem)));
    for (std::size_t i = 0; i <= last_block_eighth; i++)
        x = blocks->at<InvertedResidualImpl>(i).forward(x);
    return x;
}

RecognitionFeatures RecognitionNetworkImpl::after_eighth(const torch::Tensor& eighth)
{
    RecognitionFeatures result;
    result.eighth = eighth.to(torch::kFloat32);
    torch::Tensor x = eighth;
    for (std::size_t i = last_block_eighth + 1; i < blocks->size(); i++) {
        x = blocks->at<InvertedResidualImpl>(i).forward(x);
        if (i == last_block_sixteenth)
            result.sixteenth = x.to(torch::kFloat32);
        else if (i == last_block_thirtysecond)
            result.thirtysecond = x.to(torch::kFloat32);
    }
    return result;
}

std::vector<torch::Tensor> RecognitionNetworkImpl::later_parameters() const
{
    std::vector<torch::Tensor> result;
    for (std::size_t i = last_block_eighth + 1; i < blocks->size(); i++)
        for (const torch::Tensor& parameter : blocks->ptr(i)->parameters())
            result.push_back(parameter);
    return result;
}

torch::Tensor gray_picture(const torch::Tensor& l)
{
    const torch::Tensor f = (l + 16.0) / 116.0;
    const torch::Tensor y = torch::where(f > 6.0 / 29.0, f * f * f, l * (27.0 / 24389.0)).clamp(0.0, 1.0);
    const torch::Tensor gray =
        torch::where(y <= 0.0031308, y * 12.92, y.clamp_min(0.0031308).pow(1.0 / 2.4) * 1.055 - 0.055);
    return gray.expand({-1, 3, -1, -1});
}

} // namespace chromatch
