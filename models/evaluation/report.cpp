// SPDX-License-Identifier: GPL-3.0-or-later
#include "report.h"

#include <nlohmann/json.hpp>

#include <algorithm>
#include <cmath>
#include <cstdio>
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
    {Figure::seconds, "seconds", "s/photo", 2, false},
};

/// Over the photos to which the figure applies.
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

const Row* find_row(const Evaluation& evaluation, const char* protocol, const char* method)
{
    for (const Row& row : evaluation.rows)
        if (row.protocol == protocol && row.method == method)
            return &row;
    return nullptr;
}

/// PSNR_ab of one row minus another's, photo by photo, so that its interval is that of the difference.
std::vector<double> psnr_difference(const Row& first, const Row& second)
{
    std::vector<double> difference = first.of(Figure::psnr_ab);
    const std::vector<double>& other = second.of(Figure::psnr_ab);
    for (std::size_t i = 0; i < difference.size(); ++i)
        difference[i] -= other[i];
    return difference;
}

struct Difference {
    const char* key;
    const char* sentence;
    std::vector<double> values;
};

std::vector<Difference> differences(const Evaluation& evaluation)
{
    const Row* self = find_row(evaluation, "P1", "network");
    return {
        {"p1_over_lookup", "P1 network over look-up", psnr_difference(*self, *find_row(evaluation, "P1", "look-up"))},
        {"p1_over_gray", "P1 network over gray", psnr_difference(*self, *find_row(evaluation, "any", "gray"))},
        {"p5_over_p4", "P5 network over P4 (cost of a wrong reference where negative)",
         psnr_difference(*find_row(evaluation, "P5", "network"), *find_row(evaluation, "P4", "network"))}};
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

nlohmann::json interval_json(const std::vector<double>& values, std::uint64_t seed)
{
    const Interval interval = interval_of(values, seed);
    return {{"mean", interval.mean}, {"low", interval.low}, {"high", interval.high}, {"photos", values}};
}

} // namespace

void print_report(std::ostream& out, const Evaluation& evaluation, std::uint64_t seed)
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

    out << "\nPSNR_ab differences, dB\n";
    for (const Difference& difference : differences(evaluation))
        out << "  " << difference.sentence << ": " << with_interval(interval_of(difference.values, seed), 2) << '\n';

    out << "\nP2 slope of the result's hue over the applied rotation (1 obeys, 0 ignores)\n";
    for (const HueObedience& obedience : evaluation.obedience) {
        out << "  " << obedience.method << ": " << with_interval(interval_of(obedience.slopes, seed), 2)
            << "; mean direction at";
        for (std::size_t k = 0; k < applied_rotations.size(); ++k)
            out << (k ? ", " : " ") << applied_rotations[k] << ": " << number(mean_angle(obedience.measured[k]), 0);
        out << '\n';
    }
    out << "\nP1 self-reference, P2 the same with turned hues, P4 no reference, P5 another photo as reference. "
           "Intervals: "
           "95 %, bootstrap over photos.\nAngles are unwrapped along 0, 45, 90, 135, 180 degrees, each to the turn "
           "nearest to the one before.\n";
}

std::string json_report(const Evaluation& evaluation, const std::vector<NamedPhoto>& photos,
                        const EvaluationOptions& options)
{
    nlohmann::json report;
    report["working_size"] = options.working_size;
    report["seed"] = options.seed;
    for (const NamedPhoto& photo : photos)
        report["photos"].push_back(photo.name);
    for (const Row& row : evaluation.rows) {
        nlohmann::json figures{{"protocol", row.protocol}, {"method", row.method}};
        for (const Column& column : columns)
            figures[column.key] = interval_json(row.of(column.figure), options.seed);
        report["rows"].push_back(figures);
    }
    for (const Difference& difference : differences(evaluation))
        report["psnr_ab_differences"][difference.key] = interval_json(difference.values, options.seed);
    for (const HueObedience& obedience : evaluation.obedience) {
        nlohmann::json entry{{"method", obedience.method}, {"slope", interval_json(obedience.slopes, options.seed)}};
        for (std::size_t k = 0; k < applied_rotations.size(); ++k)
            entry["measured_degrees"].push_back({{"applied", applied_rotations[k]}, {"photos", obedience.measured[k]}});
        report["p2"].push_back(entry);
    }
    return report.dump(1) + "\n";
}

} // namespace chromatch
