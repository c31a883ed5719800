// SPDX-License-Identifier: GPL-3.0-or-later
#include "suggest_procedure.h"

#include "coloring.h"
#include "engine_loader.h"
#include "failure.h"
#include "pixels.h"
#include "procedure.h"
#include "reference.h"
#include "suggestion.h"

#include <glib/gi18n.h>

namespace chromatch::plugin {

namespace {

constexpr int most_suggestions = 1000;

SuggestionSearch search_of(GimpImage* image, GimpProcedureConfig* config)
{
    GFile* folder = nullptr;
    int count = 0;
    g_object_get(config, "folder", &folder, "count", &count, nullptr);
    const ObjectPointer<GFile> owned(folder);
    if (folder == nullptr) {
        bad_argument(_("The folder to look for references in is not given."));
    }
    const FreePointer<char> path(g_file_get_path(folder));
    if (!path) {
        const FreePointer<char> name(g_file_get_parse_name(folder));
        bad_argument(text(_("There is no folder \"%s\"."), name.get()));
    }
    SuggestionSearch search;
    search.folder = path.get();
    search.count = static_cast<std::size_t>(count);
    search.own_file = own_path(image);
    search.models = find_models_folder();
    search.cache_folder = suggestion_cache_folder();
    return search;
}

GimpValueArray* suggest(GimpProcedure* procedure, GimpImage* image, GimpDrawable** drawables,
                        GimpProcedureConfig* config)
{
    GimpLayer* target = check_target(image, drawables);
    const SuggestionSearch search = search_of(image, config);
    gimp_progress_init(_("Looking for references"));
    const EngineFunctions& engine = open_engine();
    Request request;
    fill_request(read_target(GIMP_DRAWABLE(target), engine), request);
    const std::unique_ptr<Colorizer> colorizer = load_networks(engine);
    double posted = 0.0;
    const auto progress = [&posted](std::size_t done, std::size_t total) {
        const double fraction = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1.0;
        if (fraction - posted >= 0.01) {
            gimp_progress_update(fraction);
            posted = fraction;
        }
        return true;
    };
    std::vector<Suggestion> suggestions;
    try {
        suggestions = suggest_references(search, request.luminance, *colorizer, engine, progress);
    } catch (const Error& error) {
        throw failure_of(error, search.models);
    }
    std::vector<const gchar*> paths;
    for (const Suggestion& suggestion : suggestions) {
        paths.push_back(suggestion.path.c_str());
    }
    paths.push_back(nullptr);
    GimpValueArray* values = gimp_procedure_new_return_values(procedure, GIMP_PDB_SUCCESS, nullptr);
    g_value_set_boxed(gimp_value_array_index(values, 1), paths.data());
    return values;
}

GimpValueArray* run_procedure(GimpProcedure* procedure, GimpRunMode /*run_mode*/, GimpImage* image,
                              GimpDrawable** drawables, GimpProcedureConfig* config, gpointer /*data*/) noexcept
{
    return run_guarded(procedure, [&] {
        gegl_init(nullptr, nullptr);
        return suggest(procedure, image, drawables, config);
    });
}

} // namespace

GimpProcedure* create_suggest_procedure(GimpPlugIn* plugin)
{
    GimpProcedure* procedure = gimp_image_procedure_new(plugin, suggest_procedure_name, GIMP_PDB_PROC_TYPE_PLUGIN,
                                                        run_procedure, nullptr, nullptr);
    gimp_procedure_set_image_types(procedure, "*");
    gimp_procedure_set_sensitivity_mask(procedure, GIMP_PROCEDURE_SENSITIVE_DRAWABLE);
    gimp_procedure_set_documentation(
        procedure, _("Find reference photos for a grayscale photo in a folder"),
        _("Looks through the photos of a folder and of the folders inside it for those that suit the layer as "
          "references: they show such things, in colors that it probably has. What was found out about a photo is "
          "kept, so that the next search is quick. Photos without color are passed over."),
        suggest_procedure_name);
    gimp_procedure_set_attribution(procedure, "The Chromatch developers", "The Chromatch developers", "2025");
    // With the action "select folder" GIMP refuses a missing folder by itself, with a sentence that does not name it.
    gimp_procedure_add_file_argument(procedure, "folder", _("_Folder"), _("Folder with the photos to choose from."),
                                     GIMP_FILE_CHOOSER_ACTION_ANY, TRUE, nullptr, G_PARAM_READWRITE);
    gimp_procedure_add_int_argument(procedure, "count", _("_Count"), _("How many photos are named at most."), 1,
                                    most_suggestions, 8, G_PARAM_READWRITE);
    gimp_procedure_add_string_array_return_value(
        procedure, "files", _("Files"), _("Paths of the photos, the one that suits best first."), G_PARAM_READWRITE);
    return procedure;
}

} // namespace chromatch::plugin
