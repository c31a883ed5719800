// SPDX-License-Identifier: GPL-3.0-or-later
//
// Runs the built chromatch (its path in $CHROMATCH_PROGRAM) on photos that GEGL writes into a passing folder. What
// needs the weights is skipped where $CHROMATCH_MODELS has none.
#pragma once

#include "chromatch.h"
#include "cli/containers.h"

#include <gegl.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

namespace testing_cli {

namespace fs = std::filesystem;
using chromatch::cli::Bytes;

constexpr int width = 72, height = 48;

struct Outcome {
    int status = -1; ///< -1: ended by a signal
    std::string out;
    std::string err;
};

/// A picture read back: its own format, and its pixels as linear sRGB with alpha.
struct Picture {
    std::string format; ///< without the space: "R'G'B' u8"
    std::string profile;
    bool srgb = false;
    int height = 0;
    int width = 0;
    std::vector<float> rgba;

    float l(int y, int x) const
    {
        float lab[3];
        chromatch::linear_rgb_to_lab(&rgba[4 * (static_cast<std::size_t>(y) * width + x)], lab);
        return lab[0];
    }
};

/// A gray gradient without any symmetry, from dark to light.
inline float gray_at(int y, int x, int rows = height, int columns = width)
{
    return 0.1f + 0.5f * x / columns + 0.3f * y / rows;
}

class Cli : public testing::Test {
  protected:
    static void SetUpTestSuite()
    {
        g_setenv("BABL_LUT", "0", FALSE);
        g_object_set(gegl_config(), "use-opencl", FALSE, "swap", nullptr, nullptr);
        gegl_init(nullptr, nullptr);
    }

    void SetUp() override
    {
        ASSERT_NE(std::getenv("CHROMATCH_PROGRAM"), nullptr);
        std::string pattern = (fs::temp_directory_path() / "chromatch-cli-XXXXXX").string();
        ASSERT_NE(mkdtemp(pattern.data()), nullptr);
        folder_ = pattern;
    }
    void TearDown() override { fs::remove_all(folder_); }

    std::string path(const std::string& name) const { return (folder_ / name).string(); }

    /// Runs the command to its end. `prepare` is called in the new process before it becomes the command.
    static Outcome run(const std::vector<std::string>& words, const std::function<void()>& prepare = {})
    {
        Words command(words);
        char *out = nullptr, *err = nullptr;
        int wait_status = 0;
        Outcome outcome;
        if (g_spawn_sync(nullptr, command.pointers.data(), nullptr, G_SPAWN_DEFAULT, prepare ? call : nullptr,
                         const_cast<std::function<void()>*>(&prepare), &out, &err, &wait_status, nullptr)) {
            outcome.status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : -1;
            outcome.out = out;
            outcome.err = err;
        }
        g_free(out);
        g_free(err);
        return outcome;
    }

    /// Starts the command and leaves it to the caller to wait for it. What it prints is lost.
    static GPid start(const std::vector<std::string>& words)
    {
        Words command(words);
        GPid child = 0;
        constexpr int flags = G_SPAWN_DO_NOT_REAP_CHILD | G_SPAWN_STDOUT_TO_DEV_NULL | G_SPAWN_STDERR_TO_DEV_NULL;
        EXPECT_TRUE(g_spawn_async(nullptr, command.pointers.data(), nullptr, GSpawnFlags(flags), nullptr, nullptr,
                                  &child, nullptr));
        return child;
    }

    static bool have_weights()
    {
        const char* folder = std::getenv("CHROMATCH_MODELS");
        return folder && fs::exists(fs::path(folder) / "colorization.safetensors");
    }

    /// Writes a picture of R'G'B'A values in `format`.
    std::string make(const std::string& name, const Babl* format, int rows, int columns,
                     const std::vector<float>& values) const
    {
        const GeglRectangle extent{0, 0, columns, rows};
        GeglBuffer* buffer = gegl_buffer_new(&extent, format);
        gegl_buffer_set(buffer, &extent, 0, babl_format_with_space("R'G'B'A float", format), values.data(),
                        GEGL_AUTO_ROWSTRIDE);
        save(buffer, name);
        g_object_unref(buffer);
        return path(name);
    }

    /// Writes the gradient in `format`; alpha, where there is one, falls from left to right.
    std::string make(const std::string& name, const Babl* format, int rows = height, int columns = width) const
    {
        std::vector<float> values;
        values.reserve(std::size_t(4) * rows * columns);
        for (int y = 0; y < rows; ++y)
            for (int x = 0; x < columns; ++x) {
                const float gray = gray_at(y, x, rows, columns);
                values.insert(values.end(), {gray, gray, gray, 1.0f - 0.5f * x / columns});
            }
        return make(name, format, rows, columns, values);
    }

    std::string make(const std::string& name, const char* format, int rows = height, int columns = width) const
    {
        return make(name, babl_format(format), rows, columns);
    }

    /// Green paint on the left half of a transparent picture.
    std::string paint(const std::string& name) const
    {
        std::vector<float> values;
        for (int i = 0; i < width * height; ++i)
            values.insert(values.end(), {0.2f, 0.6f, 0.1f, i % width < width / 2 ? 1.0f : 0.0f});
        return make(name, babl_format("R'G'B'A u8"), height, width, values);
    }

    static Picture read(const std::string& file)
    {
        GeglNode* graph = gegl_node_new();
        GeglBuffer* buffer = nullptr;
        GeglNode* load = gegl_node_new_child(graph, "operation", "gegl:load", "path", file.c_str(), nullptr);
        GeglNode* sink = gegl_node_new_child(graph, "operation", "gegl:buffer-sink", "buffer", &buffer, nullptr);
        gegl_node_link(load, sink);
        gegl_node_process(sink);
        const Babl* format = gegl_buffer_get_format(buffer);
        const Babl* space = babl_format_get_space(format);
        int length = 0;
        const char* icc = babl_space_get_icc(space, &length);
        Picture picture{babl_format_get_encoding(format), icc ? std::string(icc, length) : "",
                        space == babl_space("sRGB"),      gegl_buffer_get_height(buffer),
                        gegl_buffer_get_width(buffer),    {}};
        picture.rgba.resize(4 * static_cast<std::size_t>(picture.height) * picture.width);
        const GeglRectangle extent{0, 0, picture.width, picture.height};
        gegl_buffer_get(buffer, &extent, 1.0, babl_format("RGBA float"), picture.rgba.data(), GEGL_AUTO_ROWSTRIDE,
                        GEGL_ABYSS_NONE);
        g_object_unref(buffer);
        g_object_unref(graph);
        return picture;
    }

    static double mean_delta_l(const Picture& first, const Picture& second)
    {
        double sum = 0;
        for (int y = 0; y < first.height; ++y)
            for (int x = 0; x < first.width; ++x)
                sum += std::abs(first.l(y, x) - second.l(y, x));
        return sum / (first.height * first.width);
    }

    static double alpha_difference(const Picture& first, const Picture& second)
    {
        double most = 0;
        for (std::size_t i = 3; i < first.rgba.size(); i += 4)
            most = std::max(most, std::abs(double(first.rgba[i]) - second.rgba[i]));
        return most;
    }

    static Bytes file_bytes(const std::string& file)
    {
        std::ifstream stream(file, std::ios::binary);
        return {std::istreambuf_iterator<char>(stream), {}};
    }

    static void write_bytes(const std::string& file, const Bytes& bytes)
    {
        std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    }

    /// Puts a JPEG segment right after the start marker, in the place of any others with that marker.
    static void set_segment(const std::string& file, std::uint8_t marker, const std::string& content)
    {
        const Bytes bytes = file_bytes(file);
        const std::size_t length = content.size() + 2;
        Bytes result{0xff, 0xd8, 0xff, marker, std::uint8_t(length >> 8), std::uint8_t(length)};
        result.insert(result.end(), content.begin(), content.end());
        std::size_t at = 2;
        while (bytes[at + 1] != 0xda) { // the scan
            const std::size_t next = at + 2 + bytes[at + 2] * 256 + bytes[at + 3];
            if (bytes[at + 1] != marker)
                result.insert(result.end(), bytes.begin() + at, bytes.begin() + next);
            at = next;
        }
        result.insert(result.end(), bytes.begin() + at, bytes.end());
        write_bytes(file, result);
    }

    /// Names of the files in the test's folder.
    std::vector<std::string> listing() const
    {
        std::vector<std::string> names;
        for (const auto& entry : fs::directory_iterator(folder_))
            names.push_back(entry.path().filename().string());
        std::sort(names.begin(), names.end());
        return names;
    }

  private:
    struct Words {
        explicit Words(std::vector<std::string> list) : words(std::move(list))
        {
            words.insert(words.begin(), std::getenv("CHROMATCH_PROGRAM"));
            for (std::string& word : words)
                pointers.push_back(word.data());
            pointers.push_back(nullptr);
        }
        std::vector<std::string> words;
        std::vector<char*> pointers;
    };

    static void call(void* function) { (*static_cast<const std::function<void()>*>(function))(); }

    void save(GeglBuffer* buffer, const std::string& name) const
    {
        const std::string file = path(name), extension = fs::path(name).extension().string();
        const char* operation = extension == ".png"    ? "gegl:png-save"
                                : extension == ".jpg"  ? "gegl:jpg-save"
                                : extension == ".webp" ? "gegl:webp-save"
                                                       : "gegl:tiff-save";
        GeglNode* graph = gegl_node_new();
        GeglNode* source = gegl_node_new_child(graph, "operation", "gegl:buffer-source", "buffer", buffer, nullptr);
        GeglNode* saver = gegl_node_new_child(graph, "operation", operation, "path", file.c_str(), nullptr);
        const Babl* format = gegl_buffer_get_format(buffer);
        if (extension == ".png")
            gegl_node_set(saver, "bitdepth", babl_format_get_type(format, 0) == babl_type("u8") ? 8 : 16, nullptr);
        if (extension == ".jpg")
            gegl_node_set(saver, "grayscale", babl_format_get_n_components(format) == 1, "quality", 98, nullptr);
        if (extension == ".webp")
            gegl_node_set(saver, "quality", 98, nullptr);
        gegl_node_link(source, saver);
        gegl_node_process(saver);
        g_object_unref(graph);
    }

    fs::path folder_;
};

/// The tests that colour.
class CliColouring : public Cli {
  protected:
    void SetUp() override
    {
        Cli::SetUp();
        if (!have_weights())
            GTEST_SKIP() << "no weights in $CHROMATCH_MODELS";
    }
};

} // namespace testing_cli
