// SPDX-License-Identifier: GPL-3.0-or-later
#include "map_pairs.h"

#include <cmath>
#include <random>

namespace chromatch {

namespace {

std::vector<float> random_map(const Shape& shape, std::mt19937_64& generator)
{
    std::normal_distribution<float> normal;
    std::vector<float> values(shape.values());
    for (std::size_t pixel = 0; pixel < values.size(); pixel += shape.channels) {
        double squares = 0.0;
        for (int c = 0; c < shape.channels; ++c) {
            const float value = values[pixel + c] = normal(generator);
            squares += double(value) * value;
        }
        const float factor = static_cast<float>(1.0 / std::sqrt(squares));
        for (int c = 0; c < shape.channels; ++c)
            values[pixel + c] *= factor;
    }
    return values;
}

} // namespace

MapPairs random_maps(const Shape& shape, std::uint64_t seed)
{
    std::mt19937_64 generator(seed);
    MapPairs maps{shape, "random", {}, {}};
    maps.target = random_map(shape, generator);
    maps.reference = random_map(shape, generator);
    return maps;
}

} // namespace chromatch
