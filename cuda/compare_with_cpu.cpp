// SPDX-License-Identifier: GPL-3.0-or-later
//
// What cuda/run_on_gpu runs. Its one argument:
//
// fields, few-fields: compares the device's fields with the CPU's, at many shapes or at three small ones; the status
// says whether all are equal.
//
// times: times both matchers, inputs and outputs on the device, and compares the fields once.
//
// one-exact, one-patch-match: one match of the thesis' size, for a profiler.
#include "chromatch_cuda.h"
#include "matching/correlation_kernels.h"
#include "matching/cuda_matcher.h"
#include "matching/exact_search.h"
#include "matching/fixed_point.h"
#include "matching/patch_match.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <cuda_runtime_api.h>
#include <exception>
#include <memory>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

using chromatch::FeatureBatch;
using chromatch::Matches;
using chromatch::MatchMethod;
using chromatch::MatchOptions;

struct Shape {
    int count, target_height, target_width, height, width, channels;

    std::size_t target_values() const { return std::size_t(count) * target_height * target_width * channels; }
    std::size_t values() const { return std::size_t(count) * height * width * channels; }
    std::string text() const
    {
        char line[80];
        std::snprintf(line, sizeof line, "%d x %dx%d to %dx%d, %d channels", count, target_height, target_width, height,
                      width, channels);
        return line;
    }
};

const char* name_of(MatchMethod method)
{
    return method == MatchMethod::exact ? "exact" : "PatchMatch";
}

/// Unit vectors that change slowly from pixel to pixel, as features do, with noise.
std::vector<float> make_maps(int count, int height, int width, int channels, unsigned seed)
{
    std::mt19937 generator(seed);
    std::uniform_real_distribution<float> any(-1.0f, 1.0f);
    std::vector<float> wave(3 * channels), maps;
    maps.reserve(std::size_t(count) * height * width * channels);
    for (int i = 0; i < count; ++i) {
        for (float& value : wave)
            value = any(generator);
        for (int y = 0; y < height; ++y)
            for (int x = 0; x < width; ++x) {
                const std::size_t first = maps.size();
                double square = 0.0;
                for (int c = 0; c < channels; ++c) {
                    const float value = std::sin(0.4f * (wave[3 * c] * y + wave[3 * c + 1] * x) + 3 * wave[3 * c + 2]) +
                                        0.3f * any(generator);
                    square += double(value) * value;
                    maps.push_back(value);
                }
                for (int c = 0; c < channels; ++c)
                    maps[first + c] = float(maps[first + c] / std::sqrt(square));
            }
    }
    return maps;
}

struct Pair {
    Shape shape;
    std::vector<float> target, reference;

    explicit Pair(const Shape& of)
        : shape(of), target(make_maps(of.count, of.target_height, of.target_width, of.channels, 1)),
          reference(make_maps(of.count, of.height, of.width, of.channels, 1)) // the same waves, other noise and sizes
    {
    }
    FeatureBatch target_batch() const
    {
        return {target.data(), shape.count, shape.target_height, shape.target_width, shape.channels};
    }
    FeatureBatch reference_batch() const
    {
        return {reference.data(), shape.count, shape.height, shape.width, shape.channels};
    }
    Matches on_cpu(MatchMethod method, const MatchOptions& options) const
    {
        return method == MatchMethod::exact ? exact_search(target_batch(), reference_batch(), options)
                                            : patch_match(target_batch(), reference_batch(), options);
    }
};

std::size_t different(const std::vector<chromatch::NearestNeighbourField>& a,
                      const std::vector<chromatch::NearestNeighbourField>& b)
{
    std::size_t pixels = 0;
    for (std::size_t i = 0; i < a.size(); ++i)
        for (std::size_t pixel = 0; pixel < a[i].match.size(); ++pixel)
            pixels += !(a[i].match[pixel] == b[i].match[pixel] && a[i].distance[pixel] == b[i].distance[pixel]);
    return pixels;
}

bool fields_are_equal(const Pair& pair, MatchMethod method, const MatchOptions& options)
{
    const Matches here = pair.on_cpu(method, options);
    const Matches there = chromatch::cuda_match(method, pair.target_batch(), pair.reference_batch(), options);
    const std::size_t forward = different(here.forward, there.forward);
    const std::size_t reverse = different(here.reverse, there.reverse);
    if (forward + reverse > 0)
        std::printf("NOT EQUAL: %s, %s, patch %d, %s: %zu forward, %zu reverse pixels\n", name_of(method),
                    pair.shape.text().c_str(), options.patch, options.reference_mask != nullptr ? "mask" : "no mask",
                    forward, reverse);
    return forward + reverse == 0;
}

const std::vector<Shape> many_shapes{{1, 1, 1, 1, 1, 16},        {1, 1, 90, 70, 1, 16},     {3, 33, 2, 3, 30, 48},
                                     {2, 61, 67, 70, 129, 64},   {1, 130, 63, 64, 65, 80},  {4, 64, 64, 64, 64, 64},
                                     {1, 40, 50, 45, 55, 128},   {1, 70, 66, 20, 200, 512}, {1, 150, 170, 160, 140, 64},
                                     {1, 300, 280, 260, 300, 16}};

const std::vector<Shape> small_shapes{{2, 13, 11, 9, 14, 48}, {1, 5, 70, 4, 66, 64}, {1, 9, 8, 10, 9, 64}};

int compare_fields(const std::vector<Shape>& shapes)
{
    int equal = 0, all = 0;
    for (const Shape& shape : shapes) {
        const Pair pair(shape);
        std::vector<std::uint8_t> mask(std::size_t(shape.height) * shape.width, 0);
        for (std::size_t i = 0; i < mask.size(); i += 1 + i % 5)
            mask[i] = 1;
        for (const int patch : {1, 3, 5})
            for (const MatchMethod method : {MatchMethod::exact, MatchMethod::patch_match})
                for (const bool masked : {false, true}) {
                    if (method == MatchMethod::exact && shape.target_height > 200)
                        continue; // the CPU would take minutes
                    MatchOptions options;
                    options.patch = patch;
                    options.reverse = patch != 5;
                    options.seed = 1234567890123u;
                    options.reference_mask = masked ? mask.data() : nullptr;
                    equal += fields_are_equal(pair, method, options);
                    ++all;
                }
    }
    std::printf("%d of %d matches equal the CPU's, bit for bit, on %s\n", equal, all,
                chromatch::cuda_device_name().c_str());
    return equal == all ? 0 : 1;
}

// ------------------------------------------------------------------------------------------------------ times

void check(cudaError_t error)
{
    if (error != cudaSuccess)
        throw std::runtime_error(cudaGetErrorString(error));
}

/// Device memory for as long as this lives.
template <class T> class Device {
  public:
    explicit Device(std::size_t count) { check(cudaMalloc(reinterpret_cast<void**>(&data_), count * sizeof(T))); }
    explicit Device(const std::vector<T>& values) : Device(values.size())
    {
        check(cudaMemcpy(data_, values.data(), values.size() * sizeof(T), cudaMemcpyDefault));
    }
    ~Device() { cudaFree(data_); }
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;
    T* data() const { return data_; }

  private:
    T* data_ = nullptr;
};

/// A match whose inputs and outputs stay on the device.
class DeviceMatch {
  public:
    DeviceMatch(const Pair& pair, MatchMethod method, const MatchOptions& options)
        : target_(pair.target), reference_(pair.reference), match_(pair.target.size() / pair.shape.channels * 2),
          distance_(pair.target.size() / pair.shape.channels),
          reverse_match_(pair.reference.size() / pair.shape.channels * 2),
          reverse_distance_(pair.reference.size() / pair.shape.channels)
    {
        char message[256] = "";
        if (chromatch_cuda_open(&context_, message, sizeof message) != CHROMATCH_CUDA_OK)
            throw std::runtime_error(message);
        const Shape& shape = pair.shape;
        request_.target = target_.data();
        request_.reference = reference_.data();
        request_.count = shape.count;
        request_.target_height = shape.target_height;
        request_.target_width = shape.target_width;
        request_.height = shape.height;
        request_.width = shape.width;
        request_.channels = shape.channels;
        request_.patch = options.patch;
        request_.scale = float(chromatch::fixed_point_scale(options.patch));
        const chromatch::MeanFactors factors(options.patch);
        std::copy(std::begin(factors.of), std::end(factors.of), request_.factors);
        request_.patch_match = method == MatchMethod::patch_match;
        request_.iterations = options.iterations;
        request_.seed = options.seed;
        request_.forward = {match_.data(), distance_.data()};
        if (options.reverse)
            request_.reverse = {reverse_match_.data(), reverse_distance_.data()};
    }
    ~DeviceMatch() { chromatch_cuda_close(context_); }
    DeviceMatch(const DeviceMatch&) = delete;
    DeviceMatch& operator=(const DeviceMatch&) = delete;

    void run()
    {
        chromatch_cuda_fault fault;
        char message[256] = "";
        if (chromatch_cuda_match(context_, &request_, &fault, message, sizeof message) != CHROMATCH_CUDA_OK)
            throw std::runtime_error(message);
    }

  private:
    Device<float> target_, reference_;
    Device<std::uint16_t> match_;
    Device<float> distance_;
    Device<std::uint16_t> reverse_match_;
    Device<float> reverse_distance_;
    chromatch_cuda_context* context_ = nullptr;
    chromatch_cuda_request request_{};
};

/// Milliseconds from the call to its return, when the fields are there: the median and the least of `runs`.
void time_one(const Pair& pair, MatchMethod method, bool reverse)
{
    constexpr int warm_up = 3, runs = 21;
    MatchOptions options;
    options.reverse = reverse;
    DeviceMatch match(pair, method, options);
    std::vector<double> milliseconds;
    for (int i = 0; i < warm_up + runs; ++i) {
        const auto start = std::chrono::steady_clock::now();
        match.run();
        const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
        if (i >= warm_up)
            milliseconds.push_back(taken.count());
    }
    std::sort(milliseconds.begin(), milliseconds.end());
    std::printf("| %s | %s | %s | %.3f | %.3f |\n", pair.shape.text().c_str(), name_of(method),
                reverse ? "both" : "forward", milliseconds[runs / 2], milliseconds[0]);
    std::fflush(stdout);
}

constexpr Shape thesis{96, 64, 64, 64, 64, 64};

int measure_times()
{
    std::printf("%s; patch 3, %d iterations; inputs and outputs on the device\n\n",
                chromatch::cuda_device_name().c_str(), MatchOptions{}.iterations);
    std::printf("| maps | method | directions | ms, median of 21 | ms, least |\n|---|---|---|---|---|\n");
    for (const Shape& shape : {thesis, Shape{1, 64, 64, 64, 64, 64}, Shape{1, 128, 128, 128, 128, 64},
                               Shape{1, 256, 256, 256, 256, 64}, Shape{1, 512, 512, 512, 512, 64}}) {
        const Pair pair(shape);
        for (const bool reverse : {false, true}) {
            time_one(pair, MatchMethod::patch_match, reverse);
            if (shape.width <= 256)
                time_one(pair, MatchMethod::exact, reverse);
        }
    }
    const Pair pair(thesis);
    MatchOptions options;
    options.reverse = true;
    const bool equal = fields_are_equal(pair, MatchMethod::exact, options) &&
                       fields_are_equal(pair, MatchMethod::patch_match, options);
    std::printf("\nThe fields of the first shape %s the CPU's.\n", equal ? "equal" : "DO NOT EQUAL");
    return equal ? 0 : 1;
}

int match_once(MatchMethod method)
{
    const Pair pair(thesis);
    DeviceMatch match(pair, method, {});
    match.run();
    return 0;
}

int run(const std::string& what)
{
    std::string why_not;
    if (!chromatch::cuda_available(&why_not)) {
        std::fprintf(stderr, "%s\n", why_not.c_str());
        return 1;
    }
    if (what == "few-fields")
        return compare_fields(small_shapes);
    if (what == "fields")
        return compare_fields(many_shapes);
    if (what == "times")
        return measure_times();
    if (what == "one-exact")
        return match_once(MatchMethod::exact);
    if (what == "one-patch-match")
        return match_once(MatchMethod::patch_match);
    std::fprintf(stderr, "unknown: %s\n", what.c_str());
    return 2;
}

} // namespace

int main(int argc, char** argv)
{
    try {
        return run(argc > 1 ? argv[1] : "");
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
        return 1;
    }
}
