// SPDX-License-Identifier: GPL-3.0-or-later
#include "metrics.h"

#include "pictures.h"
#include "random.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <complex>
#include <limits>
#include <numbers>
#include <numeric>

namespace chromatch {

namespace {

constexpr double pi = std::numbers::pi;

double squared_error(const Plane& first, const Plane& second)
{
    double sum = 0;
    for (std::size_t i = 0; i < first.values.size(); ++i) {
        const double difference = static_cast<double>(first.values[i]) - second.values[i];
        sum += difference * difference;
    }
    return sum;
}

/// Mean over the (2 radius + 1)^2 window, cut off at the border as in the guided filter's paper.
Plane box_mean(const Plane& source, int radius)
{
    const int height = source.height, width = source.width;
    Plane rows(height, width), mean(height, width);
    const auto average = [radius](int length, auto read, auto write) {
        double sum = 0;
        for (int i = 0; i < std::min(radius, length); ++i)
            sum += read(i);
        for (int i = 0; i < length; ++i) {
            if (i + radius < length)
                sum += read(i + radius);
            if (i - radius - 1 >= 0)
                sum -= read(i - radius - 1);
            write(i, static_cast<float>(sum / (std::min(i + radius, length - 1) - std::max(i - radius, 0) + 1)));
        }
    };
    for (int y = 0; y < height; ++y)
        average(width, [&](int x) { return source.at(y, x); }, [&](int x, float v) { rows.at(y, x) = v; });
    for (int x = 0; x < width; ++x)
        average(height, [&](int y) { return rows.at(y, x); }, [&](int y, float v) { mean.at(y, x) = v; });
    return mean;
}

Plane product(const Plane& first, const Plane& second)
{
    Plane result(first.height, first.width);
    std::transform(first.values.begin(), first.values.end(), second.values.begin(), result.values.begin(),
                   [](float a, float b) { return a * b; });
    return result;
}

/// `source` without what the guided filter keeps of it.
Plane guided_filter_residual(const Plane& source, const Plane& guide, int radius, double epsilon)
{
    const Plane guide_mean = box_mean(guide, radius), source_mean = box_mean(source, radius);
    const Plane guide_square = box_mean(product(guide, guide), radius);
    const Plane cross = box_mean(product(guide, source), radius);
    Plane slope(source.height, source.width), offset(source.height, source.width);
    for (std::size_t i = 0; i < source.values.size(); ++i) {
        const double mean = guide_mean.values[i];
        const double variance = std::max(0.0, guide_square.values[i] - mean * mean);
        const double gain = (cross.values[i] - mean * source_mean.values[i]) / (variance + epsilon);
        slope.values[i] = static_cast<float>(gain);
        offset.values[i] = static_cast<float>(source_mean.values[i] - gain * mean);
    }
    slope = box_mean(slope, radius);
    offset = box_mean(offset, radius);
    Plane residual(source.height, source.width);
    for (std::size_t i = 0; i < source.values.size(); ++i)
        residual.values[i] = source.values[i] - (slope.values[i] * guide.values[i] + offset.values[i]);
    return residual;
}

double mean_chroma(const LabImage& image)
{
    double sum = 0;
    for (std::size_t i = 0; i < image.a.values.size(); ++i)
        sum += std::hypot(image.a.values[i], image.b.values[i]);
    return sum / image.a.values.size();
}

/// Filters rows, then columns, with one odd kernel; the border is repeated outwards.
Plane separable(const Plane& source, const std::vector<float>& across, const std::vector<float>& down)
{
    const int height = source.height, width = source.width;
    Plane rows(height, width), result(height, width);
    const int across_radius = static_cast<int>(across.size() / 2), down_radius = static_cast<int>(down.size() / 2);
    for (int y = 0; y < height; ++y)
        for (int x = 0; x < width; ++x)
            for (int k = -across_radius; k <= across_radius; ++k)
                rows.at(y, x) += across[k + across_radius] * source.at(y, std::clamp(x + k, 0, width - 1));
    for (int y = 0; y < height; ++y)
        for (int k = -down_radius; k <= down_radius; ++k) {
            const float* from = rows.row(std::clamp(y + k, 0, height - 1));
            for (int x = 0; x < width; ++x)
                result.at(y, x) += down[k + down_radius] * from[x];
        }
    return result;
}

/// Squared length of the Sobel / 8 gradient after a blur of sigma 1.
Plane squared_gradient(const Plane& source)
{
    static const std::vector<float> gaussian = [] {
        std::vector<float> kernel;
        for (int k = -4; k <= 4; ++k)
            kernel.push_back(std::exp(-0.5f * k * k));
        const float sum = std::accumulate(kernel.begin(), kernel.end(), 0.0f);
        for (float& value : kernel)
            value /= sum;
        return kernel;
    }();
    const Plane smooth = separable(source, gaussian, gaussian);
    const std::vector<float> difference{-0.5f, 0.0f, 0.5f}, average{0.25f, 0.5f, 0.25f};
    const Plane x = separable(smooth, difference, average), y = separable(smooth, average, difference);
    Plane square(source.height, source.width);
    for (std::size_t i = 0; i < square.values.size(); ++i)
        square.values[i] = x.values[i] * x.values[i] + y.values[i] * y.values[i];
    return square;
}

/// Maximum over the (2 radius + 1)^2 window.
Plane window_maximum(const Plane& source, int radius)
{
    Plane rows(source.height, source.width), result(source.height, source.width);
    for (int y = 0; y < source.height; ++y)
        for (int x = 0; x < source.width; ++x)
            rows.at(y, x) = *std::max_element(source.row(y) + std::max(0, x - radius),
                                              source.row(y) + std::min(source.width, x + radius + 1));
    for (int y = 0; y < source.height; ++y)
        for (int x = 0; x < source.width; ++x) {
            float most = rows.at(y, x);
            for (int k = std::max(0, y - radius); k <= std::min(source.height - 1, y + radius); ++k)
                most = std::max(most, rows.at(k, x));
            result.at(y, x) = most;
        }
    return result;
}

constexpr int histogram_side = 21;
using Histogram = std::array<double, histogram_side * histogram_side>;

Histogram ab_histogram(const LabImage& image)
{
    Histogram histogram{};
    const auto place = [](float value, int& bin, double& rest) {
        const double at = std::clamp(value / 110.0 + 1.0, 0.0, 2.0) * (histogram_side - 1) / 2;
        bin = std::min(static_cast<int>(at), histogram_side - 2);
        rest = at - bin;
    };
    const double share = 1.0 / image.a.values.size();
    for (std::size_t i = 0; i < image.a.values.size(); ++i) {
        int a = 0, b = 0;
        double a_rest = 0, b_rest = 0;
        place(image.a.values[i], a, a_rest);
        place(image.b.values[i], b, b_rest);
        double* cell = &histogram[a * histogram_side + b];
        cell[0] += share * (1 - a_rest) * (1 - b_rest);
        cell[1] += share * (1 - a_rest) * b_rest;
        cell[histogram_side] += share * a_rest * (1 - b_rest);
        cell[histogram_side + 1] += share * a_rest * b_rest;
    }
    return histogram;
}

} // namespace

double psnr_ab(const LabImage& result, const LabImage& truth)
{
    const double error =
        (squared_error(result.a, truth.a) + squared_error(result.b, truth.b)) / (2.0 * truth.a.values.size());
    return 10 * std::log10(220.0 * 220.0 / error);
}

double psnr_rgb(const LabImage& result, const LabImage& truth)
{
    const std::vector<float> first = srgb_values(result), second = srgb_values(truth);
    double sum = 0;
    for (std::size_t i = 0; i < first.size(); ++i) {
        const double difference = static_cast<double>(first[i]) - second[i];
        sum += difference * difference;
    }
    return 10 * std::log10(255.0 * 255.0 * first.size() / sum);
}

double ciede2000(const double first[3], const double second[3])
{
    // The names are the paper's; angles in radians.
    const double degree = pi / 180, pow25_7 = std::pow(25.0, 7);
    const double c_mean = (std::hypot(first[1], first[2]) + std::hypot(second[1], second[2])) / 2;
    const double g = 0.5 * (1 - std::sqrt(std::pow(c_mean, 7) / (std::pow(c_mean, 7) + pow25_7)));
    const double a1 = (1 + g) * first[1], a2 = (1 + g) * second[1];
    const double c1 = std::hypot(a1, first[2]), c2 = std::hypot(a2, second[2]);
    const auto hue = [](double a, double b) {
        const double angle = a == 0 && b == 0 ? 0 : std::atan2(b, a);
        return angle < 0 ? angle + 2 * pi : angle;
    };
    const double h1 = hue(a1, first[2]), h2 = hue(a2, second[2]);
    const bool has_hue = c1 * c2 != 0;

    const double dl = second[0] - first[0], dc = c2 - c1;
    double dh = has_hue ? h2 - h1 : 0;
    if (dh > pi)
        dh -= 2 * pi;
    else if (dh < -pi)
        dh += 2 * pi;
    const double dh_big = 2 * std::sqrt(c1 * c2) * std::sin(dh / 2);

    const double l_mean = (first[0] + second[0]) / 2, c_mean2 = (c1 + c2) / 2;
    double h_mean = h1 + h2;
    if (has_hue) {
        if (std::abs(h1 - h2) > pi)
            h_mean += h_mean < 2 * pi ? 2 * pi : -2 * pi;
        h_mean /= 2;
    }
    const double t = 1 - 0.17 * std::cos(h_mean - 30 * degree) + 0.24 * std::cos(2 * h_mean) +
                     0.32 * std::cos(3 * h_mean + 6 * degree) - 0.20 * std::cos(4 * h_mean - 63 * degree);
    const double d_theta = 30 * degree * std::exp(-std::pow((h_mean / degree - 275) / 25, 2));
    const double r_c = 2 * std::sqrt(std::pow(c_mean2, 7) / (std::pow(c_mean2, 7) + pow25_7));
    const double l50 = (l_mean - 50) * (l_mean - 50);
    const double s_l = 1 + 0.015 * l50 / std::sqrt(20 + l50);
    const double s_c = 1 + 0.045 * c_mean2, s_h = 1 + 0.015 * c_mean2 * t;
    const double r_t = -std::sin(2 * d_theta) * r_c;
    const double l_term = dl / s_l, c_term = dc / s_c, h_term = dh_big / s_h;
    return std::sqrt(l_term * l_term + c_term * c_term + h_term * h_term + r_t * c_term * h_term);
}

double mean_ciede2000(const LabImage& result, const LabImage& truth)
{
    double sum = 0;
    for (std::size_t i = 0; i < truth.l.values.size(); ++i) {
        const double first[3] = {result.l.values[i], result.a.values[i], result.b.values[i]};
        const double second[3] = {truth.l.values[i], truth.a.values[i], truth.b.values[i]};
        sum += ciede2000(first, second);
    }
    return sum / truth.l.values.size();
}

double mean_delta_l(const LabImage& result, const LabImage& truth)
{
    double sum = 0;
    for (std::size_t i = 0; i < truth.l.values.size(); ++i)
        sum += std::abs(static_cast<double>(result.l.values[i]) - truth.l.values[i]);
    return sum / truth.l.values.size();
}

double histogram_intersection(const LabImage& result, const LabImage& reference)
{
    const Histogram first = ab_histogram(result), second = ab_histogram(reference);
    double sum = 0;
    for (std::size_t i = 0; i < first.size(); ++i)
        sum += std::min(first[i], second[i]);
    return sum;
}

double chroma_noise(const LabImage& image)
{
    const double chroma = mean_chroma(image);
    if (chroma == 0)
        return 0;
    double sum = 0;
    for (const Plane* plane : {&image.a, &image.b})
        for (const float value : guided_filter_residual(*plane, image.l, 4, 4).values)
            sum += static_cast<double>(value) * value;
    return std::sqrt(sum / image.a.values.size()) / chroma;
}

double unsupported_chroma_edges(const LabImage& image)
{
    const Plane a = squared_gradient(image.a), b = squared_gradient(image.b);
    const Plane support = window_maximum(squared_gradient(image.l), 2);
    double unsupported = 0, all = 0;
    for (std::size_t i = 0; i < a.values.size(); ++i) {
        const double length = std::sqrt(static_cast<double>(a.values[i]) + b.values[i]);
        all += length;
        unsupported += support.values[i] <= 1 ? length : 0;
    }
    return all > 0 ? unsupported / all : 0;
}

double colourfulness(const LabImage& image)
{
    const std::vector<float> rgb = srgb_values(image);
    const double count = static_cast<double>(image.l.values.size());
    double rg_sum = 0, yb_sum = 0, rg_square = 0, yb_square = 0;
    for (std::size_t i = 0; i < rgb.size(); i += 3) {
        const double rg = static_cast<double>(rgb[i]) - rgb[i + 1];
        const double yb = 0.5 * (static_cast<double>(rgb[i]) + rgb[i + 1]) - rgb[i + 2];
        rg_sum += rg;
        yb_sum += yb;
        rg_square += rg * rg;
        yb_square += yb * yb;
    }
    const double rg_mean = rg_sum / count, yb_mean = yb_sum / count;
    const double variance = rg_square / count - rg_mean * rg_mean + yb_square / count - yb_mean * yb_mean;
    return std::sqrt(std::max(0.0, variance)) + 0.3 * std::hypot(rg_mean, yb_mean);
}

double auc(const std::vector<float>& scores, const std::vector<std::uint8_t>& labels)
{
    std::vector<std::size_t> order(scores.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    std::sort(order.begin(), order.end(), [&](std::size_t i, std::size_t k) { return scores[i] < scores[k]; });
    // Mann-Whitney: every positive counts the negatives below it, and half of those at its own score.
    double below = 0, wins = 0, positives = 0;
    for (std::size_t i = 0; i < order.size();) {
        double tied_positives = 0, tied_negatives = 0;
        const float score = scores[order[i]];
        for (; i < order.size() && scores[order[i]] == score; ++i)
            ++(labels[order[i]] ? tied_positives : tied_negatives);
        wins += tied_positives * (below + tied_negatives / 2);
        below += tied_negatives;
        positives += tied_positives;
    }
    if (positives == 0 || below == 0)
        return std::numeric_limits<double>::quiet_NaN();
    return wins / (positives * below);
}

Interval bootstrap_mean(const std::vector<double>& values, std::uint64_t seed, int resamples)
{
    return bootstrap_ratio(values, std::vector<double>(values.size(), 1.0), seed, resamples);
}

Interval bootstrap_ratio(const std::vector<double>& parts, const std::vector<double>& wholes, std::uint64_t seed,
                         int resamples)
{
    const double ratio =
        std::accumulate(parts.begin(), parts.end(), 0.0) / std::accumulate(wholes.begin(), wholes.end(), 0.0);
    if (!std::isfinite(ratio) || resamples < 1)
        return {ratio, ratio, ratio};
    Random random(seed);
    std::vector<double> ratios;
    for (int i = 0; i < resamples; ++i) {
        double part = 0, whole = 0;
        for (std::size_t k = 0; k < parts.size(); ++k) {
            const std::size_t drawn = random.index(parts.size());
            part += parts[drawn];
            whole += wholes[drawn];
        }
        if (whole != 0)
            ratios.push_back(part / whole);
    }
    std::sort(ratios.begin(), ratios.end());
    const auto quantile = [&](double part) { return ratios[std::lround(part * (ratios.size() - 1))]; };
    return {ratio, quantile(0.025), quantile(0.975)};
}

double hue_rotation(const LabImage& turned, const LabImage& original)
{
    std::complex<double> sum = 0;
    for (std::size_t i = 0; i < original.a.values.size(); ++i)
        sum += std::complex<double>(turned.a.values[i], turned.b.values[i]) *
               std::complex<double>(original.a.values[i], -original.b.values[i]);
    return sum == 0.0 ? 0 : std::arg(sum) * 180 / pi;
}

double rotation_slope(const std::vector<double>& applied, std::vector<double> measured)
{
    double before = 0, cross = 0, square = 0;
    for (std::size_t i = 0; i < applied.size(); ++i) {
        measured[i] += 360 * std::round((before - measured[i]) / 360);
        before = measured[i];
        cross += applied[i] * measured[i];
        square += applied[i] * applied[i];
    }
    return cross / square;
}

} // namespace chromatch
