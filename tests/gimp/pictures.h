// SPDX-License-Identifier: GPL-3.0-or-later
//
// Pictures into and out of GIMP, through GEGL. CIELAB is computed here once more, so that the tests do not lean on the
// engine's own conversion.
#pragma once

#include <filesystem>
#include <vector>

namespace chromatch::test {

struct Picture {
    int width = 0;
    int height = 0;
    std::vector<float> rgba; ///< linear light, sRGB primaries
};

/// Writes the pictures that the scripts open.
void write_fixtures(const std::filesystem::path& folder);

/// Writes a picture as a JPEG file that says: turn me a quarter clockwise (orientation 6).
void write_turned_jpeg(const std::filesystem::path& picture, const std::filesystem::path& file);

/// Reads a file that holds several pictures of one size side by side. Throws std::runtime_error where the file is
/// missing or cannot be read.
std::vector<Picture> read_row(const std::filesystem::path& file, int count);

struct Lab {
    double l, a, b;
};

/// CIELAB (D65) of a pixel.
Lab lab_at(const Picture& picture, std::size_t pixel);

Lab mean_color(const Picture& picture);

/// A part of the picture, cut out.
Picture part_of(const Picture& picture, int x, int y, int width, int height);

// Differences of two pictures of one size count the pixels that can be seen in the first.

double mean_luminance_difference(const Picture& first, const Picture& second);
double largest_luminance_difference(const Picture& first, const Picture& second);
double mean_chroma(const Picture& picture);
double largest_alpha_difference(const Picture& first, const Picture& second);
/// Of linear light and alpha.
double largest_difference(const Picture& first, const Picture& second);

} // namespace chromatch::test
