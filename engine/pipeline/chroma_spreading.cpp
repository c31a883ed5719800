// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipeline/chroma_spreading.h"

#include "matching/parallel.h"
#include "resampling/resize.h"

#include <algorithm>
#include <cmath>

namespace chromatch {
namespace {

// Chosen on the first 30 validation photos: P1 must not lose by it, P3 and hints (P4h) gain. The weight of one place
// for another is a product of the source there and three falling functions, of unlike features, other luminance and
// distance.
constexpr int grid_size = 32;                ///< places on the short side
constexpr float temperature = 0.12f;         ///< of the features' cosine
constexpr float luminance_deviation = 12.0f; ///< L
constexpr float reach = 0.3f;                ///< standard deviation of the distance, in short sides
constexpr float furthest = 3.0f;             ///< in standard deviations; what is further away is not looked at
/// So much weight in sum replaces half of a guess; a place that is the same has 1.
constexpr float half_weight = 5e-4f;
/// Colours as far from the mean as this count little, so that the mean of blue and yellow is one of both, not gray.
constexpr float chroma_deviation = 18.0f; ///< Lab units
constexpr int mean_shifts = 2;

/// One grid place after the other for each channel, so that the sums over channels run over neighbours in memory.
struct Grid {
    int height = 0, width = 0, channels = 0;
    std::vector<float> features; ///< channels x height x width, each place of length 1
    Plane luminance, source;
    Plane a, b; ///< of what serves others there

    std::size_t places() const { return static_cast<std::size_t>(height) * width; }
};

std::vector<float> shrink_features(const FeatureMap& map, int height, int width)
{
    const std::size_t places = static_cast<std::size_t>(height) * width;
    std::vector<float> result(places * map.channels), squares(places, 0.0f);
    Plane channel(map.height, map.width);
    for (int c = 0; c < map.channels; c++) {
        for (std::size_t i = 0; i < channel.values.size(); i++)
            channel.values[i] = map.values[i * map.channels + c];
        const Plane small = resize(channel, height, width);
        std::copy(small.values.begin(), small.values.end(), result.begin() + c * places);
        for (std::size_t i = 0; i < places; i++)
            squares[i] += small.values[i] * small.values[i];
    }
    for (std::size_t i = 0; i < result.size(); i++)
        result[i] /= std::sqrt(std::max(squares[i % places], 1e-12f));
    return result;
}

/// Each place's mean, every pixel weighted by its source, however little that is. masked_resize() has a floor
/// there, which would turn the colours of weak sources gray.
Plane weighted_mean(const Plane& plane, const Plane& source, const Plane& small_source)
{
    Plane mean = plane;
    for (std::size_t i = 0; i < mean.values.size(); i++)
        mean.values[i] *= source.values[i];
    mean = resize(mean, small_source.height, small_source.width);
    for (std::size_t i = 0; i < mean.values.size(); i++)
        mean.values[i] = small_source.values[i] > 1e-12f ? mean.values[i] / small_source.values[i] : 0.0f;
    return mean;
}

Grid make_grid(const FeatureMap& features, const Plane& luminance, const Plane& source, const Plane& a, const Plane& b)
{
    const double shrinking = std::min(1.0, double(grid_size) / std::min(features.height, features.width));
    Grid grid;
    grid.height = static_cast<int>(std::lround(features.height * shrinking));
    grid.width = static_cast<int>(std::lround(features.width * shrinking));
    grid.channels = features.channels;
    grid.features = shrink_features(features, grid.height, grid.width);
    grid.luminance = resize(luminance, grid.height, grid.width);
    grid.source = resize(source, grid.height, grid.width);
    grid.a = weighted_mean(a, source, grid.source);
    grid.b = weighted_mean(b, source, grid.source);
    return grid;
}

/// What the other places say of one place.
struct Opinion {
    float a = 0.0f, b = 0.0f;
    float share = 0.0f; ///< how far it counts, [0, 1]
};

class Neighbourhood {
  public:
    explicit Neighbourhood(const Grid& grid)
        : grid_(grid), deviation_(reach * static_cast<float>(std::min(grid.height, grid.width))),
          radius_(static_cast<int>(std::ceil(furthest * deviation_))), weight_(grid.height, grid.width)
    {
    }

    Opinion of(int y, int x)
    {
        top_ = std::max(0, y - radius_);
        bottom_ = std::min(grid_.height, y + radius_ + 1);
        left_ = std::max(0, x - radius_);
        right_ = std::min(grid_.width, x + radius_ + 1);
        float total = 0.0f;
        for (int row = top_; row < bottom_; row++)
            total += weigh_row(y, x, row);
        Opinion opinion;
        opinion.share = total / (total + half_weight);
        move_to_mean(opinion, [](float, float) { return 1.0f; });
        for (int i = 0; i < mean_shifts; i++)
            move_to_mean(opinion, [&opinion](float a, float b) {
                const float da = a - opinion.a, db = b - opinion.b;
                return std::exp(-(da * da + db * db) / (2.0f * chroma_deviation * chroma_deviation));
            });
        return opinion;
    }

  private:
    /// Fills a row of the weights for the place (y, x) and returns their sum.
    float weigh_row(int y, int x, int row)
    {
        float* weights = weight_.row(row);
        std::fill(weights + left_, weights + right_, 0.0f);
        const float* here = grid_.features.data() + static_cast<std::size_t>(y) * grid_.width + x;
        const float* there = grid_.features.data() + static_cast<std::size_t>(row) * grid_.width;
        for (int c = 0; c < grid_.channels; c++, here += grid_.places(), there += grid_.places())
            for (int column = left_; column < right_; column++)
                weights[column] += *here * there[column]; // the cosine
        const float down = static_cast<float>(row - y) / deviation_;
        float sum = 0.0f;
        for (int column = left_; column < right_; column++) {
            const float across = static_cast<float>(column - x) / deviation_;
            const float lighter = (grid_.luminance.at(row, column) - grid_.luminance.at(y, x)) / luminance_deviation;
            weights[column] =
                grid_.source.at(row, column) * std::exp((weights[column] - 1.0f) / temperature -
                                                        0.5f * (lighter * lighter + down * down + across * across));
            sum += weights[column];
        }
        return sum;
    }

    /// The mean colour around, each place weighted once more by nearness(a, b) of its colour.
    template <class Nearness> void move_to_mean(Opinion& opinion, const Nearness& nearness) const
    {
        float sum = 0.0f, a = 0.0f, b = 0.0f;
        for (int row = top_; row < bottom_; row++)
            for (int column = left_; column < right_; column++) {
                const float a_there = grid_.a.at(row, column), b_there = grid_.b.at(row, column);
                const float weight = weight_.at(row, column) * nearness(a_there, b_there);
                sum += weight;
                a += weight * a_there;
                b += weight * b_there;
            }
        if (sum > 0.0f) {
            opinion.a = a / sum;
            opinion.b = b / sum;
        }
    }

    const Grid& grid_;
    float deviation_; ///< of the distance, in places
    int radius_;
    int top_ = 0, bottom_ = 0, left_ = 0, right_ = 0; ///< what the latest place looks at
    Plane weight_;
};

} // namespace

void spread_chroma(const FeatureMap& features, const Plane& luminance, const Plane& trust, const Plane& source,
                   Plane& a, Plane& b)
{
    const Grid grid = make_grid(features, luminance, source, a, b);
    // The colours change by what the grid's places change, so that detail finer than the grid stays.
    const Plane old_a = resize(a, grid.height, grid.width), old_b = resize(b, grid.height, grid.width);
    Plane change_a(grid.height, grid.width), change_b(grid.height, grid.width);
    parallel_for(grid.height, 1, 0, [&](int first, int last) {
        Neighbourhood neighbourhood(grid);
        for (int y = first; y < last; y++)
            for (int x = 0; x < grid.width; x++) {
                const Opinion opinion = neighbourhood.of(y, x);
                change_a.at(y, x) = opinion.share * (opinion.a - old_a.at(y, x));
                change_b.at(y, x) = opinion.share * (opinion.b - old_b.at(y, x));
            }
    });
    change_a = resize(change_a, a.height, a.width);
    change_b = resize(change_b, a.height, a.width);
    for (std::size_t i = 0; i < a.values.size(); i++) {
        const float guessed = std::clamp(1.0f - trust.values[i], 0.0f, 1.0f);
        a.values[i] += guessed * change_a.values[i];
        b.values[i] += guessed * change_b.values[i];
    }
}

} // namespace chromatch
