// SPDX-License-Identifier: GPL-3.0-or-later
#include "working_size_row.h"

#include "chromatch.h"
#include "labelled_row.h"

#include <glib/gi18n.h>

#include <algorithm>
#include <iterator>

namespace chromatch::plugin {

namespace {

constexpr const char* argument = "working-size";
constexpr int named_sizes[] = {192, default_working_size, 384};
constexpr int own_size = 0;

int configured_size(GimpProcedureConfig* config)
{
    int size = 0;
    g_object_get(config, argument, &size, nullptr);
    return size;
}

} // namespace

WorkingSizeRow::WorkingSizeRow(GimpProcedureConfig* config)
    : config_(config), names_(gimp_int_combo_box_new(_("Fast"), named_sizes[0], _("Balanced"), named_sizes[1],
                                                     _("Fine"), named_sizes[2], _("Own value"), own_size, nullptr)),
      row_(new_labelled_row(config, argument, names_))
{
    GtkWidget* number = gimp_prop_spin_button_new(G_OBJECT(config), argument, 16.0, 64.0, 0);
    GParamSpec* spec = g_object_class_find_property(G_OBJECT_GET_CLASS(config), argument);
    gimp_help_set_help_data(number, g_param_spec_get_blurb(spec), nullptr);
    atk_object_set_name(gtk_widget_get_accessible(number), _("Working size in pixels"));
    gtk_box_pack_start(GTK_BOX(row_), number, FALSE, FALSE, 0);
    gtk_widget_show(number);
    show_config();
    g_signal_connect(names_, "changed", G_CALLBACK(on_name), this);
    config_signal_ = g_signal_connect(config, "notify::working-size", G_CALLBACK(on_config), this);
}

void WorkingSizeRow::show_config()
{
    const int size = configured_size(config_);
    const bool named = std::find(std::begin(named_sizes), std::end(named_sizes), size) != std::end(named_sizes);
    gimp_int_combo_box_set_active(GIMP_INT_COMBO_BOX(names_), named ? size : own_size);
}

void WorkingSizeRow::on_name(GtkWidget* combo, gpointer self)
{
    int size = own_size;
    gimp_int_combo_box_get_active(GIMP_INT_COMBO_BOX(combo), &size);
    GimpProcedureConfig* config = static_cast<WorkingSizeRow*>(self)->config_;
    if (size != own_size && size != configured_size(config)) {
        g_object_set(config, argument, size, nullptr);
    }
}

void WorkingSizeRow::on_config(GObject* /*config*/, GParamSpec* /*property*/, gpointer self)
{
    static_cast<WorkingSizeRow*>(self)->show_config();
}

} // namespace chromatch::plugin
