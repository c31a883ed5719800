// SPDX-License-Identifier: GPL-3.0-or-later
#include "training/losses.h"

#include <torch/nn/functional.h>
#include <torch/torch.h>

#include "networks/colorization_network.h"

namespace chromatch {

namespace F = torch::nn::functional;

namespace {

constexpr double huber_delta = 0.1;
constexpr double gate_threshold = 8.0; // deltaE76
constexpr double contextual_bandwidth = 0.1;
constexpr double leak = 0.2;
constexpr double place_temperature = 0.05;
constexpr int place_rounds = 3;
constexpr double chroma_softness = 0.05; // of the norm in place_loss(), in units of chroma_scale

torch::nn::Conv2d convolution(int inputs, int outputs, int stride)
{
    return torch::nn::Conv2d(torch::nn::Conv2dOptions(inputs, outputs, stride == 2 ? 4 : 3).stride(stride).padding(1));
}

torch::Tensor nearest_bin(const torch::Tensor& ab)
{
    const torch::Tensor bin = ((ab + 1.0) * (0.5 * (histogram_bins - 1))).round().clamp(0, histogram_bins - 1);
    return (bin.select(1, 0) * histogram_bins + bin.select(1, 1)).to(torch::kInt64);
}

} // namespace

torch::Tensor chroma_loss(const torch::Tensor& chroma, const torch::Tensor& truth)
{
    return F::huber_loss(chroma, truth, F::HuberLossFuncOptions().reduction(torch::kNone).delta(huber_delta))
        .mean({1, 2, 3});
}

torch::Tensor bin_loss(const torch::Tensor& logits, const torch::Tensor& truth, const torch::Tensor& bin_weights)
{
    const torch::Tensor labels = nearest_bin(truth);
    const torch::Tensor each = F::cross_entropy(logits, labels, F::CrossEntropyFuncOptions().reduction(torch::kNone)) *
                               bin_weights.index_select(0, labels.flatten()).view(labels.sizes());
    return each.mean({1, 2});
}

torch::Tensor gate_loss(const torch::Tensor& gate, const torch::Tensor& warp, const torch::Tensor& truth)
{
    const torch::Tensor distance = (warp.detach() - truth).square().sum(1, true).sqrt() * chroma_scale;
    const torch::Tensor right = (distance < gate_threshold).to(torch::kFloat32);
    return F::binary_cross_entropy_with_logits(gate, right,
                                               F::BinaryCrossEntropyWithLogitsFuncOptions().reduction(torch::kNone))
        .mean({1, 2, 3});
}

torch::Tensor histogram_loss(const torch::Tensor& mine, const torch::Tensor& theirs)
{
    return ((mine - theirs).square() / (mine + theirs + 1e-4)).sum(1);
}

torch::Tensor unsupported_edges(const torch::Tensor& ab, const torch::Tensor& luminance)
{
    const auto along = [&](int64_t dimension) {
        const int64_t length = ab.size(dimension) - 1;
        const auto step = [&](const torch::Tensor& x) {
            return (x.narrow(dimension, 1, length) - x.narrow(dimension, 0, length)).abs();
        };
        return (step(ab) * torch::exp(step(luminance) * -10.0)).mean();
    };
    return along(2) + along(3);
}

torch::Tensor perceptual_loss(const torch::Tensor& features, const torch::Tensor& truth)
{
    const torch::Tensor scale = 1.0 / (truth.std({0, 2, 3}, true, true) + 1e-3);
    return ((features - truth) * scale).abs().mean({1, 2, 3});
}

torch::Tensor contextual_loss(const torch::Tensor& features, const torch::Tensor& reference)
{
    const torch::Tensor mean = reference.mean({2, 3}, true);
    const auto unit = [&](const torch::Tensor& map) {
        return F::normalize(map - mean, F::NormalizeFuncOptions().dim(1).eps(1e-6)).flatten(2);
    };
    const torch::Tensor distance =
        1.0 - torch::bmm(unit(features).transpose(1, 2), unit(reference)); // N x mine x theirs
    const torch::Tensor relative = distance / (std::get<0>(distance.min(2, true)) + 1e-5);
    const torch::Tensor context = torch::softmax((1.0 - relative) / contextual_bandwidth, 2);
    return -std::get<0>(context.max(1)).mean(1).clamp_min(1e-6).log();
}

torch::Tensor place_loss(const torch::Tensor& target, const torch::Tensor& reference,
                         const torch::Tensor& target_chroma, const torch::Tensor& reference_chroma)
{
    const torch::Tensor alike =
        torch::bmm(target.flatten(2).transpose(1, 2), reference.flatten(2)) / place_temperature; // N x from x to
    torch::Tensor row = torch::logsumexp(alike, 2, true), column; // logarithms of what their shares sum to
    for (int round = 0; round < place_rounds; round++) {
        column = torch::logsumexp(alike - row, 1, true);
        row = torch::logsumexp(alike - column, 2, true);
    }
    const torch::Tensor share = torch::exp(alike - column - row); // each row sums to 1
    const torch::Tensor difference =
        target_chroma.flatten(2).unsqueeze(3) - reference_chroma.flatten(2).unsqueeze(2); // N x 2 x from x to
    const torch::Tensor distance =
        (difference.square().sum(1) + chroma_softness * chroma_softness).sqrt() - chroma_softness;
    const torch::Tensor back = share / share.sum(1, true);
    return (share * distance).sum(2).mean(1) + (back * distance).sum(1).mean(1);
}

DiscriminatorImpl::DiscriminatorImpl()
    : conv1(convolution(3, 48, 2)), conv2(convolution(48, 96, 2)), conv3(convolution(96, 192, 2)),
      score(convolution(192, 1, 1))
{
    register_module("conv1", conv1);
    register_module("conv2", conv2);
    register_module("conv3", conv3);
    register_module("score", score);
}

torch::Tensor DiscriminatorImpl::forward(const torch::Tensor& luminance, const torch::Tensor& chroma)
{
    torch::Tensor x = torch::leaky_relu(conv1(torch::cat({luminance, chroma}, 1)), leak);
    x = torch::leaky_relu(conv2(x), leak);
    x = torch::leaky_relu(conv3(x), leak);
    return score(x).to(torch::kFloat32);
}

torch::Tensor discriminator_loss(const torch::Tensor& real, const torch::Tensor& made)
{
    return torch::relu(1.0 - real).mean() + torch::relu(1.0 + made).mean();
}

} // namespace chromatch
