// SPDX-License-Identifier: GPL-3.0-or-later
#include "matching/fixed_point.h"

#include "chromatch.h"
#include "matching/parallel.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

namespace chromatch {
namespace {

constexpr int sums = 16; // partial sums, so that the compiler may use vectors of any length

/// Rounds one pixel. Returns the square of its length; not finite where a value is not.
float round_pixel(const float* from, int channels, float scale, std::int16_t* to)
{
    float square[sums] = {};
    for (int c = 0; c < channels; c += sums) {
        for (int i = 0; i < sums; ++i) {
            const float value = from[c + i];
            square[i] += value * value;
            // Adding 1.5 * 2^23 leaves the rounded value in the last bits.
            const float shifted = value * scale + 12582912.0f;
            to[c + i] = static_cast<std::int16_t>(std::bit_cast<std::uint32_t>(shifted));
        }
    }
    float total = 0.0f;
    for (const float part : square)
        total += part;
    return total;
}

FixedPointMaps empty_maps(int count, int height, int width, int channels)
{
    FixedPointMaps maps{count, height, width, channels, nullptr};
    maps.values = std::make_unique_for_overwrite<std::int16_t[]>(count * maps.pixels() * channels);
    return maps;
}

/// The sum as a vector of length `scale`; zeros stay. Only operations that IEEE 754 rounds correctly, so that a CUDA
/// device does the same.
void scale_to_unit(const std::vector<std::int32_t>& sum, int scale, std::int16_t* to)
{
    std::int64_t square = 0;
    for (const std::int32_t value : sum)
        square += static_cast<std::int64_t>(value) * value;
    const double factor = square > 0 ? scale / std::sqrt(static_cast<double>(square)) : 0.0;
    for (std::size_t c = 0; c < sum.size(); ++c) {
        // 1.5 * 2^52 leaves the value, rounded half to even, in the last bits.
        const double shifted = sum[c] * factor + 6755399441055744.0;
        to[c] = static_cast<std::int16_t>(std::bit_cast<std::uint64_t>(shifted));
    }
}

std::string description(const char* name)
{
    return std::string("the ") + name + " feature map ";
}

} // namespace

void check_size(const FeatureBatch& maps, const char* name)
{
    const std::string what = description(name);
    if (maps.values == nullptr || maps.height < 1 || maps.width < 1 || maps.height > 65535 || maps.width > 65535)
        throw Error(ErrorCode::bad_image, what + "is " + std::to_string(maps.height) + " x " +
                                              std::to_string(maps.width) + "; 1 to 65535 pixels each way are possible");
    if (maps.channels < 16 || maps.channels % 16 != 0 || maps.channels > most_channels)
        throw Error(ErrorCode::bad_image, what + "has " + std::to_string(maps.channels) +
                                              " channels; a multiple of 16 up to " + std::to_string(most_channels) +
                                              " is possible");
    if (maps.count < 1 || static_cast<std::int64_t>(maps.count) * maps.height > std::numeric_limits<int>::max())
        throw Error(ErrorCode::bad_image, what + "comes " + std::to_string(maps.count) +
                                              " times; a batch has at least one map and at most 2^31 rows");
}

void refuse_vector(float square, const char* name, int y)
{
    const std::string what = description(name);
    const std::string place = " in row " + std::to_string(y);
    if (!std::isfinite(square))
        throw Error(ErrorCode::bad_image, what + "has a value that is not finite" + place);
    throw Error(ErrorCode::bad_image, what + "has a vector of length " + std::to_string(std::sqrt(square)) + place +
                                          "; at most 1 is possible");
}

FixedPointMaps to_fixed_point(const FeatureBatch& maps, int patch, const char* name, int threads)
{
    check_size(maps, name);
    FixedPointMaps result = empty_maps(maps.count, maps.height, maps.width, maps.channels);
    const auto scale = static_cast<float>(fixed_point_scale(patch));
    const std::size_t row = static_cast<std::size_t>(maps.width) * maps.channels;
    parallel_for(maps.count * maps.height, 16, threads, [&](int first, int last) {
        for (std::size_t i = first * row; i < last * row; i += maps.channels) {
            const float square = round_pixel(maps.values + i, maps.channels, scale, result.values.get() + i);
            if (!(square <= 1.001f)) // also where it is not a number
                refuse_vector(square, name, static_cast<int>(i / row) % maps.height);
        }
    });
    return result;
}

FixedPointMaps halve(const FixedPointMaps& maps, int patch, int threads)
{
    const int height = (maps.height + 1) / 2, width = (maps.width + 1) / 2;
    const int channels = maps.channels;
    FixedPointMaps result = empty_maps(maps.count, height, width, channels);
    parallel_for(maps.count * height, 4, threads, [&](int first, int last) {
        std::vector<std::int32_t> sum(channels);
        for (int row = first; row < last; ++row) {
            const int top = row % height * 2, bottom = std::min(maps.height, top + 2);
            for (int x = 0; x < width; ++x) {
                std::fill(sum.begin(), sum.end(), 0);
                for (int from_y = top; from_y < bottom; ++from_y)
                    for (int from_x = x * 2; from_x < std::min(maps.width, x * 2 + 2); ++from_x) {
                        const std::int16_t* from = maps.map(row / height) +
                                                   (static_cast<std::size_t>(from_y) * maps.width + from_x) * channels;
                        for (int c = 0; c < channels; ++c)
                            sum[c] += from[c];
                    }
                scale_to_unit(sum, fixed_point_scale(patch),
                              result.values.get() + (static_cast<std::size_t>(row) * width + x) * channels);
            }
        }
    });
    return result;
}

} // namespace chromatch
