// SPDX-License-Identifier: GPL-3.0-or-later
//
// The engine at the bounds of what a photo can be: a result that makes sense, or a sentence that names the value.
#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "chromatch.h"
#include "photos.h"

namespace chromatch {
namespace {

using namespace testing_photos;

Request request_for(const Plane& luminance, const LabImage& reference)
{
    Request request;
    request.luminance = luminance;
    request.references.push_back({reference, {}});
    request.options.working_size = minimum_working_size;
    request.options.insist = true;
    return request;
}

/// Of the target's size, finite, and in the gamut where the target is.
void expect_sound(const Result& result, const Request& request)
{
    ASSERT_TRUE(result.a.same_size(request.luminance));
    ASSERT_TRUE(result.b.same_size(request.luminance));
    ASSERT_TRUE(result.confidence.same_size(request.luminance));
    for (std::size_t i = 0; i < result.a.values.size(); i++) {
        const float lab[3] = {request.luminance.values[i], result.a.values[i], result.b.values[i]};
        ASSERT_TRUE(std::isfinite(lab[1]) && std::isfinite(lab[2])) << i;
        ASSERT_GE(result.confidence.values[i], 0.0f);
        ASSERT_LE(result.confidence.values[i], 1.0f);
        if (lab[0] < 0.0f || lab[0] > 100.0f)
            continue;
        float rgb[3];
        lab_to_linear_rgb(lab, rgb);
        for (const float value : rgb) {
            ASSERT_GE(value, -1e-3f) << i;
            ASSERT_LE(value, 1.0f + 1e-3f) << i;
        }
    }
}

TEST(Bounds, AnySizeAndShape)
{
    const std::pair<int, int> sizes[] = {{1, 1}, {1, 300}, {300, 1}, {7, 5}, {10, 1000}, {20000, 50}, {50, 20000}};
    for (const auto& [height, width] : sizes) {
        SCOPED_TRACE(std::to_string(width) + " x " + std::to_string(height));
        Request request = request_for(waves(height, width).l, waves(1, 1));
        expect_sound(colorizer().colorize(request, nullptr), request);
        request = request_for(waves(64, 80).l, waves(height, width));
        expect_sound(colorizer().colorize(request, nullptr), request);
    }
}

TEST(Bounds, TheLongestSide)
{
    Request request = request_for(waves(2, 65535).l, waves(65535, 1));
    expect_sound(colorizer().colorize(request, nullptr), request);
    request.luminance = Plane(1, 65536);
    std::string sentence;
    EXPECT_EQ(code_of(request, &sentence), ErrorCode::bad_image);
    EXPECT_THAT(sentence, testing::HasSubstr("65536 x 1"));
}

TEST(Bounds, ConstantPhotos)
{
    for (const float l : {0.0f, 50.0f, 100.0f})
        for (const float reference_l : {0.0f, 50.0f, 100.0f}) {
            const LabImage reference{Plane(70, 90, reference_l), Plane(70, 90, 20.0f), Plane(70, 90, -30.0f)};
            const Request request = request_for(Plane(80, 100, l), reference);
            expect_sound(colorizer().colorize(request, nullptr), request);
        }
}

TEST(Bounds, NothingIsColouredWhereTheMaskIsEmpty)
{
    Request request = request_for(waves(80, 100).l, waves(70, 90));
    request.mask = Plane(80, 100, 0.0f);
    const Result result = colorizer().colorize(request, nullptr);
    for (const Plane* plane : {&result.a, &result.b, &result.confidence})
        EXPECT_THAT(plane->values, testing::Each(0.0f));
}

TEST(Bounds, LuminanceBeyondBlackAndWhite)
{
    Request request = request_for(waves(80, 100).l, waves(80, 100));
    const float odd[] = {-0.01f, -900.0f, 100.5f, 999.0f};
    for (int i = 0; i < 4; i++)
        request.luminance.at(20 * i, 7) = request.references[0].image.l.at(20 * i, 7) = odd[i];
    expect_sound(colorizer().colorize(request, nullptr), request);
}

TEST(Bounds, ValuesThatAreNoColoursAreNamed)
{
    constexpr float infinity = std::numeric_limits<float>::infinity();
    using Choose = Plane& (*)(Request&);
    const std::pair<const char*, Choose> planes[] = {
        {"The target", [](Request& request) -> Plane& { return request.luminance; }},
        {"The target's mask", [](Request& request) -> Plane& { return request.mask; }},
        {"Reference 1", [](Request& request) -> Plane& { return request.references[0].image.l; }},
        {"Reference 1", [](Request& request) -> Plane& { return request.references[0].image.a; }},
        {"Reference 1", [](Request& request) -> Plane& { return request.references[0].image.b; }},
        {"Reference 1's mask", [](Request& request) -> Plane& { return request.references[0].mask; }},
        {"The hints' a", [](Request& request) -> Plane& { return request.hints.a; }},
        {"The hints' b", [](Request& request) -> Plane& { return request.hints.b; }},
        {"The hints' mask", [](Request& request) -> Plane& { return request.hints.mask; }},
    };
    Request whole = request_for(waves(20, 30).l, waves(20, 30));
    whole.mask = whole.references[0].mask = whole.hints.mask = Plane(20, 30, 1.0f);
    whole.hints.a = whole.hints.b = Plane(20, 30, 10.0f);
    for (const auto& [name, plane] : planes)
        for (const auto& [value, word] : {std::pair{std::nanf(""), "nan"},
                                          {infinity, "inf"},
                                          {-infinity, "-inf"},
                                          {1e30f, "1000000"},
                                          {-1001.0f, "-1001"}}) {
            Request request = whole;
            plane(request).at(3, 5) = value;
            std::string sentence;
            EXPECT_EQ(code_of(request, &sentence), ErrorCode::bad_image) << name << " " << word;
            EXPECT_THAT(sentence, testing::StartsWith(name));
            EXPECT_THAT(sentence, testing::HasSubstr(word));
            EXPECT_THAT(sentence, testing::HasSubstr("(5, 3)"));
        }
}

/// In 8 bit, after the gamut was kept to: what a host writes is as light as what it read.
TEST(Bounds, LightnessSurvivesEightBits)
{
    for (const char* name : {"flower", "mountains", "pagoda"}) {
        const LabImage target = photo(name + std::string("-target.jpg"));
        Request request = request_for(target.l, photo(name + std::string("-reference.jpg")));
        request.options.working_size = default_working_size;
        request.options.strength = 2.0f; // far beyond the gamut
        const Result result = colorizer().colorize(request, nullptr);
        double sum = 0;
        for (std::size_t i = 0; i < target.l.values.size(); i++) {
            const float lab[3] = {target.l.values[i], result.a.values[i], result.b.values[i]};
            float rgb[3], rounded[3];
            lab_to_linear_rgb(lab, rgb);
            for (float& value : rgb)
                value = from_srgb(std::round(255.0f * to_srgb(std::clamp(value, 0.0f, 1.0f))) / 255.0f);
            linear_rgb_to_lab(rgb, rounded);
            sum += std::fabs(rounded[0] - lab[0]);
        }
        EXPECT_LT(sum / double(target.l.values.size()), 0.1) << name;
    }
}

} // namespace
} // namespace chromatch
