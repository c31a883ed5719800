// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <libgimp/gimpui.h>

namespace chromatch::plugin {

/// The line of a dialog in which the user names the layer with painted hints, or none.
class HintsRow {
  public:
    HintsRow(GimpProcedureConfig* config, GimpLayer* target);
    ~HintsRow() { g_signal_handler_disconnect(config_, config_signal_); }
    HintsRow(const HintsRow&) = delete;
    HintsRow& operator=(const HintsRow&) = delete;

    GtkWidget* widget() const { return row_; }

  private:
    void show_config();

    static void on_layer(GtkWidget* combo, gpointer self);
    static void on_config(GObject* config, GParamSpec* property, gpointer self);

    GimpProcedureConfig* config_;
    GtkWidget* layers_;
    GtkWidget* row_;
    gulong config_signal_ = 0;
};

} // namespace chromatch::plugin
