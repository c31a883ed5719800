// SPDX-License-Identifier: GPL-3.0-or-later
//
// The guess (networks/guess_network.h) learns from plain colour photos what colours things have, and beside it
// networks/place_network.h from pairs of similar ones which places have one colour. The trunk and the recognition
// network are frozen, so what they see in each photo is computed once; then the small networks see every photo many
// times, in minutes on two CPU cores.
//
//   fill(): windows of photos -> L -> frozen networks -> guess_input(), kept in memory beside the true chroma at /8
//   step:   pairs -> guess, places -> chroma_loss(), place_loss() (losses.h) -> AdamW -> moving average
//
// The guess is written into a colorization network, which refines it. Where that one was trained before without a
// guess, both have half a say in the prior until its own training goes on; where it has one, that is trained on.
#include <cstdio>
#include <numeric>

#include <torch/torch.h>

#include "networks/colorization_network.h"
#include "networks/weights.h"
#include "training/autocast.h"
#include "training/losses.h"
#include "training/neighbours.h"
#include "training/run.h"
#include "training/sampling.h"

namespace chromatch {

namespace {

constexpr int64_t chunk = 16;            // photos at a time through the frozen networks
constexpr double minimum_window = 160.0; // pixels of the second view
constexpr double old_share = 0.5;        // of the old prior where there is one
constexpr double own_share = 0.2;        // of the pairs that are two views of one photo

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
template <typename Network> void measure_inputs(Network& network, const torch::Tensor& input)
{
    torch::NoGradGuard no_gradients;
    const torch::Tensor some = input.slice(0, 0, 2000).to(torch::kFloat32);
    network->mean.copy_(some.mean({0, 2, 3}, true));
    network->scale.copy_(1.0 / (some.std({0, 2, 3}, true, true) + 1e-3));
}

/// What this stage trains.
struct GuessStageImpl : torch::nn::Module {
    GuessStageImpl(GuessNetwork of_guess, PlaceNetwork of_places)
        : guess(register_module("guess", std::move(of_guess))), places(register_module("places", std::move(of_places)))
    {
    }
    GuessNetwork guess;
    PlaceNetwork places;
};
TORCH_MODULE(GuessStage);

/// Where matching compares places.
torch::Tensor at_sixteenth(const torch::Tensor& truth)
{
    return torch::avg_pool2d(truth.to(torch::kFloat32), 2);
}

/// Mean over the photos of the decibels by which the guess is nearer to the truth than gray is; the guess's chroma as a
/// share of the truth's; and place_loss() of each photo and its most similar other one, where `nearest` names them.
std::map<std::string, double> judge(GuessStage& stage, const Lessons& lessons, const torch::Tensor& nearest)
{
    torch::NoGradGuard no_gradients;
    stage->eval();
    torch::Tensor gained = torch::zeros({}), mine = torch::zeros({}), theirs = torch::zeros({}),
                  place_error = torch::zeros({});
    const int64_t count = lessons.input.size(0);
    for (int64_t begin = 0; begin < count; begin += chunk) {
        const torch::Tensor input = lessons.input.slice(0, begin, begin + chunk).to(torch::kFloat32);
        const torch::Tensor truth = lessons.truth.slice(0, begin, begin + chunk).to(torch::kFloat32);
        const torch::Tensor chroma = stage->guess(input).chroma;
        const auto error = [](const torch::Tensor& x) { return x.square().mean({1, 2, 3}) + 1e-6; };
        gained += (10.0 * (error(truth) / error(chroma - truth)).log10()).sum().cpu();
        mine += chroma.square().sum(1).sqrt().sum().cpu();
        theirs += truth.square().sum(1).sqrt().sum().cpu();
        if (!nearest.defined())
            continue;
        const torch::Tensor other = nearest.slice(0, begin, begin + chunk).select(1, 0);
        place_error +=
            place_loss(stage->places(input), stage->places(lessons.input.index_select(0, other).to(torch::kFloat32)),
                       at_sixteenth(truth), at_sixteenth(lessons.truth.index_select(0, other)))
                .sum()
                .cpu();
    }
    std::map<std::string, double> figures = {
        {"validation_decibels", (gained / double(count)).item<double>()},
        {"validation_chroma_share", (mine / theirs).item<double>()},
    };
    if (nearest.defined())
        figures["validation_places"] = (place_error / double(count)).item<double>();
    return figures;
}

/// Numbers of views: half of them, then as many that go with them, of a similar photo or another view of the same one.
/// Without `nearest`, any views.
torch::Tensor draw_pairs(int64_t pairs, int64_t photos, const torch::Tensor& nearest, torch::Device device)
{
    const auto integers = torch::TensorOptions().dtype(torch::kInt64).device(device);
    const torch::Tensor first = torch::randint(2 * photos, {pairs}, integers);
    if (!nearest.defined())
        return torch::cat({first, torch::randint(2 * photos, {pairs}, integers)});
    const torch::Tensor photo = torch::remainder(first, photos);
    const torch::Tensor similar =
        nearest.index_select(0, photo).gather(1, torch::randint(nearest.size(1), {pairs, 1}, integers)).squeeze(1);
    const torch::Tensor own = uniform({pairs}, 0, 1, device) < own_share;
    return torch::cat({first, torch::where(own, torch::remainder(first + photos, 2 * photos),
                                           similar + photos * torch::randint(2, {pairs}, integers))});
}

/// The lessons of these numbers in single precision, each side of the pairs mirrored or not.
Lessons drawn(const Lessons& lessons, const torch::Tensor& numbers)
{
    const auto sides = [&](const torch::Tensor& values) {
        return values.index_select(0, numbers).to(torch::kFloat32).chunk(2);
    };
    std::vector<torch::Tensor> input = sides(lessons.input), truth = sides(lessons.truth);
    for (std::size_t side = 0; side < input.size(); side++)
        if (torch::rand({}).item<float>() < 0.5f) {
            input[side] = input[side].flip(3);
            truth[side] = truth[side].flip(3);
        }
    return {torch::cat(input), torch::cat(truth)};
}

/// Those that have a weight.
std::map<std::string, torch::Tensor> losses_of(const TrainingConfig& config, GuessStage& stage, const Lessons& lessons)
{
    std::map<std::string, torch::Tensor> losses;
    Guess guess;
    torch::Tensor places;
    {
        const Autocast autocast(lessons.input.device());
        if (config.loss_weight("chroma") > 0)
            guess = stage->guess(lessons.input);
        if (config.loss_weight("places") > 0)
            places = stage->places(lessons.input);
    }
    if (guess.chroma.defined())
        losses["chroma"] = chroma_loss(guess.chroma, lessons.truth).mean();
    if (places.defined()) {
        const std::vector<torch::Tensor> side = places.chunk(2), truth = at_sixteenth(lessons.truth).chunk(2);
        losses["places"] = place_loss(side[0], side[1], truth[0], truth[1]).mean();
    }
    return losses;
}

/// A colorization network for guess and places: an earlier one, or a fresh one where `file` is empty. Its own are
/// untrained where it has none. Where a guess is to be taught for the first time, the prior makes room for it.
ColorizationNetwork network_to_refine(const std::filesystem::path& file, bool wants_guess)
{
    torch::NoGradGuard no_gradients;
    ColorizationNetwork network;
    if (!file.empty()) {
        SafeTensors content = read_safetensors(file);
        for (const auto& [name, tensor] : state_of(*network).tensors)
            if (name.starts_with("guess") || name.starts_with("places"))
                content.tensors.emplace(name, tensor); // weights of before there was a guess, or places
        restore_state(*network, content, file);
    }
    if (!wants_guess || network->guess->trained())
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
    const bool wants_guess = config.loss_weight("chroma") > 0, wants_places = config.loss_weight("places") > 0;
    if (!wants_guess && !wants_places)
        throw std::runtime_error("The guess stage needs a weight for the loss chroma or places.");
    ColorizationNetwork network = network_to_refine(config.initial, wants_guess);
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

    torch::Tensor nearest, judged_nearest;
    if (wants_places) {
        nearest = cached_neighbours(config.output, photos, seeing.recognition, config.crop);
        judged_nearest = nearest_photos(others, seeing.recognition, config.crop, 1);
    }
    GuessStage stage(network->guess, network->places), average(GuessNetwork{}, PlaceNetwork{});
    if (wants_guess && !stage->guess->trained())
        measure_inputs(stage->guess, lessons.input);
    if (wants_places && !stage->places->trained())
        measure_inputs(stage->places, lessons.input);
    restore_state(*average, state_of(*stage), {});
    stage->to(device);
    average->to(device);
    torch::optim::AdamW optimizer(stage->parameters(),
                                  torch::optim::AdamWOptions(config.learning_rate).weight_decay(config.weight_decay));
    TrainingRun run(config, *stage, stage.get(), average.get(), optimizer);
    torch::manual_seed(config.seed + run.step());
    const auto measure = [&] { return judge(average, judged, judged_nearest); };
    while (run.next_step()) {
        std::map<std::string, torch::Tensor> losses =
            losses_of(config, stage, drawn(lessons, draw_pairs(config.batch / 2, photos.size(), nearest, device)));
        torch::Tensor loss = torch::zeros({}, torch::TensorOptions().device(device));
        for (auto& [name, value] : losses) {
            loss = loss + config.loss_weight(name) * value;
            value = value.detach();
        }
        optimizer.zero_grad();
        loss.backward();
        for (const auto& parameters : {stage->guess->parameters(), stage->places->parameters()})
            torch::nn::utils::clip_grad_norm_(parameters, 1.0);
        optimizer.step();
        run.finish_step(losses, measure);
    }
    const double gained = run.log_row(measure).at("validation_decibels");
    restore_state(*network->guess, state_of(*average->guess), {});
    restore_state(*network->places, state_of(*average->places), {});
    save_weights(*network, config.output / "colorization.safetensors", "colorization",
                 run.metadata("guess", photos.size(), "views"), true);
    return gained;
}

} // namespace chromatch
