// SPDX-License-Identifier: GPL-3.0-or-later
#include "suggestion.h"

#include "failure.h"
#include "glib_pointer.h"

#include <gdk-pixbuf/gdk-pixbuf.h>
#include <glib/gi18n.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <deque>
#include <future>
#include <map>
#include <set>
#include <string_view>
#include <thread>
#include <utility>

namespace chromatch::plugin {

namespace {

namespace fs = std::filesystem;

/// Short side that photos are decoded at: more than the engine looks at, so that the last reduction is the engine's
/// own.
constexpr int decoded_side = 320;
constexpr int smallest_side = 64; ///< anything smaller is an icon
constexpr double most_pixels = 4e8;
constexpr int longest_side = 64 * decoded_side; ///< of a decoded photo: anything longer is no photo
/// Mean difference of the largest and the smallest of R, G and B, of 255, below which a photo has no colours to give.
constexpr double colorless = 4.0;

// ------------------------------------------------------------------------------------------------------ the folder

/// A file in a certain state: what the descriptor of another state says no longer counts.
struct PhotoFile {
    std::string path;
    std::int64_t modified = 0; ///< in ticks of the file system's clock
    std::uint64_t size = 0;

    bool operator==(const PhotoFile&) const = default;
};

std::string lower(std::string_view name)
{
    const FreePointer<char> result(g_ascii_strdown(name.data(), static_cast<gssize>(name.size())));
    return result.get();
}

/// Endings of the names of what GdkPixbuf can decode, drawings excepted.
std::set<std::string> photo_endings()
{
    std::set<std::string> endings;
    GSList* formats = gdk_pixbuf_get_formats();
    for (GSList* next = formats; next != nullptr; next = next->next) {
        auto* format = static_cast<GdkPixbufFormat*>(next->data);
        if (gdk_pixbuf_format_is_disabled(format) || gdk_pixbuf_format_is_scalable(format)) {
            continue;
        }
        gchar** names = gdk_pixbuf_format_get_extensions(format);
        for (gchar** name = names; *name != nullptr; ++name) {
            endings.insert("." + lower(*name));
        }
        g_strfreev(names);
    }
    g_slist_free(formats);
    return endings;
}

std::vector<PhotoFile> list_photos(const fs::path& folder)
{
    const std::set<std::string> endings = photo_endings();
    std::vector<PhotoFile> photos;
    std::error_code error;
    fs::recursive_directory_iterator entry(folder, fs::directory_options::skip_permission_denied, error);
    // A folder that goes away meanwhile ends the list.
    for (; !error && entry != fs::recursive_directory_iterator() && photos.size() < most_photos;
         entry.increment(error)) {
        const fs::path& path = entry->path();
        const bool hidden = path.filename().native().starts_with('.');
        if (hidden || entry.depth() >= deepest_folder) {
            entry.disable_recursion_pending();
        }
        std::error_code unreadable;
        if (hidden || !endings.contains(lower(path.extension().native())) || !entry->is_regular_file(unreadable)) {
            continue;
        }
        const auto modified = entry->last_write_time(unreadable);
        const std::uintmax_t size = unreadable ? 0 : entry->file_size(unreadable);
        if (!unreadable) {
            photos.push_back({path.native(), modified.time_since_epoch().count(), size});
        }
    }
    std::sort(photos.begin(), photos.end(), [](const auto& one, const auto& other) { return one.path < other.path; });
    return photos;
}

// ------------------------------------------------------------------------------------------------------- the photo

ObjectPointer<GdkPixbuf> decode(const std::string& path)
{
    int width = 0;
    int height = 0;
    if (gdk_pixbuf_get_file_info(path.c_str(), &width, &height) == nullptr || std::min(width, height) < smallest_side ||
        static_cast<double>(width) * height > most_pixels) {
        return nullptr;
    }
    const double scale = std::min(1.0, static_cast<double>(decoded_side) / std::min(width, height));
    const auto side = [scale](int length) { return static_cast<int>(std::lround(length * scale)); };
    if (side(std::max(width, height)) > longest_side) {
        return nullptr;
    }
    const ObjectPointer<GdkPixbuf> stored(
        gdk_pixbuf_new_from_file_at_scale(path.c_str(), side(width), side(height), FALSE, nullptr));
    return ObjectPointer<GdkPixbuf>(stored ? gdk_pixbuf_apply_embedded_orientation(stored.get()) : nullptr);
}

/// The light of an 8-bit sRGB value (IEC 61966-2-1).
std::array<float, 256> light_of_values()
{
    std::array<float, 256> lights;
    for (int i = 0; i < 256; ++i) {
        const double value = i / 255.0;
        lights[i] = static_cast<float>(value <= 0.04045 ? value / 12.92 : std::pow((value + 0.055) / 1.055, 2.4));
    }
    return lights;
}

/// The photo, or nothing where it cannot serve as a reference. An embedded profile is left aside: it changes the colors
/// by less than those of suitable references differ.
LabImage read_photo(const std::string& path, const EngineFunctions& engine)
{
    const ObjectPointer<GdkPixbuf> photo = decode(path);
    if (!photo) {
        return {};
    }
    static const std::array<float, 256> lights = light_of_values();
    const int height = gdk_pixbuf_get_height(photo.get()), width = gdk_pixbuf_get_width(photo.get());
    LabImage image{Plane(height, width), Plane(height, width), Plane(height, width)};
    const int channels = gdk_pixbuf_get_n_channels(photo.get());
    double color = 0.0;
    for (int y = 0; y < height; ++y) {
        const guchar* pixel =
            gdk_pixbuf_read_pixels(photo.get()) + static_cast<std::size_t>(y) * gdk_pixbuf_get_rowstride(photo.get());
        for (int x = 0; x < width; ++x, pixel += channels) {
            const auto [least, most] = std::minmax({pixel[0], pixel[1], pixel[2]});
            color += most - least;
            const float rgb[3] = {lights[pixel[0]], lights[pixel[1]], lights[pixel[2]]};
            float lab[3];
            engine.linear_rgb_to_lab(rgb, lab);
            image.l.at(y, x) = lab[0];
            image.a.at(y, x) = lab[1];
            image.b.at(y, x) = lab[2];
        }
    }
    return color / static_cast<double>(image.l.values.size()) < colorless ? LabImage() : image;
}

// ------------------------------------------------------------------------------------------------- the descriptors

struct Described {
    PhotoFile file;
    Descriptor descriptor; ///< empty where the file is no reference
};

std::string checksum(std::string_view bytes)
{
    const FreePointer<char> sum(
        g_compute_checksum_for_data(G_CHECKSUM_SHA256, reinterpret_cast<const guchar*>(bytes.data()), bytes.size()));
    return sum.get();
}

std::string contents_of(const fs::path& file)
{
    gchar* bytes = nullptr;
    gsize length = 0;
    if (!g_file_get_contents(file.c_str(), &bytes, &length, nullptr)) {
        return {};
    }
    const FreePointer<char> owned(bytes);
    return {bytes, length};
}

// The file of a folder's descriptors: a line with what they were made by, the records, and the checksum of all that.
// A file that does not end with its checksum is damaged, and as good as none.

constexpr std::size_t checksum_length = 64;

void append(std::string& bytes, std::uint64_t number)
{
    bytes.append(reinterpret_cast<const char*>(&number), sizeof number);
}

std::uint64_t take_number(std::string_view& bytes)
{
    std::uint64_t number = 0;
    std::memcpy(&number, bytes.data(), std::min(sizeof number, bytes.size()));
    bytes.remove_prefix(std::min(sizeof number, bytes.size()));
    return number;
}

std::string_view take_bytes(std::string_view& bytes)
{
    const std::uint64_t length = take_number(bytes);
    const std::string_view taken = bytes.substr(0, length);
    bytes.remove_prefix(taken.size());
    return taken;
}

/// What the descriptors were made by.
std::string maker(const fs::path& models)
{
    return "Chromatch descriptors " + std::to_string(descriptor_version) + " " +
           checksum(contents_of(models / "similarity-l.safetensors") + contents_of(models / "recognition.safetensors") +
                    contents_of(models / "colorization.safetensors")) +
           "\n";
}

std::map<std::string, Described> read_cache(const fs::path& file, const std::string& maker)
{
    const std::string contents = contents_of(file);
    std::string_view bytes = contents;
    if (bytes.size() < maker.size() + checksum_length || !bytes.starts_with(maker) ||
        checksum(bytes.substr(0, bytes.size() - checksum_length)) != bytes.substr(bytes.size() - checksum_length)) {
        return {};
    }
    bytes.remove_prefix(maker.size());
    bytes.remove_suffix(checksum_length);
    std::map<std::string, Described> known;
    while (!bytes.empty()) {
        Described described;
        described.file.path = take_bytes(bytes);
        described.file.modified = static_cast<std::int64_t>(take_number(bytes));
        described.file.size = take_number(bytes);
        const std::string_view values = take_bytes(bytes);
        if (values.empty() || values.size() == descriptor_length) {
            described.descriptor.assign(values.begin(), values.end());
            known.emplace(described.file.path, std::move(described));
        }
    }
    return known;
}

void write_cache(const fs::path& file, const std::string& maker, const std::vector<Described>& photos)
{
    std::string bytes = maker;
    for (const Described& photo : photos) {
        append(bytes, photo.file.path.size());
        bytes += photo.file.path;
        append(bytes, static_cast<std::uint64_t>(photo.file.modified));
        append(bytes, photo.file.size);
        append(bytes, photo.descriptor.size());
        bytes.append(photo.descriptor.begin(), photo.descriptor.end());
    }
    bytes += checksum(bytes);
    std::error_code ignored;
    fs::create_directories(file.parent_path(), ignored);
    // Written beside and renamed. Where that fails, the photos are looked at again the next time.
    g_file_set_contents_full(file.c_str(), bytes.data(), static_cast<gssize>(bytes.size()),
                             G_FILE_SET_CONTENTS_CONSISTENT, 0600, nullptr);
}

// -------------------------------------------------------------------------------------------------------- all of it

/// Describes the files in their order, decoding some ahead. Returns fewer than all where it was cancelled.
std::vector<Described> describe_all(const std::vector<PhotoFile>& files, Colorizer& colorizer,
                                    const EngineFunctions& engine, const std::function<bool(std::size_t)>& go_on)
{
    const std::size_t threads = std::max(2u, std::thread::hardware_concurrency());
    std::deque<std::future<LabImage>> ahead;
    std::vector<Described> described;
    std::size_t next = 0;
    while (described.size() < files.size() && go_on(described.size())) {
        for (; next < files.size() && ahead.size() < threads; ++next) {
            ahead.push_back(std::async(std::launch::async,
                                       [&engine, path = files[next].path] { return read_photo(path, engine); }));
        }
        const LabImage photo = ahead.front().get();
        ahead.pop_front();
        described.push_back({files[described.size()], {}});
        if (!photo.l.empty()) {
            described.back().descriptor = colorizer.describe(photo);
        }
    }
    return described;
}

std::vector<Suggestion> rank(const Descriptor& target, const std::vector<Described>& photos,
                             const SuggestionSearch& search, const EngineFunctions& engine)
{
    std::error_code ignored;
    const std::string own_file = fs::weakly_canonical(search.own_file, ignored);
    std::vector<Suggestion> suggestions;
    for (const Described& photo : photos) {
        if (!photo.descriptor.empty() && photo.file.path != own_file) {
            suggestions.push_back({photo.file.path, engine.suitability(target, photo.descriptor)});
        }
    }
    std::stable_sort(suggestions.begin(), suggestions.end(),
                     [](const auto& one, const auto& other) { return one.suitability > other.suitability; });
    suggestions.resize(std::min(suggestions.size(), search.count));
    return suggestions;
}

} // namespace

std::filesystem::path suggestion_cache_folder()
{
    return fs::path(g_get_user_cache_dir()) / "chromatch";
}

std::vector<Suggestion> suggest_references(const SuggestionSearch& search, const Plane& luminance, Colorizer& colorizer,
                                           const EngineFunctions& engine, const SuggestionProgress& progress)
{
    std::error_code error;
    if (!fs::is_directory(search.folder, error)) {
        bad_argument(text(_("There is no folder \"%s\"."), search.folder.c_str()));
    }
    const fs::path folder = fs::weakly_canonical(search.folder, error);
    const std::string made_by = maker(search.models);
    const fs::path cache = search.cache_folder / (checksum(folder.native()) + ".descriptors");
    std::map<std::string, Described> known = read_cache(cache, made_by);

    std::vector<Described> photos;
    std::vector<PhotoFile> unknown;
    for (PhotoFile& file : list_photos(folder)) {
        const auto found = known.find(file.path);
        if (found != known.end() && found->second.file == file) {
            photos.push_back(std::move(found->second));
        } else {
            unknown.push_back(std::move(file));
        }
    }
    const std::size_t total = photos.size() + unknown.size();
    const auto go_on = [&, done = photos.size()](std::size_t now) { return !progress || progress(done + now, total); };
    std::vector<Described> described = describe_all(unknown, colorizer, engine, go_on);
    const bool cancelled = described.size() < unknown.size();
    const bool changed = !described.empty() || photos.size() < known.size();
    std::move(described.begin(), described.end(), std::back_inserter(photos));
    if (changed) {
        write_cache(cache, made_by, photos);
    }
    if (cancelled || !go_on(unknown.size())) {
        throw Failure{GIMP_PDB_CANCEL, {}};
    }
    std::vector<Suggestion> suggestions = rank(colorizer.describe({luminance, {}, {}}), photos, search, engine);
    if (suggestions.empty()) {
        bad_argument(
            text(_("The folder \"%s\" holds no color photo that could be a reference."), search.folder.c_str()));
    }
    return suggestions;
}

} // namespace chromatch::plugin
