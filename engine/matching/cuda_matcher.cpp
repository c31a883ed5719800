// SPDX-License-Identifier: GPL-3.0-or-later
#include "matching/cuda_matcher.h"

#include "chromatch.h"
#include "chromatch_cuda.h"
#include "matching/correlation_kernels.h"
#include "matching/exact_search.h"
#include "matching/fixed_point.h"
#include "matching/match_checks.h"
#include "matching/patch_match.h"
#include "matching/patch_match_schedule.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <dlfcn.h>
#include <filesystem>
#include <system_error>
#include <vector>

namespace chromatch {

// Coordinates cross the interface as they lie in memory.
static_assert(sizeof(Coordinate) == 4 && offsetof(Coordinate, y) == 0 && offsetof(Coordinate, x) == 2);

struct CudaModule::Functions {
    void* library = nullptr;
    decltype(&chromatch_cuda_interface) interface_number;
    decltype(&chromatch_cuda_open) open;
    decltype(&chromatch_cuda_close) close;
    decltype(&chromatch_cuda_match) match;

    explicit Functions(const std::string& path);
    ~Functions() { close_library(); }
    Functions(const Functions&) = delete;
    Functions& operator=(const Functions&) = delete;

  private:
    [[noreturn]] void refuse(const std::string& sentence);
    void close_library();
    template <class Function> void find(const std::string& path, const char* name, Function& function);
};

namespace {

constexpr std::size_t message_size = 512;

[[noreturn]] void throw_status(chromatch_cuda_status status, const std::string& message)
{
    if (status == CHROMATCH_CUDA_OUT_OF_MEMORY)
        throw Error(ErrorCode::out_of_memory, "the CUDA device's memory does not suffice: " + message);
    throw Error(ErrorCode::device_unavailable, "the CUDA device cannot be used: " + message);
}

namespace fs = std::filesystem;

/// An absolute path in an environment variable; empty where there is none.
fs::path path_in(const char* variable)
{
    const char* const value = std::getenv(variable);
    const fs::path path = value != nullptr ? value : "";
    return path.is_absolute() ? path : fs::path();
}

/// The user's own folder comes last: what belongs to this engine goes before what was put there for another version. It
/// is for those who cannot write beside the engine, which lies in a system folder or in a Flatpak.
std::vector<fs::path> module_folders()
{
    std::vector<fs::path> folders;
    Dl_info self{};
    if (dladdr(reinterpret_cast<void*>(&cuda_available), &self) != 0 && self.dli_fname != nullptr &&
        fs::path(self.dli_fname).has_parent_path()) // else a program's bare name, which says nothing of its folder
        folders.push_back(fs::weakly_canonical(fs::path(self.dli_fname).parent_path()));
    if (const fs::path data = path_in("XDG_DATA_HOME"); !data.empty())
        folders.push_back(data / "chromatch");
    else if (const fs::path home = path_in("HOME"); !home.empty())
        folders.push_back(home / ".local" / "share" / "chromatch");
    return folders;
}

std::string module_path()
{
    if (const char* const named = std::getenv("CHROMATCH_CUDA_MODULE"))
        return named;
    const fs::path name = "libchromatch-cuda.so";
    std::string searched;
    for (const fs::path& folder : module_folders()) {
        std::error_code unreadable;
        if (fs::exists(folder / name, unreadable))
            return folder / name;
        searched += (searched.empty() ? "" : ", ") + folder.string();
    }
    throw Error(ErrorCode::device_unavailable, "the CUDA module " + name.string() + " is not installed" +
                                                   (searched.empty() ? "" : " (looked in " + searched + ")"));
}

/// The fields of one direction, one after the other.
struct Fields {
    std::vector<Coordinate> match;
    std::vector<float> distance;

    explicit Fields(std::size_t pixels) : match(pixels), distance(pixels) {}

    chromatch_cuda_field view()
    {
        return {match.empty() ? nullptr : reinterpret_cast<std::uint16_t*>(match.data()), distance.data()};
    }
    std::vector<NearestNeighbourField> of_maps(int count, int height, int width) const
    {
        const auto pixels = static_cast<std::ptrdiff_t>(height) * width;
        std::vector<NearestNeighbourField> fields(count);
        for (int i = 0; i < count; ++i)
            fields[i] = {height,
                         width,
                         {match.begin() + i * pixels, match.begin() + (i + 1) * pixels},
                         {distance.begin() + i * pixels, distance.begin() + (i + 1) * pixels}};
        return fields;
    }
};

std::vector<Coordinate> initial_matches(MatchMethod method, int count, const MatchOptions& options)
{
    std::vector<Coordinate> all;
    if (method == MatchMethod::patch_match && options.initial != nullptr)
        for (int i = 0; i < count; ++i)
            all.insert(all.end(), options.initial[i].match.begin(), options.initial[i].match.end());
    return all;
}

chromatch_cuda_request make_request(MatchMethod method, const FeatureBatch& target, const FeatureBatch& reference,
                                    const MatchOptions& options)
{
    chromatch_cuda_request request{};
    request.target = target.values;
    request.reference = reference.values;
    request.count = target.count;
    request.target_height = target.height;
    request.target_width = target.width;
    request.height = reference.height;
    request.width = reference.width;
    request.channels = target.channels;
    request.patch = options.patch;
    request.scale = static_cast<float>(fixed_point_scale(options.patch));
    const MeanFactors factors(options.patch);
    std::copy(std::begin(factors.of), std::end(factors.of), request.factors);
    request.patch_match = method == MatchMethod::patch_match;
    request.mask = options.reference_mask;
    request.iterations = options.iterations;
    request.seed = options.seed;
    return request;
}

/// Unit vectors in random directions.
std::vector<float> random_maps(std::uint32_t seed, int pixels, int channels)
{
    schedule::Random random(seed, 0);
    std::vector<float> maps(static_cast<std::size_t>(pixels) * channels);
    for (int i = 0; i < pixels; ++i) {
        float* const vector = maps.data() + static_cast<std::size_t>(i) * channels;
        double square = 0.0;
        for (int c = 0; c < channels; ++c) {
            vector[c] = static_cast<float>(random.next()) / 4294967296.0f - 0.5f;
            square += double(vector[c]) * vector[c];
        }
        for (int c = 0; c < channels; ++c)
            vector[c] = static_cast<float>(vector[c] / std::sqrt(square));
    }
    return maps;
}

bool equal(const std::vector<NearestNeighbourField>& a, const std::vector<NearestNeighbourField>& b)
{
    return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                      [](const NearestNeighbourField& one, const NearestNeighbourField& other) {
                          return one.match == other.match && one.distance == other.distance;
                      });
}

/// What the process found out about its module.
struct Availability {
    std::unique_ptr<CudaModule> module; // null: not available
    std::string why_not;

    Availability()
    {
        try {
            auto opened = std::make_unique<CudaModule>(module_path());
            check_agreement(*opened);
            module = std::move(opened);
        } catch (const std::exception& error) {
            why_not = error.what();
        }
    }
};

/// Never destroyed: at the end of a process CUDA may be gone before.
const Availability& availability()
{
    static const Availability* const found = new Availability;
    return *found;
}

} // namespace

CudaModule::Functions::Functions(const std::string& path) : library(dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL))
{
    if (library == nullptr)
        refuse("the CUDA module cannot be opened: " + std::string(dlerror()));
    find(path, "chromatch_cuda_interface", interface_number);
    if (interface_number() != CHROMATCH_CUDA_INTERFACE)
        refuse("the CUDA module " + path + " has interface " + std::to_string(interface_number()) +
               ", but this program needs " + std::to_string(CHROMATCH_CUDA_INTERFACE));
    find(path, "chromatch_cuda_open", open);
    find(path, "chromatch_cuda_close", close);
    find(path, "chromatch_cuda_match", match);
}

void CudaModule::Functions::close_library()
{
    if (library != nullptr)
        dlclose(library);
    library = nullptr;
}

void CudaModule::Functions::refuse(const std::string& sentence)
{
    close_library(); // a constructor that throws has no destructor
    throw Error(ErrorCode::device_unavailable, sentence);
}

template <class Function>
void CudaModule::Functions::find(const std::string& path, const char* name, Function& function)
{
    function = reinterpret_cast<Function>(dlsym(library, name));
    if (function == nullptr)
        refuse("the CUDA module " + path + " lacks the function " + name);
}

CudaModule::CudaModule(const std::string& path) : functions_(std::make_unique<Functions>(path))
{
    char message[message_size] = "";
    const chromatch_cuda_status status = functions_->open(&context_, message, sizeof message);
    if (status != CHROMATCH_CUDA_OK)
        throw_status(status, message);
    device_name_ = message;
}

CudaModule::~CudaModule()
{
    functions_->close(context_);
}

Matches CudaModule::match(MatchMethod method, const FeatureBatch& target, const FeatureBatch& reference,
                          const MatchOptions& options)
{
    check_matching(target, reference, options);
    if (method == MatchMethod::patch_match)
        check_search(target, options);
    check_size(target, "target");
    check_size(reference, "reference");
    const std::vector<Coordinate> initial = initial_matches(method, target.count, options);
    Fields forward(target.count * target.pixels());
    Fields reverse(options.reverse ? reference.count * reference.pixels() : 0);
    chromatch_cuda_request request = make_request(method, target, reference, options);
    request.initial = initial.empty() ? nullptr : reinterpret_cast<const std::uint16_t*>(initial.data());
    request.forward = forward.view();
    request.reverse = reverse.view();

    chromatch_cuda_fault fault{};
    char message[message_size] = "";
    const std::lock_guard<std::mutex> lock(turn_);
    const chromatch_cuda_status status = functions_->match(context_, &request, &fault, message, sizeof message);
    if (status == CHROMATCH_CUDA_BAD_VALUES) {
        const FeatureBatch& bad = fault.of_reference != 0 ? reference : target;
        refuse_vector(fault.square, fault.of_reference != 0 ? "reference" : "target",
                      static_cast<int>(fault.pixel / bad.width % bad.height));
    }
    if (status != CHROMATCH_CUDA_OK)
        throw_status(status, message);
    Matches matches;
    matches.forward = forward.of_maps(target.count, target.height, target.width);
    if (options.reverse)
        matches.reverse = reverse.of_maps(reference.count, reference.height, reference.width);
    return matches;
}

void check_agreement(CudaModule& module)
{
    constexpr int channels = 64;
    const std::vector<float> target_values = random_maps(1, 13 * 11, channels);
    const std::vector<float> reference_values = random_maps(2, 9 * 14, channels);
    const FeatureBatch target(target_values.data(), 1, 13, 11, channels);
    const FeatureBatch reference(reference_values.data(), 1, 9, 14, channels);
    MatchOptions options;
    options.reverse = true;
    for (const MatchMethod method : {MatchMethod::exact, MatchMethod::patch_match}) {
        const Matches there = module.match(method, target, reference, options);
        const Matches here = method == MatchMethod::exact ? exact_search(target, reference, options)
                                                          : patch_match(target, reference, options);
        if (!equal(there.forward, here.forward) || !equal(there.reverse, here.reverse))
            throw Error(ErrorCode::device_unavailable,
                        "the CUDA device " + module.device_name() + " does not find the same matches as the CPU");
    }
}

bool cuda_available(std::string* why_not)
{
    const Availability& found = availability();
    if (found.module == nullptr && why_not != nullptr)
        *why_not = found.why_not;
    return found.module != nullptr;
}

std::string cuda_device_name()
{
    const Availability& found = availability();
    return found.module != nullptr ? found.module->device_name() : "";
}

Matches cuda_match(MatchMethod method, const FeatureBatch& target, const FeatureBatch& reference,
                   const MatchOptions& options)
{
    const Availability& found = availability();
    if (found.module == nullptr)
        throw Error(ErrorCode::device_unavailable, found.why_not);
    return found.module->match(method, target, reference, options);
}

} // namespace chromatch
