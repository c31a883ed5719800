// SPDX-License-Identifier: GPL-3.0-or-later
//
// The guess (networks/guess_network.h) learns from plain colour photos what colours things have, and beside it
// networks/place_network.h from pairs of similar ones which places have one colour. With `recognition_rate` the
// recognition network is taught as well, from /8 on: ImageNet's classes asked it for what tells kinds of things apart,
// colours ask for something else. Whether two photos show the same kind of things it shall tell as before, so
// `likeness` keeps what it says of a whole photo near to what the teacher says. The trunk and the rest are frozen, so
// what they see in each photo is computed once; then the networks see every photo many times, in minutes on two CPU
// cores.
//
//   fill(): windows of photos -> L -> frozen networks -> kept in memory beside the true chroma at /8
//   step:   pairs -> recognition from /8 on -> guess_input() -> guess, places
//           -> chroma_loss(), place_loss() (losses.h), Kinds::distance() -> AdamW -> moving average
//
// The guess is written into a colorization network, which refines it. Where that one was trained before without a
// guess, both have half a say in the prior until its own training goes on; where it has one, that is trained on.
#include <cstdio>
#include <optional>

#include <torch/torch.h>

#include "networks/colorization_network.h"
#include "networks/weights.h"
#include "training/autocast.h"
#include "training/losses.h"
#include "training/neighbours.h"
#include "training/run.h"
#include "training/sampling.h"
#include "training/teacher.h"

namespace chromatch {

namespace {

constexpr int64_t chunk = 16;            // photos at a time through the frozen networks
constexpr double minimum_window = 160.0; // pixels of a random view
constexpr int64_t views_of_each = 5;     // one of the whole photo, the last two in other light
constexpr int64_t in_other_light = 2;
constexpr double noise = 0.03;    // of those, as a share of white
constexpr double old_share = 0.5; // of the old prior where there is one
constexpr double own_share = 0.2; // of the pairs that are two views of one photo

/// What a set of views is made into; half precision to save memory.
struct Lessons {
    torch::Tensor trunk;     ///< /16 features
    torch::Tensor eighth;    ///< of the recognition network
    torch::Tensor luminance; ///< normalised, at /16
    torch::Tensor truth;     ///< N x 2 x h/8 x w/8, in units of chroma_scale
    torch::Tensor kind;      ///< the teacher's mean at /32, N x 352 x 1 x 1; without a teacher, no channels

    int64_t count() const { return truth.size(0); }
    /// change(tensor) of each.
    template <typename Change> Lessons each(Change change) const
    {
        return {change(trunk), change(eighth), change(luminance), change(truth), change(kind)};
    }
};

/// The frozen networks.
struct Seeing {
    SimilarityNetwork similarity{1};
    RecognitionNetwork recognition; ///< up to /8
    std::optional<Teacher> teacher;

    int64_t kinds() const { return teacher ? recognition_channels[2] : 0; }

    /// l: what is seen of them, N x 1 x H x W; ab: their true chroma.
    Lessons lessons(const torch::Tensor& l, const torch::Tensor& ab)
    {
        const Autocast autocast(l.device());
        const torch::Tensor luminance = normalise_luminance(l).contiguous(torch::MemoryFormat::ChannelsLast);
        const torch::Tensor picture = gray_picture(l);
        return {similarity->features(luminance).sixteenth, recognition->eighth(picture),
                torch::avg_pool2d(luminance, 16), torch::avg_pool2d(ab / chroma_scale, 8),
                teacher ? teacher->features(picture).thirtysecond.mean({2, 3}, true)
                        : torch::empty({l.size(0), 0, 1, 1})};
    }
};

/// Room for `views` lessons of views of size x size pixels, with `kinds` channels of `kind`.
Lessons room_for(int64_t views, int64_t size, int64_t kinds, torch::Device device)
{
    const auto room = [&](int64_t channels, int64_t step) {
        return torch::empty({views, channels, size / step, size / step},
                            torch::TensorOptions().dtype(torch::kHalf).device(device));
    };
    return {room(guess_input_trunk, 16), room(recognition_channels[0], 8), room(1, 16), room(2, 8), room(kinds, size)};
}

/// Fills the lessons from number `first` on, one of each photo. make_windows(photo numbers) says which part is seen.
template <typename MakeWindows>
void fill(Lessons& lessons, int64_t first, Seeing& seeing, const PhotoStore& photos, int64_t size,
          MakeWindows make_windows, bool other_light = false)
{
    torch::NoGradGuard no_gradients;
    const auto integers = torch::TensorOptions().dtype(torch::kInt64).device(photos.device());
    for (int64_t begin = 0; begin < photos.size(); begin += chunk) {
        const torch::Tensor photo = torch::arange(begin, std::min(begin + chunk, photos.size()), integers);
        const torch::Tensor places = regular_places(size, photos.device()).expand({photo.size(0), -1, -1, -1});
        const torch::Tensor lab = srgb_to_lab(sample_window(photos, make_windows(photo), places));
        const torch::Tensor l = lab.narrow(1, 0, 1);
        const Lessons made = seeing.lessons(other_light ? jitter_luminance(l, noise) : l, lab.narrow(1, 1, 2));
        const auto copy = [&](torch::Tensor& to, const torch::Tensor& from) {
            to.narrow(0, first + begin, from.size(0)).copy_(from);
        };
        copy(lessons.trunk, made.trunk);
        copy(lessons.eighth, made.eighth);
        copy(lessons.luminance, made.luminance);
        copy(lessons.truth, made.truth);
        copy(lessons.kind, made.kind);
    }
}

/// As much of each photo as fits into a square.
Lessons central_views(Seeing& seeing, const PhotoStore& photos, int64_t size)
{
    Lessons lessons = room_for(photos.size(), size, seeing.kinds(), photos.device());
    fill(lessons, 0, seeing, photos, size, [&](const torch::Tensor& photo) { return central_windows(photos, photo); });
    return lessons;
}

/// Each photo several times: as much of it as fits into a square, and random parts.
Lessons training_views(Seeing& seeing, const PhotoStore& photos, int64_t size)
{
    Lessons lessons = room_for(views_of_each * photos.size(), size, seeing.kinds(), photos.device());
    fill(lessons, 0, seeing, photos, size, [&](const torch::Tensor& photo) { return central_windows(photos, photo); });
    for (int64_t view = 1; view < views_of_each; view++)
        fill(
            lessons, view * photos.size(), seeing, photos, size,
            [&](const torch::Tensor& photo) { return random_windows(photos, photo, minimum_window); },
            view >= views_of_each - in_other_light);
    return lessons;
}

/// What this stage trains.
struct GuessStageImpl : torch::nn::Module {
    GuessStageImpl(GuessNetwork of_guess, PlaceNetwork of_places)
        : guess(register_module("guess", std::move(of_guess))), places(register_module("places", std::move(of_places))),
          recognition(register_module("recognition", RecognitionNetwork()))
    {
    }

    /// Of lessons in single precision.
    RecognitionFeatures recognise(const Lessons& lessons)
    {
        return recognition->after_eighth(lessons.eighth.contiguous(torch::MemoryFormat::ChannelsLast));
    }
    torch::Tensor input(const Lessons& lessons)
    {
        return guess_input(lessons.trunk, recognise(lessons), lessons.luminance);
    }

    GuessNetwork guess;
    PlaceNetwork places;
    RecognitionNetwork recognition;
};
TORCH_MODULE(GuessStage);

torch::Tensor as_single(const torch::Tensor& x)
{
    return x.to(torch::kFloat32);
}

/// Lessons first to first + count - 1 in single precision.
Lessons some_of(const Lessons& lessons, int64_t first, int64_t count)
{
    return lessons.each([&](const torch::Tensor& x) { return as_single(x.slice(0, first, first + count)); });
}

/// Of the inputs' channels, so that the network sees all of them alike. What it makes of them stays as it was.
template <typename Network> void measure_inputs(Network& network, GuessStage& stage, const Lessons& lessons)
{
    torch::NoGradGuard no_gradients;
    const int64_t whole_photos = std::min<int64_t>(2000, lessons.count() / views_of_each);
    std::vector<torch::Tensor> parts;
    for (int64_t begin = 0; begin < whole_photos; begin += chunk)
        parts.push_back(stage->input(some_of(lessons, begin, std::min(chunk, whole_photos - begin))));
    const torch::Tensor some = torch::cat(parts);
    const torch::Tensor mean = some.mean({0, 2, 3}, true), scale = 1.0 / (some.std({0, 2, 3}, true, true) + 1e-3);
    if (network->trained()) {
        const torch::Tensor as_before = network->enter->weight * network->scale; // for x - mean
        network->enter->bias += (as_before * (mean - network->mean)).sum({1, 2, 3});
        network->enter->weight.copy_(as_before / scale);
    }
    network->mean.copy_(mean);
    network->scale.copy_(scale);
}

/// Where matching compares places.
torch::Tensor at_sixteenth(const torch::Tensor& truth)
{
    return torch::avg_pool2d(truth.to(torch::kFloat32), 2);
}

/// What the teacher says of photos in general.
struct Kinds {
    torch::Tensor mean, scale; ///< of Lessons::kind, 1 x 352 x 1 x 1

    explicit Kinds(const torch::Tensor& kind)
        : mean(as_single(kind).mean(0, true)), scale(1.0 / (as_single(kind).std(0, true, true) + 1e-3))
    {
    }

    /// 1 - the cosine of what two say of a photo, relative to that: one value for each.
    torch::Tensor distance(const RecognitionFeatures& seen, const torch::Tensor& kind) const
    {
        const auto relative = [&](const torch::Tensor& x) { return ((x - mean) * scale).flatten(1); };
        return 1.0 -
               torch::cosine_similarity(relative(as_single(seen.thirtysecond).mean({2, 3}, true)), relative(kind));
    }
};

/// Mean over the photos of the decibels by which the guess is nearer to the truth than gray is; the guess's chroma as a
/// share of the truth's; place_loss() of each photo and its most similar other one, where `nearest` names them; and
/// the distance to the teacher, where there is one.
std::map<std::string, double> judge(GuessStage& stage, const Lessons& lessons, const torch::Tensor& nearest,
                                    const std::optional<Kinds>& kinds)
{
    torch::NoGradGuard no_gradients;
    stage->eval();
    torch::Tensor gained = torch::zeros({}), mine = torch::zeros({}), theirs = torch::zeros({}),
                  place_error = torch::zeros({}), kind_error = torch::zeros({});
    const int64_t count = lessons.count();
    std::vector<torch::Tensor> embedded;
    for (int64_t begin = 0; begin < count; begin += chunk) {
        const Lessons some = some_of(lessons, begin, chunk);
        const RecognitionFeatures seen = stage->recognise(some);
        const torch::Tensor input = guess_input(some.trunk, seen, some.luminance), &truth = some.truth;
        const torch::Tensor chroma = stage->guess(input).chroma;
        const auto error = [](const torch::Tensor& x) { return x.square().mean({1, 2, 3}) + 1e-6; };
        gained += (10.0 * (error(truth) / error(chroma - truth)).log10()).sum().cpu();
        mine += chroma.square().sum(1).sqrt().sum().cpu();
        theirs += truth.square().sum(1).sqrt().sum().cpu();
        if (nearest.defined())
            embedded.push_back(stage->places(input));
        if (kinds)
            kind_error += kinds->distance(seen, some.kind).sum().cpu();
    }
    if (nearest.defined()) {
        const torch::Tensor places = torch::cat(embedded);
        for (int64_t begin = 0; begin < count; begin += chunk) {
            const torch::Tensor other = nearest.slice(0, begin, begin + chunk).select(1, 0);
            place_error += place_loss(places.slice(0, begin, begin + chunk), places.index_select(0, other),
                                      at_sixteenth(lessons.truth.slice(0, begin, begin + chunk)),
                                      at_sixteenth(lessons.truth.index_select(0, other)))
                               .sum()
                               .cpu();
        }
    }
    std::map<std::string, double> figures = {
        {"validation_decibels", (gained / double(count)).item<double>()},
        {"validation_chroma_share", (mine / theirs).item<double>()},
    };
    if (nearest.defined())
        figures["validation_places"] = (place_error / double(count)).item<double>();
    if (kinds)
        figures["validation_likeness"] = (kind_error / double(count)).item<double>();
    return figures;
}

/// Numbers of views: half of them, then as many that go with them, of a similar photo or another view of the same one.
/// Without `nearest`, any views.
torch::Tensor draw_pairs(int64_t pairs, int64_t photos, const torch::Tensor& nearest, torch::Device device)
{
    const auto integers = torch::TensorOptions().dtype(torch::kInt64).device(device);
    const auto any_views = [&] { return torch::randint(views_of_each * photos, {pairs}, integers); };
    const torch::Tensor first = any_views();
    if (!nearest.defined())
        return torch::cat({first, any_views()});
    const torch::Tensor photo = torch::remainder(first, photos);
    const torch::Tensor similar =
        nearest.index_select(0, photo).gather(1, torch::randint(nearest.size(1), {pairs, 1}, integers)).squeeze(1);
    const torch::Tensor own = uniform({pairs}, 0, 1, device) < own_share;
    return torch::cat({first, torch::where(own, torch::remainder(first + photos, views_of_each * photos),
                                           similar + photos * torch::randint(views_of_each, {pairs}, integers))});
}

/// The lessons of these numbers in single precision, each side of the pairs mirrored or not.
Lessons drawn(const Lessons& lessons, const torch::Tensor& numbers)
{
    const bool mirrored[] = {torch::rand({}).item<float>() < 0.5f, torch::rand({}).item<float>() < 0.5f};
    return lessons.each([&](const torch::Tensor& values) {
        std::vector<torch::Tensor> sides = as_single(values.index_select(0, numbers)).chunk(2);
        for (std::size_t side = 0; side < sides.size(); side++)
            if (mirrored[side])
                sides[side] = sides[side].flip(3);
        return torch::cat(sides);
    });
}

/// Those that have a weight.
std::map<std::string, torch::Tensor> losses_of(const TrainingConfig& config, GuessStage& stage, const Lessons& lessons,
                                               const std::optional<Kinds>& kinds)
{
    std::map<std::string, torch::Tensor> losses;
    Guess guess;
    torch::Tensor places;
    {
        const Autocast autocast(lessons.truth.device());
        const RecognitionFeatures seen = stage->recognise(lessons);
        const torch::Tensor input = guess_input(lessons.trunk, seen, lessons.luminance);
        if (kinds)
            losses["likeness"] = kinds->distance(seen, lessons.kind).mean();
        if (config.loss_weight("chroma") > 0)
            guess = stage->guess(input);
        if (config.loss_weight("places") > 0)
            places = stage->places(input);
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
    std::optional<Teacher> teacher;
    if (!config.teacher.empty())
        teacher.emplace(config.teacher, device);
    if (config.loss_weight("likeness") > 0) {
        if (!teacher)
            throw std::runtime_error("loss_weights.likeness needs a teacher.");
        if (config.recognition_rate == 0)
            throw std::runtime_error("loss_weights.likeness needs a recognition_rate.");
        seeing.teacher = teacher;
    }

    const PhotoStore photos(shards(config.photos, "train-"), device, config.photo_limit);
    const Lessons lessons = training_views(seeing, photos, config.crop);
    const PhotoStore others(shards(config.photos, "validation-"), device, config.photo_limit);
    const Lessons judged = central_views(seeing, others, config.crop);
    std::printf("%lld views of %lld photos, %lld for validation\n", static_cast<long long>(lessons.count()),
                static_cast<long long>(photos.size()), static_cast<long long>(others.size()));
    std::fflush(stdout);

    std::optional<Kinds> kinds;
    if (seeing.teacher)
        kinds.emplace(lessons.kind);
    torch::Tensor nearest, judged_nearest;
    if (wants_places) {
        const RecognitionNetwork by = teacher ? teacher->network() : seeing.recognition;
        nearest = cached_neighbours(config.output, photos, by, config.crop);
        judged_nearest = nearest_photos(others, by, config.crop, 1);
    }
    GuessStage stage(network->guess, network->places), average(GuessNetwork{}, PlaceNetwork{});
    load_weights(*stage->recognition, config.recognition, "recognition");
    stage->to(device);
    if (wants_guess && !stage->guess->trained())
        measure_inputs(stage->guess, stage, lessons);
    if (wants_places && !stage->places->trained())
        measure_inputs(stage->places, stage, lessons);
    restore_state(*average, state_of(*stage), {});
    average->to(device);
    const auto small_networks = [&] {
        std::vector<torch::Tensor> parameters = stage->guess->parameters();
        for (const torch::Tensor& parameter : stage->places->parameters())
            parameters.push_back(parameter);
        return parameters;
    };
    const auto options = [&](double share) {
        return std::make_unique<torch::optim::AdamWOptions>(
            torch::optim::AdamWOptions(config.learning_rate * share).weight_decay(config.weight_decay));
    };
    std::vector<torch::optim::OptimizerParamGroup> groups = {{small_networks(), options(1.0)}};
    if (config.recognition_rate > 0)
        groups.emplace_back(stage->recognition->later_parameters(), options(config.recognition_rate));
    else
        for (torch::Tensor& parameter : stage->recognition->parameters())
            parameter.requires_grad_(false);
    torch::optim::AdamW optimizer(groups, torch::optim::AdamWOptions(config.learning_rate));
    TrainingRun run(config, *stage, stage.get(), average.get(), optimizer);
    torch::manual_seed(config.seed + run.step());
    const auto measure = [&] { return judge(average, judged, judged_nearest, kinds); };
    while (run.next_step()) {
        std::map<std::string, torch::Tensor> losses = losses_of(
            config, stage, drawn(lessons, draw_pairs(config.batch / 2, photos.size(), nearest, device)), kinds);
        torch::Tensor loss = torch::zeros({}, torch::TensorOptions().device(device));
        for (auto& [name, value] : losses) {
            loss = loss + config.loss_weight(name) * value;
            value = value.detach();
        }
        optimizer.zero_grad();
        loss.backward();
        for (const auto& parameters :
             {stage->guess->parameters(), stage->places->parameters(), stage->recognition->later_parameters()})
            torch::nn::utils::clip_grad_norm_(parameters, 1.0);
        optimizer.step();
        run.finish_step(losses, measure);
    }
    const double gained = run.log_row(measure).at("validation_decibels");
    if (config.recognition_rate > 0) { // whose channels have moved; likeness() in the engine wants to know their means
        average->eval();
        if (average->guess->trained())
            measure_inputs(average->guess, average, lessons);
        if (average->places->trained())
            measure_inputs(average->places, average, lessons);
    }
    restore_state(*network->guess, state_of(*average->guess), {});
    restore_state(*network->places, state_of(*average->places), {});
    network->amplify_prior(config.prior_gain);
    const auto metadata = run.metadata("guess", photos.size(), "views");
    save_weights(*network, config.output / "colorization.safetensors", "colorization", metadata, true);
    if (config.recognition_rate > 0)
        save_weights(*average->recognition, config.output / "recognition.safetensors", "recognition", metadata, true);
    return gained;
}

} // namespace chromatch
