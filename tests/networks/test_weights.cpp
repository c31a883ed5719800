// SPDX-License-Identifier: GPL-3.0-or-later
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/nn/functional.h>
#include <torch/nn/modules/conv.h>
#include <torch/utils.h>

#include "chromatch.h"
#include "networks/colorization_network.h"
#include "networks/feature_maps.h"
#include "networks/match_features.h"
#include "networks/safetensors.h"
#include "networks/similarity_network.h"
#include "networks/weights.h"

namespace chromatch {
namespace {

class Weights : public testing::Test {
  protected:
    void SetUp() override { save_weights(*module_, file_, "small", {{"note", "a test"}}, false); }
    void TearDown() override { std::filesystem::remove(file_); }

    /// Loads the file after a change of its content; returns the error's sentence, empty where there was none.
    template <typename Change> std::string after(Change change)
    {
        SafeTensors content = read_safetensors(file_);
        change(content);
        write_safetensors(file_, content, false);
        try {
            load_weights(*module_, file_, "small");
        } catch (const Error& error) {
            EXPECT_EQ(error.code(), ErrorCode::model_corrupt);
            return error.what();
        }
        return "";
    }

    std::filesystem::path file_ = std::filesystem::path(testing::TempDir()) / "weights.safetensors";
    torch::nn::Conv2d module_{torch::nn::Conv2dOptions(3, 4, 3)};
};

TEST_F(Weights, ComeBackAsTheyWere)
{
    torch::nn::Conv2d other{torch::nn::Conv2dOptions(3, 4, 3)};
    ASSERT_FALSE(torch::equal(other->weight, module_->weight));
    const auto metadata = load_weights(*other, file_, "small");
    EXPECT_TRUE(torch::equal(other->weight, module_->weight));
    EXPECT_TRUE(torch::equal(other->bias, module_->bias));
    EXPECT_EQ(metadata.at("note"), "a test");
}

TEST_F(Weights, HalfPrecisionIsCloseEnough)
{
    save_weights(*module_, file_, "small", {}, true);
    torch::nn::Conv2d other{torch::nn::Conv2dOptions(3, 4, 3)};
    load_weights(*other, file_, "small");
    EXPECT_TRUE(torch::allclose(other->weight, module_->weight, 1e-3, 1e-6));
}

TEST_F(Weights, NameWhatIsWrong)
{
    EXPECT_EQ(after([](SafeTensors&) {}), "");
    EXPECT_THAT(after([](SafeTensors& content) { content.metadata["network"] = "large"; }),
                testing::HasSubstr("\"large\""));
    EXPECT_THAT(after([](SafeTensors& content) {
                    content.metadata["network"] = "small";
                    content.metadata[weights_format_key] = "9";
                }),
                testing::HasSubstr("\"9\""));
    EXPECT_THAT(after([](SafeTensors& content) {
                    content.metadata[weights_format_key] = weights_format;
                    content.tensors["extra"] = {{1}, {0.0f}};
                }),
                testing::HasSubstr("extra"));
    EXPECT_THAT(after([](SafeTensors& content) {
                    content.tensors.erase("extra");
                    content.tensors["bias"] = {{2, 2}, {0, 0, 0, 0}};
                }),
                testing::HasSubstr("[2, 2] instead of [4]"));
    EXPECT_THAT(after([](SafeTensors& content) { content.tensors.erase("bias"); }), testing::HasSubstr("bias"));
}

TEST(Networks, HaveTheSizesOfTheContract)
{
    const torch::NoGradGuard no_gradients;
    SimilarityNetwork similarity(1);
    similarity->eval();
    const torch::Tensor luminance = torch::randn({2, 1, 96, 64});
    const TrunkFeatures features = similarity->features(luminance);
    EXPECT_EQ(features.half.sizes().vec(), (std::vector<int64_t>{2, 64, 48, 32}));
    EXPECT_EQ(features.quarter.sizes().vec(), (std::vector<int64_t>{2, 64, 24, 16}));
    EXPECT_EQ(features.eighth.sizes().vec(), (std::vector<int64_t>{2, 128, 12, 8}));
    EXPECT_EQ(features.sixteenth.sizes().vec(), (std::vector<int64_t>{2, 256, 6, 4}));
    const MatchMaps maps = similarity->match_maps(features);
    EXPECT_EQ(maps.fused.sizes().vec(), (std::vector<int64_t>{2, fused_channels, 24, 16}));
    EXPECT_TRUE(torch::allclose(maps.fused.square().sum(1), torch::ones({2, 24, 16}), 1e-3, 1e-3));

    ColorizationNetwork network;
    RecognitionNetwork recognition;
    const RecognitionFeatures recognised = recognition->features(gray_picture(denormalise_luminance(luminance)));
    const ColorizationInput input{features, network->guess(guess_input(features.sixteenth, recognised, luminance)),
                                  luminance, torch::zeros({2, guide_channels, 24, 16}),
                                  torch::zeros({2, histogram_size})};
    const ColorizationOutput output = network(input, true);
    EXPECT_EQ(output.chroma.sizes().vec(), (std::vector<int64_t>{2, 2, 48, 32}));
    EXPECT_EQ(output.bins.sizes().vec(), (std::vector<int64_t>{2, histogram_size, 24, 16}));
    EXPECT_EQ(output.trust.abs().max().item<float>(), 0.0f); // no reference, no trust
    int64_t parameters = 0;
    for (const torch::Tensor& parameter : network->parameters())
        parameters += parameter.numel();
    EXPECT_LE(parameters, 5800000);
}

TEST(Networks, RecognitionTellsPlacesApart)
{
    const torch::NoGradGuard no_gradients;
    torch::manual_seed(3);
    RecognitionNetwork network;
    load_weights(*network, std::filesystem::path(CHROMATCH_TEST_MODELS) / "recognition.safetensors", "recognition");
    network->eval();
    // A side that is no multiple of 32, and one smaller than that.
    for (const auto& [height, width] : {std::pair<int64_t, int64_t>{80, 64}, {16, 96}}) {
        const torch::Tensor luminance = torch::rand({2, 1, height, width}) * 100.0;
        const RecognitionFeatures features = network->features(gray_picture(luminance));
        EXPECT_EQ(features.eighth.sizes().vec(), (std::vector<int64_t>{2, 48, height / 8, width / 8}));
        EXPECT_EQ(features.sixteenth.sizes().vec(), (std::vector<int64_t>{2, 120, height / 16, width / 16}));
        EXPECT_EQ(features.thirtysecond.sizes().vec(),
                  (std::vector<int64_t>{2, 352, (height + 31) / 32, (width + 31) / 32}));
    }
}

TEST(Networks, PriorBeginsWithTheGuess)
{
    const torch::NoGradGuard no_gradients;
    torch::manual_seed(5);
    ColorizationNetwork network;
    network->eval();
    torch::nn::init::normal_(network->guess->chroma->weight, 0.0, 0.05);
    network->guess2->weight.copy_(torch::eye(2).view({2, 2, 1, 1}));
    SimilarityNetwork similarity(1);
    similarity->eval();
    const torch::Tensor luminance = torch::randn({1, 1, 48, 80});
    const TrunkFeatures features = similarity->features(luminance);
    const RecognitionFeatures recognised =
        RecognitionNetwork()->features(gray_picture(denormalise_luminance(luminance)));
    const Guess guess = network->guess(guess_input(features.sixteenth, recognised, luminance));
    EXPECT_EQ(guess.features.sizes().vec(), (std::vector<int64_t>{1, guess_channels, 3, 5}));
    EXPECT_EQ(guess.chroma.sizes().vec(), (std::vector<int64_t>{1, 2, 6, 10}));
    EXPECT_GT(guess.chroma.abs().max().item<float>(), 0.01f);
    const ColorizationInput input{features, guess, luminance, torch::zeros({1, guide_channels, 12, 20}),
                                  torch::zeros({1, histogram_size})};
    const ColorizationOutput output = network(input, false);
    EXPECT_TRUE(torch::allclose(output.prior, torch::tanh(resized_map(guess.chroma, 24, 40)), 1e-4, 1e-4));

    torch::nn::init::normal_(network->head->weight, 0.0, 0.05);
    torch::nn::init::normal_(network->head->bias, 0.0, 0.05);
    const ColorizationOutput plain = network(input, false);
    network->amplify_prior(1.25);
    const ColorizationOutput vivid = network(input, false);
    EXPECT_TRUE(torch::allclose(torch::atanh(vivid.prior), torch::atanh(plain.prior) * 1.25, 1e-3, 1e-3));
    EXPECT_TRUE(torch::equal(vivid.gate, plain.gate));
}

TEST(Networks, TheGateSeesHowTheMatchDiffersFromTheGuess)
{
    const torch::NoGradGuard no_gradients;
    torch::manual_seed(6);
    ColorizationNetwork network;
    network->eval();
    torch::nn::init::normal_(network->head->weight, 0.0, 0.05);
    torch::nn::init::normal_(network->guess4->weight.narrow(1, 2, 3), 0.0, 0.2); // of the difference alone
    SimilarityNetwork similarity(1);
    similarity->eval();
    const torch::Tensor luminance = torch::randn({1, 1, 48, 80});
    const auto gate = [&](double guessed, double warped, double valid) -> torch::Tensor {
        torch::Tensor guide = torch::zeros({1, guide_channels, 12, 20});
        guide.narrow(1, guide_warp_a, 1).fill_(warped);
        guide.narrow(1, guide_valid, 1).fill_(valid);
        const Guess guess = {torch::zeros({1, guess_channels, 3, 5}),
                             torch::cat({torch::full({1, 1, 6, 10}, guessed), torch::zeros({1, 1, 6, 10})}, 1)};
        const ColorizationInput input{similarity->features(luminance), guess, luminance, guide,
                                      torch::zeros({1, histogram_size})};
        return network(input, false).gate;
    };
    EXPECT_GT((gate(0.3, 0.0, 1.0) - gate(0.0, 0.0, 1.0)).abs().max().item<float>(), 1e-3f);
    EXPECT_TRUE(
        torch::equal(gate(0.3, 0.0, 0.0), gate(0.0, 0.0, 0.0))); // nothing differs from a match that is not there
}

TEST(PairMaps, ChromaDirectionsTellHues)
{
    const auto direction = [](double a, double b) {
        return chroma_direction(torch::tensor({a, b}, torch::kFloat32).view({1, 2, 1, 1}) / chroma_scale).flatten();
    };
    const auto alike = [](const torch::Tensor& x, const torch::Tensor& y) { return x.dot(y).item<float>(); };
    const torch::Tensor red = direction(60, 40), pale_red = direction(12, 8), blue = direction(10, -50),
                        gray = direction(0, 0);
    EXPECT_EQ(red.numel(), chroma_channels);
    EXPECT_LE(alike(red, red), 1.0f + 1e-6f);
    EXPECT_GT(alike(red, red), alike(red, pale_red));
    EXPECT_GT(alike(red, pale_red), alike(red, gray));
    EXPECT_GT(alike(red, gray), alike(red, blue));
    EXPECT_GT(alike(gray, gray), alike(gray, red));
}

TEST(PairMaps, KeepWhatTheNetworksSay)
{
    const torch::NoGradGuard no_gradients;
    torch::manual_seed(4);
    const auto units = [](int64_t channels, int64_t height, int64_t width) {
        return torch::nn::functional::normalize(torch::randn({2, channels, height, width}),
                                                torch::nn::functional::NormalizeFuncOptions().dim(1));
    };
    const torch::Tensor target = units(place_channels, 3, 4), reference = units(place_channels, 5, 4);
    const torch::Tensor target_fused = units(fused_channels, 3, 4), reference_fused = units(fused_channels, 5, 4);
    const torch::Tensor guessed = torch::randn({2, 2, 3, 4}) * 0.2, colours = torch::randn({2, 2, 5, 4}) * 0.2;
    const PairMaps maps = pair_maps({target_fused, target, guessed}, {reference_fused, reference, colours});
    ASSERT_EQ(maps.target.sizes().vec(), (std::vector<int64_t>{2, 3, 4, pair_channels}));
    ASSERT_EQ(maps.reference.sizes().vec(), (std::vector<int64_t>{2, 5, 4, pair_channels}));
    ASSERT_TRUE(maps.target.is_contiguous());
    const auto products = [](const torch::Tensor& first, const torch::Tensor& second) {
        return torch::bmm(first.flatten(2).transpose(1, 2), second.flatten(2));
    };
    const torch::Tensor expected = products(target_fused, reference_fused) * fused_share +
                                   products(target, reference) * place_share +
                                   products(chroma_direction(guessed), chroma_direction(colours)) * chroma_share;
    const torch::Tensor got = torch::bmm(maps.target.flatten(1, 2), maps.reference.flatten(1, 2).transpose(1, 2));
    EXPECT_LT((got - expected).abs().max().item<float>(), 1e-4f);
    // A colour's direction gets as long as 1, and so does the whole.
    const PairMaps vivid =
        pair_maps({target_fused, target, torch::full({2, 2, 3, 4}, 10.0)}, {reference_fused, reference, colours});
    EXPECT_NEAR(vivid.target.square().sum(3).min().item<float>(), 1.0f, 1e-3f);
    EXPECT_LT(vivid.target.square().sum(3).max().item<float>(), 1.001f);
}

TEST(Networks, PlacesAreDirectionsOnceTrained)
{
    const torch::NoGradGuard no_gradients;
    torch::manual_seed(8);
    PlaceNetwork places;
    places->eval();
    const torch::Tensor seen = torch::randn({2, guess_inputs, 3, 5});
    EXPECT_EQ(places(seen).sizes().vec(), (std::vector<int64_t>{2, place_channels, 3, 5}));
    EXPECT_EQ(places(seen).abs().max().item<float>(), 0.0f); // nothing that is not known may decide on matches
    places->mean.fill_(0.1);
    EXPECT_NEAR(places(seen).square().sum(1).min().item<float>(), 1.0f, 1e-4f);
}

TEST(Networks, TheColourVersionSeesColour)
{
    const torch::NoGradGuard no_gradients;
    SimilarityNetwork similarity(3);
    load_weights(*similarity, std::filesystem::path(CHROMATCH_TEST_MODELS) / "similarity-rgb.safetensors",
                 "similarity-rgb");
    similarity->eval();
    torch::Tensor gray = torch::zeros({1, 3, 64, 64});
    gray.select(1, 0).copy_(torch::linspace(-1.5, 1.5, 64).expand({1, 64, 64}));
    torch::Tensor red = gray.clone();
    red.select(1, 1).fill_(0.5);
    const torch::Tensor of_gray = similarity->match_maps(similarity->features(gray)).fused;
    const torch::Tensor of_red = similarity->match_maps(similarity->features(red)).fused;
    EXPECT_TRUE(torch::isfinite(of_gray).all().item<bool>());
    EXPECT_LT((of_gray * of_red).sum(1).mean().item<float>(), 0.99f);
}

TEST(ChromaHistogram, SumsToOneAndFindsTheBin)
{
    const torch::Tensor gray = torch::zeros({1, 2, 4, 4});
    const torch::Tensor histogram = chroma_histogram(gray);
    EXPECT_NEAR(histogram.sum().item<float>(), 1.0f, 1e-5f);
    EXPECT_NEAR(histogram[0][histogram_size / 2].item<float>(), 1.0f, 1e-5f); // the middle bin
    const torch::Tensor mixed = chroma_histogram(torch::rand({3, 2, 5, 7}) * 2.4 - 1.2);
    EXPECT_TRUE(torch::allclose(mixed.sum(1), torch::ones({3}), 1e-4, 1e-5));
}

} // namespace
} // namespace chromatch
