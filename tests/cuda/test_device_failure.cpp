// SPDX-License-Identifier: GPL-3.0-or-later
//
// A CUDA device (the emulated one) that fails in the middle of a colorization.
#include "chromatch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <filesystem>

namespace chromatch {
namespace {

/// Large enough that Device::automatic takes CUDA: the maps to match have more than 128 x 128 places.
Request large_request()
{
    Request request;
    LabImage image{Plane(544, 560), Plane(544, 560), Plane(544, 560)};
    for (int y = 0; y < image.l.height; y++)
        for (int x = 0; x < image.l.width; x++) {
            image.l.at(y, x) = 50.0f + 25.0f * std::sin(0.11f * x) * std::cos(0.07f * y);
            image.a.at(y, x) = 20.0f * std::sin(0.05f * x);
        }
    request.luminance = image.l;
    request.references.push_back({image, {}});
    request.options.working_size = 544;
    return request;
}

class DeviceFailure : public testing::Test {
  protected:
    void SetUp() override
    {
        setenv("CHROMATCH_CUDA_MODULE", CHROMATCH_TENSOR_CORE_MODULE, 1);
        ASSERT_TRUE(device_available(Device::cuda));
    }
    void TearDown() override { unsetenv("CHROMATCH_EMULATION_FAIL_AT"); }
};

TEST_F(DeviceFailure, GivesWayToTheCpuAndIsNamed)
{
    const auto colorizer = load_colorizer({CHROMATCH_TEST_MODELS});
    Request request = large_request();
    for (const char* call : {"1", "4"}) {
        SCOPED_TRACE(call);
        request.options.device = Device::cpu;
        const Result expected = colorizer->colorize(request, nullptr);
        EXPECT_EQ(expected.device_failure, "");
        request.options.device = Device::automatic;
        setenv("CHROMATCH_EMULATION_FAIL_AT", call, 1);
        const Result result = colorizer->colorize(request, nullptr);
        EXPECT_EQ(result.device, Device::cpu);
        EXPECT_THAT(result.device_failure, testing::HasSubstr("CUDA"));
        EXPECT_EQ(result.a.values, expected.a.values);
        EXPECT_EQ(result.b.values, expected.b.values);
    }
    request.options.device = Device::cuda;
    setenv("CHROMATCH_EMULATION_FAIL_AT", "2", 1);
    EXPECT_THROW(colorizer->colorize(request, nullptr), Error) << "it was asked for by name";
}

} // namespace
} // namespace chromatch
