// SPDX-License-Identifier: GPL-3.0-or-later
//
// The guess (networks/guess_network.h) learns from plain colour photos what colours things have. The trunk and the
// recognition network are frozen, so what they see in each photo is computed once; then the small network sees every
// photo many times, in minutes on two CPU cores.
//
//   view(): windows of photos -> L -> frozen networks -> guess_input(), kept in memory beside the true chroma at /8
//   step:   guess -> chroma_loss() (losses.h) -> AdamW -> moving average
//
// It is written into a colorization network, which refines it. Where that one was trained before without a guess, both
// have half a say in the prior until its own training goes on; where it has one, that is trained on.
#include <cstdio>
#include <numeric>

#include <torch/torch.h>

#include "networks/colorization_network.h"
#include "networks/weights.h"
#include "training/autocast.h"
#include "training/losses.h"
#include "training/run.h"
#include "training/sampling.h"

namespace chromatch {

namespace {

constexpr int64_t chunk = 16;            // photos at a time through the frozen networks
constexpr double minimum_window = 160.0; // pixels of the second view
constexpr double old_share = 0.5;        // of the old prior where there is one

/// What a set of views is made into; half precision to save memory.
struct Lessons {
    torch::Tensor input; ///< guess_input()
    torch::Tensor truth; ///< N x 2 x h/8 x w/8, in units of chroma_scale
};

/// The frozen networks.
struct Seeing {
    SimilarityNetwork similarity{1};
    RecognitionNetwork recognition;

    torch::Tensor input(const torch::Tensor& l)
    {
        const Autocast autocast(l.device());
        const torch::Tensor luminance = normalise_luminance(l).contiguous(torch::MemoryFormat::ChannelsLast);
        return guess_input(similarity->features(luminance).sixteenth, recognition->features(gray_picture(l)),
                           luminance);
    }
};

/// Room for `views` lessons of views of size x size pixels.
Lessons room_for(int64_t views, int64_t size, torch::Device device)
{
    const auto half = torch::TensorOptions().dtype(torch::kHalf).device(device);
    return {torch::empty({views, guess_inputs, size / 16, size / 16}, half),
            torch::empty({views, 2, size / 8, size / 8}, half)};
}

/// Fills the lessons from number `first` on, one of each photo. make_windows(photo numbers) says which part is seen.
template <typename MakeWindows>
void fill(Lessons& lessons, int64_t first, Seeing& seeing, const PhotoStore& photos, int64_t size,
          MakeWindows make_windows)
{
    torch::NoGradGuard no_gradients;
    const auto integers = torch::TensorOptions().dtype(torch::kInt64).device(photos.device());
    for (int64_t begin = 0; begin < photos.size(); begin += chunk) {
        const torch::Tensor photo = torch::arange(begin, std::min(begin + chunk, photos.size()), integers);
        const torch::Tensor places = regular_places(size, photos.device()).expand({photo.size(0), -1, -1, -1});
        const torch::Tensor lab = srgb_to_lab(sample_window(photos, make_windows(photo), places));
        const auto copy = [&](torch::Tensor& to, const torch::Tensor& from) {
            to.narrow(0, first + begin, from.size(0)).copy_(from);
        };
        copy(lessons.input, seeing.input(lab.narrow(1, 0, 1)));
        copy(lessons.truth, torch::avg_pool2d(lab.narrow(1, 1, 2) / chroma_scale, 8));
    }
}

/// As much of each photo as fits into a square.
Lessons central_views(Seeing& seeing, const PhotoStore& photos, int64_t size)
{
    Lessons lessons = room_for(photos.size(), size, photos.device());
    fill(lessons, 0, seeing, photos, size, [&](const torch::Tensor& photo) { return central_windows(photos, photo); });
    return lessons;
}

/// Each photo twice: as much of it as fits into a square, and a random part.
Lessons training_views(Seeing& seeing, const PhotoStore& photos, int64_t size)
{
    Lessons lessons = room_for(2 * photos.size(), size, photos.device());
    fill(lessons, 0, seeing, photos, size, [&](const torch::Tensor& photo) { return central_windows(photos, photo); });
    fill(lessons, photos.size(), seeing, photos, size,
         [&](const torch::Tensor& photo) { return random_windows(photos, photo, minimum_window); });
    return lessons;
}

/// Of the inputs' channels, so that the network sees all of them alike.
void measure_inputs(GuessNetwork& guess, const torch::Tensor& input)
{
    torch::NoGradGuard no_gradients;
    const torch::Tensor some = input.slice(0, 0, 2000).to(torch::kFloat32);
    guess->mean.copy_(some.mean({0, 2, 3}, true));
    guess->scale.copy_(1.0 / (some.std({0, 2, 3}, true, true) + 1e-3));
}

/// Mean over the photos of the decibels by which the guess is nearer to the truth than gray is, and the guess's chroma
/// as a share of the truth's.
std::map<std::string, double> judge(GuessNetwork& guess, const Lessons& lessons)
{
    torch::NoGradGuard no_gradients;
    guess->eval();
    torch::Tensor gained = torch::zeros({}), mine = torch::zeros({}), theirs = torch::zeros({});
    for (int64_t begin = 0; begin < lessons.input.size(0); begin += chunk) {
        const torch::Tensor truth = lessons.truth.slice(0, begin, begin + chunk).to(torch::kFloat32).cpu();
        const torch::Tensor chroma =
            guess(lessons.input.slice(0, begin, begin + chunk).to(torch::kFloat32)).chroma.cpu();
        const auto error = [](const torch::Tensor& x) { return x.square().mean({1, 2, 3}) + 1e-6; };
        gained += (10.0 * (error(truth) / error(chroma - truth)).log10()).sum();
        mine += chroma.square().sum(1).sqrt().sum();
        theirs += truth.square().sum(1).sqrt().sum();
    }
    return {{"validation_decibels", (gained / double(lessons.input.size(0))).item<double>()},
            {"validation_chroma_share", (mine / theirs).item<double>()}};
}

/// A colorization network for the guess: an earlier one, or a fresh one where `file` is empty. Its own guess is
/// untrained where it has none.
ColorizationNetwork network_to_refine(const std::filesystem::path& file)
{
    torch::NoGradGuard no_gradients;
    ColorizationNetwork network;
    if (!file.empty()) {
        SafeTensors content = read_safetensors(file);
        for (const auto& [name, tensor] : state_of(*network).tensors)
            if (name.starts_with("guess"))
                content.tensors.emplace(name, tensor); // weights of before there was a guess
        restore_state(*network, content, file);
    }
    if (network->guess->trained())
        return network;
    const double share = file.empty() ? 0.0 : old_share;
    network->amplify_prior(share);
    network->guess2->weight.copy_(torch::eye(2).view({2, 2, 1, 1}) * (1.0 - share));
    return network;
}

} // namespace

double train_guess(const TrainingConfig& config)
{
    const torch::Device device(config.device);
    torch::manual_seed(config.seed);
    ColorizationNetwork network = network_to_refine(config.initial);
    Seeing seeing;
    load_weights(*seeing.similarity, config.similarity, "similarity-l");
    seeing.similarity->to(device);
    seeing.similarity->eval();
    load_weights(*seeing.recognition, config.recognition, "recognition");
    seeing.recognition->to(device, torch::kBFloat16);

    const PhotoStore photos(shards(config.photos, "train-"), device, config.photo_limit);
    const Lessons lessons = training_views(seeing, photos, config.crop);
    const PhotoStore others(shards(config.photos, "validation-"), device, config.photo_limit);
    const Lessons judged = central_views(seeing, others, config.crop);
    std::printf("%lld views of %lld photos, %lld for validation\n", static_cast<long long>(lessons.input.size(0)),
                static_cast<long long>(photos.size()), static_cast<long long>(others.size()));
    std::fflush(stdout);

    GuessNetwork guess = network->guess, average;
    if (!guess->trained())
        measure_inputs(guess, lessons.input);
    restore_state(*average, state_of(*guess), {});
    guess->to(device);
    average->to(device);
    torch::optim::AdamW optimizer(guess->parameters(),
                                  torch::optim::AdamWOptions(config.learning_rate).weight_decay(config.weight_decay));
    TrainingRun run(config, *guess, guess.get(), average.get(), optimizer);
    torch::manual_seed(config.seed + run.step());
    const auto measure = [&] { return judge(average, judged); };
    while (run.next_step()) {
        const torch::Tensor chosen = torch::randint(lessons.input.size(0), {config.batch},
                                                    torch::TensorOptions().dtype(torch::kInt64).device(device));
        torch::Tensor input = lessons.input.index_select(0, chosen).to(torch::kFloat32);
        torch::Tensor truth = lessons.truth.index_select(0, chosen).to(torch::kFloat32);
        if (torch::rand({}).item<float>() < 0.5f) {
            input = input.flip(3);
            truth = truth.flip(3);
        }
        torch::Tensor chroma;
        {
            const Autocast autocast(device);
            chroma = guess(input).chroma;
        }
        const torch::Tensor error = chroma_loss(chroma, truth).mean();
        optimizer.zero_grad();
        (config.loss_weight("chroma") * error).backward();
        torch::nn::utils::clip_grad_norm_(guess->parameters(), 1.0);
        optimizer.step();
        run.finish_step({{"chroma", error}}, measure);
    }
    const double gained = run.log_row(measure).at("validation_decibels");
    restore_state(*network->guess, state_of(*average), {});
    save_weights(*network, config.output / "colorization.safetensors", "colorization",
                 run.metadata("guess", photos.size(), "views"), true);
    return gained;
}

} // namespace chromatch
