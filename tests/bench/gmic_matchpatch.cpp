// SPDX-License-Identifier: GPL-3.0-or-later
#include "gmic_matchpatch.h"

#include "other_programs.h"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <regex>
#include <stdexcept>
#include <string>

namespace chromatch {

namespace {

namespace fs = std::filesystem;

/// CImg's own format: a line of text, a line with the sizes, then plane after plane.
void write_cimg(const FeatureMap& map, const fs::path& file)
{
    std::vector<float> planes;
    for (int c = 0; c < map.channels; ++c)
        for (int y = 0; y < map.height; ++y)
            for (int x = 0; x < map.width; ++x)
                planes.push_back(map.at(y, x)[c]);
    std::ofstream stream(file, std::ios::binary);
    stream << "1 float little_endian\n" << map.width << ' ' << map.height << " 1 " << map.channels << '\n';
    stream.write(reinterpret_cast<const char*>(planes.data()),
                 static_cast<std::streamsize>(planes.size() * sizeof(float)));
    if (!stream.flush())
        throw std::runtime_error(file.string() + ": the map cannot be written.");
}

/// matchpatch's answer: planes of x, y and the sum of squared differences.
NearestNeighbourField read_field(const fs::path& file, int height, int width)
{
    std::ifstream stream(file, std::ios::binary);
    std::string format, sizes;
    std::getline(stream, format);
    std::getline(stream, sizes);
    const std::size_t pixels = static_cast<std::size_t>(height) * width;
    std::vector<float> planes(2 * pixels);
    stream.read(reinterpret_cast<char*>(planes.data()), static_cast<std::streamsize>(planes.size() * sizeof(float)));
    if (!stream || format != "1 float little_endian" ||
        sizes != std::to_string(width) + " " + std::to_string(height) + " 1 3")
        throw std::runtime_error("gmic's matchpatch answers something else than expected.");
    NearestNeighbourField field{height, width, {}, {}};
    for (std::size_t i = 0; i < pixels; ++i)
        field.match.push_back({static_cast<std::uint16_t>(planes[pixels + i]), static_cast<std::uint16_t>(planes[i])});
    return field;
}

/// What the program says on both its outputs.
std::string output_of(const std::string& command)
{
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> pipe(popen((command + " 2>&1").c_str(), "r"), pclose);
    if (!pipe)
        throw std::runtime_error("No program can be started.");
    std::string text;
    std::array<char, 4096> piece;
    while (std::fgets(piece.data(), piece.size(), pipe.get()))
        text += piece.data();
    return text;
}

} // namespace

TimedMatches gmic_matchpatch(const FeatureBatch& target, const FeatureBatch& reference, int patch)
{
    const TemporaryFolder folder;
    const auto file = [&](const char* name) { return folder.path() / name; };
    const auto quoted = [&](const char* name) { return " '" + file(name).string() + "'"; };
    const std::string size = std::to_string(patch);
    const std::string command = "LC_ALL=C gmic" + quoted("target.cimg") + quoted("reference.cimg") +
                                " tic 'matchpatch[0]' '[1]," + size + "," + size + ",1," +
                                std::to_string(gmic_iterations) + "," + std::to_string(gmic_randoms) +
                                ",0,1' toc 'o[0]'" + quoted("field.cimg");
    TimedMatches result{{}, 0.0};
    for (int i = 0; i < target.count; ++i) {
        write_cimg(target.map(i), file("target.cimg"));
        write_cimg(reference.map(i), file("reference.cimg"));
        const std::string output = output_of(command);
        std::smatch elapsed;
        if (!std::regex_search(output, elapsed, std::regex("Elapsed time: ([0-9.]+) s")))
            throw std::runtime_error("gmic is not installed, or its matchpatch failed.");
        result.seconds += std::stod(elapsed[1]);
        result.matches.forward.push_back(read_field(file("field.cimg"), target.height, target.width));
    }
    return result;
}

} // namespace chromatch
