// SPDX-License-Identifier: GPL-3.0-or-later
#include "dialog.h"

#include "hints_row.h"
#include "preview.h"
#include "reference_frame.h"
#include "working_size_row.h"

#include <glib/gi18n.h>
#include <libgimp/gimpui.h>

#include <optional>

namespace chromatch::plugin {

namespace {

/// What to expect where no reference says what the colours are.
GtkWidget* new_expectation()
{
    GtkWidget* hint = gimp_hint_box_new(
        _("Plausible but pale colors, guessed from the photo alone; a reference photo gives better ones."));
    gtk_widget_set_margin_bottom(hint, 6);
    gtk_widget_show(hint);
    return hint;
}

/// The arguments that GIMP's own widgets serve.
GtkWidget* new_settings(GimpProcedureDialog* dialog, Task task)
{
    gimp_procedure_dialog_get_spin_scale(dialog, "strength", 1.0);
    gimp_procedure_dialog_get_widget(dialog, "output", GTK_TYPE_COMBO_BOX);
    if (task != Task::from_reference) {
        return gimp_procedure_dialog_fill_box(dialog, "settings", "strength", "output", nullptr);
    }
    gimp_procedure_dialog_get_widget(dialog, "device", GTK_TYPE_COMBO_BOX);
    gimp_procedure_dialog_get_widget(dialog, "seed", GIMP_TYPE_LABEL_SPIN);
    gimp_procedure_dialog_get_label(dialog, "advanced-title", _("_Advanced"), FALSE, TRUE);
    gimp_procedure_dialog_fill_box(dialog, "advanced-box", "device", "seed", nullptr);
    gimp_procedure_dialog_fill_expander(dialog, "advanced", "advanced-title", FALSE, "advanced-box");
    return gimp_procedure_dialog_fill_box(dialog, "settings", "strength", "output", "insist", "advanced", nullptr);
}

} // namespace

DialogResult run_dialog(GimpProcedure* procedure, GimpProcedureConfig* config, Task task, GimpLayer* target)
{
    gimp_ui_init("chromatch");
    GtkWidget* dialog = gimp_procedure_dialog_new(
        procedure, config, task == Task::from_reference ? _("Colorize from Reference") : _("Colorize Automatically"));
    gimp_procedure_dialog_set_ok_label(GIMP_PROCEDURE_DIALOG(dialog), _("Colori_ze"));
    GtkWidget* columns = gtk_box_new(GTK_ORIENTATION_HORIZONTAL, 18);
    GtkWidget* controls = gtk_box_new(GTK_ORIENTATION_VERTICAL, 6);
    const auto pack = [controls](GtkWidget* widget) {
        gtk_box_pack_start(GTK_BOX(controls), widget, FALSE, FALSE, 0);
        gtk_widget_show(widget);
    };
    DialogResult result;
    {
        std::optional<ReferenceFrame> frame;
        if (task == Task::from_reference) {
            pack(frame.emplace(config, target, GTK_DIALOG(dialog)).widget());
        } else {
            // Above both columns: it is a long line.
            GtkBox* content = GTK_BOX(gtk_dialog_get_content_area(GTK_DIALOG(dialog)));
            gtk_box_pack_start(content, new_expectation(), FALSE, FALSE, 0);
        }
        const HintsRow hints(config, target);
        pack(hints.widget());
        const WorkingSizeRow working_size(config);
        pack(working_size.widget());
        pack(new_settings(GIMP_PROCEDURE_DIALOG(dialog), task));
        // It comes last, since the others may still complete the configuration.
        Preview preview(config, task, target);
        gtk_box_pack_start(GTK_BOX(gtk_dialog_get_content_area(GTK_DIALOG(dialog))), columns, TRUE, TRUE, 0);
        gtk_box_pack_start(GTK_BOX(columns), preview.widget(), TRUE, TRUE, 0);
        gtk_box_pack_start(GTK_BOX(columns), controls, FALSE, FALSE, 0);
        gtk_widget_show(columns);
        gtk_widget_show(controls);
        result.accepted = gimp_procedure_dialog_run(GIMP_PROCEDURE_DIALOG(dialog)) != FALSE;
        gtk_widget_hide(dialog);
        result.colorizer = preview.take_colorizer();
        // The widgets call back into these objects until they are gone.
        gtk_widget_destroy(dialog);
    }
    return result;
}

} // namespace chromatch::plugin
