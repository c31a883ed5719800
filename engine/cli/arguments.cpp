// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli/arguments.h"

#include "cli/containers.h"

#include <glib.h>

#include <charconv>
#include <cstdlib>
#include <limits>
#include <map>
#include <memory>
#include <tuple>

namespace chromatch::cli {

namespace {

namespace fs = std::filesystem;

struct ContextFree {
    void operator()(GOptionContext* context) const { g_option_context_free(context); }
};

/// GOption's results, which it allocates.
struct RawArguments {
    char** targets = nullptr;
    char** references = nullptr;
    char* output = nullptr;
    char* confidence = nullptr;
    char* hints = nullptr;
    char* models = nullptr;
    char* size = nullptr;
    char* strength = nullptr;
    char* device = nullptr;
    char* seed = nullptr;
    gboolean insist = FALSE;
    gboolean json = FALSE;
    gboolean version = FALSE;

    RawArguments() = default;
    RawArguments(const RawArguments&) = delete;
    RawArguments& operator=(const RawArguments&) = delete;
    ~RawArguments()
    {
        g_strfreev(targets);
        g_strfreev(references);
        for (char* text : {output, confidence, hints, models, size, strength, device, seed})
            g_free(text);
    }
};

void parse_raw(int count, char** words, RawArguments& raw)
{
    // The numbers are taken as text, so that the sentence about a bad one is ours.
    const GOptionEntry entries[] = {
        {"reference", 'r', 0, G_OPTION_ARG_FILENAME_ARRAY, &raw.references,
         "Photo whose colours are used; may be given several times. None: automatic colouring", "FILE"},
        {"hints", 0, 0, G_OPTION_ARG_FILENAME, &raw.hints,
         "Picture of the target's size: colours painted on transparency are asked for there", "FILE"},
        {"output", 'o', 0, G_OPTION_ARG_FILENAME, &raw.output,
         "Result, or the folder for the results (default: NAME-color beside each target)", "FILE|DIR"},
        {"confidence", 'c', 0, G_OPTION_ARG_FILENAME, &raw.confidence,
         "Also writes how far the colours come from references and hints: white = theirs, black = guessed", "FILE|DIR"},
        {"size", 0, 0, G_OPTION_ARG_STRING, &raw.size,
         "Short side, in pixels, that the networks see: 64 to 1024 (default 256)", "N"},
        {"strength", 0, 0, G_OPTION_ARG_STRING, &raw.strength, "Factor on the colours: 0 to 2 (default 1)", "X"},
        {"insist", 0, 0, G_OPTION_ARG_NONE, &raw.insist,
         "Takes the references' colours even where they seem to have nothing in common with the target", nullptr},
        {"device", 0, 0, G_OPTION_ARG_STRING, &raw.device, "auto, cpu or cuda (default auto)", "NAME"},
        {"seed", 0, 0, G_OPTION_ARG_STRING, &raw.seed, "Seed of the matching's random search (default 0)", "N"},
        {"json", 0, 0, G_OPTION_ARG_NONE, &raw.json, "Prints sizes, times, memory and confidence as JSON", nullptr},
        {"models", 0, 0, G_OPTION_ARG_FILENAME, &raw.models, "Folder of the weights", "DIR"},
        {"version", 0, 0, G_OPTION_ARG_NONE, &raw.version, "Prints the version", nullptr},
        {G_OPTION_REMAINING, 0, 0, G_OPTION_ARG_FILENAME_ARRAY, &raw.targets, nullptr, "TARGET..."},
        {nullptr, 0, 0, G_OPTION_ARG_NONE, nullptr, nullptr, nullptr},
    };
    const std::unique_ptr<GOptionContext, ContextFree> context(g_option_context_new(nullptr));
    g_option_context_set_summary(context.get(), "Colours grayscale photos with the colours of reference photos.\n"
                                                "PNG, JPEG, TIFF and WebP; bit depth, profile and alpha are kept.");
    g_option_context_set_description(context.get(), "Exit status: 0 done, 64 wrong usage, 70 failed.\n");
    g_option_context_add_main_entries(context.get(), entries, nullptr);
    GError* error = nullptr;
    if (!g_option_context_parse(context.get(), &count, &words, &error)) {
        const std::string message = error->message;
        g_error_free(error);
        throw UsageError(message + (message.ends_with('.') ? "" : ".") + " See chromatch --help.");
    }
}

template <typename Number>
Number parse_number(const char* option, const char* kind, const std::string& text, Number low, Number high)
{
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || !(value >= low && value <= high)) {
        char range[96];
        if constexpr (std::is_floating_point_v<Number>)
            g_snprintf(range, sizeof range, "%g to %g", low, high);
        else
            g_snprintf(range, sizeof range, "%" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, guint64(low), guint64(high));
        throw UsageError(std::string(option) + " wants " + kind + " from " + range + ", not \"" + text + "\".");
    }
    return value;
}

Device parse_device(const std::string& name)
{
    if (name == "auto")
        return Device::automatic;
    if (name == "cpu")
        return Device::cpu;
    if (name == "cuda")
        return Device::cuda;
    throw UsageError("--device wants auto, cpu or cuda, not \"" + name + "\".");
}

std::vector<fs::path> paths_of(char** names)
{
    std::vector<fs::path> paths;
    for (; names && *names; ++names) {
        if (!**names)
            throw UsageError("A photo's name is empty; see chromatch --help.");
        paths.emplace_back(*names);
    }
    return paths;
}

/// The path itself where there is no current folder.
fs::path absolute_path(const fs::path& path)
{
    std::error_code error;
    const fs::path result = fs::absolute(path, error);
    return (error ? path : result).lexically_normal();
}

bool means_folder(const fs::path& path)
{
    std::error_code error;
    return fs::is_directory(path, error) || (!path.empty() && !path.has_filename());
}

bool same_file(const fs::path& first, const fs::path& second)
{
    std::error_code error;
    if (fs::equivalent(first, second, error))
        return true;
    return absolute_path(first) == absolute_path(second);
}

/// "scan.tiff" gives "scan-color.tiff"; a name whose extension tells no type gives one that does.
std::string result_name(const fs::path& target, const char* suffix, const char* extension)
{
    const bool known = type_of_extension(target).has_value();
    const std::string stem = known ? target.stem().string() : target.filename().string();
    return stem + suffix + (extension ? extension : known ? target.extension().string() : ".png");
}

fs::path place(const char* option, const fs::path& wanted, const fs::path& target, const char* suffix,
               const char* extension)
{
    const std::string name = result_name(target, suffix, extension);
    const fs::path result = wanted.empty()         ? target.parent_path() / name
                            : means_folder(wanted) ? wanted / name
                                                   : wanted;
    const fs::path folder = absolute_path(result).parent_path();
    std::error_code error;
    // Where no option names the folder, it is the target's; what is missing then is the target, as read_photo() says.
    if (!wanted.empty() && !fs::is_directory(folder, error))
        throw UsageError(std::string(option) + " " + wanted.string() + ": the folder " + folder.string() +
                         " does not exist.");
    if (!type_of_extension(result))
        throw UsageError(std::string(option) + " " + result.string() +
                         ": the name must end in .png, .jpg, .jpeg, .tif, .tiff or .webp.");
    return result;
}

void refuse_overwriting(const Arguments& arguments, const std::vector<Job>& jobs)
{
    std::vector<fs::path> read = arguments.targets;
    read.insert(read.end(), arguments.references.begin(), arguments.references.end());
    if (!arguments.hints.empty())
        read.push_back(arguments.hints);
    std::map<fs::path, fs::path> written; // the absolute name, and for which target
    for (const Job& job : jobs)
        for (const fs::path& result : {job.output, job.confidence}) {
            if (result.empty())
                continue;
            for (const fs::path& input : read)
                if (same_file(result, input))
                    throw UsageError(result.string() + " would overwrite the photo " + input.string() +
                                     "; name another file with --output.");
            const auto [other, is_new] = written.emplace(absolute_path(result), job.target);
            if (!is_new)
                throw UsageError(result.string() + " would be written twice, for " + other->second.string() +
                                 " and for " + job.target.string() + ".");
        }
}

} // namespace

Arguments parse_arguments(int count, char** words)
{
    RawArguments raw;
    parse_raw(count, words, raw);
    Arguments arguments;
    arguments.options.insist = raw.insist;
    arguments.json = raw.json;
    arguments.version = raw.version;
    arguments.targets = paths_of(raw.targets);
    arguments.references = paths_of(raw.references);
    for (const auto& [option, text, path] : {std::tuple{"--output", raw.output, &arguments.output},
                                             {"--confidence", raw.confidence, &arguments.confidence},
                                             {"--hints", raw.hints, &arguments.hints},
                                             {"--models", raw.models, &arguments.models}})
        if (text && !*text)
            throw UsageError(std::string(option) + " wants a name, not \"\".");
        else if (text)
            *path = text;
    if (raw.size)
        arguments.options.working_size =
            parse_number<int>("--size", "a whole number", raw.size, minimum_working_size, maximum_working_size);
    if (raw.strength)
        arguments.options.strength = parse_number<float>("--strength", "a number", raw.strength, 0, 2);
    if (raw.device)
        arguments.options.device = parse_device(raw.device);
    if (raw.seed)
        arguments.options.seed = parse_number<std::uint64_t>("--seed", "a whole number", raw.seed, 0,
                                                             std::numeric_limits<std::uint64_t>::max());
    if (arguments.version)
        return arguments;
    if (arguments.targets.empty())
        throw UsageError("No photo was named; see chromatch --help.");
    if (!arguments.hints.empty() && arguments.targets.size() > 1)
        throw UsageError("--hints " + arguments.hints.string() + ": hints belong to one photo, but " +
                         std::to_string(arguments.targets.size()) + " were named.");
    if (arguments.references.size() > 255)
        throw UsageError("At most 255 references can be used, not " + std::to_string(arguments.references.size()) +
                         ".");
    return arguments;
}

std::vector<Job> plan_jobs(const Arguments& arguments)
{
    if (arguments.targets.size() > 1)
        for (const auto& [option, path] :
             {std::pair{"--output ", &arguments.output}, {"--confidence ", &arguments.confidence}})
            if (!path->empty() && !means_folder(*path))
                throw UsageError(option + path->string() + ": several targets need a folder that exists.");
    std::vector<Job> jobs;
    for (const fs::path& target : arguments.targets) {
        Job job{target, place("--output", arguments.output, target, "-color", nullptr), {}};
        if (!arguments.confidence.empty())
            job.confidence = place("--confidence", arguments.confidence, target, "-confidence", ".png");
        jobs.push_back(job);
    }
    refuse_overwriting(arguments, jobs);
    return jobs;
}

fs::path find_models(const Arguments& arguments)
{
    if (!arguments.models.empty())
        return arguments.models;
    if (const char* folder = std::getenv("CHROMATCH_MODELS"); folder && *folder)
        return folder;
    std::error_code error;
    const fs::path program = fs::read_symlink("/proc/self/exe", error);
    const fs::path installed = fs::path(CHROMATCH_INSTALLED_MODELS);
    for (const fs::path& folder :
         {program.parent_path() / "models", program.parent_path() / CHROMATCH_MODELS_FROM_PROGRAM, installed})
        if (fs::exists(folder / "colorization.safetensors", error))
            return folder.lexically_normal();
    return installed; // the engine's sentence names what is missing there
}

} // namespace chromatch::cli
