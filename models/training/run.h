// SPDX-License-Identifier: GPL-3.0-or-later
//
// What the training stages share: the configuration file, time, the log, checkpoints.
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include <torch/nn/module.h>
#include <torch/optim/adamw.h>
#include <torch/types.h>

namespace chromatch {

/// Writes beside the file and renames, so that a stop in between leaves the old file whole.
template <typename Write> void replace_file(const std::filesystem::path& file, Write write)
{
    std::filesystem::path partial = file;
    partial += ".partial";
    write(partial);
    std::filesystem::rename(partial, file);
}

/// A stage's configuration: one JSON file (comments allowed), any value of which the command line may replace.
struct TrainingConfig {
    std::filesystem::path photos;      ///< folder of the tar shards
    std::filesystem::path output;      ///< checkpoints, log and weights go here
    std::filesystem::path teacher;     ///< safetensors of convert_teacher.py
    std::filesystem::path similarity;  ///< weights of similarity-l, for the stages after it
    std::filesystem::path recognition; ///< weights of the recognition network, for the stages after it
    std::filesystem::path initial;     ///< weights to start from; empty: random
    std::string device = "cpu";
    std::string network; ///< similarity stage: "similarity-l" or "similarity-rgb"
    double seconds = 0;  ///< the stage stops after this much training time, over all its runs
    int64_t batch = 16;
    int64_t crop = 128; ///< side of the training crops, a multiple of 32
    double learning_rate = 1e-3;
    double trunk_rate = 0.1;     ///< classification stage: the trunk's share of the learning rate
    double recognition_rate = 0; ///< guess stage: the recognition network's, from /8 on; 0: it stays as it is
    double weight_decay = 0.01;
    double warmup_steps = 300;
    double average_decay = 0.999; ///< of the exponential moving average of the weights
    double checkpoint_seconds = 300;
    double log_seconds = 30;
    int64_t steps = 0;              ///< the stage also stops after this many steps; 0: by time alone
    int64_t photo_limit = 0;        ///< photos to load; 0: all
    double hint_share = 0;          ///< colorization stage: share of the samples that get colour hints
    double prior_gain = 1;          ///< guess and colorization stage: at their end the prior becomes so much more vivid
    double adversarial_start = 0.4; ///< share of the time after which the adversarial loss begins
    uint64_t seed = 1;
    std::map<std::string, double> loss_weights;
    std::map<std::string, double> mode_shares;

    double loss_weight(const std::string& name) const;
};

/// Throws std::runtime_error with one sentence for a missing file, an unknown key or a bad value.
TrainingConfig read_config(const std::filesystem::path& file, const std::map<std::string, std::string>& replacements);

std::vector<std::filesystem::path> shards(const std::filesystem::path& folder, const std::string& prefix);

/// Clock, learning rate, log and checkpoints of one stage. A stage that is started again in the same output folder goes
/// on where its last checkpoint was.
class TrainingRun {
  public:
    /// stage: everything that is trained, for the checkpoints. average: follows `followed`, a part of the stage;
    /// both may be null.
    TrainingRun(const TrainingConfig& config, torch::nn::Module& stage, const torch::nn::Module* followed,
                torch::nn::Module* average, torch::optim::AdamW& optimizer);

    /// True until the time is used up or the process was asked to end (SIGTERM, SIGINT). Sets the learning rate:
    /// warm-up, then cosine over the stage's time; groups of the optimizer keep the ratio they were made with.
    bool next_step();

    /// What is measured now and then, for the log.
    using Measure = std::function<std::map<std::string, double>()>;

    /// Adds scalars to the running means that the log gets twice a minute; writes a checkpoint when one is due. The
    /// values stay on their device until then, so that a step does not wait for it. Throws std::runtime_error where a
    /// mean is not finite; the last checkpoint stays as it was.
    /// With `measure`, each row of the log ends with what it returns.
    void finish_step(const std::map<std::string, torch::Tensor>& values, const Measure& measure = {});

    /// Measures and writes a row of the log at once, if steps were made since the last one. Returns what was measured.
    std::map<std::string, double> log_row(const Measure& measure);

    void save_checkpoint();
    /// The share that is over of the time, or of the steps where that is more.
    double progress() const;
    int64_t step() const { return step_; }

    /// The "data" and "training" entries of the weights' metadata. unit: what a batch is made of.
    std::map<std::string, std::string> metadata(const std::string& stage, int64_t photos,
                                                const std::string& unit) const;

  private:
    using Clock = std::chrono::steady_clock;
    double seconds() const;
    void load_checkpoint();

    const TrainingConfig& config_;
    torch::nn::Module& stage_;
    const torch::nn::Module* followed_;
    torch::nn::Module* average_;
    torch::optim::AdamW& optimizer_;
    Clock::time_point start_ = Clock::now();
    double earlier_seconds_ = 0;
    double logged_ = 0, saved_ = 0;
    int64_t step_ = 0, logged_step_ = 0;
    std::map<std::string, torch::Tensor> sums_;
    std::map<std::string, double> measured_; // last, by log_row()
    std::vector<double> rate_shares_;        // of the optimizer's groups
    std::ofstream log_;
};

void train_similarity(const TrainingConfig& config);
/// Returns the decibels by which the guess is nearer to the truth of the validation photos than gray is (see
/// train_guess.cpp).
double train_guess(const TrainingConfig& config);
void train_colorization(const TrainingConfig& config);

/// Writes the recognition network as it is before train_guess() teaches it: the teacher's weights as the engine reads
/// them.
void save_recognition(const TrainingConfig& config);

/// Prints a line "photo <tab> most similar other photo" for each validation photo: the pairs of chromatch-evaluate's
/// P3.
void print_nearest_photos(const TrainingConfig& config);

} // namespace chromatch
