// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocols.h"

#include "distortion.h"
#include "matching/parallel.h"
#include "pictures.h"
#include "random.h"
#include "resampling/resize.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace chromatch {

namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
constexpr double trusted_difference = 8; // deltaE76 below which a colour counts as right
constexpr int hint_count = 24;

/// How well the confidence tells where a, b is right. All of one size.
double confidence_auc(const Plane& confidence, const Plane& a, const Plane& b, const Plane& true_a, const Plane& true_b)
{
    if (!confidence.same_size(a))
        return nothing;
    std::vector<std::uint8_t> right(a.values.size());
    for (std::size_t i = 0; i < right.size(); ++i)
        right[i] = std::hypot(a.values[i] - true_a.values[i], b.values[i] - true_b.values[i]) < trusted_difference;
    return auc(confidence.values, right);
}

double gate_auc(const Coloured& result, const LabImage& truth)
{
    const Plane &a = result.matched_a, &b = result.matched_b;
    if (a.empty())
        return nothing;
    const auto small = [&](const Plane& plane) { return resize(plane, a.height, a.width); };
    return confidence_auc(small(result.confidence), a, b, small(truth.a), small(truth.b));
}

/// Fills a row's values of one photo.
void measure(const Coloured& result, const LabImage& truth, const std::optional<LabImage>& reference, std::size_t photo,
             Row& row)
{
    const LabImage& image = result.image;
    const std::vector<std::uint8_t> bytes = srgb_bytes(image);
    const LabImage written = lab_from_srgb(bytes.data(), image.l.height, image.l.width);
    row.of(Figure::psnr_ab)[photo] = psnr_ab(image, truth);
    row.of(Figure::ciede2000)[photo] = mean_ciede2000(image, truth);
    row.of(Figure::psnr_rgb)[photo] = psnr_rgb(image, truth);
    row.of(Figure::colourfulness_ratio)[photo] = colourfulness(image) / colourfulness(truth);
    row.of(Figure::chroma_noise)[photo] = chroma_noise(image);
    row.of(Figure::unsupported_edges)[photo] = unsupported_chroma_edges(image);
    row.of(Figure::histogram_intersection)[photo] = reference ? histogram_intersection(image, *reference) : nothing;
    row.of(Figure::delta_l)[photo] = mean_delta_l(written, truth);
    row.of(Figure::confidence_auc)[photo] =
        reference ? confidence_auc(result.confidence, image.a, image.b, truth.a, truth.b) : nothing;
    row.of(Figure::gate_auc)[photo] = reference ? gate_auc(result, truth) : nothing;
    row.of(Figure::seconds)[photo] = result.seconds;
    row.hue_faults[photo] = count_hue_faults(image, truth);
}

bool takes_part(const Method& method, const Trial& trial)
{
    if (!trial.hints.mask.empty() && !method.takes_hints)
        return false;
    if (trial.protocol == "any" || method.reference == Method::Reference::ignored)
        return trial.protocol == "any" && method.reference == Method::Reference::ignored;
    return trial.reference || method.reference == Method::Reference::optional;
}

/// The references that one photo is coloured from.
std::vector<Trial> make_trials(const std::vector<NamedPhoto>& photos, std::size_t photo, const LabImage* suitable,
                               std::size_t wrong, const EvaluationOptions& options)
{
    const auto wanted = [&](const char* protocol) { return options.protocols.contains(protocol); };
    const LabImage& truth = photos[photo].image;
    std::vector<Trial> trials;
    if (wanted("P1") || wanted("P2")) {
        const auto distortion =
            draw_distortion(truth.l.height, truth.l.width, named_seed(options.seed, photos[photo].name));
        const LabImage itself = distort(truth, distortion);
        trials.push_back({"P1", 0, itself}); // P2 too needs the result at 0 degrees
        if (wanted("P2"))
            for (const double degrees : applied_rotations)
                trials.push_back({"P2", degrees, turn_hue(itself, degrees)});
    }
    if (wanted("P3") && suitable)
        trials.push_back({"P3", 0, *suitable});
    if (wanted("P4"))
        trials.push_back({"P4", 0, {}});
    if (wanted("P4h"))
        trials.push_back({"P4h", 0, {}, draw_hints(truth, hint_count, named_seed(options.seed, photos[photo].name))});
    if (wanted("P5") && wrong != photo)
        trials.push_back({"P5", 0, photos[wrong].image});
    trials.push_back({"any", 0, {}});
    return trials;
}

/// Fills the trials' results: methods that want to be alone one after the other, then the rest on all cores.
void colour(const std::vector<Method>& methods, const Plane& target, std::vector<Trial>& trials)
{
    std::vector<std::function<void()>> shared;
    for (Trial& trial : trials) {
        trial.results.resize(methods.size());
        for (std::size_t m = 0; m < methods.size(); ++m) {
            if (!takes_part(methods[m], trial))
                continue;
            const auto work = [&methods, &target, &trial, m] {
                trial.results[m] =
                    methods[m].colour(target, trial.reference ? &*trial.reference : nullptr, trial.hints);
            };
            if (methods[m].alone)
                work();
            else
                shared.push_back(work);
        }
    }
    parallel_for(static_cast<int>(shared.size()), 1, 0, [&](int first, int) { shared[first](); });
}

/// Rows without values for every method of every protocol that is measured, protocol by protocol, and the truth's.
std::vector<Row> empty_rows(const std::vector<Method>& methods, const EvaluationOptions& options, std::size_t targets)
{
    std::vector<Row> rows;
    const auto add = [&](const std::string& protocol, const std::string& method) {
        Row row{protocol, method, {}, std::vector<HueFaults>(targets)};
        row.figures.fill(std::vector<double>(targets, nothing));
        rows.push_back(std::move(row));
    };
    for (const std::string protocol : {"P1", "P3", "P4", "P4h", "P5", "any"}) {
        if (protocol != "any" && !options.protocols.contains(protocol))
            continue;
        Trial trial{protocol, 0, {}};
        if (protocol == "P4h")
            trial.hints.mask = Plane(1, 1);
        else if (protocol != "P4" && protocol != "any")
            trial.reference.emplace();
        for (const Method& method : methods)
            if (takes_part(method, trial))
                add(protocol, method.name);
    }
    add("any", "truth");
    return rows;
}

void measure_trials(const std::vector<Method>& methods, const LabImage& truth, const std::vector<Trial>& trials,
                    std::size_t photo, std::vector<Row>& rows)
{
    parallel_for(static_cast<int>(rows.size()), 1, 0, [&](int first, int) {
        Row& row = rows[first];
        if (row.method == "truth")
            return measure({truth, {}}, truth, {}, photo, row);
        for (const Trial& trial : trials)
            for (std::size_t m = 0; m < methods.size(); ++m)
                if (trial.protocol == row.protocol && methods[m].name == row.method)
                    measure(trial.results[m], truth, trial.reference, photo, row);
    });
}

/// P2 of one photo: how the results' hue follows the reference's.
void measure_obedience(const std::vector<Method>& methods, const std::vector<Trial>& trials, std::size_t photo,
                       std::vector<HueObedience>& obedience)
{
    for (HueObedience& entry : obedience) {
        const auto method = std::find_if(methods.begin(), methods.end(),
                                         [&](const Method& candidate) { return candidate.name == entry.method; });
        const std::size_t m = method - methods.begin();
        const LabImage* unturned = nullptr;
        std::vector<double> measured;
        for (const Trial& trial : trials) {
            if (trial.protocol == "P1")
                unturned = &trial.results[m].image;
            if (trial.protocol != "P2")
                continue;
            const std::size_t k = measured.size();
            measured.push_back(hue_rotation(trial.results[m].image, *unturned));
            entry.measured[k][photo] = measured.back();
        }
        entry.slopes[photo] = rotation_slope({applied_rotations.begin(), applied_rotations.end()}, measured);
    }
}

std::vector<HueObedience> empty_obedience(const std::vector<Method>& methods, const EvaluationOptions& options,
                                          std::size_t targets)
{
    std::vector<HueObedience> obedience;
    if (!options.protocols.contains("P2"))
        return obedience;
    for (const Method& method : methods) {
        if (method.reference == Method::Reference::ignored)
            continue;
        obedience.push_back({method.name, std::vector<double>(targets, nothing), {}});
        obedience.back().measured.fill(std::vector<double>(targets, nothing));
    }
    return obedience;
}

} // namespace

const Row* Evaluation::find(const std::string& protocol, const std::string& method) const
{
    const Row* found = nullptr;
    for (const Row& row : rows)
        if (row.method == method && (row.protocol == protocol || row.protocol == "any"))
            found = &row;
    return found;
}

std::vector<std::size_t> wrong_references(std::size_t count, std::uint64_t seed)
{
    std::vector<std::size_t> order(count);
    std::iota(order.begin(), order.end(), std::size_t{0});
    Random random(named_seed(seed, "wrong references"));
    for (std::size_t i = count; i > 1; --i)
        std::swap(order[i - 1], order[random.index(i - 1)]);
    return order;
}

LabImage turn_hue(const LabImage& image, double degrees)
{
    const double angle = degrees * std::numbers::pi / 180;
    const auto cosine = static_cast<float>(std::cos(angle)), sine = static_cast<float>(std::sin(angle));
    LabImage turned = image;
    for (std::size_t i = 0; i < image.a.values.size(); ++i) {
        const float a = image.a.values[i], b = image.b.values[i];
        turned.a.values[i] = cosine * a - sine * b;
        turned.b.values[i] = sine * a + cosine * b;
    }
    return turned;
}

Hints draw_hints(const LabImage& truth, int count, std::uint64_t seed)
{
    const int height = truth.l.height, width = truth.l.width;
    const int side = std::max(1, std::min(height, width) / 64);
    Hints hints{Plane(height, width), Plane(height, width), Plane(height, width)};
    Random random(named_seed(seed, "hints"));
    for (int i = 0; i < count; ++i) {
        const int top = static_cast<int>(random.index(height - side + 1));
        const int left = static_cast<int>(random.index(width - side + 1));
        for (int y = top; y < top + side; ++y)
            for (int x = left; x < left + side; ++x) {
                hints.a.at(y, x) = truth.a.at(top + side / 2, left + side / 2);
                hints.b.at(y, x) = truth.b.at(top + side / 2, left + side / 2);
                hints.mask.at(y, x) = 1;
            }
    }
    return hints;
}

Evaluation evaluate(const std::vector<Method>& methods, const std::vector<NamedPhoto>& photos,
                    const std::vector<const LabImage*>& references, const EvaluationOptions& options,
                    const std::function<void(std::size_t photo, const std::vector<Trial>&)>& after_photo)
{
    const std::size_t targets = std::min(photos.size(), options.targets);
    const std::vector<std::size_t> wrong = wrong_references(photos.size(), options.seed);
    Evaluation evaluation{empty_rows(methods, options, targets), empty_obedience(methods, options, targets)};
    for (std::size_t i = 0; i < targets; ++i) {
        const LabImage& truth = photos[i].image;
        const LabImage* suitable = options.protocols.contains("P3") ? references.at(i) : nullptr;
        std::vector<Trial> trials = make_trials(photos, i, suitable, wrong[i], options);
        colour(methods, truth.l, trials);
        measure_trials(methods, truth, trials, i, evaluation.rows);
        measure_obedience(methods, trials, i, evaluation.obedience);
        after_photo(i, trials);
    }
    return evaluation;
}

} // namespace chromatch
