// SPDX-License-Identifier: GPL-3.0-or-later
//
// What happens between two images and a result, in one place:
//
//   target L, reference Lab -> working size -> luminance trunk, recognition network -> a guess of the chroma,
//   kinds of places -> matching both ways (pair_maps, make_guide), hints -> colorization network -> chroma at half the
//   working size -> trusted chroma spread to what was guessed, smoothed -> luminance-guided upsampling -> strength,
//   gamut -> full-size chroma
#include <algorithm>
#include <chrono>
#include <cmath>
#include <list>
#include <new>
#include <optional>
#include <thread>
#include <tuple>
#include <utility>

#include <ATen/Parallel.h>
#include <sys/mman.h>
#include <torch/utils.h>

#include "chromatch.h"
#include "colour/cielab.h"
#include "matching/cuda_matcher.h"
#include "matching/guide.h"
#include "networks/colorization_network.h"
#include "networks/feature_maps.h"
#include "networks/match_features.h"
#include "networks/similarity_network.h"
#include "networks/weights.h"
#include "pipeline/chroma_smoothing.h"
#include "pipeline/chroma_spreading.h"
#include "pipeline/suitability.h"
#include "pipeline/working_size.h"
#include "resampling/guided_upsampling.h"
#include "resampling/resize.h"

namespace chromatch {

namespace {

constexpr int feature_step = 4; ///< matching and the guide live at a quarter of the working size

/// Likeness of what two photos show (likeness() below) up to which a reference is refused, and from which it counts
/// fully. At the default working size seven in eight of any two of 300 validation photos are below the first, one in 25
/// above the second (models/recognition.md tells more).
constexpr double unrelated = 0.13;
constexpr double related = 0.30;

/// Short side of the photo that describe() looks at.
constexpr int descriptor_size = 256;

/// How much more vivid than guesses a suitable reference may be: with it, references found for the validation photos
/// have the mean chroma of the true ones.
constexpr float guess_gain = 1.4f;

static_assert(descriptor_shown == recognition_channels[2]);

/// Share of a guide pixel that must be painted to make it a hint: a stroke of a pixel or two at the working size.
constexpr float hinted_share = 0.1f;

/// Share of a pixel below which paint is lost: a dab of five pixels in a photo of 4,000.
constexpr float lost_share = 0.005f;

/// What is trusted less than this serves no other place: where all is in doubt, guesses stay as they are.
constexpr float least_trust = 0.1f;

/// What is trusted for another reason than a hint serves others so much less than the hint does.
constexpr float beside_hints = 0.05f;

/// Of the features that are kept for the next call: about twenty photos at the default working size.
constexpr std::size_t most_kept_bytes = 256 << 20;

/// What share of the whole work each Stage takes, for Progress.
constexpr double stage_share[stage_count] = {0.10, 0.25, 0.30, 0.20, 0.15};

// ---------------------------------------------------------------------------------------------- working images

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
    torch::Tensor fused;     ///< 1 x 64 x H/4 x W/4, see MatchMaps
    torch::Tensor seen;      ///< guess_input()
    torch::Tensor shown;     ///< recognition features at /32, of the gray picture
    torch::Tensor places;    ///< 1 x place_channels x H/16 x W/16
};

std::size_t size_in_bytes(const Encoded& encoded)
{
    std::size_t bytes = 0;
    for (const torch::Tensor& tensor :
         {encoded.features.half, encoded.features.quarter, encoded.features.eighth, encoded.features.sixteenth,
          encoded.luminance, encoded.fused, encoded.seen, encoded.shown, encoded.places})
        bytes += tensor.nbytes();
    return bytes;
}

/// map: 1 x h x w x channels, contiguous.
FeatureMap feature_map(const torch::Tensor& map)
{
    return {map.data_ptr<float>(), static_cast<int>(map.size(1)), static_cast<int>(map.size(2)),
            static_cast<int>(map.size(3))};
}

/// A reference's chroma where matching compares it: at a quarter of the working size, height x width.
struct PreparedReference {
    int height = 0, width = 0;
    std::vector<float> chroma;      ///< 2 x height x width, in units of chroma_scale
    std::vector<std::uint8_t> mask; ///< height x width; empty: everything may be used
    torch::Tensor weight;           ///< 1 x 1 x height x width, share of usable pixels; undefined: everything

    /// 1 x 2 x height x width, of this memory.
    torch::Tensor as_tensor() const
    {
        return torch::from_blob(const_cast<float*>(chroma.data()), {1, 2, height, width}, torch::kFloat32);
    }
};

/// reference: at the working size.
PreparedReference prepare(const Reference& reference)
{
    PreparedReference prepared;
    const int height = prepared.height = reference.image.l.height / feature_step;
    const int width = prepared.width = reference.image.l.width / feature_step;
    const Plane& mask = reference.mask;
    Plane small_mask;
    if (!mask.empty()) {
        small_mask = resize(mask, height, width);
        prepared.weight = as_tensor(small_mask);
        // A mask thinner than a feature pixel still leaves its best one.
        const float threshold = std::min(0.5f, *std::max_element(small_mask.values.begin(), small_mask.values.end()));
        for (float value : small_mask.values)
            prepared.mask.push_back(value >= threshold);
    }
    for (const Plane* plane : {&reference.image.a, &reference.image.b}) {
        const Plane chroma = mask.empty() ? resize(*plane, height, width) : masked_resize(*plane, mask, small_mask);
        for (float value : chroma.values)
            prepared.chroma.push_back(static_cast<float>(value / chroma_scale));
    }
    return prepared;
}

// ------------------------------------------------------------------------------------- is this the last request?

bool same(const Plane& one, const Plane& other)
{
    return one.same_size(other) && one.values == other.values;
}

/// True where the networks say the same to both: strength and the target's mask come after them.
bool asks_the_same(const Request& one, const Request& other)
{
    const auto same_reference = [](const Reference& a, const Reference& b) {
        return same(a.image.l, b.image.l) && same(a.image.a, b.image.a) && same(a.image.b, b.image.b) &&
               same(a.mask, b.mask);
    };
    return one.options.insist == other.options.insist && one.options.seed == other.options.seed &&
           one.options.device == other.options.device && same(one.luminance, other.luminance) &&
           same(one.hints.a, other.hints.a) && same(one.hints.b, other.hints.b) &&
           same(one.hints.mask, other.hints.mask) &&
           std::equal(one.references.begin(), one.references.end(), other.references.begin(), other.references.end(),
                      same_reference);
}

// --------------------------------------------------------------------------------------------------- descriptor

/// shown: one value for each channel. places, chroma: 1 x channels x any size, chroma in units of chroma_scale.
Descriptor pack_descriptor(const torch::Tensor& shown, const torch::Tensor& places, const torch::Tensor& chroma)
{
    const auto parts = [](const torch::Tensor& map) { // parts x channels
        return torch::adaptive_avg_pool2d(map, {descriptor_grid, descriptor_grid})
            .squeeze(0)
            .flatten(1)
            .t()
            .contiguous();
    };
    const torch::Tensor all = shown.contiguous(), place = parts(places), colour = parts(chroma);
    const auto most = [](const torch::Tensor& x) { return x.abs().max().clamp_min(1e-6).item<float>(); };
    Descriptor descriptor;
    descriptor.reserve(descriptor_length);
    append_steps(descriptor, all.data_ptr<float>(), descriptor_shown, most(all));
    for (int64_t part = 0; part < descriptor_parts; part++) {
        append_steps(descriptor, place[part].data_ptr<float>(), descriptor_place, most(place[part]));
        append_steps(descriptor, colour[part].data_ptr<float>(), 2, 1.0f);
    }
    return descriptor;
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
        load_weights(*recognition_, folder / "recognition.safetensors", "recognition");
        load_weights(*colorization_, folder / "colorization.safetensors", "colorization");
        similarity_->eval();
        recognition_->eval();
        colorization_->eval();
    }

    Result colorize(const Request& request, const Progress& progress) override
    {
        check_request(request);
        if (!request.references.empty()) // nothing is matched without one
            check_device(request.options.device);
        const c10::InferenceMode inference;
        Result result;
        StageClock clock(progress, result.stage_seconds);
        const Request small = reduce(request);
        result.working_height = small.luminance.height;
        result.working_width = small.luminance.width;
        if (!latest_ || !asks_the_same(latest_->request, small)) {
            latest_.reset();
            Answer answer = compute(small, clock);
            answer.request = small;
            latest_ = std::move(answer);
        }
        result.device = latest_->device;
        result.device_failure = latest_->device_failure;
        clock.enter(Stage::upsampling);
        finish(request, *latest_, clock, result);
        clock.finish();
        return result;
    }

    Descriptor describe(const LabImage& photo) override
    {
        Request request;
        request.luminance = photo.l;
        if (!photo.a.empty() || !photo.b.empty())
            request.references.push_back({photo, {}});
        request.options.working_size = descriptor_size;
        check_request(request);
        const c10::InferenceMode inference;
        const Request small = reduce(request);
        const Encoded encoded = look_at(small.luminance); // one of many photos: not kept
        torch::Tensor chroma;
        if (small.references.empty()) {
            chroma = colorization_->guess(encoded.seen).chroma * guess_gain;
        } else {
            const LabImage& image = small.references.front().image;
            chroma = torch::cat({as_tensor(image.a), as_tensor(image.b)}, 1) / chroma_scale;
        }
        return pack_descriptor(relative_shown(encoded.shown).mean({0, 2, 3}), encoded.places, chroma);
    }

  private:
    /// What the networks said. It is kept for the next call: another strength, or the full size after its preview, then
    /// needs no network.
    struct Answer {
        Request request; ///< at the working size
        ColorizationOutput output;
        std::vector<std::uint8_t> served; ///< which reference, for each pixel of the guide; empty without references
        Device device = Device::cpu;      ///< that matched
        std::string device_failure;       ///< see Result
    };

    /// small: at the working size.
    Answer compute(const Request& small, StageClock& clock)
    {
        const std::size_t count = small.references.size();
        std::vector<PreparedReference> references;
        for (const Reference& reference : small.references)
            references.push_back(prepare(reference));

        clock.enter(Stage::features);
        const Encoded target = encode(small.luminance);
        const Guess guess = colorization_->guess(target.seen);
        std::vector<PairMaps> maps;       // of the target and each reference
        std::vector<torch::Tensor> shown; // by each reference
        for (std::size_t i = 0; i < count; i++) {
            const Encoded encoded = encode(small.references[i].image.l);
            maps.push_back(pair_maps({target.fused, target.places, guess.chroma},
                                     {encoded.fused, encoded.places, references[i].as_tensor()}));
            shown.push_back(encoded.shown);
            clock.report(double(maps.size()) / double(count));
        }

        clock.enter(Stage::matching);
        Answer answer;
        MatchDevice device = choose_device(small.options.device, maps);
        std::vector<Guide> guides;
        for (std::size_t i = 0; i < count; i++) {
            guides.push_back(match(maps[i], references[i], small.options, device, answer.device_failure));
            clock.report(double(i + 1) / double(count));
        }

        clock.enter(Stage::coloring);
        answer.device = device == MatchDevice::cuda ? Device::cuda : Device::cpu;
        answer.output = colorize_features(target, guess, references, shown, guides, small, answer.served);
        if (count > 0 || !small.hints.mask.empty())
            spread_known_chroma(small, target, answer.output);
        smooth(small, answer.output);
        return answer;
    }

    static void check_device(Device wanted)
    {
        std::string why_not;
        if (wanted == Device::cuda && !cuda_available(&why_not))
            throw Error(ErrorCode::device_unavailable, "No CUDA device can be used: " + why_not + ".");
    }

    /// Opening a device takes a process longer than exact search on the CPU takes.
    static MatchDevice choose_device(Device wanted, const std::vector<PairMaps>& maps)
    {
        const bool large = std::any_of(maps.begin(), maps.end(), [&](const PairMaps& pair) {
            return faster_method(feature_map(pair.target), feature_map(pair.reference)) == MatchMethod::patch_match;
        });
        const bool wants_cuda = wanted == Device::cuda ? !maps.empty() : wanted == Device::automatic && large;
        return wants_cuda && cuda_available(nullptr) ? MatchDevice::cuda : MatchDevice::cpu;
    }

    /// Where no device was asked for, one that fails gives way to the CPU, which finds the same matches.
    static Guide match(const PairMaps& maps, const PreparedReference& reference, const Options& options,
                       MatchDevice& device, std::string& device_failure)
    {
        const auto match_on = [&](MatchDevice on) {
            return make_guide(feature_map(maps.target), feature_map(maps.reference), reference.chroma.data(),
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
            device_failure = error.what();
            return match_on(device);
        }
    }

    /// All but the fused map, which only matching needs.
    Encoded look_at(const Plane& luminance)
    {
        Encoded encoded;
        encoded.luminance = normalise_luminance(as_tensor(luminance));
        encoded.features = similarity_->features(encoded.luminance.contiguous(torch::MemoryFormat::ChannelsLast));
        const RecognitionFeatures recognised = recognition_->features(gray_picture(as_tensor(luminance)));
        encoded.seen = guess_input(encoded.features.sixteenth, recognised, encoded.luminance);
        encoded.shown = recognised.thirtysecond;
        encoded.places = colorization_->places(encoded.seen);
        return encoded;
    }

    /// The features of the photos of the last calls are kept, so that the next call need not compute them again.
    Encoded encode(const Plane& luminance)
    {
        const auto known = std::find_if(encoded_.begin(), encoded_.end(),
                                        [&](const auto& entry) { return same(entry.first, luminance); });
        if (known != encoded_.end()) {
            encoded_.splice(encoded_.begin(), encoded_, known);
        } else {
            Encoded encoded = look_at(luminance);
            encoded.fused = similarity_->match_maps(encoded.features).fused;
            encoded_.emplace_front(luminance, encoded);
        }
        const Encoded encoded = encoded_.front().second;
        std::size_t bytes = 0;
        const auto too_many = std::find_if(encoded_.begin(), encoded_.end(), [&](const auto& entry) {
            bytes += size_in_bytes(entry.second);
            return bytes > most_kept_bytes;
        });
        encoded_.erase(too_many, encoded_.end());
        return encoded;
    }

    /// Takes each pixel from the reference that serves it best, and runs the colorization network. References that have
    /// little in common with the target give way to the network's colours without a reference.
    ColorizationOutput colorize_features(const Encoded& target, const Guess& guess,
                                         const std::vector<PreparedReference>& references,
                                         const std::vector<torch::Tensor>& shown, const std::vector<Guide>& guides,
                                         const Request& request, std::vector<std::uint8_t>& served)
    {
        const int64_t height = target.fused.size(2), width = target.fused.size(3);
        const auto empty_input = [&] {
            return ColorizationInput{target.features, guess, target.luminance,
                                     torch::zeros({1, guide_channels, height, width}),
                                     torch::zeros({1, histogram_size})};
        };
        const auto colorize_input = [&](ColorizationInput input) {
            put_hints(request.hints, input.guide);
            return colorization_(input, false);
        };
        const auto colorize_alone = [&] {
            ColorizationOutput output = colorize_input(empty_input());
            output.warp.reset(); // of nothing
            return output;
        };
        if (guides.empty())
            return colorize_alone();
        ColorizationInput guided = empty_input();
        merge_guides(references, guides, guided, served);
        if (request.options.insist)
            return colorize_input(guided);
        const torch::Tensor relevance = relevance_of(target, references, shown, served);
        if (relevance.max().item<float>() == 0.0f)
            return colorize_alone();
        ColorizationOutput output = colorize_input(guided);
        if (relevance.min().item<float>() < 1.0f) {
            const ColorizationOutput alone = colorize_alone();
            const torch::Tensor share = resized_map(relevance, output.chroma.size(2), output.chroma.size(3));
            output.chroma = torch::lerp(alone.chroma, output.chroma, share);
            output.trust = torch::lerp(alone.trust, output.trust, share);
        }
        return output;
    }

    /// A small dab or a thin stroke covers little of any pixel of a small picture, yet is all that was painted there:
    /// where no pixel around is painted over and over, the most painted ones count fully. So little paint as no one
    /// sees does not count.
    static void strengthen(Plane& painted)
    {
        const Plane shares = painted;
        for (int y = 0; y < shares.height; y++)
            for (int x = 0; x < shares.width; x++) {
                float most = lost_share;
                for (int ny = std::max(0, y - 1); ny <= std::min(shares.height - 1, y + 1); ny++)
                    for (int nx = std::max(0, x - 1); nx <= std::min(shares.width - 1, x + 1); nx++)
                        most = std::max(most, shares.at(ny, nx));
                float& share = painted.at(y, x);
                if (share >= 0.5f * most && share > lost_share)
                    share /= most;
            }
    }

    /// Empty hints stay empty.
    static Hints resized(const Hints& hints, int height, int width)
    {
        if (hints.mask.empty())
            return {};
        Hints small;
        small.mask = resize(hints.mask, height, width);
        small.a = masked_resize(hints.a, hints.mask, small.mask);
        small.b = masked_resize(hints.b, hints.mask, small.mask);
        strengthen(small.mask);
        return small;
    }

    /// What the reference or a hint gave serves what was guessed. Hints are kept to, and outrank the reference.
    static void spread_known_chroma(const Request& small, const Encoded& target, ColorizationOutput& output)
    {
        Plane trust = as_plane(output.trust);
        auto [a, b] = chroma_planes(output.chroma);
        Plane source = trust;
        for (float& value : source.values)
            value = std::max(0.0f, value - least_trust);
        const Hints hints = resized(small.hints, trust.height, trust.width);
        const auto is_hint = [](float painted) { return painted >= hinted_share; };
        if (std::any_of(hints.mask.values.begin(), hints.mask.values.end(), is_hint))
            for (std::size_t i = 0; i < hints.mask.values.size(); i++) {
                const float share = std::clamp(hints.mask.values[i], 0.0f, 1.0f);
                a.values[i] = std::lerp(a.values[i], hints.a.values[i], share);
                b.values[i] = std::lerp(b.values[i], hints.b.values[i], share);
                trust.values[i] = std::lerp(trust.values[i], 1.0f, share);
                source.values[i] = std::lerp(source.values[i] * beside_hints, 1.0f, share);
            }
        const torch::Tensor fused = target.fused.permute({0, 2, 3, 1}).contiguous();
        spread_chroma(feature_map(fused), small.luminance, trust, source, a, b);
        output.chroma = chroma_tensor(a, b);
        output.trust = as_tensor(trust);
    }

    static std::pair<Plane, Plane> chroma_planes(const torch::Tensor& chroma)
    {
        return {as_plane(chroma.select(1, 0) * chroma_scale), as_plane(chroma.select(1, 1) * chroma_scale)};
    }

    static torch::Tensor chroma_tensor(const Plane& a, const Plane& b)
    {
        return torch::cat({as_tensor(a), as_tensor(b)}, 1) / chroma_scale;
    }

    static void smooth(const Request& small, ColorizationOutput& output)
    {
        auto [a, b] = chroma_planes(output.chroma);
        smooth_chroma(small.luminance, as_plane(output.trust), a, b);
        output.chroma = chroma_tensor(a, b);
    }

    /// A hint looks to the network like a match that is certain. guide: 1 x guide_channels x h x w.
    static void put_hints(const Hints& hints, torch::Tensor& guide)
    {
        const Hints small = resized(hints, static_cast<int>(guide.size(2)), static_cast<int>(guide.size(3)));
        float* planes = guide.data_ptr<float>();
        const std::size_t pixels = small.mask.values.size();
        for (std::size_t pixel = 0; pixel < pixels; pixel++) {
            if (small.mask.values[pixel] < hinted_share)
                continue;
            for (int channel = 0; channel < guide_channels; channel++)
                planes[channel * pixels + pixel] = 1.0f;
            planes[guide_warp_a * pixels + pixel] = static_cast<float>(small.a.values[pixel] / chroma_scale);
            planes[guide_warp_b * pixels + pixel] = static_cast<float>(small.b.values[pixel] / chroma_scale);
        }
    }

    /// How far each place's reference counts, [0, 1]: 1 x 1 x h x w, as large as the guide.
    torch::Tensor relevance_of(const Encoded& target, const std::vector<PreparedReference>& references,
                               const std::vector<torch::Tensor>& shown, const std::vector<std::uint8_t>& served)
    {
        torch::Tensor relevance = torch::zeros({1, 1, target.fused.size(2), target.fused.size(3)});
        const torch::Tensor everything = torch::ones({1, 1, 1, 1});
        for (std::size_t i = 0; i < references.size(); i++) {
            torch::Tensor here = torch::empty_like(relevance);
            std::transform(served.begin(), served.end(), here.data_ptr<float>(),
                           [&](std::uint8_t by) { return by == i ? 1.0f : 0.0f; });
            const auto likeness_to = [&](const torch::Tensor& weight) {
                return likeness(target.shown, here, shown[i], weight);
            };
            double alike = likeness_to(everything);
            if (references[i].weight.defined()) // the part that may be used can be the one that is alike
                alike = std::max(alike, likeness_to(references[i].weight));
            relevance += here * std::clamp((alike - unrelated) / (related - unrelated), 0.0, 1.0);
        }
        return relevance;
    }

    /// What the recognition network sees at /32, each channel relative to what it says of photos in general.
    torch::Tensor relative_shown(const torch::Tensor& shown)
    {
        const auto channels = [](const torch::Tensor& x) {
            return x.narrow(1, guess_input_shown, recognition_channels[2]);
        };
        return (shown - channels(colorization_->guess->mean)) * channels(colorization_->guess->scale);
    }

    /// Whether two photos show the same kind of things, [-1, 1]: the cosine of the sums of relative_shown(). weight: 1
    /// x 1 x h x w of any size, how much of each place counts.
    double likeness(const torch::Tensor& one, const torch::Tensor& one_weight, const torch::Tensor& other,
                    const torch::Tensor& other_weight)
    {
        const auto pooled = [&](const torch::Tensor& features, const torch::Tensor& weight) {
            const torch::Tensor counted = torch::adaptive_avg_pool2d(weight, {features.size(2), features.size(3)});
            return (relative_shown(features) * counted).sum({0, 2, 3});
        };
        return torch::cosine_similarity(pooled(one, one_weight), pooled(other, other_weight), 0).item<double>();
    }

    /// Fills the guide and the histogram.
    static void merge_guides(const std::vector<PreparedReference>& references, const std::vector<Guide>& guides,
                             ColorizationInput& input, std::vector<std::uint8_t>& served)
    {
        const std::size_t pixels = guides.front().forward.match.size();
        served.resize(pixels);
        float* planes = input.guide.data_ptr<float>();
        for (std::size_t pixel = 0; pixel < pixels; pixel++) {
            std::size_t best = 0;
            for (std::size_t i = 1; i < guides.size(); i++)
                if (service(guides[i], pixel, pixels) > service(guides[best], pixel, pixels))
                    best = i;
            served[pixel] = static_cast<std::uint8_t>(best);
            for (int channel = 0; channel < guide_channels; channel++)
                planes[channel * pixels + pixel] = guides[best].planes[channel * pixels + pixel];
        }
        // Each reference's colours count by the share of the picture that it serves.
        for (std::size_t i = 0; i < references.size(); i++) {
            const PreparedReference& reference = references[i];
            const double share =
                double(std::count(served.begin(), served.end(), static_cast<std::uint8_t>(i))) / double(pixels);
            input.histogram += chroma_histogram(reference.as_tensor(), reference.weight) * share;
        }
    }

    /// How well a reference serves a target pixel: how alike both places look to the trunk, less where the match does
    /// not look back. What kind of place it is depends on the whole photo that it is in, so that it tells a photo's
    /// places apart, but not which of two photos has the better one.
    static float service(const Guide& guide, std::size_t pixel, std::size_t pixels)
    {
        float alike = 0.0f;
        for (int level = 0; level < match_level_count; level++)
            alike += guide.planes[(guide_similarity4 + level) * pixels + pixel];
        return alike / match_level_count + 0.1f * guide.planes[guide_cycle_confidence * pixels + pixel];
    }

    static void finish(const Request& request, const Answer& answer, StageClock& clock, Result& result)
    {
        const ColorizationOutput& output = answer.output;
        const int height = request.luminance.height, width = request.luminance.width;
        const torch::Tensor chroma = output.chroma * chroma_scale;
        guided_upsample(request.luminance, as_plane(chroma.select(1, 0)), as_plane(chroma.select(1, 1)), result.a,
                        result.b);
        clock.report(0.5);
        result.confidence = resize(as_plane(output.trust), height, width);
        for (float& value : result.confidence.values)
            value = std::clamp(value, 0.0f, 1.0f);
        if (output.warp.defined())
            std::tie(result.matched_a, result.matched_b) = chroma_planes(output.warp);
        if (request.references.size() > 1)
            result.reference_index = enlarge(answer.served, static_cast<int>(output.chroma.size(2)) / 2,
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
    RecognitionNetwork recognition_;
    ColorizationNetwork colorization_;
    std::optional<Answer> latest_;
    std::list<std::pair<Plane, Encoded>> encoded_; ///< the latest photo first
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
        // LibTorch's CPU allocator throws a plain c10::Error; only its words tell. oneDNN, under it, cannot make a
        // primitive of a network that it has run before for no other reason, nor LibTorch its words.
        const std::string text = error.what();
        for (const char* words : {"allocate memory", "not enough memory", "out of memory", "could not create a",
                                  "Error computing Error::what()"})
            if (text.find(words) != std::string::npos)
                throw out_of_memory();
        throw Error(ErrorCode::internal, "The engine failed at " + what + ": " + text.substr(0, text.find('\n')));
    } catch (...) {
        throw Error(ErrorCode::internal, "The engine failed at " + what + " for an unknown reason.");
    }
}

/// OpenMP ends the process where it cannot start its threads. So whether there is room for them is tried first, and
/// they are started at once, while there still is.
void start_threads()
{
    constexpr std::size_t mebibyte = 1 << 20;
    const std::size_t count = std::max(1u, std::thread::hardware_concurrency());
    const std::size_t room = (128 + 8 * count) * mebibyte; // the networks and the threads' stacks
    void* const tried = mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (tried == MAP_FAILED)
        throw std::bad_alloc();
    munmap(tried, room);
    at::parallel_for(0, at::get_num_threads(), 1, [](int64_t, int64_t) {});
}

/// The boundary that lets nothing but Error out.
class GuardedColorizer : public Colorizer {
  public:
    explicit GuardedColorizer(const std::filesystem::path& folder)
        : colorizer_(guarded("the networks", [&] {
              start_threads();
              return std::make_unique<TorchColorizer>(folder);
          }))
    {
    }

    Result colorize(const Request& request, const Progress& progress) override
    {
        const std::string what = "a photo of " + std::to_string(request.luminance.width) + " x " +
                                 std::to_string(request.luminance.height) + " pixels at the working size " +
                                 std::to_string(request.options.working_size);
        return guarded(what, [&] { return colorizer_->colorize(request, progress); });
    }

    Descriptor describe(const LabImage& photo) override
    {
        return guarded("a descriptor", [&] { return colorizer_->describe(photo); });
    }

  private:
    std::unique_ptr<TorchColorizer> colorizer_;
};

} // namespace

std::unique_ptr<Colorizer> load_colorizer(const LoadOptions& options)
{
    return std::make_unique<GuardedColorizer>(options.models_folder);
}

Request at_working_size(const Request& request)
{
    return guarded("a smaller copy of the request", [&] {
        check_request(request);
        return reduce(request);
    });
}

bool device_available(Device device)
{
    return device != Device::cuda || cuda_available(nullptr);
}

} // namespace chromatch
