// SPDX-License-Identifier: GPL-3.0-or-later
//
// The engine through its public header, with the weights of the repository.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <limits>
#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "photos.h"

namespace chromatch {
namespace {

using testing_photos::code_of;
using testing_photos::colorizer;
using testing_photos::models_folder;
using testing_photos::photo;
using testing_photos::waves;

Request request_for(const LabImage& target, std::vector<LabImage> references)
{
    Request request;
    request.luminance = target.l;
    request.options.working_size = 128;
    for (LabImage& reference : references)
        request.references.push_back({std::move(reference), {}});
    return request;
}

double squared_error(const Result& result, const LabImage& truth)
{
    double sum = 0;
    for (std::size_t i = 0; i < truth.a.values.size(); i++)
        sum +=
            std::pow(result.a.values[i] - truth.a.values[i], 2) + std::pow(result.b.values[i] - truth.b.values[i], 2);
    return sum / (2.0 * static_cast<double>(truth.a.values.size()));
}

TEST(Colorizer, GivesBackThePhotosOwnColours)
{
    const LabImage truth = photo(CHROMATCH_TEST_PHOTO);
    Request request = request_for(truth, {truth});
    request.options.working_size = default_working_size;
    const Result result = colorizer().colorize(request, nullptr);
    const LabImage gray{truth.l, Plane(truth.l.height, truth.l.width), Plane(truth.l.height, truth.l.width)};
    Result none;
    none.a = none.b = Plane(truth.l.height, truth.l.width);
    // Its own colours as the reference: at least 6 dB better than gray.
    EXPECT_LT(squared_error(result, truth), squared_error(none, truth) / 4.0);
}

TEST(Colorizer, ResultHasTheTargetsSizeAndLiesInTheGamut)
{
    const LabImage target = waves(150, 211);
    const Result result = colorizer().colorize(request_for(target, {waves(90, 133, 1.0f)}), nullptr);
    ASSERT_TRUE(result.a.same_size(target.l));
    ASSERT_TRUE(result.b.same_size(target.l));
    ASSERT_TRUE(result.confidence.same_size(target.l));
    EXPECT_TRUE(result.reference_index.empty());
    EXPECT_THAT(result.confidence.values, testing::Each(testing::AllOf(testing::Ge(0.0f), testing::Le(1.0f))));
    for (std::size_t i = 0; i < result.a.values.size(); i++) {
        const float lab[3] = {target.l.values[i], result.a.values[i], result.b.values[i]};
        float rgb[3];
        lab_to_linear_rgb(lab, rgb);
        for (float value : rgb) {
            ASSERT_GE(value, -1e-3f);
            ASSERT_LE(value, 1.0f + 1e-3f);
        }
    }
}

TEST(Colorizer, TakesAnySize)
{
    for (const auto& [height, width] : {std::pair{1, 1}, {1, 40}, {3, 7}, {17, 300}, {300, 5}, {64, 64}}) {
        const Result result = colorizer().colorize(request_for(waves(height, width), {waves(width, height)}), nullptr);
        EXPECT_EQ(result.a.height, height);
        EXPECT_EQ(result.a.width, width);
        EXPECT_THAT(result.a.values, testing::Each(testing::Truly([](float v) { return std::isfinite(v); })));
    }
}

/// Mean chroma of the rows [first, last).
std::pair<double, double> mean_chroma(const Result& result, int first, int last)
{
    double a = 0, b = 0;
    for (int y = first; y < last; y++)
        for (int x = 0; x < result.a.width; x++) {
            a += result.a.at(y, x);
            b += result.b.at(y, x);
        }
    const double pixels = double(last - first) * result.a.width;
    return {a / pixels, b / pixels};
}

TEST(Colorizer, HintsAreObeyedWithAndWithoutAReference)
{
    const LabImage target = waves(128, 160);
    for (const bool with_reference : {false, true}) {
        Request request = request_for(target, {});
        if (with_reference)
            request.references.push_back({target, {}});
        const Result before = colorizer().colorize(request, nullptr);
        request.hints = {Plane(128, 160, -40.0f), Plane(128, 160, 35.0f), Plane(128, 160)};
        std::fill_n(request.hints.mask.values.begin(), 32 * 160, 1.0f);
        const Result after = colorizer().colorize(request, nullptr);
        const auto [a, b] = mean_chroma(after, 0, 32);
        const auto [a_before, b_before] = mean_chroma(before, 0, 32);
        EXPECT_LT(std::hypot(a + 40.0, b - 35.0), 0.5 * std::hypot(a_before + 40.0, b_before - 35.0));
    }
}

TEST(Colorizer, ASmallDabOnALargePhotoIsKeptTo)
{
    constexpr int height = 3000, width = 3200, dab = 10;
    for (const int top : {700, 723}) {
        Request request = request_for(waves(height, width), {});
        request.hints = {Plane(height, width, -45.0f), Plane(height, width, 40.0f), Plane(height, width)};
        for (int y = top; y < top + dab; y++)
            std::fill_n(request.hints.mask.row(y) + top, dab, 1.0f);
        const Result result = colorizer().colorize(request, nullptr);
        const int middle = top + dab / 2;
        EXPECT_LT(std::hypot(result.a.at(middle, middle) + 45.0, result.b.at(middle, middle) - 40.0), 20.0) << top;
        EXPECT_GT(result.confidence.at(middle, middle), 0.6f) << top;
    }
}

TEST(Colorizer, HintsWithoutPaintChangeNothing)
{
    const LabImage target = waves(96, 80);
    Request request = request_for(target, {waves(64, 64)});
    const Result plain = colorizer().colorize(request, nullptr);
    request.hints = {Plane(96, 80, 50.0f), Plane(96, 80, 50.0f), Plane(96, 80)};
    const Result hinted = colorizer().colorize(request, nullptr);
    EXPECT_EQ(plain.a.values, hinted.a.values);
    EXPECT_EQ(plain.b.values, hinted.b.values);
}

/// The mean length of all pixels' chroma.
double mean_colourfulness(const Result& result)
{
    double sum = 0;
    for (std::size_t i = 0; i < result.a.values.size(); i++)
        sum += std::hypot(result.a.values[i], result.b.values[i]);
    return sum / double(result.a.values.size());
}

TEST(Colorizer, ADabInACornerDrainsNoColours)
{
    const LabImage target = photo("mountains-target.jpg");
    const int height = target.l.height, width = target.l.width;
    for (const char* name : {"portrait-reference.jpg", "mountains-reference.jpg"}) {
        Request request = request_for(target, {photo(name)});
        const Result plain = colorizer().colorize(request, nullptr);
        request.hints = {Plane(height, width, -5.0f), Plane(height, width, -25.0f), Plane(height, width)};
        for (int y = 0; y < 8; y++)
            std::fill_n(request.hints.mask.row(y), 8, 1.0f);
        const Result hinted = colorizer().colorize(request, nullptr);
        EXPECT_GT(mean_colourfulness(hinted), 0.8 * mean_colourfulness(plain)) << name;
    }
}

TEST(Colorizer, HintsOfAnotherSizeAreRefused)
{
    Request request = request_for(waves(64, 64), {});
    request.hints = {Plane(64, 64), Plane(64, 64), Plane(63, 64)};
    std::string sentence;
    EXPECT_EQ(code_of(request, &sentence), ErrorCode::bad_image);
    EXPECT_THAT(sentence, testing::HasSubstr("64 x 63"));
    request.hints = {Plane(64, 64), {}, Plane(64, 64)};
    EXPECT_EQ(code_of(request), ErrorCode::bad_image);
}

TEST(Colorizer, AnUnrelatedReferenceCountsOnlyWhereInsistedOn)
{
    const LabImage target = photo(CHROMATCH_TEST_PHOTO);
    LabImage noise{Plane(96, 96), Plane(96, 96, 60.0f), Plane(96, 96, 40.0f)};
    std::uint32_t state = 1;
    for (float& value : noise.l.values)
        value = 100.0f * static_cast<float>((state = state * 1664525u + 1013904223u) >> 8) / 16777216.0f;
    Request request = request_for(target, {});
    const Result automatic = colorizer().colorize(request, nullptr);
    request.references.push_back({noise, {}});
    const Result refused = colorizer().colorize(request, nullptr);
    EXPECT_EQ(refused.a.values, automatic.a.values);
    request.options.insist = true;
    const Result insisted = colorizer().colorize(request, nullptr);
    const auto [a, b] = mean_chroma(insisted, 0, target.l.height);
    const auto [a_automatic, b_automatic] = mean_chroma(automatic, 0, target.l.height);
    EXPECT_GT(a, a_automatic + 3.0);
}

/// Mean distance of two results' chroma.
double mean_difference(const Result& one, const Result& other)
{
    double sum = 0;
    for (std::size_t i = 0; i < one.a.values.size(); i++)
        sum += std::hypot(one.a.values[i] - other.a.values[i], one.b.values[i] - other.b.values[i]);
    return sum / double(one.a.values.size());
}

TEST(Colorizer, AFittingReferenceCountsAndAWrongOneHardly)
{
    /// How far the colours go from those without a reference to those that are insisted on.
    const auto share_taken = [](const std::string& target, const std::string& reference, int working_size) {
        Request request = request_for(photo((target + "-target.jpg").c_str()), {});
        request.options.working_size = working_size;
        const Result automatic = colorizer().colorize(request, nullptr);
        request.references.push_back({photo((reference + "-reference.jpg").c_str()), {}});
        const Result taken = colorizer().colorize(request, nullptr);
        request.options.insist = true;
        const Result insisted = colorizer().colorize(request, nullptr);
        return mean_difference(taken, automatic) / mean_difference(insisted, automatic);
    };
    for (const int size : {default_working_size / 2, default_working_size}) {
        for (const char* name : {"flower", "forget-me-nots", "hills", "mountains", "pagoda", "portrait"})
            EXPECT_GT(share_taken(name, name, size), 0.8) << name << " at " << size;
        for (const auto& [target, reference] :
             {std::pair{"portrait", "mountains"}, {"mountains", "flower"}, {"pagoda", "portrait"}})
            EXPECT_LT(share_taken(target, reference, size), 0.2) << target << " at " << size;
    }
}

TEST(Colorizer, AWrongReferenceAmongSeveralCostsOnlyWhatItServes)
{
    Request request = request_for(photo("portrait-target.jpg"), {});
    request.options.working_size = default_working_size;
    const Result automatic = colorizer().colorize(request, nullptr);
    for (const char* name : {"portrait-reference.jpg", "mountains-reference.jpg"})
        request.references.push_back({photo(name), {}});
    const Result taken = colorizer().colorize(request, nullptr);
    request.options.insist = true;
    const Result insisted = colorizer().colorize(request, nullptr);
    request.options.insist = false;
    request.references.pop_back();
    const Result alone = colorizer().colorize(request, nullptr); // from the fitting one
    // What the fitting one serves goes from the guess to what is insisted on; what the wrong one serves does not, and
    // gets what spreads from the fitting one.
    double gone = 0, whole = 0, wrong = 0, wrong_insisted = 0;
    for (std::size_t i = 0; i < taken.a.values.size(); i++) {
        const auto far = [&](const Result& one, const Result& other) {
            return std::hypot(one.a.values[i] - other.a.values[i], one.b.values[i] - other.b.values[i]);
        };
        if (taken.reference_index[i] == 0) {
            gone += far(taken, automatic);
            whole += far(insisted, automatic);
        } else {
            wrong += far(taken, alone);
            wrong_insisted += far(insisted, alone);
        }
    }
    EXPECT_GT(gone / whole, 0.6);
    EXPECT_LT(wrong / wrong_insisted, 0.5);
}

TEST(Colorizer, APartOfAFittingReferenceCounts)
{
    Request request = request_for(photo("forget-me-nots-target.jpg"), {});
    request.options.working_size = default_working_size;
    const Result automatic = colorizer().colorize(request, nullptr);
    const LabImage reference = photo("forget-me-nots-reference.jpg");
    Plane mask(reference.l.height, reference.l.width);
    for (int y = 0; y < mask.height; y++)
        for (int x = 0; x < mask.width / 4; x++)
            mask.at(y, x) = 1.0f;
    request.references.push_back({reference, mask});
    const Result taken = colorizer().colorize(request, nullptr);
    request.options.insist = true;
    const Result insisted = colorizer().colorize(request, nullptr);
    EXPECT_GT(mean_difference(taken, automatic) / mean_difference(insisted, automatic), 0.8);
}

TEST(Colorizer, OfLookalikesTheOneWithLikelyColoursIsMatched)
{
    // The reference shows the photo twice: with its hues turned half round, then as it is.
    const LabImage truth = photo("mountains-reference.jpg");
    const int height = truth.l.height, width = truth.l.width;
    LabImage twins{Plane(height, 2 * width), Plane(height, 2 * width), Plane(height, 2 * width)};
    for (int y = 0; y < height; y++)
        for (int x = 0; x < 2 * width; x++) {
            const float sign = x < width ? -1.0f : 1.0f;
            twins.l.at(y, x) = truth.l.at(y, x % width);
            twins.a.at(y, x) = sign * truth.a.at(y, x % width);
            twins.b.at(y, x) = sign * truth.b.at(y, x % width);
        }
    Request request = request_for(truth, {twins});
    request.options.insist = true;
    const Result result = colorizer().colorize(request, nullptr);
    const int h = result.matched_a.height, w = result.matched_a.width;
    double likely = 0.0;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++) {
            const int from_y = y * height / h, from_x = x * width / w;
            const bool same = result.matched_a.at(y, x) * truth.a.at(from_y, from_x) +
                                  result.matched_b.at(y, x) * truth.b.at(from_y, from_x) >
                              0.0f;
            likely += same ? 1.0 / (h * w) : 0.0;
        }
    EXPECT_GT(likely, 0.6); // .51 where matching does not ask for colours
}

TEST(Colorizer, EvenLuminanceGetsEvenColours)
{
    LabImage target = waves(128, 128);
    std::fill(target.l.values.begin(), target.l.values.end(), 60.0f);
    Request request = request_for(target, {waves(128, 128, 1.0f)});
    request.options.insist = true;
    const Result result = colorizer().colorize(request, nullptr);
    float most = 0.0f; // between neighbours; 6.5 where nothing is smoothed
    for (int y = 0; y < 128; y++)
        for (int x = 1; x < 128; x++)
            most = std::max(most, std::abs(result.a.at(y, x) - result.a.at(y, x - 1)));
    EXPECT_LT(most, 4.0f);
}

TEST(Colorizer, TellsWhatMatchingBrought)
{
    const LabImage target = photo("portrait-target.jpg");
    Request request = request_for(target, {});
    EXPECT_TRUE(colorizer().colorize(request, nullptr).matched_a.empty());
    request.references.push_back({photo("mountains-reference.jpg"), {}}); // which is refused
    EXPECT_TRUE(colorizer().colorize(request, nullptr).matched_a.empty());
    request.references[0].image = photo("portrait-reference.jpg");
    const Result whole = colorizer().colorize(request, nullptr);
    EXPECT_EQ(whole.matched_a.height, whole.working_height / 2);
    EXPECT_EQ(whole.matched_b.width, whole.working_width / 2);
    request.options.strength = 0.5f;
    EXPECT_EQ(colorizer().colorize(request, nullptr).matched_a.values, whole.matched_a.values);
}

TEST(Colorizer, ColoursWithoutAReference)
{
    const LabImage target = waves(120, 100);
    const Result result = colorizer().colorize(request_for(target, {}), nullptr);
    ASSERT_TRUE(result.a.same_size(target.l));
    EXPECT_THAT(result.confidence.values, testing::Each(0.0f));
}

TEST(Colorizer, SameRequestSameBytes)
{
    const Request request = request_for(waves(130, 170), {waves(140, 120, 2.0f)});
    const Result first = colorizer().colorize(request, nullptr);
    const Result second = load_colorizer({models_folder})->colorize(request, nullptr);
    EXPECT_EQ(first.a.values, second.a.values);
    EXPECT_EQ(first.b.values, second.b.values);
    EXPECT_EQ(first.confidence.values, second.confidence.values);
}

/// A request with everything in it: a mask, hints, two references of which one has a mask of grays.
Request full_request(int height, int width)
{
    Request request = request_for(waves(height, width), {waves(140, 120, 2.0f), waves(333, 450, 1.0f)});
    request.mask = Plane(height, width, 1.0f);
    request.hints = {Plane(height, width), Plane(height, width), Plane(height, width)};
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++) {
            request.mask.at(y, x) = x < width / 2 ? 1.0f : 0.0f;
            const bool painted = std::abs(y - height / 3) < 5 && x > width / 4;
            request.hints.mask.at(y, x) = painted ? 1.0f : 0.0f;
            request.hints.a.at(y, x) = painted ? 40.0f : -90.0f; // what is not painted must not matter
        }
    }
    Plane& mask = request.references[1].mask = Plane(333, 450);
    for (std::size_t i = 0; i < mask.values.size(); i++)
        mask.values[i] = static_cast<float>(i % 450) / 449.0f;
    return request;
}

void expect_same_planes(const Request& one, const Request& other)
{
    const auto all_planes = [](const Request& request) {
        std::vector<const Plane*> planes{&request.luminance, &request.mask, &request.hints.a, &request.hints.b,
                                         &request.hints.mask};
        for (const Reference& reference : request.references)
            for (const Plane* plane : {&reference.image.l, &reference.image.a, &reference.image.b, &reference.mask})
                planes.push_back(plane);
        return planes;
    };
    const std::vector<const Plane*> planes = all_planes(one), others = all_planes(other);
    ASSERT_EQ(planes.size(), others.size());
    for (std::size_t i = 0; i < planes.size(); i++) {
        ASSERT_TRUE(planes[i]->same_size(*others[i])) << i;
        ASSERT_EQ(planes[i]->values, others[i]->values) << i;
    }
}

TEST(WorkingSize, ReducingTwiceIsReducingOnce)
{
    for (const int wanted : {64, 100, 128, 200, 256})
        for (const auto& [height, width] : {std::pair{37, 53}, {84, 5000}, {130, 170}, {600, 401}, {1000, 72}}) {
            SCOPED_TRACE(testing::Message() << width << " x " << height << " at " << wanted);
            Request request = full_request(height, width);
            request.options.working_size = wanted;
            const Request small = at_working_size(request);
            EXPECT_EQ(small.luminance.height % 16, 0);
            EXPECT_EQ(small.luminance.width % 16, 0);
            expect_same_planes(at_working_size(small), small);
        }
}

TEST(WorkingSize, RefusesWhatColorizeRefuses)
{
    Request request = full_request(100, 100);
    request.options.working_size = 3;
    EXPECT_THROW(at_working_size(request), Error);
    request.options.working_size = 128;
    request.luminance.at(1, 2) = std::numeric_limits<float>::quiet_NaN();
    EXPECT_THROW(at_working_size(request), Error);
}

/// The promise of the preview: the same colours, but for what resizing does.
TEST(WorkingSize, GivesTheColoursOfTheWholeRequest)
{
    const LabImage target = photo(CHROMATCH_TEST_PHOTO);
    Request request = request_for(target, {photo("flower-reference.jpg")});
    request.options.insist = true;
    const Request small = at_working_size(request);
    const Result preview = load_colorizer({models_folder})->colorize(small, nullptr);
    const Result whole = load_colorizer({models_folder})->colorize(request, nullptr);
    ASSERT_TRUE(preview.a.same_size(small.luminance));
    // The photo's own resizing is the engine's: let it reduce the whole result as it reduces a reference.
    Request as_reference = request;
    as_reference.references = {{{target.l, whole.a, whole.b}, {}}};
    const LabImage expected = at_working_size(as_reference).references[0].image;
    double difference = 0, chroma = 0;
    for (std::size_t i = 0; i < preview.a.values.size(); i++) {
        difference +=
            std::hypot(preview.a.values[i] - expected.a.values[i], preview.b.values[i] - expected.b.values[i]);
        chroma += std::hypot(expected.a.values[i], expected.b.values[i]);
    }
    const double pixels = static_cast<double>(preview.a.values.size());
    EXPECT_GT(chroma / pixels, 5.0);
    EXPECT_LT(difference / pixels, 0.7);
}

/// What is kept from the last calls must not be seen in the results: requests that differ a little, forwards and
/// backwards.
TEST(Colorizer, WhatItRemembersChangesNothing)
{
    std::vector<std::pair<const char*, Request>> cases{{"first", full_request(130, 170)}};
    cases[0].second.options.working_size = 64;
    cases[0].second.options.insist = true; // such waves have little in common
    const auto next = [&](const char* what) -> Request& {
        return cases.emplace_back(what, Request(cases.back().second)).second;
    };
    next("strength").options.strength = 0.6f;
    next("mask").mask = {};
    next("one hint pixel").hints.a.at(130 / 3, 169) = -40.0f;
    next("no hints").hints = {};
    next("one reference pixel").references[0].image.b.at(70, 60) += 30.0f;
    Request& swapped = next("order of the references");
    std::swap(swapped.references[0], swapped.references[1]);
    next("one reference").references.pop_back();
    next("no reference mask").references[0].mask = {};
    next("one target pixel").luminance.at(70, 60) += 10.0f;
    next("working size").options.working_size = 80;
    next("no reference").references.clear();

    std::vector<Result> forwards;
    for (const auto& [what, request] : cases)
        forwards.push_back(colorizer().colorize(request, nullptr));
    const auto other = load_colorizer({models_folder});
    for (std::size_t i = cases.size(); i-- > 0;) {
        SCOPED_TRACE(cases[i].first);
        const Result backwards = other->colorize(cases[i].second, nullptr);
        EXPECT_EQ(forwards[i].a.values, backwards.a.values);
        EXPECT_EQ(forwards[i].b.values, backwards.b.values);
        EXPECT_EQ(forwards[i].confidence.values, backwards.confidence.values);
        EXPECT_EQ(forwards[i].reference_index, backwards.reference_index);
        if (i + 1 < cases.size()) {
            EXPECT_TRUE(forwards[i].a.values != forwards[i + 1].a.values ||
                        forwards[i].reference_index != forwards[i + 1].reference_index)
                << "the cases do not differ";
        }
    }
}

TEST(Colorizer, AnotherStrengthNeedsNoNetwork)
{
    const auto colorizer = load_colorizer({models_folder});
    Request request = request_for(waves(256, 384), {waves(256, 384, 1.0f)});
    request.options.working_size = 256;
    const auto seconds = [&] {
        const Result result = colorizer->colorize(request, nullptr);
        double sum = 0;
        for (double part : result.stage_seconds)
            sum += part;
        return sum;
    };
    const double first = seconds();
    request.options.strength = 0.5f;
    const double again = seconds();
    request.references[0].image = waves(256, 384, 2.0f);
    const double other_reference = seconds();
    std::printf("first %.3f s, other strength %.3f s, other reference %.3f s\n", first, again, other_reference);
    EXPECT_LT(again, first / 4.0);
}

TEST(Colorizer, StrengthScalesChroma)
{
    Request request = request_for(waves(100, 100), {waves(100, 100, 1.0f)});
    request.options.strength = 0.0f;
    const Result none = colorizer().colorize(request, nullptr);
    EXPECT_THAT(none.a.values, testing::Each(testing::FloatEq(0.0f)));
    request.options.strength = 0.5f;
    const Result half = colorizer().colorize(request, nullptr);
    request.options.strength = 1.0f;
    const Result whole = colorizer().colorize(request, nullptr);
    double half_sum = 0, whole_sum = 0;
    for (std::size_t i = 0; i < half.a.values.size(); i++) {
        half_sum += std::hypot(half.a.values[i], half.b.values[i]);
        whole_sum += std::hypot(whole.a.values[i], whole.b.values[i]);
    }
    ASSERT_GT(whole_sum, 0.0);
    EXPECT_NEAR(half_sum / whole_sum, 0.5, 0.05);
}

TEST(Colorizer, MaskKeepsTheRestGray)
{
    Request request = request_for(waves(100, 120), {waves(100, 120)});
    request.mask = Plane(100, 120, 1.0f);
    for (int y = 0; y < 100; y++)
        std::fill_n(request.mask.row(y), 60, 0.0f);
    const Result result = colorizer().colorize(request, nullptr);
    for (int y = 0; y < 100; y++)
        for (int x = 0; x < 60; x++)
            ASSERT_EQ(result.a.at(y, x), 0.0f);
}

TEST(Colorizer, ReferenceMaskHidesColours)
{
    LabImage reference = waves(128, 128);
    for (int y = 0; y < 128; y++) {
        for (int x = 0; x < 128; x++) {
            reference.a.at(y, x) = x < 64 ? 60.0f : 0.0f;
            reference.b.at(y, x) = 0.0f;
        }
    }
    Request request = request_for(waves(128, 128), {reference});
    const auto redness = [](const Result& result) {
        double sum = 0;
        for (float a : result.a.values)
            sum += a;
        return sum / static_cast<double>(result.a.values.size());
    };
    const double open = redness(colorizer().colorize(request, nullptr));
    request.references[0].mask = Plane(128, 128, 0.0f);
    for (int y = 0; y < 128; y++)
        std::fill_n(request.references[0].mask.row(y) + 64, 64, 1.0f);
    const double hidden = redness(colorizer().colorize(request, nullptr));
    EXPECT_LT(hidden, open - 5.0);
}

TEST(Colorizer, SaysWhichReferenceServed)
{
    const LabImage target = waves(128, 128);
    Request request = request_for(target, {waves(128, 128, 1.5f), target});
    const Result result = colorizer().colorize(request, nullptr);
    ASSERT_EQ(result.reference_index.size(), target.l.values.size());
    const auto second = std::count(result.reference_index.begin(), result.reference_index.end(), 1);
    EXPECT_GT(second, static_cast<std::ptrdiff_t>(result.reference_index.size() / 2)); // the target itself fits best
    EXPECT_LE(*std::max_element(result.reference_index.begin(), result.reference_index.end()), 1);
}

TEST(Colorizer, ReportsEveryStageAndNeverFalls)
{
    double last = 0;
    bool seen[stage_count] = {};
    colorizer().colorize(request_for(waves(80, 80), {waves(80, 80), waves(80, 90)}), [&](double fraction, Stage stage) {
        EXPECT_GE(fraction, last);
        EXPECT_LE(fraction, 1.0);
        last = fraction;
        seen[static_cast<int>(stage)] = true;
        return true;
    });
    EXPECT_NEAR(last, 1.0, 1e-9);
    EXPECT_THAT(seen, testing::Each(true));
}

TEST(Colorizer, CancelsAtEveryStage)
{
    for (int wanted = 0; wanted < stage_count; wanted++) {
        try {
            colorizer().colorize(request_for(waves(80, 80), {waves(80, 80)}),
                                 [&](double, Stage stage) { return static_cast<int>(stage) != wanted; });
            ADD_FAILURE() << "stage " << wanted << " was not cancelled";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::cancelled);
        }
    }
}

TEST(Colorizer, RefusesBadImages)
{
    std::string sentence;
    EXPECT_EQ(code_of(Request{}), ErrorCode::bad_image);

    Request request = request_for(waves(20, 20), {waves(20, 20)});
    request.luminance.at(3, 5) = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(code_of(request, &sentence), ErrorCode::bad_image);
    EXPECT_THAT(sentence, testing::HasSubstr("(5, 3)"));

    request = request_for(waves(20, 20), {waves(20, 20)});
    request.references[0].image.b = Plane(20, 21);
    EXPECT_EQ(code_of(request, &sentence), ErrorCode::bad_image);
    EXPECT_THAT(sentence, testing::HasSubstr("21 x 20"));

    request = request_for(waves(20, 20), {waves(20, 20)});
    request.references[0].mask = Plane(20, 20, 0.0f);
    EXPECT_EQ(code_of(request), ErrorCode::bad_image);

    request = request_for(waves(20, 20), {});
    request.luminance.values.pop_back();
    EXPECT_EQ(code_of(request), ErrorCode::bad_image);
}

TEST(Colorizer, RefusesBadOptions)
{
    std::string sentence;
    Request request = request_for(waves(20, 20), {});
    request.options.working_size = 63;
    EXPECT_EQ(code_of(request, &sentence), ErrorCode::bad_option);
    EXPECT_THAT(sentence, testing::HasSubstr("63"));
    request = request_for(waves(20, 20), {});
    request.options.strength = std::numeric_limits<float>::quiet_NaN();
    EXPECT_EQ(code_of(request), ErrorCode::bad_option);
    request = request_for(waves(20, 20), std::vector<LabImage>(256, waves(2, 2)));
    EXPECT_EQ(code_of(request, &sentence), ErrorCode::bad_option);
    EXPECT_THAT(sentence, testing::HasSubstr("256"));
}

TEST(Colorizer, CudaIsRefusedWhereItIsNotThere)
{
    if (device_available(Device::cuda))
        GTEST_SKIP() << "CUDA is available";
    Request request = request_for(waves(20, 20), {});
    request.options.device = Device::cuda;
    EXPECT_EQ(colorizer().colorize(request, nullptr).device, Device::cpu); // nothing is matched
    request.references.push_back({waves(20, 20), {}});
    EXPECT_EQ(code_of(request), ErrorCode::device_unavailable);
}

LabImage in_gray(const LabImage& photo)
{
    return {photo.l, {}, {}};
}

TEST(Describe, HasItsLengthAndIsTheSameEveryTime)
{
    for (const auto& [height, width] : {std::pair{1, 1}, {3, 700}, {64, 64}, {150, 211}}) {
        const LabImage picture = waves(height, width);
        for (const LabImage& image : {picture, in_gray(picture)}) {
            const Descriptor descriptor = colorizer().describe(image);
            ASSERT_EQ(descriptor.size(), static_cast<std::size_t>(descriptor_length)) << height << " x " << width;
            EXPECT_EQ(colorizer().describe(image), descriptor);
        }
    }
}

TEST(Describe, FindsThePhotoOfTheSameThing)
{
    const std::vector<std::string> scenes = {"flower", "forget-me-nots", "hills", "mountains", "pagoda", "portrait"};
    std::vector<Descriptor> references;
    for (const std::string& scene : scenes)
        references.push_back(colorizer().describe(photo(scene + "-reference.jpg")));
    int found = 0;
    for (std::size_t i = 0; i < scenes.size(); i++) {
        const Descriptor target = colorizer().describe(in_gray(photo(scenes[i] + "-target.jpg")));
        std::vector<float> suits;
        for (const Descriptor& reference : references)
            suits.push_back(suitability(target, reference));
        const auto best = std::max_element(suits.begin(), suits.end()) - suits.begin();
        found += best == static_cast<std::ptrdiff_t>(i);
    }
    // By chance it would be one of the six. The pagoda stands before mountains, and hills are much like mountains.
    EXPECT_GE(found, 4);
}

TEST(Describe, LikelyColoursSuitBetter)
{
    LabImage likely = photo("hills-reference.jpg"), unlikely = likely; // green, and the same in red
    for (std::size_t i = 0; i < likely.a.values.size(); i++)
        unlikely.a.values[i] = std::abs(likely.b.values[i]) + std::abs(likely.a.values[i]);
    const Descriptor target = colorizer().describe(in_gray(photo("hills-target.jpg")));
    EXPECT_GT(suitability(target, colorizer().describe(likely)),
              suitability(target, colorizer().describe(unlikely)) + 0.05f);
    // The target's own colours count where it has any.
    EXPECT_GT(suitability(colorizer().describe(unlikely), colorizer().describe(unlikely)),
              suitability(colorizer().describe(unlikely), colorizer().describe(likely)) + 0.05f);
}

TEST(Describe, HalfTheSizeShowsTheSame)
{
    const Plane whole = photo(CHROMATCH_TEST_PHOTO).l;
    Plane half(whole.height / 2, whole.width / 2);
    for (int y = 0; y < half.height; y++)
        for (int x = 0; x < half.width; x++)
            half.at(y, x) = 0.25f * (whole.at(2 * y, 2 * x) + whole.at(2 * y + 1, 2 * x) + whole.at(2 * y, 2 * x + 1) +
                                     whole.at(2 * y + 1, 2 * x + 1));
    const Descriptor large = colorizer().describe({whole, {}, {}}), small = colorizer().describe({half, {}, {}});
    EXPECT_GT(suitability(large, small), 1.4f); // 1.5 would be the same
}

TEST(Describe, RefusesBadImages)
{
    LabImage broken = waves(20, 20), uneven = broken, half = broken, wild = broken;
    broken.l.at(3, 4) = std::numeric_limits<float>::quiet_NaN();
    uneven.b = Plane(20, 21);
    half.b = Plane();
    wild.a.at(3, 4) = std::numeric_limits<float>::infinity();
    for (const auto& [image, name] : {std::pair{LabImage(), "The target"},
                                      {broken, "The target"},
                                      {uneven, "Reference 1"},
                                      {half, "Reference 1"},
                                      {wild, "Reference 1"}}) {
        try {
            colorizer().describe(image);
            ADD_FAILURE() << "describe() did not throw";
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::bad_image);
            EXPECT_THAT(error.what(), testing::HasSubstr(name));
        }
    }
}

TEST(LoadColorizer, SaysWhatIsWrongWithTheWeights)
{
    const std::filesystem::path folder = std::filesystem::path(testing::TempDir()) / "chromatch-models";
    std::filesystem::remove_all(folder);
    std::filesystem::create_directories(folder);
    const auto code = [&] {
        try {
            load_colorizer({folder});
        } catch (const Error& error) {
            return error.code();
        }
        return ErrorCode::internal;
    };
    EXPECT_EQ(code(), ErrorCode::model_missing);
    for (const char* name : {"similarity-l.safetensors", "recognition.safetensors", "colorization.safetensors"})
        std::filesystem::copy_file(models_folder / name, folder / name);
    EXPECT_NO_THROW(load_colorizer({folder}));
    std::filesystem::resize_file(folder / "colorization.safetensors",
                                 std::filesystem::file_size(folder / "colorization.safetensors") - 2);
    EXPECT_EQ(code(), ErrorCode::model_corrupt);
    std::filesystem::remove(folder / "colorization.safetensors");
    std::filesystem::copy_file(models_folder / "similarity-l.safetensors", folder / "colorization.safetensors");
    EXPECT_EQ(code(), ErrorCode::model_corrupt); // another network's weights
    std::filesystem::remove_all(folder);
}

} // namespace
} // namespace chromatch
