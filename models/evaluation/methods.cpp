// SPDX-License-Identifier: GPL-3.0-or-later
#include "methods.h"

#include "pictures.h"
#include "random.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <utility>
#include <vector>

namespace chromatch {

namespace {

constexpr int lookup_levels = 256;

int lookup_level(float l)
{
    return std::clamp(static_cast<int>(l / 100.0f * lookup_levels), 0, lookup_levels - 1);
}

constexpr int welsh_samples_down = 10; // of a jittered grid of 200
constexpr int welsh_samples_across = 20;
constexpr int welsh_radius = 2; // of the 5 x 5 window

struct Statistics {
    double mean = 0;
    double deviation = 0;
};

/// Of L over rows [top, bottom) and columns [left, right).
Statistics statistics(const Plane& plane, int top, int bottom, int left, int right)
{
    double sum = 0, square = 0;
    for (int y = top; y < bottom; ++y)
        for (int x = left; x < right; ++x) {
            sum += plane.at(y, x);
            square += static_cast<double>(plane.at(y, x)) * plane.at(y, x);
        }
    const double count = static_cast<double>(bottom - top) * (right - left);
    return {sum / count, std::sqrt(std::max(0.0, square / count - sum / count * sum / count))};
}

Statistics statistics(const Plane& plane)
{
    return statistics(plane, 0, plane.height, 0, plane.width);
}

double local_deviation(const Plane& plane, int y, int x)
{
    return statistics(plane, std::max(0, y - welsh_radius), std::min(plane.height, y + welsh_radius + 1),
                      std::max(0, x - welsh_radius), std::min(plane.width, x + welsh_radius + 1))
        .deviation;
}

struct WelshSample {
    double l, deviation;
    float a, b;
};

/// One random pixel of each cell of a grid over the reference.
std::vector<WelshSample> welsh_samples(const LabImage& reference, std::uint64_t seed)
{
    Random random(seed);
    const auto place = [&](int cell, int cells, int length) {
        const int at = static_cast<int>((cell + random.uniform(0, 1)) * length / cells);
        return std::min(at, length - 1);
    };
    std::vector<WelshSample> samples;
    for (int row = 0; row < welsh_samples_down; ++row)
        for (int column = 0; column < welsh_samples_across; ++column) {
            const int y = place(row, welsh_samples_down, reference.l.height);
            const int x = place(column, welsh_samples_across, reference.l.width);
            samples.push_back(
                {reference.l.at(y, x), local_deviation(reference.l, y, x), reference.a.at(y, x), reference.b.at(y, x)});
        }
    return samples;
}

} // namespace

Method network_method(Colorizer& colorizer, int working_size, std::uint64_t seed, bool insist)
{
    const auto colour = [&colorizer, working_size, seed, insist](const Plane& target, const LabImage* reference,
                                                                 const Hints& hints) {
        Request request;
        request.hints = hints;
        request.luminance = target;
        if (reference)
            request.references.push_back({*reference, {}});
        request.options.working_size = working_size;
        request.options.seed = seed;
        request.options.insist = insist;
        const auto start = std::chrono::steady_clock::now();
        Result result = colorizer.colorize(request, nullptr);
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        return Coloured{{target, std::move(result.a), std::move(result.b)},
                        std::move(result.confidence),
                        elapsed.count(),
                        std::move(result.matched_a),
                        std::move(result.matched_b)};
    };
    if (insist) // which means nothing without a reference
        return {"insist", Method::Reference::needed, true, colour};
    return {"network", Method::Reference::optional, true, colour, true};
}

Method lookup_method()
{
    return {"look-up", Method::Reference::needed, false,
            [](const Plane& target, const LabImage* reference, const Hints&) {
                return Coloured{luminance_lookup(target, *reference), {}};
            }};
}

Method welsh_method(std::uint64_t seed)
{
    return {"welsh", Method::Reference::needed, false,
            [seed](const Plane& target, const LabImage* reference, const Hints&) {
                return Coloured{welsh_transfer(target, *reference, seed), {}};
            }};
}

Method gray_method()
{
    return {"gray", Method::Reference::ignored, false,
            [](const Plane& target, const LabImage*, const Hints&) { return Coloured{gray_image(target), {}}; }};
}

LabImage luminance_lookup(const Plane& target, const LabImage& reference)
{
    std::array<double, lookup_levels> target_count{}, count{}, a_sum{}, b_sum{};
    for (const float l : target.values)
        target_count[lookup_level(l)] += 1.0 / target.values.size();
    for (std::size_t i = 0; i < reference.l.values.size(); ++i) {
        const int level = lookup_level(reference.l.values[i]);
        count[level] += 1.0 / reference.l.values.size();
        a_sum[level] += reference.a.values[i];
        b_sum[level] += reference.b.values[i];
    }
    // The reference's level at the rank of the middle of each target level. Stepping only onto levels that have pixels
    // keeps the mean defined.
    std::array<float, lookup_levels> a{}, b{};
    int matched = -1;
    double target_below = 0, reference_up_to = 0;
    for (int level = 0; level < lookup_levels; ++level) {
        const double rank = target_below + target_count[level] / 2;
        target_below += target_count[level];
        for (int next = matched + 1; next < lookup_levels && (matched < 0 || reference_up_to < rank); ++next) {
            if (count[next] == 0)
                continue;
            matched = next;
            reference_up_to += count[next];
        }
        const double pixels = count[matched] * reference.l.values.size();
        a[level] = static_cast<float>(a_sum[matched] / pixels);
        b[level] = static_cast<float>(b_sum[matched] / pixels);
    }
    LabImage result = {target, Plane(target.height, target.width), Plane(target.height, target.width)};
    for (std::size_t i = 0; i < target.values.size(); ++i) {
        const int level = lookup_level(target.values[i]);
        result.a.values[i] = a[level];
        result.b.values[i] = b[level];
    }
    return result;
}

LabImage welsh_transfer(const Plane& target, const LabImage& reference, std::uint64_t seed)
{
    const std::vector<WelshSample> samples = welsh_samples(reference, seed);
    const Statistics from = statistics(target), to = statistics(reference.l);
    const double gain = from.deviation > 0 ? to.deviation / from.deviation : 1;
    LabImage result = gray_image(target);
    for (int y = 0; y < target.height; ++y)
        for (int x = 0; x < target.width; ++x) {
            const double l = to.mean + gain * (target.at(y, x) - from.mean);
            const double deviation = gain * local_deviation(target, y, x);
            const auto distance = [&](const WelshSample& sample) {
                return std::abs(sample.l - l) + std::abs(sample.deviation - deviation);
            };
            const auto nearest =
                std::min_element(samples.begin(), samples.end(),
                                 [&](const WelshSample& p, const WelshSample& q) { return distance(p) < distance(q); });
            result.a.at(y, x) = nearest->a;
            result.b.at(y, x) = nearest->b;
        }
    return result;
}

} // namespace chromatch
