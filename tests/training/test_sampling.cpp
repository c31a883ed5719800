// SPDX-License-Identifier: GPL-3.0-or-later
#include "training/sampling.h"

#include <gtest/gtest.h>
#include <torch/utils.h>

#include "chromatch.h"
#include "colour/cielab.h"

namespace chromatch {
namespace {

TEST(SrgbToLab, AgreesWithTheEngine)
{
    torch::manual_seed(3);
    const torch::Tensor rgb = torch::rand({1, 3, 8, 9});
    const torch::Tensor lab = srgb_to_lab(rgb);
    for (int y = 0; y < 8; y++) {
        for (int x = 0; x < 9; x++) {
            float linear[3], expected[3];
            for (int c = 0; c < 3; c++)
                linear[c] = srgb_to_linear(rgb[0][c][y][x].item<float>());
            linear_rgb_to_lab(linear, expected);
            for (int c = 0; c < 3; c++)
                EXPECT_NEAR(lab[0][c][y][x].item<float>(), expected[c], 0.01f);
        }
    }
}

TEST(WarpedPlaces, StayNearTheWindowAndDiffer)
{
    torch::manual_seed(4);
    const torch::Tensor places = warped_places(16, 32, torch::kCPU);
    EXPECT_EQ(places.sizes().vec(), (std::vector<int64_t>{16, 32, 32, 2}));
    EXPECT_LT(places.abs().max().item<float>(), 1.6f);
    EXPECT_GT((places[0] - places[1]).abs().mean().item<float>(), 0.01f);
}

TEST(SampleMap, ReadsPixelCentres)
{
    const torch::Tensor map = torch::arange(16, torch::kFloat32).view({1, 1, 4, 4});
    const torch::Tensor places = regular_places(4, torch::kCPU).view({1, 16, 2});
    EXPECT_TRUE(torch::allclose(sample_map(map, places).view({4, 4}), map.view({4, 4})));
}

TEST(JitterLuminance, StaysInRange)
{
    torch::manual_seed(5);
    const torch::Tensor l = torch::rand({4, 1, 16, 16}) * 100.0;
    const torch::Tensor jittered = jitter_luminance(l, 0.05);
    EXPECT_GE(jittered.min().item<float>(), 0.0f);
    EXPECT_LE(jittered.max().item<float>(), 100.0f);
    EXPECT_GT((jittered - l).abs().mean().item<float>(), 0.1f);
}

} // namespace
} // namespace chromatch
