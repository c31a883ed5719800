// SPDX-License-Identifier: GPL-3.0-or-later
//
// chromatch-evaluate: the protocols of protocols.h on the validation photos, through the engine's public face.
#include "contact_sheet.h"
#include "photo_shards.h"
#include "pictures.h"
#include "protocols.h"
#include "report.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>
#include <thread>

namespace {

namespace fs = std::filesystem;
using namespace chromatch;

constexpr int exit_usage = 64; // sysexits.h
constexpr int exit_failure = 70;
constexpr std::size_t sheet_rows = 12;

constexpr const char* usage =
    "Usage: chromatch-evaluate [OPTION]...\n"
    "Colours the validation photos and compares them with the truth, the luminance look-up and gray.\n\n"
    "  --models DIR      folder of the weights (default: $CHROMATCH_MODELS, else the source's models/)\n"
    "  --photos DIR      folder of validation-*.tar (default: $CHROMATCH_PHOTOS, else shared/photos beside the "
    "source)\n"
    "  --limit N         only the first N photos\n"
    "  --working-size N  short side that the networks see, 64 to 1024 (default 256)\n"
    "  --seed N          of the distortions, the wrong references and the engine (default 0)\n"
    "  --json FILE       writes every figure of every photo\n"
    "  --sheet FILE.png  writes a contact sheet of the first 12 photos: target, P1 reference, P1, P2 at 90 degrees, "
    "P4,\n"
    "                    P5 reference, P5, truth\n";

/// A fault in the command line.
struct UsageError : std::runtime_error {
    using std::runtime_error::runtime_error;
};

struct Arguments {
    fs::path models, photos, json, sheet;
    std::size_t limit = 0; ///< 0: all
    EvaluationOptions evaluation;
    bool help = false;
};

fs::path folder_default(const char* variable, const char* fallback)
{
    const char* value = std::getenv(variable);
    return value && *value ? value : fallback;
}

template <typename Number>
Number parse_number(const std::string& option, const std::string& text, Number low, Number high)
{
    Number value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size() || value < low || value > high)
        throw UsageError(option + " wants a whole number from " + std::to_string(low) + " to " + std::to_string(high) +
                         ", not \"" + text + "\".");
    return value;
}

/// The evaluation takes long, so a file that could not be written is refused before it.
fs::path parse_output(const std::string& option, const std::string& text)
{
    const fs::path folder = fs::absolute(text).parent_path();
    if (text.empty() || !fs::is_directory(folder))
        throw UsageError(option + " " + text + ": the folder " + folder.string() + " does not exist.");
    return text;
}

Arguments parse(int count, char** words)
{
    Arguments arguments;
    arguments.models = folder_default("CHROMATCH_MODELS", CHROMATCH_SOURCE_MODELS);
    arguments.photos = folder_default("CHROMATCH_PHOTOS", CHROMATCH_SOURCE_PHOTOS);
    for (int i = 1; i < count; ++i) {
        std::string option = words[i];
        std::optional<std::string> value;
        if (const auto equals = option.find('='); equals != std::string::npos) {
            value = option.substr(equals + 1);
            option.resize(equals);
        }
        const auto take = [&] {
            if (!value && i + 1 < count)
                value = words[++i];
            if (!value)
                throw UsageError(option + " wants a value.");
            return *value;
        };
        if (option == "--help" || option == "-h")
            arguments.help = true;
        else if (option == "--models")
            arguments.models = take();
        else if (option == "--photos")
            arguments.photos = take();
        else if (option == "--limit")
            arguments.limit = parse_number<std::size_t>(option, take(), 1, 1000000);
        else if (option == "--working-size")
            arguments.evaluation.working_size =
                parse_number<int>(option, take(), minimum_working_size, maximum_working_size);
        else if (option == "--seed")
            arguments.evaluation.seed = parse_number<std::uint64_t>(option, take(), 0, UINT64_MAX);
        else if (option == "--json")
            arguments.json = parse_output(option, take());
        else if (option == "--sheet")
            arguments.sheet = parse_output(option, take());
        else
            throw UsageError("There is no option \"" + option + "\"; --help lists them.");
    }
    return arguments;
}

std::vector<NamedPhoto> load_photos(const Arguments& arguments)
{
    std::vector<fs::path> shards;
    if (fs::is_directory(arguments.photos))
        for (const auto& entry : fs::directory_iterator(arguments.photos)) {
            const std::string name = entry.path().filename().string();
            if (name.starts_with("validation-") && name.ends_with(".tar"))
                shards.push_back(entry.path());
        }
    if (shards.empty())
        throw std::runtime_error("There is no validation-*.tar in " + arguments.photos.string() +
                                 "; name the photos' folder with --photos.");
    std::sort(shards.begin(), shards.end());
    const int threads = static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
    std::vector<NamedPhoto> photos;
    for (const Photo& photo : read_photo_shards(shards, threads, arguments.limit))
        photos.push_back({photo.name, lab_from_srgb(photo.rgb.data(), photo.height, photo.width)});
    if (photos.empty())
        throw std::runtime_error("There is no photo in " + arguments.photos.string() + ".");
    return photos;
}

void run(const Arguments& arguments)
{
    const auto colorizer = load_colorizer({arguments.models});
    const std::vector<NamedPhoto> photos = load_photos(arguments);

    ContactSheet sheet;
    const auto start = std::chrono::steady_clock::now();
    const auto after_photo = [&](std::size_t i, const Pictures& pictures) {
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        if ((i + 1) % 10 == 0 || i + 1 == photos.size())
            std::cerr << i + 1 << "/" << photos.size() << " photos, " << elapsed.count() / (i + 1) << " s each\n";
        if (arguments.sheet.empty() || i >= sheet_rows)
            return;
        const LabImage gray = gray_image(photos[i].image.l);
        sheet.add_row({&gray, &pictures.self_reference, &pictures.self_result, &pictures.turned_result,
                       &pictures.automatic_result, &pictures.wrong_reference, &pictures.wrong_result,
                       &photos[i].image});
    };
    const Evaluation evaluation = evaluate(*colorizer, photos, arguments.evaluation, after_photo);

    std::cout << photos.size() << " photos, working size " << arguments.evaluation.working_size << ", seed "
              << arguments.evaluation.seed << "\n\n";
    print_report(std::cout, evaluation, arguments.evaluation.seed);
    if (!arguments.json.empty()) {
        std::ofstream file(arguments.json);
        file << json_report(evaluation, photos, arguments.evaluation);
        if (!file.flush())
            throw std::runtime_error(arguments.json.string() + ": the figures cannot be written.");
    }
    if (!arguments.sheet.empty())
        sheet.write_png(arguments.sheet);
}

} // namespace

int main(int count, char** words)
{
    try {
        const Arguments arguments = parse(count, words);
        if (arguments.help)
            std::cout << usage;
        else
            run(arguments);
        return 0;
    } catch (const UsageError& error) {
        std::cerr << "chromatch-evaluate: " << error.what() << '\n';
        return exit_usage;
    } catch (const std::exception& error) {
        std::cerr << "chromatch-evaluate: " << error.what() << '\n';
        return exit_failure;
    }
}
