// SPDX-License-Identifier: GPL-3.0-or-later
#include "protocols.h"

#include "distortion.h"
#include "pictures.h"
#include "random.h"

#include <chrono>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>

namespace chromatch {

namespace {

constexpr double nothing = std::numeric_limits<double>::quiet_NaN();
constexpr double trusted_difference = 8; // deltaE76 below which a colour counts as right

struct Coloured {
    LabImage image;
    Plane confidence; ///< empty for methods that have none
    double seconds = nothing;
};

Coloured run(Colorizer& colorizer, const Plane& target, const LabImage* reference, const EvaluationOptions& options)
{
    Request request;
    request.luminance = target;
    if (reference)
        request.references.push_back({*reference, {}});
    request.options.working_size = options.working_size;
    request.options.seed = options.seed;
    const auto start = std::chrono::steady_clock::now();
    Result result = colorizer.colorize(request, nullptr);
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    return {{target, std::move(result.a), std::move(result.b)}, std::move(result.confidence), elapsed.count()};
}

double confidence_auc(const Coloured& result, const LabImage& truth)
{
    if (!result.confidence.same_size(truth.l))
        return nothing;
    std::vector<std::uint8_t> right(truth.l.values.size());
    for (std::size_t i = 0; i < right.size(); ++i)
        right[i] = std::hypot(result.image.a.values[i] - truth.a.values[i],
                              result.image.b.values[i] - truth.b.values[i]) < trusted_difference;
    return auc(result.confidence.values, right);
}

void measure(const Coloured& result, const LabImage& truth, const LabImage* reference, Row& row)
{
    const LabImage& image = result.image;
    const std::vector<std::uint8_t> written = srgb_bytes(image);
    row.of(Figure::psnr_ab).push_back(psnr_ab(image, truth));
    row.of(Figure::ciede2000).push_back(mean_ciede2000(image, truth));
    row.of(Figure::psnr_rgb).push_back(psnr_rgb(image, truth));
    row.of(Figure::colourfulness_ratio).push_back(colourfulness(image) / colourfulness(truth));
    row.of(Figure::chroma_noise).push_back(chroma_noise(image));
    row.of(Figure::unsupported_edges).push_back(unsupported_chroma_edges(image));
    row.of(Figure::histogram_intersection).push_back(reference ? histogram_intersection(image, *reference) : nothing);
    row.of(Figure::delta_l)
        .push_back(mean_delta_l(lab_from_srgb(written.data(), image.l.height, image.l.width), truth));
    row.of(Figure::confidence_auc).push_back(reference ? confidence_auc(result, truth) : nothing);
    row.of(Figure::seconds).push_back(result.seconds);
}

/// A method that turns a gray photo and a reference into a colour photo.
using Method = std::function<Coloured(const Plane& target, const LabImage& reference)>;

/// P2 of one photo: how the result's hue follows the reference's. Gives back the result at 90 degrees.
LabImage measure_obedience(const Method& method, const Plane& target, const LabImage& reference,
                           const LabImage& unturned_result, HueObedience& obedience)
{
    LabImage shown;
    std::vector<double> measured;
    for (std::size_t k = 0; k < applied_rotations.size(); ++k) {
        LabImage result = method(target, turn_hue(reference, applied_rotations[k])).image;
        measured.push_back(hue_rotation(result, unturned_result));
        obedience.measured[k].push_back(measured.back());
        if (applied_rotations[k] == 90)
            shown = std::move(result);
    }
    obedience.slopes.push_back(rotation_slope({applied_rotations.begin(), applied_rotations.end()}, measured));
    return shown;
}

} // namespace

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

Evaluation evaluate(Colorizer& colorizer, const std::vector<NamedPhoto>& photos, const EvaluationOptions& options,
                    const std::function<void(std::size_t photo, const Pictures&)>& after_photo)
{
    const Method network = [&](const Plane& target, const LabImage& reference) {
        return run(colorizer, target, &reference, options);
    };
    const Method lookup = [](const Plane& target, const LabImage& reference) {
        return Coloured{luminance_lookup(target, reference), {}, nothing};
    };
    Row self_network{"P1", "network", {}}, self_lookup{"P1", "look-up", {}}, automatic{"P4", "network", {}};
    Row wrong_network{"P5", "network", {}}, wrong_lookup{"P5", "look-up", {}};
    Row gray{"any", "gray", {}}, true_colours{"any", "truth", {}};
    HueObedience network_obedience{"network", {}, {}}, lookup_obedience{"look-up", {}, {}};

    const std::vector<std::size_t> wrong = wrong_references(photos.size(), options.seed);
    for (std::size_t i = 0; i < photos.size(); ++i) {
        const LabImage& truth = photos[i].image;
        const Plane& target = truth.l;
        Pictures pictures;
        pictures.self_reference =
            distort(truth, draw_distortion(target.height, target.width, named_seed(options.seed, photos[i].name)));

        Coloured result = network(target, pictures.self_reference);
        measure(result, truth, &pictures.self_reference, self_network);
        pictures.self_result = std::move(result.image);
        pictures.turned_result =
            measure_obedience(network, target, pictures.self_reference, pictures.self_result, network_obedience);

        result = lookup(target, pictures.self_reference);
        measure(result, truth, &pictures.self_reference, self_lookup);
        measure_obedience(lookup, target, pictures.self_reference, result.image, lookup_obedience);

        result = run(colorizer, target, nullptr, options);
        measure(result, truth, nullptr, automatic);
        pictures.automatic_result = std::move(result.image);

        if (wrong[i] != i) {
            pictures.wrong_reference = photos[wrong[i]].image;
            result = network(target, pictures.wrong_reference);
            measure(result, truth, &pictures.wrong_reference, wrong_network);
            pictures.wrong_result = std::move(result.image);
            measure(lookup(target, pictures.wrong_reference), truth, &pictures.wrong_reference, wrong_lookup);
        }
        measure({gray_image(target), {}, nothing}, truth, nullptr, gray);
        measure({truth, {}, nothing}, truth, nullptr, true_colours);
        after_photo(i, pictures);
    }
    return {{self_network, self_lookup, automatic, wrong_network, wrong_lookup, gray, true_colours},
            {network_obedience, lookup_obedience}};
}

} // namespace chromatch
