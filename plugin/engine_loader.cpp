// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine_loader.h"

#include "failure.h"

#include <glib/gi18n.h>
#include <gmodule.h>

namespace chromatch::plugin {

namespace {

std::filesystem::path plugin_folder()
{
    return std::filesystem::path(gimp_get_progname()).parent_path();
}

const EngineFunctions& load_engine()
{
    const std::string path = plugin_folder() / ENGINE_MODULE_NAME;
    GModule* module = g_module_open(path.c_str(), static_cast<GModuleFlags>(G_MODULE_BIND_LAZY | G_MODULE_BIND_LOCAL));
    gpointer symbol = nullptr;
    if (module == nullptr || !g_module_symbol(module, engine_functions_symbol, &symbol)) {
        failed(text(_("The engine of Chromatch cannot be loaded: %s"), g_module_error()));
    }
    // LibTorch cannot be unloaded safely.
    g_module_make_resident(module);
    return *reinterpret_cast<EngineFunctionsSymbol>(symbol)();
}

} // namespace

const EngineFunctions& open_engine()
{
    // The dialog's threads may ask at the same time; a failure is tried again.
    static const EngineFunctions& functions = load_engine();
    return functions;
}

std::filesystem::path find_models_folder()
{
    if (const char* folder = g_getenv("CHROMATCH_MODELS"); folder != nullptr && *folder != '\0') {
        return folder;
    }
    // Beside the plug-in in the build tree and in portable packages.
    for (const char* folder : {"models", MODELS_FROM_PLUGIN}) {
        const std::filesystem::path models = (plugin_folder() / folder).lexically_normal();
        std::error_code ignored;
        if (std::filesystem::is_directory(models, ignored)) {
            return models;
        }
    }
    return INSTALLED_MODELS_FOLDER;
}

} // namespace chromatch::plugin
