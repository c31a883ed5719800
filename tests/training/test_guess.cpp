// SPDX-License-Identifier: GPL-3.0-or-later
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "made_shards.h"
#include "networks/colorization_network.h"
#include "networks/safetensors.h"
#include "networks/weights.h"
#include "training/photo_shards.h"
#include "training/run.h"
#include "training/sampling.h"

namespace chromatch {
namespace {

class TrainGuess : public ShardFolder {
  protected:
    void SetUp() override
    {
        ShardFolder::SetUp();
        write_shard("train-000.tar", 1, 24);
        write_shard("validation-000.tar", 2, 8);
    }

    /// Pictures of 64 x 64 pixels whose smooth half is blue and whose grainy half is red: the left or the right one.
    void write_shard(const std::string& name, unsigned seed, int count)
    {
        std::mt19937 random(seed);
        std::string tar;
        for (int i = 0; i < count; i++) {
            std::vector<std::uint8_t> rgb;
            for (int y = 0; y < 64; y++)
                for (int x = 0; x < 64; x++) {
                    const bool grainy = (x < 32) == (i % 2 == 0);
                    const int light = grainy ? static_cast<int>(random() % 90) : 45;
                    for (const int share :
                         grainy ? std::initializer_list<int>{130, 40, 40} : std::initializer_list<int>{40, 60, 130})
                        rgb.push_back(static_cast<std::uint8_t>(share + light));
                }
            tar += member(std::to_string(i) + ".jpg", jpeg(64, 64, rgb));
        }
        std::ofstream(folder_ / name, std::ios::binary) << tar << archive_end;
    }

    TrainingConfig config()
    {
        const std::filesystem::path models = CHROMATCH_TEST_MODELS;
        TrainingConfig config;
        config.photos = folder_;
        config.similarity = models / "similarity-l.safetensors";
        config.recognition = models / "recognition.safetensors";
        config.output = folder_ / "output";
        config.seconds = 300;
        config.steps = 25;
        config.batch = 8;
        config.crop = 64;
        config.learning_rate = 2e-3;
        config.warmup_steps = 5;
        config.average_decay = 0.9;
        config.loss_weights = {{"chroma", 100.0}};
        return config;
    }

    ColorizationNetwork result()
    {
        ColorizationNetwork network;
        load_weights(*network, folder_ / "output" / "colorization.safetensors", "colorization");
        network->eval();
        return network;
    }
};

TEST_F(TrainGuess, LearnsWhatColourThingsHave)
{
    EXPECT_GT(train_guess(config()), 6.0); // decibels; one colour for all reaches 2.4
    // A network that has learnt nothing else guesses just that.
    EXPECT_TRUE(torch::equal(result()->guess2->weight.view({2, 2}), torch::eye(2)));
    // Without a rate of its own the recognition network is not among what was taught.
    EXPECT_FALSE(std::filesystem::exists(folder_ / "output" / "recognition.safetensors"));
}

TEST_F(TrainGuess, TheRecognitionNetworkLearnsFromTheEighthOn)
{
    TrainingConfig seeing = config();
    seeing.recognition_rate = 0.3;
    EXPECT_GT(train_guess(seeing), 6.0);
    RecognitionNetwork before, after;
    load_weights(*before, seeing.recognition, "recognition");
    load_weights(*after, folder_ / "output" / "recognition.safetensors", "recognition");
    const auto same = [&](const std::vector<torch::Tensor>& one, const std::vector<torch::Tensor>& other) {
        std::size_t equal = 0;
        for (std::size_t i = 0; i < one.size(); i++)
            equal += torch::equal(one[i], other[i]);
        return equal;
    };
    const torch::Tensor picture = torch::rand({1, 3, 64, 64});
    EXPECT_TRUE(torch::equal(before->eighth(picture), after->eighth(picture)));
    EXPECT_LT(same(before->later_parameters(), after->later_parameters()), before->later_parameters().size() / 10);
    EXPECT_EQ(same(before->parameters(), after->parameters()) -
                  same(before->later_parameters(), after->later_parameters()),
              before->parameters().size() - before->later_parameters().size());
}

/// The landed recognition network as convert_teacher.py writes one: with a BatchNorm, which does nothing, after each
/// convolution.
void write_as_teacher(const std::filesystem::path& file)
{
    const torch::NoGradGuard no_gradients;
    RecognitionNetwork network;
    load_weights(*network, std::filesystem::path(CHROMATCH_TEST_MODELS) / "recognition.safetensors", "recognition");
    SafeTensors content;
    const auto put = [&](const std::string& name, const torch::Tensor& values) {
        const torch::Tensor flat = values.contiguous();
        StoredTensor& stored = content.tensors[name];
        stored.shape = flat.sizes().vec();
        stored.values.assign(flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel());
    };
    const auto put_layer = [&](const torch::nn::Conv2d& layer, const std::string& convolution,
                               const std::string& norm) {
        put(convolution + ".weight", layer->weight);
        put(norm + ".bias", layer->bias);
        put(norm + ".weight", torch::ones_like(layer->bias));
        put(norm + ".running_mean", torch::zeros_like(layer->bias));
        put(norm + ".running_var", torch::full_like(layer->bias, 1.0 - 1e-3));
    };
    put_layer(network->stem, "_conv_stem", "_bn0");
    for (std::size_t i = 0; i < network->blocks->size(); i++) {
        const std::string name = "_blocks." + std::to_string(i);
        const auto& block = network->blocks->at<InvertedResidualImpl>(i);
        if (!block.expand.is_empty())
            put_layer(block.expand, name + "._expand_conv", name + "._bn0");
        put_layer(block.depthwise, name + "._depthwise_conv", name + "._bn1");
        put_layer(block.project, name + "._project_conv", name + "._bn2");
    }
    write_safetensors(file, content, false);
}

TEST_F(TrainGuess, WhatIsSeenOfAWholePhotoStaysNearToTheTeachers)
{
    TrainingConfig seeing = config();
    seeing.recognition_rate = 0.3;
    seeing.learning_rate = 5e-4;
    seeing.steps = 12;
    const auto forgotten = [&] { // the last row's distance to the teacher
        std::filesystem::remove_all(seeing.output);
        train_guess(seeing);
        std::ifstream log(seeing.output / "log.csv");
        std::string header, row;
        std::getline(log, header);
        for (std::string line; std::getline(log, line);)
            row = line;
        std::istringstream names(header), values(row);
        for (std::string name, value; std::getline(names, name, ',') && std::getline(values, value, ',');)
            if (name == "validation_likeness")
                return std::stod(value);
        return -1.0;
    };
    seeing.loss_weights["likeness"] = 1e-9;
    EXPECT_THAT([&] { train_guess(seeing); },
                testing::ThrowsMessage<std::runtime_error>(testing::HasSubstr("likeness needs a teacher")));
    seeing.teacher = folder_ / "teacher.safetensors";
    write_as_teacher(seeing.teacher);
    seeing.recognition_rate = 0;
    EXPECT_THAT([&] { train_guess(seeing); },
                testing::ThrowsMessage<std::runtime_error>(testing::HasSubstr("likeness needs a recognition_rate")));
    seeing.recognition_rate = 0.3;
    const double left_alone = forgotten();
    seeing.loss_weights["likeness"] = 300.0;
    const double held = forgotten();
    EXPECT_GE(held, 0.0);
    EXPECT_LT(held, 0.5 * left_alone);
}

TEST_F(TrainGuess, KnowsTheMeansOfWhatTheRecognitionNetworkSees)
{
    TrainingConfig seeing = config();
    seeing.recognition_rate = 0.3;
    const double gained = train_guess(seeing);
    const auto means_of = [&](const std::filesystem::path& recognition_file) {
        const torch::NoGradGuard no_gradients;
        RecognitionNetwork recognition;
        load_weights(*recognition, recognition_file, "recognition");
        torch::Tensor sum = torch::zeros({recognition_channels[2]});
        const PhotoStore photos(shards(folder_, "train-"), torch::kCPU, 0);
        for (int64_t i = 0; i < photos.size(); i++) {
            const torch::Tensor photo = torch::tensor({i});
            const torch::Tensor lab =
                srgb_to_lab(sample_window(photos, central_windows(photos, photo), regular_places(64, torch::kCPU)));
            sum += recognition->features(gray_picture(lab.narrow(1, 0, 1))).thirtysecond.mean({0, 2, 3});
        }
        return sum / photos.size();
    };
    const auto error = [&](const torch::Tensor& means) {
        ColorizationNetwork made = result();
        return ((means - made->guess->mean.flatten().narrow(0, guess_input_shown, recognition_channels[2])) *
                made->guess->scale.flatten().narrow(0, guess_input_shown, recognition_channels[2]))
            .abs()
            .mean()
            .item<double>();
    };
    EXPECT_LT(error(means_of(folder_ / "output" / "recognition.safetensors")), 0.15);
    EXPECT_GT(error(means_of(seeing.recognition)), 0.2);
    // What the guess makes of them is the same: what was written measures as much.
    TrainingConfig written = config();
    written.initial = folder_ / "output" / "colorization.safetensors";
    written.recognition = folder_ / "output" / "recognition.safetensors";
    written.output = folder_ / "again";
    written.steps = 1;
    written.learning_rate = 1e-9;
    EXPECT_NEAR(train_guess(written), gained, 0.2);
}

TEST_F(TrainGuess, LearnsWhichPlacesHaveOneColour)
{
    TrainingConfig pairs = config();
    pairs.initial = folder_ / "guess.safetensors";
    pairs.loss_weights = {{"places", 10.0}};
    ColorizationNetwork untaught;
    save_weights(*untaught, pairs.initial, "colorization", {}, true);
    train_guess(pairs);
    ColorizationNetwork made = result();
    // How much more a grainy place is like a grainy one of another picture than like a smooth one.
    const auto margin = [&](PlaceNetwork& places) {
        const torch::NoGradGuard no_gradients;
        SimilarityNetwork similarity(1);
        RecognitionNetwork recognition;
        load_weights(*similarity, pairs.similarity, "similarity-l");
        load_weights(*recognition, pairs.recognition, "recognition");
        similarity->eval();
        recognition->eval();
        torch::manual_seed(1);
        torch::Tensor l = torch::full({2, 1, 64, 64}, 40.0);
        l.narrow(3, 0, 32) += torch::rand({2, 1, 64, 32}) * 30.0;
        const torch::Tensor luminance = normalise_luminance(l);
        const torch::Tensor made_places = places(
            guess_input(similarity->features(luminance).sixteenth, recognition->features(gray_picture(l)), luminance));
        const torch::Tensor grainy = made_places.select(2, 1).select(2, 0),
                            smooth = made_places.select(2, 1).select(2, 3);
        return ((grainy[0] * grainy[1]).sum() - (grainy[0] * smooth[1]).sum()).item<float>();
    };
    PlaceNetwork random;
    random->mean.copy_(made->places->mean);
    random->scale.copy_(made->places->scale);
    random->eval();
    EXPECT_GT(margin(made->places), 1.0f);
    EXPECT_GT(margin(made->places), margin(random) + 0.3f);
    // Nothing else has changed.
    ColorizationNetwork before;
    load_weights(*before, pairs.initial, "colorization");
    for (const auto& entry : before->named_parameters())
        if (!entry.key().starts_with("places")) {
            EXPECT_TRUE(torch::equal(made->named_parameters()[entry.key()], entry.value())) << entry.key();
        }
}

TEST_F(TrainGuess, AnEarlierNetworkKeepsHalfASay)
{
    torch::manual_seed(5);
    ColorizationNetwork earlier;
    torch::nn::init::normal_(earlier->head->weight, 0.0, 0.1);
    const torch::Tensor head = earlier->head->weight.detach();
    SafeTensors content = state_of(*earlier);
    std::erase_if(content.tensors, [](const auto& entry) {
        return entry.first.starts_with("guess") || entry.first.starts_with("places");
    });
    write_safetensors(folder_ / "earlier.safetensors", content, false);

    TrainingConfig short_run = config();
    short_run.initial = folder_ / "earlier.safetensors";
    short_run.steps = 1;
    train_guess(short_run);
    const ColorizationNetwork made = result();
    const auto near = [](const torch::Tensor& one, const torch::Tensor& other) {
        return torch::allclose(one, other, 1e-2, 1e-4); // half precision
    };
    EXPECT_TRUE(near(made->guess2->weight.view({2, 2}), torch::eye(2) * 0.5));
    EXPECT_TRUE(near(made->head->weight.narrow(0, 0, 2), head.narrow(0, 0, 2) * 0.5));
    EXPECT_TRUE(near(made->head->weight.narrow(0, 2, 3), head.narrow(0, 2, 3)));

    // The next time the guess is trained on, from what it knew, and nothing is halved again.
    std::filesystem::rename(folder_ / "output" / "colorization.safetensors", folder_ / "later.safetensors");
    std::filesystem::remove_all(folder_ / "output");
    short_run.initial = folder_ / "later.safetensors";
    short_run.learning_rate = 1e-9;
    short_run.prior_gain = 2.0;
    train_guess(short_run);
    EXPECT_TRUE(torch::equal(result()->head->weight.narrow(0, 0, 2), 2.0 * made->head->weight.narrow(0, 0, 2)));
    EXPECT_TRUE(torch::equal(result()->head->weight.narrow(0, 2, 3), made->head->weight.narrow(0, 2, 3)));
    EXPECT_TRUE(near(result()->guess->enter->weight, made->guess->enter->weight));
    EXPECT_TRUE(torch::equal(result()->guess->mean, made->guess->mean));
}

} // namespace
} // namespace chromatch
