// SPDX-License-Identifier: GPL-3.0-or-later
//
// The trunk of the similarity network is fine-tuned to name what a picture shows (He et al., "Deep exemplar-based
// colorization", SIGGRAPH 2018, section 4.1, start from such a network). The labelled pictures are few, so the teacher
// helps: each place's features are pulled to the teacher's of the same place in the same view ("fitnets": Romero et
// al., ICLR 2015; the same view for both: Beyer et al., "Knowledge distillation: a good teacher is patient and
// consistent", CVPR 2022). Random erasing: Zhong et al., AAAI 2020. The stage also tells what a linear layer makes of
// the trunk's and of the teacher's unchanged features (Alain and Bengio 2016), below and above which the figure lies,
// and of those that the colourizer matches by.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>

#include <torch/torch.h>

#include "networks/weights.h"
#include "training/autocast.h"
#include "training/classification.h"
#include "training/sampling.h"
#include "training/teacher.h"

namespace chromatch {

namespace F = torch::nn::functional;

namespace {

constexpr double minimum_window = 112.0;  // pixels of pictures with 160
constexpr double first_share = 0.7;       // of the time, with smaller views
constexpr int64_t taught_size = 224;      // pixels of the teacher's view
constexpr int64_t teacher_channels = 352; // at /32
constexpr int64_t chunk = 50;             // pictures at a time without gradients
constexpr double label_smoothing = 0.1;
constexpr double luminance_noise = 0.03;
constexpr double erased_share = 0.3; // of the training views

torch::TensorOptions on(torch::Device device, torch::ScalarType type = torch::kFloat32)
{
    return torch::TensorOptions().dtype(type).device(device);
}

struct LabelledPictures {
    PhotoStore photos;
    Labels labels;

    torch::Tensor labels_of(const torch::Tensor& photo) const { return labels.of.index_select(0, photo); }
};

/// Width and height as numbers, N x 1 x 1 x 2.
torch::Tensor sides(const PhotoStore& photos, const torch::Tensor& photo)
{
    return torch::stack({photos.width().index_select(0, photo), photos.height().index_select(0, photo)}, 1)
        .to(torch::kFloat32)
        .view({-1, 1, 1, 2});
}

torch::Tensor whole_pictures(const PhotoStore& photos, const torch::Tensor& photo, int64_t size)
{
    return photos.sample(photo, (regular_places(size, photos.device()) + 1.0) * 0.5 * sides(photos, photo) - 0.5);
}

/// The side of the training views: smaller ones first, which is faster (Tan and Le, "EfficientNetV2", ICML 2021).
int64_t view_size(int64_t crop, double progress)
{
    return progress < first_share ? std::max<int64_t>(64, crop * 3 / 4 / 32 * 32) : crop;
}

/// The side at which a whole picture shows things about as large as the training views do.
int64_t whole_size(int64_t view)
{
    return (view * 5 / 4 + 16) / 32 * 32;
}

/// What the trunk sees of sRGB pictures. changed: in other light, a part erased.
torch::Tensor network_input(const torch::Tensor& rgb, bool colour, bool changed)
{
    const torch::Tensor lab = srgb_to_lab(rgb);
    const torch::Tensor l = lab.narrow(1, 0, 1);
    torch::Tensor images = normalise_luminance(changed ? jitter_luminance(l, luminance_noise) : l);
    if (colour) {
        torch::Tensor ab = lab.narrow(1, 1, 2) / 30.0;
        if (changed)
            ab = ab * uniform({ab.size(0), 1, 1, 1}, 0.6, 1.3, ab.device());
        images = torch::cat({images, ab}, 1);
    }
    return images.contiguous(torch::MemoryFormat::ChannelsLast);
}

/// Grays a rectangle of a twentieth to a third of each picture, in some of them.
torch::Tensor erase(const torch::Tensor& images)
{
    const torch::Device device = images.device();
    const auto each = [&](double low, double high) { return uniform({images.size(0), 1, 1, 1}, low, high, device); };
    const torch::Tensor side = each(0.05, 0.33).sqrt();
    const torch::Tensor aspect = each(std::log(0.6), std::log(1.6)).exp().sqrt();
    const torch::Tensor width = (side * aspect).clamp_max(1.0), height = (side / aspect).clamp_max(1.0);
    const torch::Tensor left = each(0, 1) * (1.0 - width), top = each(0, 1) * (1.0 - height);
    const torch::Tensor line = (torch::arange(images.size(2), on(device)) + 0.5) / double(images.size(2));
    const torch::Tensor x = line.view({1, 1, 1, -1}), y = line.view({1, 1, -1, 1});
    const torch::Tensor inside =
        (x >= left) & (x < left + width) & (y >= top) & (y < top + height) & (each(0, 1) < erased_share);
    return images.masked_fill(inside, 0.0).contiguous(torch::MemoryFormat::ChannelsLast);
}

/// make(photo numbers) for all pictures, some at a time, without gradients.
template <typename Make> torch::Tensor for_all(const PhotoStore& photos, Make make)
{
    torch::NoGradGuard no_gradients;
    std::vector<torch::Tensor> parts;
    for (int64_t begin = 0; begin < photos.size(); begin += chunk)
        parts.push_back(
            make(torch::arange(begin, std::min(begin + chunk, photos.size()), on(photos.device(), torch::kInt64))));
    return torch::cat(parts);
}

/// A recognition network's /32 features of whole pictures, in colour or in gray, N x 352 x 7 x 7, half precision to
/// save memory.
torch::Tensor recognition_maps(const PhotoStore& photos, RecognitionNetwork network, bool colour)
{
    return for_all(photos, [&](const torch::Tensor& photo) {
        const torch::Tensor rgb = whole_pictures(photos, photo, taught_size);
        const torch::Tensor shown = colour ? rgb : gray_picture(srgb_to_lab(rgb).narrow(1, 0, 1));
        return network->features(shown).thirtysecond.to(torch::kHalf);
    });
}

/// The teacher's of pictures in colour. They take minutes and are kept in a file.
torch::Tensor teacher_maps(const PhotoStore& photos, const Teacher& teacher, const std::filesystem::path& file)
{
    torch::Tensor maps;
    if (std::filesystem::exists(file))
        torch::load(maps, file.string());
    if (!maps.defined() || maps.size(0) != photos.size()) {
        maps = recognition_maps(photos, teacher.network(), true);
        replace_file(file, [&](const std::filesystem::path& partial) { torch::save(maps, partial.string()); });
    }
    return maps.to(photos.device());
}

torch::Tensor pooled(const torch::Tensor& maps)
{
    return maps.to(torch::kFloat32).mean({2, 3});
}

torch::Tensor trunk_pooled(SimilarityNetwork& trunk, const PhotoStore& photos, bool colour, int64_t size)
{
    return for_all(photos, [&](const torch::Tensor& photo) {
        const Autocast autocast(photos.device());
        const torch::Tensor images = network_input(whole_pictures(photos, photo, size), colour, false);
        return trunk->features(images).sixteenth.to(torch::kFloat32).mean({2, 3});
    });
}

/// Share of pictures whose highest score is their label's.
double top1(const torch::Tensor& scores, const torch::Tensor& labels)
{
    return (scores.argmax(1) == labels).to(torch::kFloat32).mean().item<double>();
}

/// Validation accuracy of a linear layer on unchanging features: multinomial logistic regression, all pictures at once.
double probe_accuracy(const torch::Tensor& train_features, const torch::Tensor& train_labels,
                      const torch::Tensor& features, const torch::Tensor& labels)
{
    constexpr int steps = 300;
    const torch::Tensor mean = train_features.mean(0, true), scale = train_features.std(0, true, true) + 1e-3;
    // 1x1 convolutions: LibTorch without a BLAS multiplies matrices slowly.
    const auto rows = [&](const torch::Tensor& x) { return ((x - mean) / scale).unsqueeze(2).unsqueeze(3); };
    const torch::Tensor train = rows(train_features), other = rows(features);
    torch::nn::Conv2d linear(train.size(1), train_labels.max().item<int64_t>() + 1, 1);
    linear->to(train.device());
    torch::optim::AdamW optimizer(linear->parameters(), torch::optim::AdamWOptions(0.01).weight_decay(1.0));
    for (int step = 0; step < steps; step++) {
        static_cast<torch::optim::AdamWOptions&>(optimizer.param_groups()[0].options())
            .lr(0.005 * (1.0 + std::cos(M_PI * step / steps)));
        optimizer.zero_grad();
        F::cross_entropy(linear(train).flatten(1), train_labels).backward();
        optimizer.step();
    }
    torch::NoGradGuard no_gradients;
    return top1(linear(other).flatten(1), labels);
}

/// The mean of the probabilities for whole pictures and their mirror images.
double accuracy(Classifier& classifier, const LabelledPictures& pictures, bool colour, int64_t size)
{
    classifier->eval();
    const torch::Tensor scores = for_all(pictures.photos, [&](const torch::Tensor& photo) {
        const Autocast autocast(pictures.photos.device());
        const torch::Tensor images = network_input(whole_pictures(pictures.photos, photo, size), colour, false);
        const auto probabilities = [&](const torch::Tensor& x) {
            return torch::softmax(classifier->forward(x.contiguous(torch::MemoryFormat::ChannelsLast)).scores, 1);
        };
        return probabilities(images) + probabilities(images.flip(3));
    });
    return top1(scores, pictures.labels.of);
}

/// Pulls the classifier's features to the teacher's. The teacher saw the whole pictures once; a view's targets are read
/// from those maps at the view's places.
struct Distillation {
    explicit Distillation(const torch::Tensor& taught) : maps(taught)
    {
        const torch::Tensor whole = pooled(maps);
        mean = whole.mean(0).view({1, -1, 1, 1});
        pooled_scale = whole.std(0, true).view({1, -1, 1, 1}) + 1e-3;
        const torch::Tensor some = maps.slice(0, 0, 1000).to(torch::kFloat32);
        scale = (some - mean).square().mean({0, 2, 3}, true).sqrt() + 1e-3;
    }

    /// adapted: N x 352 x s x s; places: N x size x size x 2, local coordinates of the whole pictures.
    torch::Tensor loss(const torch::Tensor& adapted, const torch::Tensor& photo, const torch::Tensor& places) const
    {
        // Four places for each feature, since a feature of the view spans more than one of the map.
        const torch::Tensor coarse =
            F::adaptive_avg_pool2d(places.permute({0, 3, 1, 2}), F::AdaptiveAvgPool2dFuncOptions(2 * adapted.size(2)))
                .permute({0, 2, 3, 1});
        const torch::Tensor sampled =
            F::grid_sample(maps.index_select(0, photo).to(torch::kFloat32), coarse,
                           F::GridSampleFuncOptions().padding_mode(torch::kBorder).align_corners(false));
        const torch::Tensor target = torch::avg_pool2d(sampled, 2) - mean;
        const torch::Tensor student = adapted.to(torch::kFloat32);
        const auto distance = [](const torch::Tensor& x, const torch::Tensor& y) {
            return 1.0 - F::cosine_similarity(x, y, F::CosineSimilarityFuncOptions().dim(1)).mean();
        };
        return 0.5 * (distance(student, target / scale) +
                      distance(student.mean({2, 3}, true), target.mean({2, 3}, true) / pooled_scale));
    }

    torch::Tensor maps, mean, scale, pooled_scale;
};

struct StageImpl : torch::nn::Module {
    StageImpl(int channels, int64_t classes)
    {
        classifier = register_module("classifier", Classifier(channels, classes));
        adapter = register_module("adapter", torch::nn::Conv2d(512, teacher_channels, 1));
    }
    Classifier classifier{nullptr};
    torch::nn::Conv2d adapter{nullptr}; ///< learned only to compare with the teacher; dropped afterwards
};
TORCH_MODULE(Stage);

/// The trunk, which is trained already, learns slower than what is new.
torch::optim::AdamW make_optimizer(Stage& stage, const TrainingConfig& config)
{
    std::vector<torch::Tensor> fresh = stage->adapter->parameters();
    for (const torch::nn::Module* part : std::initializer_list<const torch::nn::Module*>{
             stage->classifier->layer4.get(), stage->classifier->linear.get()})
        for (const torch::Tensor& parameter : part->parameters())
            fresh.push_back(parameter);
    const auto options = [&](double share) {
        return std::make_unique<torch::optim::AdamWOptions>(
            torch::optim::AdamWOptions(config.learning_rate * share).weight_decay(config.weight_decay));
    };
    std::vector<torch::optim::OptimizerParamGroup> groups;
    groups.emplace_back(std::move(fresh), options(1.0));
    groups.emplace_back(stage->classifier->trunk->parameters(), options(config.trunk_rate));
    return torch::optim::AdamW(groups);
}

LabelledPictures read_pictures(const TrainingConfig& config, const std::string& prefix, const Labels* training)
{
    PhotoStore photos(shards(config.photos, prefix), torch::Device(config.device), config.photo_limit);
    std::vector<std::string> names;
    for (int64_t i = 0; i < photos.size(); i++)
        names.push_back(photos.name(i));
    Labels labels = training ? read_labels(names, training->classes) : read_labels(names);
    labels.of = labels.of.to(torch::Device(config.device));
    return {std::move(photos), std::move(labels)};
}

void say(const char* what, double share)
{
    std::printf("%s: %.2f %%\n", what, 100.0 * share);
    std::fflush(stdout);
}

/// The accuracies by which the stage's own is judged. Returns the teacher's maps of the training pictures.
torch::Tensor measure_probes(const TrainingConfig& config, SimilarityNetwork& trunk, const LabelledPictures& train,
                             const LabelledPictures& validation, bool colour)
{
    trunk->eval();
    const int64_t size = whole_size(config.crop);
    const auto probe = [&](const char* what, const torch::Tensor& seen, const torch::Tensor& seen_of_validation) {
        say(what, probe_accuracy(seen, train.labels.of, seen_of_validation, validation.labels.of));
    };
    torch::Tensor by_trunk, validation_by_trunk;
    if (!config.initial.empty()) {
        by_trunk = trunk_pooled(trunk, train.photos, colour, size);
        validation_by_trunk = trunk_pooled(trunk, validation.photos, colour, size);
        probe("linear layer on the unchanged trunk, validation", by_trunk, validation_by_trunk);
    }
    if (config.teacher.empty())
        return {};
    std::filesystem::create_directories(config.output);
    const Teacher teacher(config.teacher, train.photos.device());
    const torch::Tensor maps = teacher_maps(train.photos, teacher, config.output / "taught-train.pt");
    const torch::Tensor validation_maps =
        teacher_maps(validation.photos, teacher, config.output / "taught-validation.pt");
    probe("linear layer on the teacher, validation", pooled(maps), pooled(validation_maps));
    if (!by_trunk.defined())
        return maps;
    // The recognition network sees what the trunk does. Only the one for gray pictures was taught beyond the teacher.
    torch::Tensor recognised = maps, validation_recognised = validation_maps;
    if (!colour) {
        RecognitionNetwork recognition = teacher.network();
        if (!config.recognition.empty()) {
            recognition = RecognitionNetwork();
            load_weights(*recognition, config.recognition, "recognition");
            recognition->to(train.photos.device(), torch::kBFloat16);
        }
        recognised = recognition_maps(train.photos, recognition, false);
        validation_recognised = recognition_maps(validation.photos, recognition, false);
    }
    if (!colour)
        probe("linear layer on the recognition network, validation", pooled(recognised), pooled(validation_recognised));
    probe("linear layer on trunk and recognition network together, validation",
          torch::cat({by_trunk, pooled(recognised)}, 1),
          torch::cat({validation_by_trunk, pooled(validation_recognised)}, 1));
    return maps;
}

} // namespace

double train_classification(const TrainingConfig& config)
{
    const torch::Device device(config.device);
    torch::manual_seed(config.seed);
    const bool colour = config.network == "similarity-rgb";
    if (!colour && config.network != "similarity-l")
        throw std::runtime_error("network must be similarity-l or similarity-rgb, not \"" + config.network + "\".");
    if (config.teacher.empty() && config.loss_weight("distillation") > 0)
        throw std::runtime_error("loss_weights.distillation needs a teacher.");
    const LabelledPictures train = read_pictures(config, "classification-train-", nullptr);
    const LabelledPictures validation = read_pictures(config, "classification-val-", &train.labels);
    const int64_t classes = static_cast<int64_t>(train.labels.classes.size());
    std::printf("%lld labelled pictures of %lld classes, %lld for validation\n",
                static_cast<long long>(train.photos.size()), static_cast<long long>(classes),
                static_cast<long long>(validation.photos.size()));

    const int channels = colour ? 3 : 1;
    Stage stage(channels, classes);
    if (!config.initial.empty())
        load_similarity(stage->classifier->trunk, config.initial);
    Classifier average(channels, classes);
    restore_state(*average, state_of(*stage->classifier), config.initial);
    stage->to(device);
    average->to(device);
    const torch::Tensor maps = measure_probes(config, stage->classifier->trunk, train, validation, colour);
    std::optional<Distillation> distillation;
    if (config.loss_weight("distillation") > 0)
        distillation.emplace(maps);

    torch::optim::AdamW optimizer = make_optimizer(stage, config);
    TrainingRun run(config, *stage, stage->classifier.get(), average.get(), optimizer);
    stage->train();
    torch::manual_seed(config.seed + run.step());
    const auto measure = [&] {
        return std::map<std::string, double>{
            {"validation_accuracy",
             accuracy(average, validation, colour, whole_size(view_size(config.crop, run.progress())))}};
    };
    while (run.next_step()) {
        const torch::Tensor chosen = torch::randint(train.photos.size(), {config.batch}, on(device, torch::kInt64));
        const Window window = random_windows(train.photos, chosen, minimum_window);
        const torch::Tensor pixels =
            window_places(window, warped_places(config.batch, view_size(config.crop, run.progress()), device));
        const torch::Tensor images = erase(network_input(train.photos.sample(chosen, pixels), colour, true));
        torch::Tensor scores, adapted;
        {
            const Autocast autocast(device);
            const ClassifierImpl::Result result = stage->classifier->forward(images);
            scores = result.scores;
            adapted = stage->adapter(result.features);
        }
        const torch::Tensor labels = train.labels_of(chosen);
        const torch::Tensor entropy =
            F::cross_entropy(scores, labels, F::CrossEntropyFuncOptions().label_smoothing(label_smoothing));
        std::map<std::string, torch::Tensor> values = {
            {"train_loss", entropy}, {"train_accuracy", (scores.argmax(1) == labels).to(torch::kFloat32).mean()}};
        torch::Tensor loss = config.loss_weight("classes") * entropy;
        if (distillation) {
            const torch::Tensor whole = (pixels * 2.0 + 1.0) / sides(train.photos, chosen) - 1.0;
            values["distillation"] = distillation->loss(adapted, chosen, whole);
            loss = loss + config.loss_weight("distillation") * values["distillation"];
        }
        optimizer.zero_grad();
        loss.backward();
        torch::nn::utils::clip_grad_norm_(stage->parameters(), 2.0);
        optimizer.step();
        run.finish_step(values, measure);
    }
    const double result = run.log_row(measure).at("validation_accuracy");
    say("validation accuracy", result);
    const std::string name = colour ? "classification-rgb" : "classification-l";
    std::map<std::string, std::string> metadata = run.metadata("classification", train.photos.size(), "pictures");
    metadata["data"] = std::to_string(train.photos.size()) + " labelled pictures";
    metadata["validation_accuracy"] = std::to_string(result);
    save_weights(*average, config.output / (name + ".safetensors"), name, metadata, true);
    return result;
}

} // namespace chromatch
