// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <libgimp/gimpui.h>

namespace chromatch::plugin {

/// The line of a dialog with the working size: three names for usual sizes, and the number itself.
class WorkingSizeRow {
  public:
    explicit WorkingSizeRow(GimpProcedureConfig* config);
    ~WorkingSizeRow() { g_signal_handler_disconnect(config_, config_signal_); }
    WorkingSizeRow(const WorkingSizeRow&) = delete;
    WorkingSizeRow& operator=(const WorkingSizeRow&) = delete;

    GtkWidget* widget() const { return row_; }

  private:
    void show_config();

    static void on_name(GtkWidget* combo, gpointer self);
    static void on_config(GObject* config, GParamSpec* property, gpointer self);

    GimpProcedureConfig* config_;
    GtkWidget* names_;
    GtkWidget* row_;
    gulong config_signal_ = 0;
};

} // namespace chromatch::plugin
