// SPDX-License-Identifier: GPL-3.0-or-later
#include "colour/cielab.h"

#include "matching/simd.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>

namespace chromatch {
namespace {

struct Lab {
    float l, a, b;
};

Lab from_srgb(float red, float green, float blue)
{
    const float rgb[3] = {srgb_to_linear(red), srgb_to_linear(green), srgb_to_linear(blue)};
    float lab[3];
    linear_rgb_to_lab(rgb, lab);
    return {lab[0], lab[1], lab[2]};
}

/// How far a colour lies outside [0, 1] in linear RGB; 0 inside.
float outside(float l, float a, float b)
{
    const float lab[3] = {l, a, b};
    float rgb[3];
    lab_to_linear_rgb(lab, rgb);
    float most = 0.0f;
    for (const float value : rgb)
        most = std::max({most, -value, value - 1.0f});
    return most;
}

TEST(Cielab, AgreesWithPublishedValues)
{
    // sRGB primaries and secondaries under D65, as published by B. Lindbloom's calculator and in many colour tables.
    const struct {
        float red, green, blue;
        Lab lab;
    } colours[] = {
        {1, 0, 0, {53.24f, 80.09f, 67.20f}},   {0, 1, 0, {87.73f, -86.18f, 83.18f}},
        {0, 0, 1, {32.30f, 79.19f, -107.86f}}, {1, 1, 0, {97.14f, -21.55f, 94.48f}},
        {0, 1, 1, {91.11f, -48.09f, -14.13f}}, {1, 0, 1, {60.32f, 98.23f, -60.82f}},
        {.5f, .5f, .5f, {53.39f, 0, 0}},
    };
    for (const auto& colour : colours) {
        const Lab lab = from_srgb(colour.red, colour.green, colour.blue);
        EXPECT_NEAR(lab.l, colour.lab.l, 0.02f);
        EXPECT_NEAR(lab.a, colour.lab.a, 0.06f);
        EXPECT_NEAR(lab.b, colour.lab.b, 0.06f);
    }
}

TEST(Cielab, WhiteBlackAndGraysHaveNoChroma)
{
    const Lab white = from_srgb(1, 1, 1), black = from_srgb(0, 0, 0);
    EXPECT_NEAR(white.l, 100.0f, 1e-3f);
    EXPECT_NEAR(white.a, 0.0f, 1e-3f);
    EXPECT_NEAR(white.b, 0.0f, 1e-3f);
    EXPECT_NEAR(black.l, 0.0f, 1e-3f);
    for (int i = 0; i <= 255; ++i) {
        const Lab gray = from_srgb(i / 255.0f, i / 255.0f, i / 255.0f);
        ASSERT_NEAR(gray.a, 0.0f, 1e-3f);
        ASSERT_NEAR(gray.b, 0.0f, 1e-3f);
    }
    // The linear part of the curve: Y / Yn = 0.005 is L = 0.005 * 24389 / 27.
    const float rgb[3] = {0.005f, 0.005f, 0.005f};
    float lab[3];
    linear_rgb_to_lab(rgb, lab);
    EXPECT_NEAR(lab[0], 0.005 * 24389.0 / 27.0, 1e-4);
}

TEST(Cielab, TheWayThereAndBackGivesTheColourAgain)
{
    std::mt19937 generator(1);
    // Also outside [0, 1]: hosts hand over what they have.
    std::uniform_real_distribution<float> uniform(-0.3f, 1.6f);
    for (int i = 0; i < 20000; ++i) {
        const float rgb[3] = {uniform(generator), uniform(generator), uniform(generator)};
        float lab[3], back[3];
        linear_rgb_to_lab(rgb, lab);
        lab_to_linear_rgb(lab, back);
        for (int c = 0; c < 3; ++c)
            ASSERT_NEAR(back[c], rgb[c], 1e-5f);
    }
    std::uniform_real_distribution<float> luminance(-10.0f, 120.0f), chroma(-120.0f, 120.0f);
    for (int i = 0; i < 20000; ++i) {
        const float lab[3] = {luminance(generator), chroma(generator), chroma(generator)};
        float rgb[3], back[3];
        lab_to_linear_rgb(lab, rgb);
        linear_rgb_to_lab(rgb, back);
        for (int c = 0; c < 3; ++c)
            ASSERT_NEAR(back[c], lab[c], 2e-2f);
    }
}

TEST(Srgb, TransferCurveHasItsPublishedValuesAndAnInverse)
{
    EXPECT_NEAR(srgb_to_linear(0.5f), 0.2140411f, 1e-6f);
    EXPECT_NEAR(srgb_to_linear(0.04f), 0.04f / 12.92f, 1e-8f);
    EXPECT_NEAR(linear_to_srgb(0.18f), 0.4613561f, 1e-6f);
    EXPECT_EQ(srgb_to_linear(0.0f), 0.0f);
    EXPECT_NEAR(srgb_to_linear(1.0f), 1.0f, 1e-7f);
    for (float value = -1.5f; value < 1.5f; value += 0.001f) {
        ASSERT_NEAR(linear_to_srgb(srgb_to_linear(value)), value, 2e-6f);
        ASSERT_EQ(srgb_to_linear(-value), -srgb_to_linear(value));
    }
}

TEST(ClipChroma, LeavesColoursInsideTheGamutAlone)
{
    std::mt19937 generator(2);
    std::uniform_real_distribution<float> uniform(0.0f, 1.0f);
    for (int i = 0; i < 5000; ++i) {
        // Every second colour lies on the gamut's surface.
        const Lab lab =
            from_srgb(i % 2 ? 1.0f : uniform(generator), i % 4 == 1 ? 0.0f : uniform(generator), uniform(generator));
        float a = lab.a, b = lab.b;
        ASSERT_EQ(clip_chroma(lab.l, a, b), 1.0f);
        ASSERT_EQ(a, lab.a);
        ASSERT_EQ(b, lab.b);
    }
}

TEST(ClipChroma, TakesTheLargestFactorThatFits)
{
    std::mt19937 generator(3);
    std::uniform_real_distribution<float> luminance(0.0f, 100.0f), chroma(-150.0f, 150.0f);
    int clipped = 0;
    for (int i = 0; i < 20000; ++i) {
        const float l = luminance(generator), a = chroma(generator), b = chroma(generator);
        float new_a = a, new_b = b;
        const float factor = clip_chroma(l, new_a, new_b);
        ASSERT_GE(factor, 0.0f);
        ASSERT_LE(factor, 1.0f);
        ASSERT_NEAR(new_a, factor * a, 1e-4f); // the hue is kept
        ASSERT_NEAR(new_b, factor * b, 1e-4f);
        ASSERT_LE(outside(l, new_a, new_b), 1e-4f);
        if (factor < 1.0f) {
            ++clipped;
            const float more = factor + 1e-3f;
            ASSERT_GT(outside(l, more * a, more * b), 1e-6f) << l << " " << a << " " << b;
        }
    }
    EXPECT_GT(clipped, 5000);
}

TEST(ClipChroma, BlackAndWhiteHaveRoomForNoChroma)
{
    // At L = 0 the room that clip_chroma() leaves for rounding, 1e-5 in linear RGB, is a chroma of 0.06.
    for (const float l : {0.0f, 100.0f, -5.0f, 130.0f}) {
        float a = 60.0f, b = -40.0f;
        clip_chroma(l, a, b);
        EXPECT_NEAR(std::hypot(a, b), 0.0f, 0.1f) << l;
    }
}

TEST(ClipChroma, PlanesAndPointsAgree)
{
    std::mt19937 generator(4);
    std::uniform_real_distribution<float> luminance(0.0f, 100.0f), chroma(-150.0f, 150.0f);
    Plane l(37, 19), a(37, 19), b(37, 19);
    for (std::size_t i = 0; i < l.values.size(); ++i) {
        l.values[i] = luminance(generator);
        a.values[i] = chroma(generator);
        b.values[i] = chroma(generator);
    }
    for (const simd::Level level : {simd::Level::avx512, simd::Level::avx2, simd::Level::baseline}) {
        simd::limit = level;
        Plane new_a = a, new_b = b;
        clip_chroma(l, new_a, new_b);
        for (std::size_t i = 0; i < l.values.size(); ++i) {
            float point_a = a.values[i], point_b = b.values[i];
            clip_chroma(l.values[i], point_a, point_b);
            ASSERT_NEAR(new_a.values[i], point_a, 1e-3f);
            ASSERT_NEAR(new_b.values[i], point_b, 1e-3f);
            ASSERT_LE(outside(l.values[i], new_a.values[i], new_b.values[i]), 1e-4f);
        }
    }
    simd::limit = simd::Level::avx512;
    Plane small(36, 19);
    EXPECT_THROW(clip_chroma(l, small, b), Error);
    EXPECT_THROW(clip_chroma(l, a, small), Error);
}

} // namespace
} // namespace chromatch
