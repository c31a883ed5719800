// SPDX-License-Identifier: GPL-3.0-or-later
//
// Feature maps for the matchers' tests, and the search in its plainest form to compare with.
#pragma once

#include "matching/nearest_neighbour_field.h"

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

namespace chromatch::testing_maps {

/// How far a distance in fixed point may be from the true one (fixed_point.h).
constexpr double rounding = 4e-4;

/// A feature map with its values.
struct Map {
    int height, width, channels;
    std::vector<float> values;

    Map(int rows, int columns, int depth)
        : height(rows), width(columns), channels(depth), values(static_cast<std::size_t>(rows) * columns * depth)
    {
    }
    FeatureMap view() const { return {values.data(), height, width, channels}; }
    float* at(int y, int x) { return values.data() + (static_cast<std::size_t>(y) * width + x) * channels; }
    const float* at(int y, int x) const { return view().at(y, x); }

    void normalise()
    {
        for (std::size_t pixel = 0; pixel < values.size(); pixel += channels) {
            double squares = 0.0;
            for (int c = 0; c < channels; ++c)
                squares += static_cast<double>(values[pixel + c]) * values[pixel + c];
            for (int c = 0; c < channels; ++c)
                values[pixel + c] = static_cast<float>(values[pixel + c] / std::sqrt(squares));
        }
    }
};

inline Map noise_map(int height, int width, int channels, unsigned seed)
{
    Map map(height, width, channels);
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal;
    for (float& value : map.values)
        value = normal(generator);
    map.normalise();
    return map;
}

/// Sums of a few smooth waves for each channel: like deep features, alike nearby and different far away.
/// (y, x) -> values at any place, so that a warped map is exact.
class SmoothField {
  public:
    SmoothField(int channels, unsigned seed) : channels_(channels)
    {
        std::mt19937 generator(seed);
        std::uniform_real_distribution<double> frequency(-0.35, 0.35), phase(0.0, 6.283185307179586);
        for (int i = 0; i < channels * waves; ++i)
            parameters_.push_back({frequency(generator), frequency(generator), phase(generator)});
    }
    void sample(double y, double x, float* values) const
    {
        for (int c = 0; c < channels_; ++c) {
            double sum = 0.0;
            for (int i = 0; i < waves; ++i) {
                const Wave& wave = parameters_[c * waves + i];
                sum += std::sin(wave.y * y + wave.x * x + wave.phase);
            }
            values[c] = static_cast<float>(sum);
        }
    }

  private:
    struct Wave {
        double y, x, phase;
    };
    static constexpr int waves = 3;
    int channels_;
    std::vector<Wave> parameters_;
};

/// The field on a grid turned by `angle` and scaled about the middle, with noise.
inline Map smooth_map(const SmoothField& field, int height, int width, int channels, double angle, double scale,
                      float noise, unsigned seed)
{
    Map map(height, width, channels);
    std::mt19937 generator(seed);
    std::normal_distribution<float> normal(0.0f, noise);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x) {
            const double dy = (y - height / 2.0) * scale, dx = (x - width / 2.0) * scale;
            field.sample(height / 2.0 + std::cos(angle) * dy - std::sin(angle) * dx,
                         width / 2.0 + std::sin(angle) * dy + std::cos(angle) * dx, map.at(y, x));
            for (int c = 0; c < channels && noise > 0.0f; ++c)
                map.at(y, x)[c] += normal(generator);
        }
    map.normalise();
    return map;
}

/// The distance of two patches, straight from its definition.
inline double patch_distance(const Map& target, const Map& reference, int ty, int tx, int ry, int rx, int patch)
{
    const int radius = patch / 2;
    double sum = 0.0;
    int count = 0;
    for (int dy = -radius; dy <= radius; ++dy)
        for (int dx = -radius; dx <= radius; ++dx) {
            if (ty + dy < 0 || ty + dy >= target.height || tx + dx < 0 || tx + dx >= target.width || ry + dy < 0 ||
                ry + dy >= reference.height || rx + dx < 0 || rx + dx >= reference.width)
                continue;
            double dot = 0.0;
            for (int c = 0; c < target.channels; ++c)
                dot += static_cast<double>(target.at(ty + dy, tx + dx)[c]) * reference.at(ry + dy, rx + dx)[c];
            sum += 2.0 - 2.0 * dot;
            ++count;
        }
    return sum / count;
}

/// The smallest distance of each target pixel's patch to any allowed reference patch.
inline std::vector<double> smallest_distances(const Map& target, const Map& reference, int patch,
                                              const std::uint8_t* mask = nullptr)
{
    std::vector<double> result;
    for (int ty = 0; ty < target.height; ++ty)
        for (int tx = 0; tx < target.width; ++tx) {
            double smallest = 1e9;
            for (int ry = 0; ry < reference.height; ++ry)
                for (int rx = 0; rx < reference.width; ++rx)
                    if (mask == nullptr || mask[ry * reference.width + rx] != 0)
                        smallest = std::min(smallest, patch_distance(target, reference, ty, tx, ry, rx, patch));
            result.push_back(smallest);
        }
    return result;
}

inline double sum_of_distances(const NearestNeighbourField& field)
{
    double sum = 0.0;
    for (const float distance : field.distance)
        sum += distance;
    return sum;
}

} // namespace chromatch::testing_maps
