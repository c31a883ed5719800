// SPDX-License-Identifier: GPL-3.0-or-later
#include "quality.h"

#include "matching/parallel.h"

#include <cmath>
#include <limits>
#include <stdexcept>

namespace chromatch {

namespace {

constexpr double tolerance = 1e-5;

void check(const NearestNeighbourField& field, const FeatureBatch& target, const FeatureBatch& reference)
{
    if (field.height != target.height || field.width != target.width || field.match.size() != target.pixels())
        throw std::runtime_error("A matcher's field has not the size of the target.");
    for (const Coordinate& match : field.match)
        if (match.y >= reference.height || match.x >= reference.width)
            throw std::runtime_error("A matcher's match lies outside the reference.");
}

} // namespace

double patch_distance(const FeatureMap& target, const FeatureMap& reference, int y, int x, Coordinate match, int patch)
{
    const int radius = patch / 2;
    double dot = 0.0;
    int count = 0;
    for (int dy = -radius; dy <= radius; ++dy)
        for (int dx = -radius; dx <= radius; ++dx) {
            const int ty = y + dy, tx = x + dx, ry = match.y + dy, rx = match.x + dx;
            if (ty < 0 || ty >= target.height || tx < 0 || tx >= target.width || ry < 0 || ry >= reference.height ||
                rx < 0 || rx >= reference.width)
                continue;
            const float* p = target.at(ty, tx);
            const float* q = reference.at(ry, rx);
            for (int c = 0; c < target.channels; ++c)
                dot += double(p[c]) * q[c];
            ++count;
        }
    return 2.0 - 2.0 * dot / count;
}

std::vector<double> true_distances(const FeatureBatch& target, const FeatureBatch& reference,
                                   const std::vector<NearestNeighbourField>& fields, int patch, int threads)
{
    std::vector<double> distances(fields.size() * target.pixels());
    for (const NearestNeighbourField& field : fields)
        check(field, target, reference);
    const int rows = static_cast<int>(fields.size()) * target.height;
    parallel_for(rows, 16, threads, [&](int first, int last) {
        for (int row = first; row < last; ++row) {
            const int map = row / target.height, y = row % target.height;
            const NearestNeighbourField& field = fields[map];
            for (int x = 0; x < target.width; ++x)
                distances[static_cast<std::size_t>(row) * target.width + x] =
                    patch_distance(target.map(map), reference.map(map), y, x, field.match[field.index(y, x)], patch);
        }
    });
    return distances;
}

Matches brute_force(const FeatureBatch& target, const FeatureBatch& reference, int patch, int threads)
{
    const NearestNeighbourField empty{target.height, target.width, std::vector<Coordinate>(target.pixels()),
                                      std::vector<float>(target.pixels())};
    Matches matches{std::vector<NearestNeighbourField>(target.count, empty), {}};
    parallel_for(target.count * target.height, 1, threads, [&](int row, int) {
        const int map = row / target.height, y = row % target.height;
        NearestNeighbourField& field = matches.forward[map];
        for (int x = 0; x < target.width; ++x) {
            double smallest = std::numeric_limits<double>::infinity();
            for (int ry = 0; ry < reference.height; ++ry)
                for (int rx = 0; rx < reference.width; ++rx) {
                    const Coordinate candidate{static_cast<std::uint16_t>(ry), static_cast<std::uint16_t>(rx)};
                    const double distance = patch_distance(target.map(map), reference.map(map), y, x, candidate, patch);
                    if (distance < smallest) {
                        smallest = distance;
                        field.match[field.index(y, x)] = candidate;
                    }
                }
            field.distance[field.index(y, x)] = static_cast<float>(smallest);
        }
    });
    return matches;
}

Quality compare(const std::vector<double>& distances, const std::vector<double>& exact)
{
    double sum = 0.0, exact_sum = 0.0;
    std::size_t same = 0;
    for (std::size_t i = 0; i < distances.size(); ++i) {
        sum += distances[i];
        exact_sum += exact[i];
        same += std::abs(distances[i] - exact[i]) <= tolerance;
    }
    return {sum / exact_sum, double(same) / double(distances.size())};
}

} // namespace chromatch
