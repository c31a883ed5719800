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

/// Writes beside the file and renames, so that a stop in between leaves the old checkpoint whole.
template <typename Write> void replace_file(const std::filesystem::path& file, Write write)
{
    std::filesystem::path partial = file;
    partial += ".partial";
    write(partial);
    std::filesystem::rename(partial, file);
}

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
        {"initial", into(config.initial)},
        {"device", into(config.device)},
        {"network", into(config.network)},
        {"seconds", into(config.seconds)},
        {"batch", into(config.batch)},
        {"crop", into(config.crop)},
        {"learning_rate", into(config.learning_rate)},
        {"weight_decay", into(config.weight_decay)},
        {"warmup_steps", into(config.warmup_steps)},
        {"average_decay", into(config.average_decay)},
        {"checkpoint_seconds", into(config.checkpoint_seconds)},
        {"photo_limit", into(config.photo_limit)},
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
          {"distillation", "relation", "contrast", "chroma", "prior", "gate", "bins", "histogram", "edges"},
          "loss_weights");
    known(config.mode_shares, {"self", "recoloured", "two_way", "foreign_nearest", "foreign_random", "none"},
          "mode_shares");
    if (config.crop < 64 || config.crop % 32 != 0)
        throw std::runtime_error("crop must be a multiple of 32 from 64 on, not " + std::to_string(config.crop) + ".");
    if (config.batch < 2)
        throw std::runtime_error("batch must be at least 2, not " + std::to_string(config.batch) + ".");
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

TrainingRun::TrainingRun(const TrainingConfig& config, torch::nn::Module& network, torch::nn::Module* average,
                         torch::optim::AdamW& optimizer)
    : config_(config), network_(network), average_(average), optimizer_(optimizer)
{
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

bool TrainingRun::next_step()
{
    if (stop_requested || seconds() >= config_.seconds) {
        save_checkpoint();
        return false;
    }
    const double warmup = std::min(1.0, (step_ + 1) / config_.warmup_steps);
    const double rate = config_.learning_rate * warmup * 0.5 * (1.0 + std::cos(M_PI * std::min(1.0, progress())));
    for (auto& group : optimizer_.param_groups())
        static_cast<torch::optim::AdamWOptions&>(group.options()).lr(rate);
    return true;
}

void TrainingRun::finish_step(const std::map<std::string, double>& values)
{
    step_++;
    if (average_) {
        torch::NoGradGuard no_gradients;
        // Early on the average follows faster, so that it does not remember the start.
        const double decay = std::min(config_.average_decay, (step_ + 1.0) / (step_ + 10.0));
        auto slow = average_->parameters();
        auto fast = network_.parameters();
        for (std::size_t i = 0; i < slow.size(); i++)
            slow[i].lerp_(fast[i], 1.0 - decay);
    }
    for (const auto& [name, value] : values)
        sums_[name] += value;
    const double now = seconds();
    if (now - logged_ >= log_interval) {
        const double count = static_cast<double>(step_ - logged_step_);
        std::string header = "step,seconds,samples_per_second", row = std::to_string(step_);
        char number[32];
        const auto add = [&](double value) {
            std::snprintf(number, sizeof number, ",%.5g", value);
            row += number;
        };
        add(now);
        add(count * static_cast<double>(config_.batch) / (now - logged_));
        for (const auto& [name, sum] : sums_) {
            header += "," + name;
            add(sum / count);
        }
        if (log_.tellp() == 0)
            log_ << header << '\n';
        log_ << row << std::endl;
        std::printf("%s\n%s\n", header.c_str(), row.c_str());
        std::fflush(stdout);
        sums_.clear();
        logged_ = now;
        logged_step_ = step_;
    }
    if (now - saved_ >= config_.checkpoint_seconds)
        save_checkpoint();
}

void TrainingRun::save_checkpoint()
{
    write_safetensors(config_.output / network_file, state_of(network_), false);
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

void TrainingRun::load_checkpoint()
{
    std::ifstream stream(config_.output / state_file);
    if (!stream)
        return;
    const nlohmann::json state = nlohmann::json::parse(stream);
    restore_state(network_, read_safetensors(config_.output / network_file), config_.output / network_file);
    if (average_)
        restore_state(*average_, read_safetensors(config_.output / average_file), config_.output / average_file);
    torch::load(optimizer_, (config_.output / optimizer_file).string());
    step_ = logged_step_ = state.at("step");
    earlier_seconds_ = state.at("seconds");
}

} // namespace chromatch
