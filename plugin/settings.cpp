// SPDX-License-Identifier: GPL-3.0-or-later
#include "settings.h"

#include "failure.h"

#include <glib/gi18n.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace chromatch::plugin {

namespace {

constexpr const char* reference_memory = "plug-in-chromatch-reference";
constexpr const char* hints_memory = "plug-in-chromatch-hints";

GParamFlags flags(int more = 0)
{
    return static_cast<GParamFlags>(G_PARAM_READWRITE | more);
}

void add_reference_arguments(GimpProcedure* procedure)
{
    gimp_procedure_add_drawable_argument(
        procedure, "reference", _("Reference _layer"),
        _("Layer whose colors are used; it may belong to another image. It is used at its own size, without what its "
          "layer mask hides. A selection in another image limits what is used of its layers."),
        TRUE, flags(GIMP_PARAM_DONT_SERIALIZE));
    // GIMP 3.0.4 holds the empty list of a call without this argument to be out of range.
    gimp_procedure_add_core_object_array_argument(
        procedure, "references", _("Refere_nces"),
        _("More layers whose colors are used, for scripts; in the dialog, choose a layer group instead."),
        GIMP_TYPE_DRAWABLE, flags(GIMP_PARAM_DONT_SERIALIZE | GIMP_PARAM_NO_VALIDATE | G_PARAM_LAX_VALIDATION));
    gimp_procedure_add_boolean_argument(
        procedure, "each-layer", _("_Each layer of the group is a reference of its own"),
        _("Takes the visible layers of a reference group one by one. Otherwise a group is one picture, as it looks in "
          "its image."),
        FALSE, flags());
    gimp_procedure_add_choice_argument(
        procedure, "combination", _("Res_ult"), _("What several references give."),
        gimp_choice_new_with_values("blend", static_cast<int>(Combination::blend), _("One layer, the best match wins"),
                                    _("Each place takes the reference that matches it best"), //
                                    "separate", static_cast<int>(Combination::separate), _("One layer per reference"),
                                    _("A layer group with one result for each reference, to choose from; the first "
                                      "one is visible"),
                                    nullptr),
        "blend", flags());
    // With the action "open" GIMP refuses a missing file by itself, with a sentence that does not name it.
    gimp_procedure_add_file_argument(procedure, "reference-file", _("Reference _file"),
                                     _("Image file whose colors are used when no reference layer is given."),
                                     GIMP_FILE_CHOOSER_ACTION_ANY, TRUE, nullptr, flags());
    // GIMP 3.0 has no arrays of files: only what has a number (layers, images) can be in an array of objects.
    gimp_procedure_add_string_array_argument(
        procedure, "reference-files", _("More reference file_s"),
        _("More image files whose colors are used when no reference layer is given, as paths or URIs. Each is a "
          "reference of its own."),
        flags());
    gimp_procedure_add_file_aux_argument(procedure, "photo-folder", _("Photo fo_lder"),
                                         _("Folder in which the dialog looks for a reference."),
                                         GIMP_FILE_CHOOSER_ACTION_ANY, TRUE, nullptr, flags());
    gimp_procedure_add_choice_aux_argument(
        procedure, "reference-source", _("Reference _source"), _("Which of the two references the dialog uses."),
        gimp_choice_new_with_values("given", static_cast<int>(ReferenceSource::given), _("As given"), nullptr, //
                                    "layer", static_cast<int>(ReferenceSource::layer), _("Layer"), nullptr,    //
                                    "file", static_cast<int>(ReferenceSource::file), _("File"), nullptr,       //
                                    "none", static_cast<int>(ReferenceSource::none), _("None"), nullptr, nullptr),
        "given", flags());
}

void remember(const char* memory, GimpDrawable* drawable)
{
    if (drawable == nullptr) {
        gimp_detach_parasite(memory);
        return;
    }
    const gint32 id = gimp_item_get_id(GIMP_ITEM(drawable));
    // Without GIMP_PARASITE_PERSISTENT it ends with the session, as the number does.
    GimpParasite* parasite = gimp_parasite_new(memory, 0, sizeof id, &id);
    gimp_attach_parasite(parasite);
    gimp_parasite_free(parasite);
}

GimpDrawable* remembered(const char* memory)
{
    GimpParasite* parasite = gimp_get_parasite(memory);
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

ObjectPointer<GimpDrawable> owned(GimpDrawable* drawable)
{
    return ObjectPointer<GimpDrawable>(drawable != nullptr ? GIMP_DRAWABLE(g_object_ref(drawable)) : nullptr);
}

void read_matching_settings(GimpProcedureConfig* config, Settings& settings)
{
    gboolean each_layer = FALSE;
    gboolean insist = FALSE;
    int seed = 0;
    g_object_get(config, "each-layer", &each_layer, "insist", &insist, "seed", &seed, nullptr);
    settings.each_layer = each_layer != FALSE;
    settings.combination = static_cast<Combination>(gimp_procedure_config_get_choice_id(config, "combination"));
    settings.options.insist = insist != FALSE;
    settings.options.seed = static_cast<std::uint64_t>(seed);
    settings.options.device = static_cast<Device>(gimp_procedure_config_get_choice_id(config, "device"));
}

/// The layer of "reference" and those of "references", none of them twice.
std::vector<ObjectPointer<GimpDrawable>> given_references(GimpProcedureConfig* config)
{
    GimpDrawable* first = nullptr;
    GObject** list = nullptr;
    g_object_get(config, "reference", &first, "references", &list, nullptr);
    const FreePointer<GObject*> owned_list(list);
    std::vector<ObjectPointer<GimpDrawable>> references;
    if (first != nullptr) {
        references.emplace_back(first);
    }
    for (GObject** next = list; next != nullptr && *next != nullptr; ++next) {
        const auto same = [next](const auto& reference) { return G_OBJECT(reference.get()) == *next; };
        if (!GIMP_IS_DRAWABLE(*next)) {
            bad_argument(_("One of the references is no layer."));
        }
        if (std::none_of(references.begin(), references.end(), same)) {
            references.push_back(owned(GIMP_DRAWABLE(*next)));
        }
    }
    return references;
}

/// Fills in what the source names, and nothing else.
void read_references(GimpProcedureConfig* config, GimpRunMode run_mode, Settings& settings)
{
    GimpDrawable* layer = nullptr;
    g_object_get(config, "reference", &layer, nullptr);
    ObjectPointer<GimpDrawable> reference(layer);
    std::vector<ObjectPointer<GFile>> files = given_files(config);
    ReferenceSource source = reference_source(config);
    if (run_mode == GIMP_RUN_WITH_LAST_VALS && source == ReferenceSource::layer && !reference) {
        reference = owned(remembered_reference());
        if (!reference) {
            bad_argument(_("The reference layer of the last run is no longer open; choose another one."));
        }
    }
    if ((source == ReferenceSource::layer && !reference) || (source == ReferenceSource::file && files.empty())) {
        bad_argument(_("The reference source is chosen, but the reference itself is not given."));
    }
    if (source == ReferenceSource::layer) {
        settings.references.push_back(std::move(reference));
    } else if (source == ReferenceSource::given) {
        settings.references = given_references(config);
    }
    if (source == ReferenceSource::file || (source == ReferenceSource::given && settings.references.empty())) {
        settings.reference_files = std::move(files);
    }
}

void add_matching_arguments(GimpProcedure* procedure)
{
    gimp_procedure_add_boolean_argument(
        procedure, "insist", _("_Insist on the reference"),
        _("Takes the reference's colors even where the two pictures seem to have nothing in common. Otherwise such a "
          "reference gives way to guessed colors."),
        FALSE, flags());
    gimp_procedure_add_int_argument(
        procedure, "seed", _("See_d"),
        _("Start of the random search for matches. The same seed gives the same picture; another one may find other "
          "matches."),
        0, G_MAXINT32, 0, flags());
    gimp_procedure_add_choice_argument(
        procedure, "device", _("De_vice"), _("Where the matching runs; a CUDA device pays for large working sizes."),
        gimp_choice_new_with_values(
            "auto", static_cast<int>(Device::automatic), _("Automatic"),
            _("A CUDA device for large working sizes where there is one, else the processor"), //
            "cpu", static_cast<int>(Device::cpu), _("Processor"), nullptr,                     //
            "cuda", static_cast<int>(Device::cuda), _("CUDA device"), nullptr,                 //
            nullptr),
        "auto", flags());
}

} // namespace

void add_arguments(GimpProcedure* procedure, Task task)
{
    if (task == Task::from_reference) {
        add_reference_arguments(procedure);
    }
    gimp_procedure_add_drawable_argument(
        procedure, "hints", _("C_olor hints"),
        _("Layer of the same image with colors painted on transparency. These colors are kept to and spread from "
          "there. The layer itself stays as it is."),
        TRUE, flags(GIMP_PARAM_DONT_SERIALIZE));
    gimp_procedure_add_double_argument(procedure, "strength", _("S_trength"),
                                       _("How vivid the colors are: 0 gives gray, 1 the colors as they were found."),
                                       0.0, 2.0, 1.0, flags());
    gimp_procedure_add_int_argument(procedure, "working-size", _("_Working size"),
                                    _("Short side, in pixels, of the images that the networks look at. More finds "
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
    if (task == Task::from_reference) {
        add_matching_arguments(procedure);
    }
}

ReferenceSource reference_source(GimpProcedureConfig* config)
{
    return static_cast<ReferenceSource>(gimp_procedure_config_get_choice_id(config, "reference-source"));
}

std::vector<ObjectPointer<GFile>> given_files(GimpProcedureConfig* config)
{
    GFile* first = nullptr;
    gchar** more = nullptr;
    g_object_get(config, "reference-file", &first, "reference-files", &more, nullptr);
    std::vector<ObjectPointer<GFile>> files;
    if (first != nullptr) {
        files.emplace_back(first);
    }
    for (gchar** name = more; name != nullptr && *name != nullptr; ++name) {
        ObjectPointer<GFile> file(g_file_parse_name(*name));
        const auto same = [&file](const auto& other) { return g_file_equal(file.get(), other.get()) != FALSE; };
        if (std::none_of(files.begin(), files.end(), same)) {
            files.push_back(std::move(file));
        }
    }
    g_strfreev(more);
    return files;
}

Settings read_settings(GimpProcedureConfig* config, Task task, GimpRunMode run_mode, GimpImage* image)
{
    Settings settings;
    GimpDrawable* hints = nullptr;
    double strength = 0.0;
    int working_size = 0;
    g_object_get(config, "hints", &hints, "strength", &strength, "working-size", &working_size, nullptr);
    settings.hints.reset(hints);
    if (run_mode == GIMP_RUN_WITH_LAST_VALS && !settings.hints) {
        settings.hints = owned(remembered_hints(image));
    }
    settings.output = static_cast<Output>(gimp_procedure_config_get_choice_id(config, "output"));
    settings.options.strength = static_cast<float>(strength);
    settings.options.working_size = working_size;
    if (task == Task::from_reference) {
        read_matching_settings(config, settings);
        read_references(config, run_mode, settings);
    }
    return settings;
}

void remember_layers(const Settings& settings, Task task)
{
    remember(hints_memory, settings.hints.get());
    if (task == Task::from_reference) {
        remember(reference_memory, settings.references.empty() ? nullptr : settings.references.front().get());
    }
}

GimpDrawable* remembered_reference()
{
    return remembered(reference_memory);
}

GimpDrawable* remembered_hints(GimpImage* image)
{
    GimpDrawable* hints = remembered(hints_memory);
    return hints != nullptr && gimp_item_get_image(GIMP_ITEM(hints)) == image ? hints : nullptr;
}

} // namespace chromatch::plugin
