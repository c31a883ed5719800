// SPDX-License-Identifier: GPL-3.0-or-later
#include "training/batched_matching.h"

#include <gtest/gtest.h>
#include <torch/nn/functional.h>
#include <torch/utils.h>

#include "matching/guide.h"

namespace chromatch {
namespace {

torch::Tensor unit_maps(int64_t count, int64_t height, int64_t width)
{
    return torch::nn::functional::normalize(torch::randn({count, pair_channels, height, width}),
                                            torch::nn::functional::NormalizeFuncOptions().dim(1));
}

TEST(BatchedMatching, TensorsGiveTheEnginesGuides)
{
    torch::manual_seed(7);
    const int64_t height = 12, width = 9;
    const torch::Tensor target = unit_maps(4, height, width);
    torch::Tensor reference = unit_maps(4, height, width);
    reference[0] = target[0].roll(3, 2) * 0.9 + reference[0] * 0.1; // one pair with something to find
    reference = torch::nn::functional::normalize(reference, torch::nn::functional::NormalizeFuncOptions().dim(1));
    const torch::Tensor target_chroma = torch::rand({4, 2, height, width}) - 0.5;
    const torch::Tensor reference_chroma = torch::rand({4, 2, height, width}) - 0.5;
    const torch::Tensor modes =
        torch::tensor({int64_t(one_way), int64_t(two_way_warp), int64_t(no_reference), int64_t(one_way)});

    const BatchedGuides engine = make_guides(target, reference, target_chroma, reference_chroma, modes, 1);
    const BatchedGuides tensors = make_guides_with_tensors(target, reference, target_chroma, reference_chroma, modes);
    // The engine's numbers have 16 bits: of two places that are almost equally alike, it may take the other one.
    const torch::Tensor difference = std::get<0>((engine.planes - tensors.planes).abs().max(1));
    EXPECT_LT((difference > 1e-4).to(torch::kFloat32).mean().item<float>(), 0.05f);
    EXPECT_LT(difference[0].max().item<float>(), 1e-4f); // where there is something to find, there is one best place
    const torch::Tensor used = torch::tensor({0, 1, 3});
    EXPECT_LT(
        (engine.reference.index_select(0, used) - tensors.reference.index_select(0, used)).abs().max().item<float>(),
        1e-5f);
    EXPECT_EQ(engine.planes[2].abs().max().item<float>(), 0.0f);
    EXPECT_GT(engine.planes[0][guide_cycle_confidence].mean().item<float>(), 0.5f);
}

} // namespace
} // namespace chromatch
