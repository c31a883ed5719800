// SPDX-License-Identifier: GPL-3.0-or-later
//
// The module's interface. A match is one run of launches and copies on one stream, with one wait at its end.
#include "chromatch_cuda.h"

#include "device.h"
#include "matching/patch_match_schedule.h"

#include <cstdio>
#include <memory>
#include <new>
#include <vector>

/// One piece of device memory serves a whole match. It grows and stays, because the driver takes longer to hand out
/// memory than a small match takes.
struct chromatch_cuda_context {
    int device = 0;
    cudaStream_t stream = nullptr;
    char* memory = nullptr;
    std::size_t size = 0;
};

namespace chromatch::cuda {
namespace {

using Request = chromatch_cuda_request;
using Field = chromatch_cuda_field;
using Context = chromatch_cuda_context;

/// Deals out pieces of memory. Without a base it only measures.
class Arena {
  public:
    explicit Arena(char* base) : base_(base) {}

    template <class T> T* take(std::int64_t count)
    {
        constexpr std::size_t alignment = 256;
        const std::size_t place = used_;
        used_ += (static_cast<std::size_t>(count) * sizeof(T) + alignment - 1) / alignment * alignment;
        return base_ == nullptr ? nullptr : reinterpret_cast<T*>(base_ + place);
    }
    std::size_t used() const { return used_; }

  private:
    char* base_;
    std::size_t used_ = 0;
};

/// One direction's matches on one level.
struct Matches {
    PackedCoordinate* match = nullptr;
    float* score = nullptr;
};

/// One pair of batches of the pyramid (engine/matching/patch_match_schedule.h); exact search has but one.
struct Level {
    Maps target, reference;
    Matches forward, reverse;
    std::uint8_t* mask = nullptr;
    std::uint32_t* allowed = nullptr;
    std::uint32_t* allowed_count = nullptr;
};

/// What decides how much memory is needed.
struct Plan {
    bool copy_target, copy_reference; // inputs that are on the device already are not copied
    bool reverse;
    bool exact;                // the coarsest level is matched exactly
    std::vector<Level> levels; // without memory yet; the finest first
};

/// Everything a match has on the device.
struct Workspace {
    const float* target_values;
    const float* reference_values;
    std::vector<Level> levels;
    PackedCoordinate* initial = nullptr;
    unsigned long long* first_bad; // of the target, of the reference
    Key* forward_keys = nullptr;   // of the level that is matched exactly
    Key* reverse_keys = nullptr;
};

bool on_device(const void* pointer, int device)
{
    cudaPointerAttributes attributes{};
    check(cudaPointerGetAttributes(&attributes, pointer), "looking for an input");
    return attributes.type == cudaMemoryTypeDevice && attributes.device == device;
}

std::int64_t all_pixels(const Maps& maps)
{
    return maps.count * maps.pixels();
}

bool can_start_exactly(const Level& level)
{
    return schedule::can_start_exactly(level.target.height, level.target.width, level.reference.height,
                                       level.reference.width);
}

Maps halved_size(const Maps& maps)
{
    return {nullptr, maps.count, (maps.height + 1) / 2, (maps.width + 1) / 2, maps.channels};
}

Plan make_plan(const Request& request, int device)
{
    Plan plan{};
    plan.copy_target = !on_device(request.target, device);
    plan.copy_reference = !on_device(request.reference, device);
    plan.reverse = request.reverse.match != nullptr;
    std::vector<Level>& levels = plan.levels;
    levels.emplace_back();
    levels[0].target = {nullptr, request.count, request.target_height, request.target_width, request.channels};
    levels[0].reference = {nullptr, request.count, request.height, request.width, request.channels};
    if (request.patch_match == 0) {
        plan.exact = true;
        return plan;
    }
    const bool pyramid = request.initial == nullptr || plan.reverse;
    while (pyramid &&
           schedule::can_be_halved(levels.back().target.height, levels.back().target.width,
                                   levels.back().reference.height, levels.back().reference.width) &&
           (levels.size() == 1 || !can_start_exactly(levels.back()))) {
        Level half;
        half.target = halved_size(levels.back().target);
        half.reference = halved_size(levels.back().reference);
        levels.push_back(half);
    }
    plan.exact = levels.size() > 1 && can_start_exactly(levels.back());
    return plan;
}

void take_level(Arena& arena, const Request& request, bool reverse, Level& level)
{
    for (Maps* maps : {&level.target, &level.reference})
        maps->groups = arena.take<uint4>(all_pixels(*maps) * maps->pixel_groups());
    level.forward = {arena.take<PackedCoordinate>(all_pixels(level.target)),
                     arena.take<float>(all_pixels(level.target))};
    if (reverse)
        level.reverse = {arena.take<PackedCoordinate>(all_pixels(level.reference)),
                         arena.take<float>(all_pixels(level.reference))};
    if (request.mask != nullptr) {
        level.mask = arena.take<std::uint8_t>(level.reference.pixels());
        level.allowed = arena.take<std::uint32_t>(level.reference.pixels());
        level.allowed_count = arena.take<std::uint32_t>(1);
    }
}

Workspace lay_out(Arena& arena, const Request& request, const Plan& plan)
{
    Workspace work{};
    work.levels = plan.levels;
    for (Level& level : work.levels)
        take_level(arena, request, plan.reverse, level);
    const Level& finest = work.levels.front();
    const Level& coarsest = work.levels.back();
    work.target_values =
        plan.copy_target ? arena.take<float>(all_pixels(finest.target) * request.channels) : request.target;
    work.reference_values =
        plan.copy_reference ? arena.take<float>(all_pixels(finest.reference) * request.channels) : request.reference;
    if (request.initial != nullptr)
        work.initial = arena.take<PackedCoordinate>(all_pixels(finest.target));
    work.first_bad = arena.take<unsigned long long>(2);
    if (plan.exact)
        work.forward_keys = arena.take<Key>(all_pixels(coarsest.target));
    if (plan.exact && plan.reverse)
        work.reverse_keys = arena.take<Key>(all_pixels(coarsest.reference));
    return work;
}

void reserve(Context& context, std::size_t size)
{
    if (size <= context.size)
        return;
    char* const before = context.memory;
    context.memory = nullptr;
    context.size = 0;
    check(cudaFree(before), "giving memory back");
    check(cudaMalloc(reinterpret_cast<void**>(&context.memory), size), "reserving memory");
    context.size = size;
}

template <class T> void copy(T* to, const void* from, std::int64_t count, cudaStream_t stream, const char* during)
{
    check(cudaMemcpyAsync(to, from, static_cast<std::size_t>(count) * sizeof(T), cudaMemcpyDefault, stream), during);
}

void upload(const Request& request, const Workspace& work, cudaStream_t stream)
{
    constexpr const char* during = "copying the inputs";
    const Level& finest = work.levels.front();
    if (work.target_values != request.target)
        copy(const_cast<float*>(work.target_values), request.target, all_pixels(finest.target) * request.channels,
             stream, during);
    if (work.reference_values != request.reference)
        copy(const_cast<float*>(work.reference_values), request.reference,
             all_pixels(finest.reference) * request.channels, stream, during);
    if (request.mask != nullptr)
        copy(finest.mask, request.mask, finest.reference.pixels(), stream, during);
    if (request.initial != nullptr)
        copy(work.initial, request.initial, all_pixels(finest.target), stream, during);
}

Factors factors_of(const Request& request)
{
    Factors factors;
    for (int i = 0; i < 26; ++i)
        factors.of[i] = request.factors[i];
    return factors;
}

void clear(void* memory, int value, std::size_t size, cudaStream_t stream)
{
    check(cudaMemsetAsync(memory, value, size, stream), "clearing memory");
}

/// The maps in fixed point, and their pyramid.
void prepare_levels(const Request& request, const Workspace& work, cudaStream_t stream)
{
    const Level& finest = work.levels.front();
    clear(work.first_bad, 0xff, 2 * sizeof *work.first_bad, stream);
    to_fixed_point(work.target_values, request.scale, finest.target, work.first_bad, stream);
    to_fixed_point(work.reference_values, request.scale, finest.reference, work.first_bad + 1, stream);
    for (std::size_t i = 0; i < work.levels.size(); ++i) {
        const Level& level = work.levels[i];
        if (i > 0) {
            const Level& finer = work.levels[i - 1];
            halve(finer.target, request.scale, level.target, stream);
            halve(finer.reference, request.scale, level.reference, stream);
            if (level.mask != nullptr)
                halve_mask(finer.mask, finer.reference.height, finer.reference.width, level.mask, stream);
        }
        if (level.mask != nullptr && request.patch_match != 0)
            list_allowed(level.mask, level.reference.pixels(), level.allowed, level.allowed_count, stream);
    }
}

void match_exactly(const Request& request, const Workspace& work, const Level& level, cudaStream_t stream)
{
    const std::int64_t forward = all_pixels(level.target), reverse = all_pixels(level.reference);
    clear(work.forward_keys, 0, forward * sizeof(Key), stream);
    if (work.reverse_keys != nullptr)
        clear(work.reverse_keys, 0, reverse * sizeof(Key), stream);
    exact_search({level.target, level.reference, level.mask, request.patch / 2, factors_of(request), work.forward_keys,
                  work.reverse_keys},
                 stream);
    read_keys(work.forward_keys, forward, level.reference.width, level.forward.match, level.forward.score, stream);
    if (work.reverse_keys != nullptr)
        read_keys(work.reverse_keys, reverse, level.target.width, level.reverse.match, level.reverse.score, stream);
}

/// coarser: null where the search starts at random.
void search_level(const Request& request, const PackedCoordinate* initial, const Level& level, const Level* coarser,
                  cudaStream_t stream)
{
    SearchProblem problem{};
    problem.radius = request.patch / 2;
    problem.factors = factors_of(request);
    problem.iterations = request.iterations;

    problem.target = level.target;
    problem.reference = level.reference;
    problem.mask = level.mask;
    problem.allowed = level.allowed;
    problem.allowed_count = level.allowed_count;
    problem.seed = request.seed;
    problem.initial = initial;
    problem.coarse = coarser != nullptr ? coarser->forward.match : nullptr;
    problem.match = level.forward.match;
    problem.score = level.forward.score;
    patch_match(problem, stream);
    if (level.reverse.match == nullptr)
        return;
    problem.target = level.reference;
    problem.reference = level.target;
    problem.mask = nullptr;
    problem.seed = request.seed + 1;
    problem.initial = nullptr;
    problem.coarse = coarser != nullptr ? coarser->reverse.match : nullptr;
    problem.match = level.reverse.match;
    problem.score = level.reverse.score;
    patch_match(problem, stream);
}

/// From the coarsest level to the finest.
void match_levels(const Request& request, const Workspace& work, bool exact, cudaStream_t stream)
{
    const std::vector<Level>& levels = work.levels;
    const Level* coarser = nullptr;
    for (std::size_t i = levels.size(); i-- > 0;) {
        if (exact && coarser == nullptr)
            match_exactly(request, work, levels[i], stream);
        else
            search_level(request, i == 0 ? work.initial : nullptr, levels[i], coarser, stream);
        coarser = &levels[i];
    }
}

void download(const Field& field, const Matches& matches, std::int64_t count, cudaStream_t stream)
{
    constexpr const char* during = "copying the matches";
    to_distances(matches.score, count, stream);
    copy(reinterpret_cast<PackedCoordinate*>(field.match), matches.match, count, stream, during);
    copy(field.distance, matches.score, count, stream, during);
}

/// The square of a vector's length, in the CPU's order.
float square_of(const float* on_device, int channels)
{
    const std::unique_ptr<float[]> vector(new float[channels]);
    check(cudaMemcpy(vector.get(), on_device, channels * sizeof(float), cudaMemcpyDefault), "copying a bad vector");
    float part[16] = {}, total = 0.0f;
    for (int c = 0; c < channels; ++c)
        part[c % 16] += vector[c] * vector[c];
    for (const float value : part)
        total += value;
    return total;
}

chromatch_cuda_status match(Context& context, const Request& request, chromatch_cuda_fault& fault)
{
    check(cudaSetDevice(context.device), "choosing the device");
    const Plan plan = make_plan(request, context.device);
    Arena measure(nullptr);
    lay_out(measure, request, plan);
    reserve(context, measure.used());
    Arena arena(context.memory);
    const Workspace work = lay_out(arena, request, plan);

    const cudaStream_t stream = context.stream;
    upload(request, work, stream);
    prepare_levels(request, work, stream);
    match_levels(request, work, plan.exact, stream);
    const Level& finest = work.levels.front();
    download(request.forward, finest.forward, all_pixels(finest.target), stream);
    if (plan.reverse)
        download(request.reverse, finest.reverse, all_pixels(finest.reference), stream);
    unsigned long long first_bad[2];
    copy(first_bad, work.first_bad, 2, stream, "copying the verdict on the inputs");
    check(cudaStreamSynchronize(stream), "matching");

    for (int i = 0; i < 2; ++i)
        if (first_bad[i] != ~0ull) {
            const float* values = i == 0 ? work.target_values : work.reference_values;
            fault.of_reference = i;
            fault.pixel = static_cast<std::int64_t>(first_bad[i]);
            fault.square = square_of(values + fault.pixel * request.channels, request.channels);
            return CHROMATCH_CUDA_BAD_VALUES;
        }
    return CHROMATCH_CUDA_OK;
}

void open(Context& context, char* message, std::size_t size)
{
    int count = 0;
    check(cudaGetDeviceCount(&count), "looking for a device");
    if (count == 0)
        throw Failure{cudaErrorNoDevice, "looking for a device"};
    check(cudaGetDevice(&context.device), "asking for the current device");
    check(cudaSetDevice(context.device), "choosing the device");
    cudaDeviceProp properties;
    check(cudaGetDeviceProperties(&properties, context.device), "asking for the device's properties");
    // Waits for the default stream, on which inputs may still be in the making.
    check(cudaStreamCreate(&context.stream), "making a stream");
    std::snprintf(message, size, "%s (compute capability %d.%d)", properties.name, properties.major, properties.minor);
}

void close(Context& context)
{
    // Nothing can be done about an error here, and a process that is ending has a device no more.
    cudaSetDevice(context.device);
    cudaFree(context.memory);
    if (context.stream != nullptr)
        cudaStreamDestroy(context.stream);
    cudaGetLastError();
}

chromatch_cuda_status status_of(cudaError_t error)
{
    switch (error) {
    case cudaErrorMemoryAllocation:
        return CHROMATCH_CUDA_OUT_OF_MEMORY;
    case cudaErrorNoDevice:
    case cudaErrorInsufficientDriver:
    case cudaErrorNoKernelImageForDevice:
        return CHROMATCH_CUDA_NO_DEVICE;
    default:
        return CHROMATCH_CUDA_FAILED;
    }
}

/// Runs body and turns what it throws into a status and a message.
template <class Body> chromatch_cuda_status guarded(char* message, std::size_t size, const Body& body)
{
    try {
        return body();
    } catch (const Failure& failure) {
        cudaGetLastError(); // else the next call would find it
        std::snprintf(message, size, "CUDA failed while %s: %s", failure.during, cudaGetErrorString(failure.error));
        return status_of(failure.error);
    } catch (const std::bad_alloc&) {
        std::snprintf(message, size, "the host's memory is used up");
        return CHROMATCH_CUDA_OUT_OF_MEMORY;
    }
}

} // namespace
} // namespace chromatch::cuda

int chromatch_cuda_interface(void)
{
    return CHROMATCH_CUDA_INTERFACE;
}

chromatch_cuda_status chromatch_cuda_open(chromatch_cuda_context** context, char* message, size_t size)
{
    using namespace chromatch::cuda;
    *context = nullptr;
    return guarded(message, size, [&] {
        auto made = std::make_unique<chromatch_cuda_context>();
        open(*made, message, size);
        *context = made.release();
        return CHROMATCH_CUDA_OK;
    });
}

void chromatch_cuda_close(chromatch_cuda_context* context)
{
    if (context == nullptr)
        return;
    chromatch::cuda::close(*context);
    delete context;
}

chromatch_cuda_status chromatch_cuda_match(chromatch_cuda_context* context, const chromatch_cuda_request* request,
                                           chromatch_cuda_fault* fault, char* message, size_t size)
{
    using namespace chromatch::cuda;
    const chromatch_cuda_status status = guarded(message, size, [&] { return match(*context, *request, *fault); });
    // After an error, copies may still be under way to memory that the caller gives up.
    if (status != CHROMATCH_CUDA_OK && status != CHROMATCH_CUDA_BAD_VALUES)
        cudaStreamSynchronize(context->stream);
    cudaGetLastError();
    return status;
}
