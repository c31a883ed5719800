// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipeline/suitability.h"

#include <array>

namespace chromatch {

namespace {

// Chosen on the 300 validation photos (models/evaluation/README.md).
constexpr float shown_weight = 0.5f;
constexpr float chroma_weight = 1.0f; // a distance of 110 in a, b weighs as much as places that have nothing in common

int product(const std::int8_t* first, const std::int8_t* second, int count)
{
    int sum = 0;
    for (int i = 0; i < count; i++)
        sum += first[i] * second[i];
    return sum;
}

float length(const std::int8_t* values, int count)
{
    return std::sqrt(std::max(1.0f, static_cast<float>(product(values, values, count))));
}

} // namespace

float suitability(const Descriptor& target, const Descriptor& reference)
{
    if (target.size() != descriptor_length || reference.size() != descriptor_length)
        throw Error(ErrorCode::bad_option, "A descriptor has " + std::to_string(descriptor_length) + " values, not " +
                                               std::to_string(target.size()) + " and " +
                                               std::to_string(reference.size()) + ".");
    const float shown = product(target.data(), reference.data(), descriptor_shown) /
                        (length(target.data(), descriptor_shown) * length(reference.data(), descriptor_shown));
    std::array<float, descriptor_parts> lengths;
    const auto part = [](const Descriptor& descriptor, int index) {
        return descriptor.data() + descriptor_shown + index * descriptor_part;
    };
    for (int j = 0; j < descriptor_parts; j++)
        lengths[j] = length(part(reference, j), descriptor_place);
    float sum = 0.0f;
    for (int i = 0; i < descriptor_parts; i++) {
        const std::int8_t* here = part(target, i);
        const std::int8_t* best = nullptr;
        float most = 0.0f;
        for (int j = 0; j < descriptor_parts; j++) {
            const std::int8_t* there = part(reference, j);
            const float likeness = product(here, there, descriptor_place) / lengths[j];
            if (!best || likeness > most) {
                best = there;
                most = likeness;
            }
        }
        const float a = here[descriptor_place] - best[descriptor_place],
                    b = here[descriptor_place + 1] - best[descriptor_place + 1];
        const float chroma_distance = std::hypot(a, b) / descriptor_steps;
        sum += most / length(here, descriptor_place) - chroma_weight * chroma_distance;
    }
    return sum / descriptor_parts + shown_weight * shown;
}

} // namespace chromatch
