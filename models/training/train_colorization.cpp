// SPDX-License-Identifier: GPL-3.0-or-later
//
// Stage 3: the colorization network learns from plain colour photos. The triplets that are missing (gray photo,
// reference, right answer) are made out of single photos in six modes, with the real matcher in the loop. The two-way
// warp is from He et al., "Deep exemplar-based colorization", SIGGRAPH 2018, section 5.
//
//   draw(): modes -> windows of photos -> Lab, recoloured where the mode says so -> frozen trunk -> guides, hints
//   step:   colorization network -> losses (losses.h) -> AdamW -> moving average
#include <algorithm>
#include <cmath>
#include <cstdio>

#include <torch/torch.h>

#include "matching/guide.h"
#include "networks/colorization_network.h"
#include "networks/match_features.h"
#include "networks/similarity_network.h"
#include "networks/weights.h"
#include "training/autocast.h"
#include "training/batched_matching.h"
#include "training/losses.h"
#include "training/neighbours.h"
#include "training/run.h"
#include "training/sampling.h"
#include "training/teacher.h"

namespace chromatch {

namespace F = torch::nn::functional;

namespace {

enum Mode {
    self,            ///< the reference is the photo itself, warped
    recoloured,      ///< the same, both with one chroma transform: colours must be read, not guessed
    two_way,         ///< another photo; the target's own colours warped there and back
    foreign_nearest, ///< a similar photo: take its colours; the right answer is only one of several
    foreign_random,  ///< any photo: the wrong reference must be refused
    none             ///< no reference
};
constexpr const char* mode_names[] = {"self", "recoloured", "two_way", "foreign_nearest", "foreign_random", "none"};
constexpr int mode_count = 6;

constexpr double minimum_window = 128.0;
constexpr double reference_noise = 0.02;
constexpr double target_noise = 0.01;
constexpr double covered_share = 0.6;         // of the samples whose reference is the photo itself
constexpr double similar_two_way_share = 0.6; // of the two-way samples
constexpr double turned_hint_share = 0.5;     // of the samples with hints and no reference
constexpr double most_hints = 48;
constexpr double bin_rebalancing = 0.5; // lambda of Zhang et al.
constexpr double foreign_truth_weight = 0.5;

torch::TensorOptions on(torch::Device device, torch::ScalarType type = torch::kFloat32)
{
    return torch::TensorOptions().dtype(type).device(device);
}

torch::Tensor as_float(const torch::Tensor& condition)
{
    return condition.to(torch::kFloat32);
}

/// Rotation of the hue, gain and shift, one for each sample; identity where `active` is 0. ab: N x 2 x h x w.
struct ChromaTransform {
    explicit ChromaTransform(const torch::Tensor& active)
    {
        const int64_t count = active.size(0);
        const torch::Tensor angle = uniform({count}, 0, 2 * M_PI, active.device()) * active;
        const torch::Tensor gain = 1.0 + uniform({count}, -0.4, 0.4, active.device()) * active;
        cosine = (angle.cos() * gain).view({-1, 1, 1});
        sine = (angle.sin() * gain).view({-1, 1, 1});
        shift = uniform({count, 2, 1, 1}, -0.08, 0.08, active.device()) * active.view({-1, 1, 1, 1});
    }
    torch::Tensor operator()(const torch::Tensor& ab) const
    {
        const torch::Tensor a = ab.select(1, 0), b = ab.select(1, 1);
        return torch::stack({cosine * a - sine * b, sine * a + cosine * b}, 1) + shift;
    }
    torch::Tensor cosine, sine, shift;
};

/// Covers up to half of each picture in `active` samples with a rectangle of another one.
torch::Tensor cover(const torch::Tensor& rgb, const torch::Tensor& active)
{
    const int64_t count = rgb.size(0), size = rgb.size(2);
    const torch::Device device = rgb.device();
    const torch::Tensor area = uniform({count}, 0.0, 0.5, device) * active;
    const torch::Tensor aspect = uniform({count}, std::log(0.5), std::log(2.0), device).exp();
    const torch::Tensor width = (area * aspect).sqrt().clamp_max(1.0).view({-1, 1, 1, 1});
    const torch::Tensor height = (area / aspect).sqrt().clamp_max(1.0).view({-1, 1, 1, 1});
    const torch::Tensor left = uniform({count, 1, 1, 1}, 0, 1, device) * (1.0 - width);
    const torch::Tensor top = uniform({count, 1, 1, 1}, 0, 1, device) * (1.0 - height);
    const torch::Tensor line = (torch::arange(size, on(device)) + 0.5) / double(size);
    const torch::Tensor x = line.view({1, 1, 1, -1}), y = line.view({1, 1, -1, 1});
    const torch::Tensor inside = (x >= left) & (x < left + width) & (y >= top) & (y < top + height);
    return torch::where(inside, rgb.roll(1, 0), rgb);
}

/// Puts true colours into the guide at a few places of the `active` samples, 1 to most_hints of them, as dots and as
/// spots of 3 x 3 pixels: what a user's hints look like to the network (put_hints() in the engine).
torch::Tensor add_hints(const torch::Tensor& guide, const torch::Tensor& truth, const torch::Tensor& active)
{
    const int64_t count = guide.size(0), height = guide.size(2), width = guide.size(3);
    const torch::Device device = guide.device();
    const torch::Tensor wanted = uniform({count, 1, 1, 1}, 0, std::log(most_hints), device).exp();
    const torch::Tensor dots =
        as_float(torch::rand({count, 1, height, width}, on(device)) * double(height * width) < wanted);
    const torch::Tensor spots = torch::max_pool2d(dots, 3, 1, 1);
    const torch::Tensor as_spots = as_float(torch::rand({count, 1, 1, 1}, on(device)) < 0.5);
    const torch::Tensor hint = torch::lerp(dots, spots, as_spots) * active.view({-1, 1, 1, 1});
    const torch::Tensor sure =
        torch::cat({truth, torch::ones({count, guide_channels - 2, height, width}, on(device))}, 1);
    return torch::lerp(guide, sure, hint);
}

/// What one step learns from. N samples; h and w are the crop's.
struct Samples {
    std::vector<int> modes;
    torch::Tensor mode; ///< N, on the device
    ColorizationInput input;
    torch::Tensor rgb;       ///< N x 3 x h x w, true sRGB
    torch::Tensor lightness; ///< N x 1 x h x w, L
    torch::Tensor reference_rgb;
    torch::Tensor truth2, truth4; ///< true chroma at /2 and /4, recoloured where `turned`
    torch::Tensor turned;         ///< N, 1: the truth was recoloured, so that it looks like no photo
    torch::Tensor has_reference;  ///< N, 1 or 0

    torch::Tensor is(Mode which) const { return mode == static_cast<int64_t>(which); }
};

/// Draws samples from the photos.
class Sampler {
  public:
    Sampler(const TrainingConfig& config, const PhotoStore& photos, SimilarityNetwork similarity,
            RecognitionNetwork recognition, ColorizationNetwork network, torch::Tensor nearest)
        : config_(config), photos_(photos), similarity_(std::move(similarity)), recognition_(std::move(recognition)),
          network_(std::move(network)), nearest_(std::move(nearest))
    {
        std::vector<double> shares;
        for (const char* name : mode_names)
            shares.push_back(config.mode_shares.count(name) ? config.mode_shares.at(name) : 0.0);
        shares_ = torch::tensor(shares, torch::kFloat32);
        plain_places_ = regular_places(config.crop, photos.device()).expand({config.batch, -1, -1, -1});
    }

    /// Windows of random photos, for statistics: N x 3 x h x w Lab.
    torch::Tensor draw_lab() const
    {
        return srgb_to_lab(
            sample_window(photos_, random_windows(photos_, any_photos(), minimum_window), plain_places_));
    }

    Samples draw(uint64_t seed)
    {
        const torch::NoGradGuard no_gradients;
        const torch::Device device = photos_.device();
        const int64_t batch = config_.batch, crop = config_.crop;
        Samples samples;
        const torch::Tensor mode = torch::multinomial(shares_, batch, true);
        samples.modes.assign(mode.data_ptr<int64_t>(), mode.data_ptr<int64_t>() + batch);
        samples.mode = mode.to(device);
        const torch::Tensor same_photo = samples.is(self) | samples.is(recoloured);
        const auto chance = [&](double share) { return torch::rand({batch}, on(device)) < share; };
        const torch::Tensor hinted = chance(config_.hint_share);
        samples.turned = as_float(samples.is(recoloured) | (samples.is(none) & hinted & chance(turned_hint_share)));
        samples.has_reference = as_float(~samples.is(none));

        const torch::Tensor chosen = any_photos();
        const torch::Tensor wants_similar =
            samples.is(foreign_nearest) | (samples.is(two_way) & chance(similar_two_way_share));
        const Window window = random_windows(photos_, chosen, minimum_window);
        const Window other =
            random_windows(photos_, torch::where(wants_similar, similar_photos(chosen), any_photos()), minimum_window);
        const Window reference_window = {torch::where(same_photo, window.photo, other.photo),
                                         torch::where(same_photo.unsqueeze(1), window.centre, other.centre),
                                         torch::where(same_photo, window.half, other.half),
                                         torch::where(same_photo, window.mirror, other.mirror)};
        const torch::Tensor places =
            torch::where(same_photo.view({-1, 1, 1, 1}), warped_places(batch, crop, device), plain_places_);
        samples.rgb = sample_window(photos_, window, plain_places_);
        samples.reference_rgb = cover(sample_window(photos_, reference_window, places),
                                      as_float(same_photo) * as_float(chance(covered_share)));

        const torch::Tensor lab = srgb_to_lab(samples.rgb), reference_lab = srgb_to_lab(samples.reference_rgb);
        const ChromaTransform transform(samples.turned);
        const torch::Tensor truth = transform(lab.narrow(1, 1, 2) / chroma_scale);
        const torch::Tensor reference_truth = transform(reference_lab.narrow(1, 1, 2) / chroma_scale);
        samples.truth2 = torch::avg_pool2d(truth, 2);
        samples.truth4 = torch::avg_pool2d(truth, 4);
        samples.lightness = lab.narrow(1, 0, 1);
        samples.input.luminance =
            normalise_luminance(samples.lightness + torch::randn({batch, 1, crop, crop}, on(device)) *
                                                        uniform({batch, 1, 1, 1}, 0, 100 * target_noise, device));
        add_features(samples, jitter_luminance(reference_lab.narrow(1, 0, 1), reference_noise),
                     torch::avg_pool2d(reference_truth, 4), seed);
        samples.input.guide = add_hints(samples.input.guide, samples.truth4, as_float(hinted));
        return samples;
    }

  private:
    torch::Tensor any_photos() const
    {
        return torch::randint(photos_.size(), {config_.batch}, on(photos_.device(), torch::kInt64));
    }

    torch::Tensor similar_photos(const torch::Tensor& photo) const
    {
        const torch::Tensor which = torch::randint(nearest_.size(1), {photo.size(0), 1}, nearest_.options());
        return nearest_.index_select(0, photo).gather(1, which).squeeze(1);
    }

    /// Trunk features, guide and histogram.
    void add_features(Samples& samples, const torch::Tensor& reference_l, const torch::Tensor& reference_chroma,
                      uint64_t seed)
    {
        const int64_t batch = config_.batch;
        const torch::Tensor luminance = torch::cat({samples.input.luminance, normalise_luminance(reference_l)})
                                            .contiguous(torch::MemoryFormat::ChannelsLast);
        TrunkFeatures features;
        torch::Tensor fused;
        {
            const Autocast autocast(photos_.device());
            features = similarity_->features(luminance);
            fused = similarity_->match_maps(features).fused.to(torch::kFloat32);
        }
        samples.input.features = {features.half.narrow(0, 0, batch), features.quarter.narrow(0, 0, batch),
                                  features.eighth.narrow(0, 0, batch), features.sixteenth.narrow(0, 0, batch)};
        torch::Tensor ways = torch::empty({batch}, torch::kInt64);
        for (int64_t i = 0; i < batch; i++)
            ways[i] = static_cast<int64_t>(samples.modes[i] == none      ? no_reference
                                           : samples.modes[i] == two_way ? two_way_warp
                                                                         : one_way);
        const torch::Tensor seen = guess_input(
            features.sixteenth, recognition_->features(gray_picture(denormalise_luminance(luminance))), luminance);
        const torch::Tensor places = network_->places(seen);
        samples.input.guess = network_->guess(seen.narrow(0, 0, batch));
        // Compared with one colour, a guess that says nothing yet prefers none.
        const torch::Tensor compared =
            network_->guess->trained() ? reference_chroma : torch::zeros_like(reference_chroma);
        const PairMaps maps =
            pair_maps({fused.narrow(0, 0, batch), places.narrow(0, 0, batch), samples.input.guess.chroma},
                      {fused.narrow(0, batch, batch), places.narrow(0, batch, batch), compared});
        const BatchedGuides guides =
            make_guides(maps.target.permute({0, 3, 1, 2}), maps.reference.permute({0, 3, 1, 2}), samples.truth4,
                        reference_chroma, ways, seed);
        samples.input.guide = guides.planes;
        samples.input.histogram = chroma_histogram(guides.reference) * samples.has_reference.unsqueeze(1);
    }

    const TrainingConfig& config_;
    const PhotoStore& photos_;
    SimilarityNetwork similarity_;
    RecognitionNetwork recognition_;
    ColorizationNetwork network_; ///< of which the guess and the places are used
    torch::Tensor nearest_, shares_, plain_places_;
};

/// Weights of the chroma bins by how rare they are (Zhang et al., "Colorful image colorization", ECCV 2016).
torch::Tensor rare_bin_weights(const Sampler& sampler, torch::Device device)
{
    torch::Tensor frequency = torch::zeros({histogram_size}, on(device));
    for (int i = 0; i < 32; i++)
        frequency += chroma_histogram(sampler.draw_lab().narrow(1, 1, 2) / chroma_scale).sum(0);
    frequency = frequency / frequency.sum();
    const torch::Tensor weights = 1.0 / ((1.0 - bin_rebalancing) * frequency + bin_rebalancing / histogram_size);
    return weights / (weights * frequency).sum();
}

/// What a checkpoint holds.
struct ColorizationStageImpl : torch::nn::Module {
    ColorizationStageImpl()
    {
        network = register_module("network", ColorizationNetwork());
        discriminator = register_module("discriminator", Discriminator());
    }
    ColorizationNetwork network{nullptr};
    Discriminator discriminator{nullptr};
};
TORCH_MODULE(ColorizationStage);

/// The samples (by number) for which `wanted` holds, as an index tensor.
template <typename Wanted> torch::Tensor numbers(const Samples& samples, Wanted wanted)
{
    std::vector<int64_t> found;
    for (std::size_t i = 0; i < samples.modes.size(); i++)
        if (wanted(samples.modes[i]))
            found.push_back(static_cast<int64_t>(i));
    return torch::tensor(found, torch::kInt64).to(samples.mode.device());
}

/// Losses on what the frozen teacher sees in the coloured picture: like the truth, and, for a similar photo as
/// reference, like something in that photo.
void add_teacher_losses(const TrainingConfig& config, const Teacher& teacher, const Samples& samples,
                        const torch::Tensor& chroma, std::map<std::string, torch::Tensor>& losses)
{
    const auto batch = static_cast<double>(samples.modes.size());
    const auto seen = [&](const torch::Tensor& number) {
        const torch::Tensor large =
            F::interpolate(chroma.index_select(0, number), F::InterpolateFuncOptions()
                                                               .scale_factor(std::vector<double>{2, 2})
                                                               .mode(torch::kBilinear)
                                                               .align_corners(false));
        const torch::Tensor lab = torch::cat({samples.lightness.index_select(0, number), large * chroma_scale}, 1);
        return teacher.features(lab_to_srgb(lab));
    };
    const torch::Tensor photo_like =
        numbers(samples, [](int mode) { return mode == self || mode == foreign_nearest || mode == none; });
    if (config.loss_weight("perceptual") > 0 && photo_like.size(0) > 0) {
        const RecognitionFeatures mine = seen(photo_like);
        const RecognitionFeatures truth = teacher.features(samples.rgb.index_select(0, photo_like));
        const torch::Tensor weight = 1.0 - samples.turned.index_select(0, photo_like);
        losses["perceptual"] =
            ((perceptual_loss(mine.eighth, truth.eighth) + perceptual_loss(mine.sixteenth, truth.sixteenth)) * 0.5 *
             weight)
                .sum() /
            batch;
    }
    const torch::Tensor similar = numbers(samples, [](int mode) { return mode == foreign_nearest; });
    if (config.loss_weight("contextual") > 0 && similar.size(0) > 0)
        losses["contextual"] =
            contextual_loss(seen(similar).sixteenth,
                            teacher.features(samples.reference_rgb.index_select(0, similar)).sixteenth)
                .sum() /
            batch;
}

std::map<std::string, torch::Tensor> chroma_losses(const Samples& samples, const ColorizationOutput& output,
                                                   const torch::Tensor& bin_weights)
{
    const torch::Tensor similar = as_float(samples.is(foreign_nearest));
    const torch::Tensor truth_weight = 1.0 - (1.0 - foreign_truth_weight) * similar;
    // A recoloured photo's colours can only be read from its reference, not guessed.
    const torch::Tensor guess_weight = truth_weight * (1.0 - as_float(samples.is(recoloured)));
    return {
        {"chroma", (chroma_loss(output.chroma, samples.truth2) * truth_weight).mean()},
        {"prior", (chroma_loss(output.prior, samples.truth2) * guess_weight).mean()},
        {"gate", (gate_loss(output.gate, output.warp, samples.truth2) * samples.has_reference).mean()},
        {"bins", (bin_loss(output.bins, samples.truth4, bin_weights) * truth_weight * (1.0 - samples.turned)).mean()},
        {"histogram", (histogram_loss(chroma_histogram(output.chroma), samples.input.histogram) * similar).mean()},
        {"edges", unsupported_edges(output.chroma, torch::avg_pool2d(samples.input.luminance, 2))},
    };
}

/// Squared errors and their counts by mode for the log: both add up exactly, means of means would not.
void log_errors(const Samples& samples, const torch::Tensor& chroma, std::map<std::string, torch::Tensor>& values)
{
    const torch::Tensor squared = (chroma.detach() - samples.truth2).square().mean({1, 2, 3});
    for (int m = 0; m < mode_count; m++) {
        const torch::Tensor here = as_float(samples.mode == m);
        values[std::string("count_") + mode_names[m]] = here.sum();
        values[std::string("error_") + mode_names[m]] = (squared * here).sum();
    }
}

} // namespace

void train_colorization(const TrainingConfig& config)
{
    const torch::Device device(config.device);
    torch::manual_seed(config.seed);
    SimilarityNetwork similarity(1);
    load_weights(*similarity, config.similarity, "similarity-l");
    similarity->to(device);
    similarity->eval();
    ColorizationStage stage;
    ColorizationNetwork average;
    if (!config.initial.empty())
        load_weights(*stage->network, config.initial, "colorization");
    stage->to(device);
    average->to(device);
    restore_state(*average, state_of(*stage->network), config.initial);
    const Teacher teacher(config.teacher, device);
    RecognitionNetwork recognition;
    load_weights(*recognition, config.recognition, "recognition");
    recognition->to(device, torch::kBFloat16);
    const PhotoStore photos(shards(config.photos, "train-"), device, config.photo_limit);
    std::printf("%lld photos\n", static_cast<long long>(photos.size()));
    // Guess and places have learnt in a stage of their own, from whole photos. A guess that has not must not be
    // listened to.
    stage->network->guess->eval();
    stage->network->places->eval();
    Sampler sampler(config, photos, similarity, recognition, stage->network,
                    cached_neighbours(config.output, photos, teacher.network(), config.crop));
    const torch::Tensor bin_weights = rare_bin_weights(sampler, device);
    std::vector<torch::Tensor> frozen = stage->network->guess->parameters();
    for (const torch::Tensor& parameter : stage->network->places->parameters())
        frozen.push_back(parameter);
    if (!stage->network->guess->trained())
        for (const auto& layer : {stage->network->guess16, stage->network->guess4, stage->network->guess2})
            for (const torch::Tensor& parameter : layer->parameters())
                frozen.push_back(parameter);
    for (torch::Tensor& parameter : frozen)
        parameter.requires_grad_(false);

    torch::optim::AdamW optimizer(stage->parameters(),
                                  torch::optim::AdamWOptions(config.learning_rate).weight_decay(config.weight_decay));
    TrainingRun run(config, *stage, stage->network.get(), average.get(), optimizer);
    torch::manual_seed(config.seed + run.step());
    while (run.next_step()) {
        const Samples samples = sampler.draw(config.seed + run.step() * 1000);
        const torch::Tensor luminance = torch::avg_pool2d(samples.input.luminance, 2);
        const bool adversarial = config.loss_weight("adversarial") > 0 && run.progress() >= config.adversarial_start;
        ColorizationOutput output;
        {
            const Autocast autocast(device);
            output = stage->network(samples.input, true);
        }
        std::map<std::string, torch::Tensor> losses = chroma_losses(samples, output, bin_weights);
        add_teacher_losses(config, teacher, samples, output.chroma, losses);
        if (adversarial)
            losses["adversarial"] =
                -(stage->discriminator(luminance, output.chroma).mean({1, 2, 3}) * (1.0 - samples.turned)).mean();
        torch::Tensor loss = torch::zeros({}, on(device));
        for (const auto& [name, value] : losses)
            loss = loss + config.loss_weight(name) * value;
        optimizer.zero_grad();
        loss.backward();
        if (adversarial) {
            // The generator's loss left gradients here that pull the discriminator the wrong way.
            stage->discriminator->zero_grad();
            const torch::Tensor photo_like = (samples.turned < 0.5).nonzero().squeeze(1);
            const torch::Tensor seen = luminance.index_select(0, photo_like);
            losses["discriminator"] =
                discriminator_loss(stage->discriminator(seen, samples.truth2.index_select(0, photo_like)),
                                   stage->discriminator(seen, output.chroma.detach().index_select(0, photo_like)));
            losses["discriminator"].backward();
        }
        torch::nn::utils::clip_grad_norm_(stage->network->parameters(), 1.0);
        optimizer.step();
        for (auto& [name, value] : losses)
            value = value.detach();
        log_errors(samples, output.chroma, losses);
        run.finish_step(losses);
    }
    average->amplify_prior(config.prior_gain);
    save_weights(*average, config.output / "colorization.safetensors", "colorization",
                 run.metadata("colorization", photos.size(), "samples"), true);
}

} // namespace chromatch
