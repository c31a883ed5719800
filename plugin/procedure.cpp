// SPDX-License-Identifier: GPL-3.0-or-later
//
// A run of a procedure, from its arguments to the new layer.
#include "procedure.h"

#include "color_layer.h"
#include "coloring.h"
#include "dialog.h"
#include "engine_loader.h"
#include "failure.h"
#include "hints.h"
#include "reference.h"
#include "settings.h"
#include "suggest_procedure.h"

#include <glib/gi18n.h>

#include <cstring>
#include <utility>

namespace chromatch::plugin {

namespace {

constexpr int longest_side = 65535;

/// The image is read first, then everything is computed, then the image is changed: what fails or is cancelled on the
/// way leaves the image as it was.
void run(Task task, GimpProcedure* procedure, GimpRunMode run_mode, GimpImage* image, GimpDrawable** drawables,
         GimpProcedureConfig* config)
{
    GimpLayer* target = check_target(image, drawables);
    std::unique_ptr<Colorizer> colorizer;
    if (run_mode == GIMP_RUN_INTERACTIVE) {
        DialogResult chosen = run_dialog(procedure, config, task, target);
        if (!chosen.accepted) {
            throw Failure{GIMP_PDB_CANCEL, {}};
        }
        colorizer = std::move(chosen.colorizer);
    }
    const auto check_target_is_there = [target] {
        // GIMP stays usable while the dialog is open and while the engine works.
        if (!gimp_item_is_valid(GIMP_ITEM(target))) {
            failed(_("The layer to be colored was deleted in the meantime."));
        }
    };
    check_target_is_there();
    const Settings settings = read_settings(config, task, run_mode, image);
    check_references(settings, target);
    check_hints(settings, target);

    gimp_progress_init(_("Reading the images"));
    const EngineFunctions& engine = open_engine();
    const TargetPixels pixels = read_target(GIMP_DRAWABLE(target), engine);
    Request request;
    request.options = settings.options;
    fill_request(pixels, request);
    colored_part(request, target); // before the work that nobody would see
    request.hints = load_hints(settings, target, engine);
    std::vector<NamedReference> references = load_references(settings, target, engine);
    const std::string name = blended_layer_name(settings, image, references);

    if (!colorizer) {
        gimp_progress_set_text(_("Loading the networks"));
        gimp_progress_update(engine_begins / 2);
        colorizer = load_networks(engine);
    }
    const std::vector<LayerColors> results =
        color_request(*colorizer, request, std::move(references), name, settings.combination);
    colorizer.reset();
    request = {}; // a large photo's planes are not needed twice
    check_target_is_there();

    gimp_progress_set_text(_("Adding the layer"));
    gimp_progress_update(engine_ends);
    add_color_layers(image, target, pixels, results, settings.output, engine);
    if (run_mode == GIMP_RUN_INTERACTIVE) {
        remember_layers(settings, task);
    }
    gimp_progress_update(1.0);
    gimp_displays_flush();
}

/// GIMP's callback.
GimpValueArray* run_procedure(GimpProcedure* procedure, GimpRunMode run_mode, GimpImage* image,
                              GimpDrawable** drawables, GimpProcedureConfig* config, gpointer task) noexcept
{
    return run_guarded(procedure, [&] {
        gegl_init(nullptr, nullptr);
        run(static_cast<Task>(GPOINTER_TO_INT(task)), procedure, run_mode, image, drawables, config);
        return gimp_procedure_new_return_values(procedure, GIMP_PDB_SUCCESS, nullptr);
    });
}

/// What both procedures have in common.
GimpProcedure* new_procedure(GimpPlugIn* plugin, const char* name, Task task, const char* menu_label)
{
    GimpProcedure* procedure = gimp_image_procedure_new(plugin, name, GIMP_PDB_PROC_TYPE_PLUGIN, run_procedure,
                                                        GINT_TO_POINTER(static_cast<int>(task)), nullptr);
    gimp_procedure_set_image_types(procedure, "*");
    gimp_procedure_set_sensitivity_mask(procedure, GIMP_PROCEDURE_SENSITIVE_DRAWABLE);
    gimp_procedure_set_menu_label(procedure, menu_label);
    gimp_procedure_set_icon_name(procedure, "gimp-tool-colorize");
    gimp_procedure_add_menu_path(procedure, "<Image>/Filters");
    gimp_procedure_set_attribution(procedure, "The Chromatch developers", "The Chromatch developers", "2025");
    add_arguments(procedure, task);
    return procedure;
}

GimpProcedure* create_reference_procedure(GimpPlugIn* plugin)
{
    GimpProcedure* procedure =
        new_procedure(plugin, procedure_name, Task::from_reference, _("Colorize from _Reference..."));
    gimp_procedure_add_menu_path(procedure, "<Image>/Colors/Map");
    gimp_procedure_set_documentation(
        procedure, _("Color a grayscale photo with the colors of a reference photo"),
        _("Matches the layer with a reference photo by meaning, and puts a new layer with the reference's colors and "
          "the layer's own lightness above it. Where nothing in the reference fits, and where no reference is given, "
          "the colors are guessed. Colors painted on a transparent layer may be given as hints. Gray and indexed "
          "images are converted to RGB. A selection becomes the mask of the new layer."),
        procedure_name);
    return procedure;
}

GimpProcedure* create_automatic_procedure(GimpPlugIn* plugin)
{
    GimpProcedure* procedure =
        new_procedure(plugin, automatic_procedure_name, Task::automatic, _("Colorize _Automatically..."));
    gimp_procedure_set_documentation(
        procedure, _("Color a grayscale photo with guessed colors"),
        _("Guesses colors from what is in the photo, and puts a new layer with them and the layer's own lightness "
          "above it. The colors are plausible but pale; a reference photo gives better ones. Colors painted on a "
          "transparent layer may be given as hints. Gray and indexed images are converted to RGB. A selection becomes "
          "the mask of the new layer."),
        automatic_procedure_name);
    return procedure;
}

} // namespace

GimpLayer* check_target(GimpImage* image, GimpDrawable** drawables)
{
    int count = 0;
    while (drawables != nullptr && drawables[count] != nullptr) {
        ++count;
    }
    if (count != 1) {
        bad_argument(text(ngettext("Chromatch colors one layer at a time, but %d was given.",
                                   "Chromatch colors one layer at a time, but %d were given.", count),
                          count));
    }
    FreePointer<char> name(gimp_item_get_name(GIMP_ITEM(drawables[0])));
    if (!GIMP_IS_LAYER(drawables[0])) {
        bad_argument(text(_("Chromatch colors layers, but \"%s\" is none."), name.get()));
    }
    if (gimp_image_get_floating_sel(image) != nullptr) {
        bad_argument(text(_("Anchor the floating selection before the layer \"%s\" is colored."), name.get()));
    }
    const int width = gimp_drawable_get_width(drawables[0]);
    const int height = gimp_drawable_get_height(drawables[0]);
    if (width > longest_side || height > longest_side) {
        bad_argument(text(_("The layer \"%s\" of %d × %d pixels is too large: a side may have %d."), name.get(), width,
                          height, longest_side));
    }
    return GIMP_LAYER(drawables[0]);
}

GimpProcedure* create_procedure(GimpPlugIn* plugin, const char* name)
{
    if (std::strcmp(name, procedure_name) == 0) {
        return create_reference_procedure(plugin);
    }
    if (std::strcmp(name, automatic_procedure_name) == 0) {
        return create_automatic_procedure(plugin);
    }
    return std::strcmp(name, suggest_procedure_name) == 0 ? create_suggest_procedure(plugin) : nullptr;
}

} // namespace chromatch::plugin
