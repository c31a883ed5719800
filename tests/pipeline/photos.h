// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the tests of the pipeline colour, and with what.
#pragma once

#include "chromatch.h"

#include <gtest/gtest.h>
#include <stb_image.h>

#include <cmath>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>

namespace chromatch::testing_photos {

inline const std::filesystem::path models_folder = CHROMATCH_TEST_MODELS;
inline const std::filesystem::path samples_folder = CHROMATCH_TEST_SAMPLES;

inline Colorizer& colorizer()
{
    static const std::unique_ptr<Colorizer> instance = load_colorizer({models_folder});
    return *instance;
}

/// Soft coloured waves: something to match, of any size.
inline LabImage waves(int height, int width, float phase = 0.0f)
{
    LabImage image{Plane(height, width), Plane(height, width), Plane(height, width)};
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            image.l.at(y, x) = 50.0f + 25.0f * std::sin(0.11f * x + phase) * std::cos(0.07f * y);
            image.a.at(y, x) = 20.0f * std::sin(0.05f * x + phase);
            image.b.at(y, x) = 20.0f * std::cos(0.06f * y);
        }
    }
    return image;
}

inline float from_srgb(float encoded)
{
    return encoded <= 0.04045f ? encoded / 12.92f : std::pow((encoded + 0.055f) / 1.055f, 2.4f);
}

inline float to_srgb(float linear)
{
    return linear <= 0.0031308f ? linear * 12.92f : 1.055f * std::pow(linear, 1.0f / 2.4f) - 0.055f;
}

/// A sample photo.
inline LabImage photo(const std::string& name)
{
    int width, height, channels;
    const std::filesystem::path file = samples_folder / name;
    stbi_uc* pixels = stbi_load(file.c_str(), &width, &height, &channels, 3);
    if (!pixels)
        throw std::runtime_error("cannot read " + file.string());
    LabImage image{Plane(height, width), Plane(height, width), Plane(height, width)};
    for (std::size_t i = 0; i < image.l.values.size(); i++) {
        float linear[3], lab[3];
        for (int c = 0; c < 3; c++)
            linear[c] = from_srgb(pixels[3 * i + c] / 255.0f);
        linear_rgb_to_lab(linear, lab);
        image.l.values[i] = lab[0];
        image.a.values[i] = lab[1];
        image.b.values[i] = lab[2];
    }
    stbi_image_free(pixels);
    return image;
}

/// With which code colorize() refuses the request, and in which words.
inline ErrorCode code_of(const Request& request, std::string* sentence = nullptr)
{
    try {
        colorizer().colorize(request, nullptr);
    } catch (const Error& error) {
        if (sentence)
            *sentence = error.what();
        return error.code();
    }
    ADD_FAILURE() << "colorize() did not throw";
    return ErrorCode::internal;
}

} // namespace chromatch::testing_photos
