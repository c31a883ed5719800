// SPDX-License-Identifier: GPL-3.0-or-later
#include "settings.h"

#include "failure.h"

#include <glib/gi18n.h>

#include <cstring>

namespace chromatch::plugin {

namespace {

constexpr const char* memory_name = "plug-in-chromatch-reference";

GParamFlags flags(int more = 0)
{
    return static_cast<GParamFlags>(G_PARAM_READWRITE | more);
}

void add_reference_arguments(GimpProcedure* procedure)
{
    gimp_procedure_add_drawable_argument(
        procedure, "reference", _("Reference _layer"),
        _("Layer whose colors are used; it may belong to another image. It is used as a whole, at its own size."), TRUE,
        flags(GIMP_PARAM_DONT_SERIALIZE));
    // With the action "open" GIMP refuses a missing file by itself, with a sentence that does not name it.
    gimp_procedure_add_file_argument(procedure, "reference-file", _("Reference _file"),
                                     _("Image file whose colors are used when no reference layer is given."),
                                     GIMP_FILE_CHOOSER_ACTION_ANY, TRUE, nullptr, flags());
    gimp_procedure_add_choice_aux_argument(
        procedure, "reference-source", _("Reference _source"), _("Which of the two references the dialog uses."),
        gimp_choice_new_with_values("given", static_cast<int>(ReferenceSource::given), _("As given"), nullptr, //
                                    "layer", static_cast<int>(ReferenceSource::layer), _("Layer"), nullptr,    //
                                    "file", static_cast<int>(ReferenceSource::file), _("File"), nullptr,       //
                                    "none", static_cast<int>(ReferenceSource::none), _("None"), nullptr, nullptr),
        "given", flags());
}

} // namespace

void add_arguments(GimpProcedure* procedure)
{
    add_reference_arguments(procedure);
    gimp_procedure_add_double_argument(procedure, "strength", _("S_trength"),
                                       _("How vivid the colors are: 0 gives gray, 1 the colors as they were found."),
                                       0.0, 2.0, 1.0, flags());
    gimp_procedure_add_int_argument(procedure, "working-size", _("_Working size"),
                                    _("Short side, in pixels, of the images in which colors are matched. More finds "
                                      "smaller things, and costs time and memory by its square."),
                                    minimum_working_size, maximum_working_size, default_working_size, flags());
    gimp_procedure_add_choice_argument(
        procedure, "output", _("Out_put"), _("What is put above the layer."),
        gimp_choice_new_with_values("new-layer", static_cast<int>(Output::new_layer), _("New layer"),
                                    _("A layer with the colored picture"), //
                                    "chroma-layer", static_cast<int>(Output::chroma_layer), _("Color-only layer"),
                                    _("A layer in LCh Color mode: lightness always comes from below, so that the "
                                      "picture can still be edited there"),
                                    nullptr),
        "new-layer", flags());
    gimp_procedure_add_boolean_argument(
        procedure, "insist", _("_Insist on the reference"),
        _("Takes the reference's colors even where the two pictures seem to have nothing in common. Otherwise such a "
          "reference gives way to guessed colors."),
        FALSE, flags());
    gimp_procedure_add_int_argument(
        procedure, "seed", _("S_eed"),
        _("Start of the random search for matches. The same seed gives the same picture; another one may find other "
          "matches."),
        0, G_MAXINT32, 0, flags());
    gimp_procedure_add_choice_argument(
        procedure, "device", _("_Device"), _("Where the computation runs."),
        gimp_choice_new_with_values("auto", static_cast<int>(Device::automatic), _("Automatic"),
                                    _("A CUDA device where there is one, else the processor"),         //
                                    "cpu", static_cast<int>(Device::cpu), _("Processor"), nullptr,     //
                                    "cuda", static_cast<int>(Device::cuda), _("CUDA device"), nullptr, //
                                    nullptr),
        "auto", flags());
}

ReferenceSource reference_source(GimpProcedureConfig* config)
{
    return static_cast<ReferenceSource>(gimp_procedure_config_get_choice_id(config, "reference-source"));
}

Settings read_settings(GimpProcedureConfig* config, GimpRunMode run_mode)
{
    GimpDrawable* reference = nullptr;
    GFile* reference_file = nullptr;
    double strength = 0.0;
    int working_size = 0;
    int seed = 0;
    gboolean insist = FALSE;
    g_object_get(config, "reference", &reference, "reference-file", &reference_file, "strength", &strength,
                 "working-size", &working_size, "seed", &seed, "insist", &insist, nullptr);
    Settings settings;
    settings.reference.reset(reference);
    settings.reference_file.reset(reference_file);
    settings.output = static_cast<Output>(gimp_procedure_config_get_choice_id(config, "output"));
    settings.options.strength = static_cast<float>(strength);
    settings.options.working_size = working_size;
    settings.options.insist = insist != FALSE;
    settings.options.seed = static_cast<std::uint64_t>(seed);
    settings.options.device = static_cast<Device>(gimp_procedure_config_get_choice_id(config, "device"));

    ReferenceSource source = reference_source(config);
    if (run_mode == GIMP_RUN_WITH_LAST_VALS && source == ReferenceSource::layer && !settings.reference) {
        if (GimpDrawable* last = remembered_reference(); last != nullptr) {
            settings.reference.reset(GIMP_DRAWABLE(g_object_ref(last)));
        } else {
            bad_argument(_("The reference layer of the last run is no longer open; choose another one."));
        }
    }
    if ((source == ReferenceSource::layer && !settings.reference) ||
        (source == ReferenceSource::file && !settings.reference_file)) {
        bad_argument(_("The reference source is chosen, but the reference itself is not given."));
    }
    if (source == ReferenceSource::given) {
        source = settings.reference ? ReferenceSource::layer : ReferenceSource::file;
    }
    if (source != ReferenceSource::layer) {
        settings.reference.reset();
    }
    if (source != ReferenceSource::file) {
        settings.reference_file.reset();
    }
    return settings;
}

void remember_reference(GimpDrawable* drawable)
{
    if (drawable == nullptr) {
        gimp_detach_parasite(memory_name);
        return;
    }
    const gint32 id = gimp_item_get_id(GIMP_ITEM(drawable));
    // Without GIMP_PARASITE_PERSISTENT it ends with the session, as the number does.
    GimpParasite* parasite = gimp_parasite_new(memory_name, 0, sizeof id, &id);
    gimp_attach_parasite(parasite);
    gimp_parasite_free(parasite);
}

GimpDrawable* remembered_reference()
{
    GimpParasite* parasite = gimp_get_parasite(memory_name);
    if (parasite == nullptr) {
        return nullptr;
    }
    guint32 size = 0;
    gint32 id = -1;
    const gconstpointer data = gimp_parasite_get_data(parasite, &size);
    if (size == sizeof id) {
        std::memcpy(&id, data, sizeof id);
    }
    gimp_parasite_free(parasite);
    return gimp_item_id_is_drawable(id) ? gimp_drawable_get_by_id(id) : nullptr;
}

} // namespace chromatch::plugin
