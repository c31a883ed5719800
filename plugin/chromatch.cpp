// SPDX-License-Identifier: GPL-3.0-or-later
//
// The plug-in as GIMP starts it: to ask for its procedures, and to run one.
#include "procedure.h"

#include <libgimp/gimp.h>

#include <csignal>
#include <initializer_list>

namespace {

struct ChromatchPlugIn {
    GimpPlugIn parent_instance;
};

struct ChromatchPlugInClass {
    GimpPlugInClass parent_class;
};

GType chromatch_plug_in_get_type();

G_DEFINE_TYPE(ChromatchPlugIn, chromatch_plug_in, GIMP_TYPE_PLUG_IN)

/// GIMP looks for the page of a procedure in help/ beside the executable when a dialog's Help button is pressed.
void register_help(GimpPlugIn* plugin)
{
    gchar* folder = g_path_get_dirname(gimp_get_progname());
    GFile* help = g_file_new_build_filename(folder, "help", nullptr);
    gimp_plug_in_set_help_domain(plugin, "chromatch", help);
    g_object_unref(help);
    g_free(folder);
}

GList* query_procedures(GimpPlugIn* plugin)
{
    register_help(plugin);
    GList* names = g_list_append(nullptr, g_strdup(chromatch::plugin::procedure_name));
    names = g_list_append(names, g_strdup(chromatch::plugin::automatic_procedure_name));
    return g_list_append(names, g_strdup(chromatch::plugin::suggest_procedure_name));
}

GimpProcedure* create_procedure(GimpPlugIn* plugin, const gchar* name)
{
    return chromatch::plugin::create_procedure(plugin, name);
}

// The words are GIMP's default for a third-party plug-in: the domain is the folder's name, the catalogues lie in
// locale/ beside the executable. So set_i18n() stays the parent's.
void chromatch_plug_in_class_init(ChromatchPlugInClass* plugin_class)
{
    GimpPlugInClass* parent = GIMP_PLUG_IN_CLASS(plugin_class);
    parent->query_procedures = query_procedures;
    parent->create_procedure = create_procedure;
}

/// GIMP's library answers these signals with a message and exit(), which allocate memory and run what LibTorch has left
/// to do at the end: in the middle of an allocation, or beside the engine's threads, the plug-in then waits for itself
/// for ever, and GIMP waits for it. Without an answer it ends at once, as it does where GIMP's Cancel kills it.
void chromatch_plug_in_init(ChromatchPlugIn* /*plugin*/)
{
    for (const int ending : {SIGHUP, SIGINT, SIGQUIT, SIGABRT, SIGTERM}) {
        std::signal(ending, SIG_DFL);
    }
}

} // namespace

// What GIMP_MAIN() stands for, and two settings of babl, which looks at them when GIMP's library starts it: without
// them its way between two formats depends on how busy the machine is (see start_gegl() of the command). And one of
// OpenMP, which looks when the engine is opened: threads that wait by spinning take the processor from GIMP and from
// each other; on a busy machine that doubles the work.
int main(int argc, char* argv[])
{
    g_setenv("BABL_LUT", "0", FALSE);
    g_setenv("BABL_TOLERANCE", "-1", TRUE);
    g_setenv("OMP_WAIT_POLICY", "passive", FALSE);
    return gimp_main(chromatch_plug_in_get_type(), argc, argv);
}
