// SPDX-License-Identifier: GPL-3.0-or-later
#include "layer_list.h"

#include "reference.h"

#include <glib/gi18n.h>

#include <string>

namespace chromatch::plugin {

namespace {

void add_row(GtkListStore* store, int value, const std::string& label)
{
    GtkTreeIter row;
    gtk_list_store_append(store, &row);
    gtk_list_store_set(store, &row, GIMP_INT_STORE_VALUE, value, GIMP_INT_STORE_LABEL, label.c_str(), -1);
}

using Wanted = bool (*)(GimpItem*);

/// Adds the wanted items and those inside the groups among all of them, without the target. `path` is the name of what
/// holds them, or empty.
void add_items(GtkListStore* store, GimpItem** items, const std::string& path, GimpLayer* target, Wanted wanted)
{
    for (int i = 0; items != nullptr && items[i] != nullptr; ++i) {
        const std::string name = item_name(items[i]);
        // GIMP calls the layer of an imported photo like the photo.
        const std::string label = path.empty() || path == name ? name : path + " / " + name;
        if (items[i] != GIMP_ITEM(target) && wanted(items[i])) {
            add_row(store, gimp_item_get_id(items[i]), label);
        }
        if (gimp_item_is_group(items[i])) {
            const FreePointer<GimpItem*> children(gimp_item_get_children(items[i]));
            add_items(store, children.get(), label, target, wanted);
        }
    }
}

/// The list with its first row chosen. Takes the store.
GtkWidget* new_list(GtkListStore* store)
{
    GtkWidget* list =
        GTK_WIDGET(g_object_new(GIMP_TYPE_INT_COMBO_BOX, "model", store, "ellipsize", PANGO_ELLIPSIZE_MIDDLE, nullptr));
    g_object_unref(store);
    GtkTreeIter first;
    if (gtk_tree_model_get_iter_first(GTK_TREE_MODEL(store), &first)) {
        gtk_combo_box_set_active_iter(GTK_COMBO_BOX(list), &first);
    }
    return list;
}

} // namespace

GtkWidget* new_layer_list(GimpLayer* target)
{
    auto* store = GTK_LIST_STORE(g_object_new(GIMP_TYPE_INT_STORE, nullptr));
    const FreePointer<GimpImage*> images(gimp_get_images());
    for (int i = 0; images.get()[i] != nullptr; ++i) {
        const FreePointer<GimpLayer*> layers(gimp_image_get_layers(images.get()[i]));
        add_items(store, reinterpret_cast<GimpItem**>(layers.get()), image_name(images.get()[i]), target,
                  [](GimpItem*) { return true; });
    }
    return new_list(store);
}

GtkWidget* new_hints_list(GimpLayer* target)
{
    auto* store = GTK_LIST_STORE(g_object_new(GIMP_TYPE_INT_STORE, nullptr));
    add_row(store, no_layer, C_("color hints", "None"));
    const FreePointer<GimpLayer*> layers(gimp_image_get_layers(gimp_item_get_image(GIMP_ITEM(target))));
    add_items(store, reinterpret_cast<GimpItem**>(layers.get()), {}, target,
              [](GimpItem* item) { return gimp_drawable_has_alpha(GIMP_DRAWABLE(item)) != FALSE; });
    return new_list(store);
}

} // namespace chromatch::plugin
