// SPDX-License-Identifier: GPL-3.0-or-later
#include "training/classification.h"

#include <cstdlib>
#include <fstream>
#include <functional>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "chromatch.h"
#include "made_shards.h"
#include "networks/weights.h"

namespace chromatch {
namespace {

using testing::HasSubstr;

std::string refusal(const std::function<void()>& action)
{
    try {
        action();
    } catch (const std::exception& error) {
        return error.what();
    }
    return "";
}

TEST(ReadLabels, AreTheFoldersInAlphabeticalOrder)
{
    const Labels labels = read_labels({"tench/1.jpg", "church/2.jpg", "tench/3.jpg"});
    EXPECT_THAT(labels.classes, testing::ElementsAre("church", "tench"));
    EXPECT_TRUE(torch::equal(labels.of, torch::tensor({1, 0, 1}, torch::kInt64)));
    EXPECT_TRUE(torch::equal(read_labels({"tench/9.jpg"}, labels.classes).of, torch::tensor({1}, torch::kInt64)));
}

TEST(ReadLabels, NameThePictureThatHasNone)
{
    EXPECT_THAT(refusal([] { read_labels({"a/1.jpg", "plain.jpg"}); }), HasSubstr("plain.jpg"));
    EXPECT_THAT(refusal([] { read_labels({"a/1.jpg", "/2.jpg"}); }), HasSubstr("/2.jpg"));
    EXPECT_THAT(refusal([] { read_labels({"a/1.jpg", "a/2.jpg"}); }), HasSubstr("two classes"));
    EXPECT_THAT(refusal([] { read_labels({}); }), HasSubstr("two classes"));
    EXPECT_THAT(refusal([] { read_labels({"c/3.jpg"}, {"a", "b"}); }), HasSubstr("c/3.jpg"));
}

class Classification : public ShardFolder {
  protected:
    /// Grainy pictures of 64 x 64 pixels, dark and light ones.
    void write_shard(const std::string& name, unsigned seed)
    {
        std::mt19937 random(seed);
        std::string tar;
        for (int i = 0; i < 16; i++) {
            std::vector<std::uint8_t> rgb(64 * 64 * 3);
            for (std::uint8_t& value : rgb)
                value = static_cast<std::uint8_t>((i % 2 ? 190 : 20) + random() % 40);
            tar += member((i % 2 ? "light/" : "dark/") + std::to_string(i) + ".jpg", jpeg(64, 64, rgb));
        }
        std::ofstream(folder_ / name, std::ios::binary) << tar << archive_end;
    }

    TrainingConfig config(const std::string& network)
    {
        TrainingConfig config;
        config.network = network;
        config.photos = folder_;
        config.output = folder_ / "output";
        config.seconds = 300;
        config.steps = 30;
        config.batch = 8;
        config.crop = 64;
        config.trunk_rate = 1;
        config.warmup_steps = 1;
        config.average_decay = 0.8;
        config.loss_weights = {{"classes", 1.0}};
        return config;
    }
};

TEST_F(Classification, TellsDarkFromLight)
{
    write_shard("classification-train-000.tar", 1);
    write_shard("classification-val-000.tar", 2);
    EXPECT_EQ(train_classification(config("similarity-l")), 1.0);

    std::ifstream log(folder_ / "output" / "log.csv");
    std::string header, row;
    std::getline(log, header);
    EXPECT_EQ(header, "step,seconds,samples_per_second,train_accuracy,train_loss,validation_accuracy");
    EXPECT_TRUE(std::getline(log, row));
    Classifier classifier(1, 2);
    EXPECT_NO_THROW(load_weights(*classifier, folder_ / "output" / "classification-l.safetensors", "classification-l"));
}

TEST_F(Classification, NamesWhatIsWrong)
{
    EXPECT_THAT(refusal([&] { train_classification(config("colorization")); }), HasSubstr("\"colorization\""));
    TrainingConfig unassisted = config("similarity-rgb");
    unassisted.loss_weights["distillation"] = 1.0;
    EXPECT_THAT(refusal([&] { train_classification(unassisted); }), HasSubstr("teacher"));
    EXPECT_THAT(refusal([&] { train_classification(config("similarity-rgb")); }), HasSubstr("classification-train-"));
}

TEST_F(Classification, ColourNetworkBeginsAsTheLuminanceNetwork)
{
    torch::NoGradGuard no_gradients;
    torch::manual_seed(6);
    SimilarityNetwork luminance(1), colour(3);
    save_weights(*luminance, folder_ / "l.safetensors", "similarity-l", {}, false);
    load_similarity(colour, folder_ / "l.safetensors");
    luminance->eval();
    colour->eval();
    const torch::Tensor images = torch::randn({2, 3, 32, 48});
    EXPECT_TRUE(torch::allclose(colour->features(images).sixteenth,
                                luminance->features(images.narrow(1, 0, 1)).sixteenth, 1e-4, 1e-5));

    save_weights(*colour, folder_ / "rgb.safetensors", "similarity-rgb", {}, false);
    SimilarityNetwork again(3);
    EXPECT_NO_THROW(load_similarity(again, folder_ / "rgb.safetensors"));
    EXPECT_TRUE(torch::equal(again->conv1->weight, colour->conv1->weight));
    EXPECT_THROW(load_similarity(luminance, folder_ / "rgb.safetensors"), Error);
}

} // namespace
} // namespace chromatch
