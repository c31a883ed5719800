// SPDX-License-Identifier: GPL-3.0-or-later
#include "photo_lists.h"

#include <cctype>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <stdexcept>

namespace chromatch {

namespace {

std::vector<std::string> fields(const std::string& line)
{
    std::vector<std::string> result;
    std::istringstream stream(line);
    for (std::string field; std::getline(stream, field, '\t');)
        result.push_back(field);
    return result;
}

/// Target -> reference, as the file has them.
std::map<std::string, std::string> read_all_pairs(const std::filesystem::path& file)
{
    std::ifstream stream(file);
    if (!stream)
        throw std::runtime_error(file.string() + ": the list of pairs cannot be opened.");
    std::map<std::string, std::string> pairs;
    int number = 0;
    for (std::string line; std::getline(stream, line);) {
        ++number;
        const auto fail = [&](const std::string& what) {
            throw std::runtime_error(file.string() + ", line " + std::to_string(number) + ": " + what);
        };
        if (line.empty() || line[0] == '#')
            continue;
        const std::vector<std::string> names = fields(line);
        if (names.size() != 2 || names[0].empty() || names[1].empty())
            fail("two names with a tab between them were expected.");
        if (names[0] == names[1])
            fail(names[0] + " is its own reference.");
        if (!pairs.emplace(names[0], names[1]).second)
            fail(names[0] + " has a reference already.");
    }
    return pairs;
}

const std::set<std::string> plant_words{"flower",     "flowers",    "rose",   "roses",  "leaf",   "leaves", "garden",
                                        "greenhouse", "rainforest", "bamboo", "forest", "bonsai", "tree"};

bool has_plant_word(const std::string& text)
{
    std::string word;
    for (const char c : text + " ") {
        if (std::isalpha(static_cast<unsigned char>(c)))
            word += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        else if (plant_words.contains(word))
            return true;
        else
            word.clear();
    }
    return false;
}

} // namespace

std::vector<std::string> read_pairs(const std::filesystem::path& file, const std::vector<std::string>& targets)
{
    const std::map<std::string, std::string> pairs = read_all_pairs(file);
    std::vector<std::string> references;
    for (const std::string& target : targets) {
        const auto pair = pairs.find(target);
        if (pair == pairs.end())
            throw std::runtime_error(file.string() + ": there is no line for the photo " + target + ".");
        references.push_back(pair->second);
    }
    return references;
}

std::vector<bool> find_plants(const std::filesystem::path& sources, const std::vector<std::string>& names)
{
    std::set<std::string> plants;
    std::ifstream stream(sources);
    for (std::string line; std::getline(stream, line);)
        if (const auto columns = fields(line);
            columns.size() >= 4 && has_plant_word(columns[3] == "-" ? columns[2] : columns[3]))
            plants.insert(columns[0]);
    std::vector<bool> result;
    for (const std::string& name : names)
        result.push_back(name.starts_with("flowers102_") || name.starts_with("butterflies_") || plants.contains(name));
    return result;
}

} // namespace chromatch
