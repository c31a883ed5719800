// SPDX-License-Identifier: GPL-3.0-or-later
#include "hints_row.h"

#include "labelled_row.h"
#include "layer_list.h"
#include "settings.h"

#include <glib/gi18n.h>

namespace chromatch::plugin {

namespace {

ObjectPointer<GimpDrawable> configured_hints(GimpProcedureConfig* config)
{
    GimpDrawable* hints = nullptr;
    g_object_get(config, "hints", &hints, nullptr);
    return ObjectPointer<GimpDrawable>(hints);
}

} // namespace

HintsRow::HintsRow(GimpProcedureConfig* config, GimpLayer* target)
    : config_(config), layers_(new_hints_list(target)), row_(new_labelled_row(config, "hints", layers_))
{
    if (!configured_hints(config)) {
        g_object_set(config, "hints", remembered_hints(gimp_item_get_image(GIMP_ITEM(target))), nullptr);
    }
    show_config();
    on_layer(layers_, this); // what is not in the list is not taken either
    g_signal_connect(layers_, "changed", G_CALLBACK(on_layer), this);
    config_signal_ = g_signal_connect(config, "notify::hints", G_CALLBACK(on_config), this);
}

/// Shows what the configuration says, also after one of the dialog's reset buttons. What is not in the list is none.
void HintsRow::show_config()
{
    const ObjectPointer<GimpDrawable> hints = configured_hints(config_);
    GimpIntComboBox* combo = GIMP_INT_COMBO_BOX(layers_);
    if (!hints || !gimp_int_combo_box_set_active(combo, gimp_item_get_id(GIMP_ITEM(hints.get())))) {
        gimp_int_combo_box_set_active(combo, no_layer);
    }
}

void HintsRow::on_layer(GtkWidget* combo, gpointer self)
{
    int id = no_layer;
    gimp_int_combo_box_get_active(GIMP_INT_COMBO_BOX(combo), &id);
    GimpDrawable* chosen = id != no_layer ? gimp_drawable_get_by_id(id) : nullptr;
    GimpProcedureConfig* config = static_cast<HintsRow*>(self)->config_;
    if (configured_hints(config).get() != chosen) {
        g_object_set(config, "hints", chosen, nullptr);
    }
}

void HintsRow::on_config(GObject* /*config*/, GParamSpec* /*property*/, gpointer self)
{
    static_cast<HintsRow*>(self)->show_config();
}

} // namespace chromatch::plugin
