// SPDX-License-Identifier: GPL-3.0-or-later
//
// Owning pointers for what GLib and libgimp hand out.
#pragma once

#include <glib-object.h>

#include <memory>

namespace chromatch::plugin {

struct ObjectUnref {
    template <typename Object> void operator()(Object* object) const { g_object_unref(object); }
};
/// A reference to a GObject.
template <typename Object> using ObjectPointer = std::unique_ptr<Object, ObjectUnref>;

struct Free {
    void operator()(void* memory) const { g_free(memory); }
};
/// Memory that g_free() releases: a string, or an array of objects that libgimp owns.
template <typename Type> using FreePointer = std::unique_ptr<Type, Free>;

} // namespace chromatch::plugin
