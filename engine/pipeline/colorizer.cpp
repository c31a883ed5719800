// SPDX-License-Identifier: GPL-3.0-or-later
//
// What happens between two images and a result, in one place:
//
//   target L, reference Lab -> working size -> luminance trunk -> matching both ways (make_guide), hints
//   -> colorization network -> chroma at half the working size -> luminance-guided upsampling -> strength, gamut
//   -> full-size chroma
#include <algorithm>
#include <chrono>
#include <cmath>
#include <new>
#include <optional>

#include <torch/utils.h>

#include "chromatch.h"
#include "colour/cielab.h"
#include "matching/cuda_matcher.h"
#include "matching/guide.h"
#include "networks/colorization_network.h"
#include "networks/similarity_network.h"
#include "networks/weights.h"
#include "resampling/guided_upsampling.h"
#include "resampling/resize.h"

namespace chromatch {

namespace {

constexpr int size_step = 16;   ///< the networks halve their input four times
constexpr int feature_step = 4; ///< matching and the guide live at a quarter of the working size
constexpr int largest_side = 65535;
constexpr std::size_t largest_reference_count = 255;
constexpr float largest_value = 1000.0f; ///< of L, a, b: far above any colour, far below what breaks arithmetic
constexpr float largest_strength = 2.0f;

/// Mean patch similarity of target and references below which the references are refused, and above which they count
/// fully. Measured with these weights: photos with themselves, warped, .62 and more; photos of similar scenes .50 to
/// .58; unrelated photos .37 to .46.
constexpr double unrelated_similarity = 0.44;
constexpr double related_similarity = 0.52;

/// Share of a guide pixel that must be painted to make it a hint: a stroke of a pixel or two at the working size.
constexpr float hinted_share = 0.1f;

/// What share of the whole work each Stage takes, for Progress.
constexpr double stage_share[stage_count] = {0.10, 0.25, 0.30, 0.20, 0.15};

// ------------------------------------------------------------------------------------------------------ checks

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
                         [](float value) { return value >= 0.5f; }))
            throw Error(ErrorCode::bad_image, name + "'s mask leaves no pixel to take colours from.");
    }
}

// ---------------------------------------------------------------------------------------------- working images

struct Size {
    int height, width;
};

/// The working size of a photo: its short side `short_side`, or its own where that is smaller, but 64 at least. Both
/// sides are rounded to multiples of 16, so that the networks' levels fit; the aspect ratio changes by that rounding
/// only, but for very long photos, which are kept to 8 : 1.
Size working_size(const Plane& plane, int short_side)
{
    const int shorter = std::min(plane.height, plane.width);
    const double scale = double(std::clamp(shorter, minimum_working_size, short_side)) / shorter;
    const auto side = [&](int length) {
        const double longest = 8.0 * std::max(shorter * scale, double(minimum_working_size));
        return static_cast<int>(std::lround(std::min(length * scale, longest) / size_step)) * size_step;
    };
    return {side(plane.height), side(plane.width)};
}

/// The photo's luminance at its working size, within [0, 100].
Plane working_luminance(const Plane& luminance, int short_side)
{
    const Size size = working_size(luminance, short_side);
    Plane small = resize(luminance, size.height, size.width);
    for (float& value : small.values)
        value = std::clamp(value, 0.0f, 100.0f);
    return small;
}

torch::Tensor as_tensor(const Plane& plane)
{
    return torch::from_blob(const_cast<float*>(plane.values.data()), {1, 1, plane.height, plane.width}, torch::kFloat32)
        .clone();
}

Plane as_plane(const torch::Tensor& tensor)
{
    const torch::Tensor values = tensor.to(torch::kFloat32).contiguous();
    const int64_t dimensions = values.dim();
    Plane plane(static_cast<int>(values.size(dimensions - 2)), static_cast<int>(values.size(dimensions - 1)));
    std::copy_n(values.data_ptr<float>(), plane.values.size(), plane.values.begin());
    return plane;
}

/// A photo's features and the map that matching compares, at the working size.
struct Encoded {
    TrunkFeatures features;
    torch::Tensor luminance; ///< 1 x 1 x H x W, normalised
    torch::Tensor fused;     ///< H/4 x W/4 x 64, contiguous
};

FeatureMap feature_map(const torch::Tensor& fused)
{
    return {fused.data_ptr<float>(), static_cast<int>(fused.size(0)), static_cast<int>(fused.size(1)),
            static_cast<int>(fused.size(2))};
}

/// A reference at the size where matching compares it: height x width is a quarter of the working size.
struct PreparedReference {
    Plane luminance; ///< at the working size
    int height = 0, width = 0;
    std::vector<float> chroma;      ///< 2 x height x width, in units of chroma_scale
    std::vector<std::uint8_t> mask; ///< height x width; empty: everything may be used
    torch::Tensor weight;           ///< 1 x 1 x height x width, share of usable pixels; undefined: everything
};

PreparedReference prepare(const Reference& reference, int short_side)
{
    PreparedReference prepared;
    prepared.luminance = working_luminance(reference.image.l, short_side);
    const int height = prepared.height = prepared.luminance.height / feature_step;
    const int width = prepared.width = prepared.luminance.width / feature_step;
    Plane usable, small_usable;
    if (!reference.mask.empty()) {
        usable = reference.mask;
        for (float& value : usable.values)
            value = value >= 0.5f ? 1.0f : 0.0f;
        small_usable = resize(usable, height, width);
        prepared.weight = as_tensor(small_usable);
        // A mask thinner than a feature pixel still leaves its best one.
        const float threshold =
            std::min(0.5f, *std::max_element(small_usable.values.begin(), small_usable.values.end()));
        for (float value : small_usable.values)
            prepared.mask.push_back(value >= threshold);
    }
    for (const Plane* plane : {&reference.image.a, &reference.image.b}) {
        Plane chroma = *plane;
        // What the mask hides must not be averaged into what it shows.
        for (std::size_t i = 0; i < usable.values.size(); i++)
            chroma.values[i] *= usable.values[i];
        chroma = resize(chroma, height, width);
        for (std::size_t i = 0; i < chroma.values.size(); i++) {
            const float share = usable.empty() ? 1.0f : std::max(small_usable.values[i], 1e-3f);
            prepared.chroma.push_back(static_cast<float>(chroma.values[i] / share / chroma_scale));
        }
    }
    return prepared;
}

// --------------------------------------------------------------------------------------------------- colorizer

/// Reports to the host and notices when it cancels.
class StageClock {
  public:
    StageClock(const Progress& progress, double* seconds) : progress_(progress), seconds_(seconds)
    {
        enter(Stage::preparing);
    }

    void enter(Stage stage)
    {
        finish();
        stage_ = stage;
        start_ = Clock::now();
        report(0.0);
    }

    /// share: of the running stage, [0, 1].
    void report(double share)
    {
        double fraction = stage_share[static_cast<int>(stage_)] * share;
        for (int i = 0; i < static_cast<int>(stage_); i++)
            fraction += stage_share[i];
        reported_ = std::clamp(fraction, reported_, 1.0); // never falling, not even by rounding
        if (progress_ && !progress_(reported_, stage_))
            throw Error(ErrorCode::cancelled, "The colorization was cancelled.");
    }

    void finish()
    {
        if (start_)
            seconds_[static_cast<int>(stage_)] += std::chrono::duration<double>(Clock::now() - *start_).count();
        start_.reset();
    }

  private:
    using Clock = std::chrono::steady_clock;
    const Progress& progress_;
    double* seconds_;
    double reported_ = 0.0;
    Stage stage_ = Stage::preparing;
    std::optional<Clock::time_point> start_;
};

class TorchColorizer : public Colorizer {
  public:
    explicit TorchColorizer(const std::filesystem::path& folder)
    {
        load_weights(*similarity_, folder / "similarity-l.safetensors", "similarity-l");
        load_weights(*colorization_, folder / "colorization.safetensors", "colorization");
        similarity_->eval();
        colorization_->eval();
    }

    Result colorize(const Request& request, const Progress& progress) override
    {
        check_request(request);
        check_device(request.options.device);
        const c10::InferenceMode inference;
        const int short_side = request.options.working_size;
        const std::size_t count = request.references.size();
        Result result;
        StageClock clock(progress, result.stage_seconds);

        const Plane luminance = working_luminance(request.luminance, short_side);
        result.working_height = luminance.height;
        result.working_width = luminance.width;
        std::vector<PreparedReference> references;
        for (const Reference& reference : request.references)
            references.push_back(prepare(reference, short_side));

        clock.enter(Stage::features);
        const Encoded target = encode(luminance);
        std::vector<torch::Tensor> reference_maps;
        for (const PreparedReference& reference : references) {
            reference_maps.push_back(encode(reference.luminance).fused);
            clock.report(double(reference_maps.size()) / double(count));
        }

        clock.enter(Stage::matching);
        MatchDevice device = choose_device(request.options.device, target, reference_maps);
        std::vector<Guide> guides;
        for (std::size_t i = 0; i < count; i++) {
            guides.push_back(match(target, references[i], reference_maps[i], request.options, device));
            clock.report(double(i + 1) / double(count));
        }

        result.device = device == MatchDevice::cuda ? Device::cuda : Device::cpu;

        clock.enter(Stage::coloring);
        std::vector<std::uint8_t> served;
        const ColorizationOutput output = colorize_features(target, references, guides, request, served);

        clock.enter(Stage::upsampling);
        finish(request, output, served, clock, result);
        clock.finish();
        return result;
    }

  private:
    static void check_device(Device wanted)
    {
        std::string why_not;
        if (wanted == Device::cuda && !cuda_available(&why_not))
            throw Error(ErrorCode::device_unavailable, "No CUDA device can be used: " + why_not + ".");
    }

    /// Opening a device takes a process longer than exact search on the CPU takes.
    static MatchDevice choose_device(Device wanted, const Encoded& target, const std::vector<torch::Tensor>& references)
    {
        const bool large = std::any_of(references.begin(), references.end(), [&](const torch::Tensor& reference) {
            return faster_method(feature_map(target.fused), feature_map(reference)) == MatchMethod::patch_match;
        });
        const bool wants_cuda = wanted == Device::cuda ? !references.empty() : wanted == Device::automatic && large;
        return wants_cuda && cuda_available(nullptr) ? MatchDevice::cuda : MatchDevice::cpu;
    }

    /// Where no device was asked for, one that fails gives way to the CPU, which finds the same matches.
    static Guide match(const Encoded& target, const PreparedReference& reference, const torch::Tensor& reference_map,
                       const Options& options, MatchDevice& device)
    {
        const auto match_on = [&](MatchDevice on) {
            return make_guide(feature_map(target.fused), feature_map(reference_map), reference.chroma.data(),
                              reference.mask.empty() ? nullptr : reference.mask.data(), options.seed, 0, on);
        };
        try {
            return match_on(device);
        } catch (const Error& error) {
            const bool of_device =
                error.code() == ErrorCode::device_unavailable || error.code() == ErrorCode::out_of_memory;
            if (device == MatchDevice::cpu || options.device == Device::cuda || !of_device)
                throw;
            device = MatchDevice::cpu;
            return match_on(device);
        }
    }

    Encoded encode(const Plane& luminance)
    {
        Encoded encoded;
        encoded.luminance = normalise_luminance(as_tensor(luminance));
        encoded.features = similarity_->features(encoded.luminance.contiguous(torch::MemoryFormat::ChannelsLast));
        encoded.fused = similarity_->match_maps(encoded.features).fused.squeeze(0).permute({1, 2, 0}).contiguous();
        return encoded;
    }

    /// Takes each pixel from the reference that serves it best, and runs the colorization network. References that have
    /// little in common with the target give way to the network's colours without a reference.
    ColorizationOutput colorize_features(const Encoded& target, const std::vector<PreparedReference>& references,
                                         const std::vector<Guide>& guides, const Request& request,
                                         std::vector<std::uint8_t>& served)
    {
        const int64_t height = target.fused.size(0), width = target.fused.size(1);
        const auto empty_input = [&] {
            return ColorizationInput{target.features, target.luminance,
                                     torch::zeros({1, guide_channels, height, width}),
                                     torch::zeros({1, histogram_size})};
        };
        const auto colorize_input = [&](ColorizationInput input) {
            put_hints(request.hints, input.guide);
            return colorization_(input, false);
        };
        if (guides.empty())
            return colorize_input(empty_input());
        ColorizationInput guided = empty_input();
        const double similar = merge_guides(references, guides, guided, served);
        const double relevance = request.options.insist ? 1.0 : similar;
        if (relevance == 0.0)
            return colorize_input(empty_input());
        ColorizationOutput output = colorize_input(guided);
        if (relevance < 1.0) {
            const ColorizationOutput alone = colorize_input(empty_input());
            output.chroma = torch::lerp(alone.chroma, output.chroma, relevance);
            output.trust = torch::lerp(alone.trust, output.trust, relevance);
        }
        return output;
    }

    /// A hint looks to the network like a match that is certain. guide: 1 x guide_channels x h x w.
    static void put_hints(const Hints& hints, torch::Tensor& guide)
    {
        if (hints.mask.empty())
            return;
        const int height = static_cast<int>(guide.size(2)), width = static_cast<int>(guide.size(3));
        Plane painted = hints.mask, a = hints.a, b = hints.b;
        for (std::size_t i = 0; i < painted.values.size(); i++) {
            painted.values[i] = painted.values[i] >= 0.5f ? 1.0f : 0.0f;
            a.values[i] *= painted.values[i];
            b.values[i] *= painted.values[i];
        }
        painted = resize(painted, height, width);
        a = resize(a, height, width);
        b = resize(b, height, width);
        float* planes = guide.data_ptr<float>();
        const std::size_t pixels = painted.values.size();
        for (std::size_t pixel = 0; pixel < pixels; pixel++) {
            const float share = painted.values[pixel];
            if (share < hinted_share)
                continue;
            for (int channel = 0; channel < guide_channels; channel++)
                planes[channel * pixels + pixel] = 1.0f;
            planes[guide_warp_a * pixels + pixel] = static_cast<float>(a.values[pixel] / share / chroma_scale);
            planes[guide_warp_b * pixels + pixel] = static_cast<float>(b.values[pixel] / share / chroma_scale);
        }
    }

    /// Fills the guide and the histogram. Returns how far the references count, [0, 1].
    static double merge_guides(const std::vector<PreparedReference>& references, const std::vector<Guide>& guides,
                               ColorizationInput& input, std::vector<std::uint8_t>& served)
    {
        const std::size_t pixels = guides.front().forward.match.size();
        served.resize(pixels);
        float* planes = input.guide.data_ptr<float>();
        double similarity = 0.0;
        for (std::size_t pixel = 0; pixel < pixels; pixel++) {
            std::size_t best = 0;
            for (std::size_t i = 1; i < guides.size(); i++)
                if (service(guides[i], pixel, pixels) > service(guides[best], pixel, pixels))
                    best = i;
            served[pixel] = static_cast<std::uint8_t>(best);
            similarity += 1.0 - 0.5 * guides[best].forward.distance[pixel];
            for (int channel = 0; channel < guide_channels; channel++)
                planes[channel * pixels + pixel] = guides[best].planes[channel * pixels + pixel];
        }
        // Each reference's colours count by the share of the picture that it serves.
        for (std::size_t i = 0; i < references.size(); i++) {
            const PreparedReference& reference = references[i];
            const double share =
                double(std::count(served.begin(), served.end(), static_cast<std::uint8_t>(i))) / double(pixels);
            const torch::Tensor chroma = torch::from_blob(const_cast<float*>(reference.chroma.data()),
                                                          {1, 2, reference.height, reference.width}, torch::kFloat32);
            input.histogram += chroma_histogram(chroma, reference.weight) * share;
        }
        return std::clamp((similarity / double(pixels) - unrelated_similarity) /
                              (related_similarity - unrelated_similarity),
                          0.0, 1.0);
    }

    /// How well a reference serves a target pixel: likeness of the patches, less where the match does not look back.
    static float service(const Guide& guide, std::size_t pixel, std::size_t pixels)
    {
        return 1.0f - 0.5f * guide.forward.distance[pixel] +
               0.1f * guide.planes[guide_cycle_confidence * pixels + pixel];
    }

    void finish(const Request& request, const ColorizationOutput& output, const std::vector<std::uint8_t>& served,
                StageClock& clock, Result& result)
    {
        const int height = request.luminance.height, width = request.luminance.width;
        const torch::Tensor chroma = output.chroma * chroma_scale;
        guided_upsample(request.luminance, as_plane(chroma.select(1, 0)), as_plane(chroma.select(1, 1)), result.a,
                        result.b);
        clock.report(0.5);
        result.confidence = resize(as_plane(output.trust), height, width);
        for (float& value : result.confidence.values)
            value = std::clamp(value, 0.0f, 1.0f);
        if (request.references.size() > 1)
            result.reference_index = enlarge(served, static_cast<int>(output.chroma.size(2)) / 2,
                                             static_cast<int>(output.chroma.size(3)) / 2, height, width);
        for (Plane* plane : {&result.a, &result.b})
            for (float& value : plane->values)
                value *= request.options.strength;
        clip_chroma(request.luminance, result.a, result.b);
        if (!request.mask.empty())
            for (std::size_t i = 0; i < request.mask.values.size(); i++)
                if (request.mask.values[i] < 0.5f)
                    result.a.values[i] = result.b.values[i] = result.confidence.values[i] = 0.0f;
        clock.report(1.0);
    }

    static std::vector<std::uint8_t> enlarge(const std::vector<std::uint8_t>& values, int from_height, int from_width,
                                             int height, int width)
    {
        std::vector<std::uint8_t> result(static_cast<std::size_t>(height) * width);
        for (int y = 0; y < height; y++) {
            const int from_y = static_cast<int>(std::int64_t(y) * from_height / height);
            for (int x = 0; x < width; x++)
                result[static_cast<std::size_t>(y) * width + x] =
                    values[static_cast<std::size_t>(from_y) * from_width + std::int64_t(x) * from_width / width];
        }
        return result;
    }

    SimilarityNetwork similarity_{1};
    ColorizationNetwork colorization_;
};

/// Runs `work`; whatever is thrown inside leaves as an Error. `what` names the work in the sentence.
template <typename Work> auto guarded(const std::string& what, Work work) -> decltype(work())
{
    const auto out_of_memory = [&] {
        return Error(ErrorCode::out_of_memory, "There is not enough memory for " + what + ".");
    };
    try {
        return work();
    } catch (const Error&) {
        throw;
    } catch (const std::bad_alloc&) {
        throw out_of_memory();
    } catch (const std::exception& error) {
        // LibTorch's CPU allocator throws a plain c10::Error; only its words tell.
        const std::string text = error.what();
        for (const char* words : {"allocate memory", "not enough memory", "out of memory"})
            if (text.find(words) != std::string::npos)
                throw out_of_memory();
        throw Error(ErrorCode::internal, "The engine failed at " + what + ": " + text.substr(0, text.find('\n')));
    } catch (...) {
        throw Error(ErrorCode::internal, "The engine failed at " + what + " for an unknown reason.");
    }
}

/// The boundary that lets nothing but Error out.
class GuardedColorizer : public Colorizer {
  public:
    explicit GuardedColorizer(const std::filesystem::path& folder)
        : colorizer_(guarded("the networks", [&] { return std::make_unique<TorchColorizer>(folder); }))
    {
    }

    Result colorize(const Request& request, const Progress& progress) override
    {
        const std::string what = "a photo of " + std::to_string(request.luminance.width) + " x " +
                                 std::to_string(request.luminance.height) + " pixels at the working size " +
                                 std::to_string(request.options.working_size);
        return guarded(what, [&] { return colorizer_->colorize(request, progress); });
    }

  private:
    std::unique_ptr<TorchColorizer> colorizer_;
};

} // namespace

std::unique_ptr<Colorizer> load_colorizer(const LoadOptions& options)
{
    return std::make_unique<GuardedColorizer>(options.models_folder);
}

bool device_available(Device device)
{
    return device != Device::cuda || cuda_available(nullptr);
}

} // namespace chromatch
