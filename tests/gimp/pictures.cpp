// SPDX-License-Identifier: GPL-3.0-or-later
#include "pictures.h"

#include <gegl.h>
#include <libgimp/gimp.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <functional>
#include <iterator>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

namespace chromatch::test {

namespace {

constexpr int channels = 4;

void start_gegl()
{
    static const bool started = [] {
        gegl_init(nullptr, nullptr);
        return true;
    }();
    (void)started;
}

/// A value in [0, 1] that changes slowly, with some texture: nothing flat, nothing clipped.
float wave(double x, double y, double phase)
{
    const double slow = 0.5 + 0.28 * std::sin(3.1 * x + phase) * std::cos(2.3 * y - phase);
    const double texture = 0.1 * std::sin(41.0 * x + 7.0 * std::sin(9.0 * y)) * std::sin(37.0 * y + phase);
    return static_cast<float>(std::clamp(slow + texture + 0.1 * (x - y), 0.02, 0.98));
}

/// Encodes color(x, y) in the given format and lets GEGL write it: a PNG with the format's own profile.
void write_png(const std::filesystem::path& file, const Babl* stored_format, int bits, int width, int height,
               const std::function<void(double x, double y, float* rgba)>& color)
{
    std::vector<float> pixels(static_cast<std::size_t>(width) * height * channels);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            color(static_cast<double>(x) / width, static_cast<double>(y) / height,
                  &pixels[(static_cast<std::size_t>(y) * width + x) * channels]);
        }
    }
    const GeglRectangle area = {0, 0, width, height};
    GeglBuffer* buffer = gegl_buffer_new(&area, stored_format);
    gegl_buffer_set(buffer, &area, 0, babl_format("R'G'B'A float"), pixels.data(), GEGL_AUTO_ROWSTRIDE);
    GeglNode* graph = gegl_node_new();
    GeglNode* source = gegl_node_new_child(graph, "operation", "gegl:buffer-source", "buffer", buffer, nullptr);
    GeglNode* sink =
        gegl_node_new_child(graph, "operation", "gegl:png-save", "path", file.c_str(), "bitdepth", bits, nullptr);
    gegl_node_link(source, sink);
    gegl_node_process(sink);
    g_object_unref(graph);
    g_object_unref(buffer);
}

/// A float TIFF of linear light with what no photo shows: no number, endless, negative and above white.
void write_beyond(const std::filesystem::path& file)
{
    const int width = 80;
    const int height = 60;
    std::vector<float> pixels(static_cast<std::size_t>(width) * height * channels);
    for (int y = 0; y < height; ++y) {
        for (int x = 0; x < width; ++x) {
            float* rgba = &pixels[(static_cast<std::size_t>(y) * width + x) * channels];
            // From -0.5 on the left to 8 on the right.
            const float light = wave(static_cast<double>(x) / width, static_cast<double>(y) / height, 0.3) *
                                (x < 10 ? -0.5f : std::exp2(x * 3.0f / width));
            std::fill(rgba, rgba + 3, light);
            rgba[3] = 1.0f;
        }
    }
    const auto put = [&](int x, int y, float value) {
        float* rgba = &pixels[(static_cast<std::size_t>(y) * width + x) * channels];
        std::fill(rgba, rgba + 3, value);
    };
    const float endless = std::numeric_limits<float>::infinity();
    put(20, 10, std::numeric_limits<float>::quiet_NaN());
    put(30, 20, endless);
    put(40, 30, -endless);
    put(50, 40, 6e4f); // the most that a half can hold
    const GeglRectangle area = {0, 0, width, height};
    GeglBuffer* buffer = gegl_buffer_new(&area, babl_format("RGBA float"));
    gegl_buffer_set(buffer, &area, 0, babl_format("RGBA float"), pixels.data(), GEGL_AUTO_ROWSTRIDE);
    GeglNode* graph = gegl_node_new();
    GeglNode* source = gegl_node_new_child(graph, "operation", "gegl:buffer-source", "buffer", buffer, nullptr);
    GeglNode* sink = gegl_node_new_child(graph, "operation", "gegl:tiff-save", "path", file.c_str(), "bitdepth", 32,
                                         "fp", 1, nullptr);
    gegl_node_link(source, sink);
    gegl_node_process(sink);
    g_object_unref(graph);
    g_object_unref(buffer);
}

/// Takes the profile.
void write_profile(const std::filesystem::path& file, GimpColorProfile* profile)
{
    gsize size = 0;
    const guint8* bytes = gimp_color_profile_get_icc_profile(profile, &size);
    std::ofstream(file, std::ios::binary)
        .write(reinterpret_cast<const char*>(bytes), static_cast<std::streamsize>(size));
    g_object_unref(profile);
}

double lab_curve(double t)
{
    return t > 216.0 / 24389.0 ? std::cbrt(t) : (24389.0 / 27.0 * t + 16.0) / 116.0;
}

bool is_visible(const Picture& picture, std::size_t pixel)
{
    return picture.rgba[pixel * channels + 3] > 0.0f;
}

std::size_t pixel_count(const Picture& picture)
{
    return picture.rgba.size() / channels;
}

void require_same_size(const Picture& first, const Picture& second)
{
    if (first.width != second.width || first.height != second.height) {
        throw std::runtime_error("two pictures of different sizes");
    }
}

/// Mean of difference(pixel) over the visible pixels of the picture.
double visible_mean(const Picture& picture, const std::function<double(std::size_t)>& difference)
{
    double sum = 0.0;
    std::size_t count = 0;
    for (std::size_t pixel = 0; pixel < pixel_count(picture); ++pixel) {
        if (is_visible(picture, pixel)) {
            sum += difference(pixel);
            ++count;
        }
    }
    return count > 0 ? sum / static_cast<double>(count) : 0.0;
}

} // namespace

void write_fixtures(const std::filesystem::path& folder)
{
    start_gegl();
    const auto gray = [](double x, double y, float* rgba) {
        rgba[0] = rgba[1] = rgba[2] = wave(x, y, 0.3);
        rgba[3] = 1.0f;
    };
    const auto fading = [gray](double x, double y, float* rgba) {
        gray(x, y, rgba);
        rgba[3] = static_cast<float>(std::clamp(1.6 - 2.0 * std::hypot(x - 0.5, y - 0.5) * 1.6, 0.0, 1.0));
    };
    const auto colors = [](double x, double y, float* rgba) {
        // Green below, blue above, something red: the colours are far from gray, the luminance is like the target's.
        const float light = wave(x, y, 0.9);
        const double sky = std::clamp(3.0 * (0.5 - y) + 0.5, 0.0, 1.0);
        const double red = std::exp(-40.0 * (std::pow(x - 0.7, 2.0) + std::pow(y - 0.6, 2.0)));
        rgba[0] = light * static_cast<float>((0.45 + 0.1 * sky) * (1.0 - red) + red);
        rgba[1] = light * static_cast<float>((0.85 - 0.2 * sky) * (1.0 - 0.7 * red));
        rgba[2] = light * static_cast<float>((0.25 + 0.75 * sky) * (1.0 - 0.7 * red));
        rgba[3] = 1.0f;
    };
    const auto warm = [](double x, double y, float* rgba) {
        // One hue, so that the mean colour of a result does not depend on which places were matched.
        const float light = wave(x, y, 0.9);
        rgba[0] = light;
        rgba[1] = 0.6f * light;
        rgba[2] = 0.3f * light;
        rgba[3] = 1.0f;
    };
    const auto unseen = [colors](double x, double y, float* rgba) {
        colors(x, y, rgba);
        rgba[3] = 0.0f;
    };
    const auto stroke = [](double x, double y, float* rgba) {
        // A disc of one colour, opaque but for its rim.
        rgba[0] = 0.85f;
        rgba[1] = 0.2f;
        rgba[2] = 0.65f;
        rgba[3] = static_cast<float>(std::clamp(12.0 * (0.5 - std::hypot(x - 0.5, y - 0.5)), 0.0, 1.0));
    };
    // Parts of the gray picture in colour.
    const auto orange = [](double x, double y, float* rgba) {
        const float light = wave(x, y, 0.3);
        rgba[0] = light;
        rgba[1] = 0.6f * light;
        rgba[2] = 0.3f * light;
        rgba[3] = 1.0f;
    };
    const auto blue = [orange](double x, double y, float* rgba) {
        orange(x, y, rgba);
        std::swap(rgba[0], rgba[2]);
    };
    const auto halves = [orange, blue](double x, double y, float* rgba) {
        x < 0.5 ? orange(x, y, rgba) : blue(x, y, rgba);
    };
    const auto left = [orange](double x, double y, float* rgba) { orange(0.5 * x, y, rgba); };
    const auto right = [blue](double x, double y, float* rgba) { blue(0.5 * x + 0.5, y, rgba); };
    const Babl* prophoto = babl_space("ProPhoto");
    const Babl* display_p3 =
        babl_space_from_chromaticities("Display P3", 0.3127, 0.3290, 0.680, 0.320, 0.265, 0.690, 0.150, 0.060,
                                       babl_trc("sRGB"), nullptr, nullptr, BABL_SPACE_FLAG_EQUALIZE);
    write_png(folder / "gray.png", babl_format("Y' u16"), 16, 150, 110, gray);
    write_png(folder / "fading.png", babl_format("R'G'B'A u16"), 16, 90, 70, fading);
    write_png(folder / "wide-target.png", babl_format_with_space("R'G'B' u16", prophoto), 16, 150, 110, gray);
    write_png(folder / "colors.png", babl_format("R'G'B' u16"), 16, 120, 130, colors);
    write_png(folder / "warm.png", babl_format("R'G'B' u16"), 16, 120, 130, warm);
    write_png(folder / "wide-warm.png", babl_format_with_space("R'G'B' u16", prophoto), 16, 120, 130, warm);
    write_png(folder / "transparent.png", babl_format("R'G'B'A u8"), 8, 40, 30, unseen);
    write_png(folder / "stroke.png", babl_format("R'G'B'A u16"), 16, 60, 50, stroke);
    write_png(folder / "halves.png", babl_format("R'G'B' u16"), 16, 150, 110, halves);
    write_png(folder / "left.png", babl_format("R'G'B' u16"), 16, 75, 110, left);
    write_png(folder / "right.png", babl_format("R'G'B' u16"), 16, 75, 110, right);
    write_png(folder / "display-p3.png", babl_format_with_space("R'G'B' u16", display_p3), 16, 150, 110, gray);
    write_png(folder / "adobe-rgb.png", babl_format_with_space("R'G'B' u8", babl_space("Adobish")), 8, 150, 110, gray);
    write_beyond(folder / "beyond.tif");
    std::ofstream(folder / "not-an-image.png") << "These are only words.\n";

    // The curve of this gray profile is L*, far from sRGB's.
    write_profile(folder / "gray.icc", gimp_color_profile_new_d50_gray_lab_trc());
    write_profile(folder / "srgb.icc", gimp_color_profile_new_rgb_srgb());
}

void write_turned_jpeg(const std::filesystem::path& picture, const std::filesystem::path& file)
{
    start_gegl();
    GeglNode* graph = gegl_node_new();
    GeglNode* source = gegl_node_new_child(graph, "operation", "gegl:load", "path", picture.c_str(), nullptr);
    GeglNode* sink =
        gegl_node_new_child(graph, "operation", "gegl:jpg-save", "path", file.c_str(), "quality", 95, nullptr);
    gegl_node_link(source, sink);
    gegl_node_process(sink);
    g_object_unref(graph);
    std::ifstream plain(file, std::ios::binary);
    std::string bytes(std::istreambuf_iterator<char>(plain), {});
    plain.close();
    // An EXIF segment with nothing but the orientation, right after the start marker.
    const std::string exif("\xff\xe1\0\x22"
                           "Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0\6\0\0\0\0\0\0",
                           36);
    std::ofstream(file, std::ios::binary) << bytes.insert(2, exif);
}

std::vector<Picture> read_row(const std::filesystem::path& file, int count)
{
    start_gegl();
    if (!std::filesystem::exists(file)) {
        throw std::runtime_error(file.string() + " was not written");
    }
    GeglNode* graph = gegl_node_new();
    GeglNode* source = gegl_node_new_child(graph, "operation", "gegl:load", "path", file.c_str(), nullptr);
    const GeglRectangle whole = gegl_node_get_bounding_box(source);
    if (gegl_rectangle_is_empty(&whole) || whole.width % count != 0) {
        g_object_unref(graph);
        throw std::runtime_error(file.string() + " cannot be read");
    }
    std::vector<Picture> pictures(count);
    GeglRectangle area = {whole.x, whole.y, whole.width / count, whole.height};
    for (Picture& picture : pictures) {
        picture.width = area.width;
        picture.height = area.height;
        picture.rgba.resize(static_cast<std::size_t>(area.width) * area.height * channels);
        gegl_node_blit(source, 1.0, &area, babl_format("RGBA float"), picture.rgba.data(), GEGL_AUTO_ROWSTRIDE,
                       GEGL_BLIT_DEFAULT);
        area.x += area.width;
    }
    g_object_unref(graph);
    return pictures;
}

// IEC 61966-2-1 and CIE 15.
Lab lab_at(const Picture& picture, std::size_t pixel)
{
    const float* rgb = &picture.rgba[pixel * channels];
    const double x = lab_curve((0.4124 * rgb[0] + 0.3576 * rgb[1] + 0.1805 * rgb[2]) / 0.9505);
    const double y = lab_curve(0.2126 * rgb[0] + 0.7152 * rgb[1] + 0.0722 * rgb[2]);
    const double z = lab_curve((0.0193 * rgb[0] + 0.1192 * rgb[1] + 0.9505 * rgb[2]) / 1.0890);
    return {116.0 * y - 16.0, 500.0 * (x - y), 200.0 * (y - z)};
}

double mean_luminance_difference(const Picture& first, const Picture& second)
{
    require_same_size(first, second);
    return visible_mean(first,
                        [&](std::size_t pixel) { return std::abs(lab_at(first, pixel).l - lab_at(second, pixel).l); });
}

double largest_luminance_difference(const Picture& first, const Picture& second)
{
    require_same_size(first, second);
    double largest = 0.0;
    for (std::size_t pixel = 0; pixel < pixel_count(first); ++pixel) {
        if (is_visible(first, pixel)) {
            largest = std::max(largest, std::abs(lab_at(first, pixel).l - lab_at(second, pixel).l));
        }
    }
    return largest;
}

Lab mean_color(const Picture& picture)
{
    Lab sum = {0.0, 0.0, 0.0};
    for (std::size_t pixel = 0; pixel < pixel_count(picture); ++pixel) {
        const Lab lab = lab_at(picture, pixel);
        sum = {sum.l + lab.l, sum.a + lab.a, sum.b + lab.b};
    }
    const double count = static_cast<double>(pixel_count(picture));
    return {sum.l / count, sum.a / count, sum.b / count};
}

Picture part_of(const Picture& picture, int x, int y, int width, int height)
{
    if (x < 0 || y < 0 || x + width > picture.width || y + height > picture.height) {
        throw std::runtime_error("a part that lies outside its picture");
    }
    Picture part = {width, height, {}};
    for (int row = y; row < y + height; ++row) {
        const auto begin = picture.rgba.begin() + (static_cast<std::ptrdiff_t>(row) * picture.width + x) * channels;
        part.rgba.insert(part.rgba.end(), begin, begin + static_cast<std::ptrdiff_t>(width) * channels);
    }
    return part;
}

double mean_chroma(const Picture& picture)
{
    return visible_mean(picture, [&](std::size_t pixel) {
        const Lab lab = lab_at(picture, pixel);
        return std::hypot(lab.a, lab.b);
    });
}

double largest_alpha_difference(const Picture& first, const Picture& second)
{
    require_same_size(first, second);
    double largest = 0.0;
    for (std::size_t i = 3; i < first.rgba.size(); i += channels) {
        largest = std::max(largest, static_cast<double>(std::abs(first.rgba[i] - second.rgba[i])));
    }
    return largest;
}

double largest_difference(const Picture& first, const Picture& second)
{
    double largest = largest_alpha_difference(first, second);
    for (std::size_t i = 0; i < first.rgba.size(); ++i) {
        if (is_visible(first, i / channels)) {
            largest = std::max(largest, static_cast<double>(std::abs(first.rgba[i] - second.rgba[i])));
        }
    }
    return largest;
}

} // namespace chromatch::test
