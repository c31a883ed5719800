// SPDX-License-Identifier: GPL-3.0-or-later
#include "failure.h"

#include "glib_pointer.h"

#include <glib/gi18n.h>

#include <cstdarg>
#include <exception>
#include <new>
#include <utility>

namespace chromatch::plugin {

std::string text(const char* format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    FreePointer<char> result(g_strdup_vprintf(format, arguments));
    va_end(arguments);
    return result.get();
}

void bad_argument(std::string sentence)
{
    throw Failure{GIMP_PDB_CALLING_ERROR, std::move(sentence)};
}

void failed(std::string sentence)
{
    throw Failure{GIMP_PDB_EXECUTION_ERROR, std::move(sentence)};
}

Failure caught_failure() noexcept
{
    try {
        throw;
    } catch (const Failure& thrown) {
        return thrown;
    } catch (const Error& thrown) {
        return failure_of(thrown, {});
    } catch (const std::bad_alloc&) {
        return {GIMP_PDB_EXECUTION_ERROR, _("There is not enough memory to color the layer.")};
    } catch (const std::exception& thrown) {
        return {GIMP_PDB_EXECUTION_ERROR, text(_("Chromatch made a mistake; please report it (%s)."), thrown.what())};
    } catch (...) {
        return {GIMP_PDB_EXECUTION_ERROR,
                text(_("Chromatch made a mistake; please report it (%s)."), "unknown exception")};
    }
}

GimpValueArray* run_guarded(GimpProcedure* procedure, const std::function<GimpValueArray*()>& work) noexcept
{
    Failure failure;
    try {
        return work();
    } catch (...) {
        failure = caught_failure();
    }
    GError* error = nullptr;
    if (!failure.sentence.empty()) {
        error = g_error_new_literal(GIMP_PLUG_IN_ERROR, 0, failure.sentence.c_str());
    }
    return gimp_procedure_new_return_values(procedure, failure.status, error);
}

Failure failure_of(const Error& error, const std::string& models_folder)
{
    // The engine's own English sentence is shown only where it says more than a translated one can.
    switch (error.code()) {
    case ErrorCode::bad_image:
        return {GIMP_PDB_EXECUTION_ERROR, text(_("The layer or the reference cannot be used (%s)."), error.what())};
    case ErrorCode::bad_option:
        return {GIMP_PDB_CALLING_ERROR, text(_("A setting is outside its range (%s)."), error.what())};
    case ErrorCode::model_missing:
        return {GIMP_PDB_EXECUTION_ERROR,
                text(_("The networks of Chromatch were not found in \"%s\"; installing the plug-in again puts them "
                       "there."),
                     models_folder.c_str())};
    case ErrorCode::model_corrupt:
        return {GIMP_PDB_EXECUTION_ERROR,
                text(_("A network file in \"%s\" is damaged; installing the plug-in again replaces it."),
                     models_folder.c_str())};
    case ErrorCode::out_of_memory:
        return {GIMP_PDB_EXECUTION_ERROR, _("There is not enough memory; a smaller working size needs less.")};
    case ErrorCode::device_unavailable:
        return {GIMP_PDB_EXECUTION_ERROR, _("No CUDA device can be used here; choose the processor instead.")};
    case ErrorCode::cancelled:
        return {GIMP_PDB_CANCEL, {}};
    case ErrorCode::internal:
        break;
    }
    return {GIMP_PDB_EXECUTION_ERROR, text(_("Chromatch made a mistake; please report it (%s)."), error.what())};
}

} // namespace chromatch::plugin
