// SPDX-License-Identifier: GPL-3.0-or-later
//
// Joint upsampling with the fast guided filter: He and Sun, "Fast guided filter", 2015; He, Sun and Tang, "Guided image
// filtering", TPAMI 2013.
//
// In each window of the small image chroma is fitted as slope * L + offset; the slopes of all windows over a pixel are
// averaged, interpolated to full size and applied to the full-size L. One thing is different from the paper: what the
// linear model leaves over at the small size is not thrown away but interpolated and added,
//
//     result = up(slope) * L + up(offset) + up(chroma - slope * l - offset) = up(slope) * L + up(chroma - slope * l)
//
// (l: L at the small size). So chroma that does not follow the luminance is interpolated as it is, flat luminance gives
// plain bilinear interpolation, and the result shrunk again is the chroma that came in. The offset cancels.
#include "resampling/guided_upsampling.h"

#include "matching/parallel.h"
#include "resampling/resize.h"

#include <algorithm>
#include <cmath>
#include <string>

namespace chromatch {
namespace {

constexpr int fit_radius = 4;          // small pixels
constexpr float regularisation = 4.0f; // variance of L, [0, 100]^2, below which a window counts as flat
// The model extrapolates where the full-size L goes beyond its range in the small image (thin lines, highlights). There
// the result may not leave the chroma that the neighbourhood really has: at most its smallest and largest value within
// this many small pixels, and a tenth of their difference beyond, since averaging made the extremes smaller.
constexpr int bounds_radius = 2;
constexpr float bounds_margin = 0.1f;

/// Mean over the window of (2 * radius + 1)^2 pixels, cut off at the borders.
Plane box_mean(const Plane& source, int radius)
{
    Plane across(source.height, source.width), result(source.height, source.width);
    for (int y = 0; y < source.height; ++y) {
        const float* from = source.row(y);
        double sum = 0.0;
        for (int x = 0; x < std::min(radius, source.width); ++x)
            sum += from[x];
        for (int x = 0; x < source.width; ++x) {
            if (x + radius < source.width)
                sum += from[x + radius];
            if (x - radius - 1 >= 0)
                sum -= from[x - radius - 1];
            across.at(y, x) =
                static_cast<float>(sum / (std::min(source.width - 1, x + radius) - std::max(0, x - radius) + 1));
        }
    }
    std::vector<float> sum(source.width);
    for (int y = 0; y < source.height; ++y) {
        const int first = std::max(0, y - radius), last = std::min(source.height - 1, y + radius);
        std::fill(sum.begin(), sum.end(), 0.0f);
        for (int i = first; i <= last; ++i)
            for (int x = 0; x < source.width; ++x)
                sum[x] += across.at(i, x);
        for (int x = 0; x < source.width; ++x)
            result.at(y, x) = sum[x] / static_cast<float>(last - first + 1);
    }
    return result;
}

Plane product(const Plane& p, const Plane& q)
{
    Plane result(p.height, p.width);
    for (std::size_t i = 0; i < result.values.size(); ++i)
        result.values[i] = p.values[i] * q.values[i];
    return result;
}

/// The largest value of each window (larger(x, y) chooses it; the smallest with the order reversed).
template <class Choose> Plane window_extreme(const Plane& source, const Choose& choose)
{
    Plane across = source, result = source;
    for (int y = 0; y < source.height; ++y)
        for (int x = 0; x < source.width; ++x)
            for (int i = std::max(0, x - bounds_radius); i <= std::min(source.width - 1, x + bounds_radius); ++i)
                across.at(y, x) = choose(across.at(y, x), source.at(y, i));
    result = across;
    for (int y = 0; y < source.height; ++y)
        for (int i = std::max(0, y - bounds_radius); i <= std::min(source.height - 1, y + bounds_radius); ++i)
            for (int x = 0; x < source.width; ++x)
                result.at(y, x) = choose(result.at(y, x), across.at(i, x));
    return result;
}

/// What is interpolated to full size for one chroma channel.
struct Model {
    Plane slope;  ///< chroma per L
    Plane rest;   ///< chroma - slope * L
    Plane lowest; ///< bounds of the result
    Plane highest;
};

/// `luminance`: small, centred (so that squares keep their precision). `mean` and `variance` are its own.
Model fit(const Plane& luminance, const Plane& mean, const Plane& variance, const Plane& chroma)
{
    const Plane chroma_mean = box_mean(chroma, fit_radius);
    const Plane mixed = box_mean(product(luminance, chroma), fit_radius);
    Plane slope(chroma.height, chroma.width);
    for (std::size_t i = 0; i < slope.values.size(); ++i) {
        const float covariance = mixed.values[i] - mean.values[i] * chroma_mean.values[i];
        slope.values[i] = covariance / (variance.values[i] + regularisation);
    }
    Model model;
    model.slope = box_mean(slope, fit_radius);
    model.rest = chroma;
    for (std::size_t i = 0; i < chroma.values.size(); ++i)
        model.rest.values[i] -= model.slope.values[i] * luminance.values[i];
    model.lowest = window_extreme(chroma, [](float x, float y) { return std::min(x, y); });
    model.highest = window_extreme(chroma, [](float x, float y) { return std::max(x, y); });
    for (std::size_t i = 0; i < chroma.values.size(); ++i) {
        const float margin = bounds_margin * (model.highest.values[i] - model.lowest.values[i]);
        model.lowest.values[i] -= margin;
        model.highest.values[i] += margin;
    }
    return model;
}

/// Where a full-size pixel lies between two small ones.
struct Between {
    int first, second;
    float weight; // of the second
};

std::vector<Between> make_between(int small, int full)
{
    std::vector<Between> result(full);
    for (int i = 0; i < full; ++i) {
        const double place = std::clamp((i + 0.5) * small / full - 0.5, 0.0, small - 1.0);
        result[i].first = static_cast<int>(place);
        result[i].second = std::min(result[i].first + 1, small - 1);
        result[i].weight = static_cast<float>(place - result[i].first);
    }
    return result;
}

/// One small row of a model, interpolated between two rows; the four values of a pixel side by side.
void interpolate_rows(const Model& model, const Between& rows, std::vector<float>& line)
{
    const Plane* planes[4] = {&model.slope, &model.rest, &model.lowest, &model.highest};
    for (int i = 0; i < 4; ++i) {
        const float* upper = planes[i]->row(rows.first);
        const float* lower = planes[i]->row(rows.second);
        for (int x = 0; x < model.slope.width; ++x)
            line[4 * x + i] = upper[x] + rows.weight * (lower[x] - upper[x]);
    }
}

void apply(const std::vector<float>& line, const std::vector<Between>& columns, const float* luminance, float centre,
           float* chroma)
{
    for (std::size_t x = 0; x < columns.size(); ++x) {
        const float* left = line.data() + 4 * columns[x].first;
        const float* right = line.data() + 4 * columns[x].second;
        float value[4];
        for (int i = 0; i < 4; ++i)
            value[i] = left[i] + columns[x].weight * (right[i] - left[i]);
        const float free = value[0] * (luminance[x] - centre) + value[1];
        chroma[x] = std::min(std::max(free, value[2]), value[3]);
    }
}

} // namespace

void guided_upsample(const Plane& luminance, const Plane& chroma_a, const Plane& chroma_b, Plane& full_a, Plane& full_b)
{
    if (luminance.empty() || chroma_a.empty() || !chroma_a.same_size(chroma_b))
        throw Error(ErrorCode::bad_image,
                    "chroma of " + std::to_string(chroma_a.height) + " x " + std::to_string(chroma_a.width) + " and " +
                        std::to_string(chroma_b.height) + " x " + std::to_string(chroma_b.width) +
                        " cannot be upsampled to luminance of " + std::to_string(luminance.height) + " x " +
                        std::to_string(luminance.width));
    constexpr float centre = 50.0f;
    Plane small = resize(luminance, chroma_a.height, chroma_a.width);
    for (float& value : small.values)
        value -= centre;
    const Plane mean = box_mean(small, fit_radius);
    Plane variance = box_mean(product(small, small), fit_radius);
    for (std::size_t i = 0; i < variance.values.size(); ++i)
        variance.values[i] = std::max(0.0f, variance.values[i] - mean.values[i] * mean.values[i]);
    const Model model_a = fit(small, mean, variance, chroma_a), model_b = fit(small, mean, variance, chroma_b);

    const std::vector<Between> rows = make_between(small.height, luminance.height);
    const std::vector<Between> columns = make_between(small.width, luminance.width);
    Plane result_a(luminance.height, luminance.width), result_b(luminance.height, luminance.width);
    parallel_for(luminance.height, 16, 0, [&](int first, int last) {
        std::vector<float> line(static_cast<std::size_t>(4) * small.width);
        for (int y = first; y < last; ++y) {
            interpolate_rows(model_a, rows[y], line);
            apply(line, columns, luminance.row(y), centre, result_a.row(y));
            interpolate_rows(model_b, rows[y], line);
            apply(line, columns, luminance.row(y), centre, result_b.row(y));
        }
    });
    full_a = std::move(result_a);
    full_b = std::move(result_b);
}

} // namespace chromatch
