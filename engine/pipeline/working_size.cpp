// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipeline/working_size.h"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <string>

#include "resampling/resize.h"

namespace chromatch {

namespace {

constexpr int size_step = 16; ///< the networks halve their input four times
constexpr int longest_aspect = 8;
constexpr int largest_side = 65535;
constexpr std::size_t largest_reference_count = 255;
constexpr float largest_value = 1000.0f; ///< of L, a, b: far above any colour, far below what breaks arithmetic
constexpr float largest_strength = 2.0f;
constexpr float least_share = 1e-3f; ///< of a masked pixel; what divides by it stays finite

void check_plane(const Plane& plane, const std::string& name)
{
    if (plane.height < 1 || plane.width < 1 || plane.height > largest_side || plane.width > largest_side)
        throw Error(ErrorCode::bad_image, name + " is " + std::to_string(plane.width) + " x " +
                                              std::to_string(plane.height) + " pixels; each side must be 1 to 65535.");
    if (plane.values.size() != static_cast<std::size_t>(plane.height) * plane.width)
        throw Error(ErrorCode::bad_image, name + " holds " + std::to_string(plane.values.size()) +
                                              " values instead of " + std::to_string(plane.width) + " x " +
                                              std::to_string(plane.height) + ".");
    for (std::size_t i = 0; i < plane.values.size(); i++)
        if (!(std::fabs(plane.values[i]) <= largest_value)) // not finite, or absurd
            throw Error(ErrorCode::bad_image, name + " has the value " + std::to_string(plane.values[i]) +
                                                  " at pixel (" + std::to_string(i % plane.width) + ", " +
                                                  std::to_string(i / plane.width) + ").");
}

void check_same_size(const Plane& plane, const Plane& other, const std::string& name, const std::string& other_name)
{
    if (!plane.same_size(other))
        throw Error(ErrorCode::bad_image, name + " is " + std::to_string(plane.width) + " x " +
                                              std::to_string(plane.height) + " pixels, but " + other_name + " is " +
                                              std::to_string(other.width) + " x " + std::to_string(other.height) + ".");
}

struct Size {
    int height, width;
};

int round_to_step(double length)
{
    return static_cast<int>(std::lround(length / size_step)) * size_step;
}

Size working_size(const Plane& plane, int wanted)
{
    const int shorter = std::min(plane.height, plane.width), longer = std::max(plane.height, plane.width);
    const int kept = std::clamp(shorter, minimum_working_size, round_to_step(wanted));
    const int short_side = round_to_step(kept);
    const int long_side = round_to_step(std::min(double(longer) * kept / shorter, double(longest_aspect) * short_side));
    return plane.height <= plane.width ? Size{short_side, long_side} : Size{long_side, short_side};
}

bool has_size(const Plane& plane, Size size)
{
    return plane.height == size.height && plane.width == size.width;
}

Plane resized(const Plane& plane, Size size)
{
    return has_size(plane, size) ? plane : resize(plane, size.height, size.width);
}

Plane clamped(Plane plane, float least, float most)
{
    for (float& value : plane.values)
        value = std::clamp(value, least, most);
    return plane;
}

} // namespace

void check_request(const Request& request)
{
    const Options& options = request.options;
    if (options.working_size < minimum_working_size || options.working_size > maximum_working_size)
        throw Error(ErrorCode::bad_option, "The working size " + std::to_string(options.working_size) + " is outside " +
                                               std::to_string(minimum_working_size) + " to " +
                                               std::to_string(maximum_working_size) + ".");
    if (!(options.strength >= 0.0f && options.strength <= largest_strength))
        throw Error(ErrorCode::bad_option, "The strength " + std::to_string(options.strength) + " is outside 0 to 2.");
    if (request.references.size() > largest_reference_count)
        throw Error(ErrorCode::bad_option,
                    std::to_string(request.references.size()) + " references are too many; at most 255 may be given.");
    check_plane(request.luminance, "The target");
    if (!request.mask.empty()) {
        check_plane(request.mask, "The target's mask");
        check_same_size(request.mask, request.luminance, "The target's mask", "the target");
    }
    if (const Hints& hints = request.hints; !hints.mask.empty() || !hints.a.empty() || !hints.b.empty()) {
        for (const auto& [plane, name] :
             {std::pair{&hints.a, "The hints' a"}, {&hints.b, "The hints' b"}, {&hints.mask, "The hints' mask"}}) {
            check_plane(*plane, name);
            check_same_size(*plane, request.luminance, name, "the target");
        }
    }
    for (std::size_t i = 0; i < request.references.size(); i++) {
        const Reference& reference = request.references[i];
        const std::string name = "Reference " + std::to_string(i + 1);
        check_plane(reference.image.l, name);
        check_plane(reference.image.a, name);
        check_plane(reference.image.b, name);
        check_same_size(reference.image.a, reference.image.l, name + "'s a", "its L");
        check_same_size(reference.image.b, reference.image.l, name + "'s b", "its L");
        if (reference.mask.empty())
            continue;
        check_plane(reference.mask, name + "'s mask");
        check_same_size(reference.mask, reference.image.l, name + "'s mask", "the reference");
        if (std::none_of(reference.mask.values.begin(), reference.mask.values.end(),
                         [](float value) { return value > 0.0f; }))
            throw Error(ErrorCode::bad_image, name + "'s mask leaves no pixel to take colours from.");
    }
}

Request reduce(const Request& request)
{
    Request small;
    small.options = request.options;
    const Size size = working_size(request.luminance, request.options.working_size);
    small.luminance = clamped(resized(request.luminance, size), 0.0f, 100.0f);
    if (!request.mask.empty())
        small.mask = resized(request.mask, size);
    if (!request.hints.mask.empty()) {
        const Plane mask = clamped(request.hints.mask, 0.0f, 1.0f);
        small.hints.mask = clamped(resized(mask, size), 0.0f, 1.0f);
        small.hints.a = masked_resize(request.hints.a, mask, small.hints.mask);
        small.hints.b = masked_resize(request.hints.b, mask, small.hints.mask);
    }
    for (const Reference& reference : request.references) {
        const Size reference_size = working_size(reference.image.l, request.options.working_size);
        Reference& reduced = small.references.emplace_back();
        reduced.image.l = clamped(resized(reference.image.l, reference_size), 0.0f, 100.0f);
        if (reference.mask.empty()) {
            reduced.image.a = resized(reference.image.a, reference_size);
            reduced.image.b = resized(reference.image.b, reference_size);
            continue;
        }
        const Plane mask = clamped(reference.mask, 0.0f, 1.0f);
        reduced.mask = clamped(resized(mask, reference_size), 0.0f, 1.0f);
        reduced.image.a = masked_resize(reference.image.a, mask, reduced.mask);
        reduced.image.b = masked_resize(reference.image.b, mask, reduced.mask);
    }
    return small;
}

Plane masked_resize(const Plane& plane, const Plane& mask, const Plane& small_mask)
{
    if (plane.same_size(small_mask))
        return plane;
    Plane shown = plane;
    for (std::size_t i = 0; i < shown.values.size(); i++)
        shown.values[i] *= mask.values[i];
    shown = resize(shown, small_mask.height, small_mask.width);
    for (std::size_t i = 0; i < shown.values.size(); i++)
        shown.values[i] /= std::max(small_mask.values[i], least_share);
    return shown;
}

} // namespace chromatch
