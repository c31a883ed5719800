// SPDX-License-Identifier: GPL-3.0-or-later
#include "labelled_row.h"

namespace chromatch::plugin {

GtkWidget* new_labelled_row(GimpProcedureConfig* config, const char* argument, GtkWidget* control)
{
    GParamSpec* spec = g_object_class_find_property(G_OBJECT_GET_CLASS(config), argument);
    GtkWidget* row = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 12);
    GtkWidget* label = gtk_label_new_with_mnemonic(g_param_spec_get_nick(spec));
    gtk_label_set_mnemonic_widget(GTK_LABEL(label), control);
    gimp_help_set_help_data(control, g_param_spec_get_blurb(spec), nullptr);
    gtk_box_pack_start(GTK_BOX(row), label, FALSE, FALSE, 0);
    gtk_box_pack_start(GTK_BOX(row), control, TRUE, TRUE, 0);
    gtk_widget_show_all(row);
    return row;
}

} // namespace chromatch::plugin
