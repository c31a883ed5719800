// SPDX-License-Identifier: GPL-3.0-or-later
//
// Stage 2: the colorization network learns from plain colour photos. The triplets that are missing (gray photo,
// reference, right answer) are made out of single photos in five modes, with the real matcher in the loop. The two-way
// warp is from He et al., "Deep exemplar-based colorization", SIGGRAPH 2018, section 5; class rebalancing from Zhang et
// al., "Colorful image colorization", ECCV 2016.
#include <algorithm>
#include <cmath>
#include <cstdio>

#include <torch/torch.h>

#include <ATen/autocast_mode.h>

#include "matching/guide.h"
#include "matching/parallel.h"
#include "matching/voting.h"
#include "networks/colorization_network.h"
#include "networks/similarity_network.h"
#include "networks/weights.h"
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
    foreign_nearest, ///< a similar photo: take its colours, no right answer known
    foreign_random,  ///< any photo: the wrong reference must be refused
    none             ///< no reference
};
constexpr const char* mode_names[] = {"self", "recoloured", "two_way", "foreign_nearest", "foreign_random", "none"};
constexpr int mode_count = 6;

constexpr double minimum_window = 128.0;
constexpr double reference_noise = 0.02;
constexpr double target_noise = 0.01;
constexpr double gate_threshold = 8.0; // deltaE76
constexpr double huber_delta = 0.1;
constexpr double rebalancing = 0.5; // lambda of Zhang et al.
constexpr double foreign_truth_weight = 0.2;
constexpr int64_t neighbour_count = 5;

torch::TensorOptions on(torch::Device device, torch::ScalarType type = torch::kFloat32)
{
    return torch::TensorOptions().dtype(type).device(device);
}

/// For each photo the most similar others by the teacher's pooled features: N x neighbour_count.
torch::Tensor nearest_photos(const PhotoStore& photos, const Teacher& teacher, int64_t crop)
{
    torch::NoGradGuard no_gradients;
    constexpr int64_t chunk = 64;
    std::vector<torch::Tensor> parts;
    for (int64_t begin = 0; begin < photos.size(); begin += chunk) {
        const torch::Tensor photo =
            torch::arange(begin, std::min(begin + chunk, photos.size()), on(photos.device(), torch::kInt64));
        const Window window = random_windows(photos, photo, 1e9);
        const torch::Tensor rgb =
            sample_window(photos, window, regular_places(crop, photos.device()).expand({photo.size(0), -1, -1, -1}));
        parts.push_back(teacher.features(rgb).thirtysecond.mean({2, 3}));
    }
    torch::Tensor all = torch::cat(parts);
    all = F::normalize((all - all.mean(0, true)) / (all.std(0, true, true) + 1e-6), F::NormalizeFuncOptions().dim(1));
    std::vector<torch::Tensor> nearest;
    for (int64_t begin = 0; begin < photos.size(); begin += 512) {
        const torch::Tensor rows = all.slice(0, begin, begin + 512);
        torch::Tensor cosine =
            torch::conv2d(rows.t().unsqueeze(0).unsqueeze(3), all.unsqueeze(2).unsqueeze(3)).squeeze(3).squeeze(0).t();
        const torch::Tensor row = torch::arange(rows.size(0), on(photos.device(), torch::kInt64));
        cosine.index_put_({row, row + begin}, -2.0);
        const int64_t wanted = std::min(neighbour_count, photos.size() - 1);
        nearest.push_back(std::get<1>(cosine.topk(wanted, 1)));
    }
    return torch::cat(nearest);
}

/// Rotation of the hue, gain and shift, one for each sample; identity where `active` is 0. ab: N x 2 x h x w.
struct ChromaTransform {
    ChromaTransform(const torch::Tensor& active)
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

struct Guides {
    torch::Tensor planes;    ///< N x guide_channels x h x w
    torch::Tensor reference; ///< N x 2 x h x w: the chroma that was warped, the histogram's source
};

/// Runs the engine's matcher on each sample. fused: 2N x 64 x h x w, targets first.
Guides match_batch(const torch::Tensor& fused, const torch::Tensor& target_chroma,
                   const torch::Tensor& reference_chroma, const std::vector<int>& modes, uint64_t seed)
{
    const int count = static_cast<int>(modes.size());
    const int height = static_cast<int>(fused.size(2)), width = static_cast<int>(fused.size(3));
    const std::size_t pixels = static_cast<std::size_t>(height) * width;
    const torch::Tensor maps = fused.to(torch::kCPU).permute({0, 2, 3, 1}).contiguous();
    const torch::Tensor target = target_chroma.to(torch::kCPU).contiguous();
    const torch::Tensor reference = reference_chroma.to(torch::kCPU).clone().contiguous();
    torch::Tensor planes = torch::zeros({count, guide_channels, height, width});
    const float* map_values = maps.data_ptr<float>();
    const float* target_values = target.data_ptr<float>();
    float* reference_values = reference.data_ptr<float>();
    float* plane_values = planes.data_ptr<float>();

    parallel_for(count, 1, 0, [&](int first, int last) {
        for (int i = first; i < last; i++) {
            if (modes[i] == none)
                continue;
            const FeatureMap target_map{map_values + i * pixels * fused_channels, height, width, fused_channels};
            const FeatureMap reference_map{map_values + (count + i) * pixels * fused_channels, height, width,
                                           fused_channels};
            float* chroma = reference_values + i * 2 * pixels;
            Guide guide = make_guide(target_map, reference_map, chroma, nullptr, seed + i, 1);
            if (modes[i] == two_way) {
                const std::vector<float> there =
                    vote(guide.reverse, target_values + i * 2 * pixels, 2, height, width, guide_patch);
                std::copy(there.begin(), there.end(), chroma);
                const std::vector<float> back = vote(guide.forward, chroma, 2, height, width, guide_patch);
                std::copy(back.begin(), back.end(), guide.planes.begin() + guide_warp_a * pixels);
            }
            std::copy(guide.planes.begin(), guide.planes.end(), plane_values + i * guide_channels * pixels);
        }
    });
    return {planes.to(fused.device()), reference.to(fused.device())};
}

torch::Tensor huber(const torch::Tensor& x, const torch::Tensor& truth)
{
    return F::huber_loss(x, truth, F::HuberLossFuncOptions().reduction(torch::kNone).delta(huber_delta))
        .mean({1, 2, 3});
}

torch::Tensor nearest_bin(const torch::Tensor& ab)
{
    const torch::Tensor bin = ((ab + 1.0) * (0.5 * (histogram_bins - 1))).round().clamp(0, histogram_bins - 1);
    return (bin.select(1, 0) * histogram_bins + bin.select(1, 1)).to(torch::kInt64);
}

/// Edges of chroma where the luminance has none.
torch::Tensor unsupported_edges(const torch::Tensor& ab, const torch::Tensor& luminance)
{
    const auto along = [&](int64_t dimension) {
        const int64_t length = ab.size(dimension) - 1;
        const auto step = [&](const torch::Tensor& x) {
            return (x.narrow(dimension, 1, length) - x.narrow(dimension, 0, length)).abs();
        };
        return (step(ab) * torch::exp(step(luminance) * -10.0)).mean();
    };
    return along(2) + along(3);
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
    ColorizationNetwork network, average;
    if (!config.initial.empty())
        load_weights(*network, config.initial, "colorization");
    network->to(device);
    average->to(device);
    {
        torch::NoGradGuard no_gradients;
        for (std::size_t i = 0; i < network->parameters().size(); i++)
            average->parameters()[i].copy_(network->parameters()[i]);
    }
    const PhotoStore photos(shards(config.photos, "train-"), device, config.photo_limit);
    std::printf("%lld photos\n", static_cast<long long>(photos.size()));
    const int64_t batch = config.batch, crop = config.crop;
    torch::Tensor nearest;
    const std::filesystem::path nearest_file = config.output / "nearest-photos.pt";
    std::filesystem::create_directories(config.output);
    if (std::filesystem::exists(nearest_file))
        torch::load(nearest, nearest_file.string());
    if (!nearest.defined() || nearest.size(0) != photos.size()) {
        nearest = nearest_photos(photos, Teacher(config.teacher, device), crop);
        torch::save(nearest, nearest_file.string());
    }
    nearest = nearest.to(device);

    torch::optim::AdamW optimizer(network->parameters(),
                                  torch::optim::AdamWOptions(config.learning_rate).weight_decay(config.weight_decay));
    TrainingRun run(config, *network, average.get(), optimizer);
    torch::manual_seed(config.seed + run.step());
    at::autocast::set_autocast_dtype(device.type(), torch::kBFloat16);

    std::vector<double> shares;
    for (const char* name : mode_names)
        shares.push_back(config.mode_shares.count(name) ? config.mode_shares.at(name) : 0.0);
    const torch::Tensor share_tensor = torch::tensor(shares, torch::kFloat32);

    const torch::Tensor plain_places = regular_places(crop, device).expand({batch, -1, -1, -1});
    torch::Tensor bin_weights;
    {
        // How often each bin occurs, from windows of random photos.
        torch::NoGradGuard no_gradients;
        torch::Tensor frequency = torch::zeros({histogram_size}, on(device));
        for (int i = 0; i < 32; i++) {
            const Window window = random_windows(
                photos, torch::randint(photos.size(), {batch}, on(device, torch::kInt64)), minimum_window);
            const torch::Tensor lab = srgb_to_lab(sample_window(photos, window, plain_places));
            frequency += chroma_histogram(lab.narrow(1, 1, 2) / chroma_scale).sum(0);
        }
        frequency = frequency / frequency.sum();
        bin_weights = 1.0 / ((1.0 - rebalancing) * frequency + rebalancing / histogram_size);
        bin_weights = bin_weights / (bin_weights * frequency).sum();
    }

    while (run.next_step()) {
        ColorizationInput input;
        torch::Tensor truth2, truth4, truth_weight, gate_weight, bin_weight, mode;
        Guides guides;
        torch::Tensor luminance2;
        {
            torch::NoGradGuard no_gradients;
            mode = torch::multinomial(share_tensor, batch, true);
            const std::vector<int> modes(mode.data_ptr<int64_t>(), mode.data_ptr<int64_t>() + batch);
            mode = mode.to(device);
            const auto is = [&](Mode which) { return mode == static_cast<int64_t>(which); };
            const torch::Tensor same_photo = is(self) | is(recoloured);

            const torch::Tensor chosen = torch::randint(photos.size(), {batch}, on(device, torch::kInt64));
            const torch::Tensor similar =
                nearest.index_select(0, chosen)
                    .gather(1, torch::randint(nearest.size(1), {batch, 1}, on(device, torch::kInt64)))
                    .squeeze(1);
            const torch::Tensor any = torch::randint(photos.size(), {batch}, on(device, torch::kInt64));
            // The two-way warp, too, sees similar photos in 60 % of its samples.
            const torch::Tensor wants_similar =
                is(foreign_nearest) | (is(two_way) & (torch::rand({batch}, on(device)) < 0.6));
            const Window window = random_windows(photos, chosen, minimum_window);
            const Window other = random_windows(photos, torch::where(wants_similar, similar, any), minimum_window);
            Window reference_window;
            reference_window.photo = torch::where(same_photo, window.photo, other.photo);
            reference_window.centre = torch::where(same_photo.unsqueeze(1), window.centre, other.centre);
            reference_window.half = torch::where(same_photo, window.half, other.half);
            reference_window.mirror = torch::where(same_photo, window.mirror, other.mirror);
            const torch::Tensor places =
                torch::where(same_photo.view({-1, 1, 1, 1}), warped_places(batch, crop, device), plain_places);

            const torch::Tensor rgb = sample_window(photos, window, plain_places);
            torch::Tensor reference_rgb = sample_window(photos, reference_window, places);
            const torch::Tensor covered =
                same_photo.to(torch::kFloat32) * (torch::rand({batch}, on(device)) < 0.6).to(torch::kFloat32);
            reference_rgb = cover(reference_rgb, covered);

            const torch::Tensor lab = srgb_to_lab(rgb), reference_lab = srgb_to_lab(reference_rgb);
            const ChromaTransform transform(is(recoloured).to(torch::kFloat32));
            const torch::Tensor truth = transform(lab.narrow(1, 1, 2) / chroma_scale);
            const torch::Tensor reference_truth = transform(reference_lab.narrow(1, 1, 2) / chroma_scale);
            truth2 = torch::avg_pool2d(truth, 2);
            truth4 = torch::avg_pool2d(truth, 4);

            const torch::Tensor target_l =
                (lab.narrow(1, 0, 1) + torch::randn({batch, 1, crop, crop}, on(device)) *
                                           uniform({batch, 1, 1, 1}, 0, 100 * target_noise, device));
            input.luminance = normalise_luminance(target_l);
            luminance2 = torch::avg_pool2d(input.luminance, 2);
            const torch::Tensor reference_l = jitter_luminance(reference_lab.narrow(1, 0, 1), reference_noise);

            at::autocast::set_autocast_enabled(device.type(), true);
            const TrunkFeatures features =
                similarity->features(torch::cat({input.luminance, normalise_luminance(reference_l)})
                                         .contiguous(torch::MemoryFormat::ChannelsLast));
            const MatchMaps maps = similarity->match_maps(features);
            at::autocast::clear_cache();
            at::autocast::set_autocast_enabled(device.type(), false);
            input.features = {features.half.narrow(0, 0, batch), features.quarter.narrow(0, 0, batch),
                              features.eighth.narrow(0, 0, batch), features.sixteenth.narrow(0, 0, batch)};
            guides = match_batch(maps.fused, truth4, torch::avg_pool2d(reference_truth, 4), modes,
                                 config.seed + run.step() * 1000);
            input.guide = guides.planes;
            const torch::Tensor has_reference = (~is(none)).to(torch::kFloat32);
            input.histogram = chroma_histogram(guides.reference) * has_reference.unsqueeze(1);

            truth_weight = torch::where(is(foreign_nearest), torch::full({batch}, foreign_truth_weight, on(device)),
                                        torch::ones({batch}, on(device)));
            gate_weight = (has_reference * (~is(foreign_nearest)).to(torch::kFloat32));
            bin_weight = (~is(recoloured)).to(torch::kFloat32);
        }

        at::autocast::set_autocast_enabled(device.type(), true);
        const ColorizationOutput output = network(input, true);
        at::autocast::clear_cache();
        at::autocast::set_autocast_enabled(device.type(), false);

        const torch::Tensor output_error = huber(output.chroma, truth2);
        const torch::Tensor chroma_loss = (output_error * truth_weight).mean();
        const torch::Tensor prior_loss = (huber(output.prior, truth2) * truth_weight).mean();
        const torch::Tensor distance = (output.warp.detach() - truth2).square().sum(1, true).sqrt() * chroma_scale;
        const torch::Tensor right = (distance < gate_threshold).to(torch::kFloat32);
        const torch::Tensor gate_loss =
            (F::binary_cross_entropy_with_logits(output.gate, right,
                                                 F::BinaryCrossEntropyWithLogitsFuncOptions().reduction(torch::kNone))
                 .mean({1, 2, 3}) *
             gate_weight)
                .mean();
        const torch::Tensor labels = nearest_bin(truth4);
        const torch::Tensor per_place =
            F::cross_entropy(output.bins, labels, F::CrossEntropyFuncOptions().reduction(torch::kNone)) *
            bin_weights.index_select(0, labels.flatten()).view(labels.sizes());
        const torch::Tensor bin_loss = (per_place.mean({1, 2}) * bin_weight).mean();
        torch::Tensor histogram_loss = torch::zeros({}, on(device));
        const torch::Tensor foreign = (mode == static_cast<int64_t>(foreign_nearest)).nonzero().squeeze(1);
        if (foreign.size(0) > 0) {
            const torch::Tensor mine = chroma_histogram(output.chroma.index_select(0, foreign));
            const torch::Tensor theirs = input.histogram.index_select(0, foreign);
            histogram_loss = ((mine - theirs).square() / (mine + theirs + 1e-4)).sum() / static_cast<double>(batch);
        }
        const torch::Tensor edges = unsupported_edges(output.chroma, luminance2);
        const torch::Tensor loss =
            config.loss_weight("chroma") * chroma_loss + config.loss_weight("prior") * prior_loss +
            config.loss_weight("gate") * gate_loss + config.loss_weight("bins") * bin_loss +
            config.loss_weight("histogram") * histogram_loss + config.loss_weight("edges") * edges;
        optimizer.zero_grad();
        loss.backward();
        torch::nn::utils::clip_grad_norm_(network->parameters(), 1.0);
        optimizer.step();

        std::map<std::string, double> values = {
            {"chroma", chroma_loss.item<double>()},       {"prior", prior_loss.item<double>()},
            {"gate", gate_loss.item<double>()},           {"bins", bin_loss.item<double>()},
            {"histogram", histogram_loss.item<double>()}, {"edges", edges.item<double>()}};
        // PSNR_ab by mode would need means of means; the squared errors and their counts add up exactly.
        const torch::Tensor squared = (output.chroma.detach() - truth2).square().mean({1, 2, 3});
        for (int m = 0; m < mode_count; m++) {
            const torch::Tensor here = (mode == m).to(torch::kFloat32);
            values[std::string("count_") + mode_names[m]] = here.sum().item<double>();
            values[std::string("error_") + mode_names[m]] = (squared * here).sum().item<double>();
        }
        run.finish_step(values);
    }
    save_weights(*average, config.output / "colorization.safetensors", "colorization",
                 {{"data", std::to_string(photos.size()) + " photos, see models/README.md"},
                  {"training", "chromatch-train colorization, " + std::to_string(run.step()) + " steps of " +
                                   std::to_string(batch) + " samples at " + std::to_string(crop) + " px, seed " +
                                   std::to_string(config.seed)}},
                 true);
}

} // namespace chromatch
