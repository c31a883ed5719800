// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipeline/chroma_smoothing.h"

#include "resampling/resize.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace chromatch {
namespace {

// models/evaluation/README.md tells how they were chosen.
constexpr float strength = 30.0f; ///< lambda of the paper, where the short side has `usual_side` pixels
constexpr float usual_side = 128.0f;
constexpr float luminance_deviation = 1.0f; ///< difference of L between neighbours there that ties them e times less
constexpr float least_weight = 0.02f;       ///< of a colour that is not trusted at all
constexpr int rounds = 2;                   ///< along rows and columns

/// What is smoothed: weighted chroma and, to divide by, the weight.
using Planes = std::array<Plane, 3>;

/// Solves for each line, in each plane f, the u of least sum (u - f)^2 + sum tie (u - next u)^2. `step` leads from a
/// pixel to the next one of its line, `line_step` to the next line. alike: of each pixel and its next, [0, 1].
void smooth_lines(int lines, int line_step, int length, int step, const std::vector<float>& alike, float lambda,
                  Planes& planes)
{
    std::vector<float> ratio(length);
    for (int line = 0; line < lines; line++) {
        const auto at = [&](int i) { return static_cast<std::size_t>(line) * line_step + std::size_t(i) * step; };
        float before = 0.0f; // the tie to the pixel before
        for (int i = 0; i < length; i++) {
            const float after = i + 1 < length ? lambda * alike[at(i)] : 0.0f;
            const float pivot = 1.0f + after + before * (i > 0 ? 1.0f - ratio[i - 1] : 0.0f);
            ratio[i] = after / pivot;
            for (Plane& plane : planes)
                plane.values[at(i)] = (plane.values[at(i)] + (i > 0 ? before * plane.values[at(i - 1)] : 0.0f)) / pivot;
            before = after;
        }
        for (int i = length - 2; i >= 0; i--)
            for (Plane& plane : planes)
                plane.values[at(i)] += ratio[i] * plane.values[at(i + 1)];
    }
}

/// How alike each pixel's luminance and the next one's are; `step` leads there. The last ones are never asked for.
/// size: of the picture, in usual ones; the larger it is, the less an edge shows between two neighbours.
std::vector<float> likenesses(const Plane& luminance, int step, float size)
{
    std::vector<float> alike(luminance.values.size(), 0.0f);
    for (std::size_t i = 0; i + step < alike.size(); i++)
        alike[i] = std::exp(-std::abs(luminance.values[i + step] - luminance.values[i]) * size / luminance_deviation);
    return alike;
}

} // namespace

void smooth_chroma(const Plane& luminance, const Plane& trust, Plane& a, Plane& b)
{
    const int height = a.height, width = a.width;
    const Plane small = resize(luminance, height, width);
    const float size = std::min(height, width) / usual_side;
    const std::vector<float> across = likenesses(small, 1, size), down = likenesses(small, width, size);
    Planes planes{a, b, Plane(height, width)};
    for (std::size_t i = 0; i < a.values.size(); i++) {
        const float weight = least_weight + std::clamp(trust.values[i], 0.0f, 1.0f);
        planes[0].values[i] *= weight;
        planes[1].values[i] *= weight;
        planes[2].values[i] = weight;
    }
    for (int round = 0; round < rounds; round++) {
        // Equation 18 of the paper: each round reaches half as far as the one before.
        const float share = 1.5f * std::pow(4.0f, rounds - 1.0f - round) / (std::pow(4.0f, float(rounds)) - 1.0f);
        const float lambda = share * strength * size * size;
        smooth_lines(height, width, width, 1, across, lambda, planes);
        smooth_lines(width, 1, height, width, down, lambda, planes);
    }
    for (std::size_t i = 0; i < a.values.size(); i++) {
        const float change = 1.0f - std::pow(std::clamp(trust.values[i], 0.0f, 1.0f), 4.0f);
        a.values[i] = std::lerp(a.values[i], planes[0].values[i] / planes[2].values[i], change);
        b.values[i] = std::lerp(b.values[i], planes[1].values[i] / planes[2].values[i], change);
    }
}

} // namespace chromatch
