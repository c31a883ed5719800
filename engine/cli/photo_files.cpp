// SPDX-License-Identifier: GPL-3.0-or-later
#include "cli/photo_files.h"

#include <fcntl.h>
#include <gegl.h>
#include <gexiv2/gexiv2.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace chromatch::cli {

namespace {

namespace fs = std::filesystem;

constexpr int exit_failure = 70;
constexpr int lossy_quality = 95; // JPEG, WebP: the result is often edited further
constexpr int band_rows = 64;     // rows converted at once

struct ObjectRelease {
    void operator()(void* object) const { g_object_unref(object); }
};
template <typename Object> using Owned = std::unique_ptr<Object, ObjectRelease>;

/// The first complaint of GEGL and the libraries under it while a file is read or written. They report faults only as
/// log messages.
std::string complaint;

/// What to say if a library ends the program: libjpeg does so on faults while GEGL uses it, GLib where memory runs out.
std::string sentence_on_exit;

/// Where stderr is while the libraries' own words, which name no file, are kept from it; -1 at other times.
int kept_stderr = -1;

void hide_stderr()
{
    std::fflush(stderr);
    const int nowhere = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nowhere < 0)
        return;
    kept_stderr = ::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0);
    if (kept_stderr >= 0)
        ::dup2(nowhere, STDERR_FILENO);
    ::close(nowhere);
}

void show_stderr()
{
    if (kept_stderr < 0)
        return;
    std::fflush(stderr);
    ::dup2(kept_stderr, STDERR_FILENO);
    ::close(kept_stderr);
    kept_stderr = -1;
}

/// The unfinished file, which must not outlive the program. In fixed memory, because a signal's handler reads it; it
/// changes only while `unfinished` is false.
std::array<char, 4096> unfinished_name;
std::atomic<bool> unfinished{false};

void remove_unfinished()
{
    if (unfinished)
        ::unlink(unfinished_name.data());
}

/// For the signals that end the program.
void end_by_signal(int number)
{
    remove_unfinished();
    std::signal(number, SIG_DFL);
    std::raise(number);
}

/// A file under a passing name; gone with this object, unless it was renamed.
class UnfinishedFile {
  public:
    explicit UnfinishedFile(fs::path path) : path_(std::move(path))
    {
        const std::string name = path_.string();
        if (name.size() >= unfinished_name.size())
            throw FileError(name + " cannot be written: the name is too long.");
        std::copy_n(name.c_str(), name.size() + 1, unfinished_name.begin());
        unfinished = true;
    }
    ~UnfinishedFile()
    {
        remove_unfinished();
        unfinished = false;
    }
    UnfinishedFile(const UnfinishedFile&) = delete;
    UnfinishedFile& operator=(const UnfinishedFile&) = delete;

    const fs::path& path() const { return path_; }

    std::error_code rename(const fs::path& to)
    {
        std::error_code error;
        fs::rename(path_, to, error);
        if (!error)
            unfinished = false;
        return error;
    }

  private:
    fs::path path_;
};

void note_complaint(const char* text)
{
    // A profile that babl cannot use is no reason to refuse a photo.
    if (!complaint.empty() || std::string_view(text).find("icc") != std::string_view::npos)
        return;
    complaint = text;
    complaint.erase(complaint.find_last_not_of(" \n") + 1);
}

[[noreturn]] void end_with(const std::string& sentence)
{
    remove_unfinished();
    show_stderr();
    std::fprintf(stderr, "chromatch: %s\n", sentence.c_str());
    ::_exit(exit_failure);
}

GLogWriterOutput write_log(GLogLevelFlags level, const GLogField* fields, gsize count, gpointer)
{
    // GLib aborts after such a message. Where GEGL uses it, that is for want of memory.
    if (level & G_LOG_LEVEL_ERROR)
        end_with("There is not enough memory for these photos.");
    if (level & (G_LOG_LEVEL_CRITICAL | G_LOG_LEVEL_WARNING))
        for (gsize i = 0; i < count; ++i)
            if (std::string_view(fields[i].key) == "MESSAGE")
                note_complaint(static_cast<const char*>(fields[i].value));
    return G_LOG_WRITER_HANDLED;
}

void explain_exit()
{
    if (!sentence_on_exit.empty())
        end_with(sentence_on_exit);
}

/// For the time in which a library might end the program.
class ExitGuard {
  public:
    explicit ExitGuard(std::string sentence)
    {
        complaint.clear();
        sentence_on_exit = std::move(sentence);
        hide_stderr();
    }
    ~ExitGuard()
    {
        show_stderr();
        sentence_on_exit.clear();
    }
    ExitGuard(const ExitGuard&) = delete;
    ExitGuard& operator=(const ExitGuard&) = delete;
};

std::string reason()
{
    return complaint.empty() ? "." : ": " + complaint + (complaint.ends_with('.') ? "" : ".");
}

Bytes read_bytes(const fs::path& path)
{
    std::error_code error; // a folder that may not be searched is no reason to stop
    if (fs::is_directory(path, error))
        throw FileError(path.string() + " is a folder, not a photo.");
    if (!fs::exists(path, error))
        throw FileError(path.string() + " does not exist" + (error ? ": " + error.message() + "." : "."));
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    Bytes bytes;
    if (file && file.tellg() >= 0) { // a pipe has no size
        bytes.resize(static_cast<std::size_t>(file.tellg()));
        file.seekg(0);
        file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    } else {
        file.setstate(std::ios::failbit);
    }
    if (!file)
        throw FileError(path.string() + " cannot be read.");
    return bytes;
}

const char* loader_of(FileType type)
{
    switch (type) {
    case FileType::png:
        return "gegl:png-load";
    case FileType::jpeg:
        return "gegl:jpg-load";
    case FileType::tiff:
        return "gegl:tiff-load";
    case FileType::webp:
        return "gegl:webp-load";
    }
    return "";
}

/// The file's pixels in its own format; empty where the loader fails.
Buffer load_pixels(const fs::path& path, FileType type)
{
    const Owned<GeglNode> graph(gegl_node_new());
    GeglBuffer* pixels = nullptr;
    GeglNode* loader = gegl_node_new_child(graph.get(), "operation", loader_of(type), "path", path.c_str(), nullptr);
    GeglNode* sink = gegl_node_new_child(graph.get(), "operation", "gegl:buffer-sink", "buffer", &pixels, "format",
                                         nullptr, nullptr);
    gegl_node_link(loader, sink);
    gegl_node_process(sink);
    return Buffer(pixels);
}

// gexiv2 0.16 gave these functions the names that had belonged to others without an error argument.
#if GEXIV2_CHECK_VERSION(0, 16, 0)
constexpr auto* get_orientation = gexiv2_metadata_get_orientation;
constexpr auto* has_tag = gexiv2_metadata_has_tag;
constexpr auto* get_tag_long = gexiv2_metadata_get_tag_long;
#else
constexpr auto* get_orientation = gexiv2_metadata_try_get_orientation;
constexpr auto* has_tag = gexiv2_metadata_try_has_tag;
constexpr auto* get_tag_long = gexiv2_metadata_try_get_tag_long;
#endif

/// Tags of the file that GEGL does not apply.
struct Tags {
    int orientation = 1; ///< EXIF 2.3: 1 to 8
    bool min_is_white = false;
    /// GEGL had libtiff convert the picture (bilevel, palette, YCbCr) to 8-bit RGBA, which applies a part of the
    /// orientation and adds an opaque alpha.
    bool converted_by_libtiff = false;
};

Tags read_tags(const fs::path& path, FileType type, const Babl* format)
{
    Tags tags;
    const Owned<GExiv2Metadata> metadata(gexiv2_metadata_new());
    GError* error = nullptr;
    if (!gexiv2_metadata_open_path(metadata.get(), path.c_str(), &error)) {
        g_clear_error(&error); // a photo without readable tags is a photo
        return tags;
    }
    const int orientation = get_orientation(metadata.get(), nullptr);
    if (orientation >= 1 && orientation <= 8)
        tags.orientation = orientation;
    if (type == FileType::tiff) {
        constexpr int min_is_white = 0, rgb = 2;
        const auto number = [&](const char* tag, int absent) {
            return has_tag(metadata.get(), tag, nullptr) ? static_cast<int>(get_tag_long(metadata.get(), tag, nullptr))
                                                         : absent;
        };
        const int photometric = number("Exif.Image.PhotometricInterpretation", rgb);
        tags.converted_by_libtiff = babl_format_get_model(format) == babl_model("R'aG'aB'aA") && photometric != rgb;
        tags.min_is_white = photometric == min_is_white && !tags.converted_by_libtiff;
    }
    return tags;
}

/// Calls `use` with bands of rows: the first row, the number of rows.
void for_bands(int height, const std::function<void(int top, int rows)>& use)
{
    for (int top = 0; top < height; top += band_rows)
        use(top, std::min(band_rows, height - top));
}

void get_rows(GeglBuffer* buffer, int top, int rows, const Babl* format, void* to)
{
    const GeglRectangle band{0, top, gegl_buffer_get_width(buffer), rows};
    gegl_buffer_get(buffer, &band, 1.0, format, to, GEGL_AUTO_ROWSTRIDE, GEGL_ABYSS_NONE);
}

void set_rows(GeglBuffer* buffer, int top, int rows, const Babl* format, const void* from)
{
    const GeglRectangle band{0, top, gegl_buffer_get_width(buffer), rows};
    gegl_buffer_set(buffer, &band, 0, format, from, GEGL_AUTO_ROWSTRIDE);
}

Buffer new_buffer(int height, int width, const Babl* format)
{
    const GeglRectangle extent{0, 0, width, height};
    return Buffer(gegl_buffer_new(&extent, format));
}

/// The picture turned upright: EXIF 2.3's orientations 2 to 8.
Buffer turn_upright(Buffer pixels, int orientation)
{
    if (orientation == 1)
        return pixels;
    const Babl* format = gegl_buffer_get_format(pixels.get());
    const std::size_t bytes = babl_format_get_bytes_per_pixel(format);
    const int height = gegl_buffer_get_height(pixels.get()), width = gegl_buffer_get_width(pixels.get());
    std::vector<std::uint8_t> from(bytes * height * width);
    get_rows(pixels.get(), 0, height, format, from.data());
    pixels.reset();

    const bool transposed = orientation >= 5;
    const bool rows_reversed = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const bool columns_reversed = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const int upright_height = transposed ? width : height, upright_width = transposed ? height : width;
    Buffer upright = new_buffer(upright_height, upright_width, format);
    std::vector<std::uint8_t> row(bytes * upright_width);
    for (int y = 0; y < upright_height; ++y) {
        for (int x = 0; x < upright_width; ++x) {
            const int down = transposed ? x : y, across = transposed ? y : x;
            const std::size_t source_y = rows_reversed ? height - 1 - down : down;
            const std::size_t source_x = columns_reversed ? width - 1 - across : across;
            std::copy_n(&from[(source_y * width + source_x) * bytes], bytes, &row[x * bytes]);
        }
        set_rows(upright.get(), y, 1, format, row.data());
    }
    return upright;
}

/// GEGL reads TIFF's min-is-white gray as if it were min-is-black.
void invert_gray(GeglBuffer* pixels)
{
    const Babl* space = gegl_buffer_get_format(pixels);
    const Babl* format = babl_format_with_space("Y'A float", space);
    const int width = gegl_buffer_get_width(pixels);
    std::vector<float> band(static_cast<std::size_t>(band_rows) * width * 2);
    for_bands(gegl_buffer_get_height(pixels), [&](int top, int rows) {
        get_rows(pixels, top, rows, format, band.data());
        for (std::size_t i = 0; i < static_cast<std::size_t>(rows) * width; ++i)
            band[2 * i] = 1 - band[2 * i];
        set_rows(pixels, top, rows, format, band.data());
    });
}

/// The picture in another format.
Buffer copied(GeglBuffer* pixels, const Babl* format)
{
    Buffer result = new_buffer(gegl_buffer_get_height(pixels), gegl_buffer_get_width(pixels), format);
    gegl_buffer_copy(pixels, nullptr, GEGL_ABYSS_NONE, result.get(), nullptr);
    return result;
}

/// The same pixel values under another format of the same layout.
Buffer relabelled(GeglBuffer* pixels, const Babl* format)
{
    const int height = gegl_buffer_get_height(pixels), width = gegl_buffer_get_width(pixels);
    Buffer result = new_buffer(height, width, format);
    std::vector<std::uint8_t> band(static_cast<std::size_t>(band_rows) * width *
                                   babl_format_get_bytes_per_pixel(format));
    for_bands(height, [&](int top, int rows) {
        get_rows(pixels, top, rows, gegl_buffer_get_format(pixels), band.data());
        set_rows(result.get(), top, rows, format, band.data());
    });
    return result;
}

/// The pixels of a WebP file in the space of its profile.
Buffer with_profile(Buffer pixels, const Bytes& profile)
{
    const char* error = nullptr;
    const Babl* space = profile.empty() ? nullptr
                                        : babl_space_from_icc(reinterpret_cast<const char*>(profile.data()),
                                                              static_cast<int>(profile.size()),
                                                              BABL_ICC_INTENT_RELATIVE_COLORIMETRIC, &error);
    if (!space || babl_space_is_gray(space) || babl_space_is_cmyk(space))
        return pixels;
    const char* encoding = babl_format_get_encoding(gegl_buffer_get_format(pixels.get()));
    return relabelled(pixels.get(), babl_format_with_space(encoding, space));
}

/// Calls `use` with each pixel's index and linear-light sRGB values and alpha.
void for_pixels(const PhotoFile& photo, const std::function<void(std::size_t index, const float* rgba)>& use)
{
    const Babl* format = babl_format("RGBA float");
    std::vector<float> band(static_cast<std::size_t>(band_rows) * photo.width * 4);
    for_bands(photo.height, [&](int top, int rows) {
        get_rows(photo.pixels.get(), top, rows, format, band.data());
        const std::size_t first = static_cast<std::size_t>(top) * photo.width;
        for (std::size_t i = 0; i < static_cast<std::size_t>(rows) * photo.width; ++i)
            use(first + i, &band[4 * i]);
    });
}

/// The RGB space in which the target's colours are written.
const Babl* space_for(const Babl* target_format, FileType type)
{
    const Babl* space = babl_format_get_space(target_format);
    if (babl_space_is_gray(space) || babl_space_is_cmyk(space))
        return babl_space("sRGB");
    int length = 0;
    if (type == FileType::webp && !babl_space_get_icc(space, &length))
        return babl_space("sRGB");
    return space;
}

/// True for u8, u16 and the like; false for half, float and double.
bool has_integer_components(const Babl* format)
{
    return babl_get_name(babl_format_get_type(format, 0))[0] == 'u';
}

/// The type of the target's components, as far as the file type can hold it.
std::string component_for(const Babl* target_format, FileType type)
{
    const std::string component = babl_get_name(babl_format_get_type(target_format, 0));
    switch (type) {
    case FileType::png:
        return component == "u8" ? "u8" : "u16";
    case FileType::tiff:
        return component;
    case FileType::jpeg:
    case FileType::webp:
        break;
    }
    return "u8";
}

/// Runs the saver of `type`. False where it complains.
bool save_pixels(GeglBuffer* pixels, FileType type, const fs::path& path)
{
    const Owned<GeglNode> graph(gegl_node_new());
    GeglNode* source = gegl_node_new_child(graph.get(), "operation", "gegl:buffer-source", "buffer", pixels, nullptr);
    GeglNode* saver = nullptr;
    const Babl* format = gegl_buffer_get_format(pixels);
    const int depth = babl_get_name(babl_format_get_type(format, 0)) == std::string("u8") ? 8 : 16;
    const bool gray = babl_format_get_n_components(format) == 1;
    switch (type) {
    case FileType::png:
        saver = gegl_node_new_child(graph.get(), "operation", "gegl:png-save", "path", path.c_str(), "bitdepth", depth,
                                    nullptr);
        break;
    case FileType::jpeg:
        saver = gegl_node_new_child(graph.get(), "operation", "gegl:jpg-save", "path", path.c_str(), "quality",
                                    lossy_quality, "grayscale", gray, nullptr);
        break;
    case FileType::tiff:
        saver = gegl_node_new_child(graph.get(), "operation", "gegl:tiff-save", "path", path.c_str(), nullptr);
        break;
    case FileType::webp:
        saver = gegl_node_new_child(graph.get(), "operation", "gegl:webp-save", "path", path.c_str(), "quality",
                                    lossy_quality, nullptr);
        break;
    }
    gegl_node_link(source, saver);
    gegl_node_process(saver);
    return complaint.empty();
}

bool replace_file(const fs::path& path, const Bytes& bytes)
{
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    out.close();
    return !out.fail();
}

bool save_png(GeglBuffer* pixels, const fs::path& path)
{
    if (!save_pixels(pixels, FileType::png, path))
        return false;
    const Bytes written = read_bytes(path), wanted = without_png_gamma(written);
    return wanted.size() == written.size() || replace_file(path, wanted);
}

/// GEGL's WebP saver writes sRGB values without a profile, so it gets the target space's values under sRGB's name.
bool save_webp(GeglBuffer* pixels, const fs::path& path)
{
    const Babl* format = gegl_buffer_get_format(pixels);
    int length = 0;
    const char* icc = babl_space_get_icc(babl_format_get_space(format), &length);
    if (babl_format_get_space(format) == babl_space("sRGB") || !icc)
        return save_pixels(pixels, FileType::webp, path);
    const Buffer values = relabelled(pixels, babl_format(babl_format_get_encoding(format)));
    if (!save_pixels(values.get(), FileType::webp, path))
        return false;
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(icc);
    const Bytes file = with_webp_profile(read_bytes(path), Bytes(bytes, bytes + length), gegl_buffer_get_width(pixels),
                                         gegl_buffer_get_height(pixels));
    std::ofstream out(path, std::ios::binary | std::ios::trunc);
    out.write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
    out.close();
    return !out.fail();
}

/// Writes under a passing name in the same folder, then renames, so that no half-written file ever bears the name.
void write_whole(GeglBuffer* pixels, FileType type, const fs::path& path)
{
    UnfinishedFile passing(fs::absolute(path).parent_path() /
                           ("." + path.filename().string() + "." + std::to_string(::getpid()) + ".part"));
    const ExitGuard guard(path.string() + " cannot be written.");
    bool written = type == FileType::png    ? save_png(pixels, passing.path())
                   : type == FileType::webp ? save_webp(pixels, passing.path())
                                            : save_pixels(pixels, type, passing.path());
    std::error_code error;
    written = written && fs::file_size(passing.path(), error) > 0 && !error;
    if (written)
        error = passing.rename(path);
    if (!written || error)
        throw FileError(path.string() + " cannot be written" + (error ? ": " + error.message() + "." : reason()));
}

} // namespace

void BufferRelease::operator()(_GeglBuffer* buffer) const
{
    if (buffer)
        g_object_unref(buffer);
}

void start_gegl()
{
    g_log_set_writer_func(write_log, nullptr, nullptr);
    g_set_printerr_handler(note_complaint);
    g_set_print_handler(note_complaint);
    // babl's look-up tables cost 350 MiB and half a second for one 16-bit gray photo.
    g_setenv("BABL_LUT", "0", FALSE);
    // babl measures how long each of its ways between two formats takes, and uses the fastest that is within its
    // tolerance: on a busy machine now and then another one, with other values. No way is within a tolerance below
    // zero. Then babl uses its reference conversion, which is the same every time.
    g_setenv("BABL_TOLERANCE", "-1", TRUE);
    // Without a swap folder all stays in memory. (The word "RAM" makes a folder of that name.)
    g_object_set(gegl_config(), "use-opencl", FALSE, "swap", nullptr, nullptr);
    gegl_init(nullptr, nullptr);
    gexiv2_initialize();
    std::atexit(explain_exit);
    // A file that grows too large is a fault like a full disk, not the end of the program.
    std::signal(SIGXFSZ, SIG_IGN);
    for (const int number : {SIGHUP, SIGINT, SIGTERM})
        if (std::signal(number, end_by_signal) == SIG_IGN) // as nohup asks
            std::signal(number, SIG_IGN);
}

PhotoFile read_photo(const fs::path& path)
{
    const Bytes bytes = read_bytes(path);
    const auto type = type_of_content(bytes);
    if (!type)
        throw FileError(path.string() + " is not a PNG, JPEG, TIFF or WebP file.");
    if (const std::string fault = structural_fault(bytes, *type); !fault.empty())
        throw FileError(path.string() + " is damaged: " + fault + ".");

    const ExitGuard guard(path.string() + " is damaged.");
    Buffer pixels = load_pixels(fs::absolute(path), *type);
    if (!pixels || gegl_buffer_get_width(pixels.get()) < 1 || gegl_buffer_get_height(pixels.get()) < 1 ||
        !complaint.empty())
        throw FileError(path.string() + " is damaged" + reason());
    const Tags tags = read_tags(path, *type, gegl_buffer_get_format(pixels.get()));
    if (*type == FileType::webp)
        pixels = with_profile(std::move(pixels), webp_profile(bytes));
    if (tags.min_is_white)
        invert_gray(pixels.get());
    if (tags.converted_by_libtiff) {
        pixels = copied(pixels.get(), babl_format("R'G'B' u8"));
        // libtiff mirrors rows and columns but does not transpose; its mirroring is taken back first.
        const int mirrored[] = {1, 1, 2, 3, 4, 1, 2, 3, 4};
        pixels = turn_upright(std::move(pixels), mirrored[tags.orientation]);
    }
    pixels = turn_upright(std::move(pixels), tags.orientation);
    const int height = gegl_buffer_get_height(pixels.get()), width = gegl_buffer_get_width(pixels.get());
    return {*type, std::move(pixels), height, width};
}

Plane luminance_of(const PhotoFile& photo)
{
    Plane l(photo.height, photo.width);
    for_pixels(photo, [&](std::size_t i, const float* rgb) {
        float lab[3];
        linear_rgb_to_lab(rgb, lab);
        l.values[i] = std::isnan(lab[0]) ? 0.0f : std::clamp(lab[0], 0.0f, 100.0f);
    });
    return l;
}

Reference reference_of(const PhotoFile& photo)
{
    Reference reference;
    LabImage& image = reference.image;
    image.l = image.a = image.b = Plane(photo.height, photo.width);
    if (babl_format_has_alpha(gegl_buffer_get_format(photo.pixels.get())))
        reference.mask = Plane(photo.height, photo.width);
    for_pixels(photo, [&](std::size_t i, const float* rgba) {
        // As in the plug-in: what is brighter or more vivid than the screen is taken as the most that it can do.
        float rgb[3], lab[3];
        for (int c = 0; c < 3; ++c)
            rgb[c] = std::isnan(rgba[c]) ? 0.0f : std::clamp(rgba[c], 0.0f, 1.0f);
        linear_rgb_to_lab(rgb, lab);
        image.l.values[i] = std::clamp(lab[0], 0.0f, 100.0f);
        image.a.values[i] = lab[1];
        image.b.values[i] = lab[2];
        if (!reference.mask.empty())
            reference.mask.values[i] = std::isnan(rgba[3]) ? 0.0f : std::clamp(rgba[3], 0.0f, 1.0f);
    });
    return reference;
}

void write_coloured(const PhotoFile& target, const Plane& l, const Plane& a, const Plane& b, const fs::path& path)
{
    const FileType type = type_of_extension(path).value_or(target.type);
    const Babl* target_format = gegl_buffer_get_format(target.pixels.get());
    const std::string encoding =
        (babl_format_has_alpha(target_format) ? "R'G'B'A " : "R'G'B' ") + component_for(target_format, type);
    const Babl* format = babl_format_with_space(encoding.c_str(), space_for(target_format, type));
    const Buffer coloured = new_buffer(target.height, target.width, format);
    const Babl* working = babl_format("RGBA float");
    // The target's own values count where it has alpha, and where a float file's L may lie beyond the engine's range.
    const bool needs_values = babl_format_has_alpha(target_format) || !has_integer_components(target_format);
    std::vector<float> band(static_cast<std::size_t>(band_rows) * target.width * 4, 1.0f);
    for_bands(target.height, [&](int top, int rows) {
        if (needs_values)
            get_rows(target.pixels.get(), top, rows, working, band.data());
        const std::size_t first = static_cast<std::size_t>(top) * target.width;
        for (std::size_t i = 0; i < static_cast<std::size_t>(rows) * target.width; ++i) {
            float* rgba = &band[4 * i];
            if (needs_values && !std::isfinite(rgba[0] + rgba[1] + rgba[2]))
                continue; // what has no colour stays as it is
            float lab[3] = {l.values[first + i], 0, 0};
            if (needs_values && (lab[0] <= 0 || lab[0] >= 100))
                linear_rgb_to_lab(rgba, lab);
            lab[1] = a.values[first + i];
            lab[2] = b.values[first + i];
            lab_to_linear_rgb(lab, rgba);
        }
        set_rows(coloured.get(), top, rows, working, band.data());
    });
    write_whole(coloured.get(), type, path);
}

void write_gray(const Plane& values, const fs::path& path)
{
    const Babl* format = babl_format("Y' u8");
    const Buffer pixels = new_buffer(values.height, values.width, format);
    std::vector<std::uint8_t> row(values.width);
    for (int y = 0; y < values.height; ++y) {
        std::transform(values.row(y), values.row(y) + values.width, row.begin(), [](float value) {
            return static_cast<std::uint8_t>(std::lround(255 * std::clamp(value, 0.0f, 1.0f)));
        });
        set_rows(pixels.get(), y, 1, format, row.data());
    }
    write_whole(pixels.get(), type_of_extension(path).value_or(FileType::png), path);
}

} // namespace chromatch::cli
