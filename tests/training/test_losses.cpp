// SPDX-License-Identifier: GPL-3.0-or-later
#include "training/losses.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include "networks/colorization_network.h"
#include "training/sampling.h"

namespace chromatch {
namespace {

TEST(GateLoss, TrustsWarpsNearTheTruth)
{
    const torch::Tensor truth = torch::zeros({2, 2, 4, 4});
    torch::Tensor warp = truth.clone();
    warp[1] += 20.0 / chroma_scale; // deltaE76 of 28
    const torch::Tensor trusting = torch::full({2, 1, 4, 4}, 3.0);
    const torch::Tensor loss = gate_loss(trusting, warp, truth);
    EXPECT_NEAR(loss[0].item<double>(), std::log1p(std::exp(-3.0)), 1e-5);
    EXPECT_NEAR(loss[1].item<double>(), std::log1p(std::exp(3.0)), 1e-5);
}

TEST(BinLoss, CountsTheTrueBinByItsWeight)
{
    torch::Tensor logits = torch::zeros({1, histogram_size, 1, 1});
    const torch::Tensor truth = torch::zeros({1, 2, 1, 1});
    const int64_t middle = (histogram_size - 1) / 2;
    torch::Tensor weights = torch::ones({histogram_size});
    EXPECT_NEAR(bin_loss(logits, truth, weights).item<double>(), std::log(double(histogram_size)), 1e-4);
    weights[middle] = 2.0;
    EXPECT_NEAR(bin_loss(logits, truth, weights).item<double>(), 2.0 * std::log(double(histogram_size)), 1e-4);
    logits[0][middle] = 30.0;
    EXPECT_LT(bin_loss(logits, truth, weights).item<double>(), 1e-3);
}

TEST(UnsupportedEdges, LuminanceEdgesExcuseChromaEdges)
{
    torch::Tensor chroma = torch::zeros({1, 2, 4, 8});
    chroma.narrow(3, 4, 4).fill_(0.5);
    const torch::Tensor flat = torch::zeros({1, 1, 4, 8});
    const torch::Tensor step = flat.clone();
    step.narrow(3, 4, 4).fill_(1.0);
    EXPECT_GT(unsupported_edges(chroma, flat).item<double>(), 100 * unsupported_edges(chroma, step).item<double>());
}

TEST(ContextualLoss, IgnoresPlacesButNotContents)
{
    torch::manual_seed(2);
    const torch::Tensor features = torch::randn({1, 16, 4, 4});
    const torch::Tensor moved = features.flip({2, 3}), other = torch::randn({1, 16, 4, 4});
    EXPECT_LT(contextual_loss(features, moved).item<double>(), 0.1);
    EXPECT_GT(contextual_loss(features, other).item<double>(), contextual_loss(features, moved).item<double>() + 0.2);
}

TEST(PerceptualLoss, WeighsChannelsByTheirSpread)
{
    torch::manual_seed(3);
    const torch::Tensor truth = torch::randn({2, 3, 8, 8});
    const torch::Tensor scaled = truth * torch::tensor({1.0, 100.0, 0.1}).view({1, 3, 1, 1});
    const torch::Tensor shift = torch::full({1}, 1.0);
    const double plain = perceptual_loss(truth + shift, truth).mean().item<double>();
    const double same =
        perceptual_loss(scaled + torch::tensor({1.0, 100.0, 0.1}).view({1, 3, 1, 1}), scaled).mean().item<double>();
    EXPECT_NEAR(plain, same, 0.02);
}

TEST(PlaceLoss, IsLeastWherePlacesOfOneColourAreAlike)
{
    torch::manual_seed(9);
    // Four kinds of places, one in each quarter of a map, mirrored in the other one; each kind has a colour.
    const torch::Tensor kinds = torch::eye(4).view({4, 4, 1, 1});
    const auto quarters = [](const torch::Tensor& of_kinds, const std::vector<int64_t>& order) {
        const auto row = [&](std::size_t i) {
            return torch::cat({of_kinds[order[i]].expand({-1, 2, 2}), of_kinds[order[i + 1]].expand({-1, 2, 2})}, 2);
        };
        return torch::cat({row(0), row(2)}, 1).unsqueeze(0);
    };
    const torch::Tensor colours = (torch::rand({4, 2, 1, 1}) - 0.5) * 0.8;
    const std::vector<int64_t> here = {0, 1, 2, 3}, there = {1, 0, 3, 2}, wrong = {0, 1, 3, 2};
    const auto loss = [&](const std::vector<int64_t>& order) {
        return place_loss(quarters(kinds, here), quarters(kinds, order), quarters(colours, here),
                          quarters(colours, there))
            .item<double>();
    };
    EXPECT_LT(loss(there), 1e-3);
    EXPECT_GT(loss(wrong), 0.05);
    // A kind that is a little more like all others than they are like themselves does not take their places.
    torch::Tensor one_for_all = kinds.clone();
    one_for_all[0].fill_(1.2);
    EXPECT_LT(place_loss(quarters(kinds, here), quarters(one_for_all, there), quarters(colours, here),
                         quarters(colours, there))
                  .item<double>(),
              0.05);
    // One kind for all: each place has to expect any colour.
    const torch::Tensor alike = torch::ones({1, 4, 4, 4}) * 0.5;
    EXPECT_GT(place_loss(alike, alike, quarters(colours, here), quarters(colours, there)).item<double>(), 0.2);
}

TEST(Discriminator, LearnsToTellChromaApart)
{
    torch::manual_seed(4);
    Discriminator discriminator;
    torch::optim::Adam optimizer(discriminator->parameters(), 1e-3);
    const torch::Tensor luminance = torch::rand({2, 1, 16, 16});
    const torch::Tensor real = torch::cat({luminance, -luminance}, 1), made = torch::zeros({2, 2, 16, 16});
    double first = 0, last = 0;
    for (int i = 0; i < 30; i++) {
        const torch::Tensor loss = discriminator_loss(discriminator(luminance, real), discriminator(luminance, made));
        optimizer.zero_grad();
        loss.backward();
        optimizer.step();
        (i == 0 ? first : last) = loss.item<double>();
    }
    EXPECT_LT(last, 0.5 * first);
}

TEST(LabToSrgb, UndoesSrgbToLab)
{
    torch::manual_seed(5);
    const torch::Tensor rgb = torch::rand({1, 3, 16, 16});
    EXPECT_LT((lab_to_srgb(srgb_to_lab(rgb)) - rgb).abs().max().item<float>(), 1e-3f);
    torch::Tensor far = torch::full({1, 3, 1, 1}, 90.0).requires_grad_(true);
    const torch::Tensor clamped = lab_to_srgb(far);
    EXPECT_LE(clamped.max().item<float>(), 1.0f);
    clamped.sum().backward();
    EXPECT_GT(far.grad().abs().max().item<float>(), 0.0f);
}

} // namespace
} // namespace chromatch
