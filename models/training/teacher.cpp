// SPDX-License-Identifier: GPL-3.0-or-later
#include "training/teacher.h"

#include <torch/nn/functional.h>
#include <torch/utils.h>

#include "chromatch.h"
#include "networks/safetensors.h"

namespace chromatch {

namespace F = torch::nn::functional;

namespace {

constexpr double norm_epsilon = 1e-3;
/// EfficientNet-Lite2: blocks, kernel, stride and output channels of each stage.
struct StageShape {
    int blocks, kernel, stride, channels;
};
constexpr StageShape stages[] = {{1, 3, 1, 16},  {3, 3, 2, 24},  {3, 5, 2, 48}, {4, 3, 2, 88},
                                 {4, 5, 1, 120}, {5, 5, 2, 208}, {1, 3, 1, 352}};
constexpr std::size_t last_block_eighth = 6, last_block_sixteenth = 14, last_block_thirtysecond = 20;

/// TensorFlow's "same" padding: with stride 2 the odd pixel goes to the right and the bottom.
torch::Tensor convolve(const torch::Tensor& x, const torch::Tensor& weight, const torch::Tensor& bias, int stride,
                       int64_t groups)
{
    const int64_t kernel = weight.size(2);
    torch::Tensor padded = x;
    if (kernel > 1) {
        const int64_t total = stride == 2 ? kernel - 2 : kernel - 1;
        const int64_t before = total / 2, after = total - before;
        padded = F::pad(x, F::PadFuncOptions({before, after, before, after}));
    }
    return torch::conv2d(padded, weight, bias, {stride, stride}, at::IntArrayRef{0, 0}, {1, 1}, groups);
}

} // namespace

Teacher::Layer Teacher::fold(const std::map<std::string, torch::Tensor>& state, const std::string& convolution,
                             const std::string& norm) const
{
    const auto tensor = [&](const std::string& name) {
        const auto found = state.find(name);
        if (found == state.end())
            throw Error(ErrorCode::model_corrupt, "The teacher's weights lack the tensor " + name + ".");
        return found->second;
    };
    const torch::Tensor scale = tensor(norm + ".weight") / (tensor(norm + ".running_var") + norm_epsilon).sqrt();
    return {(tensor(convolution + ".weight") * scale.view({-1, 1, 1, 1})).to(torch::kBFloat16),
            (tensor(norm + ".bias") - tensor(norm + ".running_mean") * scale).to(torch::kBFloat16)};
}

Teacher::Teacher(const std::filesystem::path& file, torch::Device device)
{
    torch::NoGradGuard no_gradients;
    std::map<std::string, torch::Tensor> state;
    for (auto& [name, stored] : read_safetensors(file).tensors)
        state[name] = torch::from_blob(stored.values.data(), stored.shape, torch::kFloat32).clone().to(device);
    stem_ = fold(state, "_conv_stem", "_bn0");
    int inputs = 32;
    for (const StageShape& stage : stages) {
        for (int i = 0; i < stage.blocks; i++) {
            const std::string name = "_blocks." + std::to_string(blocks_.size());
            Block block;
            block.has_expand = state.count(name + "._expand_conv.weight") > 0;
            if (block.has_expand)
                block.expand = fold(state, name + "._expand_conv", name + "._bn0");
            block.depthwise = fold(state, name + "._depthwise_conv", name + "._bn1");
            block.project = fold(state, name + "._project_conv", name + "._bn2");
            block.stride = i == 0 ? stage.stride : 1;
            block.shortcut = block.stride == 1 && inputs == stage.channels;
            inputs = stage.channels;
            blocks_.push_back(block);
        }
    }
}

TeacherFeatures Teacher::features(const torch::Tensor& rgb) const
{
    torch::Tensor x = ((rgb - 0.498) / 0.502).to(torch::kBFloat16).contiguous(torch::MemoryFormat::ChannelsLast);
    x = convolve(x, stem_.weight, stem_.bias, 2, 1).clamp_(0, 6);
    TeacherFeatures result;
    for (std::size_t i = 0; i < blocks_.size(); i++) {
        const Block& block = blocks_[i];
        torch::Tensor y = x;
        if (block.has_expand)
            y = convolve(y, block.expand.weight, block.expand.bias, 1, 1).clamp_(0, 6);
        y = convolve(y, block.depthwise.weight, block.depthwise.bias, block.stride, y.size(1)).clamp_(0, 6);
        y = convolve(y, block.project.weight, block.project.bias, 1, 1);
        x = block.shortcut ? x + y : y;
        if (i == last_block_eighth)
            result.eighth = x.to(torch::kFloat32);
        else if (i == last_block_sixteenth)
            result.sixteenth = x.to(torch::kFloat32);
        else if (i == last_block_thirtysecond)
            result.thirtysecond = x.to(torch::kFloat32);
    }
    return result;
}

} // namespace chromatch
