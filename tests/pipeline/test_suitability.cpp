// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipeline/suitability.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

namespace {

using namespace chromatch;

/// A photo whose parts are all of one kind and colour, by the index of the one place channel that is not zero.
Descriptor photo(int shown, int place, float a, float b)
{
    const auto unit = [](int index, int count) {
        std::vector<float> values(count, 0.0f);
        values[index] = 1.0f;
        return values;
    };
    Descriptor descriptor;
    append_steps(descriptor, unit(shown, descriptor_shown).data(), descriptor_shown, 1.0f);
    for (int part = 0; part < descriptor_parts; part++) {
        append_steps(descriptor, unit(place, descriptor_place).data(), descriptor_place, 1.0f);
        const float chroma[2] = {a, b};
        append_steps(descriptor, chroma, 2, 1.0f);
    }
    return descriptor;
}

/// `from`'s part in the place of `to`'s.
void copy_part(const Descriptor& from, int from_part, Descriptor& to, int to_part)
{
    std::copy_n(from.begin() + descriptor_shown + from_part * descriptor_part, descriptor_part,
                to.begin() + descriptor_shown + to_part * descriptor_part);
}

TEST(Suitability, StepsAreRoundedAndKeptInside)
{
    Descriptor steps;
    const float values[] = {0.0f, 0.5f, -0.5f, 1.0f, -3.0f, 7.0f};
    append_steps(steps, values, 6, 1.0f);
    EXPECT_EQ(steps, (Descriptor{0, 64, -64, 127, -127, 127}));
    append_steps(steps, values, 3, 2.0f);
    EXPECT_EQ(steps[7], 32);
}

TEST(Suitability, IsLargestForThePhotoItself)
{
    const Descriptor target = photo(3, 7, 0.2f, -0.1f);
    EXPECT_NEAR(suitability(target, target), 1.5f, 1e-5f);
}

TEST(Suitability, FallsWithWhatIsNotShared)
{
    const Descriptor target = photo(3, 7, 0.2f, -0.1f);
    EXPECT_NEAR(suitability(target, photo(4, 7, 0.2f, -0.1f)), 1.0f, 1e-5f); // something else is shown
    EXPECT_NEAR(suitability(target, photo(3, 8, 0.2f, -0.1f)), 0.5f, 1e-5f); // no place of the kind
    // Another colour: by its distance, in steps.
    EXPECT_NEAR(suitability(target, photo(3, 7, 0.5f, 0.3f)), 1.5f - 0.5f, 0.01f);
}

TEST(Suitability, APartTakesItsOwnKindWhereverItIs)
{
    Descriptor target = photo(0, 1, 0.0f, 0.0f), reference = photo(0, 2, 0.5f, 0.5f);
    const Descriptor leaf = photo(0, 9, -0.2f, 0.2f);
    copy_part(leaf, 0, target, 3);
    const float without = suitability(target, reference);
    copy_part(leaf, 0, reference, 14);
    // One of 16 parts finds its kind now, and in its own colour.
    const float away = std::hypot(0.7f, 0.3f);
    EXPECT_NEAR(suitability(target, reference) - without, (1.0f + away) / descriptor_parts, 0.002f);
}

TEST(Suitability, LengthsDoNotCount)
{
    Descriptor weak = photo(3, 7, 0.2f, -0.1f);
    for (int part = 0; part < descriptor_parts; part++)
        for (int i = 0; i < descriptor_place; i++)
            weak[descriptor_shown + part * descriptor_part + i] /= 3;
    EXPECT_NEAR(suitability(photo(3, 7, 0.2f, -0.1f), weak), 1.5f, 1e-5f);
}

TEST(Suitability, NothingShownIsNoFault)
{
    const Descriptor nothing(descriptor_length, 0);
    EXPECT_EQ(suitability(nothing, nothing), 0.0f);
}

std::string failure(const Descriptor& target, const Descriptor& reference)
{
    try {
        suitability(target, reference);
    } catch (const Error& error) {
        EXPECT_EQ(error.code(), ErrorCode::bad_option);
        return error.what();
    }
    return "";
}

TEST(Suitability, RefusesWhatIsNoDescriptor)
{
    const Descriptor whole(descriptor_length, 1), cut(descriptor_length - 1, 1);
    EXPECT_EQ(failure(whole, {}), "A descriptor has 1104 values, not 1104 and 0.");
    EXPECT_EQ(failure(whole, cut), "A descriptor has 1104 values, not 1104 and 1103.");
    EXPECT_EQ(failure(cut, whole), "A descriptor has 1104 values, not 1103 and 1104.");
    EXPECT_EQ(failure(whole, whole), "");
}

} // namespace
