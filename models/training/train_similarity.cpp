// SPDX-License-Identifier: GPL-3.0-or-later
//
// Stage 1: the similarity network learns what a colour-seeing ImageNet network knows (distillation: Hinton et al. 2015;
// similarities instead of features: Park et al., "Relational knowledge distillation", CVPR 2019), and to find the same
// place again under warps and other light (dense InfoNCE: van den Oord et al. 2018; Wang et al., "DenseCL", CVPR 2021).
#include <cstdio>
#include <optional>

#include <torch/torch.h>

#include "networks/similarity_network.h"
#include "networks/weights.h"
#include "training/autocast.h"
#include "training/classification.h"
#include "training/run.h"
#include "training/sampling.h"
#include "training/teacher.h"

namespace chromatch {

namespace F = torch::nn::functional;

namespace {

constexpr double minimum_window = 128.0; // pixels of photos with a short side of 256
constexpr double contrast_temperature = 0.07;
constexpr double relation_temperature = 0.1;
constexpr int64_t contrast_positions = 128; // of each pair
constexpr int64_t relation_positions = 768; // of each batch
constexpr double luminance_noise = 0.04;

/// Channels with mean 0 and variance 1 over the batch, so that no channel rules the teacher's cosines.
torch::Tensor standardise(const torch::Tensor& x)
{
    return (x - x.mean({0, 2, 3}, true)) / (x.std({0, 2, 3}, true, true) + 1e-3);
}

torch::Tensor resize_map(const torch::Tensor& x, int64_t size)
{
    return F::interpolate(
        x,
        F::InterpolateFuncOptions().size(std::vector<int64_t>{size, size}).mode(torch::kBilinear).align_corners(false));
}

/// x (n x c) times y^T (m x c); on the CPU as a 1x1 convolution: LibTorch without a BLAS multiplies matrices slowly.
torch::Tensor product(const torch::Tensor& x, const torch::Tensor& y)
{
    if (x.is_cuda())
        return torch::mm(x, y.t());
    return torch::conv2d(x.t().unsqueeze(0).unsqueeze(3), y.unsqueeze(2).unsqueeze(3)).squeeze(3).squeeze(0).t();
}

torch::Tensor rows_at(const torch::Tensor& map, const torch::Tensor& rows)
{
    return map.permute({0, 2, 3, 1}).reshape({-1, map.size(1)}).index_select(0, rows);
}

/// Cross-entropy between the teacher's and the student's soft neighbours over positions of the whole batch.
torch::Tensor relation_loss(const torch::Tensor& student, const torch::Tensor& teacher)
{
    const auto options = F::NormalizeFuncOptions().dim(1);
    const torch::Tensor student_unit = F::normalize(student, options), teacher_unit = F::normalize(teacher, options);
    const torch::Tensor self = torch::eye(student.size(0), student.options()) * 1e4; // a position is no neighbour
    const torch::Tensor goal = torch::softmax(product(teacher_unit, teacher_unit) / relation_temperature - self, 1);
    const torch::Tensor guess =
        torch::log_softmax(product(student_unit, student_unit) / relation_temperature - self, 1);
    const torch::Tensor least = (goal * goal.clamp_min(1e-12).log()).sum(1).mean();
    return least - (goal * guess).sum(1).mean();
}

/// Learned only to compare the student with the teacher; dropped afterwards.
struct AdaptersImpl : torch::nn::Module {
    AdaptersImpl()
    {
        eighth = register_module("eighth", torch::nn::Conv2d(128, 48, 1));
        sixteenth = register_module("sixteenth", torch::nn::Conv2d(256, 120, 1));
        thirtysecond = register_module("thirtysecond", torch::nn::Conv2d(256, 352, 1));
    }
    torch::nn::Conv2d eighth{nullptr}, sixteenth{nullptr}, thirtysecond{nullptr};
};
TORCH_MODULE(Adapters);

struct StageOneImpl : torch::nn::Module {
    explicit StageOneImpl(int channels)
    {
        network = register_module("network", SimilarityNetwork(channels));
        adapters = register_module("adapters", Adapters());
    }
    SimilarityNetwork network{nullptr};
    Adapters adapters{nullptr};
};
TORCH_MODULE(StageOne);

torch::Tensor distillation_loss(const torch::Tensor& student, const torch::Tensor& teacher)
{
    return 1.0 - F::cosine_similarity(student.to(torch::kFloat32), standardise(teacher),
                                      F::CosineSimilarityFuncOptions().dim(1))
                     .mean();
}

} // namespace

void train_similarity(const TrainingConfig& config)
{
    const torch::Device device(config.device);
    torch::manual_seed(config.seed);
    const bool colour = config.network == "similarity-rgb";
    if (!colour && config.network != "similarity-l")
        throw std::runtime_error("network must be similarity-l or similarity-rgb, not \"" + config.network + "\".");
    StageOne stage(colour ? 3 : 1);
    if (!config.initial.empty())
        load_similarity(stage->network, config.initial);
    stage->to(device);
    const Teacher teacher(config.teacher, device);
    const PhotoStore photos(shards(config.photos, "train-"), device, config.photo_limit);
    std::printf("%lld photos\n", static_cast<long long>(photos.size()));
    torch::optim::AdamW optimizer(stage->parameters(),
                                  torch::optim::AdamWOptions(config.learning_rate).weight_decay(config.weight_decay));
    TrainingRun run(config, *stage, nullptr, nullptr, optimizer);
    stage->train();
    torch::manual_seed(config.seed + run.step());

    const int64_t batch = config.batch, crop = config.crop, grid = crop / 4;
    while (run.next_step()) {
        const torch::Tensor chosen =
            torch::randint(photos.size(), {batch}, torch::TensorOptions().dtype(torch::kInt64).device(device));
        const Window window = random_windows(photos, chosen, minimum_window);
        const torch::Tensor rgb =
            sample_window(photos, window, regular_places(crop, device).expand({batch, -1, -1, -1}));
        const torch::Tensor warp = warped_places(batch, crop, device);
        const torch::Tensor warped_rgb = sample_window(photos, window, warp);
        const torch::Tensor lab = srgb_to_lab(torch::cat({rgb, warped_rgb}));
        torch::Tensor images = normalise_luminance(jitter_luminance(lab.narrow(1, 0, 1), luminance_noise));
        if (colour)
            images = torch::cat({images, lab.narrow(1, 1, 2) / 30.0}, 1);
        const RecognitionFeatures taught = teacher.features(rgb);

        std::optional<Autocast> autocast(std::in_place, device);
        const TrunkFeatures features = stage->network->features(images.contiguous(torch::MemoryFormat::ChannelsLast));
        const MatchMaps maps = stage->network->match_maps(features);
        const torch::Tensor adapted8 = stage->adapters->eighth(features.eighth.narrow(0, 0, batch));
        const torch::Tensor adapted16 = stage->adapters->sixteenth(features.sixteenth.narrow(0, 0, batch));
        const torch::Tensor adapted32 = stage->adapters->thirtysecond(features.sixteenth.narrow(0, 0, batch));
        autocast.reset();

        const torch::Tensor distillation =
            (distillation_loss(adapted8, taught.eighth) + distillation_loss(adapted16, taught.sixteenth) +
             distillation_loss(adapted32, resize_map(taught.thirtysecond, crop / 16))) /
            3.0;

        const torch::Tensor positions = torch::randint(batch * grid * grid, {relation_positions},
                                                       torch::TensorOptions().dtype(torch::kInt64).device(device));
        const torch::Tensor taught8 = rows_at(resize_map(standardise(taught.eighth), grid), positions);
        const torch::Tensor taught16 = rows_at(resize_map(standardise(taught.sixteenth), grid), positions);
        const torch::Tensor taught32 = rows_at(resize_map(standardise(taught.thirtysecond), grid), positions);
        const torch::Tensor relation = 0.5 * (relation_loss(rows_at(maps.levels[1].narrow(0, 0, batch), positions),
                                                            torch::cat({taught8, taught16}, 1)) +
                                              relation_loss(rows_at(maps.levels[2].narrow(0, 0, batch), positions),
                                                            torch::cat({taught16, taught32}, 1)));

        // A place of the warped view, and the same place in the plain view; all other pairs are negatives.
        const torch::Tensor places = uniform({batch, contrast_positions, 2}, -0.95, 0.95, device);
        const torch::Tensor origin = sample_map(warp.permute({0, 3, 1, 2}), places).transpose(1, 2);
        const auto vectors = [&](const torch::Tensor& map, const torch::Tensor& at) {
            return F::normalize(sample_map(map, at).transpose(1, 2).reshape({-1, fused_channels}),
                                F::NormalizeFuncOptions().dim(1));
        };
        const torch::Tensor queries = vectors(maps.fused.narrow(0, batch, batch), places);
        const torch::Tensor keys = vectors(maps.fused.narrow(0, 0, batch), origin);
        const torch::Tensor inside = (origin.abs().amax(2) < 0.98).reshape({-1}).to(torch::kFloat32);
        const torch::Tensor logits = product(queries, keys) / contrast_temperature;
        const torch::Tensor diagonal =
            0.5 * (torch::log_softmax(logits, 1).diagonal() + torch::log_softmax(logits, 0).diagonal());
        const torch::Tensor contrast = -(diagonal * inside).sum() / inside.sum().clamp_min(1.0);
        const torch::Tensor found =
            (logits.argmax(1) == torch::arange(logits.size(0), logits.device())).to(torch::kFloat32);

        const torch::Tensor loss = config.loss_weight("distillation") * distillation +
                                   config.loss_weight("relation") * relation +
                                   config.loss_weight("contrast") * contrast;
        optimizer.zero_grad();
        loss.backward();
        torch::nn::utils::clip_grad_norm_(stage->parameters(), 2.0);
        optimizer.step();
        run.finish_step({{"distillation", distillation},
                         {"relation", relation},
                         {"contrast", contrast},
                         {"found", (found * inside).sum() / inside.sum().clamp_min(1.0)}});
    }
    save_weights(*stage->network, config.output / (config.network + ".safetensors"), config.network,
                 run.metadata("similarity", photos.size(), "pairs"), true);
}

} // namespace chromatch
