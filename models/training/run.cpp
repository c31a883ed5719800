// SPDX-License-Identifier: GPL-3.0-or-later
#include "training/run.h"

#include <algorithm>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <functional>
#include <set>
#include <type_traits>

#include <nlohmann/json.hpp>
#include <torch/serialize.h>
#include <torch/utils.h>

#include "chromatch.h"
#include "networks/safetensors.h"
#include "networks/weights.h"

namespace chromatch {

namespace {

volatile std::sig_atomic_t stop_requested = 0;

constexpr double log_interval = 30.0;
const char* const network_file = "checkpoint-network.safetensors";
const char* const average_file = "checkpoint-average.safetensors";
const char* const optimizer_file = "checkpoint-optimizer.pt";
const char* const state_file = "checkpoint.json";

} // namespace

double TrainingConfig::loss_weight(const std::string& name) const
{
    const auto found = loss_weights.find(name);
    return found == loss_weights.end() ? 0.0 : found->second;
}

TrainingConfig read_config(const std::filesystem::path& file, const std::map<std::string, std::string>& replacements)
{
    std::ifstream stream(file);
    if (!stream)
        throw std::runtime_error("The configuration " + file.string() + " cannot be opened.");
    nlohmann::json json = nlohmann::json::parse(stream, nullptr, false, true);
    if (!json.is_object())
        throw std::runtime_error("The configuration " + file.string() + " is not a JSON object.");
    for (const auto& [key, value] : replacements) {
        nlohmann::json parsed = nlohmann::json::parse(value, nullptr, false);
        json[key] = parsed.is_number() ? parsed : nlohmann::json(value);
    }
    TrainingConfig config;
    const auto into = [](auto& member) {
        return [&member](const nlohmann::json& value) {
            using Member = std::remove_reference_t<decltype(member)>;
            if constexpr (std::is_same_v<Member, std::filesystem::path>)
                member = value.get<std::string>();
            else
                member = value.get<Member>();
        };
    };
    const std::map<std::string, std::function<void(const nlohmann::json&)>> readers = {
        {"photos", into(config.photos)},
        {"output", into(config.output)},
        {"teacher", into(config.teacher)},
        {"similarity", into(config.similarity)},
        {"recognition", into(config.recognition)},
        {"initial", into(config.initial)},
        {"device", into(config.device)},
        {"network", into(config.network)},
        {"seconds", into(config.seconds)},
        {"batch", into(config.batch)},
        {"crop", into(config.crop)},
        {"learning_rate", into(config.learning_rate)},
        {"trunk_rate", into(config.trunk_rate)},
        {"recognition_rate", into(config.recognition_rate)},
        {"weight_decay", into(config.weight_decay)},
        {"warmup_steps", into(config.warmup_steps)},
        {"average_decay", into(config.average_decay)},
        {"checkpoint_seconds", into(config.checkpoint_seconds)},
        {"log_seconds", into(config.log_seconds)},
        {"steps", into(config.steps)},
        {"photo_limit", into(config.photo_limit)},
        {"hint_share", into(config.hint_share)},
        {"prior_gain", into(config.prior_gain)},
        {"adversarial_start", into(config.adversarial_start)},
        {"seed", into(config.seed)},
        {"loss_weights", into(config.loss_weights)},
        {"mode_shares", into(config.mode_shares)},
    };
    for (const auto& [key, value] : json.items()) {
        const auto reader = readers.find(key);
        if (reader == readers.end())
            throw std::runtime_error("The configuration " + file.string() + " has an unknown key: " + key + ".");
        try {
            reader->second(value);
        } catch (const nlohmann::json::exception&) {
            throw std::runtime_error("The configuration " + file.string() + " has " + key + " = " + value.dump() +
                                     ", which is of the wrong type.");
        }
    }
    const auto known = [&](const std::map<std::string, double>& given, const std::set<std::string>& names,
                           const std::string& key) {
        for (const auto& [name, value] : given)
            if (!names.count(name) || !(value >= 0))
                throw std::runtime_error("The configuration " + file.string() + " has " + key + "." + name + " = " +
                                         std::to_string(value) + ", which is not known or negative.");
    };
    known(config.loss_weights,
          {"distillation", "relation", "contrast", "chroma", "prior", "gate", "bins", "histogram", "edges",
           "perceptual", "contextual", "adversarial", "classes", "places", "likeness"},
          "loss_weights");
    known(config.mode_shares, {"self", "recoloured", "two_way", "foreign_nearest", "foreign_random", "none"},
          "mode_shares");
    if (config.crop < 64 || config.crop % 32 != 0)
        throw std::runtime_error("crop must be a multiple of 32 from 64 on, not " + std::to_string(config.crop) + ".");
    if (config.batch < 2)
        throw std::runtime_error("batch must be at least 2, not " + std::to_string(config.batch) + ".");
    if (!(config.hint_share >= 0 && config.hint_share <= 1))
        throw std::runtime_error("hint_share must be 0 to 1, not " + std::to_string(config.hint_share) + ".");
    if (!(config.prior_gain > 0))
        throw std::runtime_error("prior_gain must be positive, not " + std::to_string(config.prior_gain) + ".");
    if (config.steps < 0)
        throw std::runtime_error("steps must not be negative, as " + std::to_string(config.steps) + " is.");
    if (!(config.trunk_rate >= 0))
        throw std::runtime_error("trunk_rate must not be negative, as " + std::to_string(config.trunk_rate) + " is.");
    if (!(config.recognition_rate >= 0))
        throw std::runtime_error("recognition_rate must not be negative, as " +
                                 std::to_string(config.recognition_rate) + " is.");
    if (config.seconds <= 0)
        throw std::runtime_error("seconds must be positive, not " + std::to_string(config.seconds) + ".");
    return config;
}

std::vector<std::filesystem::path> shards(const std::filesystem::path& folder, const std::string& prefix)
{
    std::vector<std::filesystem::path> found;
    if (std::filesystem::is_directory(folder))
        for (const auto& entry : std::filesystem::directory_iterator(folder))
            if (entry.path().filename().string().rfind(prefix, 0) == 0 && entry.path().extension() == ".tar")
                found.push_back(entry.path());
    if (found.empty())
        throw std::runtime_error("The folder " + folder.string() + " holds no " + prefix + "*.tar.");
    std::sort(found.begin(), found.end());
    return found;
}

TrainingRun::TrainingRun(const TrainingConfig& config, torch::nn::Module& stage, const torch::nn::Module* followed,
                         torch::nn::Module* average, torch::optim::AdamW& optimizer)
    : config_(config), stage_(stage), followed_(followed), average_(average), optimizer_(optimizer)
{
    for (const auto& group : optimizer.param_groups())
        rate_shares_.push_back(group.options().get_lr() / config.learning_rate);
    std::filesystem::create_directories(config.output);
    load_checkpoint();
    log_.open(config.output / "log.csv", std::ios::app);
    logged_ = saved_ = seconds();
    const auto stop = [](int) { stop_requested = 1; };
    std::signal(SIGTERM, stop);
    std::signal(SIGINT, stop);
}

double TrainingRun::seconds() const
{
    return earlier_seconds_ + std::chrono::duration<double>(Clock::now() - start_).count();
}

double TrainingRun::progress() const
{
    const double steps = config_.steps > 0 ? static_cast<double>(step_) / static_cast<double>(config_.steps) : 0.0;
    return std::max(seconds() / config_.seconds, steps);
}

bool TrainingRun::next_step()
{
    if (stop_requested || progress() >= 1.0) {
        save_checkpoint();
        return false;
    }
    const double warmup = std::min(1.0, (step_ + 1) / config_.warmup_steps);
    const double rate = config_.learning_rate * warmup * 0.5 * (1.0 + std::cos(M_PI * std::min(1.0, progress())));
    for (std::size_t i = 0; i < rate_shares_.size(); i++)
        optimizer_.param_groups()[i].options().set_lr(rate * rate_shares_[i]);
    return true;
}

void TrainingRun::finish_step(const std::map<std::string, torch::Tensor>& values, const Measure& measure)
{
    step_++;
    if (average_) {
        torch::NoGradGuard no_gradients;
        // Early on the average follows faster, so that it does not remember the start.
        const double decay = std::min(config_.average_decay, (step_ + 1.0) / (step_ + 10.0));
        auto slow = average_->parameters();
        auto fast = followed_->parameters();
        for (std::size_t i = 0; i < slow.size(); i++)
            slow[i].lerp_(fast[i], 1.0 - decay);
        const auto slow_buffers = average_->buffers(), fast_buffers = followed_->buffers();
        for (std::size_t i = 0; i < slow_buffers.size(); i++)
            if (slow_buffers[i].is_floating_point()) // BatchNorm's statistics, not its counters
                slow_buffers[i].lerp_(fast_buffers[i], 1.0 - decay);
    }
    for (const auto& [name, value] : values) {
        torch::Tensor& sum = sums_[name];
        sum = sum.defined() ? sum + value.detach() : value.detach();
    }
    if (seconds() - logged_ >= config_.log_seconds)
        log_row(measure);
    if (seconds() - saved_ >= config_.checkpoint_seconds)
        save_checkpoint();
}

std::map<std::string, double> TrainingRun::log_row(const Measure& measure)
{
    if (step_ == logged_step_ && !measured_.empty())
        return measured_;
    measured_ = measure ? measure() : std::map<std::string, double>();
    const double now = seconds(), count = static_cast<double>(step_ - logged_step_);
    if (count == 0)
        return measured_;
    std::string header = "step,seconds,samples_per_second", row = std::to_string(step_);
    char number[32];
    const auto add = [&](double value) {
        std::snprintf(number, sizeof number, ",%.5g", value);
        row += number;
    };
    add(now);
    add(count * static_cast<double>(config_.batch) / (now - logged_));
    for (const auto& [name, sum] : sums_) {
        const double mean = sum.item<double>() / count;
        if (!std::isfinite(mean))
            throw std::runtime_error("The mean of " + name + " is not finite near step " + std::to_string(step_) +
                                     "; the last checkpoint is kept.");
        header += "," + name;
        add(mean);
    }
    for (const auto& [name, value] : measured_) {
        header += "," + name;
        add(value);
    }
    if (log_.tellp() == 0)
        log_ << header << '\n';
    log_ << row << std::endl;
    std::printf("%s\n%s\n", header.c_str(), row.c_str());
    std::fflush(stdout);
    sums_.clear();
    logged_ = now;
    logged_step_ = step_;
    return measured_;
}

void TrainingRun::save_checkpoint()
{
    for (const torch::Tensor& parameter : stage_.parameters())
        if (!std::isfinite(parameter.sum().item<double>()))
            throw std::runtime_error("A weight is not finite at step " + std::to_string(step_) +
                                     "; the last checkpoint is kept.");
    write_safetensors(config_.output / network_file, state_of(stage_), false);
    if (average_)
        write_safetensors(config_.output / average_file, state_of(*average_), false);
    replace_file(config_.output / optimizer_file,
                 [&](const std::filesystem::path& file) { torch::save(optimizer_, file.string()); });
    const nlohmann::json state = {{"step", step_}, {"seconds", seconds()}};
    replace_file(config_.output / state_file, [&](const std::filesystem::path& file) {
        std::ofstream stream(file);
        if (!(stream << state.dump() << '\n' << std::flush))
            throw std::runtime_error("The checkpoint " + file.string() + " cannot be written.");
    });
    saved_ = seconds();
}

std::map<std::string, std::string> TrainingRun::metadata(const std::string& stage, int64_t photos,
                                                         const std::string& unit) const
{
    return {{"data", std::to_string(photos) + " photos, see models/README.md"},
            {"training", "chromatch-train " + stage + ", " + std::to_string(step_) + " steps of " +
                             std::to_string(config_.batch) + " " + unit + " at " + std::to_string(config_.crop) +
                             " px, seed " + std::to_string(config_.seed)}};
}

void TrainingRun::load_checkpoint()
{
    std::ifstream stream(config_.output / state_file);
    if (!stream)
        return;
    const nlohmann::json state = nlohmann::json::parse(stream);
    restore_state(stage_, read_safetensors(config_.output / network_file), config_.output / network_file);
    if (average_)
        restore_state(*average_, read_safetensors(config_.output / average_file), config_.output / average_file);
    torch::load(optimizer_, (config_.output / optimizer_file).string());
    for (auto& group : optimizer_.param_groups()) // the state brings the old configuration's value along
        static_cast<torch::optim::AdamWOptions&>(group.options()).weight_decay(config_.weight_decay);
    step_ = logged_step_ = state.at("step");
    earlier_seconds_ = state.at("seconds");
}

} // namespace chromatch
