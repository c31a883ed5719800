// SPDX-License-Identifier: GPL-3.0-or-later
//
// Warping by voting: Barnes et al., "PatchMatch", SIGGRAPH 2009, section 4; He et al., "Deep exemplar-based
// colorization", SIGGRAPH 2018.
#include "matching/voting.h"

#include "chromatch.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace chromatch {
namespace {

/// A field that points outside is a fault of the program, but reading there must not happen all the same.
void check_field(const NearestNeighbourField& field, const char* name, int height, int width)
{
    const std::string what = std::string("the ") + name;
    if (field.height < 1 || field.width < 1 ||
        field.match.size() != static_cast<std::size_t>(field.height) * field.width)
        throw Error(ErrorCode::internal, what + " of " + std::to_string(field.height) + " x " +
                                             std::to_string(field.width) + " holds " +
                                             std::to_string(field.match.size()) + " matches");
    for (const Coordinate& match : field.match)
        if (match.y >= height || match.x >= width)
            throw Error(ErrorCode::internal, what + " points at (" + std::to_string(match.y) + ", " +
                                                 std::to_string(match.x) + "), outside of " + std::to_string(height) +
                                                 " x " + std::to_string(width));
}

/// Indices into the reference that vote for target pixel (y, x). Returns their number, at least 1 where the field keeps
/// to the mask: the pixel's own match votes.
int voters(const NearestNeighbourField& field, int y, int x, int reference_height, int reference_width, int radius,
           const std::uint8_t* mask, std::size_t* indices)
{
    int count = 0;
    for (int py = std::max(0, y - radius); py <= std::min(field.height - 1, y + radius); ++py)
        for (int px = std::max(0, x - radius); px <= std::min(field.width - 1, x + radius); ++px) {
            const Coordinate match = field.match[field.index(py, px)];
            const int ry = match.y + y - py, rx = match.x + x - px;
            if (ry < 0 || ry >= reference_height || rx < 0 || rx >= reference_width)
                continue;
            const std::size_t index = static_cast<std::size_t>(ry) * reference_width + rx;
            if (!mask || mask[index])
                indices[count++] = index;
        }
    return count;
}

} // namespace

std::vector<float> vote(const NearestNeighbourField& field, const float* values, int channels, int reference_height,
                        int reference_width, int patch, const std::uint8_t* reference_mask)
{
    if (patch != 1 && patch != 3 && patch != 5)
        throw Error(ErrorCode::bad_option, "the patch is " + std::to_string(patch) + "; 1, 3 or 5 is possible");
    if (values == nullptr || channels < 1)
        throw Error(ErrorCode::internal, "voting was given " + std::to_string(channels) + " channels");
    check_field(field, "field", reference_height, reference_width);
    const std::size_t plane = static_cast<std::size_t>(field.height) * field.width;
    const std::size_t reference_plane = static_cast<std::size_t>(reference_height) * reference_width;
    std::vector<float> result(plane * channels);
    std::size_t indices[25];
    for (int y = 0; y < field.height; ++y)
        for (int x = 0; x < field.width; ++x) {
            const int count =
                voters(field, y, x, reference_height, reference_width, patch / 2, reference_mask, indices);
            if (count == 0)
                throw Error(ErrorCode::internal,
                            "the field points at (" + std::to_string(field.match[field.index(y, x)].y) + ", " +
                                std::to_string(field.match[field.index(y, x)].x) + "), which the mask excludes");
            for (int c = 0; c < channels; ++c) {
                double sum = 0.0;
                for (int i = 0; i < count; ++i)
                    sum += values[c * reference_plane + indices[i]];
                result[c * plane + field.index(y, x)] = static_cast<float>(sum / count);
            }
        }
    return result;
}

std::vector<float> cycle_confidence(const NearestNeighbourField& forward, const NearestNeighbourField& reverse,
                                    float sigma)
{
    if (!(sigma > 0.0f) || !std::isfinite(sigma))
        throw Error(ErrorCode::bad_option,
                    "sigma of the cycle confidence is " + std::to_string(sigma) + "; it must be above 0");
    check_field(forward, "forward field", reverse.height, reverse.width);
    check_field(reverse, "reverse field", forward.height, forward.width);
    std::vector<float> confidence(forward.match.size());
    for (int y = 0; y < forward.height; ++y)
        for (int x = 0; x < forward.width; ++x) {
            const Coordinate there = forward.match[forward.index(y, x)];
            const Coordinate back = reverse.match[reverse.index(there.y, there.x)];
            const float dy = static_cast<float>(back.y - y), dx = static_cast<float>(back.x - x);
            confidence[forward.index(y, x)] = std::exp(-(dy * dy + dx * dx) / (2.0f * sigma * sigma));
        }
    return confidence;
}

} // namespace chromatch
