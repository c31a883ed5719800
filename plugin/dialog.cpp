// SPDX-License-Identifier: GPL-3.0-or-later
#include "dialog.h"

#include "hints_row.h"
#include "reference_frame.h"

#include <glib/gi18n.h>
#include <libgimp/gimpui.h>

#include <optional>

namespace chromatch::plugin {

namespace {

void pack(GtkWidget* dialog, GtkWidget* widget)
{
    gtk_box_pack_start(GTK_BOX(gtk_dialog_get_content_area(GTK_DIALOG(dialog))), widget, FALSE, FALSE, 0);
}

/// What to expect where no reference says what the colours are.
GtkWidget* new_expectation()
{
    GtkWidget* hint = gimp_hint_box_new(
        _("Plausible but pale colors, guessed from the photo alone; a reference photo gives better ones."));
    gtk_widget_set_margin_bottom(hint, 6);
    gtk_widget_show(hint);
    return hint;
}

void fill(GimpProcedureDialog* dialog, Task task)
{
    gimp_procedure_dialog_get_spin_scale(dialog, "strength", 1.0);
    gimp_procedure_dialog_get_widget(dialog, "output", GTK_TYPE_COMBO_BOX);
    gimp_procedure_dialog_get_spin_scale(dialog, "working-size", 1.0);
    gimp_procedure_dialog_get_widget(dialog, "device", GTK_TYPE_COMBO_BOX);
    gimp_procedure_dialog_get_label(dialog, "advanced-title", _("_Advanced"), FALSE, TRUE);
    if (task == Task::from_reference) {
        gimp_procedure_dialog_get_widget(dialog, "seed", GIMP_TYPE_LABEL_SPIN);
        gimp_procedure_dialog_fill_box(dialog, "advanced-box", "working-size", "device", "seed", nullptr);
    } else {
        gimp_procedure_dialog_fill_box(dialog, "advanced-box", "device", nullptr);
    }
    gimp_procedure_dialog_fill_expander(dialog, "advanced", "advanced-title", FALSE, "advanced-box");
    if (task == Task::from_reference) {
        gimp_procedure_dialog_fill(dialog, "strength", "output", "insist", "advanced", nullptr);
    } else {
        gimp_procedure_dialog_fill(dialog, "strength", "working-size", "output", "advanced", nullptr);
    }
}

} // namespace

bool run_dialog(GimpProcedure* procedure, GimpProcedureConfig* config, Task task, GimpLayer* target)
{
    gimp_ui_init("chromatch");
    GtkWidget* dialog = gimp_procedure_dialog_new(
        procedure, config, task == Task::from_reference ? _("Colorize from Reference") : _("Colorize Automatically"));
    gimp_procedure_dialog_set_ok_label(GIMP_PROCEDURE_DIALOG(dialog), _("Colori_ze"));
    bool accepted = false;
    {
        std::optional<ReferenceFrame> frame;
        if (task == Task::from_reference) {
            pack(dialog, frame.emplace(config, target, GTK_DIALOG(dialog)).widget());
        } else {
            pack(dialog, new_expectation());
        }
        const HintsRow hints(config, target);
        pack(dialog, hints.widget());
        fill(GIMP_PROCEDURE_DIALOG(dialog), task);
        accepted = gimp_procedure_dialog_run(GIMP_PROCEDURE_DIALOG(dialog));
        // The widgets call back into these objects until they are gone.
        gtk_widget_destroy(dialog);
    }
    return accepted;
}

} // namespace chromatch::plugin
