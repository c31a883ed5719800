// SPDX-License-Identifier: GPL-3.0-or-later
#include "coloring.h"

#include "engine_loader.h"
#include "failure.h"

#include <glib/gi18n.h>

#include <algorithm>
#include <optional>
#include <utility>

namespace chromatch::plugin {

namespace {

const char* stage_name(Stage stage)
{
    switch (stage) {
    case Stage::preparing:
        return _("Preparing the images");
    case Stage::features:
        return _("Looking at the images");
    case Stage::matching:
        return _("Matching the reference");
    case Stage::coloring:
        return _("Choosing colors");
    case Stage::upsampling:
        return _("Coloring at full size");
    }
    return "";
}

/// Posts the engine's progress to GIMP. Each post is a round trip to another process, so small steps are left out.
class ProgressPoster {
  public:
    /// For one of several turns of the engine, the first being 0.
    ProgressPoster(std::size_t turn, std::size_t turns) : turn_(turn), turns_(turns) {}

    bool operator()(double fraction, Stage stage)
    {
        if (stage != stage_) {
            gimp_progress_set_text(stage_name(stage));
            stage_ = stage;
        }
        const double whole = (static_cast<double>(turn_) + fraction) / static_cast<double>(turns_);
        if (whole - posted_ >= 0.01) {
            gimp_progress_update(engine_begins + (engine_ends - engine_begins) * whole);
            posted_ = whole;
        }
        return true;
    }

  private:
    std::size_t turn_;
    std::size_t turns_;
    double posted_ = -1.0;
    std::optional<Stage> stage_;
};

[[noreturn]] void too_little_memory()
{
    failed(_("There is not enough memory to color the layer."));
}

/// The next smaller working size; says why. Throws Failure where there is none.
int smaller_working_size(int size)
{
    if (size <= minimum_working_size) {
        too_little_memory();
    }
    const int smaller = std::max(minimum_working_size, size / 2);
    gimp_message(text(_("There is not enough memory for the working size %d; trying %d."), size, smaller).c_str());
    return smaller;
}

/// Where there is not enough memory, the working size is halved, and stays so for the next references.
LayerColors color_once(Colorizer& colorizer, Request& request, ProgressPoster progress, std::string name)
{
    for (;;) {
        try {
            Result result = colorizer.colorize(request, progress);
            if (!result.device_failure.empty()) {
                gimp_message(
                    text(_("The CUDA device failed (%s); the processor did its work."), result.device_failure.c_str())
                        .c_str());
            }
            return {std::move(name), std::move(result.a), std::move(result.b)};
        } catch (const Error& error) {
            if (error.code() != ErrorCode::out_of_memory) {
                throw;
            }
        }
        request.options.working_size = smaller_working_size(request.options.working_size);
    }
}

} // namespace

std::unique_ptr<Colorizer> load_networks(const EngineFunctions& engine)
{
    const std::filesystem::path models = find_models_folder();
    try {
        return engine.load_colorizer({.models_folder = models});
    } catch (const Error& error) {
        if (error.code() == ErrorCode::out_of_memory) {
            too_little_memory(); // before any working size counts
        }
        throw failure_of(error, models);
    }
}

std::vector<LayerColors> color_request(Colorizer& colorizer, Request& request, std::vector<NamedReference> references,
                                       const std::string& blended_name, Combination combination)
{
    std::vector<LayerColors> results;
    try {
        if (combination == Combination::separate && references.size() > 1) {
            for (std::size_t i = 0; i < references.size(); ++i) {
                request.references.clear();
                request.references.push_back(std::move(references[i].picture));
                results.push_back(color_once(colorizer, request, ProgressPoster(i, references.size()),
                                             std::move(references[i].layer_name)));
            }
        } else {
            for (NamedReference& reference : references) {
                request.references.push_back(std::move(reference.picture));
            }
            results.push_back(color_once(colorizer, request, ProgressPoster(0, 1), blended_name));
        }
    } catch (const Error& error) {
        throw failure_of(error, {});
    }
    return results;
}

} // namespace chromatch::plugin
