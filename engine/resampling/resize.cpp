// SPDX-License-Identifier: GPL-3.0-or-later
#include "resampling/resize.h"

#include "matching/parallel.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace chromatch {
namespace {

/// The source pixels that one output pixel averages: weights of the pixels from `first` on.
struct Tap {
    int first;
    std::vector<float> weights; // sum 1
};

/// One tap for each output pixel. Pixels beyond the edge give their weight to the edge's pixel.
std::vector<Tap> make_taps(int source, int size)
{
    const double scale = static_cast<double>(source) / size;
    const double support = std::max(1.0, scale); // the triangle's half width, in source pixels
    std::vector<Tap> taps(size);
    for (int i = 0; i < size; ++i) {
        const double centre = (i + 0.5) * scale - 0.5; // in source pixels; pixel j's centre is at j
        const int from = static_cast<int>(std::ceil(centre - support)), to = static_cast<int>(centre + support);
        Tap& tap = taps[i];
        tap.first = std::clamp(from, 0, source - 1);
        std::vector<double> weights(std::clamp(to, 0, source - 1) - tap.first + 1, 0.0);
        double sum = 0.0;
        for (int j = from; j <= to; ++j) {
            const double weight = std::max(0.0, 1.0 - std::fabs(j - centre) / support);
            weights[std::clamp(j, 0, source - 1) - tap.first] += weight;
            sum += weight;
        }
        for (const double weight : weights)
            tap.weights.push_back(static_cast<float>(weight / sum));
    }
    return taps;
}

} // namespace

Plane resize(const Plane& source, int height, int width)
{
    if (source.empty())
        throw Error(ErrorCode::bad_image, "an empty image cannot be resized");
    if (height < 1 || width < 1)
        throw Error(ErrorCode::bad_option,
                    "an image cannot be resized to " + std::to_string(height) + " x " + std::to_string(width));
    const std::vector<Tap> rows = make_taps(source.height, height), columns = make_taps(source.width, width);
    Plane result(height, width);
    // Down first, over whole rows: when shrinking, that is where nearly all the work is, and it runs along memory.
    parallel_for(height, std::max(1, height / 64), 0, [&](int first, int last) {
        std::vector<float> line(source.width);
        for (int y = first; y < last; ++y) {
            std::fill(line.begin(), line.end(), 0.0f);
            for (std::size_t i = 0; i < rows[y].weights.size(); ++i) {
                const float weight = rows[y].weights[i];
                const float* from = source.row(rows[y].first + static_cast<int>(i));
                for (int x = 0; x < source.width; ++x)
                    line[x] += weight * from[x];
            }
            float* to = result.row(y);
            for (int x = 0; x < width; ++x) {
                float sum = 0.0f;
                for (std::size_t i = 0; i < columns[x].weights.size(); ++i)
                    sum += columns[x].weights[i] * line[columns[x].first + i];
                to[x] = sum;
            }
        }
    });
    return result;
}

} // namespace chromatch
