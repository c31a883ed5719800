// SPDX-License-Identifier: GPL-3.0-or-later
#include "report.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <limits>
#include <numeric>
#include <optional>
#include <ostream>

namespace chromatch {

namespace {

struct Column {
    Figure figure;
    const char* key; ///< in JSON
    const char* heading;
    int decimals;
    bool with_interval; ///< in the table; JSON always has it
};

constexpr Column columns[figure_count] = {
    {Figure::psnr_ab, "psnr_ab", "PSNR_ab dB", 2, true},
    {Figure::ciede2000, "ciede2000", "CIEDE2000", 2, true},
    {Figure::psnr_rgb, "psnr_rgb", "PSNR_rgb dB", 2, true},
    {Figure::colourfulness_ratio, "colourfulness_ratio", "CF/truth", 2, false},
    {Figure::chroma_noise, "chroma_noise", "CNI", 3, false},
    {Figure::unsupported_edges, "unsupported_chroma_edges", "UCE", 3, false},
    {Figure::histogram_intersection, "histogram_intersection", "HIS", 2, false},
    {Figure::delta_l, "delta_l", "|dL|", 3, false},
    {Figure::confidence_auc, "confidence_auc", "AUC", 2, false},
    {Figure::gate_auc, "gate_auc", "gate AUC", 3, false},
    {Figure::seconds, "seconds", "s/photo", 2, false},
};

/// Over the photos to which the figure applies. An infinite PSNR (equal chroma) does not count.
Interval interval_of(std::vector<double> values, std::uint64_t seed)
{
    std::erase_if(values, [](double value) { return !std::isfinite(value); });
    return bootstrap_mean(values, seed);
}

std::string number(double value, int decimals)
{
    if (!std::isfinite(value))
        return "-";
    char text[64];
    std::snprintf(text, sizeof text, "%.*f", decimals, value);
    return text;
}

std::string with_interval(const Interval& interval, int decimals)
{
    if (!std::isfinite(interval.mean))
        return "-";
    return number(interval.mean, decimals) + " [" + number(interval.low, decimals) + ", " +
           number(interval.high, decimals) + "]";
}

using Table = std::vector<std::vector<std::string>>;

void print_table(std::ostream& out, const Table& table)
{
    std::vector<std::size_t> widths(table[0].size(), 0);
    for (const auto& line : table)
        for (std::size_t i = 0; i < line.size(); ++i)
            widths[i] = std::max(widths[i], line[i].size());
    for (const auto& line : table) {
        std::string text;
        for (std::size_t i = 0; i < line.size(); ++i) {
            const std::string padding(widths[i] - line[i].size(), ' ');
            text += i < 2 ? line[i] + padding + "  " : padding + line[i] + "  "; // names left, figures right
        }
        text.erase(text.find_last_not_of(' ') + 1);
        out << text << '\n';
    }
}

/// One figure of one row minus another's, photo by photo, so that its interval is that of the difference.
struct Difference {
    std::string protocol, method, other_protocol, other_method;
    const Column* column;
    std::vector<double> values;
};

Difference difference(const Row& row, const std::string& protocol, const Row& other, const std::string& other_protocol,
                      Figure figure)
{
    const auto column = std::find_if(std::begin(columns), std::end(columns),
                                     [&](const Column& candidate) { return candidate.figure == figure; });
    Difference result{protocol, row.method, other_protocol, other.method, column, row.of(figure)};
    for (std::size_t i = 0; i < result.values.size(); ++i)
        result.values[i] -= other.of(figure)[i];
    return result;
}

constexpr Figure compared_figures[] = {Figure::psnr_ab, Figure::ciede2000};

/// The network minus every other method with the same reference, and minus itself without a reference.
std::vector<Difference> differences(const Evaluation& evaluation)
{
    std::vector<Difference> result;
    std::vector<std::string> others;
    for (const Row& row : evaluation.rows)
        if (row.method != "network" && row.method != "truth" &&
            std::find(others.begin(), others.end(), row.method) == others.end())
            others.push_back(row.method);
    const auto compare = [&](const std::string& protocol, const std::string& other_protocol, const std::string& other) {
        const Row* first = evaluation.find(protocol, "network");
        const Row* second = evaluation.find(other_protocol, other);
        if (first && second)
            for (const Figure figure : compared_figures)
                result.push_back(difference(*first, protocol, *second, other_protocol, figure));
    };
    for (const char* protocol : {"P1", "P3", "P5"})
        for (const std::string& other : others)
            compare(protocol, protocol, other);
    compare("P3", "P4", "network");
    compare("P5", "P4", "network");
    compare("P4h", "P4", "network");
    return result;
}

bool excludes_zero(const Interval& interval)
{
    return interval.low > 0 || interval.high < 0;
}

std::string verdict(const Interval& interval, Figure figure)
{
    if (!std::isfinite(interval.mean))
        return "-";
    if (!excludes_zero(interval))
        return "open: contains 0";
    return (interval.mean > 0) == (figure == Figure::psnr_ab) ? "better: excludes 0" : "worse: excludes 0";
}

void print_differences(std::ostream& out, const Evaluation& evaluation, std::uint64_t seed)
{
    const std::vector<Difference> all = differences(evaluation);
    if (all.empty())
        return;
    Table table{{"", "minus", "figure", "difference", "network is"}};
    for (const Difference& one : all) {
        const Interval interval = interval_of(one.values, seed);
        const std::string other =
            one.other_protocol == one.protocol ? one.other_method : one.other_protocol + " " + one.other_method;
        table.push_back({one.protocol, other, one.column->heading, with_interval(interval, one.column->decimals),
                         verdict(interval, one.column->figure)});
    }
    out << "\nThe network minus other methods, photo by photo (PSNR_ab: more is better; CIEDE2000: less)\n";
    print_table(out, table);
}

/// Wrong and coloured pixels of a row's chosen photos; of one family, or of all.
struct Shares {
    std::vector<double> wrong, coloured;
};

Shares shares_of(const Row& row, const std::vector<bool>& chosen, std::optional<int> family)
{
    Shares shares;
    for (std::size_t i = 0; i < row.hue_faults.size(); ++i) {
        if (!chosen[i])
            continue;
        const HueFaults& faults = row.hue_faults[i];
        const auto sum = [&](const std::array<double, hue_family_count>& counts) {
            return family ? counts[*family] : std::accumulate(counts.begin(), counts.end(), 0.0);
        };
        shares.wrong.push_back(sum(faults.wrong));
        shares.coloured.push_back(sum(faults.coloured));
    }
    return shares;
}

/// Share of wrong pixels, in [0, 1].
Interval wrong_share(const Row& row, const std::vector<bool>& chosen, std::optional<int> family, std::uint64_t seed)
{
    const Shares shares = shares_of(row, chosen, family);
    return bootstrap_ratio(shares.wrong, shares.coloured, seed);
}

/// A row's wrong pixels over the look-up's with the same reference; NaN without a look-up.
Interval wrong_against_lookup(const Evaluation& evaluation, const Row& row, const std::vector<bool>& chosen,
                              std::uint64_t seed)
{
    constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
    const Row* lookup = evaluation.find(row.protocol, "look-up");
    if (!lookup)
        return {nothing, nothing, nothing};
    return bootstrap_ratio(shares_of(row, chosen, {}).wrong, shares_of(*lookup, chosen, {}).wrong, seed);
}

bool counts_hues(const Row& row)
{
    return row.protocol != "P5" && row.method != "truth";
}

void print_hue_faults(std::ostream& out, const Evaluation& evaluation, const std::vector<bool>& plants,
                      std::uint64_t seed)
{
    const auto photos = std::count(plants.begin(), plants.end(), true);
    if (photos == 0)
        return;
    Table table{{"", "method", "wrong %", "of the look-up's"}};
    table[0].insert(table[0].end(), std::begin(hue_family_names), std::end(hue_family_names));
    for (const Row& row : evaluation.rows) {
        if (!counts_hues(row))
            continue;
        const auto percent = [&](std::optional<int> family) {
            Interval share = wrong_share(row, plants, family, seed);
            return Interval{100 * share.mean, 100 * share.low, 100 * share.high};
        };
        table.push_back({row.protocol, row.method, with_interval(percent({}), 1),
                         with_interval(wrong_against_lookup(evaluation, row, plants, seed), 2)});
        for (int family = 0; family < hue_family_count; ++family)
            table.back().push_back(number(percent(family).mean, 1));
    }
    out << "\nFlowers and leaves, " << photos
        << " photos: share of pixels of the wrong hue. Of the pixels whose true chroma "
        << "is at least " << coloured_chroma << ",\nthose whose hue is off by more than " << largest_hue_error
        << " degrees or whose chroma is below " << colourless_chroma
        << "; then, in %, by true hue.\nThe pixels of all photos count together.\n";
    print_table(out, table);
}

/// Mean of angles as the direction of their sum, in degrees.
double mean_angle(const std::vector<double>& degrees)
{
    double sine = 0, cosine = 0;
    for (const double angle : degrees) {
        sine += std::sin(angle * std::acos(-1.0) / 180);
        cosine += std::cos(angle * std::acos(-1.0) / 180);
    }
    return std::atan2(sine, cosine) * 180 / std::acos(-1.0);
}

void print_obedience(std::ostream& out, const Evaluation& evaluation, std::uint64_t seed)
{
    if (evaluation.obedience.empty())
        return;
    out << "\nP2 slope of the result's hue over the applied rotation: 1 obeys, 0 ignores. Angles are unwrapped, each "
           "to\n"
           "the turn nearest to that of the rotation before.\n";
    for (const HueObedience& obedience : evaluation.obedience) {
        out << "  " << obedience.method << ": " << with_interval(interval_of(obedience.slopes, seed), 2)
            << "; mean direction at";
        for (std::size_t k = 0; k < applied_rotations.size(); ++k)
            out << (k ? ", " : " ") << applied_rotations[k] << ": " << number(mean_angle(obedience.measured[k]), 0);
        out << '\n';
    }
}

nlohmann::json interval_json(const std::vector<double>& values, std::uint64_t seed)
{
    const Interval interval = interval_of(values, seed); // "photos" may hold null where a figure does not apply
    return {{"mean", interval.mean}, {"low", interval.low}, {"high", interval.high}, {"photos", values}};
}

nlohmann::json bounds_json(const Interval& interval)
{
    return {{"mean", interval.mean}, {"low", interval.low}, {"high", interval.high}};
}

nlohmann::json hue_faults_json(const Evaluation& evaluation, const Row& row, const std::vector<bool>& plants,
                               std::uint64_t seed)
{
    nlohmann::json result{{"plants", bounds_json(wrong_share(row, plants, {}, seed))},
                          {"plants_against_look_up", bounds_json(wrong_against_lookup(evaluation, row, plants, seed))}};
    for (int family = 0; family < hue_family_count; ++family)
        result["plants_by_family"][hue_family_names[family]] = bounds_json(wrong_share(row, plants, family, seed));
    for (const HueFaults& faults : row.hue_faults)
        result["photos"].push_back({{"coloured", faults.coloured}, {"wrong", faults.wrong}});
    return result;
}

} // namespace

void print_report(std::ostream& out, const Evaluation& evaluation, const std::vector<bool>& plants, std::uint64_t seed)
{
    Table table{{"", "method"}};
    for (const Column& column : columns)
        table[0].push_back(column.heading);
    for (const Row& row : evaluation.rows) {
        table.push_back({row.protocol, row.method});
        for (const Column& column : columns) {
            const Interval interval = interval_of(row.of(column.figure), seed);
            table.back().push_back(column.with_interval ? with_interval(interval, column.decimals)
                                                        : number(interval.mean, column.decimals));
        }
    }
    print_table(out, table);

    print_differences(out, evaluation, seed);
    print_hue_faults(out, evaluation, plants, seed);
    print_obedience(out, evaluation, seed);
    out << "\nP1 self-reference, P2 the same with turned hues, P3 a suitable other photo as reference, P4 no "
           "reference\n"
           "(methods without a row there give gray), P5 any other photo as reference. Intervals: 95 %, bootstrap over\n"
           "photos.\n";
}

std::string json_report(const Evaluation& evaluation, const std::vector<std::string>& photos,
                        const std::vector<bool>& plants, int working_size, std::uint64_t seed)
{
    nlohmann::json report{{"working_size", working_size}, {"seed", seed}, {"photos", photos}, {"plants", plants}};
    for (const Row& row : evaluation.rows) {
        nlohmann::json entry{{"protocol", row.protocol}, {"method", row.method}};
        for (const Column& column : columns)
            entry[column.key] = interval_json(row.of(column.figure), seed);
        entry["hue_faults"] = hue_faults_json(evaluation, row, plants, seed);
        report["rows"].push_back(entry);
    }
    for (const Difference& one : differences(evaluation)) {
        nlohmann::json entry = interval_json(one.values, seed);
        entry["first"] = {one.protocol, one.method};
        entry["second"] = {one.other_protocol, one.other_method};
        entry["figure"] = one.column->key;
        entry["excludes_zero"] = excludes_zero(interval_of(one.values, seed));
        report["differences"].push_back(entry);
    }
    for (const HueObedience& obedience : evaluation.obedience) {
        nlohmann::json entry{{"method", obedience.method}, {"slope", interval_json(obedience.slopes, seed)}};
        for (std::size_t k = 0; k < applied_rotations.size(); ++k)
            entry["measured_degrees"].push_back({{"applied", applied_rotations[k]}, {"photos", obedience.measured[k]}});
        report["p2"].push_back(entry);
    }
    return report.dump(1) + "\n";
}

} // namespace chromatch
