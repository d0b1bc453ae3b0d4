#include "node/plugin_loader.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

namespace twofour::node {
namespace {

constexpr char kFile[] = "libtwofour_cuda.so";

/// Its address tells which file this code was loaded from.
const char anchor = 0;

std::string beside_the_addon() {
  Dl_info info;
  if (dladdr(&anchor, &info) == 0 || info.dli_fname == nullptr) return kFile;
  const std::string addon = info.dli_fname;
  return addon.substr(0, addon.rfind('/') + 1) + kFile;
}

std::string last_error() {
  const char* said = dlerror();
  return said == nullptr ? "no reason was given" : said;
}

LoadedPlugin refused(const std::string& file, const std::string& reason) {
  return {nullptr, file, "CUDA_PLUGIN_REFUSED", "The CUDA plugin " + file + " cannot be used: " + reason};
}

LoadedPlugin missing(const std::string& file, bool named) {
  const std::string reason =
      named ? "TWOFOUR_CUDA_PLUGIN names " + file + ", which is not there. Correct or unset it."
            : "This build has no CUDA plugin (" + file +
                  " is not there). Published packages have one; a build from source makes it where nvcc is.";
  return {nullptr, file, "CUDA_PLUGIN_MISSING", reason};
}

}  // namespace

LoadedPlugin load_plugin() {
  const char* name = std::getenv("TWOFOUR_CUDA_PLUGIN");
  const bool named = name != nullptr && *name != '\0';
  // The loader looks elsewhere for a name without a slash.
  const std::string file = !named                   ? beside_the_addon()
                           : std::strchr(name, '/') ? name
                                                    : "./" + std::string(name);
  if (access(file.c_str(), F_OK) != 0) return missing(file, named);

  void* library = dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) return refused(file, last_error() + ".");
  const auto entry = reinterpret_cast<plugin::Entry>(dlsym(library, plugin::kSymbol));
  if (entry == nullptr)
    return refused(file, std::string("it has no ") + plugin::kSymbol + ", so it is no plugin of twofour.");
  const plugin::Functions* functions = entry(plugin::kVersion);
  if (functions == nullptr || functions->version != plugin::kVersion)
    return refused(file, "it belongs to another version of twofour. Take addon and plugin of one build.");
  return {functions, file, "", ""};
}

}  // namespace twofour::node
