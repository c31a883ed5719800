// SPDX-License-Identifier: GPL-3.0-or-later
//
// chromatch-evaluate: the protocols of protocols.h on the validation photos.
#include "contact_sheet.h"
#include "methods.h"
#include "other_programs.h"
#include "photo_lists.h"
#include "photo_shards.h"
#include "pictures.h"
#include "propagation_method.h"
#include "protocols.h"
#include "report.h"
#include "selection.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <thread>

namespace {

namespace fs = std::filesystem;
using namespace chromatch;

constexpr int exit_usage = 64; // sysexits.h
constexpr int exit_failure = 70;

const std::vector<std::string> default_methods{"network", "insist", "propagation", "look-up", "welsh", "gray"};
const std::vector<std::string> all_methods{"network", "insist", "propagation", "look-up", "welsh",
                                           "gray",    "pca",    "histogram",   "rgb",     "sample-colorize"};

constexpr const char* usage =
    "Usage: chromatch-evaluate [OPTION]...\n"
    "Colours the validation photos and compares them with the truth, and the engine with other methods.\n\n"
    "  --models DIR         folder of the weights (default: $CHROMATCH_MODELS, else the source's models/)\n"
    "  --photos DIR         folder of validation-*.tar and, where there are, train-*.tar and sources.tsv (default:\n"
    "                       $CHROMATCH_PHOTOS, else photos/ in the source)\n"
    "  --pairs FILE         the reference of each photo, for P3 (default: the source's\n"
    "                       models/evaluation/suitable-photos.tsv)\n"
    "  --find-pairs SHARDS  colours nothing, but prints such a file: for each validation photo that which suits it "
    "best of\n"
    "                       the other ones (SHARDS is validation), or of the training photos, too (all)\n"
    "  --protocols P1,...   only these of P1, P2, P3, P4, P4h, P5 (default: all)\n"
    "  --methods NAME,...   only these (default: network,insist,propagation,look-up,welsh,gray); there are also "
    "G'MIC's\n"
    "                       pca,histogram,rgb and GIMP's sample-colorize, where those programs are installed\n"
    "  --limit N            colours only the first N photos; the others still serve as references\n"
    "  --working-size N     short side that the networks see, 64 to 1024 (default 256)\n"
    "  --seed N             of the distortions, the wrong references and the methods (default 0)\n"
    "  --json FILE          writes every figure of every photo\n"
    "  --sheet FILE.png     writes a contact sheet: target, reference, a column for each method, truth\n"
    "  --sheet-rows N       its number of photos (default 24)\n"
    "  --sheet-protocol P   what it shows: P1, P3, P4 or P5 (default P3 where that runs, else the first that does)\n";

struct Arguments {
    fs::path models, photos, pairs, json, sheet;
    int working_size = default_working_size;
    std::vector<std::string> protocols = all_protocols, methods = default_methods;
    std::size_t limit = SIZE_MAX, sheet_rows = 24;
    std::uint64_t seed = 0;
    std::string sheet_protocol; ///< empty: see default_sheet_protocol()
    std::string find_pairs;     ///< empty: no
    bool help = false;

    bool runs(const std::string& protocol) const
    {
        return std::find(protocols.begin(), protocols.end(), protocol) != protocols.end();
    }
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

std::string parse_one(const std::string& option, const std::string& text, const std::vector<std::string>& known)
{
    const std::vector<std::string> selected = parse_selection(option, text, known);
    if (selected.size() > 1)
        throw UsageError(option + " wants one of them, not \"" + text + "\".");
    return selected.front();
}

/// The evaluation takes long, so a file that could not be written is refused before it.
fs::path parse_output(const std::string& option, const std::string& text)
{
    const fs::path folder = fs::absolute(text).parent_path();
    if (text.empty() || !fs::is_directory(folder))
        throw UsageError(option + " " + text + ": the folder " + folder.string() + " does not exist.");
    return text;
}

std::string default_sheet_protocol(const Arguments& arguments)
{
    for (const char* protocol : {"P3", "P1", "P4", "P4h", "P5"})
        if (arguments.runs(protocol))
            return protocol;
    return "";
}

Arguments parse(int count, char** words)
{
    Arguments arguments;
    arguments.models = folder_default("CHROMATCH_MODELS", CHROMATCH_SOURCE_MODELS);
    arguments.photos = folder_default("CHROMATCH_PHOTOS", CHROMATCH_SOURCE_PHOTOS);
    arguments.pairs = CHROMATCH_SOURCE_PAIRS;
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
        else if (option == "--pairs")
            arguments.pairs = take();
        else if (option == "--find-pairs")
            arguments.find_pairs = parse_one(option, take(), {"validation", "all"});
        else if (option == "--protocols")
            arguments.protocols = parse_selection(option, take(), all_protocols);
        else if (option == "--methods")
            arguments.methods = parse_selection(option, take(), all_methods);
        else if (option == "--sheet-rows")
            arguments.sheet_rows = parse_number<std::size_t>(option, take(), 1, 1000);
        else if (option == "--sheet-protocol")
            arguments.sheet_protocol = parse_one(option, take(), {"P1", "P3", "P4", "P4h", "P5"});
        else if (option == "--limit")
            arguments.limit = parse_number<std::size_t>(option, take(), 1, 1000000);
        else if (option == "--working-size")
            arguments.working_size = parse_number<int>(option, take(), minimum_working_size, maximum_working_size);
        else if (option == "--seed")
            arguments.seed = parse_number<std::uint64_t>(option, take(), 0, UINT64_MAX);
        else if (option == "--json")
            arguments.json = parse_output(option, take());
        else if (option == "--sheet")
            arguments.sheet = parse_output(option, take());
        else
            throw UsageError("There is no option \"" + option + "\"; --help lists them.");
    }
    if (arguments.sheet_protocol.empty())
        arguments.sheet_protocol = default_sheet_protocol(arguments);
    else if (!arguments.runs(arguments.sheet_protocol))
        throw UsageError("--sheet-protocol " + arguments.sheet_protocol + " is not among the protocols that run.");
    if (!arguments.sheet.empty() && arguments.sheet_protocol.empty())
        throw UsageError("--sheet shows P1, P3, P4 or P5, and none of them runs.");
    return arguments;
}

/// The shards whose names begin with `kind`, in the order of their names.
std::vector<fs::path> find_shards(const fs::path& folder, const std::string& kind)
{
    std::vector<fs::path> shards;
    if (fs::is_directory(folder))
        for (const auto& entry : fs::directory_iterator(folder)) {
            const std::string name = entry.path().filename().string();
            if (name.starts_with(kind + "-") && name.ends_with(".tar"))
                shards.push_back(entry.path());
        }
    std::sort(shards.begin(), shards.end());
    return shards;
}

std::vector<Photo> read_shards(const std::vector<fs::path>& shards)
{
    return read_photo_shards(shards, static_cast<int>(std::max(1u, std::thread::hardware_concurrency())));
}

NamedPhoto named(const Photo& photo)
{
    return {photo.name, lab_from_srgb(photo.rgb.data(), photo.height, photo.width)};
}

std::vector<NamedPhoto> load_photos(const Arguments& arguments)
{
    const std::vector<fs::path> shards = find_shards(arguments.photos, "validation");
    if (shards.empty())
        throw std::runtime_error("There is no validation-*.tar in " + arguments.photos.string() +
                                 "; name the photos' folder with --photos.");
    std::vector<NamedPhoto> photos;
    for (const Photo& photo : read_shards(shards))
        photos.push_back(named(photo));
    if (photos.empty())
        throw std::runtime_error("There is no photo in " + arguments.photos.string() + ".");
    return photos;
}

/// P3's references, one for each target. Those that are no validation photos come from the training shards.
class References {
  public:
    References(const Arguments& arguments, const std::vector<NamedPhoto>& photos,
               const std::vector<std::string>& targets)
    {
        const std::vector<std::string> names = read_pairs(arguments.pairs, targets);
        std::map<std::string, const LabImage*> known;
        for (const NamedPhoto& photo : photos)
            known[photo.name] = &photo.image;
        std::set<std::string> missing;
        for (const std::string& name : names)
            if (!known.contains(name))
                missing.insert(name);
        for (const fs::path& shard : find_shards(arguments.photos, "train")) {
            if (missing.empty())
                break;
            for (const Photo& photo : read_shards({shard}))
                if (missing.erase(photo.name) > 0)
                    known[photo.name] = &(loaded_[photo.name] = named(photo).image);
        }
        if (!missing.empty())
            throw std::runtime_error(arguments.pairs.string() + ": there is no photo " + *missing.begin() + " in " +
                                     arguments.photos.string() + ".");
        for (const std::string& name : names)
            images_.push_back(known.at(name));
    }

    const std::vector<const LabImage*>& images() const { return images_; }

  private:
    std::map<std::string, LabImage> loaded_;
    std::vector<const LabImage*> images_;
};

std::vector<Method> make_methods(const Arguments& arguments, Colorizer& colorizer)
{
    std::vector<Method> methods;
    for (const std::string& name : arguments.methods) {
        if (name == "network")
            methods.push_back(network_method(colorizer, arguments.working_size, arguments.seed));
        else if (name == "insist")
            methods.push_back(network_method(colorizer, arguments.working_size, arguments.seed, true));
        else if (name == "propagation")
            methods.push_back(propagation_method(arguments.models, arguments.working_size, arguments.seed));
        else if (name == "look-up")
            methods.push_back(lookup_method());
        else if (name == "welsh")
            methods.push_back(welsh_method(arguments.seed));
        else if (name == "gray")
            methods.push_back(gray_method());
        else if (name == "sample-colorize")
            methods.push_back(sample_colorize_method());
        else
            methods.push_back(gmic_method(name));
    }
    return methods;
}

/// The sheet's columns: target, reference, the methods that use references, truth.
class SheetMaker {
  public:
    SheetMaker(const Arguments& arguments, const std::vector<Method>& methods)
        : protocol_(arguments.sheet_protocol), sheet_(headings(methods)), rows_left_(arguments.sheet_rows)
    {
        for (std::size_t m = 0; m < methods.size(); ++m)
            if (methods[m].reference != Method::Reference::ignored)
                shown_.push_back(m);
    }

    void add(const LabImage& truth, const std::vector<Trial>& trials)
    {
        if (rows_left_ == 0)
            return;
        --rows_left_;
        for (const Trial& trial : trials) {
            if (trial.protocol != protocol_)
                continue;
            const LabImage gray = gray_image(truth.l);
            std::vector<const LabImage*> row{&gray, trial.reference ? &*trial.reference : nullptr};
            for (const std::size_t m : shown_)
                row.push_back(&trial.results[m].image);
            row.push_back(&truth);
            sheet_.add_row(row);
        }
    }

    const ContactSheet& sheet() const { return sheet_; }

  private:
    static std::vector<std::string> headings(const std::vector<Method>& methods)
    {
        std::vector<std::string> result{"target", "reference"};
        for (const Method& method : methods)
            if (method.reference != Method::Reference::ignored)
                result.push_back(method.name);
        result.push_back("truth");
        return result;
    }

    std::string protocol_;
    ContactSheet sheet_;
    std::vector<std::size_t> shown_;
    std::size_t rows_left_;
};

void write_text(const fs::path& file, const std::string& text)
{
    std::ofstream stream(file);
    stream << text;
    if (!stream.flush())
        throw std::runtime_error(file.string() + ": the figures cannot be written.");
}

/// For each validation photo, shown in gray, the other photo that suits it best.
void find_pairs(const Arguments& arguments)
{
    const auto colorizer = load_colorizer({arguments.models});
    const std::vector<NamedPhoto> photos = load_photos(arguments);
    const std::size_t targets = std::min(arguments.limit, photos.size());
    std::vector<Descriptor> described;
    for (std::size_t i = 0; i < targets; ++i)
        described.push_back(colorizer->describe({photos[i].image.l, {}, {}}));
    struct Best {
        std::string name;
        float suitability = -std::numeric_limits<float>::infinity();
    };
    std::vector<Best> best(targets);
    if (photos.size() < 2)
        throw std::runtime_error("No photo suits another where there is only one.");
    const auto offer = [&](const NamedPhoto& photo) {
        const Descriptor descriptor = colorizer->describe(photo.image);
        for (std::size_t i = 0; i < targets; ++i)
            if (photo.name != photos[i].name)
                if (const float suits = suitability(described[i], descriptor); suits > best[i].suitability)
                    best[i] = {photo.name, suits};
    };
    std::for_each(photos.begin(), photos.end(), offer);
    if (arguments.find_pairs == "all")
        for (const fs::path& shard : find_shards(arguments.photos, "train")) {
            std::cerr << shard.filename().string() << '\n';
            for (const Photo& photo : read_shards({shard}))
                offer(named(photo));
        }
    std::cout << "# Each validation photo, shown in gray, and the photo that suits it best as a reference.\n"
              << "# chromatch-evaluate --find-pairs " << arguments.find_pairs << '\n';
    for (std::size_t i = 0; i < targets; ++i)
        std::cout << photos[i].name << '\t' << best[i].name << '\n';
    if (!std::cout.flush())
        throw std::runtime_error("The pairs cannot be written.");
}

void run(const Arguments& arguments)
{
    const auto colorizer = load_colorizer({arguments.models});
    const std::vector<Method> methods = make_methods(arguments, *colorizer);
    const std::vector<NamedPhoto> photos = load_photos(arguments);
    const std::size_t targets = std::min(arguments.limit, photos.size());
    std::vector<std::string> names;
    for (std::size_t i = 0; i < targets; ++i)
        names.push_back(photos[i].name);
    std::optional<References> references;
    if (arguments.runs("P3"))
        references.emplace(arguments, photos, names);

    SheetMaker sheet(arguments, methods);
    const auto start = std::chrono::steady_clock::now();
    const auto after_photo = [&](std::size_t i, const std::vector<Trial>& trials) {
        const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
        if ((i + 1) % 10 == 0 || i + 1 == targets)
            std::cerr << i + 1 << "/" << targets << " photos, " << elapsed.count() / (i + 1) << " s each\n";
        if (!arguments.sheet.empty())
            sheet.add(photos[i].image, trials);
    };
    const EvaluationOptions options{{arguments.protocols.begin(), arguments.protocols.end()}, targets, arguments.seed};
    const Evaluation evaluation = evaluate(
        methods, photos, references ? references->images() : std::vector<const LabImage*>(), options, after_photo);

    const std::vector<bool> plants = find_plants(arguments.photos / "sources.tsv", names);
    std::cout << targets << " photos, working size " << arguments.working_size << ", seed " << arguments.seed << "\n\n";
    print_report(std::cout, evaluation, plants, arguments.seed);
    if (!arguments.json.empty())
        write_text(arguments.json, json_report(evaluation, names, plants, arguments.working_size, arguments.seed));
    if (!arguments.sheet.empty())
        sheet.sheet().write_png(arguments.sheet);
}

} // namespace

int main(int count, char** words)
{
    try {
        const Arguments arguments = parse(count, words);
        if (arguments.help)
            std::cout << usage;
        else if (!arguments.find_pairs.empty())
            find_pairs(arguments);
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
